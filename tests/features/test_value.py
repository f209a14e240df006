"""Value: what each customer brings the bank."""

from __future__ import annotations

import pytest
from books import Book, Spec, check
from schedules import ALL_BEYOND, ALL_DUE_TODAY, BEYOND_MATURITY, DUE_TODAY

AS_OF = "2024-12-31"

# A has repaid two instalments, the second in two parts; a third payment was returned. B joined in July, 183 days ago; C has
# no loan. The book knows no rates, fees or ratings.
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
        loan_id  instalment  payment  due_on      principal_due  interest_due  paid_on     amount_paid  returned_on
        a-term   1           1        2023-06-30  100.00         50.00         2023-06-30  150.00       -
        a-term   2           1        2024-06-30  100.00         40.00         2024-06-30  120.00       -
        a-term   2           2        2024-06-30  100.00         40.00         2024-08-01  20.00        -
        a-term   3           1        2025-06-30  100.00         30.00         -           -            -
        a-term   4           1        2024-09-30  100.00         35.00         2024-09-30  135.00       2024-10-05
        b-term   1           1        2024-12-31  500.00         60.00         2024-12-31  560.00       -
    """,
)
# The bank's records of D begin on 2024-03-31 with one cumulative figure of payouts and one of repayments. Of E interest is
# not known, so two years ago more was paid than drawn; then 50 was drawn anew.
RECORDS = Book(
    loans="""
        loan_id  customer_id  product   signed_on   committed_amount
        old      D            term      2015-01-01  100.00
        line     E            revolver  2020-01-01  200.00
    """,
    drawdowns="""
        loan_id  drawn_on    amount  is_opening
        old      2024-03-31   90.00  true
        old      2024-09-30   10.00  false
        line     2021-01-01  100.00  false
        line     2024-09-30   50.00  false
    """,
    repayments="""
        loan_id  due_on      principal_due  interest_due  paid_on     amount_paid  is_opening
        old      2024-03-31    0.00         0.00          2024-03-31   40.00       true
        line     2022-01-01  100.00         -             2022-01-01  120.00       false
    """,
)
# Loans closed with a schedule that still stands; of one the closing is booked after the date.
CLOSED = Book(
    loans="""
        loan_id  customer_id  product  signed_on   matures_on  committed_amount  annual_rate  closed_on   closed_recorded_on
        gone     gone         term     2023-01-01  2026-01-01  100.00            0.10         2024-06-30  -
        going    going        term     2023-01-01  2026-01-01  100.00            0.10         2024-06-30  2025-01-01
    """,
    repayments="""
        loan_id  instalment  due_on      principal_due  interest_due  paid_on     amount_paid
        gone     1           2024-06-30  100.00         5.00          2024-06-30  105.00
        gone     2           2025-12-31    0.00         5.50          -           -
        going    1           2024-06-30  100.00         5.00          2024-06-30  105.00
        going    2           2025-12-31    0.00         5.50          -           -
    """,
)
# Interest is stated of one loan and not of the other, which was paid this year, before it, or by a payment returned.
UNSTATED = Book(
    loans="""
        loan_id         customer_id  signed_on
        both-stated     both         2022-01-01
        both-not        both         2022-01-01
        old-stated      old          2022-01-01
        old-not         old          2022-01-01
        returned-state  returned     2022-01-01
        returned-not    returned     2022-01-01
    """,
    repayments="""
        loan_id         due_on      principal_due  interest_due  paid_on     amount_paid  returned_on
        both-stated     2024-06-30  100.00         50.00         2024-06-30  150.00       -
        both-not        2024-06-30  100.00             -         2024-06-30  150.00       -
        old-stated      2024-06-30  100.00         50.00         2024-06-30  150.00       -
        old-not         2024-01-01  100.00             -         2024-01-01  150.00       -             # 365 days ago
        returned-state  2024-06-30  100.00         50.00         2024-06-30  150.00       -
        returned-not    2024-06-30  100.00             -         2024-06-30  150.00       2024-07-05
    """,
)
# P and Q are one group; S has no loan; T has a guarantee only. 2024-01-01 is 365 days ago, 2024-01-02 is 364.
INCOME = Book(
    customers="""
        customer_id  group_id  onboarded_on
        P            G         2020-12-31
        Q            G         -
        R            -         2024-06-01
        S            -         2024-12-31
        T            -         -
        U            -         2025-02-01
    """,
    loans="""
        loan_id  customer_id  product    signed_on   matures_on  committed_amount  annual_rate  funding_rate
        p-term   P            term       2022-12-31  2027-12-31  1000.00            0.10        0.04
        q-term   Q            term       2023-06-30  2026-06-30   500.00            0.08        0.03
        r-term   R            term       2024-03-01  2026-03-01   800.00            0.05        -
        t-bond   T            guarantee  2023-01-01  2026-01-01   300.00           -            -
        u-term   U            term       2024-02-01  2026-02-01   200.00           -0.01        -
    """,
    repayments="""
        loan_id  instalment  payment  due_on      principal_due  interest_due  paid_on     amount_paid  superseded_on  recorded_on
        p-term   1           1        2024-01-01  100.00         50.00         2024-01-01  150.00       -              -
        p-term   2           1        2024-01-02  100.00         45.00         2024-01-02  145.00       -              -
        p-term   3           1        2025-06-30  100.00         30.00         -           -            -              -
        p-term   4           1        2025-12-31  100.00         20.00         2024-12-01  120.00       -              -
        q-term   1           1        2024-06-30  200.00         40.00         2024-06-30  30.00        -              -
        q-term   1           2        2024-06-30  200.00         40.00         2024-08-15  60.00        -              -
        q-term   2           1        2025-12-31  300.00         36.50         -           -            -              -
        r-term   1           1        2024-09-01  100.00         20.00         2024-09-01  120.00       -              2025-01-03
        r-term   2           1        2025-03-01  100.00         15.00         -           -            2024-12-15     -
        r-term   3           1        2025-04-01  100.00         18.00         -           -            -              -
        u-term   1           1        2025-06-30  200.00         10.00         -           -            -              -
    """,
    fees="""
        customer_id  charged_on  amount  recorded_on
        P            2024-01-01   7.00   -
        P            2024-01-02   5.00   -
        Q            2024-06-01   3.00   2025-01-15
        T            2024-12-31  12.00   -
    """,
    ratings="""
        customer_id  rated_on    grade  pd    lgd   annual_cost  recorded_on
        P            2023-05-01  3      0.02  0.40  10.00        -
        P            2024-05-01  4      0.01  0.45   8.00        -
        P            2024-12-01  5      0.05  0.45   8.00        2025-01-05
        Q            2024-05-01  4      -     0.45   8.00        -
        R            2024-05-01  4      0.01  0.45   8.00        -
    """,
)
# H has a raised line and a project; I has a closed line, one whose closing is booked late and a matured one; J is done.
FACILITIES = Book(
    loans="""
        loan_id  customer_id  product    signed_on   matures_on  committed_amount  funding_rate  closed_on   closed_recorded_on
        line     H            revolver   2022-01-01  2026-01-01  1000.00           0.020         -           -
        plant    H            project    2022-01-01  2032-01-01  3000.00           0.025         -           -
        closed   I            revolver   2022-01-01  2026-01-01  600.00            0.020         2024-11-30  -
        closing  I            revolver   2022-01-01  2026-01-01  700.00            0.020         2024-12-30  2025-01-10
        matured  I            revolver   2022-01-01  2024-12-30  800.00            -             -           -
        repaid   J            term       2022-01-01  2026-01-01  500.00            0.020         -           -
        bond     J            guarantee  2022-01-01  2024-12-30  400.00            -             -           -
    """,
    drawdowns="""
        loan_id  drawn_on    amount
        line     2023-01-31  400.00
        plant    2023-01-31  500.00
        matured  2023-01-31  100.00
        repaid   2023-01-31  500.00
    """,
    repayments="""
        loan_id  due_on      principal_due  interest_due  paid_on     amount_paid
        repaid   2024-06-30  500.00         25.00         2024-06-30  525.00
    """,
    limits="""
        loan_id  changed_on  committed_amount  recorded_on
        line     2024-05-01  1500.00           -
        line     2024-12-20  2000.00           2025-01-10
    """,
    rates="""
        loan_id  changed_on  annual_rate  recorded_on
        line     2022-01-01  0.060        -
        line     2024-05-01  0.050        -
        line     2024-12-20  0.010        2025-01-10
        plant    2022-01-01  0.045        -
        matured  2022-01-01  0.080        -
    """,
)

# The bank has a year's income of the one that signed 365 days ago, and not of the one that signed the day after.
YEARLINGS = Book(
    loans="""
        loan_id  customer_id  signed_on   committed_amount  funding_rate
        year     year         2024-01-01  1000.00           0.02
        younger  younger      2024-01-02  1000.00           0.02
    """,
    repayments="""
        loan_id  due_on      principal_due  interest_due  paid_on     amount_paid
        year     2024-06-30  0.00           40.00         2024-06-30  40.00
        younger  2024-06-30  0.00           40.00         2024-06-30  40.00
    """,
    ratings="""
        customer_id  rated_on    grade  pd    lgd   annual_cost
        year         2024-01-02  4      0.01  0.45  8.00
        younger      2024-01-02  4      0.01  0.45  8.00
    """,
)

# M, N and O are one group that brings as much as K, who has none; V and W are of a group whose name is K too. Nobody says
# how much interest is due of L, O and W.
GROUPS = Book(
    customers="""
        customer_id  group_id
        K            -
        L            -
        M            G
        N            G
        O            G
        V            K
        W            K
    """,
    loans="""
        loan_id  customer_id  product    signed_on   matures_on  committed_amount
        k-term   K            term       2024-01-01  2030-01-01  1000.00
        l-term   L            term       2024-01-01  2030-01-01   100.00
        m-term   M            term       2024-07-01  2030-01-01  1000.00
        m-line   M            revolver   2024-07-02  2030-01-01   200.00
        n-term   N            term       2024-07-02  2030-01-01   500.00
        o-bond   O            guarantee  2024-01-01  2024-12-30   500.00
        v-term   V            term       2023-01-01  2030-01-01   400.00
        v-old    V            project    2023-01-01  2030-01-01   300.00
        w-bond   W            guarantee  2024-01-01  2030-01-01   500.00
        w-plant  W            project    2024-01-01  2030-01-01   600.00
    """,
    drawdowns="""
        loan_id  drawn_on    amount
        k-term   2024-01-01  1000.00
        l-term   2024-01-01   100.00
        m-term   2024-07-01  1000.00
        n-term   2024-07-02   500.00
        v-term   2023-01-01   400.00
        v-old    2023-01-01   300.00
    """,
    repayments="""
        loan_id  due_on      principal_due  interest_due  paid_on     amount_paid
        k-term   2024-12-01    0.00         30.00         2024-12-01   30.00
        l-term   2024-12-01    0.00         -             -            -
        m-term   2024-12-01  100.00         20.00         2024-12-01  120.00
        n-term   2024-12-01    0.00         10.00         2024-12-01   10.00
        v-term   2024-12-01  200.00         25.00         2024-12-01  225.00
        v-old    2024-12-01  300.00          0.00         2024-12-01  300.00
    """,
)

INCOME_P, INCOME_Q, INCOME_T = (45 + 20) + 5, 30 + 10, 12
MEAN_P = (11 * 800 + 700) / 12  # the month-ends before the payment of December, and the date itself
INCOME_ALL = INCOME_P + INCOME_Q + INCOME_T
HALF_A_CENT = Book(
    loans="""
        loan_id  annual_rate
        half     0.12
    """,
    repayments="""
        loan_id  due_on      interest_due
        half     2025-12-31  353.22
    """,
)
AHEAD_P, AHEAD_Q, AHEAD_R = (round(interest / (1 + rate * days / 365), 2)
                             for interest, rate, days in ((30, 0.10, 181), (36.5, 0.08, 365), (18, 0.05, 91)))

SPECS = [
    Spec("exposure_drawn", BORROWERS, AS_OF, {"A": 1000 - 100 - 100, "B": 2500 - 500, "C": 0},
         "drawn in full at signing, less the principal part of what was paid"),
    Spec("exposure_drawn", RECORDS, AS_OF, {"D": 90 + 10 - 40, "E": 100 - 120 + 50}, "opening figures count for balances"),
    Spec("exposure_drawn", INCOME, AS_OF,
         {"P": 1000 - 100 - 100 - 100, "Q": 500 - 0 - 50, "R": 800, "S": 0, "T": 0, "U": 200},
         "a payment recorded after the date does not count; a part covers interest first"),
    Spec("exposure_undrawn", FACILITIES, AS_OF, {"H": (1500 - 400) + (3000 - 500), "I": 700, "J": 0},
         "the limit known on the date; a line closed or matured is not drawn again, one whose closing is booked later is"),
    Spec("exposure_undrawn", BEYOND_MATURITY, AS_OF, dict.fromkeys(ALL_BEYOND, 0),
         "instalments beyond the maturity agreed extend the repayment of a line, not the right to draw"),
    Spec("exposure_committed", BORROWERS, AS_OF, {"A": 800 + 500, "B": 2000, "C": 0},
         "a guarantee is a commitment that is not drawn"),
    Spec("exposure_committed", FACILITIES, AS_OF, {"H": 1500 + 3000, "I": 700 + 100, "J": 0},
         "a matured line counts for what is still owed"),
    Spec("exposure_committed", BEYOND_MATURITY, AS_OF,
         dict.fromkeys(ALL_BEYOND, 600) | {"prepaid": 0, "given-up": 0, "idle": 0},
         "of a line that is over, what is still owed"),
    Spec("exposure_share", BORROWERS, AS_OF,
         {"A": 1300 / (1300 + 2000), "B": 2000 / (1300 + 2000), "C": 0 / (1300 + 2000)}, "parts of the whole book"),
    Spec("exposure_growth_6m_ratio", BORROWERS, AS_OF, {"A": (800 - 820) / 820, "B": (2000 - 2500) / 2500, "C": None},
         "drawn 183 days ago is drawn before the 6 months"),
    Spec("exposure_growth_12m_ratio", BORROWERS, AS_OF,
         {"A": (800 - 900) / 900, "B": (2000 - 0) / 2000, "C": None}, "against the larger of then and now"),
    Spec("exposure_growth_12m_ratio", RECORDS, AS_OF, {"D": (60 - 50) / 60, "E": (30 - 0) / 30},
         "opening figures are older than the records; a balance is never below zero, so growth never exceeds 1"),
    Spec("exposure_growth_12m_ratio", INCOME, AS_OF,
         {"P": (700 - 900) / 900, "Q": (450 - 500) / 500, "R": (800 - 0) / 800, "S": None, "T": None, "U": (200 - 0) / 200},
         "repaid 365 days ago is repaid before the 12 months, 364 days ago within them"),
    Spec("interest_income_12m", BORROWERS, AS_OF, {"A": 40, "B": 60, "C": None},
         "interest is covered first; the 50 of June 2023 are too old, the 35 of September were returned"),
    Spec("interest_income_12m", RECORDS, AS_OF, {"D": 0, "E": None}, "nobody says how much interest was due of E"),
    Spec("interest_income_12m", INCOME, AS_OF, {"P": 45 + 20, "Q": 30 + 10, "R": 0, "S": None, "T": None, "U": 0},
         "364 days ago but not 365; paid in parts and ahead of the day; not recorded after the date"),
    Spec("interest_income_12m", UNSTATED, AS_OF, {"both": None, "old": 50, "returned": 50},
         "who paid this year on an instalment whose interest is not known paid an interest that nobody knows"),
    Spec("fee_income_12m", INCOME, AS_OF, {"P": 5, "Q": 0, "R": 0, "S": 0, "T": 12, "U": 0},
         "364 days ago but not 365, and not what is recorded after the date"),
    Spec("fee_income_12m", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "the book has no fees"),
    Spec("income_share_12m", BORROWERS, AS_OF, {"A": 40 / (40 + 60), "B": 60 / (40 + 60), "C": None},
         "parts of the whole book's income, interest alone where it has no fees"),
    Spec("income_share_12m", INCOME, AS_OF,
         {"P": INCOME_P / INCOME_ALL, "Q": INCOME_Q / INCOME_ALL, "R": 0 / INCOME_ALL, "S": None, "T": INCOME_T / INCOME_ALL,
          "U": 0 / INCOME_ALL}, "interest and fees; S has neither, T fees alone"),
    Spec("income_share_12m", RECORDS, AS_OF, {"D": None, "E": None}, "no share of a book that brought nothing"),
    Spec("income_rank_share_12m", INCOME, AS_OF, {"P": 4 / 5, "Q": 3 / 5, "R": 0 / 5, "S": None, "T": 2 / 5, "U": 0 / 5},
         "of five whose income is known; R and U share the last place"),
    Spec("margin_rate", FACILITIES, AS_OF,
         {"H": ((0.050 - 0.020) * 400 + (0.045 - 0.025) * 500) / (400 + 500), "I": None, "J": None},
         "the rate in force on the date, weighted by balance; no funding rate, or no balance, is no margin"),
    Spec("tenure_months", BORROWERS, AS_OF,
         {"A": (365 + 365 + 365 + 366) * 12 / 365.25, "B": (30 + 31 + 30 + 31 + 30 + 31) * 12 / 365.25, "C": None},
         "since the first of its loans was signed"),
    Spec("tenure_months", INCOME, AS_OF,
         {"P": (365 + 365 + 365 + 366) * 12 / 365.25, "Q": (366 + 184) * 12 / 365.25, "R": 305 * 12 / 365.25, "S": 0,
          "T": 730 * 12 / 365.25, "U": 334 * 12 / 365.25}, "since onboarding or the first loan, whichever came first"),
    Spec("n_active_loans", BORROWERS, AS_OF, {"A": 2, "B": 1, "C": 0}, "a balance or an open commitment"),
    Spec("n_active_loans", FACILITIES, AS_OF, {"H": 2, "I": 2, "J": 0}, "neither closed nor repaid nor an expired guarantee"),
    Spec("n_active_loans", BEYOND_MATURITY, AS_OF, dict.fromkeys(ALL_BEYOND, 1) | {"prepaid": 0, "given-up": 0, "idle": 0},
         "a line of which nothing is owed is over when its maturity agreed has passed"),
    Spec("n_product_families", BORROWERS, AS_OF, {"A": 2, "B": 1, "C": 0}, "a term loan and a guarantee are two"),
    Spec("n_product_families", FACILITIES, AS_OF, {"H": 2, "I": 1, "J": 0}, "two lines are one family"),
    Spec("future_income_discounted", INCOME, AS_OF,
         {"P": AHEAD_P, "Q": AHEAD_Q, "R": AHEAD_R, "S": None, "T": None, "U": 10},
         "neither interest paid ahead nor a withdrawn instalment is to come; a negative rate discounts nothing"),
    Spec("future_income_discounted", HALF_A_CENT, AS_OF, {"C": 31538 / 100}, "353.22 / 1.12 is 315.375, rounded up"),
    Spec("future_income_discounted", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "no rate, no discounting"),
    Spec("future_income_discounted", DUE_TODAY, AS_OF,
         dict.fromkeys(ALL_DUE_TODAY, 0) | {"unpaid": 10, "new-open": 10, "in-part": 10 - 4},
         "due on the date itself is to come as far as it is unpaid, and nothing is discounted"),
    Spec("group_exposure_committed", INCOME, AS_OF,
         {"P": 700 + 450, "Q": 700 + 450, "R": 800, "S": 0, "T": 300, "U": 200}, "P and Q are one group, the others alone"),
    Spec("group_exposure_drawn", INCOME, AS_OF,
         {"P": 700 + 450, "Q": 700 + 450, "R": 800, "S": 0, "T": 0, "U": 200}, "P and Q are one group; a guarantee is not drawn"),
    Spec("group_exposure_drawn", GROUPS, AS_OF,
         {"K": 1000, "L": 100} | dict.fromkeys("MNO", 900 + 500) | dict.fromkeys("VW", 200),
         "K is not of the group that is called K"),
    Spec("group_income_12m", INCOME, AS_OF,
         {"P": INCOME_P + INCOME_Q, "Q": INCOME_P + INCOME_Q, "R": 0, "S": None, "T": 12, "U": 0},
         "P and Q are one group; nothing is known of S"),
    Spec("future_income_discounted", CLOSED, AS_OF, {"gone": 0, "going": 5.50 / (1 + 0.10 * 365 / 365)},
         "what was to come went with the loan, once the closing is known"),
    Spec("group_future_income_discounted", INCOME, AS_OF,
         {"P": AHEAD_P + AHEAD_Q, "Q": AHEAD_P + AHEAD_Q, "R": AHEAD_R, "S": None, "T": None, "U": 10},
         "P and Q are one group, each at its own rate"),
    Spec("raroc_rate", INCOME, AS_OF,
         {"P": (INCOME_P - 0.04 * MEAN_P - 8 - 0.01 * 0.45 * MEAN_P) / (0.08 * MEAN_P), "Q": None, "R": None, "S": None,
          "T": None, "U": None},
         "the rating known on the date, the balance of twelve month-ends; missing without PD (Q), funding rate (R, U) or "
         "balance (S, T)"),
    Spec("group_exposure_growth_12m_ratio", INCOME, AS_OF,
         {"P": (700 + 450 - 900 - 500) / (900 + 500), "Q": (700 + 450 - 900 - 500) / (900 + 500), "R": (800 - 0) / 800,
          "S": None, "T": None, "U": (200 - 0) / 200}, "of the group's balance, then and now"),
    Spec("group_exposure_growth_6m_ratio", GROUPS, AS_OF,
         {"K": (1000 - 1000) / 1000, "L": (100 - 100) / 100} | dict.fromkeys("MNO", (900 + 500 - 1000) / (900 + 500))
         | dict.fromkeys("VW", (200 - 400 - 300) / (400 + 300)),
         "of the group's balance, then and now; drawn 183 days ago is drawn before the 6 months, 182 days ago within them"),
    Spec("group_exposure_growth_6m_ratio", INCOME, AS_OF,
         {"P": (700 + 450 - 800 - 500) / (800 + 500), "Q": (700 + 450 - 800 - 500) / (800 + 500), "R": (800 - 800) / 800,
          "S": None, "T": None, "U": (200 - 200) / 200}, "nothing to grow of S and T"),
    Spec("group_income_rank_share_12m", INCOME, AS_OF,
         {"P": 3 / 4, "Q": 3 / 4, "R": 0 / 4, "S": None, "T": 2 / 4, "U": 0 / 4},
         "P and Q are one of four groups whose income is known; R and U share the last place"),
    Spec("group_income_rank_share_12m", GROUPS, AS_OF,
         {"K": 1 / 3, "L": None} | dict.fromkeys("MNO", 1 / 3) | dict.fromkeys("VW", 0 / 3),
         "the sums are compared: 20 + 10 of M and N are as much as 30 of K, and more than 25 of V; O and W have their group's"),
    Spec("group_income_rank_share_12m", BORROWERS, AS_OF, {"A": 0 / 2, "B": 1 / 2, "C": None},
         "without groups everybody is a group"),
    Spec("group_income_rank_share_12m", RECORDS, AS_OF, {"D": 0 / 1, "E": None}, "nobody with less"),
    Spec("group_income_share_12m", INCOME, AS_OF,
         {"P": (INCOME_P + INCOME_Q) / INCOME_ALL, "Q": (INCOME_P + INCOME_Q) / INCOME_ALL, "R": 0 / INCOME_ALL, "S": None,
          "T": INCOME_T / INCOME_ALL, "U": 0 / INCOME_ALL}, "P and Q are one group, each with the share of both"),
    Spec("group_income_share_12m", RECORDS, AS_OF, {"D": None, "E": None}, "no share of a book that brought nothing"),
    Spec("group_margin_rate", INCOME, AS_OF,
         {"P": ((0.10 - 0.04) * 700 + (0.08 - 0.03) * 450) / (700 + 450),
          "Q": ((0.10 - 0.04) * 700 + (0.08 - 0.03) * 450) / (700 + 450), "R": None, "S": None, "T": None, "U": None},
         "weighted by the balances of the whole group; no funding rate, or no balance, is no margin"),
    Spec("group_tenure_months", INCOME, AS_OF,
         {"P": (365 + 365 + 365 + 366) * 12 / 365.25, "Q": (365 + 365 + 365 + 366) * 12 / 365.25, "R": 305 * 12 / 365.25,
          "S": 0, "T": 730 * 12 / 365.25, "U": 334 * 12 / 365.25}, "Q came with P's group, which came first"),
    Spec("group_tenure_months", BORROWERS, AS_OF,
         {"A": (365 + 365 + 365 + 366) * 12 / 365.25, "B": (30 + 31 + 30 + 31 + 30 + 31) * 12 / 365.25, "C": None},
         "its own where it has no group"),
    Spec("n_group_active_loans", INCOME, AS_OF, {"P": 1 + 1, "Q": 1 + 1, "R": 1, "S": 0, "T": 1, "U": 1},
         "P and Q are one group; a guarantee is a loan"),
    Spec("n_group_product_families", GROUPS, AS_OF,
         {"K": 1, "L": 1} | dict.fromkeys("MNO", 1 + 1) | dict.fromkeys("VW", 1 + 1 + 1),
         "M's and N's term loans are one family beside the line, and O's guarantee is over; of V a term loan, of W a guarantee "
         "and a project, V's being repaid"),
    Spec("n_group_product_families", INCOME, AS_OF, {"P": 1, "Q": 1, "R": 1, "S": 0, "T": 1, "U": 1},
         "two term loans are one family"),
    Spec("raroc_rate", YEARLINGS, AS_OF,
         {"year": (40 - 0.02 * 1000 - 8 - 0.01 * 0.45 * 1000) / (0.08 * 1000), "younger": None},
         "a year's cost against less than a year's income says nothing"),
    Spec("raroc_rate", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "the book has no ratings"),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_value_feature_is_what_its_spec_says(spec):
    check(spec)
