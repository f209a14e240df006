"""A delivered CSV file as text: is it UTF-8, what does its header line say, how do its lines end."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from features.errors import BrokenTable, UnreadableFile

BLOCK_BYTES = 1 << 20
OTHER_SEPARATORS = (";", "\t", "|")


def csv_header(file: Path) -> list[str]:
    """Column names of a CSV file, after a look at every byte of it.

    Raises
    ------
    UnreadableFile
        The file cannot be opened, is empty, or is not UTF-8; the line is named.
    BrokenTable
        A column name stands twice, or something else than commas separates the columns.
    """
    try:
        _must_be_utf8(file)
        with file.open(encoding="utf-8-sig", newline="") as handle:
            names = next(csv.reader(handle), [])
    except OSError as error:
        raise UnreadableFile(str(error.strerror), str(file), "Check the file and who may read it.") from error
    except csv.Error as error:
        raise UnreadableFile(f"no header line ({error})", str(file), "Deliver it with a header line.") from error
    if others := [mark for mark in OTHER_SEPARATORS if len(names) == 1 and mark in names[0]]:
        raise BrokenTable(f"its columns are separated by {others[0]!r}", str(file), "Deliver it separated by commas.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BrokenTable(f"column {', '.join(map(repr, twice))} stands twice", str(file), "Deliver each column once.")
    return names


def _must_be_utf8(file: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with file.open("rb") as handle:
        while True:
            block = handle.read(BLOCK_BYTES)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line += block[: error.start].count(b"\n")
                raise UnreadableFile(f"not UTF-8 text (byte 0x{error.object[error.start]:02x} near line {line:,})",
                                     str(file), "Save it as UTF-8; Chinese systems often write GBK.") from error
            if not block:
                break
            line += block.count(b"\n")
    if not file.stat().st_size:
        raise UnreadableFile("an empty file", str(file), "Deliver it with a header line.")


def mixed_line_ends(file: Path) -> str:
    """What to say of a file whose rows end in different ways, empty where they agree; ends within quotes are values'."""
    first, is_quoted = "", False
    with file.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            is_quoted ^= line.count(b'"') % 2 == 1
            if is_quoted or not line.endswith(b"\n"):
                continue
            end = "CRLF" if line.endswith(b"\r\n") else "LF"
            first = first or end
            if end != first:
                return f"mixed line ends ({first} until line {number:,}, which ends in {end})"
    return ""
