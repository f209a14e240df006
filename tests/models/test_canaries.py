"""Canaries: a model of nothing knows nothing, noise earns nothing, and a leak is found by what it earns."""

from __future__ import annotations

import numpy as np
import pytest

from models import metrics
from models.leaks import MUCH, shares_of_contributions, suspicious
from models.segmenter import fit
from models.types import ORDER, type_indices


def test_shuffled_labels_score_at_chance(labelled_book, settings):
    labelled = labelled_book(400)
    frame, groups = labelled.drop(columns="type"), labelled["customer_id"]
    losses, hits = [], []
    for seed in range(3):
        labels = labelled["type"].sample(frac=1, random_state=seed).set_axis(frame.index)
        fitted = fit(frame, labels, groups, ORDER, settings)
        shares = np.bincount(fitted.truth, minlength=5) / len(labels)
        prior = np.tile(shares, (len(labels), 1))
        losses.append(metrics.log_loss(fitted.truth, fitted.out_of_fold) - metrics.log_loss(fitted.truth, prior))
        hits.append(metrics.accuracy(fitted.truth, fitted.out_of_fold) - shares.max())
    # better than always saying how frequent the types are it may not be, beyond noise
    assert np.mean(losses) > -0.01 and np.mean(hits) < 0.02


def test_the_same_labels_in_their_place_score_far_above_chance(labelled_book, settings):
    labelled = labelled_book(400)
    fitted = fit(labelled.drop(columns="type"), labelled["type"], labelled["customer_id"], ORDER, settings)
    shares = np.bincount(fitted.truth, minlength=5) / len(labelled)
    assert metrics.accuracy(fitted.truth, fitted.out_of_fold) > shares.max() + 0.3


def with_column(labelled_book, settings, values):
    labelled = labelled_book(400)
    frame = labelled.drop(columns="type").assign(extra=values(labelled))
    fitted = fit(frame, labelled["type"], labelled["customer_id"], ORDER, settings)
    return fitted, fitted.segmenter.judge(frame)


def test_a_column_of_noise_earns_nothing(labelled_book, settings):
    plain = labelled_book(400)
    without = fit(plain.drop(columns="type"), plain["type"], plain["customer_id"], ORDER, settings)
    fitted, judgement = with_column(labelled_book, settings, lambda rows: np.random.default_rng(0).normal(size=len(rows)))
    gain = metrics.log_loss(without.truth, without.out_of_fold) - metrics.log_loss(fitted.truth, fitted.out_of_fold)
    assert gain < 0.01
    shares = shares_of_contributions(judgement)
    assert shares.sum() == pytest.approx(1) and shares["extra"] < 0.1 and "extra" not in suspicious(judgement)


@pytest.mark.parametrize("blurred", [0.0, 0.3])
def test_a_planted_leak_is_found_by_what_it_earns(labelled_book, settings, blurred):
    rng = np.random.default_rng(1)
    _, judgement = with_column(labelled_book, settings,
                               lambda rows: type_indices(rows["type"]) + blurred * rng.normal(size=len(rows)))
    found = suspicious(judgement)
    assert next(iter(found)) == "extra" and found["extra"] > MUCH
