"""What a contract of a table is made of: columns, rules, references, repeats, and the breaches they find.

A rule is a Narwhals expression over the typed table that is true where a row breaks it, so the same rule runs in
whichever engine holds the table. Rows that break one are set aside with the rule's name; a table that breaks its
shape (missing column, duplicate key, mixed currencies) stops the job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import narwhals as nw

from features.days import as_day

#: Beyond these a date or an amount is a typing error, not a fact: 1900-01-01 to 2200-01-01, and 1e15 in cents.
EARLIEST_DAY, LATEST_DAY = as_day("1900-01-01"), as_day("2200-01-01")
ABSURD_CENTS = 10**13 * 100


@dataclass(frozen=True)
class Column:
    """One column of a table.

    ``kind`` is text, date (whole days since 1970-01-01 once read), money (whole cents once read), number, integer or
    flag. ``may_be_empty`` allows missing values; ``may_be_absent`` allows the whole column to be left out;
    ``may_be_negative`` is for money that can be a loss. A value that is not ``one_of`` is a breach, or, where ``is_open``, counts
    as unknown.
    """

    name: str
    kind: str
    meaning: str
    may_be_empty: bool = False
    may_be_absent: bool = False
    may_be_negative: bool = False
    one_of: tuple[str, ...] = ()
    is_open: bool = False


@dataclass(frozen=True)
class Rule:
    """A sentence about one row; ``broken`` is true where the row breaks it.

    ``of`` names the columns whose emptiness it looks at: where one of them cannot be read, it has nothing to say.
    """

    name: str
    broken: Callable[[], nw.Expr]
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A row must point at a kept row of another table; ``not_before`` compares dates with it: (own, other)."""

    column: str
    table: str
    other: str
    not_before: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Repeats:
    """Rows that share ``group`` repeat ``columns`` of the first of them, whose ``number`` is 1."""

    name: str
    group: tuple[str, ...]
    number: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    """What a table promises: its key, its columns, its rules and what it refers to.

    ``terms`` adds columns to the kept rows that are worked out once: what a row says whatever the date. ``amount`` names the
    column of money whose sums show, to the cent, that nothing was lost.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    references: tuple[Reference, ...] = ()
    repeats: Repeats | None = None
    optional: bool = False
    terms: Callable[[nw.LazyFrame], nw.LazyFrame] | None = None
    amount: str = ""

    def column_rules(self) -> tuple[Rule, ...]:
        """Rules that follow from the columns themselves: not empty, in the domain, within reason."""
        return tuple(rule for column in self.columns for rule in _rules_of(column))

    def column(self, name: str) -> Column:
        """The column of this name."""
        return next(c for c in self.columns if c.name == name)


@dataclass(frozen=True)
class Breach:
    """Rows of one table that break one rule: how many, and the keys of the first few."""

    table: str
    rule: str
    n_rows: int
    keys: tuple[str, ...] = field(default=())


def _rules_of(column: Column) -> list[Rule]:
    name, found = column.name, nw.col(column.name)
    rules = []
    if not column.may_be_empty:
        rules.append(Rule(f"{name} is empty", lambda: found.is_null(), (name,)))
    if column.one_of and not column.is_open:
        rules.append(Rule(f"{name} is not one of {', '.join(column.one_of)}", lambda: ~found.is_in(column.one_of)))
    if column.kind == "date":
        rules.append(
            Rule(f"{name} is before 1900 or after 2200", lambda: (found < EARLIEST_DAY) | (found > LATEST_DAY))
        )
    if column.kind == "money":
        if not column.may_be_negative:
            rules.append(Rule(f"{name} is negative", lambda: found < 0))
        rules.append(Rule(f"{name} is absurd (over 10 trillion)",
                          lambda: (found > ABSURD_CENTS) | (found < -ABSURD_CENTS)))
    return rules


MAYBE = {"may_be_empty": True, "may_be_absent": True}


def text(name: str, meaning: str, **more) -> Column:
    """A column of text."""
    return Column(name, "text", meaning, **more)


def date(name: str, meaning: str, **more) -> Column:
    """A column of days."""
    return Column(name, "date", meaning, **more)


def money(name: str, meaning: str, **more) -> Column:
    """A column of amounts in the book's currency."""
    return Column(name, "money", meaning, **more)


def number(name: str, meaning: str, **more) -> Column:
    """A column of finite numbers."""
    return Column(name, "number", meaning, **more)


def integer(name: str, meaning: str, **more) -> Column:
    """A column of whole numbers."""
    return Column(name, "integer", meaning, **more)


def flag(name: str, meaning: str, **more) -> Column:
    """A column of true or false."""
    return Column(name, "flag", meaning, **more)


def not_before(second: str, first: str) -> Rule:
    """The rule that a day, where both are known, does not lie before another."""
    return Rule(f"{second} is before {first}", lambda: nw.col(second) < nw.col(first))


def within(name: str, low: float, high: float, said: str) -> Rule:
    """The rule that a number, where it is known, lies between two bounds."""
    return Rule(f"{name} is outside {said}", lambda: ~nw.col(name).is_between(low, high))


def booked(what: str, own: str) -> Column:
    """The day a fact, or the end of one, reached the bank's books."""
    return date(what, f"day the bank booked it; empty = {own}", **MAYBE)
