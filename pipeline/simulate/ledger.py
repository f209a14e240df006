"""One loan's books in whole cents: its schedule, payouts, payments and balance.

Days are ``date.toordinal()`` numbers, amounts are cents, rates are hundredths of a percent (450 = 4.5 %),
so that nothing is ever rounded twice. Interest runs on months of a twelfth of a year.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def interest_cents(balance: int, rate: int, months: int) -> int:
    """Interest on a balance over whole months, rounded half up to the cent."""
    return (balance * rate * months + 60_000) // 120_000


def amortise(amount: int, rate: int, count: int, months: int, is_annuity: bool) -> list[tuple[int, int]]:
    """Split an amount into ``count`` instalments (principal, interest); the principals add up to the cent."""
    level, growth = amount // count, rate * months / 120_000
    total = round(amount * growth / (1 - (1 + growth) ** -count)) if is_annuity and growth > 0 else 0
    parts, balance = [], amount
    for number in range(count):
        interest = interest_cents(balance, rate, months)
        principal = max(total - interest, 0) if total else level
        principal = balance if number == count - 1 else min(principal, balance)
        parts.append((principal, interest))
        balance -= principal
    return parts


@dataclass(slots=True)
class Instalment:
    """An amount due on a day, and what was paid on it."""

    number: int
    due_on: int
    principal: int
    interest: int | None  # None while not yet known
    scheduled_on: int = 0  # 0: with the signing
    superseded_on: int = 0
    superseded_by: str = ""
    payments: list[tuple[int, int, int]] = field(
        default_factory=list
    )  # day, amount, day booked (0: same day)
    paid: int = 0

    @property
    def unpaid(self) -> int:
        return self.principal + (self.interest or 0) - self.paid


@dataclass(slots=True)
class Loan:
    """A facility and all that happens on it."""

    number: int
    product: str
    purpose: str
    signed_on: int
    matures_on: int
    committed: int  # at signing
    rate: int  # now
    security: str
    guarantor: str
    due_day: int  # day of the month
    every: int  # months between instalments
    limit: int  # now
    funding: int  # the bank's own rate at signing
    priced_in: int  # month index of the base rate that it bears
    balance: int = 0
    closed_on: int = 0
    grace_until: int = -1  # project finance: month index before which nothing but interest is due
    stages: list[tuple[int, int, int]] = field(
        default_factory=list
    )  # month index, day, amount still to be drawn
    instalments: list[Instalment] = field(default_factory=list)
    pending: list[Instalment] = field(default_factory=list)  # unpaid and not superseded, in order of due_on
    drawdowns: list[tuple[int, int]] = field(default_factory=list)
    limits: list[tuple[int, int, str]] = field(default_factory=list)
    rates: list[tuple[int, int, str]] = field(default_factory=list)  # the first is that of the signing

    def draw(self, day: int, amount: int) -> None:
        """Pay an amount out."""
        self.drawdowns.append((day, amount))
        self.balance += amount

    def schedule(self, due_on: int, principal: int, interest: int | None, scheduled_on: int = 0) -> None:
        """Add an instalment at the end of the schedule."""
        new = Instalment(len(self.instalments), due_on, principal, interest, scheduled_on)
        self.instalments.append(new)
        self.pending.append(new)

    def overdue(self, day: int) -> list[Instalment]:
        """What is due up to a day and not paid in full, oldest first."""
        found = []
        for item in self.pending:
            if item.due_on > day:
                break
            found.append(item)
        return found

    def pay(self, item: Instalment, day: int, amount: int, booked: int = 0) -> None:
        """Pay on an instalment: interest first, then principal."""
        interest = item.interest or 0
        before = max(item.paid - interest, 0)
        item.paid += amount
        item.payments.append((day, amount, booked))
        self.balance -= max(item.paid - interest, 0) - before
        if item.unpaid == 0 and item in self.pending:
            self.pending.remove(item)

    def supersede(self, day: int, cause: str) -> int:
        """Withdraw all that is pending; return the billed interest that was still unpaid on it."""
        carried = 0
        for item in self.pending:
            item.superseded_on, item.superseded_by = day, cause
            if item.due_on <= day:
                carried += max((item.interest or 0) - item.paid, 0)
        self.pending = []
        return carried

    def withdraw_after(self, day: int, cause: str) -> list[Instalment]:
        """Withdraw what falls due after a day, and return it."""
        gone = [item for item in self.pending if item.due_on > day]
        for item in gone:
            item.superseded_on, item.superseded_by = day, cause
        self.pending = [item for item in self.pending if item.due_on <= day]
        return gone

    def set_rate(self, day: int, rate: int, cause: str) -> None:
        """Charge another rate from a day on."""
        self.rate = rate
        self.rates.append((day, rate, cause))

    def prepay(self, day: int, amount: int, booked: int = 0) -> None:
        """Pay principal outside the schedule: an instalment of its own on which nothing was due."""
        item = Instalment(len(self.instalments), day, 0, 0, day)
        self.instalments.append(item)
        self.pay(item, day, amount, booked)

    def last_booked(self) -> int:
        """Day on which the last payment was in the books."""
        return max(
            (booked or day for item in self.instalments for day, _, booked in item.payments),
            default=self.signed_on,
        )
