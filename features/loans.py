"""The loans on a date: what their rows sum to, what is owed and undrawn, and what they show beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import narwhals as nw

from features.arrears import late_records
from features.catalogue import LOAN_GRAINS, Grain, Grains
from features.days import with_calendar_month
from features.history import OF_CUSTOMER, OF_LOAN, RECORD_DAYS, History, is_in_force, repayments_known
from features.sources import Tables

#: A loan paid off is followed by new lending when another is signed from 30 days before to 90 days after.
RENEWED_BEFORE_DAYS, RENEWED_AFTER_DAYS = 30, 90
#: A loan is paid off early when this long before its maturity.
EARLY_DAYS = 30


@dataclass(frozen=True)
class Shown:
    """Columns that loans show beside each other, kept by the engine, and the keys by which the loans get them."""

    names: tuple[str, ...]
    keys: tuple[str, ...]
    rows: nw.LazyFrame


def aggregated(rows: nw.LazyFrame, keys: Sequence[str], grain: Grain, *more: nw.Expr) -> nw.LazyFrame:
    """The rows summed up by their keys: the grain's figures, and more; whole numbers stay whole numbers."""
    figures = [getattr(e, how)().cast(nw.Int64).alias(name) for name, how, e in grain.aggregates]
    return rows.group_by(*keys).agg(*more, *figures)


def with_missing(rows: nw.LazyFrame, names: Sequence[str]) -> nw.LazyFrame:
    """The rows with missing whole numbers in columns of these names: what a table that is not there would fill."""
    return rows.with_columns(**dict.fromkeys(names, nw.lit(None, nw.Int64))) if names else rows


def figures_of_loans(grains: Grains) -> list[nw.Expr]:
    """What features take of loans' rows, summed up once more per customer."""
    return [getattr(nw.col(name), how)().cast(nw.Int64).alias(name) for g in LOAN_GRAINS
            for name, how, _ in getattr(grains, g).aggregates if name in getattr(grains, g).of_customer]


def loans_on_the_date(past: History, grains: Grains) -> nw.LazyFrame:
    """One row per loan and date: its terms, its balance, and the figures that features take of its rows.

    Adds to the columns of the history: drawn, owed (below zero when overpaid), balance, commitment, undrawn, rate_bp as of
    the date, commitment_age_days, is_cut_by_bank, is_active, overdue, days_past_due, last_payment_age_days,
    payoff_age_days (where more could be drawn after the last payment: when that ended), n_principal_instalments,
    late_since_age_days (of the last 24 months); days_to_end, where a schedule that stands beyond the maturity agreed
    has extended the loan, and days_to_scheduled_end, which counts what has been prepaid too. Until when it can be drawn
    is what was agreed.
    """
    loans = past.whole
    for name in reversed(LOAN_GRAINS):  # the widest last
        if name in past.rows:
            grain = getattr(grains, name)
            loans = loans.join(aggregated(past.rows[name], OF_LOAN, grain, *_own(name)), on=list(OF_LOAN), how="left")
    of_tables = {"limits": ("limit_now", "changed_age_days", "is_cut_by_bank"), "rates": ("rate_now_bp",)}
    loans = with_missing(loans, [c for name, columns in of_tables.items() if name not in past.rows for c in columns])
    agreed = nw.col("days_to_maturity")
    loans = loans.with_columns(**{name: nw.when(~agreed.is_null()).then(nw.max_horizontal(agreed, last)) for name, last in (
        ("days_to_end", "last_due_in_days"), ("days_to_scheduled_end", "last_scheduled_in_days"))})
    is_line, commitment = nw.col("product") == "revolver", nw.coalesce("limit_now", "first_commitment")
    drawn = nw.col("drawn").fill_null(0)
    owed = drawn - nw.col("principal_repaid").fill_null(0)
    balance = nw.when(owed > 0).then(owed).otherwise(0)  # what was overpaid is no more to draw
    room = commitment - nw.when(is_line).then(balance).otherwise(drawn)
    can_draw = nw.col("closed_age_days").is_null() & (nw.col("days_to_maturity") >= 0).fill_null(True) & (room > 0)
    paid, matured = nw.col("last_payment_age_days"), nw.when(nw.col("days_to_maturity") < 0).then(-nw.col("days_to_maturity"))
    cancelled = nw.when(is_line & (commitment == 0)).then(nw.col("changed_age_days"))
    ended = nw.max_horizontal("closed_age_days", matured, cancelled)
    could_draw = is_line | (room > 0)
    paid_off = nw.when(could_draw & ~paid.is_null()).then(nw.min_horizontal(paid, ended)).otherwise(paid)
    return loans.with_columns(
        commitment=commitment,
        rate_bp=nw.coalesce("rate_now_bp", "rate_bp"),
        overdue=nw.col("overdue").fill_null(0),
        is_cut_by_bank=nw.col("is_cut_by_bank").fill_null(0),
        owed=owed,
        balance=balance,
        undrawn=nw.when(can_draw).then(room).otherwise(0),
        is_active=nw.when((owed > 0) | can_draw).then(1).otherwise(0),
        commitment_age_days=nw.col("changed_age_days"),
        payoff_age_days=nw.when(drawn > 0).then(paid_off),
    )


