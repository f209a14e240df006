"""Limited hours for the work that is worth most.

Actions against the same loss overlap: each prevents its share of what the others leave, so that together they prevent the share
1 - (1 - e1)(1 - e2)... and never more than there is to lose. So an answer takes of each loss one set of actions, or none, and the
best answer is that of a multiple-choice knapsack (``models/knapsack.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.knapsack import best_of_each
from models.playbook import MOST_TOGETHER


@dataclass(frozen=True)
class Work:
    """n tasks, each an array of shape (n,).

    ``loss``: the expected one that the task is against, or income to be won; ``effect``: share of it prevented, or won;
    ``cost``: of doing it; ``hours``: it takes. ``pool``: whole numbers; tasks of the same one are against the same loss, of which
    a task may concern a part only: the largest is the whole. ``needs``: place of the task of the same pool that has to be done
    with it, -1 for none.
    """

    loss: np.ndarray
    effect: np.ndarray
    cost: np.ndarray
    hours: np.ndarray
    pool: np.ndarray
    needs: np.ndarray

    @property
    def minutes(self) -> np.ndarray:
        """Whole ones begun, at least one."""
        return np.maximum(np.ceil(60 * self.hours - 1e-9), 1)

    @property
    def wholes(self) -> np.ndarray:
        """The whole loss of each task's pool."""
        _, turn = np.unique(self.pool, return_inverse=True)
        most = np.zeros(turn.max(initial=-1) + 1)
        np.maximum.at(most, turn, self.loss)
        return most[turn]

    @property
    def shares(self) -> np.ndarray:
        """Of the whole loss of its pool, that each task prevents."""
        whole = self.wholes
        return self.effect * np.divide(self.loss, whole, out=np.zeros(len(whole)), where=whole > 0)

    def together(self) -> Iterator[np.ndarray]:
        """The places of the tasks of each pool, in their order."""
        order = np.argsort(self.pool, kind="stable")
        starts = np.flatnonzero(np.diff(self.pool[order])) + 1
        return iter(np.split(order, starts) if len(order) else [])


def worth_doing(work: Work, available: float) -> np.ndarray:
    """Which tasks to do so that the benefit, losses prevented less costs, is largest and the hours suffice, (n,) bool.

    Benefits count to the cent and hours in whole minutes begun; the same tasks in the same order give the same answer.

    Parameters
    ----------
    work : Work
        The tasks.
    available : float
        Hours in all.
    """
    done, limit = np.zeros(len(work.loss), bool), float(np.floor(60 * available + 1e-9))
    sets = _sets(work, limit)
    best = np.flatnonzero(np.diff(sets.pool, append=-1) != 0)
    if sets.minutes[best].sum() > limit:
        best = best_of_each(sets.pool, sets.minutes, sets.cents, limit)
    for places in sets.tasks[best]:
        done[places[places >= 0]] = True
    return done


def worth_more_hours(work: Work, done: np.ndarray) -> np.ndarray:
    """Which tasks would be done beside those done, if there were hours for all, (n,) bool."""
    left = np.zeros(len(done), bool)
    for each in _weighed(work):
        holds = np.ones(each.cents.shape, bool)
        for k, own in enumerate(done[each.places].T):
            holds &= each.is_in[:, k] | ~own[:, None]
        most = np.where(holds & each.fits, each.cents, -np.inf).argmax(axis=1)
        left[each.places[each.is_in[most]]] = True
    return left & ~done


def added(work: Work, done: np.ndarray, left: np.ndarray) -> np.ndarray:
    """What each task adds, to the cent, to those of its pool before it, (n,): first come those done, then those left, then, each
    after all of these, the others, with the one that it needs where that is neither."""
    shares, wholes, found = work.shares, work.wholes, np.zeros(len(done))
    for places in work.together():
        whole = wholes[places[0]]

        def worth(some: list[int], whole: float = whole) -> float:
            return round(whole * (1 - np.prod(1 - shares[some])) - work.cost[some].sum(), 2) if some else 0.0

        before: list[int] = []
        for place in [*places[done[places]], *places[left[places]], *places[~(done | left)[places]]]:
            need = work.needs[place]
            more = [need, place] if not (done[place] or left[place] or need < 0 or need in before) else [place]
            found[place] = round(worth([*before, *more]) - worth(before), 2)
            if done[place] or left[place]:
                before.append(place)
    return found


@dataclass(frozen=True)
class _Weighed:
    """Pools of k tasks each: ``places`` (pools, k); every set of k, the empty one first, ``is_in`` (sets, k); what each is worth
    in cents, and whether it holds what its tasks need (pools, sets)."""

    places: np.ndarray
    is_in: np.ndarray
    cents: np.ndarray
    fits: np.ndarray


def _weighed(work: Work) -> Iterator[_Weighed]:
    """Every set of tasks against the same loss, pools of equally many tasks together."""
    shares, wholes = work.shares, work.wholes
    by_size: dict[int, list[np.ndarray]] = {}
    for places in work.together():
        by_size.setdefault(len(places), []).append(places)
    for size, pools in by_size.items():
        if size > MOST_TOGETHER:
            raise ValueError(f"{size} tasks are against the same loss, at most {MOST_TOGETHER} can be")
        places = np.array(pools)
        is_in = (np.arange(2**size)[:, None] >> np.arange(size)) & 1 == 1
        left, fits = np.ones((len(places), len(is_in))), np.ones((len(places), len(is_in)), bool)
        for k in range(size):
            left *= 1 - shares[places[:, [k]]] * is_in[:, k]
            needs = work.needs[places[:, k]]
            fits &= ~is_in[:, k] | (needs < 0)[:, None] | ((places == needs[:, None]) @ is_in.T)
        cents = np.rint(100 * (wholes[places[:, [0]]] * (1 - left) - work.cost[places] @ is_in.T))
        yield _Weighed(places, is_in, cents, fits)


@dataclass(frozen=True)
class _Sets:
    """m sets of tasks that can be done together: the pool, minutes and cents of each, shape (m,), and the places of its tasks,
    shape (m, ``MOST_TOGETHER``), -1 beyond. Sorted by pool; of one pool, each longer one is worth more."""

    pool: np.ndarray
    minutes: np.ndarray
    cents: np.ndarray
    tasks: np.ndarray


def _sets(work: Work, limit: float) -> _Sets:
    """Of every pool the sets that bring something, fit, hold what they need, and of which no shorter one is worth as much."""
    found = [_Sets(np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros((0, MOST_TOGETHER), int))]
    for each in _weighed(work):
        places, takes = each.places, work.minutes[each.places] @ each.is_in.T
        cents = np.where(each.fits & (takes <= limit), each.cents, 0)
        order = np.lexsort((-cents, takes), axis=-1)
        cents, takes = np.take_along_axis(cents, order, 1), np.take_along_axis(takes, order, 1)
        before = np.maximum.accumulate(np.pad(cents, ((0, 0), (1, 0))), axis=1)[:, :-1]
        row, column = np.nonzero(cents > before)
        tasks = np.full((len(row), MOST_TOGETHER), -1)
        tasks[:, : places.shape[1]] = np.where(each.is_in[order[row, column]], places[row], -1)
        found.append(_Sets(work.pool[places[row, 0]], takes[row, column], cents[row, column], tasks))
    joined = [np.concatenate([getattr(one, name) for one in found]) for name in ("pool", "minutes", "cents", "tasks")]
    order = np.argsort(joined[0], kind="stable")
    return _Sets(*(one[order] for one in joined))
