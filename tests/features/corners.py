"""Small books in which columns show that move a feature only where several things come together."""

from __future__ import annotations

from books import Book

# An instalment not announced yet is known by its payments alone; one that is withdrawn before its day is not asked for.
UNANNOUNCED = Book(
    loans="""
        loan_id  customer_id
        plain    plain
    """,
    repayments="""
        loan_id  instalment  payment  due_on      principal_due  paid_on     amount_paid  returned_on  scheduled_on  superseded_on
        plain    1           1        2024-03-31  100.00         2024-03-31  100.00       -            -             -
        plain    2           1        2024-06-15  100.00         2024-06-15   10.00       2024-07-31   2025-03-31    2024-05-31
        plain    2           2        2024-06-15  100.00         2024-08-31   50.00       -            2025-03-31    -
        plain    2           3        2024-06-15  100.00         2024-09-30   50.00       -            2025-03-31    -
    """,
)

# What a revision replaced is not asked for, whatever was paid on it afterwards; a bullet loan may have no schedule at all.
REVISED = Book(
    loans="""
        loan_id   customer_id  signed_on   committed_amount
        paid      paid         2020-01-01  1000.00
        relapsed  relapsed     2020-01-01  1000.00
        late      late         2020-01-01  1000.00
        old       rolled       2020-01-01  1000.00
        new       rolled       2024-06-10   100.00
        bare      rolled       2024-06-20   120.00
    """,
    repayments="""
        loan_id   instalment  payment  due_on      principal_due  paid_on     amount_paid  superseded_on  superseded_by
        paid      1           1        2024-03-31  100.00         2024-03-31  100.00       -              -
        paid      2           1        2024-06-15  100.00         2024-08-31   50.00       2024-07-31     revision
        paid      2           2        2024-06-15  100.00         2024-09-30   50.00       -              -
        relapsed  1           1        2023-06-30  100.00         2023-09-30  100.00       -              -
        relapsed  2           1        2023-07-31  100.00         -           -            2023-09-15     forbearance
        relapsed  3           1        2024-10-31  100.00         -           -            -              -
        late      1           1        2024-08-31  100.00         -           -            2024-12-15     forbearance
        late      2           1        2024-11-30  100.00         2024-12-05  100.00       -              -
        old       1           1        2024-06-30  100.00         2024-06-30  100.00       -              -
        old       2           1        2025-06-30  100.00         -           -            -              -
        new       1           1        2025-06-30  100.00         -           -            2024-09-30     revision
        new       2           1        2025-12-31  100.00         -           -            -              -
    """,
    drawdowns="""
        loan_id  drawn_on    amount
        bare     2024-06-20  120.00
    """,
)

# Forborne, and known by a payment, not at all, or as far as the loan is.
FORBORNE = Book(
    loans="""
        loan_id      customer_id
        unannounced  unannounced
        unscheduled  unscheduled
        ahead        ahead
    """,
    repayments="""
        loan_id      due_on      principal_due  paid_on     amount_paid  scheduled_on  superseded_on  superseded_by
        unannounced  2022-06-30  100.00         2024-06-30  50.00        2025-03-31    2024-09-30     forbearance
        unscheduled  2025-06-30    0.00         -           -            -             2024-06-30     forbearance
        ahead        2025-06-30  100.00         -           -            -             2024-06-30     forbearance
    """,
)

# Whether anything says how much interest is due: an unscheduled repayment that has not come, an instalment not announced.
RATED = Book(
    loans="""
        loan_id      customer_id  signed_on   annual_rate  funding_rate
        unscheduled  unscheduled  2020-01-01  0.05         0.02
        unannounced  unannounced  2020-01-01  0.05         0.02
        charged      charged      2020-01-01  0.05         0.02
        next         charged      2024-12-15  0.05         0.02
    """,
    repayments="""
        loan_id      due_on      principal_due  interest_due  paid_on     amount_paid  scheduled_on
        unscheduled  2025-06-30    0.00         0.00          -           -            -
        unannounced  2025-06-30  100.00         5.00          -           -            2025-03-31
        charged      2024-06-30  100.00         5.00          2024-06-30  105.00       -
    """,
    ratings="""
        customer_id  rated_on    grade  pd    lgd   annual_cost
        unscheduled  2024-01-31  5      0.02  0.45  1.00
        unannounced  2024-01-31  5      0.02  0.45  1.00
        charged      2024-01-31  5      0.02  0.45  1.00
    """,
    fees="""
        customer_id  charged_on  amount
        charged      2024-05-31  7.00
    """,
)

# Two who guarantee each other. A repayment took the use of each line from 91 % to just under 90 %; one has paid off a loan
# whose commitment had been cut to what was drawn, has a new one not drawn yet, and publishes statements.
CIRCLE = Book(
    loans="""
        loan_id  customer_id  product   signed_on   purpose  committed_amount
        line     one          revolver  2024-01-15  stock    1500.00
        gone     one          term      2020-01-01  plant     600.00
        next     one          term      2024-12-15  stock     200.00
        other    other        revolver  2024-01-15  stock    1500.00
    """,
    repayments="""
        loan_id  due_on      principal_due  interest_due  paid_on     amount_paid
        line     2024-06-30   20.00         10.00         2024-06-30   30.00
        gone     2024-06-30  500.00         10.00         2024-06-30  510.00
        other    2024-06-30   20.00         10.00         2024-06-30   30.00
    """,
    drawdowns="""
        loan_id  drawn_on    amount
        line     2024-01-31  950.00
        gone     2020-01-01  500.00
        other    2024-01-31  950.00
    """,
    limits="""
        loan_id  changed_on  committed_amount
        line     2024-02-15  1040.00
        gone     2023-06-30   500.00
        other    2024-02-15  1040.00
    """,
    links="""
        from_id  to_id
        one      other
        other    one
    """,
    financials="""
        customer_id  period_ends_on  published_on  ebitda  total_debt
        one          2023-12-31      2024-04-30    100.00  900.00
    """,
)

