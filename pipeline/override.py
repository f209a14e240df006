"""The log of overrides: who gave a customer another type than the model, when and why. It grows and never changes.

How many entries there were, and the last one's SHA-256, is noted with every training, since lines cut off at the end leave a
whole chain. An override decides the type that is learnt at the next training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.errors import PentadError
from models.types import ORDER
from pipeline.clock import now
from pipeline.explanations import NotAssigned, assigned
from pipeline.ledger import START, Linked, append, entries


class BrokenLog(PentadError):
    """The log of overrides was changed where it may only grow."""

    exit_code = 57


@dataclass(frozen=True)
class Override(Linked):
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

    @property
    def is_sound(self) -> bool:
        """Whether its values are such as are written."""
        return super().is_sound and self.type in ORDER


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
    model, data = before["model_version"], before["data_fingerprint"]
    return append(Override(customer, as_of, kind, before["type"], model, data, who, reason, now()), log, BrokenLog)


def read(log: Path) -> list[Override]:
    """Every override, the first first; none if there is no log.

    Raises
    ------
    BrokenLog
        A line is not the one that was written.
    """
    return entries(Override, log, BrokenLog)


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
