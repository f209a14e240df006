"""One loan's life read from dated statements: drawdowns, repayments and the schedule derived for them.

A statement shows totals only. Differences between two statements are the cash of that interval, its exact
day unknown; there is no instalment table, so straight-line half-yearly instalments are derived from the
terms shown at the time, and only from those. Rules that keep the derived schedule honest:

- Payments are set against the oldest instalment first and dated on the day most favourable to the borrower
  that the statements allow, so days late are a lower bound.
- Most real plans are no straight line (annuities, steps, a large last instalment). So an interval with any
  payment shows a borrower on its true, unseen plan: what it paid is what was due, the rest of what was
  derived for that interval is withdrawn as a revision, and an excess is an instalment of its own, a
  prepayment only where it exceeds all that was due. An interval with no payment at all leaves its
  instalments unpaid, and only payments clear them afterwards.
- Nothing is due on a loan whose repayment has not begun by the statement's own status.
- What moves a balance without cash (revaluation, restatements) is booked as rows flagged ``is_opening``,
  which count for balances, never for behaviour. So after each statement the book owes what the statement
  says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from pipeline.adapters.worldbank_loan import LoanRow

REPAYING = frozenset({"repaying", "disbursingrepaying"})
HALF_YEAR_MONTHS = 6
LAST_GAP_DAYS = 90  # no instalment closer to the last one than this


def half_yearly_dates(first: date | None, last: date, after: date) -> list[date]:
    """Return the repayment days after a date: every six months from the first, and the last.

    Counted from the first day, never chained, so 31 August is followed by 28 February and 31 August. Where
    nothing is left after the date, the last repayment day alone: what is still owed then is overdue.
    """
    days = []
    n_months = 0
    while first is not None:
        day = _add_months(first, n_months)
        if (last - day).days < LAST_GAP_DAYS:
            break
        if day > after:
            days.append(day)
        n_months += HALF_YEAR_MONTHS
    return [*days, last]


def _add_months(day: date, n_months: int) -> date:
    years, month = divmod(day.month - 1 + n_months, 12)
    year, month = day.year + years, month + 1
    next_month = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day.day, (next_month - timedelta(days=1)).day))


@dataclass(slots=True)
class Instalment:
    """One derived instalment, cents; each payment is (paid_on, amount, recorded_on)."""

    number: int
    due_on: date
    principal_due: int
    scheduled_on: date
    superseded_on: date | None = None
    superseded_by: str | None = None
    is_opening: bool = False
    payments: list[tuple[date, int, date]] = field(default_factory=list)

    @property
    def unpaid(self) -> int:
        """What is still to be paid, cents."""
        return self.principal_due - sum(amount for _, amount, _ in self.payments)


@dataclass(slots=True)
class Drawdown:
    """Money paid out on a loan, or a non-cash increase of what it owes (flagged as opening), cents."""

    drawn_on: date
    amount: int
    is_opening: bool
    recorded_on: date


@dataclass(slots=True)
class LoanHistory:
    """A loan as successive statements tell it; money in whole cents."""

    lender: str
    customer_id: str
    first_shown: LoanRow
    recorded_on: date
    latest: LoanRow
    seen_on: date
    balance: int = 0
    closed_on: date | None = None
    is_reopened: bool = False
    is_unseen: bool = False
    instalments: list[Instalment] = field(default_factory=list)
    drawdowns: list[Drawdown] = field(default_factory=list)
    limits: list[tuple[date, int]] = field(default_factory=list)
    open: list[Instalment] = field(default_factory=list)
    cash_drawn: int = 0
    cash_repaid: int = 0
    raised: int = 0
    lowered: int = 0
    restated_drawn: int = 0
    restated_repaid: int = 0

    @classmethod
    def begin(cls, lender: str, customer_id: str, row: LoanRow, on: date, is_older: bool) -> LoanHistory:
        """Start a loan at the statement that first shows it.

        `is_older` says that it may have lived before records begin: its totals are then opening figures.
        Otherwise they are the cash of the interval that ends with this statement.
        """
        loan = cls(lender, customer_id, row, on, row, on)
        if row.cancelled > 0:
            loan.limits.append((on, row.committed))
        drawn_on = on
        if is_older:
            drawn_on = min(max(row.last_drawn_on or row.signed_on, row.signed_on), on)
        loan._draw(drawn_on, row.disbursed, on, is_opening=is_older)
        loan.cash_drawn = row.disbursed
        loan.cash_repaid = row.paid
        loan._pay_apart(loan.cash_repaid, on, is_opening=is_older, principal_due=loan.cash_repaid)
        loan._adjust(row.balance - loan.cash_drawn + loan.cash_repaid, on)
        loan.balance = row.balance
        loan._schedule(row, on, row.balance)
        loan._close(row, on)
        return loan

    def observe(self, row: LoanRow, on: date) -> None:
        """Take the next statement's totals: cash, corrections, changed terms."""
        drawn, repaid = row.disbursed - self.latest.disbursed, row.paid - self.latest.paid
        self.restated_drawn -= min(drawn, 0)
        self.restated_repaid -= min(repaid, 0)
        cash_drawn, cash_repaid = max(drawn, 0), max(repaid, 0)
        self._draw(on, cash_drawn, on, is_opening=False)
        is_prepaid = self._settle(cash_repaid, row, on, is_restated=repaid < 0)
        self._adjust(row.balance - self.balance - cash_drawn + cash_repaid, on)
        self.cash_drawn += cash_drawn
        self.cash_repaid += cash_repaid
        if row.committed != self.latest.committed:
            self.limits.append((on, row.committed))
        self.balance = row.balance
        self._revise(row, on, "prepayment" if is_prepaid else "revision")
        self.latest, self.seen_on, self.is_unseen = row, on, False
        self._close(row, on)

    def miss(self, on: date) -> None:
        """Withdraw the schedule of a loan this statement does not show; nothing else is invented."""
        if not self.is_unseen:
            self._supersede(self.open, on, "revision")
        self.is_unseen = True

    def _draw(self, drawn_on: date, amount: int, on: date, is_opening: bool) -> None:
        if amount > 0:
            self.drawdowns.append(Drawdown(drawn_on, amount, is_opening, on))

    def _pay_apart(self, amount: int, on: date, is_opening: bool, principal_due: int) -> None:
        """Book a payment that belongs to no scheduled instalment as an instalment of its own."""
        if amount > 0:
            number = 0 if is_opening and not self.instalments else self._next_number()
            apart = Instalment(number, on, principal_due, on, is_opening=is_opening)
            apart.payments.append((on, amount, on))
            self.instalments.append(apart)

    def _adjust(self, amount: int, on: date) -> None:
        """Move the balance without cash, by rows that count for balances and never for behaviour."""
        self.raised += max(amount, 0)
        self.lowered -= min(amount, 0)
        self._draw(on, amount, on, is_opening=True)
        self._pay_apart(-amount, on, is_opening=True, principal_due=-amount)

    def _settle(self, cash: int, row: LoanRow, on: date, is_restated: bool) -> bool:
        """Set the interval's cash against the schedule, oldest first; return whether it was a prepayment."""
        due = [instalment for instalment in self.open if instalment.due_on <= on]
        asked = sum(instalment.unpaid for instalment in due)
        left = cash
        for instalment in due:
            part = min(left, instalment.unpaid)
            if part > 0:
                paid_on = max(instalment.due_on, self.seen_on + timedelta(days=1))
                instalment.payments.append((paid_on, part, on))
                left -= part
        is_prepaid = left > asked and not self.is_unseen
        self._pay_apart(left, on, is_opening=False, principal_due=0 if is_prepaid else left)
        unpaid = [instalment for instalment in due if instalment.unpaid]
        is_carried = any(instalment.due_on <= self.seen_on for instalment in unpaid)
        is_postponed = row.first_due_on is not None and row.first_due_on > on
        has_begun = row.repaid > 0 or row.status in REPAYING
        if is_restated or is_postponed or not has_begun or (cash and not is_carried):
            self._replace_by_what_was_paid(unpaid, on)
        self.open = [one for one in self.open if one.unpaid and not one.superseded_on]
        return is_prepaid

    def _replace_by_what_was_paid(self, unpaid: list[Instalment], on: date) -> None:
        """Withdraw instalments that were never on the true plan; what was paid now is what was due."""
        self._supersede(unpaid, on, "revision")
        for instalment in unpaid:
            if instalment.payments and instalment.payments[-1][2] == on:
                payment = instalment.payments.pop()
                paid = Instalment(self._next_number(), instalment.due_on, payment[1], on)
                paid.payments.append(payment)
                self.instalments.append(paid)

    def _revise(self, row: LoanRow, on: date, cause: str) -> None:
        """Derive the schedule anew where terms or amounts no longer fit what the statement shows."""
        overdue = [instalment for instalment in self.open if instalment.due_on <= on]
        ahead = sum(instalment.unpaid for instalment in self.open) - sum(i.unpaid for i in overdue)
        arrears = sum(instalment.unpaid for instalment in overdue)
        terms_before = (self.latest.first_due_on, self.latest.last_due_on)
        if terms_before == (row.first_due_on, row.last_due_on) and arrears + ahead == row.balance:
            return
        if arrears > row.balance:
            self._supersede(self.open, on, cause)
            if row.balance:
                self._plan([overdue[0].due_on], row.balance, on)
            return
        self._supersede([instalment for instalment in self.open if instalment.due_on > on], on, cause)
        self._schedule(row, on, row.balance - arrears)

    def _schedule(self, row: LoanRow, on: date, amount: int) -> None:
        if amount > 0 and row.last_due_on is not None:
            last = max(row.last_due_on, self.first_shown.signed_on)
            self._plan(half_yearly_dates(row.first_due_on, last, on), amount, on)

    def _plan(self, days: list[date], amount: int, on: date) -> None:
        """Spread an amount evenly over days, odd cents on the first."""
        each, odd = divmod(amount, len(days))
        for position, day in enumerate(days):
            part = each + (position < odd)
            if part:
                instalment = Instalment(self._next_number(), day, part, on)
                self.instalments.append(instalment)
                self.open.append(instalment)
        self.open.sort(key=lambda instalment: (instalment.due_on, instalment.number))

    def _supersede(self, withdrawn: list[Instalment], on: date, cause: str) -> None:
        for instalment in withdrawn:
            instalment.superseded_on, instalment.superseded_by = on, cause
        self.open = [instalment for instalment in self.open if not instalment.superseded_on]

    def _close(self, row: LoanRow, on: date) -> None:
        """Note the first statement that shows the loan closed; the day stays if it is opened again later."""
        if row.is_closed:
            self._supersede(self.open, on, "revision")
            self.closed_on = self.closed_on or on
        elif self.closed_on:
            self.is_reopened = True

    def _next_number(self) -> int:
        return self.instalments[-1].number + 1 if self.instalments else 1
