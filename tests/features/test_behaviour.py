"""Behaviour: how each customer pays and deals with the bank."""

from __future__ import annotations

import pytest
from books import Book, Spec, check
from schedules import ALL_BEYOND, ALL_DUE_TODAY, BEYOND_MATURITY, DUE_TODAY

AS_OF = "2024-12-31"
MONTHS = 12 / 365.25  # months in a day

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

# Each window of 91, 183, 365 and 730 days with what lies one day inside it and what lies on its edge.
INSIDE_AND_ON_THE_EDGE = Book(
    loans="""
        loan_id   customer_id
        inside3   inside3
        edge3     edge3
        inside6   inside6
        edge6     edge6
        inside12  inside12
        edge12    edge12
        inside24  inside24
        edge24    edge24
        unpaid    unpaid
        yearlong  yearlong
        worse     worse
    """,
    repayments="""
        loan_id   due_on      principal_due  paid_on     amount_paid
        inside3   2024-09-22  100.00         2024-10-02  100.00       # paid 90 days before the date, 10 days late
        edge3     2024-09-21  100.00         2024-10-01  100.00       # 91
        inside6   2024-06-22  100.00         2024-07-02  100.00       # 182
        edge6     2024-06-21  100.00         2024-07-01  100.00       # 183
        inside12  2023-12-23  100.00         2024-01-02  100.00       # 364
        edge12    2023-12-22  100.00         2024-01-01  100.00       # 365
        inside24  2022-12-23  100.00         2023-01-02  100.00       # 729
        edge24    2022-12-22  100.00         2023-01-01  100.00       # 730
        unpaid    2024-12-24  100.00         -           -
        yearlong  2023-12-31  100.00         2024-12-30  100.00
        worse     2024-01-01  100.00         2024-02-20  100.00       # due 365 days before the date, 50 days late
        worse     2024-01-02  100.00         2024-01-02  100.00       # 364
        worse     2024-10-01  100.00         2024-10-05  100.00       # 91
        worse     2024-10-02  100.00         2024-10-12  100.00       # 90
    """,
)
ALL_IN_WINDOWS = ("inside3", "edge3", "inside6", "edge6", "inside12", "edge12", "inside24", "edge24", "unpaid", "yearlong",
                  "worse")
SETTLED_IN_3M = {"inside3": 10, "unpaid": 7, "yearlong": 365, "worse": 10}
SETTLED_IN_6M = SETTLED_IN_3M | {"edge3": 10, "inside6": 10}
SETTLED_IN_12M = SETTLED_IN_6M | {"edge6": 10, "inside12": 10, "worse": 50}
SETTLED_IN_24M = SETTLED_IN_12M | {"edge12": 10, "inside24": 10}

# What counts as paid and on which day; every instalment of 100 falls due on 30 June unless it shows another day.
PAYERS = Book(
    loans="""
        loan_id     customer_id
        one-percent one-percent
        over-one    over-one
        middle      middle
        returned    returned
        twice       twice
        bounces     bounces
        early       early
        punctual    punctual
        forborne    forborne
        late-booked late-booked
        revised     revised
        interest    interest
    """,
    repayments="""
        loan_id      instalment  payment  due_on      principal_due  interest_due  paid_on     amount_paid  returned_on  returned_recorded_on  superseded_on  superseded_by  superseded_recorded_on
        one-percent  1           1        2024-06-30  100.00          0.00         2024-07-05   99.00       -            -                     -              -              -
        over-one     1           1        2024-06-30  100.00          0.00         2024-06-30   98.99       -            -                     -              -              -
        middle       1           1        2024-06-30   90.00         10.00         2024-06-20   60.00       -            -                     -              -              -
        middle       1           2        2024-06-30   90.00         10.00         2024-07-10   40.00       -            -                     -              -              -
        middle       1           3        2024-06-30   90.00         10.00         2024-08-01    5.00       -            -                     -              -              -
        returned     1           1        2024-06-30  100.00          0.00         2024-06-30  100.00       2024-07-03   -                     -              -              -
        twice        1           1        2024-06-30  100.00          0.00         2024-06-30  100.00       2024-07-03   -                     -              -              -
        twice        1           2        2024-06-30  100.00          0.00         2024-07-08  100.00       -            -                     -              -              -
        bounces      1           1        2024-06-30  100.00          0.00         2024-06-30  100.00       2024-12-30   2025-01-02            -              -              -
        early        1           1        2024-05-31  100.00          0.00         2024-05-26  100.00       -            -                     -              -              -
        early        2           1        2024-06-30  100.00          0.00         2024-06-27  100.00       -            -                     -              -              -
        punctual     1           1        2024-05-31  100.00          0.00         2024-05-31  100.00       -            -                     -              -              -
        punctual     2           1        2024-06-30  100.00          0.00         2024-06-30  100.00       -            -                     -              -              -
        forborne     1           1        2024-06-30  100.00          0.00         -           -            -            -                     2024-07-30     forbearance    -
        late-booked  1           1        2024-06-30  100.00          0.00         -           -            -            -                     2024-07-30     forbearance    2025-01-05
        revised      1           1        2024-06-30  100.00          0.00         -           -            -            -                     2024-08-15     revision       -
        interest     1           1        2024-12-01    0.00         10.00         -           -            -            -                     -              -              -
    """,  # noqa: E501 one line an instalment
)
ALL_PAYERS = ("one-percent", "over-one", "middle", "returned", "twice", "bounces", "early", "punctual", "forborne",
              "late-booked", "revised", "interest")
