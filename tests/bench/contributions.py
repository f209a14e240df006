"""Contributions of every type by tables beside XGBoost's own, on the same rows, alternated in one run.

    python -m tests.bench.contributions

Models of 300 rounds and five types on 80 features, a tenth of the values missing. XGBoost's exact contributions are measured on
fewer rows, for they take long; their largest difference to the tables' is printed beside the ratio, and the run stops if it is
more than 1e-5. Both get two threads.
"""

from __future__ import annotations

import time

import numpy as np
import xgboost as xgb

from models.contributions import Contributions

N_TRAINED, N_FEATURES, N_TYPES, N_ROUNDS, N_THREADS, N_TURNS = 20_000, 80, 5, 300, 2, 3
N_ROWS = 50_000
ROWS_OF_XGBOOST = {6: 200, 4: 800, 2: 5_000}


def drawn(n: int, seed: int) -> np.ndarray:
    """Rows of normal values, a tenth missing."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, N_FEATURES)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def grown(depth: int) -> xgb.Booster:
    """A model in which every tree grows to its depth: the type follows a few features, with noise."""
    rows = drawn(N_TRAINED, 0)
    pull = np.nan_to_num(rows[:, :N_TYPES]) * 1.5 + np.random.default_rng(1).gumbel(size=(N_TRAINED, N_TYPES))
    how = {"objective": "multi:softprob", "num_class": N_TYPES, "max_depth": depth, "eta": 0.1, "nthread": N_THREADS}
    return xgb.train(how, xgb.DMatrix(rows, label=pull.argmax(axis=1)), N_ROUNDS)


def seconds(work, *given, **how) -> tuple[float, np.ndarray]:
    """How long a call takes, and what comes out."""
    begin = time.perf_counter()
    found = work(*given, **how)
    return time.perf_counter() - begin, found


def main() -> None:
    """Print the table."""
    rows = drawn(N_ROWS, 2)
    print(f"xgboost {xgb.__version__}, {N_THREADS} threads, {N_TYPES * N_ROUNDS:,} trees, {N_FEATURES} features\n")
    print("| depth | tables, rows/s | pred_contribs, rows/s | ratio | approximate, rows/s | prediction, rows/s | made in "
          "| largest difference |")
    print("|---|---|---|---|---|---|---|---|")
    for depth, n_theirs in ROWS_OF_XGBOOST.items():
        booster = grown(depth)
        tables, own = Contributions(booster, N_THREADS), xgb.DMatrix(rows[:n_theirs], nthread=N_THREADS)
        first, _ = seconds(tables.of, rows[:1])
        turns = []
        for _ in range(N_TURNS):
            ours, found = seconds(tables.of, rows)
            theirs, exact = seconds(booster.predict, own, pred_contribs=True)
            about, _ = seconds(booster.predict, own, pred_contribs=True, approx_contribs=True)
            plain, _ = seconds(booster.inplace_predict, rows, predict_type="margin")
            turns.append((N_ROWS / ours, n_theirs / theirs, n_theirs / about, N_ROWS / plain))
        off = np.abs(found[:n_theirs] - exact).max()
        if off > 1e-5:
            raise SystemExit(f"depth {depth}: the tables are off by {off:.2g}")
        ours, theirs, about, plain = np.median(turns, axis=0)
        ratio = np.median([turn[0] / turn[1] for turn in turns])
        print(f"| {depth} | {ours:,.0f} | {theirs:,.0f} | {ratio:,.0f} | {about:,.0f} | {plain:,.0f} | {first:.2f} s "
              f"| {off:.0e} |", flush=True)


if __name__ == "__main__":
    main()
