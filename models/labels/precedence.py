"""Is the written precedence the one that analysts follow: which type they give where the traits of two fit."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from models.intervals import drawn, ratio
from models.rules import RULES, fitting

LEAST_GIVEN = 20
"""Fewer labels of either type, where both fit, settle nothing."""

COLUMNS = ["first", "second", "n_both", "n_first", "n_second", "share_first", "low", "high", "verdict"]
KEPT, AGAINST, OPEN, FEW = "kept", "against", "not settled", "too few"


def precedence(features: pd.DataFrame, given: np.ndarray, customers: np.ndarray, seed: int) -> pd.DataFrame:
    """For every two types, the first before the second in precedence: which is given where the traits of both fit.

    A type's traits fit where enough of its conditions in the rule book hold (models/rules.py). ``kept``: the first is given
    to more than half of those given one of the two, beyond the interval; ``against``: to less. Stable has no conditions of
    its own, and is what remains.

    Parameters
    ----------
    features : DataFrame
        One row per labelled customer and date.
    given : ndarray of str
        The type agreed on for each row.
    customers : ndarray
        The customer of each row; intervals draw whole customers.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        first, second, n_both (rows that fit both), n_first, n_second, share_first, low, high, verdict.
    """
    counts = fitting(features)
    fits = {kind: (counts[kind] >= needed).to_numpy() for kind, (needed, _) in RULES.items()}
    rows = []
    for first, second in combinations(fits, 2):
        both = fits[first] & fits[second]
        chosen = both & np.isin(given, [first, second])
        parts = np.column_stack([given[chosen] == first, np.ones(chosen.sum())]).astype(float)
        found = drawn(customers[chosen], seed).interval(parts, ratio)
        if len(parts) < LEAST_GIVEN:
            verdict = FEW
        else:
            verdict = KEPT if found.low > 0.5 else AGAINST if found.high < 0.5 else OPEN
        n_first = int(parts[:, 0].sum())
        rows.append((first, second, int(both.sum()), n_first, len(parts) - n_first, found.value, found.low, found.high, verdict))
    return pd.DataFrame(rows, columns=COLUMNS)
