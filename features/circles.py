"""Guarantee circles: customers who, directly or through others, all guarantee each other.

A default in a circle reaches its members one after the other, and the security that each of them counts on is the other
members' (the guarantee networks of Chinese corporate lending: Leng, Liang, Deng, Xu and Zhao, "Guarantee networks and
their risks", 2017; a strongly connected component in Tarjan, "Depth-first search and linear graph algorithms", 1972).
The links of a date are few against its instalments, so they are read into memory and SciPy finds the circles.
"""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd

from features.history import OF_CUSTOMER, links_known
from features.sources import Tables

COLUMNS = ("is_in_circle", "circle_exposure", "steps_to_default")
#: Over so many days past due a customer is in default (Regulation (EU) 575/2013, article 178(1)(b); Basel, CRE36.69).
DEFAULT_DAYS = 90


def add_circles(customers: nw.LazyFrame, days: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """Add is_in_circle, circle_exposure (cents) and steps_to_default to the customers of every date.

    ``customers`` has customer_id, committed (cents) and worst_days_past_due, of the last 3 months: a default ends at the
    earliest 3 months after the arrears do (EBA/GL/2016/07, paragraph 71). Steps are guarantees from the customer to the
    nearest customer in default, in either direction and through outsiders too; missing where none leads there, 0 at a
    linked customer in default. An outsider, who is no customer, counts in a circle but adds no exposure and is never in
    default. A book without links keeps its rows.
    """
    if tables.links is None:
        return customers
    links = links_known(days, tables).filter(nw.col("kind") == "guarantee").select("as_of", "from_id", "to_id")
    links = tables.collected(links.unique()).sort_values(["as_of", "from_id", "to_id"], ignore_index=True)
    ends = pd.concat([links[["as_of", end]].set_axis(["as_of", "customer_id"], axis=1) for end in ("from_id", "to_id")])
    named = tables.hold(ends.drop_duplicates().astype({"as_of": "int64", "customer_id": "str"}))
    known = tables.collected(customers.join(named, on=["as_of", "customer_id"], how="semi").select(
        *OF_CUSTOMER, "customer_id", "committed", "worst_days_past_due"))
    found = [circles(of_day, known[known["as_of"] == day]) for day, of_day in links.groupby("as_of")]
    rows = pd.concat([*found, _no_circles()], ignore_index=True) if found else _no_circles()
    held = tables.hold(rows)
    return customers.join(held, on=["as_of", "customer_id"], how="left")


def circles(links: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """Circles and steps to default of one date: as_of, customer_id and ``COLUMNS``, one row per linked customer or other.

    Parameters
    ----------
    links : DataFrame
        as_of, from_id, to_id: who guarantees whom; one date.
    customers : DataFrame
        customer_id, committed (cents), worst_days_past_due of the linked customers of the book on that date.
    """
    from scipy.sparse import coo_array  # slow to import, and not needed to read what was stored
    from scipy.sparse.csgraph import connected_components, dijkstra

    names = np.array(sorted(set(links["from_id"]) | set(links["to_id"])), dtype=object)
    place = {name: at for at, name in enumerate(names)}
    pairs = [links[end].map(place).to_numpy(np.int64) for end in ("from_id", "to_id")]
    graph = coo_array((np.ones(len(links)), tuple(pairs)), shape=(len(names), len(names))).tocsr()
    _, component = connected_components(graph, directed=True, connection="strong")
    size = np.bincount(component)
    facts = customers.set_index("customer_id").reindex(names)
    committed = facts["committed"].fillna(0).to_numpy(np.float64)
    in_circle = size[component] > 1
    total = np.zeros(len(size), np.int64)
    np.add.at(total, component, committed.astype(np.int64))
    in_default = np.flatnonzero((facts["worst_days_past_due"].fillna(0) > DEFAULT_DAYS).to_numpy())
    steps = np.full(len(names), np.nan)
    if len(in_default):
        reach = dijkstra(graph, directed=False, unweighted=True, indices=in_default, min_only=True)
        steps = np.where(np.isfinite(reach), reach, np.nan)
    return pd.DataFrame({
        "as_of": np.full(len(names), links["as_of"].iloc[0], np.int64), "customer_id": names.astype("str"),
        "is_in_circle": in_circle.astype(np.float64), "circle_exposure": np.where(in_circle, total[component], np.nan),
        "steps_to_default": steps,
    })


def _no_circles() -> pd.DataFrame:
    columns = {"as_of": "int64", "customer_id": "str", **dict.fromkeys(COLUMNS, "float64")}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
