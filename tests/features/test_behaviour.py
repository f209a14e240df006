"""Behaviour: how each customer pays and deals with the bank."""

from __future__ import annotations

import pytest
from books import Book, Spec, check

AS_OF = "2024-12-31"

# A pays late and in parts; B repaid a loan early and keeps another; C owes instalments due on or after the date.
BORROWERS = Book(
    loans="""
        loan_id  customer_id  committed_amount
        a        A            1000.00
        b-early  B             300.00
        b-kept   B             100.00
        c        C            1000.00
    """,
    repayments="""
        loan_id  instalment  payment  due_on      principal_due  paid_on     amount_paid  superseded_on  superseded_by
        a        1           1        2023-12-31  100.00         2023-12-31  100.00       -              -
        a        2           1        2024-01-31  100.00         2024-02-10  100.00       -              -
        a        3           1        2024-06-30  100.00         2024-06-30   60.00       -              -
        a        3           2        2024-06-30  100.00         2024-07-20   40.00       -              -
        a        4           1        2024-12-11  100.00         2024-12-12   30.00       -              -
        a        5           1        2024-12-31  100.00         2024-12-31  100.00       -              -
        b-early  1           1        2024-09-30  300.00         -           -            2024-09-01     prepayment
        b-early  2           1        2024-09-01    0.00         2024-09-01  300.00       -              -
        c        1           1        2024-12-31  100.00         -           -            -              -
        c        2           1        2025-01-01  100.00         2024-12-30  100.00       -              -
    """,
)
A_RECORD = 366  # days from 2023-12-31 over the leap day

SPECS = [
    Spec("days_past_due", BORROWERS, AS_OF, {"A": 31 - 11, "B": 0, "C": 0},
         "the instalment of 11 December is only paid in part; what is due on the date itself is not late"),
    Spec("days_late_max_12m", BORROWERS, AS_OF, {"A": max(10, 20, 20, 0), "B": None, "C": 0},
         "the last part of the June instalment came 20 days late; a prepaid instalment never fell due"),
    Spec("days_late_mean_12m", BORROWERS, AS_OF, {"A": (10 + 20 + 20 + 0) / 4, "B": None, "C": 0 / 1},
         "four instalments of A fell due within the year"),
    Spec("on_time_share_12m", BORROWERS, AS_OF, {"A": 1 / 4, "B": None, "C": 0 / 1},
         "only the last one was paid in full by its day; unpaid on its day is not on time"),
    Spec("n_partial_payments_12m", BORROWERS, AS_OF, {"A": 1 + 1, "B": 0, "C": 0},
         "June in two parts, 11 December only in part"),
    Spec("prepaid_12m_ratio", BORROWERS, AS_OF, {"A": 0, "B": 300 / (300 + 100), "C": 0},
         "over the balance before it; paying an instalment a day early is not unscheduled"),
    Spec("days_since_payment", BORROWERS, AS_OF, {"A": 0, "B": 29 + 31 + 30 + 31, "C": 1}, "whatever it paid for"),
    Spec("n_paid_off_12m", BORROWERS, AS_OF, {"A": 0, "B": 1, "C": 0}, "nothing left to pay or to draw"),
    Spec("record_months", BORROWERS, AS_OF, {"A": A_RECORD * 12 / 365.25, "B": None, "C": 0},
         "since the first instalment fell due"),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_behaviour_feature_is_what_its_spec_says(spec):
    check(spec)
