"""Where the tables of a book are: files in a folder, tables of a DuckDB file, or data frames by name."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw

from features.addresses import is_address
from features.contracts import CONTRACTS
from features.errors import BrokenTable, NoBook, PentadError, UnreadableFile
from features.sources.duck import first_line
from features.sources.postgres import Copied, copied, tables_of
from features.sources.refusing import plain

SUFFIXES = (".parquet", ".csv")
FRAMES = "data frames"
_TABLE_FILE = re.compile(r"(.*?) *\.(parquet|csv)(\.(gz|bz2|xz|zst|zip|7z))?")
_MAGIC = slice(8, 12), b"DUCK"


def as_place(where: Any) -> Path | Mapping[str, Any]:
    """A book's place as a path, or its frames as their own library has them.

    Raises
    ------
    NoBook
        It is neither.
    """
    try:
        if isinstance(where, Mapping):
            return {name: nw.to_native(frame, pass_through=True) for name, frame in where.items()}
        return where if isinstance(where, Path) else Path(where)
    except TypeError as error:
        raise NoBook(f"{type(where).__name__}, which is no book", FRAMES,
                     "Give a folder, a DuckDB file, or the frames by name of their table.") from error


@contextmanager
def at_hand(where: Any) -> Iterator[Path | Mapping[str, Any]]:
    """A book's place as ``as_place`` gives it; one in PostgreSQL is copied into a DuckDB file, which is gone afterwards.

    Raises
    ------
    NoBook
        It is no place.
    DatabaseUnreachable
        The database cannot be read.
    """
    if is_address(where):
        with copied(where) as file:
            yield file
    else:
        yield as_place(where)


def find(where: Path | Mapping[str, Any]) -> dict[str, Any]:
    """Where each table of the book is: a file, the name of a table inside the DuckDB file, or a data frame.

    Raises
    ------
    NoBook
        Nothing is there, or a table that every book needs is missing.
    UnreadableFile
        The place cannot be looked into, or the file is no DuckDB file or in use.
    BrokenTable
        A table stands in two files or under a name spelt otherwise, or something else in the place of a data frame.
    """
    if isinstance(where, Mapping):
        found, needed = _among_frames(where), "the frame {0}"
    elif _is_folder(where):
        found, needed = _in_folder(where), "{0}.parquet or {0}.csv"
    elif where.suffix in SUFFIXES:
        raise NoBook("one table, not a book", str(where), "Give the folder that holds it.")
    else:
        schema = "on the search path of whoever connects" if isinstance(where, Copied) else "in schema main"
        found, needed = _in_database(where), f"a table or view {{0}} {schema}"
    missing = [name for name, contract in CONTRACTS.items() if not contract.optional and name not in found]
    if missing:
        raise NoBook(f"no table {', no table '.join(missing)}", place_name(where),
                     f"A book needs {needed.format(missing[0])} (data/README.md lists the columns).")
    return found


def others(where: Path | str | Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the tables, or files like tables, that lie beside those of a book and are not read."""
    if is_address(where):
        return tuple(name for name in tables_of(where) if name.lower() not in CONTRACTS)
    where = as_place(where)
    if isinstance(where, Mapping):
        return ()
    if _is_folder(where):
        read = {file.name for file in find(where).values()}
        return tuple(name for name in _listed(where) if name not in read
                     and (_TABLE_FILE.fullmatch(plain(name)) or plain(Path(name).stem) in CONTRACTS))
    return tuple(name for name in _tables_of(where) if name.lower() not in CONTRACTS)


def place_name(where: Path | Mapping[str, Any], name: str = "", place: Any = None) -> str:
    """What to call a book, or one table of it, in a message."""
    if isinstance(where, Mapping):
        return f"{FRAMES} {name}".strip()
    if isinstance(place, Path):
        return str(place)
    return f"{getattr(where, 'address', where)} {name}".strip()


def must_be_a_file(file: Path) -> None:
    """Refuse what has the name of a table's file and cannot be read as one.

    Raises
    ------
    UnreadableFile
        It is a folder, a link to nothing, or may not be read.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise UnreadableFile("a folder" if file.is_dir() else "no regular file", str(file),
                                 "Deliver the table as one file, not in parts.")
        file.open("rb").close()
    except OSError as error:
        raise unopened(error, file) from error


@contextmanager
def database(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB file, open for reading.

    Raises
    ------
    UnreadableFile
        It is no DuckDB file, or in use.
    """
    try:
        with file.open("rb") as handle:
            head = handle.read(_MAGIC[0].stop)
    except OSError as error:
        raise unopened(error, file) from error
    if head[_MAGIC[0]] != _MAGIC[1]:  # DuckDB itself would look for an extension that reads it
        raise UnreadableFile("not a DuckDB file", str(file), "Give a folder of CSV or Parquet files, or a DuckDB file.")
    try:
        con = duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        raise in_use(error, str(file)) or _no_database(error, file) from error
    with con:
        yield con


