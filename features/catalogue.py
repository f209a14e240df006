"""The register of features: one definition, many readers.

A feature is a function that receives the grains of a history (:class:`Grains`) and returns one expression per
customer and date. Its name is the matrix column, the first line of its docstring the dictionary sentence, the rest of
it the definition's source, its words the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps

import narwhals as nw

from features.contracts import CONTRACTS

DIMENSIONS = {"value": "客户价值", "need": "客户需求", "behaviour": "客户行为", "risk": "风险等级"}
UNITS = ("money", "share", "ratio", "days", "months", "count", "flag", "rate", "notches")
WINDOWS = ("on the date", "1 month", "3 months", "6 months", "12 months", "24 months", "whole record", "ahead")


@dataclass(frozen=True)
class Words:
    """What a reviewer reads when the value is high or low against the book, or nought.

    ``is_by_sign`` says that high and low mean above and below zero, not above and below the book's median.
    """

    high_en: str
    low_en: str
    high_zh: str
    low_zh: str
    zero_en: str = ""
    zero_zh: str = ""
    is_by_sign: bool = False


@dataclass(frozen=True)
class Feature:
    """A measured trait of a customer on a date.

    ``window`` is the stretch of the past (or ahead) that it looks at; ``history_months`` how much record it takes before
    it says anything; ``missing`` what an empty value means; ``reads`` the source columns, ``table.column``; ``needs`` the
    optional tables without which it is missing for everybody; ``is_judgemental`` that the bank decided it, so that it may
    leak the analyst's label.
    """

    name: str
    dimension: str
    unit: str
    window: str
    history_months: int
    missing: str
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    meaning_en: str
    meaning_zh: str
    words: Words
    is_judgemental: bool
    measure: Callable[[Grains], nw.Expr]


FEATURES: dict[str, Feature] = {}


def feature(dimension: str, unit: str, zh: str, *, window: str, missing: str, reads: str, high: tuple[str, str],
            low: tuple[str, str], history_months: int, zero: tuple[str, str] = ("", ""), by_sign: bool = False,
            needs: str = "", is_judgemental: bool = False) -> Callable:
    """Register a feature.

    Parameters
    ----------
    dimension, unit, window : str
        From ``DIMENSIONS``, ``UNITS`` and ``WINDOWS``.
    zh : str
        The meaning in Chinese; the docstring's first line is the meaning in English.
    missing : str
        What an empty value means; "never missing" for a feature that always has one.
    reads : str
        Source columns (``table.column``) of which another value can change the feature, separated by blanks: the own days
        of facts and the days on which they end too, but neither the ids and numbers that rows are joined and told apart
        by nor the days of booking, which would stand beside every feature.
    needs : str
        Optional tables that it cannot do without, separated by blanks.
    high, low : tuple of str
        Reason words as (en, zh) for a value above or below the book's median; so they compare, with "most" and 多数客户 ("paid
        later in a year than most"), in whose place it is said how far out a value lies ("than 95 % of customers"). They name the
        window: "in six months", "in a year".
    zero : tuple of str
        Words for a value of exactly zero, where "nothing" or "never" says more than "little".
    by_sign : bool
        Whether high and low mean above and below zero instead: of a change, a trend, a yes or no.
    history_months : int
        Months since the first fact that it takes (a signing, a rating, the end of a financial year) before it says
        anything; 0 where one fact is enough.
    is_judgemental : bool
        Whether it repeats a judgement of the bank (rating, stage, watch list, forbearance), not a fact of the customer.

    Raises
    ------
    ValueError
        A field is unknown, empty or taken: the build fails, as it does where one is not given at all.
    """

    def register(measure: Callable[[Grains], nw.Expr]) -> Callable[[Grains], nw.Expr]:
        name, sentence = measure.__name__, (measure.__doc__ or "").strip().split("\n")[0]
        if dimension not in DIMENSIONS or unit not in UNITS or window not in WINDOWS or name in FEATURES:
            raise ValueError(f"feature {name}: unknown dimension, unit or window, or a name taken twice")
        if not all((sentence, zh, missing, reads, *high, *low)) or history_months < 0:
            raise ValueError(f"feature {name}: a meaning, a reason word, what it reads or what missing means is missing")
        columns, tables = tuple(dict.fromkeys(reads.split())), tuple(needs.split())
        for column in columns:
            table, _, of_table = column.partition(".")
            if table not in CONTRACTS or of_table not in {c.name for c in CONTRACTS[table].columns}:
                raise ValueError(f"feature {name} reads {column}, which no contract has")
        if odd := [t for t in tables if t not in CONTRACTS or not CONTRACTS[t].optional]:
            raise ValueError(f"feature {name} needs {', '.join(odd)}, which is no optional table")
        words = Words(high_en=high[0], low_en=low[0], high_zh=high[1], low_zh=low[1], zero_en=zero[0], zero_zh=zero[1],
                      is_by_sign=by_sign)
        FEATURES[name] = Feature(name, dimension, unit, window, history_months, missing, columns, tables, sentence, zh,
                                 words, is_judgemental, measure)
        return measure

    return register


def taken_once(measure: Callable[..., nw.Expr]) -> Callable[..., nw.Expr]:
    """An aggregate that several features use: its rows are summed up once."""

    @wraps(measure)
    def once(of: Grains, *more: object) -> nw.Expr:
        key = (measure, *more)
        if key not in of.taken:
            with of.apart():
                of.taken[key] = measure(of, *more), of.handed
        expression, names = of.taken[key]
        of.handed |= names
        return expression

    return once


def shared(measure: Callable[..., nw.Expr]) -> Callable[..., nw.Expr]:
    """A figure of the customer that several features use: a column of its own, computed once."""
    return _once(measure, "customer")


def shared_of_loan(measure: Callable[..., nw.Expr]) -> Callable[..., nw.Expr]:
    """A figure of the loan that several expressions over ``of.loans`` use: a column of its own, computed once."""
    return _once(measure, "loan")


def _once(measure: Callable[..., nw.Expr], level: str) -> Callable[..., nw.Expr]:
    @wraps(measure)
    def once(of: Grains, *more: object) -> nw.Expr:
        name = "_".join(["figure", measure.__name__, *map(str, more)])
        steps = of.steps[level]
        if name not in steps:
            with of.apart():
                expression = measure(of, *more)
                steps[name] = (of.depth, expression)
        of.depth = max(of.depth, steps[name][0] + 1)
        if level == "customer":
            of.handed.add(name)
        return nw.col(name)

    return once


class Grain:
    """One grain of the history: rows of a loan, or rows of a customer.

    ``sum`` and its like give a figure of the customer; on a grain of loans' rows it is taken per loan first. ``loan_sum``
    and its like give a figure of the loan, to be used in an expression over ``of.loans``.
    """

    def __init__(self, name: str, of: Grains) -> None:
        self._name, self._of = name, of
        self.aggregates: list[tuple[str, str, nw.Expr]] = []
        self.of_customer: set[str] = set()

    def _take(self, how: str, expression: nw.Expr, is_of_loan: bool = False) -> nw.Expr:
        name = f"{self._name}_{len(self.aggregates)}"
        self.aggregates.append((name, how, expression))
        if not is_of_loan:
            self.of_customer.add(name)
            self._of.handed.add(name)
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

    def loan_sum(self, expression: nw.Expr) -> nw.Expr:
        """Sum over the loan's rows, for use over ``of.loans``; 0 without rows."""
        return self._take("sum", expression, is_of_loan=True).fill_null(0)

    def loan_max(self, expression: nw.Expr) -> nw.Expr:
        """Largest over the loan's rows, for use over ``of.loans``; missing without rows."""
        return self._take("max", expression, is_of_loan=True)


