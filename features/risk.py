"""Risk 风险等级: what could go wrong."""

from __future__ import annotations

import narwhals as nw

from features.catalogue import Grains, feature, flag, share
from features.contracts import OWNERS, SECURITIES
from features.figures import (
    COMMITTED,
    END,
    OWED,
    SCHEDULE,
    UNPAID,
    WITHDRAWN,
    arrears_bucket,
    committed,
    days_past_due_at,
    due_within,
    exposure,
    is_active,
    late,
    months,
    oldest_past_due,
    rating,
)
from features.history import is_in_force

_FORBORNE = f"{WITHDRAWN} repayments.superseded_by loans.signed_on"
_PUBLISHED = "financials.period_ends_on financials.published_on"
_RATED = {"needs": "ratings", "is_judgemental": True}
_LINKED = {"needs": "links", "history_months": 0}


@feature("risk", "count", "当前逾期档次；零至四", window="on the date", reads=UNPAID, missing="never missing",
         high=("is in a worse arrears bucket than most", "当前逾期档次高于多数客户"),
         low=("is in a better arrears bucket than most", "当前逾期档次低于多数客户"),
         zero=("nothing past due", "当前无逾期"), history_months=0)
def arrears_bucket_now(of: Grains) -> nw.Expr:
    """Bucket of the days past due: 0 none, 1 up to 30, 2 up to 60, 3 up to 90 days, 4 beyond, the usual mark of default."""
    return arrears_bucket(oldest_past_due(of))


@feature("risk", "notches", "近一个月逾期档次变动", window="1 month", reads=SCHEDULE, missing="never missing", by_sign=True,
         high=("rolled into a worse arrears bucket in a month", "近一个月逾期档次恶化"),
         low=("moved to a better arrears bucket in a month", "近一个月逾期档次改善"),
         zero=("same arrears bucket as a month ago", "近一个月逾期档次未变"), history_months=0)
def arrears_roll_1m(of: Grains) -> nw.Expr:
    """Arrears bucket now less the bucket of 30 days ago, both as known on the date; above 0 it became worse.

    The step that a roll-rate matrix counts over a portfolio, for one customer. The bucket of 30 days ago is what the books of
    the date say of that day: a payment made by then and booked later counts, one made by then and returned since does not.
    """
    return arrears_bucket(oldest_past_due(of)) - arrears_bucket(days_past_due_at(of, 30))


@feature("risk", "notches", "近三个月逾期档次变动", window="3 months", reads=SCHEDULE, missing="never missing", by_sign=True,
         high=("rolled into a worse arrears bucket in three months", "近三个月逾期档次恶化"),
         low=("moved to a better arrears bucket in three months", "近三个月逾期档次改善"),
         zero=("same arrears bucket as three months ago", "近三个月逾期档次未变"), history_months=0)
def arrears_roll_3m(of: Grains) -> nw.Expr:
    """Arrears bucket now less the bucket of 91 days ago, both as known on the date; above 0 it became worse.

    As ``arrears_roll_1m``: what was booked since of that day counts.
    """
    return arrears_bucket(oldest_past_due(of)) - arrears_bucket(days_past_due_at(of, 91))


@feature("risk", "share", "逾期金额占余额的比例", window="on the date", reads=f"{UNPAID} {OWED}",
         missing="neither balance nor arrears",
         high=("more overdue against its balance than most", "逾期金额占比高于多数客户"),
         low=("less overdue against its balance than most", "逾期金额占比低于多数客户"),
         zero=("nothing overdue", "无逾期金额"), history_months=0)
def overdue_share(of: Grains) -> nw.Expr:
    """Unpaid principal and interest past their due date over the balance; at most 1, rests of 1 % or less are left out.

    An instalment of which 1 % or less is unpaid counts as settled. What is due on the date itself is not overdue yet;
    without a balance the overdue interest alone makes 1.
    """
    overdue = of.loans.sum(nw.col("overdue"))
    return share(overdue, nw.max_horizontal(overdue, exposure(of)))