def in_use(error: Exception, at: str) -> PentadError | None:
    """The failure of a DuckDB file that somebody else has open for writing, if the error says so."""
    said = str(error)
    if "Could not set lock" in said or "used by another process" in said:
        holder = re.search(r"\(PID \d+\)", said)
        return UnreadableFile(f"in use by another process {holder[0] if holder else ''}".strip(), at,
                              "Close it there, or deliver a copy of the file.")
    if "different configuration" in said or "already attached" in said:
        return UnreadableFile("open in this process already", at, "Close that connection, or open it read-only.")
    return None


def unopened(error: OSError, place: Path) -> UnreadableFile:
    """The failure that says why the operating system does not open a place."""
    return UnreadableFile(error.strerror or first_line(error), str(place), "Check the place and who may read it.")


def _is_folder(where: Path) -> bool:
    try:
        str(where).encode("utf-8")
        mode = where.stat().st_mode
    except UnicodeEncodeError as error:
        raise UnreadableFile("its name is not UTF-8", str(where), "Rename it, or give another path to it.") from error
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise NoBook("nothing there", str(where), "Give the folder or DuckDB file that holds the loan book.") from error
    except OSError as error:
        raise unopened(error, where) from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise NoBook("neither a folder nor a file", str(where), "Give the folder or DuckDB file that holds the loan book.")
    return stat.S_ISDIR(mode)


def _among_frames(frames: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(str(name) for name in frames if name not in CONTRACTS):
        raise NoBook(f"no contract for {', '.join(unknown)}", FRAMES, f"The tables are {', '.join(CONTRACTS)}.")
    found = {name: frames[name] for name in CONTRACTS if frames.get(name) is not None}
    for name, frame in found.items():
        if not _is_frame(frame):
            raise BrokenTable(f"{type(frame).__name__}, which is no data frame", f"{FRAMES} {name}",
                              "Give a frame of pandas, Polars, Arrow, DuckDB or Spark.")
    return found


def _is_frame(frame: Any) -> bool:
    try:
        return isinstance(nw.from_native(frame, pass_through=True), nw.DataFrame | nw.LazyFrame)
    except nw.exceptions.DuplicateError:  # a frame with a column twice, which scan() names
        return True


def _in_folder(folder: Path) -> dict[str, Path]:
    alike: dict[str, list[str]] = {name: [] for name in CONTRACTS}
    for file in _listed(folder):
        if (fits := _TABLE_FILE.fullmatch(plain(file))) and fits[1] in CONTRACTS:
            alike[fits[1]].append(file)
    found = {}
    for name, files in alike.items():
        wanted = [f"{name}{suffix}" for suffix in SUFFIXES]
        if is_there := set(wanted) & set(files):
            files = [file for file in files if plain(file).endswith(SUFFIXES)]  # a packed copy may lie beside it
        if len(files) > 1:
            raise BrokenTable(f"two files for {name}: {files[0]} and {files[1]}", str(folder), "Keep one of them.")
        if files and not is_there:
            raise BrokenTable(f"{files[0]} is not read: the file of {name} is {' or '.join(wanted)}", str(folder),
                              "Give it that name, unpacked.")
        if files:
            found[name] = folder / files[0]
    return found


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise unopened(error, folder) from error


def _in_database(file: Path) -> dict[str, str]:
    names = _tables_of(file)
    if odd := [name for name in names if plain(name) in CONTRACTS and name.lower() not in CONTRACTS]:
        raise BrokenTable(f"table {odd[0]!r} is not read as {plain(odd[0])}", place_name(file), f"Rename it to {plain(odd[0])}.")
    return {name: name for name in CONTRACTS if name in {name.lower() for name in names}}


def _tables_of(file: Path) -> list[str]:
    listed = ("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' UNION ALL "
              "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal ORDER BY 1")
    with database(file) as con:
        try:
            return [row[0] for row in con.execute(listed).fetchall()]
        except duckdb.Error as error:
            raise _no_database(error, file) from error


def _no_database(error: duckdb.Error, file: Path) -> UnreadableFile:
    return UnreadableFile(f"cannot be opened as a DuckDB file ({first_line(error)})", str(file),
                          "It may be truncated, encrypted or of another version; deliver the file again.")
