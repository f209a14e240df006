"""Value 客户价值: what the customer brings the bank."""

from __future__ import annotations

import narwhals as nw

from features.catalogue import Grains, feature, money, share

_balance, _undrawn, _active = nw.col("balance"), nw.col("undrawn"), nw.col("is_active") == 1


@feature("value", "money", "已提用的贷款余额", high=("large drawn exposure", "用信余额大"),
         low=("small drawn exposure", "用信余额小"))
def exposure_drawn(of: Grains) -> nw.Expr:
    """Principal outstanding over all loans."""
    return money(of.loans.sum(_balance))


@feature("value", "money", "余额与未提用承诺之和", high=("large commitment", "授信承诺大"),
         low=("small commitment", "授信承诺小"))
def exposure_committed(of: Grains) -> nw.Expr:
    """Principal outstanding plus what may still be drawn."""
    return money(of.loans.sum(_balance + _undrawn))


@feature("value", "share", "占全行当日敞口的份额", high=("large share of the book", "占全行敞口份额高"),
         low=("small share of the book", "占全行敞口份额低"))
def exposure_share(of: Grains) -> nw.Expr:
    """Share of the book's committed exposure on the date."""
    own = of.loans.sum(_balance + _undrawn)
    return share(own, of.portfolio_sum(own))


@feature("value", "money", "近十二个月实收利息", high=("high interest income", "利息贡献高"),
         low=("low interest income", "利息贡献低"))
def interest_income_12m(of: Grains) -> nw.Expr:
    """Interest received in the last 12 months; missing where no instalment says how much interest was due."""
    known = of.instalments.max(nw.col("interest_12m"))
    return nw.when(~known.is_null()).then(money(of.instalments.sum(nw.col("interest_12m")))).otherwise(None)


@feature("value", "share", "占全行近十二个月利息收入的份额", high=("large share of the bank's income", "收入占比高"),
         low=("small share of the bank's income", "收入占比低"))
def interest_income_share_12m(of: Grains) -> nw.Expr:
    """Share of the interest that the whole book paid in the last 12 months."""
    own = of.instalments.sum(nw.col("interest_12m"))
    return share(own, of.portfolio_sum(own))


@feature("value", "ratio", "近十二个月余额变动比例", high=("exposure is growing", "用信余额增长"),
         low=("exposure is shrinking", "用信余额收缩"))
def exposure_growth_12m_ratio(of: Grains) -> nw.Expr:
    """Change of the drawn balance over 12 months relative to the larger of then and now, from -1 to 1."""
    now = of.loans.sum(_balance)
    drawn = of.drawdowns.sum_where((nw.col("is_rhythm") == 1) & (nw.col("drawn_age_days") < 365), nw.col("amount"))
    repaid = of.instalments.sum_where(nw.col("is_opening") == 0, _principal_paid_12m())
    then = now - drawn + repaid
    before = nw.when(then > 0).then(then).otherwise(0)  # payments of unknown interest can exceed what was drawn
    larger = nw.max_horizontal(now, before)
    return share(now - before, larger)


@feature("value", "months", "与本行合作的时间", high=("long relationship", "合作时间长"),
         low=("short relationship", "合作时间短"))
def tenure_months(of: Grains) -> nw.Expr:
    """Months since the first loan was signed."""
    return of.loans.max(nw.col("signed_age_days")).cast(nw.Float64) * 12 / 365.25


@feature("value", "count", "在用贷款笔数", high=("many active loans", "在用贷款多"), low=("few active loans", "在用贷款少"))
def n_active_loans(of: Grains) -> nw.Expr:
    """Number of loans with a balance or an open commitment."""
    return of.loans.count(_active)


@feature("value", "count", "使用的产品种类数", high=("uses several products", "使用产品种类多"),
         low=("uses few products", "使用产品种类少"))
def n_product_families(of: Grains) -> nw.Expr:
    """Number of product families with an active loan: term, revolver, project, guarantee."""
    families = ("term", "revolver", "project", "guarantee")
    used = [of.loans.max(nw.when(_active & (nw.col("product") == f)).then(1).otherwise(0)).fill_null(0)
            for f in families]
    return used[0] + used[1] + used[2] + used[3]


def _principal_paid_12m() -> nw.Expr:
    """Principal part of the payments of the last 12 months on one instalment: what interest did not take."""
    return nw.col("paid_12m") - nw.col("interest_12m").fill_null(0)
