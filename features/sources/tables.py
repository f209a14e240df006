"""What an opened book is: its kept rows, lazy, and the account of what was read, kept and rejected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import narwhals as nw
import pandas as pd

from features.contract import Breach
from features.contracts import CONTRACTS
from features.errors import PentadError

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

    def chunks(self, n_dates: int) -> Iterator[None]:
        """Take the customers in chunks, so that memory does not grow with the book and its dates."""

    def in_chunk(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Rows of the customers of the present chunk, planned once for all of them."""

    def blocks(self, rows: nw.LazyFrame) -> Iterator[pd.DataFrame]:
        """Hand over a result in blocks of rows, so that it never stands in memory twice."""

    def close(self) -> None:
        """Let go of what is held."""


@dataclass(frozen=True)
class Sums:
    """What the rows of a table that were read, kept and rejected add up to, in cents.

    Summed up apart, so that they can be compared; ``n_without`` rows have no amount that could be one.
    """

    read: int
    kept: int
    rejected: int
    n_without: int


@dataclass(frozen=True)
class Account:
    """How many rows of one table were read, kept and rejected; its columns as delivered; and the sums of its amounts, if any.

    ``unknown``: by column, how many kept rows have a word that the contract does not know, and that counts as unknown.
    """

    table: str
    n_read: int
    n_kept: int
    n_rejected: int
    columns: tuple[str, ...] = ()
    sums: Sums | None = None
    unknown: Mapping[str, int] = field(default_factory=dict)

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
    of the contracts, ``customer_key`` and ``loan_key`` are the engine's own join keys. ``rejected``: by name of the table the
    rows that were set aside, ``why``, ``key <column>`` of each key, and ``raw <place>`` of each column as it was delivered.
    """

    frames: dict[str, nw.LazyFrame]
    fingerprint: str
    accounts: tuple[Account, ...]
    breaches: tuple[Breach, ...]
    engine: Engine = field(repr=False)
    rejected: dict[str, nw.LazyFrame] = field(default_factory=dict, repr=False)
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

    def chunks(self, n_dates: int) -> Iterator[None]:
        """Take the customers in chunks, one after the other: so many that they can be measured on that many dates."""
        return self.engine.chunks(n_dates)

    def in_chunk(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Rows of the customers (customer_key) of the present chunk."""
        return self.engine.in_chunk(rows)

    def keep_by_chunk(self, rows: nw.LazyFrame, n_dates: int) -> nw.LazyFrame:
        """Compute rows of the present chunk for one chunk after the other, and keep them all."""
        return self.keep(rows for _ in self.chunks(n_dates))

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