# Lines and loans that ended by what was agreed and not by their schedules, of two who guarantee each other: one line is paid
# back, one drawn and cut, both pledged; one loan is paid back, one ends soon. Schedules are to come,
# or were replaced this month. The lines of two more were fully drawn after the end agreed.
EXTENDED = Book(
    loans="""
        loan_id     customer_id  product   signed_on   matures_on  purpose  committed_amount
        kept-back   kept         revolver  2021-01-31  2024-06-30  stock    900.00
        kept-drawn  kept         revolver  2021-01-31  2024-06-30  plant    1000.00
        kept-term   kept         term      2021-01-31  2024-04-15  stock    300.00
        kept-new    kept         term      2024-11-30  2027-06-30  trade    200.00
        old-back    old          revolver  2021-01-31  2024-06-30  stock    900.00
        old-drawn   old          revolver  2021-01-31  2024-06-30  plant    1000.00
        old-term    old          term      2021-01-31  2024-04-15  stock    300.00
        old-new     old          term      2024-11-30  2027-06-30  trade    200.00
        old-soon    old          term      2021-01-31  2025-02-28  trade    200.00
        last-back   last         revolver  2021-01-31  2024-06-30  stock    900.00
        last-term   last         term      2021-01-31  2027-06-30  trade    200.00
        gone-back   gone         revolver  2021-01-31  2024-06-30  stock    900.00
        gone-term   gone         term      2021-01-31  2027-06-30  trade    200.00
    """,
    repayments="""
        loan_id     instalment  due_on      principal_due  paid_on     amount_paid  scheduled_on  superseded_on  superseded_by
        kept-back   1           2024-03-31  350.00         2024-03-31  350.00       -             -              -
        kept-back   2           2026-03-31  100.00         -           -            2024-12-15    -              -
        kept-drawn  1           2024-03-31   50.00         2024-03-31   50.00       -             -              -
        kept-drawn  2           2026-03-31  100.00         -           -            2024-12-15    -              -
        kept-term   1           2024-03-31  300.00         2024-03-31  300.00       -             -              -
        kept-term   2           2026-03-31  100.00         -           -            2024-12-15    -              -
        old-back    1           2024-03-31  350.00         2024-03-31  350.00       -             -              -
        old-back    2           2026-03-31  100.00         -           -            2024-02-29    2024-12-15     forbearance
        old-drawn   1           2024-03-31   50.00         2024-03-31   50.00       -             -              -
        old-drawn   2           2026-03-31  100.00         -           -            2024-02-29    2024-12-15     forbearance
        old-term    1           2024-03-31  300.00         2024-03-31  300.00       -             -              -
        old-term    2           2026-03-31  100.00         -           -            2024-02-29    2024-12-15     forbearance
        old-soon    1           2026-03-31  100.00         -           -            2024-02-29    2024-12-15     forbearance
        last-back   1           2024-06-30  900.00         2024-10-31  900.00       -             -              -
        last-back   2           2026-03-31  100.00         -           -            2024-12-15    -              -
        gone-back   1           2024-06-30  900.00         2024-10-31  900.00       -             -              -
        gone-back   2           2026-03-31  100.00         -           -            2024-02-29    2024-12-15     forbearance
    """,
    drawdowns="""
        loan_id     drawn_on    amount
        kept-back   2024-01-31  350.00
        kept-drawn  2024-01-31  350.00
        kept-term   2024-01-31  300.00
        kept-new    2024-11-30  200.00
        old-back    2024-01-31  350.00
        old-drawn   2024-01-31  950.00
        old-term    2024-01-31  300.00
        old-new     2024-11-30  200.00
        last-back   2024-08-31  900.00
        last-term   2024-01-31  200.00
        gone-back   2024-08-31  900.00
        gone-term   2024-01-31  200.00
    """,
    limits="""
        loan_id     changed_on  committed_amount  cause
        kept-drawn  2024-07-31  1200.00           customer
        old-drawn   2024-07-31  1010.00           customer
    """,
    collateral="""
        loan_id    collateral_id  valued_on   value
        kept-back  a              2023-06-30  50.00
        old-back   b              2022-06-30  60.00
    """,
    links="""
        from_id  to_id
        kept     old
        old      kept
    """,
    financials="""
        customer_id  period_ends_on  published_on  ebitda  total_debt
        kept         2023-12-31      2024-04-30    100.00  900.00
        old          2023-12-31      2024-04-30    100.00  900.00
    """,
)

CORNERS = (UNANNOUNCED, REVISED, FORBORNE, RATED, CIRCLE, EXTENDED)
