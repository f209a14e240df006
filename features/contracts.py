"""The tables of a loan book: columns, types, units, keys, and the rules a row must keep.

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

TYPES = ("risk", "churn", "strategic", "growth", "stable")
PRODUCTS = ("term", "revolver", "project", "guarantee")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    ``kind`` is text, date (whole days since 1970-01-01 once read), money (whole cents once read), number, integer or
    flag. ``may_be_empty`` allows missing values; ``may_be_absent`` allows the whole column to be left out.
    """

    name: str
    kind: str
    meaning: str
    may_be_empty: bool = False
    may_be_absent: bool = False
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A sentence about one row; ``broken`` is true where the row breaks it."""

    name: str
    broken: Callable[[], nw.Expr]


@dataclass(frozen=True)
class Reference:
    """A row must point at a kept row of another table; ``not_before`` compares dates with it: (own, other)."""

    column: str
    table: str
    other: str
    not_before: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Contract:
    """What a table promises: its key, its columns, its rules and what it refers to."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    references: tuple[Reference, ...] = ()
    optional: bool = False

    def column_rules(self) -> tuple[Rule, ...]:
        """Rules that follow from the columns themselves: not empty, in the domain, within reason."""
        return tuple(rule for column in self.columns for rule in _rules_of(column))

    def column(self, name: str) -> Column:
        """The column of this name."""
        return next(c for c in self.columns if c.name == name)


def _rules_of(column: Column) -> list[Rule]:
    name, found = column.name, nw.col(column.name)
    rules = []
    if not column.may_be_empty:
        rules.append(Rule(f"{name} is empty", lambda: found.is_null()))
    if column.one_of:
        rules.append(Rule(f"{name} is not one of {', '.join(column.one_of)}", lambda: ~found.is_in(column.one_of)))
    if column.kind == "date":
        rules.append(
            Rule(f"{name} is before 1900 or after 2200", lambda: (found < EARLIEST_DAY) | (found > LATEST_DAY))
        )
    if column.kind == "money":
        rules.append(Rule(f"{name} is negative", lambda: found < 0))
        rules.append(Rule(f"{name} is absurd (over 10 trillion)", lambda: found > ABSURD_CENTS))
    return rules


def _text(name: str, meaning: str, **more) -> Column:
    return Column(name, "text", meaning, **more)


def _date(name: str, meaning: str, **more) -> Column:
    return Column(name, "date", meaning, **more)


def _money(name: str, meaning: str, **more) -> Column:
    return Column(name, "money", meaning, **more)


_MAYBE = {"may_be_empty": True, "may_be_absent": True}
_RECORDED = _date("recorded_on", "day the bank learnt of it; empty = the fact's own day", **_MAYBE)
_OPENING = Column("is_opening", "flag", "no cash of its day, counts for the balance only: a cumulative figure from "
                  "before records begin, or a correction", **_MAYBE)


def _before(first: str, second: str) -> Rule:
    return Rule(f"{first} is before {second}", lambda: nw.col(first) < nw.col(second))


