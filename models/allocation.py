"""Limited hours for the work that is worth most, solved to the optimum by HiGHS through ``scipy.optimize``.

Actions against the same loss overlap: each prevents its share of what the others leave, so that together they prevent the share
1 - (1 - e1)(1 - e2)... and never more than there is to lose. So an answer takes of each loss one set of actions, or none: a
multiple-choice knapsack (Sinha and Zoltners 1979). Sets that a bound proves to be in no optimum are left out first, and of the
others it is weighed what they lose against the bound: sums of its size, not of the book's, which a solver tells apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, minimize_scalar
from scipy.sparse import coo_array

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
        return _largest(self.loss, turn)[turn]

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
        best = sets.optimum(limit)
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
    after all of these, the others."""
    shares, wholes, found = work.shares, work.wholes, np.zeros(len(done))
    for places in work.together():
        whole = wholes[places[0]]

        def worth(some: list[int], whole: float = whole) -> float:
            return round(whole * (1 - np.prod(1 - shares[some])) - work.cost[some].sum(), 2) if some else 0.0

        before: list[int] = []
        for place in [*places[done[places]], *places[left[places]], *places[~(done | left)[places]]]:
            found[place] = round(worth([*before, place]) - worth(before), 2)
            if done[place] or left[place]:
                before.append(place)
    return found


def _largest(values: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The largest value of each group, at least 0."""
    most = np.zeros(turn.max(initial=-1) + 1)
    np.maximum.at(most, turn, values)
    return most


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

    def optimum(self, limit: float) -> np.ndarray:
        """The sets worth most together, at most one of a pool, within so many minutes.

        At a price of a minute, the minutes there are and what each pool's best set is worth beyond the price bound the value of
        any answer (Lagrangian relaxation). What an answer lacks of the bound is the sum of what its sets lose against the best of
        their pools, of the pools it leaves out, and of the price of minutes not used. So an optimum has no set that alone loses
        more than an answer that is known, and the least loss is the optimum.
        """
        starts = np.flatnonzero(np.diff(self.pool, prepend=-1) != 0)
        turn = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(self.pool)))

        def beyond(price: float) -> np.ndarray:
            return np.maximum(np.maximum.reduceat(self.cents - price * self.minutes, starts), 0)

        dearest = float((self.cents / self.minutes).max())
        price = minimize_scalar(lambda price: price * limit + beyond(price).sum(), bounds=(0, dearest), method="bounded",
                                options={"xatol": 1e-9 * dearest}).x
        most = beyond(price)
        loses = most[turn] - (self.cents - price * self.minutes)
        known = self._known(np.lexsort((-most[turn], loses)), turn, limit)
        gap = price * limit + most.sum() - self.cents[known].sum()
        kept = np.flatnonzero(loses <= gap + 1)
        found = kept[_least_loss(loses[kept], self.minutes[kept], turn[kept], most, price, limit)]
        return max(known, found, key=lambda some: self.cents[some].sum())

    def _known(self, order: np.ndarray, turn: np.ndarray, limit: float) -> np.ndarray:
        """An answer: each set in this order, if it fits and is worth more than its pool's before."""
        room, least = limit, self.minutes.min()
        taken: dict[int, tuple[int, float, float]] = {}
        columns = (each[order].tolist() for each in (turn, self.minutes, self.cents))
        for place, pool, minutes, cents in zip(order.tolist(), *columns):
            _, has_minutes, has_cents = taken.get(pool, (-1, 0.0, 0.0))
            if cents > has_cents and minutes - has_minutes <= room:
                taken[pool] = place, minutes, cents
                room -= minutes - has_minutes
                if room < least:
                    break
        return np.array([place for place, _, _ in taken.values()], int)


def _least_loss(loses: np.ndarray, minutes: np.ndarray, turn: np.ndarray, most: np.ndarray, price: float,
                limit: float) -> np.ndarray:
    """The places of the sets that lose least together: of each pool one, or none, which loses all that its best is worth beyond
    the price; minutes not used lose their price. ``most``: of every pool, those without a set included: they lose nothing."""
    n, pools = len(loses), np.unique(turn)
    groups = np.searchsorted(pools, turn)
    every, none, unused = np.arange(n), n + np.arange(len(pools)), n + len(pools)
    one_of_each = coo_array((np.ones(n + len(pools)), (np.concatenate([groups, np.arange(len(pools))]),
                                                       np.concatenate([every, none]))), shape=(len(pools), unused + 1))
    time = coo_array((np.append(minutes, 1), (np.zeros(n + 1, int), np.append(every, unused))), shape=(1, unused + 1))
    upper = np.append(np.ones(unused), limit)
    found = milp(np.concatenate([loses, most[pools], [price]]), integrality=np.ones(unused + 1),
                 bounds=Bounds(0, upper), options={"mip_rel_gap": 0.0},
                 constraints=[LinearConstraint(one_of_each.tocsr(), 1, 1), LinearConstraint(time.tocsr(), limit, limit)])
    if found.x is None:
        raise ArithmeticError(f"no allocation of {n} sets of tasks: {found.message}")
    return np.flatnonzero(found.x[:n] > 0.5)


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
