from __future__ import annotations

import numpy as np
import pytest

from models import metrics
from models.baselines import BASELINES, logistic, majority, out_of_fold, size_only
from models.matrix import WrongMatrix
from models.types import ORDER, type_indices

each = pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)


@each
def test_probabilities_come_in_the_order_of_the_types_and_sum_to_one(book, baseline):
    frame, labels, _ = book
    probabilities = baseline(frame, labels, ORDER).predict_proba(frame)
    assert probabilities.shape == (300, 5)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    # in the order of the types, not of the alphabet: on average each type gets about its share
    shares = np.bincount(type_indices(labels)) / len(labels)
    assert probabilities.mean(axis=0) == pytest.approx(shares, abs=0.02)


@each
def test_a_type_never_shown_gets_probability_zero_in_its_place(book, baseline):
    frame, labels, _ = book
    shown = (labels != "churn").to_numpy()
    probabilities = baseline(frame[shown], labels[shown], ORDER).predict_proba(frame)
    assert (probabilities[:, ORDER.index("churn")] == 0).all()
    assert probabilities.sum(axis=1) == pytest.approx(1)


@each
def test_shuffled_rows_and_columns_give_the_same_baseline(book, baseline):
    frame, labels, _ = book
    order = np.random.default_rng(0).permutation(len(frame))
    plain = baseline(frame, labels, ORDER).predict_proba(frame)
    shuffled = baseline(frame.iloc[order], labels.iloc[order], ORDER).predict_proba(
        frame[frame.columns[::-1]]
    )
    assert np.array_equal(plain, shuffled)


@each
def test_an_empty_column_and_new_gaps_are_survived_without_a_warning(book, baseline):
    frame, labels, _ = book
    frame = frame.assign(rate_mean=np.nan)
    fitted = baseline(frame, labels, ORDER)
    for name in ("exposure_committed", "tenure_months"):
        assert np.isfinite(fitted.predict_proba(frame.assign(**{name: np.nan}))).all()
    assert fitted.predict_proba(frame.iloc[:0]).shape == (0, 5)


@each
def test_a_missing_feature_is_refused(book, baseline):
    frame, labels, _ = book
    with pytest.raises(WrongMatrix, match="exposure_committed"):
        baseline(frame, labels, ORDER).predict_proba(frame.drop(columns="exposure_committed"))


def test_the_majority_ignores_every_feature(book):
    frame, labels, _ = book
    probabilities = majority(frame, labels, ORDER).predict_proba(frame)
    assert (probabilities == probabilities[0]).all()
    assert ORDER[probabilities[0].argmax()] == labels.mode()[0]


def test_the_size_rule_looks_at_nothing_but_size_and_cuts_few_classes(book):
    frame, labels, _ = book
    rule = size_only(frame, labels, ORDER)
    plain = rule.predict_proba(frame)
    assert 1 < len(np.unique(plain, axis=0)) <= 8
    assert np.array_equal(plain, rule.predict_proba(frame.assign(tenure_months=0.0, days_late_max_12m=400.0)))
    with pytest.raises(WrongMatrix, match="turnover"):
        size_only(frame, labels, ORDER, size="turnover")


def test_the_more_a_baseline_looks_at_the_better_it_does(labelled_book):
    labelled = labelled_book(400)
    frame, labels = labelled.drop(columns="type"), labelled["type"]
    folds = np.repeat(np.arange(4), 200)
    loss = [
        metrics.log_loss(type_indices(labels), out_of_fold(baseline, frame, labels, ORDER, folds))
        for baseline in (majority, size_only, logistic)
    ]
    assert loss[0] > loss[1] + 0.02 and loss[1] > loss[2] + 0.1


def test_out_of_fold_probabilities_never_saw_their_own_label(book):
    frame, labels, _ = book
    folds = np.arange(300) % 3
    before = out_of_fold(logistic, frame, labels, ORDER, folds)
    flipped = labels.where(folds != 1, "risk")
    after = out_of_fold(logistic, frame, flipped, ORDER, folds)
    assert np.array_equal(before[folds == 1], after[folds == 1])
    assert not np.array_equal(before[folds == 0], after[folds == 0])
