"""The rule book: the five types' traits as a person would check them, without a model.

Each type has a few conditions on features, taken from its traits in ``types.toml``. A customer is given the first type in
precedence of which enough conditions hold, and stable otherwise. The levels are round numbers from practice and regulation,
not fitted: 30 and 90 days past due, a rating on the watch list, exposure down by a third, the top tenth of income.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin


@dataclass(frozen=True)
class Condition:
    """One trait: a feature at least, or at most, a level. A missing value fulfils none."""

    feature: str
    level: float
    is_least: bool = True

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Whether it holds of each value."""
        return values >= self.level if self.is_least else values <= self.level


def _most(feature: str, level: float) -> Condition:
    return Condition(feature, level, is_least=False)


#: Per type, how many conditions must hold, and the conditions.
RULES: dict[str, tuple[int, tuple[Condition, ...]]] = {
    "risk": (1, (
        Condition("days_past_due_max_3m", 30), Condition("n_late_90d_24m", 1), Condition("is_watchlisted", 1),
        Condition("impairment_stage", 3), Condition("n_forborne_24m", 1), Condition("rating_notches_12m", 3),
        Condition("n_rollovers_12m", 2), Condition("exposure_in_arrears_share", 0.5))),
    "churn": (2, (
        _most("exposure_growth_12m_ratio", -1 / 3), _most("new_money_share_12m", 0.0), Condition("n_rate_complaints_12m", 1),
        Condition("n_refinanced_away_24m", 1), Condition("n_paid_off_early_24m", 1), _most("activity_3m_to_12m_ratio", 0.5),
        Condition("n_rate_renegotiations_24m", 1))),
    "strategic": (2, (
        Condition("income_rank_share_12m", 0.9), Condition("group_income_rank_share_12m", 0.9), Condition("tenure_months", 60),
        Condition("collateral_cover_ratio", 1.5), Condition("is_state_owned", 1))),
    "growth": (2, (
        Condition("exposure_growth_12m_ratio", 0.25), Condition("new_lending_share_12m", 0.3), _most("record_months", 24),
        Condition("n_limit_raises_24m", 1), Condition("drawn_12m_ratio", 1.0))),
}  # fmt: skip
REST = "stable"


def fitting(matrix: pd.DataFrame) -> pd.DataFrame:
    """Of how many conditions of each type each row fulfils: shape (n, 4); a feature that the book lacks fulfils none."""
    counts = {}
    for kind, (_, conditions) in RULES.items():
        held = [each.holds(matrix[each.feature].to_numpy(float)) for each in conditions if each.feature in matrix]
        counts[kind] = np.sum(held, axis=0) if held else np.zeros(len(matrix), int)
    return pd.DataFrame(counts, index=matrix.index)


def ruled(matrix: pd.DataFrame) -> np.ndarray:
    """The type that the rules give each row: the first in precedence with enough conditions, stable if none has."""
    counts = fitting(matrix)
    enough = [(counts[kind] >= needed).to_numpy() for kind, (needed, _) in RULES.items()]
    return np.select(enough, list(RULES), REST).astype(object)


class RuleBook(ClassifierMixin, BaseEstimator):
    """The rules with probabilities: how often each type turned out where the rules said this one, among labelled customers.

    The rules are not fitted; only how far to believe them is. One imagined customer, spread as the labels are, steadies a
    rule that fitted few.
    """

    def __init__(self, features: Sequence[str] = (), types: Sequence[str] = ()) -> None:
        self.features = features
        self.types = types

    def fit(self, X: np.ndarray, y: np.ndarray) -> RuleBook:
        """Count the labelled types per rule; X (n, n_features), y the place of each type."""
        self.classes_ = np.unique(y)
        said = self._said(X)
        shares = np.array([(y == kind).mean() for kind in self.classes_])
        self.believed_ = {}
        for kind in self.types:
            counts = np.array([((said == kind) & (y == place)).sum() for place in self.classes_])
            self.believed_[kind] = (counts + shares) / (counts.sum() + 1)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Share of each type where the rules say what they say of each row, shape (n, n_classes)."""
        return np.array([self.believed_[kind] for kind in self._said(X)]).reshape(len(X), len(self.classes_))

    def _said(self, X: np.ndarray) -> np.ndarray:
        return ruled(pd.DataFrame(X, columns=list(self.features)))
