"""Who went from which type to which between two dates: what was corrected, what the customers did, what the model did.

Between the earlier assignments and the present ones lie the steps of pipeline/changes.py, for everybody at once: four stages,
``then``, ``corrected``, ``moved`` and ``now``. At every stage a customer has a type, or none: it was not scored. So customers who
came and went are moves too, and what the three steps add up to is the whole, in counts and in cents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.types import ORDER

CORRECTED, CUSTOMER, MODEL = "data_corrected", "customer_changed", "model_changed"
STEPS = (CORRECTED, CUSTOMER, MODEL)
OUT = ""
"""The type of who is not scored: new where it comes from there, gone where it goes there."""

NEW, GONE = "new", "gone"
ROWS, COLUMNS = [*ORDER, NEW], [*ORDER, GONE]


@dataclass(frozen=True)
class Stages:
    """Every customer of either date at the four stages: ``types`` and ``cents``, one column each, the index its customer_id.

    A type is ``OUT`` where it was not scored; cents are then 0, as they are where the exposure is not known.
    """

    types: pd.DataFrame
    cents: pd.DataFrame

    @property
    def has_moved(self) -> pd.Series:
        """Whether the type is another at the end than at the start."""
        return self.types[0] != self.types[3]

    @property
    def arrived(self) -> pd.Series:
        """The step at which each customer took the type it has now for good; only of those that have moved."""
        now = self.types[3]
        step = np.select([self.types[2] != now, self.types[1] != now], [MODEL, CUSTOMER], CORRECTED)
        return pd.Series(step, self.types.index)[self.has_moved]


def matrix(before: pd.Series, after: pd.Series, amounts: pd.Series) -> pd.DataFrame:
    """Amounts per type before (rows, and new) and after (columns, and gone); whole numbers."""
    cells = amounts.groupby([before.replace(OUT, NEW), after.replace(OUT, GONE)]).sum().unstack(fill_value=0)
    return cells.reindex(index=ROWS, columns=COLUMNS, fill_value=0).astype("int64")


def migration(stages: Stages) -> dict[str, dict[str, pd.DataFrame]]:
    """The matrix of all moves, and its split by the step of arrival: ``n`` and ``cents``, each of ``all`` and of every step.

    The exposure is today's, of those gone the one they had. Off the diagonal the steps sum to ``all``; who stayed, stayed.
    """
    then, now = stages.types[0], stages.types[3]
    amounts = {"n": pd.Series(1, then.index), "cents": stages.cents[3].where(now != OUT, stages.cents[0])}
    arrived = stages.arrived
    found = {}
    for name, each in amounts.items():
        found[name] = {"all": matrix(then, now, each)}
        for step in STEPS:
            rows = arrived.index[arrived == step]
            found[name][step] = matrix(then[rows], now[rows], each[rows])
    return found


def bridge(stages: Stages) -> dict[str, pd.DataFrame]:
    """From what each type had then to what it has now: ``n`` and ``cents`` per type, columns then, one per step, and now.

    What a type gained at a step, by moves in and out and, of cents, by exposures that changed; then and the steps sum to now.
    """
    found = {"n": [], "cents": []}
    for stage in range(4):
        types = stages.types[stage]
        found["n"].append(types.value_counts().reindex(ORDER, fill_value=0).astype("int64"))
        found["cents"].append(stages.cents[stage].groupby(types).sum().reindex(ORDER, fill_value=0).astype("int64"))
    return {name: pd.DataFrame({"then": each[0], **{step: b - a for step, a, b in zip(STEPS, each, each[1:])}, "now": each[3]})
            for name, each in found.items()}


def moves(stages: Stages, step: str) -> dict[tuple[str, str], pd.Index]:
    """Who went from one type to another at a step, by the two types; those who came and went are left out."""
    place = STEPS.index(step)
    before, after = stages.types[place], stages.types[place + 1]
    rows = (before != after) & (before != OUT) & (after != OUT)
    return {pair: who.index for pair, who in before[rows].groupby([before[rows], after[rows]])}


def carriers(start: pd.DataFrame, end: pd.DataFrame, top: int) -> list[tuple[str, float]]:
    """The features that carried a move: mean log-odds that each gained for the type arrived at against the one left.

    Parameters
    ----------
    start, end : DataFrame
        One row per customer, one column per feature: log-odds of the pair before and after; a feature that one of the two models
        lacks counts as nought there.
    top : int
        At most so many, the strongest first; those that pushed the other way are left out.
    """
    names = start.columns.union(end.columns, sort=False)
    gained = (end.reindex(columns=names, fill_value=0.0) - start.reindex(columns=names, fill_value=0.0)).mean()
    strongest = gained[gained > 0].sort_values(ascending=False, kind="stable").head(top)
    return [(str(name), float(value)) for name, value in strongest.items()]
