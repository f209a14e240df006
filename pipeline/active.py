"""The active customers of a book on some dates: measured once, chunk by chunk, into a file; read in columns or in chunks.

So memory does not grow with the book, whatever is asked of its features.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
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
    """Who has an active loan or commitment on a date, sorted by customer and date: those that a scoring would score.

    ``days``: the dates (ISO), sorted; ``day`` and ``circle`` of each row: the place of its date among them, and the circle of
    connected customers that it belongs to, both from 0.
    """

    days: tuple[str, ...]
    file: Path
    day: np.ndarray
    circle: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """The values of one feature of everybody, NaN where missing; or a key of theirs."""
        return pq.read_table(self.file, columns=[name]).column(0).to_numpy()

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Keys and features of all, some at a time."""
        with pq.ParquetFile(self.file) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group).to_pandas()


@contextmanager
def active_customers(
    tables: Tables, days: Sequence[str], features: Sequence[str], progress: Callable[[str, int], None] = lambda step, n: None
) -> Iterator[Active]:
    """Measure features of the active customers of a book on some dates; the file is gone afterwards.

    ``progress`` is told the step, measured, and how many customers more it has behind it.

    Raises
    ------
    NoFactsYet
        The book has no loan, or none was signed by the date.
    NobodyToScore
        No customer is active on any of the dates.
    """
    circles, days, day, circle, n_read = circles_of(tables), tuple(sorted(days)), [], [], 0
    codes = pd.Series(pd.factorize(circles)[0].astype(np.int32), circles.index)
    with tempfile.TemporaryDirectory(prefix="pentad-") as folder:
        file = Path(folder) / "active.parquet"
        with Growing(file) as frames:
            for block in feature_blocks(tables, days):
                n_read += len(block)
                progress("measured", len(block))
                kept = block.loc[block["n_active_loans"] > 0, [*KEYS, *features]]
                if len(kept):
                    frames.add(kept)
                    day.append(pd.Index(days).get_indexer(kept["as_of"]).astype(np.int16))
                    circle.append(codes.reindex(kept["customer_id"]).to_numpy())
        if not day:
            raise NobodyToScore(f"none of {n_read // len(days):,} customers has an active loan on {days[-1]}", "--as-of",
                                "Give another date.")
        yield Active(days, file, np.concatenate(day), np.concatenate(circle))
