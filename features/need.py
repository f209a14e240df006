"""Need 客户需求: what the customer needs money for, how, and how steadily."""

from __future__ import annotations

import narwhals as nw

from features.catalogue import Grains, feature, share, shared, shared_of_loan
from features.figures import (
    COMMITTED,
    END,
    GRID,
    MONTHS_PER_DAY,
    OWED,
    OWED_THEN,
    balance,
    clipped,
    commitment,
    committed,
    drawn_12m,
    drawn_in,
    drawn_within,
    exposure,
    exposure_at,
    fell_due,
    is_active,
    record_days,
    repaid_12m,
    utilisation_at,
)

HIGH_UTILISATION = 0.9

_DRAWN_ON = "drawdowns.drawn_on drawdowns.is_opening"
_LINES_THEN = f"{COMMITTED} drawdowns.is_opening repayments.is_opening"


def _in_turn(values: list[nw.Expr]) -> nw.Expr:
    """Sum of values that are missing where any of them is."""
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


@feature("need", "share", "余额占余额与未提用承诺之和的比例", window="on the date", reads=COMMITTED,
         missing="neither balance nor commitment",
         high=("uses more of its commitments than most", "授信使用率高于多数客户"),
         low=("uses less of its commitments than most", "授信使用率低于多数客户"),
         zero=("uses none of its commitments", "授信未使用"), history_months=0)
def utilisation_share(of: Grains) -> nw.Expr:
    """Drawn balance over drawn balance plus undrawn commitment, all products."""
    return share(exposure(of), committed(of))


@feature("need", "share", "循环额度当前使用率", window="on the date", needs="drawdowns", reads=COMMITTED,
         missing="no open credit line with a limit, or no drawdowns table",
         high=("uses more of its credit lines than most", "循环额度使用率高于多数客户"),
         low=("uses less of its credit lines than most", "循环额度使用率低于多数客户"),
         zero=("credit lines unused", "循环额度未使用"), history_months=0)
def line_utilisation_share(of: Grains) -> nw.Expr:
    """Drawn share of the limit of the open credit lines (revolvers); above 1 where more is drawn than the limit."""
    return utilisation_at(of, 0)


@shared
def _n_months_with_a_line(of: Grains) -> nw.Expr:
    """Readings of the last 12 months at which a credit line was open."""
    return _in_turn([nw.when(~utilisation_at(of, month).is_null()).then(1).otherwise(0) for month in GRID])


@feature("need", "share", "近十二个月循环额度平均使用率", window="12 months", needs="drawdowns", reads=_LINES_THEN,
         missing="no credit line with a limit in 12 months, or no drawdowns table",
         high=("used more of its credit lines in a year than most", "近一年循环额度平均使用率高于多数客户"),
         low=("used less of its credit lines in a year than most", "近一年循环额度平均使用率低于多数客户"),
         zero=("credit lines unused at every monthly reading of a year", "近一年各月观察点循环额度均未使用"), history_months=0)
def line_utilisation_mean_share_12m(of: Grains) -> nw.Expr:
    """Mean utilisation of the credit lines in the last 12 months; read every month in which a line was open."""
    return share(_in_turn([utilisation_at(of, month).fill_null(0) for month in GRID]), _n_months_with_a_line(of))


@feature("need", "share", "近十二个月循环额度最高使用率", window="12 months", needs="drawdowns", reads=_LINES_THEN,
         missing="no credit line with a limit in 12 months, or no drawdowns table",
         high=("higher peak use of its credit lines in a year than most", "近一年循环额度最高使用率高于多数客户"),
         low=("lower peak use of its credit lines in a year than most", "近一年循环额度最高使用率低于多数客户"),
         zero=("credit lines unused at every monthly reading of a year", "近一年各月观察点循环额度均未使用"), history_months=0)
def line_utilisation_max_share_12m(of: Grains) -> nw.Expr:
    """Highest utilisation of the credit lines in the last 12 months; read every month in which a line was open."""
    return nw.max_horizontal(*(utilisation_at(of, month) for month in GRID))


