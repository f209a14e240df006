"""Does one feature carry too much: the sign of a leak, a column that repeats the label or comes after it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.segmenter import Judgement

MUCH = 0.25
"""Share of all contributions from which a feature is named. Of a hundred honest features the first has a few hundredths."""


def shares_of_contributions(judgement: Judgement) -> pd.Series:
    """Share of each feature in the size of all contributions to all types, the largest first; sums to 1."""
    size = np.abs(judgement.contributions[:, :, :-1]).sum(axis=(0, 1))
    total = size.sum()
    return pd.Series(size / total if total else size, index=list(judgement.features)).sort_values(ascending=False, kind="stable")


def suspicious(judgement: Judgement) -> dict[str, float]:
    """The features that carry more than ``MUCH`` of all contributions, with their shares, the largest first."""
    shares = shares_of_contributions(judgement)
    return shares[shares > MUCH].to_dict()
