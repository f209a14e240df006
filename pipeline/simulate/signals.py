"""What a borrower's state lets through each month, and how well anybody could read it back.

Every month a borrower emits a handful of signals drawn given its hidden state (and its temper and appetite,
which never change). The tables are made from these signals and from noise that does not know the state. So
the exact posterior of the state given the signals up to a month, the forward filter of a hidden Markov
model, knows at least as much as any model that reads the tables: its accuracy is the ceiling for all of
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.simulate.borrowers import (
    APPETITES,
    INDUSTRIES,
    SEGMENTS,
    STATES,
    TEMPERS,
    Borrower,
    transitions,
)

PROMPT, DAYS, WEEKS, PART, NOTHING = range(5)  # how a month's dues are paid
NO_PREPAYMENT, PREPAY_PART, PREPAY_LOAN, LEAVE = range(4)
NO_CHANGE, RAISE, CUT_BY_BANK, CUT_BY_CUSTOMER = range(4)

# One row per state (risk, churn, strategic, growth, stable), one column per outcome.
_PAY = np.array(
    [
        [0.28, 0.22, 0.17, 0.13, 0.20],
        [0.68, 0.19, 0.08, 0.03, 0.02],
        [0.91, 0.07, 0.015, 0.003, 0.002],
        [0.66, 0.23, 0.08, 0.018, 0.012],
        [0.82, 0.13, 0.04, 0.006, 0.004],
    ]
)
_TEMPER = np.array([[1.5, 0.7, 0.5, 0.6, 0.6], [1.0, 1.0, 1.0, 1.0, 1.0], [0.6, 1.6, 1.7, 1.3, 1.2]])
_PREPAY = np.array(
    [
        [0.982, 0.010, 0.006, 0.002],
        [0.805, 0.160, 0.028, 0.007],
        [0.985, 0.008, 0.006, 0.001],
        [0.970, 0.018, 0.010, 0.002],
        [0.980, 0.011, 0.007, 0.002],
    ]
)
_LIMIT = np.array(
    [
        [0.915, 0.010, 0.070, 0.005],
        [0.905, 0.003, 0.007, 0.085],
        [0.950, 0.045, 0.002, 0.003],
        [0.920, 0.075, 0.003, 0.002],
        [0.986, 0.007, 0.003, 0.004],
    ]
)
_FIRST_LOANS = np.array(
    [[0.55, 0.35, 0.10], [0.70, 0.25, 0.05], [0.20, 0.40, 0.40], [0.55, 0.35, 0.10], [0.60, 0.32, 0.08]]
)
_NEW_LOAN = np.array([0.035, 0.003, 0.095, 0.125, 0.012])
_APPETITE = np.array([0.75, 1.25])
_RENEW = np.array([0.55, 0.20, 0.88, 0.85, 0.75])
_FORBEAR = np.array([0.120, 0.020, 0.030, 0.030, 0.030])
_USE = np.array([0.84, 0.18, 0.40, 0.71, 0.52])  # mean utilisation of a revolver
_USE_SHIFT = np.array([-0.07, 0.07])
_USE_SPREAD = 0.16
_SIZE = np.array(
    [0.05, -0.30, 0.60, 0.20, -0.15]
)  # logarithm of a new loan's size against the borrower's usual one
_SIZE_SPREAD = 0.50
_RATE = np.array([0.0080, 0.0010, -0.0065, 0.0035, 0.0000])  # margin on a new loan
_RATE_SPREAD = 0.0045


@dataclass
class Signals:
    """The signals of one borrower, one a month; -1, NaN or 0 loans where the month reveals nothing."""

    pay: np.ndarray
    prepay: np.ndarray
    limit: np.ndarray
    new_loan: np.ndarray
    renew: np.ndarray
    forbear: np.ndarray
    first_loans: np.ndarray
    use: np.ndarray
    n_loans: np.ndarray
    size_sum: np.ndarray
    rate_sum: np.ndarray


def _pay_chances() -> np.ndarray:
    """Chances of the five ways to pay, shape (tempers, states, 5)."""
    chances = _TEMPER[:, None, :] * _PAY[None]
    return chances / chances.sum(axis=-1, keepdims=True)


def mean_use(kind: int, industry: int, month_of_year: np.ndarray) -> np.ndarray:
    """How far the season lifts utilisation, shape of ``month_of_year`` (0 for January)."""
    return SEGMENTS[kind].season * np.cos(2 * np.pi * (month_of_year - INDUSTRIES[industry][2]) / 12)


_PAY_LADDER = np.cumsum(_pay_chances(), axis=-1)[..., :-1]
_LADDERS = {
    name: np.cumsum(table, axis=-1)[:, :-1]
    for name, table in (("prepay", _PREPAY), ("limit", _LIMIT), ("first_loans", _FIRST_LOANS))
}


def draw_signals(borrower: Borrower, month_of_year: np.ndarray, rng: np.random.Generator) -> Signals:
    """Draw what a borrower's states let through, for every month since its arrival."""
    months = len(month_of_year)
    states = np.maximum(borrower.states, 0)
    draws = rng.random((7, months))
    new_loan = _NEW_LOAN[states] * _APPETITE[borrower.appetite]
    use = (
        _USE[states]
        + _USE_SHIFT[borrower.appetite]
        + mean_use(borrower.segment, borrower.industry, month_of_year)
        + _USE_SPREAD * rng.standard_normal(months)
    )
    return Signals(
        pay=_pick(_PAY_LADDER[borrower.temper], states, draws[0]),
        prepay=_pick(_LADDERS["prepay"], states, draws[1]),
        limit=_pick(_LADDERS["limit"], states, draws[2]),
        new_loan=(draws[3] < new_loan).astype(np.int8),
        renew=(draws[4] < _RENEW[states]).astype(np.int8),
        forbear=(draws[5] < _FORBEAR[states]).astype(np.int8),
        first_loans=_pick(_LADDERS["first_loans"], states, draws[6]),
        use=use,
        n_loans=np.zeros(months),
        size_sum=np.zeros(months),
        rate_sum=np.zeros(months),
    )


