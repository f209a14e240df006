"""Limited hours for the work that is worth most: a knapsack, solved to the optimum by HiGHS through ``scipy.optimize.milp``."""

from __future__ import annotations

import numpy as np


def worth_doing(benefit: np.ndarray, hours: np.ndarray, available: float) -> np.ndarray:
    """Which of n tasks to do so that the benefit is largest and the hours suffice, (n,) bool.

    What brings nothing is not done. Benefits count to the cent and hours in whole minutes begun; the same tasks in the same order
    give the same answer.

    Parameters
    ----------
    benefit, hours : ndarray
        Of each task, shape (n,).
    available : float
        Hours in all.
    """
    cents, minutes, limit = np.rint(100 * benefit), np.ceil(60 * hours - 1e-9), float(np.floor(60 * available + 1e-9))
    places = np.flatnonzero((cents > 0) & (minutes <= limit))
    done = np.zeros(len(benefit), bool)
    if minutes[places].sum() <= limit:
        done[places] = True
        return done
    places = _in_question(places, cents, minutes, limit)
    from scipy.optimize import Bounds, LinearConstraint, milp

    scale = cents[places].max()  # HiGHS tolerates errors of about 1e-6 of the unit
    found = milp(-cents[places] / scale, integrality=np.ones(len(places)), bounds=Bounds(0, 1),
                 constraints=LinearConstraint(minutes[places][None], 0, limit), options={"mip_rel_gap": 0.0})
    if found.x is None:
        raise ArithmeticError(f"no allocation of {len(places)} tasks: {found.message}")
    done[places] = found.x > 0.5
    return done


def _in_question(places: np.ndarray, cents: np.ndarray, minutes: np.ndarray, limit: float) -> np.ndarray:
    """The tasks that an optimum can be made of: of equally long ones the best, as many as fit, for others could be exchanged."""
    order = places[np.lexsort((places, -cents[places], minutes[places]))]
    _, first, turn = np.unique(minutes[order], return_index=True, return_inverse=True)
    return np.sort(order[(np.arange(len(order)) - first[turn] + 1) * minutes[order] <= limit])
