"""Need 客户需求: what the customer needs money for, how, and how steadily."""

from __future__ import annotations

import narwhals as nw

from features.catalogue import Grains, feature, share

_active = nw.col("is_active") == 1
_rhythm = nw.col("is_rhythm") == 1


@feature("need", "share", "余额占承诺的比例", high=("uses most of its limits", "额度使用率高"),
         low=("leaves its limits unused", "额度使用率低"))
def utilisation_share(of: Grains) -> nw.Expr:
    """Drawn balance over drawn balance plus undrawn commitment."""
    return share(of.loans.sum(nw.col("balance")), of.loans.sum(nw.col("balance") + nw.col("undrawn")))


@feature("need", "ratio", "近十二个月提款占敞口的比例", high=("draws heavily", "提款活跃"), low=("hardly draws", "很少提款"))
def drawn_12m_ratio(of: Grains) -> nw.Expr:
    """Drawdowns of the last 12 months over today's committed exposure."""
    drawn = of.drawdowns.sum_where(_rhythm & (nw.col("drawn_age_days") < 365), nw.col("amount"))
    return share(drawn, of.loans.sum(nw.col("balance") + nw.col("undrawn")))


@feature("need", "count", "近十二个月提款次数", high=("frequent drawdowns", "提款频繁"), low=("rare drawdowns", "提款稀少"))
def n_drawdowns_12m(of: Grains) -> nw.Expr:
    """Number of drawdowns in the last 12 months."""
    return of.drawdowns.count(_rhythm & (nw.col("drawn_age_days") < 365))


@feature("need", "days", "距上次提款的天数", high=("long since the last drawdown", "久未提款"),
         low=("drew recently", "近期有提款"))
def days_since_drawdown(of: Grains) -> nw.Expr:
    """Days since the last drawdown; missing without one."""
    return of.drawdowns.min(nw.when(_rhythm).then(nw.col("drawn_age_days")).otherwise(None))


@feature("need", "share", "近十二个月新签贷款占敞口的比例", high=("much new lending", "新增贷款多"),
         low=("no new lending", "无新增贷款"))
def new_lending_share_12m(of: Grains) -> nw.Expr:
    """Commitments signed in the last 12 months over all commitments of active loans; missing without active loans."""
    recent = of.loans.sum_where(_active & (nw.col("signed_age_days") < 365), nw.col("commitment"))
    return share(recent, of.loans.sum_where(_active, nw.col("commitment")))


@feature("need", "months", "加权剩余期限", high=("long remaining tenor", "剩余期限长"),
         low=("loans run out soon", "贷款即将到期"))
def remaining_tenor_months(of: Grains) -> nw.Expr:
    """Remaining months to maturity, weighted by balance; past maturity counts as zero."""
    dated = ~nw.col("days_to_maturity").is_null()
    left = nw.when(nw.col("days_to_maturity") > 0).then(nw.col("days_to_maturity")).otherwise(0)
    weighted = of.loans.sum_where(dated, left * nw.col("balance"))
    return share(weighted, of.loans.sum_where(dated, nw.col("balance"))) * 12 / 365.25


@feature("need", "share", "未来十二个月到期本金占余额的比例", high=("much falls due within a year", "一年内到期占比高"),
         low=("little falls due within a year", "一年内到期占比低"))
def due_share_12m(of: Grains) -> nw.Expr:
    """Principal falling due in the next 12 months over the balance, by the schedule known on the date."""
    soon = (nw.col("is_upcoming") == 1) & (nw.col("due_age_days") >= -365)
    coming = of.instalments.sum_where(soon, nw.col("unpaid_principal"))
    return share(coming, of.loans.sum(nw.col("balance")))


@feature("need", "rate", "加权利率", high=("pays a high rate", "利率高"), low=("pays a low rate", "利率低"))
def annual_rate_mean(of: Grains) -> nw.Expr:
    """Yearly rate weighted by balance over the loans whose rate is known."""
    known = ~nw.col("annual_rate").is_null()
    basis_points = (nw.col("annual_rate") * 10_000).round().cast(nw.Int64)
    weighted = of.loans.sum_where(known, basis_points * nw.col("balance"))
    return share(weighted, of.loans.sum_where(known, nw.col("balance"))) / 10_000