@feature("risk", "share", "逾期超三十天的贷款余额占比", window="on the date", reads=f"{UNPAID} {OWED}", missing="no balance",
         high=("more of its balance over 30 days past due than most", "逾期超三十天的余额占比高于多数客户"),
         low=("less of its balance over 30 days past due than most", "逾期超三十天的余额占比低于多数客户"),
         zero=("no balance on a loan over 30 days past due", "无逾期超三十天的贷款余额"), history_months=0)
def exposure_in_arrears_share(of: Grains) -> nw.Expr:
    """Share of the balance that stands on loans more than 30 days past due (PAR30, portfolio at risk, for one customer)."""
    return share(of.loans.sum_where(nw.col("days_past_due") > 30, nw.col("balance")), exposure(of))


@feature("risk", "count", "近十二个月迟付三十天以上的期数", window="12 months", reads=SCHEDULE, missing="never missing",
         high=("more instalments over 30 days late in a year than most", "近一年迟付超三十天的期数多于多数客户"),
         low=("fewer instalments over 30 days late in a year than most", "近一年迟付超三十天的期数少于多数客户"),
         zero=("none of the year's instalments over 30 days late", "近一年到期各期无迟付超三十天"), history_months=0)
def n_late_30d_12m(of: Grains) -> nw.Expr:
    """Instalments due in the last 12 months and more than 30 days late."""
    return of.repayments.count(due_within(365) & (late > 30))


@feature("risk", "count", "近二十四个月迟付九十天以上的期数", window="24 months", reads=SCHEDULE, missing="never missing",
         high=("more instalments over 90 days late in two years than most", "近两年迟付超九十天的期数多于多数客户"),
         low=("fewer instalments over 90 days late in two years than most", "近两年迟付超九十天的期数少于多数客户"),
         zero=("no instalment over 90 days late in two years", "近两年无迟付超九十天"), history_months=0)
def n_late_90d_24m(of: Grains) -> nw.Expr:
    """Instalments due in the last 24 months and more than 90 days late, the usual mark of default (Basel, 90 days)."""
    return of.repayments.count(due_within(730) & (late > 90))


@feature("risk", "count", "当前内部评级；一为最好", window="on the date", reads="ratings.grade ratings.rated_on",
         missing="not rated yet, or no ratings table", high=("rated worse than most", "评级差于多数客户"),
         low=("rated better than most", "评级好于多数客户"), **_RATED, history_months=0)
def rating_grade(of: Grains) -> nw.Expr:
    """Notch of the rating in force on the bank's master scale; 1 the best."""
    return rating(of, "grade")


@feature("risk", "notches", "近三个月评级下调档数", window="3 months", history_months=3, reads="ratings.grade ratings.rated_on",
         by_sign=True,
         missing="not rated now or 3 months ago", high=("downgraded in three months", "近三个月评级下调"),
         low=("upgraded in three months", "近三个月评级上调"),
         zero=("rating unchanged in three months", "近三个月评级未变"), **_RATED)
def rating_notches_3m(of: Grains) -> nw.Expr:
    """Notches by which the rating is worse than 3 months ago; negative when it is better."""
    return rating(of, "grade") - rating(of, "grade", 91)


@feature("risk", "notches", "近十二个月评级下调档数", window="12 months", history_months=12,
         reads="ratings.grade ratings.rated_on", by_sign=True,
         missing="not rated now or 12 months ago", high=("downgraded in a year", "近一年评级下调"),
         low=("upgraded in a year", "近一年评级上调"),
         zero=("rating unchanged in a year", "近一年评级未变"), **_RATED)
def rating_notches_12m(of: Grains) -> nw.Expr:
    """Notches by which the rating is worse than 12 months ago; negative when it is better."""
    return rating(of, "grade") - rating(of, "grade", 365)


@feature("risk", "count", "当前IFRS 9减值阶段", window="on the date", reads="ratings.stage ratings.rated_on",
         missing="the rating in force gives no stage, or no ratings table",
         high=("later IFRS 9 stage than most", "减值阶段高于多数客户"),
         low=("earlier IFRS 9 stage than most", "减值阶段低于多数客户"),
         **_RATED, history_months=0)
def impairment_stage(of: Grains) -> nw.Expr:
    """IFRS 9 stage in force: 1 performing, 2 significant increase in credit risk, 3 credit-impaired."""
    return rating(of, "stage")


