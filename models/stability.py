"""Do two models tell the same story: whose type, main reasons or leading dimension flips between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.segmenter import Judgement

N_REASONS, LEAST_SHARED = 3, 2


@dataclass(frozen=True)
class Flips:
    """Shares of customers, 0 to 1, for whom something differs between two models.

    ``types``: another type is given; ``reasons``: of the three features that push most from the runner-up to the type fewer
    than two are the same; ``dimensions``: another of value, need, behaviour and risk pushes most.
    """

    types: float
    reasons: float
    dimensions: float


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
    types, reasons, dimensions = [], [], []
    for judgement in (one, other):
        ranked = np.argsort(-judgement.probabilities, axis=1, kind="stable")
        rows = np.arange(len(ranked))
        pushes = (judgement.contributions[rows, ranked[:, 0]] - judgement.contributions[rows, ranked[:, 1]])[:, :-1]
        names = np.array(judgement.features, dtype=object)
        types.append(np.array(judgement.types, dtype=object)[ranked[:, 0]])
        reasons.append(names[np.argsort(-pushes, axis=1, kind="stable")[:, :N_REASONS]])
        of = np.array([dimension_of[name] for name in judgement.features])
        kinds = sorted(set(dimension_of.values()))
        totals = np.stack([pushes[:, of == kind].sum(axis=1) for kind in kinds], axis=1)
        dimensions.append(np.array(kinds)[totals.argmax(axis=1)])
    n_shared = (reasons[0][:, :, None] == reasons[1][:, None, :]).any(axis=2).sum(axis=1)
    return Flips(*(float(np.mean(differs)) if len(differs) else 0.0
                   for differs in (types[0] != types[1], n_shared < LEAST_SHARED, dimensions[0] != dimensions[1])))
