"""A model and its rivals on the same labelled rows, with everything that is said of it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from models import metrics
from models.intervals import Draws, Interval, drawn
from models.referral import Referral, kept
from models.slices import UNKNOWN, lengths_of_record, size_classes, slices, worst_slice
from models.types import RelationshipType, names

OURS = "pentad"


@dataclass(frozen=True)
class Evaluation:
    """What each contender said of the same customers and dates, beside their labels.

    ``rows`` has customer_id and as_of, ``truth`` the place of each row's type, ``believed`` the probabilities (n, 5) per
    contender, ours under ``OURS``, ``attributes`` the ways to cut the book, ``clusters`` the circle of each row, which is
    drawn as a whole for every interval.
    """

    name: str
    rows: pd.DataFrame
    truth: np.ndarray
    believed: Mapping[str, np.ndarray]
    attributes: pd.DataFrame
    clusters: np.ndarray
    types: tuple[RelationshipType, ...]
    referral: Referral
    seed: int
    is_out_of_fold: bool = False

    @property
    def n_rows(self) -> int:
        """Number of labelled customers and dates."""
        return len(self.truth)

    def part(self, name: str, rows: np.ndarray) -> Evaluation:
        """The same for some of the rows, given as true or false per row."""
        return replace(self, name=name, rows=self.rows[rows].reset_index(drop=True), truth=self.truth[rows],
                       believed={who: given[rows] for who, given in self.believed.items()},
                       attributes=self.attributes[rows], clusters=self.clusters[rows])

    def beside(self, name: str, probabilities: np.ndarray) -> Evaluation:
        """The same with one more contender, who judged the same rows."""
        return replace(self, believed={**self.believed, name: probabilities})

    @property
    def ours(self) -> np.ndarray:
        """Our probabilities, shape (n, 5)."""
        return self.believed[OURS]

    @cached_property
    def draws(self) -> Draws:
        """The draws of whole circles behind every interval."""
        return drawn(self.clusters, self.seed)

    @cached_property
    def scores(self) -> dict[str, dict[str, Interval]]:
        """Every number of every contender with its interval."""
        return {who: metrics.scores_with_intervals(self.truth, given, self.types, self.draws)
                for who, given in self.believed.items()}

    @property
    def table(self) -> pd.DataFrame:
        """The numbers alone: one row per contender, one column per metric."""
        return pd.DataFrame({who: {name: x.value for name, x in found.items()} for who, found in self.scores.items()}).T

    @property
    def intervals(self) -> pd.DataFrame:
        """The numbers and both ends: contender, metric, value, low, high."""
        rows = [(who, name, x.value, x.low, x.high) for who, found in self.scores.items() for name, x in found.items()]
        return pd.DataFrame(rows, columns=["contender", "metric", "value", "low", "high"])

    @property
    def confusion(self) -> pd.DataFrame:
        """Who was taken for what by our model."""
        return metrics.confusion(self.truth, self.ours, self.types)

    @cached_property
    def per_type(self) -> pd.DataFrame:
        """Precision, recall and F1 of our model, type by type, with intervals."""
        return metrics.per_type(self.truth, self.ours, self.types, self.draws)

    @cached_property
    def slices(self) -> pd.DataFrame:
        """Our scores in parts of the book."""
        return slices(self.truth, self.ours, self.types, self.attributes, self.draws)

    @property
    def worst_slice(self) -> pd.Series | None:
        """The part of the book where our mistakes cost most."""
        return worst_slice(self.slices)

    @cached_property
    def over_dates(self) -> pd.DataFrame:
        """Our scores per label date."""
        dates = self.rows[["as_of"]].reset_index(drop=True)
        return slices(self.truth, self.ours, self.types, dates, self.draws)

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """How the promise of the prediction sets was kept, type by type, and how many are referred."""
        return kept(self.truth, self.ours, names(self.types), self.referral, self.draws)


def attributes_of(frame: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """The ways to cut labelled rows: industry, region, size, length of record; a frame with the index of ``frame``.

    ``customers`` has customer_id and, where the book has them, industry and region.
    """
    known = customers.set_index("customer_id")
    cuts = {name: frame["customer_id"].map(known[name]).fillna(UNKNOWN) for name in ("industry", "region") if name in known}
    cuts["size"] = size_classes(frame["exposure_committed"])
    cuts["length of record"] = lengths_of_record(frame["record_months"])
    return pd.DataFrame(cuts, index=frame.index)
