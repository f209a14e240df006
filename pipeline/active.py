"""The active customers of a book on some dates: measured once, chunk by chunk, into a file; read in columns or in chunks.

So memory does not grow with the book, whatever is asked of its features.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
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

CHUNK_ROWS = 10_000


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
    circles, days = circles_of(tables), tuple(sorted(days))
    codes = pd.Series(pd.factorize(circles)[0].astype(np.int32), circles.index)
    with tempfile.TemporaryDirectory(prefix="pentad-") as folder:
        file = Path(folder) / "active.parquet"
        measure_active(tables, days, features, file, progress)
        who, as_of = (pq.read_table(file, columns=[key]).column(0).to_pandas() for key in KEYS)
        yield Active(days, file, pd.Index(days).get_indexer(as_of).astype(np.int16), codes.reindex(who).to_numpy())


def measure_active(
    tables: Tables, days: Sequence[str], features: Sequence[str], file: Path, progress: Callable[[str, int], None]
) -> None:
    """Write keys and features of the active customers of a book on some dates to a file, in groups of ``CHUNK_ROWS`` rows.

    Raises
    ------
    NoFactsYet
        The book has no loan, or none was signed by the date.
    NobodyToScore
        No customer is active on any of the dates; nothing is written.
    """
    n_read = 0

    def active() -> Iterator[pd.DataFrame]:
        nonlocal n_read
        for block in feature_blocks(tables, days):
            n_read += len(block)
            progress("measured", len(block))
            yield block.loc[block["n_active_loans"] > 0, [name for name in block if name in (*KEYS, *features)]]

    with Growing(file) as frames:
        for chunk in _chunks(active()):
            frames.add(chunk)
    if not file.exists():
        found = f"none of {n_read // len(days):,} customers has an active loan on {days[-1]}"
        raise NobodyToScore(found, "--as-of", "Give another date.")


def _chunks(blocks: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same rows in chunks of ``CHUNK_ROWS``, the last one smaller: what is written does not show the size of the blocks."""
    waiting: list[pd.DataFrame] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= CHUNK_ROWS:
            rows = pd.concat(waiting, ignore_index=True)
            whole = len(rows) // CHUNK_ROWS * CHUNK_ROWS
            for start in range(0, whole, CHUNK_ROWS):
                yield rows[start : start + CHUNK_ROWS].reset_index(drop=True)
            waiting = [rows[whole:]]
    rest = pd.concat(waiting, ignore_index=True) if waiting else pd.DataFrame()
    if len(rest):
        yield rest
