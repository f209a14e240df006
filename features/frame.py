"""From a cohort and the tables to one row of features per customer and date.

Three stages, each kept by the engine before the next: the loans on every date with what their instalments, drawdowns
and other rows come to (features/loans.py), the customers with what their loans and own rows come to, and the features,
some of which compare a customer with the whole book or its group on the date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module

import narwhals as nw
import pandas as pd

from features.catalogue import CUSTOMER_GRAINS, DIMENSIONS, FEATURES, Grains
from features.circles import add_circles
from features.cohort import days_of, everyone
from features.days import Day, as_date, as_day
from features.figures import committed, worst_past_due
from features.history import OF_CUSTOMER, history_of_customers, history_of_loans
from features.loans import (
    Shown,
    add_what_loans_show,
    aggregated,
    figures_of_loans,
    loans_on_the_date,
    purposes_on_the_date,
    what_loans_show,
    with_missing,
)
from features.sources import Tables

KEYS = ("customer_id", "as_of")
_GROUP = ("as_of", "group_key")
#: What a group is beside the other groups, as a customer is beside the others.
_AMONG_GROUPS = {"group rank": "portfolio rank", "group count": "portfolio count"}

for dimension in DIMENSIONS:  # importing the four files fills the register, in the order of the dimensions
    import_module(f"features.{dimension}")


def feature_frame(cohort: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Measure every feature of every cohort row.

    Parameters
    ----------
    cohort : DataFrame
        customer_id and as_of (as in ``book_frame``), one row each.
    tables : Tables
        The kept rows of the book; relative features compare with all its customers on the date, not with the cohort alone.

    Returns
    -------
    DataFrame
        (n_cohort, 2 + n_features): the keys as text, then float64 features in register order, missing as NaN;
        sorted by customer_id and as_of. A customer whom the book does not have keeps a row, all missing.

    Raises
    ------
    NoFactsYet
        No loan keeps the rules, or a date lies before the first was signed.
    AmountsTooLarge
        A sum of amounts, or of amounts times rates, does not fit into 64 bits.
    ValueError
        The cohort has no row, or the same twice, or a date is none, or the book is closed.
    """
    days = [as_day(day) for day in cohort["as_of"]]
    wanted = pd.DataFrame({"customer_id": cohort["customer_id"].to_numpy(), "as_of": days})
    if wanted.duplicated().any():
        raise ValueError(f"the cohort has {wanted[wanted.duplicated()].iloc[0].to_dict()} twice")
    found = _as_frame(feature_blocks(tables, cohort["as_of"], wanted))
    asked = wanted.assign(as_of=pd.Series([as_date(day).isoformat() for day in days], dtype="str"))
    return asked.merge(found, on=list(KEYS), how="left").sort_values(list(KEYS), ignore_index=True)


def book_frame(tables: Tables, as_of: Day | Iterable[Day]) -> pd.DataFrame:
    """The feature frame of every customer of the book on one date, or on several.

    Parameters
    ----------
    tables : Tables
        The book. Only rows that kept the rules count; how many did not, ``tables.accounts`` and ``tables.breaches`` say, and
        nothing stops here: ``open_tables`` does, given a reject_share_limit.
    as_of : str, date, Timestamp or datetime64, or several
        ISO text, or a date or moment without a time of day and a zone.

    Raises
    ------
    NoFactsYet
        No loan keeps the rules, or a date lies before the first was signed.
    AmountsTooLarge
        A sum of amounts, or of amounts times rates, does not fit into 64 bits.
    ValueError
        A date is none, or the book is closed.
    """
    several = isinstance(as_of, Iterable) and not isinstance(as_of, str)
    return _as_frame(feature_blocks(tables, as_of if several else [as_of]))


