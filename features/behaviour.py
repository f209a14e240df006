"""Behaviour 客户行为: how the customer pays and deals with us."""

from __future__ import annotations

import narwhals as nw

from features.catalogue import Grains, feature, share, taken_once
from features.figures import (
    END,
    SCHEDULE,
    UNPAID,
    cash_paid_within,
    drawn_within,
    due_within,
    exposure,
    fell_due,
    late,
    months,
    oldest_past_due,
    record_days,
    spread,
    worst_past_due,
)

_PAID = "repayments.paid_on repayments.amount_paid repayments.returned_on repayments.is_opening"
_OWED = f"{_PAID} repayments.interest_due drawdowns.amount drawdowns.drawn_on loans.committed_amount loans.product"
_OPEN = "limits.committed_amount limits.changed_on loans.closed_on loans.matures_on"
_NONE_DUE_12M = "no instalment fell due in 12 months"
_is_complaint = nw.col("kind").is_in(["complaint", "rate_complaint"])
_CONTACTS = {"needs": "contacts", "missing": "the book has no contacts table", "history_months": 0}


@feature("behaviour", "days", "当前最长逾期天数", window="on the date", reads=UNPAID, missing="never missing",
         high=("is further past due than most", "当前逾期天数多于多数客户"),
         low=("is less past due than most", "当前逾期天数少于多数客户"),
         zero=("nothing past due", "当前无逾期"), history_months=0)
def days_past_due(of: Grains) -> nw.Expr:
    """Days that the oldest instalment with a material rest unpaid is past due; 0 when nothing is.

    An instalment of which 1 % or less is unpaid counts as settled, after the relative threshold of Regulation (EU)
    2018/171, here taken per instalment. What is due on the date itself is not past due. Of a credit line without a schedule
    nothing falls due; what is left at its end is in ``past_maturity_share``.
    """
    return oldest_past_due(of)


@feature("behaviour", "days", "近三个月最长逾期天数", window="3 months", reads=SCHEDULE, missing="never missing",
         high=("was further past due in three months than most", "近三个月最长逾期天数多于多数客户"),
         low=("was less past due in three months than most", "近三个月最长逾期天数少于多数客户"),
         zero=("never past due in three months", "近三个月无逾期"), history_months=0)
def days_past_due_max_3m(of: Grains) -> nw.Expr:
    """Worst days past due in the last 3 months; of instalments with a material rest unpaid, 0 when none was.

    An instalment paid within the window counts with all its days past due, those before the window too.
    """
    return worst_past_due(of, 91)


@feature("behaviour", "days", "近六个月最长逾期天数", window="6 months", reads=SCHEDULE, missing="never missing",
         high=("was further past due in six months than most", "近六个月最长逾期天数多于多数客户"),
         low=("was less past due in six months than most", "近六个月最长逾期天数少于多数客户"),
         zero=("never past due in six months", "近六个月无逾期"), history_months=0)
def days_past_due_max_6m(of: Grains) -> nw.Expr:
    """Worst days past due in the last 6 months; of instalments with a material rest unpaid, 0 when none was."""
    return worst_past_due(of, 183)


@feature("behaviour", "days", "近十二个月最长逾期天数", window="12 months", reads=SCHEDULE, missing="never missing",
         high=("was further past due in a year than most", "近一年最长逾期天数多于多数客户"),
         low=("was less past due in a year than most", "近一年最长逾期天数少于多数客户"),
         zero=("never past due in a year", "近一年无逾期"), history_months=0)
def days_past_due_max_12m(of: Grains) -> nw.Expr:
    """Worst days past due in the last 12 months; of instalments with a material rest unpaid, 0 when none was."""
    return worst_past_due(of, 365)


@feature("behaviour", "days", "近二十四个月最长逾期天数", window="24 months", reads=SCHEDULE, missing="never missing",
         high=("was further past due in two years than most", "近两年最长逾期天数多于多数客户"),
         low=("was less past due in two years than most", "近两年最长逾期天数少于多数客户"),
         zero=("never past due in two years", "近两年无逾期"), history_months=0)
def days_past_due_max_24m(of: Grains) -> nw.Expr:
    """Worst days past due in the last 24 months; of instalments with a material rest unpaid, 0 when none was."""
    return worst_past_due(of, 730)


