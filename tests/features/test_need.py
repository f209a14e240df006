"""Need: what each customer needs money for, how, and how steadily."""

from __future__ import annotations

import pytest
from books import Book, Spec, check

AS_OF = "2024-12-31"

# A uses a credit line and has begun a project; B's old loan is known by an opening figure and past its maturity.
BORROWERS = Book(
    loans="""
        loan_id  customer_id  product   signed_on   matures_on  committed_amount  annual_rate
        line     A            revolver  2022-12-31  2025-12-31  1000.00           0.05
        plant    A            project   2024-06-30  2034-12-31  3000.00           0.03
        old      B            term      2020-12-31  2024-06-30  1000.00           -
    """,
    drawdowns="""
        loan_id  drawn_on    amount   is_opening
        line     2023-01-31   400.00  false
        line     2024-02-01   200.00  false
        plant    2024-12-21   500.00  false
        old      2024-01-31  1000.00  true
    """,
    repayments="""
        loan_id  due_on      principal_due  interest_due  paid_on     amount_paid
        line     2024-03-31  100.00         10.00         2024-03-31  110.00
        plant    2025-06-30  200.00         10.00         -           -
        plant    2025-12-31   50.00         10.00         -           -           # 365 days ahead
        plant    2026-01-01  250.00         10.00         -           -           # 366 days ahead
    """,
)
# Without a table of drawdowns each loan is drawn in full at signing; the second line was raised to 1500 in May.
DRAWN_AT_SIGNING = Book(
    loans="""
        loan_id  customer_id  product   signed_on   committed_amount
        new      C            term      2024-12-01   600.00
        raised   C            revolver  2020-01-01  1000.00
    """,
    limits="""
        loan_id  changed_on  committed_amount  cause
        raised   2023-05-01  1200.00           customer
        raised   2024-05-01  1500.00           customer
    """,
)

A_BALANCE = (400 + 200 - 100) + 500
A_UNDRAWN = (1000 - 500) + (3000 - 500)

SPECS = [
    Spec("utilisation_share", BORROWERS, AS_OF, {"A": A_BALANCE / (A_BALANCE + A_UNDRAWN), "B": 1000 / 1000},
         "a credit line may be drawn again, a project only up to its amount, a matured loan no more"),
    Spec("utilisation_share", DRAWN_AT_SIGNING, AS_OF, {"C": 1600 / (1600 + 500)}, "the latest limit is in force"),
    Spec("drawn_12m_ratio", BORROWERS, AS_OF, {"A": (200 + 500) / (A_BALANCE + A_UNDRAWN), "B": 0 / 1000},
         "opening figures are no drawdowns of the year"),
    Spec("n_drawdowns_12m", BORROWERS, AS_OF, {"A": 2, "B": 0}, "January 2023 is too long ago"),
    Spec("n_drawdowns_12m", DRAWN_AT_SIGNING, AS_OF, {"C": 1}, "the loan signed in December"),
    Spec("days_since_drawdown", BORROWERS, AS_OF, {"A": 31 - 21, "B": None}, "an opening figure has no day"),
    Spec("new_lending_share_12m", BORROWERS, AS_OF, {"A": 3000 / (1000 + 3000), "B": 0 / 1000}, "by commitment"),
    Spec("new_lending_share_12m", DRAWN_AT_SIGNING, AS_OF, {"C": 600 / (600 + 1500)}, "a raised limit is not new"),
    Spec("remaining_tenor_months", BORROWERS, AS_OF,
         {"A": (500 * 365 + 500 * 3652) / 1000 * 12 / 365.25, "B": 0}, "weighted by balance; 3,652 days are ten years"),
    Spec("due_share_12m", BORROWERS, AS_OF, {"A": (200 + 50) / A_BALANCE, "B": 0 / 1000}, "365 days ahead, not 366"),
    Spec("annual_rate_mean", BORROWERS, AS_OF, {"A": (0.05 * 500 + 0.03 * 500) / 1000, "B": None},
         "weighted by balance, over known rates"),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_need_feature_is_what_its_spec_says(spec):
    check(spec)
