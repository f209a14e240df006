"""How far a number could have come out otherwise: a bootstrap that draws whole customers.

A customer labelled on ten dates is not ten customers: its rows succeed or fail together. So whole clusters (a customer with
its connected group) are drawn with replacement (Efron 1979; for clusters Field and Welsh 2007), and every number is worked
out anew from the sums of the clusters drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_DRAWS = 1000
COVERAGE = 0.95
DRAWS_AT_ONCE = 100


@dataclass(frozen=True)
class Interval:
    """A number and the 95 % interval around it; both ends are NaN where no draw has the number."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        value, low, high = (round(end, 3) + 0.0 for end in (self.value, self.low, self.high))  # no -0.000
        return f"{value:.3f} [{low:.3f}, {high:.3f}]"

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval lies above nought."""
        return bool(self.low > 0)


@dataclass(frozen=True)
class Draws:
    """Which clusters each draw took, and how often.

    ``clusters`` (n,) is the cluster of each row, an integer from 0; ``weights`` (n_draws, n_clusters) how often each draw
    took it.
    """

    clusters: np.ndarray
    weights: np.ndarray

    def of(self, rows: np.ndarray) -> Draws:
        """The same draws for some of the rows."""
        return Draws(self.clusters[rows], self.weights)

    def interval(self, parts: np.ndarray, value: Callable[[np.ndarray], np.ndarray]) -> Interval:
        """A number of all rows, with the interval that the draws give it.

        Parameters
        ----------
        parts : ndarray
            What each row adds to the sums that the number is made from, shape (n, n_parts).
        value : callable
            From sums (..., n_parts) to numbers (...); NaN where the number does not exist.
        """
        sums = np.zeros((self.weights.shape[1], parts.shape[1]))
        np.add.at(sums, self.clusters, parts)
        drawn = [value(self.weights[start : start + DRAWS_AT_ONCE].astype(float) @ sums)
                 for start in range(0, len(self.weights), DRAWS_AT_ONCE)]
        numbers = np.concatenate(drawn)
        numbers = numbers[~np.isnan(numbers)]
        tail = (1 - COVERAGE) / 2
        low, high = np.quantile(numbers, [tail, 1 - tail]) if len(numbers) else (np.nan, np.nan)
        return Interval(float(value(parts.sum(axis=0)[None])[0]), float(low), float(high))


def drawn(clusters: np.ndarray, seed: int, n_draws: int = N_DRAWS) -> Draws:
    """Draw as many clusters as there are, with replacement, ``n_draws`` times.

    Parameters
    ----------
    clusters : array of hashable
        Customer, or connected group, of each row.
    seed : int
        The draws depend on it and on the names of the clusters, not on the order of the rows.
    n_draws : int
        How often; a thousand settle the second digit of an end.
    """
    names, places = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    rng = np.random.default_rng(seed)
    weights = np.empty((n_draws, len(names)), np.uint16)
    for row in weights:
        row[:] = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names)) if len(names) else 0
    return Draws(places, weights)


def ratio(sums: np.ndarray) -> np.ndarray:
    """First sum by the second, shape (..., 2) to (...); NaN of nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., 0] / sums[..., 1]
