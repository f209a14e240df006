"""A delivered CSV file as text: is it UTF-8, what does its header line say, how do its lines end."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from features.errors import BrokenTable, UnreadableFile

BLOCK_BYTES = 1 << 20
OTHER_SEPARATORS = (";", "\t", "|")
ENCODE = "Save it as UTF-8; Chinese systems often write GBK, Excel UTF-16."
_GZIP = b"\x1f\x8b"


def csv_header(file: Path) -> list[str]:
    """Column names of a CSV file, after a look at every byte of it.

    Raises
    ------
    UnreadableFile
        The file cannot be read, is empty or packed, or is not UTF-8, with the line; or it does not begin with a header.
    BrokenTable
        Something else than commas separates the columns.
    """
    try:
        _must_be_utf8(file)
        with file.open(encoding="utf-8-sig", newline="") as handle:
            names = next(csv.reader(handle, strict=True), [])
    except OSError as error:
        raise UnreadableFile(str(error.strerror), str(file), "Check the file and who may read it.") from error
    except csv.Error as error:
        raise UnreadableFile(f"no header line ({error})", str(file), "Deliver it with a header line.") from error
    if not names:
        raise UnreadableFile("its first line is blank", str(file), "Deliver it with the header line first.")
    if "\0" in "".join(names):
        raise UnreadableFile("not UTF-8 text (byte 0x00 near line 1)", str(file), ENCODE)
    if {"\r", "\n"} & set("".join(names)):  # DuckDB would take it for the end of every row, and find no row
        raise UnreadableFile("a line end within a name of the header", str(file), "Keep the header on one line.")
    if others := [mark for mark in OTHER_SEPARATORS if ",".join(names).count(mark) >= len(names)]:
        raise BrokenTable(f"its columns are separated by {others[0]!r}", str(file), "Deliver it separated by commas.")
    return names


def _must_be_utf8(file: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with file.open("rb") as handle:
        while True:
            block = handle.read(BLOCK_BYTES)
            if line == 1 and block.startswith(_GZIP):
                raise UnreadableFile("packed with gzip", str(file), "Deliver it unpacked.")
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line += block[: error.start].count(b"\n")
                raise UnreadableFile(f"not UTF-8 text (byte 0x{error.object[error.start]:02x} near line {line:,})",
                                     str(file), ENCODE) from error
            if not block:
                break
            line += block.count(b"\n")
    if not file.stat().st_size:
        raise UnreadableFile("an empty file", str(file), "Deliver it with a header line.")


def line_ends(file: Path) -> str:
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
            if b'"' not in line and b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
                return f"mixed line ends (a carriage return stands alone within line {number:,})"
    return ""


def cause(error: Exception) -> str:
    """What DuckDB says of a CSV file that it cannot read: where, and the last line before its advice, which says why."""
    where, *lines = [line.strip() for line in str(error).partition("Possible")[0].splitlines() if line.strip()]
    return f"{where[:200]}: {lines[-1][:200]}" if lines else where[:200]
