"""The last fact of a book, as it was known on a date."""

from __future__ import annotations

import pytest
from books import Book, opened

from features.cohort import last_fact
from features.errors import NoFactsYet

BOOK = Book(
    loans="""
    loan_id  signed_on   recorded_on
    A        2020-01-01  -
    B        2020-02-01  2020-06-30
    """,
    repayments="""
    loan_id  due_on      paid_on     amount_paid  recorded_on
    A        2020-07-01  2020-07-01  5.00         -
    A        2020-08-01  2020-08-01  5.00         2020-10-31  # booked three months late
    A        2020-09-01  -           -            2020-09-05  # unpaid: no payment happened
    A        2020-12-01  2199-12-01  5.00         -           # a slip of the pen
    """,
    drawdowns="""
    loan_id  drawn_on    amount  recorded_on
    A        2020-01-15  10.00   -
    """,
)


@pytest.mark.parametrize(("as_of", "last", "why"), [
    ("2020-01-01", "2020-01-01", "a signing counts on its own day"),
    ("2020-03-31", "2020-01-15", "a payout counts; loan B is signed but not booked yet"),
    ("2020-06-30", "2020-06-30", "the day a signing was booked counts"),
    ("2020-07-31", "2020-07-01", "a payment counts"),
    ("2020-10-30", "2020-07-01", "a payment not booked yet does not, nor does what is said of an unpaid instalment"),
    ("2026-01-01", "2020-10-31", "the day a payment was booked counts; a payment of 2199 does not"),
])
def test_the_last_fact_is_the_last_one_known_on_the_date(as_of, last, why):
    with opened(BOOK.rows()) as tables:
        assert last_fact(tables, as_of) == last, why


def test_a_date_before_everything_has_no_last_fact():
    with opened(BOOK.rows()) as tables, pytest.raises(NoFactsYet, match="2019-12-31"):
        last_fact(tables, "2019-12-31")
