"""Leaks planted into the real code, one after the other: each is caught, by the future or by the oracle.

One book holds every kind of fact three times: not yet happened, happening the day after the date, and happening on the
date. A leak is caught by the future when a customer's features differ between the first two; by the oracle when any
feature differs from what the slow second opinion says of the same book.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import isnan

import narwhals as nw
import numpy as np
import pytest
from books import opened
from facts import AS_OF, FACTS, PAST_FACTS, world
from generated import shift, side_by_side
from oracle import oracle

from features import behaviour, circles, frame, history, loans, risk, terms
from features.catalogue import FEATURES
from features.days import as_day
from features.frame import book_frame
from features.sources import Tables

FUTURE, ORACLE = "the future", "the oracle"
NOT_YET, TOMORROW, TODAY, PAST = "not-yet", "tomorrow", "today", "past"


@dataclass(frozen=True)
class Leak:
    """What goes wrong, how to plant it (module, function, what stands in its place), and a feature that shows it."""

    name: str
    module: object
    function: str
    planted: Callable
    caught_by: str
    feature: str


def is_known_but(condition: Callable[[str], bool]) -> Callable:
    """``is_known`` that does not look at the days for which the condition holds."""
    right = history.is_known

    def is_known(*days: str) -> nw.Expr:
        looked_at = [day for day in days if not condition(day)]
        return right(*looked_at) if looked_at else nw.lit(True)

    return is_known


def known_by_another_day(own: str, other: str) -> Callable:
    """``is_known`` that asks for another day in the place of one, and not for its booking."""
    right = history.is_known

    def is_known(*days: str) -> nw.Expr:
        return right(other) if own in days else right(*days)

    return is_known


def fed_with(reader: str, table: str, **columns: nw.Expr) -> Callable:
    """A reader of the history that is handed a table with columns told otherwise."""
    right = getattr(history, reader)

    def read(*arguments) -> nw.LazyFrame:
        *rest, tables = arguments
        frames = tables.frames | {table: tables.frames[table].with_columns(**columns)}
        return right(*rest, replace(tables, frames=frames))

    return read


def owned_by_the_label(cohort: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """Customers whom an analyst called risky were sold to private owners: the label's consequence, whenever it was given."""
    labelled = tables.labels.filter(nw.col("type") == "risk").select("customer_key").unique()
    labelled = labelled.with_columns(is_labelled=nw.lit(1))
    rows = _customers(cohort, tables).join(labelled, on="customer_key", how="left")
    owner = nw.when(nw.col("is_labelled") == 1).then(nw.lit("private")).otherwise(nw.col("ownership"))
    return rows.with_columns(ownership=owner).drop("is_labelled")


_customers = history._customers
NEVER = nw.lit(None, nw.Int64)
LEAKS = [
    Leak("bookings are ignored", history, "is_known", is_known_but(lambda day: day == "recorded_on"), FUTURE,
         "exposure_drawn"),
    Leak("bookings of an end are ignored", history, "is_known", is_known_but(lambda day: day.endswith("_recorded_on")),
         FUTURE, "utilisation_share"),
    Leak("a closing is known beforehand", history, "is_known", is_known_but(lambda day: day.startswith("closed")), FUTURE,
         "exposure_committed"),
    Leak("a withdrawal is known beforehand", history, "is_known", is_known_but(lambda day: day.startswith("withdrawn")),
         FUTURE, "n_forborne_24m"),
    Leak("the booking of a payment is ignored", terms, "known_from", lambda own, booked: nw.col(own), FUTURE,
         "days_since_payment"),
    Leak("the booking of an instalment is ignored", terms, "announced", lambda: nw.col("scheduled_on"), FUTURE,
         "due_share_12m"),
    Leak("a refund is known beforehand", history, "is_known", is_known_but(lambda day: day.startswith("returned")), FUTURE,
         "interest_income_12m"),
    Leak("the end of a link is known beforehand", history, "is_known", is_known_but(lambda day: day.startswith("ended")),
         FUTURE, "is_in_guarantee_circle"),
    Leak("a payment is not masked", history, "is_known", is_known_but(lambda day: day == "paid_known_on"), FUTURE,
         "days_since_payment"),
    Leak("payments are filtered by the day they were due", history, "is_known", known_by_another_day("paid_known_on", "due_on"),
         FUTURE, "interest_income_12m"),
    Leak("an instalment is known before it is scheduled", history, "is_known",
         is_known_but(lambda day: day == "announced_on"), FUTURE, "due_share_12m"),
    Leak("a loan is known before it is signed", history, "is_known", is_known_but(lambda day: day == "signed_on"), FUTURE,
         "n_active_loans"),
    Leak("a rating counts from its day, not from its booking", history, "_ratings",
         fed_with("_ratings", "ratings", recorded_on=NEVER), FUTURE, "rating_grade"),
    Leak("a statement counts from the end of its year", history, "_financials",
         fed_with("_financials", "financials", published_on=nw.col("period_ends_on"), recorded_on=NEVER), FUTURE,
         "leverage_ratio"),
    Leak("a valuation was updated in place", history, "_collateral",
         fed_with("_collateral", "collateral", valued_on=nw.lit(as_day("2024-01-01")), recorded_on=NEVER), FUTURE,
         "collateral_cover_ratio"),
    Leak("a limit was updated in place", history, "_limits",
         fed_with("_limits", "limits", changed_on=nw.lit(as_day("2024-01-01")), recorded_on=NEVER), FUTURE,
         "exposure_undrawn"),
    Leak("a customer was updated in place", history, "_customers", fed_with("_customers", "customers", recorded_on=NEVER),
         FUTURE, "is_state_owned"),
    Leak("a label has left its consequence in the customer", history, "_customers", owned_by_the_label, FUTURE,
         "is_state_owned"),
    Leak("the date itself is left out", history, "is_known", lambda *days: nw.all_horizontal(
        *((nw.col(day) < nw.col("as_of")).fill_null(True) for day in days), ignore_nulls=False), ORACLE, "n_contacts_12m"),
    Leak("the year is a day too long", behaviour, "cash_paid_within",
         lambda days: nw.col("cash_age_days") <= days, ORACLE, "prepaid_12m_ratio"),
    Leak("what fell due a year ago counts", risk, "due_within",
         lambda days: nw.col("fell_due_age_days") <= days, ORACLE, "n_late_30d_12m"),
    Leak("a part is enough to settle an instalment", terms, "is_enough", lambda paid: paid > 0, ORACLE, "days_past_due"),
    Leak("every report stays in force", risk, "is_in_force", lambda: nw.col("age_days") >= 0, ORACLE, "n_other_lenders"),
    Leak("the highest rate stands for the median", loans, "_product_medians", lambda loans: loans.group_by(
        "as_of", "product").agg(nw.col("rate_bp").max().alias("product_median_bp")), ORACLE, "rate_spread_to_product_rate"),
    Leak("default begins at 200 days", circles, "DEFAULT_DAYS", 200, ORACLE, "n_steps_to_default"),
]


