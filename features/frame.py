"""From a cohort and the tables to one row of features per customer and date.

Three stages, each kept by the engine before the next: the loans on every date with what their instalments, drawdowns
and other rows come to (features/loans.py), the customers with what their loans and own rows come to, and the features,
some of which compare a customer with the whole book or its group on the date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

import narwhals as nw
import pandas as pd

from features.catalogue import CUSTOMER_GRAINS, DIMENSIONS, FEATURES, Grains
from features.circles import add_circles
from features.cohort import days_of, everyone, in_chunk
from features.days import as_date, as_day
from features.figures import committed, oldest_past_due
from features.history import OF_CUSTOMER, history_of_customers, history_of_loans
from features.loans import (
    add_what_loans_show,
    aggregated,
    figures_of_loans,
    loans_on_the_date,
    purposes_on_the_date,
    what_loans_show,
)
from features.sources import Tables

KEYS = ("customer_id", "as_of")
_GROUP = ("as_of", "group_key")

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
    wanted = cohort[list(KEYS)].assign(as_of=[as_day(day) for day in cohort["as_of"]])
    measured = _as_frame(feature_blocks(tables, cohort["as_of"], wanted))
    asked = cohort[list(KEYS)].merge(measured, on=list(KEYS), how="left", validate="one_to_one")
    return asked.sort_values(list(KEYS), ignore_index=True)


def book_frame(tables: Tables, as_of: str | Iterable[str]) -> pd.DataFrame:
    """The feature frame of every customer of the book on one date, or on several."""
    return _as_frame(feature_blocks(tables, [as_of] if isinstance(as_of, str) else as_of))


def feature_blocks(tables: Tables, as_of: Iterable[str], cohort: pd.DataFrame | None = None) -> Iterator[pd.DataFrame]:
    """The feature frame in blocks of rows, sorted by customer and date, so that a large book never stands in memory whole.

    ``cohort`` (customer_id, as_of in whole days) restricts the rows handed over, not the book they are compared with.
    """
    with measured(tables, set(as_of)) as rows:
        if cohort is not None:
            rows = rows.join(tables.hold(cohort), on=list(KEYS), how="semi")
        names: dict[int, str] = {}
        for block in tables.engine.blocks(rows.sort(*KEYS)):
            names |= {day: as_date(day).isoformat() for day in block["as_of"].unique() if day not in names}
            yield block.assign(as_of=block["as_of"].map(names).astype("str"))


def _as_frame(blocks: Iterator[pd.DataFrame]) -> pd.DataFrame:
    found = list(blocks)
    return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)


@contextmanager
def measured(tables: Tables, dates: Collection[str]) -> Iterator[nw.LazyFrame]:
    """The features of every customer of the book on every date, as rows of the engine: customer_id, as_of, features."""
    days, chunks, grains = days_of(tables, dates), tables.chunks(len(dates)), Grains()
    features = {name: f.measure(grains) for name, f in FEATURES.items() if not tables.lacks(f.needs)}
    committed(grains), oldest_past_due(grains)  # registered before the loans are aggregated
    loans = tables.keep(loans_on_the_date(history_of_loans(everyone(tables, days, chunk), tables), grains)
                        for chunk in chunks)
    shown = what_loans_show(loans, tables, chunks)
    customers = tables.keep(_customers(everyone(tables, days, chunk), in_chunk(loans, chunk), shown, grains, tables)
                            for chunk in chunks)
    tables.drop(loans, *shown)
    related = customers.select(*OF_CUSTOMER, "customer_id", "committed", "days_past_due", "group_key", *_own(grains))
    related = add_circles(_related(related, grains), days, tables).drop("customer_id", "committed", "days_past_due", "group_key",
                                                                        *_own(grains))
    empty = nw.lit(None, nw.Float64)
    try:
        yield customers.join(related, on=list(OF_CUSTOMER), how="left").select(
            *KEYS, *((features[name].cast(nw.Float64) if name in features else empty).alias(name) for name in FEATURES))
    finally:
        tables.drop(customers)


def _customers(cohort: nw.LazyFrame, loans: nw.LazyFrame, shown: Sequence[nw.LazyFrame], grains: Grains,
               tables: Tables) -> nw.LazyFrame:
    """One row per customer and date: facts, what rows of their own and loans come to, figures, those to be compared."""
    past = history_of_customers(cohort, tables)
    group, own = (nw.concat_str(nw.lit(f"{kind} "), nw.col(f"{kind}_id")) for kind in ("group", "customer"))
    customers = past.whole.with_columns(group_key=nw.coalesce(group, own))
    per_customer = {"purposes": purposes_on_the_date(loans), "loans": add_what_loans_show(loans, shown, grains)}
    absent = [n for g in CUSTOMER_GRAINS if g not in per_customer | past.rows for n, _, _ in getattr(grains, g).aggregates]
    if absent:
        customers = customers.with_columns(**dict.fromkeys(absent, nw.lit(None, nw.Int64)))
    for name, rows in (past.rows | per_customer).items():  # the widest last
        more = figures_of_loans(grains) if name == "loans" else []
        customers = customers.join(aggregated(rows, OF_CUSTOMER, getattr(grains, name), *more), on=list(OF_CUSTOMER),
                                   how="left")
    customers = grains.with_figures("customer", customers)
    return customers.with_columns(committed=committed(grains), days_past_due=oldest_past_due(grains),
                                  **{f"own_{name}": e.cast(nw.Int64) for name, _, e in grains.relatives})


def _own(grains: Grains) -> list[str]:
    return [f"own_{name}" for name, _, _ in grains.relatives]


def _related(customers: nw.LazyFrame, grains: Grains) -> nw.LazyFrame:
    """Add the figures that compare a customer with the whole book, or with its group, on the date."""
    if not grains.relatives:
        return customers
    return customers.with_columns(*(_relation(how, nw.col(f"own_{name}")).cast(nw.Int64).alias(name)
                                    for name, how, _ in grains.relatives))


def _relation(how: str, own: nw.Expr) -> nw.Expr:
    return {"portfolio sum": lambda: own.sum().over("as_of"), "portfolio rank": lambda: own.rank("min").over("as_of") - 1,
            "portfolio count": lambda: own.count().over("as_of"), "group sum": lambda: own.sum().over(*_GROUP),
            "group max": lambda: own.max().over(*_GROUP)}[how]()