SINCE_JUNE_30 = 31 + 31 + 30 + 31 + 30 + 31  # July to December

# Withdrawn before its day, and paid before that, or long afterwards; withdrawn on its day, or on the next.
RESCHEDULED = Book(
    loans="""
        loan_id   customer_id
        before    before
        after     after
        own-day   own-day
        forborne  forborne
        in-part   in-part
        paid      paid
        next-day  next-day
        too-late  too-late
    """,
    repayments="""
        loan_id   due_on      principal_due  paid_on     amount_paid  superseded_on  superseded_by
        before    2024-06-01  100.00         2024-05-01  100.00       2024-05-01     forbearance
        after     2024-06-01  100.00         2024-12-01  100.00       2024-05-01     forbearance
        own-day   2024-06-01  100.00         -           -            2024-06-01     prepayment
        forborne  2024-06-01  100.00         -           -            2024-06-01     forbearance
        in-part   2024-06-01  100.00         2024-06-01   60.00       2024-06-01     prepayment
        paid      2024-06-01  100.00         2024-06-01  100.00       2024-06-01     prepayment
        next-day  2024-06-01  100.00         -           -            2024-06-02     prepayment
        too-late  2024-06-01  100.00         2024-12-01  100.00       2024-07-11     forbearance
    """,
)
ALL_RESCHEDULED = ("before", "after", "own-day", "forborne", "in-part", "paid", "next-day", "too-late")

# How late instalments follow each other.
DELAYS = Book(
    loans="""
        loan_id      customer_id
        broken       broken
        first        two-loans
        second       two-loans
        rolling      rolling
        relapsed     relapsed
        same-day     same-day
        withdrawn    withdrawn
        mild         mild
        open         open
        within       within
        half         half
        edge         edge
    """,
    repayments="""
        loan_id    due_on      principal_due  paid_on     amount_paid  superseded_on  superseded_by
        broken     2024-01-31  50.00          2024-02-05  50.00        -              -
        broken     2024-02-29  50.00          2024-03-04  50.00        -              -
        broken     2024-03-31  50.00          2024-03-31  50.00        -              -
        broken     2024-04-30  50.00          2024-05-02  50.00        -              -
        first      2024-01-31  50.00          2024-02-05  50.00        -              -
        second     2024-02-29  50.00          2024-03-04  50.00        -              -
        rolling    2024-01-31  50.00          2024-03-31  50.00        -              -
        rolling    2024-02-29  50.00          2024-04-29  50.00        -              -
        rolling    2024-03-31  50.00          2024-05-30  50.00        -              -
        rolling    2024-04-30  50.00          2024-06-29  50.00        -              -
        relapsed   2024-01-31  50.00          2024-03-31  50.00        -              -
        relapsed   2024-04-30  50.00          2024-04-30  50.00        -              -
        relapsed   2024-06-30  50.00          2024-08-31  50.00        -              -
        same-day   2024-01-31  50.00          2024-03-31  50.00        -              -
        same-day   2024-03-31  50.00          2024-05-31  50.00        -              -
        withdrawn  2024-01-31  50.00          -           -            2024-03-31     forbearance
        withdrawn  2024-06-30  50.00          -           -            -              -
        mild       2024-01-31  50.00          2024-03-01  50.00        -              -            # 30 days late
        open       2024-01-31  50.00          2024-03-02  50.00        -              -            # 31 days late
        open       2024-06-30  50.00          -           -            -              -
        within     2024-01-31  50.00          2024-06-30  50.00        -              -
        within     2024-02-29  50.00          2024-03-05  50.00        -              -
        within     2024-05-31  50.00          2024-06-10  50.00        -              -
        half       2024-01-31  50.00          2024-03-31  50.00        -              -
        half       2024-02-29  50.00          -           -            -              -
        edge       2023-01-01  50.00          2023-02-20  50.00        -              -            # due 730 days ago
        edge       2023-01-02  50.00          2023-02-20  50.00        -              -            # 729
    """,
)