@dataclass(frozen=True)
class Bench:
    """The book of every fact, and what the oracle says of it; opened anew for every leak, since some come in at opening."""

    book: dict[str, list[dict[str, str]]]
    expected: dict[str, dict[str, float | None]]

    def catchers(self, names: Iterable[str]) -> dict[str, set[str]]:
        """Which of these features the future moves, and which differ from the oracle's."""
        with opened(self.book) as tables:
            measured = book_frame(tables, AS_OF).set_index("customer_id")
        found = {FUTURE: set(), ORACLE: set()}
        for name in names:
            of = measured[name].to_dict()
            future = {c.removeprefix(NOT_YET): value for c, value in of.items() if c.startswith(NOT_YET)}
            if any(of[TOMORROW + customer] != value and not (isnan(of[TOMORROW + customer]) and isnan(value))
                   for customer, value in future.items()):
                found[FUTURE].add(name)
            wanted = [np.nan if (value := self.expected[customer][name]) is None else value for customer in of]
            if not np.allclose(list(of.values()), wanted, rtol=1e-9, atol=1e-12, equal_nan=True):
                found[ORACLE].add(name)
        return found


@pytest.fixture(scope="module")
def bench() -> Bench:
    book = side_by_side({NOT_YET: world(None), TOMORROW: world(shift(AS_OF, 1)), TODAY: world(AS_OF),
                         PAST: world(AS_OF, PAST_FACTS)})
    return Bench(book, oracle(book, AS_OF))


def test_nothing_is_caught_where_no_leak_is_planted(bench, monkeypatch):
    assert bench.catchers(FEATURES) == {FUTURE: set(), ORACLE: set()}
    watched = {leak.feature: FEATURES[leak.feature] for leak in LEAKS}
    monkeypatch.setattr(frame, "FEATURES", watched)
    assert bench.catchers(watched) == {FUTURE: set(), ORACLE: set()}


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name.replace(" ", "-"))
def test_the_planted_leak_is_caught(bench, monkeypatch, leak):
    monkeypatch.setattr(frame, "FEATURES", {leak.feature: FEATURES[leak.feature]})  # to measure one is quicker
    monkeypatch.setattr(leak.module, leak.function, leak.planted)
    assert leak.feature in bench.catchers([leak.feature])[leak.caught_by]


def test_there_is_a_fact_for_every_day_that_a_leak_could_overlook():
    days = {column for fact in FACTS.values() for rows in fact.rows(AS_OF).values() for row in rows for column in row
            if column.endswith("recorded_on")}
    assert days == {"recorded_on", "closed_recorded_on", "superseded_recorded_on", "returned_recorded_on",
                    "ended_recorded_on"}