@taken_once
def _n_due(of: Grains, days: int) -> nw.Expr:
    """Instalments whose day came in the last so many days."""
    return of.repayments.count(due_within(days))


@taken_once
def _days_late(of: Grains, days: int) -> nw.Expr:
    """Days late of the instalments whose day came in the last so many days, summed."""
    return of.repayments.sum_where(due_within(days), late)


@feature("behaviour", "days", "近十二个月平均迟付天数", window="12 months", reads=SCHEDULE, missing=_NONE_DUE_12M,
         high=("paid later on average in a year than most", "近一年平均迟付天数多于多数客户"),
         low=("paid less late on average in a year than most", "近一年平均迟付天数少于多数客户"),
         zero=("none of the year's instalments late", "近一年到期各期无迟付"), history_months=0)
def days_late_mean_12m(of: Grains) -> nw.Expr:
    """Mean days late of the instalments due in the last 12 months; early counts as 0, unpaid as late until the date."""
    return share(_days_late(of, 365), _n_due(of, 365))


@feature("behaviour", "share", "近十二个月按时还款比例", window="12 months", reads=SCHEDULE, missing=_NONE_DUE_12M,
         high=("paid on time more often in a year than most", "近一年按时还款比例高于多数客户"),
         low=("paid on time less often in a year than most", "近一年按时还款比例低于多数客户"),
         zero=("paid nothing on time in a year", "近一年从未按时还款"), history_months=0)
def on_time_share_12m(of: Grains) -> nw.Expr:
    """Share of the instalments due in the last 12 months that were settled by the due date.

    One due on the date itself and unpaid may still be paid on its day: it is not counted yet.
    """
    on_time = due_within(365) & (late == 0) & nw.col("is_settled")
    return share(of.repayments.count(on_time), _n_due(of, 365))


_SETTLED_12M = "no instalment due in 12 months was settled"


@taken_once
def _paid_minus_due(of: Grains, power: int) -> nw.Expr:
    """Sum of a power of the day paid less the day due, over instalments due in the last 12 months and settled."""
    days = nw.col("paid_minus_due_days")
    counts = due_within(365) & ~days.is_null()
    return of.repayments.count(counts) if power == 0 else of.repayments.sum_where(counts, days if power == 1 else days * days)


@feature("behaviour", "days", "近十二个月实付日与应付日之差的均值", window="12 months", reads=UNPAID,
         missing=_SETTLED_12M, by_sign=True,
         high=("paid after the due date on average in a year", "近一年平均晚于应付日还款"),
         low=("paid before the due date on average in a year", "近一年平均早于应付日还款"),
         zero=("paid on the due date on average in a year", "近一年平均在应付日还款"), history_months=0)
def paid_minus_due_mean_12m(of: Grains) -> nw.Expr:
    """Mean of the day an instalment was settled less its due day, over those due in the last 12 months and settled."""
    return share(_paid_minus_due(of, 1), _paid_minus_due(of, 0))


@feature("behaviour", "days", "近十二个月实付日与应付日之差的标准差", window="12 months", reads=UNPAID,
         missing="fewer than two instalments due in 12 months were settled",
         high=("paid less regularly in a year than most", "近一年还款规律性低于多数客户"),
         low=("paid more regularly in a year than most", "近一年还款规律性高于多数客户"),
         zero=("always as many days from the due date in a year", "近一年还款日与应付日的间隔始终一致"), history_months=0)
def paid_minus_due_spread_12m(of: Grains) -> nw.Expr:
    """Standard deviation of the day an instalment was settled less its due day, over those due in 12 months and settled.

    Of the whole population: the squares are divided by the number of instalments.
    """
    return spread(*(_paid_minus_due(of, power) for power in range(3)))


@feature("behaviour", "count", "近十二个月分次或部分支付的期数", window="12 months", reads=SCHEDULE, missing="never missing",
         high=("paid in parts more often in a year than most", "近一年分次或部分还款的期数多于多数客户"),
         low=("paid in parts less often in a year than most", "近一年分次或部分还款的期数少于多数客户"),
         zero=("paid nothing in parts in a year", "近一年无分次或部分还款"), history_months=0)
