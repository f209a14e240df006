"""Figures that several features use, each taken once.

Windows are whole days before the date: 3, 6, 12 and 24 months are 91, 183, 365 and 730 days. The monthly grid is that of
``grid_month`` in features/days.py.
"""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from features.catalogue import Grains, share, shared, shared_of_loan, taken_once
from features.days import start_of_month
from features.history import is_in_force

#: Source columns of what several features read: what was received, owed, when a loan ends,
#: what could be drawn, and what is unpaid by the schedule.
RECEIVED = "repayments.amount_paid repayments.paid_on repayments.interest_due repayments.returned_on"
OWED = f"loans.committed_amount loans.product loans.signed_on drawdowns.amount drawdowns.drawn_on {RECEIVED}"
OWED_THEN = f"{OWED} drawdowns.is_opening repayments.is_opening"
END = ("loans.matures_on repayments.due_on repayments.principal_due repayments.scheduled_on repayments.is_opening "
       "repayments.superseded_on loans.closed_on")
COMMITTED = f"{OWED} limits.committed_amount limits.changed_on loans.closed_on loans.matures_on"
WITHDRAWN = f"{RECEIVED} repayments.principal_due repayments.scheduled_on repayments.superseded_on"
UNPAID = f"{WITHDRAWN} repayments.due_on repayments.is_opening loans.closed_on"
SCHEDULE = f"{UNPAID} repayments.superseded_by"

MONTHS_PER_DAY = 12 / 365.25
GRID = range(12)

balance, undrawn, commitment = nw.col("balance"), nw.col("undrawn"), nw.col("commitment")
is_active = nw.col("is_active") == 1
fell_due = nw.col("fell_due_age_days")
late = nw.col("days_late")


def due_within(days: int) -> nw.Expr:
    """Instalments whose day came in the last so many days."""
    return fell_due < days


def cash_paid_within(days: int) -> nw.Expr:
    """Payments of the last so many days."""
    return nw.col("cash_age_days") < days


def drawn_within(days: int) -> nw.Expr:
    """Payouts of the last so many days."""
    return nw.col("cash_age_days") < days


def months(days: nw.Expr) -> nw.Expr:
    """Days as months of 365.25 / 12 days."""
    return days.cast(nw.Float64) * MONTHS_PER_DAY


def clipped(amount: nw.Expr) -> nw.Expr:
    """The amount, or zero where it is negative."""
    return nw.when(amount > 0).then(amount).otherwise(0)


def spread(n: nw.Expr, total: nw.Expr, squares: nw.Expr) -> nw.Expr:
    """Standard deviation from a count, a sum and a sum of squares; missing under two values."""
    n, total, squares = (e.cast(nw.Float64) for e in (n, total, squares))
    variance = clipped((n * squares - total * total) / (n * n))
    return nw.when(n >= 2).then(variance.sqrt()).otherwise(None)


@taken_once
def exposure(of: Grains) -> nw.Expr:
    """Balance of all loans, cents."""
    return of.loans.sum(balance)


@taken_once
def committed(of: Grains) -> nw.Expr:
    """Balance and undrawn commitment of all loans, cents."""
    return of.loans.sum(balance + undrawn)


@shared
def interest(of: Grains) -> nw.Expr:
    """Interest received in the last 12 months, cents.

    Missing where no instalment says how much interest is due, or one that was paid in that time does not.
    """
    known, is_recent = of.repayments.max(nw.col("interest_due")), cash_paid_within(365)
    n_unknown = of.repayments.count(is_recent & nw.col("interest_part").is_null())
    return nw.when(~known.is_null() & (n_unknown == 0)).then(
        of.repayments.sum_where(is_recent, nw.col("interest_part"))).otherwise(None)


@taken_once
def fees(of: Grains) -> nw.Expr:
    """Fees received in the last 12 months, cents."""
    return of.fees.sum_where(nw.col("age_days") < 365, nw.col("amount"))


@shared
def income(of: Grains) -> nw.Expr:
    """Interest and fees of the last 12 months, cents, as far as known; missing where neither is."""
    known = ~interest(of).is_null() | (fees(of) > 0)
    return nw.when(known).then(interest(of).fill_null(0) + fees(of)).otherwise(None)


@shared
def future_income(of: Grains) -> nw.Expr:
    """Interest still to come under the schedules known, cents, each amount discounted to the date at its loan's own rate.

    Simple interest, A / (1 + r t), each amount rounded to the cent, so that the sum does not depend on its order. A
    negative rate discounts nothing, since 1 + r t could reach zero. Interest paid ahead of its day is no longer to come.
    Missing where no instalment of a loan with a known rate says how much interest is due.
    """
    has_rate = ~nw.col("rate_bp").is_null()
    known = of.repayments.max(nw.when(has_rate).then(nw.col("interest_due")))
    to_come = clipped(nw.col("interest_due") - nw.col("paid"))
    # r t as whole parts of 3,650,000 = 10,000 basis points times 365 days, so that half a cent is half a cent
    accrued = clipped(nw.col("falls_due_in_days") * nw.col("rate_bp"))
    today = (to_come.cast(nw.Float64) * 3_650_000 / (accrued + 3_650_000)).round().cast(nw.Int64)
    return nw.when(~known.is_null()).then(
        of.repayments.sum_where((nw.col("falls_due_in_days") >= 0) & has_rate, today)).otherwise(None)


