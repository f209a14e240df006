"""Value 客户价值: what the customer brings the bank."""

from __future__ import annotations

import narwhals as nw

from features.catalogue import Grains, feature, money, share
from features.figures import (
    committed,
    exposure,
    exposure_at,
    fees,
    future_income,
    income,
    interest,
    is_active,
    months,
    rating,
    undrawn,
)

CAPITAL_PERCENT = 8

_RECEIVED = "repayments.amount_paid repayments.paid_on repayments.interest_due repayments.returned_on"
_OWED = f"loans.committed_amount drawdowns.amount drawdowns.drawn_on drawdowns.is_opening {_RECEIVED} repayments.is_opening"
_COMMITTED = f"{_OWED} limits.committed_amount loans.product loans.closed_on loans.matures_on"
_INCOME = f"{_RECEIVED} repayments.is_opening fees.amount fees.charged_on"
_AHEAD = f"{_RECEIVED} repayments.due_on repayments.scheduled_on repayments.superseded_on loans.annual_rate"


@feature("value", "money", "已提用的贷款余额", window="on the date", missing="never missing", reads=_OWED,
         high=("larger drawn exposure than most", "用信余额高于多数客户"),
         low=("smaller drawn exposure than most", "用信余额低于多数客户"), zero=("nothing drawn", "无用信余额"), history_months=0)
def exposure_drawn(of: Grains) -> nw.Expr:
    """Principal outstanding over all loans."""
    return money(exposure(of))


@feature("value", "money", "未提用的承诺额度", window="on the date", missing="never missing", reads=_COMMITTED,
         high=("more undrawn commitment than most", "未提用承诺高于多数客户"),
         low=("less undrawn commitment than most", "未提用承诺低于多数客户"), zero=("nothing left to draw", "无未提用承诺"),
         history_months=0)
def exposure_undrawn(of: Grains) -> nw.Expr:
    """Commitment that may still be drawn, over all open loans; a guarantee counts until it is called."""
    return money(of.loans.sum(undrawn))


@feature("value", "money", "余额与未提用承诺之和", window="on the date", missing="never missing", reads=_COMMITTED,
         high=("larger committed exposure than most", "授信敞口高于多数客户"),
         low=("smaller committed exposure than most", "授信敞口低于多数客户"),
         zero=("neither balance nor commitment", "既无余额也无承诺"), history_months=0)
def exposure_committed(of: Grains) -> nw.Expr:
    """Principal outstanding plus what may still be drawn."""
    return money(committed(of))


@feature("value", "share", "占全行当日授信敞口的份额", window="on the date", missing="the book has no exposure", reads=_COMMITTED,
         high=("larger share of the book than most", "占全行敞口份额高于多数客户"),
         low=("smaller share of the book than most", "占全行敞口份额低于多数客户"), zero=("no share of the book", "不占全行敞口"),
         history_months=0)
def exposure_share(of: Grains) -> nw.Expr:
    """Share of the book's committed exposure (balance and undrawn commitment) on the date."""
    return share(committed(of), of.portfolio_sum(committed(of)))


def _growth(of: Grains, months_back: int) -> nw.Expr:
    before, now = exposure_at(of, months_back), exposure(of)
    return share(now - before, nw.max_horizontal(now, before))


@feature("value", "ratio", "近六个月余额变动比例", window="6 months", missing="a balance neither then nor now", reads=_OWED,
         by_sign=True, high=("exposure has grown in six months", "近六个月用信余额增长"),
         low=("exposure has shrunk in six months", "近六个月用信余额收缩"),
         zero=("exposure unchanged in six months", "近六个月用信余额未变"), history_months=0)
def exposure_growth_6m_ratio(of: Grains) -> nw.Expr:
    """Change of the drawn balance over 6 months relative to the larger of then and now, from -1 to 1.

    Over the larger of the two, since the usual base, the balance then, is zero for a new borrower.
    """
    return _growth(of, 6)


@feature("value", "ratio", "近十二个月余额变动比例", window="12 months", missing="a balance neither then nor now", reads=_OWED,
         by_sign=True, high=("exposure has grown in a year", "近一年用信余额增长"),
         low=("exposure has shrunk in a year", "近一年用信余额收缩"), zero=("exposure unchanged in a year", "近一年用信余额未变"),
         history_months=0)
def exposure_growth_12m_ratio(of: Grains) -> nw.Expr:
    """Change of the drawn balance over 12 months relative to the larger of then and now, from -1 to 1.

    Over the larger of the two, since the usual base, the balance then, is zero for a new borrower.
    """
    return _growth(of, 12)


@feature("value", "money", "近十二个月实收利息", window="12 months", reads=_INCOME,
         missing="no instalment says how much interest is due",
         high=("pays more interest than most", "利息贡献高于多数客户"),
         low=("pays less interest than most", "利息贡献低于多数客户"), zero=("paid no interest in a year", "近一年未付利息"),
         history_months=0)
