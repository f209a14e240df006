"""The files of rows that were set aside: one CSV a table, the row as it was read and the reason last."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw

from features.contracts import CONTRACTS
from features.errors import OutputExists, UnwritableOutput
from features.sources.duck import first_line
from features.sources.judging import raw_columns
from features.sources.tables import Engine

REASON = "reason"


def must_be_ours(folder: Path, where: Path | Mapping[str, Any]) -> None:
    """Refuse a folder in which a delivered table, or anybody's file, would be replaced or removed.

    Raises
    ------
    OutputExists
        It is the folder of the book, or a file there has the name of a table and is no reject file.
    """
    if isinstance(where, Path) and where.is_dir() and os.path.realpath(folder) == os.path.realpath(where):
        raise OutputExists("the delivered tables lie there, so rejected rows may not", str(folder),
                           "Name another folder for the rejected rows.")
    for file in (folder / f"{name}.csv" for name in CONTRACTS):
        if (file.exists() or file.is_symlink()) and not _is_reject_file(file):
            raise OutputExists(f"no file of rejected rows (its last column is not {REASON}), and it would be replaced",
                               str(file), "Move it away, or name another folder for the rejected rows.")


def write_rejects(engine: Engine, rejected: Mapping[str, nw.LazyFrame], columns: Mapping[str, Sequence[str]],
                  folder: Path) -> None:
    """Write the rejected rows of the tables that have some, and remove an earlier book's of the others.

    Parameters
    ----------
    rejected : mapping
        By name of the table: ``why``, and the columns as they were read under ``raw <place>``.
    columns : mapping
        By name of the table: the names of the columns as they were delivered.

    Raises
    ------
    UnwritableOutput
        The folder or a file cannot be written; then every file of before is as it was.
    """
    new = {folder / f"{name}.csv": name for name in rejected}
    try:
        if new:
            folder.mkdir(parents=True, exist_ok=True)
        for file, name in new.items():
            _write(engine, rejected[name], columns[name], _beside(file))
        for file in new:
            _beside(file).replace(file)
        for name in CONTRACTS.keys() - rejected.keys():
            (folder / f"{name}.csv").unlink(missing_ok=True)
    except (OSError, duckdb.Error) as error:
        _forget(map(_beside, new))
        why = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        raise UnwritableOutput(f"it cannot be written ({why})", str(folder),
                               "Name a place where a folder can be made, with room for the rejected rows.") from error


def _is_reject_file(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            names = next(csv.reader(handle), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return len(names) > 1 and names[-1] == REASON


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.tmp")


def _write(engine: Engine, rows: nw.LazyFrame, columns: Sequence[str], file: Path) -> None:
    raw, header = raw_columns(columns), [*columns, REASON]  # a delivered column may be called so too
    with file.open("w", encoding="utf-8", newline="") as handle:
        for i, block in enumerate(engine.blocks(rows.select(*raw, "why").sort(*raw, "why"))):
            block.to_csv(handle, index=False, header=header if i == 0 else False, lineterminator="\n")


def _forget(files: Iterable[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink()
