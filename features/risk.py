"""Risk 风险等级: what could go wrong."""

from __future__ import annotations

import narwhals as nw

from features.catalogue import Grains, feature, share

_due = nw.col("is_due") == 1
_late = nw.col("days_late")


@feature("risk", "share", "逾期金额占余额的比例", high=("much of the exposure is overdue", "逾期金额占比高"),
         low=("nothing overdue", "无逾期金额"))
def overdue_share(of: Grains) -> nw.Expr:
    """Unpaid amounts past their due date over the balance, or over themselves where they exceed it: from 0 to 1."""
    overdue = of.loans.sum(nw.col("loan_overdue"))
    return share(overdue, nw.max_horizontal(overdue, of.loans.sum(nw.col("balance"))))


@feature("risk", "count", "近十二个月迟付三十天以上的期数", high=("instalments over 30 days late", "有迟付超三十天"),
         low=("no instalment over 30 days late", "无迟付超三十天"))
def n_late_30d_12m(of: Grains) -> nw.Expr:
    """Instalments due in the last 12 months and more than 30 days late."""
    return of.instalments.count(_due & (nw.col("due_age_days") < 365) & (_late > 30))


@feature("risk", "count", "近二十四个月迟付九十天以上的期数", high=("instalments over 90 days late", "有迟付超九十天"),
         low=("no instalment over 90 days late", "无迟付超九十天"))
def n_late_90d_24m(of: Grains) -> nw.Expr:
    """Instalments due in the last 24 months and more than 90 days late, the usual mark of default (Basel, 90 days)."""
    return of.instalments.count(_due & (nw.col("due_age_days") < 730) & (_late > 90))


@feature("risk", "days", "近三个月与此前九个月平均迟付天数之差", high=("is paying later and later", "迟付加重"),
         low=("lateness is easing", "迟付缓解"))
def days_late_trend_12m(of: Grains) -> nw.Expr:
    """Mean lateness of instalments due in the last 3 months minus that of the 9 months before; missing without both."""
    recent = _due & (nw.col("due_age_days") < 91)
    before = _due & (nw.col("due_age_days") >= 91) & (nw.col("due_age_days") < 365)
    now = share(of.instalments.sum_where(recent, _late), of.instalments.count(recent))
    then = share(of.instalments.sum_where(before, _late), of.instalments.count(before))
    return now - then


@feature("risk", "share", "已过到期日的余额占比", high=("balance past maturity", "有余额超过到期日"),
         low=("no balance past maturity", "无超期余额"))
def past_maturity_share(of: Grains) -> nw.Expr:
    """Share of the balance whose last due date has passed."""
    return share(of.loans.sum_where(nw.col("days_to_maturity") < 0, nw.col("balance")),
                 of.loans.sum(nw.col("balance")))


@feature("risk", "count", "近二十四个月因宽限而重排的期数", high=("was granted forbearance", "曾获展期宽限"),
         low=("no forbearance", "无展期宽限"))
def n_forborne_24m(of: Grains) -> nw.Expr:
    """Instalments rescheduled by forbearance in the last 24 months."""
    return of.instalments.count((nw.col("is_forborne") == 1) & (nw.col("withdrawn_age_days") < 730))


@feature("risk", "share", "有抵押或担保的余额占比", high=("well secured", "担保充分"), low=("mostly unsecured", "担保不足"))
def secured_share(of: Grains) -> nw.Expr:
    """Share of the balance with collateral or a guarantee, among loans whose security is known."""
    known = ~nw.col("security").is_null()
    return share(of.loans.sum_where(known & (nw.col("security") != "none"), nw.col("balance")),
                 of.loans.sum_where(known, nw.col("balance")))


@feature("risk", "flag", "是否国有", high=("state-owned", "国有背景"), low=("not state-owned", "非国有背景"))
def is_state_owned(of: Grains) -> nw.Expr:
    """Whether the owner is the state; missing when ownership is unknown."""
    return nw.when(nw.col("ownership").is_null()).then(None).otherwise(
        nw.when(nw.col("ownership") == "state").then(1).otherwise(0))


@feature("risk", "months", "企业成立时间", high=("old firm", "成立时间长"), low=("young firm", "成立时间短"))
def firm_age_months(of: Grains) -> nw.Expr:
    """Months since the firm was founded; missing when the day is not known."""
    return nw.col("founded_age_days").cast(nw.Float64) * 12 / 365.25


@feature("risk", "count", "近二十四个月内被银行调减的授信笔数", high=("the bank cut its limits", "银行调减额度"),
         low=("no limit cut by the bank", "额度未被调减"), tables=("limits",))
def n_limits_cut_24m(of: Grains) -> nw.Expr:
    """Loans whose latest commitment change, in the last 24 months, was a cut decided by the bank."""
    return of.loans.count((nw.col("cut_by_bank") == 1) & (nw.col("commitment_age_days") < 730))
