"""Logs that grow and never change: one JSON object a line, chained.

Each line carries its own SHA-256 and that of the line before, so that a line taken out, changed or put in breaks the chain. Lines
cut off at the end leave a whole chain.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from features.errors import PentadError
from pipeline.errors import writing

START = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Linked:
    """An entry of a log, linked to the one before it."""

    previous_sha256: str = START
    sha256: str = ""

    @property
    def own_sha256(self) -> str:
        """What ``sha256`` has to be."""
        content = {name: value for name, value in asdict(self).items() if name != "sha256"}
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    @property
    def is_sound(self) -> bool:
        """Whether its values are such as are written."""
        return all(isinstance(value, str) for value in asdict(self).values())


Entry = TypeVar("Entry", bound=Linked)


def append(entry: Entry, log: Path, broken: type[PentadError]) -> Entry:
    """Link an entry to the last one of a log and write it; returns it as written.

    Raises
    ------
    PentadError
        Of kind ``broken``: the log is not what was written; nothing is added.
    UnwritableOutput
        The log cannot be written.
    """
    with writing(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            written = _entries(type(entry), file.read(), log, broken)
            entry = replace(entry, previous_sha256=written[-1].sha256 if written else START)
            entry = replace(entry, sha256=entry.own_sha256)
            file.write((json.dumps(asdict(entry), ensure_ascii=False) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    return entry


def entries(kind: type[Entry], log: Path, broken: type[PentadError]) -> list[Entry]:
    """Every entry of a log, the first first; none if there is no log.

    Raises
    ------
    PentadError
        Of kind ``broken``: a line is not the one that was written.
    """
    return _entries(kind, log.read_bytes() if log.exists() else b"", log, broken)


def _entries(kind: type[Entry], content: bytes, log: Path, broken: type[PentadError]) -> list[Entry]:
    *lines, rest = content.split(b"\n")  # a word may hold other ends of lines, such as U+2028
    found, previous = [], START
    for number, line in enumerate(lines, 1):
        try:
            entry = kind(**json.loads(line))
            is_whole = entry.previous_sha256 == previous and entry.is_sound and entry.sha256 == entry.own_sha256
        except (ValueError, TypeError):
            is_whole = False
        if not is_whole:
            raise broken(f"line {number} was changed, or one before it was", str(log), "Restore the log from a copy.")
        found.append(entry)
        previous = entry.sha256
    if rest:
        raise broken(f"its last line, {len(lines) + 1}, is cut short", str(log), "Remove that line; it was never confirmed.")
    return found
