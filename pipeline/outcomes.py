"""The log of outcomes: what was done with a customer and what came of it, when and by whom. It grows and never changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.days import days_later
from features.errors import PentadError
from models.playbook import load_playbook
from pipeline.clock import now
from pipeline.explanations import NotAssigned, assigned, scored_dates
from pipeline.ledger import Linked, append, entries

WORDS = {"contacted": {"en": "contacted", "zh": "已联系"}, "reason_for_leaving": {"en": "reason for leaving", "zh": "离开原因"},
         "offer": {"en": "offer", "zh": "方案"}, "kept": {"en": "kept", "zh": "保留"}, "lost": {"en": "lost", "zh": "流失"},
         "cured": {"en": "cured", "zh": "好转"}, "defaulted": {"en": "defaulted", "zh": "违约"}}
WHAT = tuple(WORDS)
COLUMNS = ("customer_id", "on", "what", "detail", "by", "action", "recorded_at")


class BrokenOutcomes(PentadError):
    """The log of outcomes was changed where it may only grow."""

    exit_code = 72


class NotAnOutcome(PentadError):
    """What is to be recorded cannot have come of a customer or an action."""

    exit_code = 73


@dataclass(frozen=True)
class Outcome(Linked):
    """What happened with a customer: when (ISO), which of ``WHAT``, in words, told by whom, of which action (empty for none).

    ``recorded_at``: the moment (UTC) it was written down.
    """

    customer_id: str
    on: str
    what: str
    detail: str
    by: str
    action: str
    recorded_at: str

    @property
    def is_sound(self) -> bool:
        """Whether its values are such as are written."""
        return super().is_sound and self.what in WHAT


def outcome(customer: str, on: str, what: str, detail: str, by: str, action: str, assignments: Path, log: Path) -> Outcome:
    """Record what was done with a scored customer, or what came of it.

    Parameters
    ----------
    customer, on : str
        Who, and the day (ISO) on which it happened.
    what, detail, by : str
        One of ``WHAT``, in words, and who says so.
    action : str
        The action of the playbook that it belongs to; empty for none.
    assignments : Path
        Where dates were scored.
    log : Path
        The log.

    Raises
    ------
    NotAnOutcome
        The day is still to come, the playbook has no such action, the customer was never scored by that day, or it is recorded.
    BrokenOutcomes
        The log is not what was written; nothing is added.
    UnwritableOutput
        The log cannot be written.
    """
    at = now()
    if on > days_later(at[:10], 1):  # east of Greenwich it is tomorrow already
        raise NotAnOutcome(f"{on} is still to come", "--on", "Record it when it has happened.")
    known = {each.name for actions in load_playbook().values() for each in actions}
    if action and action not in known:
        raise NotAnOutcome(f"no action is called {action}", "--action", f"Use one of {', '.join(sorted(known))}.")
    if not any(_was_scored(customer, day, assignments) for day in reversed(scored_dates(assignments)) if day <= on):
        raise NotAnOutcome(f"customer {customer} was not scored by {on}", str(assignments), "Check the customer and the day.")
    said = recorded(log)[list(COLUMNS[:-1])]
    if (said == [customer, on, what, detail, by, action]).all(axis=1).any():
        raise NotAnOutcome("the same is recorded already", str(log), "Nothing has to be recorded.")
    return append(Outcome(customer, on, what, detail, by, action, at), log, BrokenOutcomes)


def recorded(log: Path) -> pd.DataFrame:
    """The outcomes in the order in which they were recorded: customer_id, on, what, detail, by, action, recorded_at.

    Raises
    ------
    BrokenOutcomes
        A line is not the one that was written.
    """
    rows = [[getattr(one, name) for name in COLUMNS] for one in entries(Outcome, log, BrokenOutcomes)]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


def _was_scored(customer: str, day: str, assignments: Path) -> bool:
    try:
        assigned(customer, day, assignments)
    except NotAssigned:
        return False
    return True
