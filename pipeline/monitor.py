"""Watch a model in use: has the book drifted from what it learnt from, is it as good as promised, who went where, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

import features.frame  # noqa: F401  (fills the register)
from features.catalogue import FEATURES
from features.errors import PentadError
from features.sources import Tables
from models.drift import Chances, FeatureDrift, MonitorLimits, TypesDrift, feature_drift, types_drift, worse
from models.intervals import Interval, drawn
from models.matrix import KEYS
from models.metrics import given_types, scores_with_intervals
from models.training_reference import TrainingReference
from models.types import load_types, type_indices
from pipeline import tracking
from pipeline.active import Active, active_customers
from pipeline.categories import counted_categories, unseen_values
from pipeline.changes import NotComparable
from pipeline.circles import circles_of
from pipeline.errors import NoLabels
from pipeline.explanations import kept_book, scored_dates
from pipeline.labels import analyst_labels
from pipeline.migrated import Migrated, Scored, migrated, scored_on
from pipeline.report import EXPOSURES
from pipeline.settings import Settings
from pipeline.tracking import CHAMPION, Registered


class AlarmRaised(PentadError):
    """Monitoring raised an alarm, and was asked to be strict."""

    exit_code = 69


@dataclass(frozen=True)
class Alarm:
    """What is beyond its limit: its kind, what it is about, what was found, and the limit.

    Kinds: psi, missing, below, above (of a feature); types (of the type that changed most); unseen (of a column); performance
    (of a number); age; no_reference.
    """

    kind: str
    about: str
    found: float
    limit: float


@dataclass(frozen=True)
class Performance:
    """How good a model was on labels that came after it: n rows, from and to, the numbers found; empty where too few."""

    n: int
    first: str
    last: str
    found: dict[str, Interval]


@dataclass(frozen=True)
class NotScored:
    """Labels about later dates than training knew that judge nobody, since the model did not score their customers on those
    dates: n labels, from and to."""

    n: int
    first: str
    last: str


@dataclass(frozen=True)
class Unseen:
    """A text column with values that training never saw: rows that have any value, and per unseen one those that have it."""

    column: str
    n_rows: int
    values: dict[str, int]

    @property
    def share(self) -> float:
        """Of the rows with a value."""
        return sum(self.values.values()) / self.n_rows


@dataclass(frozen=True)
class Drift:
    """The book beside the training's: every feature, the types given, values of text columns that training never saw."""

    reference: TrainingReference
    chances: Chances
    features: tuple[FeatureDrift, ...]
    types: TypesDrift
    unseen: tuple[Unseen, ...]
    performance: Performance | None
    not_scored: NotScored | None


