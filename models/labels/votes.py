"""Who gave which type to whom: the labels as one table of customers and dates by analysts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.types import ORDER, type_indices

NONE = -1
KEYS = ["customer_id", "as_of"]


@dataclass(frozen=True)
class Votes:
    """What each analyst said of each item, an item being a customer on a date.

    ``items`` has customer_id and as_of, one row per item, sorted; ``analysts`` their names, sorted; ``given`` (n_items,
    n_analysts) the place of the type in ``order``, ``NONE`` where the analyst was not asked.
    """

    items: pd.DataFrame
    analysts: tuple[str, ...]
    given: np.ndarray
    order: tuple[str, ...]

    @property
    def tally(self) -> np.ndarray:
        """How many analysts gave each type to each item, shape (n_items, n_types)."""
        return np.stack([(self.given == place).sum(axis=1) for place in range(len(self.order))], axis=1)

    @property
    def n_votes(self) -> np.ndarray:
        """How many analysts labelled each item, shape (n_items,)."""
        return (self.given != NONE).sum(axis=1)

    @property
    def has_disagreement(self) -> np.ndarray:
        """Whether at least two types were given to the item, shape (n_items,)."""
        return self.tally.max(axis=1, initial=0) < self.n_votes

    def without(self, analyst: str) -> Votes:
        """The votes of all others; the items stay, also those that nobody else labelled."""
        given = self.given.copy()
        given[:, self.analysts.index(analyst)] = NONE
        return Votes(self.items, self.analysts, given, self.order)


def votes_of(labels: pd.DataFrame, order: Sequence[str] = ORDER) -> Votes:
    """Lay labels out by item and analyst.

    Parameters
    ----------
    labels : DataFrame
        customer_id, as_of, analyst and type, one row per customer, date and analyst.
    order : sequence of str
        The types, first in precedence first.

    Raises
    ------
    UnknownType
        A label is none of the types.
    ValueError
        An analyst labelled one customer twice for one date.
    """
    types = type_indices(labels["type"], order)
    if (doubled := labels.duplicated([*KEYS, "analyst"])).any():
        row = labels[doubled].iloc[0]
        raise ValueError(f"{row['analyst']} labelled {row['customer_id']} as of {row['as_of']} twice")
    items = labels[KEYS].drop_duplicates().sort_values(KEYS).reset_index(drop=True)
    analysts = tuple(sorted(labels["analyst"].astype(str).unique()))
    given = np.full((len(items), len(analysts)), NONE, np.int8)
    places = pd.MultiIndex.from_frame(items).get_indexer(pd.MultiIndex.from_frame(labels[KEYS]))
    given[places, pd.Index(analysts, dtype=object).get_indexer(labels["analyst"].astype(str))] = types
    return Votes(items, analysts, given, tuple(order))
