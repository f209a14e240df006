"""Pentad beside LightGBM, CatBoost and scikit-learn's histogram boosting: same frame, same splits, same number of trials.

    python -m tests.bench.models synthetic data/sample 12
    python -m tests.bench.models worldbank ../shared/realdata/worldbank_ibrd 12

On the synthetic book each is tuned on time folds of the training side and judged once out of time. On the World Bank's
statements there is one date: each outer fold of circles is judged by a model tuned and grown on the others. All get one
temperature. A weak number is printed as it is.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from scipy.special import softmax

from features.frame import feature_frame
from features.sources import open_tables
from models import metrics
from models.gate import gains_over
from models.intervals import drawn
from models.segmenter import fit_temperature
from models.split import grouped_folds, out_of_time
from models.tuning import TimeFold, Trees, judged, laid_out
from models.types import load_types, names, type_indices
from pipeline.adapters.worldbank import import_worldbank
from pipeline.circles import circles_of
from pipeline.labels import analyst_labels, hindsight_labels
from pipeline.settings import load_settings
from tests.bench.boosters import CONTENDERS, Contender

SETTINGS = load_settings()
TYPES = load_types()
ORDER = names(TYPES)


def tuned(contender: Contender, trees: Trees, folds, n_trials: int) -> optuna.trial.FixedTrial:
    """The contender's best settings on the folds."""
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=SETTINGS.model.seed))
    study.optimize(lambda trial: judged(contender.grow(trial, trees, SETTINGS.model), folds, trees.truth), n_trials)
    return optuna.trial.FixedTrial(study.best_params)


