"""One type per customer and date from what several analysts said, each heard as their habits deserve.

The model of Dawid and Skene (1979, "Maximum likelihood estimation of observer error-rates using the EM algorithm"): every
customer has one true type, and every analyst a table of how often they call each type what. Types and tables are found
together, by turns, until neither moves. A desk has few labels per analyst and type, so two things steady it: an analyst's
table leans on the average analyst's, and the average analyst is presumed to be right more often than not. Where only one
analyst labelled a customer nothing can be learnt of them, so habits are learnt from customers with two labels and more.
Nobody is given a type that no analyst gave: otherwise a type that is rare among a few hundred labels can die out, its every
label being explained as a mistake. That all analysts of a customer erred is for the suspects to find (suspects.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.labels.votes import NONE, Votes

RIGHT, WRONG = 5.0, 0.01
"""Imagined labels of the average analyst per type: five that were right, a hundredth of one for each way to be wrong."""

AVERAGE_LABELS = 10.0
"""Imagined labels per analyst and type that went as the average analyst's do."""

N_ROUNDS = 500
SMALLEST_MOVE = 1e-9
SAME_DIGITS = 9
"""Probabilities that differ by less are equal, and precedence decides."""


@dataclass(frozen=True)
class Consensus:
    """What the analysts say together.

    ``probabilities`` (n_items, n_types) are those of the true type, 0 where nobody gave it; ``shares`` (n_types,) how frequent
    the types are; ``confusions`` (n_analysts, n_types, n_types) how often an analyst calls a type (rows) what (columns), rows
    summing to 1.
    """

    votes: Votes
    probabilities: np.ndarray
    shares: np.ndarray
    confusions: np.ndarray

    @property
    def types(self) -> np.ndarray:
        """Place of the agreed type of each item; equal probabilities go to the first in precedence."""
        return np.round(self.probabilities, SAME_DIGITS).argmax(axis=1)

    @property
    def rows(self) -> pd.DataFrame:
        """customer_id, as_of, type, probability, n_analysts, n_agreeing: one row per customer and date, sorted."""
        types, votes, each = self.types, self.votes, np.arange(len(self.probabilities))
        return votes.items.assign(
            type=np.array(votes.order, dtype=object)[types], probability=self.probabilities[each, types],
            n_analysts=votes.n_votes, n_agreeing=votes.tally[each, types])

    @property
    def n_disagreements(self) -> int:
        """Number of items to which at least two types were given."""
        return int(self.votes.has_disagreement.sum())

    def confusion(self, analyst: str) -> pd.DataFrame:
        """How often an analyst calls each type (rows) what (columns)."""
        kinds = self.votes.order
        return pd.DataFrame(self.confusions[self.votes.analysts.index(analyst)], index=pd.Index(kinds, name="consensus"),
                            columns=pd.Index(kinds, name="given"))


def consensus(votes: Votes) -> Consensus:
    """Find the most probable type of every item and the habits of every analyst.

    An item that nobody labelled gets the shares of the types, any other one of the types that were given to it.
    """
    k, n_analysts = len(votes.order), len(votes.analysts)
    chosen = votes.given[..., None] == np.arange(k)  # (items, analysts, types)
    is_doubled = votes.n_votes > 1
    flat = chosen[is_doubled].reshape(int(is_doubled.sum()), n_analysts * k).astype(float)
    presumed = np.where(np.eye(k, dtype=bool), RIGHT, WRONG)
    tally = votes.tally.astype(float)
    is_possible = (tally > 0) | (tally.sum(axis=1, keepdims=True) == 0)
    beliefs = (tally + 1 / k) / (tally.sum(axis=1, keepdims=True) + 1)
    for _ in range(N_ROUNDS):
        labelled = beliefs[votes.n_votes > 0]
        shares = (labelled.sum(axis=0) + 1) / (len(labelled) + k)
        counts = (beliefs[is_doubled].T @ flat).reshape(k, n_analysts, k).transpose(1, 0, 2)
        average = _rows_to_one(counts.sum(axis=0) + presumed)
        confusions = _rows_to_one(counts + AVERAGE_LABELS * average)
        before, beliefs = beliefs, _believed(votes.given, is_possible, shares, confusions)
        if np.abs(beliefs - before).max(initial=0.0) < SMALLEST_MOVE:
            break
    return Consensus(votes, beliefs, shares, confusions)


def _believed(given: np.ndarray, is_possible: np.ndarray, shares: np.ndarray, confusions: np.ndarray) -> np.ndarray:
    """Probability of each true type of each item, from what was given and who gave it."""
    logs = np.where(is_possible, np.log(shares), -np.inf)
    for analyst, habits in enumerate(np.log(confusions)):
        asked = given[:, analyst] != NONE
        logs[asked] += habits[:, given[asked, analyst]].T
    likely = np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf))
    return _rows_to_one(likely)


def _rows_to_one(table: np.ndarray) -> np.ndarray:
    return table / table.sum(axis=-1, keepdims=True)
