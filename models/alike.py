"""Which customers are most like another: nearest neighbours on the features that the model was given."""

from __future__ import annotations

import numpy as np


def most_alike(values: np.ndarray, n: int) -> np.ndarray:
    """The places of the ``n`` rows nearest to each row, itself not among them, shape (n_rows, at most n).

    Features are compared by rank among the rows, so that an amount in millions weighs no more than a share, and a missing value
    lies in the middle. Ties go the same way every time for the same rows in the same order.

    Parameters
    ----------
    values : ndarray
        Features of each row, shape (n_rows, n_features), NaN where missing.
    n : int
        How many; fewer where there are fewer other rows.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.neighbors import NearestNeighbors
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer

    rows = len(values)
    if rows < 2:
        return np.empty((rows, 0), int)
    known = values[:, ~np.isnan(values).all(axis=0)]
    ranks = make_pipeline(QuantileTransformer(n_quantiles=min(rows, 1000), subsample=None),
                          SimpleImputer(strategy="constant", fill_value=0.5)).fit_transform(known)
    return NearestNeighbors(n_neighbors=min(n, rows - 1), algorithm="brute").fit(ranks).kneighbors(return_distance=False)