def feature_blocks(tables: Tables, as_of: Iterable[Day], cohort: pd.DataFrame | None = None) -> Iterator[pd.DataFrame]:
    """The feature frame in blocks of rows, sorted by customer and date, so that a large book never stands in memory whole.

    ``cohort`` (customer_id, as_of in whole days) restricts the rows handed over, not the book they are compared with. One
    frame at a time: DuckDB answers nothing else until the blocks have been read, or the iterator closed.

    Raises
    ------
    NoFactsYet
        No loan keeps the rules, or a date lies before the first was signed.
    AmountsTooLarge
        A sum of amounts, or of amounts times rates, does not fit into 64 bits.
    ValueError
        A date is none, or the book is closed.
    RuntimeError
        The blocks of another frame of this book have not been read to their end.
    """
    dates, names = set(as_of), dict[int, str]()
    with tables.engine.passing():
        rows = measured(tables, dates)
        if cohort is not None:
            rows = rows.join(tables.hold(cohort), on=list(KEYS), how="semi")
        rows = rows.sort(*KEYS)  # within a chunk: chunks follow each other by customer
        for _ in tables.chunks(len(dates)):
            for block in tables.engine.blocks(rows):
                names |= {day: as_date(day).isoformat() for day in block["as_of"].unique() if day not in names}
                yield block.assign(as_of=block["as_of"].map(names).astype("str"))


def _as_frame(blocks: Iterator[pd.DataFrame]) -> pd.DataFrame:
    found = list(blocks)
    return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)


def measured(tables: Tables, dates: Collection[Day]) -> nw.LazyFrame:
    """The features of every customer of the present chunk on every date, as rows of the engine: customer_id, as_of, features."""
    days, plan = days_of(tables, dates), plan_of(tables)
    customers, shown = measured_alone(plan, days, len(dates), tables)
    tables.drop(*(one.rows for one in shown))
    beside = add_circles(related(customers.select(*plan.beside), plan.grains), days, tables)
    beside = tables.keep([beside.drop("customer_id", "group_key", *plan.own, *plan.of_circles)])
    return put_together(plan, tables.in_chunk(customers).join(beside, on=list(OF_CUSTOMER), how="left"))


@dataclass(frozen=True)
class Plan:
    """What is measured of a book: the features of which it has every table, of the customer alone and beside others.

    ``columns`` are what the latter are made of, beside the figures by which customers are compared.
    """

    grains: Grains
    alone: dict[str, nw.Expr]
    beside_others: dict[str, nw.Expr]
    columns: tuple[str, ...]
    of_circles: dict[str, str]

    @property
    def own(self) -> list[str]:
        """The columns of the figures by which customers are compared."""
        return [name for name, _ in self.grains.own.values()]

    @property
    def beside(self) -> list[nw.Expr | str]:
        """What has to be known of every customer to compare one with it."""
        of_circles = [nw.col(own).alias(name) for name, own in self.of_circles.items()]
        return [*OF_CUSTOMER, "customer_id", "group_key", *self.own, *of_circles]


def plan_of(tables: Tables) -> Plan:
    """Plan what is measured of a book."""
    grains = Grains()
    wanted = _wanted(grains, tables)
    of_circles = {"committed": grains.own_column(committed), "worst_days_past_due": grains.own_column(worst_past_due, 91)}
    return Plan(grains, *wanted, of_circles)


def measured_alone(plan: Plan, days: nw.LazyFrame, n_dates: int, tables: Tables,
                   known: Iterable[Shown] = ()) -> tuple[nw.LazyFrame, list[Shown]]:
    """The customers of every chunk on every day, kept by the engine: their own features, and what others compare with.

    Also what their loans show beside each other; ``known`` takes the place of what the book's own loans show under the names.
    """
    grains, cohort, given = plan.grains, everyone(tables, days), {one.names: one for one in known}
    loans = tables.keep_by_chunk(loans_on_the_date(history_of_loans(cohort, tables), grains), n_dates)
    shown = [given.get(one.names, one) for one in what_loans_show(loans, grains, tables, n_dates)]
    customers = tables.keep_by_chunk(_customers(cohort, tables.in_chunk(loans), shown, plan, tables), n_dates)
    tables.drop(loans)
    return customers, shown


def put_together(plan: Plan, customers_and_others: nw.LazyFrame, *more: str) -> nw.LazyFrame:
    """The features of customers, beside whom stands what they are among others: customer_id, as_of, more columns, features."""
    empty = nw.lit(None, nw.Float64)
    columns = {name: nw.col(name) for name in plan.alone} | {n: e.cast(nw.Float64) for n, e in plan.beside_others.items()}
    return customers_and_others.select(*KEYS, *more, *(columns.get(name, empty).alias(name) for name in FEATURES))


