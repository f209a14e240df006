"""What an opened book is: its kept rows, lazy, and the account of what was read, kept and rejected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import narwhals as nw
import numpy as np
import pandas as pd

from features.contract import Breach
from features.contracts import CONTRACTS
from features.errors import PentadError

#: A range of customer keys, from and up to but without; None for all of them.
Chunk = tuple[int, int] | None
#: Customers times dates that are measured at a time in 1 GB, so that memory does not grow with the book.
CHUNK_ROWS = 200_000
CLOSED = "this book is closed; open it again"


class Engine(Protocol):
    """What holds the tables and runs the expressions over them."""

    def hold(self, rows: pd.DataFrame) -> nw.LazyFrame:
        """Bring a small pandas frame into the engine."""

    def keep(self, parts: Iterable[nw.LazyFrame]) -> nw.LazyFrame:
        """Compute parts of one frame, one after the other, and keep their rows for later queries."""

    def drop(self, rows: nw.LazyFrame) -> None:
        """Let go of what was kept."""

    def passing(self) -> AbstractContextManager[None]:
        """Let go at its end of all that was held and kept within."""

    def blocks(self, rows: nw.LazyFrame) -> Iterator[pd.DataFrame]:
        """Hand over a result in blocks of rows, so that it never stands in memory twice."""

    def close(self) -> None:
        """Let go of what is held."""


@dataclass(frozen=True)
class Account:
    """How many rows of one table were read, kept and rejected; and its columns as they were delivered."""

    table: str
    n_read: int
    n_kept: int
    n_rejected: int
    columns: tuple[str, ...] = ()

    @property
    def ignored(self) -> tuple[str, ...]:
        """The columns that the contract does not have."""
        known = {column.name for column in CONTRACTS[self.table].columns}
        return tuple(name for name in self.columns if name not in known)

    def __str__(self) -> str:
        return f"{self.table}: {self.n_read:,} read = {self.n_kept:,} kept + {self.n_rejected:,} rejected"


@dataclass(frozen=True)
class Findings:
    """Everything an examination of a book found: what was read, the rows that break a rule, the broken tables."""

    accounts: tuple[Account, ...]
    breaches: tuple[Breach, ...]
    faults: tuple[PentadError, ...]


@dataclass
class Tables:
    """The kept rows of a book, one lazy Narwhals frame a table.

    A table is an attribute by its name (``tables.loans``), ``None`` where a book lacks an optional one. Beside the columns
    of the contracts, ``customer_key`` and ``loan_key`` are the engine's own join keys. ``n_keys`` says that customers are
    numbered from 0 to that; an engine that divides its work itself has none. ``memory_gb`` is what the engine may take.
    """

    frames: dict[str, nw.LazyFrame]
    fingerprint: str
    accounts: tuple[Account, ...]
    breaches: tuple[Breach, ...]
    engine: Engine = field(repr=False)
    n_keys: int = 0
    memory_gb: float = 1.0
    is_closed: bool = field(default=False, repr=False)

    def __getattr__(self, name: str) -> nw.LazyFrame | None:
        if name not in CONTRACTS:
            raise AttributeError(name)
        if self.is_closed:
            raise ValueError(CLOSED)
        return self.frames.get(name)

    def lacks(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the named tables that the book does not have."""
        return tuple(name for name in names if name not in self.frames)

    def chunks(self, n_dates: int) -> tuple[Chunk, ...]:
        """Ranges of customer keys to be measured one after the other."""
        n = -(-self.n_keys * n_dates // int(CHUNK_ROWS * min(self.memory_gb, 1)))
        if n <= 1:
            return (None,)
        edges = np.linspace(0, self.n_keys, n + 1).astype(int).tolist()
        return tuple(zip(edges, edges[1:]))

    def hold(self, rows: pd.DataFrame) -> nw.LazyFrame:
        """Bring a small pandas frame into the engine that holds the tables."""
        return self.engine.hold(rows)

    def keep(self, parts: Iterable[nw.LazyFrame]) -> nw.LazyFrame:
        """Compute parts of one frame in the engine and keep their rows for later queries."""
        return self.engine.keep(parts)

    def drop(self, *kept: nw.LazyFrame) -> None:
        """Let go of frames that were kept and are needed no more."""
        for rows in kept:
            self.engine.drop(rows)

    def collected(self, rows: nw.LazyFrame) -> pd.DataFrame:
        """The rows as one pandas frame, fetched in blocks; float columns share one array."""
        blocks = list(self.engine.blocks(rows))
        return pd.concat(blocks, ignore_index=True) if len(blocks) > 1 else blocks[0]

    def close(self) -> None:
        """Let go of the engine and its temporary file."""
        self.is_closed = True
        self.engine.close()