@feature("risk", "flag", "是否在观察名单", window="on the date", reads="ratings.is_watchlisted ratings.rated_on",
         missing="not said, or no ratings table", by_sign=True, high=("on the watch list", "已列入观察名单"),
         low=("not on the watch list", "未列入观察名单"),
         zero=("not on the watch list", "未列入观察名单"), **_RATED, history_months=0)
def is_watchlisted(of: Grains) -> nw.Expr:
    """Whether the customer is on the bank's watch list."""
    return rating(of, "is_watchlisted")


@feature("risk", "count", "近二十四个月因困难重组（展期、宽限）而撤销的期数", window="24 months",
         reads=_FORBORNE,
         missing="never missing", high=("more instalments forborne in two years than most", "近两年困难重组期数多于多数客户"),
         low=("fewer instalments forborne in two years than most", "近两年困难重组期数少于多数客户"),
         zero=("no forbearance in two years", "近两年无困难重组"), history_months=0, is_judgemental=True)
def n_forborne_24m(of: Grains) -> nw.Expr:
    """Instalments withdrawn from the schedule by forbearance in the last 24 months.

    Forbearance: a concession to a borrower in difficulty (EBA/GL/2018/06), so the bank's judgement of it; it counts from
    the day it was granted, once it is on the books.
    """
    return of.repayments.count(nw.col("is_forborne") & (nw.col("withdrawn_age_days") < 730))


@feature("risk", "months", "距上次困难重组的时间", window="whole record",
         reads=_FORBORNE,
         missing="never forborne", high=("forborne longer ago than most", "距上次困难重组时间长于多数客户"),
         low=("forborne more recently than most", "最近一次困难重组比多数客户更近"),
         zero=("forborne on the date", "当日困难重组"), history_months=0, is_judgemental=True)
def months_since_forbearance(of: Grains) -> nw.Expr:
    """Months since instalments were last withdrawn from the schedule by forbearance.

    Two years of probation follow before an exposure is forborne no more (Regulation (EU) 680/2014, annex V). Granting it
    is the bank's judgement.
    """
    return months(of.repayments.min(nw.when(nw.col("is_forborne")).then(nw.col("withdrawn_age_days"))))


@feature("risk", "share", "已过到期日的余额占比", window="on the date", reads=f"{OWED} {END}",
         missing="no balance whose maturity is known",
         high=("more balance past maturity than most", "到期未结清余额占比高于多数客户"),
         low=("less balance past maturity than most", "到期未结清余额占比低于多数客户"),
         zero=("no balance past maturity", "无到期未结清余额"), history_months=0)
def past_maturity_share(of: Grains) -> nw.Expr:
    """Share of the balance that stands on loans past their day of maturity; or past the end of a schedule beyond it.

    Among loans whose maturity is known. A credit line without a schedule that is not repaid when it ends shows here, not in
    the days past due.
    """
    balance, left = nw.col("balance"), nw.col("days_to_end")
    return share(of.loans.sum_where(left < 0, balance), of.loans.sum_where(~left.is_null(), balance))


@feature("risk", "ratio", "余额中由折扣后抵押物价值覆盖的比例", window="on the date", needs="collateral",
         reads=f"{OWED} collateral.collateral_id collateral.value collateral.haircut collateral.valued_on",
         missing="no balance, or no collateral table",
         high=("better covered by collateral than most", "抵押覆盖率高于多数客户"),
         low=("less covered by collateral than most", "抵押覆盖率低于多数客户"),
         zero=("nothing covered by collateral", "余额无抵押覆盖"), history_months=0)
def collateral_cover_ratio(of: Grains) -> nw.Expr:
    """Latest value of the collateral after its haircut over the balance; at most 1.

    What exceeds the balance of its own loan covers no other (volatility haircuts: Basel CRE22). Values count
    in whole units of the currency, haircuts in hundredths of a percent.
    """
    counted = of.collateral.loan_sum(nw.when(is_in_force()).then(nw.col("counted")).otherwise(0))
    owed = nw.col("balance")
    return share(of.loans.sum(nw.when(counted < owed).then(counted).otherwise(owed)), exposure(of))


