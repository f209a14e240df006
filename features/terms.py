"""What a row of repayments says whatever the date: worked out once, when a book is opened, and kept beside the row.

A fact is known from the last of its days on: the day it happened, and the day it was booked. The comparison with a date is
left to ``features/history.py``.
"""

from __future__ import annotations

import narwhals as nw

#: An instalment is settled when at most this share of it is unpaid: a rounding difference makes nobody late. The
#: relative part of the materiality threshold of Regulation (EU) 2018/171 (1 %), taken per instalment.
IMMATERIAL_PERCENT = 1


def with_terms(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Add what repayments say whatever the date.

    due (cents), falls_due (whether it can be due at all: money, and no opening figure), is_unscheduled; paid_known_on,
    returned_known_on and withdrawn_known_on, from when it is known, missing where it did not happen; announced_on, from
    when the instalment is known, missing for always; and of the payment, as if it were the only one: is_enough to settle
    the instalment, principal_part and interest_part, interest being covered first.
    """
    interest, amount = nw.col("interest_due"), nw.col("amount_paid")
    owed = interest.fill_null(0)
    rows = rows.with_columns(due=nw.col("principal_due") + owed, is_opening=nw.col("is_opening").fill_null(False))
    return rows.with_columns(
        falls_due=(nw.col("due") > 0) & ~nw.col("is_opening"),
        is_unscheduled=(nw.col("principal_due") == 0) & (interest == 0).fill_null(False),
        paid_known_on=nw.when(amount > 0).then(known_from("paid_on", "recorded_on")),  # a payment of nothing is none
        returned_known_on=known_from("returned_on", "returned_recorded_on"),
        withdrawn_known_on=known_from("superseded_on", "superseded_recorded_on"),
        announced_on=announced(),
        is_enough=is_enough(amount),
        principal_part=nw.when(amount > owed).then(amount - owed).otherwise(0),
        interest_part=nw.when(amount < interest).then(amount).otherwise(interest),
    )


def known_from(own: str, booked: str) -> nw.Expr:
    """The day from which a fact is known: its own, or the day it was booked if that is later."""
    return nw.when(~nw.col(own).is_null()).then(nw.max_horizontal(own, booked))


def announced() -> nw.Expr:
    """The day from which an instalment is known; the booking of a row with a payment is the payment's."""
    return nw.max_horizontal("scheduled_on", nw.when(nw.col("paid_on").is_null()).then(nw.col("recorded_on")))


def is_enough(paid: nw.Expr) -> nw.Expr:
    """Whether what was paid settles the instalment."""
    return paid * 100 >= nw.col("due") * (100 - IMMATERIAL_PERCENT)