@dataclass(frozen=True)
class Monitored:
    """Everything that monitoring found on a date; ``drift`` is None for a model without a training reference.

    ``is_other_book``: the book is not the delivery that was scored on the date. Facts corrected in between are then both data
    corrected and, the other way, customer changed, since the date's own values are as they were scored.
    """

    as_of: str
    model: Registered
    fingerprint: str
    is_other_book: bool
    n_customers: int
    age_days: int
    drift: Drift | None
    migration: Migrated | None
    alarms: tuple[Alarm, ...]

    def text(self) -> str:
        """As it is kept: JSON, the same of the same book and model."""
        drift = self.drift
        content = {
            "as_of": self.as_of, "model": self.model.name, "trained_until": self.model.trained_until, "age_days": self.age_days,
            "data_fingerprint": self.fingerprint, "is_other_book": self.is_other_book, "n_customers": self.n_customers,
            "alarms": [asdict(alarm) for alarm in self.alarms],
            "drift": drift and {
                "reference": {"days": drift.reference.days, "n_customers": [each.total for each in drift.reference.types],
                              "n_circles": [each.n_circles for each in drift.reference.types],
                              "sha256": drift.reference.sha256},
                "chance_per_test": asdict(drift.chances), "features": [asdict(one) for one in drift.features],
                "types": {"order": drift.reference.order, "day": drift.types.day, "then": drift.types.then.n,
                          "now": drift.types.now.n, **asdict(drift.types.shift), "type": drift.types.type,
                          "change": drift.types.change},
                "unseen": [asdict(one) for one in drift.unseen],
                "performance": drift.performance and {**asdict(drift.performance), "promised": {
                    name: asdict(one) for name, one in drift.reference.promised.items()}},
                "labels_not_scored": drift.not_scored and asdict(drift.not_scored)},
            "migration": self.migration and self.migration.content,
        }
        return json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def monitor(
    tables: Tables, as_of: str, since: str | None, which: str | None, settings: Settings, folder: Path,
    progress: Callable[[str, int], None],
) -> Monitored:
    """Compare the book on a date with what a model learnt from and with what was scored before.

    Parameters
    ----------
    tables : Tables
        The book, as it is today.
    as_of, since : str
        The date (ISO), and an earlier scored one to compare with; None takes the last scored before, if there is one.
    which : str
        Alias or version of the model; None takes the one that scored the date, else the champion.
    settings : Settings
        The limits, and where models are kept.
    folder : Path
        Where dates were scored.
    progress : callable
        Told the step, and how many customers more it has behind it.

    Raises
    ------
    NoModel, BrokenModel, StoreUnavailable
        The model, or the one that scored the earlier date, cannot be had.
    NoFactsYet, NobodyToScore
        Nobody is active on one of the dates.
    NotAssigned, NotExplained, DamagedRevision
        A date given by ``since`` was not scored, or cannot be read.
    NotComparable
        ``since`` is not earlier, or a model needs a feature that is not measured any more.
    """
    if since and since >= as_of:
        raise NotComparable(f"{since} is not before {as_of}", "--since", "Give an earlier date.")
    dates = scored_dates(folder)
    earlier = since or max((day for day in dates if day < as_of), default=None)
    now = scored_on(as_of, folder) if since or (as_of in dates) else None
    then = scored_on(earlier, folder) if earlier and now else None
    model = tracking.load(which or (now.version if now else CHAMPION), settings.tracking)
    old = None if then is None else (
        model if then.version == model.version else tracking.load(then.version, settings.tracking))
    measured = list(dict.fromkeys([*model.segmenter.features, *(old.segmenter.features if old else ()), *EXPOSURES]))
    if absent := [name for name in measured if name not in FEATURES]:
        raise NotComparable(f"the model needs {absent[0]}, which is no feature any more", "model", "Train anew, and score.")
    with active_customers(tables, [as_of], measured, progress) as active:
        drift = None if model.reference is None else _drift(tables, active, model, settings, folder, dates)
        migration = None
        if then is not None:
            with active_customers(tables, [then.as_of], measured, progress) as before:
                migration = migrated(then, now, before, active, old, _scorer(now, model, old, settings))
        n_customers = len(active.day)
    age_days = (date.fromisoformat(as_of) - date.fromisoformat(model.trained_until)).days
    is_other_book = now is not None and now.fingerprint != tables.fingerprint
    return Monitored(as_of, model, tables.fingerprint, is_other_book, n_customers, age_days, drift, migration,
                     tuple(_alarms(drift, age_days, settings.monitor)))


def _scorer(now: Scored, model: Registered, old: Registered, settings: Settings) -> Registered:
    """The model that scored the date, which need not be the one that is watched."""
    known = {each.version: each for each in (model, old)}
    return known.get(now.version) or tracking.load(now.version, settings.tracking)


def _drift(tables: Tables, active: Active, model: Registered, settings: Settings, folder: Path, dates: list[str]) -> Drift:
    reference, limits, segmenter = model.reference, settings.monitor, model.segmenter
    circles, chances = active.circle, limits.chances(len(segmenter.features))
    found = tuple(feature_drift(name, reference.features[name], reference.ranges[name], active.column(name), circles, limits,
                                chances.feature) for name in segmenter.features)
    needed = [*KEYS, *segmenter.features]
    given = np.concatenate([given_types(segmenter.probabilities(chunk[needed])) for chunk in active.chunks()])
    types = types_drift(reference, given, circles, limits, chances.types)
    counts = counted_categories(tables)
    unseen = tuple(Unseen(column, sum(counts[column].values()), values)
                   for column, values in unseen_values(counts, reference).items())
    labels = _later_labels(tables, reference.labels_until, active.days[0], settings)
    judged = _judged(labels, model, folder, dates)
    return Drift(reference, chances, found, types, unseen, _performance(judged, tables, model, settings),
                 _not_scored(labels, judged))


