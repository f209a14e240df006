"""No fact dated or recorded after the date changes any feature, in any bit; facts of the date and of the past do."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd
import pytest
from books import bits, moved, opened
from facts import AS_OF, FACTS, PAST_FACTS, world
from generated import DATES, OPTIONAL, Rows, drawn_books, edited_later, known_then, shift, side_by_side

from features.catalogue import FEATURES
from features.contracts import CONTRACTS
from features.frame import book_frame

#: Features that compare a customer with the whole book: any customer's facts move them for all.
RELATIVE = {"exposure_share", "income_share_12m", "income_rank_share_12m", "group_exposure_share", "group_income_share_12m",
            "group_income_rank_share_12m"}
BOOKS_TOGETHER = 200
RUNS = list(zip(DATES, [OPTIONAL, OPTIONAL[::2], (), OPTIONAL], strict=True))


def measured_then_and(as_of: str, *books: Rows) -> list[dict[str, list]]:
    """The bits of every customer of each book, by customer."""
    found = []
    for book in books:
        with opened(book) as tables:
            found.append({customer: values for customer, _, *values in bits(book_frame(tables, as_of))})
    return found


@pytest.mark.parametrize(("as_of", "tables"), RUNS, ids=lambda of: of if isinstance(of, str) else f"{len(of)}-tables")
def test_facts_added_edited_deleted_or_recorded_after_the_date_change_no_bit_of_any_feature(as_of, tables):
    drawn = drawn_books(as_of, tables)[:BOOKS_TOGETHER]
    later = side_by_side({str(n): book for n, book in enumerate(drawn)})
    deleted, edited = known_then(as_of, later), edited_later(as_of, later)
    then, *others = measured_then_and(as_of, deleted, later, edited)
    for other in others:
        leaks = {name for customer, known in then.items() for name, a, b in zip(FEATURES, known, other[customer], strict=True)
                 if a != b}
        assert not leaks, sorted(leaks)


@lru_cache
def frame_when(day: str | None, has_past: bool = False) -> pd.DataFrame:
    """The features on the date when every fact falls on the day, or those that lie in the past; without a day none has come."""
    with opened(world(day, PAST_FACTS if has_past else FACTS)) as tables:
        return book_frame(tables, AS_OF)


def moved_by(fact: str, day: str) -> set[str]:
    is_past = fact in PAST_FACTS
    before, after = (frame[frame["customer_id"] == fact] for frame in (frame_when(None, is_past), frame_when(day, is_past)))
    return moved(before, after)


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_of_the_date_itself_moves_the_features(fact):
    assert set(FACTS[fact].moves.split()) <= moved_by(fact, AS_OF)


@pytest.mark.parametrize("fact", PAST_FACTS)
def test_a_fact_of_the_past_moves_the_features(fact):
    assert set(PAST_FACTS[fact].moves.split()) <= moved_by(fact, AS_OF)


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("days", [1, 365])
def test_the_same_fact_after_the_date_moves_none(fact, days):
    assert moved_by(fact, shift(AS_OF, days)) == set()


def test_the_bystander_follows_the_others_facts_in_what_compares_it_with_them_but_not_their_future():
    assert moved_by("bystander", AS_OF) == RELATIVE
    assert moved_by("bystander", shift(AS_OF, 1)) == set()


def test_every_table_has_a_fact():
    assert {table for fact in FACTS.values() for table in fact.rows(AS_OF)} == set(CONTRACTS)


def test_every_feature_is_moved_by_some_fact_of_the_past_or_the_date():
    never = set(FEATURES).difference(*(moved_by(fact, AS_OF) for fact in (*FACTS, *PAST_FACTS)))
    assert not never, sorted(never)
