"""The log of overrides: who gave a customer another type than the model, when and why. It grows and never changes.

One JSON object a line. Each carries its own SHA-256 and that of the line before, so that a line taken out, changed or put in
breaks the chain. Lines cut off at the end leave a whole chain: how many there were, and the last one's SHA-256, is noted with
every training. An override decides the type that is learnt at the next training.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from features.errors import PentadError
from models.types import ORDER
from pipeline.clock import now
from pipeline.errors import writing
from pipeline.explanations import NotAssigned, assigned

START = "0" * 64


class BrokenLog(PentadError):
    """The log of overrides was changed where it may only grow."""

    exit_code = 57


@dataclass(frozen=True)
class Override:
    """A reviewer's word against an assignment: of whom, as of when, which type instead of which, by whom, why, at (UTC)."""

    customer_id: str
    as_of: str
    type: str
    instead_of: str
    model_version: str
    data_fingerprint: str
    by: str
    reason: str
    at: str
    previous_sha256: str
    sha256: str = ""

    @property
    def own_sha256(self) -> str:
        """What ``sha256`` has to be."""
        content = {name: value for name, value in asdict(self).items() if name != "sha256"}
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def override(customer: str, as_of: str, kind: str, who: str, reason: str, assignments: Path, log: Path) -> Override:
    """Record that a reviewer gives a customer another type than its assignment.

    Raises
    ------
    NotAssigned
        The customer has no assignment on the date, or has this type already.
    BrokenLog
        The log is not what was written; nothing is added.
    UnwritableOutput
        The log cannot be written.
    """
    before = assigned(customer, as_of, assignments)
    if before["type"] == kind:
        raise NotAssigned(f"customer {customer} is {kind} already", str(assignments), "Nothing has to be overridden.")
    with writing(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            lines = file.read().splitlines()
            written = read(log, lines)
            entry = Override(customer, as_of, kind, before["type"], before["model_version"], before["data_fingerprint"],
                             who, reason, now(), written[-1].sha256 if written else START)
            entry = replace(entry, sha256=entry.own_sha256)
            file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return entry


def read(log: Path, lines: list[str] | None = None) -> list[Override]:
    """Every override, the first first; none if there is no log.

    Raises
    ------
    BrokenLog
        A line is not the one that was written.
    """
    if lines is None:
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    found, previous = [], START
    for number, line in enumerate(lines, 1):
        try:
            entry = Override(**json.loads(line))
            is_whole = entry.previous_sha256 == previous and entry.sha256 == entry.own_sha256 and entry.type in ORDER
        except (json.JSONDecodeError, TypeError):
            is_whole = False
        if not is_whole:
            raise BrokenLog(f"line {number} was changed, or one before it was", str(log), "Restore the log from a copy.")
        found.append(entry)
        previous = entry.sha256
    return found


def head(overrides: Sequence[Override]) -> str:
    """How far a log goes: its number of lines and the SHA-256 of the last."""
    return f"{len(overrides)} {overrides[-1].sha256 if overrides else START}"


def as_labels(overrides: Sequence[Override]) -> pd.DataFrame:
    """The overrides as labels of their reviewers: customer_id, as_of, type, analyst, labelled_on (ISO dates).

    Of several by one reviewer of one customer and date the last counts.
    """
    columns = ["customer_id", "as_of", "type", "analyst", "labelled_on"]
    rows = [(o.customer_id, o.as_of, o.type, o.by, o.at[:10]) for o in overrides]
    return pd.DataFrame(rows, columns=columns, dtype=object).drop_duplicates(["customer_id", "as_of", "analyst"], keep="last")