@feature("risk", "months", "有效抵押物估值距今的时间（取最旧者）", window="whole record", needs="collateral",
         reads=f"collateral.collateral_id collateral.valued_on collateral.value {COMMITTED}",
         missing="no collateral in force for an active loan, or no collateral table",
         high=("collateral valued longer ago than most", "抵押物估值日期早于多数客户"),
         low=("collateral valued more recently than most", "抵押物估值日期晚于多数客户"),
         zero=("collateral valued on the date", "抵押物当日估值"), history_months=0)
def valuation_age_months(of: Grains) -> nw.Expr:
    """Months since the collateral of active loans was valued; the oldest valuation in force counting.

    CRR article 208(3) asks for at least one look at the value of commercial property a year. A released asset, valued at
    zero, counts no more, nor does that of a loan without balance and commitment.
    """
    standing = is_in_force() & (nw.col("value") > 0)
    oldest = of.collateral.loan_max(nw.when(standing).then(nw.col("age_days")))
    return months(of.loans.max(nw.when(is_active).then(oldest)))


def _secured(of: Grains, kinds: list[str]) -> nw.Expr:
    return share(*(of.loans.sum_where(nw.col("security").is_in(some), nw.col("balance")) for some in (kinds, SECURITIES)))


_SECURITY = {"window": "on the date", "reads": f"{OWED} loans.security", "history_months": 0,
             "missing": "no balance whose security is known, one of the three"}


@feature("risk", "share", "有抵押或担保的余额占比", **_SECURITY,
         high=("larger share of its balance secured than most", "有抵押或担保的余额占比高于多数客户"),
         low=("smaller share of its balance secured than most", "有抵押或担保的余额占比低于多数客户"),
         zero=("nothing secured", "余额均无抵押或担保"))
def secured_share(of: Grains) -> nw.Expr:
    """Share of the balance with collateral or a guarantee; among loans whose security is known."""
    return _secured(of, ["collateral", "guarantee"])


@feature("risk", "share", "由他人担保的余额占比", **_SECURITY,
         high=("larger share of its balance guaranteed by others than most", "由他人担保的余额占比高于多数客户"),
         low=("smaller share of its balance guaranteed by others than most", "由他人担保的余额占比低于多数客户"),
         zero=("nothing guaranteed by others", "无他人担保"))
def guaranteed_share(of: Grains) -> nw.Expr:
    """Share of the balance whose main security is a guarantee; among loans whose security is known."""
    return _secured(of, ["guarantee"])


@feature("risk", "share", "无抵押或担保的余额占比", **_SECURITY,
         high=("larger share of its balance unsecured than most", "无抵押或担保的余额占比高于多数客户"),
         low=("smaller share of its balance unsecured than most", "无抵押或担保的余额占比低于多数客户"),
         zero=("nothing unsecured", "余额均有抵押或担保"))
def unsecured_share(of: Grains) -> nw.Expr:
    """Share of the balance without security; among loans whose security is known."""
    return _secured(of, ["none"])


@feature("risk", "flag", "是否国有", window="on the date", reads="customers.ownership", by_sign=True,
         missing="ownership is unknown, or none of the three",
         high=("state-owned", "国有企业"), low=("not state-owned", "非国有企业"), zero=("not state-owned", "非国有企业"),
         history_months=0)
def is_state_owned(of: Grains) -> nw.Expr:
    """Whether the owner is the state."""
    return flag(nw.when(nw.col("ownership").is_in(OWNERS)).then(nw.col("ownership") == "state"))


@feature("risk", "months", "企业成立时间", window="whole record", reads="customers.founded_on",
         missing="the day it was founded is not known",
         high=("older firm than most", "企业成立时间长于多数客户"), low=("younger firm than most", "企业成立时间短于多数客户"),
         zero=("founded on the date", "企业当日成立"), history_months=0)
def firm_age_months(of: Grains) -> nw.Expr:
    """Months since the firm was founded."""
    return months(nw.col("founded_age_days"))