def n_partial_payments_12m(of: Grains) -> nw.Expr:
    """Instalments due in the last 12 months that were paid in several parts or only in part."""
    return of.repayments.count(due_within(365) & nw.col("is_paid_in_part"))


@feature("behaviour", "count", "近二十四个月最长连续迟付期数", window="24 months", reads=SCHEDULE, missing="never missing",
         high=("longer run of late instalments in two years than most", "近两年最长连续迟付期数多于多数客户"),
         low=("shorter run of late instalments in two years than most", "近两年最长连续迟付期数少于多数客户"),
         zero=("no late instalment in two years", "近两年无迟付"), history_months=0)
def n_late_run_max_24m(of: Grains) -> nw.Expr:
    """Longest run of late instalments in a row on one loan, among those due in the last 24 months.

    Late by one day or more, paid since or not; an instalment paid on time breaks the run.
    """
    return of.loans.max(of.shown("late_run")).fill_null(0)


@feature("behaviour", "count", "近二十四个月逾期超三十天后恢复正常的次数", window="24 months", reads=SCHEDULE,
         missing="never missing",
         high=("cured arrears of over 30 days more often in two years than most",
               "近两年逾期超三十天后恢复正常的次数多于多数客户"),
         low=("cured arrears of over 30 days less often in two years than most",
              "近两年逾期超三十天后恢复正常的次数少于多数客户"),
         zero=("no arrears of over 30 days cured in two years", "近两年无逾期超三十天后恢复正常"), history_months=0)
def n_cures_24m(of: Grains) -> nw.Expr:
    """Times that arrears of over 30 days were cured, loan by loan, among instalments late in the last 24 months.

    Arrears are a stretch of days on which the loan had something past due, so that paying 60 days late month after month
    is one stretch and not many. They are cured when all of it has been settled (the return to a non-defaulted status in
    EBA/GL/2016/07, without its months of probation); what was withdrawn from the schedule is not.
    """
    return of.loans.sum(of.shown("n_cures"))


@feature("behaviour", "count", "近二十四个月恢复正常后再次逾期超三十天的次数", window="24 months", reads=SCHEDULE,
         missing="never missing",
         high=("relapsed into arrears of over 30 days more often in two years than most",
               "近两年恢复正常后再次逾期超三十天的次数多于多数客户"),
         low=("relapsed into arrears of over 30 days less often in two years than most",
              "近两年恢复正常后再次逾期超三十天的次数少于多数客户"),
         zero=("no relapse into arrears of over 30 days in two years", "近两年恢复正常后无再次逾期超三十天"), history_months=0)
def n_relapses_24m(of: Grains) -> nw.Expr:
    """Times that a loan came into arrears of over 30 days again after a cure, of instalments late in the last 24 months.

    Arrears and cures as in ``n_cures_24m``.
    """
    return of.loans.sum(of.shown("n_relapses"))


@feature("behaviour", "days", "近三个月与此前九个月平均迟付天数之差", window="12 months", history_months=3, reads=SCHEDULE,
         by_sign=True, missing="no instalment fell due in the last 3 months, or none in the 9 before",
         high=("paid later in three months than in the nine before", "近三个月迟付较此前九个月加重"),
         low=("paid less late in three months than in the nine before", "近三个月迟付较此前九个月缓解"),
         zero=("as late in three months as in the nine before", "近三个月迟付与此前九个月持平"))
def days_late_trend_12m(of: Grains) -> nw.Expr:
    """Mean lateness of instalments due in the last 3 months minus that of the 9 months before."""
    now = share(_days_late(of, 91), _n_due(of, 91))
    then = share(_days_late(of, 365) - _days_late(of, 91), _n_due(of, 365) - _n_due(of, 91))
    return now - then


@feature("behaviour", "ratio", "近十二个月提前还款占提前还款与余额之和的比例", window="12 months",
         reads=f"{_OWED} loans.signed_on repayments.principal_due",
         missing="neither prepaid nor owing, or a payment of which it is not known whether it was interest or a prepayment",
         high=("prepaid more of its balance in a year than most", "近一年提前还款比例高于多数客户"),
         low=("prepaid less of its balance in a year than most", "近一年提前还款比例低于多数客户"),
         zero=("prepaid nothing in a year", "近一年无提前还款"), history_months=0)
