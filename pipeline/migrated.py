"""Who went from which type to which between two scored dates, what made them, and the features that carried it.

The steps are those of pipeline/changes.py, for the whole book: the earlier model on the earlier facts as the book has them today,
then on today's facts, then today's model. Types then and now are those that were stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.matrix import KEYS
from models.metrics import given_types
from models.migration import CORRECTED, CUSTOMER, MODEL, OUT, STEPS, Stages, bridge, carriers, matrix, migration, moves
from models.segmenter import Segmenter
from pipeline.active import CHUNK_ROWS, Active
from pipeline.explanations import kept_book
from pipeline.report import EXPOSURES
from pipeline.tracking import Registered

N_CARRIERS = 3
THEN = "then"
"""Before the first step: what was stored."""


@dataclass(frozen=True)
class Scored:
    """A scored date: the type of every customer, and the values of the features that the model judged by, one row each.

    ``fingerprint``: of the delivery that was scored.
    """

    as_of: str
    model: str
    fingerprint: str
    types: pd.Series
    values: pd.DataFrame

    @property
    def version(self) -> str:
        """Of the model that scored it."""
        return self.model.split(" ")[0]


def scored_on(day: str, folder: Path) -> Scored:
    """Read a scored date; contributions are let go of at once.

    Raises
    ------
    NotAssigned, NotExplained, DamagedRevision
        It was not scored, or cannot be read.
    """
    kept = kept_book(day, folder)
    who = pd.Index(kept.assignments["customer_id"])
    types = pd.Series(kept.assignments["type"].to_numpy(object), who)
    model, fingerprint = (str(kept.assignments[name].iloc[0]) for name in ("model_version", "data_fingerprint"))
    return Scored(day, model, fingerprint, types, pd.DataFrame(kept.values, who, kept.features))


@dataclass(frozen=True)
class Move:
    """Customers who went from one type to another at a step: their number, their cents afterwards, and what carried them."""

    step: str
    before: str
    after: str
    n: int
    cents: int
    carriers: list[tuple[str, float]]


@dataclass(frozen=True)
class Migrated:
    """What lies between two scored dates: the four stages of every customer, and every move with what carried it.

    ``exposure``: the feature that counts as exposure; ``n_unknown``: customers without one at either end, who add no cents.
    """

    since: str
    models: tuple[str, str]
    stages: Stages
    moves: tuple[Move, ...]
    exposure: str
    n_unknown: int

    @property
    def content(self) -> dict:
        """For JSON: the matrix and its split by step, the bridge per type, and the three steps as matrices of their own."""
        types, cents = self.stages.types, self.stages.cents
        chain = {step: {"n": _rows(matrix(types[k], types[k + 1], pd.Series(1, types.index))),
                        "cents": _rows(matrix(types[k], types[k + 1], cents[k + 1].where(types[k + 1] != OUT, cents[k])))}
                 for k, step in enumerate(STEPS)}
        split = migration(self.stages)
        return {"since": self.since, "model_then": self.models[0], "model_now": self.models[1], "exposure": self.exposure,
                "n_without_exposure": self.n_unknown,
                "matrix": {what: {of: _rows(table) for of, table in found.items()} for what, found in split.items()},
                "bridge": {what: table.to_dict("index") for what, table in bridge(self.stages).items()}, "steps": chain,
                "moves": [vars(move) | {"carriers": dict(move.carriers)} for move in self.moves]}


def migrated(then: Scored, now: Scored, before: Active, today: Active, old: Registered, new: Registered) -> Migrated:
    """Take the three steps from an earlier scored date to a later one, for everybody.

    Parameters
    ----------
    then, now : Scored
        The two dates as they were scored.
    before, today : Active
        The book as it is today, on the two dates; with the features of both models and the exposures.
    old, new : Registered
        The models that scored the two.
    """
    exposure = next((name for name in EXPOSURES if name in now.values), EXPOSURES[0])
    facts = _Facts(then, now, before, today, exposure)
    corrected = _given(old.segmenter, facts.chunks(CORRECTED, old.segmenter))
    moved = now.types if old.version == new.version else _given(old.segmenter, facts.chunks(CUSTOMER, old.segmenter))
    who = then.types.index.union(now.types.index).union(corrected.index)
    stages = [then.types, corrected, moved, now.types]
    amounts = [facts.exposure_of(then, before), facts.exposure_of(None, before), *[facts.exposure_of(now, today)] * 2]
    types = pd.DataFrame({k: each.reindex(who).fillna(OUT).astype(object) for k, each in enumerate(stages)})
    known = pd.DataFrame({k: each.reindex(who) for k, each in enumerate(amounts)})
    cents = (known.fillna(0.0) * 100).round().astype("int64").where(types != OUT, 0)
    found = Stages(types, cents)
    n_unknown = int(((known[0].isna() & (types[0] != OUT)) | (known[3].isna() & (types[3] != OUT))).sum())
    return Migrated(then.as_of, (then.model, now.model), found, tuple(_moves(found, facts, old, new)), exposure, n_unknown)


@dataclass(frozen=True)
class _Facts:
    """The facts at every stage."""

    then: Scored
    now: Scored
    before: Active
    today: Active
    exposure: str

    def exposure_of(self, scored: Scored | None, active: Active) -> pd.Series:
        """As it was scored, else as the book has it."""
        if scored is not None and self.exposure in scored.values:
            return scored.values[self.exposure]
        return pd.Series(active.column(self.exposure), active.column("customer_id"))

    def chunks(self, step: str, segmenter: Segmenter, only: Collection[str] | None = None) -> Iterator[pd.DataFrame]:
        """What the model judges at the end of a step, some customers at a time; of all of them, or of some."""
        if step == CORRECTED:
            for chunk in self.before.chunks():
                rows = chunk if only is None else chunk[chunk["customer_id"].isin(only)]
                if len(rows):
                    yield rows[[*KEYS, *segmenter.features]]
            return
        scored = self.then if step == THEN else self.now
        who = scored.types.index if only is None else scored.types.index[scored.types.index.isin(only)]
        lacking = [name for name in segmenter.features if name not in scored.values]
        more = pd.DataFrame({name: self.today.column(name) for name in lacking}, self.today.column("customer_id"))
        for start in range(0, len(who), CHUNK_ROWS):
            part = who[start : start + CHUNK_ROWS]
            rows = scored.values.loc[part].reindex(columns=segmenter.features)
            rows[lacking] = more.reindex(part)
            yield rows.rename_axis("customer_id").reset_index().assign(as_of=scored.as_of)


def _given(segmenter: Segmenter, chunks: Iterator[pd.DataFrame]) -> pd.Series:
    """The type that a model gives everybody in the chunks, index customer_id."""
    found = [pd.Series(given_types(segmenter.probabilities(chunk)), chunk["customer_id"].to_numpy(object)) for chunk in chunks]
    names = np.array(segmenter.types, object)
    return pd.Series(names[pd.concat(found).to_numpy()], pd.concat(found).index)


def _moves(stages: Stages, facts: _Facts, old: Registered, new: Registered) -> Iterator[Move]:
    """Every move between two types at every step, the largest first, with the features that carried it."""
    ends = {CORRECTED: ((THEN, old), (CORRECTED, old)), CUSTOMER: ((CORRECTED, old), (CUSTOMER, old)),
            MODEL: ((CUSTOMER, old), (MODEL, new))}
    for place, step in enumerate(STEPS):
        found = moves(stages, step)
        judged = [_Judged(facts, at, model.segmenter, set().union(*found.values())) for at, model in ends[step]] if found else []
        for (a, b), who in sorted(found.items(), key=lambda each: (-len(each[1]), each[0])):
            carried = carriers(*(each.pushes(who, b, a) for each in judged), N_CARRIERS)
            yield Move(step, a, b, len(who), int(stages.cents.loc[who, place + 1].sum()), carried)


class _Judged:
    """What a model makes of some customers at a stage."""

    def __init__(self, facts: _Facts, step: str, segmenter: Segmenter, only: set[str]) -> None:
        judged = [segmenter.judge(chunk) for chunk in facts.chunks(step, segmenter, only)]
        self.who = pd.Index(np.concatenate([each.keys["customer_id"] for each in judged]))
        self.contributions = np.concatenate([each.contributions[:, :, :-1] for each in judged])
        self.segmenter = segmenter

    def pushes(self, who: pd.Index, a: str, b: str) -> pd.DataFrame:
        """Log-odds for type ``a`` against ``b`` of some of them, per feature."""
        rows, (to_a, to_b) = self.who.get_indexer(who), (self.segmenter.types.index(kind) for kind in (a, b))
        pushed = self.contributions[rows, to_a] - self.contributions[rows, to_b]
        return pd.DataFrame(pushed, who, list(self.segmenter.features))


def _rows(table: pd.DataFrame) -> dict:
    return table.to_dict("index")