def interest_income_12m(of: Grains) -> nw.Expr:
    """Interest received in the last 12 months.

    A payment covers the interest of its instalment first, then principal.
    """
    return money(interest(of))


@feature("value", "money", "近十二个月手续费收入", window="12 months", reads="fees.amount fees.charged_on", needs="fees",
         missing="the book has no fees table", high=("pays more in fees than most", "手续费贡献高于多数客户"),
         low=("pays less in fees than most", "手续费贡献低于多数客户"), zero=("paid no fee in a year", "近一年无手续费"),
         history_months=0)
def fee_income_12m(of: Grains) -> nw.Expr:
    """Fees received in the last 12 months."""
    return money(fees(of))


@feature("value", "share", "占全行近十二个月利息与手续费收入的份额", window="12 months", reads=_INCOME,
         missing="neither its interest nor a fee is known, or the whole book paid none",
         high=("larger share of the bank's income than most", "收入占比高于多数客户"),
         low=("smaller share of the bank's income than most", "收入占比低于多数客户"),
         zero=("no share of the bank's income", "无收入贡献"), history_months=0)
def income_share_12m(of: Grains) -> nw.Expr:
    """Share of the interest and fees that the whole book paid in the last 12 months."""
    return share(income(of), of.portfolio_sum(income(of)))


@feature("value", "share", "近十二个月利息与手续费收入低于该客户的客户比例", window="12 months", reads=_INCOME,
         missing="neither its interest nor a fee is known",
         high=("ranks higher in income than most", "收入排名高于多数客户"),
         low=("ranks lower in income than most", "收入排名低于多数客户"),
         zero=("nobody brings less income", "没有客户的收入更低"), history_months=0)
def income_rank_share_12m(of: Grains) -> nw.Expr:
    """Share of the book's customers with known income who paid less interest and fees in the last 12 months."""
    return share(of.portfolio_rank(income(of)), of.portfolio_count(income(of)))


@feature("value", "rate", "加权利差（利率减资金成本）", window="on the date",
         reads=f"{_OWED} loans.annual_rate rates.annual_rate loans.funding_rate",
         missing="no drawn loan has both its rate and its funding rate",
         high=("wider margin than most", "利差高于多数客户"), low=("thinner margin than most", "利差低于多数客户"),
         zero=("no margin over funding", "无利差"), history_months=0)
def margin_rate(of: Grains) -> nw.Expr:
    """Yearly rate less the bank's funding rate, weighted by balance over the loans whose both rates are known.

    Balances weigh in whole units of the currency, rates in hundredths of a percent.
    """
    known = ~nw.col("rate_bp").is_null() & ~nw.col("funding_bp").is_null()
    units = nw.col("balance") // 100
    weighted = of.loans.sum_where(known, (nw.col("rate_bp") - nw.col("funding_bp")) * units)
    return share(weighted, of.loans.sum_where(known, units)) / 10_000


@feature("value", "months", "与本行合作的时间", window="whole record", reads="customers.onboarded_on loans.signed_on",
         missing="neither a customer nor a loan signed yet",
         high=("longer relationship than most", "合作时间长于多数客户"),
         low=("shorter relationship than most", "合作时间短于多数客户"), zero=("relationship begins on the date", "当日开始合作"),
         history_months=0)
def tenure_months(of: Grains) -> nw.Expr:
    """Months since it became a customer or signed its first loan, whichever came first."""
    return months(nw.max_horizontal(nw.col("onboarded_age_days"), of.loans.max(nw.col("signed_age_days"))))


@feature("value", "count", "在用贷款笔数", window="on the date", reads=_COMMITTED, missing="never missing",
         high=("more active loans than most", "在用贷款多于多数客户"),
         low=("fewer active loans than most", "在用贷款少于多数客户"), zero=("no active loan", "无在用贷款"), history_months=0)
def n_active_loans(of: Grains) -> nw.Expr:
    """Number of loans with a balance or an open commitment."""
    return of.loans.count(is_active)


@feature("value", "count", "使用的产品种类数", window="on the date", reads=_COMMITTED, missing="never missing",
         high=("uses more products than most", "使用产品种类多于多数客户"),
         low=("uses fewer products than most", "使用产品种类少于多数客户"), zero=("uses no product", "未使用任何产品"),
         history_months=0)
def n_product_families(of: Grains) -> nw.Expr:
    """Number of product families with an active loan: term, revolver, project, guarantee."""
    families = ("term", "revolver", "project", "guarantee")
    used = [of.loans.max(nw.when(is_active & (nw.col("product") == f)).then(1).otherwise(0)).fill_null(0)
            for f in families]
    return used[0] + used[1] + used[2] + used[3]