@feature("need", "ratio", "近十二个月循环额度使用率月均变化", window="12 months", history_months=11, reads=_LINES_THEN,
         by_sign=True, needs="drawdowns",
         missing="no open credit line with a limit in one of the 12 months, or no drawdowns table",
         high=("use of its credit lines trended up in a year", "近一年循环额度使用率呈上升趋势"),
         low=("use of its credit lines trended down in a year", "近一年循环额度使用率呈下降趋势"),
         zero=("no trend in the use of its credit lines in a year", "近一年循环额度使用率无升降趋势"))
def line_utilisation_slope_12m_ratio(of: Grains) -> nw.Expr:
    """Trend of the credit lines' utilisation per month: least-squares slope over 12 monthly readings.

    From the first reading to the last it is 11 months. On a fixed grid the slope is a linear sum, sum((5.5 - m) y_m) / 143
    with m months before the date; taken in pairs, so that a line that does not move has a slope of exactly zero.
    """
    pairs = [(5.5 - month, utilisation_at(of, month), utilisation_at(of, 11 - month)) for month in range(6)]
    return _in_turn([weight * (later - earlier) for weight, later, earlier in pairs]) / 143


@feature("need", "count", "近十二个月循环额度使用率超过九成的月数", window="12 months", needs="drawdowns", reads=_LINES_THEN,
         missing="no credit line with a limit in 12 months, or no drawdowns table",
         high=("more months of a year above 90 % of its credit lines than most", "近一年循环额度使用率超九成的月数多于多数客户"),
         low=("fewer months of a year above 90 % of its credit lines than most", "近一年循环额度使用率超九成的月数少于多数客户"),
         zero=("no month of a year above 90 % of its credit lines", "近一年循环额度使用率没有一个月超过九成"), history_months=0)
def n_months_line_over_90_12m(of: Grains) -> nw.Expr:
    """Months of the last 12 at whose reading more than 90 % of the credit lines was drawn."""
    above = _in_turn([nw.when(utilisation_at(of, month) > HIGH_UTILISATION).then(1).otherwise(0) for month in GRID])
    return nw.when(_n_months_with_a_line(of) > 0).then(above).otherwise(None)


def _is_of_the_bank() -> nw.Expr:
    """Whether the bank decided the change of a limit."""
    return (nw.col("cause") == "bank").fill_null(False)


@feature("need", "ratio", "近十二个月非银行主动的授信额度变动比例", window="12 months", needs="limits", by_sign=True,
         reads=f"{COMMITTED} limits.cause",
         missing="no loan of 12 months or more that is active, or open with its limit changed",
         high=("limits raised on balance in a year, other than by the bank", "近一年非银行主动的额度净调增"),
         low=("limits cut on balance in a year, other than by the bank", "近一年非银行主动的额度净调减"),
         zero=("limits unchanged on balance in a year, other than by the bank", "近一年非银行主动的额度净变动为零"),
         history_months=12)
def limit_change_12m_ratio(of: Grains) -> nw.Expr:
    """Net change of the commitments in 12 months that the bank did not decide; relative to the larger of before and after.

    From -1 to 1. Before: the commitments 12 months ago; after: what these changes alone would have made of them. One whose
    cause is not told counts; one that the bank decided is its judgement, and ``n_limits_cut_24m`` tells of it. Over loans
    signed 12 months ago or longer that are active, or open and left without room by a change, as one cut to nothing.
    """
    is_recent = nw.col("age_days") < 365
    all_changes = of.limits.loan_sum(nw.when(is_recent).then(nw.col("change")))
    others = of.limits.loan_sum(nw.when(is_recent & ~_is_of_the_bank()).then(nw.col("change")))
    is_open = nw.col("closed_age_days").is_null() & (nw.col("days_to_maturity") >= 0).fill_null(True)
    counts = (nw.col("signed_age_days") >= 365) & (is_active | (is_open & (all_changes != 0)))
    change, before = of.loans.sum_where(counts, others), of.loans.sum_where(counts, commitment - all_changes)
    return share(change, nw.max_horizontal(before, before + change, -change))


