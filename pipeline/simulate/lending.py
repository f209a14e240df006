"""The terms of new loans: product, amount, rate, schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date

from pipeline.simulate.borrowers import SEGMENTS, Borrower
from pipeline.simulate.ledger import Loan, amortise

_PRODUCTS = ("term", "revolver", "project", "guarantee")
_PURPOSES = {
    "term": ("equipment", "premises", "refinancing", "working_capital"),
    "revolver": ("working_capital", "trade"),
    "project": ("construction",),
    "guarantee": ("tender", "performance"),
}
_OVER_FUNDING = 0.014  # what the best borrower pays over the bank's own rate
LOWEST_RATE = 100  # hundredths of a percent
_TEN_THOUSAND = 1_000_000  # ten thousand yuan, in cents: loan amounts are rounded to it
_DUE_DAYS = (5, 10, 15)


class Calendar:
    """Months numbered from the first of the window; days are ordinals."""

    def __init__(self, months: int, last_day: date) -> None:
        self.months = months
        self._origin = last_day.year * 12 + last_day.month - months
        self._firsts: dict[int, int] = {}

    def first(self, month: int) -> int:
        """First day of a month."""
        if month not in self._firsts:
            year, index = divmod(self._origin + month, 12)
            self._firsts[month] = date(year, index + 1, 1).toordinal()
        return self._firsts[month]

    def day(self, month: int, day: int) -> int:
        """Day of a month, 1 to 28."""
        return self.first(month) + day - 1

    def month_of(self, day: int) -> int:
        """The month in which a day lies."""
        on = date.fromordinal(day)
        return on.year * 12 + on.month - 1 - self._origin

    def month_number(self, month: int) -> int:
        """Months since the year 0, the same for every window."""
        return self._origin + month

    def month_of_year(self, month: int) -> int:
        """0 for January."""
        return (self._origin + month) % 12


def funding_rate(month_number: int) -> int:
    """What money costs the bank in a month, hundredths of a percent: two slow waves around 2.2 %."""
    return round(220 + 25 * math.sin(month_number / 11) + 10 * math.sin(month_number / 29 + 1))


def sign_loan(
    borrower: Borrower,
    number: int,
    month: int,
    terms: tuple[float, float],
    product: str | None,
    calendar: Calendar,
    noise: Callable[[], float],
) -> Loan:
    """Write a new loan with its schedule; what is drawn at once is drawn.

    Parameters
    ----------
    terms : tuple of float
        Size (logarithm, against the borrower's usual) and margin, the two signals of a new loan.
    product : str or None
        The product to renew; None lets the segment choose.
    noise : callable
        Uniform numbers that do not know the borrower's state.
    """
    segment, size, margin = SEGMENTS[borrower.segment], *terms
    if product is None:
        pick, steps = noise(), segment.products
        product = next(
            (
                p
                for p, step in zip(_PRODUCTS, (steps[0], sum(steps[:2]), sum(steps[:3])), strict=False)
                if pick < step
            ),
            "guarantee",
        )
        if segment.name == "project" and number == 1:
            product = "project"
    share = {"term": 1.0, "revolver": 0.8, "project": 1.6, "guarantee": 0.3}[product]
    amount = max(round(borrower.size_cents * share * math.exp(size) / _TEN_THOUSAND), 10) * _TEN_THOUSAND
    funding = funding_rate(calendar.month_number(month))
    rate = max(funding + round(10_000 * (_OVER_FUNDING + segment.premium + margin)), LOWEST_RATE)
    every = {"term": 1 if noise() < 0.7 else 3, "revolver": 1, "project": 3, "guarantee": 12}[product]
    signed, due_day = calendar.day(month, 1 + int(noise() * 28)), _DUE_DAYS[int(noise() * 3)]
    months = {
        "term": 12 * (1 + int(noise() * 4)),
        "revolver": 12 if noise() < 0.6 else 24,
        "project": 60 + 12 * int(noise() * 6),
        "guarantee": 12 + 6 * int(noise() * 3),
    }[product]
    secured = noise()
    security = "none" if secured < 0.35 else "collateral" if secured < 0.75 else "guarantee"
    loan = Loan(
        number=number,
        product=product,
        purpose=_PURPOSES[product][int(noise() * len(_PURPOSES[product]))],
        signed_on=signed,
        matures_on=calendar.day(month + months, due_day),
        committed=amount,
        rate=rate,
        security=security,
        guarantor=_guarantor(borrower, noise()) if security == "guarantee" else "",
        due_day=due_day,
        every=every,
        limit=amount,
        funding=funding,
        priced_in=month,
        rates=[(signed, rate, "")],
    )
    if product == "term":
        loan.draw(signed + int(noise() * 3), amount)
        is_annuity = noise() < 0.6
        for step, (principal, interest) in enumerate(
            amortise(amount, rate, months // every, every, is_annuity), start=1
        ):
            loan.schedule(calendar.day(month + step * every, due_day), principal, interest)
    elif product == "project":
        _plan_project(loan, month, months, calendar, noise)
    return loan


def _plan_project(
    loan: Loan, month: int, months: int, calendar: Calendar, noise: Callable[[], float]
) -> None:
    """Interest every quarter while the project is drawn in stages, then principal every half-year."""
    grace = 6 * (1 + int(noise() * 3))
    n_stages = 2 + grace // 6
    part = loan.committed // n_stages // _TEN_THOUSAND * _TEN_THOUSAND
    for stage in range(n_stages):
        amount = part if stage < n_stages - 1 else loan.committed - part * (n_stages - 1)
        if stage == 0:
            loan.draw(loan.signed_on + int(noise() * 3), amount)
        else:
            when = max(1, stage * grace // n_stages)
            loan.stages.append((month + when, calendar.day(month + when, 16 + int(noise() * 8)), amount))
    loan.grace_until = month + grace
    for step in range(3, grace + 1, 3):
        loan.schedule(calendar.day(month + step, loan.due_day), 0, None)
    count = (months - grace) // 6
    for step, (principal, _) in enumerate(amortise(loan.committed, 0, count, 6, False), start=1):
        loan.schedule(calendar.day(month + grace + 6 * step, loan.due_day), principal, None)


def _guarantor(borrower: Borrower, pick: float) -> str:
    """The parent of a group, an earlier customer of the same book, or an outsider."""
    if borrower.facts["group_id"] and pick < 0.7:
        return borrower.facts["group_id"]
    if pick < 0.4 and borrower.number > 1:
        return f"C{max(1, borrower.number - 1 - int(pick * 20)):05d}"
    return f"X{int(pick * 1e5):05d}"
