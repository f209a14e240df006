"""Which settings learn the types best, judged on later dates and other customers than they were learnt from.

The rows of the out-of-time period are never here: the caller hands over the training side only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.special import log_softmax

from models.matrix import feature_matrix, feature_names, sorted_rows
from models.segmenter import SegmenterSettings, fit_temperature
from models.split import grouped_folds
from models.types import type_indices

N_DATES, N_CIRCLE_FOLDS = 3, 3
N_STARTUP, N_WARMUP = 5, 2
"""Trials before any is given up, and folds before one is: an early fold alone says little."""

SPACE = {
    "n_trees": ("int", 50, 500), "depth": ("int", 2, 6), "learning_rate": ("log", 0.02, 0.2),
    "min_child_weight": ("log", 1.0, 20.0), "l2": ("log", 0.1, 30.0), "subsample": ("float", 0.5, 1.0),
    "colsample": ("float", 0.2, 1.0),
}  # fmt: skip
"""What is searched, under the names of run.toml: whole numbers, numbers, and numbers on a logarithmic scale."""


@dataclass(frozen=True)
class TimeFold:
    """Rows to learn from and later rows of other circles to be judged on, each true or false per row."""

    train: np.ndarray
    test: np.ndarray
    description: str


class GivenUp(Exception):
    """A trial that others have left behind."""


def time_folds(
    frame: pd.DataFrame, groups: pd.Series, truth: np.ndarray, order: Sequence[str], embargo_days: int, seed: int,
    n_dates: int = N_DATES,
) -> tuple[TimeFold, ...]:
    """Folds by date and circle together: each of the last ``n_dates`` dates, once per fold of circles.

    A fold learns from other circles and dates more than ``embargo_days`` earlier, and is judged on the circles of the fold on
    the date. With one date there are only circles to go by. Folds without a row of every type to learn from are left out.

    Raises
    ------
    TooFewLabels
        A type has fewer groups than there are folds.
    """
    circles = grouped_folds(groups, truth, tuple(order), N_CIRCLE_FOLDS, seed)
    days = pd.to_datetime(frame["as_of"]).reset_index(drop=True)
    found = []
    for day in sorted(days.unique())[-n_dates:] if days.nunique() > 1 else [None]:
        for circle in range(N_CIRCLE_FOLDS):
            own = circles == circle
            earlier = np.ones(len(days), bool) if day is None else (days + pd.Timedelta(days=embargo_days) < day).to_numpy()
            now = np.ones(len(days), bool) if day is None else (days == day).to_numpy()
            train, test = ~own & earlier, own & now
            if test.any() and len(np.unique(truth[train])) == len(order):
                when = "" if day is None else f" as of {pd.Timestamp(day).date()}"
                found.append(TimeFold(train, test, f"circles {circle}{when}: {train.sum()} to learn from, {test.sum()} to judge"))
    return tuple(found)


def judged(
    margins_of: Callable[[np.ndarray, np.ndarray], np.ndarray], folds: Sequence[TimeFold], truth: np.ndarray,
    report: Callable[[float, int], None] | None = None,
) -> float:
    """Log loss over all folds together, after one temperature: what a setting is worth, lower being better.

    Parameters
    ----------
    margins_of : callable
        From rows to learn from and rows to judge, each true or false per row, to log-odds of the latter, shape (n, k).
    folds : sequence of TimeFold
        Where to judge.
    truth : ndarray of int
        Place of each row's type.
    report : callable, optional
        Told the loss so far and the number of folds done; may raise ``GivenUp``.
    """
    margins, true, loss = [], [], np.nan
    for step, fold in enumerate(folds):
        margins.append(margins_of(fold.train, fold.test))
        true.append(truth[fold.test])
        so_far, labels = np.concatenate(margins), np.concatenate(true)
        told = log_softmax(so_far / fit_temperature(so_far, labels), axis=1)
        loss = float(-told[np.arange(len(labels)), labels].mean())
        if report is not None:
            report(loss, step)
    return loss


def suggested(trial: Any, settings: SegmenterSettings) -> SegmenterSettings:
    """The settings that a trial of Optuna tries; what is not searched stays as it is."""
    tried: dict[str, float] = {}
    for name, (kind, low, high) in SPACE.items():
        whole = kind == "int"
        tried[name] = trial.suggest_int(name, low, high) if whole else trial.suggest_float(name, low, high, log=kind == "log")
    return replace(settings, **tried)


@dataclass(frozen=True)
class Trees:
    """Our trees on one frame, to be judged fold by fold; rows are sorted as for ``segmenter.fit``."""

    matrix: np.ndarray
    truth: np.ndarray
    features: tuple[str, ...]
    n_types: int

    def margins_of(self, settings: SegmenterSettings) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """A function from rows to learn from and rows to judge to the log-odds of the latter."""

        def grown(train: np.ndarray, test: np.ndarray) -> np.ndarray:
            names = list(self.features)
            data = xgb.DMatrix(self.matrix[train], label=self.truth[train], feature_names=names, nthread=settings.n_threads)
            booster = xgb.train(settings.for_xgboost(self.n_types), data, num_boost_round=settings.n_trees)
            asked = xgb.DMatrix(self.matrix[test], feature_names=names, nthread=settings.n_threads)
            return booster.predict(asked, output_margin=True).astype(np.float64)

        return grown


def laid_out(
    frame: pd.DataFrame, labels: pd.Series, groups: pd.Series, order: Sequence[str], embargo_days: int, seed: int,
    n_dates: int = N_DATES,
) -> tuple[Trees, tuple[TimeFold, ...]]:
    """The training side as trees and folds need it, whatever the order of its rows.

    Raises
    ------
    WrongMatrix, NotFinite, UnknownType, TooFewLabels
        As ``segmenter.fit``.
    """
    rows = sorted_rows(frame)
    frame, labels, groups = frame.iloc[rows], labels.iloc[rows], groups.iloc[rows]
    features, truth = feature_names(frame), type_indices(labels, order)
    folds = time_folds(frame, groups, truth, order, embargo_days, seed, n_dates)
    return Trees(feature_matrix(frame, features), truth, features, len(order)), folds
