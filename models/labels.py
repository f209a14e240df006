"""One type per customer and date from what several analysts said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.types import ORDER, type_indices


@dataclass(frozen=True)
class Consensus:
    """The agreed labels and how often the analysts did not agree.

    ``rows`` has customer_id, as_of, type, n_analysts, n_agreeing, one row per customer and date, sorted.
    ``n_disagreements`` counts the rows on which at least two analysts gave different types.
    """

    rows: pd.DataFrame
    n_disagreements: int


def consensus(labels: pd.DataFrame, order: Sequence[str] = ORDER) -> Consensus:
    """Type most analysts gave each customer on each date; a tie goes to the first in precedence.

    Parameters
    ----------
    labels : DataFrame
        One row per customer_id, as_of and analyst, with the ``type`` given.
    order : sequence of str
        The types, first in precedence first.

    Raises
    ------
    UnknownType
        A label is none of the types.
    """
    votes = labels[["customer_id", "as_of"]].reset_index(drop=True)
    given = type_indices(labels["type"], order)
    counts = pd.DataFrame(np.eye(len(order), dtype=np.int64)[given], columns=list(order))
    counts = counts.groupby([votes["customer_id"], votes["as_of"]], sort=True).sum()
    tally = counts.to_numpy()
    rows = counts.index.to_frame(index=False)
    # argmax takes the first of equal counts, and the columns stand in precedence order
    rows["type"] = np.array(order, dtype=object)[tally.argmax(axis=1)]
    rows["n_analysts"] = tally.sum(axis=1)
    rows["n_agreeing"] = tally.max(axis=1, initial=0)
    return Consensus(rows, int((rows["n_agreeing"] < rows["n_analysts"]).sum()))
