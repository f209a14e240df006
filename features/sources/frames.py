"""Data frames of any library as Arrow tables; one that cannot become one is named with the column that stands in the way."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa

from features.errors import BrokenTable, PentadError, UnreadableFile
from features.sources.duck import first_line
from features.sources.refusing import must_be_distinct

_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")


def as_arrow(frame: Any, at: str) -> pa.Table:
    """Any frame that Narwhals reads, eager or lazy, as an Arrow table.

    Raises
    ------
    BrokenTable
        A column name is no text or stands twice, or a column mixes values of several kinds.
    UnreadableFile
        The library that made the frame cannot hand it over.
    """
    rows = None
    try:
        if isinstance(frame, pa.Table):
            must_be_distinct(frame.column_names, at)
        elif isinstance(frame, duckdb.DuckDBPyRelation) or nw.dependencies.is_pandas_dataframe(frame):
            must_be_distinct(list(frame.columns), at)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyarrow asks pandas for zoned times in its old way
            rows = nw.from_native(frame)
            table = rows.collect("pyarrow").to_native() if isinstance(rows, nw.LazyFrame) else rows.to_arrow()
    except PentadError:
        raise
    except Exception as error:  # every library has failures of its own
        raise _not_handed_over(rows, error, at) from error
    must_be_distinct(table.column_names, at)
    return table.drop_columns([name for name in table.column_names if _UNNAMED_INDEX.fullmatch(name)])


def register(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table, at: str) -> None:
    """Show an Arrow table to DuckDB under a name.

    Raises
    ------
    UnreadableFile
        DuckDB does not know the type of a column.
    """
    try:
        con.register(name, table)
    except duckdb.Error as error:
        column = _first_broken(table.column_names, lambda one: con.register(name, table.select([one])))
        raise _cannot_be_read(column, error, at) from error


def _not_handed_over(rows: Any, error: Exception, at: str) -> PentadError:
    """The failure that names the first column that is not handed over alone, if any."""
    if not isinstance(rows, nw.DataFrame):
        return _cannot_be_read(None, error, at)
    column = _first_broken(rows.columns, lambda one: rows.select(one).to_arrow())
    with suppress(Exception):
        kinds = sorted({type(value).__name__ for value in rows[column].drop_nulls().to_list()})
        if len(kinds) > 1:
            return BrokenTable(f"column {column} mixes values of {', '.join(kinds)}", at, "Give all of its values one kind.")
    return _cannot_be_read(column, error, at)


def _first_broken(columns: Iterable[str], attempt: Callable[[str], object]) -> str | None:
    for column in columns:
        try:
            attempt(column)
        except Exception:
            return column
    return None


def _cannot_be_read(column: str | None, error: Exception, at: str) -> UnreadableFile:
    why = first_line(Exception(error.args[0]) if isinstance(error, pa.ArrowException) else error)
    if not column:
        return UnreadableFile(f"cannot be read ({why})", at, "See that the frame can be computed by itself.")
    return UnreadableFile(f"column {column} cannot be read ({why})", at, "Give it a plain kind: text, numbers or dates.")
