"""run.toml and the environment, read once into one frozen object. The only module that reads the environment."""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from features.outcome import HindsightRules
from models.drift import MonitorLimits
from models.gate import Limits
from models.segmenter import SegmenterSettings
from pipeline.errors import BadSettings

RUN_TOML = Path(__file__).with_name("run.toml")
SQLITE = "sqlite:///"

#: Smallest and largest possible value; no other number may be negative.
RANGES = {"reject_share_limit": (0, 1), "memory_gb": (0.25, 100_000), "held_out_share": (0, 1), "subsample": (0, 1),
          "colsample": (0, 1), "coverage": (0.5, 0.999), "n_trees": (1, 100_000), "depth": (1, 64), "n_folds": (2, math.inf),
          "n_threads": (1, 1024), "seed": (0, 2**31 - 1), "embargo_days": (0, 36_500), "silent_months": (1, math.inf),
          "least_rows": (1, math.inf), "n_twins": (1, 20), "rise_months": (1, 12)} | dict.fromkeys(
              [*(f"{when}{what}_flip_limit" for when in ("", "month_") for what in ("type", "reason", "dimension")),
               "coverage_shortfall_limit", "type_share_change_limit", "missing_change_limit", "outside_share_limit",
               "unseen_share_limit", "loss_share", "risk_default_rate", "other_default_rate", "churn_leaving_rate",
               "other_leaving_rate", "cover_level", "rate_cut", "offer_saving_share", "least_alike_share", "late_cost_share",
               "effects", "lost_features_limit"], (0, 1)) | {
                   "false_alarm_share": (1e-6, 0.5), "plan_days": (1, 366), "reminder_days": (0, 90), "n_alike": (1, 1000),
                   "days_low": (0, 366), "days_medium": (0, 366), "days_high": (0, 366)}


@dataclass(frozen=True)
class BookSettings:
    """What is tolerated of a delivered book, and the memory that it may take."""

    reject_share_limit: float
    memory_gb: float


@dataclass(frozen=True)
class FeatureSettings:
    """Which features the model may use; ``use_judgemental``: those that repeat a judgement of the bank."""

    use_judgemental: bool


@dataclass(frozen=True)
class LabelSettings:
    """Where reviewers' overrides are kept, which count as labels."""

    overrides: str


@dataclass(frozen=True)
class SplitSettings:
    """Who is held out, and for how long the past stays away from the test date."""

    held_out_share: float
    embargo_days: int


@dataclass(frozen=True)
class ScoreSettings:
    """What is written beside an assignment, and what a book may lack to be scored."""

    n_reasons: int
    hours_per_referral: float
    stale_days: int
    lost_features_limit: float


@dataclass(frozen=True)
class WarnSettings:
    """How far back the date lies that early warnings measure changes against; after how many days an alert is escalated."""

    rise_months: int
    days_low: int
    days_medium: int
    days_high: int

    @property
    def days(self) -> tuple[int, int, int]:
        """By severity, the mildest first: days after an alert was first seen by which something has to be done."""
        return self.days_low, self.days_medium, self.days_high


@dataclass(frozen=True)
class WhatIfSettings:
    """What one unit of money weighs when changes of different kinds are compared; ``month_weight`` is per unit of the balance."""

    cash_weight: float
    security_weight: float
    postponed_weight: float
    limit_weight: float
    month_weight: float


@dataclass(frozen=True)
class PlaybookSettings:
    """What actions are worth: rates per year, shares from 0 to 1, amounts in the book's currency; ``effects`` by action."""

    plan_days: int
    reminder_days: int
    outcomes: str
    loss_share: float
    risk_default_rate: float
    other_default_rate: float
    churn_leaving_rate: float
    other_leaving_rate: float
    years_of_income: float
    warning_factor: float
    cover_level: float
    rate_cut: float
    offer_saving_share: float
    hour_price: float
    n_alike: int
    least_alike_share: float
    late_cost_share: float
    effects: Mapping[str, float] = field(hash=False)


@dataclass(frozen=True)
class TrackingSettings:
    """Where runs and models are kept."""

    uri: str
    artifacts: str
    shelf: str
    experiment: str
    model_name: str


