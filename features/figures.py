"""Figures that several features use, each taken once.

Windows are whole days before the date: 3, 6, 12 and 24 months are 91, 183, 365 and 730 days. Month m of the monthly grid
holds the days from 365 m / 12 to 365 (m + 1) / 12 before the date, so that twelve of them are the 365 days.
"""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from features.catalogue import Grains, share, shared, shared_of_loan
from features.history import is_in_force

MONTHS_PER_DAY = 12 / 365.25
GRID = range(12)

balance, undrawn, commitment = nw.col("balance"), nw.col("undrawn"), nw.col("commitment")
is_active = nw.col("is_active") == 1
is_cash = nw.col("is_cash") == 1
is_due = nw.col("is_due") == 1
late = nw.col("days_late")


def due_within(days: int) -> nw.Expr:
    """Instalments whose day came in the last so many days."""
    return is_due & (nw.col("due_age_days") < days)


def cash_paid_within(days: int) -> nw.Expr:
    """Payments of the last so many days."""
    return is_cash & (nw.col("paid_age_days") < days)


def drawn_within(days: int) -> nw.Expr:
    """Payouts of the last so many days."""
    return is_cash & (nw.col("age_days") < days)


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


def start_of(month: int) -> int:
    """Age in days at which a month of the grid begins."""
    return -(-365 * month // 12)


def in_month(age: str, month: int) -> nw.Expr:
    """Whether an age in days lies in a month of the grid."""
    return (nw.col(age) >= start_of(month)) & (nw.col(age) < start_of(month + 1))


@shared
def exposure(of: Grains) -> nw.Expr:
    """Balance of all loans, cents."""
    return of.loans.sum(balance)


@shared
def committed(of: Grains) -> nw.Expr:
    """Balance and undrawn commitment of all loans, cents."""
    return of.loans.sum(balance + undrawn)


@shared
def drawn(of: Grains, days: int) -> nw.Expr:
    """Money paid out in the last so many days, cents."""
    return of.drawdowns.sum_where(drawn_within(days), nw.col("amount"))


@shared
def repaid(of: Grains, days: int) -> nw.Expr:
    """Principal repaid in the last so many days, cents."""
    return of.repayments.sum_where(cash_paid_within(days), nw.col("principal_part"))


@shared_of_loan
def _balance_before(of: Grains, days: int) -> nw.Expr:
    out = of.drawdowns.loan_sum(nw.when(drawn_within(days)).then(nw.col("amount")).otherwise(0))
    back = of.repayments.loan_sum(nw.when(cash_paid_within(days)).then(nw.col("principal_part")).otherwise(0))
    return clipped(nw.col("owed") - out + back)


@shared
def exposure_before(of: Grains, days: int) -> nw.Expr:
    """Balance so many days ago, cents, loan by loan: none is below zero, then or now, whatever was overpaid."""
    return of.loans.sum(_balance_before(of, days))


@shared
def interest(of: Grains) -> nw.Expr:
    """Interest received in the last 12 months, cents; missing where no instalment says how much interest is due."""
    known = of.repayments.max(nw.col("interest_due"))
    return nw.when(~known.is_null()).then(
        of.repayments.sum_where(cash_paid_within(365), nw.col("interest_part"))).otherwise(None)


@shared
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
    accrued = clipped(-nw.col("due_age_days") * nw.col("rate_bp")) / 3_650_000
    today = (to_come / (1 + accrued)).round().cast(nw.Int64)
    return nw.when(~known.is_null()).then(
        of.repayments.sum_where((nw.col("is_upcoming") == 1) & has_rate, today)).otherwise(None)


@shared
def rating(of: Grains, column: str, days_ago: int = 0) -> nw.Expr:
    """A column of the rating that was in force so many days ago, as known on the date."""
    return of.ratings.max(nw.when(is_in_force(days_ago)).then(nw.col(column)))


@shared_of_loan
def flow(of: Grains, month: int) -> nw.Expr:
    """Per loan: drawn less repaid in a month of the grid, cents."""
    out = of.drawdowns.loan_sum(nw.when(is_cash & in_month("age_days", month)).then(nw.col("amount")).otherwise(0))
    back = of.repayments.loan_sum(
        nw.when(is_cash & in_month("paid_age_days", month)).then(nw.col("principal_part")).otherwise(0))
    return out - back


def _before(of: Grains, what: Callable[[Grains, int], nw.Expr], month: int) -> nw.Expr:
    """A monthly amount of the loan summed over the months of the grid nearer to the date than this one."""
    return sum((what(of, k) for k in range(month)), nw.lit(0))


@shared_of_loan
def balance_at(of: Grains, month: int) -> nw.Expr:
    """Per loan: balance so many months ago, cents."""
    return clipped(nw.col("owed") - _before(of, flow, month))


@shared
def exposure_at(of: Grains, month: int) -> nw.Expr:
    """Balance of all loans so many months ago, cents."""
    return of.loans.sum(balance_at(of, month))


@shared
def utilisation_at(of: Grains, month: int) -> nw.Expr:
    """Drawn over the limit of the credit lines open so many months ago, 0 to 1 and above; missing without one."""
    start = start_of(month)
    is_open = ((nw.col("product") == "revolver") & (nw.col("signed_age_days") >= start)
               & (nw.col("closed_age_days") < start).fill_null(True)
               & (nw.col("days_to_maturity") + start >= 0).fill_null(True))
    limit = commitment - _before(of, _limit_change, month)
    return share(of.loans.sum_where(is_open, balance_at(of, month)), of.loans.sum_where(is_open, clipped(limit)))


@shared_of_loan
def _limit_change(of: Grains, month: int) -> nw.Expr:
    return of.limits.loan_sum(nw.when(in_month("age_days", month)).then(nw.col("change")).otherwise(0))


@shared
def drawn_in(of: Grains, month: int) -> nw.Expr:
    """Money paid out in a month of the grid, cents."""
    return of.drawdowns.sum_where(is_cash & in_month("age_days", month), nw.col("amount"))


@shared
def days_past_due_at(of: Grains, days_ago: int) -> nw.Expr:
    """Days past due of the oldest instalment that was unpaid so many days ago, 1 or more; 0 when none was."""
    stood = is_due & (nw.col("due_age_days") > days_ago) & (nw.col("late_until_age_days") < days_ago)
    return of.repayments.max(nw.when(stood).then(nw.col("due_age_days") - days_ago)).fill_null(0)


@shared
def oldest_past_due(of: Grains) -> nw.Expr:
    """Days past due of the oldest unpaid instalment; 0 when nothing is."""
    return of.loans.max(nw.col("days_past_due")).fill_null(0)


def arrears_bucket(days: nw.Expr) -> nw.Expr:
    """Bucket of days past due: 0 current, 1 up to 30 days, 2 up to 60, 3 up to 90, 4 beyond."""
    return nw.when(days <= 0).then(0).when(days <= 30).then(1).when(days <= 60).then(2).when(days <= 90).then(3).otherwise(4)