# An instalment of June 2022 that stayed unpaid for long, and others paid late in the 24 months, which reach to 2023-01-02.
LONG_UNPAID = Book(
    loans="""
        loan_id   customer_id
        unpaid    unpaid
        settled   settled
        edge      edge
        between   between
        forborne  forborne
        replaced  replaced
        alone     alone
    """,
    repayments="""
        loan_id   due_on      principal_due  paid_on     amount_paid  superseded_on  superseded_by
        unpaid    2022-06-30  50.00          -           -            -              -
        unpaid    2024-01-31  50.00          2024-04-30  50.00        -              -
        unpaid    2024-06-30  50.00          2024-08-31  50.00        -              -
        settled   2022-06-30  50.00          2023-01-02  50.00        -              -            # 729 days ago
        settled   2024-01-31  50.00          2024-04-30  50.00        -              -
        edge      2022-06-30  50.00          2023-01-01  50.00        -              -            # 730
        edge      2024-01-31  50.00          2024-04-30  50.00        -              -
        between   2022-06-30  50.00          2024-06-30  50.00        -              -
        between   2024-01-31  50.00          2024-04-30  50.00        -              -
        between   2024-08-31  50.00          -           -            -              -
        forborne  2022-06-30  50.00          -           -            2023-06-30     forbearance
        forborne  2024-01-31  50.00          2024-04-30  50.00        -              -
        replaced  2022-06-30  50.00          2023-01-02  50.00        -              -
        replaced  2022-07-31  50.00          -           -            2023-01-01     forbearance  # 730 days ago
        alone     2022-06-30  50.00          -           -            -              -
    """,
)

# Credit lines of 1000 drawn and paid back, and when they ended; one was never drawn, and one loan is no line.
LINES_PAID_BACK = Book(
    loans="""
        loan_id      customer_id  product   signed_on   matures_on  closed_on   closed_recorded_on
        closed       closed       revolver  2020-01-01  2035-01-01  2024-06-30  -
        ended        ended        revolver  2020-01-01  2024-06-30  -           -
        first-end    first-end    revolver  2020-01-01  2023-06-30  2024-06-30  -
        soon         soon         revolver  2020-01-01  2024-07-30  2024-06-30  -                   # 30 days early
        inside12     inside12     revolver  2020-01-01  2035-01-01  2024-01-02  -                   # 364 days ago
        edge12       edge12       revolver  2020-01-01  2035-01-01  2024-01-01  -                   # 365
        inside24     inside24     revolver  2020-01-01  2035-01-01  2023-01-02  -                   # 729
        edge24       edge24       revolver  2020-01-01  2035-01-01  2023-01-01  -                   # 730
        today        today        revolver  2020-01-01  2035-01-01  2024-12-31  -
        last-day     last-day     revolver  2020-01-01  2024-12-31  -           -
        booked       booked       revolver  2020-01-01  2035-01-01  2024-06-30  2025-01-05
        overstayed   overstayed   revolver  2020-01-01  2023-06-30  -           -
        undrawn      undrawn      revolver  2020-01-01  2024-06-30  -           -
        term         term         term      2020-01-01  2024-06-30  2024-06-30  -
        renewed      renewed      revolver  2020-01-01  2024-06-30  -           -
        renewed-by   renewed      term      2024-07-31  2035-01-01  -           -
        replaced     replaced     revolver  2020-01-01  2024-06-30  -           -
        replaced-by  replaced     term      2022-10-31  2035-01-01  -           -                   # a month after the payment
        cut          cut          revolver  2020-01-01  2035-01-01  -           -
        project      project      project   2020-01-01  2024-06-30  -           -                   # half of it drawn
        full         full         project   2020-01-01  2024-06-30  -           -
    """,
    drawdowns="""
        loan_id      drawn_on    amount
        closed       2020-01-01  1000.00
        ended        2020-01-01  1000.00
        first-end    2020-01-01  1000.00
        soon         2020-01-01  1000.00
        inside12     2020-01-01  1000.00
        edge12       2020-01-01  1000.00
        inside24     2020-01-01  1000.00
        edge24       2020-01-01  1000.00
        today        2020-01-01  1000.00
        last-day     2020-01-01  1000.00
        booked       2020-01-01  1000.00
        overstayed   2020-01-01  1000.00
        term         2020-01-01  1000.00
        renewed      2020-01-01  1000.00
        replaced     2020-01-01  1000.00
        cut          2020-01-01  1000.00
        project      2020-01-01   500.00
        full         2020-01-01  1000.00
    """,
    repayments="""
        loan_id     due_on      paid_on     amount_paid
        undrawn     2024-05-31  2024-05-31    10.00
        closed      2022-09-30  2022-09-30  1000.00
        ended       2022-09-30  2022-09-30  1000.00
        first-end   2022-09-30  2022-09-30  1000.00
        soon        2022-09-30  2022-09-30  1000.00
        inside12    2022-09-30  2022-09-30  1000.00
        edge12      2022-09-30  2022-09-30  1000.00
        inside24    2022-09-30  2022-09-30  1000.00
        edge24      2022-09-30  2022-09-30  1000.00
        today       2022-09-30  2022-09-30  1000.00
        last-day    2022-09-30  2022-09-30  1000.00
        booked      2022-09-30  2022-09-30  1000.00
        overstayed  2024-06-30  2024-06-30  1000.00
        term        2023-09-30  2023-09-30  1000.00
        renewed     2022-09-30  2022-09-30  1000.00
        replaced    2022-09-30  2022-09-30  1000.00
        cut         2022-09-30  2022-09-30  1000.00
        project     2022-09-30  2022-09-30   500.00
        full        2022-09-30  2022-09-30  1000.00
    """,
    limits="""
        loan_id  changed_on  committed_amount  cause
        cut      2024-06-30  0.00              customer
    """,
)
ALL_LINES = ("closed", "ended", "first-end", "soon", "inside12", "edge12", "inside24", "edge24", "today", "last-day", "booked",
             "overstayed", "undrawn", "term", "renewed", "replaced", "cut", "project", "full")

