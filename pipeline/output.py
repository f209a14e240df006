"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import OutputExists


def written_whole(path: Path, write: Callable[[BinaryIO], object], replace: bool, what: str) -> bool:
    """Write beside the place, fsync, rename; return whether the same bytes were there already.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    write : callable
        Writes the content to an open file.
    replace : bool
        Whether another content may be replaced.
    what : str
        What the file is, for the message.

    Raises
    ------
    OutputExists
        Another content is there and may not be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    os.close(handle)
    temporary = Path(name)
    try:
        with temporary.open("wb") as file:
            write(file)
        if not may_take_its_place(temporary, path, replace, what):
            return True
        put(temporary, path)
        return False
    finally:
        temporary.unlink(missing_ok=True)


class Growing:
    """A Parquet file that is written frame by frame, each a group of rows, with the columns of the first."""

    def __init__(self, path: Path) -> None:
        self.path, self.writer = path, None

    def __enter__(self) -> Growing:
        return self

    def add(self, frame: pd.DataFrame) -> None:
        """Write the rows of a frame."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        self.writer = self.writer or pq.ParquetWriter(self.path, table.schema, write_page_checksum=True)
        self.writer.write_table(table.cast(self.writer.schema))

    def __exit__(self, *_: object) -> None:
        if self.writer is not None:
            self.writer.close()


def may_take_its_place(temporary: Path, path: Path, replace: bool, what: str) -> bool:
    """Whether a file has another content than the one that stands in its place.

    Raises
    ------
    OutputExists
        It has, and may not replace it.
    """
    if path.exists():
        if sha256(path) == sha256(temporary):
            return False
        if not replace:
            raise OutputExists(f"other {what}", str(path), "Use --replace to replace them.")
    return True


def put(temporary: Path, path: Path) -> None:
    """Write a file through to the disk and rename it to its place."""
    synced(temporary)
    temporary.chmod(0o644)
    temporary.replace(path)
    synced(path.parent)


def synced(path: Path) -> None:
    """Write a file, or the names in a folder, through to the disk."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
