"""Who, as of when: one row per customer and date."""

from __future__ import annotations

from collections.abc import Iterable

import narwhals as nw
import pandas as pd

from features.days import Day, as_date, as_day
from features.errors import NoFactsYet
from features.sources import WHERE_REJECTS_LIE, Tables


def days_of(tables: Tables, as_of: Iterable[Day]) -> nw.LazyFrame:
    """The dates as rows of the engine: column as_of, whole days since 1970-01-01.

    Raises
    ------
    NoFactsYet
        The book has no loan that keeps the rules, or a date lies before the first was signed.
    ValueError
        No date is given, or something that is none.
    """
    days = sorted({as_day(day) for day in as_of})
    if not days:
        raise ValueError("no date is given")
    first = first_signing(tables)
    if days[0] < first:
        raise NoFactsYet(f"nothing is known on {as_date(days[0])}: the first loan was signed on {as_date(first)}", "--as-of",
                         "Give a later date.")
    return tables.hold(pd.DataFrame({"as_of": days}))


def first_signing(tables: Tables) -> int:
    """The day the first loan was signed, in whole days since 1970-01-01: nothing is known before.

    Raises
    ------
    NoFactsYet
        The book has no loan that keeps the rules.
    """
    first = tables.collected(tables.loans.select(nw.col("signed_on").min()))["signed_on"].min()
    if pd.isna(first):
        raise _no_loan(tables)
    return int(first)


def everyone(tables: Tables, days: nw.LazyFrame) -> nw.LazyFrame:
    """Every customer of the book on each day: customer_key, as_of; of the customers of the present chunk.

    Everyone is whoever has a row in the table of customers that keeps its rules: with loans or without, paid off long ago,
    and recorded after the day too, so that each day has the same rows. What was not known on the day is missing in the
    features, or 0 where they count. Who of them is active, and scored, is not asked here.

    Parameters
    ----------
    tables : Tables
        The kept rows of the book, of which ``chunks`` has begun a chunk; rows are planned, and computed when asked for.
    days : LazyFrame
        The dates as ``days_of`` gives them: as_of, whole days since 1970-01-01, each once.

    Raises
    ------
    ValueError
        The book is closed.
    """
    return tables.in_chunk(tables.customers.select("customer_key")).join(days, how="cross")


def _no_loan(tables: Tables) -> NoFactsYet:
    """The failure of a book without a kept loan: how many were read, and why none was kept."""
    account = next(account for account in tables.accounts if account.table == "loans")
    if not account.n_read:
        return NoFactsYet("the book has no loan", "loans", "Deliver the loans of the book.")
    worst = max((breach for breach in tables.breaches if breach.table == "loans"), key=lambda breach: breach.n_rows)
    return NoFactsYet(f"no loan is left: {account}; most often: {worst.rule} ({worst.n_rows:,} rows)", "loans", WHERE_REJECTS_LIE)


def last_fact(tables: Tables, as_of: str) -> str:
    """The last day (ISO), not after as_of, on which a signing, payout or payment happened or was booked.

    Facts that were not known on the date do not count: neither later ones, nor those booked later.

    Raises
    ------
    NoFactsYet
        Nothing was known on the date.
    """
    facts = ((tables.loans, "signed_on"), (tables.repayments, "paid_on"), (tables.drawdowns, "drawn_on"))
    day, lasts = as_day(as_of), []
    for table, own in facts:
        if table is not None:
            known_on = table.select(own, day=nw.max_horizontal(own, nw.coalesce("recorded_on", own)))
            last = known_on.filter((nw.col(own) <= day) & (nw.col("day") <= day)).select(nw.col("day").max())
            lasts.append(tables.collected(last)["day"].max())
    known = [day for day in lasts if not pd.isna(day)]
    if not known:
        raise NoFactsYet(f"nothing was known on {as_of}", "--as-of", "Give a later date.")
    return as_date(int(max(known))).isoformat()
