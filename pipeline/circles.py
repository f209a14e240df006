"""Which customers of a book belong together, and stay on one side of every split."""

from __future__ import annotations

import pandas as pd

from features.sources import Tables
from models.connections import connected


def circles_of(tables: Tables) -> pd.Series:
    """The circle of each customer of the book, index customer_id: whoever shares a group, a guarantor, or a link with it.

    A circle is kept whole on one side of every split. Bonds count whenever they were, on the label's date or not.
    """
    customers = tables.collected(tables.customers.select("customer_id", "group_id"))
    loans = tables.collected(tables.loans.select("customer_id", "guarantor_id").unique())
    pairs = [(_in("customer", customers["customer_id"]), _in("group", customers["group_id"])),
             (_in("customer", loans["customer_id"]), _in("customer", loans["guarantor_id"]))]
    if tables.links is not None:
        links = tables.collected(tables.links.select("from_id", "to_id").unique())
        pairs.append((_in("customer", links["from_id"]), _in("customer", links["to_id"])))
    bonds = pd.concat([pd.DataFrame({"a": list(a), "b": list(b)}, dtype=object) for a, b in pairs], ignore_index=True)
    found = connected(_in("customer", customers["customer_id"]), bonds)
    return pd.Series(found.to_numpy(), index=pd.Index(customers["customer_id"]))


def _in(room: str, names: pd.Series) -> pd.Series:
    """Names that cannot be taken for those of another room; an empty one stays empty."""
    return (f"{room} " + names).where(names.notna(), None)
