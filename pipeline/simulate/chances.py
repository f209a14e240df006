"""What the hidden state says about a month: the chances and means from which every signal is drawn.

One row per state (risk, churn, strategic, growth, stable), one column per outcome. Chosen, not estimated: the types
overlap, so that no single table gives a borrower away.
"""

from __future__ import annotations

import numpy as np

from pipeline.simulate.borrowers import INDUSTRIES, SEGMENTS

PROMPT, DAYS, WEEKS, PART, NOTHING = range(5)  # how a month's dues are paid
NO_PREPAYMENT, PREPAY_PART, PREPAY_LOAN, LEAVE = range(4)
NO_CHANGE, RAISE, CUT_BY_BANK, CUT_BY_CUSTOMER = range(4)
BETTER, SAME, WORSE, MUCH_WORSE = range(4)  # what a yearly review does to the grade
LESS, AS_MUCH, MORE = range(3)  # what a quarter does to the debt elsewhere

PAY = np.array(
    [
        [0.28, 0.22, 0.17, 0.13, 0.20],
        [0.68, 0.19, 0.08, 0.03, 0.02],
        [0.91, 0.07, 0.015, 0.003, 0.002],
        [0.66, 0.23, 0.08, 0.018, 0.012],
        [0.82, 0.13, 0.04, 0.006, 0.004],
    ]
)
TEMPER = np.array([[1.5, 0.7, 0.5, 0.6, 0.6], [1.0, 1.0, 1.0, 1.0, 1.0], [0.6, 1.6, 1.7, 1.3, 1.2]])
PREPAY = np.array(
    [
        [0.982, 0.010, 0.006, 0.002],
        [0.805, 0.160, 0.028, 0.007],
        [0.985, 0.008, 0.006, 0.001],
        [0.970, 0.018, 0.010, 0.002],
        [0.980, 0.011, 0.007, 0.002],
    ]
)
LIMIT = np.array(
    [
        [0.915, 0.010, 0.070, 0.005],
        [0.905, 0.003, 0.007, 0.085],
        [0.950, 0.045, 0.002, 0.003],
        [0.920, 0.075, 0.003, 0.002],
        [0.986, 0.007, 0.003, 0.004],
    ]
)
FIRST_LOANS = np.array(
    [[0.55, 0.35, 0.10], [0.70, 0.25, 0.05], [0.20, 0.40, 0.40], [0.55, 0.35, 0.10], [0.60, 0.32, 0.08]]
)
NEW_LOAN = np.array([0.035, 0.003, 0.095, 0.125, 0.012])
APPETITE = np.array([0.75, 1.25])
RENEW = np.array([0.55, 0.20, 0.88, 0.85, 0.75])
FORBEAR = np.array([0.120, 0.020, 0.030, 0.030, 0.030])
USE = np.array([0.84, 0.18, 0.40, 0.71, 0.52])  # mean utilisation of a revolver
USE_SHIFT = np.array([-0.07, 0.07])
USE_SPREAD = 0.16
SIZE = np.array([0.05, -0.30, 0.60, 0.20, -0.15])  # logarithm of a new loan's size against the borrower's usual one
SIZE_SPREAD = 0.50
RATE = np.array([0.0080, 0.0010, -0.0065, 0.0035, 0.0000])  # margin on a new loan
RATE_SPREAD = 0.0045

RENEGOTIATE = np.array([0.006, 0.030, 0.018, 0.007, 0.009])  # a loan's rate lowered, in a month that it bears interest
REVIEW = np.array(
    [
        [0.04, 0.42, 0.36, 0.18],
        [0.08, 0.68, 0.20, 0.04],
        [0.20, 0.70, 0.08, 0.02],
        [0.28, 0.53, 0.16, 0.03],
        [0.12, 0.75, 0.11, 0.02],
    ]
)
MEET = np.array(  # contacts in a month: none, one, two, three
    [
        [0.58, 0.30, 0.09, 0.03],
        [0.76, 0.19, 0.04, 0.01],
        [0.54, 0.31, 0.11, 0.04],
        [0.60, 0.29, 0.08, 0.03],
        [0.66, 0.26, 0.06, 0.02],
    ]
)
COMPLAIN = np.array([0.022, 0.034, 0.007, 0.012, 0.011])
COMPLAIN_OF_RATE = np.array([0.009, 0.038, 0.009, 0.009, 0.010])
ELSEWHERE = np.array(  # of a quarter: less, as much, more
    [[0.16, 0.48, 0.36], [0.12, 0.57, 0.31], [0.19, 0.65, 0.16], [0.14, 0.50, 0.36], [0.20, 0.64, 0.16]]
)
GROWTH = np.array([-0.07, 0.00, 0.07, 0.22, 0.05])  # logarithm of the year's sales against the year before
GROWTH_SPREAD = 0.16
MARGIN = np.array([-0.055, -0.010, 0.020, 0.000, 0.005])  # EBITDA over sales, against the industry's
MARGIN_SPREAD = 0.055

#: Chances of the signals that do not depend on temper or appetite, shape (states, outcomes).
TABLES = {
    "prepay": PREPAY,
    "limit": LIMIT,
    "first_loans": FIRST_LOANS,
    "renew": np.stack([1 - RENEW, RENEW], axis=1),
    "forbear": np.stack([1 - FORBEAR, FORBEAR], axis=1),
    "renegotiate": np.stack([1 - RENEGOTIATE, RENEGOTIATE], axis=1),
    "review": REVIEW,
    "meet": MEET,
    "complain": np.stack([1 - COMPLAIN, COMPLAIN], axis=1),
    "complain_of_rate": np.stack([1 - COMPLAIN_OF_RATE, COMPLAIN_OF_RATE], axis=1),
    "elsewhere": ELSEWHERE,
}


def pay_chances() -> np.ndarray:
    """Chances of the five ways to pay, shape (tempers, states, 5)."""
    chances = TEMPER[:, None, :] * PAY[None]
    return chances / chances.sum(axis=-1, keepdims=True)


def new_loan_chances() -> np.ndarray:
    """Chance of a new loan in a month, shape (appetites, states)."""
    return APPETITE[:, None] * NEW_LOAN[None, :]


def mean_use(kind: int, industry: int, month_of_year: np.ndarray) -> np.ndarray:
    """How far the season lifts utilisation, shape of ``month_of_year`` (0 for January)."""
    return SEGMENTS[kind].season * np.cos(2 * np.pi * (month_of_year - INDUSTRIES[industry][2]) / 12)
