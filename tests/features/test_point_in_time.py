"""No fact dated or recorded after the date changes any feature, in any bit; facts of the date itself do."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import pytest
from books import bits, moved, opened
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.catalogue import FEATURES
from features.frame import book_frame

DATES = ("2024-02-29", "2024-03-01", "2024-12-31", "2025-02-28")
NEAR = (-731, -730, -729, -366, -365, -364, -92, -91, -90, -31, -1, 0, 0, 1, 1, 2, 31, 364, 365, 366, 730)


def shift(as_of: str, days: int) -> str:
    return (date.fromisoformat(as_of) + timedelta(days=days)).isoformat()


def days_around(as_of: str) -> st.SearchStrategy[str]:
    """Dates where an off-by-one would show: the date and its neighbours, window edges, month ends, leap days."""
    month_ends = [f"{year}-{end}" for year in (2023, 2024, 2025) for end in ("01-31", "02-28", "04-30", "12-31")]
    return st.sampled_from([shift(as_of, n) for n in NEAR] + [*month_ends, "2020-02-29", "2024-02-29"])


@st.composite
def books(draw) -> tuple[str, dict[str, list[dict]]]:
    """A date and a small book with facts before, on and after it, some of them recorded late."""
    as_of = draw(st.sampled_from(DATES))
    day = days_around(as_of)
    maybe = st.one_of(st.just(""), day)
    money = st.integers(1, 900_00).map(lambda cents: f"{cents / 100:.2f}")

    def recorded(own: str) -> str:
        return draw(st.one_of(st.just(""), day.map(lambda d: max(d, own))))

    customers = [{"customer_id": f"C{n}", "ownership": draw(st.sampled_from(["", "state", "private"])),
                  "group_id": draw(st.sampled_from(["", "G"])), "founded_on": draw(maybe), "onboarded_on": draw(maybe),
                  "recorded_on": draw(maybe)} for n in range(draw(st.integers(1, 3)))]
    book = {"customers": customers, "loans": [], "repayments": []}
    book |= {name: [] for name in ("drawdowns", "limits") if draw(st.booleans())}
    for number in range(draw(st.integers(1, 4))):
        signed = shift(as_of, -1500) if number == 0 else draw(day)
        loan = {"loan_id": f"L{number}", "customer_id": draw(st.sampled_from(customers))["customer_id"],
                "product": draw(st.sampled_from(["term", "revolver", "project", "guarantee"])), "currency": "USD",
                "signed_on": signed, "matures_on": max(signed, draw(day)), "committed_amount": draw(money),
                "annual_rate": draw(st.sampled_from(["", "0.045"])), "closed_on": draw(maybe),
                "security": draw(st.sampled_from(["", "none", "collateral"])),
                "recorded_on": recorded(signed) if number else ""}
        loan["closed_on"] = loan["closed_on"] and max(signed, loan["closed_on"])
        loan["closed_recorded_on"] = loan["closed_on"] and recorded(loan["closed_on"])
        book["loans"].append(loan)
        own = {"loan_id": loan["loan_id"]}

        def after_signing(signed=signed) -> str:
            return max(signed, draw(day))

        def a_payment(after_signing=after_signing) -> dict:
            paid_on = after_signing()
            return {"paid_on": paid_on, "amount_paid": draw(money), "recorded_on": recorded(paid_on)}

        for instalment in range(draw(st.integers(0, 5))):
            parts = [a_payment() for _ in range(draw(st.integers(0, 2)))]
            if parts and draw(st.integers(0, 3)) == 0:  # an unscheduled repayment is known only once it is booked
                side = {"due_on": parts[0]["paid_on"], "principal_due": "0", "interest_due": "0"}
                parts = parts[:1]
            else:
                scheduled = draw(maybe)
                earliest = min([scheduled, *(part["paid_on"] for part in parts)])
                side = {"due_on": after_signing(), "principal_due": draw(money), "scheduled_on": earliest,
                        "interest_due": draw(st.one_of(st.just(""), money)), "superseded_on": draw(maybe)}
                why = draw(st.sampled_from(["forbearance", "prepayment", "revision"]))
                side["superseded_by"] = side["superseded_on"] and why
                side["superseded_recorded_on"] = side["superseded_on"] and recorded(side["superseded_on"])
            side["is_opening"] = draw(st.sampled_from(["", "", "true"]))
            rows = parts or [{"paid_on": "", "amount_paid": "", "recorded_on": ""}]
            book["repayments"] += [own | side | part | {"instalment": instalment, "payment": n}
                                   for n, part in enumerate(rows, 1)]
        if "drawdowns" in book:
            for n in range(1, draw(st.integers(0, 3)) + 1):
                drawn = after_signing()
                book["drawdowns"].append(own | {"drawdown": n, "drawn_on": drawn, "amount": draw(money),
                                                "is_opening": draw(st.sampled_from(["", "true"])),
                                                "recorded_on": recorded(drawn)})
        if "limits" in book:
            for changed in {after_signing() for _ in range(draw(st.integers(0, 3)))}:
                cause = draw(st.sampled_from(["", "bank", "customer"]))
                book["limits"].append(own | {"changed_on": changed, "committed_amount": draw(money), "cause": cause,
                                             "recorded_on": recorded(changed)})
    return as_of, book


def known_then(as_of: str, book: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """The book as the bank could have delivered it on the date: every later fact left out, in plain Python."""

    def is_known(row: dict, *columns: str) -> bool:
        return all(row.get(column, "") <= as_of for column in columns)

    def blank(row: dict, *columns: str) -> dict:
        return row | {column: "" for column in columns if column in row}

    closing, withdrawal = ("closed_on", "closed_recorded_on"), ("superseded_on", "superseded_recorded_on")
    loans = [loan if is_known(loan, *closing) else blank(loan, *closing)
             for loan in book["loans"] if is_known(loan, "signed_on", "recorded_on")]
    signed, borrowers = {loan["loan_id"] for loan in loans}, {loan["customer_id"] for loan in loans}
    customers = []
    for customer in book["customers"]:
        facts = [column for column in customer if column != "customer_id"]
        if is_known(customer, "recorded_on"):
            late = [column for column in ("founded_on", "onboarded_on") if not is_known(customer, column)]
            customers.append(blank(customer, *late))
        elif customer["customer_id"] in borrowers:
            customers.append(blank(customer, *facts))
    repayments = []
    for row in (row for row in book["repayments"] if row["loan_id"] in signed):
        if not is_known(row, *withdrawal):
            row = blank(row, *withdrawal, "superseded_by")
        if not (row["paid_on"] and is_known(row, "paid_on", "recorded_on")):
            row = blank(row, "paid_on", "amount_paid", "recorded_on")
            is_unscheduled = row["principal_due"] == row["interest_due"] == "0"
            if row["payment"] > 1 or is_unscheduled or not is_known(row, "scheduled_on"):
                continue
        repayments.append(row)
    then = {"customers": customers, "loans": loans, "repayments": repayments}
    for name, own_day in (("drawdowns", "drawn_on"), ("limits", "changed_on")):
        if name in book:
            then[name] = [r for r in book[name] if r["loan_id"] in signed and is_known(r, own_day, "recorded_on")]
    return then


def side_by_side(worlds: dict[str, dict[str, list[dict]]]) -> dict[str, list[dict]]:
    """Several books as one, their customers and loans kept apart by a prefix."""
    whole: dict[str, list[dict]] = {}
    for prefix, book in worlds.items():
        for name, rows in book.items():
            ids = [column for column in ("customer_id", "loan_id") if rows and column in rows[0]]
            whole.setdefault(name, []).extend(row | {c: f"{prefix} {row[c]}" for c in ids} for row in rows)
    return whole


@settings(max_examples=40, deadline=None, database=None, derandomize=True, phases=[Phase.generate],  # no shrinking
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example])
@given(books())
def test_the_future_and_late_bookings_change_no_bit_of_any_feature(drawn):
    as_of, book = drawn
    with opened(side_by_side({"then": known_then(as_of, book), "later": book})) as tables:
        frame = book_frame(tables, as_of)
    worlds = {prefix: {key.split(" ")[1]: values for key, *values in bits(frame) if key.startswith(prefix)}
              for prefix in ("then", "later")}
    names = ["as_of", *FEATURES]
    for customer, known in worlds["then"].items():
        leaks = {n for n, a, b in zip(names, known, worlds["later"][customer], strict=True) if a != b}
        assert not leaks, f"{customer} on {as_of}: {sorted(leaks)}"


# Each kind of fact, for a customer of its own: (fact, rows to add or replace given its day, features it must move).
AS_OF = "2024-12-31"
SHARES_OF_THE_BOOK = {"exposure_share", "interest_income_share_12m"}  # every customer's facts move them for all
LONG_AGO, LATELY, SOON = "2020-01-01", "2024-12-20", "2025-06-30"


def paid(instalment: int, paid_on: str, recorded_on: str = "", payment: int = 1) -> dict:
    part = {"paid_on": paid_on, "amount_paid": "60", "recorded_on": recorded_on, "payment": payment}
    return {"repayments": [instalment_of(instalment) | part]}


def instalment_of(instalment: int) -> dict:
    due_on, interest = ("2024-10-31", "60") if instalment == 1 else (SOON, "10")
    return {"instalment": instalment, "payment": 1, "due_on": due_on, "principal_due": "100", "interest_due": interest}


def prepaid(paid_on: str, recorded_on: str = "") -> dict:
    free = {"instalment": 9, "payment": 1, "due_on": paid_on, "principal_due": "0", "interest_due": "0"}
    return {"repayments": [free | {"paid_on": paid_on, "amount_paid": "50", "recorded_on": recorded_on}]}


def new_loan(signed_on: str, recorded_on: str = "") -> dict:
    return {"loans": [{"suffix": "-new", "signed_on": signed_on, "recorded_on": recorded_on}]}


def drawdown(drawn_on: str, recorded_on: str = "") -> dict:
    return {"drawdowns": [{"drawdown": 2, "drawn_on": drawn_on, "amount": "200", "recorded_on": recorded_on}]}


def limit(changed_on: str, recorded_on: str = "") -> dict:
    cut = {"changed_on": changed_on, "committed_amount": "700", "cause": "bank", "recorded_on": recorded_on}
    return {"limits": [cut]}


def superseded(on: str, recorded_on: str = "") -> dict:
    by = {"superseded_on": on, "superseded_by": "forbearance", "superseded_recorded_on": recorded_on}
    return {"repayments": [instalment_of(2) | by]}


FACTS = {
    "a-loan-signed": (new_loan, "exposure_committed n_active_loans new_lending_share_12m exposure_share"),
    "a-loan-recorded-late": (lambda day: new_loan(LATELY, day), "exposure_committed n_active_loans"),
    "a-loan-closed": (lambda day: {"loans": [{"closed_on": day}]}, "utilisation_share exposure_committed"),
    "a-closing-recorded-late": (lambda day: {"loans": [{"closed_on": LATELY, "closed_recorded_on": day}]},
                                "utilisation_share exposure_committed"),
    "a-payment": (lambda day: paid(1, day), "interest_income_12m days_since_payment n_partial_payments_12m"),
    "a-payment-recorded-late": (lambda day: paid(1, LATELY, day), "interest_income_12m days_since_payment"),
    "a-second-part": (lambda day: paid(1, day, payment=2), "interest_income_12m n_partial_payments_12m"),
    "a-second-part-recorded-late": (lambda day: paid(1, LATELY, day, payment=2), "interest_income_12m"),
    "an-early-payment": (lambda day: paid(2, day), "exposure_drawn exposure_growth_12m_ratio"),
    "a-prepayment": (prepaid, "prepaid_12m_ratio exposure_drawn"),
    "a-prepayment-recorded-late": (lambda day: prepaid(LATELY, day), "prepaid_12m_ratio exposure_drawn"),
    "a-rescheduling": (superseded, "n_forborne_24m due_share_12m"),
    "a-rescheduling-recorded-late": (lambda day: superseded(LATELY, day), "n_forborne_24m due_share_12m"),
    "an-instalment-scheduled": (lambda day: {"repayments": [instalment_of(3) | {"scheduled_on": day}]},
                                "due_share_12m"),
    "a-drawdown": (drawdown, "n_drawdowns_12m days_since_drawdown drawn_12m_ratio exposure_drawn"),
    "a-drawdown-recorded-late": (lambda day: drawdown(LATELY, day), "n_drawdowns_12m exposure_drawn"),
    "a-limit-cut": (limit, "n_limits_cut_24m exposure_committed"),
    "a-limit-cut-recorded-late": (lambda day: limit(LATELY, day), "n_limits_cut_24m exposure_committed"),
    "a-customer-recorded-late": (lambda day: {"customers": [{"recorded_on": day}]}, "is_state_owned firm_age_months"),
}


@lru_cache
def world(day: str | None):
    """The features on AS_OF when every fact falls on the day; without a day no fact has come yet."""
    book = {"customers": [{"customer_id": "bystander"}], "repayments": [], "limits": [],
            "drawdowns": [{"loan_id": "bystander", "drawdown": 1, "drawn_on": LONG_AGO, "amount": "300"}],
            "loans": [a_loan("bystander")]}
    for name, (fact, _) in FACTS.items():
        added = fact(day) if day else {}
        customer = {"customer_id": name, "ownership": "state", "founded_on": LONG_AGO}
        late = {"recorded_on": day or "2030-01-01"} if "customers" in fact(AS_OF) else {}
        book["customers"].append(customer | late)
        first = a_loan(name)
        for change in added.get("loans", []):
            if suffix := change.pop("suffix", ""):
                book["loans"].append(a_loan(name, name + suffix) | change)
            else:
                first |= change
        book["loans"].append(first)
        book["drawdowns"].append({"loan_id": name, "drawdown": 1, "drawn_on": LONG_AGO, "amount": "500"})
        rows = {(n, 1): instalment_of(n) for n in (1, 2)}
        rows |= {(row["instalment"], row["payment"]): row for row in added.get("repayments", [])}
        book["repayments"] += [{"loan_id": name} | row for row in rows.values()]
        for table in ("drawdowns", "limits"):
            book[table] += [{"loan_id": name} | row for row in added.get(table, [])]
    with opened(book) as tables:
        return book_frame(tables, AS_OF)


def a_loan(customer: str, loan: str | None = None) -> dict:
    return {"loan_id": loan or customer, "customer_id": customer, "product": "revolver", "currency": "USD",
            "signed_on": LONG_AGO, "matures_on": "2030-01-01", "committed_amount": "1000"}


def moved_by(fact: str, day: str) -> set[str]:
    before, after = (frame[frame["customer_id"] == fact] for frame in (world(None), world(day)))
    return moved(before, after)


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_of_the_date_itself_moves_the_features(fact):
    assert set(FACTS[fact][1].split()) <= moved_by(fact, AS_OF)


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("days", [1, 365])
def test_the_same_fact_after_the_date_moves_none(fact, days):
    assert moved_by(fact, shift(AS_OF, days)) - SHARES_OF_THE_BOOK == set()  # the bystander speaks for these


def test_the_shares_of_a_bystander_follow_the_others_facts_but_not_their_future():
    assert moved_by("bystander", AS_OF) == SHARES_OF_THE_BOOK
    assert moved_by("bystander", shift(AS_OF, 1)) == set()
