"""Limited hours go to the work that is worth most: never worse than what trying every combination finds."""

from __future__ import annotations

import ctypes
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.allocation import MOST_TOGETHER, Work, added, worth_doing, worth_more_hours

HOURS = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0]
PRICE = 500


@st.composite
def works(draw) -> Work:
    """A few tasks against a few losses, whole or in part, in any order; some need another one against the same loss."""
    n = draw(st.integers(0, MOST_TOGETHER))

    def of_each(strategy: st.SearchStrategy) -> list:
        return draw(st.lists(strategy, min_size=n, max_size=n))

    pool = np.array(of_each(st.integers(0, 3)), int)
    wholes = np.array(draw(st.lists(st.integers(0, 2_000_000), min_size=4, max_size=4))) / 100
    part = np.array(of_each(st.sampled_from([1.0, 1.0, 0.3])), float)
    effect, hours = (np.array(of_each(st.sampled_from(some)), float) for some in ([0.05, 0.1, 0.25, 0.4, 1.0], HOURS))
    needs, is_free = np.full(n, -1), np.ones(n, bool)
    for place, wants in enumerate(of_each(st.sampled_from(["", "before", "after"]))):
        before = [each for each in range(place) if pool[each] == pool[place] and is_free[each]]
        if wants and before:
            own, other = (place, before[-1]) if wants == "before" else (before[-1], place)
            needs[own] = other
            is_free[[place, before[-1]]] = False
    offer = np.array(of_each(st.sampled_from([0.0, 0.0, 300.0])), float)
    return Work(wholes[pool] * part if n else np.zeros(0), effect, PRICE * hours + offer, hours, pool, needs)


def alone(benefit: np.ndarray, hours: np.ndarray) -> Work:
    """Each task is against a loss of its own, of which it prevents all, and needs none."""
    n = len(benefit)
    return Work(np.maximum(benefit, 0), np.ones(n), np.maximum(-benefit, 0), hours, np.arange(n), np.full(n, -1))


def worth(work: Work, some: list[int]) -> float:
    """What tasks prevent together less what they cost: of each loss, each prevents its share of what those before it left."""
    total = 0.0
    for pool in set(work.pool[some].tolist()):
        whole = left = max(work.loss[work.pool == pool])
        for place in (each for each in some if work.pool[each] == pool):
            left -= left * work.effect[place] * (work.loss[place] / whole if whole else 0)
            total -= work.cost[place]
        total += whole - left
    return total


def best_of_all(work: Work, available: float) -> float:
    """The largest benefit of any combination that fits and holds what it needs, found by trying them all."""
    places = range(len(work.loss))
    fitting = (list(some) for n in range(len(places) + 1) for some in combinations(places, n)
               if work.hours[list(some)].sum() <= available
               and all(work.needs[place] < 0 or work.needs[place] in some for place in some))
    return max(worth(work, some) for some in fitting)


def best_by_quarters(work: Work, available: float) -> float:
    """The largest benefit by dynamic programming over quarter-hours, loss after loss, every set of its tasks."""
    best = np.zeros(int(4 * available) + 1)
    for pool in np.unique(work.pool):
        places, now = np.flatnonzero(work.pool == pool).tolist(), best.copy()
        for some in (list(each) for n in range(1, len(places) + 1) for each in combinations(places, n)):
            took = int(4 * work.hours[some].sum())
            if took < len(best) and all(work.needs[place] < 0 or work.needs[place] in some for place in some):
                now[took:] = np.maximum(now[took:], best[: len(best) - took] + worth(work, some))
        best = now
    return float(best[-1])


@given(works(), st.sampled_from([0.0, 0.2, 1.0, 2.75, 5.0, 8.0, 100.0]))
@settings(max_examples=300, deadline=None)
def test_no_combination_that_fits_the_hours_and_holds_what_it_needs_is_worth_more(work, available):
    done = worth_doing(work, available)
    assert work.hours[done].sum() <= available
    assert done[work.needs[done & (work.needs >= 0)]].all()
    assert worth(work, np.flatnonzero(done).tolist()) == pytest.approx(best_of_all(work, available), abs=0.006 * len(done))


@given(works(), st.sampled_from([0.0, 1.0, 5.0, 100.0]))
@settings(max_examples=300, deadline=None)
def test_what_tasks_add_sums_to_what_those_done_and_those_left_are_worth_together(work, available):
    done = worth_doing(work, available)
    left = worth_more_hours(work, done)
    adds = added(work, done, left)
    assert not (done & left).any()
    assert adds[done].sum() == pytest.approx(worth(work, np.flatnonzero(done).tolist()), abs=0.006 * len(done))
    both = np.flatnonzero(done | left).tolist()
    assert adds[both].sum() == pytest.approx(worth(work, both), abs=0.006 * len(done))
    for place in np.flatnonzero(~(done | left)):
        with_need = [place] if work.needs[place] < 0 or work.needs[place] in both else [work.needs[place], place]
        assert adds[place] == pytest.approx(worth(work, [*both, *with_need]) - worth(work, both), abs=0.02)
        assert adds[place] <= 0.01, "what is worth it is done or left"
    for pool in np.unique(work.pool):
        own = (work.pool == pool) & done
        assert (adds + work.cost)[own].sum() <= max(work.loss[work.pool == pool]) + 0.01 * len(done), "no more than is to lose"
    if available == 100.0:
        assert not left.any(), "with hours for everything nothing is left"


