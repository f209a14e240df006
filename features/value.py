"""Value 客户价值: what the customer brings the bank."""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from features.catalogue import Grains, feature, money, share, taken_once
from features.figures import (
    COMMITTED,
    GRID,
    OWED,
    OWED_THEN,
    RECEIVED,
    balance_at,
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
    record_days,
    undrawn,
)

CAPITAL_PERCENT = 8
FAMILIES = ("term", "revolver", "project", "guarantee")

_INTEREST = f"{RECEIVED} repayments.principal_due repayments.scheduled_on repayments.is_opening loans.signed_on"
_INCOME = f"{_INTEREST} fees.amount fees.charged_on"
_AHEAD = f"{_INTEREST} repayments.due_on repayments.superseded_on loans.closed_on loans.annual_rate"


@feature("value", "money", "已提用的贷款余额", window="on the date", missing="never missing", reads=OWED,
         high=("larger drawn exposure than most", "用信余额高于多数客户"),
         low=("smaller drawn exposure than most", "用信余额低于多数客户"), zero=("nothing drawn", "无用信余额"), history_months=0)
def exposure_drawn(of: Grains) -> nw.Expr:
    """Principal outstanding over all loans."""
    return money(exposure(of))


@feature("value", "money", "未提用的承诺额度", window="on the date", missing="never missing", reads=COMMITTED,
         high=("more undrawn commitment than most", "未提用承诺高于多数客户"),
         low=("less undrawn commitment than most", "未提用承诺低于多数客户"), zero=("nothing left to draw", "无未提用承诺"),
         history_months=0)
def exposure_undrawn(of: Grains) -> nw.Expr:
    """Commitment that may still be drawn, over all open loans; a guarantee counts until it is called."""
    return money(of.loans.sum(undrawn))


@feature("value", "money", "余额与未提用承诺之和", window="on the date", missing="never missing", reads=COMMITTED,
         high=("larger committed exposure than most", "授信敞口高于多数客户"),
         low=("smaller committed exposure than most", "授信敞口低于多数客户"),
         zero=("neither balance nor commitment", "既无余额也无承诺"), history_months=0)
def exposure_committed(of: Grains) -> nw.Expr:
    """Principal outstanding plus what may still be drawn."""
    return money(committed(of))


@feature("value", "share", "占全行当日授信敞口的份额", window="on the date", missing="the book has no exposure", reads=COMMITTED,
         high=("larger share of the book than most", "占全行敞口份额高于多数客户"),
         low=("smaller share of the book than most", "占全行敞口份额低于多数客户"), zero=("no share of the book", "不占全行敞口"),
         history_months=0)
def exposure_share(of: Grains) -> nw.Expr:
    """Share of the book's committed exposure (balance and undrawn commitment) on the date."""
    return share(committed(of), of.portfolio_sum(committed))


def _growth(before: nw.Expr, now: nw.Expr) -> nw.Expr:
    return share(now - before, nw.max_horizontal(now, before))


@feature("value", "ratio", "近六个月余额变动比例", window="6 months", missing="a balance neither then nor now", reads=OWED_THEN,
         by_sign=True, high=("exposure has grown in six months", "近六个月用信余额增长"),
         low=("exposure has shrunk in six months", "近六个月用信余额收缩"),
         zero=("exposure unchanged in six months", "近六个月用信余额未变"), history_months=0)
def exposure_growth_6m_ratio(of: Grains) -> nw.Expr:
    """Change of the drawn balance over 6 months; relative to the larger of then and now, from -1 to 1.

    Over the larger of the two, since the usual base, the balance then, is zero for a new borrower.
    """
    return _growth(exposure_at(of, 6), exposure(of))


@feature("value", "ratio", "近十二个月余额变动比例", window="12 months", missing="a balance neither then nor now",
         reads=OWED_THEN, by_sign=True, high=("exposure has grown in a year", "近一年用信余额增长"),
         low=("exposure has shrunk in a year", "近一年用信余额收缩"), zero=("exposure unchanged in a year", "近一年用信余额未变"),
         history_months=0)
