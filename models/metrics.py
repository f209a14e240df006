"""How good the given types and probabilities are, as numbers.

Every number takes ``truth``, the index of the true type per row, and ``probabilities``, one row per customer
and one column per type, types in precedence order. The given type is the most probable one, ties going to the
first in precedence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn import metrics as measured

from models.types import RelationshipType, cost_matrix, names

CLIP = 1e-6
"""No type is believed rarer than one in a million: a flat zero would make the log loss infinite."""

N_BINS = 10


def given_types(probabilities: np.ndarray) -> np.ndarray:
    """Index of the type given to each row: the most probable, ties to the first in precedence."""
    return np.asarray(probabilities).argmax(axis=1)


def accuracy(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of customers given their true type, 0 to 1."""
    truth, probabilities = _checked(truth, probabilities)
    return float(measured.accuracy_score(truth, given_types(probabilities)))


def macro_f1(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean F1 over the types, each counting the same, 0 to 1.

    Types neither in the truth nor among the given types are left out of the mean; a type given to somebody
    though nobody is of it counts as 0.
    """
    truth, probabilities = _checked(truth, probabilities)
    return float(measured.f1_score(truth, given_types(probabilities), average="macro", zero_division=0.0))


def log_loss(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean surprise about the true type, in nats; probabilities below ``CLIP`` count as ``CLIP``."""
    truth, probabilities = _checked(truth, probabilities)
    clipped = np.clip(probabilities, CLIP, None)
    clipped /= clipped.sum(axis=1, keepdims=True)
    return float(measured.log_loss(truth, clipped, labels=np.arange(clipped.shape[1])))


def brier(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance between the probabilities and the true type, 0 to 2 (Brier 1950)."""
    truth, probabilities = _checked(truth, probabilities)
    return float(np.square(probabilities - np.eye(probabilities.shape[1])[truth]).sum(axis=1).mean())


def calibration_error(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean distance between how sure the model is of the given type and how often it is right, 0 to 1.

    The expected calibration error of the top label (Naeini et al. 2015; Guo et al. 2017), with ``N_BINS``
    bins of equal mass instead of equal width; equal confidences share a bin, so row order does not matter.
    """
    truth, probabilities = _checked(truth, probabilities)
    confidence = probabilities.max(axis=1)
    hit = given_types(probabilities) == truth
    edges = np.quantile(confidence, np.arange(1, N_BINS) / N_BINS)
    place = np.searchsorted(edges, confidence, side="right")
    # per bin |sum of confidence - number of hits| is bin mass times |mean confidence - accuracy|
    return float(np.abs(np.bincount(place, weights=confidence - hit)).sum() / len(truth))


def expected_cost(truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]) -> float:
    """Mean cost per customer of the mistakes in the given types, in the units of ``types.toml``."""
    truth, probabilities = _checked(truth, probabilities)
    return float(cost_matrix(types)[truth, given_types(probabilities)].mean())


def scores(
    truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]
) -> dict[str, float]:
    """Every number of this page by name, as logged beside a run."""
    plain = (accuracy, macro_f1, log_loss, brier, calibration_error)
    result = {metric.__name__: metric(truth, probabilities) for metric in plain}
    return result | {"expected_cost": expected_cost(truth, probabilities, types)}


def confusion(
    truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]
) -> pd.DataFrame:
    """Number of customers per true type (rows) and given type (columns)."""
    truth, probabilities = _checked(truth, probabilities)
    counts = measured.confusion_matrix(truth, given_types(probabilities), labels=np.arange(len(types)))
    return pd.DataFrame(
        counts, index=pd.Index(names(types), name="truth"), columns=pd.Index(names(types), name="given")
    )


def per_type(truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]) -> pd.DataFrame:
    """Precision, recall, F1 and support of each type; empty where there is nothing to measure."""
    truth, probabilities = _checked(truth, probabilities)
    columns = measured.precision_recall_fscore_support(
        truth, given_types(probabilities), labels=np.arange(len(types)), zero_division=np.nan
    )
    table = dict(zip(("precision", "recall", "f1", "support"), columns))
    return pd.DataFrame(table, index=pd.Index(names(types), name="type"))


def _checked(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, probabilities = np.asarray(truth, np.int64), np.array(probabilities, np.float64)
    if not len(truth) or probabilities.ndim != 2 or len(truth) != len(probabilities):
        raise ValueError(f"need rows, one truth per row: {truth.shape} against {probabilities.shape}")
    if truth.min() < 0 or truth.max() >= probabilities.shape[1]:
        raise ValueError("the truth names a type without a column")
    if not np.isfinite(probabilities).all() or not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6):
        raise ValueError("every row of probabilities must sum to 1")
    return truth, probabilities
