"""The whole feature frame once more, slow and plain, as a second opinion on the real one.

Written from what the features say of themselves and from the contracts of the tables: dates are ``datetime.date``, money
is ``Decimal``, quotients are ``Fraction``, and every figure is a loop over the rows of one customer. It shares no line
with the package, so it stands in one file although that is long. Rates, PD, LGD and haircuts count in hundredths of a
percent, and what weighs or is valued by a balance does so in whole units of the currency, as the features say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cached_property
from math import sqrt
from statistics import median

Row = dict[str, str]
ZERO = Decimal(0)
MEASURES: dict[str, tuple[Callable, tuple[str, ...]]] = {}


def measure(*needs: str) -> Callable:
    """Register what measures a feature of a customer, and the optional tables without which it is missing."""

    def register(function: Callable) -> Callable:
        MEASURES[function.__name__] = (function, needs)
        return function

    return register


def oracle(book: dict[str, list[Row]], as_of: str) -> dict[str, dict[str, float | None]]:
    """Every feature of every customer of the book on the date, missing as None."""
    world = World(book, date.fromisoformat(as_of))
    frame = {}
    for customer in world.customers.values():
        values = {name: None if set(needs) - set(book) else function(customer)
                  for name, (function, needs) in MEASURES.items()}
        frame[customer.name] = {name: None if v is None else float(v) for name, v in values.items()}
    return frame


def share(part, whole) -> Fraction | None:
    return Fraction(part) / Fraction(whole) if whole > 0 else None


def hundredths(text: str) -> int | None:
    """A rate in hundredths of a percent."""
    return int((Decimal(text) * 10_000).quantize(Decimal(1), ROUND_HALF_UP)) if text else None


def amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def is_true(text: str) -> bool:
    return text == "true"


@dataclass
class Payment:
    day: date
    number: int
    amount: Decimal
    principal: Decimal = ZERO
    interest: Decimal | None = None
    is_cash: bool = True
    is_unscheduled: bool | None = False  # None: either that or interest, nobody says


@dataclass
class Instalment:
    """One instalment as known on the date, with the payments on it."""

    today: date
    number: int
    due_on: date
    principal: Decimal
    interest: Decimal | None
    is_opening: bool
    withdrawn_on: date | None = None
    why: str = ""
    payments: list[Payment] = field(default_factory=list)
    withdrawals: list[tuple[date, str]] = field(default_factory=list)

    def withdraw(self, closed_on: date | None) -> None:
        """The first day that one of its rows says; on the same day a forbearance goes before a revision, and that before else.

        If none says one, what was still to come when the loan was closed went with it.
        """
        if not self.withdrawals and closed_on is not None and closed_on < self.due_on:
            self.withdrawals = [(closed_on, "")]
        if self.withdrawals:
            order = {"forbearance": 0, "revision": 1}
            self.withdrawn_on, self.why = min(self.withdrawals, key=lambda w: (w[0], order.get(w[1], 2)))

    def settle(self) -> None:
        """Split the payments into interest, which is covered first, and principal; find the day that settled it."""
        self.payments.sort(key=lambda p: (p.day, p.number))
        interest, self.paid, self.settled_on = self.interest or ZERO, ZERO, None
        for payment in self.payments:
            before, self.paid = self.paid, self.paid + payment.amount
            payment.principal = max(ZERO, self.paid - interest) - max(ZERO, before - interest)
            if self.interest is not None:
                payment.interest = payment.amount - payment.principal
            payment.is_cash = not self.is_opening
            if self.principal == 0:
                payment.is_unscheduled = None if self.interest is None else self.interest == 0
            if self.settled_on is None and self.paid >= self.due * Decimal("0.99"):
                self.settled_on = payment.day

    @cached_property
    def due(self) -> Decimal:
        return self.principal + (self.interest or ZERO)

    @cached_property
    def is_asked(self) -> bool:
        return self.due > 0 and not self.is_opening

    @cached_property
    def fell_due(self) -> bool:
        """Its day has come, and it was not withdrawn by then, nor found to be wrong."""
        if not self.is_asked or self.due_on > self.today:
            return False
        if self.due_on == self.today and self.settled_on is None:
            return False  # it may still be paid on its day
        if self.withdrawn_on is None or (self.settled_on is not None and self.settled_on <= self.withdrawn_on):
            return True
        return self.withdrawn_on > self.due_on and self.why != "revision"

    @cached_property
    def is_ahead(self) -> bool:
        is_to_come = self.due_on > self.today or (self.due_on == self.today and self.settled_on is None)
        return self.is_asked and is_to_come and self.withdrawn_on is None

    @cached_property
    def is_replaced(self) -> bool:
        return self.withdrawn_on is not None and self.why in ("forbearance", "revision")

    @cached_property
    def kept_on(self) -> date | None:
        """The day that settled it; what is paid after it was withdrawn did not."""
        is_too_late = self.withdrawn_on is not None and self.settled_on is not None and self.withdrawn_on < self.settled_on
        return None if is_too_late else self.settled_on

    @cached_property
    def late_until(self) -> date:
        return self.kept_on or self.withdrawn_on or self.today

    @cached_property
    def days_late(self) -> int:
        return max(0, (self.late_until - self.due_on).days)

    @cached_property
    def overdue(self) -> Decimal:
        is_past = self.fell_due and self.due_on < self.today
        return self.due - self.paid if is_past and self.withdrawn_on is None and self.settled_on is None else ZERO

    @cached_property
    def principal_left(self) -> Decimal:
        return max(ZERO, self.principal - sum((p.principal for p in self.payments), ZERO))

    @cached_property
    def interest_left(self) -> Decimal:
        return max(ZERO, (self.interest or ZERO) - self.paid)


@dataclass
class Loan:
    """One loan as known on the date."""

    today: date
    name: str
    product: str
    purpose: str
    security: str
    promised: Decimal
    signed_on: date
    matures_on: date | None
    closed_on: date | None
    rate_at_signing: int | None
    funding: int | None
    instalments: list[Instalment] = field(default_factory=list)
    payouts: list[tuple[date, Decimal, bool]] = field(default_factory=list)  # day, amount, is cash
    limits: list[tuple[date, Decimal, str]] = field(default_factory=list)  # day, commitment, cause
    rates: list[tuple[date, int, str]] = field(default_factory=list)
    valuations: dict[str, list[tuple[date, Decimal, int]]] = field(default_factory=lambda: defaultdict(list))

    @cached_property
    def payments(self) -> list[Payment]:
        return [payment for instalment in self.instalments for payment in instalment.payments]

    @cached_property
    def cash_payments(self) -> list[Payment]:
        return [payment for payment in self.payments if payment.is_cash]

    def owed_on(self, day: date) -> Decimal:
        """Drawn less repaid by a day; below zero when overpaid. Opening figures are older than any day asked for."""
        drawn = sum((sum_ for on, sum_, is_cash in self.payouts if on <= day or not is_cash), ZERO)
        return drawn - sum((p.principal for p in self.payments if p.day <= day or not p.is_cash), ZERO)

    def balance_on(self, day: date) -> Decimal:
        return max(ZERO, self.owed_on(day))

    @cached_property
    def balance(self) -> Decimal:
        return self.balance_on(self.today)

    def limit_on(self, day: date) -> Decimal:
        return [self.promised, *(limit for on, limit, _ in sorted(self.limits) if on <= day)][-1]

    @cached_property
    def limit(self) -> Decimal:
        return self.limit_on(self.today)

    def is_open_on(self, day: date) -> bool:
        is_running = self.matures_on is None or day <= self.matures_on
        return self.signed_on <= day and is_running and (self.closed_on is None or day < self.closed_on)

    @cached_property
    def undrawn(self) -> Decimal:
        """A revolver may be drawn again after it was repaid; nothing else may."""
        if not self.is_open_on(self.today):
            return ZERO
        used = self.balance if self.product == "revolver" else sum((sum_ for _, sum_, _ in self.payouts), ZERO)
        return max(ZERO, self.limit - used)

    @cached_property
    def is_active(self) -> bool:
        return self.balance > 0 or self.undrawn > 0

    @cached_property
    def rate(self) -> int | None:
        return [self.rate_at_signing, *(rate for _, rate, _ in sorted(self.rates))][-1]

    @cached_property
    def days_past_due(self) -> int:
        return max([(self.today - i.due_on).days for i in self.instalments if i.overdue > 0], default=0)

    @cached_property
    def last_payment_on(self) -> date | None:
        return max([p.day for p in self.cash_payments], default=None)

    @cached_property
    def ends_on(self) -> date | None:
        """The maturity agreed, or the end of a schedule that stands and runs beyond it."""
        if self.matures_on is None:
            return None
        return max([self.matures_on, *(i.due_on for i in self.instalments if i.is_asked and i.withdrawn_on is None)])

    @cached_property
    def scheduled_until(self) -> date | None:
        """As long as it was meant to run before anything of it was prepaid."""
        if self.matures_on is None:
            return None
        return max([self.matures_on, *(i.due_on for i in self.instalments if i.is_asked and not i.is_replaced)])

    @cached_property
    def paid_off_on(self) -> date | None:
        """The last payment; where more could be drawn after it, the day on which that ended."""
        ends = [self.closed_on] if self.closed_on is not None else []
        ends += [self.matures_on] if self.matures_on is not None and self.matures_on < self.today else []
        if self.product == "revolver":
            ends += [day for day, _, _ in sorted(self.limits)[-1:] if self.limit == 0]
        elif self.limit <= sum(amount for _, amount, _ in self.payouts):
            return self.last_payment_on
        if self.last_payment_on is None or not ends:
            return self.last_payment_on
        return max(self.last_payment_on, min(ends))

    @cached_property
    def limit_changes(self) -> list[tuple[date, Decimal, str]]:
        """Day, change and cause of every change of the commitment."""
        changes, before = [], self.promised
        for day, limit, cause in sorted(self.limits):
            changes.append((day, limit - before, cause))
            before = limit
        return changes

    @cached_property
    def collateral(self) -> list[tuple[date, Decimal, int]]:
        """The latest valuation of each asset."""
        return [max(valuations) for valuations in self.valuations.values()]

    @cached_property
    def n_principal_instalments(self) -> int:
        """Instalments of principal in the schedule, those since prepaid too, but not those replaced by others."""
        return sum(i.principal > 0 and not i.is_opening and not i.is_replaced for i in self.instalments)


class Customer:
    """One customer as known on the date."""

    def __init__(self, world: World, name: str, row: Row) -> None:
        self.world, self.today, self.name = world, world.today, name
        self.ownership, self.group = row.get("ownership", ""), row.get("group_id", "")
        self.founded_on, self.onboarded_on = world.day(row, "founded_on"), world.day(row, "onboarded_on")
        self.loans: list[Loan] = []
        self.fees: list[tuple[date, Decimal]] = []
        self.ratings: list[tuple[date, Row]] = []
        self.contacts: list[tuple[date, str]] = []
        self.statements: dict[date, tuple[date, Row]] = {}  # end of the year -> the statement published last
        self.reports: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)  # lender -> its reports

    def age(self, day: date) -> int:
        return (self.today - day).days

    def is_within(self, day: date, days: int) -> bool:
        return self.age(day) < days

    @cached_property
    def instalments(self) -> list[Instalment]:
        return [instalment for loan in self.loans for instalment in loan.instalments]

    def due_within(self, days: int) -> list[Instalment]:
        return [i for i in self.instalments if i.fell_due and self.is_within(i.due_on, days)]

    def has_dealt_for(self, days: int) -> bool:
        return any(self.age(loan.signed_on) >= days for loan in self.loans)

    def paid_within(self, days: int) -> list[Payment]:
        return [p for loan in self.loans for p in loan.cash_payments if self.is_within(p.day, days)]

    def drawn_within(self, days: int) -> list[tuple[date, Decimal]]:
        return [(day, sum_) for loan in self.loans for day, sum_, is_cash in loan.payouts
                if is_cash and self.is_within(day, days)]

    def drawn(self, days: int) -> Decimal:
        return sum((sum_ for _, sum_ in self.drawn_within(days)), ZERO)

    def repaid(self, days: int) -> Decimal:
        return sum((p.principal for p in self.paid_within(days)), ZERO)

    def exposure_on(self, day: date) -> Decimal:
        return sum((loan.balance_on(day) for loan in self.loans), ZERO)

    @cached_property
    def exposure(self) -> Decimal:
        return self.exposure_on(self.today)

    @cached_property
    def undrawn(self) -> Decimal:
        return sum((loan.undrawn for loan in self.loans), ZERO)

    @cached_property
    def committed(self) -> Decimal:
        return self.exposure + self.undrawn

    @cached_property
    def active_loans(self) -> list[Loan]:
        return [loan for loan in self.loans if loan.is_active]

    @cached_property
    def says_interest(self) -> bool:
        return any(i.interest is not None for i in self.instalments)

    @cached_property
    def interest(self) -> Decimal | None:
        received = [p.interest for p in self.paid_within(365)]
        return None if not self.says_interest or None in received else sum(received, ZERO)

    @cached_property
    def recent_fees(self) -> Decimal:
        return sum((sum_ for day, sum_ in self.fees if self.is_within(day, 365)), ZERO)

    @cached_property
    def income(self) -> Decimal | None:
        """As far as known; missing where neither interest nor a fee is."""
        if self.interest is None and self.recent_fees == 0:
            return None
        return (self.interest or ZERO) + self.recent_fees

    @cached_property
    def future_income(self) -> Decimal | None:
        """Each amount at simple interest, to the cent; a negative rate discounts nothing."""
        rated = [loan for loan in self.loans if loan.rate_at_signing is not None]
        if all(i.interest is None for loan in rated for i in loan.instalments):
            return None
        total = ZERO
        for loan in rated:
            for instalment in loan.instalments:
                if instalment.is_ahead:
                    years = Fraction((instalment.due_on - self.today).days, 365)
                    factor = 1 + Fraction(max(0, loan.rate_at_signing), 10_000) * years
                    cents = Fraction(instalment.interest_left) * 100 / factor
                    total += Decimal(int(cents + Fraction(1, 2))) / 100
        return total

    @cached_property
    def days_past_due(self) -> int:
        return max([loan.days_past_due for loan in self.loans], default=0)

    def days_past_due_on(self, day: date) -> int:
        return max([(day - i.due_on).days for i in self.instalments if i.fell_due and i.due_on < day < i.late_until],
                   default=0)

    def rating(self, column: str, days_ago: int = 0) -> str | None:
        rated = sorted((day, row) for day, row in self.ratings if self.age(day) >= days_ago)
        return (rated[-1][1].get(column, "") or None) if rated else None

    @cached_property
    def group_members(self) -> list[Customer]:
        if not self.group:
            return [self]
        return [other for other in self.world.customers.values() if other.group == self.group]

    def statement(self, years_back: int) -> Row | None:
        """The statement of the year that ended about so many years before the latest, which must be younger than two."""
        latest = max(self.statements, default=None)
        if latest is None or not self.is_within(latest, 730):
            return None
        ends = [end for end in self.statements if -182 <= (latest - end).days - 365 * years_back < 183]
        return self.statements[max(ends)][1] if ends else None

    def published(self, column: str, years_back: int = 0) -> Decimal | None:
        statement = self.statement(years_back)
        return amount(statement.get(column, "")) if statement is not None else None

    @cached_property
    def debts_elsewhere(self) -> list[Decimal]:
        latest = [max(reports) for reports in self.reports.values()]
        return [debt for day, debt in latest if self.is_within(day, 730)]


class World:
    """The book as it was known at the end of a day."""

    def __init__(self, book: dict[str, list[Row]], today: date) -> None:
        self.book, self.today = book, today
        self.customers: dict[str, Customer] = {}
        for row in book["customers"]:
            facts = row if self.is_known(row, "recorded_on") else {}
            self.customers[row["customer_id"]] = Customer(self, row["customer_id"], facts)
        self.loans: dict[str, Loan] = {}
        self._loans()
        self._repayments()
        self._payouts()
        self._of_loans()
        self._of_customers()
        self._links()

    def is_known(self, row: Row, *columns: str) -> bool:
        return all(not row.get(column) or date.fromisoformat(row[column]) <= self.today for column in columns)

    def day(self, row: Row, column: str, *booked: str) -> date | None:
        """A day of the row if it has come, and its booking too."""
        return date.fromisoformat(row[column]) if row.get(column) and self.is_known(row, column, *booked) else None

    def known(self, table: str, own_day: str) -> list[tuple[date, Row]]:
        return [(date.fromisoformat(row[own_day]), row) for row in self.book.get(table, [])
                if self.is_known(row, own_day, "recorded_on")]

    def _loans(self) -> None:
        for signed_on, row in self.known("loans", "signed_on"):
            loan = Loan(self.today, row["loan_id"], row["product"], row.get("purpose", ""), row.get("security", ""),
                        Decimal(row["committed_amount"]), signed_on,
                        date.fromisoformat(row["matures_on"]) if row["matures_on"] else None,
                        self.day(row, "closed_on", "closed_recorded_on"),
                        hundredths(row.get("annual_rate", "")), hundredths(row.get("funding_rate", "")))
            self.loans[loan.name] = loan
            self.customers[row["customer_id"]].loans.append(loan)

    def _repayments(self) -> None:
        """An unpaid row is known when it was booked and scheduled; a paid one also when its payment is known."""
        found: dict[tuple[str, str], Instalment] = {}
        for row in self.book["repayments"]:
            if row["loan_id"] not in self.loans:
                continue
            principal, interest = Decimal(row["principal_due"]), amount(row["interest_due"])
            bounced = self.day(row, "returned_on", "returned_recorded_on") is not None
            is_nothing = bool(row["paid_on"]) and Decimal(row["amount_paid"]) == 0
            came_on = None if is_nothing else self.day(row, "paid_on", "recorded_on")
            if int(row["payment"]) > 1 and came_on is None:
                continue  # a further row came into being with its payment
            paid_on = None if bounced else came_on
            is_booked = bool(row["paid_on"]) or self.is_known(row, "recorded_on")  # a payment is booked, not its instalment
            is_announced = is_booked and self.is_known(row, "scheduled_on") and not (principal == 0 and interest == 0)
            if paid_on is None and not is_announced:
                continue
            key = row["loan_id"], str(row["instalment"])
            if key not in found:
                found[key] = Instalment(self.today, int(row["instalment"]), date.fromisoformat(row["due_on"]), principal,
                                        interest, is_true(row.get("is_opening", "")))
                self.loans[row["loan_id"]].instalments.append(found[key])
            instalment = found[key]
            withdrawn_on = self.day(row, "superseded_on", "superseded_recorded_on")
            if withdrawn_on is not None:
                instalment.withdrawals.append((withdrawn_on, row.get("superseded_by", "")))
            if paid_on is not None:
                instalment.payments.append(Payment(paid_on, int(row["payment"]), Decimal(row["amount_paid"])))
        for (loan, _), instalment in found.items():
            instalment.settle()
            instalment.withdraw(self.loans[loan].closed_on)

    def _payouts(self) -> None:
        if "drawdowns" in self.book:
            for day, row in self.known("drawdowns", "drawn_on"):
                if loan := self.loans.get(row["loan_id"]):
                    loan.payouts.append((day, Decimal(row["amount"]), not is_true(row.get("is_opening", ""))))
            return
        for loan in self.loans.values():  # drawn in full at signing
            if loan.product != "guarantee":
                loan.payouts.append((loan.signed_on, loan.promised, True))

    def _of_loans(self) -> None:
        for day, row in self.known("limits", "changed_on"):
            if loan := self.loans.get(row["loan_id"]):
                loan.limits.append((day, Decimal(row["committed_amount"]), row.get("cause", "")))
        for day, row in self.known("rates", "changed_on"):
            if loan := self.loans.get(row["loan_id"]):
                loan.rates.append((day, hundredths(row["annual_rate"]), row.get("cause", "")))
        for day, row in self.known("collateral", "valued_on"):
            if loan := self.loans.get(row["loan_id"]):
                haircut = hundredths(row.get("haircut", "")) or 0
                loan.valuations[row["collateral_id"]].append((day, Decimal(row["value"]), haircut))

    def _of_customers(self) -> None:
        of = self.customers
        for day, row in self.known("fees", "charged_on"):
            of[row["customer_id"]].fees.append((day, Decimal(row["amount"])))
        for day, row in self.known("ratings", "rated_on"):
            of[row["customer_id"]].ratings.append((day, row))
        for day, row in self.known("contacts", "contacted_on"):
            of[row["customer_id"]].contacts.append((day, row["kind"]))
        for day, row in self.known("external_debt", "reported_on"):
            of[row["customer_id"]].reports[row["lender"]].append((day, Decimal(row["balance"])))
        for day, row in self.known("financials", "published_on"):
            statements, end = of[row["customer_id"]].statements, date.fromisoformat(row["period_ends_on"])
            if end not in statements or day > statements[end][0]:
                statements[end] = (day, row)

    def _links(self) -> None:
        self.guarantees: dict[str, set[str]] = defaultdict(set)
        self.neighbours: dict[str, set[str]] = defaultdict(set)
        for _, row in self.known("links", "linked_on"):
            if row["kind"] == "guarantee" and self.day(row, "ended_on", "ended_recorded_on") is None:
                self.guarantees[row["from_id"]].add(row["to_id"])
                self.neighbours[row["from_id"]].add(row["to_id"])
                self.neighbours[row["to_id"]].add(row["from_id"])

    def reached(self, start: str, edges: dict[str, set[str]]) -> dict[str, int]:
        """Whom one reaches from here, in how many steps."""
        steps, queue = {start: 0}, [start]
        for at in queue:
            for to in sorted(edges.get(at, ())):
                if to not in steps:
                    steps[to] = steps[at] + 1
                    queue.append(to)
        return steps

    def circle(self, name: str) -> set[str]:
        """All who guarantee each other with this one, directly or through others, itself included."""
        return {other for other in self.reached(name, self.guarantees) if name in self.reached(other, self.guarantees)}

    @cached_property
    def incomes_of_groups(self) -> list[Decimal]:
        """Each group's income once, as far as it is known."""
        firsts = [c for c in self.customers.values() if c.group_members[0] is c]
        sums = [known_sum([o.income for o in first.group_members]) for first in firsts]
        return [sum_ for sum_ in sums if sum_ is not None]

    @cached_property
    def product_median(self) -> dict[str, Fraction]:
        """Of each product, the median rate of its active loans."""
        rates: dict[str, list[Fraction]] = defaultdict(list)
        for loan in self.loans.values():
            if loan.is_active and loan.rate is not None:
                rates[loan.product].append(Fraction(loan.rate))
        return {product: Fraction(median(of_product)) for product, of_product in rates.items()}


