"""Is the same story told again of a customer, by another model or of another date: type, main reasons, leading dimension.

A story is what a model says of one customer: its type; the three features that push most from the runner-up to the type; and
which of value, need, behaviour and risk pushes most. Reasons count as the same where at least two of the three are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.referral import ALL

if TYPE_CHECKING:  # it is slow to import, and not needed to compare what was stored
    from models.segmenter import Judgement, Segmenter

N_REASONS, LEAST_SHARED = 3, 2
N_RESEEDS, RESEED_COLUMNS = "n_reseeds", ["reseed_same_type", "reseed_same_reasons", "reseed_same_dimension"]
"""Columns of an assignment: how many twins judged the customer too, and which share of them, 0 to 1, tells the same."""


@dataclass(frozen=True)
class Stories:
    """What is said of n customers: ``types`` (n,), ``reasons`` (n, 3) names of features, ``dimensions`` (n,)."""

    types: np.ndarray
    reasons: np.ndarray
    dimensions: np.ndarray

    def of(self, rows: np.ndarray) -> Stories:
        """The stories of some of the customers, by place or as true or false per customer."""
        return Stories(self.types[rows], self.reasons[rows], self.dimensions[rows])


@dataclass(frozen=True)
class Flips:
    """Shares of ``n`` customers, 0 to 1, for whom something differs between two models, or two dates.

    ``types``: another type is given; ``reasons``: of the three features that push most from the runner-up to the type fewer
    than two are the same; ``dimensions``: another of value, need, behaviour and risk pushes most.
    """

    types: float
    reasons: float
    dimensions: float
    n: int


@dataclass(frozen=True)
class Steadiness:
    """How far a model's stories change with chance and with a month.

    ``reseeded``: the mean over its twins, which were grown with other seeds. ``month_earlier``: the same customers, judged by
    the same model, at the end of the month before; ``n_not_there`` had no active loan then and are left out. Either per type
    that is given now, and of all.
    """

    reseeded: Mapping[str, Flips]
    month_earlier: Mapping[str, Flips]
    n_not_there: int


def stories(types: np.ndarray, pushes: np.ndarray, features: Sequence[str], dimension_of: Mapping[str, str]) -> Stories:
    """The stories of customers.

    Parameters
    ----------
    types : ndarray, shape (n,)
        The type of each.
    pushes : ndarray, shape (n, n_features)
        By how many log-odds each feature speaks for the type against the runner-up.
    features : sequence of str
        Their names.
    dimension_of : mapping of str to str
        The dimension of every feature; one without belongs to none.
    """
    names, rows, left = np.array(features, dtype=object), np.arange(len(pushes)), pushes.copy()
    reasons = np.empty((len(pushes), min(N_REASONS, len(names))), dtype=object)
    for nth in range(reasons.shape[1]):  # a tenth of the time of sorting; of equals the first
        top = left.argmax(axis=1)
        reasons[:, nth], left[rows, top] = names[top], -np.inf
    of = np.array([dimension_of.get(name, "") for name in features])
    kinds = sorted(set(dimension_of.values()))
    totals = np.stack([pushes[:, of == kind].sum(axis=1) for kind in kinds], axis=1)
    return Stories(np.asarray(types, dtype=object), reasons, np.array(kinds, dtype=object)[totals.argmax(axis=1)])


def told(judgement: Judgement, dimension_of: Mapping[str, str]) -> Stories:
    """The stories of a judgement; equal probabilities are decided by precedence."""
    ranked = np.argsort(-judgement.probabilities, axis=1, kind="stable")
    rows, kinds = np.arange(len(ranked)), np.array(judgement.types, dtype=object)
    pushes = (judgement.contributions[rows, ranked[:, 0]] - judgement.contributions[rows, ranked[:, 1]])[:, :-1]
    return stories(kinds[ranked[:, 0]], pushes, judgement.features, dimension_of)


def told_by(segmenter: Segmenter, frame: pd.DataFrame, dimension_of: Mapping[str, str]) -> Stories:
    """The stories that a model tells of customers, at a third of the cost of a judgement; ``frame`` as it takes it."""
    first_two, pushes = segmenter.leading(frame)
    return stories(np.array(segmenter.types, dtype=object)[first_two[:, 0]], pushes, segmenter.features, dimension_of)


def same(one: Stories, other: Stories) -> np.ndarray:
    """Whether type, reasons and leading dimension of each customer are the same: bool, shape (n, 3)."""
    n_shared = (one.reasons[:, :, None] == other.reasons[:, None, :]).any(axis=2).sum(axis=1)
    found = (one.types == other.types, n_shared >= LEAST_SHARED, one.dimensions == other.dimensions)
    return np.stack([np.asarray(each, dtype=bool) for each in found], axis=1)


def agreement(one: Stories, others: Sequence[Stories]) -> np.ndarray:
    """Share of other stories of each customer that agree in type, reasons and leading dimension: shape (n, 3).

    NaN where there are no others.
    """
    if not others:
        return np.full((len(one.types), len(RESEED_COLUMNS)), np.nan)
    return np.mean([same(one, other) for other in others], axis=0)


def flips(one: Judgement, other: Judgement, dimension_of: Mapping[str, str]) -> Flips:
    """Compare what two models say of the same customers.

    Parameters
    ----------
    one, other : Judgement
        Of the same rows in the same order; the models may know different features.
    dimension_of : mapping of str to str
        The dimension of every feature.

    Raises
    ------
    ValueError
        The rows differ.
    """
    if not one.keys.equals(other.keys):
        raise ValueError("two judgements of other rows")
    return flipped(same(told(one, dimension_of), told(other, dimension_of)))


def flipped(agreed: np.ndarray) -> Flips:
    """What does not agree, given shares (n, 3) of what does; nothing where nobody is compared."""
    return Flips(*(1 - agreed.mean(axis=0) if len(agreed) else np.zeros(len(RESEED_COLUMNS))).tolist(), len(agreed))


def flipped_by_type(agreed: np.ndarray, types: np.ndarray, order: Sequence[str]) -> dict[str, Flips]:
    """The same of all, and of those whose type is each of the types; a type of nobody is left out."""
    return {ALL: flipped(agreed)} | {kind: flipped(agreed[types == kind]) for kind in order if (types == kind).any()}