def _pick(ladder: np.ndarray, states: np.ndarray, draws: np.ndarray) -> np.ndarray:
    return (draws[:, None] >= ladder[states]).sum(axis=1).astype(np.int8)


def draw_terms(state: int, rng: np.random.Generator) -> tuple[float, float]:
    """Draw the size (logarithm, against the usual) and the margin of a new loan."""
    first, second = rng.standard_normal(2).tolist()
    return float(_SIZE[state]) + _SIZE_SPREAD * first, float(_RATE[state]) + _RATE_SPREAD * second


def filter_states(borrowers: list[Borrower], seen: list[Signals], month_of_year: np.ndarray) -> np.ndarray:
    """Chance of each state given all a borrower has shown up to a month, shape (n, months, 5).

    Exact: the filter runs over state, temper and appetite together. Months before the arrival are NaN.
    """
    stacked = {name: np.stack([getattr(s, name) for s in seen]) for name in Signals.__dataclass_fields__}
    kinds = np.array([b.segment for b in borrowers])
    arrivals = np.array([b.arrival for b in borrowers])
    starts = np.array([s.start for s in SEGMENTS])[kinds][:, None, None, :] / (TEMPERS * APPETITES)
    matrices = np.stack([transitions(s) for s in SEGMENTS])[kinds][:, None]
    seasons = np.stack([mean_use(b.segment, b.industry, month_of_year) for b in borrowers])
    out = np.full((len(borrowers), len(month_of_year), len(STATES)), np.nan)
    belief = np.broadcast_to(starts, (len(borrowers), TEMPERS, APPETITES, len(STATES))).copy()
    for month in range(len(month_of_year)):
        moved = np.matmul(belief, matrices)
        is_new = (arrivals >= month)[:, None, None, None]
        told = _log_likelihood({k: v[:, month] for k, v in stacked.items()}, seasons[:, month])
        belief = np.where(is_new, starts, moved)
        belief = belief * np.exp(told - told.max(axis=(1, 2, 3), keepdims=True))
        belief /= belief.sum(axis=(1, 2, 3), keepdims=True)
        here = arrivals <= month
        out[here, month] = belief[here].sum(axis=(1, 2))
    return out


def _log_likelihood(now: dict[str, np.ndarray], season: np.ndarray) -> np.ndarray:
    """Logarithm of the likelihood of one month's signals, shape (n, tempers, appetites, states)."""
    told = np.zeros((len(season), TEMPERS, APPETITES, len(STATES)))
    pay = np.log(_pay_chances()).transpose(2, 0, 1)  # outcome first
    told += np.where(now["pay"] >= 0, 1.0, 0.0)[:, None, None, None] * pay[now["pay"]][:, :, None, :]
    yes = _NEW_LOAN[None, :] * _APPETITE[:, None]
    tables = {
        "prepay": _PREPAY.T,
        "limit": _LIMIT.T,
        "first_loans": _FIRST_LOANS.T,
        "renew": np.stack([1 - _RENEW, _RENEW]),
        "forbear": np.stack([1 - _FORBEAR, _FORBEAR]),
    }
    for name, table in tables.items():
        told += (
            np.where(now[name] >= 0, 1.0, 0.0)[:, None, None, None]
            * np.log(table)[now[name]][:, None, None, :]
        )
    told += (
        np.where(now["new_loan"] >= 0, 1.0, 0.0)[:, None, None, None]
        * np.log(np.stack([1 - yes, yes]))[now["new_loan"]][:, None]
    )
    gap = np.nan_to_num(now["use"] - season)[:, None, None] - (_USE[None, :] + _USE_SHIFT[:, None])
    told += np.where(np.isnan(now["use"])[:, None, None], 0.0, -0.5 * (gap / _USE_SPREAD) ** 2)[:, None]
    for total, mean, spread in (("size_sum", _SIZE, _SIZE_SPREAD), ("rate_sum", _RATE, _RATE_SPREAD)):
        told += ((now[total][:, None] * mean - 0.5 * now["n_loans"][:, None] * mean**2) / spread**2)[
            :, None, None, :
        ]
    return told
