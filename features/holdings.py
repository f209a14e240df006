"""What customers hold on a date: the products in use, and what falls due next. As known on the date, nothing later."""

from __future__ import annotations

import narwhals as nw
import pandas as pd

from features.catalogue import Grains
from features.days import as_day
from features.history import OF_LOAN, history_of_loans
from features.loans import loans_on_the_date
from features.sources import Tables


def loans_held(cohort: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """The active loans of customers on their dates: customer_id, as_of (ISO), loan_id, product, balance (cents), days_to_end.

    ``days_to_end`` is missing where no maturity is agreed.

    Parameters
    ----------
    cohort : DataFrame
        customer_id and as_of (ISO), one row each; a customer without an active loan gets no row.
    tables : Tables
        The book.
    """
    with tables.engine.passing():
        loans = loans_on_the_date(history_of_loans(_held(cohort, tables), tables), Grains()).filter(nw.col("is_active") == 1)
        loans = loans.join(tables.loans.select("loan_key", "loan_id"), on="loan_key", how="left")
        loans = _named(loans, tables).select("customer_id", "as_of", "loan_id", "product", "balance", "days_to_end")
        found = tables.collected(loans.sort("customer_id", "as_of", "loan_id"))
    return _with_dates(found, cohort)


def due_next(cohort: pd.DataFrame, days: int, tables: Tables) -> pd.DataFrame:
    """What customers have to pay up to so many days after their dates: customer_id, as_of (ISO), due_in_days, unpaid (cents).

    One row per customer and day, the date itself included. Instalments count as the schedule known on the date has them; what was
    paid on them by then is taken off.

    Parameters
    ----------
    cohort : DataFrame
        customer_id and as_of (ISO), one row each.
    days : int
        How far ahead.
    tables : Tables
        The book.
    """
    with tables.engine.passing():
        past = history_of_loans(_held(cohort, tables), tables)
        ahead = past.rows["repayments"].filter(
            (nw.col("falls_due_in_days") >= 0) & (nw.col("falls_due_in_days") <= days) & ~nw.col("is_settled"))
        ahead = ahead.join(past.whole.select(*OF_LOAN, "customer_key"), on=list(OF_LOAN), how="left")
        owed = ahead.with_columns(unpaid=nw.col("due") - nw.col("paid")).filter(nw.col("unpaid") > 0)
        owed = owed.group_by("as_of", "customer_key", "falls_due_in_days").agg(nw.col("unpaid").sum().cast(nw.Int64))
        found = tables.collected(_named(owed, tables).select(
            "customer_id", "as_of", due_in_days="falls_due_in_days", unpaid="unpaid").sort("customer_id", "as_of", "due_in_days"))
    return _with_dates(found, cohort)


def _held(cohort: pd.DataFrame, tables: Tables) -> nw.LazyFrame:
    """The cohort in the engine: customer_key, as_of in whole days."""
    days = pd.DataFrame({"customer_id": cohort["customer_id"].to_numpy(object), "as_of": cohort["as_of"].map(as_day).to_numpy()})
    keys = tables.customers.select("customer_id", "customer_key")
    return tables.hold(days).join(keys, on="customer_id", how="inner").drop("customer_id")


def _named(rows: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    return rows.join(tables.customers.select("customer_key", "customer_id"), on="customer_key", how="left")


def _with_dates(found: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    return found.assign(as_of=found["as_of"].map({as_day(day): day for day in set(cohort["as_of"])}).astype("str"))