#: Grains whose rows belong to a loan, and grains whose rows belong to a customer (see features/history.py).
LOAN_GRAINS = ("repayments", "drawdowns", "limits", "rates", "collateral")
CUSTOMER_GRAINS = ("loans", "purposes", "fees", "ratings", "contacts", "financials", "external_debt")


class Grains:
    """What a feature can be measured from: the grains of a history, and the whole book on the date."""

    def __init__(self) -> None:
        (self.repayments, self.drawdowns, self.limits, self.rates, self.collateral, self.loans, self.purposes, self.fees,
         self.ratings, self.contacts, self.financials, self.external_debt) = (
            Grain(name, self) for name in (*LOAN_GRAINS, *CUSTOMER_GRAINS))
        self.taken: dict[tuple, tuple[nw.Expr, set[str]]] = {}
        self.steps: dict[str, dict[str, tuple[int, nw.Expr]]] = {"loan": {}, "customer": {}}
        self.depth, self.handed = 0, set[str]()  # of the figure being taken: steps before it, columns of the customer in it
        self.shows: set[str] = set()
        self.own: dict[tuple, tuple[str, nw.Expr]] = {}  # figures by which customers are compared, and their columns
        self.relatives: dict[str, tuple[str, str]] = {}  # column: what it is of which column of ``own``
        self.is_compared = False  # whether the figure being taken compares customers

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Take a figure on its own: what it is made of is nothing to the one that uses it."""
        outside, self.depth, self.handed, self.is_compared = (self.depth, self.handed, self.is_compared), 0, set(), False
        try:
            yield
        finally:
            self.depth, self.handed, self.is_compared = outside

    def shown(self, name: str) -> nw.Expr:
        """A column of the loans that only shows when loans, or instalments, stand beside each other."""
        self.shows.add(name)
        return nw.col(name)

    def with_figures(self, level: str, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Add the shared figures of a level to its rows, each after those that it is made of."""
        steps = self.steps[level]
        for depth in sorted({depth for depth, _ in steps.values()}):
            rows = rows.with_columns(**{name: e for name, (at, e) in steps.items() if at == depth})
        return rows

    def own_column(self, figure: Callable[..., nw.Expr], *more: object) -> str:
        """The column that holds a whole-number figure of the customer for the comparison with others, taken once."""
        key = (figure, *more)
        if key not in self.own:
            with self.apart():
                self.own[key] = (f"own_{len(self.own)}", figure(self, *more))
        return self.own[key][0]

    def _relate(self, how: str, figure: Callable[..., nw.Expr], *more: object) -> nw.Expr:
        own = self.own_column(figure, *more)
        name = f"{how.replace(' ', '_')}_of_{own}"
        self.relatives[name], self.is_compared = (how, own), True
        return nw.col(name)

    def portfolio_sum(self, figure: Callable[..., nw.Expr], *more: object) -> nw.Expr:
        """Sum of a whole-number figure, ``figure(of, *more)``, over every customer of the book on the same date."""
        return self._relate("portfolio sum", figure, *more)

    def portfolio_rank(self, figure: Callable[..., nw.Expr], *more: object) -> nw.Expr:
        """Number of customers of the book on the same date whose figure is smaller; missing where it is."""
        return self._relate("portfolio rank", figure, *more)

    def portfolio_count(self, figure: Callable[..., nw.Expr], *more: object) -> nw.Expr:
        """Number of customers of the book on the same date who have the figure."""
        return self._relate("portfolio count", figure, *more)

    def group_sum(self, figure: Callable[..., nw.Expr], *more: object) -> nw.Expr:
        """Sum of a whole-number figure over the customer's connected group; its own where it has none."""
        return self._relate("group sum", figure, *more)

    def group_max(self, figure: Callable[..., nw.Expr], *more: object) -> nw.Expr:
        """Largest figure in the customer's connected group; its own where it has none."""
        return self._relate("group max", figure, *more)

    def group_rank(self, figure: Callable[..., nw.Expr], *more: object) -> nw.Expr:
        """Number of groups of the book on the same date whose sum is smaller; missing where nobody in its own has the figure.

        A customer without a group is a group of its own.
        """
        return self._relate("group rank", figure, *more)

    def group_count(self, figure: Callable[..., nw.Expr], *more: object) -> nw.Expr:
        """Number of groups of the book on the same date in which somebody has the figure."""
        return self._relate("group count", figure, *more)


def share(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    """Part over whole; missing where the whole is zero or negative, so never infinite."""
    return nw.when(whole > 0).then(part.cast(nw.Float64) / whole.cast(nw.Float64)).otherwise(None)


def money(cents: nw.Expr) -> nw.Expr:
    """Whole cents as currency units."""
    return cents.cast(nw.Float64) / 100


def flag(condition: nw.Expr) -> nw.Expr:
    """1 where the condition holds, 0 where it does not, missing where it cannot be said."""
    return nw.when(condition).then(1).when(~condition).then(0).otherwise(None)
