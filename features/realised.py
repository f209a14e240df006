"""What came of customers since a day: defaults, income and what they still borrow, as known on a later date.

A default is an instalment that was unpaid for more than 90 days (Basel CRE36.69, CRR article 178). All is read on the later date
like every other fact: nothing after it, and nothing booked after it.
"""

from __future__ import annotations

import narwhals as nw
import pandas as pd

from features.catalogue import Grains
from features.days import as_date, as_day
from features.history import OF_LOAN, history_of_customers, history_of_loans
from features.loans import loans_on_the_date
from features.sources import Tables

DEFAULT_DAYS = 90
"""An instalment that is unpaid for more days is a default."""


def realised(starts: pd.DataFrame, until: str, tables: Tables) -> pd.DataFrame:
    """What came of each customer from the day after its start to a date.

    Parameters
    ----------
    starts : DataFrame
        customer_id and since (ISO), one row per customer.
    until : str
        The date (ISO) on which everything is read.
    tables : Tables
        The book.

    Returns
    -------
    DataFrame
        One row per start in its order: customer_id, since, is_known (the book has it), was_in_default (at the start),
        defaulted_on (ISO; the first day after the start on which an instalment went into default; missing if none did),
        is_retained (has an active loan at the end), interest and fees received since (cents; interest missing where a payment
        does not say how much of it is interest, fees where the book has no such table).

    Raises
    ------
    ValueError
        A start is not before the date, or a customer has two.
    """
    day = as_day(until)
    starts = starts.reset_index(drop=True)
    days = [day - as_day(since) for since in starts["since"]]
    if starts["customer_id"].duplicated().any() or min(days, default=1) < 1:
        raise ValueError(f"each customer needs one start, before {until}")
    held = pd.DataFrame({"customer_id": starts["customer_id"].to_numpy(object), "days": days, "as_of": day})
    with tables.engine.passing():
        asked = tables.hold(held).join(tables.customers.select("customer_id", "customer_key"), on="customer_id", how="inner")
        cohort, window = asked.select("customer_key", "as_of"), asked.select("customer_key", "days")
        past = history_of_loans(cohort, tables)
        owners = past.whole.select(*OF_LOAN, "customer_key").join(window, on="customer_key", how="left")
        rows = past.rows["repayments"].join(owners, on=list(OF_LOAN), how="left")
        per_customer = rows.with_columns(
            entered=nw.when(nw.col("days_late") > DEFAULT_DAYS).then(nw.col("fell_due_age_days") - DEFAULT_DAYS - 1),
            is_recent=nw.col("cash_age_days") < nw.col("days"))
        entered = nw.col("entered")
        per_customer = per_customer.with_columns(
            before=(entered >= nw.col("days")) & (nw.col("late_until_age_days") < nw.col("days"))).group_by("customer_key").agg(
            nw.when(nw.col("before")).then(1).otherwise(0).max().alias("was_in_default"),
            nw.when(entered < nw.col("days")).then(entered).max().alias("default_age_days"),
            nw.when(nw.col("is_recent")).then(nw.col("interest_part")).sum().cast(nw.Int64).alias("interest"),
            nw.when(nw.col("is_recent") & nw.col("interest_part").is_null()).then(1).otherwise(0).sum().alias("n_unknown"))
        active = loans_on_the_date(past, Grains()).group_by("customer_key").agg(nw.col("is_active").max())
        found = asked.join(per_customer, on="customer_key", how="left").join(active, on="customer_key", how="left")
        own = history_of_customers(cohort, tables).rows
        if "fees" in own:
            fees = own["fees"].join(window, on="customer_key", how="left").filter(nw.col("age_days") < nw.col("days"))
            found = found.join(fees.group_by("customer_key").agg(nw.col("amount").sum().cast(nw.Int64).alias("fees")),
                               on="customer_key", how="left").with_columns(nw.col("fees").fill_null(0))
        else:
            found = found.with_columns(fees=nw.lit(None, nw.Int64))
        read = tables.collected(found.select("customer_id", "was_in_default", "default_age_days", "interest", "n_unknown",
                                             "is_active", "fees"))
    read = starts[["customer_id", "since"]].merge(read.assign(is_known=True), on="customer_id", how="left")
    age = read["default_age_days"].astype("Float64")
    return pd.DataFrame({
        "customer_id": read["customer_id"], "since": read["since"], "is_known": read["is_known"].notna(),
        "was_in_default": read["was_in_default"].fillna(0).astype(int) == 1,
        "defaulted_on": [None if pd.isna(each) else as_date(day - int(each)).isoformat() for each in age],
        "is_retained": read["is_active"].fillna(0).astype(int) == 1,
        "interest": read["interest"].where(read["n_unknown"].fillna(0) == 0).astype("Float64").astype(float),
        "fees": read["fees"].astype("Float64").astype(float)})