def _wanted(grains: Grains, tables: Tables) -> tuple[dict[str, nw.Expr], dict[str, nw.Expr], tuple[str, ...]]:
    """The features of which the book has every table: alone, beside others, and the columns that the latter are made of."""
    alone, beside_others, columns = {}, {}, set()
    for name, feature in FEATURES.items():
        if tables.lacks(feature.needs):
            continue
        with grains.apart():
            expression = feature.measure(grains)
            handed, is_compared = grains.handed, grains.is_compared
        if is_compared or "links" in feature.needs:
            beside_others[name] = expression
            columns |= handed
        else:
            alone[name] = expression
    return alone, beside_others, tuple(sorted(columns))


def _customers(cohort: nw.LazyFrame, loans: nw.LazyFrame, shown: Iterable[Shown], plan: Plan, tables: Tables) -> nw.LazyFrame:
    """One row per customer and date: the features of the customer alone, and what those beside others are made of."""
    grains, past = plan.grains, history_of_customers(cohort, tables)
    group, own = (nw.concat_str(nw.lit(f"{kind} "), nw.col(f"{kind}_id")) for kind in ("group", "customer"))
    customers = past.whole.with_columns(group_key=nw.coalesce(group, own))
    per_customer = {"purposes": purposes_on_the_date(loans), "loans": add_what_loans_show(loans, shown, grains, tables)}
    customers = with_missing(customers, [name for grain in CUSTOMER_GRAINS if grain not in per_customer | past.rows
                                         for name, _, _ in getattr(grains, grain).aggregates])
    for name, rows in (past.rows | per_customer).items():  # the widest last
        more = figures_of_loans(grains) if name == "loans" else []
        customers = customers.join(aggregated(rows, OF_CUSTOMER, getattr(grains, name), *more), on=list(OF_CUSTOMER),
                                   how="left")
    customers = grains.with_figures("customer", customers)
    return customers.select(
        *OF_CUSTOMER, "customer_id", "group_key", *plan.columns,
        **{name: e.cast(nw.Int64) for name, e in grains.own.values()},
        **{name: e.cast(nw.Float64) for name, e in plan.alone.items()})


def related(customers: nw.LazyFrame, grains: Grains) -> nw.LazyFrame:
    """Add the figures that compare a customer with the whole book or its group, or its group with the others, on the date."""
    among_groups = {name: (_AMONG_GROUPS[how], own) for name, (how, own) in grains.relatives.items() if how in _AMONG_GROUPS}
    of_customer = {name: one for name, one in grains.relatives.items() if name not in among_groups}
    related = customers.with_columns(**_relations(of_customer)) if of_customer else customers
    if not among_groups:
        return related
    groups = _groups(customers, {own for _, own in among_groups.values()}).select(*_GROUP, **_relations(among_groups))
    return related.join(groups, on=list(_GROUP), how="left")


def _groups(customers: nw.LazyFrame, figures: Collection[str]) -> nw.LazyFrame:
    """One row per group and date: the sum of each figure, missing where nobody in the group has it."""
    sums = [nw.col(own).sum().cast(nw.Int64).alias(own) for own in figures]
    knowns = [nw.col(own).count().alias(f"n_{own}") for own in figures]
    return customers.group_by(*_GROUP).agg(*sums, *knowns).with_columns(
        **{own: nw.when(nw.col(f"n_{own}") > 0).then(nw.col(own)).otherwise(None) for own in figures})


def _relations(relatives: dict[str, tuple[str, str]]) -> dict[str, nw.Expr]:
    return {name: _relation(how, nw.col(own)).cast(nw.Int64) for name, (how, own) in relatives.items()}


def _relation(how: str, own: nw.Expr) -> nw.Expr:
    return {"portfolio sum": lambda: own.sum().over("as_of"), "portfolio rank": lambda: own.rank("min").over("as_of") - 1,
            "portfolio count": lambda: own.count().over("as_of"), "group sum": lambda: own.sum().over(*_GROUP),
            "group max": lambda: own.max().over(*_GROUP)}[how]()
