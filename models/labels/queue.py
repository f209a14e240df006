"""Whom to label next: where a label is worth most, spread over the types and over the parts of the book.

What a label is worth is what it saves: the expected cost of the mistake that the model would make, its probabilities priced
by ``types.toml``. Taking the dearest alone would ask about one kind of customer only, and teach the model one thing; so the
types that the model gives take turns, and within a type the parts of the book.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.metrics import given_types
from models.types import RelationshipType, cost_matrix, names

COLUMNS = ["customer_id", "as_of", "type", "probability", "part", "benefit"]


def expected_benefit(probabilities: np.ndarray, types: Sequence[RelationshipType]) -> np.ndarray:
    """Cost of the mistake expected of each customer's given type, in the units of ``types.toml``, shape (n,)."""
    return (np.asarray(probabilities) @ cost_matrix(types))[np.arange(len(probabilities)), given_types(probabilities)]


def whom_next(
    keys: pd.DataFrame, probabilities: np.ndarray, types: Sequence[RelationshipType], parts: Sequence[str], budget: int
) -> pd.DataFrame:
    """The customers to label next, the first first: at most ``budget``.

    Parameters
    ----------
    keys : DataFrame
        customer_id and as_of of each candidate.
    probabilities : ndarray, shape (n, k)
        What the model says of each.
    types : sequence of RelationshipType
        In precedence order.
    parts : sequence of str
        The part of the book each lies in, such as its size.
    budget : int
        How many labels can be given.

    Returns
    -------
    DataFrame
        customer_id, as_of, type (the model's), probability (its), part, benefit (expected cost of its mistake).
    """
    given = given_types(probabilities)
    table = keys[["customer_id", "as_of"]].reset_index(drop=True).assign(
        type=np.array(names(types), dtype=object)[given], probability=probabilities[np.arange(len(given)), given],
        part=np.asarray(parts, dtype=object), benefit=expected_benefit(probabilities, types))
    table = table.sort_values(["benefit", "customer_id"], ascending=[False, True], kind="stable")
    # the place within type and part, then within type over its parts, then over the types: each takes turns
    table["turn"] = table.groupby(["type", "part"]).cumcount()
    table = table.sort_values(["turn", "benefit", "customer_id"], ascending=[True, False, True])
    table["turn"] = table.groupby("type").cumcount()
    table = table.sort_values(["turn", "benefit", "customer_id"], ascending=[True, False, True])
    return table.head(budget).reset_index(drop=True)[COLUMNS]