@feature("risk", "count", "最近一次额度变动是近二十四个月内银行调减的贷款笔数", window="24 months", needs="limits",
         is_judgemental=True, reads="loans.committed_amount limits.committed_amount limits.changed_on limits.cause",
         missing="the book has no limits table",
         high=("more of its limits cut by the bank in two years than most", "近两年被银行调减且仍生效的额度笔数多于多数客户"),
         low=("fewer of its limits cut by the bank in two years than most", "近两年被银行调减且仍生效的额度笔数少于多数客户"),
         zero=("no limit cut by the bank in two years that still stands", "近两年无仍生效的银行调减额度"), history_months=0)
def n_limits_cut_24m(of: Grains) -> nw.Expr:
    """Loans whose latest change of commitment is a cut decided by the bank in the last 24 months, so that it still stands."""
    return of.loans.count((nw.col("is_cut_by_bank") == 1) & (nw.col("commitment_age_days") < 730))


def _latest(of: Grains, column: str, year: int = 1) -> nw.Expr:
    """Of the latest published year, or of one before it, unless the latest ended over 24 months ago."""
    return of.financials.max(nw.when(nw.col("year_back") == year).then(nw.col(column)))


@feature("risk", "ratio", "债务（含未提用承诺）与息税折旧摊销前利润之比", window="12 months", needs="financials",
         reads=f"{_PUBLISHED} financials.total_debt financials.ebitda {COMMITTED}",
         missing="debt or EBITDA not published, or EBITDA not positive",
         high=("more debt against its earnings than most", "债务与息税折旧摊销前利润之比高于多数客户"),
         low=("less debt against its earnings than most", "债务与息税折旧摊销前利润之比低于多数客户"),
         zero=("no debt and nothing undrawn", "无债务且无未提用承诺"),
         history_months=0)
def leverage_ratio(of: Grains) -> nw.Expr:
    """Total debt with our undrawn commitments over EBITDA of the latest published year.

    After the ECB's Guidance on leveraged transactions (2017), where total debt includes what is committed and undrawn. The
    debt is of the day of the statement, the undrawn of the date. Missing where EBITDA is zero or below, which
    ``is_ebitda_negative`` says.
    """
    debt = _latest(of, "total_debt") + of.loans.sum(nw.col("undrawn"))
    return share(debt, _latest(of, "ebitda"))


@feature("risk", "flag", "息税折旧摊销前利润是否不为正", window="12 months", needs="financials",
         reads=f"{_PUBLISHED} financials.ebitda",
         missing="EBITDA not published, or no financials table", by_sign=True,
         high=("EBITDA is not positive", "息税折旧摊销前利润不为正"),
         low=("EBITDA is positive", "息税折旧摊销前利润为正"), zero=("EBITDA is positive", "息税折旧摊销前利润为正"),
         history_months=0)
def is_ebitda_negative(of: Grains) -> nw.Expr:
    """Whether EBITDA of the latest published year is zero or below; leverage then says nothing."""
    return flag(_latest(of, "ebitda") <= 0)


@feature("risk", "ratio", "利息保障倍数", window="12 months", needs="financials",
         reads=f"{_PUBLISHED} financials.ebitda financials.interest_expense",
         missing="EBITDA or interest not published, or no interest paid",
         high=("covers its interest better than most", "利息保障倍数高于多数客户"),
         low=("covers its interest less than most", "利息保障倍数低于多数客户"),
         zero=("earns nothing towards its interest", "无盈利保障利息"), history_months=0)
def interest_cover_ratio(of: Grains) -> nw.Expr:
    """EBITDA over interest expense, latest published year; below 0 where EBITDA is."""
    return share(_latest(of, "ebitda"), _latest(of, "interest_expense"))


@feature("risk", "count", "近三个年度中利息保障不足一倍的年数", window="whole record", history_months=0, needs="financials",
         reads=f"{_PUBLISHED} financials.ebitda financials.interest_expense",
         missing="no year with EBITDA and interest published",
         high=("more of three years with interest not covered than most", "近三个年度利息保障不足的年数多于多数客户"),
         low=("fewer of three years with interest not covered than most", "近三个年度利息保障不足的年数少于多数客户"),
         zero=("interest covered in each of three years", "近三个年度利息均有保障"))
