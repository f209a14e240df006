"""Is the model as good everywhere: the same numbers for parts of the book, and the worst part named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.intervals import Draws
from models.metrics import scores_with_intervals
from models.types import RelationshipType

LEAST_ROWS = 30
"""Smaller parts of a cut are counted together and not measured: one customer would move them by several points."""

SMALL = "parts too small to measure"


N_SIZE_CLASSES = 4
LENGTHS_MONTHS = (12, 24, 48)
UNKNOWN = "not known"
SHOWN = ("accuracy", "macro_f1", "log_loss", "expected_cost")


def size_classes(exposures: pd.Series) -> pd.Series:
    """Quarters of the book by committed exposure, smallest first, as words; empty exposures are "not known"."""
    ranks = exposures.rank(pct=True)  # equal exposures share a class
    places = np.ceil(ranks.fillna(1) * N_SIZE_CLASSES).astype(int)
    words = places.map(lambda place: f"exposure quarter {place} of {N_SIZE_CLASSES}")
    return words.astype(object).where(exposures.notna(), UNKNOWN)


def lengths_of_record(months: pd.Series) -> pd.Series:
    """How long the bank has known a customer, in the classes of ``LENGTHS_MONTHS``, as words."""
    edges = (0, *LENGTHS_MONTHS)
    words = [f"{low} to {high} months" for low, high in zip(edges, LENGTHS_MONTHS)] + [f"{edges[-1]} months and more"]
    places = np.searchsorted(LENGTHS_MONTHS, months.to_numpy(), side="right")
    return pd.Series(np.where(months.isna(), UNKNOWN, np.array(words, dtype=object)[places]), index=months.index)


def slices(
    truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType], attributes: pd.DataFrame, draws: Draws
) -> pd.DataFrame:
    """Scores of every part of at least ``LEAST_ROWS`` rows: by, part, n, then each score with its interval.

    The rows of the smaller parts of a cut are one row of the table, ``SMALL``, with their number and no scores.
    ``attributes`` has one column per way to cut and one row per customer and date; a column with one value cuts nothing.
    """
    rows = []
    for by in attributes:
        values = attributes[by].fillna(UNKNOWN).astype(str).to_numpy()
        if len(set(values)) < 2:
            continue
        n_small = 0
        for part, n in zip(*np.unique(values, return_counts=True)):
            if n < LEAST_ROWS:
                n_small += int(n)
                continue
            here = values == part
            found = scores_with_intervals(truth[here], probabilities[here], types, draws.of(here))
            row = {"by": by, "part": part, "n": int(n)}
            for name in SHOWN:
                row |= {name: found[name].value, f"{name}_low": found[name].low, f"{name}_high": found[name].high}
            rows.append(row)
        if n_small:
            rows.append({"by": by, "part": SMALL, "n": n_small})
    ends = [f"{name}{end}" for name in SHOWN for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["by", "part", "n", *ends])


def worst_slice(table: pd.DataFrame) -> pd.Series | None:
    """The part whose mistakes cost most per customer, of those ``slices`` measured; none if there is none."""
    measured = table[table["part"] != SMALL]
    return None if measured.empty else measured.loc[measured["expected_cost"].idxmax()]