@feature("value", "money", "未来合同利息的现值", window="ahead", reads=_AHEAD,
         missing="no instalment of a loan with a known rate says how much interest is due",
         high=("more contractual income ahead than most", "未来合同收入高于多数客户"),
         low=("less contractual income ahead than most", "未来合同收入低于多数客户"),
         zero=("no contractual income ahead", "无未来合同收入"), history_months=0)
def future_income_discounted(of: Grains) -> nw.Expr:
    """Interest still to come under the schedules known on the date, discounted at each loan's rate at signing.

    Present value under simple interest, A / (1 + r t), t in years of 365 days, at the original rate as IFRS 9 discounts
    (appendix A, effective interest rate); loans are contracts, so nothing beyond the contract is counted (no
    expected-purchase model).
    """
    return money(future_income(of))


def _of_group(of: Grains, cents: nw.Expr) -> nw.Expr:
    """The figure summed over the group, as money; missing where nobody in the group has it."""
    return nw.when(~of.group_max(cents).is_null()).then(money(of.group_sum(cents))).otherwise(None)


@feature("value", "money", "本户及所属集团的授信敞口", window="on the date", reads=f"{_COMMITTED} customers.group_id",
         missing="never missing",
         high=("with its group, larger committed exposure than most", "连同所属集团，授信敞口高于多数客户"),
         low=("with its group, smaller committed exposure than most", "连同所属集团，授信敞口低于多数客户"),
         zero=("with its group, neither balance nor commitment", "连同所属集团，既无余额也无承诺"), history_months=0)
def group_exposure_committed(of: Grains) -> nw.Expr:
    """Balance and undrawn commitment of the customer's connected group; its own where it has no group."""
    return money(of.group_sum(committed(of)))


@feature("value", "money", "本户及所属集团近十二个月利息与手续费收入", window="12 months", reads=f"{_INCOME} customers.group_id",
         missing="neither interest nor a fee of the group is known",
         high=("with its group, brings more income than most", "连同所属集团，收入贡献高于多数客户"),
         low=("with its group, brings less income than most", "连同所属集团，收入贡献低于多数客户"),
         zero=("with its group, brings no income", "连同所属集团，无收入贡献"), history_months=0)
def group_income_12m(of: Grains) -> nw.Expr:
    """Interest and fees that the customer's connected group paid in the last 12 months; its own where it has no group."""
    return _of_group(of, income(of))


@feature("value", "money", "本户及所属集团未来合同利息的现值", window="ahead",
         reads=f"{_AHEAD} customers.group_id", missing="no instalment of the group says how much interest is due at which rate",
         high=("with its group, more contractual income ahead than most", "连同所属集团，未来合同收入高于多数客户"),
         low=("with its group, less contractual income ahead than most", "连同所属集团，未来合同收入低于多数客户"),
         zero=("with its group, no contractual income ahead", "连同所属集团，无未来合同收入"), history_months=0)
def group_future_income_discounted(of: Grains) -> nw.Expr:
    """Interest still to come from the customer's connected group, discounted at each loan's rate at signing.

    Present value as in future_income_discounted; its own where the customer has no group.
    """
    return _of_group(of, future_income(of))


@feature("value", "rate", "风险调整后资本回报率", window="12 months", needs="ratings", is_judgemental=True,
         reads=f"{_COMMITTED} fees.amount fees.charged_on loans.funding_rate ratings.pd ratings.lgd ratings.annual_cost",
         missing="PD, LGD, cost, interest or a funding rate is not given, or nothing is drawn",
         high=("returns more on the bank's capital than most", "风险调整回报高于多数客户"),
         low=("returns less on the bank's capital than most", "风险调整回报低于多数客户"),
         zero=("returns nothing on the bank's capital", "风险调整回报为零"), history_months=0)
def raroc_rate(of: Grains) -> nw.Expr:
    """Risk-adjusted return on capital: income less funding, cost and expected loss, over 8 % of the balance.

    Expected loss is PD times LGD times the balance; capital is the Basel minimum of 8 % at a risk weight of 100 %
    (unrated corporates, CRE20). Funding is a year's cost of today's balance. PD, LGD and cost are those of the rating in
    force; fees count as far as the book has them. Other missing inputs make it missing: none is invented.
    PD and LGD count in hundredths of a percent, and funding on the balance in whole units of the currency.
    """
    funded = ~nw.col("funding_bp").is_null()
    units = nw.col("balance") // 100
    funding = of.loans.sum_where(funded, nw.col("funding_bp") * units).cast(nw.Float64) / 10_000
    unfunded = of.loans.sum_where(~funded, nw.col("balance"))
    pd, lgd = (rating(of, name).cast(nw.Float64) / 10_000 for name in ("pd_bp", "lgd_bp"))
    earned = money(interest(of) + fees(of)) - funding - money(rating(of, "annual_cost"))
    owed = money(exposure(of))
    return nw.when((owed > 0) & (unfunded == 0)).then(
        (earned - pd * lgd * owed) / (owed * CAPITAL_PERCENT / 100)).otherwise(None)
