"""The active customers of a book on a date: measured once, chunk by chunk, into a file; read in columns or in chunks.

So memory does not grow with the book, whatever is asked of its features.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from features.frame import feature_blocks
from features.sources import Tables
from models.matrix import KEYS
from pipeline.circles import circles_of
from pipeline.errors import NobodyToScore
from pipeline.output import Growing


@dataclass(frozen=True)
class Active:
    """Who has an active loan or commitment on the date, sorted by customer: those that a scoring would score."""

    as_of: str
    file: Path
    customers: np.ndarray
    features: tuple[str, ...]

    def column(self, feature: str) -> np.ndarray:
        """The values of one feature of everybody, NaN where missing."""
        return pq.read_table(self.file, columns=[feature]).column(0).to_numpy()

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Keys and features of all, some at a time."""
        with pq.ParquetFile(self.file) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group).to_pandas()

    def rows(self, customers: Collection[str]) -> pd.DataFrame:
        """The features of some of them, index customer_id; who is not active has no row."""
        asked = set(customers)
        found = [chunk[chunk["customer_id"].isin(asked)] for chunk in self.chunks()]
        return pd.concat(found).set_index("customer_id")[list(self.features)]

    def circles(self, tables: Tables) -> np.ndarray:
        """The circle of connected customers that each belongs to, counted from 0."""
        return np.unique(circles_of(tables).reindex(self.customers).to_numpy(str), return_inverse=True)[1]


@contextmanager
def active_customers(
    tables: Tables, as_of: str, features: Sequence[str], progress: Callable[[str, int], None] = lambda step, n: None
) -> Iterator[Active]:
    """Measure features of the active customers of a book on a date; the file is gone afterwards.

    ``progress`` is told the step, measured, and how many customers more it has behind it.

    Raises
    ------
    NoFactsYet
        The book has no loan, or none was signed by the date.
    NobodyToScore
        No customer is active.
    """
    customers, n_read = [], 0
    with tempfile.TemporaryDirectory(prefix="pentad-") as folder:
        file = Path(folder) / "active.parquet"
        with Growing(file) as frames:
            for block in feature_blocks(tables, [as_of]):
                n_read += len(block)
                progress("measured", len(block))
                kept = block.loc[block["n_active_loans"] > 0, [*KEYS, *features]]
                if len(kept):
                    frames.add(kept)
                    customers.append(kept["customer_id"].to_numpy(object))
        if not customers:
            raise NobodyToScore(f"none of {n_read:,} customers has an active loan on {as_of}", "--as-of", "Give another date.")
        yield Active(as_of, file, np.concatenate(customers), tuple(features))
