from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.metrics import log_loss
from models.segmenter import SegmenterSettings
from models.tuning import N_CIRCLE_FOLDS, N_DATES, SPACE, judged, laid_out, suggested, time_folds
from models.types import ORDER, type_indices


@pytest.fixture(scope="module")
def quarters(labelled_book):
    """Four dates of 150 customers: features, types, groups."""
    earlier = labelled_book(150, seed=1)
    earlier["as_of"] = earlier["as_of"].map({"2024-12-31": "2024-03-31", "2025-06-30": "2024-06-30"})
    labelled = pd.concat([earlier, labelled_book(150, seed=5)], ignore_index=True)
    return labelled.drop(columns="type"), labelled["type"], labelled["customer_id"]


def test_a_fold_learns_from_other_circles_before_an_embargo_and_is_judged_on_one_date(quarters):
    frame, types, groups = quarters
    order = np.lexsort((frame["as_of"], frame["customer_id"]))
    frame, groups, truth = frame.iloc[order], groups.iloc[order], type_indices(types.iloc[order])
    folds = time_folds(frame, groups, truth, ORDER, 30, 7)
    assert len(folds) == N_DATES * N_CIRCLE_FOLDS
    days, circle = pd.to_datetime(frame["as_of"]).to_numpy(), groups.to_numpy()
    for fold in folds:
        assert len(set(days[fold.test])) == 1
        assert (days[fold.train].max() + np.timedelta64(30, "D")) < days[fold.test].min()
        assert not set(circle[fold.train]) & set(circle[fold.test])
        assert fold.train.any() and set(truth[fold.train]) == set(range(5))
    judged_rows = np.sum([fold.test for fold in folds], axis=0)
    assert judged_rows.max() == 1, "no row is judged twice"


def test_one_date_is_folded_by_circles_alone(labelled_book):
    labelled = labelled_book(200).drop_duplicates("customer_id")
    frame, truth = labelled.drop(columns="type"), type_indices(labelled["type"])
    folds = time_folds(frame, labelled["customer_id"], truth, ORDER, 30, 7)
    assert len(folds) == N_CIRCLE_FOLDS and np.sum([fold.test for fold in folds], axis=0).tolist() == [1] * 200


def test_what_a_setting_is_worth_does_not_depend_on_the_order_of_the_rows(quarters):
    frame, types, groups = quarters
    order = np.random.default_rng(0).permutation(len(frame))
    settings = SegmenterSettings(n_trees=8, n_threads=1)
    found = []
    for f, t, g in (quarters, (frame.iloc[order], types.iloc[order], groups.iloc[order])):
        trees, folds = laid_out(f, t, g, ORDER, 30, 7)
        found.append(judged(trees.margins_of(settings), folds, trees.truth))
    assert found[0] == found[1]


def test_the_worth_is_the_log_loss_after_one_temperature_by_hand(quarters):
    frame, types, groups = quarters
    trees, folds = laid_out(frame, types, groups, ORDER, 30, 7)
    rng = np.random.default_rng(0)
    margins = {id(fold): rng.normal(size=(int(fold.test.sum()), 5)) for fold in folds}
    at = iter(folds)
    loss = judged(lambda train, test: margins[id(next(at))], folds, trees.truth)
    all_margins, truth = np.concatenate([margins[id(f)] for f in folds]), np.concatenate([trees.truth[f.test] for f in folds])
    tried = []
    for temperature in np.exp(np.linspace(np.log(0.2), np.log(20), 400)):
        told = np.exp(all_margins / temperature)
        tried.append(log_loss(truth, told / told.sum(axis=1, keepdims=True)))
    assert loss == pytest.approx(min(tried), abs=1e-4)


def test_progress_is_reported_fold_by_fold_and_a_trial_can_be_given_up(quarters):
    trees, folds = laid_out(*quarters, ORDER, 30, 7)
    steps = []

    def report(loss, step):
        steps.append(step)
        if step == 1:
            raise RuntimeError("left behind")

    with pytest.raises(RuntimeError, match="left behind"):
        judged(trees.margins_of(SegmenterSettings(n_trees=3)), folds, trees.truth, report)
    assert steps == [0, 1]


def test_what_is_tried_lies_in_the_space_and_the_rest_stays():
    class Highest:
        def suggest_int(self, name, low, high):
            return high

        def suggest_float(self, name, low, high, log):
            return low

    tried = suggested(Highest(), SegmenterSettings(seed=3, n_folds=4, coverage=0.8))
    assert (tried.seed, tried.n_folds, tried.coverage) == (3, 4, 0.8)
    assert tried.n_trees == SPACE["n_trees"][2] and tried.learning_rate == SPACE["learning_rate"][1]
