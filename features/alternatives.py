"""One customer measured as it could be: other records of it, each beside the rest of the book as it stands on a date.

The records of a customer differ by rows that were added; they are measured side by side in a small book of their own, by the
frame's own expressions. What compares the customer with others (shares of the portfolio, ranks, its group, its guarantee circle)
is worked out against everybody else's figures of the date, which are measured once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from features.circles import COLUMNS, circles
from features.cohort import days_of
from features.days import Day, as_date, as_day
from features.frame import KEYS, Plan, measured_alone, plan_of, put_together, related
from features.history import links_known
from features.loans import Shown
from features.record import delivered
from features.sources import Tables, open_tables

#: Rows of others, once for each alternative, that are compared at a time.
ROWS_AT_ONCE = 2_000_000
_BETWEEN = "\x1f"
"""Between the name of a customer or loan and the number of the alternative."""


@dataclass(frozen=True)
class Standing:
    """A book as it stands on a date: what any customer of it is compared with.

    ``customers`` has everybody's figures of comparison, ``medians`` the median rate of each product, ``links`` who guarantees
    whom.
    """

    customers: pd.DataFrame
    medians: pd.DataFrame
    links: pd.DataFrame


@dataclass(frozen=True)
class Alternative:
    """A record that a customer could have (rows per table, as ``record_of`` gives them), and the date to measure it on."""

    rows: Mapping[str, pd.DataFrame]
    as_of: Day


def standing(tables: Tables, as_of: Day) -> Standing:
    """Measure what every customer of a book is on a date, once.

    Raises
    ------
    NoFactsYet, AmountsTooLarge, NotEnoughMemory
        As of ``feature_frame``.
    """
    with tables.engine.passing():
        days, plan = days_of(tables, [as_of]), plan_of(tables)
        customers, shown = measured_alone(plan, days, 1, tables)
        customers = tables.collected(customers.select(*plan.beside))
        (medians,) = [tables.collected(one.rows) for one in shown if _are_medians(one)] or [pd.DataFrame()]
        links = pd.DataFrame()
        if tables.links is not None:
            known = links_known(days, tables).filter(nw.col("kind") == "guarantee").select("as_of", "from_id", "to_id").unique()
            links = tables.collected(known)
    return Standing(customers, medians, links)


def measured_beside(customer: str, alternatives: Sequence[Alternative], book: Standing) -> pd.DataFrame:
    """The features of a customer under each alternative: one row each, in their order, columns as of ``feature_frame``.

    Parameters
    ----------
    customer : str
        Its customer_id, in every record and in the book.
    alternatives : sequence of Alternative
        Records with the same tables as the book.
    book : Standing
        Everybody else.

    Raises
    ------
    TooManyRejects
        A row of a record breaks a rule of its contract.
    """
    names = [f"{customer}{_BETWEEN}{number}" for number in range(len(alternatives))]
    small = open_tables(delivered(_side_by_side(alternatives)), reject_share_limit=0.0)
    try:
        plan, dates = plan_of(small), {each.as_of for each in alternatives}
        days = days_of(small, dates)
        known = [_medians(book.medians, dates, small)] if len(book.medians) else []
        customers, _ = measured_alone(plan, days, len(dates), small, known)
        order = small.hold(pd.DataFrame({"customer_id": names, "as_of": [as_day(each.as_of) for each in alternatives],
                                         "scenario": np.arange(len(names), dtype="int64")}))
        customers = customers.join(order, on=list(KEYS), how="inner")
        ours = small.collected(customers.select(*plan.beside, "scenario").sort("scenario"))
        customers = customers.join(small.keep(_related(customer, ours, plan, book, small)), on="scenario", how="left")
        if "links" in small.frames:
            customers = customers.join(small.hold(_in_circles(customer, ours, book)), on="scenario", how="left")
        found = small.collected(put_together(plan, customers.sort("scenario"), "scenario")).sort_values("scenario")
        as_of = [as_date(day).isoformat() for day in found["as_of"]]
        return found.drop(columns="scenario").assign(customer_id=customer, as_of=as_of).reset_index(drop=True)
    finally:
        small.close()


def _side_by_side(alternatives: Sequence[Alternative]) -> dict[str, pd.DataFrame]:
    """The records as one book, in which each is of a customer of its own."""
    found: dict[str, list[pd.DataFrame]] = {}
    for number, each in enumerate(alternatives):
        for name, rows in each.rows.items():
            own = {key: rows[key] + f"{_BETWEEN}{number}" for key in ("customer_id", "loan_id") if key in rows}
            found.setdefault(name, []).append(rows.assign(**own))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}


def _are_medians(one: Shown) -> bool:
    return one.names == ("product_median_bp",)


def _medians(medians: pd.DataFrame, dates: Sequence[Day], small: Tables) -> Shown:
    """The median rates of the book's products, on every date: what others pay is as it stands."""
    days = pd.DataFrame({"as_of": sorted(as_day(day) for day in dates)})
    rows = small.hold(medians.drop(columns="as_of").merge(days, how="cross"))
    return Shown(("product_median_bp",), ("as_of", "product"), rows)


def _related(customer: str, ours: pd.DataFrame, plan: Plan, book: Standing, small: Tables) -> Iterator[nw.LazyFrame]:
    """What each alternative is among all others: one frame for some of them after the other, by ``scenario``."""
    others = _whole(book.customers[book.customers["customer_id"] != customer], plan).drop(columns="as_of")
    ours = _whole(ours, plan).drop(columns="as_of").rename(columns={"scenario": "as_of"})
    at_once = max(1, ROWS_AT_ONCE // max(len(others), 1))
    for start in range(0, len(ours), at_once):
        some = ours[start : start + at_once]
        world = pd.concat([others.merge(some[["as_of"]], how="cross"), some], ignore_index=True)
        rows = related(small.hold(world.drop(columns="customer_key").reset_index(names="customer_key")), plan.grains)
        mine = rows.join(small.hold(some[["as_of", "customer_id"]]), on=["as_of", "customer_id"], how="semi")
        yield mine.select(*plan.grains.relatives, scenario=nw.col("as_of"))


def _whole(customers: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Figures as whole numbers again, which a frame with missing ones holds as floats."""
    return customers.drop(columns=list(plan.of_circles)).astype(dict.fromkeys(plan.own, "Int64"))


def _in_circles(customer: str, ours: pd.DataFrame, book: Standing) -> pd.DataFrame:
    """What each alternative is in the guarantee circles of the date; no row for a customer that no guarantee binds."""
    facts = ["customer_id", "committed", "worst_days_past_due"]
    others, found = book.customers.loc[book.customers["customer_id"] != customer, facts], []
    if customer in set(book.links.get("from_id", ())) | set(book.links.get("to_id", ())):
        for row in ours.itertuples():
            own = pd.DataFrame([(customer, row.committed, row.worst_days_past_due)], columns=facts)
            of_all = circles(book.links, pd.concat([others, own], ignore_index=True))
            found.append(of_all.loc[of_all["customer_id"] == customer, list(COLUMNS)].assign(scenario=row.scenario))
    kinds = {"scenario": "int64", **dict.fromkeys(COLUMNS, "float64")}
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(kinds)).astype(kinds)
