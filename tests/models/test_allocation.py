"""Limited hours go to the work that is worth most: never worse than what trying every combination finds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.allocation import worth_doing

TASKS = st.lists(st.tuples(st.integers(-200_000, 2_000_000).map(lambda cents: cents / 100),
                           st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0])), max_size=9)


NEEDS = st.lists(st.booleans(), min_size=9, max_size=9)


def alone(benefit: np.ndarray) -> np.ndarray:
    """No task needs another."""
    return np.full(len(benefit), -1)


def by_twos(paired: list[bool], n: int) -> np.ndarray:
    """Of neighbours the second needs the first, where it says so."""
    return np.array([place - 1 if place % 2 and paired[place] else -1 for place in range(n)], int)


def best_of_all(benefit: np.ndarray, hours: np.ndarray, available: float, needs: np.ndarray) -> float:
    """The largest benefit of any combination that fits and holds what it needs, found by trying them all."""
    places = range(len(benefit))
    fitting = (list(some) for n in range(len(benefit) + 1) for some in combinations(places, n)
               if sum(hours[place] for place in some) <= available
               and all(needs[place] < 0 or needs[place] in some for place in some))
    return max(sum(benefit[place] for place in some) for some in fitting)


def best_by_quarters(benefit: np.ndarray, hours: np.ndarray, available: float, needs: np.ndarray) -> float:
    """The largest benefit by dynamic programming over quarter-hours; of two neighbours none, the first, or both, or any."""
    best = np.zeros(int(4 * available) + 1)
    for place in range(0, len(benefit), 2):
        quarters, worth = (4 * hours[place : place + 2]).astype(int), benefit[place : place + 2]
        options = [(quarters[0], worth[0]), (quarters.sum(), worth.sum())]
        options += [(quarters[1], worth[1])] if needs[place + 1] < 0 else []
        best = np.max([best, *(np.concatenate([np.full(min(took, len(best)), -np.inf), best[: len(best) - took] + more])
                               for took, more in options if took <= len(best) - 1)], axis=0)
    return float(best[-1])


@given(TASKS, st.sampled_from([0.0, 0.2, 1.0, 2.75, 5.0, 8.0, 100.0]), NEEDS)
@settings(max_examples=200, deadline=None)
def test_no_combination_that_fits_the_hours_and_holds_what_it_needs_is_worth_more(tasks, available, paired):
    benefit, hours = np.array(tasks, float).reshape(-1, 2).T
    needs = by_twos(paired, len(benefit))
    done = worth_doing(benefit, hours, available, needs)
    assert hours[done].sum() <= available
    assert done[needs[done & (needs >= 0)]].all()
    assert benefit[done].sum() == pytest.approx(best_of_all(benefit, hours, available, needs), abs=1e-6)
    for place in np.flatnonzero(done & (benefit <= 0)):
        (then,) = np.flatnonzero(needs == place)
        assert done[then] and benefit[place] + benefit[then] > 0, "what brings nothing makes something possible"


@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0, 5.5, 9.0]))
@settings(max_examples=40, deadline=None)
def test_many_pairs_of_equal_lengths_are_allocated_as_a_search_of_all_of_them_would(seed, available):
    rng = np.random.default_rng(seed)
    n = 40
    hours = np.tile(rng.choice([0.5, 1.0, 2.0], 2), n)
    benefit = np.round(rng.normal(50, 60, 2 * n), 2)
    needs = by_twos([True] * 2 * n, 2 * n)
    done = worth_doing(benefit, hours, available, needs)
    assert benefit[done].sum() == pytest.approx(best_by_quarters(benefit, hours, available, needs), abs=1e-6)
    assert hours[done].sum() <= available


@given(TASKS, st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_another_hour_never_makes_the_work_worth_less(tasks, quarters):
    benefit, hours = np.array(tasks, float).reshape(-1, 2).T
    worth = [benefit[worth_doing(benefit, hours, available, alone(benefit))].sum()
             for available in (quarters / 4, quarters / 4 + 1)]
    assert worth[1] >= worth[0] - 1e-6


def test_taking_the_best_by_the_hour_first_would_be_worth_less():
    benefit, hours = np.array([60.0, 100.0, 120.0]), np.array([1.0, 2.0, 3.0])
    assert worth_doing(benefit, hours, 5.0, alone(benefit)).tolist() == [False, True, True]


def test_thousands_of_tasks_get_the_same_answer_twice_and_never_more_hours_than_there_are():
    rng = np.random.default_rng(0)
    benefit, hours = np.round(np.exp(rng.normal(8, 1, 20_000)), 2), rng.choice([0.25, 0.5, 1.5, 2.0, 3.0, 6.0, 8.0], 20_000)
    needs = by_twos(list(rng.random(20_000) < 0.5), 20_000)
    paired = np.flatnonzero(needs >= 0)
    hours[paired - 1], hours[paired] = 2.0, 3.0
    first, second = (worth_doing(benefit, hours, 160.0, needs) for _ in range(2))
    assert (first == second).all() and hours[first].sum() <= 160
    assert benefit[first].sum() == pytest.approx(best_by_quarters(benefit, hours, 160.0, needs))


def test_hours_in_odd_fractions_are_not_overspent():
    rng = np.random.default_rng(1)
    hours = rng.uniform(0.1, 9.0, 200)
    done = worth_doing(100 * hours + rng.uniform(0, 1, 200), hours, 37.7, alone(hours))
    assert hours[done].sum() <= 37.7


def test_nobody_has_anything_to_do_without_tasks_or_hours():
    assert worth_doing(np.zeros(0), np.zeros(0), 8.0, np.zeros(0, int)).tolist() == []
    assert not worth_doing(np.array([5.0]), np.array([1.0]), 0.0, np.array([-1])).any()
