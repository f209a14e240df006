"""Writing to a database, a DuckDB file or PostgreSQL: everything of a transaction or nothing.

An address is ``duckdb:FILE`` or libpq's ``postgresql://HOST/DATABASE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from features.addresses import masked
from features.errors import PentadError

DUCKDB = "duckdb:"
LOCK_SECONDS = 60
"""How long somebody else's lock on a table of PostgreSQL is waited for; then the job fails, and may be tried again."""


class DatabaseRefused(PentadError):
    """A database that is to receive assignments cannot be reached, or does not take them."""

    exit_code = 64


class NoSuchTable(PentadError):
    """A database that is to receive assignments has no tables for them."""

    exit_code = 65


@dataclass(frozen=True)
class Transaction:
    """An open transaction: what runs SQL and gives its rows, and what appends Arrow rows to a table."""

    run: Callable[..., list[tuple]]
    append: Callable[[str, pa.RecordBatchReader], object]


@contextmanager
def transaction(address: str) -> Iterator[Transaction]:
    """Everything within, or nothing.

    Raises
    ------
    DatabaseRefused
        It cannot be reached, or refuses something; it is as it was.
    NoSuchTable
        A table is not there.
    """
    with (_duckdb if address.startswith(DUCKDB) else _postgresql)(address) as sink:
        yield sink


@contextmanager
def _duckdb(address: str) -> Iterator[Transaction]:
    file = Path(address.removeprefix(DUCKDB))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(file)) as con:

            def append(table: str, reader: pa.RecordBatchReader) -> None:
                con.register("incoming", reader)
                con.execute(f"INSERT INTO {table} SELECT * FROM incoming")
                con.unregister("incoming")

            con.execute("BEGIN")
            yield Transaction(lambda sql, values=(): con.execute(sql, values).fetchall(), append)
            con.execute("COMMIT")  # closing without it takes everything back
    except duckdb.CatalogException as error:
        raise _not_ready(address) from error
    except (duckdb.Error, OSError) as error:
        raise _failed(address, error) from error


@contextmanager
def _postgresql(address: str) -> Iterator[Transaction]:
    from adbc_driver_postgresql import dbapi

    try:
        with dbapi.connect(address) as connection, connection.cursor() as cursor:

            def run(sql: str, values: tuple[Any, ...] = ()) -> list[tuple]:
                cursor.execute(sql, values or None)
                return cursor.fetchall() if sql.startswith("SELECT") else []

            run(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            yield Transaction(run, lambda table, reader: cursor.adbc_ingest(table, reader, mode="append"))
            connection.commit()  # closing without it takes everything back
    except dbapi.Error as error:
        if getattr(error, "sqlstate", None) == "42P01":
            raise _not_ready(address) from error
        raise _failed(address, error) from error


def _failed(address: str, error: Exception) -> DatabaseRefused:
    said = masked(str(error).strip().splitlines()[0])
    todo = "The Parquet files are whole; mend it and score again."
    return DatabaseRefused(f"it does not take them ({said})", masked(address), todo)


def _not_ready(address: str) -> NoSuchTable:
    return NoSuchTable("no tables for assignments", masked(address), "Run `pentad sink init ADDRESS` once.")