def _own(grain: str) -> list[nw.Expr]:
    """What every loan shows of the grain, whatever the features ask for."""
    if grain == "repayments":
        # a prepaid schedule was one all the same; a revised or rescheduled one has been replaced
        is_replaced, owing = nw.col("is_revised") | nw.col("is_forborne"), nw.col("overdue") > 0
        counts = (nw.col("principal_due") > 0) & ~nw.col("is_opening") & ~is_replaced
        figures = {
            "principal_repaid": nw.col("principal_part").sum(),
            "overdue": nw.col("overdue").sum(),
            "days_past_due": nw.when(owing).then(nw.col("fell_due_age_days")).max(),
            "last_payment_age_days": nw.col("cash_age_days").min(),
            "n_principal_instalments": nw.when(counts).then(1).otherwise(0).sum(),
            "late_since_age_days": nw.when((nw.col("days_late") > 0) & (nw.col("late_until_age_days") < RECORD_DAYS)).then(
                nw.col("fell_due_age_days")).max(),
            "last_due_in_days": nw.when(nw.col("falls_due") & nw.col("withdrawn_age_days").is_null()).then(
                -nw.col("due_age_days")).max(),
            "last_scheduled_in_days": nw.when(nw.col("falls_due") & ~is_replaced).then(-nw.col("due_age_days")).max(),
        }
    elif grain == "drawdowns":
        figures = {"drawn": nw.col("amount").sum()}
    elif grain == "limits":
        now = is_in_force()
        is_cut = now & (nw.col("change") < 0) & (nw.col("cause") == "bank")
        figures = {"limit_now": nw.when(now).then(nw.col("committed_amount")).max(),
                   "changed_age_days": nw.col("age_days").min(), "is_cut_by_bank": nw.when(is_cut).then(1).max()}
    elif grain == "rates":
        figures = {"rate_now_bp": nw.when(is_in_force()).then(nw.col("rate_bp")).max()}
    else:
        return []
    return [e.cast(nw.Int64).alias(name) for name, e in figures.items()]


def what_loans_show(loans: nw.LazyFrame, grains: Grains, tables: Tables, n_dates: int) -> list[Shown]:
    """What features take of loans, or of the instalments of one, that only shows when they stand beside each other.

    is_renewed, of a loan paid off; is_rollover; late_run, n_cures and n_relapses of the last 24 months; and of a product
    product_median_bp, the median rate of its active loans on the date.
    """
    kinds = (
        (("is_renewed",), OF_LOAN, lambda: [_renewed(loans)]),
        (("is_rollover",), OF_LOAN, lambda: [_rolled_over(loans, tables)]),
        (("late_run", "n_cures", "n_relapses"), OF_LOAN, lambda: late_records(loans, tables, n_dates)),
        (("product_median_bp",), ("as_of", "product"), lambda: [_product_medians(loans)]))
    return [Shown(names, keys, tables.keep(rows())) for names, keys, rows in kinds if not grains.shows.isdisjoint(names)]


def add_what_loans_show(loans: nw.LazyFrame, shown: Iterable[Shown], grains: Grains, tables: Tables) -> nw.LazyFrame:
    """Add what the loans show, is_early_payoff, and the figures that features share."""
    counts, absent = [], set(tables.lacks(LOAN_GRAINS)) - {"drawdowns"}  # without that table loans are drawn in full
    for one in shown:
        loans = loans.join(one.rows, on=list(one.keys), how="left")
        counts += one.names if one.keys == OF_LOAN else ()
    ahead = nw.col("payoff_age_days") + nw.col("days_to_scheduled_end")  # payoff before maturity by so many days
    loans = with_missing(loans, [name for grain in LOAN_GRAINS if grain in absent
                                 for name, _, _ in getattr(grains, grain).aggregates])
    loans = loans.with_columns(
        **{name: nw.col(name).fill_null(0) for name in counts},
        is_early_payoff=nw.when((nw.col("is_active") == 0) & (ahead > EARLY_DAYS)).then(1).otherwise(0))
    return grains.with_figures("loan", loans)