# Loans of 1000 paid off, most of them before they mature in 2035, and what was signed around it.
PAYOFFS = Book(
    loans="""
        loan_id        customer_id  signed_on   matures_on
        judged         judged       2020-01-01  2035-01-01
        young          young        2020-01-01  2035-01-01
        inside24       inside24     2020-01-01  2035-01-01
        edge24         edge24       2020-01-01  2035-01-01
        inside12       inside12     2020-01-01  2035-01-01
        edge12         edge12       2020-01-01  2035-01-01
        renewed        renewed      2020-01-01  2035-01-01
        renewed-after  renewed      2024-07-30  2035-01-01  # 90 days after 1 May
        late           late         2020-01-01  2035-01-01
        late-after     late         2024-07-31  2035-01-01  # 91
        prepared       prepared     2020-01-01  2035-01-01
        prepared-by    prepared     2024-04-01  2035-01-01  # 30 days before 1 May
        unrelated      unrelated    2020-01-01  2035-01-01
        unrelated-by   unrelated    2024-03-31  2035-01-01  # 31
        month-early    month-early  2020-01-01  2024-05-31  # 30 days after 1 May
        earlier        earlier      2020-01-01  2024-06-01  # 31
        matured        matured      2020-01-01  2024-05-01
        undated        undated      2020-01-01  -
        open           in-part      2020-01-01  2035-01-01
    """,
    repayments="""
        loan_id      due_on      principal_due  interest_due  paid_on     amount_paid  returned_on
        judged       2024-10-02     0.00        0.00          2024-10-02  1000.00      -            # 90 days ago
        young        2024-10-03     0.00        0.00          2024-10-03  1000.00      -            # 89
        inside24     2023-01-02     0.00        0.00          2023-01-02  1000.00      -            # 729
        edge24       2023-01-01     0.00        0.00          2023-01-01  1000.00      -            # 730
        inside12     2024-01-02     0.00        0.00          2024-01-02  1000.00      -            # 364
        edge12       2024-01-01     0.00        0.00          2024-01-01  1000.00      -            # 365
        renewed      2024-05-01     0.00        0.00          2024-05-01  1000.00      -
        late         2024-05-01     0.00        0.00          2024-05-01  1000.00      -
        prepared     2024-05-01     0.00        0.00          2024-05-01  1000.00      -
        unrelated    2024-05-01     0.00        0.00          2024-05-01  1000.00      -
        month-early  2024-05-01     0.00        0.00          2024-05-01  1000.00      -
        earlier      2024-05-01     0.00        0.00          2024-05-01  1000.00      -
        matured      2024-05-01  1000.00        0.00          2024-05-01  1000.00      -
        undated      2024-05-01     0.00        0.00          2024-05-01  1000.00      -
        open         2024-05-01     0.00        0.00          2024-05-01   250.00      -
        open         2024-11-30   150.00        0.00          2024-11-30   150.00      -
        open         2024-12-10     0.00        0.00          2024-12-10   600.00      2024-12-12
    """,
)
PAID_OFF = ("judged", "young", "inside24", "edge24", "inside12", "edge12", "renewed", "late", "prepared", "unrelated",
            "month-early", "earlier", "matured", "undated")
SINCE_MAY_1 = 30 + 30 + SINCE_JUNE_30  # the rest of May, June, July to December

# Loans closed on the day of an instalment, before the next one, and closed but not booked yet.
LEAVERS = Book(
    loans="""
        loan_id  customer_id  product  signed_on   closed_on   closed_recorded_on
        gone     gone         term     2023-01-01  2024-06-30  -
        owing    owing        term     2023-01-01  2024-06-30  -
        going    going        term     2023-01-01  2024-06-29  2025-01-01
    """,
    repayments="""
        loan_id  instalment  due_on      principal_due  interest_due  paid_on     amount_paid
        gone     1           2024-05-31  100.00         5.00          2024-05-31  105.00
        gone     2           2024-07-01  100.00         5.00          -           -
        owing    1           2024-06-30  100.00         5.00          -           -
        going    1           2024-05-31  100.00         5.00          2024-05-31  105.00
        going    2           2024-06-30  100.00         5.00          -           -
    """,
)

