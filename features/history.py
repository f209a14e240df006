"""What was known of every customer on a date. The only module that compares a date with ``as_of``.

A fact is known when neither its own day nor the day it was recorded lies after ``as_of``. Rows that exist but whose
later part is not known yet are kept and masked: an instalment due before the date and paid after it is unpaid here.
Every grain has the keys ``as_of`` and ``customer_key`` or ``loan_key``. Ages are whole days before ``as_of``, negative
for what lies ahead; money is whole cents, rates are basis points, flags are 1 and 0.

A table of changing values (limits, rates, ratings, collateral, external debt) says of each row how long it was in
force: ``is_in_force(n)`` holds for the one row that was the latest n days before the date.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import narwhals as nw

from features.days import grid_month
from features.repayments import repayment_rows
from features.sources import Tables

OF_CUSTOMER = ("as_of", "customer_key")
OF_LOAN = ("as_of", "loan_key")
#: The longest window, 24 months.
RECORD_DAYS = 730


@dataclass(frozen=True)
class History:
    """The masked history of loans, or of customers, and the rows of each grain of theirs that the book has."""

    whole: nw.LazyFrame
    rows: dict[str, nw.LazyFrame]


def is_known(*days: str) -> nw.Expr:
    """Whether every one of these days is empty or not after ``as_of``."""
    return reduce(lambda a, b: a & b, ((nw.col(d) <= nw.col("as_of")).fill_null(True) for d in days))


def masked(column: str, *days: str) -> nw.Expr:
    """The column where its days are known, else missing."""
    return nw.when(is_known(*days)).then(nw.col(column)).otherwise(None).alias(column)


def age(day: str) -> nw.Expr:
    """Whole days from the day to ``as_of``; negative for the future."""
    return nw.col("as_of") - nw.col(day)


def is_in_force(days_ago: int = 0) -> nw.Expr:
    """Whether a row of changing values was the latest one so many days before the date."""
    return (nw.col("age_days") >= days_ago) & (nw.col("until_age_days") < days_ago).fill_null(True)


def basis_points(rate: str) -> nw.Expr:
    """A yearly rate as whole basis points, 0.045 as 450: sums of whole numbers do not depend on their order."""
    return (nw.col(rate) * 10_000).round().cast(nw.Int64)


def history_of_loans(cohort: nw.LazyFrame, tables: Tables) -> History:
    """What was known of each cohort row's loans on its date.

    Parameters
    ----------
    cohort : LazyFrame
        customer_key and as_of (whole days since 1970-01-01), one row each, in the engine of the tables.
    tables : Tables
        The kept rows of the book.
    """
    loans = _loans(cohort, tables)
    keys = loans.select(*OF_LOAN, "rate_bp", "closed_age_days")
    rows = {"repayments": repayments_known(keys, tables), "drawdowns": _drawdowns(keys, loans, tables)}
    if tables.limits is not None:
        rows["limits"] = _limits(keys, loans, tables)
    if tables.rates is not None:
        rows["rates"] = _rates(keys, tables)
    if tables.collateral is not None:
        rows["collateral"] = _collateral(keys, tables)
    return History(loans, rows)


def history_of_customers(cohort: nw.LazyFrame, tables: Tables) -> History:
    """What was known of each cohort row itself on its date; the parameters are those of ``history_of_loans``."""
    readers = {"fees": _fees, "ratings": _ratings, "contacts": _contacts, "financials": _financials,
               "external_debt": _external_debt}
    rows = {name: read(cohort, tables) for name, read in readers.items() if not tables.lacks([name])}
    return History(_customers(cohort, tables), rows)


def repayments_known(keys: nw.LazyFrame, tables: Tables, due_within: nw.Expr | None = None) -> nw.LazyFrame:
    """Instalments and payments of loans on their dates, as features/repayments.py says.

    ``keys`` has as_of, loan_key, rate_bp and closed_age_days.

    ``due_within`` leaves out instalments, and payments on them, whose day is so many days ago or more, or still to come.
    """
    rows = keys.join(tables.repayments, on="loan_key", how="inner")
    if due_within is not None:
        rows = rows.filter(age("due_on") < due_within, age("due_on") >= 0)
    return repayment_rows(rows, is_known)


def links_known(days: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """The links known and not ended on each day: as_of, from_id, to_id, kind, amount."""
    links = days.join(tables.links, how="cross").filter(is_known("linked_on", "recorded_on"))
    has_ended = ~nw.col("ended_on").is_null() & is_known("ended_on", "ended_recorded_on")
    return links.filter(~has_ended).select("as_of", "from_id", "to_id", "kind", "amount")


def _customers(cohort: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """industry, ownership, group_id, country, region; founded_age_days, onboarded_age_days."""
    facts = ("industry", "ownership", "group_id", "country", "region")
    days = ("founded_on", "onboarded_on")
    joined = cohort.join(tables.customers, on="customer_key", how="left")
    return joined.select(
        *OF_CUSTOMER, "customer_id",
        *(masked(fact, "recorded_on") for fact in facts),
        *(nw.when(is_known("recorded_on", day)).then(age(day)).otherwise(None).alias(day.replace("_on", "_age_days"))
          for day in days),
    )


def _loans(cohort: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """product, purpose, security, guarantor_id, rate_bp, funding_bp, first_commitment, and the ages of the terms."""
    loans = cohort.join(tables.loans, on="customer_key", how="inner").filter(is_known("signed_on", "recorded_on"))
    return loans.select(
        *OF_CUSTOMER, "loan_key", "product", "purpose", "security", "guarantor_id",
        nw.col("committed_amount").alias("first_commitment"),
        rate_bp=basis_points("annual_rate"),
        funding_bp=basis_points("funding_rate"),
        signed_on=nw.col("signed_on"),
        signed_age_days=age("signed_on"),
        days_to_maturity=-age("matures_on"),
        tenor_days=nw.col("matures_on") - nw.col("signed_on"),
        closed_age_days=nw.when(is_known("closed_on", "closed_recorded_on")).then(age("closed_on")).otherwise(None),
    )


def _drawdowns(keys: nw.LazyFrame, loans: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """amount; cash_age_days, cash_month (missing for opening figures). Without the table drawn in full at signing."""
    if tables.drawdowns is None:
        in_full = loans.filter(nw.col("product") != "guarantee")
        drawn = in_full.select(*OF_LOAN, amount=nw.col("first_commitment"), cash_age_days=nw.col("signed_age_days"))
    else:
        known = keys.join(tables.drawdowns, on="loan_key", how="inner").filter(is_known("drawn_on", "recorded_on"))
        is_cash = ~nw.col("is_opening").fill_null(False)
        drawn = known.select(*OF_LOAN, "amount", cash_age_days=nw.when(is_cash).then(age("drawn_on")))
    return drawn.with_columns(cash_month=grid_month(nw.col("cash_age_days")))


def _changes(rows: nw.LazyFrame, table: nw.LazyFrame, key: str, day: str, *within: str) -> nw.LazyFrame:
    """Known rows of a table of changing values, with age_days, month, and until_age_days, the age of the next."""
    known = rows.join(table, on=key, how="inner").filter(is_known(day, "recorded_on"))
    after = nw.col("age_days").shift(-1).over("as_of", key, *within, order_by=day)
    return known.with_columns(age_days=age(day)).with_columns(until_age_days=after, month=grid_month(nw.col("age_days")))


def _limits(keys: nw.LazyFrame, loans: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """committed_amount, change (against the amount before), cause."""
    changes = _changes(keys, tables.limits, "loan_key", "changed_on")
    before = nw.col("committed_amount").shift(1).over(*OF_LOAN, order_by="changed_on")
    changes = changes.with_columns(before=before).join(loans.select(*OF_LOAN, "first_commitment"), on=list(OF_LOAN))
    return changes.select(*OF_LOAN, "committed_amount", "cause", "age_days", "month", "until_age_days",
                          change=nw.col("committed_amount") - nw.coalesce("before", "first_commitment"))


def _rates(keys: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """rate_bp from that day on, cause."""
    changes = _changes(keys, tables.rates, "loan_key", "changed_on")
    return changes.select(*OF_LOAN, "cause", "age_days", "until_age_days", rate_bp=basis_points("annual_rate"))


def _collateral(keys: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """value (market), counted (after the haircut), one row per valuation."""
    changes = _changes(keys, tables.collateral, "loan_key", "valued_on", "collateral_id")
    kept_bp = 10_000 - basis_points("haircut").fill_null(0)
    return changes.select(*OF_LOAN, "value", "age_days", "until_age_days",
                          counted=(nw.col("value") // 100) * kept_bp // 100)


def _fees(cohort: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """amount, age_days."""
    known = cohort.join(tables.fees, on="customer_key", how="inner").filter(is_known("charged_on", "recorded_on"))
    return known.select(*OF_CUSTOMER, "amount", age_days=age("charged_on"))


def _ratings(cohort: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """grade, stage, is_watchlisted, pd_bp and lgd_bp (hundredths of a percent), annual_cost."""
    changes = _changes(cohort, tables.ratings, "customer_key", "rated_on")
    return changes.select(
        *OF_CUSTOMER, "grade", "stage", "annual_cost", "age_days", "until_age_days", pd_bp=basis_points("pd"),
        lgd_bp=basis_points("lgd"),
        is_watchlisted=nw.when(nw.col("is_watchlisted")).then(1).when(~nw.col("is_watchlisted")).then(0).otherwise(None))


def _contacts(cohort: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """kind, age_days."""
    known = cohort.join(tables.contacts, on="customer_key", how="inner").filter(is_known("contacted_on", "recorded_on"))
    return known.select(*OF_CUSTOMER, "kind", age_days=age("contacted_on"))


def _financials(cohort: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """sales, ebitda, interest_expense, total_debt as last published; year_back is 1 for the latest year, 2 the one before.

    Nothing where the latest year ended 24 months ago or longer. A year is one that ended about so many years before the
    latest: where a statement is lacking its year is lacking, and another does not stand in for it.
    """
    per_year = (*OF_CUSTOMER, "period_ends_on")
    known = cohort.join(tables.financials, on="customer_key", how="inner").filter(is_known("published_on", "recorded_on"))
    last = known.with_columns(last=nw.col("published_on").max().over(*per_year)).filter(
        nw.col("published_on") == nw.col("last"))
    aged = last.with_columns(age_days=age("period_ends_on"))
    aged = aged.with_columns(youngest=nw.col("age_days").min().over(*OF_CUSTOMER)).filter(nw.col("youngest") < RECORD_DAYS)
    aged = aged.with_columns(year_back=(nw.col("age_days") - nw.col("youngest") + 182) // 365 + 1)
    aged = aged.filter(nw.col("age_days") == nw.col("age_days").min().over(*OF_CUSTOMER, "year_back"))
    return aged.select(*OF_CUSTOMER, "sales", "ebitda", "interest_expense", "total_debt", "year_back")


def _external_debt(cohort: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """balance owed to one other lender, one row per report."""
    changes = _changes(cohort, tables.external_debt, "customer_key", "reported_on", "lender")
    return changes.select(*OF_CUSTOMER, "lender", "balance", "age_days", "until_age_days")

