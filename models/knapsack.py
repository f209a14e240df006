"""At most one item of each pool, worth most together, within a limit: a multiple-choice knapsack (Sinha and Zoltners 1979).

HiGHS solves it through ``scipy.optimize.milp``, once a bound has left out the items that are in no optimum. What is minimised is
what an answer lacks of the bound, in cents: small sums, which the solver's tolerances do not swallow beside large ones.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, minimize_scalar
from scipy.sparse import coo_array


def best_of_each(pool: np.ndarray, minutes: np.ndarray, cents: np.ndarray, limit: float) -> np.ndarray:
    """The places of the items worth most together, at most one of a pool, within so many minutes; the same each time.

    At a price of a minute, the minutes there are and what each pool's best item is worth beyond the price bound the value of any
    answer (Lagrangian relaxation). What an answer lacks of the bound is the sum of what its items lose against the best of their
    pools, of the pools it leaves out, and of the price of minutes not used. So an optimum has no item that alone loses more than
    an answer that is known, and the least loss is the optimum.

    Parameters
    ----------
    pool : ndarray of int
        Of each of m items, shape (m,), sorted.
    minutes, cents : ndarray
        What each takes, above 0, and what it is worth, above 0; whole numbers, shape (m,).
    limit : float
        Minutes in all.
    """
    starts = np.flatnonzero(np.diff(pool, prepend=-1) != 0)
    turn = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(pool)))

    def beyond(price: float) -> np.ndarray:
        return np.maximum(np.maximum.reduceat(cents - price * minutes, starts), 0)

    dearest = float((cents / minutes).max())
    price = minimize_scalar(lambda price: price * limit + beyond(price).sum(), bounds=(0, dearest), method="bounded",
                            options={"xatol": 1e-9 * dearest}).x
    most = beyond(price)
    loses = most[turn] - (cents - price * minutes)
    known = _known(np.lexsort((-most[turn], loses)), turn, minutes, cents, limit)
    gap = price * limit + most.sum() - cents[known].sum()
    kept = np.flatnonzero(loses <= gap + 1)
    found = kept[_least_loss(loses[kept], minutes[kept], turn[kept], most, price, limit)]
    return max(known, found, key=lambda some: cents[some].sum())


def _known(order: np.ndarray, turn: np.ndarray, minutes: np.ndarray, cents: np.ndarray, limit: float) -> np.ndarray:
    """An answer: each item in this order, if it fits and is worth more than its pool's before."""
    room, least = limit, minutes.min()
    taken: dict[int, tuple[int, float, float]] = {}
    for place, pool, takes, worth in zip(order.tolist(), *(each[order].tolist() for each in (turn, minutes, cents))):
        _, took, was_worth = taken.get(pool, (-1, 0.0, 0.0))
        if worth > was_worth and takes - took <= room:
            taken[pool] = place, takes, worth
            room -= takes - took
            if room < least:
                break
    return np.array([place for place, _, _ in taken.values()], int)


@contextmanager
def _nothing_said() -> Iterator[None]:
    """HiGHS writes a message of its own to the standard output now and then, whatever its options say."""
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)


def _least_loss(loses: np.ndarray, minutes: np.ndarray, turn: np.ndarray, most: np.ndarray, price: float,
                limit: float) -> np.ndarray:
    """The places of the items that lose least together: of each pool one, or none, which loses all that its best is worth beyond
    the price; minutes not used lose their price. ``most``: of every pool, those without an item included: they lose nothing."""
    n, pools = len(loses), np.unique(turn)
    every, none, unused = np.arange(n), n + np.arange(len(pools)), n + len(pools)
    one_of_each = coo_array((np.ones(unused), (np.concatenate([np.searchsorted(pools, turn), np.arange(len(pools))]),
                                               np.concatenate([every, none]))), shape=(len(pools), unused + 1))
    time = coo_array((np.append(minutes, 1), (np.zeros(n + 1, int), np.append(every, unused))), shape=(1, unused + 1))
    with _nothing_said():
        found = milp(np.concatenate([loses, most[pools], [price]]), integrality=np.ones(unused + 1),
                     bounds=Bounds(0, np.append(np.ones(unused), limit)), options={"mip_rel_gap": 0.0},
                     constraints=[LinearConstraint(one_of_each.tocsr(), 1, 1), LinearConstraint(time.tocsr(), limit, limit)])
    if found.x is None:
        raise ArithmeticError(f"no allocation of {n} sets of tasks: {found.message}")
    return np.flatnonzero(found.x[:n] > 0.5)