def n_years_cover_below_one(of: Grains) -> nw.Expr:
    """Years of the latest three in which EBITDA did not cover the interest, where both were published.

    Three years in a row mark a "zombie" firm (Banerjee and Hofmann, "The rise of zombie firms", BIS Quarterly Review,
    September 2018, there on EBIT).
    """
    of_three = nw.col("year_back") <= 3
    known = of_three & ~nw.col("ebitda").is_null() & ~nw.col("interest_expense").is_null()
    below = of.financials.count(known & (nw.col("ebitda") < nw.col("interest_expense")))
    return nw.when(of.financials.count(known) > 0).then(below).otherwise(None)


@feature("risk", "ratio", "债务增速与销售增速之差", window="24 months", history_months=12, needs="financials", by_sign=True,
         reads=f"{_PUBLISHED} financials.total_debt financials.sales",
         missing="debt or sales of two years not published, or those of the year before not above zero",
         high=("debt grew faster than sales in the latest year", "最近年度债务增速高于销售增速"),
         low=("debt grew slower than sales in the latest year", "最近年度债务增速低于销售增速"),
         zero=("debt grew as sales did in the latest year", "最近年度债务与销售同步增长"))
def debt_minus_sales_growth_ratio(of: Grains) -> nw.Expr:
    """Growth of total debt less growth of sales; latest published year against the year before it."""
    debt, sales = (share(_latest(of, c), _latest(of, c, 2)) for c in ("total_debt", "sales"))
    return debt - sales


_REPORTED = "external_debt.lender external_debt.balance external_debt.reported_on"
_ELSEWHERE = {"window": "24 months", "needs": "external_debt", "history_months": 0}


def _is_current() -> nw.Expr:
    """The latest report of a lender, unless it has grown old: a lender who falls silent is owed nothing that we know of."""
    return is_in_force() & (nw.col("age_days") < 730)


@feature("risk", "count", "其他贷款机构数", **_ELSEWHERE, reads=_REPORTED, missing="the book has no external_debt table",
         high=("borrows from more other lenders than most", "其他贷款机构多于多数客户"),
         low=("borrows from fewer other lenders than most", "其他贷款机构少于多数客户"),
         zero=("no other lender", "无其他贷款机构"))
def n_other_lenders(of: Grains) -> nw.Expr:
    """Number of other lenders to whom the customer owes something; by their latest report of the last 24 months."""
    return of.external_debt.count(_is_current() & (nw.col("balance") > 0))


@feature("risk", "share", "其他机构债务占全部债务的比例", **_ELSEWHERE, reads=f"{_REPORTED} {OWED}",
         missing="no debt anywhere, or no external_debt table",
         high=("larger share of its debt with others than most", "其他机构债务占比高于多数客户"),
         low=("smaller share of its debt with others than most", "其他机构债务占比低于多数客户"),
         zero=("owes nothing to others", "无其他机构债务"))
def external_debt_share(of: Grains) -> nw.Expr:
    """Share of other lenders in what the customer owes to them, by their latest reports of the last 24 months, and to us."""
    elsewhere = of.external_debt.sum_where(_is_current(), nw.col("balance"))
    return share(elsewhere, elsewhere + exposure(of))


@feature("risk", "count", "近十二个月借新还旧的贷款笔数", window="12 months",
         reads=f"{_FORBORNE} repayments.is_opening loans.committed_amount loans.product loans.matures_on drawdowns.drawn_on",
         missing="never missing",
         high=("more loans rolled over in a year than most", "近一年借新还旧笔数多于多数客户"),
         low=("fewer loans rolled over in a year than most", "近一年借新还旧笔数少于多数客户"),
         zero=("no loan rolled over in a year", "近一年无借新还旧"), history_months=0)
def n_rollovers_12m(of: Grains) -> nw.Expr:
    """Bullet loans signed in the last 12 months for 0.5 to 1.5 times what an amortising loan repaid in the same month.

    A bullet is a term or project loan repaid in one instalment, or drawn and with a maturity but no instalment of
    principal known yet; an amortising loan is repaid in several; the month is the calendar month. Lending that repays
    lending is "evergreening" (Peek and Rosengren, "Unnatural Selection", 2005).
    """
    return of.loans.sum(of.shown("is_rollover"))