# Who speaks with the bank, pays and draws, and who has fallen silent.
TALKERS = Book(
    loans="""
        loan_id  customer_id  product
        talks    talks        term
        pays     pays         term
        fades    fades        term
        draws    draws        revolver
        silent   silent       term
    """,
    repayments="""
        loan_id  due_on      principal_due  paid_on     amount_paid
        pays     2024-03-31  10.00          2024-03-31  10.00
        pays     2024-06-30  10.00          2024-06-30  10.00
        pays     2024-09-30  10.00          2024-10-01  10.00        # 91 days ago
        pays     2024-12-31  10.00          2024-12-31  10.00
        fades    2024-02-29  10.00          2024-02-29  10.00
        fades    2024-03-31  10.00          2024-03-31  10.00
    """,
    drawdowns="""
        loan_id  drawn_on    amount
        talks    2020-01-01  500.00
        pays     2020-01-01  500.00
        fades    2020-01-01  500.00
        draws    2024-01-01   50.00  # 365 days ago
        draws    2024-05-01   50.00
        draws    2024-10-02   50.00  # 90
        silent   2020-01-01  500.00
    """,
    contacts="""
        customer_id  contacted_on  kind
        talks        2024-01-01    call            # 365 days ago
        talks        2024-01-01    complaint
        talks        2024-01-01    rate_complaint
        talks        2024-01-02    call            # 364
        talks        2024-03-01    complaint
        talks        2024-04-01    rate_complaint
        talks        2024-11-30    meeting
        fades        2023-12-31    service
        draws        2024-12-31    call
        draws        2025-01-01    complaint
    """,
)
ALL_TALKERS = ("talks", "pays", "fades", "draws", "silent")

# Everybody's first dealing came a month ago; one signed 365 days ago, one the day after, one has signed nothing yet.
NEWCOMERS = Book(
    customers="""
        customer_id
        year
        younger
        visitor
    """,
    loans="""
        loan_id  customer_id  signed_on
        year     year         2024-01-01
        younger  younger      2024-01-02
    """,
    drawdowns="""
        loan_id  drawn_on    amount
        year     2024-12-01  500.00
        younger  2024-12-01  500.00
    """,
    contacts="""
        customer_id  contacted_on
        visitor      2024-12-01
    """,
)

# Payments on instalments without principal: of interest, unscheduled, or nobody says which. 2024-01-01 is 365 days ago.
UNTOLD = Book(
    loans="""
        loan_id    customer_id  committed_amount
        either     either       1000.00
        in-parts   in-parts     1000.00
        certainly  both         1000.00
        perhaps    both         1000.00
        long-ago   long-ago     1000.00
        later      later        1000.00
        unpaid     unpaid       1000.00
        interest   interest     1000.00
        principal  principal    1000.00
    """,
    repayments="""
        loan_id    instalment  payment  due_on      principal_due  interest_due  paid_on     amount_paid
        either     1           1        2024-06-30    0.00         -             2024-06-30   50.00
        in-parts   1           1        2024-01-01    0.00         -             2024-01-01   10.00
        in-parts   1           2        2024-01-01    0.00         -             2024-01-02   40.00
        certainly  1           1        2024-06-30    0.00         0.00          2024-06-30  200.00
        perhaps    1           1        2024-06-30    0.00         -             2024-06-30   50.00
        long-ago   1           1        2024-01-01    0.00         -             2024-01-01   50.00
        later      1           1        2024-06-30    0.00         -             2025-01-01   50.00
        unpaid     1           1        2024-06-30    0.00         -             -            -
        interest   1           1        2024-06-30    0.00         10.00         2024-06-30   10.00
        interest   2           1        2024-07-31    0.00         0.00          2024-07-31  250.00
        principal  1           1        2024-06-30  100.00         -             2024-06-30  100.00
    """,
)