@given(works(), st.lists(st.booleans(), min_size=MOST_TOGETHER, max_size=MOST_TOGETHER))
@settings(max_examples=200, deadline=None)
def test_what_is_left_is_the_best_that_can_be_added_to_what_is_done(work, chosen):
    done = np.array(chosen[: len(work.loss)], bool)
    done[work.needs[done & (work.needs >= 0)]] = True
    left = worth_more_hours(work, done)
    others = [place for place in range(len(done)) if not done[place]]
    holds = (np.flatnonzero(done).tolist() + list(some) for n in range(len(others) + 1) for some in combinations(others, n))
    best = max(worth(work, some) for some in holds if all(work.needs[place] < 0 or work.needs[place] in some for place in some))
    assert worth(work, np.flatnonzero(done | left).tolist()) == pytest.approx(best, abs=0.02)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_loss_of_billions_does_not_hide_one_of_tens(seed):
    rng = np.random.default_rng(seed)
    n = 12
    benefit = np.round(np.exp(rng.uniform(2, rng.choice([10, 20, 27]), n)), 2)
    work = alone(benefit, rng.choice(HOURS, n))
    for available in (2.0, 8.0):
        done = worth_doing(work, available)
        assert abs(benefit[done].sum() - best_by_quarters(work, available)) < 0.01


@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0, 5.5, 9.0]))
@settings(max_examples=40, deadline=None)
def test_many_pairs_of_equal_lengths_are_allocated_as_a_search_of_all_of_them_would(seed, available):
    rng, n = np.random.default_rng(seed), 40
    hours = np.tile(rng.choice([0.5, 1.0, 2.0], 2), n)
    loss, needs = np.repeat(np.round(rng.uniform(0, 20_000, n), 2), 2), np.arange(2 * n) - 1
    needs[::2] = -1
    work = Work(loss, np.tile([0.1, 0.25], n), PRICE * hours, hours, np.repeat(np.arange(n), 2), needs)
    done = worth_doing(work, available)
    assert worth(work, np.flatnonzero(done).tolist()) == pytest.approx(best_by_quarters(work, available), abs=0.5)
    assert hours[done].sum() <= available


@given(works(), st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_another_hour_never_makes_the_work_worth_less(work, quarters):
    worths = [worth(work, np.flatnonzero(worth_doing(work, available)).tolist())
              for available in (quarters / 4, quarters / 4 + 1)]
    assert worths[1] >= worths[0] - 0.1


def test_taking_the_best_by_the_hour_first_would_be_worth_less():
    work = alone(np.array([60.0, 100.0, 120.0]), np.array([1.0, 2.0, 3.0]))
    assert worth_doing(work, 5.0).tolist() == [False, True, True]


def test_a_second_action_against_the_same_loss_gives_way_to_one_against_another():
    loss, effect, one = np.array([1000.0, 1000.0, 900.0]), np.full(3, 0.5), np.ones(3)
    for pool, expected in (([0, 1, 2], [True, True, False]), ([0, 0, 2], [True, False, True])):
        done = worth_doing(Work(loss, effect, 100 * one, one, np.array(pool), np.full(3, -1)), 2.0)
        assert done.tolist() == expected or done.tolist() == [expected[1], expected[0], expected[2]]


def test_thousands_of_tasks_get_the_same_answer_twice_and_never_more_hours_than_there_are():
    rng, n_pools = np.random.default_rng(0), 7_000
    pool = np.repeat(np.arange(n_pools), rng.integers(1, 5, n_pools))
    n = len(pool)
    hours, needs = rng.choice([0.25, 0.5, 1.5, 2.0, 3.0, 6.0, 8.0], n), np.full(n, -1)
    paired = np.flatnonzero((np.diff(pool, prepend=-1) == 0) & (rng.random(n) < 0.3))
    paired = paired[np.diff(paired, prepend=-9) > 1]
    needs[paired] = paired - 1
    loss, effect = np.exp(rng.normal(10, 1.5, n_pools))[pool], rng.choice([0.05, 0.1, 0.25, 0.4], n)
    work = Work(loss, effect, PRICE * hours, hours, pool, needs)
    first, second = (worth_doing(work, 160.0) for _ in range(2))
    assert (first == second).all() and hours[first].sum() <= 160
    assert worth(work, np.flatnonzero(first).tolist()) == pytest.approx(best_by_quarters(work, 160.0), abs=1.0)


def test_the_solver_says_nothing_of_its_own_on_the_standard_output(capfd):
    for seed in (3802, 27, 31):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(10, 120))
        hours = rng.choice([0.25, 0.5, 1, 1.5, 2, 3, 5, 7 / 60, 13 / 60], n)
        loss, effect = np.round(10 ** rng.uniform(2, 4, n), -2), rng.choice([0.05, 0.1, 0.15, 0.25, 0.4], n)
        worth_doing(Work(loss, effect, 10 * hours, hours, np.arange(n), np.full(n, -1)), float(rng.choice([1, 8, 20])))
    ctypes.CDLL(None).fflush(None)
    assert capfd.readouterr().out == ""


def test_hours_in_odd_fractions_are_not_overspent():
    rng = np.random.default_rng(1)
    hours = rng.uniform(0.1, 9.0, 200)
    done = worth_doing(alone(100 * hours + rng.uniform(0, 1, 200), hours), 37.7)
    assert hours[done].sum() <= 37.7


def test_nobody_has_anything_to_do_without_tasks_or_hours():
    assert worth_doing(alone(np.zeros(0), np.zeros(0)), 8.0).tolist() == []
    assert not worth_doing(alone(np.array([5.0]), np.array([1.0])), 0.0).any()


def test_more_tasks_against_one_loss_than_can_be_weighed_are_refused():
    n = MOST_TOGETHER + 1
    work = Work(np.ones(n), np.ones(n), np.zeros(n), np.ones(n), np.zeros(n, int), np.full(n, -1))
    with pytest.raises(ValueError, match="9 tasks are against the same loss, at most 8 can be"):
        worth_doing(work, 3.0)
