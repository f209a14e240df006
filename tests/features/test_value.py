"""Value: what each customer brings the bank."""

from __future__ import annotations

import pytest
from books import Book, Spec, check

AS_OF = "2024-12-31"

# A has repaid two instalments, the second in two parts; B joined in July; C is a customer without a loan.
BORROWERS = Book(
    customers="""
        customer_id
        A
        B
        C
    """,
    loans="""
        loan_id  customer_id  product    signed_on   committed_amount
        a-term   A            term       2020-12-31  1000.00
        a-bond   A            guarantee  2023-01-01   500.00
        b-term   B            term       2024-07-01  2500.00
    """,
    repayments="""
        loan_id  instalment  payment  due_on      principal_due  interest_due  paid_on     amount_paid
        a-term   1           1        2023-06-30  100.00         50.00         2023-06-30  150.00
        a-term   2           1        2024-06-30  100.00         40.00         2024-06-30  120.00
        a-term   2           2        2024-06-30  100.00         40.00         2024-08-01   20.00
        a-term   3           1        2025-06-30  100.00         30.00         -            -
        b-term   1           1        2024-12-31  500.00         60.00         2024-12-31  560.00
    """,
)
# The bank's records begin on 2024-03-31 with one cumulative figure of payouts and one of repayments.
OPENING = Book(
    loans="""
        loan_id  customer_id  signed_on   committed_amount
        old      D            2015-01-01  100.00
    """,
    drawdowns="""
        loan_id  drawn_on    amount  is_opening
        old      2024-03-31   90.00  true
        old      2024-09-30   10.00  false
    """,
    repayments="""
        loan_id  due_on      paid_on     amount_paid  is_opening
        old      2024-03-31  2024-03-31  40.00        true
    """,
)
# Interest is not known, so two years ago more was paid than drawn; then 50 was drawn anew.
INTEREST_UNKNOWN = Book(
    loans="""
        loan_id  customer_id  product   committed_amount
        line     E            revolver  200.00
    """,
    drawdowns="""
        loan_id  drawn_on    amount
        line     2021-01-01  100.00
        line     2024-09-30   50.00
    """,
    repayments="""
        loan_id  due_on      principal_due  interest_due  paid_on     amount_paid
        line     2022-01-01  100.00         -             2022-01-01  120.00
    """,
)

SPECS = [
    Spec("exposure_drawn", BORROWERS, AS_OF, {"A": 1000 - 100 - 100, "B": 2500 - 500, "C": 0},
         "drawn in full at signing, less the principal part of what was paid"),
    Spec("exposure_drawn", OPENING, AS_OF, {"D": 90 + 10 - 40}, "opening figures count for balances"),
    Spec("exposure_committed", BORROWERS, AS_OF, {"A": 800 + 500, "B": 2000, "C": 0},
         "a guarantee is a commitment that is not drawn"),
    Spec("exposure_share", BORROWERS, AS_OF,
         {"A": 1300 / (1300 + 2000), "B": 2000 / (1300 + 2000), "C": 0 / (1300 + 2000)}, "parts of the whole book"),
    Spec("interest_income_12m", BORROWERS, AS_OF, {"A": 40, "B": 60, "C": None},
         "interest is covered first; the 50 of June 2023 are too old"),
    Spec("interest_income_12m", INTEREST_UNKNOWN, AS_OF, {"E": None}, "nobody says how much interest was due"),
    Spec("interest_income_share_12m", BORROWERS, AS_OF, {"A": 40 / (40 + 60), "B": 60 / (40 + 60), "C": 0},
         "parts of the whole book's interest"),
    Spec("exposure_growth_12m_ratio", BORROWERS, AS_OF,
         {"A": (800 - 900) / 900, "B": (2000 - 0) / 2000, "C": None}, "against the larger of then and now"),
    Spec("exposure_growth_12m_ratio", OPENING, AS_OF, {"D": (60 - 50) / 60},
         "opening figures are older than the records: 90 - 40 was there before"),
    Spec("exposure_growth_12m_ratio", INTEREST_UNKNOWN, AS_OF, {"E": (30 - 0) / 30},
         "a balance is never below zero, so growth never exceeds 1"),
    Spec("tenure_months", BORROWERS, AS_OF,
         {"A": (365 + 365 + 365 + 366) * 12 / 365.25, "B": (30 + 31 + 30 + 31 + 30 + 31) * 12 / 365.25, "C": None},
         "since the first of its loans was signed"),
    Spec("n_active_loans", BORROWERS, AS_OF, {"A": 2, "B": 1, "C": 0}, "a balance or an open commitment"),
    Spec("n_product_families", BORROWERS, AS_OF, {"A": 2, "B": 1, "C": 0}, "a term loan and a guarantee are two"),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_value_feature_is_what_its_spec_says(spec):
    check(spec)
