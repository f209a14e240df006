"""How well anybody could read the states back from the tables.

The exact posterior of the state given the signals up to a month, the forward filter of a hidden Markov model, knows at
least as much as any model that reads the tables: its accuracy is the ceiling for all of them.
"""

from __future__ import annotations

import numpy as np

from pipeline.simulate import chances as of
from pipeline.simulate.borrowers import APPETITES, SEGMENTS, STATES, TEMPERS, Borrower, transitions
from pipeline.simulate.signals import Signals

_DECEMBER = 11


def filter_states(borrowers: list[Borrower], seen: list[Signals], month_of_year: np.ndarray) -> np.ndarray:
    """Chance of each state given all a borrower has shown up to a month, shape (n, months, 5).

    Exact: the filter runs over temper, appetite, the state at the last year's end (of which statements tell months
    later) and the state now together. Months before the arrival are NaN.
    """
    stacked = {name: np.stack([getattr(s, name) for s in seen]) for name in Signals.__dataclass_fields__}
    kinds = np.array([b.segment for b in borrowers])
    arrivals = np.array([b.arrival for b in borrowers])
    starts = np.array([s.start for s in SEGMENTS])[kinds][:, None, None, None, :] / (TEMPERS * APPETITES * len(STATES))
    matrices = np.stack([transitions(s) for s in SEGMENTS])[kinds][:, None, None]
    seasons = np.stack([of.mean_use(b.segment, b.industry, month_of_year) for b in borrowers])
    out = np.full((len(borrowers), len(month_of_year), len(STATES)), np.nan)
    belief = np.broadcast_to(starts, (len(borrowers), TEMPERS, APPETITES, len(STATES), len(STATES))).copy()
    for month in range(len(month_of_year)):
        now = {name: signal[:, month] for name, signal in stacked.items()}
        is_new = (arrivals >= month)[:, None, None, None, None]
        belief = np.where(is_new, starts, np.matmul(belief, matrices))
        told = _of_month(now, seasons[:, month])[:, :, :, None, :] + _of_year(now)[:, None, None, :, None]
        belief = belief * np.exp(told - told.max(axis=(1, 2, 3, 4), keepdims=True))
        belief /= belief.sum(axis=(1, 2, 3, 4), keepdims=True)
        here = arrivals <= month
        out[here, month] = belief[here].sum(axis=(1, 2, 3))
        if month_of_year[month] == _DECEMBER:  # from here on the last year's end is this one
            belief = belief.sum(axis=3, keepdims=True) * np.eye(len(STATES))
    return out


def _of_month(now: dict[str, np.ndarray], season: np.ndarray) -> np.ndarray:
    """Logarithm of the likelihood of one month's signals, shape (n, tempers, appetites, states)."""
    told = np.zeros((len(season), TEMPERS, APPETITES, len(STATES)))
    told += _looked_up(now["pay"], of.pay_chances().transpose(2, 0, 1))[:, :, None, :]
    for name, table in of.TABLES.items():
        told += _looked_up(now[name], table.T)[:, None, None, :]
    yes = of.new_loan_chances()
    told += _looked_up(now["new_loan"], np.stack([1 - yes, yes]))[:, None]
    use = of.USE[None, :] + of.USE_SHIFT[:, None]
    told += _of_normal((now["use"] - season)[:, None, None], use, of.USE_SPREAD)[:, None]
    for total, mean, spread in (("size_sum", of.SIZE, of.SIZE_SPREAD), ("rate_sum", of.RATE, of.RATE_SPREAD)):
        told += ((now[total][:, None] * mean - 0.5 * now["n_loans"][:, None] * mean**2) / spread**2)[:, None, None, :]
    return told


def _of_year(now: dict[str, np.ndarray]) -> np.ndarray:
    """Logarithm of the likelihood of what a statement says of the state at its year's end, shape (n, states)."""
    return _of_normal(now["growth"][:, None], of.GROWTH, of.GROWTH_SPREAD) + _of_normal(
        now["margin"][:, None], of.MARGIN, of.MARGIN_SPREAD
    )


def _looked_up(outcome: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Logarithm of the chance of each borrower's outcome, table with outcomes first; nothing where it is -1."""
    known = (outcome >= 0).reshape(-1, *[1] * (table.ndim - 1))
    return np.where(known, np.log(table)[outcome], 0.0)


def _of_normal(value: np.ndarray, mean: np.ndarray, spread: float) -> np.ndarray:
    return np.where(np.isnan(value), 0.0, -0.5 * ((value - mean) / spread) ** 2)