def prepaid_12m_ratio(of: Grains) -> nw.Expr:
    """Unscheduled repayments of the last 12 months over the balance that would stand without them; from 0 to 1.

    The form of the single monthly mortality (prepayment over the balance less what was scheduled), over a year. A payment
    is unscheduled where nothing was due on its instalment: principal 0, interest 0. Where no principal was due and the
    interest is not known, it may have been either, and nothing is said.
    """
    is_recent, is_unscheduled = cash_paid_within(365), nw.col("is_unscheduled")
    early = of.repayments.sum_where(is_recent & is_unscheduled, nw.col("amount"))
    n_either = of.repayments.count(is_recent & is_unscheduled.is_null())
    return nw.when(n_either == 0).then(share(early, early + exposure(of))).otherwise(None)


@feature("behaviour", "count", "近十二个月结清的贷款笔数", window="12 months", reads=f"{_OWED} {_OPEN}",
         missing="never missing",
         high=("paid off more loans in a year than most", "近一年结清的贷款多于多数客户"),
         low=("paid off fewer loans in a year than most", "近一年结清的贷款少于多数客户"),
         zero=("paid off no loan in a year", "近一年无结清贷款"), history_months=0)
def n_paid_off_12m(of: Grains) -> nw.Expr:
    """Loans paid off in the last 12 months, by their last payment; no balance and nothing left to draw.

    Of a credit line that was paid back before it ended, its end counts: it could have been drawn again.
    """
    return of.loans.count((nw.col("is_active") == 0) & (nw.col("payoff_age_days") < 365))


@feature("behaviour", "count", "近二十四个月提前超三十天结清的贷款笔数", window="24 months",
         reads=f"{_OWED} {_OPEN} {END} repayments.superseded_by", missing="never missing",
         high=("paid off more loans early in two years than most", "近两年提前结清的贷款多于多数客户"),
         low=("paid off fewer loans early in two years than most", "近两年提前结清的贷款少于多数客户"),
         zero=("no loan paid off early in two years", "近两年无提前结清的贷款"), history_months=0)
def n_paid_off_early_24m(of: Grains) -> nw.Expr:
    """Loans paid off over 30 days before maturity in the last 24 months, renewed or not.

    Prepayment in full (the one hazard beside default in Deng, Quigley and Van Order, "Mortgage terminations,
    heterogeneity and the exercise of mortgage options", 2000); of a loan whose maturity is not known nobody can say.
    """
    return of.loans.count((nw.col("is_early_payoff") == 1) & (nw.col("payoff_age_days") < 730))


@feature("behaviour", "count", "结清满九十天、不满二十四个月且未再借款的贷款笔数", window="24 months",
         reads=f"{_OWED} {_OPEN} loans.signed_on", missing="never missing",
         high=("paid off more loans in two years without borrowing again than most", "近两年结清后未再借款的贷款多于多数客户"),
         low=("paid off fewer loans in two years without borrowing again than most", "近两年结清后未再借款的贷款少于多数客户"),
         zero=("no loan paid off 90 days to two years ago without borrowing again", "近两年无结清满九十天且未再借款的贷款"),
         history_months=0)
def n_refinanced_away_24m(of: Grains) -> nw.Expr:
    """Loans paid off 90 days to 24 months ago with no new agreement around the payoff, early or at maturity.

    Business that went: to another bank, which an early payoff makes likely (``n_paid_off_early_24m``), or because nothing
    was needed any more. An agreement signed from 30 days before to 90 days after the payoff is new lending, a credit line
    or a guarantee too; a payoff younger than 90 days is not judged yet.
    """
    age, is_gone = nw.col("payoff_age_days"), (nw.col("is_active") == 0) & (of.shown("is_renewed") == 0)
    return of.loans.count(is_gone & (age >= 90) & (age < 730))


@feature("behaviour", "days", "距上次还款的天数", window="whole record",
         reads=_PAID, missing="never paid",
         high=("last paid longer ago than most", "距上次还款时间长于多数客户"),
         low=("last paid more recently than most", "最近一次还款比多数客户更近"),
         zero=("paid on the date", "当日还款"), history_months=0)
def days_since_payment(of: Grains) -> nw.Expr:
    """Days since the last payment, scheduled or not; one that was returned is none."""
    return of.loans.min(nw.col("last_payment_age_days"))


