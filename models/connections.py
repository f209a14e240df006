"""Who belongs together: customers bound by a group, a guarantee or ownership, directly or through others."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def connected(customers: Iterable[str], pairs: pd.DataFrame) -> pd.Series:
    """The name of each customer's circle, the first of the names within it; index: the customers, each once.

    Parameters
    ----------
    customers : iterable of str
        Whom to place.
    pairs : DataFrame
        Two columns of names, one row per bond, in either direction; names may lie outside the customers, such as a group or
        a guarantor who borrows nothing, and bind those on both sides of them. Rows with an empty name bind nobody.
    """
    customers = pd.unique(np.array(list(customers), dtype=object))
    bonds = pairs.dropna().to_numpy(dtype=object)
    names, places = np.unique(np.concatenate([customers, bonds.ravel()]).astype(str), return_inverse=True)
    own, sides = places[: len(customers)], places[len(customers) :].reshape(-1, 2)
    graph = coo_array((np.ones(len(sides)), (sides[:, 0], sides[:, 1])), shape=(len(names), len(names)))
    _, circle = connected_components(graph, directed=False)
    _, first = np.unique(circle, return_index=True)  # names are sorted
    return pd.Series(names[first[circle[own]]].astype(object), index=pd.Index(customers, dtype=object), dtype=object)
