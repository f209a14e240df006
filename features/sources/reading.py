"""The SQL that scans one table as it was delivered, and the SQL that gives its columns their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from features.contract import Column, Contract
from features.errors import PentadError, UnreadableFile
from features.sources.csv_text import cause, csv_header, line_ends
from features.sources.duck import DuckEngine, first_line, named, not_enough_memory, quoted
from features.sources.finding import in_use, must_be_a_file, place_name
from features.sources.frames import as_arrow, register
from features.sources.judging import BETWEEN_REASONS, raw_columns, unread
from features.sources.refusing import must_be_distinct

#: A date is written YYYY-MM-DD, midnight may follow; a whole number may have a fraction of zeros. DuckDB's casts alone
#: also take words (epoch), cut the time and the zone of an instant off, and round.
_TYPED = {
    "text": "NULLIF(TRIM(CAST({raw} AS VARCHAR)), '')",
    "date": "CASE WHEN {raw} LIKE '____-__-__' OR regexp_full_match({raw}, '.{{10}}[ T]00:00:00(\\.0+)?') "
            "THEN CAST(TRY_CAST(substr({raw}, 1, 10) AS DATE) - DATE '1970-01-01' AS BIGINT) END",
    "money": "TRY_CAST(ROUND(TRY_CAST({raw} AS DECIMAL(34, 6)) * 100) AS BIGINT)",
    "number": "CASE WHEN isfinite(TRY_CAST({raw} AS DOUBLE)) THEN TRY_CAST({raw} AS DOUBLE) END",
    "integer": "CASE WHEN TRY_CAST({raw} AS DECIMAL(38, 18)) = TRY_CAST({raw} AS BIGINT) THEN TRY_CAST({raw} AS BIGINT) END",
    "flag": "TRY_CAST({raw} AS BOOLEAN)",
}
_SQL_TYPE = {"text": "VARCHAR", "date": "BIGINT", "money": "BIGINT", "number": "DOUBLE", "integer": "BIGINT",
             "flag": "BOOLEAN"}
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER")


def scan(engine: DuckEngine, contract: Contract, place: Any, where: Path | Mapping[str, Any]) -> str:
    """SQL that scans the table as it was delivered.

    Raises
    ------
    UnreadableFile
        It cannot be read as what its name says.
    BrokenTable
        A column has no name, or shares it with another.
    """
    name, at = contract.name, place_name(where, contract.name, place)
    if isinstance(where, Mapping):
        register(engine.con, f"given_{name}", as_arrow(place, at), at)
        return f"given_{name}"
    if isinstance(place, str):
        sql = f"delivered.{named(name)}"
    else:
        must_be_a_file(place)
        sql = _csv_sql(place) if place.suffix == ".csv" else f"read_parquet({_path(place)}, hive_partitioning = false)"
    try:
        if isinstance(place, str):
            engine.con.execute(f"ATTACH IF NOT EXISTS {quoted(str(where))} AS delivered (READ_ONLY)")
        engine.con.execute(f"SELECT * FROM {sql} LIMIT 0")
        if isinstance(place, Path) and place.suffix == ".parquet":
            must_be_distinct(_names_in_parquet(engine.con, place), at)
    except duckdb.Error as error:
        raise unreadable(error, place, at) from error
    return sql


def unreadable(error: duckdb.Error, place: Any, at: str) -> PentadError:
    """The failure that names why DuckDB could not read a table."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return not_enough_memory(error)
    if isinstance(place, str):
        return in_use(error, at) or UnreadableFile(
            f"cannot be read as DuckDB table ({first_line(error)})", at,
            "A view may show a file that is gone or truncated; deliver it again.")
    if not isinstance(place, Path):
        return UnreadableFile(f"cannot be read ({first_line(error)})", at, "Give its columns plain kinds: text, numbers, dates.")
    if place.suffix == ".parquet":
        return UnreadableFile(f"cannot be read as parquet ({first_line(error)})", at,
                              "It may be truncated; deliver the file again.")
    if ends := line_ends(place):
        return UnreadableFile(ends, at, "Deliver it with the same line end on every row.")
    return UnreadableFile(f"cannot be read as csv ({cause(error)})", at,
                          "Mend that line (as many values as the header, quotes in pairs), or deliver the file again.")


def _csv_sql(file: Path) -> str:
    names = csv_header(file)
    must_be_distinct(names, str(file))
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    return (f"read_csv({_path(file)}, columns = {{{columns}}}, auto_detect = false, header = true, delim = ',', "
            "quote = '\"', escape = '\"', hive_partitioning = false)")  # detection skips rows before a wider one


def _path(file: Path) -> str:
    """A file's path as SQL; DuckDB takes brackets, stars and question marks for patterns of several files."""
    return quoted(re.sub(r"[*?[]", r"[\g<0>]", str(file)))


def _names_in_parquet(con: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
    """The columns' names as the file has them; DuckDB renames the second of two. Nested ones follow what holds them."""
    listed = con.execute(f"SELECT name, coalesce(num_children, 0) FROM parquet_schema({_path(file)})").fetchall()
    names, n_within = [], 0
    for name, n_children in listed[1:]:
        if n_within:
            n_within -= 1
        else:
            names.append(name)
        n_within += n_children
    return names


def typing_sql(contract: Contract, source: str, present: dict[str, str]) -> str:
    """Select typed columns, raw columns under ``raw <place>``, and a sentence on every value that cannot be read."""
    picks, odd = [], []
    for column in contract.columns:
        if column.name not in present:
            picks.append(f"CAST(NULL AS {_SQL_TYPE[column.kind]}) AS {column.name}")
            continue
        raw, kind = named(column.name), present[column.name]
        if native := _native(column, raw, kind):
            picks.append(f"{native} AS {column.name}")
            continue
        if column.kind != "text":
            if kind in ("DOUBLE", "FLOAT"):  # pandas writes NaN where it means empty
                raw = f"CASE WHEN NOT isnan({raw}) THEN {raw} END"
            raw = f"NULLIF(TRIM(CAST({raw} AS VARCHAR)), '')"
        value = _TYPED[column.kind].format(raw=raw)
        picks.append(f"{value} AS {column.name}")
        if column.kind != "text":
            odd.append(f"CASE WHEN {raw} IS NOT NULL AND {value} IS NULL THEN '{unread(column)}' END")
    picks += [f'CAST({named(c)} AS VARCHAR) AS "{raw}"' for c, raw in zip(present, raw_columns(present))]
    picks += [f"CAST({named(c)} AS VARCHAR) AS {named(f'key {c}')}" for c in contract.key]
    reasons = f"concat_ws('{BETWEEN_REASONS}', {', '.join(odd)})" if odd else "''"
    return f"SELECT {', '.join(picks)}, {reasons} AS unread FROM {source}"


def _native(column: Column, raw: str, kind: str) -> str | None:
    """SQL for a column that is of its contract's kind already: every value of it can be read."""
    if column.kind == "date" and kind == "DATE":
        return f"CAST({raw} - DATE '1970-01-01' AS BIGINT)"
    if column.kind == "money" and (kind == "DECIMAL(18,2)" or kind in _WHOLE):
        return f"CAST({raw} * 100 AS BIGINT)"
    if column.kind == "integer" and kind in (*_WHOLE, "BIGINT"):
        return f"CAST({raw} AS BIGINT)"
    if column.kind == "flag" and kind == "BOOLEAN":
        return raw
    return None
