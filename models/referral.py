"""When a person has to decide: the types that cannot be ruled out, with coverage promised for every type.

Class-conditional conformal prediction (Vovk 2012, "Conditional validity of inductive conformal predictors"; Sadinle, Lei and
Wasserman 2019, "Least ambiguous set-valued classifiers with bounded error levels"): per type, the level is set so that of the
customers truly of it the promised share has it in their set, on customers the trees had not seen. One type in the set is a
decision; several, or none, are a question for a person. The promise is kept for each type, not on average over them, as long
as customers come as they did: a book that changes breaks it, and the report measures by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.intervals import Draws, ratio

ALL = "all"


@dataclass(frozen=True)
class Referral:
    """How improbable a type may be and still be possible.

    ``coverage`` is the promised share; ``least`` (k,) the smallest probability at which a type stays in the set, 0 where a
    type had too few customers to promise anything but always keeping it.
    """

    coverage: float
    least: tuple[float, ...]

    def sets(self, probabilities: np.ndarray) -> np.ndarray:
        """Which types are possible, shape (n, k)."""
        return np.asarray(probabilities) >= np.array(self.least)

    def is_referred(self, probabilities: np.ndarray) -> np.ndarray:
        """Whether a person decides: more than one type is possible, or none, shape (n,)."""
        return self.sets(probabilities).sum(axis=1) != 1


def promise(truth: np.ndarray, probabilities: np.ndarray, coverage: float) -> Referral:
    """Set the level of each type on customers the model had not seen.

    Parameters
    ----------
    truth : ndarray of int, shape (n,)
        Place of the true type of each.
    probabilities : ndarray, shape (n, k)
        What the model, not having seen them, said.
    coverage : float
        Share of each type's customers that shall have it in their set, 0 to 1.
    """
    least = []
    for kind in range(probabilities.shape[1]):
        own = np.sort(probabilities[truth == kind, kind])[::-1]
        kept = int(np.ceil((len(own) + 1) * coverage - 1e-9))
        least.append(float(own[kept - 1]) if 0 < kept <= len(own) else (0.0 if kept else np.inf))
    return Referral(coverage, tuple(least))


def prices(
    seen: tuple[np.ndarray, np.ndarray], truth: np.ndarray, probabilities: np.ndarray,
    promises: Sequence[float] = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95),
) -> pd.DataFrame:
    """What other promises would cost: promised, covered, referred, decided_right, one row per promise.

    Parameters
    ----------
    seen : (truth, probabilities)
        Customers the levels are set on, out of fold.
    truth, probabilities : ndarray
        Other customers, on whom they are tried. ``decided_right`` is the accuracy on those decided without a person.
    promises : sequence of float
        Shares of each type to cover.
    """
    rows = []
    for coverage in promises:
        referral = promise(*seen, coverage)
        sets, decided = referral.sets(probabilities), ~referral.is_referred(probabilities)
        right = sets[np.arange(len(truth)), truth]
        rows.append((coverage, right.mean(), 1 - decided.mean(), right[decided].mean() if decided.any() else np.nan))
    return pd.DataFrame(rows, columns=["promised", "covered", "referred", "decided_right"])


def kept(
    truth: np.ndarray, probabilities: np.ndarray, types: Sequence[str], referral: Referral, draws: Draws
) -> pd.DataFrame:
    """How the promise was kept on labelled customers: promised, covered with its interval, referred, mean_size, n.

    One row per type present and one for all; ``referred`` is the share sent to a person, ``mean_size`` of the sets.
    """
    sets, is_referred = referral.sets(probabilities), referral.is_referred(probabilities)
    covered = sets[np.arange(len(truth)), truth]
    rows = {}
    for name in (*types, ALL):
        here = np.ones(len(truth), bool) if name == ALL else truth == list(types).index(name)
        if here.any():
            parts = np.column_stack([covered[here], np.ones(here.sum())]).astype(float)
            found = draws.of(here).interval(parts, ratio)
            rows[name] = {"promised": referral.coverage, "covered": found.value, "low": found.low, "high": found.high,
                          "referred": float(is_referred[here].mean()), "mean_size": float(sets[here].sum(axis=1).mean()),
                          "n": int(here.sum())}
    return pd.DataFrame.from_dict(rows, orient="index")

