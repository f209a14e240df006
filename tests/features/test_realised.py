"""What came of customers since a day: against plain Python, with every date around the two."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest
from books import DEFAULTS, Book, opened

from features.days import as_date, as_day
from features.realised import realised

SINCE, UNTIL = "2024-06-30", "2024-12-31"

BOOK = Book(
    loans="""
    loan_id  customer_id  signed_on   matures_on  committed_amount  closed_on
    A        A            2020-01-01  2030-01-01  1000.00           -
    B        B            2020-01-01  2030-01-01  1000.00           2024-12-01
    D        D            2020-01-01  2030-01-01  1000.00           -
    """,
    repayments="""
    loan_id  due_on      principal_due  interest_due  paid_on     amount_paid  recorded_on
    A        2024-07-01  0.00           10.00         2024-07-01  10.00        -
    A        2024-06-30  0.00           7.00          2024-06-30  7.00         -           # before
    A        2024-09-01  0.00           20.00         2024-12-31  20.00        -           # 121 days late
    A        2024-12-01  0.00           40.00         2024-12-31  40.00        2025-01-01  # booked later
    B        2024-02-01  1000.00        5.00          2024-11-30  1005.00      -           # 90 days late on 2024-05-01
    D        2024-08-01  10.00          -             2024-08-01  10.00        -           # interest not known
    """,
    fees="""
    customer_id  charged_on  amount
    A            2024-06-30  1.00
    A            2024-07-01  2.00
    A            2024-12-31  4.00
    A            2025-01-01  8.00
    """)


def starts(*customers: str, since: str = SINCE) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customers, "since": since})


def test_what_came_of_each_customer_is_read_from_the_day_after_the_start_to_the_date():
    with opened(BOOK.rows()) as tables:
        found = realised(starts("D", "A", "B", "nobody"), UNTIL, tables).set_index("customer_id")
    assert list(found.index) == ["D", "A", "B", "nobody"]
    assert found["is_known"].tolist() == [True, True, True, False]
    assert found["was_in_default"].tolist() == [False, False, True, False]
    assert found.loc["A", "defaulted_on"] == as_date(as_day("2024-09-01") + 91).isoformat()
    assert found["defaulted_on"].drop("A").isna().all(), "B was in default already, and was cured"
    assert found["is_retained"].tolist() == [True, True, False, False]
    assert found.loc["A", "interest"] == (10 + 20) * 100 and found.loc["A", "fees"] == (2 + 4) * 100
    assert found.loc["D", ["interest", "fees"]].isna().tolist() == [True, False]


@pytest.mark.parametrize("bad", [starts("A", since=UNTIL), starts("A", "A")], ids=["no time", "twice"])
def test_a_start_on_the_date_or_given_twice_is_refused(bad):
    with opened(BOOK.rows()) as tables, pytest.raises(ValueError, match="one start"):
        realised(bad, UNTIL, tables)


def around(day: str) -> list[str]:
    return [as_date(as_day(day) + step).isoformat() for step in (-1, 0, 1)]


def test_a_default_is_the_first_day_on_which_more_than_ninety_days_have_passed_as_far_as_known():
    loans, repayments, expected = [], [], {}
    dues = [as_date(as_day(day) - 91).isoformat() for each in (SINCE, UNTIL) for day in around(each)]
    payments = [None, *around(SINCE), *around(UNTIL)]
    for number, (due, paid, booked) in enumerate(product(dues, payments, [None, *around(UNTIL)])):
        if paid and paid < due or booked and (paid is None or booked < paid):
            continue
        who = f"C{number:03d}"
        loans.append(DEFAULTS["loans"] | {"loan_id": who, "customer_id": who})
        repayments.append(DEFAULTS["repayments"] | {
            "loan_id": who, "instalment": "1", "due_on": due, "principal_due": "90.00", "interest_due": "10.00",
            "paid_on": paid or "", "amount_paid": "100.00" if paid else "", "recorded_on": booked or ""})
        is_known = paid is not None and max(paid, booked or paid) <= UNTIL
        entered = as_date(as_day(due) + 91).isoformat()
        is_default = entered <= UNTIL and not (is_known and paid < entered)
        expected[who] = (entered if is_default and entered > SINCE else None,
                         is_default and entered <= SINCE and not (is_known and paid <= SINCE),
                         10_00 if is_known and SINCE < paid <= UNTIL else 0)
    customers = [{"customer_id": who} for who in expected]
    with opened({"customers": customers, "loans": loans, "repayments": repayments}) as tables:
        found = realised(starts(*expected), UNTIL, tables)
    assert {default for default, _, _ in expected.values()} >= {None, "2024-07-01", UNTIL}
    defaults = [None if pd.isna(each) else each for each in found["defaulted_on"]]
    told = zip(defaults, found["was_in_default"], found["interest"])
    assert dict(zip(found["customer_id"], told)) == expected
