"""Behaviour 客户行为: how the customer pays and deals with the bank."""

from __future__ import annotations

import narwhals as nw

from features.catalogue import Grains, feature, share

_due = nw.col("is_due") == 1
_due_12m = _due & (nw.col("due_age_days") < 365)
_late = nw.col("days_late")


@feature("behaviour", "days", "当前最长逾期天数", high=("is past due now", "当前逾期"), low=("nothing past due", "当前无逾期"))
def days_past_due(of: Grains) -> nw.Expr:
    """Days that the oldest unpaid instalment is past due; 0 when nothing is."""
    return of.loans.max(nw.col("loan_days_past_due").fill_null(0))


@feature("behaviour", "days", "近十二个月最长迟付天数", high=("paid very late within the year", "一年内曾严重迟付"),
         low=("never paid late within the year", "一年内无迟付"))
def days_late_max_12m(of: Grains) -> nw.Expr:
    """Worst lateness of an instalment due in the last 12 months; missing when none was due."""
    return of.instalments.max(nw.when(_due_12m).then(_late).otherwise(None))


@feature("behaviour", "days", "近十二个月平均迟付天数", high=("pays late on average", "平均迟付天数高"),
         low=("pays on time on average", "平均按时还款"))
def days_late_mean_12m(of: Grains) -> nw.Expr:
    """Mean lateness of the instalments due in the last 12 months; missing when none was due."""
    return share(of.instalments.sum_where(_due_12m, _late), of.instalments.count(_due_12m))


@feature("behaviour", "share", "近十二个月按时还款比例", high=("pays on time", "按时还款比例高"),
         low=("often misses the due date", "按时还款比例低"))
def on_time_share_12m(of: Grains) -> nw.Expr:
    """Share of the instalments due in the last 12 months that were paid in full by the due date."""
    return share(of.instalments.count(_due_12m & (_late == 0) & (nw.col("is_settled") == 1)),
                 of.instalments.count(_due_12m))


@feature("behaviour", "count", "近十二个月分次支付的期数", high=("pays in parts", "多次部分还款"),
         low=("pays in one go", "一次性足额还款"))
def n_partial_payments_12m(of: Grains) -> nw.Expr:
    """Instalments due in the last 12 months that were paid in parts or only in part."""
    in_parts = (nw.col("n_payments") > 1) | ((nw.col("n_payments") > 0) & (nw.col("is_settled") == 0))
    return of.instalments.count(_due_12m & in_parts)


@feature("behaviour", "ratio", "近十二个月计划外还款占余额的比例", high=("repays ahead of schedule", "提前还款多"),
         low=("no early repayment", "无提前还款"))
def prepaid_12m_ratio(of: Grains) -> nw.Expr:
    """Unscheduled repayments of the last 12 months over the balance before them, from 0 to 1."""
    early = of.instalments.sum_where(nw.col("last_paid_age_days") < 365, nw.col("unscheduled"))
    return share(early, early + of.loans.sum(nw.col("balance")))


@feature("behaviour", "days", "距上次还款的天数", high=("long since the last payment", "久未还款"),
         low=("paid recently", "近期有还款"))
def days_since_payment(of: Grains) -> nw.Expr:
    """Days since the last payment; missing without one."""
    return of.loans.min(nw.col("last_payment_age_days"))


@feature("behaviour", "count", "近十二个月结清的贷款笔数", high=("has paid off loans", "近期结清贷款"),
         low=("has paid off no loan", "近期无结清"))
def n_paid_off_12m(of: Grains) -> nw.Expr:
    """Loans without balance or commitment whose last payment came in the last 12 months."""
    return of.loans.count((nw.col("is_active") == 0) & (nw.col("last_payment_age_days") < 365))


@feature("behaviour", "months", "还款记录长度", high=("long payment record", "还款记录长"),
         low=("short payment record", "还款记录短"))
def record_months(of: Grains) -> nw.Expr:
    """Months since the first instalment fell due; missing when none has."""
    first = of.instalments.max(nw.when(_due).then(nw.col("due_age_days")).otherwise(None))
    return first.cast(nw.Float64) * 12 / 365.25
