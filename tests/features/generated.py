"""Small books drawn by Hypothesis, biased to where features go wrong, and what was known of a book on a date.

Drawn dates lie on the date of measuring, its neighbours, the edges of the windows, month ends and leap days; amounts
where an instalment is just settled or just not, paid in parts, overpaid or refunded. Hypothesis draws the seed of each
book and not every fact of it: of 100 books drawn fact by fact most were copies of each other, and no customer of theirs
had a cure, a roll-over or a guarantee circle. Opening a book costs seconds whatever its size, so many small books are
measured side by side as one.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from random import Random
from zlib import crc32

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from features.contracts import CONTRACTS

Rows = dict[str, list[dict]]
DATES = ("2024-02-29", "2024-03-01", "2024-12-31", "2025-02-28")
OPTIONAL = tuple(name for name, contract in CONTRACTS.items() if contract.optional)
BOOKS_AN_EXAMPLE = 4
NEAR = (-1, 0, 1)
EDGES = (30, 31, 60, 61, 90, 91, 92, 121, 152, 182, 183, 184, 335, 364, 365, 366, 396, 729, 730, 731)
#: The day on which the row itself happened; tables without one are known by recorded_on alone.
OWN_DAY = {"loans": "signed_on", "drawdowns": "drawn_on", "limits": "changed_on", "rates": "changed_on",
           "collateral": "valued_on", "fees": "charged_on", "ratings": "rated_on", "contacts": "contacted_on",
           "links": "linked_on", "financials": "published_on", "external_debt": "reported_on"}
#: Ends of a fact, known from their own booking on.
ENDS = {"loans": ("closed_on", "closed_recorded_on"), "links": ("ended_on", "ended_recorded_on"),
        "repayments": ("superseded_on", "superseded_recorded_on", "superseded_by")}
OWN_IDS = ("customer_id", "loan_id", "group_id", "from_id", "to_id", "guarantor_id")


def shift(as_of: str, days: int) -> str:
    """The date so many days later."""
    return (date.fromisoformat(as_of) + timedelta(days=days)).isoformat()


def days_around(as_of: str) -> list[str]:
    """Dates where an off-by-one would show: the date and its neighbours, window edges, month ends, leap days."""
    month_ends = [f"{year}-{end}" for year in (2023, 2024, 2025) for end in ("01-31", "02-28", "04-30", "12-31")]
    edges = [shift(as_of, -n) for n in EDGES] + [shift(as_of, n) for n in EDGES if n % 30 < 3]
    return [shift(as_of, n) for n in NEAR] * 4 + edges + [*month_ends, "2020-02-29", "2024-02-29"]


ROUND = ["0.01", "33.33", "49.99", "50.00", "66.67", "100.00", "100.10", "150.00", "200.00"]
RATES = ["", "0", "0.03", "0.045", "0.04567", "0.12", "-0.005", "-0.1"]


class Drawer:
    """Draws facts around one date."""

    def __init__(self, random: Random, as_of: str) -> None:
        self.random, self.as_of, self.days = random, as_of, days_around(as_of)

    def day(self, earliest: str = "") -> str:
        if self.random.random() < 0.25:
            return max(shift(self.as_of, -self.random.randint(-40, 800)), earliest)
        return max(self.random.choice(self.days), earliest)

    def maybe(self, earliest: str = "") -> str:
        return self.rarely(earliest, one_in=2)

    def rarely(self, earliest: str = "", one_in: int = 6) -> str:
        return self.day(earliest) if self.n(1, one_in) == 1 else ""

    def money(self) -> str:
        return self.one(*ROUND, *[f"{self.n(1, 900_00) / 100:.2f}"] * 4)

    def n(self, least: int, most: int) -> int:
        return self.random.randint(least, most)

    def one(self, *values):
        return self.random.choice(values)

    def recorded(self, own: str) -> dict[str, str]:
        return {"recorded_on": self.rarely(own)}

    def ended(self, what: str, earliest: str = "") -> dict[str, str]:
        """The end of a fact and the day it was booked, mostly neither."""
        on = self.rarely(earliest)
        return {f"{what}_on": on, f"{what}_recorded_on": on and self.rarely(on)}


def a_book(random: Random, as_of: str, tables: tuple[str, ...] = OPTIONAL) -> Rows:
    """A book of up to three customers with these optional tables: facts before, on and after the date, some booked late."""
    of = Drawer(random, as_of)
    book: Rows = {name: [] for name in CONTRACTS if not CONTRACTS[name].optional or name in tables}
    names = [f"C{n}" for n in range(of.n(1, 3))]
    for name in names:
        book["customers"].append({
            "customer_id": name, "ownership": of.one("", "state", "private", "municipal"), "group_id": of.one("", "G"),
            "founded_on": of.maybe(), "onboarded_on": of.maybe(), "recorded_on": of.rarely()})
        for table, a_fact in OF_CUSTOMER.items():
            if table in tables:
                book[table] += a_fact(of, name)
    for number in range(of.n(0, 4)):
        _add_loan(of, book, f"L{number}", of.one(*names), shift(as_of, -1500) if number == 0 else of.day())
    if "links" in tables:
        ends = [*names, "outsider"]
        pairs = {(of.one(*ends), of.one(*ends)) for _ in range(of.n(0, 5))}
        for one, other in sorted(pair for pair in pairs if pair[0] != pair[1]):
            linked = of.day()
            book["links"].append({"from_id": one, "to_id": other, "kind": of.one("guarantee", "guarantee", "ownership"),
                                  "linked_on": linked, **of.ended("ended", linked), **of.recorded(linked)})
    return book


def _add_loan(of: Drawer, book: Rows, name: str, customer: str, signed: str) -> None:
    own = {"loan_id": name}
    loan = own | {"customer_id": customer, "product": of.one("term", "revolver", "revolver", "project", "guarantee"),
                  "currency": "USD", "purpose": of.one("", "plant", "stock"), "signed_on": signed,
                  "matures_on": of.one(shift(of.as_of, 1000), of.day(signed), ""), "committed_amount": of.money(),
                  "annual_rate": of.one(*RATES), "funding_rate": of.one("", "0.02", "0.02", "0.031"),
                  "security": of.one("", "none", "collateral", "guarantee", "pledge"), **of.ended("closed", signed),
                  "recorded_on": of.rarely(signed) if name != "L0" else ""}
    n_instalments = of.n(0, 6)
    payments = [row for row in book["repayments"] if row["paid_on"] and float(row["amount_paid"])]
    if payments and of.n(1, 5) == 1:  # a bullet loan in the month in which another was paid
        payment = of.one(*payments)
        signed, repaid = payment["paid_on"][:8] + of.one("01", "15", "28"), float(payment["amount_paid"])
        loan |= {"product": of.one("term", "project"), "signed_on": signed, "recorded_on": "", "customer_id": next(
            other["customer_id"] for other in book["loans"] if other["loan_id"] == payment["loan_id"])}
        loan |= {"committed_amount": f"{of.one(0.49, 0.5, 1, 1.5, 1.52) * repaid:.2f}", **of.ended("closed", signed)}
        n_instalments = of.n(0, 2)  # none: the schedule is still to come
    loan["matures_on"] = loan["matures_on"] and max(signed, loan["matures_on"])
    book["loans"].append(loan)
    says_interest = of.n(0, 3) > 0
    for instalment in range(n_instalments):
        book["repayments"] += [own | {"instalment": instalment, "payment": n} | row
                               for n, row in enumerate(_an_instalment(of, signed, says_interest), 1)]
    if "drawdowns" in book:
        for n in range(1, of.n(0, 4) + 1):
            drawn = of.day(signed)
            book["drawdowns"].append(own | {"drawdown": n, "drawn_on": drawn, "amount": of.money(),
                                            "is_opening": of.one("", "", "true"), **of.recorded(drawn)})
    for changed in sorted({of.day(signed) for _ in range(of.n(0, 3))}):
        if "limits" in book:
            book["limits"].append(own | {"changed_on": changed, "committed_amount": of.one("0", of.money()),
                                         "cause": of.one("", "bank", "customer", "regulator"), **of.recorded(changed)})
        if "rates" in book:
            book["rates"].append(own | {"changed_on": changed, "annual_rate": of.one(*RATES[1:]),
                                        "cause": of.one("", "renegotiation", "index", "regulator"), **of.recorded(changed)})
    if "collateral" in book:
        for asset, valued in sorted({(of.one("a", "b"), of.day()) for _ in range(of.n(0, 3))}):
            book["collateral"].append(own | {"collateral_id": asset, "valued_on": valued, "value": of.one("0", of.money()),
                                             "haircut": of.one("", "0.3", "0.125"), **of.recorded(valued)})


def _an_instalment(of: Drawer, signed: str, says_interest: bool) -> list[dict]:
    """The rows of one instalment: unpaid, paid, paid in parts, overpaid or refunded; or an unscheduled repayment."""
    opening = {"is_opening": of.one("", "", "", "", "true")}
    if of.n(0, 4) == 0:  # known only once it is booked
        paid = of.day(signed)
        interest = {"interest_due": "0" if says_interest or of.n(0, 1) else ""}
        return [{"due_on": paid, "principal_due": "0", "paid_on": paid, "amount_paid": of.money(), **interest, **opening,
                 **of.recorded(paid), **of.ended("returned", paid)}]
    principal, interest = of.money(), of.one("0", of.money()) if says_interest else ""
    cents = [round(float(due or 0) * 100) for due in (principal, interest)]
    just = -(-sum(cents) * 99 // 100)  # settles: 1 % is immaterial
    amounts = [sum(cents), just, just - 1, sum(cents) // 2, sum(cents) * 3 // 2, cents[1]]
    withdrawn = _withdrawn(of)
    due = {"due_on": of.day(signed), "principal_due": principal, "interest_due": interest, **opening, **withdrawn,
           "scheduled_on": of.rarely(one_in=8)}
    parts = []
    for _ in range(of.one(0, 1, 1, 2, 3)):
        paid = of.one(max(signed, due["due_on"]), of.day(signed), of.day(signed))
        sum_ = max(0, of.one(*amounts)) / 100
        own = _withdrawn(of) if of.n(0, 3) == 0 else {}  # the rows of one instalment need not say the same
        parts.append(due | own | {"paid_on": paid, "amount_paid": f"{sum_:.2f}", **of.recorded(paid),
                                  **of.ended("returned", paid)})
    return parts or [due | {"paid_on": "", "amount_paid": "", "recorded_on": of.rarely(one_in=8)}]


def _withdrawn(of: Drawer) -> dict[str, str]:
    """The withdrawal of an instalment from the schedule, mostly none."""
    ended = of.ended("superseded")
    return ended | {"superseded_by": ended["superseded_on"] and of.one("forbearance", "prepayment", "revision", "error")}


def _fees(of: Drawer, name: str) -> list[dict]:
    days = [of.day() for _ in range(of.n(0, 2))]
    return [{"customer_id": name, "fee": n, "charged_on": day, "amount": of.money(), **of.recorded(day)}
            for n, day in enumerate(days, 1)]


def _ratings(of: Drawer, name: str) -> list[dict]:
    days = sorted({of.day() for _ in range(of.n(0, 3))})
    return [{"customer_id": name, "rated_on": day, "grade": of.n(1, 9), "stage": of.one("", "1", "3"),
             "is_watchlisted": of.one("", "true", "false"), "pd": of.one("", "0.02", "0.0035"), "lgd": of.one("", "0.45", "0.45"),
             "annual_cost": of.one("", "1.50", "0"), **of.recorded(day)} for day in days]


def _contacts(of: Drawer, name: str) -> list[dict]:
    days = [of.day() for _ in range(of.n(0, 3))]
    return [{"customer_id": name, "contact": n, "contacted_on": day,
             "kind": of.one("meeting", "call", "service", "complaint", "rate_complaint", "fair"), **of.recorded(day)}
            for n, day in enumerate(days, 1)]


def _financials(of: Drawer, name: str) -> list[dict]:
    rows = {}
    for _ in range(of.n(0, 5)):
        end = shift(of.as_of, of.one(-1126, -761, -395, -30))
        published = of.day(end)
        rows[end, published] = {
            "customer_id": name, "period_ends_on": end, "published_on": published, "sales": of.one("", "0", of.money()),
            "ebitda": of.one("", "-50", "0", "40", of.money()), "interest_expense": of.one("", "0", "40", of.money()),
            "total_debt": of.one("", "0", of.money()), **of.recorded(published)}
    return list(rows.values())


def _external_debt(of: Drawer, name: str) -> list[dict]:
    reports = sorted({(of.one("A", "B"), of.day()) for _ in range(of.n(0, 4))})
    return [{"customer_id": name, "lender": lender, "reported_on": day, "balance": of.one("0", of.money()),
             **of.recorded(day)} for lender, day in reports]


def _labels(of: Drawer, name: str) -> list[dict]:
    return [{"customer_id": name, "as_of": of.as_of, "type": of.one("risk", "stable"), "analyst": "a",
             "labelled_on": shift(of.as_of, of.n(0, 1))}] if of.n(0, 2) else []


OF_CUSTOMER = {"fees": _fees, "ratings": _ratings, "contacts": _contacts, "financials": _financials,
               "external_debt": _external_debt, "labels": _labels}


def drawn_books(as_of: str, tables: tuple[str, ...] = OPTIONAL) -> list[Rows]:
    """Four books for each example that the Hypothesis profile asks for, the same every time unless the profile searches."""
    found: list[Rows] = []

    @settings(max_examples=settings().max_examples, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**64))
    def collect(number: int) -> None:
        found.extend(a_book(Random(number + n), as_of, tables) for n in range(BOOKS_AN_EXAMPLE))

    if settings.get_current_profile_name() != "search":
        collect = seed(crc32(f"{as_of} {tables}".encode()))(collect)
    collect()
    return found


def side_by_side(worlds: dict[str, Rows]) -> Rows:
    """Several books as one, their customers, loans and groups kept apart by a prefix."""
    whole: Rows = {}
    for prefix, book in worlds.items():
        for name, rows in book.items():
            apart = whole.setdefault(name, [])
            apart.extend(row | {c: f"{prefix} {row[c]}" for c in OWN_IDS if row.get(c)} for row in rows)
    return whole


def is_known(as_of: str, row: dict, *columns: str) -> bool:
    """Whether none of these days of a row lies after the date."""
    return all((row.get(column) or "") <= as_of for column in columns)


def is_payment_known(as_of: str, row: dict) -> bool:
    return bool(row["paid_on"]) and is_known(as_of, row, "paid_on", "recorded_on")


def known_then(as_of: str, book: Rows) -> Rows:
    """The book as the bank could have delivered it on the date: every later fact left out."""

    def blank(row: dict, *columns: str) -> dict:
        return row | {column: "" for column in columns if column in row}

    then: Rows = {}
    for name in book:
        rows = book[name]
        if own := OWN_DAY.get(name):
            rows = [row for row in rows if is_known(as_of, row, own, "recorded_on")]
        if ends := ENDS.get(name):
            rows = [row if is_known(as_of, row, *ends[:2]) else blank(row, *ends) for row in rows]
        then[name] = rows
    signed, borrowers = {loan["loan_id"] for loan in then["loans"]}, {loan["customer_id"] for loan in then["loans"]}
    for name, rows in then.items():
        if "loan_id" in {column.name for column in CONTRACTS[name].columns}:
            then[name] = [row for row in rows if row["loan_id"] in signed]
    then["repayments"] = _numbered_anew([row for row in (_payment_then(as_of, row) for row in then["repayments"]) if row])
    if "labels" in then:
        then["labels"] = [row for row in then["labels"] if is_known(as_of, row, "labelled_on")]
    spoken_of = {row["customer_id"] for name, rows in then.items() if name != "customers" for row in rows if "customer_id" in row}
    customers = []
    for customer in book["customers"]:
        if is_known(as_of, customer, "recorded_on"):
            late = [column for column in ("founded_on", "onboarded_on") if not is_known(as_of, customer, column)]
            customers.append(blank(customer, *late))
        elif customer["customer_id"] in borrowers | spoken_of:
            customers.append(blank(customer, *(column for column in customer if column != "customer_id")))
    return then | {"customers": customers}


def _numbered_anew(repayments: list[dict]) -> list[dict]:
    """The payments of each instalment numbered from 1, as far as they have come."""
    n = Counter()
    return [row | {"payment": n[of]} for row in repayments if (of := (row["loan_id"], row["instalment"])) and not n.update([of])]


def _payment_then(as_of: str, row: dict) -> dict | None:
    """A row of the repayments as it stood on the date: unpaid where the payment came later, gone where nothing was known."""
    if row["paid_on"] and is_payment_known(as_of, row):
        if is_known(as_of, row, "returned_on", "returned_recorded_on"):
            return row
        return row | {"returned_on": "", "returned_recorded_on": ""}
    is_unscheduled = row["principal_due"] == row["interest_due"] == "0"
    is_booked = bool(row["paid_on"]) or is_known(as_of, row, "recorded_on")
    if int(row["payment"]) > 1 or is_unscheduled or not is_booked or not is_known(as_of, row, "scheduled_on"):
        return None
    return row | {column: "" for column in ("paid_on", "amount_paid", "recorded_on", "returned_on", "returned_recorded_on")
                  if column in row}


#: Days that stand in the schedule or the calendar: the date knows them although they lie ahead.
PLANNED = ("signed_on", "due_on", "matures_on", "period_ends_on", "as_of")


def edited_later(as_of: str, book: Rows) -> Rows:
    """The book with everything that was not known on the date told otherwise: other days, amounts and causes."""
    return {name: [_edited(as_of, name, row) for row in rows] for name, rows in book.items()}


def _edited(as_of: str, name: str, row: dict) -> dict:
    own_days = {"repayments": ("paid_on", "recorded_on"), "customers": ("recorded_on",), "labels": ("labelled_on",)}
    was_known = is_known(as_of, row, *own_days.get(name, (OWN_DAY.get(name, ""), "recorded_on")))
    changes = {}
    for column in CONTRACTS[name].columns:
        value = row.get(column.name) or ""
        if column.kind == "date" and value > as_of and column.name not in PLANNED:
            changes[column.name] = shift(value, 17)
        elif not was_known and value and column.kind == "money" and not column.name.endswith("_due"):
            changes[column.name] = "77.77"
        elif not was_known and value and column.one_of:
            changes[column.name] = next(other for other in column.one_of if other != value)
    if row.get("superseded_by") and not is_known(as_of, row, "superseded_on", "superseded_recorded_on"):
        changes["superseded_by"] = "revision" if row["superseded_by"] != "revision" else "forbearance"
    elif name == "repayments":
        changes.pop("superseded_by", None)  # known although the payment is not
    return row | changes
