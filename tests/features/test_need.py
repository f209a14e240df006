"""Need: what each customer needs money for, how, and how steadily."""

from __future__ import annotations

from datetime import date
from math import sqrt

import pytest
from books import Book, Spec, check
from schedules import ALL_BEYOND, BEYOND_MATURITY, DUE_TODAY

AS_OF = "2024-12-31"

# A uses a credit line and has begun a project; B's old loan is known by an opening figure and past its maturity; the
# schedule of C's project runs ahead of what is drawn. The book knows neither limits nor rates.
BORROWERS = Book(
    loans="""
        loan_id  customer_id  product   signed_on   matures_on  committed_amount  annual_rate
        line     A            revolver  2022-12-31  2025-12-31  1000.00           0.05
        plant    A            project   2024-06-30  2034-12-31  3000.00           0.03
        old      B            term      2020-12-31  2024-06-30  1000.00           -
        dam      C            project   2024-01-01  2034-12-31   900.00           -
    """,
    drawdowns="""
        loan_id  drawn_on    amount   is_opening  recorded_on
        line     2023-01-31   400.00  false       -
        line     2024-02-01   200.00  false       -
        plant    2024-12-21   500.00  false       -
        plant    2024-12-28   800.00  false       2025-01-02
        old      2024-01-31  1000.00  true        -
        dam      2024-01-01   100.00  false       -           # 365 days ago
    """,
    repayments="""
        loan_id  due_on      principal_due  interest_due  paid_on     amount_paid
        line     2024-03-31  100.00         10.00         2024-03-31  110.00
        plant    2025-06-30  200.00         10.00         -           -
        plant    2025-12-31   50.00         10.00         -           -           # 365 days ahead
        plant    2026-01-01  250.00         10.00         -           -           # 366 days ahead
        dam      2025-06-30  300.00         10.00         -           -
    """,
)
# Credit lines on the monthly readings: 31 December (0 days ago), 30 November (31), 31 October (61), 30 September (92),
# 31 August (122), 31 July (153), 1 July (183), 1 June (213), 1 May (244), 1 April (274), 1 March (305), 31 January (335).
LINES = Book(
    loans="""
        loan_id  customer_id  product   signed_on   matures_on  committed_amount  closed_on
        flat     F            revolver  2022-01-01  2030-01-01   300.00           -
        filling  G            revolver  2022-01-01  2030-01-01  1200.00           -
        cut      H            revolver  2022-01-01  2030-01-01  1000.00           -
        closed   I            revolver  2022-01-01  2030-01-01   400.00           2024-06-01
        matured  J            revolver  2022-01-01  2024-07-31   100.00           -
        lost     K            revolver  2022-01-01  2030-01-01   500.00           -
        term     L            term      2022-01-01  2030-01-01   600.00           -
        raised   M            revolver  2022-01-01  2030-01-01  1000.00           -
        newer    M            term      2024-05-01  2030-01-01   600.00           -
    """,
    drawdowns="""
        loan_id  drawn_on    amount
        flat     2022-06-01  100.00
        filling  2024-01-31  100.00
        filling  2024-03-01  100.00
        filling  2024-04-01  100.00
        filling  2024-05-01  100.00
        filling  2024-06-01  100.00
        filling  2024-07-01  100.00
        filling  2024-07-31  100.00
        filling  2024-08-31  100.00
        filling  2024-09-30  100.00
        filling  2024-10-31  100.00
        filling  2024-11-30  100.00
        filling  2024-12-31  100.00
        cut      2022-06-01  900.00
        closed   2022-06-01  200.00
        matured  2022-06-01   95.00
        term     2022-06-01  600.00
        newer    2024-05-01  600.00
    """,
    repayments="""
        loan_id  due_on      principal_due  paid_on     amount_paid
        closed   2024-06-01  200.00         2024-06-01  200.00
    """,
    limits="""
        loan_id  changed_on  committed_amount  cause     recorded_on
        cut      2024-11-30   800.00           bank      -
        lost     2024-06-30     0.00           bank      -
        raised   2023-01-01  1100.00           customer  -           # 730 days ago
        raised   2023-01-02  1200.00           customer  -           # 729 days ago
        raised   2024-01-01  1300.00           customer  -           # 365 days ago
        raised   2024-01-02  1500.00           customer  -           # 364 days ago
        raised   2024-03-01  1500.00           customer  -           # the same again
        raised   2024-12-20  2000.00           customer  2025-01-05
    """,
)
# Lines of 1000 whose limits the bank changes, or somebody else.
DECISIONS = Book(
    loans="""
        loan_id   customer_id  product   committed_amount
        cut       cut          revolver  1000.00
        given-up  given-up     revolver  1000.00
        by-bank   by-bank      revolver  1000.00
        gift      gift         revolver  1000.00
        both      both         revolver  1000.00
        undone    undone       revolver  1000.00
        returned  returned     revolver  1000.00
        untold    untold       revolver  1000.00
        planned   planned      revolver  1000.00
    """,
    limits="""
        loan_id   changed_on  committed_amount  cause
        cut       2024-06-01   600.00           customer
        given-up  2024-06-01     0.00           customer
        by-bank   2024-06-01     0.00           bank
        gift      2024-06-01  1500.00           bank
        both      2024-06-01   900.00           customer
        both      2024-07-01   300.00           bank
        undone    2024-06-01  1500.00           customer
        undone    2024-07-01   100.00           bank
        returned  2024-06-01  1500.00           bank
        returned  2024-07-01   400.00           customer
        untold    2024-06-01  1200.00           -
        planned   2024-06-01   800.00           schedule
    """,
)
# Drawdowns of 24 months, which reach 730 days back, to 2023-01-01: October is the third month back and the fifteenth.
RHYTHM = Book(
    loans="""
        loan_id  customer_id  product   signed_on   committed_amount
        yearly   N            revolver  2022-06-01  1000.00
        once     O            revolver  2022-06-01  1000.00
        fading   P            revolver  2022-06-01  1000.00
        moving   Q            revolver  2022-06-01  1000.00
        short    R            revolver  2023-01-02  1000.00
        steady   S            revolver  2023-01-01  1000.00
        newest   T            revolver  2024-01-02  1000.00
        new      U            revolver  2024-01-01  1000.00
    """,
    drawdowns="""
        loan_id  drawn_on    amount  is_opening
        yearly   2023-10-16  100.00  false
        yearly   2024-10-15  100.00  false
        once     2024-10-15  100.00  false
        fading   2023-10-16  300.00  false
        fading   2024-10-15  100.00  false
        moving   2023-06-15  100.00  false
        moving   2024-10-15  100.00  false
        short    2023-10-16  100.00  false
        short    2024-10-15  100.00  false
        steady   2023-01-01  100.01  true
        newest   2024-01-02  100.00  false       # 364 days ago
        new      2024-01-01  100.00  false       # 365 days ago
    """,
)
# Without a table of drawdowns each loan is drawn in full at signing.
TERMS = Book(
    loans="""
        loan_id  customer_id  product   purpose  signed_on   matures_on  committed_amount  annual_rate
        a-1      A            term      plant    2022-12-31  2027-12-31  1000.00           0.0400
        a-2      A            term      trade    2022-12-31  -            500.00           0.0900
        a-3      A            project   plant    2024-05-01  2034-05-01   300.00           0.0300
        a-4      A            term      export   2024-06-01  2029-06-01   200.00           -
        a-5      A            term      -        2024-07-01  2029-07-01   700.00           -
        b-1      B            term      trade    2024-01-01  2030-01-01   100.00           0.0500        # 365 days ago
        b-2      B            term      trade    2024-01-02  2030-01-02   400.00           0.0700        # 364 days ago
        b-3      B            term      plant    2021-01-01  2025-01-01   900.00           0.2000        # repaid
        c-1      C            revolver  trade    2024-03-01  2025-04-01   100.00           0.0900        # due in 91 days
        d-1      D            term      -        2020-01-01  2030-01-01  1200.00           -
        e-1      E            term      -        2020-01-01  2025-06-30   400.00           -
    """,
    repayments="""
        loan_id  due_on      principal_due  paid_on     amount_paid  superseded_on
        b-3      2024-06-30  900.00         2024-06-30  900.00       -
        d-1      2025-03-01  999.00         -           -            2024-12-15
        d-1      2025-04-01  200.00         2024-12-01   50.00       -           # due in 91 days, paid in part
        d-1      2025-04-02  300.00         -           -            -           # due in 92 days
        e-1      2024-12-01  150.00         -           -            -           # overdue
        e-1      2025-06-30  250.00         -           -            -
    """,
    rates="""
        loan_id  changed_on  annual_rate  cause          recorded_on
        a-2      2023-01-01  0.0850       renegotiation  -           # 730 days ago
        a-2      2023-01-02  0.0820       renegotiation  -           # 729 days ago
        a-2      2024-06-01  0.0800       index          -
        a-2      2024-12-20  0.0100       renegotiation  2025-01-10
        b-1      2024-05-01  0.0500       renegotiation  -
        b-2      2024-05-01  0.0601       renegotiation  -
    """,
)
# Drawn in full at signing; the second line was raised to 1500 in May.
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
D_BALANCE = 1200 - 50
TERM_MEDIAN = (0.0500 + 0.0601) / 2  # of the active term loans' 0.0400, 0.0500, 0.0601 and 0.0800


