"""The register of features: one definition, many readers.

A feature is a function that receives the grains of a history (:class:`Grains`) and returns one expression per
customer and date. Its name is the matrix column, its docstring the dictionary sentence, its words the reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import narwhals as nw

DIMENSIONS = {"value": "客户价值", "need": "客户需求", "behaviour": "客户行为", "risk": "风险等级"}
UNITS = ("money", "share", "ratio", "days", "months", "count", "flag", "rate")


@dataclass(frozen=True)
class Words:
    """What a reviewer reads when the value is high or low against the book."""

    high_en: str
    low_en: str
    high_zh: str
    low_zh: str


@dataclass(frozen=True)
class Feature:
    """A measured trait of a customer on a date."""

    name: str
    dimension: str
    unit: str
    meaning_en: str
    meaning_zh: str
    words: Words
    tables: tuple[str, ...]
    measure: Callable[[Grains], nw.Expr]


FEATURES: dict[str, Feature] = {}


def feature(dimension: str, unit: str, zh: str, *, high: tuple[str, str], low: tuple[str, str],
            tables: tuple[str, ...] = ()) -> Callable:
    """Register a feature; ``high`` and ``low`` are its reason words as (en, zh), ``tables`` the optional ones it needs.

    Raises
    ------
    ValueError
        When the dimension or unit is unknown, a word is missing, or the name is taken: the build fails.
    """

    def register(measure: Callable[[Grains], nw.Expr]) -> Callable[[Grains], nw.Expr]:
        name, sentence = measure.__name__, (measure.__doc__ or "").strip().split("\n")[0]
        if dimension not in DIMENSIONS or unit not in UNITS or name in FEATURES:
            raise ValueError(f"feature {name}: unknown dimension or unit, or a name taken twice")
        if not all((sentence, zh, *high, *low)):
            raise ValueError(f"feature {name}: a meaning or a reason word is missing")
        words = Words(high_en=high[0], low_en=low[0], high_zh=high[1], low_zh=low[1])
        FEATURES[name] = Feature(name, dimension, unit, sentence, zh, words, tables, measure)
        return measure

    return register


class Grain:
    """One grain of the history; aggregates over its rows are first taken per loan, then per customer."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.aggregates: list[tuple[str, str, nw.Expr]] = []

    def _take(self, how: str, expression: nw.Expr) -> nw.Expr:
        name = f"{self._prefix}{len(self.aggregates)}"
        self.aggregates.append((name, how, expression))
        return nw.col(name)

    def sum(self, expression: nw.Expr) -> nw.Expr:
        """Sum over the customer's rows; 0 without rows."""
        return self._take("sum", expression).fill_null(0)

    def max(self, expression: nw.Expr) -> nw.Expr:
        """Largest over the customer's rows; missing without rows."""
        return self._take("max", expression)

    def min(self, expression: nw.Expr) -> nw.Expr:
        """Smallest over the customer's rows; missing without rows."""
        return self._take("min", expression)

    def count(self, condition: nw.Expr) -> nw.Expr:
        """Number of the customer's rows for which the condition holds; 0 without rows."""
        return self.sum(nw.when(condition).then(1).otherwise(0))

    def sum_where(self, condition: nw.Expr, expression: nw.Expr) -> nw.Expr:
        """Sum of the expression over the rows for which the condition holds."""
        return self.sum(nw.when(condition).then(expression).otherwise(0))


class Grains:
    """What a feature can be measured from: instalments, drawdowns, loans, and the whole portfolio on the date."""

    def __init__(self) -> None:
        self.instalments = Grain("i")
        self.drawdowns = Grain("d")
        self.loans = Grain("l")
        self.portfolio_totals: list[tuple[str, nw.Expr]] = []

    def portfolio_sum(self, per_customer: nw.Expr) -> nw.Expr:
        """Sum of a customer-level figure over every customer of the book on the same date."""
        name = f"p{len(self.portfolio_totals)}"
        self.portfolio_totals.append((name, per_customer))
        return nw.col(name)


def share(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    """Part over whole; missing where the whole is zero or negative, so never infinite."""
    return nw.when(whole > 0).then(part.cast(nw.Float64) / whole.cast(nw.Float64)).otherwise(None)


def money(cents: nw.Expr) -> nw.Expr:
    """Whole cents as currency units."""
    return cents.cast(nw.Float64) / 100
