"""Hindsight types: which facts after the date make a customer which type."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outcome import TYPES, HindsightRules, hindsight_facts, hindsight_types

RULES = HindsightRules()
MILLION = 1_000_000_00  # in cents
DAY_COLUMNS = ("signed_on", "matures_on", "closed_on", "due_on", "paid_on", "drawn_on", "changed_on")
DAY_COLUMNS += ("scheduled_on", "superseded_on", "recorded_on", "closed_recorded_on", "superseded_recorded_on")
COLUMNS = {
    "loans": "loan_id customer_id product signed_on matures_on committed_amount closed_on"
    " closed_recorded_on recorded_on",
    "repayments": "loan_id instalment payment due_on principal_due interest_due paid_on amount_paid"
    " scheduled_on superseded_on superseded_recorded_on is_opening recorded_on",
    "drawdowns": "loan_id drawn_on amount recorded_on",
    "limits": "loan_id changed_on committed_amount cause recorded_on",
}


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


AS_OF, UNTIL = day("2020-12-31"), day("2024-12-31")


def frame(table: str, rows: list[dict]) -> pd.DataFrame:
    """Return rows as the tables come: whole days, whole cents, empty where nothing is said."""
    data = pd.DataFrame(rows, columns=COLUMNS[table].split(), dtype=object)
    for column in data:
        if column in DAY_COLUMNS:
            data[column] = [day(value) if isinstance(value, str) else None for value in data[column]]
        if column in (*DAY_COLUMNS, "instalment", "payment") or column.startswith(("principal", "interest")):
            data[column] = data[column].astype("Int64")
        if column in ("amount", "committed_amount", "amount_paid"):
            data[column] = data[column].astype("Int64")
    return data


def loan(loan_id="L1", customer_id="C1", signed_on="2018-01-01", millions=100, **more) -> dict:
    fixed = {"loan_id": loan_id, "customer_id": customer_id, "product": "term", "signed_on": signed_on}
    return fixed | {"matures_on": "2030-01-01", "committed_amount": millions * MILLION} | more


def instalment(due_on, millions, paid_on=None, paid=None, loan_id="L1", number=1, **more) -> dict:
    paid = millions if paid_on and paid is None else paid
    fixed = {"loan_id": loan_id, "instalment": number, "payment": 1, "due_on": due_on, "paid_on": paid_on}
    amounts = {"principal_due": int(millions * MILLION), "amount_paid": paid and int(paid * MILLION)}
    return fixed | amounts | more


def book(loans, repayments=(), drawdowns=None, limits=None) -> SimpleNamespace:
    """Return tables; a book without drawdowns has drawn every loan in full at signing."""
    return SimpleNamespace(
        loans=frame("loans", list(loans)),
        repayments=frame("repayments", list(repayments)),
        drawdowns=None if drawdowns is None else frame("drawdowns", drawdowns),
        limits=None if limits is None else frame("limits", limits),
    )


def types_of(tables, as_of=AS_OF, until=UNTIL) -> dict[str, str]:
    found = hindsight_types(tables, as_of, until, RULES)
    return dict(zip(found["customer_id"], found["type"], strict=True))


PAID_YEARLY = [instalment(f"{year}-06-30", 10, f"{year}-06-30", number=year) for year in range(2021, 2025)]


def test_a_borrower_that_pays_as_scheduled_and_takes_nothing_new_is_stable():
    assert types_of(book([loan()], PAID_YEARLY)) == {"C1": "stable"}


def test_the_answer_carries_the_date_asked_for():
    found = hindsight_types(book([loan()]), AS_OF, UNTIL, RULES)
    assert found.to_dict("records") == [{"customer_id": "C1", "as_of": "2020-12-31", "type": "stable"}]


def test_an_end_before_the_date_is_refused():
    with pytest.raises(ValueError, match="must lie after"):
        hindsight_types(book([loan()]), AS_OF, AS_OF, RULES)


@pytest.mark.parametrize(
    "case",
    [
        {"signed_on": "2021-01-01"},
        {"closed_on": "2020-12-31"},
        {"closed_on": "2020-12-01", "closed_recorded_on": "2020-12-31"},
        {"recorded_on": "2021-01-01"},
        {"millions": 0},
    ],
)
def test_only_customers_active_and_known_on_the_date_are_judged(case):
    assert types_of(book([loan(**case)])) == {}


def test_a_closure_booked_after_the_date_was_not_known_on_it():
    assert types_of(book([loan(closed_on="2020-12-01", closed_recorded_on="2021-01-01")])) == {"C1": "churn"}


def test_an_undrawn_commitment_makes_a_customer_active():
    assert types_of(book([loan()], drawdowns=[])) == {"C1": "stable"}


@pytest.mark.parametrize(
    "paid_on, expected",
    [("2021-12-30", "risk"), ("2021-03-01", "stable"), (None, "risk")],
)
def test_eleven_silent_months_beside_an_overdue_instalment_are_risk(paid_on, expected):
    rows = [instalment("2021-01-15", 1, paid_on, number=1), *PAID_YEARLY]
    rows = [row for row in rows if row["due_on"] != "2021-06-30"]
    assert types_of(book([loan()], rows)) == {"C1": expected}


def test_a_payment_in_between_breaks_the_silence():
    rows = [instalment("2021-01-15", 1, "2021-12-30", number=1), *PAID_YEARLY]
    assert types_of(book([loan()], rows)) == {"C1": "stable"}


def test_the_day_a_payment_was_booked_breaks_the_silence_too():
    late = instalment("2021-01-15", 1, "2022-01-16", number=1)
    other = instalment("2020-06-30", 1, "2020-07-01", number=2, recorded_on="2021-07-15")
    assert types_of(book([loan()], [late])) == {"C1": "risk"}
    assert types_of(book([loan()], [late, other])) == {"C1": "stable"}


def test_an_instalment_withdrawn_in_time_is_no_silence():
    withdrawn = instalment("2021-01-15", 1, superseded_on="2021-11-30", number=1, scheduled_on="2021-01-01")
    assert types_of(book([loan()], [withdrawn, *PAID_YEARLY[1:]])) == {"C1": "stable"}


@pytest.mark.parametrize("booked, expected", [("2022-02-01", "stable"), ("2025-01-01", "risk")])
def test_a_withdrawal_ends_a_silence_on_its_own_day_once_it_is_booked_by_the_end(booked, expected):
    withdrawn = instalment("2021-01-15", 1, superseded_on="2021-11-30", superseded_recorded_on=booked, number=1)
    assert types_of(book([loan()], [withdrawn, *PAID_YEARLY[1:]])) == {"C1": expected}


@pytest.mark.parametrize("small, expected", [(10, "stable"), (12, "risk")])
def test_trouble_counts_from_a_tenth_of_the_exposure(small, expected):
    loans = [loan(), loan("L2", millions=small)]
    rows = [*PAID_YEARLY, instalment("2021-01-15", 1, loan_id="L2")]
    assert types_of(book(loans, rows)) == {"C1": expected}


@pytest.mark.parametrize("new_end, expected", [(None, "risk"), ("2027-01-01", "stable")])
def test_a_balance_past_maturity_is_risk_unless_the_end_was_moved(new_end, expected):
    rows = [*PAID_YEARLY]
    if new_end:
        rows.append(instalment(new_end, 60, number=9, scheduled_on="2023-01-01"))
    assert types_of(book([loan(matures_on="2024-06-30")], rows)) == {"C1": expected}


@pytest.mark.parametrize("paid, expected", [(5.9, "risk"), (6, "stable")])
def test_less_than_sixty_percent_of_the_known_schedule_paid_is_risk(paid, expected):
    rows = [instalment("2024-06-30", 10, "2024-06-30", paid)]
    assert types_of(book([loan()], rows)) == {"C1": expected}


def test_a_schedule_made_after_the_date_is_not_what_is_asked_for():
    rows = [instalment("2024-06-30", 10, "2024-06-30", 1, scheduled_on="2023-01-01")]
    assert types_of(book([loan()], rows)) == {"C1": "stable"}


@pytest.mark.parametrize(
    "left, cause, expected", [(49, None, "risk"), (51, None, "stable"), (49, "schedule", "stable")]
)
def test_half_the_undrawn_cancelled_is_risk_unless_it_was_scheduled(left, cause, expected):
    cut = {"loan_id": "L1", "changed_on": "2022-01-01", "committed_amount": left * MILLION, "cause": cause}
    assert types_of(book([loan()], drawdowns=[], limits=[cut])) == {"C1": expected}


def test_a_small_cancellation_is_no_risk():
    cut = {"loan_id": "L1", "changed_on": "2022-01-01", "committed_amount": 0}
    assert types_of(book([loan(millions=20)], drawdowns=[], limits=[cut])) == {"C1": "stable"}


@pytest.mark.parametrize("paid, expected", [(50, "stable"), (51, "churn")])
def test_more_than_half_repaid_without_a_new_loan_is_churn(paid, expected):
    assert types_of(book([loan()], [instalment("2022-01-01", paid, "2022-01-01")])) == {"C1": expected}


def test_three_new_loans_of_a_thousand_million_are_strategic():
    new = [loan(f"N{n}", signed_on="2022-01-01", millions=334) for n in range(3)]
    assert types_of(book([loan(), *new])) == {"C1": "strategic"}
    assert types_of(book([loan(), *new[:2]])) == {"C1": "growth"}


@pytest.mark.parametrize("millions, expected", [(15, "stable"), (16, "growth")])
def test_a_new_loan_and_fifteen_percent_more_exposure_are_growth(millions, expected):
    new = loan("N", signed_on="2022-01-01", millions=millions)
    assert types_of(book([loan(), new])) == {"C1": expected}


def test_trouble_comes_before_everything_else():
    new = [loan(f"N{n}", signed_on="2022-01-01", millions=334) for n in range(3)]
    assert types_of(book([loan(), *new], [instalment("2021-01-15", 90)])) == {"C1": "risk"}


def test_interest_is_paid_before_principal():
    paid = instalment("2022-01-01", 10, "2022-01-01", paid=12, interest_due=5 * MILLION)
    facts = hindsight_facts(book([loan()], [paid]), AS_OF, UNTIL, RULES)
    assert facts.loc["C1", "exposure_after"] == (100 - (12 - 5)) * MILLION


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["2024-12-30", "2024-12-31", "2025-01-01"]),
    st.sampled_from(["2024-12-30", "2024-12-31", "2025-01-01"]),
)
def test_nothing_after_the_end_counts(paid_on, recorded_on):
    rows = [instalment("2024-06-30", 51, paid_on, recorded_on=recorded_on)]
    is_known = max(paid_on, recorded_on) <= "2024-12-31"
    assert types_of(book([loan()], rows)) == {"C1": "churn" if is_known else "risk"}


def test_tables_of_an_engine_give_the_same_types():
    tables = book(
        [loan(), loan("N", signed_on="2022-01-01", millions=16)],
        PAID_YEARLY,
        drawdowns=[
            {"loan_id": name, "drawn_on": "2018-01-01", "amount": 50 * MILLION} for name in ("L1", "N")
        ],
        limits=[{"loan_id": "L1", "changed_on": "2022-01-01", "committed_amount": 90 * MILLION}],
    )
    with duckdb.connect() as engine:
        lazy = SimpleNamespace(
            **{
                name: engine.from_df(getattr(tables, name))
                for name in ("loans", "repayments", "drawdowns", "limits")
            }
        )
        assert types_of(lazy) == types_of(tables) == {"C1": "growth"}


def test_the_types_come_in_their_written_precedence():
    assert TYPES == ("risk", "churn", "strategic", "growth", "stable")
