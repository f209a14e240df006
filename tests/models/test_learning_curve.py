"""Asking about the customers of the queue teaches more than asking about random ones (the synthetic book: make bench)."""

from __future__ import annotations

from models.segmenter import SegmenterSettings
from models.types import type_indices
from tests.bench.labels import curves


def test_the_queue_beats_random_picking_on_cost_and_on_the_rarer_types(labelled_book):
    labelled = labelled_book(900, seed=4)
    settings = SegmenterSettings(n_trees=30, depth=3, learning_rate=0.15, n_threads=2)
    found = curves(labelled.drop(columns="type"), type_indices(labelled["type"]), labelled["customer_id"].to_numpy(), settings,
                   n_seeds=8, start=60, batch=40, n_batches=4)
    scores = found[found["n"] > 60].groupby("how")[["macro_f1", "expected_cost"]].mean()
    assert scores.loc["whom_next", "macro_f1"] > scores.loc["random", "macro_f1"]
    assert scores.loc["whom_next", "expected_cost"] < scores.loc["random", "expected_cost"]


def test_both_ways_share_their_first_labels_and_never_ask_about_the_test_circles(labelled_book):
    labelled = labelled_book(200)
    found = curves(labelled.drop(columns="type"), type_indices(labelled["type"]), labelled["customer_id"].to_numpy(),
                   SegmenterSettings(n_trees=5), n_seeds=2, start=40, batch=30, n_batches=9)
    first = found[found["n"] == 40].set_index(["seed", "how"])["log_loss"].unstack()
    assert (first["random"] == first["whom_next"]).all()
    assert found["n"].max() < 200 * 0.85, "the pool ends before the book does"
