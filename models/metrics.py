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

from models.intervals import Draws, Interval, ratio
from models.types import RelationshipType, cost_matrix, names

CLIP = 1e-6
"""No type is believed rarer than one in a million: a flat zero would make the log loss infinite."""

N_BINS = 10
N_RELIABILITY_BINS, LEAST_IN_A_BIN = 8, 5

HIGHER_IS_BETTER = {"accuracy": True, "balanced_accuracy": True, "macro_f1": True, "log_loss": False, "brier": False,
                    "calibration_error": False, "expected_cost": False}


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


def balanced_accuracy(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean recall over the types present in the truth, each counting the same, 0 to 1."""
    truth, probabilities = _checked(truth, probabilities)
    return float(balanced_accuracy_of(_tables(truth, probabilities).sum(axis=0)))


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
    # per bin |sum of confidence - number of hits| is bin mass times |mean confidence - accuracy|
    return float(np.abs(_calibration_bins(truth, probabilities).sum(axis=0)).sum() / len(truth))


def expected_cost(truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]) -> float:
    """Mean cost per customer of the mistakes in the given types, in the units of ``types.toml``."""
    truth, probabilities = _checked(truth, probabilities)
    return float(cost_matrix(types)[truth, given_types(probabilities)].mean())


def scores(
    truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]
) -> dict[str, float]:
    """Every number of this page by name, as logged beside a run."""
    plain = (accuracy, balanced_accuracy, macro_f1, log_loss, brier, calibration_error)
    result = {metric.__name__: metric(truth, probabilities) for metric in plain}
    return result | {"expected_cost": expected_cost(truth, probabilities, types)}



def scores_with_intervals(
    truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType], draws: Draws
) -> dict[str, Interval]:
    """Every number of ``scores`` with the interval that drawing whole clusters gives it.

    The bins of the calibration error are those of all rows. It is a mean of absolute distances, so a draw, which is
    noisier than the rows it is drawn from, tends to lie above: its interval leans upward.
    """
    parts = parts_of(truth, probabilities, types)
    return {name: draws.interval(each, of) for name, (each, of) in parts.items()}


def parts_of(truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]) -> dict[str, tuple]:
    """What each row adds to every number, and how the number is made from the sums: name -> (parts (n, p), value of sums)."""
    truth, probabilities = _checked(truth, probabilities)
    k = probabilities.shape[1]
    tables = _tables(truth, probabilities).reshape(len(truth), k * k)
    one = np.ones(len(truth))
    clipped = np.clip(probabilities, CLIP, None)
    clipped /= clipped.sum(axis=1, keepdims=True)
    losses = {
        "log_loss": -np.log(clipped[np.arange(len(truth)), truth]),
        "brier": np.square(probabilities - np.eye(k)[truth]).sum(axis=1),
        "expected_cost": cost_matrix(types)[truth, given_types(probabilities)],
    }
    of_tables = {"accuracy": accuracy_of, "balanced_accuracy": balanced_accuracy_of, "macro_f1": macro_f1_of}
    bins = np.column_stack([_calibration_bins(truth, probabilities), one])
    found = {name: (tables, lambda sums, of=of: of(sums.reshape(*sums.shape[:-1], k, k))) for name, of in of_tables.items()}
    found |= {name: (np.column_stack([loss, one]), ratio) for name, loss in losses.items()}
    found["calibration_error"] = bins, lambda sums: np.abs(sums[..., :-1]).sum(axis=-1) / sums[..., -1]
    return {name: found[name] for name in HIGHER_IS_BETTER}


def accuracy_of(tables: np.ndarray) -> np.ndarray:
    """Accuracy of tables of counts, true types by given types, shape (..., k, k) to (...); NaN for an empty one."""
    with np.errstate(invalid="ignore"):
        return np.trace(tables, axis1=-2, axis2=-1) / tables.sum(axis=(-2, -1))


def balanced_accuracy_of(tables: np.ndarray) -> np.ndarray:
    """Mean recall of tables of counts over the types present, shape (..., k, k) to (...); NaN for an empty one."""
    hits, present = np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(axis=-1)
    return _mean_where(present > 0, hits, present)


def macro_f1_of(tables: np.ndarray) -> np.ndarray:
    """Mean F1 of tables of counts over the types true or given, shape (..., k, k) to (...); NaN for an empty one."""
    hits = np.diagonal(tables, axis1=-2, axis2=-1)
    either = tables.sum(axis=-1) + tables.sum(axis=-2)
    return _mean_where(either > 0, 2 * hits, either)


def _mean_where(counts: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    ratio = np.divide(above, below, out=np.zeros_like(above, dtype=float), where=counts)
    with np.errstate(invalid="ignore"):
        return ratio.sum(axis=-1) / counts.sum(axis=-1)


def _tables(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """One true type by given type per row, shape (n, k, k)."""
    tables = np.zeros((len(truth), probabilities.shape[1], probabilities.shape[1]))
    tables[np.arange(len(truth)), truth, given_types(probabilities)] = 1
    return tables


def _calibration_bins(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """By how much each row was surer than right, in the column of its bin of confidence, shape (n, ``N_BINS``)."""
    confidence = probabilities.max(axis=1)
    edges = np.quantile(confidence, np.arange(1, N_BINS) / N_BINS)
    place = np.searchsorted(edges, confidence, side="right")
    bins = np.zeros((len(truth), N_BINS))
    bins[np.arange(len(truth)), place] = confidence - (given_types(probabilities) == truth)
    return bins


def confusion(
    truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]
) -> pd.DataFrame:
    """Number of customers per true type (rows) and given type (columns)."""
    truth, probabilities = _checked(truth, probabilities)
    counts = measured.confusion_matrix(truth, given_types(probabilities), labels=np.arange(len(types)))
    return pd.DataFrame(
        counts, index=pd.Index(names(types), name="truth"), columns=pd.Index(names(types), name="given")
    )


def per_type(
    truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType], draws: Draws
) -> pd.DataFrame:
    """Precision, recall and F1 of each type with their intervals, and support; empty where there is nothing to measure.

    Columns: precision, precision_low, precision_high, and so on, then support. Intervals draw whole clusters.
    """
    truth, probabilities = _checked(truth, probabilities)
    given = given_types(probabilities)
    rows = []
    for place in range(len(types)):
        true, said = truth == place, given == place
        hit = true & said
        row = {}
        for name, above, below in (("precision", hit, said), ("recall", hit, true), ("f1", 2.0 * hit, 1.0 * said + true)):
            found = draws.interval(np.column_stack([above, below]).astype(float), ratio)
            row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        rows.append(row | {"support": int(true.sum())})
    return pd.DataFrame(rows, index=pd.Index(names(types), name="type"))


def reliability(truth: np.ndarray, probabilities: np.ndarray, types: Sequence[RelationshipType]) -> pd.DataFrame:
    """How often each type was true against how probable it was said to be: type, said, true, n per eighth of the scale.

    Eighths with fewer than ``LEAST_IN_A_BIN`` rows are left out.
    """
    truth, probabilities = _checked(truth, probabilities)
    edges = np.linspace(0, 1, N_RELIABILITY_BINS + 1)[1:-1]
    tables = []
    for place, kind in enumerate(types):
        rows = pd.DataFrame({"said": probabilities[:, place], "true": (truth == place).astype(float)})
        bins = rows.groupby(np.searchsorted(edges, probabilities[:, place], side="left"))
        found = bins.mean().assign(n=bins.size())
        tables.append(found[found["n"] >= LEAST_IN_A_BIN].assign(type=kind.name))
    return pd.concat(tables, ignore_index=True)[["type", "said", "true", "n"]]


def _checked(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, probabilities = np.asarray(truth, np.int64), np.array(probabilities, np.float64)
    if not len(truth) or probabilities.ndim != 2 or len(truth) != len(probabilities):
        raise ValueError(f"need rows, one truth per row: {truth.shape} against {probabilities.shape}")
    if truth.min() < 0 or truth.max() >= probabilities.shape[1]:
        raise ValueError("the truth names a type without a column")
    if not np.isfinite(probabilities).all() or not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6):
        raise ValueError("every row of probabilities must sum to 1")
    return truth, probabilities
