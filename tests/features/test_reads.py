"""What a feature says that it reads is what moves it: each column is told otherwise, and the features are measured.

A feature reads a column when another value in it, in a book that is the same otherwise and whose rows all keep the rules,
can change the feature in any bit. The own days of facts and the days on which they end count too; the ids and running
numbers that rows are joined and told apart by do not, nor the days of booking, which decide when a row is known: they
would stand beside every feature. Opening a book costs seconds whatever its size, so books and their copies, each with one
column told otherwise, lie side by side as one.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from random import Random
from unittest import mock

import pandas as pd
from books import bits, opened
from books import moved as moved_between
from corners import CORNERS
from facts import AS_OF, FACTS, PAST_FACTS, world
from generated import OPTIONAL, Rows, a_book, side_by_side
from test_point_in_time import RELATIVE
from test_specs import SPECS
from told_otherwise import COLUMNS, told_otherwise

from features import frame
from features.catalogue import FEATURES
from features.frame import book_frame

#: Features that compare a customer with the whole book, and so with its copies.
COMPARED = RELATIVE | {"rate_spread_to_product_rate"}
N_DRAWN, N_COMPARED = 200, 100
#: How often each column of a book is told otherwise; of a drawn one once.
TURNS_OF_CORNERS, TURNS = 20, 3


@lru_cache
def drawn(n: int) -> list[Rows]:
    """Generated books, the same whatever else is tested beside."""
    return [a_book(Random(number), AS_OF, OPTIONAL) for number in range(n)]


def books(has_drawdowns: bool) -> list[tuple[Rows, int]]:
    """Books and how often to tell each column otherwise; with no table of drawdowns loans count as drawn at signing."""

    def told(book: Rows) -> Rows:
        return book if has_drawdowns else {name: rows for name, rows in book.items() if name != "drawdowns"}

    specs = [book.rows() for book in dict.fromkeys(spec.book for of_file in SPECS.values() for spec in of_file)]
    return [*((told(book.rows()), TURNS_OF_CORNERS) for book in CORNERS),
            *((told(world(AS_OF, facts)), TURNS) for facts in (FACTS, PAST_FACTS)),
            *((book, TURNS) for book in specs if ("drawdowns" in book) == has_drawdowns),
            *((told(book), 1) for book in drawn(N_DRAWN))]


def moved_in_copies(has_drawdowns: bool) -> set[tuple[str, str]]:
    """Features and the columns that move them, in copies of the books that lie side by side."""
    copies: dict[str, Rows] = {}
    for number, (book, turns) in enumerate(books(has_drawdowns)):
        copies[f"{number}//"] = book
        for column in COLUMNS:
            for turn in range(turns if book.get(column.partition(".")[0]) else 0):
                random = Random(f"{has_drawdowns} {number} {column} {turn}")
                copies[f"{number}/{column}/{turn}"] = told_otherwise(book, column, AS_OF, random)
    with opened(side_by_side(copies)) as tables:
        values = {customer: found for customer, _, *found in bits(book_frame(tables, AS_OF))}
    moved = set()
    for customer, found in values.items():
        copy, _, name = customer.partition(" ")
        number, column, _ = copy.split("/")
        as_it_was = values[f"{number}// {name}"]
        moved |= {(feature, column) for feature, a, b in zip(FEATURES, as_it_was, found, strict=True) if a != b}
    return moved


@lru_cache
def moved() -> set[tuple[str, str]]:
    return moved_in_copies(has_drawdowns=True) | moved_in_copies(has_drawdowns=False)


def told(*columns: str) -> Rows:
    """One book of many rates, so that a loan more or less moves their median, in which these columns are told otherwise."""
    books = [*drawn(N_COMPARED), *(book.rows() for book in CORNERS * TURNS_OF_CORNERS)]
    book, random = side_by_side({str(n): book for n, book in enumerate(books)}), Random("compared")
    for table in ("loans", "rates"):
        book[table] = [row | {"annual_rate": f"{random.randint(1, 2000) / 10_000:.4f}"} for row in book[table]]
    return reduce(lambda told, column: told_otherwise(told, column, AS_OF, random), columns, book)


@lru_cache
def compared(*columns: str) -> pd.DataFrame:
    """The features that compare, in the whole book, when these columns are told otherwise."""
    with mock.patch.object(frame, "FEATURES", {name: FEATURES[name] for name in COMPARED}), opened(told(*columns)) as tables:
        return book_frame(tables, AS_OF)


def idle() -> set[tuple[str, str]]:
    """Features and the columns that they declare and that move them in no copy of a book."""
    return {(name, column) for name, feature in FEATURES.items() for column in feature.reads} - moved()


def test_a_feature_declares_every_column_that_moves_it():
    assert not sorted((name, column) for name, column in moved() if column not in FEATURES[name].reads)


def test_every_column_that_a_feature_declares_moves_it():
    assert not sorted((name, column) for name, column in idle() if name not in COMPARED)


def test_what_a_feature_that_compares_does_not_declare_moves_it_for_no_customer_of_the_whole_book():
    for name in sorted(COMPARED):
        others = [column for column in COLUMNS if column not in FEATURES[name].reads]
        assert compared()[name].equals(compared(*others)[name]), name


def test_every_column_that_a_feature_that_compares_declares_moves_it_in_the_whole_book():
    left = sorted((name, column) for name, column in idle() if name in COMPARED)
    assert not [(name, column) for name, column in left if compared()[name].equals(compared(column)[name])]


def test_the_currency_of_the_book_moves_no_feature():
    frames = []
    for currency in ("USD", "EUR"):
        with opened(told() | {"loans": [loan | {"currency": currency} for loan in told()["loans"]]}) as tables:
            frames.append(book_frame(tables, AS_OF))
    assert not moved_between(*frames)