@taken_once
def rating(of: Grains, column: str, days_ago: int = 0) -> nw.Expr:
    """A column of the rating that was in force so many days ago, as known on the date."""
    return of.ratings.max(nw.when(is_in_force(days_ago)).then(nw.col(column)))


@taken_once
def paid_out(of: Grains, month: int) -> nw.Expr:
    """Per loan: money paid out in a month of the grid, cents."""
    return of.drawdowns.loan_sum(nw.when(nw.col("cash_month") == month).then(nw.col("amount")))


@taken_once
def paid_back(of: Grains, month: int) -> nw.Expr:
    """Per loan: principal repaid in a month of the grid, cents."""
    return of.repayments.loan_sum(nw.when(nw.col("cash_month") == month).then(nw.col("principal_part")))


def total(what: Callable[[Grains, int], nw.Expr], of: Grains, months: int) -> nw.Expr:
    """A monthly amount summed over the last so many months of the grid."""
    return sum((what(of, month) for month in range(months)), nw.lit(0))


@taken_once
def drawn_12m(of: Grains) -> nw.Expr:
    """Money paid out in the last 12 months, cents."""
    return of.loans.sum(total(paid_out, of, 12))


@taken_once
def repaid_12m(of: Grains) -> nw.Expr:
    """Principal repaid in the last 12 months, cents."""
    return of.loans.sum(total(paid_back, of, 12))


@shared_of_loan
def balance_at(of: Grains, month: int) -> nw.Expr:
    """Per loan: balance so many months ago, cents; never below zero, then or now, whatever was overpaid."""
    return clipped(nw.col("owed") - total(paid_out, of, month) + total(paid_back, of, month))


@taken_once
def exposure_at(of: Grains, month: int) -> nw.Expr:
    """Balance of all loans so many months ago, cents."""
    return of.loans.sum(balance_at(of, month))


@shared
def utilisation_at(of: Grains, month: int) -> nw.Expr:
    """Drawn over the limit of the credit lines open so many months ago, 0 to 1 and above; missing without one."""
    start = start_of_month(month)
    is_open = ((nw.col("product") == "revolver") & (nw.col("signed_age_days") >= start)
               & (nw.col("closed_age_days") < start).fill_null(True)
               & (nw.col("days_to_maturity") + start >= 0).fill_null(True))
    limit = commitment - total(_limit_change, of, month)
    return share(of.loans.sum_where(is_open, balance_at(of, month)), of.loans.sum_where(is_open, clipped(limit)))


@taken_once
def _limit_change(of: Grains, month: int) -> nw.Expr:
    return of.limits.loan_sum(nw.when(nw.col("month") == month).then(nw.col("change")))


@taken_once
def drawn_in(of: Grains, month: int) -> nw.Expr:
    """Money paid out in a month of the grid, cents."""
    return of.loans.sum(paid_out(of, month))


@taken_once
def days_past_due_at(of: Grains, days_ago: int) -> nw.Expr:
    """Days past due of the oldest instalment that was unpaid so many days ago, 1 or more; 0 when none was."""
    stood = (fell_due > days_ago) & (nw.col("late_until_age_days") < days_ago)
    return of.repayments.max(nw.when(stood).then(fell_due - days_ago)).fill_null(0)


@taken_once
def oldest_past_due(of: Grains) -> nw.Expr:
    """Days past due of the oldest unpaid instalment; 0 when nothing is."""
    return of.loans.max(nw.col("days_past_due")).fill_null(0)


@taken_once
def worst_past_due(of: Grains, days: int) -> nw.Expr:
    """Largest days past due of an instalment that was unpaid in the last so many days, however long ago its day was."""
    return of.repayments.max(nw.when(nw.col("late_until_age_days") < days).then(late)).fill_null(0)


@taken_once
def record_days(of: Grains) -> nw.Expr:
    """Days since the first loan was signed; missing without a loan."""
    return of.loans.max(nw.col("signed_age_days"))


def arrears_bucket(days: nw.Expr) -> nw.Expr:
    """Bucket of days past due: 0 current, 1 up to 30 days, 2 up to 60, 3 up to 90, 4 beyond."""
    return nw.when(days <= 0).then(0).when(days <= 30).then(1).when(days <= 60).then(2).when(days <= 90).then(3).otherwise(4)