def calibrated(grown, trees: Trees, circles: np.ndarray, side: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Probabilities of the test rows by a model of the side, with a temperature fitted out of fold on the side."""
    margins = np.empty((len(trees.truth), trees.n_types))
    for fold in np.unique(circles[side]):
        own = side & (circles == fold)
        margins[own] = grown(side & ~own, own)
    temperature = fit_temperature(margins[side], trees.truth[side])
    return softmax(grown(side, test) / temperature, axis=1)


def printed(title: str, truth: np.ndarray, told: dict[str, np.ndarray], clusters: np.ndarray, seconds: dict[str, float]) -> None:
    """The table of one book: log loss and macro-F1 with intervals, and the gain of Pentad over each."""
    draws = drawn(clusters, SETTINGS.model.seed)
    print(f"\n{title}, {len(truth):,} rows\n")
    print("| | log loss | macro-F1 | accuracy | pentad's gain in log loss | seconds |\n|---|---|---|---|---|---|")
    for name, given in told.items():
        found = metrics.scores_with_intervals(truth, given, TYPES, draws)
        gain = "" if name == "pentad" else str(gains_over(truth, told["pentad"], given, TYPES, draws)["log_loss"])
        shown = " | ".join(str(found[metric]) for metric in ("log_loss", "macro_f1", "accuracy"))
        print(f"| {name} | {shown} | {gain} | {seconds.get(name, 0):.0f} |")


def synthetic(book: Path, n_trials: int) -> None:
    """Tune on the training side, judge once out of time; beside them the exact filter, which knows the process."""
    with_book = open_tables(book)
    labelled = analyst_labels(with_book, None, SETTINGS, print).rows
    frame = feature_frame(labelled[["customer_id", "as_of"]], with_book)
    given = frame[["customer_id", "as_of"]].merge(labelled, on=["customer_id", "as_of"])["type"]
    groups = frame["customer_id"].map(circles_of(with_book))
    with_book.close()
    split = out_of_time(frame, groups, SETTINGS.split.held_out_share, SETTINGS.split.embargo_days, SETTINGS.model.seed)
    later, seed = split.test | split.known_later, SETTINGS.model.seed
    trees, _ = laid_out(frame, given, groups, ORDER, SETTINGS.split.embargo_days, seed)
    order = np.lexsort((frame["as_of"], frame["customer_id"]))
    side, test = split.train[order], later[order]
    rows = frame.iloc[order]
    tuned_on, folds = laid_out(frame[split.train], given[split.train], groups[split.train], ORDER, SETTINGS.split.embargo_days,
                               seed, n_dates=1)
    circles = np.full(len(rows), -1)
    circles[side] = grouped_folds(groups.iloc[order][side], trees.truth[side], ORDER, SETTINGS.model.n_folds, seed)
    told, seconds = {}, {}
    for contender in CONTENDERS:
        start = time.perf_counter()
        best = tuned(contender, tuned_on, folds, n_trials)
        told[contender.name] = calibrated(contender.grow(best, trees, SETTINGS.model), trees, circles, side, test)
        seconds[contender.name] = time.perf_counter() - start
        print(f"{contender.name}: {best.params}", flush=True)
    told["pentad, as delivered"] = calibrated(trees.margins_of(SETTINGS.model), trees, circles, side, test)
    posterior = pd.read_csv(Path(f"{book}_truth") / "posterior.csv")
    keys = rows[test][["customer_id", "as_of"]]
    best = keys.merge(posterior, on=["customer_id", "as_of"], how="left")[list(ORDER)].to_numpy()
    best /= best.sum(axis=1, keepdims=True)
    truth = trees.truth[test]
    printed("synthetic book, out of time", truth, told, groups.iloc[order][test].to_numpy(), seconds)
    print(f"the exact filter agrees with these labels on {metrics.accuracy(truth, best):.3f}, pentad on "
          f"{metrics.accuracy(truth, told['pentad']):.3f}: a gap of "
          f"{metrics.accuracy(truth, best) - metrics.accuracy(truth, told['pentad']):.3f}")


def worldbank(statements: Path, n_trials: int) -> None:
    """Nested: every borrower is judged by a model tuned and grown without its circle."""
    with tempfile.TemporaryDirectory() as folder:
        import_worldbank(sorted(statements.glob("*.csv")), Path(folder) / "book", replace=True)
        tables = open_tables(Path(folder) / "book")
        labelled = hindsight_labels(tables, "2020-11-30", "2025-05-31", SETTINGS).rows
        frame = feature_frame(labelled[["customer_id", "as_of"]], tables)
        groups = frame["customer_id"].map(circles_of(tables))
        tables.close()
    frame = frame[["customer_id", "as_of", *(name for name in frame.columns[2:] if frame[name].notna().any())]]
    given = frame[["customer_id", "as_of"]].merge(labelled, on=["customer_id", "as_of"])["type"]
    trees, _ = laid_out(frame, given, groups, ORDER, 0, SETTINGS.model.seed)
    circles = grouped_folds(groups, type_indices(given, ORDER), ORDER, SETTINGS.model.n_folds, SETTINGS.model.seed)
    told, seconds = {}, {}
    for contender in CONTENDERS:
        start = time.perf_counter()
        told[contender.name] = np.empty((len(frame), len(ORDER)))
        for fold in np.unique(circles):
            own = circles == fold
            inner = grouped_folds(groups[~own], trees.truth[~own], ORDER, 3, SETTINGS.model.seed)
            within = np.full(len(frame), -1)
            within[~own] = inner
            folds = [TimeFold(~own & (within != each), within == each, "") for each in range(3)]
            grown = contender.grow(tuned(contender, trees, folds, n_trials), trees, SETTINGS.model)
            told[contender.name][own] = calibrated(grown, trees, within, ~own, own)
        seconds[contender.name] = time.perf_counter() - start
        print(f"{contender.name}: done", flush=True)
    delivered = np.empty((len(frame), len(ORDER)))
    for fold in np.unique(circles):
        own = circles == fold
        delivered[own] = calibrated(trees.margins_of(SETTINGS.model), trees, circles, ~own, own)
    printed("World Bank, out of fold", trees.truth, told | {"pentad, as delivered": delivered}, groups.to_numpy(), seconds)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    which, place, trials = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if which == "synthetic":
        synthetic(place, trials)
    elif any(place.glob("*.csv")):
        worldbank(place, trials)
    else:
        print(f"skipped: no statements in {place}")
