"""What simpler rules would have given: beside every run, so that the trees have to earn their place.

Each baseline is a function ``(frame, labels, types) -> Baseline``; ``frame`` has customer_id, as_of and the
float64 features, ``labels`` the type of each row in the same order, ``types`` the names in precedence order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from models.matrix import WrongMatrix, feature_matrix, feature_names, sorted_rows
from models.rules import RuleBook
from models.types import type_indices

SIZE = "exposure_committed"
N_SIZE_CLASSES = 8


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline: its estimator, the features it looks at, and all features it expects."""

    estimator: ClassifierMixin
    looks_at: tuple[str, ...]
    features: tuple[str, ...]
    types: tuple[str, ...]

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Probability of each type per row, shape (n, 5); 0 for a type it was never shown."""
        result = np.zeros((len(frame), len(self.types)))
        if len(frame):
            result[:, self.estimator.classes_] = self.estimator.predict_proba(self._matrix(frame))
        return result

    def _matrix(self, frame: pd.DataFrame) -> np.ndarray:
        if absent := sorted(set(self.looks_at) - set(self.features)):
            raise WrongMatrix(f"missing columns: {', '.join(absent)}", "features", "Name another.")
        places = [self.features.index(name) for name in self.looks_at]
        return feature_matrix(frame, self.features)[:, places]


def majority(frame: pd.DataFrame, labels: pd.Series, types: Sequence[str]) -> Baseline:
    """Everybody gets the shares of the types among the labels."""
    return _fit(DummyClassifier(strategy="prior"), frame, labels, types)


def size_only(frame: pd.DataFrame, labels: pd.Series, types: Sequence[str], size: str = SIZE) -> Baseline:
    """Customers are cut into at most ``N_SIZE_CLASSES`` by size alone, as segments were before.

    The cuts are the ones that separate the types best (a decision tree on the one column); each class keeps
    at least one labelled customer in fifty.
    """
    tree = DecisionTreeClassifier(max_leaf_nodes=N_SIZE_CLASSES, min_samples_leaf=0.02, random_state=0)
    return _fit(tree, frame, labels, types, looks_at=(size,))


def logistic(frame: pd.DataFrame, labels: pd.Series, types: Sequence[str]) -> Baseline:
    """Straight lines: logistic regression on all features, a missing one filled by the median and flagged.

    Values are compressed by arcsinh, a logarithm that also takes 0 and negative numbers, then standardised.
    """
    steps = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        FunctionTransformer(np.arcsinh),
        StandardScaler(),
        LogisticRegression(max_iter=5_000),
    )
    return _fit(steps, frame, labels, types)


def rule_book(frame: pd.DataFrame, labels: pd.Series, types: Sequence[str]) -> Baseline:
    """The traits of the five types as fixed conditions (models/rules.py), and how often they were right."""
    return _fit(RuleBook(feature_names(frame), tuple(types)), frame, labels, types)


BASELINES: dict[str, Callable[..., Baseline]] = {
    "majority": majority,
    "size_only": size_only,
    "rule_book": rule_book,
    "logistic": logistic,
}


def out_of_fold(
    baseline: Callable[..., Baseline],
    frame: pd.DataFrame,
    labels: pd.Series,
    types: Sequence[str],
    folds: np.ndarray,
) -> np.ndarray:
    """Probabilities of each row by a baseline fitted on the other folds, shape (n, 5), in row order."""
    result = np.empty((len(frame), len(types)))
    for fold in np.unique(folds):
        seen = folds != fold
        result[~seen] = baseline(frame[seen], labels[seen], types).predict_proba(frame[~seen])
    return result


def _fit(
    estimator: ClassifierMixin,
    frame: pd.DataFrame,
    labels: pd.Series,
    types: Sequence[str],
    looks_at: tuple[str, ...] | None = None,
) -> Baseline:
    # sorted as for the segmenter: sums of floats depend on the order of rows
    order = sorted_rows(frame)
    features = feature_names(frame)
    baseline = Baseline(estimator, looks_at or features, features, tuple(types))
    estimator.fit(baseline._matrix(frame.iloc[order]), type_indices(labels, types)[order])
    return baseline