@feature("need", "count", "近二十四个月非银行主动的额度调增次数", window="24 months", needs="limits",
         reads="loans.committed_amount limits.committed_amount limits.changed_on limits.cause",
         missing="the book has no limits table",
         high=("more limit raises in two years, other than by the bank, than most", "近两年非银行主动的额度调增次数多于多数客户"),
         low=("fewer limit raises in two years, other than by the bank, than most", "近两年非银行主动的额度调增次数少于多数客户"),
         zero=("no limit raised in two years, other than by the bank", "近两年无非银行主动的额度调增"), history_months=0)
def n_limit_raises_24m(of: Grains) -> nw.Expr:
    """Number of times a commitment was raised in the last 24 months, not counting the bank's own decisions."""
    return of.limits.count((nw.col("change") > 0) & ~_is_of_the_bank() & (nw.col("age_days") < 730))


@feature("need", "ratio", "近十二个月提款占当前授信敞口的比例", window="12 months", reads=f"{COMMITTED} drawdowns.is_opening",
         missing="neither balance nor commitment",
         high=("drew more of its commitments in a year than most", "近一年提款占授信敞口的比例高于多数客户"),
         low=("drew less of its commitments in a year than most", "近一年提款占授信敞口的比例低于多数客户"),
         zero=("drew nothing in a year", "近一年未提款"), history_months=0)
def drawn_12m_ratio(of: Grains) -> nw.Expr:
    """Drawdowns of the last 12 months over today's balance and undrawn commitment."""
    return share(drawn_12m(of), committed(of))


@feature("need", "count", "近十二个月提款次数", window="12 months", needs="drawdowns", reads=_DRAWN_ON,
         missing="the book has no drawdowns table",
         high=("drew more often in a year than most", "近一年提款次数多于多数客户"),
         low=("drew less often in a year than most", "近一年提款次数少于多数客户"),
         zero=("drew nothing in a year", "近一年未提款"), history_months=0)
def n_drawdowns_12m(of: Grains) -> nw.Expr:
    """Number of drawdowns in the last 12 months."""
    return of.drawdowns.count(drawn_within(365))


@feature("need", "days", "距上次提款的天数", window="whole record", needs="drawdowns", reads=_DRAWN_ON,
         missing="no drawdown on record, or no drawdowns table",
         high=("last drew longer ago than most", "距上次提款时间长于多数客户"),
         low=("last drew more recently than most", "最近一次提款比多数客户更近"), zero=("drew on the date", "当日提款"),
         history_months=0)
def days_since_drawdown(of: Grains) -> nw.Expr:
    """Days since the last drawdown."""
    return of.drawdowns.min(nw.col("cash_age_days"))


def _squared(value: nw.Expr) -> nw.Expr:
    return value * value


@shared
def _drawn_in_24_months(of: Grains) -> nw.Expr:
    return _in_turn([drawn_in(of, month) for month in range(24)])


@shared
def _variation_of_drawdowns(of: Grains) -> nw.Expr:
    """Variance of 24 monthly drawdowns from their mean, in squared cents: 24 times each, so that the mean is whole."""
    total = _drawn_in_24_months(of)
    return _in_turn([_squared((drawn_in(of, month) * 24 - total).cast(nw.Float64)) for month in range(24)]) / (23 * 24 * 24)


@shared
def _variation_between_years(of: Grains) -> nw.Expr:
    """Variance of 24 monthly drawdowns from the mean of their month in the two years, in squared cents."""
    apart = [(drawn_in(of, month) - drawn_in(of, month + 12)).cast(nw.Float64) for month in range(12)]
    return _in_turn([_squared(distance) / 2 for distance in apart]) / 12


@shared
def _exposure_of_12_months(of: Grains) -> nw.Expr:
    return _in_turn([exposure_at(of, month) for month in GRID])


