"""How far the analysts agree beyond chance: per pair, overall, and type by type.

Cohen's kappa (1960) compares two analysts on the customers both labelled; Krippendorff's alpha (nominal; 2004, "Content
Analysis", chapter 11) takes any number of them and any gaps. Both are 1 for perfect agreement and 0 for what chance gives.
Of one type, everything else counts as "another".
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from models.intervals import Draws, drawn
from models.labels.votes import NONE, Votes

LEAST_IN_COMMON = 20
"""Fewer customers and dates labelled by both say nothing of a pair."""

COLUMNS = ["between", "type", "measure", "value", "low", "high", "n"]
EVERYBODY, ALL_TYPES = "everybody", "all"


def kappa(tables: np.ndarray) -> np.ndarray:
    """Cohen's kappa of tables of counts, first analyst by second, shape (..., k, k) to (...); NaN where chance is certain."""
    n = tables.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        agreed = np.trace(tables, axis1=-2, axis2=-1) / n
        chance = (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1) / n**2
        return np.where(chance < 1 - 1e-12, (agreed - chance) / (1 - chance), np.nan)


def alpha(coincidences: np.ndarray) -> np.ndarray:
    """Krippendorff's nominal alpha of coincidence tables, shape (..., k, k) to (...); NaN where all values are the same."""
    totals = coincidences.sum(axis=-1)
    n = totals.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = (n - np.trace(coincidences, axis1=-2, axis2=-1)) / n
        expected = (n**2 - (totals**2).sum(axis=-1)) / (n * (n - 1))
        return np.where(expected > 1e-12, 1 - observed / expected, np.nan)


def agreement(votes: Votes, seed: int) -> pd.DataFrame:
    """Every measure with its interval: between, type, measure, value, low, high, n.

    ``between`` is everybody (alpha) or a pair (kappa); ``type`` is all or one of them against the others; ``n`` counts the
    customers and dates that at least two, or both, labelled. A pair needs ``LEAST_IN_COMMON``. Intervals draw whole customers.
    """
    is_doubled = votes.n_votes > 1
    rows = _measured(EVERYBODY, "alpha", alpha, _coincidences(votes)[is_doubled], _draws(votes, is_doubled, seed), votes.order)
    for first, second in combinations(range(len(votes.analysts)), 2):
        both = (votes.given[:, [first, second]] != NONE).all(axis=1)
        if both.sum() < LEAST_IN_COMMON:
            continue
        tables = np.zeros((int(both.sum()), len(votes.order), len(votes.order)))
        tables[np.arange(len(tables)), votes.given[both, first], votes.given[both, second]] = 1
        pair = f"{votes.analysts[first]} and {votes.analysts[second]}"
        rows += _measured(pair, "kappa", kappa, tables, _draws(votes, both, seed), votes.order)
    return pd.DataFrame(rows, columns=COLUMNS)


def disagreements(votes: Votes) -> pd.DataFrame:
    """Customers and dates given at least two types: customer_id, as_of, and ``X said`` per analyst X, empty if not asked."""
    odd = votes.has_disagreement
    said = np.array([*votes.order, ""], dtype=object)[votes.given[odd]]
    columns = [f"{analyst} said" for analyst in votes.analysts]  # an analyst may be called as_of
    return pd.concat([votes.items[odd].reset_index(drop=True), pd.DataFrame(said, columns=columns)], axis=1)


def _draws(votes: Votes, rows: np.ndarray, seed: int) -> Draws:
    return drawn(votes.items["customer_id"].to_numpy()[rows], seed)


def _coincidences(votes: Votes) -> np.ndarray:
    """Per item, every ordered pair of its labels, weighing 1 / (labels - 1): shape (n_items, k, k)."""
    tally = votes.tally.astype(float)
    pairs = tally[:, :, None] * tally[:, None, :]
    kinds = np.arange(tally.shape[1])
    pairs[:, kinds, kinds] -= tally
    return pairs / np.maximum(votes.n_votes - 1, 1)[:, None, None]


def _measured(between: str, name: str, measure, tables: np.ndarray, draws: Draws, order: tuple[str, ...]) -> list[list]:
    k = len(order)
    rows = []
    for place in (None, *range(k)):
        which = tables if place is None else _one_against_others(tables, place)
        size = which.shape[-1]
        flat = which.reshape(len(which), size * size)
        found = draws.interval(flat, lambda sums, size=size: measure(sums.reshape(-1, size, size)))
        kind = ALL_TYPES if place is None else order[place]
        rows.append([between, kind, name, found.value, found.low, found.high, len(tables)])
    return rows


def _one_against_others(tables: np.ndarray, place: int) -> np.ndarray:
    """Tables of one type and "another", shape (n, 2, 2)."""
    own, first, second = tables[:, place, place], tables[:, place].sum(axis=1), tables[:, :, place].sum(axis=1)
    rest = tables.sum(axis=(1, 2)) - first - second + own
    return np.stack([np.stack([own, first - own], axis=1), np.stack([second - own, rest], axis=1)], axis=1)
