"""What customers are called in the book, for people who read lists of them; names are shown, and never used."""

from __future__ import annotations

import pandas as pd

from features.sources import Tables


def names_of(customers: pd.Series, tables: Tables) -> pd.Series:
    """The name of each customer id, same index; None where the book has none."""
    found = tables.collected(tables.customers.select("customer_id", "name"))
    named = found.set_index("customer_id")["name"].reindex(customers).to_numpy(object)
    return pd.Series([name if isinstance(name, str) and name.strip() else None for name in named], customers.index, dtype=object)