def _later_labels(tables: Tables, after: str, until: str, settings: Settings) -> pd.DataFrame:
    """The types that analysts gave about dates after one and up to another: customer_id, as_of, type.

    Overrides are left out and judge nobody: there are only those where a reviewer disagreed.
    """
    try:
        labels = analyst_labels(tables, None, settings, lambda line: None).rows
    except NoLabels:
        return pd.DataFrame(columns=[*KEYS, "type"])
    is_later = (labels["as_of"] > after) & (labels["as_of"] <= until)
    return labels.loc[is_later & ~labels["is_override"].astype(bool), [*KEYS, "type"]]


def _judged(labels: pd.DataFrame, model: Registered, folder: Path, dates: list[str]) -> pd.DataFrame:
    """What the model said of those who have a label, on the dates that it scored: its assignments, with the label."""
    found = [pd.DataFrame(columns=KEYS)]
    for day, said in labels[labels["as_of"].isin(dates)].groupby("as_of"):
        scored = kept_book(day, folder).assignments
        scored = scored.assign(label=scored["customer_id"].map(said.set_index("customer_id")["type"]))
        found.append(scored[scored["label"].notna() & (scored["model_version"] == model.name)])
    return pd.concat([rows for rows in found if len(rows)] or found, ignore_index=True)


def _not_scored(labels: pd.DataFrame, judged: pd.DataFrame) -> NotScored | None:
    """The labels of which none is among the judged."""
    others = labels[~pd.MultiIndex.from_frame(labels[KEYS]).isin(pd.MultiIndex.from_frame(judged[KEYS]))]
    return NotScored(len(others), others["as_of"].min(), others["as_of"].max()) if len(others) else None


def _performance(judged: pd.DataFrame, tables: Tables, model: Registered, settings: Settings) -> Performance | None:
    """How good the model was on dates it scored, by labels about later dates than any that its training knew."""
    if judged.empty:
        return None
    types = load_types()
    order = [kind.name for kind in types]
    found = {}
    if len(judged) >= settings.gate.least_rows:
        circles = circles_of(tables).reindex(judged["customer_id"]).to_numpy()
        truth, believed = type_indices(judged["label"], order), judged[[f"p_{kind}" for kind in order]].to_numpy(float)
        found = scores_with_intervals(truth, believed, types, drawn(circles, settings.model.seed))
        found = {name: found[name] for name in model.reference.promised}
    return Performance(len(judged), judged["as_of"].min(), judged["as_of"].max(), found)


def _alarms(drift: Drift | None, age_days: int, limits: MonitorLimits) -> list[Alarm]:
    found = [] if drift else [Alarm("no_reference", "", 0, 0)]
    if age_days > limits.age_limit_days:
        found.append(Alarm("age", "", age_days, limits.age_limit_days))
    if drift is None:
        return found
    if drift.types.is_alarm(limits.type_share_change_limit):
        found.append(Alarm("types", drift.types.type, drift.types.change, limits.type_share_change_limit))
    for one in drift.features:
        n_known = (1 - one.missing_now) * drift.types.now.total
        limit = {"psi": (one.shift.psi, limits.psi_limit),
                 "missing": (one.missing_now - one.missing_then, limits.missing_change_limit),
                 "below": (one.n_below / max(n_known, 1), limits.outside_share_limit),
                 "above": (one.n_above / max(n_known, 1), limits.outside_share_limit)}
        found += [Alarm(kind, one.feature, *limit[kind]) for kind in one.alarms]
    found += [Alarm("unseen", one.column, one.share, limits.unseen_share_limit) for one in drift.unseen
              if one.share > limits.unseen_share_limit]
    performance = drift.performance
    if performance and performance.found:
        promised = drift.reference.promised
        found += [Alarm("performance", name, performance.found[name].value, promised[name].value)
                  for name in worse(promised, performance.found, drift.chances.performance)]
    return found


def _finite(value):
    """The same with None for what is not finite, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    return value if not isinstance(value, float) or np.isfinite(value) else None
