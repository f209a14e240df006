from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.intervals import Interval, drawn, ratio


def of_mean(values, clusters, seed=0, n_draws=1000):
    return drawn(clusters, seed, n_draws).interval(np.column_stack([values, np.ones(len(values))]), ratio)


def test_the_value_is_that_of_all_rows_and_lies_within():
    values = np.random.default_rng(0).random(200)
    found = of_mean(values, np.arange(200))
    assert found.value == pytest.approx(values.mean()) and found.low < found.value < found.high


def test_an_interval_of_independent_rows_is_the_textbooks():
    values = np.random.default_rng(1).normal(size=400)
    found = of_mean(values, np.arange(400), n_draws=4000)
    half = 1.96 * values.std() / np.sqrt(400)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.06)


def test_ten_copies_of_a_customer_are_one_customer():
    values = np.random.default_rng(2).random(100)
    one, copied = of_mean(values, np.arange(100)), of_mean(np.repeat(values, 10), np.repeat(np.arange(100), 10))
    assert (copied.low, copied.high) == pytest.approx((one.low, one.high))
    naive = of_mean(np.repeat(values, 10), np.arange(1000))
    assert naive.high - naive.low < 0.5 * (copied.high - copied.low)


@given(st.integers(0, 50))
def test_the_order_of_the_rows_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    values, clusters = rng.random(40), np.array([f"c{i}" for i in rng.integers(0, 9, 40)])
    order = rng.permutation(40)
    one, other = of_mean(values, clusters, n_draws=50), of_mean(values[order], clusters[order], n_draws=50)
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    held = []
    for seed in range(300):
        effects = rng.normal(size=60)
        clusters = np.repeat(np.arange(60), 5)
        found = of_mean(effects[clusters] + 0.3 * rng.normal(size=300), clusters, seed, 300)
        held.append(found.low <= 0 <= found.high)
    assert 0.90 <= np.mean(held) <= 0.98


def test_what_no_draw_has_is_nan_and_not_an_error():
    found = drawn(np.arange(3), 0, 10).interval(np.zeros((3, 2)), ratio)
    assert np.isnan([found.value, found.low, found.high]).all() and not found.is_above_zero
    assert np.isnan(drawn(np.array([]), 0, 10).interval(np.zeros((0, 2)), ratio).low)


def test_a_gain_whose_interval_reaches_nought_is_none():
    assert Interval(0.02, 0.01, 0.03).is_above_zero
    assert not Interval(0.02, -0.01, 0.05).is_above_zero and not Interval(0.02, 0.0, 0.05).is_above_zero