def exposure_growth_12m_ratio(of: Grains) -> nw.Expr:
    """Change of the drawn balance over 12 months; relative to the larger of then and now, from -1 to 1.

    Over the larger of the two, since the usual base, the balance then, is zero for a new borrower.
    """
    return _growth(exposure_at(of, 12), exposure(of))


@feature("value", "money", "近十二个月实收利息", window="12 months", reads=_INTEREST,
         missing="no instalment says how much interest is due",
         high=("paid more interest in a year than most", "近一年利息贡献高于多数客户"),
         low=("paid less interest in a year than most", "近一年利息贡献低于多数客户"),
         zero=("paid no interest in a year", "近一年未付利息"),
         history_months=0)
def interest_income_12m(of: Grains) -> nw.Expr:
    """Interest received in the last 12 months.

    A payment covers the interest of its instalment first, then principal.
    """
    return money(interest(of))


@feature("value", "money", "近十二个月手续费收入", window="12 months", reads="fees.amount fees.charged_on", needs="fees",
         missing="the book has no fees table", high=("paid more in fees in a year than most", "近一年手续费贡献高于多数客户"),
         low=("paid less in fees in a year than most", "近一年手续费贡献低于多数客户"),
         zero=("paid no fee in a year", "近一年无手续费"),
         history_months=0)
def fee_income_12m(of: Grains) -> nw.Expr:
    """Fees received in the last 12 months."""
    return money(fees(of))


@feature("value", "share", "占全行近十二个月利息与手续费收入的份额", window="12 months", reads=_INCOME,
         missing="neither its interest nor a fee is known, or the whole book paid none",
         high=("larger share of the bank's income in a year than most", "近一年占全行收入的份额高于多数客户"),
         low=("smaller share of the bank's income in a year than most", "近一年占全行收入的份额低于多数客户"),
         zero=("no share of the bank's income in a year", "近一年无收入贡献"), history_months=0)
def income_share_12m(of: Grains) -> nw.Expr:
    """Share of the interest and fees that the whole book paid in the last 12 months."""
    return share(income(of), of.portfolio_sum(income))


@feature("value", "share", "近十二个月利息与手续费收入低于该客户的客户比例", window="12 months", reads=_INCOME,
         missing="neither its interest nor a fee is known",
         high=("higher place by income of a year in the whole book than most", "近一年收入贡献在全行客户中的位次高于多数客户"),
         low=("lower place by income of a year in the whole book than most", "近一年收入贡献在全行客户中的位次低于多数客户"),
         zero=("nobody brought less income in a year", "近一年没有客户的收入贡献更低"), history_months=0)
def income_rank_share_12m(of: Grains) -> nw.Expr:
    """Share of the book's customers with known income who paid less interest and fees in the last 12 months."""
    return share(of.portfolio_rank(income), of.portfolio_count(income))


def _has_margin() -> nw.Expr:
    return ~nw.col("rate_bp").is_null() & ~nw.col("funding_bp").is_null()


