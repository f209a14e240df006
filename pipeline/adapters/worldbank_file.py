"""One file of statements as a table of text: its header, then its rows, whichever program saved it.

Files are UTF-8, with or without byte-order mark. A file that is not is read as Windows-1252 and the account
says so: only names can be affected. Fields are separated by commas; other separators are read and said.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import UnreadableFile
from pipeline.adapters.worldbank_columns import NotAStatement

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ROWS_PER_REPORT = 1_000


class StatementFile:
    """A file read as far as its header.

    Attributes
    ----------
    name, sha256 : str
        The name without folders, and the digest of the bytes.
    notes : list of str
        What has to be said about how it was saved.
    header : list of str
        The titles of its columns.

    Raises
    ------
    NotAStatement
        The file is empty.
    UnreadableFile
        It cannot be opened, or is not text.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.name
        try:
            self._raw = path.read_bytes()
        except OSError as broken:
            raise UnreadableFile(broken.strerror or "cannot be opened", self.name, "Check the path.") from broken
        self.sha256 = hashlib.sha256(self._raw).hexdigest()
        self.notes: list[str] = []
        encoding = self._find_encoding()
        self._bytes = io.BytesIO(self._raw)
        text = io.TextIOWrapper(self._bytes, encoding, newline="")
        first = text.readline()
        separator = max(SEPARATORS, key=first.count)
        if separator != ",":
            self.notes.append(f"fields separated by {SEPARATORS[separator]}, not commas")
        text.seek(0)
        self._lines = csv.reader(text, delimiter=separator)
        with self._refusing_no_table():
            self.header = next(self._lines, [])

    def rows(self, watch: Callable[[int], object] = lambda n_bytes: None) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows that are not blank, each with the number of its last line.

        A row may have more or fewer values than the header; empty ones too many at its end are dropped.
        `watch` is told now and then how many bytes have been read since it was last told.

        Raises
        ------
        UnreadableFile
            The file breaks off in the middle of a line, or a quote is opened and never closed.
        """
        n_columns, n_values, n_told, n_line = len(self.header), 0, 0, self._lines.line_num
        with self._refusing_no_table():
            for n_row, values in enumerate(self._lines):
                before, n_line = n_line, self._lines.line_num
                if n_row % ROWS_PER_REPORT == 0:
                    watch(self._bytes.tell() - n_told)
                    n_told = self._bytes.tell()
                if not any(map(str.strip, values)):
                    continue
                if not any(map(str.strip, values[n_columns:])):
                    del values[n_columns:]
                n_values = len(values)
                if n_values != n_columns and n_line > before + 1:
                    what = f"a quote opened on line {before + 1:,} runs on to line {n_line:,}"
                    raise UnreadableFile(what, str(self.path), "Close it, or fetch the file again.")
                yield n_line, values
        watch(len(self._raw) - n_told)
        if 0 < n_values < n_columns and not self._raw.endswith((b"\n", b"\r")):
            what = f"ends in the middle of line {n_line:,}"
            raise UnreadableFile(what, str(self.path), "Fetch the file again.")

    @contextmanager
    def _refusing_no_table(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as broken:
            raise UnreadableFile(f"not a table: {broken}", self.name, "Fetch the file again.") from broken

    def _find_encoding(self) -> str:
        """Return the encoding of the bytes; note it where it is not UTF-8."""
        if not self._raw.strip():
            raise NotAStatement("the file is empty", self.name, "Fetch it again.")
        if b"\0" in self._raw:
            todo = "Give the statement as CSV in UTF-8."
            raise UnreadableFile("binary content or UTF-16, not UTF-8 text", self.name, todo)
        for encoding in ("utf-8-sig", "cp1252"):
            try:
                self._raw.decode(encoding)
            except UnicodeDecodeError:
                continue
            if encoding == "cp1252":
                self.notes.append("not UTF-8, read as Windows-1252")
            return encoding
        raise UnreadableFile("neither UTF-8 nor Windows-1252 text", self.name, "Save it as UTF-8.")