def months(days: int) -> Fraction:
    return Fraction(days * 12) / Fraction("365.25")


def grid(today: date, month: int) -> date:
    """The day that ends the month of the grid so many months back: twelve of them are 365 days."""
    return today - timedelta(days=-(-365 * month // 12))


def in_month(today: date, day: date, month: int) -> bool:
    return Fraction(365 * month, 12) <= (today - day).days < Fraction(365 * (month + 1), 12)


def mean_of(values: list) -> Fraction | None:
    return share(sum(map(Fraction, values)), len(values))


def variance_of(values: list) -> Fraction:
    mean = mean_of(values)
    return sum(((Fraction(v) - mean) ** 2 for v in values), Fraction(0)) / len(values)


# value


@measure()
def exposure_drawn(c: Customer):
    return c.exposure


@measure()
def exposure_undrawn(c: Customer):
    return c.undrawn


@measure()
def exposure_committed(c: Customer):
    return c.committed


@measure()
def exposure_share(c: Customer):
    return share(c.committed, sum((o.committed for o in c.world.customers.values()), ZERO))


def growth(customers: list[Customer], days: int):
    then = sum((c.exposure_on(c.today - timedelta(days=days)) for c in customers), ZERO)
    now = sum((c.exposure for c in customers), ZERO)
    return share(now - then, max(now, then))


@measure()
def exposure_growth_6m_ratio(c: Customer):
    return growth([c], 183)


@measure()
def exposure_growth_12m_ratio(c: Customer):
    return growth([c], 365)


@measure()
def group_exposure_growth_6m_ratio(c: Customer):
    return growth(c.group_members, 183)


@measure()
def group_exposure_growth_12m_ratio(c: Customer):
    return growth(c.group_members, 365)


@measure()
def interest_income_12m(c: Customer):
    return c.interest


@measure("fees")
def fee_income_12m(c: Customer):
    return c.recent_fees


@measure()
def income_share_12m(c: Customer):
    whole = sum((o.income for o in c.world.customers.values() if o.income is not None), ZERO)
    return None if c.income is None else share(c.income, whole)


@measure()
def income_rank_share_12m(c: Customer):
    if c.income is None:
        return None
    incomes = [o.income for o in c.world.customers.values() if o.income is not None]
    return share(sum(income < c.income for income in incomes), len(incomes))


def by_balance(loans: list[Loan], value: Callable[[Loan], int | Fraction]):
    units = [int(loan.balance) for loan in loans]
    return share(sum(value(loan) * unit for loan, unit in zip(loans, units, strict=True)), sum(units))


def margin(customers: list[Customer]):
    known = [loan for c in customers for loan in c.loans if loan.rate is not None and loan.funding is not None]
    mean = by_balance(known, lambda loan: loan.rate - loan.funding)
    return None if mean is None else mean / 10_000


@measure()
def margin_rate(c: Customer):
    return margin([c])


@measure()
def group_margin_rate(c: Customer):
    return margin(c.group_members)


def tenure(customers: list[Customer]):
    days = [loan.signed_on for c in customers for loan in c.loans] + [c.onboarded_on for c in customers if c.onboarded_on]
    return months((customers[0].today - min(days)).days) if days else None


@measure()
def tenure_months(c: Customer):
    return tenure([c])


@measure()
def group_tenure_months(c: Customer):
    return tenure(c.group_members)


@measure()
def n_active_loans(c: Customer):
    return len(c.active_loans)


@measure()
def n_group_active_loans(c: Customer):
    return sum(len(o.active_loans) for o in c.group_members)


@measure()
def n_group_product_families(c: Customer):
    return len({loan.product for o in c.group_members for loan in o.active_loans})


@measure()
def n_product_families(c: Customer):
    return len({loan.product for loan in c.active_loans})


@measure()
def future_income_discounted(c: Customer):
    return c.future_income


@measure()
def group_exposure_drawn(c: Customer):
    return sum(o.exposure for o in c.group_members)


@measure()
def group_exposure_committed(c: Customer):
    return sum(o.committed for o in c.group_members)


def known_sum(amounts: list[Decimal | None]) -> Decimal | None:
    known = [sum_ for sum_ in amounts if sum_ is not None]
    return sum(known, ZERO) if known else None


@measure()
def group_income_12m(c: Customer):
    return known_sum([o.income for o in c.group_members])


@measure()
def group_income_share_12m(c: Customer):
    own, whole = (known_sum([o.income for o in some]) for some in (c.group_members, c.world.customers.values()))
    return None if own is None else share(own, whole)


@measure()
def group_income_rank_share_12m(c: Customer):
    own, incomes = known_sum([o.income for o in c.group_members]), c.world.incomes_of_groups
    return None if own is None else share(sum(income < own for income in incomes), len(incomes))


@measure()
def group_future_income_discounted(c: Customer):
    return known_sum([o.future_income for o in c.group_members])


@measure("ratings")
def raroc_rate(c: Customer):
    pd, lgd, cost = (c.rating(column) for column in ("pd", "lgd", "annual_cost"))
    owed = {loan.name: sum(loan.balance_on(grid(c.today, month)) for month in range(12)) for loan in c.loans}
    owing = [loan for loan in c.loans if owed[loan.name] > 0]
    if None in (pd, lgd, cost, c.interest) or not c.has_dealt_for(365):
        return None
    if not owing or any(loan.funding is None for loan in owing):
        return None
    average = Fraction(sum(owed.values())) / 12
    funding = sum(Fraction(loan.funding, 10_000) * int(owed[loan.name]) for loan in owing) / 12
    lost = Fraction(hundredths(pd), 10_000) * Fraction(hundredths(lgd), 10_000) * average
    earned = Fraction(c.interest + c.recent_fees - Decimal(cost)) - funding - lost
    return earned / (average * Fraction(8, 100))


# need


@measure()
def utilisation_share(c: Customer):
    return share(c.exposure, c.committed)


def line_utilisation(c: Customer, month: int):
    day = grid(c.today, month)
    lines = [loan for loan in c.loans if loan.product == "revolver" and loan.is_open_on(day)]
    return share(sum((line.balance_on(day) for line in lines), ZERO), sum((line.limit_on(day) for line in lines), ZERO))


def line_utilisations(c: Customer) -> list[Fraction]:
    return [u for month in range(12) if (u := line_utilisation(c, month)) is not None]


@measure("drawdowns")
def line_utilisation_share(c: Customer):
    return line_utilisation(c, 0)


@measure("drawdowns")
def line_utilisation_mean_share_12m(c: Customer):
    return mean_of(line_utilisations(c))


@measure("drawdowns")
def line_utilisation_max_share_12m(c: Customer):
    return max(line_utilisations(c), default=None)


@measure("drawdowns")
def line_utilisation_slope_12m_ratio(c: Customer):
    used = line_utilisations(c)
    if len(used) < 12:
        return None
    times, mean = [-month for month in range(12)], mean_of(used)
    middle = Fraction(sum(times), 12)
    return (sum((time - middle) * (u - mean) for time, u in zip(times, used, strict=True))
            / sum((time - middle) ** 2 for time in times))


@measure("drawdowns")
def n_months_line_over_90_12m(c: Customer):
    used = line_utilisations(c)
    return sum(u > Fraction(9, 10) for u in used) if used else None


@measure("limits")
def limit_change_12m_ratio(c: Customer):
    before = wanted = ZERO  # wanted: by anybody but the bank
    for loan in c.loans:
        recent = [(change, cause) for day, change, cause in loan.limit_changes if c.is_within(day, 365)]
        net = sum((change for change, _ in recent), ZERO)
        if not c.is_within(loan.signed_on, 365) and (loan.is_active or (loan.is_open_on(c.today) and net != 0)):
            before += loan.limit - net
            wanted += sum((change for change, cause in recent if cause != "bank"), ZERO)
    return share(wanted, max(before, before + wanted, -wanted))


@measure("limits")
def n_limit_raises_24m(c: Customer):
    return sum(change > 0 and cause != "bank" and c.is_within(day, 730)
               for loan in c.loans for day, change, cause in loan.limit_changes)


@measure()
def drawn_12m_ratio(c: Customer):
    return share(c.drawn(365), c.committed)


@measure("drawdowns")
def n_drawdowns_12m(c: Customer):
    return len(c.drawn_within(365))


@measure("drawdowns")
def days_since_drawdown(c: Customer):
    return min((c.age(day) for loan in c.loans for day, _, is_cash in loan.payouts if is_cash), default=None)


@measure("drawdowns")
def drawdown_seasonality_24m_ratio(c: Customer):
    drawn = [Fraction(sum((sum_ for day, sum_ in c.drawn_within(731) if in_month(c.today, day, month)), ZERO))
             for month in range(24)]
    if not c.has_dealt_for(730) or sum(drawn) == 0:
        return None
    season = [(drawn[month % 12] + drawn[month % 12 + 12]) / 2 for month in range(24)]
    rest = sum((d - s) ** 2 for d, s in zip(drawn, season, strict=True)) / 12  # 24 values less 12 means
    whole = variance_of(drawn) * 24 / 23
    return 1 - rest / whole if rest < whole else 0


@measure()
def balance_variation_12m_ratio(c: Customer):
    owed = [c.exposure_on(grid(c.today, month)) for month in range(12)]
    if not c.has_dealt_for(365) or sum(owed) == 0:
        return None
    return sqrt(variance_of(owed)) / float(mean_of(owed))


def tenor(c: Customer, days: Callable[[Loan], int]):
    weighted = by_balance([loan for loan in c.loans if loan.matures_on is not None], days)
    return None if weighted is None else weighted * 12 / Fraction("365.25")


@measure()
def original_tenor_months(c: Customer):
    return tenor(c, lambda loan: (loan.matures_on - loan.signed_on).days)


@measure()
def remaining_tenor_months(c: Customer):
    return tenor(c, lambda loan: max(0, (loan.ends_on - loan.today).days))


def due_share(c: Customer, days: int):
    """By loan: what the schedule asks for in that time, or all that is not overdue where the loan ends in it."""
    due = ZERO
    for loan in c.loans:
        overdue = sum((i.principal_left for i in loan.instalments if i.fell_due and i.withdrawn_on is None), ZERO)
        owed = max(ZERO, loan.balance - overdue)
        soon = [i for i in loan.instalments if i.is_ahead and (i.due_on - c.today).days <= days]
        is_ending = loan.ends_on is not None and 0 <= (loan.ends_on - c.today).days <= days
        due += owed if is_ending else min(owed, sum((i.principal_left for i in soon), ZERO))
    return share(due, c.exposure)


@measure()
def due_share_3m(c: Customer):
    return due_share(c, 91)


@measure()
def due_share_12m(c: Customer):
    return due_share(c, 365)


@measure()
def purpose_top_share(c: Customer):
    limits: dict[str, Decimal] = defaultdict(Decimal)
    for loan in c.active_loans:
        if loan.purpose:
            limits[loan.purpose] += loan.limit
    return share(max(limits.values()), sum(limits.values())) if limits else None


@measure()
def new_purpose_share_12m(c: Customer):
    recent = [loan for loan in c.loans if loan.purpose and c.is_within(loan.signed_on, 365)]
    before = {loan.purpose for loan in c.loans if loan.purpose and not c.is_within(loan.signed_on, 365)}
    if not before:
        return None
    return share(sum((loan.promised for loan in recent if loan.purpose not in before), ZERO),
                 sum((loan.promised for loan in recent), ZERO))


@measure()
def new_money_share_12m(c: Customer):
    return share(c.drawn(365), c.drawn(365) + c.repaid(365))


@measure()
def new_lending_share_12m(c: Customer):
    recent = sum((loan.limit for loan in c.active_loans if c.is_within(loan.signed_on, 365)), ZERO)
    return share(recent, sum((loan.limit for loan in c.active_loans), ZERO))


@measure("rates")
def n_rate_renegotiations_24m(c: Customer):
    return sum(cause == "renegotiation" and c.is_within(day, 730) for loan in c.loans for day, _, cause in loan.rates)


@measure()
def annual_rate_mean(c: Customer):
    mean = by_balance([loan for loan in c.loans if loan.rate is not None], lambda loan: loan.rate)
    return None if mean is None else mean / 10_000


@measure()
def rate_spread_to_product_rate(c: Customer):
    known = [loan for loan in c.loans if loan.rate is not None and loan.product in c.world.product_median]
    spread = by_balance(known, lambda loan: loan.rate - c.world.product_median[loan.product])
    return None if spread is None else spread / 10_000


# behaviour


@measure()
def days_past_due(c: Customer):
    return c.days_past_due


def worst(c: Customer, days: int):
    """An instalment reached its worst on the day that ended its delay, or has it today."""
    return max([i.days_late for i in c.instalments if i.fell_due and c.is_within(i.late_until, days)], default=0)


@measure()
def days_past_due_max_3m(c: Customer):
    return worst(c, 91)


@measure()
def days_past_due_max_6m(c: Customer):
    return worst(c, 183)


@measure()
def days_past_due_max_12m(c: Customer):
    return worst(c, 365)


@measure()
def days_past_due_max_24m(c: Customer):
    return worst(c, 730)


@measure()
def days_late_mean_12m(c: Customer):
    return mean_of([i.days_late for i in c.due_within(365)])


@measure()
def on_time_share_12m(c: Customer):
    due = c.due_within(365)
    return share(sum(i.kept_on is not None and i.kept_on <= i.due_on for i in due), len(due))


def paid_minus_due(c: Customer) -> list[int]:
    return [(i.kept_on - i.due_on).days for i in c.due_within(365) if i.kept_on is not None]


@measure()
def paid_minus_due_mean_12m(c: Customer):
    return mean_of(paid_minus_due(c))


@measure()
def paid_minus_due_spread_12m(c: Customer):
    days = paid_minus_due(c)
    return sqrt(variance_of(days)) if len(days) > 1 else None


@measure()
def n_partial_payments_12m(c: Customer):
    return sum(len(i.payments) > 1 or (len(i.payments) == 1 and i.settled_on is None) for i in c.due_within(365))


def recent_due(c: Customer, loan: Loan) -> list[Instalment]:
    due = [i for i in loan.instalments if i.fell_due and c.is_within(i.due_on, 730)]
    return sorted(due, key=lambda i: (i.due_on, i.number))


@measure()
def n_late_run_max_24m(c: Customer):
    longest = 0
    for loan in c.loans:
        run = 0
        for instalment in recent_due(c, loan):
            run = run + 1 if instalment.days_late > 0 else 0
            longest = max(longest, run)
    return longest


def delays(c: Customer, loan: Loan) -> list[list[Instalment]]:
    """Stretches of days on which the loan had something past due, each as its late instalments."""
    found: list[list[Instalment]] = []
    late = [i for i in loan.instalments if i.fell_due and i.days_late > 0 and c.is_within(i.late_until, 730)]
    for instalment in sorted(late, key=lambda i: (i.due_on, i.number)):
        if found and instalment.due_on < max(i.late_until for i in found[-1]):
            found[-1].append(instalment)
        else:
            found.append([instalment])
    return found


def is_serious(delay: list[Instalment]) -> bool:
    return any(i.days_late > 30 for i in delay)


def is_cured(delay: list[Instalment]) -> bool:
    return is_serious(delay) and all(i.kept_on is not None for i in delay)


@measure()
def n_cures_24m(c: Customer):
    return sum(is_cured(delay) for loan in c.loans for delay in delays(c, loan))


@measure()
def n_relapses_24m(c: Customer):
    found = 0
    for loan in c.loans:
        has_been_cured = False
        for delay in delays(c, loan):
            found += has_been_cured and is_serious(delay)
            has_been_cured = has_been_cured or is_cured(delay)
    return found


@measure()
def days_late_trend_12m(c: Customer):
    now = mean_of([i.days_late for i in c.due_within(91)])
    then = mean_of([i.days_late for i in c.due_within(365) if not c.is_within(i.due_on, 91)])
    return None if now is None or then is None else now - then


@measure()
def prepaid_12m_ratio(c: Customer):
    recent = c.paid_within(365)
    if any(p.is_unscheduled is None for p in recent):
        return None
    early = sum((p.amount for p in recent if p.is_unscheduled), ZERO)
    return share(early, early + c.exposure)


def paid_off(c: Customer) -> list[Loan]:
    return [loan for loan in c.loans if not loan.is_active and loan.last_payment_on is not None
            and sum(amount for _, amount, _ in loan.payouts) > 0]


@measure()
def n_paid_off_12m(c: Customer):
    return sum(c.is_within(loan.paid_off_on, 365) for loan in paid_off(c))


@measure()
def n_paid_off_early_24m(c: Customer):
    return sum(c.is_within(loan.paid_off_on, 730) and (loan.scheduled_until - loan.paid_off_on).days > 30
               for loan in paid_off(c) if loan.scheduled_until is not None)


@measure()
def n_refinanced_away_24m(c: Customer):
    found = 0
    for loan in paid_off(c):
        end = loan.paid_off_on
        is_renewed = any(-30 <= (other.signed_on - end).days <= 90 for other in c.loans if other is not loan)
        found += 90 <= c.age(end) < 730 and not is_renewed
    return found


@measure()
def days_since_payment(c: Customer):
    return min((c.age(p.day) for loan in c.loans for p in loan.cash_payments), default=None)


def n_contacts(c: Customer, days: int, *kinds: str) -> int:
    return sum(c.is_within(day, days) and (not kinds or kind in kinds) for day, kind in c.contacts)


@measure("contacts")
def n_contacts_12m(c: Customer):
    return n_contacts(c, 365)


@measure("contacts")
def days_since_contact(c: Customer):
    return min((c.age(day) for day, _ in c.contacts), default=None)


@measure("contacts")
def n_complaints_12m(c: Customer):
    return n_contacts(c, 365, "complaint", "rate_complaint")


@measure("contacts")
def n_rate_complaints_12m(c: Customer):
    return n_contacts(c, 365, "rate_complaint")


@measure()
def activity_3m_to_12m_ratio(c: Customer):
    recent, whole = (len(c.paid_within(days)) + len(c.drawn_within(days))
                     + n_contacts(c, days) - n_contacts(c, days, "complaint", "rate_complaint") for days in (91, 365))
    return share(4 * recent, whole) if c.has_dealt_for(365) else None


@measure()
def record_months(c: Customer):
    due = [c.age(i.due_on) for i in c.instalments if i.fell_due]
    return months(max(due)) if due else None


# risk


def bucket(days: int) -> int:
    return sum(days > edge for edge in (0, 30, 60, 90))


@measure()
def arrears_bucket_now(c: Customer):
    return bucket(c.days_past_due)


@measure()
def arrears_roll_1m(c: Customer):
    return bucket(c.days_past_due) - bucket(c.days_past_due_on(c.today - timedelta(days=30)))


@measure()
def arrears_roll_3m(c: Customer):
    return bucket(c.days_past_due) - bucket(c.days_past_due_on(c.today - timedelta(days=91)))


@measure()
def overdue_share(c: Customer):
    overdue = sum((i.overdue for i in c.instalments), ZERO)
    return share(overdue, max(overdue, c.exposure))


@measure()
def exposure_in_arrears_share(c: Customer):
    return share(sum((loan.balance for loan in c.loans if loan.days_past_due > 30), ZERO), c.exposure)


@measure()
def n_late_30d_12m(c: Customer):
    return sum(i.days_late > 30 for i in c.due_within(365))


@measure()
def n_late_90d_24m(c: Customer):
    return sum(i.days_late > 90 for i in c.due_within(730))


def whole_number(text: str | None) -> int | None:
    return None if text is None else int(text)


@measure("ratings")
def rating_grade(c: Customer):
    return whole_number(c.rating("grade"))


def notches(c: Customer, days: int):
    now, then = whole_number(c.rating("grade")), whole_number(c.rating("grade", days))
    return None if now is None or then is None else now - then


@measure("ratings")
def rating_notches_3m(c: Customer):
    return notches(c, 91)


@measure("ratings")
def rating_notches_12m(c: Customer):
    return notches(c, 365)


@measure("ratings")
def impairment_stage(c: Customer):
    return whole_number(c.rating("stage"))


@measure("ratings")
def is_watchlisted(c: Customer):
    return {None: None, "true": 1, "false": 0}[c.rating("is_watchlisted")]


def forborne(c: Customer) -> list[int]:
    return [c.age(i.withdrawn_on) for i in c.instalments if i.withdrawn_on is not None and i.why == "forbearance"]


@measure()
def n_forborne_24m(c: Customer):
    return sum(days < 730 for days in forborne(c))


@measure()
def months_since_forbearance(c: Customer):
    return months(min(forborne(c))) if forborne(c) else None


@measure()
def past_maturity_share(c: Customer):
    dated = [loan for loan in c.loans if loan.ends_on is not None]
    past = [loan.balance for loan in dated if loan.ends_on < c.today]
    return share(sum(past, ZERO), sum((loan.balance for loan in dated), ZERO))


@measure("collateral")
def collateral_cover_ratio(c: Customer):
    covered = ZERO
    for loan in c.loans:
        counted = sum((Decimal(int(value) * (10_000 - haircut) // 100) / 100 for _, value, haircut in loan.collateral), ZERO)
        covered += min(counted, loan.balance)
    return share(covered, c.exposure)


@measure("collateral")
def valuation_age_months(c: Customer):
    standing = [c.age(day) for loan in c.active_loans for day, value, _ in loan.collateral if value > 0]
    return months(max(standing)) if standing else None


def secured_by(c: Customer, *kinds: str):
    known = [loan for loan in c.loans if loan.security in ("none", "collateral", "guarantee")]
    return share(sum((loan.balance for loan in known if loan.security in kinds), ZERO),
                 sum((loan.balance for loan in known), ZERO))


@measure()
def secured_share(c: Customer):
    return secured_by(c, "collateral", "guarantee")


@measure()
def guaranteed_share(c: Customer):
    return secured_by(c, "guarantee")


@measure()
def unsecured_share(c: Customer):
    return secured_by(c, "none")


@measure()
def is_state_owned(c: Customer):
    return c.ownership == "state" if c.ownership in ("state", "foreign", "private") else None


@measure()
def firm_age_months(c: Customer):
    return None if c.founded_on is None else months(c.age(c.founded_on))


@measure("limits")
def n_limits_cut_24m(c: Customer):
    last = [loan.limit_changes[-1] for loan in c.loans if loan.limits]
    return sum(change < 0 and cause == "bank" and c.is_within(day, 730) for day, change, cause in last)


@measure("financials")
def leverage_ratio(c: Customer):
    debt, ebitda = c.published("total_debt"), c.published("ebitda")
    return None if debt is None or ebitda is None else share(debt + c.undrawn, ebitda)


@measure("financials")
def is_ebitda_negative(c: Customer):
    return None if c.published("ebitda") is None else c.published("ebitda") <= 0


@measure("financials")
def interest_cover_ratio(c: Customer):
    earned, interest = c.published("ebitda"), c.published("interest_expense")
    return None if earned is None or interest is None else share(earned, interest)


@measure("financials")
def n_years_cover_below_one(c: Customer):
    years = [(c.published("ebitda", n), c.published("interest_expense", n)) for n in range(3)]
    known = [year for year in years if None not in year]
    return sum(earned < interest for earned, interest in known) if known else None


@measure("financials")
def debt_minus_sales_growth_ratio(c: Customer):
    debt, sales = ([c.published(column, n) for n in (0, 1)] for column in ("total_debt", "sales"))
    if None in debt or None in sales or debt[1] <= 0 or sales[1] <= 0:
        return None
    return Fraction(debt[0]) / Fraction(debt[1]) - Fraction(sales[0]) / Fraction(sales[1])


@measure("external_debt")
def n_other_lenders(c: Customer):
    return sum(debt > 0 for debt in c.debts_elsewhere)


@measure("external_debt")
def external_debt_share(c: Customer):
    elsewhere = sum(c.debts_elsewhere, ZERO)
    return share(elsewhere, elsewhere + c.exposure)


@measure()
def n_rollovers_12m(c: Customer):
    repaid: dict[tuple[str, int, int], Decimal] = defaultdict(Decimal)
    for loan in c.loans:
        if loan.n_principal_instalments > 1:
            for payment in loan.cash_payments:
                repaid[loan.name, payment.day.year, payment.day.month] += payment.principal
    found = 0
    for loan in c.loans:
        is_drawn = any(sum_ > 0 for _, sum_, _ in loan.payouts)
        has_no_schedule = loan.n_principal_instalments == 0 and is_drawn and loan.matures_on is not None
        is_bullet = loan.product in ("term", "project") and (loan.n_principal_instalments == 1 or has_no_schedule)
        of_month = [sum_ for (_, *month), sum_ in repaid.items() if month == [loan.signed_on.year, loan.signed_on.month]]
        matches = any(sum_ > 0 and sum_ <= 2 * loan.promised <= 3 * sum_ for sum_ in of_month)
        found += is_bullet and c.is_within(loan.signed_on, 365) and matches
    return found


@measure("links")
def is_in_guarantee_circle(c: Customer):
    return len(c.world.circle(c.name)) > 1 if c.name in c.world.neighbours else None


@measure("links")
def circle_exposure_committed(c: Customer):
    members = c.world.circle(c.name)
    known = [c.world.customers[name] for name in members if name in c.world.customers]
    return sum((o.committed for o in known), ZERO) if len(members) > 1 else None


@measure("links")
def n_steps_to_default(c: Customer):
    others = c.world.customers
    if c.name not in c.world.neighbours:
        return None
    return min((steps for name, steps in c.world.reached(c.name, c.world.neighbours).items()
                if name in others and worst(others[name], 91) > 90), default=None)


@measure()
def group_days_past_due_max(c: Customer):
    return max(o.days_past_due for o in c.group_members)


@measure()
def group_exposure_share(c: Customer):
    return share(sum((o.committed for o in c.group_members), ZERO),
                 sum((o.committed for o in c.world.customers.values()), ZERO))
