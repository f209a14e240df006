"""What was known of every customer on a date. The only module that compares a date with ``as_of``.

A fact is known when both its own day and the day it was recorded are not after ``as_of``. Rows that exist but whose
later part is not known yet are kept and masked: an instalment due before the date and paid after it is unpaid here.
Three grains come out: instalments, drawdowns and loans, each with the keys customer_id and as_of. Ages are whole days
before ``as_of``; money is whole cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import narwhals as nw
import pandas as pd

from features.sources import Tables

ROW = ("customer_id", "as_of")
LOAN = (*ROW, "loan_id")


@dataclass(frozen=True)
class History:
    """The masked history of a cohort: lazy frames of customers, loans, drawdowns and instalments."""

    customers: nw.LazyFrame
    loans: nw.LazyFrame
    drawdowns: nw.LazyFrame
    instalments: nw.LazyFrame


def is_known(*days: str) -> nw.Expr:
    """Whether every one of these days is empty or not after ``as_of``."""
    return reduce(lambda a, b: a & b, ((nw.col(d) <= nw.col("as_of")).fill_null(True) for d in days))


def masked(column: str, *days: str) -> nw.Expr:
    """The column where its days are known, else missing."""
    return nw.when(is_known(*days)).then(nw.col(column)).otherwise(None).alias(column)


def age(day: str) -> nw.Expr:
    """Whole days from the day to ``as_of``; negative for the future."""
    return nw.col("as_of") - nw.col(day)


def history(cohort: pd.DataFrame, tables: Tables) -> History:
    """Cut the book to what was known of each cohort row on its date.

    Parameters
    ----------
    cohort : DataFrame
        customer_id and as_of (whole days since 1970-01-01), one row each.
    tables : Tables
        The kept rows of the book.
    """
    rows = tables.hold(cohort[list(ROW)])
    customers = _customers(rows, tables)
    loans = _loans(rows, tables)
    keys = loans.select(*LOAN)
    drawdowns = _drawdowns(keys, loans, tables)
    return History(customers, _with_commitment(loans, keys, tables), drawdowns, _instalments(keys, tables))


def _customers(rows: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    facts = ("industry", "ownership", "group_id", "country", "region")
    days = ("founded_on", "onboarded_on")
    joined = rows.join(tables.customers, on="customer_id", how="left")
    return joined.select(
        *ROW,
        *(masked(fact, "recorded_on") for fact in facts),
        *(nw.when(is_known("recorded_on", day)).then(age(day)).otherwise(None).alias(day.replace("_on", "_age_days"))
          for day in days),
    )


def _loans(rows: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    loans = rows.join(tables.loans, on="customer_id", how="inner").filter(is_known("signed_on", "recorded_on"))
    return loans.select(
        *LOAN, "product", "purpose", "security", "annual_rate",
        nw.col("committed_amount").alias("first_commitment"),
        signed_age_days=age("signed_on"),
        days_to_maturity=-age("matures_on"),
        tenor_days=nw.col("matures_on") - nw.col("signed_on"),
        closed_age_days=nw.when(is_known("closed_on", "closed_recorded_on")).then(age("closed_on")).otherwise(None),
    )


def _with_commitment(loans: nw.LazyFrame, keys: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """Loans with the commitment in force on the date: the latest known change, else the amount at signing."""
    if tables.limits is None:
        return loans.with_columns(commitment=nw.col("first_commitment"), commitment_age_days=nw.lit(None, nw.Int64),
                                  cut_by_bank=nw.lit(0, nw.Int64))
    changes = keys.join(tables.limits, on="loan_id", how="inner").filter(is_known("changed_on", "recorded_on"))
    changes = changes.with_columns(
        last=nw.col("changed_on").max().over(*LOAN),
        amount_before=nw.col("committed_amount").shift(1).over(*LOAN, order_by="changed_on"))
    latest = changes.filter(nw.col("changed_on") == nw.col("last")).select(
        *LOAN, "committed_amount", "amount_before", "cause", commitment_age_days=age("changed_on"))
    is_cut = nw.col("committed_amount") < nw.coalesce("amount_before", "first_commitment")
    return (
        loans.join(latest, on=list(LOAN), how="left")
        .with_columns(commitment=nw.coalesce("committed_amount", "first_commitment"),
                      cut_by_bank=nw.when(is_cut & (nw.col("cause") == "bank")).then(1).otherwise(0))
        .drop("committed_amount", "amount_before", "cause")
    )


def _drawdowns(keys: nw.LazyFrame, loans: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    if tables.drawdowns is None:
        in_full = loans.filter(nw.col("product") != "guarantee")
        return in_full.select(*LOAN, amount=nw.col("first_commitment"), drawn_age_days=nw.col("signed_age_days"),
                              is_rhythm=nw.lit(1, nw.Int64))
    known = keys.join(tables.drawdowns, on="loan_id", how="inner").filter(is_known("drawn_on", "recorded_on"))
    return known.select(*LOAN, "amount", drawn_age_days=age("drawn_on"),
                        is_rhythm=nw.when(nw.col("is_opening")).then(0).otherwise(1))


def _instalments(keys: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """One row per instalment known on the date, its payments summed; see the columns at the end."""
    paid_known = ~nw.col("paid_on").is_null() & is_known("paid_on", "recorded_on")
    is_unscheduled = (nw.col("principal_due") == 0) & (nw.col("interest_due") == 0).fill_null(False)
    rows = keys.join(tables.repayments, on="loan_id", how="inner").filter(
        (is_known("scheduled_on") & ~is_unscheduled) | paid_known)
    paid_age = nw.when(paid_known).then(age("paid_on")).otherwise(None)
    amount = nw.when(paid_known).then(nw.col("amount_paid")).otherwise(0)
    withdrawn = nw.when(is_known("superseded_on", "superseded_recorded_on")).then(nw.col("superseded_on")).otherwise(None)
    rows = rows.with_columns(
        amount=amount,
        amount_12m=nw.when(paid_known & (age("paid_on") < 365)).then(nw.col("amount_paid")).otherwise(0),
        paid_age_days=paid_age,
        due_age_days=age("due_on"),
        withdrawn_age_days=nw.col("as_of") - withdrawn,
        is_forborne=nw.when(~withdrawn.is_null() & (nw.col("superseded_by") == "forbearance")).then(1).otherwise(0),
        is_revised=nw.when(~withdrawn.is_null() & (nw.col("superseded_by") == "revision")).then(1).otherwise(0),
        is_opening=nw.when(nw.col("is_opening")).then(1).otherwise(0),
    )
    whole = rows.group_by(*LOAN, "instalment").agg(
        nw.col("due_age_days").max(), nw.col("principal_due").max(), nw.col("interest_due").max(),
        nw.col("amount").sum().alias("paid"), nw.col("amount_12m").sum().alias("paid_12m"),
        nw.col("paid_age_days").min().alias("last_paid_age_days"),
        nw.col("paid_age_days").count().alias("n_payments"),
        nw.col("withdrawn_age_days").max(), nw.col("is_forborne").max(), nw.col("is_revised").max(), nw.col("is_opening").max(),
    )
    due = nw.col("principal_due") + nw.col("interest_due").fill_null(0)
    whole = whole.with_columns(
        due=due,
        is_withdrawn=nw.when(~nw.col("withdrawn_age_days").is_null()).then(1).otherwise(0),
        principal_paid=_at_least_zero(nw.col("paid") - nw.col("interest_due").fill_null(0)),
        is_settled=nw.when(nw.col("paid") >= due).then(1).otherwise(0),
    )
    counts = (nw.col("due") > 0) & (nw.col("is_opening") == 0)
    # withdrawn before its day, or found to have been scheduled wrongly: nobody was late on it
    before_its_day = (nw.col("withdrawn_age_days") > nw.col("due_age_days")).fill_null(False)
    never_due = (before_its_day | (nw.col("is_revised") == 1)) & (nw.col("is_settled") == 0)
    late_until = (
        nw.when(nw.col("is_settled") == 1).then(nw.col("last_paid_age_days"))
        .when(nw.col("is_withdrawn") == 1).then(nw.col("withdrawn_age_days"))
        .otherwise(0)
    )
    is_due = counts & (nw.col("due_age_days") >= 0) & ~never_due
    interest_before = _at_least_zero(nw.col("interest_due") - (nw.col("paid") - nw.col("paid_12m")))
    return whole.with_columns(
        is_due=nw.when(is_due).then(1).otherwise(0),
        is_upcoming=nw.when(counts & (nw.col("due_age_days") < 0) & (nw.col("is_withdrawn") == 0)).then(1).otherwise(0),
        days_late=nw.when(is_due).then(_at_least_zero(nw.col("due_age_days") - late_until)).otherwise(None),
        overdue=nw.when(is_due & (nw.col("is_withdrawn") == 0))
        .then(_at_least_zero(nw.col("due") - nw.col("paid"))).otherwise(0),
        unpaid_principal=nw.when(nw.col("is_withdrawn") == 0)
        .then(_at_least_zero(nw.col("principal_due") - nw.col("principal_paid"))).otherwise(0),
        interest_12m=nw.when(~nw.col("interest_due").is_null())
        .then(nw.min_horizontal(nw.col("paid_12m"), interest_before)).otherwise(None),
        unscheduled=nw.when((nw.col("due") == 0) & (nw.col("is_opening") == 0)).then(nw.col("paid")).otherwise(0),
    )


def _at_least_zero(amount: nw.Expr) -> nw.Expr:
    return nw.when(amount > 0).then(amount).when(amount <= 0).then(0).otherwise(None)
