"""What stands in the text columns of a book, and which of it training never saw."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from features.contracts import CONTRACTS
from features.sources import Tables
from models.training_reference import TrainingReference

NO_CATEGORIES = ("name", "analyst", "lender")
"""Texts that name somebody; identifiers end in ``_id``. Labels are no fact of the book."""

COLUMNS = tuple((table, column.name) for table, contract in CONTRACTS.items() if table != "labels" for column in contract.columns
                if column.kind == "text" and not column.name.endswith("_id") and column.name not in NO_CATEGORIES)


def counted_categories(tables: Tables) -> dict[str, dict[str, int]]:
    """How many kept rows have each value of every text column that is a category, by ``table.column``; empty ones have none."""
    found = {}
    for table, column in COLUMNS:
        if not tables.lacks([table]):
            rows = getattr(tables, table).filter(~nw.col(column).is_null())
            counts = tables.collected(rows.group_by(column).agg(n=nw.len()))
            found[f"{table}.{column}"] = dict(sorted(zip(counts[column], map(int, counts["n"]))))
    return found


def unseen_values(counts: Mapping[str, Mapping[str, int]], reference: TrainingReference) -> dict[str, dict[str, int]]:
    """The values that training never saw, with the number of rows that have each, by ``table.column``; columns without are left
    out, and so are those of tables that training did not have: their features are missing, and the model does without them."""
    found = {column: {value: n for value, n in values.items() if value not in set(reference.categories[column])}
             for column, values in counts.items() if column in reference.categories}
    return {column: values for column, values in found.items() if values}


def unseen(tables: Tables, reference: TrainingReference) -> dict[str, int]:
    """How many kept rows of a book have a value that training never saw, by ``table.column``; columns without are left out."""
    return {column: sum(values.values()) for column, values in unseen_values(counted_categories(tables), reference).items()}