SPECS = [
    Spec("days_past_due", BORROWERS, AS_OF, {"A": 31 - 11, "B": 0, "C": 0},
         "the instalment of 11 December is only paid in part; what is due on the date itself is not late"),
    Spec("days_past_due", PAYERS, AS_OF,
         dict.fromkeys(ALL_PAYERS, 0)
         | dict.fromkeys(("over-one", "returned", "late-booked"), SINCE_JUNE_30) | {"interest": 31 - 1},
         "1 % unpaid is settled and 1.01 % is not; a returned payment pays nothing once known; a withdrawal booked after "
         "the date is not known; interest alone counts"),
    Spec("days_past_due", LEAVERS, AS_OF, {"gone": 0, "owing": SINCE_JUNE_30, "going": SINCE_JUNE_30},
         "what falls due the day after a loan was closed went with it, once the closing is known; what was unpaid then stays"),
    Spec("days_past_due_max_3m", INSIDE_AND_ON_THE_EDGE, AS_OF, dict.fromkeys(ALL_IN_WINDOWS, 0) | SETTLED_IN_3M,
         "what was paid 90 days ago was past due in the window, what was paid 91 days ago was not"),
    Spec("days_past_due_max_6m", INSIDE_AND_ON_THE_EDGE, AS_OF, dict.fromkeys(ALL_IN_WINDOWS, 0) | SETTLED_IN_6M,
         "182 days ago is inside, 183 is not"),
    Spec("days_past_due_max_12m", INSIDE_AND_ON_THE_EDGE, AS_OF, dict.fromkeys(ALL_IN_WINDOWS, 0) | SETTLED_IN_12M,
         "364 days ago is inside, 365 is not; an instalment due before the window and paid in it counts with all its days"),
    Spec("days_past_due_max_12m", BORROWERS, AS_OF, {"A": max(10, 20, 31 - 11, 0), "B": 0, "C": 0},
         "the last part of the June instalment came 20 days late; a prepaid instalment never fell due"),
    Spec("days_past_due_max_24m", INSIDE_AND_ON_THE_EDGE, AS_OF, dict.fromkeys(ALL_IN_WINDOWS, 0) | SETTLED_IN_24M,
         "729 days ago is inside, 730 is not"),
    Spec("days_late_mean_12m", BORROWERS, AS_OF, {"A": (10 + 20 + 20 + 0) / 4, "B": None, "C": None},
         "four instalments of A fell due within the year; that of C may still be paid on its day"),
    Spec("days_late_mean_12m", PAYERS, AS_OF,
         {"one-percent": 5, "over-one": SINCE_JUNE_30, "middle": 10, "returned": SINCE_JUNE_30, "twice": 8, "bounces": 0,
          "early": (0 + 0) / 2, "punctual": 0, "forborne": 30, "late-booked": SINCE_JUNE_30, "revised": None,
          "interest": 31 - 1},
         "the second of three payments settled; early is not negative; late until withdrawn; wrongly scheduled is never due"),
    Spec("on_time_share_12m", BORROWERS, AS_OF, {"A": 1 / 4, "B": None, "C": None},
         "only the last one was paid in full by its day; what is due on the date may still be"),
    Spec("on_time_share_12m", PAYERS, AS_OF,
         dict.fromkeys(ALL_PAYERS, 0) | {"bounces": 1, "early": 2 / 2, "punctual": 2 / 2, "revised": None},
         "a return booked after the date is not known; 98.99 % on the day is not on time"),
    Spec("on_time_share_12m", INSIDE_AND_ON_THE_EDGE, AS_OF,
         dict.fromkeys(ALL_IN_WINDOWS, None)
         | dict.fromkeys(("inside3", "edge3", "inside6", "edge6", "unpaid"), 0) | {"worse": 1 / 3},
         "what fell due 364 days ago counts, what fell due 365 days ago does not, whenever it was paid"),
    Spec("on_time_share_12m", LEAVERS, AS_OF, {"gone": 1 / 1, "owing": 0 / 1, "going": 1 / 2},
         "what went with its loan never fell due"),
    Spec("paid_minus_due_mean_12m", PAYERS, AS_OF,
         dict.fromkeys(ALL_PAYERS, None)
         | {"one-percent": 5, "middle": 10, "twice": 8, "bounces": 0, "early": -(5 + 3) / 2, "punctual": 0},
         "early is negative; what is not settled has no day"),
    Spec("paid_minus_due_spread_12m", PAYERS, AS_OF,
         dict.fromkeys(ALL_PAYERS, None) | {"early": (((-5 + 4) ** 2 + (-3 + 4) ** 2) / 2) ** 0.5, "punctual": 0},
         "around the mean of 4 days early; one instalment has no spread"),
    Spec("n_partial_payments_12m", BORROWERS, AS_OF, {"A": 1 + 1, "B": 0, "C": 0},
         "June in two parts, 11 December only in part"),
    Spec("n_partial_payments_12m", PAYERS, AS_OF, dict.fromkeys(ALL_PAYERS, 0) | {"over-one": 1, "middle": 1},
         "an instalment in three parts is one; a payment that was returned is no part; an immaterial rest is none"),
    Spec("n_late_run_max_24m", DELAYS, AS_OF,
         {"broken": 2, "two-loans": 1, "rolling": 4, "relapsed": 1, "same-day": 2, "withdrawn": 2, "mild": 1, "open": 2,
          "within": 3, "half": 2, "edge": 1},
         "an instalment paid on its day breaks the run; runs of two loans do not add up; 730 days ago is outside"),
    Spec("n_cures_24m", RESCHEDULED, AS_OF, dict.fromkeys(ALL_RESCHEDULED, 0), "what is paid after it was withdrawn is no cure"),
    Spec("paid_minus_due_mean_12m", RESCHEDULED, AS_OF,
         dict.fromkeys(ALL_RESCHEDULED, None) | {"before": -31 / 1, "paid": 0 / 1},
         "what is paid after it was withdrawn settles nothing"),
    Spec("n_partial_payments_12m", RESCHEDULED, AS_OF, dict.fromkeys(ALL_RESCHEDULED, 0), "paid whole, or never due"),
    Spec("days_past_due_max_12m", RESCHEDULED, AS_OF, dict.fromkeys(ALL_RESCHEDULED, 0) | {"next-day": 1, "too-late": 40},
         "withdrawn by its day: nobody was late on it, whatever was paid afterwards"),
    Spec("on_time_share_12m", RESCHEDULED, AS_OF,
         dict.fromkeys(ALL_RESCHEDULED, None) | {"before": 1 / 1, "paid": 1 / 1, "next-day": 0 / 1, "too-late": 0 / 1},
         "settled by the day it was withdrawn, or never due, where that was its own day or before"),
    Spec("days_late_mean_12m", RESCHEDULED, AS_OF,
         dict.fromkeys(ALL_RESCHEDULED, None) | {"before": 0 / 1, "paid": 0 / 1, "next-day": 1 / 1, "too-late": 40 / 1},
         "late until it was withdrawn, whatever was paid afterwards, and never due where that was by its day"),
    Spec("on_time_share_12m", DUE_TODAY, AS_OF,
         {"unpaid": 0 / 1, "paid": 1 / 2, "ahead": 1 / 2, "in-part": 0 / 1, "prepaid": 0 / 1, "new-open": None, "new-paid": 1 / 1,
          "ends": 0 / 1},
         "due on the date itself: on time where it is paid, not counted where it still may be"),
    Spec("days_late_mean_12m", DUE_TODAY, AS_OF,
         {"unpaid": 10 / 1, "paid": (10 + 0) / 2, "ahead": (10 + 0) / 2, "in-part": 10 / 1, "prepaid": 10 / 1, "new-open": None,
          "new-paid": 0 / 1, "ends": 10 / 1},
         "what may still be paid on its day does not make the mean smaller"),
    Spec("n_partial_payments_12m", DUE_TODAY, AS_OF, dict.fromkeys(ALL_DUE_TODAY, 0), "the rest may still come on its day"),
    Spec("record_months", DUE_TODAY, AS_OF,
         dict.fromkeys(ALL_DUE_TODAY, (31 + 30 + 31) * MONTHS) | {"new-open": None, "new-paid": 0},
         "begins with the first instalment that fell due, on the date itself where it is paid"),
    Spec("n_cures_24m", DELAYS, AS_OF,
         {"broken": 0, "two-loans": 0, "rolling": 1, "relapsed": 2, "same-day": 2, "withdrawn": 0, "mild": 0, "open": 1,
          "within": 1, "half": 0, "edge": 1},
         "one stretch of arrears is cured once, when all of it is paid; 31 days are serious, 30 are not; a withdrawal is "
         "no cure"),
    Spec("n_relapses_24m", DELAYS, AS_OF,
         {"broken": 0, "two-loans": 0, "rolling": 0, "relapsed": 1, "same-day": 1, "withdrawn": 0, "mild": 0, "open": 1,
          "within": 0, "half": 0, "edge": 0},
         "serious again after a cure, paid since or not; always 60 days late is no relapse, since nothing was cured between"),
    Spec("n_cures_24m", LONG_UNPAID, AS_OF,
         {"unpaid": 0, "settled": 1 + 1, "edge": 1, "between": 1, "forborne": 1, "replaced": 1, "alone": 0},
         "an instalment unpaid for over 24 months keeps the loan in arrears, whatever is paid beside it; one settled in them is "
         "a cure itself; what was withdrawn before them is not looked at"),
    Spec("n_relapses_24m", LONG_UNPAID, AS_OF,
         {"unpaid": 0, "settled": 1, "edge": 0, "between": 1, "forborne": 0, "replaced": 0, "alone": 0},
         "after a cure of the 24 months, whenever its instalment fell due; without a cure there is no relapse"),
    Spec("n_late_run_max_24m", LONG_UNPAID, AS_OF,
         {"unpaid": 2, "settled": 1, "edge": 1, "between": 2, "forborne": 1, "replaced": 0, "alone": 0},
         "a run counts instalments that fell due in the 24 months, however long one before them stayed unpaid"),
    Spec("days_late_trend_12m", INSIDE_AND_ON_THE_EDGE, AS_OF,
         dict.fromkeys(ALL_IN_WINDOWS, None) | {"worse": 10 - (4 + 0) / 2},
         "due 90 days ago is recent, due 91 days ago is before, due 365 days ago is neither; one side alone is no trend"),
    Spec("prepaid_12m_ratio", BORROWERS, AS_OF, {"A": 0, "B": 300 / (300 + 100), "C": 0},
         "over the balance before it; paying an instalment a day early is not unscheduled"),
    Spec("prepaid_12m_ratio", PAYOFFS, AS_OF,
         dict.fromkeys(PAID_OFF, 1)
         | {"inside24": None, "edge24": None, "edge12": None, "matured": None, "in-part": 250 / (250 + 1000 - 250 - 150)}
         | dict.fromkeys(("renewed", "late", "prepared", "unrelated"), 1000 / (1000 + 1000)),
         "365 days ago is outside; a scheduled instalment is no prepayment and a returned one is no payment"),
    Spec("prepaid_12m_ratio", UNTOLD, AS_OF,
         {"either": None, "in-parts": None, "both": None, "long-ago": 0, "later": 0, "unpaid": 0,
          "interest": 250 / (250 + 1000 - 250), "principal": 0},
         "no principal due and the interest not known: a payment of the year may be either, so nothing is said"),
    Spec("n_paid_off_12m", BORROWERS, AS_OF, {"A": 0, "B": 1, "C": 0}, "nothing left to pay or to draw"),
    Spec("n_paid_off_12m", PAYOFFS, AS_OF,
         dict.fromkeys(PAID_OFF, 1) | {"inside24": 0, "edge24": 0, "edge12": 0, "in-part": 0},
         "364 days ago is inside, 365 is not"),
    Spec("n_paid_off_12m", LINES_PAID_BACK, AS_OF,
         dict.fromkeys(ALL_LINES, 0)
         | dict.fromkeys(("closed", "ended", "soon", "inside12", "today", "overstayed", "renewed", "replaced", "cut",
                          "project"), 1),
         "a line counts from the day it ended, or was cut to nothing, the first of two, or from a payment after it; it is open "
         "on its last day; one never drawn was not paid off, whatever was paid for it; a loan drawn in full counts from its last "
         "payment, a project with a rest to draw from its end"),
    Spec("n_paid_off_early_24m", LINES_PAID_BACK, AS_OF,
         dict.fromkeys(ALL_LINES, 0) | dict.fromkeys(("closed", "inside12", "edge12", "inside24", "today", "term", "cut"), 1),
         "a line that ran its course was not paid off early, whenever it was paid back; one closed over 30 days before was"),
    Spec("n_paid_off_12m", BEYOND_MATURITY, AS_OF, dict.fromkeys(ALL_BEYOND, 0) | {"prepaid": 1, "given-up": 1, "idle": 1},
         "what is not owed is paid off, though instalments stand"),
    Spec("n_refinanced_away_24m", LINES_PAID_BACK, AS_OF,
         dict.fromkeys(ALL_LINES, 1) | dict.fromkeys(("edge24", "today", "last-day", "booked", "undrawn", "renewed", "full"), 0),
         "what was signed around the end of the line renews it, not what was signed around the last payment"),
    Spec("n_paid_off_early_24m", BEYOND_MATURITY, AS_OF, dict.fromkeys(ALL_BEYOND, 0) | {"prepaid": 1, "given-up": 1, "idle": 1},
         "a schedule prepaid a year before its end was prepaid early, though the maturity agreed was near"),
    Spec("n_paid_off_early_24m", PAYOFFS, AS_OF,
         dict.fromkeys(PAID_OFF, 1) | {"edge24": 0, "month-early": 0, "matured": 0, "undated": 0, "in-part": 0},
         "729 days ago is inside, 730 is not; 30 days early is not early; renewed or not; without a maturity nobody knows"),
    Spec("n_refinanced_away_24m", PAYOFFS, AS_OF,
         dict.fromkeys(PAID_OFF, 1) | {"young": 0, "edge24": 0, "renewed": 0, "prepared": 0, "in-part": 0},
         "early or at maturity; judged from the 90th day on; a loan signed 30 days before to 90 days after renews it"),
    Spec("days_since_payment", BORROWERS, AS_OF, {"A": 0, "B": 29 + 31 + 30 + 31, "C": 1}, "whatever it paid for"),
    Spec("days_since_payment", PAYOFFS, AS_OF,
         dict.fromkeys(PAID_OFF, SINCE_MAY_1)
         | {"judged": 90, "young": 89, "inside24": 729, "edge24": 730, "inside12": 364, "edge12": 365, "in-part": 31},
         "the payment of December was returned"),
    Spec("days_since_payment", TALKERS, AS_OF,
         {"talks": None, "pays": 0, "fades": 30 + 1 + SINCE_MAY_1, "draws": None, "silent": None}, "missing where never paid"),
    Spec("n_contacts_12m", TALKERS, AS_OF, dict.fromkeys(ALL_TALKERS, 0) | {"talks": 4, "draws": 1},
         "of every kind; 364 days ago is inside, 365 is not; none is nought"),
    Spec("n_contacts_12m", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "a book without contacts knows of none"),
    Spec("days_since_contact", TALKERS, AS_OF,
         {"talks": 31, "pays": None, "fades": 366, "draws": 0, "silent": None}, "missing where there never was one"),
    Spec("n_complaints_12m", TALKERS, AS_OF, dict.fromkeys(ALL_TALKERS, 0) | {"talks": 1 + 1},
         "about the rate or anything else; the complaint of the day after is not known"),
    Spec("n_rate_complaints_12m", TALKERS, AS_OF, dict.fromkeys(ALL_TALKERS, 0) | {"talks": 1}, "about the rate alone"),
    Spec("activity_3m_to_12m_ratio", TALKERS, AS_OF,
         {"talks": 1 * 4 / 2, "pays": 1 * 4 / 4, "fades": 0 * 4 / 2, "draws": (1 + 1) * 4 / (2 + 1), "silent": None},
         "payments, payouts and contacts, but no complaints; 90 days ago is recent, 91 is not, 365 is outside the year"),
    Spec("activity_3m_to_12m_ratio", BORROWERS, AS_OF, {"A": 2 * 4 / 5, "B": 0 * 4 / 1, "C": 1 * 4 / 1},
         "a book without contacts counts payments; two of A's five came in December"),
    Spec("activity_3m_to_12m_ratio", NEWCOMERS, AS_OF, {"year": 1 * 4 / 1, "younger": None, "visitor": None},
         "365 days of relationship but not 364: all that a newcomer does is recent"),
    Spec("record_months", BORROWERS, AS_OF, {"A": A_RECORD * MONTHS, "B": None, "C": None},
         "since the first instalment fell due; that of C may still be paid on its day"),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.feature)
def test_the_behaviour_feature_is_what_its_spec_says(spec):
    check(spec)