@feature("need", "ratio", "近二十四个月提款的季节性强度", window="24 months", history_months=24, needs="drawdowns",
         reads=f"{_DRAWN_ON} drawdowns.amount loans.signed_on",
         missing="less than 24 months of relationship, or no drawdown in them, or no drawdowns table",
         high=("drew more seasonally in two years than most", "近两年提款季节性强于多数客户"),
         low=("drew less seasonally in two years than most", "近两年提款季节性弱于多数客户"),
         zero=("no season in its drawdowns of two years", "近两年提款无季节性"))
def drawdown_seasonality_24m_ratio(of: Grains) -> nw.Expr:
    """Seasonal strength of monthly drawdowns over 24 months; 0 is none, 1 the same in both years.

    max(0, 1 - Var(remainder) / Var(seasonal + remainder)) of Hyndman and Athanasopoulos, Forecasting: Principles and
    Practice, 3rd edition, section 4.3, the seasonal part being the mean of the two years and no trend taken out. Each
    variance by its own degrees of freedom, 12 and 23: two years' means fit half of any noise, and so one drawdown alone,
    or one a year in different months, is no season.
    """
    whole, rest = _variation_of_drawdowns(of), _variation_between_years(of)
    strength = nw.when(rest < whole).then(1 - rest / whole).otherwise(0.0)
    return nw.when((record_days(of) >= 730) & (_drawn_in_24_months(of) > 0)).then(strength).otherwise(None)


@feature("need", "ratio", "近十二个月余额波动系数", window="12 months", history_months=12, reads=OWED_THEN,
         missing="less than 12 months since the first loan, or no balance in them",
         high=("balance varied more in a year than most", "近一年余额波动大于多数客户"),
         low=("balance varied less in a year than most", "近一年余额波动小于多数客户"),
         zero=("balance did not vary in a year", "近一年余额无波动"))
def balance_variation_12m_ratio(of: Grains) -> nw.Expr:
    """Coefficient of variation of the balance over 12 monthly readings: standard deviation over mean."""
    total = _exposure_of_12_months(of)  # 12 times each reading, so that the mean is whole
    variation = _in_turn([_squared((exposure_at(of, month) * 12 - total).cast(nw.Float64)) for month in GRID]) / 12
    return nw.when((record_days(of) >= 365) & (total > 0)).then(variation.sqrt() / total.cast(nw.Float64)).otherwise(None)


def _weighted_tenor(of: Grains, days: nw.Expr) -> nw.Expr:
    dated, units = ~nw.col("days_to_maturity").is_null(), nw.col("balance") // 100
    return share(of.loans.sum_where(dated, days * units), of.loans.sum_where(dated, units)) * MONTHS_PER_DAY


@feature("need", "months", "加权原始期限", window="on the date", reads=f"{OWED} loans.matures_on",
         missing="no balance with a maturity", high=("longer original tenor than most", "原始期限长于多数客户"),
         low=("shorter original tenor than most", "原始期限短于多数客户"), zero=("due on the day of signing", "签约当日到期"),
         history_months=0)
def original_tenor_months(of: Grains) -> nw.Expr:
    """Months from signing to maturity, weighted by balance.

    Balances weigh in whole units of the currency.
    """
    return _weighted_tenor(of, nw.col("tenor_days"))


@feature("need", "months", "加权剩余期限", window="ahead", reads=f"{OWED} {END}",
         missing="no balance with a maturity",
         high=("longer remaining tenor than most", "剩余期限长于多数客户"),
         low=("shorter remaining tenor than most", "剩余期限短于多数客户"),
         zero=("all balance at or past maturity", "余额均已到期"), history_months=0)
def remaining_tenor_months(of: Grains) -> nw.Expr:
    """Remaining months to maturity, weighted by balance; past maturity counts as zero.

    Balances weigh in whole units of the currency.
    """
    left = nw.when(nw.col("days_to_end") > 0).then(nw.col("days_to_end")).otherwise(0)
    return _weighted_tenor(of, left)


