"""Books of schedules that several dimensions speak of."""

from __future__ import annotations

from books import Book

# Loans of 1000 whose maturity agreed was 30 June, or is none, and whose instalments go on beyond it.
BEYOND_MATURITY = Book(
    loans="""
        loan_id    customer_id  product   matures_on  committed_amount
        term       term         term      2024-06-30  1000.00
        line       line         revolver  2024-06-30  1000.00
        last-day   last-day     revolver  2024-06-30  1000.00
        over       over         revolver  2024-06-30  1000.00
        forborne   forborne     revolver  2024-06-30  1000.00
        revised    revised      revolver  2024-06-30  1000.00
        announced  announced    revolver  2024-06-30  1000.00
        undated    undated      term      -           1000.00
        prepaid    prepaid      term      2024-06-30  1000.00
        given-up   given-up     revolver  2024-06-30  1000.00
        idle       idle         revolver  2024-06-30  1000.00
        shortened  shortened    revolver  2024-06-30  1000.00
    """,
    repayments="""
        loan_id    due_on      principal_due  paid_on     amount_paid  scheduled_on  superseded_on  superseded_by
        term       2024-06-30  400.00         2024-06-30   400.00      -             -              -
        term       2025-06-30  300.00         -           -            2024-05-31    -              -
        term       2026-06-30  300.00         -           -            2024-05-31    -              -
        line       2024-06-30  400.00         2024-06-30   400.00      -             -              -
        line       2025-03-31  100.00         -           -            2024-05-31    -              -            # 90 days ahead
        last-day   2024-06-30  400.00         2024-06-30   400.00      -             -              -
        last-day   2024-12-31  100.00         -           -            2024-05-31    -              -
        over       2024-12-30  600.00         -           -            2024-05-31    -              -
        over       2025-06-30    0.00         2024-06-30   400.00      -             -              -            # unscheduled
        forborne   2024-06-30  400.00         2024-06-30   400.00      -             -              -
        forborne   2025-06-30  600.00         -           -            2024-05-31    2024-12-01     forbearance
        revised    2024-06-30  400.00         2024-06-30   400.00      -             -              -
        revised    2025-06-30  600.00         -           -            2024-05-31    2024-12-01     revision
        announced  2024-06-30  400.00         2024-06-30   400.00      -             -              -
        announced  2025-06-30  600.00         -           -            2025-01-01    -              -
        undated    2024-06-30  400.00         2024-06-30   400.00      -             -              -
        undated    2025-06-30  600.00         -           -            2024-05-31    -              -
        prepaid    2024-06-15    0.00         2024-06-15  1000.00      -             -              -
        prepaid    2025-06-30  600.00         -           -            2024-05-31    2024-06-15     prepayment
        given-up   2024-05-31    0.00         2024-05-31  1000.00      -             -              -
        given-up   2025-06-30  600.00         -           -            2024-05-31    -              -
        idle       2024-05-31    0.00         2024-05-31  1000.00      -             -              -
        idle       2025-06-30  600.00         -           -            2024-05-31    -              -
        shortened  2024-06-15    0.00         2024-06-15   400.00      -             -              -
        shortened  2025-06-30  400.00         -           -            2024-05-31    2024-06-15     prepayment
    """,
    drawdowns="""
        loan_id    drawn_on    amount
        term       2020-01-01  1000.00
        line       2020-01-01  1000.00
        last-day   2020-01-01  1000.00
        over       2020-01-01  1000.00
        forborne   2020-01-01  1000.00
        revised    2020-01-01  1000.00
        announced  2020-01-01  1000.00
        undated    2020-01-01  1000.00
        prepaid    2020-01-01  1000.00
        given-up   2020-01-01  1000.00
        idle       2020-01-01  1000.00
        shortened  2020-01-01  1000.00
    """,
    limits="""
        loan_id   changed_on  committed_amount  cause
        given-up  2024-07-31  0.00              customer
    """,
)
ALL_BEYOND = ("term", "line", "last-day", "over", "forborne", "revised", "announced", "undated", "prepaid", "given-up",
              "idle", "shortened")

# Loans of 1000 that paid 100 and interest of 10 ten days late in September, and what is due of them on the date itself.
DUE_TODAY = Book(
    loans="""
        loan_id    customer_id  matures_on  committed_amount  annual_rate
        unpaid     unpaid       2035-01-01  1000.00           0.10
        paid       paid         2035-01-01  1000.00           0.10
        ahead      ahead        2035-01-01  1000.00           0.10
        in-part    in-part      2035-01-01  1000.00           0.10
        prepaid    prepaid      2035-01-01  1000.00           0.10
        new-open   new-open     2035-01-01  1000.00           0.10
        new-paid   new-paid     2035-01-01  1000.00           0.10
        ends       ends         2024-12-31  1000.00           0.10
    """,
    repayments="""
        loan_id   due_on      principal_due  interest_due  paid_on     amount_paid  superseded_on  superseded_by
        unpaid    2024-09-30  100.00         10.00         2024-10-10  110.00       -              -
        unpaid    2024-12-31  100.00         10.00         -           -            -              -
        paid      2024-09-30  100.00         10.00         2024-10-10  110.00       -              -
        paid      2024-12-31  100.00         10.00         2024-12-31  110.00       -              -
        ahead     2024-09-30  100.00         10.00         2024-10-10  110.00       -              -
        ahead     2024-12-31  100.00         10.00         2024-12-25  110.00       -              -
        in-part   2024-09-30  100.00         10.00         2024-10-10  110.00       -              -
        in-part   2024-12-31  100.00         10.00         2024-12-31    4.00       -              -
        prepaid   2024-09-30  100.00         10.00         2024-10-10  110.00       -              -
        prepaid   2024-12-31  100.00         10.00         -           -            2024-12-31     prepayment
        new-open  2024-12-31  100.00         10.00         -           -            -              -
        new-paid  2024-12-31  100.00         10.00         2024-12-31  110.00       -              -
        ends      2024-09-30  100.00         10.00         2024-10-10  110.00       -              -
    """,
)
ALL_DUE_TODAY = ("unpaid", "paid", "ahead", "in-part", "prepaid", "new-open", "new-paid", "ends")
