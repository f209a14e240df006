"""The label desk measured on a synthetic book, whose wrong labels are known.

    python -m tests.bench.labels data/sample

Two questions. How many of the first suspects are wrong, beside plain confident learning in the same run; and does asking
about the customers of ``whom_next`` teach the model faster than asking about random ones, from the same first labels. The
learning curve is drawn to runs/bench/learning_curve.png; the run ends with an error where random picking is not beaten.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

from features.frame import feature_frame
from features.sources import open_tables
from models import metrics
from models.labels.queue import whom_next
from models.labels.suspects import confident_learning, suspects
from models.matrix import KEYS, feature_matrix, feature_names
from models.segmenter import SegmenterSettings, fit
from models.slices import size_classes
from models.types import ORDER, load_types
from pipeline.circles import circles_of
from pipeline.labels import analyst_labels
from pipeline.settings import load_settings

TYPES = load_types()
START, BATCH, N_BATCHES, N_SEEDS, TEST_SHARE = 100, 50, 6, 12, 0.3
SHOWN = ("macro_f1", "log_loss", "expected_cost")


def curves(
    frame: pd.DataFrame, truth: np.ndarray, groups: np.ndarray, settings: SegmenterSettings, n_seeds: int = N_SEEDS,
    start: int = START, batch: int = BATCH, n_batches: int = N_BATCHES,
) -> pd.DataFrame:
    """Scores on circles never asked about, as labels are added by ``whom_next`` or at random: seed, how, n, scores.

    Each seed draws the test circles, one date per customer, and the first labels, which both ways share.
    """
    matrix, names = feature_matrix(frame, feature_names(frame)), list(feature_names(frame))
    customers, parts = frame["customer_id"].to_numpy(), size_classes(frame["exposure_committed"]).to_numpy()

    def learnt(rows: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        data = xgb.DMatrix(matrix[rows], label=truth[rows], feature_names=names, nthread=settings.n_threads)
        booster = xgb.train(settings.for_xgboost(len(TYPES)), data, num_boost_round=settings.n_trees)
        return lambda asked: booster.predict(xgb.DMatrix(matrix[asked], feature_names=names)).astype(float)

    found = []
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        circles = np.unique(groups)
        held = np.isin(groups, circles[rng.random(len(circles)) < TEST_SHARE])
        test, side = np.flatnonzero(held), rng.permutation(np.flatnonzero(~held))
        side = side[np.unique(customers[side], return_index=True)[1]]
        first = rng.choice(side, start, replace=False)
        for how in ("whom_next", "random"):
            rows, draw = first, np.random.default_rng(1000 + seed)
            for step in range(n_batches + 1):
                told = learnt(rows)
                given = told(test)
                given /= given.sum(axis=1, keepdims=True)
                scores = metrics.scores(truth[test], given, TYPES)
                found.append({"seed": seed, "how": how, "n": len(rows)} | {name: scores[name] for name in SHOWN})
                pool = np.setdiff1d(side, rows)
                if step == n_batches or not len(pool):
                    break
                if how == "random":
                    chosen = draw.choice(pool, min(batch, len(pool)), replace=False)
                else:
                    queue = whom_next(frame.iloc[pool][KEYS], told(pool), TYPES, parts[pool], batch)
                    at = pd.MultiIndex.from_frame(frame.iloc[pool][KEYS]).get_indexer(pd.MultiIndex.from_frame(queue[KEYS]))
                    chosen = pool[at]
                rows = np.concatenate([rows, chosen])
    return pd.DataFrame(found)


def drawn_to(found: pd.DataFrame, to: Path) -> None:
    """Draw the curves: the mean over the seeds, and its standard error as a band."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(SHOWN)), SHOWN):
        for how, colour in (("whom_next", "#4477aa"), ("random", "#aaaaaa")):
            by_n = found[found["how"] == how].groupby("n")[name]
            mean, error = by_n.mean(), by_n.std() / np.sqrt(by_n.count())
            axes.plot(mean.index, mean, marker="o", color=colour, label=how.replace("_", " "))
            axes.fill_between(mean.index, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        axes.set(xlabel="labels", title=name.replace("_", " "))
    axes.legend()
    to.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(to, dpi=120)


def main(book: Path) -> int:
    """Print both tables, draw the curve; returns 1 where random picking is not beaten."""
    settings = load_settings()
    tables = open_tables(book)
    labelled = analyst_labels(tables, None, settings, print)
    agreed = labelled.consensus
    frame = feature_frame(labelled.rows[KEYS], tables)
    groups = frame["customer_id"].map(circles_of(tables))
    tables.close()
    fitted = fit(frame, labelled.rows["type"].set_axis(frame.index), groups, ORDER, settings.model)
    truth = pd.read_csv(Path(f"{book}_truth") / "labels_truth.csv")
    is_wrong = truth.set_index([*KEYS, "analyst"])["is_wrong"].astype(bool)
    ours = suspects(agreed, fitted.out_of_fold)
    wrong = is_wrong.loc[pd.MultiIndex.from_frame(ours[[*KEYS, "analyst"]])].to_numpy()
    place = pd.MultiIndex.from_frame(agreed.votes.items).get_indexer(pd.MultiIndex.from_frame(ours[KEYS]))
    rank = confident_learning(pd.Index(ORDER).get_indexer(ours["type"]), fitted.out_of_fold[place])
    plain = wrong[np.argsort(-rank, kind="stable")]
    n_flagged = int(np.isfinite(rank).sum())
    print(f"\nsuspect labels: {wrong.mean():.3f} of {len(wrong):,} are wrong\n")
    print("| the first | pentad | plain confident learning |\n|---|---|---|")
    for n in (50, 100, 200, 400):
        print(f"| {n} | {wrong[:n].mean():.2f} | {plain[:n].mean():.2f} |")
    print(f"| all {n_flagged:,} that it flags | {wrong[:n_flagged].mean():.2f} | {plain[:n_flagged].mean():.2f} |")
    found = curves(frame, agreed.types, groups.to_numpy(), settings.model)
    drawn_to(found, Path("runs/bench/learning_curve.png"))
    print("\nwhom to label next, mean of", N_SEEDS, "draws:\n")
    print(found.groupby(["n", "how"])[list(SHOWN)].mean().round(3).unstack().to_string())
    at_end = found[found["n"] > START].groupby("how")[list(SHOWN)].mean()
    gain = at_end.loc["whom_next"] - at_end.loc["random"]
    print(f"\nmean gain over random picking: macro-F1 {gain['macro_f1']:+.3f}, log loss {gain['log_loss']:+.3f}, "
          f"cost {gain['expected_cost']:+.3f}; drawn to runs/bench/learning_curve.png")
    return int(gain["macro_f1"] <= 0 or gain["expected_cost"] >= 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
