from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.intervals import drawn
from models.referral import Referral, kept, prices, promise
from models.types import ORDER


def book(n, seed, sharpness=1.0):
    """Probabilities and truths drawn from them, the rarer types less sure."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.3, 0.2, 0.15, 0.5, 0.9], n)
    truth = (probabilities.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=4)
    told = probabilities**sharpness
    return truth, told / told.sum(axis=1, keepdims=True)


def test_of_each_type_the_promised_share_is_covered_on_customers_not_seen():
    for sharpness in (0.5, 1.0, 3.0):  # the promise does not need calibrated probabilities
        referral = promise(*book(6000, 0, sharpness), 0.9)
        truth, told = book(40_000, 1, sharpness)
        table = kept(truth, told, ORDER, referral, drawn(np.arange(len(truth)), 0, 50))
        assert table.loc[list(ORDER), "covered"].to_numpy() == pytest.approx(0.9, abs=0.02)


def test_one_level_for_all_types_would_break_the_promise_to_some():
    """Why the levels are per type: the marginal kind promises on average and fails the less sure types."""
    truth, told = book(20_000, 0)
    level = np.quantile(told[np.arange(len(truth)), truth], 0.1)
    covered = [(told[truth == kind, kind] >= level).mean() for kind in range(5)]
    assert min(covered) < 0.87


@given(st.integers(0, 99), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_on_the_rows_it_was_set_on_each_type_keeps_at_least_the_promised_share(seed, coverage):
    truth, told = book(80, seed)
    sets = promise(truth, told, coverage).sets(told)
    for kind in set(truth):
        assert sets[truth == kind, kind].mean() >= coverage


def test_the_level_is_the_rank_that_the_promise_needs_by_hand():
    told = np.column_stack([np.arange(1, 10) / 10, 1 - np.arange(1, 10) / 10])
    # nine customers, 0.8 of (9 + 1) = 8 must be kept: all but the least probable one
    assert promise(np.zeros(9, int), told, 0.8).least == (0.2, 0.0)


def test_a_type_of_too_few_customers_is_always_possible():
    truth, told = book(200, 0)
    truth[truth == 2] = 4
    truth[:3] = 2  # 0.9 of (3 + 1) = 3.6, four of three
    assert promise(truth, told, 0.9).sets(told)[:, 2].all()


def test_several_possible_types_and_none_are_for_a_person_and_one_is_a_decision():
    referral = Referral(0.9, (0.4, 0.4, 0.4, 0.4, 0.4))
    told = np.array([[0.5, 0.45, 0.05, 0, 0], [0.9, 0.1, 0, 0, 0], [0.2, 0.2, 0.2, 0.2, 0.2]])
    assert referral.is_referred(told).tolist() == [True, False, True]


def test_a_higher_promise_refers_more():
    truth, told = book(3000, 0)
    shares = [promise(truth, told, c).sets(told).sum(axis=1).mean() for c in (0.7, 0.8, 0.9, 0.95)]
    assert shares == sorted(shares) and shares[0] < shares[-1]


def test_what_other_promises_cost_rises_with_them_and_tells_how_often_the_decided_are_right():
    seen = book(4000, 0)
    truth, told = book(8000, 1)
    table = prices(seen, truth, told)
    assert table["referred"].iloc[-1] > table["referred"].iloc[2]
    assert table["covered"].to_numpy() == pytest.approx(table["promised"].to_numpy(), abs=0.03)
    row = table[table["promised"] == 0.9].iloc[0]
    referral = promise(*seen, 0.9)
    alone = ~referral.is_referred(told)
    assert row["decided_right"] == pytest.approx((told[alone].argmax(axis=1) == truth[alone]).mean(), abs=0.02)
