"""Limited hours for the work that is worth most, solved to the optimum by HiGHS through ``scipy.optimize``.

Actions against the same loss overlap: each prevents its share of what the others leave, so that together they prevent the share
1 - (1 - e1)(1 - e2)... and never more than there is to lose. So an answer takes of each loss one set of actions, or none: a
multiple-choice knapsack (Sinha and Zoltners 1979). Sets that a bound proves to be in no optimum are left out first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, minimize_scalar
from scipy.sparse import coo_array, csr_array

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
    def shares(self) -> np.ndarray:
        """Of the whole loss of its pool, that each task prevents."""
        whole = self.wholes
        return self.effect * np.divide(self.loss, whole, out=np.zeros(len(whole)), where=whole > 0)

    @property
    def wholes(self) -> np.ndarray:
        """The whole loss of each task's pool."""
        _, turn = np.unique(self.pool, return_inverse=True)
        most = np.zeros(turn.max(initial=-1) + 1)
        np.maximum.at(most, turn, self.loss)
        return most[turn]

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
    best = sets.best()
    if sets.minutes[best].sum() > limit:
        sets = sets.of(sets.in_question(limit))
        best = sets.optimum(limit)
    for places in sets.tasks[best]:
        done[places[places >= 0]] = True
    return done


def added(work: Work, done: np.ndarray) -> np.ndarray:
    """What each task adds, to the cent, to those of its pool before it, (n,): first come those done, then, in their order, those
    that add something. A task whose needed one is not done adds what both add together."""
    shares, wholes, found = work.shares, work.wholes, np.zeros(len(done))
    for places in work.together():
        whole = wholes[places[0]]

        def worth(some: list[int], whole: float = whole) -> float:
            return round(whole * (1 - np.prod(1 - shares[some])) - work.cost[some].sum(), 2) if some else 0.0

        chosen: list[int] = []
        for place in [*places[done[places]], *places[~done[places]]]:
            need = work.needs[place]
            more = [place] if need < 0 or need in chosen or done[place] else [need, place]
            found[place] = round(worth(chosen + more) - worth(chosen), 2)
            if done[place] or found[place] > 0:
                chosen += more
    return found


@dataclass(frozen=True)
class _Sets:
    """m sets of tasks that can be done together: the pool, minutes and cents of each, shape (m,), and the places of its tasks,
    shape (m, ``MOST_TOGETHER``), -1 beyond. Sorted by pool; of one pool, each longer one is worth more."""

    pool: np.ndarray
    minutes: np.ndarray
    cents: np.ndarray
    tasks: np.ndarray

    def of(self, kept: np.ndarray) -> _Sets:
        return _Sets(self.pool[kept], self.minutes[kept], self.cents[kept], self.tasks[kept])

    def best(self) -> np.ndarray:
        """The set of each pool that is worth most."""
        return np.flatnonzero(np.diff(self.pool, append=-1) != 0)

    def in_question(self, limit: float) -> np.ndarray:
        """The sets that an optimum can be made of, (m,) bool.

        At a price of a minute, the minutes there are and what each pool's best set is worth beyond the price bound the value
        of any answer (Lagrangian relaxation). Another set of a pool loses the difference, and no optimum loses more than lies
        between the bound and an answer that is known.
        """
        starts = np.flatnonzero(np.diff(self.pool, prepend=-1) != 0)
        turn = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(self.pool)))

        def most_beyond(price: float) -> np.ndarray:
            return np.maximum(np.maximum.reduceat(self.cents - price * self.minutes, starts), 0)

        dearest = float((self.cents / self.minutes).max())
        price = minimize_scalar(lambda price: price * limit + most_beyond(price).sum(), bounds=(0, dearest), method="bounded",
                                options={"xatol": 1e-9 * dearest}).x
        most = most_beyond(price)
        lost = most[turn] - (self.cents - price * self.minutes)
        known = self._known(np.lexsort((-most[turn], lost)), turn, limit)
        return lost <= price * limit + most.sum() - known + 1

    def _known(self, order: np.ndarray, turn: np.ndarray, limit: float) -> float:
        """What is worth the answer that takes each set in this order, if it fits and is worth more than its pool's before."""
        room, least, taken = limit, self.minutes.min(), {}
        for pool, minutes, cents in zip(*(each[order].tolist() for each in (turn, self.minutes, self.cents))):
            has_minutes, has_cents = taken.get(pool, (0.0, 0.0))
            if cents > has_cents and minutes - has_minutes <= room:
                taken[pool] = minutes, cents
                room -= minutes - has_minutes
                if room < least:
                    break
        return sum(cents for _, cents in taken.values())

    def optimum(self, limit: float) -> np.ndarray:
        """The sets worth most together, at most one of a pool."""
        scale = self.cents.max(initial=1)  # HiGHS tolerates errors of about 1e-6 of the unit
        rows = LinearConstraint(self._rows(), -np.inf, self._limits(limit))
        found = milp(-self.cents / scale, integrality=np.ones(len(self.pool)), bounds=Bounds(0, 1), constraints=rows,
                     options={"mip_rel_gap": 0.0})
        if found.x is None:
            raise ArithmeticError(f"no allocation of {len(self.pool)} sets of tasks: {found.message}")
        return np.flatnonzero(found.x > 0.5)

    def _rows(self) -> csr_array:
        """Minutes, then the number of sets of each pool."""
        _, turn = np.unique(self.pool, return_inverse=True)
        every = np.arange(len(turn))
        values = np.concatenate([self.minutes, np.ones(len(turn))])
        return coo_array((values, (np.concatenate([0 * turn, 1 + turn]), np.tile(every, 2)))).tocsr()

    def _limits(self, limit: float) -> np.ndarray:
        return np.concatenate([[limit], np.ones(len(np.unique(self.pool)))])