@shared_of_loan
def _not_overdue(of: Grains) -> nw.Expr:
    """Per loan: balance less the principal that is overdue, cents."""
    return clipped(balance - of.repayments.loan_sum(nw.when(fell_due >= 0).then(nw.col("unpaid_principal"))))


def _due_share(of: Grains, days: int) -> nw.Expr:
    soon = nw.col("falls_due_in_days") <= days
    scheduled = of.repayments.loan_sum(nw.when(soon).then(nw.col("unpaid_principal")))
    matures = (nw.col("days_to_end") >= 0) & (nw.col("days_to_end") <= days)
    owed = _not_overdue(of)
    due = nw.when(matures | (scheduled > owed)).then(owed).otherwise(scheduled)
    return share(of.loans.sum(due), exposure(of))


@feature("need", "share", "未来三个月到期本金占余额的比例", window="ahead", reads=f"{OWED} {END}", missing="no balance",
         high=("larger share of its balance due within three months than most", "未来三个月到期本金占比高于多数客户"),
         low=("smaller share of its balance due within three months than most", "未来三个月到期本金占比低于多数客户"),
         zero=("no principal falls due within three months", "未来三个月无到期本金"), history_months=0)
def due_share_3m(of: Grains) -> nw.Expr:
    """Principal falling due in the next 3 months over the balance; by the schedule and maturities known on the date.

    A loan that matures in that time falls due whole, as a credit line does; what is overdue does not fall due again.
    """
    return _due_share(of, 91)


@feature("need", "share", "未来十二个月到期本金占余额的比例", window="ahead", reads=f"{OWED} {END}", missing="no balance",
         high=("larger share of its balance due within a year than most", "未来一年到期本金占比高于多数客户"),
         low=("smaller share of its balance due within a year than most", "未来一年到期本金占比低于多数客户"),
         zero=("no principal falls due within a year", "未来一年无到期本金"), history_months=0)
def due_share_12m(of: Grains) -> nw.Expr:
    """Principal falling due in the next 12 months over the balance; by the schedule and maturities known on the date.

    A loan that matures in that time falls due whole, as a credit line does; what is overdue does not fall due again.
    """
    return _due_share(of, 365)


@feature("need", "share", "最主要用途占在用贷款授信额的比例", window="on the date", reads=f"{COMMITTED} loans.purpose",
         missing="no commitment of an active loan names its purpose",
         high=("borrowing more concentrated on one purpose than most", "贷款用途集中度高于多数客户"),
         low=("borrowing less concentrated on one purpose than most", "贷款用途集中度低于多数客户"), history_months=0)
def purpose_top_share(of: Grains) -> nw.Expr:
    """Share of the largest purpose in the commitments of active loans that name one."""
    amount = nw.col("active_commitment")
    return share(of.purposes.max(amount), of.purposes.sum(amount))


@feature("need", "share", "近十二个月新签贷款中新用途的比例", window="12 months", history_months=12,
         reads="loans.purpose loans.committed_amount loans.signed_on",
         missing="no loan signed in 12 months names its purpose, or none signed before",
         high=("borrowed more for new purposes in a year than most", "近一年新签贷款中新用途占比高于多数客户"),
         low=("borrowed less for new purposes in a year than most", "近一年新签贷款中新用途占比低于多数客户"),
         zero=("borrowed in a year for the same purposes as before", "近一年新签贷款用途与以前相同"))
def new_purpose_share_12m(of: Grains) -> nw.Expr:
    """Share of the commitments signed in the last 12 months that serve a purpose not borrowed for before.

    Of customers with an older loan of a known purpose: to a new borrower every purpose is new.
    """
    amount, has_older = nw.col("recent_commitment"), of.purposes.max(nw.col("first_age_days")) >= 365
    new = share(of.purposes.sum_where(nw.col("is_new") == 1, amount), of.purposes.sum(amount))
    return nw.when(has_older).then(new).otherwise(None)


