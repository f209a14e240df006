"""From a cohort and the tables to one row of features per customer and date."""

from __future__ import annotations

from importlib import import_module

import narwhals as nw
import pandas as pd

from features.catalogue import DIMENSIONS, FEATURES, Grain, Grains
from features.cohort import everyone
from features.days import as_date, as_day
from features.history import LOAN, ROW, History, history
from features.sources import Tables

for dimension in DIMENSIONS:  # importing the four files fills the register, in the order of the dimensions
    import_module(f"features.{dimension}")


def feature_frame(cohort: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Measure every feature of every cohort row.

    Parameters
    ----------
    cohort : DataFrame
        customer_id and as_of (ISO text), one row each.
    tables : Tables
        The book; relative features compare with all its customers on the date, not with the cohort alone.

    Returns
    -------
    DataFrame
        (n_cohort, 2 + n_features): the keys as text, then float64 features in register order, missing as NaN;
        sorted by customer_id and as_of.
    """
    book = everyone(tables, cohort["as_of"])
    lazy = _measured(history(book, tables))
    measured = lazy.collect("pandas").to_native()
    measured["as_of"] = [as_date(day).isoformat() for day in measured["as_of"]]
    frame = cohort[list(ROW)].merge(measured, on=list(ROW), how="left", validate="one_to_one")
    frame[list(FEATURES)] = frame[list(FEATURES)].astype("float64")
    return frame[[*ROW, *FEATURES]].sort_values(list(ROW), ignore_index=True)


def book_frame(tables: Tables, as_of: str) -> pd.DataFrame:
    """The feature frame of every customer of the book on one date."""
    cohort = everyone(tables, [as_of])
    return feature_frame(cohort.assign(as_of=as_date(as_day(as_of)).isoformat()), tables)


def _measured(past: History) -> nw.LazyFrame:
    grains = Grains()
    expressions = {name: feature.measure(grains) for name, feature in FEATURES.items()}
    loans = _loan_balances(past, grains)
    rows = past.customers.join(_per_customer(loans, grains), on=list(ROW), how="left")
    if grains.portfolio_totals:
        named = {name: expression.cast(nw.Int64) for name, expression in grains.portfolio_totals}
        rows = rows.with_columns(**named)
        rows = rows.with_columns(*(nw.col(name).sum().over("as_of") for name in named))
    return rows.select(*ROW, *(e.cast(nw.Float64).alias(name) for name, e in expressions.items()))


def _loan_balances(past: History, grains: Grains) -> nw.LazyFrame:
    """Loans with what instalments and drawdowns sum to, their balance, and what is still to be drawn."""
    paid = past.instalments.group_by(*LOAN).agg(
        nw.col("principal_paid").sum(), nw.col("overdue").sum().alias("loan_overdue"),
        nw.when(nw.col("overdue") > 0).then(nw.col("due_age_days")).max().alias("loan_days_past_due"),
        nw.when(nw.col("n_payments") > 0).then(nw.col("last_paid_age_days")).min().alias("last_payment_age_days"),
        *_taken(grains.instalments))
    drawn = past.drawdowns.group_by(*LOAN).agg(nw.col("amount").sum().alias("drawn"), *_taken(grains.drawdowns))
    loans = past.loans.join(paid, on=list(LOAN), how="left").join(drawn, on=list(LOAN), how="left")
    zero = {name: nw.col(name).fill_null(0) for name in ("principal_paid", "drawn", "loan_overdue")}
    loans = loans.with_columns(**zero)
    owed = nw.col("drawn") - nw.col("principal_paid")
    is_open = nw.col("closed_age_days").is_null()
    room = nw.when(nw.col("product") == "revolver").then(nw.col("commitment") - owed).otherwise(
        nw.col("commitment") - nw.col("drawn"))
    in_time = (nw.col("days_to_maturity") >= 0).fill_null(True)
    loans = loans.with_columns(
        balance=nw.when(owed > 0).then(owed).otherwise(0),
        undrawn=nw.when(is_open & in_time & (room > 0)).then(room).otherwise(0),
    )
    return loans.with_columns(is_active=nw.when((nw.col("balance") > 0) | (nw.col("undrawn") > 0)).then(1).otherwise(0))


def _per_customer(loans: nw.LazyFrame, grains: Grains) -> nw.LazyFrame:
    again = [_aggregate(nw.col(name), how).alias(name)
             for grain in (grains.instalments, grains.drawdowns) for name, how, _ in grain.aggregates]
    return loans.group_by(*ROW).agg(*again, *_taken(grains.loans))


def _taken(grain: Grain) -> list[nw.Expr]:
    return [_aggregate(expression, how).alias(name) for name, how, expression in grain.aggregates]


def _aggregate(expression: nw.Expr, how: str) -> nw.Expr:
    return getattr(expression, how)()
