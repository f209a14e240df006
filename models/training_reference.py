"""What the book was when a model learnt from it: the measure that later books are held against.

It is the book of all active customers on the last date that the model learnt from, not the labelled rows: those were chosen
(dear mistakes, doubtful cases), lie on several dates and have a customer several times, so that an unchanged book would differ
from them. Only the range is that of the labelled rows too, since trees saw both.
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
    """A feature in the training's book.

    ``edges``: upper ends (inclusive) of all bins but the last; ``known``: customers per bin; ``missing``: how many have no value,
    and how many one; ``low`` and ``high``: the smallest and largest value that training saw, None where it saw none.
    """

    edges: tuple[float, ...]
    known: Counts
    missing: Counts
    low: float | None
    high: float | None

    def places(self, values: np.ndarray) -> np.ndarray:
        """The bin of each known value."""
        return np.searchsorted(self.edges, values, side="left")


@dataclass(frozen=True)
class TrainingReference:
    """The training's book: who was there, every feature, the types given, the categories of its text columns.

    ``types``: customers given each type by the model, in the order ``order``. ``categories``: per column (``table.column``) what
    stood in it. ``promised``: how good the model was on the labels it was judged by, which end on ``labels_until`` (ISO).
    """

    as_of: str
    n_customers: int
    n_circles: int
    features: Mapping[str, UsualFeature]
    order: tuple[str, ...]
    types: Counts
    categories: Mapping[str, tuple[str, ...]]
    labels_until: str
    promised: Mapping[str, Interval]

    @property
    def text(self) -> str:
        """As it is kept: the same reference gives the same text."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n"

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
            "features": {name: UsualFeature(tuple(one["edges"]), _counts(one["known"]), _counts(one["missing"]), one["low"],
                                            one["high"]) for name, one in content["features"].items()},
            "order": tuple(content["order"]), "types": _counts(content["types"]),
            "categories": {column: tuple(values) for column, values in content["categories"].items()},
            "promised": {name: Interval(**one) for name, one in content["promised"].items()}})


def usual_feature(values: np.ndarray, circles: np.ndarray, trained_on: np.ndarray) -> UsualFeature:
    """A feature in the training's book.

    Parameters
    ----------
    values : ndarray
        Of every active customer, NaN where missing.
    circles : ndarray of int
        The circle of connected customers each belongs to, counted from 0.
    trained_on : ndarray
        The values of the labelled rows, which count for the range alone.
    """
    is_known = ~np.isnan(values)
    known, seen = values[is_known], np.concatenate([values, trained_on])
    edges = edges_of(known)
    bins = counted(np.searchsorted(edges, known, side="left"), len(edges) + 1, circles[is_known])
    low, high = (None, None) if np.isnan(seen).all() else (float(np.nanmin(seen)), float(np.nanmax(seen)))
    return UsualFeature(edges, bins, counted(is_known.astype(int), 2, circles), low, high)


def edges_of(known: np.ndarray) -> tuple[float, ...]:
    """Upper ends of about ``N_BINS`` bins of equal mass; a value that many share has a bin of its own."""
    if not len(known):
        return ()
    tenths = np.unique(np.quantile(known, np.arange(1, N_BINS) / N_BINS, method="inverted_cdf"))
    edges = np.unique(np.concatenate([np.nextafter(tenths, -np.inf), tenths]))
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return tuple(float(edge) for edge in edges[joined(counts, LEAST_SHARE * len(known))[:-1] - 1])


def joined(counts: np.ndarray, least: float) -> np.ndarray:
    """Neighbouring bins joined until each holds ``least``: the places behind the last bin of each."""
    ends, held = [], 0.0
    for place, n in enumerate(counts, 1):
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