@feature("need", "share", "近十二个月提款占提款与还本之和的比例", window="12 months", reads=OWED_THEN,
         missing="neither drawn nor repaid in 12 months",
         high=("drew more against what it repaid in a year than most", "近一年提款相对还本多于多数客户"),
         low=("drew less against what it repaid in a year than most", "近一年提款相对还本少于多数客户"),
         zero=("repaid and drew nothing new in a year", "近一年只还本未提款"), history_months=0)
def new_money_share_12m(of: Grains) -> nw.Expr:
    """New money over new money and principal repaid in the last 12 months: above a half the bank's stake grows."""
    return share(drawn_12m(of), drawn_12m(of) + repaid_12m(of))


@feature("need", "share", "近十二个月新签且在用的贷款占在用贷款授信额的比例", window="12 months", reads=COMMITTED,
         missing="no commitment of an active loan",
         high=("larger share of loans signed in a year than most", "近一年新签贷款占比高于多数客户"),
         low=("smaller share of loans signed in a year than most", "近一年新签贷款占比低于多数客户"),
         zero=("no active loan was signed in a year", "在用贷款均非近一年新签"), history_months=0)
def new_lending_share_12m(of: Grains) -> nw.Expr:
    """Commitments of active loans signed in the last 12 months over those of all active loans."""
    recent = of.loans.sum_where(is_active & (nw.col("signed_age_days") < 365), nw.col("commitment"))
    return share(recent, of.loans.sum_where(is_active, nw.col("commitment")))


@feature("need", "count", "近二十四个月利率重新议定次数", window="24 months", needs="rates", reads="rates.changed_on rates.cause",
         missing="the book has no rates table",
         high=("renegotiated rates more often in two years than most", "近两年利率重新议定次数多于多数客户"),
         low=("renegotiated rates less often in two years than most", "近两年利率重新议定次数少于多数客户"),
         zero=("no rate renegotiated in two years", "近两年利率未重新议定"), history_months=0)
def n_rate_renegotiations_24m(of: Grains) -> nw.Expr:
    """Number of times that a loan's interest rate was renegotiated in the last 24 months."""
    return of.rates.count((nw.col("cause") == "renegotiation") & (nw.col("age_days") < 730))


def _weighted_rate(of: Grains, known: nw.Expr, rate: nw.Expr) -> nw.Expr:
    units = nw.col("balance") // 100
    return share(of.loans.sum_where(known, (rate * 2).cast(nw.Int64) * units), of.loans.sum_where(known, units)) / 20_000


@feature("need", "rate", "加权利率", window="on the date", reads=f"{OWED} loans.annual_rate rates.annual_rate rates.changed_on",
         missing="no balance whose rate is known", high=("pays a higher rate than most", "利率高于多数客户"),
         low=("pays a lower rate than most", "利率低于多数客户"), zero=("pays no interest", "利率为零"), history_months=0)
def annual_rate_mean(of: Grains) -> nw.Expr:
    """Yearly rate in force on the date; weighted by balance over the loans whose rate is known.

    Balances weigh in whole units of the currency, rates in hundredths of a percent.
    """
    return _weighted_rate(of, ~nw.col("rate_bp").is_null(), nw.col("rate_bp"))


@feature("need", "rate", "加权利率与同类产品中位数之差", window="on the date",
         reads=f"{COMMITTED} loans.annual_rate rates.annual_rate rates.changed_on", missing="no balance whose rate is known",
         by_sign=True,
         high=("pays more than its products' median rate", "利率高于同类产品中位数"),
         low=("pays less than its products' median rate", "利率低于同类产品中位数"),
         zero=("pays its products' median rate", "利率等于同类产品中位数"), history_months=0)
def rate_spread_to_product_rate(of: Grains) -> nw.Expr:
    """Rate less the median rate of the book's active loans of the same product; itself included, weighted by balance.

    Where a product has one active loan whose rate is known, that loan is the median and its spread is 0.
    Balances weigh in whole units of the currency, rates in hundredths of a percent.
    """
    median = of.shown("product_median_bp")
    return _weighted_rate(of, ~nw.col("rate_bp").is_null() & ~median.is_null(), nw.col("rate_bp") - median)