@dataclass(frozen=True)
class Settings:
    """Every setting of a run."""

    book: BookSettings
    features: FeatureSettings
    labels: LabelSettings
    model: SegmenterSettings
    split: SplitSettings
    score: ScoreSettings
    warn: WarnSettings
    whatif: WhatIfSettings
    playbook: PlaybookSettings
    gate: Limits
    monitor: MonitorLimits
    hindsight: HindsightRules
    tracking: TrackingSettings


_KINDS = {kind.__name__: kind for kind in (
    BookSettings, FeatureSettings, LabelSettings, SegmenterSettings, SplitSettings, ScoreSettings, WarnSettings, WhatIfSettings,
    PlaybookSettings, Limits, MonitorLimits, HindsightRules, TrackingSettings)}


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings.

    Raises
    ------
    BadSettings
        The file is missing or not TOML, or a section or key is missing, unknown, of another type or out of range.
    """
    path = path or RUN_TOML
    todo = f"Compare with {RUN_TOML.name} as delivered."
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(str(error), str(path), todo) from error
    if "PENTAD_TRACKING_URI" in os.environ and isinstance(read.get("tracking"), dict):
        read["tracking"]["uri"] = os.environ["PENTAD_TRACKING_URI"]
    sections = {f.name: _KINDS[f.type] for f in dataclasses.fields(Settings)}
    if set(read) != set(sections):
        raise BadSettings(f"sections {sorted(set(read) ^ set(sections))} missing or unknown", str(path), todo)
    return Settings(**{name: _section(kind, read[name], f"{path} [{name}]", todo) for name, kind in sections.items()})


def seen_from(folder: Path, settings: Settings) -> Settings:
    """The settings with their relative places taken from a folder, for those who work elsewhere, as a notebook does."""
    uri, tracking = settings.tracking.uri, settings.tracking
    if uri.startswith(SQLITE):
        uri = f"{SQLITE}{(folder / uri.removeprefix(SQLITE)).resolve()}"
    return dataclasses.replace(
        settings, labels=dataclasses.replace(settings.labels, overrides=str(folder / settings.labels.overrides)),
        playbook=dataclasses.replace(settings.playbook, outcomes=str(folder / settings.playbook.outcomes)),
        tracking=dataclasses.replace(tracking, uri=uri, artifacts=str(folder / tracking.artifacts),
                                     shelf=str(folder / tracking.shelf)))


def _section(kind: type, values: dict, where: str, todo: str):
    wanted = {f.name: f.type for f in dataclasses.fields(kind)}
    if not isinstance(values, dict):
        raise BadSettings("a single value, not a section", where, todo)
    if set(values) != set(wanted):
        raise BadSettings(f"keys {sorted(set(values) ^ set(wanted))} missing or unknown", where, todo)
    for name, value in values.items():
        if wanted[name] == "tuple[str, ...]":
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise BadSettings(f"{name} = {value!r} is not a list of names", where, todo)
            values = values | {name: tuple(value)}
            continue
        if wanted[name] == "Mapping[str, float]":
            values = values | {name: _numbers(name, value, where, todo)}
            continue
        fits = {"float": (int, float), "int": int, "str": str, "bool": bool}[wanted[name]]
        if isinstance(value, bool) != (fits is bool) or not isinstance(value, fits):
            raise BadSettings(f"{name} = {value!r} is not of type {wanted[name]}", where, todo)
        if value == "":
            raise BadSettings(f"{name} is empty", where, todo)
        low, high = RANGES.get(name, (0, math.inf))
        if not isinstance(value, str | bool) and not (low <= value <= high and math.isfinite(value)):
            raise BadSettings(f"{name} = {value!r} is not between {low} and {high}", where, todo)
    return kind(**values)


def _numbers(name: str, value: object, where: str, todo: str) -> dict[str, float]:
    low, high = RANGES[name]
    if not isinstance(value, dict):
        raise BadSettings(f"{name} = {value!r} is not a section of numbers", where, todo)
    for key, each in value.items():
        if isinstance(each, bool) or not isinstance(each, int | float) or not low <= each <= high:
            raise BadSettings(f"{name}.{key} = {each!r} is not a number between {low} and {high}", where, todo)
    return value