CONTRACTS: dict[str, Contract] = {
    c.name: c
    for c in (
        Contract(
            "customers",
            "one row per borrower",
            ("customer_id",),
            (
                _text("customer_id", "the borrower"),
                _text("name", "its name, shown and never used", **_MAYBE),
                _text("country", "country", **_MAYBE),
                _text("region", "region", **_MAYBE),
                _text("industry", "industry", **_MAYBE),
                _text("ownership", "who owns it", one_of=("state", "foreign", "private"), **_MAYBE),
                _text("group_id", "the group of connected customers it belongs to", **_MAYBE),
                _date("founded_on", "day the firm was founded", **_MAYBE),
                _date("onboarded_on", "day it became a customer", **_MAYBE),
                _RECORDED,
            ),
        ),
        Contract(
            "loans",
            "one row per loan, credit line or guarantee",
            ("loan_id",),
            (
                _text("loan_id", "the loan"),
                _text("customer_id", "its borrower"),
                _text("product", "product family", one_of=PRODUCTS),
                _text("purpose", "what the money is for", **_MAYBE),
                _text("currency", "ISO 4217 code; one currency per book"),
                _date("signed_on", "day the agreement was signed"),
                _date("matures_on", "day the last instalment is due", may_be_empty=True),
                _money("committed_amount", "amount promised at signing"),
                Column("annual_rate", "number", "yearly interest rate, 0.045 = 4.5 %", **_MAYBE),
                _text("security", "main security", one_of=("none", "collateral", "guarantee"), **_MAYBE),
                _text("guarantor_id", "who guarantees it", **_MAYBE),
                _date("closed_on", "day the facility was closed; unknown before that day", **_MAYBE),
                _date("closed_recorded_on", "day the bank booked the closure; empty = closed_on", **_MAYBE),
                _RECORDED,
            ),
            (
                _before("matures_on", "signed_on"),
                _before("closed_on", "signed_on"),
                _before("closed_recorded_on", "closed_on"),
                Rule("annual_rate is outside -10 % to 200 %", lambda: ~nw.col("annual_rate").is_between(-0.1, 2.0)),
            ),
            (Reference("customer_id", "customers", "customer_id"),),
        ),
        Contract(
            "repayments",
            "one row per instalment and payment on it",
            ("loan_id", "instalment", "payment"),
            (
                _text("loan_id", "the loan"),
                Column("instalment", "integer", "number of the instalment within the loan"),
                Column("payment", "integer", "1 for the first or still missing payment, 2 for the second part ..."),
                _date("due_on", "day the instalment is due"),
                _money("principal_due", "principal due, repeated on every payment of the instalment"),
                _money("interest_due", "interest due, repeated likewise; empty = not known", may_be_empty=True),
                _date("paid_on", "day of the payment; empty while unpaid", may_be_empty=True),
                _money("amount_paid", "amount of the payment, interest first; empty while unpaid", may_be_empty=True),
                _date("scheduled_on", "day the instalment entered the schedule; empty = at signing", **_MAYBE),
                _date("superseded_on", "day the unpaid part was withdrawn from the schedule", **_MAYBE),
                _date("superseded_recorded_on", "day the bank booked the withdrawal; empty = superseded_on", **_MAYBE),
                _text(
                    "superseded_by", "why", one_of=("forbearance", "prepayment", "revision"), **_MAYBE
                ),
                Column("is_derived", "flag", "the schedule is derived, not contractual", **_MAYBE),
                _OPENING,
                _RECORDED,
            ),
            (
                Rule("instalment is negative", lambda: nw.col("instalment") < 0),
                Rule("payment is below 1", lambda: nw.col("payment") < 1),
                Rule(
                    "paid_on and amount_paid are not both filled or both empty",
                    lambda: nw.col("paid_on").is_null() != nw.col("amount_paid").is_null(),
                ),
                _before("recorded_on", "paid_on"),
                _before("superseded_recorded_on", "superseded_on"),
            ),
            (
                Reference(
                    "loan_id", "loans", "loan_id", (("due_on", "signed_on"), ("paid_on", "signed_on"))
                ),
            ),
        ),
        Contract(
            "drawdowns",
            "one row per payout of a loan; without this table every loan counts as drawn in full at signing",
            ("loan_id", "drawdown"),
            (
                _text("loan_id", "the loan"),
                Column("drawdown", "integer", "number of the payout within the loan"),
                _date("drawn_on", "day of the payout"),
                _money("amount", "amount paid out"),
                _OPENING,
                _RECORDED,
            ),
            (
                Rule("amount is zero", lambda: nw.col("amount") == 0),
                _before("recorded_on", "drawn_on"),
            ),
            (Reference("loan_id", "loans", "loan_id", (("drawn_on", "signed_on"),)),),
            optional=True,
        ),
        Contract(
            "limits",
            "one row per change of a loan's commitment",
            ("loan_id", "changed_on"),
            (
                _text("loan_id", "the loan"),
                _date("changed_on", "day of the change"),
                _money("committed_amount", "commitment from that day on"),
                _text("cause", "whose decision it was", one_of=("bank", "customer", "schedule"), **_MAYBE),
                _RECORDED,
            ),
            (_before("recorded_on", "changed_on"),),
            (Reference("loan_id", "loans", "loan_id", (("changed_on", "signed_on"),)),),
            optional=True,
        ),
        Contract(
            "labels",
            "one row per analyst's judgement of a borrower as of a date",
            ("customer_id", "as_of", "analyst"),
            (
                _text("customer_id", "the borrower"),
                _date("as_of", "the date the judgement is about"),
                _text("type", "the type given", one_of=TYPES),
                _text("analyst", "who gave it"),
                _date("labelled_on", "day it was given"),
            ),
            (_before("labelled_on", "as_of"),),
            (Reference("customer_id", "customers", "customer_id"),),
            optional=True,
        ),
    )
}


@dataclass(frozen=True)
class Breach:
    """Rows of one table that break one rule: how many, and the keys of the first few."""

    table: str
    rule: str
    n_rows: int
    keys: tuple[str, ...] = field(default=())
