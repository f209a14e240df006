"""What customers hold on a date and have to pay next, as known then."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest
from books import DEFAULTS, Book, opened

from features.days import as_date, as_day
from features.holdings import due_next, loans_held

AS_OF = "2024-12-31"

BOOK = Book(
    loans="""
    loan_id  customer_id  product    signed_on   matures_on  committed_amount  closed_on   recorded_on
    A1       A            term       2024-01-01  2025-06-30  1000.00           -           -
    A2       A            revolver   2024-01-01  2025-01-15  500.00            -           -
    B1       B            term       2024-01-01  2025-06-30  1000.00           2024-12-31  -           # closed on the date
    B2       B            project    2024-12-31  2030-01-01  700.00            -           2025-01-02  # booked after it
    C1       C            guarantee  2024-12-31  2026-01-01  300.00            -           -           # signed on the date
    """,
    repayments="""
    loan_id  due_on      principal_due  interest_due  paid_on     amount_paid  scheduled_on  superseded_on  recorded_on
    A1       2024-12-30  100.00         5.00          -           -            -             -              -           # overdue
    A1       2024-12-31  100.00         5.00          -           -            -             -              -           # today
    A1       2025-01-07  100.00         5.00          2024-12-31  40.00        -             -              -           # in part
    A1       2025-01-20  100.00         5.00          2024-12-30  105.00       -             -              -           # ahead
    A1       2025-01-25  100.00         5.00          2024-12-31  105.00       -             -              2025-01-01  # later
    A1       2025-01-30  100.00         5.00          2025-01-30  105.00       -             -              -           # later
    A1       2025-01-31  100.00         5.00          -           -            -             -              -
    A2       2025-01-07  50.00          2.00          -           -            -             -              -           # same day
    A2       2025-01-10  50.00          2.00          -           -            2025-01-01    -              -           # news
    A2       2025-01-11  50.00          2.00          -           -            -             2024-12-31     -           # gone
    A2       2025-01-12  50.00          2.00          -           -            -             2025-01-01     -           # not yet
    B1       2025-01-07  100.00         5.00          -           -            -             -              -
    """)


def cohort(*customers: str, as_of: str = AS_OF) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customers, "as_of": as_of})


def test_what_falls_due_is_what_was_scheduled_and_unpaid_on_the_date():
    with opened(BOOK.rows()) as tables:
        found = due_next(cohort("A", "B", "C"), 30, tables)
    told = {(who, as_date(as_day(AS_OF) + days).isoformat()): cents for who, days, cents in zip(
        found["customer_id"], found["due_in_days"], found["unpaid"])}
    assert told == {("A", "2024-12-31"): 105_00, ("A", "2025-01-07"): (105 - 40 + 52) * 100, ("A", "2025-01-12"): 52_00,
                    ("A", "2025-01-25"): 105_00, ("A", "2025-01-30"): 105_00}
    assert set(found["as_of"]) == {AS_OF}


def test_the_loans_held_are_those_known_and_open_on_the_date():
    with opened(BOOK.rows()) as tables:
        found = loans_held(cohort("A", "B", "C", "nobody"), tables)
        later = loans_held(cohort("B", as_of="2025-01-02"), tables)
    assert found[["customer_id", "loan_id", "product"]].values.tolist() == [
        ["A", "A1", "term"], ["A", "A2", "revolver"], ["B", "B1", "term"], ["C", "C1", "guarantee"]]
    assert found["balance"].tolist()[:2] == [(1000 - 35 - 100) * 100, 500_00]
    assert later["loan_id"].tolist() == ["B1", "B2"]


STEPS = (-1, 0, 1, 30, 31)
EVENTS = (None, "2024-12-30", "2024-12-31", "2025-01-01")


def test_no_later_fact_changes_what_falls_due():
    """Every instalment with its dates around the date and the end of the period, against the rules in plain Python."""
    loans, repayments, expected = [], [], {}
    for number, (step, paid, booked, scheduled, withdrawn) in enumerate(product(STEPS, *[EVENTS] * 4)):
        if booked and (paid is None or booked < paid):
            continue
        who = f"C{number:04d}"
        loans.append(DEFAULTS["loans"] | {"loan_id": who, "customer_id": who})
        repayments.append(DEFAULTS["repayments"] | {
            "loan_id": who, "instalment": "1", "due_on": as_date(as_day(AS_OF) + step).isoformat(), "principal_due": "90.00",
            "interest_due": "10.00", "paid_on": paid or "", "amount_paid": "100.00" if paid else "", "recorded_on": booked or "",
            "scheduled_on": scheduled or "", "superseded_on": withdrawn or ""})
        is_paid = paid is not None and max(paid, booked or paid) <= AS_OF
        is_withdrawn = withdrawn is not None and withdrawn <= AS_OF
        if 0 <= step <= 30 and not is_paid and not is_withdrawn and (scheduled or "") <= AS_OF:
            expected[who] = [step, 100_00]
    customers = [{"customer_id": loan["loan_id"]} for loan in loans]
    with opened({"customers": customers, "loans": loans, "repayments": repayments}) as tables:
        found = due_next(cohort(*(loan["loan_id"] for loan in loans)), 30, tables)
    assert len(expected) > 50
    assert dict(zip(found["customer_id"], found[["due_in_days", "unpaid"]].values.tolist())) == expected


@pytest.mark.parametrize("as_of", ["2024-12-30", "2025-01-01"])
def test_each_date_of_a_cohort_is_its_own(as_of):
    both = pd.concat([cohort("A"), cohort("A", as_of=as_of)], ignore_index=True)
    with opened(BOOK.rows()) as tables:
        together = due_next(both, 30, tables)
        alone = due_next(cohort("A", as_of=as_of), 30, tables)
    pd.testing.assert_frame_equal(together[together["as_of"] == as_of].reset_index(drop=True), alone)
