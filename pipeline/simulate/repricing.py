"""Rates after the signing: the bank's base rate, its yearly reset on projects, and what borrowers renegotiate.

A new rate holds from the day on which the interest of the month is settled, so that no period has two rates.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.simulate.ledger import Loan, interest_cents
from pipeline.simulate.lending import LOWEST_RATE, Calendar, funding_rate

_ENOUGH = 250  # hundredths of a percent: no borrower asks for less
_CUT, _CUT_STEPS = 15, 11  # the least cut, and in how many steps of 5 it may be larger


def reset(loans: list[Loan], month: int, calendar: Calendar) -> None:
    """Move the rates of projects with the base rate, on the first due day a year or more after it last counted."""
    for loan in loans:
        if loan.product != "project" or month - loan.priced_in < 12:
            continue
        day = calendar.day(month, loan.due_day)
        if day >= loan.matures_on or not any(item.due_on == day for item in loan.pending):
            continue
        now, before = (funding_rate(calendar.month_number(m)) for m in (month, loan.priced_in))
        loan.priced_in = month
        if now != before:
            loan.set_rate(day, max(loan.rate + now - before, LOWEST_RATE), "index")


def renegotiate(
    loans: list[Loan], is_asked: bool, month: int, calendar: Calendar, noise: Callable[[], float]
) -> bool:
    """Lower the rate of one loan if the borrower asks for it; return whether there was one to ask for.

    Those in arrears cannot ask.
    """
    if any(loan.overdue(calendar.first(month) - 1) for loan in loans):
        return False
    able = [loan for loan in loans if _may_fall(loan, calendar.day(month, loan.due_day))]
    if able and is_asked:
        loan = able[int(noise() * len(able))]
        cut = _CUT + 5 * int(noise() * _CUT_STEPS)
        _lower(loan, calendar.day(month, loan.due_day), loan.rate - cut)
    return bool(able)


def _may_fall(loan: Loan, day: int) -> bool:
    """Whether interest is settled on that day, more will be due, and the rate is not low or new already."""
    bears = bool(loan.pending) and loan.pending[0].due_on == day
    goes_on = len(loan.pending) > 1 if loan.product == "term" else day < loan.matures_on
    return loan.product != "guarantee" and bears and goes_on and loan.rate > _ENOUGH and loan.rates[-1][0] != day


def _lower(loan: Loan, day: int, rate: int) -> None:
    """Set the rate; instalments that were scheduled with their interest are scheduled anew."""
    loan.set_rate(day, rate, "renegotiation")
    if loan.product != "term":
        return
    balance = loan.balance - sum(item.principal for item in loan.pending if item.due_on <= day)
    for item in loan.withdraw_after(day, "revision"):
        loan.schedule(item.due_on, item.principal, interest_cents(balance, rate, loan.every), day)
        balance -= item.principal