def purposes_on_the_date(loans: nw.LazyFrame) -> nw.LazyFrame:
    """One row per customer, date and purpose: commitment of active loans, of those signed within 12 months, is_new."""
    is_recent, is_active = nw.col("signed_age_days") < 365, nw.col("is_active") == 1
    named = loans.filter(~nw.col("purpose").is_null())
    rows = named.group_by(*OF_CUSTOMER, "purpose").agg(
        nw.when(is_active).then(nw.col("commitment")).otherwise(0).sum().cast(nw.Int64).alias("active_commitment"),
        nw.when(is_recent).then(nw.col("first_commitment")).otherwise(0).sum().cast(nw.Int64).alias("recent_commitment"),
        nw.col("signed_age_days").max().alias("first_age_days"))
    return rows.with_columns(is_new=nw.when(nw.col("first_age_days") < 365).then(1).otherwise(0))


def _product_medians(loans: nw.LazyFrame) -> nw.LazyFrame:
    active = loans.filter((nw.col("is_active") == 1) & ~nw.col("rate_bp").is_null())
    return active.group_by("as_of", "product").agg(nw.col("rate_bp").median().alias("product_median_bp"))


def _renewed(loans: nw.LazyFrame) -> nw.LazyFrame:
    """Loans paid off beside which another was signed."""
    paid_off = loans.filter((nw.col("is_active") == 0) & (nw.col("payoff_age_days") < RECORD_DAYS))
    paid_off = paid_off.select(*OF_CUSTOMER, "loan_key", "payoff_age_days")
    signed = loans.select(*OF_CUSTOMER, other_key=nw.col("loan_key"), signed=nw.col("signed_age_days"))
    after = nw.col("payoff_age_days") - nw.col("signed")  # days from the payoff to the signing
    pairs = paid_off.join(signed, on=list(OF_CUSTOMER), how="inner").filter(
        (nw.col("other_key") != nw.col("loan_key")) & (after >= -RENEWED_BEFORE_DAYS) & (after <= RENEWED_AFTER_DAYS))
    return pairs.select(*OF_LOAN).unique().with_columns(is_renewed=nw.lit(1, nw.Int64))


def _rolled_over(loans: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """New bullet loans of half to one and a half times what an amortising loan was repaid by in the same month.

    A bullet has one instalment of principal, or none yet although it is drawn and has a maturity.
    Borrowing to repay keeps a loan alive that the business does not carry: "evergreening" (Peek and Rosengren 2005).
    """
    is_lent, n = ~nw.col("product").is_in(["revolver", "guarantee"]), nw.col("n_principal_instalments").fill_null(0)
    has_no_schedule = (n == 0) & (nw.col("drawn") > 0) & ~nw.col("days_to_maturity").is_null()
    bullets = loans.filter(is_lent & ((n == 1) | has_no_schedule) & (nw.col("signed_age_days") < 365))
    bullets = with_calendar_month(bullets.select(*OF_CUSTOMER, "loan_key", "first_commitment", "signed_on"), nw.col("signed_on"))
    amortising = loans.filter(nw.col("n_principal_instalments") > 1)
    amortising = amortising.join(bullets.select(*OF_CUSTOMER).unique(), on=list(OF_CUSTOMER), how="semi")
    rows = repayments_known(amortising.select(*OF_LOAN, "rate_bp", "closed_age_days"), tables).filter(
        (nw.col("principal_part") > 0) & (nw.col("cash_age_days") < 365 + 31))
    rows = with_calendar_month(rows.select(*OF_LOAN, "principal_part", paid_on=nw.col("as_of") - nw.col("cash_age_days")),
                               nw.col("paid_on"))
    repaid = rows.group_by(*OF_LOAN, "month").agg(nw.col("principal_part").sum().cast(nw.Int64).alias("repaid"))
    repaid = repaid.join(amortising.select(*OF_CUSTOMER, "loan_key"), on=list(OF_LOAN), how="inner").drop("loan_key")
    pairs = bullets.join(repaid, on=[*OF_CUSTOMER, "month"], how="inner").filter(
        (2 * nw.col("first_commitment") >= nw.col("repaid")) & (2 * nw.col("first_commitment") <= 3 * nw.col("repaid")))
    return pairs.select(*OF_LOAN).unique().with_columns(is_rollover=nw.lit(1, nw.Int64))