@feature("behaviour", "count", "近十二个月联系次数", window="12 months", reads="contacts.contacted_on", **_CONTACTS,
         high=("more contacts in a year than most", "近一年联系次数多于多数客户"),
         low=("fewer contacts in a year than most", "近一年联系次数少于多数客户"),
         zero=("no contact in a year", "近一年无联系"))
def n_contacts_12m(of: Grains) -> nw.Expr:
    """Contacts of any kind in the last 12 months."""
    return of.contacts.count(nw.col("age_days") < 365)


@feature("behaviour", "days", "距上次联系的天数", window="whole record", reads="contacts.contacted_on", needs="contacts",
         missing="no contact yet, or no contacts table", high=("last contact longer ago than most", "距上次联系时间长于多数客户"),
         low=("last contact more recent than most", "最近一次联系比多数客户更近"), zero=("contact on the date", "当日有联系"),
         history_months=0)
def days_since_contact(of: Grains) -> nw.Expr:
    """Days since the last contact of any kind."""
    return of.contacts.min(nw.col("age_days"))


@feature("behaviour", "count", "近十二个月投诉次数", window="12 months", reads="contacts.contacted_on contacts.kind", **_CONTACTS,
         high=("more complaints in a year than most", "近一年投诉次数多于多数客户"),
         low=("fewer complaints in a year than most", "近一年投诉次数少于多数客户"),
         zero=("no complaint in a year", "近一年无投诉"))
def n_complaints_12m(of: Grains) -> nw.Expr:
    """Complaints of any kind in the last 12 months."""
    return of.contacts.count(_is_complaint & (nw.col("age_days") < 365))


@feature("behaviour", "count", "近十二个月对利率的投诉次数", window="12 months", reads="contacts.contacted_on contacts.kind",
         **_CONTACTS,
         high=("more complaints about rates in a year than most", "近一年利率投诉多于多数客户"),
         low=("fewer complaints about rates in a year than most", "近一年利率投诉少于多数客户"),
         zero=("no complaint about rates in a year", "近一年无利率投诉"))
def n_rate_complaints_12m(of: Grains) -> nw.Expr:
    """Complaints about the interest rate in the last 12 months."""
    return of.contacts.count((nw.col("kind") == "rate_complaint") & (nw.col("age_days") < 365))


@feature("behaviour", "ratio", "近三个月往来次数乘以四与近十二个月之比", window="12 months",
         reads=f"{_PAID} drawdowns.drawn_on drawdowns.is_opening loans.product loans.signed_on contacts.contacted_on "
               "contacts.kind", missing="no dealing in 12 months, or less than 12 months since the first loan",
         high=("kept up its dealings in three months more than most", "近三个月往来保持程度高于多数客户"),
         low=("kept up its dealings in three months less than most", "近三个月往来保持程度低于多数客户"),
         zero=("no dealing in three months", "近三个月无往来"), history_months=12)
def activity_3m_to_12m_ratio(of: Grains) -> nw.Expr:
    """Payments, drawdowns and contacts of the last 3 months, times four, over those of 12: below 1 the customer fades.

    Silent attrition shows here before a loan ends; of a newcomer, all of whose dealings are recent, nothing is said. Each
    payment, drawdown or contact counts once, whatever its amount; a complaint is no dealing that is kept up, and a table
    that the book lacks adds none.
    """

    def dealings(days: int) -> nw.Expr:
        return (of.repayments.count(cash_paid_within(days)) + of.drawdowns.count(drawn_within(days))
                + of.contacts.count((nw.col("age_days") < days) & ~_is_complaint))

    return nw.when(record_days(of) >= 365).then(share(dealings(91) * 4, dealings(365))).otherwise(None)


@feature("behaviour", "months", "还款记录长度", window="whole record", reads=SCHEDULE,
         missing="no instalment has fallen due",
         high=("longer payment record than most", "还款记录长于多数客户"),
         low=("shorter payment record than most", "还款记录短于多数客户"),
         zero=("payment record begins on the date", "当日开始有还款记录"), history_months=0)
def record_months(of: Grains) -> nw.Expr:
    """Months since the first instalment fell due."""
    return months(of.repayments.max(fell_due))
