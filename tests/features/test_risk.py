"""Risk: what could go wrong."""

from __future__ import annotations

import pytest
from books import Book, Spec, check
from schedules import ALL_BEYOND, BEYOND_MATURITY

AS_OF = "2024-12-31"
MONTHS = 12 / 365.25  # months in a day

# Owners of other kinds than the contract knows.
OWNED = Book(
    customers="""
        customer_id  ownership
        municipal    municipality
        State        State
        foreign      foreign
    """,
    loans="""
        loan_id  customer_id
        one      foreign
    """,
)

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
        inside   B            revolver  2030-12-31  -           1000.00
        edge     B            revolver  2030-12-31  -           1000.00
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
        inside    2023-01-02   900.00           bank      # 729 days ago
        edge      2023-01-01   900.00           bank      # 730
    """,
)
A_BALANCE = (1000 - 4 * 100 - 500) + 500

# One loan of 1000 each and an instalment of 100 as many days past due as the name says, or one with an edge of its own.
ARREARS = Book(
    customers="""
        customer_id  group_id  recorded_on
        late30       -         -
        late31       -         -
        late60       -         -
        late61       -         -
        late90       -         -
        late91       g         -
        long         -         -
        today        g         -
        cured        -         -
        paid30       g         2025-01-01  # not known to belong to the group yet
        paid29       -         -
        paid-off     -         -
        mixed        -         -
        inside       -         -
        edge         -         -
        unbooked     -         -
        ended        -         -
        ends-today   -         -
    """,
    loans="""
        loan_id     customer_id  matures_on  committed_amount
        late30      late30       2035-01-01  1000.00
        late31      late31       2035-01-01  1000.00
        late60      late60       2035-01-01  1000.00
        late61      late61       2035-01-01  1000.00
        late90      late90       2035-01-01  1000.00
        late91      late91       2035-01-01  1000.00
        long        long         2035-01-01  1000.00
        today       today        2035-01-01  1000.00
        cured       cured        2035-01-01  1000.00
        paid30      paid30       2035-01-01  1000.00
        paid29      paid29       2035-01-01  1000.00
        paid-off    paid-off     2035-01-01  1000.00
        mixed-late  mixed        2035-01-01  1000.00
        mixed-paid  mixed        2035-01-01   500.00
        inside      inside       2035-01-01  1000.00
        edge        edge         2035-01-01  1000.00
        unbooked    unbooked     2035-01-01  1000.00
        ended       ended        2024-12-30  1000.00
        ends-today  ends-today   2024-12-31  1000.00
    """,
    repayments="""
        loan_id     due_on      principal_due  interest_due  paid_on     amount_paid  superseded_on  superseded_by  superseded_recorded_on
        late30      2024-12-01  100.00          0.00         -           -            -              -              -
        late31      2024-11-30  100.00          0.00         -           -            -              -              -
        late60      2024-11-01  100.00          0.00         -           -            -              -              -
        late61      2024-10-31  100.00          0.00         -           -            -              -              -
        late90      2024-10-02  100.00          0.00         -           -            -              -              -
        late91      2024-10-01  100.00          0.00         -           -            -              -              -
        long        2024-06-01  100.00          0.00         -           -            -              -              -
        today       2024-12-31  100.00          0.00         -           -            -              -              -
        cured       2024-10-15  100.00          0.00         2024-12-15  100.00       -              -              -
        paid30      2024-11-01  100.00          0.00         2024-12-01  100.00       -              -              -
        paid29      2024-11-01  100.00          0.00         2024-12-02  100.00       -              -              -
        paid-off    2024-11-01    0.00         10.00         -           -            -              -              -
        paid-off    2024-11-01    0.00          0.00         2024-11-01  1000.00      -              -              -
        mixed-late  2024-11-30  100.00         20.00         2024-11-30    40.00      -              -              -
        inside      2023-06-30  100.00          0.00         -           -            2023-01-02     forbearance    -
        edge        2023-06-30  100.00          0.00         -           -            2023-01-01     forbearance    -
        unbooked    2024-06-30  100.00          0.00         -           -            2024-06-01     forbearance    2025-01-01
    """,  # noqa: E501 one line an instalment
)
ALL_IN_ARREARS = ("late30", "late31", "late60", "late61", "late90", "late91", "long", "today", "cured", "paid30", "paid29",
                  "paid-off", "mixed", "inside", "edge", "unbooked", "ended", "ends-today")
SINCE_JUNE_1 = 29 + 31 + 31 + 30 + 31 + 30 + 31  # the rest of June, July to December
SINCE_JUNE_30 = SINCE_JUNE_1 - 29
MIXED_BALANCE = 1000 - (40 - 20) + 500  # interest is covered first
LATE_BALANCE = 100 / 1000  # an instalment of 100 on a balance of 1000
BOOK_COMMITTED = 16 * 1000 - 3 * 100 + 0 + MIXED_BALANCE  # three instalments were paid, one loan was paid off

# Ratings, collateral and security: what the credit file says, and since when.
FILES = Book(
    loans="""
        loan_id     customer_id  security    committed_amount
        several     several      -           1000.00
        boundary    boundary     -           1000.00
        new         new          -           1000.00
        unbooked    unbooked     -           1000.00
        revalued    revalued     -           1000.00
        released    released     -           1000.00
        covered     over         -           1000.00
        bare        over         -           1000.00
        pledged     secured      collateral   300.00
        vouched     secured      guarantee    200.00
        trusted     secured      none         100.00
        unknown     secured      -            400.00
        odd         secured      pledge       700.00
    """,
    ratings="""
        customer_id  rated_on    grade  stage  is_watchlisted  recorded_on
        several      2023-12-01  5      1      false           -
        several      2024-06-01  9      1      false           -
        several      2024-10-01  6      2      false           -           # 91 days ago
        several      2024-11-15  8      3      true            -
        boundary     2024-01-01  4      2      true            -           # 365
        boundary     2024-10-02  2      1      false           -           # 90
        new          2024-01-02  7      -      -               -           # 364
        unbooked     2023-01-01  3      1      false           -
        unbooked     2024-12-01  9      3      true            2025-01-02
    """,
    collateral="""
        loan_id   collateral_id  valued_on   value    haircut  recorded_on
        revalued  house          2023-01-01   800.00  0.2      -
        revalued  house          2024-06-30   500.00  0.2      -
        revalued  plant          2023-12-31   100.00  -        -
        released  house          2023-01-01   900.00  0.1      -
        released  house          2024-01-01     0.00  0.1      -
        covered   house          2024-12-31  3000.00  0.5      -
        unbooked  house          2024-06-30   700.00  -        -
        unbooked  house          2024-12-01   100.00  -        2025-01-05
        new       house          2025-01-01   700.00  -        -
    """,
)
ALL_WITH_FILES = ("several", "boundary", "new", "unbooked", "revalued", "released", "over", "secured")

# Assets pledged for loans that are owed, may be drawn, or are done with.
PLEDGES = Book(
    loans="""
        loan_id     customer_id  product   matures_on
        repaid      repaid       term      2030-12-31
        both-owed   both         term      2030-12-31
        both-done   both         term      2030-12-31
        open        open         revolver  2030-12-31
        ended       ended        revolver  2024-06-30
    """,
    repayments="""
        loan_id    due_on      paid_on     amount_paid
        repaid     2024-03-31  2024-03-31  1000.00
        both-done  2024-03-31  2024-03-31  1000.00
        open       2024-03-31  2024-03-31  1000.00
        ended      2024-03-31  2024-03-31  1000.00
    """,
    collateral="""
        loan_id    valued_on   value
        repaid     2020-01-01  500.00
        both-owed  2024-06-30  500.00
        both-done  2020-01-01  500.00
        open       2023-12-31  500.00
        ended      2020-01-01  500.00
    """,
)

# Statements as they came in, and reports of other lenders. Everybody has a line of 1000 of which 800 are drawn, but for
# the silent one, who has a guarantee.
STATEMENTS = Book(
    loans="""
        loan_id    customer_id  product    committed_amount
        plain      plain        revolver   1000.00
        unread     unread       revolver   1000.00
        corrected  corrected    revolver   1000.00
        negative   negative     revolver   1000.00
        nought     nought       revolver   1000.00
        debtless   debtless     revolver   1000.00
        partly     partly       revolver   1000.00
        old        old          revolver   1000.00
        gap        gap          revolver   1000.00
        silent     silent       guarantee  1000.00
    """,
    drawdowns="""
        loan_id    drawn_on    amount
        plain      2023-01-01  800.00
        unread     2023-01-01  800.00
        corrected  2023-01-01  800.00
        negative   2023-01-01  800.00
        nought     2023-01-01  800.00
        debtless   2023-01-01  800.00
        partly     2023-01-01  800.00
        old        2023-01-01  800.00
        gap        2023-01-01  800.00
    """,
    financials="""
        customer_id  period_ends_on  published_on  sales    ebitda   interest_expense  total_debt
        plain        2022-12-31      2023-04-30    1000.00   100.00   40.00             300.00
        plain        2023-12-31      2024-04-30    1100.00   120.00   60.00             450.00
        unread       2023-01-02      2023-04-30     500.00    50.00  100.00             200.00   # 729 days ago
        unread       2023-12-31      2025-01-01     900.00   500.00   10.00             100.00   # published the day after
        corrected    2022-12-31      2024-10-31     200.00   100.00   50.00             100.00   # published after its successor
        corrected    2023-12-31      2024-04-30     300.00   200.00   50.00             400.00
        corrected    2023-12-31      2024-09-30     300.00    80.00   50.00             500.00   # the correction known
        corrected    2023-12-31      2025-02-01     300.00    10.00   50.00             900.00   # the one not known yet
        negative     2020-12-31      2021-04-30     100.00    -5.00   50.00             100.00   # the fourth year back
        negative     2021-12-31      2022-04-30     100.00   -10.00   50.00             100.00
        negative     2022-12-31      2023-04-30     100.00    49.99   50.00             100.00
        negative     2023-12-31      2024-04-30     100.00   -30.00   50.00             120.00
        nought       2021-12-31      2022-04-30     100.00    50.00   50.00             100.00
        nought       2022-12-31      2023-04-30       0.00        -   50.00             100.00
        nought       2023-12-31      2024-04-30     100.00     0.00   50.00             100.00
        debtless     2022-12-31      2023-04-30     100.00   100.00    0.00               0.00
        debtless     2023-12-31      2024-04-30     100.00   100.00    0.00               0.00
        partly       2023-12-31      2024-04-30     100.00        -       -                  -
        old          2023-01-01      2023-04-30     500.00    50.00  100.00             200.00   # 730 days ago
        old          2022-01-01      2022-04-30     500.00    50.00  100.00             200.00
        gap          2021-12-31      2022-04-30     100.00    20.00   50.00             100.00
        gap          2023-12-31      2024-04-30     200.00    50.00   40.00             300.00   # and none of 2022
    """,
    external_debt="""
        customer_id  lender  reported_on  balance  recorded_on
        plain        north   2024-01-31   700.00   -
        plain        north   2024-06-30   500.00   -
        plain        south   2024-06-30   300.00   -
        plain        south   2024-10-31     0.00   -            # repaid
        plain        west    2024-12-31   100.00   -
        unread       north   2024-01-31   200.00   -
        unread       north   2024-12-01   900.00   2025-01-02
        unread       south   2025-01-01   900.00   -
        old          north   2023-01-01   900.00   -            # 730 days ago
        old          south   2023-01-02   300.00   -            # 729
    """,
)
WITH_STATEMENTS = ("plain", "unread", "corrected", "negative", "nought", "debtless", "partly", "old", "gap",
                   "silent")

# An old loan that repays 100 in a month, and a new one: how large, when signed, how repaid.
ROLLOVERS = Book(
    loans="""
        loan_id     customer_id  product   signed_on   committed_amount
        half-old    half         term      2020-01-01  1000.00
        half-new    half         term      2024-06-30    50.00
        less-old    less         term      2020-01-01  1000.00
        less-new    less         term      2024-06-30    49.99
        most-old    most         project   2020-01-01  1000.00
        most-new    most         project   2024-06-01   150.00
        more-old    more         term      2020-01-01  1000.00
        more-new    more         term      2024-06-01   150.01
        next-old    next         term      2020-01-01  1000.00
        next-new    next         term      2024-07-01   100.00
        parts-old   parts        term      2020-01-01  1000.00
        parts-new   parts        term      2024-06-15   140.00
        inside-old  inside       term      2020-01-01  1000.00
        inside-new  inside       term      2024-01-02   100.00  # 364 days ago
        edge-old    edge         term      2020-01-01  1000.00
        edge-new    edge         term      2024-01-01   100.00  # 365
        slow-old    slow         term      2020-01-01  1000.00
        slow-new    slow         term      2024-06-15   100.00
        line-old    line         term      2020-01-01  1000.00
        line-new    line         revolver  2024-06-15   100.00
        bullet-old  bullet       term      2020-01-01   100.00
        bullet-new  bullet       term      2024-06-15   100.00
    """,
    repayments="""
        loan_id     instalment  payment  due_on      principal_due  interest_due  paid_on     amount_paid
        half-old    1           1        2024-06-30  100.00         5.00          2024-06-01  105.00
        half-old    2           1        2025-06-30  100.00         5.00          -           -
        half-new    1           1        2026-06-30   50.00         0.00          -           -
        less-old    1           1        2024-06-30  100.00         5.00          2024-06-01  105.00
        less-old    2           1        2025-06-30  100.00         5.00          -           -
        less-new    1           1        2026-06-30   49.99         0.00          -           -
        most-old    1           1        2024-06-30  100.00         5.00          2024-06-30  105.00
        most-old    2           1        2025-06-30  100.00         5.00          -           -
        most-new    1           1        2026-06-30  150.00         0.00          -           -
        more-old    1           1        2024-06-30  100.00         5.00          2024-06-30  105.00
        more-old    2           1        2025-06-30  100.00         5.00          -           -
        more-new    1           1        2026-06-30  150.01         0.00          -           -
        next-old    1           1        2024-06-30  100.00         5.00          2024-06-30  105.00
        next-old    2           1        2025-06-30  100.00         5.00          -           -
        next-new    1           1        2026-06-30  100.00         0.00          -           -
        parts-old   1           1        2024-06-30  100.00         5.00          2024-06-03   45.00
        parts-old   1           2        2024-06-30  100.00         5.00          2024-06-28   60.00
        parts-old   2           1        2025-06-30  100.00         5.00          -           -
        parts-new   1           1        2026-06-30  140.00         0.00          -           -
        inside-old  1           1        2024-01-31  100.00         5.00          2024-01-01  105.00
        inside-old  2           1        2025-06-30  100.00         5.00          -           -
        inside-new  1           1        2026-06-30  100.00         0.00          -           -
        edge-old    1           1        2024-01-31  100.00         5.00          2024-01-31  105.00
        edge-old    2           1        2025-06-30  100.00         5.00          -           -
        edge-new    1           1        2026-06-30  100.00         0.00          -           -
        slow-old    1           1        2024-06-30  100.00         5.00          2024-06-30  105.00
        slow-old    2           1        2025-06-30  100.00         5.00          -           -
        slow-new    1           1        2026-06-30   50.00         0.00          -           -
        slow-new    2           1        2026-12-31   50.00         0.00          -           -
        line-old    1           1        2024-06-30  100.00         5.00          2024-06-30  105.00
        line-old    2           1        2025-06-30  100.00         5.00          -           -
        line-new    1           1        2026-06-30  100.00         0.00          -           -
        bullet-old  1           1        2024-06-30  100.00         5.00          2024-06-30  105.00
        bullet-new  1           1        2026-06-30  100.00         0.00          -           -
    """,
)

# The old loan is paid back whole with a new one, and the rest of its schedule withdrawn.
EVERGREEN = Book(
    loans="""
        loan_id  product  signed_on   committed_amount
        old      term     2020-01-01  1000.00
        new      term     2024-06-05   900.00
    """,
    repayments="""
        loan_id  due_on      principal_due  paid_on     amount_paid  superseded_on  superseded_by
        old      2024-05-01  100.00         2024-05-01  100.00       -              -
        old      2024-07-01  500.00         -           -            2024-06-06     prepayment
        old      2024-08-01  400.00         -           -            2024-06-06     prepayment
        old      2024-06-06    0.00         2024-06-06  900.00       -              -
        new      2026-06-30  900.00         -           -            -              -
    """,
)
# Each old loan repays 100 in June, and each new one comes in that month: what is known of its schedule, maturity, drawing?
WITHOUT_SCHEDULE = Book(
    loans="""
        loan_id        customer_id  product    signed_on   matures_on  committed_amount
        none-old       none         term       2020-01-01  2030-01-01  1000.00
        none-new       none         term       2024-06-15  2026-06-15   100.00
        project-old    project      term       2020-01-01  2030-01-01  1000.00
        project-new    project      project    2024-06-15  2026-06-15   100.00
        interest-old   interest     term       2020-01-01  2030-01-01  1000.00
        interest-new   interest     term       2024-06-15  2026-06-15   100.00
        undated-old    undated      term       2020-01-01  2030-01-01  1000.00
        undated-new    undated      term       2024-06-15  -            100.00
        one-old        one          term       2020-01-01  2030-01-01  1000.00
        one-new        one          term       2024-06-15  -            100.00
        undrawn-old    undrawn      term       2020-01-01  2030-01-01  1000.00
        undrawn-new    undrawn      term       2024-06-15  2026-06-15   100.00
        line-old       line         term       2020-01-01  2030-01-01  1000.00
        line-new       line         revolver   2024-06-15  2026-06-15   100.00
        guarantee-old  guarantee    term       2020-01-01  2030-01-01  1000.00
        guarantee-new  guarantee    guarantee  2024-06-15  2026-06-15   100.00
        larger-old     larger       term       2020-01-01  2030-01-01  1000.00
        larger-new     larger       term       2024-06-15  2026-06-15   150.01
    """,
    drawdowns="""
        loan_id        drawn_on    amount
        none-old       2020-01-01  1000.00
        none-new       2024-06-15   100.00
        project-old    2020-01-01  1000.00
        project-new    2024-06-15    60.00
        interest-old   2020-01-01  1000.00
        interest-new   2024-06-15   100.00
        undated-old    2020-01-01  1000.00
        undated-new    2024-06-15   100.00
        one-old        2020-01-01  1000.00
        one-new        2024-06-15   100.00
        undrawn-old    2020-01-01  1000.00
        line-old       2020-01-01  1000.00
        line-new       2024-06-15   100.00
        guarantee-old  2020-01-01  1000.00
        guarantee-new  2024-06-15   100.00
        larger-old     2020-01-01  1000.00
        larger-new     2024-06-15   150.01
    """,
    repayments="""
        loan_id        due_on      principal_due  interest_due  paid_on     amount_paid
        none-old       2024-06-30  100.00         5.00          2024-06-30  105.00
        none-old       2025-06-30  100.00         5.00          -           -
        project-old    2024-06-30  100.00         5.00          2024-06-30  105.00
        project-old    2025-06-30  100.00         5.00          -           -
        interest-old   2024-06-30  100.00         5.00          2024-06-30  105.00
        interest-old   2025-06-30  100.00         5.00          -           -
        interest-new   2025-06-30    0.00         5.00          -           -
        undated-old    2024-06-30  100.00         5.00          2024-06-30  105.00
        undated-old    2025-06-30  100.00         5.00          -           -
        one-old        2024-06-30  100.00         5.00          2024-06-30  105.00
        one-old        2025-06-30  100.00         5.00          -           -
        one-new        2026-06-30  100.00         5.00          -           -
        undrawn-old    2024-06-30  100.00         5.00          2024-06-30  105.00
        undrawn-old    2025-06-30  100.00         5.00          -           -
        line-old       2024-06-30  100.00         5.00          2024-06-30  105.00
        line-old       2025-06-30  100.00         5.00          -           -
        guarantee-old  2024-06-30  100.00         5.00          2024-06-30  105.00
        guarantee-old  2025-06-30  100.00         5.00          -           -
        larger-old     2024-06-30  100.00         5.00          2024-06-30  105.00
        larger-old     2025-06-30  100.00         5.00          -           -
    """,
)
# ring1, ring2 and ring3 guarantee each other in turn; backer guarantees ring1 and stands for default, who is in default.
GUARANTEES = Book(
    loans="""
        loan_id     customer_id  committed_amount
        ring1       ring1         100.00
        ring2       ring2         200.00
        ring3       ring3         400.00
        backer      backer       1000.00
        default     default      1000.00
        nearly      nearly       1000.00
        outsiders   with-outsider  50.00
        former      former       1000.00
        former-too  former-too   1000.00
        still       still          10.00
        still-too   still-too      20.00
        owner       owner        1000.00
        owned       owned        1000.00
        alone       alone        1000.00
        probation   probation    1000.00
        healed      healed       1000.00
        forborne    forborne     1000.00
    """,
    repayments="""
        loan_id    due_on      principal_due  paid_on     amount_paid  superseded_on  superseded_by
        default    2024-10-01  100.00         -           -            -              -              # 91 days past due
        nearly     2024-10-02  100.00         -           -            -              -              # 90
        probation  2024-06-01  100.00         2024-10-02  100.00       -              -              # paid 90 days ago
        healed     2024-06-01  100.00         2024-10-01  100.00       -              -              # 91
        forborne   2024-06-01  100.00         -           -            2024-12-01     forbearance
    """,
    links="""
        from_id        to_id          kind       ended_on    ended_recorded_on
        ring1          ring2          guarantee  -           -
        ring2          ring3          guarantee  -           -
        ring3          ring1          guarantee  -           -
        stranger       ring1          guarantee  -           -
        backer         ring1          guarantee  -           -
        backer         default        guarantee  -           -
        with-outsider  outsider       guarantee  -           -
        outsider       with-outsider  guarantee  -           -
        outsider       nearly         guarantee  -           -
        former         former-too     guarantee  2024-12-31  -
        former-too     former         guarantee  -           -
        still          still-too      guarantee  2024-12-31  2025-01-01
        still-too      still          guarantee  -           -
        owner          owned          ownership  -           -
        owned          owner          guarantee  -           -
        surety         probation      guarantee  -           -
        surety-too     healed         guarantee  -           -
        surety-more    forborne       guarantee  -           -
    """,
)
ALL_LINKED = ("ring1", "ring2", "ring3", "backer", "default", "nearly", "with-outsider", "former", "former-too", "still",
              "still-too", "owner", "owned", "alone", "probation", "healed", "forborne")
RING = 100 + 200 + 400

SPECS = [
    Spec("arrears_bucket_now", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 0)
         | {"late30": 1, "late31": 2, "late60": 2, "late61": 3, "late90": 3, "late91": 4, "long": 4, "paid-off": 2, "mixed": 2,
            "unbooked": 4},
         "the 30th, 60th and 90th day still belong to the better bucket; due on the date is current"),
    Spec("arrears_roll_1m", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 0)
         | {"late30": 1 - 0, "late31": 2 - 1, "late60": 2 - 1, "late61": 3 - 2, "late90": 3 - 2, "late91": 4 - 3,
            "long": 4 - 4, "cured": 0 - 2, "paid30": 0 - 0, "paid29": 0 - 1, "paid-off": 2 - 1, "mixed": 2 - 1,
            "unbooked": 4 - 4},
         "30 days ago the instalment paid 29 days ago was 30 days past due, the one paid that very day no more"),
    Spec("arrears_roll_3m", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 0)
         | {"late30": 1, "late31": 2, "late60": 2, "late61": 3, "late90": 3, "late91": 4 - 0, "long": 4 - 4, "paid-off": 2,
            "mixed": 2, "unbooked": 4 - 4},
         "what fell due 91 days ago was not past due on that day; long was 122 days past due by then"),
    Spec("overdue_share", BORROWERS, AS_OF, {"A": 100 / A_BALANCE, "B": 0, "C": None}, "31 October is unpaid"),
    Spec("overdue_share", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 0)
         | dict.fromkeys(("late30", "late31", "late60", "late61", "late90", "late91", "long", "unbooked"), LATE_BALANCE)
         | {"paid-off": 10 / 10, "mixed": (100 + 20 - 40) / MIXED_BALANCE},
         "due on the date is not overdue; overdue interest without a balance is all of it"),
    Spec("exposure_in_arrears_share", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 0)
         | dict.fromkeys(("late31", "late60", "late61", "late90", "late91", "long", "unbooked"), 1000 / 1000)
         | {"paid-off": None, "mixed": (MIXED_BALANCE - 500) / MIXED_BALANCE},
         "the whole balance of a loan over 30 days past due, not of the one beside it; 30 days are not over 30"),
    Spec("n_late_30d_12m", BORROWERS, AS_OF, {"A": 2, "B": 0, "C": 0}, "40 and 61 days; 10 is not over 30"),
    Spec("n_late_30d_12m", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 0)
         | dict.fromkeys(("late31", "late60", "late61", "late90", "late91", "long", "cured", "paid29", "paid-off", "mixed",
                          "unbooked"), 1),
         "31 days late is over 30, paid since or not, 30 is not"),
    Spec("n_late_90d_24m", BORROWERS, AS_OF, {"A": 1, "B": 0, "C": 0}, "93 days; the 121 lie over 24 months back"),
    Spec("n_late_90d_24m", ARREARS, AS_OF, dict.fromkeys(ALL_IN_ARREARS, 0) | {"late91": 1, "long": 1, "unbooked": 1},
         "91 days late is over 90, 90 is not"),
    Spec("rating_grade", FILES, AS_OF,
         dict.fromkeys(ALL_WITH_FILES, None) | {"several": 8, "boundary": 2, "new": 7, "unbooked": 3},
         "the latest known; a rating booked after the date is not"),
    Spec("rating_grade", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "a book without ratings rates nobody"),
    Spec("rating_notches_3m", FILES, AS_OF,
         dict.fromkeys(ALL_WITH_FILES, None) | {"several": 8 - 6, "boundary": 2 - 4, "new": 7 - 7, "unbooked": 3 - 3},
         "against the rating in force 91 days ago, given that day at the latest"),
    Spec("rating_notches_12m", FILES, AS_OF,
         dict.fromkeys(ALL_WITH_FILES, None) | {"several": 8 - 5, "boundary": 2 - 4, "unbooked": 3 - 3},
         "whatever it was in between; first rated 364 days ago has nothing to compare with"),
    Spec("impairment_stage", FILES, AS_OF, dict.fromkeys(ALL_WITH_FILES, None) | {"several": 3, "boundary": 1, "unbooked": 1},
         "of the latest rating; one without a stage says nothing"),
    Spec("is_watchlisted", FILES, AS_OF, dict.fromkeys(ALL_WITH_FILES, None) | {"several": 1, "boundary": 0, "unbooked": 0},
         "taken off the list with the latest rating; not said is not no"),
    Spec("n_forborne_24m", BORROWERS, AS_OF, {"A": 1, "B": 0, "C": 0},
         "one lies over 24 months back, one is granted only the day after"),
    Spec("n_forborne_24m", ARREARS, AS_OF, dict.fromkeys(ALL_IN_ARREARS, 0) | {"inside": 1},
         "729 days ago is inside, 730 is not; forbearance booked after the date is not known"),
    Spec("months_since_forbearance", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, None) | {"inside": 729 * MONTHS, "edge": 730 * MONTHS},
         "however long ago, once it is booked"),
    Spec("months_since_forbearance", BORROWERS, AS_OF, {"A": (SINCE_JUNE_30 + 29) * MONTHS, "B": None, "C": None},
         "the latest of two; the one of the day after is not known"),
    Spec("past_maturity_share", BORROWERS, AS_OF, {"A": 100 / A_BALANCE, "B": 0, "C": None},
         "100 are left on a loan that ended in November"),
    Spec("past_maturity_share", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 0) | {"ended": 1000 / 1000, "ends-today": 0 / 1000, "paid-off": None},
         "the day of maturity itself has not passed"),
    Spec("past_maturity_share", BEYOND_MATURITY, AS_OF,
         dict.fromkeys(ALL_BEYOND, 0) | dict.fromkeys(("over", "forborne", "revised", "announced", "shortened"), 1)
         | {"undated": None, "prepaid": None, "given-up": None, "idle": None},
         "a schedule beyond the maturity extends the loan until its last day, unless it was replaced or prepaid, or is not "
         "announced yet; an unscheduled repayment extends nothing"),
    Spec("collateral_cover_ratio", FILES, AS_OF,
         dict.fromkeys(ALL_WITH_FILES, 0)
         | {"revalued": (500 * (1 - 0.2) + 100) / 1000, "over": 1000 / (1000 + 1000), "unbooked": 700 / 1000},
         "the latest value of each asset less its haircut; a loan's surplus covers no other; released at zero counts no more"),
    Spec("valuation_age_months", FILES, AS_OF,
         dict.fromkeys(ALL_WITH_FILES, None)
         | {"revalued": 366 * MONTHS, "over": 0, "unbooked": SINCE_JUNE_30 * MONTHS},
         "the oldest among the latest of each asset; a valuation booked after the date is not known"),
    Spec("valuation_age_months", PLEDGES, AS_OF,
         {"repaid": None, "both": SINCE_JUNE_30 * MONTHS, "open": 366 * MONTHS, "ended": None},
         "for a loan that is owed or may be drawn; what secures nothing any more needs no valuation"),
    Spec("secured_share", BORROWERS, AS_OF, {"A": 100 / A_BALANCE, "B": None, "C": None}, "by balance, where known"),
    Spec("secured_share", FILES, AS_OF,
         dict.fromkeys(ALL_WITH_FILES, None) | {"secured": (300 + 200) / (300 + 200 + 100)},
         "unknown security, or one of another kind, counts on neither side"),
    Spec("guaranteed_share", FILES, AS_OF, dict.fromkeys(ALL_WITH_FILES, None) | {"secured": 200 / (300 + 200 + 100)},
         "a guarantee alone"),
    Spec("unsecured_share", FILES, AS_OF, dict.fromkeys(ALL_WITH_FILES, None) | {"secured": 100 / (300 + 200 + 100)},
         "said to have none"),
    Spec("is_state_owned", BORROWERS, AS_OF, {"A": 1, "B": 0, "C": None}, "unknown is not private"),
    Spec("is_state_owned", OWNED, AS_OF, {"municipal": None, "State": None, "foreign": 0}, "one of another kind is unknown"),
    Spec("firm_age_months", BORROWERS, AS_OF, {"A": (10 * 365 + 3) * MONTHS, "B": None, "C": None},
         "ten years with three leap days"),
    Spec("n_limits_cut_24m", BORROWERS, AS_OF, {"A": 0, "B": 1 + 1, "C": 0},
         "the latest change counts; the bank raising a limit is no cut, nor is the customer's own change; 729 days ago is "
         "inside, 730 is not"),
    Spec("n_limits_cut_24m", ARREARS, AS_OF, dict.fromkeys(ALL_IN_ARREARS, None), "a book without limits knows of no change"),
    Spec("leverage_ratio", STATEMENTS, AS_OF,
         dict.fromkeys(WITH_STATEMENTS, None)
         | {"plain": (450 + 200) / 120, "unread": (200 + 200) / 50, "corrected": (500 + 200) / 80,
            "debtless": (0 + 200) / 100, "gap": (300 + 200) / 50},
         "of the latest statement published, as last corrected, with 200 undrawn; missing where EBITDA is not positive, or "
         "where the year ended 24 months ago"),
    Spec("leverage_ratio", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "a book without statements"),
    Spec("is_ebitda_negative", STATEMENTS, AS_OF,
         {"plain": 0, "unread": 0, "corrected": 0, "negative": 1, "nought": 1, "debtless": 0, "partly": None, "silent": None,
          "old": None, "gap": 0},
         "nought is not positive; not published is not known"),
    Spec("interest_cover_ratio", STATEMENTS, AS_OF,
         {"plain": 120 / 60, "unread": 50 / 100, "corrected": 80 / 50, "negative": -30 / 50, "nought": 0 / 50,
          "debtless": None, "partly": None, "old": None, "gap": 50 / 40, "silent": None},
         "below zero where EBITDA is; no interest, no cover"),
    Spec("n_years_cover_below_one", STATEMENTS, AS_OF,
         {"plain": 0, "unread": 1, "corrected": 0, "negative": 3, "nought": 1, "debtless": 0, "partly": None, "old": None,
          "gap": 1, "silent": None},
         "of three years, one of them lacking; exactly one is enough, one cent less is not; a year without EBITDA says nothing"),
    Spec("debt_minus_sales_growth_ratio", STATEMENTS, AS_OF,
         dict.fromkeys(WITH_STATEMENTS, None)
         | {"plain": 450 / 300 - 1100 / 1000, "corrected": 500 / 100 - 300 / 200, "negative": 120 / 100 - 100 / 100},
         "against the year before, whichever was published first; missing without that year, or nothing to grow from"),
    Spec("n_other_lenders", STATEMENTS, AS_OF, dict.fromkeys(WITH_STATEMENTS, 0) | {"plain": 1 + 1, "unread": 1, "old": 1},
         "south was repaid; a report of the day after is not known"),
    Spec("n_other_lenders", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "a book without external debt"),
    Spec("external_debt_share", STATEMENTS, AS_OF,
         dict.fromkeys(WITH_STATEMENTS, 0)
         | {"plain": (500 + 100) / (500 + 100 + 800), "unread": 200 / (200 + 800), "old": 300 / (300 + 800), "silent": None},
         "the latest report of each lender in 24 months; a report booked after the date is not known; who owes nobody has no "
         "share"),
    Spec("n_rollovers_12m", ROLLOVERS, AS_OF,
         {"half": 1, "less": 0, "most": 1, "more": 0, "next": 0, "parts": 1, "inside": 1, "edge": 0, "slow": 0, "line": 0,
          "bullet": 0},
         "0.5 to 1.5 times the principal of a month, in whatever parts; the next day is another month; a loan in two "
         "instalments, or a line, is no bullet, and a bullet does not amortise"),
    Spec("n_rollovers_12m", WITHOUT_SCHEDULE, AS_OF,
         {"none": 1, "project": 1, "interest": 1, "undated": 0, "one": 1, "undrawn": 0, "line": 0, "guarantee": 0, "larger": 0},
         "drawn, with a maturity and no instalment of principal, a loan is a bullet as far as anybody knows"),
    Spec("n_rollovers_12m", EVERGREEN, AS_OF, {"C": 1}, "a schedule prepaid in one payment was an amortising one"),
    Spec("is_in_guarantee_circle", GUARANTEES, AS_OF,
         dict.fromkeys(ALL_LINKED, 0)
         | {"ring1": 1, "ring2": 1, "ring3": 1, "with-outsider": 1, "still": 1, "still-too": 1, "alone": None},
         "who guarantees a member is not in; an ended link binds nobody once known; ownership is no guarantee"),
    Spec("is_in_guarantee_circle", BORROWERS, AS_OF, {"A": None, "B": None, "C": None}, "a book without links"),
    Spec("circle_exposure_committed", GUARANTEES, AS_OF,
         dict.fromkeys(ALL_LINKED, None)
         | {"ring1": RING, "ring2": RING, "ring3": RING, "with-outsider": 50, "still": 10 + 20, "still-too": 10 + 20},
         "of every member; an outsider owes us nothing"),
    Spec("n_steps_to_default", GUARANTEES, AS_OF,
         dict.fromkeys(ALL_LINKED, None)
         | {"default": 0, "backer": 1, "ring1": 2, "ring2": 3, "ring3": 3, "probation": 0, "forborne": 0},
         "in either direction; 90 days past due is no default; 90 days after its arrears ended one stands, 91 days after not"),
    Spec("group_days_past_due_max", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 0)
         | {"late30": 30, "late31": 31, "late60": 60, "late61": 61, "late90": 90, "late91": 91, "today": 91,
            "long": SINCE_JUNE_1, "paid-off": 60, "mixed": 31, "unbooked": SINCE_JUNE_30},
         "the worst of the group; who is not known to belong stands alone"),
    Spec("group_exposure_share", ARREARS, AS_OF,
         dict.fromkeys(ALL_IN_ARREARS, 1000 / BOOK_COMMITTED)
         | dict.fromkeys(("late91", "today"), (1000 + 1000) / BOOK_COMMITTED)
         | dict.fromkeys(("cured", "paid30", "paid29"), 900 / BOOK_COMMITTED)
         | {"paid-off": 0, "mixed": MIXED_BALANCE / BOOK_COMMITTED},
         "two customers of one group have one share"),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.feature)
def test_the_risk_feature_is_what_its_spec_says(spec):
    check(spec)
