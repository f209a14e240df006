"""One borrower's months: its signals become payments, drawdowns, reschedulings, new loans and farewells.

Within a month: dues are billed, then rates are set for the time after them, then dues are paid (day 5 to 26),
then lines are drawn (21 to 26), then loans are rescheduled, prepaid or closed (27), then limits change (28). A signal
that cannot act in a month, because nothing was due or the borrower is in arrears, is erased: the tables say nothing
of it, so the ceiling must not use it.
"""

from __future__ import annotations

import numpy as np

from pipeline.simulate import chances as says
from pipeline.simulate import repricing
from pipeline.simulate.borrowers import Borrower
from pipeline.simulate.ledger import Loan, amortise, interest_cents
from pipeline.simulate.lending import Calendar, sign_loan
from pipeline.simulate.monthend import MonthEnd, look
from pipeline.simulate.signals import draw_signals, draw_terms, uniforms

_LATE_BOOKING_SHARE = 0.03
_LATE_BOOKING_DAYS = 20
_MOST_CAUGHT_UP = 4  # instalments paid in one go on one loan
_SMALLEST_MOVE_SHARE = 0.04  # of the limit: a revolver is not moved for less
_THOUSAND = 100_000  # a thousand yuan, in cents


class Story:
    """All that one borrower does over the window.

    ``rng`` draws what its loans show, ``side`` what the other tables do and the noise in them.
    """

    def __init__(
        self, borrower: Borrower, calendar: Calendar, rng: np.random.Generator, side: np.random.Generator
    ) -> None:
        self.borrower, self.calendar, self._rng = borrower, calendar, rng
        years = np.array([calendar.month_of_year(m) for m in range(calendar.months)])
        self.signals = draw_signals(borrower, years, rng, side)
        self.loans: list[Loan] = []
        self.is_active = np.zeros(calendar.months, dtype=bool)  # a loan was open at the month's end
        self._open: list[Loan] = []
        self.month_ends: dict[int, MonthEnd] = {}
        self.side_noise = uniforms(side)
        self._noise = uniforms(rng)

    def tell(self) -> None:
        """Live through every month since the arrival."""
        self.signals.forget(self.borrower.arrival)
        for month in range(self.borrower.arrival, self.calendar.months):
            self._live(month)
            self.is_active[month] = bool(self._open)
            self.month_ends[month] = look(self._open, self.calendar.day(month, 28), self.signals.forbear[month] == 1)

    def was_active(self, month: int) -> bool:
        """Whether a loan was open at this month's end or the end of the one before."""
        return bool(self.is_active[max(month - 1, 0) : month + 1].any())

    def _live(self, month: int) -> None:
        heard, arrival, end = self.signals, self.borrower.arrival, self.calendar.day(month, 28)
        self._bill(month)
        repricing.reset(self._open, month, self.calendar)
        if not repricing.renegotiate(self._open, bool(heard.renegotiate[month]), month, self.calendar, self.side_noise):
            heard.renegotiate[month] = -1
        paid = self._pay(month)
        if not paid:
            heard.pay[month] = -1
        is_late = any(loan.overdue(end) for loan in self._open)
        self._draw(month, is_late)
        if not (is_late and self._reschedule(month)):
            heard.forbear[month] = -1
        matured = self._close_matured(month)
        has_left = not is_late and self._prepay(month)
        if is_late:
            heard.prepay[month] = -1
        if not self._change_limits(month):
            heard.limit[month] = -1
        if matured and not is_late and not has_left:
            if heard.renew[month]:
                for product in matured:
                    self._sign(month, product)
        else:
            heard.renew[month] = -1
        if month == arrival:
            for _ in range(1 + int(heard.first_loans[month])):
                self._sign(month, None)
        else:
            heard.first_loans[month] = -1
        if month == arrival or is_late or has_left:
            heard.new_loan[month] = -1
        elif heard.new_loan[month]:
            self._sign(month, None)

    def _sign(self, month: int, product: str | None) -> None:
        terms = draw_terms(int(self.borrower.states[month]), self._rng)
        loan = sign_loan(self.borrower, len(self.loans) + 1, month, terms, product, self.calendar, self._noise)
        self.loans.append(loan)
        self._open.append(loan)
        self.signals.n_loans[month] += 1
        self.signals.size_sum[month] += terms[0]
        self.signals.rate_sum[month] += terms[1]

    def _bill(self, month: int) -> None:
        """Settle what this month's instalments come to."""
        first, end = self.calendar.first(month), self.calendar.day(month, 28)
        late = any(loan.overdue(first - 1) for loan in self._open)
        moved = False
        for loan in self._open:
            if loan.product == "project":
                for item in loan.overdue(end):
                    if item.interest is None:
                        every = 3 if month <= loan.grace_until else 6
                        item.interest = interest_cents(loan.balance, loan.rate, every)
            elif loan.product == "revolver" and loan.signed_on < first:
                due_on = self.calendar.day(month, loan.due_day)
                if due_on > loan.matures_on:
                    continue
                is_last, owed = due_on == loan.matures_on, sum(i.principal for i in loan.pending)
                principal = max(loan.balance - owed, 0) if is_last else 0
                if not is_last and not late:
                    moved = True
                    principal = max(loan.balance - self._target(loan, month), 0)
                    principal = principal if principal >= _SMALLEST_MOVE_SHARE * loan.limit else 0
                interest = interest_cents(loan.balance, loan.rate, 1)
                if principal + interest:
                    loan.schedule(due_on, principal, interest, first)
        if not moved:
            self.signals.use[month] = np.nan

    def _target(self, loan: Loan, month: int) -> int:
        share = min(max(float(self.signals.use[month]), 0.0), 0.98)
        return int(share * loan.limit) // _THOUSAND * _THOUSAND

    def _booked(self, day: int) -> int:
        """Day a payment reaches the books, 0 for the same day."""
        return day + 1 + int(self._noise() * _LATE_BOOKING_DAYS) if self._noise() < _LATE_BOOKING_SHARE else 0

    def _pay(self, month: int) -> bool:
        """Pay as the month's signal says; return whether anything was to be paid."""
        end, how, any_due = self.calendar.day(month, 28), int(self.signals.pay[month]), False
        for loan in self._open:
            due = loan.overdue(end)
            for item in [i for i in due if i.unpaid == 0]:  # billed at nothing: no balance to bear interest
                loan.pending.remove(item)
                due.remove(item)
            if not due:
                continue
            any_due = True
            base = self.calendar.day(month, loan.due_day)
            if how == says.NOTHING:
                continue
            if how == says.PART:
                item = due[0]
                interest = max((item.interest or 0) - item.paid, 0)
                amount = interest + int((0.3 + 0.5 * self._noise()) * (item.unpaid - interest))
                if interest and self._noise() < 0.3:
                    amount = interest
                day = base + int(self._noise() * 9)
                loan.pay(item, day, max(amount, 1), self._booked(day))
                continue
            lag = {says.PROMPT: 0, says.DAYS: 1 + int(self._noise() * 7)}.get(how)
            day = (
                base + lag
                if lag is not None
                else self.calendar.day(month, loan.due_day + 8 + int(self._noise() * (19 - loan.due_day)))
            )
            booked = self._booked(day)
            for item in due[:_MOST_CAUGHT_UP]:
                loan.pay(item, day, item.unpaid, booked)
        return any_due

    def _draw(self, month: int, is_late: bool) -> None:
        """Pay out the stages of projects, and what revolvers ask for unless the borrower is in arrears."""
        for loan in self._open:
            while loan.stages and loan.stages[0][0] <= month:
                _, day, amount = loan.stages.pop(0)
                loan.draw(day, amount)
            day = self.calendar.day(month, 21 + int(self._noise() * 6)) if loan.product == "revolver" else 0
            if (
                loan.product != "revolver"
                or is_late
                or np.isnan(self.signals.use[month])
                or day >= loan.matures_on
            ):
                continue
            if loan.signed_on < self.calendar.first(month):
                amount = self._target(loan, month) - loan.balance
                if amount >= max(_SMALLEST_MOVE_SHARE * loan.limit, _THOUSAND):
                    loan.draw(day, amount)

    def _reschedule(self, month: int) -> bool:
        """Give those in arrears on an instalment loan more time; return whether the question arose."""
        day, arose = self.calendar.day(month, 27), False
        for loan in self._open:
            can = loan.product == "term" or (loan.product == "project" and month > loan.grace_until)
            if not can or not loan.overdue(day):
                continue
            arose = True
            if not self.signals.forbear[month]:
                continue
            every = loan.every if loan.product == "term" else 6
            count = sum(i.due_on > day for i in loan.pending) + max(12 // every, 2)
            carried = loan.supersede(day, "forbearance")
            self._reissue(loan, month + 3, every, count, day, carried)
        return arose

    def _reissue(self, loan: Loan, month: int, every: int, count: int, day: int, carried: int = 0) -> None:
        """Spread the balance evenly over new instalments from a month on."""
        is_project = loan.product == "project"
        for step, (principal, interest) in enumerate(amortise(loan.balance, loan.rate, count, every, False)):
            due = None if is_project else interest + (carried if step == 0 else 0)
            loan.schedule(self.calendar.day(month + step * every, loan.due_day), principal, due, day)
        if is_project and carried:
            loan.schedule(self.calendar.day(month + count * every, loan.due_day), 0, carried, day)

    def _close_matured(self, month: int) -> list[str]:
        """Close what has run off; return the products that came to their end."""
        end, matured = self.calendar.day(month, 28), []
        for loan in list(self._open):
            if loan.product == "revolver":
                is_over = loan.matures_on <= end and loan.balance == 0 and not loan.pending
            elif loan.product == "guarantee":
                is_over = loan.matures_on <= end
            else:
                is_over = loan.balance == 0 and not loan.pending and not loan.stages
            if is_over:
                loan.closed_on = (
                    loan.matures_on
                    if loan.product == "guarantee"
                    else max(loan.last_booked(), min(loan.matures_on, end))
                )
                self._open.remove(loan)
                matured.append(loan.product)
        return matured

    def _prepay(self, month: int) -> bool:
        """Pay back early as the month's signal says; return whether the borrower left altogether."""
        how, day = int(self.signals.prepay[month]), self.calendar.day(month, 27)
        able = [
            x
            for x in self._open
            if x.signed_on < self.calendar.first(month) and not x.stages and month > x.grace_until
        ]
        if not able:
            self.signals.prepay[month] = -1
            return False
        if how == says.LEAVE:
            for loan in able:
                self._pay_off(loan, day)
            return True
        lent = [x for x in able if x.product != "guarantee"]
        if how == says.NO_PREPAYMENT or not lent:
            return False
        loan = lent[int(self._noise() * len(lent))]
        if how == says.PREPAY_LOAN:
            self._pay_off(loan, day)
        elif loan.balance:
            left = [i.due_on for i in loan.pending]
            amount = max(int(loan.balance * (0.15 + 0.4 * self._noise())) // _THOUSAND * _THOUSAND, 1)
            loan.supersede(day, "prepayment")
            loan.prepay(day, amount, self._booked(day))
            if loan.product != "revolver":
                self._spread(loan, left, day)
        return False

    def _spread(self, loan: Loan, due_days: list[int], day: int) -> None:
        """Put smaller instalments on the days of those that a prepayment made void."""
        every = loan.every if loan.product == "term" else 6
        parts = amortise(loan.balance, loan.rate, len(due_days), every, False)
        for due_on, (principal, interest) in zip(due_days, parts, strict=True):
            loan.schedule(due_on, principal, None if loan.product == "project" else interest, day)

    def _pay_off(self, loan: Loan, day: int) -> None:
        loan.supersede(day, "prepayment")
        if loan.balance:
            loan.prepay(day, loan.balance, self._booked(day))
        loan.closed_on = max(day, loan.last_booked())
        self._open.remove(loan)

    def _change_limits(self, month: int) -> bool:
        """Raise or cut the lines as the month's signal says; return whether there was a line."""
        how, day = int(self.signals.limit[month]), self.calendar.day(month, 28)
        lines = [
            x
            for x in self._open
            if x.product == "revolver" and x.signed_on < self.calendar.first(month) and x.matures_on > day
        ]
        for loan in lines:
            if how == says.NO_CHANGE:
                break
            by = (1.15, 0.4) if how == says.RAISE else (0.5, 0.35)
            limit = max(
                int(loan.limit * (by[0] + by[1] * self._noise())) // _THOUSAND * _THOUSAND, loan.balance
            )
            if limit != loan.limit:
                loan.limit = limit
                loan.limits.append((day, limit, "bank" if how == says.CUT_BY_BANK else "customer"))
        return bool(lines)
