"""Limited hours for the work that is worth most: a knapsack, solved to the optimum by HiGHS through ``scipy.optimize.milp``.

Some work needs other work done before it: the one is only done with the other (a precedence-constrained knapsack, Ibarra and Kim
1978, here of pairs).
"""

from __future__ import annotations

import numpy as np


def worth_doing(benefit: np.ndarray, hours: np.ndarray, available: float, needs: np.ndarray) -> np.ndarray:
    """Which of n tasks to do so that the benefit is largest and the hours suffice, (n,) bool.

    What brings nothing is done only where it makes something possible that brings more than both cost. Benefits count to the cent
    and hours in whole minutes begun; the same tasks in the same order give the same answer.

    Parameters
    ----------
    benefit, hours : ndarray
        Of each task, shape (n,).
    available : float
        Hours in all.
    needs : ndarray of int
        Place of the task that has to be done with each, -1 for none, shape (n,); a task is needed by at most one, and needs none.
    """
    cents, minutes, limit = np.rint(100 * benefit), np.ceil(60 * hours - 1e-9), float(np.floor(60 * available + 1e-9))
    done, (alone, first, then) = np.zeros(len(benefit), bool), _parts(cents, minutes, limit, needs)
    every = np.concatenate([alone, first, then])
    if minutes[every].sum() <= limit:
        done[every] = True
        return done
    alone = _in_question(alone, cents, minutes, limit)
    kept = _pairs_in_question(first, then, cents, minutes, limit)
    first, then = first[kept], then[kept]
    places = np.concatenate([alone, first, then])
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    pair, rows = np.arange(len(first)), [LinearConstraint(minutes[places][None], 0, limit)]
    if len(pair):
        ones, columns = np.ones(len(pair)), len(alone) + np.concatenate([pair, len(first) + pair])
        only_with = coo_array((np.concatenate([-ones, ones]), (np.concatenate([pair, pair]), columns)),
                              shape=(len(pair), len(places)))
        rows.append(LinearConstraint(only_with.tocsr(), -np.inf, 0))
    scale = cents[places].max()  # HiGHS tolerates errors of about 1e-6 of the unit
    found = milp(-cents[places] / scale, integrality=np.ones(len(places)), bounds=Bounds(0, 1), constraints=rows,
                 options={"mip_rel_gap": 0.0})
    if found.x is None:
        raise ArithmeticError(f"no allocation of {len(places)} tasks: {found.message}")
    done[places] = found.x > 0.5
    return done


def _parts(cents: np.ndarray, minutes: np.ndarray, limit: float, needs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What an answer can hold: tasks that stand alone, and pairs of a task and the one that needs it."""
    then = np.flatnonzero((needs >= 0) & (cents > 0))
    first = needs[then]
    is_worth = (cents[first] + cents[then] > 0) & (minutes[first] + minutes[then] <= limit)
    first, then = first[is_worth], then[is_worth]
    alone = (needs < 0) & (cents > 0) & (minutes <= limit)
    alone[first] = False
    return np.flatnonzero(alone), first, then


def _in_question(places: np.ndarray, cents: np.ndarray, minutes: np.ndarray, limit: float) -> np.ndarray:
    """The tasks that an optimum can be made of: of equally long ones the best, as many as fit, for others could be exchanged."""
    order = places[np.lexsort((places, -cents[places], minutes[places]))]
    _, first, turn = np.unique(minutes[order], return_index=True, return_inverse=True)
    return np.sort(order[(np.arange(len(order)) - first[turn] + 1) * minutes[order] <= limit])


def _pairs_in_question(
    first: np.ndarray, then: np.ndarray, cents: np.ndarray, minutes: np.ndarray, limit: float
) -> np.ndarray:
    """Which pairs an optimum can be made of: of those with equally long parts the best by the first task and the best by both,
    as many as fit of either kind together, for others could be exchanged; (n_pairs,) bool."""
    kept = np.zeros(len(first), bool)
    _, group = np.unique(np.column_stack([minutes[first], minutes[then]]), axis=0, return_inverse=True)
    for each in range(group.max(initial=-1) + 1):
        own = np.flatnonzero(group.ravel() == each)
        short, both = minutes[first[own[0]]], minutes[first[own[0]]] + minutes[then[own[0]]]
        n = int(limit // max(short, 1) + limit // max(both, 1))
        for worth in (cents[first[own]], cents[first[own]] + cents[then[own]]):
            kept[own[np.argsort(-worth, kind="stable")[:n]]] = True
    return kept
