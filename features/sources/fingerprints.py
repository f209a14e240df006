"""The fingerprint of a book: what its tables hold, in one number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa

from features.errors import UnreadableFile
from features.sources.duck import first_line, named
from features.sources.finding import at_hand, database, find, place_name
from features.sources.frames import as_arrow


def fingerprint(where: Path | str | Mapping[str, Any]) -> str:
    """SHA-256 over the names and contents of the book's tables: the same data has the same fingerprint.

    Of a folder it covers the bytes of the tables' files; of a DuckDB file and of data frames what the tables show, so
    that views over other files are followed. The order of rows counts in files and frames, not in a DuckDB file or in Spark.

    Raises
    ------
    UnreadableFile
        A view of a DuckDB file cannot be read.
    DatabaseUnreachable
        A PostgreSQL database cannot be read.
    """
    with at_hand(where) as where:
        return _of(where)


def _of(where: Path | Mapping[str, Any]) -> str:
    whole, found = hashlib.sha256(), find(where)
    if isinstance(where, Mapping):
        for name, frame in found.items():
            if nw.dependencies.is_pyspark_dataframe(frame):
                whole.update(f"{name}:{_shown_by_spark(frame)}\n".encode())
                continue
            rows = _ipc(as_arrow(frame, place_name(where, name)))
            whole.update(f"{name}:{hashlib.sha256(rows).hexdigest()}\n".encode())
        return whole.hexdigest()
    if where.is_file():
        with database(where) as con:
            for name in found:
                whole.update(f"{name}:{_shown(con, name, place_name(where, name))}\n".encode())
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
        values = ", ".join(f"coalesce(CAST({named(column)} AS VARCHAR), chr(0))" for column, _ in columns)
        row = f"concat_ws(chr(31), {values})"
        shown = con.execute(f'SELECT count(*), sum(md5_number_lower({row})) FROM "{name}"').fetchall()
    except duckdb.Error as error:
        raise UnreadableFile(f"cannot be read ({first_line(error)})", at,
                             "A view may show a file that is gone or truncated; deliver it again.") from error
    return f"{columns}:{shown}"


def _ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()
