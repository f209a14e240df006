"""Risk: what could go wrong."""

from __future__ import annotations

import pytest
from books import Book, Spec, check

AS_OF = "2024-12-31"

# A is a state firm in trouble, B a private one whose limits were cut, C is a customer of whom nothing is known.
BORROWERS = Book(
    customers="""
        customer_id  ownership  founded_on
        A            state      2014-12-31
        B            private    -
        C            -          -
    """,
    loans="""
        loan_id  customer_id  product   matures_on  security    committed_amount
        matured  A            term      2024-11-30  collateral  1000.00
        open     A            term      2030-12-31  none         500.00
        twice    B            revolver  2030-12-31  -           1000.00
        cut      B            revolver  2030-12-31  -           1000.00
        raised   B            revolver  2030-12-31  -           1000.00
        long-ago B            revolver  2030-12-31  -           1000.00
    """,
    repayments="""
        loan_id  due_on      principal_due  paid_on     amount_paid  superseded_on  superseded_by
        matured  2022-12-31  100.00         2023-05-01  100.00       -              -            # 731 days ago
        matured  2023-06-30  100.00         2023-10-01  100.00       -              -            # 93 days late
        matured  2024-03-31  100.00         2024-05-10  100.00       -              -            # 40 days late
        matured  2024-08-31  100.00         2024-08-31  100.00       -              -            # on the day
        matured  2024-10-31  100.00         -           -            -              -            # 61 days late
        matured  2024-11-30  500.00         2024-12-10  500.00       -              -            # 10 days late
        open     2022-12-01   50.00         -           -            2022-11-01     forbearance
        open     2024-06-30   50.00         -           -            2024-06-01     forbearance
        open     2025-06-30  100.00         -           -            2025-01-01     forbearance
    """,
    limits="""
        loan_id   changed_on  committed_amount  cause
        twice     2024-01-01   800.00           bank
        twice     2024-06-01   700.00           customer
        cut       2024-01-01  1200.00           customer
        cut       2024-06-01  1100.00           bank
        raised    2024-06-01  1500.00           bank
        long-ago  2022-06-01   500.00           bank
    """,
)
A_BALANCE = (1000 - 4 * 100 - 500) + 500

SPECS = [
    Spec("overdue_share", BORROWERS, AS_OF, {"A": 100 / A_BALANCE, "B": 0, "C": None}, "31 October is unpaid"),
    Spec("n_late_30d_12m", BORROWERS, AS_OF, {"A": 2, "B": 0, "C": 0}, "40 and 61 days; 10 is not over 30"),
    Spec("n_late_90d_24m", BORROWERS, AS_OF, {"A": 1, "B": 0, "C": 0}, "93 days; the 121 lie over 24 months back"),
    Spec("days_late_trend_12m", BORROWERS, AS_OF, {"A": (61 + 10) / 2 - (40 + 0) / 2, "B": None, "C": None},
         "the last 91 days against the rest of the year"),
    Spec("past_maturity_share", BORROWERS, AS_OF, {"A": 100 / A_BALANCE, "B": 0, "C": None},
         "100 are left on a loan that ended in November"),
    Spec("n_forborne_24m", BORROWERS, AS_OF, {"A": 1, "B": 0, "C": 0},
         "one lies over 24 months back, one is granted only the day after"),
    Spec("secured_share", BORROWERS, AS_OF, {"A": 100 / A_BALANCE, "B": None, "C": None}, "by balance, where known"),
    Spec("is_state_owned", BORROWERS, AS_OF, {"A": 1, "B": 0, "C": None}, "unknown is not private"),
    Spec("firm_age_months", BORROWERS, AS_OF, {"A": (10 * 365 + 3) * 12 / 365.25, "B": None, "C": None},
         "ten years with three leap days"),
    Spec("n_limits_cut_24m", BORROWERS, AS_OF, {"A": 0, "B": 1, "C": 0},
         "the latest change counts; the bank raising a limit is no cut, nor is the customer's own change"),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_risk_feature_is_what_its_spec_says(spec):
    check(spec)