def _sets(work: Work, limit: float) -> _Sets:
    """Of every pool the sets that bring something, fit, hold what they need, and of which no shorter one is worth as much."""
    minutes, shares, wholes = np.ceil(60 * work.hours - 1e-9), work.shares, work.wholes
    by_size: dict[int, list[np.ndarray]] = {}
    for places in work.together():
        by_size.setdefault(len(places), []).append(places)
    found = [_Sets(np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros((0, MOST_TOGETHER), int))]
    for size, pools in by_size.items():
        if size > MOST_TOGETHER:
            raise ValueError(f"{size} tasks are against the same loss, at most {MOST_TOGETHER} can be")
        places = np.array(pools)
        is_in = (np.arange(1, 2**size)[:, None] >> np.arange(size)) & 1 == 1
        left, fits = np.ones((len(places), len(is_in))), np.ones((len(places), len(is_in)), bool)
        for k in range(size):
            left *= 1 - shares[places[:, [k]]] * is_in[:, k]
            needs = work.needs[places[:, k]]
            fits &= ~is_in[:, k] | (needs < 0)[:, None] | ((places == needs[:, None]) @ is_in.T)
        cents = np.rint(100 * (wholes[places[:, [0]]] * (1 - left) - work.cost[places] @ is_in.T))
        takes = minutes[places] @ is_in.T
        cents[~fits | (takes > limit)] = 0
        order = np.lexsort((-cents, takes), axis=-1)
        cents, takes = np.take_along_axis(cents, order, 1), np.take_along_axis(takes, order, 1)
        before = np.maximum.accumulate(np.pad(cents, ((0, 0), (1, 0))), axis=1)[:, :-1]
        row, column = np.nonzero(cents > np.maximum(before, 0))
        tasks = np.full((len(row), MOST_TOGETHER), -1)
        tasks[:, :size] = np.where(is_in[order[row, column]], places[row], -1)
        found.append(_Sets(work.pool[places[row, 0]], takes[row, column], cents[row, column], tasks))
    return _joined(found)


def _joined(found: list[_Sets]) -> _Sets:
    joined = _Sets(*(np.concatenate([getattr(one, name) for one in found]) for name in ("pool", "minutes", "cents", "tasks")))
    return joined.of(np.argsort(joined.pool, kind="stable"))