def days(start: str, end: str) -> int:
    return (date.fromisoformat(end) - date.fromisoformat(start)).days


def variance(values: list[float], n: int) -> float:
    """Squared distances from the mean, over n."""
    return sum((value - sum(values) / len(values)) ** 2 for value in values) / n


SPECS = [
    Spec("utilisation_share", BORROWERS, AS_OF,
         {"A": A_BALANCE / (A_BALANCE + A_UNDRAWN), "B": 1000 / 1000, "C": 100 / (100 + 800)},
         "a credit line may be drawn again, a project only up to its amount, a matured loan no more"),
    Spec("utilisation_share", DRAWN_AT_SIGNING, AS_OF, {"C": 1600 / (1600 + 500)}, "the latest limit is in force"),
    Spec("utilisation_share", BEYOND_MATURITY, AS_OF,
         dict.fromkeys(ALL_BEYOND, 600 / 600) | {"prepaid": None, "given-up": None, "idle": None},
         "nothing may be drawn after the maturity agreed"),
    Spec("line_utilisation_share", BEYOND_MATURITY, AS_OF, dict.fromkeys(ALL_BEYOND, None),
         "no line is open after the maturity agreed, though instalments stand"),
    Spec("line_utilisation_mean_share_12m", BEYOND_MATURITY, AS_OF,
         dict.fromkeys(ALL_BEYOND, 1000 / 1000) | {"term": None, "undated": None, "prepaid": None}
         | dict.fromkeys(("given-up", "idle"), (1 * 0 / 1000 + 4 * 1000 / 1000) / 5),
         "five readings came before the end agreed, and seven after it do not count"),
    Spec("line_utilisation_share", BORROWERS, AS_OF, {"A": (400 + 200 - 100) / 1000, "B": None, "C": None},
         "of credit lines alone, not of projects"),
    Spec("line_utilisation_share", LINES, AS_OF,
         {"F": 100 / 300, "G": 1200 / 1200, "H": 900 / 800, "I": None, "J": None, "K": None, "L": None, "M": 0 / 1500},
         "above 1 where the limit was cut below the balance; no line is open where it closed, matured or was cut to nothing"),
    Spec("line_utilisation_mean_share_12m", LINES, AS_OF,
         {"F": 100 / 300, "G": sum(range(1, 13)) / 12 / 12, "H": (2 * 900 / 800 + 10 * 900 / 1000) / 12, "I": 200 / 400,
          "J": 95 / 100, "K": 0 / 500, "L": None, "M": 0},
         "over the readings with an open line: H's limit counts from the day of the cut, I's line until its closing"),
    Spec("line_utilisation_max_share_12m", LINES, AS_OF,
         {"F": 100 / 300, "G": 12 / 12, "H": 900 / 800, "I": 200 / 400, "J": 95 / 100, "K": 0 / 500, "L": None, "M": 0},
         "the highest reading"),
    Spec("line_utilisation_slope_12m_ratio", LINES, AS_OF,
         {"F": 0, "G": 1 / 12, "H": (5.5 + 4.5) * (900 / 800 - 900 / 1000) / 143, "I": None, "J": None, "K": None, "L": None,
          "M": 0}, "G fills a twelfth a month; missing where a reading finds no open line"),
    Spec("n_months_line_over_90_12m", LINES, AS_OF, {"F": 0, "G": 2, "H": 2, "I": 0, "J": 7, "K": 0, "L": None, "M": 0},
         "11/12 and 12/12 of G; 900 of 1000 is not above 90 %; J matured on the day of the sixth reading back"),
    Spec("limit_change_12m_ratio", LINES, AS_OF,
         {"F": 0 / 300, "G": 0 / 1200, "H": 0 / 1000, "I": None, "J": 0 / 100, "K": 0 / 500, "L": 0 / 600,
          "M": (1500 - 1300) / 1500},
         "over the larger of before and after; 364 days ago but not 365, not what is recorded later; a new loan is left out, "
         "and the bank's cuts of H and K are its own"),
    Spec("limit_change_12m_ratio", DECISIONS, AS_OF,
         {"cut": (600 - 1000) / 1000, "given-up": (0 - 1000) / 1000, "by-bank": 0 / 1000, "gift": 0 / 1000,
          "both": (900 - 1000) / 1000, "undone": (1500 - 1000) / 1500, "returned": (400 - 1500) / 1100,
          "untold": (1200 - 1000) / 1200, "planned": (800 - 1000) / 1000},
         "what others than the bank changed, over the commitment before or what they made of it; giving back more than there "
         "was before the bank's raise is -1"),
    Spec("limit_change_12m_ratio", DRAWN_AT_SIGNING, AS_OF, {"C": (1500 - 1200) / 1500}, "the change of 2023 is too old"),
    Spec("limit_change_12m_ratio", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "the book has no limits"),
    Spec("limit_change_12m_ratio", BEYOND_MATURITY, AS_OF,
         dict.fromkeys(ALL_BEYOND, 0) | {"prepaid": None, "given-up": None, "idle": None},
         "a line cut to nothing after its maturity agreed was open no more"),
    Spec("n_limit_raises_24m", LINES, AS_OF, {"F": 0, "G": 0, "H": 0, "I": 0, "J": 0, "K": 0, "L": 0, "M": 3},
         "729 days ago but not 730; neither a cut nor the same limit again is a raise"),
    Spec("n_limit_raises_24m", DECISIONS, AS_OF,
         {"cut": 0, "given-up": 0, "by-bank": 0, "gift": 0, "both": 0, "undone": 1, "returned": 0, "untold": 1, "planned": 0},
         "a raise that the bank decided is its own"),
    Spec("n_limit_raises_24m", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "the book has no limits"),
    Spec("drawn_12m_ratio", BORROWERS, AS_OF,
         {"A": (200 + 500) / (A_BALANCE + A_UNDRAWN), "B": 0 / 1000, "C": 0 / 900},
         "opening figures are no drawdowns of the year, nor is one of 365 days ago"),
    Spec("n_drawdowns_12m", BORROWERS, AS_OF, {"A": 2, "B": 0, "C": 0},
         "January 2023 is too long ago, and the one recorded in January 2025 is not known"),
    Spec("n_drawdowns_12m", DRAWN_AT_SIGNING, AS_OF, {"C": None}, "the book has no drawdowns; that all was drawn is assumed"),
    Spec("n_drawdowns_12m", RHYTHM, AS_OF, {"N": 1, "O": 1, "P": 1, "Q": 1, "R": 1, "S": 0, "T": 1, "U": 0},
         "364 days ago but not 365"),
    Spec("days_since_drawdown", BORROWERS, AS_OF, {"A": 31 - 21, "B": None, "C": 365}, "an opening figure has no day"),
    Spec("drawdown_seasonality_24m_ratio", RHYTHM, AS_OF,
         {"N": 1, "O": 0, "P": 1 - ((300 - 200) ** 2 + (100 - 200) ** 2) / 12 / variance([300, 100, *[0] * 22], 23), "Q": 0,
          "R": None, "S": None, "T": None, "U": None},
         "the same October is a season, one drawdown or different months are none; 730 days of relationship but not 729"),
    Spec("balance_variation_12m_ratio", RHYTHM, AS_OF,
         {"N": sqrt(variance([200] * 3 + [100] * 9, 12)) / 125, "O": sqrt(variance([100] * 3 + [0] * 9, 12)) / 25,
          "P": sqrt(variance([400] * 3 + [300] * 9, 12)) / 325, "Q": sqrt(variance([200] * 3 + [100] * 9, 12)) / 125,
          "R": sqrt(variance([200] * 3 + [100] * 9, 12)) / 125, "S": 0, "T": None, "U": 0},
         "drawn 77 days ago, so in three readings; 365 days of relationship but not 364"),
    Spec("original_tenor_months", TERMS, AS_OF,
         {"A": (1000 * days("2022-12-31", "2027-12-31") + 300 * days("2024-05-01", "2034-05-01")
                + 200 * days("2024-06-01", "2029-06-01") + 700 * days("2024-07-01", "2029-07-01"))
          / (1000 + 300 + 200 + 700) * 12 / 365.25,
          "B": days("2024-01-01", "2030-01-01") * 12 / 365.25, "C": days("2024-03-01", "2025-04-01") * 12 / 365.25,
          "D": days("2020-01-01", "2030-01-01") * 12 / 365.25, "E": days("2020-01-01", "2025-06-30") * 12 / 365.25},
         "weighted by balance, over the loans with a maturity"),
    Spec("remaining_tenor_months", BORROWERS, AS_OF,
         {"A": (500 * 365 + 500 * 3652) / 1000 * 12 / 365.25, "B": 0, "C": 3652 * 12 / 365.25},
         "weighted by balance; 3,652 days are ten years; past its maturity no time is left"),
    Spec("original_tenor_months", BEYOND_MATURITY, AS_OF,
         dict.fromkeys(ALL_BEYOND, days("2020-01-01", "2024-06-30") * 12 / 365.25)
         | {"undated": None, "prepaid": None, "given-up": None, "idle": None}, "as agreed at signing"),
    Spec("remaining_tenor_months", BEYOND_MATURITY, AS_OF,
         dict.fromkeys(ALL_BEYOND, 0)
         | {"term": days(AS_OF, "2026-06-30") * 12 / 365.25, "line": 90 * 12 / 365.25, "undated": None, "prepaid": None,
            "given-up": None, "idle": None},
         "to the last instalment known that was not replaced; without a maturity agreed nobody knows"),
    Spec("due_share_3m", BEYOND_MATURITY, AS_OF,
         dict.fromkeys(ALL_BEYOND, 0)
         | {"line": 600 / 600, "last-day": 600 / 600, "prepaid": None, "given-up": None, "idle": None},
         "whole where the last instalment comes in that time, on the date itself too"),
    Spec("due_share_3m", DUE_TODAY, AS_OF,
         {"unpaid": 100 / 900, "paid": 0 / 800, "ahead": 0 / 800, "in-part": 100 / 900, "prepaid": 0 / 900,
          "new-open": 100 / 1000, "new-paid": 0 / 900, "ends": 900 / 900},
         "due on the date itself and unpaid falls due, and so does a loan that ends that day; 4 paid cover interest alone"),
    Spec("due_share_3m", TERMS, AS_OF, {"A": 0 / 2700, "B": 0 / 500, "C": 100 / 100, "D": (200 - 50) / D_BALANCE, "E": 0 / 400},
         "91 days ahead, not 92; less what is paid ahead, without what was withdrawn; a line that matures falls due whole"),
    Spec("due_share_12m", BORROWERS, AS_OF, {"A": (200 + 50 + 500) / A_BALANCE, "B": 0 / 1000, "C": 100 / 100},
         "365 days ahead, not 366; the line matures in 365 days; never more than the balance"),
    Spec("due_share_12m", BEYOND_MATURITY, AS_OF,
         {"term": 300 / 600, "line": 600 / 600, "last-day": 600 / 600, "over": 0, "forborne": 0, "revised": 0, "announced": 0,
          "shortened": 0, "undated": 600 / 600, "prepaid": None, "given-up": None, "idle": None},
         "the term loan goes on for 18 months; what is past maturity does not fall due again"),
    Spec("due_share_12m", DUE_TODAY, AS_OF,
         {"unpaid": 100 / 900, "paid": 0 / 800, "ahead": 0 / 800, "in-part": 100 / 900, "prepaid": 0 / 900,
          "new-open": 100 / 1000, "new-paid": 0 / 900, "ends": 900 / 900},
         "due on the date itself and unpaid falls due, and so does a loan that ends that day"),
    Spec("due_share_12m", TERMS, AS_OF,
         {"A": 0 / 2700, "B": 0 / 500, "C": 100 / 100, "D": (200 - 50 + 300) / D_BALANCE, "E": (400 - 150) / 400},
         "what is overdue does not fall due again"),
    Spec("purpose_top_share", TERMS, AS_OF,
         {"A": (1000 + 300) / (1000 + 500 + 300 + 200), "B": (100 + 400) / (100 + 400), "C": 1, "D": None, "E": None},
         "of active loans that name a purpose"),
    Spec("new_purpose_share_12m", TERMS, AS_OF, {"A": 200 / (300 + 200), "B": 0 / 400, "C": None, "D": None, "E": None},
         "A never borrowed for export; B traded 365 days ago; to C, who is new, every purpose is"),
    Spec("new_money_share_12m", BORROWERS, AS_OF, {"A": (200 + 500) / (200 + 500 + 100), "B": None, "C": None},
         "against principal repaid; an opening figure is no new money"),
    Spec("new_money_share_12m", TERMS, AS_OF, {"A": 1, "B": 400 / (400 + 900), "C": 1, "D": 0 / (0 + 50), "E": None},
         "signed 364 days ago but not 365"),
    Spec("new_lending_share_12m", BORROWERS, AS_OF, {"A": 3000 / (1000 + 3000), "B": 0 / 1000, "C": 0 / 900},
         "by commitment; 365 days ago is not new"),
    Spec("new_lending_share_12m", DRAWN_AT_SIGNING, AS_OF, {"C": 600 / (600 + 1500)}, "a raised limit is not new"),
    Spec("n_rate_renegotiations_24m", TERMS, AS_OF, {"A": 1, "B": 2, "C": 0, "D": 0, "E": 0},
         "729 days ago but not 730, no change of the index, none recorded after the date"),
    Spec("n_rate_renegotiations_24m", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "the book has no rates"),
    Spec("annual_rate_mean", BORROWERS, AS_OF, {"A": (0.05 * 500 + 0.03 * 500) / 1000, "B": None, "C": None},
         "weighted by balance, over known rates"),
    Spec("annual_rate_mean", TERMS, AS_OF,
         {"A": (0.04 * 1000 + 0.08 * 500 + 0.03 * 300) / (1000 + 500 + 300), "B": (0.05 * 100 + 0.0601 * 400) / (100 + 400),
          "C": 0.09, "D": None, "E": None}, "the rate in force, as known on the date"),
    Spec("rate_spread_to_product_rate", TERMS, AS_OF,
         {"A": ((0.04 - TERM_MEDIAN) * 1000 + (0.08 - TERM_MEDIAN) * 500 + (0.03 - 0.03) * 300) / (1000 + 500 + 300),
          "B": ((0.05 - TERM_MEDIAN) * 100 + (0.0601 - TERM_MEDIAN) * 400) / (100 + 400), "C": 0.09 - 0.09, "D": None, "E": None},
         "an even count of rates has the mean of the middle two as its median; the repaid loan is not among them"),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_need_feature_is_what_its_spec_says(spec):
    check(spec)
