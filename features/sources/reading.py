"""Where the tables of a book are, and the SQL that scans one and gives its columns their types."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa

from features.contract import Column, Contract
from features.contracts import CONTRACTS
from features.errors import BrokenTable, NoBook, PentadError, UnreadableFile
from features.sources.csv_text import csv_header, mixed_line_ends
from features.sources.duck import DuckEngine, first_line, not_enough_memory, quoted
from features.sources.judging import BETWEEN_REASONS, unread

SUFFIXES = (".parquet", ".csv")
FRAMES = "data frames"

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


def find(where: Path | Mapping[str, Any]) -> dict[str, Any]:
    """Where each table of the book is: a file, the name of a table inside the DuckDB file, or a data frame.

    Raises
    ------
    NoBook
        Nothing is there, or a table that every book needs is missing.
    UnreadableFile
        The file is no DuckDB file.
    BrokenTable
        A table stands in two files, or something else stands in the place of a data frame.
    """
    a_file = "{0}.parquet or {0}.csv"
    found: dict[str, Any] = {}
    if isinstance(where, Mapping):
        if unknown := sorted(set(where) - set(CONTRACTS)):
            raise NoBook(f"no contract for {', '.join(unknown)}", FRAMES, f"The tables are {', '.join(CONTRACTS)}.")
        found = {name: where[name] for name in CONTRACTS if where.get(name) is not None}
        for name, frame in found.items():
            if not isinstance(nw.from_native(frame, pass_through=True), nw.DataFrame | nw.LazyFrame):
                raise BrokenTable(f"{type(frame).__name__}, which is no data frame", f"{FRAMES} {name}",
                                  "Give a frame of pandas, Polars, Arrow, DuckDB or Spark.")
        a_file = "the frame {0}"
    elif where.is_file() and where.suffix in SUFFIXES:
        raise NoBook("one table, not a book", str(where), "Give the folder that holds it.")
    elif where.is_file():
        a_file = "a table or view {0} in schema main"
        try:
            with duckdb.connect(str(where), read_only=True) as con:
                listed = ("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' UNION ALL "
                          "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main'")
                names = {row[0].lower() for row in con.execute(listed).fetchall()}
        except duckdb.Error as error:
            raise UnreadableFile(f"not a DuckDB file ({first_line(error)})", str(where),
                                 "Give a folder of CSV or Parquet files, or a DuckDB file.") from error
        found = {name: name for name in CONTRACTS if name in names}
    elif where.is_dir():
        for name in CONTRACTS:
            files = [where / f"{name}{suffix}" for suffix in SUFFIXES if (where / f"{name}{suffix}").is_file()]
            if len(files) > 1:
                raise BrokenTable(f"two files for {name}: {files[0].name} and {files[1].name}", str(where),
                                  "Keep one of them.")
            if files:
                found[name] = files[0]
    else:
        raise NoBook("nothing there", str(where), "Give the folder or DuckDB file that holds the loan book.")
    missing = [name for name, contract in CONTRACTS.items() if not contract.optional and name not in found]
    if missing:
        raise NoBook(f"no table {', no table '.join(missing)}", place_name(where),
                     f"A book needs {a_file.format(missing[0])} (data/README.md lists the columns).")
    return found


def place_name(where: Path | Mapping[str, Any], name: str = "", place: Any = None) -> str:
    """What to call a book, or one table of it, in a message."""
    if isinstance(where, Mapping):
        return f"{FRAMES} {name}".strip()
    if isinstance(place, Path):
        return str(place)
    return f"{where} {name}".strip()


def fingerprint(where: Path | str | Mapping[str, Any]) -> str:
    """SHA-256 over the names and contents of the book's tables: the same data has the same fingerprint.

    Of a folder it covers the bytes of the tables' files; of a DuckDB file and of data frames what the tables show, so
    that views over other files are followed. The order of rows counts in files and frames, not in a DuckDB file or in Spark.

    Raises
    ------
    UnreadableFile
        A view of a DuckDB file cannot be read.
    """
    whole = hashlib.sha256()
    if isinstance(where, Mapping):
        for name, frame in find(where).items():
            if nw.dependencies.is_pyspark_dataframe(frame):
                whole.update(f"{name}:{_shown_by_spark(frame)}\n".encode())
                continue
            whole.update(f"{name}:{hashlib.sha256(_ipc(as_arrow(frame))).hexdigest()}\n".encode())
        return whole.hexdigest()
    where = Path(where)
    found = find(where)
    if where.is_file():
        with duckdb.connect(str(where), read_only=True) as con:
            for name in found:
                whole.update(f"{name}:{_shown(con, name, f'{where} {name}')}\n".encode())
        return whole.hexdigest()
    for file in sorted(found.values()):
        with file.open("rb") as handle:
            whole.update(f"{file.name}:{hashlib.file_digest(handle, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _shown_by_spark(frame: Any) -> str:
    """The columns of a Spark frame, the number of its rows and sums of their hashes, which no order changes."""
    cells = ", ".join(f"cast(`{name.replace('`', '``')}` as string)" for name in frame.columns)
    row = f"sha2(to_json(array({cells})), 256)"
    sums = [f"sum(cast(conv(substr({row}, {at}, 15), 16, 10) as decimal(38, 0)))" for at in (1, 16, 31, 46)]
    return f"{frame.dtypes}:{tuple(frame.selectExpr('count(*)', *sums).collect()[0])}"


def _shown(con: duckdb.DuckDBPyConnection, name: str, at: str) -> str:
    """The columns of a table or view, the number of its rows and a sum of their hashes, which no order changes."""
    try:
        con.execute("SET TimeZone = 'UTC'")
        columns = [(row[0], row[1]) for row in con.execute(f'DESCRIBE "{name}"').fetchall()]
        values = ", ".join(f'coalesce(CAST("{column}" AS VARCHAR), chr(0))' for column, _ in columns)
        row = f"concat_ws(chr(31), {values})"
        shown = con.execute(f'SELECT count(*), sum(md5_number_lower({row})) FROM "{name}"').fetchall()
    except duckdb.Error as error:
        raise UnreadableFile(f"cannot be read ({first_line(error)})", at,
                             "A view may show a file that is gone or truncated; deliver it again.") from error
    return f"{columns}:{shown}"


def as_arrow(frame: Any) -> pa.Table:
    """Any frame that Narwhals reads, eager or lazy, as an Arrow table."""
    rows = nw.from_native(frame)
    return rows.collect("pyarrow").to_native() if isinstance(rows, nw.LazyFrame) else rows.to_arrow()


def _ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def scan(engine: DuckEngine, contract: Contract, place: Any, where: Path | Mapping[str, Any]) -> str:
    """SQL that scans the table as it was delivered.

    Raises
    ------
    UnreadableFile
        It cannot be read as what its name says.
    """
    at = place_name(where, contract.name, place)
    if isinstance(where, Mapping):
        engine.con.register(f"given_{contract.name}", as_arrow(place))
        return f"given_{contract.name}"
    if isinstance(place, str):
        sql = f'delivered."{contract.name}"'
    elif place.suffix == ".parquet":
        sql = f"read_parquet({quoted(str(place))})"
    else:
        columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in csv_header(place))
        sql = (f"read_csv({quoted(str(place))}, columns = {{{columns}}}, auto_detect = false, header = true, "
               "delim = ',', quote = '\"', escape = '\"')")  # detection skips rows before a wider one
    try:
        if isinstance(place, str):
            engine.con.execute(f"ATTACH IF NOT EXISTS {quoted(str(where))} AS delivered (READ_ONLY)")
        engine.con.execute(f"SELECT * FROM {sql} LIMIT 0")
    except duckdb.Error as error:
        raise unreadable(error, place, at) from error
    return sql


def unreadable(error: duckdb.Error, place: Any, at: str) -> PentadError:
    """The failure that names why DuckDB could not read a table."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return not_enough_memory(error)
    kind = f"as {place.suffix[1:]}" if isinstance(place, Path) else "as DuckDB table" if isinstance(place, str) else ""
    if kind == "as csv" and (mix := mixed_line_ends(place)):
        return UnreadableFile(mix, at, "Deliver it with the same line end on every row.")
    return UnreadableFile(f"cannot be read {kind}".strip() + f" ({first_line(error)})", at,
                          "It may be truncated or have ragged rows; deliver the file again.")


def typing_sql(contract: Contract, source: str, present: dict[str, str]) -> str:
    """Select typed columns, raw columns under ``raw <name>``, and a sentence on every value that cannot be read."""
    picks, odd = [], []
    for column in contract.columns:
        if column.name not in present:
            picks.append(f"CAST(NULL AS {_SQL_TYPE[column.kind]}) AS {column.name}")
            continue
        raw, kind = f'"{column.name}"', present[column.name]
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
    picks += [f"CAST(\"{c}\" AS VARCHAR) AS \"raw {c}\"" for c in present]
    picks += [f"CAST(\"{c}\" AS VARCHAR) AS \"key {c}\"" for c in contract.key]
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
