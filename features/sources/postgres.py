"""A book in PostgreSQL: its tables are copied, as of one moment, into a DuckDB file, which is then read as any other.

The address is libpq's, ``postgresql://HOST/DATABASE``; a password comes from PGPASSWORD or ~/.pgpass. Tables and views are found
as a query would find them, on the search path of whoever connects.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from features.addresses import masked
from features.contracts import CONTRACTS
from features.errors import PentadError
from features.sources.duck import first_line, named
from features.sources.refusing import plain

_TABLES = """SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE pg_catalog.pg_table_is_visible(c.oid) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"""
_COLUMNS = """SELECT a.attname, t.typname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = quote_ident($1)::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
#: What arrives as DuckDB knows it; other kinds of a single value arrive as the text that PostgreSQL shows of them.
_AS_IT_IS = {"text", "bool", "int2", "int4", "int8", "float4", "float8", "date", "timestamp", "timestamptz", "bytea"}


class DatabaseUnreachable(PentadError):
    """A database that holds the book cannot be reached, or does not let its tables be read."""

    exit_code = 20


class Copied(type(Path())):
    """The DuckDB file that a book was copied into; ``address`` is what to call it in a message."""

    address: str


def tables_of(address: str) -> list[str]:
    """Names of the tables and views that whoever connects would find.

    Raises
    ------
    DatabaseUnreachable
        Nobody answers, or not to us.
    """
    with _reading(address) as cursor:
        return _listed(cursor)


@contextmanager
def copied(address: str) -> Iterator[Copied]:
    """Yield a DuckDB file with the tables of the book as of one moment; it is gone afterwards.

    Raises
    ------
    DatabaseUnreachable
        Nobody answers, or a table may not be read.
    """
    with tempfile.TemporaryDirectory(prefix="pentad-") as folder:
        file = Copied(Path(folder) / "book.duckdb")
        file.address = masked(address)
        with _reading(address) as cursor, duckdb.connect(str(file)) as con:
            for table in _listed(cursor):
                if plain(table) in CONTRACTS:
                    cursor.execute(_COLUMNS, (table,))
                    cursor.execute(f"SELECT {', '.join(_pick(*row) for row in cursor.fetchall())} FROM {named(table)}")
                    con.register("incoming", cursor.fetch_record_batch())
                    con.execute(f"CREATE TABLE {named(table)} AS SELECT * FROM incoming")
                    con.unregister("incoming")
        yield file


def _pick(column: str, kind: str) -> str:
    is_list = kind.startswith("_")
    return named(column) if is_list or kind in _AS_IT_IS else f"{named(column)}::text AS {named(column)}"


def _listed(cursor: Any) -> list[str]:
    cursor.execute(_TABLES)
    return [row[0] for row in cursor.fetchall()]


@contextmanager
def _reading(address: str) -> Iterator[Any]:
    """A cursor that sees the database as of one moment and cannot change it."""
    from adbc_driver_postgresql import dbapi

    try:
        with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield cursor
            cursor.execute("COMMIT")
    except (dbapi.Error, duckdb.Error) as error:
        raise DatabaseUnreachable(f"the book cannot be read there ({masked(first_line(error))})", masked(address),
                                  "Check the address, the server, and who may read its tables.") from error