@feature("risk", "flag", "是否处于互保圈", window="on the date",
         reads="links.from_id links.to_id links.kind links.linked_on links.ended_on",
         missing="no guarantee link, or no links table", by_sign=True, high=("member of a guarantee circle", "处于互保圈"),
         low=("in no guarantee circle", "不在互保圈"),
         zero=("in no guarantee circle", "不在互保圈"), **_LINKED)
def is_in_guarantee_circle(of: Grains) -> nw.Expr:
    """Whether the customer is in a guarantee circle: customers who all guarantee each other, directly or through others.

    A strongly connected component of two or more, over guarantees in force; see features/circles.py.
    """
    return nw.col("is_in_circle")


@feature("risk", "money", "所在互保圈的授信总额", window="on the date",
         reads=f"links.from_id links.to_id links.kind links.linked_on links.ended_on {COMMITTED}",
         missing="in no guarantee circle, or no links table",
         high=("larger guarantee circle than most", "所在互保圈的授信总额高于多数客户"),
         low=("smaller guarantee circle than most", "所在互保圈的授信总额低于多数客户"),
         zero=("its guarantee circle owes nothing and can draw nothing", "所在互保圈无授信"), **_LINKED)
def circle_exposure_committed(of: Grains) -> nw.Expr:
    """Balance and undrawn commitment of all members of the customer's guarantee circle; itself included."""
    return nw.col("circle_exposure") / 100


@feature("risk", "count", "与违约客户的担保距离", window="on the date",
         reads=f"links.from_id links.to_id links.kind links.linked_on links.ended_on {SCHEDULE}",
         missing="no guarantee link, no chain of them to a customer in default, or no links table",
         high=("further from a default than most", "与违约客户的担保距离远于多数客户"),
         low=("nearer to a default than most", "与违约客户的担保距离近于多数客户"),
         zero=("in default itself", "自身违约"), **_LINKED)
def n_steps_to_default(of: Grains) -> nw.Expr:
    """Guarantees between a customer who has any and the nearest one in default; 0 when it is that itself.

    In default: over 90 days past due on a material instalment (Regulation (EU) 575/2013, article 178(1)(b)) in the last 3
    months, the least time that a default outlasts its arrears (EBA/GL/2016/07, paragraph 71). The bank's belief that a
    customer is unlikely to pay, the other mark of article 178, is a judgement and left out. Counted in either direction:
    a default reaches the guarantor who has to pay and the guaranteed whose security is gone.
    """
    return nw.col("steps_to_default")


@feature("risk", "days", "本户及所属集团当前最长逾期天数", window="on the date", reads=f"{UNPAID} customers.group_id",
         missing="never missing",
         high=("with its group if any, further past due than most", "连同所属集团（如有），逾期天数多于多数客户"),
         low=("with its group if any, less past due than most", "连同所属集团（如有），逾期天数少于多数客户"),
         zero=("with its group if any, nothing past due", "连同所属集团（如有），无逾期"), history_months=0)
def group_days_past_due_max(of: Grains) -> nw.Expr:
    """Worst days past due on the date in the customer's connected group; itself included."""
    return of.group_max(oldest_past_due)


@feature("risk", "share", "本户及所属集团占全行当日授信敞口的份额", window="on the date", reads=f"customers.group_id {COMMITTED}",
         missing="the book has no exposure",
         high=("with its group if any, larger share of the book than most", "连同所属集团（如有），占全行敞口份额高于多数客户"),
         low=("with its group if any, smaller share of the book than most", "连同所属集团（如有），占全行敞口份额低于多数客户"),
         zero=("with its group if any, no share of the book", "连同所属集团（如有），不占全行敞口"), history_months=0)
def group_exposure_share(of: Grains) -> nw.Expr:
    """Share of the customer with its connected group, its own without one, in the balance and undrawn commitment of the book.

    Connected customers are one risk: large exposures, Basel LEX10.
    """
    return share(of.group_sum(committed), of.portfolio_sum(committed))
