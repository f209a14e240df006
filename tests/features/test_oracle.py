"""The real frame is the oracle's: the same values, and missing for the same customers.

Portfolio shares, ranks and medians compare with the whole book that is open, so the oracle is given the same whole book.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from books import opened
from generated import DATES, OPTIONAL, Rows, drawn_books, side_by_side
from oracle import MEASURES, oracle

from features.catalogue import FEATURES
from features.frame import book_frame

RELATIVE = 1e-9
#: Below this a value is a rounding of zero, as of a difference between equal numbers.
NOTHING = 1e-12
HALF = OPTIONAL[::2]
OTHERS = tuple(name for name in OPTIONAL if name not in HALF)
#: Which optional tables the books of each run have, and the date they are measured on.
RUNS = [(date, OPTIONAL) for date in DATES] + list(zip(DATES, [(), ("drawdowns",), HALF, OTHERS], strict=True))
OPENED_TOGETHER = 400


def differences(book: Rows, as_of: str) -> list[str]:
    """Where the frame and the oracle differ: one line each."""
    with opened(book) as tables:
        frame = book_frame(tables, as_of).set_index("customer_id")
    expected = oracle(book, as_of)
    assert set(frame.index) == set(expected)
    found = []
    for name in FEATURES:
        measured = frame[name].to_numpy("float64")
        wanted = np.array([np.nan if (value := expected[c][name]) is None else value for c in frame.index])
        is_equal = np.isclose(measured, wanted, rtol=RELATIVE, atol=NOTHING, equal_nan=True)
        found += [f"{name} of {customer} is {m}, the oracle says {w}" for customer, m, w, same
                  in zip(frame.index, measured, wanted, is_equal, strict=True) if not same]
    return found


def facts_of(book: Rows, prefix: str) -> str:
    """The rows of one of the books that lie side by side, to look into a difference."""
    rows = [f"  {name} {row}" for name, of_table in book.items() for row in of_table
            if any(str(value).startswith(f"{prefix} ") for value in row.values())]
    return "\n".join(rows)


def test_the_oracle_speaks_of_every_feature_and_of_no_other():
    assert set(MEASURES) == set(FEATURES)


def books_side_by_side(as_of: str, tables: tuple[str, ...]) -> Iterator[Rows]:
    """The generated books, a few hundred at a time as one."""
    drawn = drawn_books(as_of, tables)
    for first in range(0, len(drawn), OPENED_TOGETHER):
        yield side_by_side({str(first + n): book for n, book in enumerate(drawn[first:first + OPENED_TOGETHER])})


@pytest.mark.parametrize(("as_of", "tables"), RUNS, ids=lambda of: of if isinstance(of, str) else f"{len(of)}-tables")
def test_the_frame_of_generated_books_is_the_oracles(as_of, tables):
    for book in books_side_by_side(as_of, tables):
        found = differences(book, as_of)
        assert not found, "\n".join([f"{len(found)} differences", *found[:40],
                                     facts_of(book, found[0].split(" of ")[1].split(" ")[0])])


def test_the_generated_books_leave_no_feature_without_variety():
    expected = oracle(next(books_side_by_side(DATES[0], OPTIONAL)), DATES[0])
    assert not [name for name in FEATURES if len({values[name] for values in expected.values()} - {None}) < 2]
