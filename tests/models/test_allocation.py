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


def best_of_all(benefit: np.ndarray, hours: np.ndarray, available: float) -> float:
    """The largest benefit of any combination that fits, found by trying them all."""
    places = range(len(benefit))
    fitting = (list(some) for n in range(len(benefit) + 1) for some in combinations(places, n)
               if sum(hours[place] for place in some) <= available)
    return max(sum(benefit[place] for place in some) for some in fitting)


@given(TASKS, st.sampled_from([0.0, 0.2, 1.0, 2.75, 5.0, 8.0, 100.0]))
@settings(max_examples=100, deadline=None)
def test_no_combination_that_fits_the_hours_is_worth_more(tasks, available):
    benefit, hours = np.array(tasks, float).reshape(-1, 2).T
    done = worth_doing(benefit, hours, available)
    assert hours[done].sum() <= available
    assert benefit[done].sum() == pytest.approx(best_of_all(benefit, hours, available), abs=1e-6)
    assert (benefit[done] > 0).all()


@given(TASKS, st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_another_hour_never_makes_the_work_worth_less(tasks, quarters):
    benefit, hours = np.array(tasks, float).reshape(-1, 2).T
    worth = [benefit[worth_doing(benefit, hours, available)].sum() for available in (quarters / 4, quarters / 4 + 1)]
    assert worth[1] >= worth[0] - 1e-6


def test_taking_the_best_by_the_hour_first_would_be_worth_less():
    benefit, hours = np.array([60.0, 100.0, 120.0]), np.array([1.0, 2.0, 3.0])
    assert worth_doing(benefit, hours, 5.0).tolist() == [False, True, True]


def test_thousands_of_tasks_get_the_same_answer_twice_and_never_more_hours_than_there_are():
    rng = np.random.default_rng(0)
    benefit, hours = np.exp(rng.normal(8, 3, 20_000)), rng.choice([0.25, 0.5, 1.5, 2.0, 3.0, 6.0, 8.0], 20_000)
    first, second = (worth_doing(benefit, hours, 160.0) for _ in range(2))
    assert (first == second).all() and hours[first].sum() <= 160
    by_the_hour = np.argsort(-benefit / hours)
    fits = np.cumsum(hours[by_the_hour]) <= 160
    assert benefit[first].sum() >= benefit[by_the_hour[fits]].sum()


def test_hours_in_odd_fractions_are_not_overspent():
    rng = np.random.default_rng(1)
    hours = rng.uniform(0.1, 9.0, 200)
    done = worth_doing(100 * hours + rng.uniform(0, 1, 200), hours, 37.7)
    assert hours[done].sum() <= 37.7


def test_nobody_has_anything_to_do_without_tasks_or_hours():
    assert worth_doing(np.zeros(0), np.zeros(0), 8.0).tolist() == []
    assert not worth_doing(np.array([5.0]), np.array([1.0]), 0.0).any()
