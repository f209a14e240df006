"""DuckDB, the embedded engine: one connection with a database on disk, so that memory stays bounded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd

from features.errors import AmountsTooLarge, NotEnoughMemory
from features.sources.tables import CLOSED

BLOCK_ROWS = 100_000
MEMORY_GB = 1.0
#: Customers times dates that are measured at a time for each GB of memory: what is summed up of them stays within it.
CHUNK_ROWS = 100_000


class DuckEngine:
    """One DuckDB connection with a temporary database on disk.

    ``memory_gb``: what does not fit into so many gigabytes (10^9 bytes) goes to the disk.
    """

    def __init__(self, memory_gb: float = MEMORY_GB) -> None:
        if not memory_gb > 0:
            raise ValueError(f"memory_gb is {memory_gb}, not above 0")
        self._folder = tempfile.TemporaryDirectory(prefix="pentad-")
        self.con = duckdb.connect(str(Path(self._folder.name) / "book.duckdb"))
        self.con.execute("SET TimeZone = 'UTC'")
        self.con.execute("SET enable_progress_bar = false")
        self.con.execute("SET preserve_insertion_order = false")
        self.con.execute(f"SET memory_limit = '{memory_gb}GB'")
        self._memory_gb = memory_gb
        self._n_held, self._is_closed, self._is_read = 0, False, False

    def hold(self, rows: pd.DataFrame) -> nw.LazyFrame:
        """Copy a pandas frame into a table."""
        self._must_be_free()
        self.con.register("incoming", rows)
        try:
            return self._made("SELECT * FROM incoming")
        finally:
            self.con.unregister("incoming")

    def keep(self, parts: Iterable[nw.LazyFrame]) -> nw.LazyFrame:
        """Compute parts of one frame, one after the other, into a temporary table: in memory, on the disk beyond the limit."""
        self._must_be_free()
        name = ""
        for part in parts:
            sql = part.to_native().sql_query()
            verb = f"INSERT INTO {name}" if name else f"CREATE TEMP TABLE {self._next_name()} AS"
            name = name or f"held_{self._n_held}"
            with self.named(), self._summing_up():
                self.con.execute(f"{verb} {sql}")
        return self.table(name)

    def chunks(self, n_dates: int) -> Iterator[None]:
        """Take ranges of customers, numbered as they are, one after the other; ``in_chunk`` speaks of the present one."""
        n_customers = self.count("customers")
        n_chunks = max(1, -(-n_customers * n_dates // int(CHUNK_ROWS * self._memory_gb)))
        edges = np.linspace(0, n_customers, n_chunks + 1).astype(int).tolist()
        for first, end in zip(edges, edges[1:]):
            self.con.execute(f"SET VARIABLE chunk_first = {first}")
            self.con.execute(f"SET VARIABLE chunk_end = {end}")
            yield

    def in_chunk(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Rows of the customers of the present chunk, whichever that is when they are asked for."""
        return nw.from_native(rows.to_native().filter(
            "customer_key >= getvariable('chunk_first') AND customer_key < getvariable('chunk_end')"))

    def blocks(self, rows: nw.LazyFrame) -> Iterator[pd.DataFrame]:
        """Hand over a result in blocks of rows, the first of them empty; until the last the engine answers nothing else."""
        self._must_be_free()
        with self.named(), self._summing_up():
            reader = rows.to_native().to_arrow_reader(BLOCK_ROWS)
            self._is_read = True
            try:
                yield reader.schema.empty_table().to_pandas()
                for batch in reader:
                    yield batch.to_pandas()
                    self._must_be_open()
            finally:
                self._is_read = False

    def table(self, name: str) -> nw.LazyFrame:
        """A table of the database as a lazy frame."""
        return nw.from_native(self.con.table(name))

    def drop(self, rows: nw.LazyFrame) -> None:
        """Forget a kept table."""
        self.con.execute(f"DROP TABLE IF EXISTS {rows.to_native().alias}")

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Drop at its end the tables that were held and kept within."""
        self._must_be_free()
        first = self._n_held + 1
        try:
            yield
        finally:
            if not self._is_closed:
                for number in range(first, self._n_held + 1):
                    self.con.execute(f"DROP TABLE IF EXISTS held_{number}")

    def count(self, source: str) -> int:
        """Number of rows of a table or a scan."""
        return self.con.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]

    def close(self) -> None:
        """Close the connection and remove its file."""
        self._is_closed = True
        self.con.close()
        self._folder.cleanup()

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name what stops DuckDB for want of memory."""
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise not_enough_memory(error) from error

    @contextmanager
    def _summing_up(self) -> Iterator[None]:
        """Name whole numbers that do not fit: the kept rows hold nothing else that could be out of range."""
        try:
            yield
        except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
            raise amounts_too_large(first_line(error)) from error

    def _must_be_open(self) -> None:
        if self._is_closed:
            raise ValueError(CLOSED)

    def _must_be_free(self) -> None:
        self._must_be_open()
        if self._is_read:
            raise RuntimeError("a frame of this book is being read: read it to its end, or close its iterator, first")

    def _made(self, sql: str) -> nw.LazyFrame:
        name = self._next_name()
        self.con.execute(f"CREATE TABLE {name} AS {sql}")
        return self.table(name)

    def _next_name(self) -> str:
        self._n_held += 1
        return f"held_{self._n_held}"


def not_enough_memory(error: duckdb.Error) -> NotEnoughMemory:
    """The failure that says how much memory there was."""
    return NotEnoughMemory(first_line(error), "memory_gb", "Allow more memory (memory_gb in run.toml), or fewer dates.")


def amounts_too_large(why: str) -> AmountsTooLarge:
    """The failure that repeats what the engine says did not fit."""
    return AmountsTooLarge(f"a sum does not fit into whole cents of 64 bits ({why})", "amounts",
                           "Look for amounts or rates that are typed wrongly, or deliver the book in a larger unit of money.")


def quoted(text: str) -> str:
    """Text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def named(column: str) -> str:
    """A name as an SQL identifier."""
    return '"' + column.replace('"', '""') + '"'


def first_line(error: Exception) -> str:
    """The first line of an engine's error, cut where it becomes a listing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
