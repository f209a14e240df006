"""What the book was when a model learnt from it: the measure that later books are held against.

It is the book of all active customers at the month-ends of the last year that the model learnt from, not the labelled rows: those
were chosen (dear mistakes, doubtful cases), lie on several dates and have a customer several times, so that an unchanged book
would differ from them. The month-ends stay apart: a book that looks as any of them did has not drifted, for months have 28 to 31
days, and years their seasons. Only the range is of all of them, and of the labelled rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.intervals import Interval
from models.segmenter import BrokenModel

REFERENCE_FILE = "training_reference.json"
N_BINS = 10
LEAST_SHARE = 0.02
"""Bins that hold less of the training's book are joined with the next."""


@dataclass(frozen=True)
class Counts:
    """How many customers fall into each bin, and how many circles of connected customers.

    A circle counts as one, shared among the bins of its customers. So whatever connected customers have in common, shares of
    circles vary no more than those of as many independent customers: a mean of indicators varies no more than one of them.
    """

    n: tuple[int, ...]
    circles: tuple[float, ...]

    @property
    def total(self) -> int:
        """All customers."""
        return sum(self.n)

    @property
    def n_circles(self) -> int:
        """All circles."""
        return round(sum(self.circles))


@dataclass(frozen=True)
class UsualFeature:
    """A feature in the training's book on a date.

    ``edges``: upper ends (inclusive) of all bins but the last; ``known``: customers per bin; ``missing``: how many have no value,
    and how many one.
    """

    edges: tuple[float, ...]
    known: Counts
    missing: Counts

    def places(self, values: np.ndarray) -> np.ndarray:
        """The bin of each known value."""
        return np.searchsorted(self.edges, values, side="left")


@dataclass(frozen=True)
class Range:
    """The smallest and largest value of a feature that training saw, and the circles it saw them of; None where of nobody."""

    low: float | None
    high: float | None
    n_circles: int


@dataclass(frozen=True)
class TrainingReference:
    """The training's book: every feature and the types given on each of its dates, and the categories of its text columns.

    ``days``: the dates (ISO), sorted; ``features``: per feature, how it was on each; ``types``: customers given each type by the
    model, in the order ``order``, on each. ``categories``: per column (``table.column``) what stood in it. ``promised``: how good
    the model was on the labels it was judged by, which end on ``labels_until`` (ISO).
    """

    days: tuple[str, ...]
    features: Mapping[str, tuple[UsualFeature, ...]]
    ranges: Mapping[str, Range]
    order: tuple[str, ...]
    types: tuple[Counts, ...]
    categories: Mapping[str, tuple[str, ...]]
    labels_until: str
    promised: Mapping[str, Interval]

    @property
    def text(self) -> str:
        """As it is kept: the same reference gives the same text."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n"

    @property
    def sha256(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def save(self, folder: Path) -> str:
        """Write it into the folder of its model; returns its SHA-256."""
        (Path(folder) / REFERENCE_FILE).write_text(self.text, encoding="utf-8")
        return self.sha256

    @classmethod
    def load(cls, folder: Path, digest: str) -> TrainingReference:
        """Read the reference that was registered with a model.

        Raises
        ------
        BrokenModel
            It is gone, or not the one that was registered.
        """
        where, todo = str(Path(folder) / REFERENCE_FILE), "Put its files back from a copy, or train anew."
        try:
            text = (Path(folder) / REFERENCE_FILE).read_bytes()
        except OSError as error:
            raise BrokenModel(f"no training reference can be read ({type(error).__name__})", where, todo) from None
        if hashlib.sha256(text).hexdigest() != digest:
            raise BrokenModel("it is not the training reference that was registered", where, todo)
        content = json.loads(text)
        return cls(**content | {
            "days": tuple(content["days"]), "order": tuple(content["order"]), "types": tuple(map(_counts, content["types"])),
            "features": {name: tuple(UsualFeature(tuple(one["edges"]), _counts(one["known"]), _counts(one["missing"]))
                                     for one in usual) for name, usual in content["features"].items()},
            "ranges": {name: Range(**one) for name, one in content["ranges"].items()},
            "categories": {column: tuple(values) for column, values in content["categories"].items()},
            "promised": {name: Interval(**one) for name, one in content["promised"].items()}})


def usual_feature(values: np.ndarray, circles: np.ndarray) -> UsualFeature:
    """A feature in the training's book on a date: the value of every active customer, NaN where missing, and its circle."""
    is_known = ~np.isnan(values)
    known = values[is_known]
    edges = edges_of(known)
    bins = counted(np.searchsorted(edges, known, side="left"), len(edges) + 1, circles[is_known])
    return UsualFeature(edges, bins, counted(is_known.astype(int), 2, circles))


def range_of(values: np.ndarray, circles: np.ndarray, trained_on: np.ndarray) -> Range:
    """The range of a feature over all dates of the training's book and the labelled rows; circles are those of the book."""
    seen, n_circles = np.concatenate([values, trained_on]), len(np.unique(circles[~np.isnan(values)]))
    low, high = (None, None) if np.isnan(seen).all() else (float(np.nanmin(seen)), float(np.nanmax(seen)))
    return Range(low, high, n_circles)


def edges_of(known: np.ndarray) -> tuple[float, ...]:
    """Upper ends of about ``N_BINS`` bins of equal mass; a value that many share has a bin of its own."""
    if not len(known):
        return ()
    tenths = np.unique(np.quantile(known, np.arange(1, N_BINS) / N_BINS, method="inverted_cdf"))
    edges = np.unique(np.concatenate([np.nextafter(tenths, -np.inf), tenths]))
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return tuple(float(edge) for edge in edges[joined(counts, LEAST_SHARE * len(known))[:-1] - 1])


def joined(counts: np.ndarray, least: float) -> np.ndarray:
    """Neighbouring bins joined until each holds ``least``: the places behind the last bin of each.

    Small bins before one that holds enough alone are joined with those before them, or a value that many share could move unseen.
    """
    ends, held = [], 0.0
    for place, n in enumerate(counts, 1):
        if ends and n >= least:
            ends[-1], held = place - 1, 0.0
        held += n
        if held >= least:
            ends.append(place)
            held = 0.0
    ends = ends or [len(counts)]
    return np.array([*ends[:-1], len(counts)])


def counted(places: np.ndarray, n_bins: int, circles: np.ndarray) -> Counts:
    """Count customers and circles per bin; ``circles`` has the circle of each customer, an integer from 0."""
    share = 1 / np.bincount(circles)[circles] if len(circles) else np.zeros(0)
    n, shared = np.bincount(places, minlength=n_bins), np.bincount(places, share, minlength=n_bins)
    return Counts(tuple(n.tolist()), tuple(shared.round(9).tolist()))


def _counts(content: dict) -> Counts:
    return Counts(tuple(content["n"]), tuple(content["circles"]))