@taken_once
def _margin(of: Grains) -> nw.Expr:
    """Rates less funding rates in hundredths of a percent, each times the balance in whole units of the currency."""
    return of.loans.sum_where(_has_margin(), (nw.col("rate_bp") - nw.col("funding_bp")) * (nw.col("balance") // 100))


@taken_once
def _margin_base(of: Grains) -> nw.Expr:
    """Balance in whole units of the currency over the loans whose both rates are known."""
    return of.loans.sum_where(_has_margin(), nw.col("balance") // 100)


@feature("value", "rate", "加权利差（利率减资金成本）", window="on the date",
         reads=f"{OWED} loans.annual_rate rates.annual_rate rates.changed_on loans.funding_rate",
         missing="no drawn loan has both its rate and its funding rate",
         high=("wider margin than most", "利差高于多数客户"), low=("thinner margin than most", "利差低于多数客户"),
         zero=("no margin over funding", "无利差"), history_months=0)
def margin_rate(of: Grains) -> nw.Expr:
    """Yearly rate less the bank's funding rate; weighted by balance over the loans whose both rates are known.

    Balances weigh in whole units of the currency, rates in hundredths of a percent.
    """
    return share(_margin(of), _margin_base(of)) / 10_000


@taken_once
def _tenure_days(of: Grains) -> nw.Expr:
    return nw.max_horizontal(nw.col("onboarded_age_days"), record_days(of))


@feature("value", "months", "与本行合作的时间", window="whole record", reads="customers.onboarded_on loans.signed_on",
         missing="neither a customer nor a loan signed yet",
         high=("longer relationship than most", "合作时间长于多数客户"),
         low=("shorter relationship than most", "合作时间短于多数客户"), zero=("relationship begins on the date", "当日开始合作"),
         history_months=0)
def tenure_months(of: Grains) -> nw.Expr:
    """Months since it became a customer or signed its first loan; whichever came first."""
    return months(_tenure_days(of))


@taken_once
def _active_loans(of: Grains) -> nw.Expr:
    return of.loans.count(is_active)


@feature("value", "count", "在用贷款笔数", window="on the date", reads=COMMITTED, missing="never missing",
         high=("more active loans than most", "在用贷款多于多数客户"),
         low=("fewer active loans than most", "在用贷款少于多数客户"), zero=("no active loan", "无在用贷款"), history_months=0)
def n_active_loans(of: Grains) -> nw.Expr:
    """Number of loans with a balance or an open commitment; a balance of any size counts, a cent too.

    The share of 1 % below which an instalment counts as settled does not end a loan.
    """
    return _active_loans(of)


@taken_once
def _uses(of: Grains, family: str) -> nw.Expr:
    """1 where the customer has an active loan of the product family, else 0."""
    return of.loans.max(nw.when(is_active & (nw.col("product") == family)).then(1).otherwise(0)).fill_null(0)


@feature("value", "count", "使用的产品种类数", window="on the date", reads=COMMITTED, missing="never missing",
         high=("uses more products than most", "所用产品种类多于多数客户"),
         low=("uses fewer products than most", "所用产品种类少于多数客户"), zero=("uses no product", "未使用任何产品"),
         history_months=0)
def n_product_families(of: Grains) -> nw.Expr:
    """Number of product families with an active loan: term, revolver, project, guarantee."""
    return sum((_uses(of, family) for family in FAMILIES), nw.lit(0))


@feature("value", "money", "未来合同利息的现值", window="ahead", reads=_AHEAD,
         missing="no instalment of a loan with a known rate says how much interest is due",
         high=("more contractual interest ahead than most", "未来合同利息高于多数客户"),
         low=("less contractual interest ahead than most", "未来合同利息低于多数客户"),
         zero=("no contractual interest ahead", "无未来合同利息"), history_months=0)
def future_income_discounted(of: Grains) -> nw.Expr:
    """Interest still to come under the schedules known on the date; discounted at each loan's rate at signing.

    Present value under simple interest, A / (1 + r t), t in years of 365 days, at the original rate as IFRS 9 discounts
    (appendix A, effective interest rate); loans are contracts, so nothing beyond the contract is counted (no
    expected-purchase model).
    """
    return money(future_income(of))


def _of_group(of: Grains, cents: Callable[[Grains], nw.Expr]) -> nw.Expr:
    """The figure summed over the group; missing where nobody in the group has it."""
    return nw.when(~of.group_max(cents).is_null()).then(of.group_sum(cents)).otherwise(None)


@feature("value", "money", "本户及所属集团已提用的贷款余额", window="on the date", reads=f"{OWED} customers.group_id",
         missing="never missing",
         high=("with its group if any, larger drawn exposure than most", "连同所属集团（如有），用信余额高于多数客户"),
         low=("with its group if any, smaller drawn exposure than most", "连同所属集团（如有），用信余额低于多数客户"),
         zero=("with its group if any, nothing drawn", "连同所属集团（如有），无用信余额"), history_months=0)
def group_exposure_drawn(of: Grains) -> nw.Expr:
    """Principal outstanding over all loans of the customer's connected group; its own where it has no group."""
    return money(of.group_sum(exposure))


@feature("value", "money", "本户及所属集团的授信敞口", window="on the date", reads=f"{COMMITTED} customers.group_id",
         missing="never missing",
         high=("with its group if any, larger committed exposure than most", "连同所属集团（如有），授信敞口高于多数客户"),
         low=("with its group if any, smaller committed exposure than most", "连同所属集团（如有），授信敞口低于多数客户"),
         zero=("with its group if any, neither balance nor commitment", "连同所属集团（如有），既无余额也无承诺"),
         history_months=0)
def group_exposure_committed(of: Grains) -> nw.Expr:
    """Balance and undrawn commitment of the customer's connected group; its own where it has no group."""
    return money(of.group_sum(committed))


@feature("value", "ratio", "本户及所属集团近六个月余额变动比例", window="6 months", reads=f"{OWED_THEN} customers.group_id",
         missing="a balance of the group neither then nor now", by_sign=True,
         high=("with its group if any, exposure has grown in six months", "连同所属集团（如有），近六个月用信余额增长"),
         low=("with its group if any, exposure has shrunk in six months", "连同所属集团（如有），近六个月用信余额收缩"),
         zero=("with its group if any, exposure unchanged in six months", "连同所属集团（如有），近六个月用信余额未变"),
         history_months=0)
def group_exposure_growth_6m_ratio(of: Grains) -> nw.Expr:
    """Change of the group's drawn balance over 6 months; relative to the larger of then and now, from -1 to 1.

    As ``exposure_growth_6m_ratio``, of those who belong to the group on the date; its own where it has no group.
    """
    return _growth(of.group_sum(exposure_at, 6), of.group_sum(exposure))


@feature("value", "ratio", "本户及所属集团近十二个月余额变动比例", window="12 months", reads=f"{OWED_THEN} customers.group_id",
         missing="a balance of the group neither then nor now", by_sign=True,
         high=("with its group if any, exposure has grown in a year", "连同所属集团（如有），近一年用信余额增长"),
         low=("with its group if any, exposure has shrunk in a year", "连同所属集团（如有），近一年用信余额收缩"),
         zero=("with its group if any, exposure unchanged in a year", "连同所属集团（如有），近一年用信余额未变"),
         history_months=0)
def group_exposure_growth_12m_ratio(of: Grains) -> nw.Expr:
    """Change of the group's drawn balance over 12 months; relative to the larger of then and now, from -1 to 1.

    As ``exposure_growth_12m_ratio``, of those who belong to the group on the date; its own where it has no group.
    """
    return _growth(of.group_sum(exposure_at, 12), of.group_sum(exposure))


@feature("value", "money", "本户及所属集团近十二个月利息与手续费收入", window="12 months", reads=f"{_INCOME} customers.group_id",
         missing="neither interest nor a fee of the group is known",
         high=("with its group if any, brought more income in a year than most",
               "连同所属集团（如有），近一年收入贡献高于多数客户"),
         low=("with its group if any, brought less income in a year than most",
              "连同所属集团（如有），近一年收入贡献低于多数客户"),
         zero=("with its group if any, brought no income in a year", "连同所属集团（如有），近一年无收入贡献"), history_months=0)
def group_income_12m(of: Grains) -> nw.Expr:
    """Interest and fees that the customer's connected group paid in the last 12 months; its own where it has no group."""
    return money(_of_group(of, income))


@feature("value", "share", "本户及所属集团占全行近十二个月利息与手续费收入的份额", window="12 months",
         reads=f"{_INCOME} customers.group_id",
         missing="neither interest nor a fee of the group is known, or the whole book paid none",
         high=("with its group if any, larger share of the bank's income in a year than most",
               "连同所属集团（如有），近一年占全行收入的份额高于多数客户"),
         low=("with its group if any, smaller share of the bank's income in a year than most",
              "连同所属集团（如有），近一年占全行收入的份额低于多数客户"),
         zero=("with its group if any, no share of the bank's income in a year", "连同所属集团（如有），近一年无收入贡献"),
         history_months=0)
def group_income_share_12m(of: Grains) -> nw.Expr:
    """Share of the customer's connected group, or its own, in the interest and fees that the book paid in 12 months."""
    return share(_of_group(of, income), of.portfolio_sum(income))


@feature("value", "share", "本户及所属集团近十二个月利息与手续费收入的排名；即收入更低的集团比例", window="12 months",
         reads=f"{_INCOME} customers.group_id", missing="neither interest nor a fee of the group is known",
         high=("with its group if any, higher place by income of a year among all groups than most",
               "连同所属集团（如有），近一年收入贡献在全行集团中的位次高于多数客户"),
         low=("with its group if any, lower place by income of a year among all groups than most",
              "连同所属集团（如有），近一年收入贡献在全行集团中的位次低于多数客户"),
         zero=("no group brought less income in a year than its own", "近一年没有集团的收入贡献低于其所属集团"), history_months=0)
def group_income_rank_share_12m(of: Grains) -> nw.Expr:
    """Share of the book's connected groups with known income that paid less interest and fees in 12 months than its own.

    As ``income_rank_share_12m``, each group counted once: its customers all have the same place, and a customer without a
    group is a group of its own.
    """
    return share(of.group_rank(income), of.group_count(income))


@feature("value", "rate", "本户及所属集团加权利差（利率减资金成本）", window="on the date",
         reads=f"{OWED} loans.annual_rate rates.annual_rate rates.changed_on loans.funding_rate customers.group_id",
         missing="no drawn loan of the group has both its rate and its funding rate",
         high=("with its group if any, wider margin than most", "连同所属集团（如有），利差高于多数客户"),
         low=("with its group if any, thinner margin than most", "连同所属集团（如有），利差低于多数客户"),
         zero=("with its group if any, no margin over funding", "连同所属集团（如有），无利差"), history_months=0)
def group_margin_rate(of: Grains) -> nw.Expr:
    """Yearly rate of the group's loans less the bank's funding rate; weighted by balance over those whose both rates are known.

    As ``margin_rate``; its own where it has no group.
    """
    return share(of.group_sum(_margin), of.group_sum(_margin_base)) / 10_000


@feature("value", "months", "本户及所属集团与本行合作的最长时间", window="whole record",
         reads="customers.onboarded_on loans.signed_on customers.group_id",
         missing="nobody in the group is a customer or has signed a loan yet",
         high=("with its group if any, longer relationship than most", "连同所属集团（如有），合作时间长于多数客户"),
         low=("with its group if any, shorter relationship than most", "连同所属集团（如有），合作时间短于多数客户"),
         zero=("relationship with its group begins on the date", "连同所属集团（如有），当日开始合作"), history_months=0)
def group_tenure_months(of: Grains) -> nw.Expr:
    """Months since the first of the customer's connected group became a customer or signed a loan; its own without a group."""
    return months(of.group_max(_tenure_days))


@feature("value", "count", "本户及所属集团在用贷款笔数", window="on the date", reads=f"{COMMITTED} customers.group_id",
         missing="never missing",
         high=("with its group if any, more active loans than most", "连同所属集团（如有），在用贷款多于多数客户"),
         low=("with its group if any, fewer active loans than most", "连同所属集团（如有），在用贷款少于多数客户"),
         zero=("with its group if any, no active loan", "连同所属集团（如有），无在用贷款"), history_months=0)
def n_group_active_loans(of: Grains) -> nw.Expr:
    """Number of loans of the customer's connected group with a balance or an open commitment; its own without a group.

    As ``n_active_loans``.
    """
    return of.group_sum(_active_loans)


@feature("value", "count", "本户及所属集团使用的产品种类数", window="on the date", reads=f"{COMMITTED} customers.group_id",
         missing="never missing",
         high=("with its group if any, uses more products than most", "连同所属集团（如有），所用产品种类多于多数客户"),
         low=("with its group if any, uses fewer products than most", "连同所属集团（如有），所用产品种类少于多数客户"),
         zero=("with its group if any, uses no product", "连同所属集团（如有），未使用任何产品"), history_months=0)
def n_group_product_families(of: Grains) -> nw.Expr:
    """Number of product families with an active loan in the customer's connected group; its own without a group.

    As ``n_product_families``: a family that several of the group use is one.
    """
    return sum((of.group_max(_uses, family) for family in FAMILIES), nw.lit(0))


@feature("value", "money", "本户及所属集团未来合同利息的现值", window="ahead",
         reads=f"{_AHEAD} customers.group_id", missing="no instalment of the group says how much interest is due at which rate",
         high=("with its group if any, more contractual interest ahead than most",
               "连同所属集团（如有），未来合同利息高于多数客户"),
         low=("with its group if any, less contractual interest ahead than most",
              "连同所属集团（如有），未来合同利息低于多数客户"),
         zero=("with its group if any, no contractual interest ahead", "连同所属集团（如有），无未来合同利息"), history_months=0)
def group_future_income_discounted(of: Grains) -> nw.Expr:
    """Interest still to come from the customer's connected group; discounted at each loan's rate at signing.

    Present value as in future_income_discounted; its own where the customer has no group.
    """
    return money(_of_group(of, future_income))


@feature("value", "rate", "风险调整后资本回报率", window="12 months", needs="ratings", is_judgemental=True,
         reads=f"{OWED_THEN} {_INCOME} loans.funding_rate ratings.rated_on ratings.pd ratings.lgd ratings.annual_cost",
         missing="less than 12 months since the first loan, no balance, or PD, LGD, cost, interest or funding not given",
         high=("returned more on the bank's capital in a year than most", "近一年风险调整后资本回报率高于多数客户"),
         low=("returned less on the bank's capital in a year than most", "近一年风险调整后资本回报率低于多数客户"),
         zero=("returned nothing on the bank's capital in a year", "近一年风险调整后资本回报率为零"), history_months=12)
def raroc_rate(of: Grains) -> nw.Expr:
    """Risk-adjusted return on capital: income less funding, cost and expected loss, over 8 % of the average balance.

    A year's income is set against the balance that earned it: the mean of the balances at twelve month-ends, the date's
    the last. Expected loss is PD times LGD times it; capital is the Basel minimum of 8 % at a risk weight of 100 %
    (unrated corporates, CRE20). PD, LGD and cost are those of the rating in force; fees count as far as the book has them.
    Other missing inputs make it missing: none is invented.
    PD and LGD count in hundredths of a percent, and funding on the balance in whole units of the currency.
    """
    funded, of_months = ~nw.col("funding_bp").is_null(), sum((balance_at(of, month) for month in GRID), nw.lit(0))
    funding = of.loans.sum_where(funded, nw.col("funding_bp") * (of_months // 100)).cast(nw.Float64) / 10_000 / 12
    unfunded, owed = of.loans.sum_where(~funded, of_months), money(of.loans.sum(of_months)) / 12
    pd, lgd = (rating(of, name).cast(nw.Float64) / 10_000 for name in ("pd_bp", "lgd_bp"))
    earned = money(interest(of) + fees(of)) - funding - money(rating(of, "annual_cost"))
    return nw.when((owed > 0) & (unfunded == 0) & (record_days(of) >= 365)).then(
        (earned - pd * lgd * owed) / (owed * CAPITAL_PERCENT / 100)).otherwise(None)
