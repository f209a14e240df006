"""Whatever the statements say: money adds up, and later ones never change what was known."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outcome import HindsightRules, hindsight_types
from pipeline.adapters.worldbank import read_histories, read_in_order
from pipeline.adapters.worldbank_account import account_of_lender
from pipeline.adapters.worldbank_book import COLUMNS, rows_of_book
from pipeline.adapters.worldbank_loan import LoanRow
from pipeline.adapters.worldbank_statement import Statement

REAL = Path(__file__).resolve().parents[4] / "shared" / "realdata" / "worldbank_ibrd"


# Whatever the statements say

DAYS = [date(2020, 1, 31), date(2020, 12, 31), date(2021, 6, 30), date(2022, 2, 28), date(2023, 7, 31)]
AMOUNTS = st.integers(0, 1_000_00)


@st.composite
def loan_rows(draw, loan_id: str) -> LoanRow:
    """Draw one loan as some statement could show it, restated at will."""
    return LoanRow(
        loan_id=loan_id,
        product="project",
        country_code="ZA",
        country="South Africa",
        region="AFRICA",
        borrower=draw(st.sampled_from(["ESKOM", "TRANSNET", "MULTIVALUE", ""])),
        guarantor="",
        status=draw(st.sampled_from(["repaying", "disbursing", "fullyrepaid", "fullycancelled", "odd"])),
        annual_rate=None,
        original=draw(AMOUNTS),
        cancelled=draw(st.integers(-100_00, 1_000_00)),
        disbursed=draw(AMOUNTS),
        repaid=draw(st.integers(-100_00, 1_000_00)),
        owed=draw(st.one_of(st.integers(-200, 200), st.integers(-100_00, 1_000_00))),
        exchange=0,
        first_due_on=draw(st.sampled_from([None, date(2019, 8, 31), date(2021, 1, 1), DAYS[1]])),
        last_due_on=draw(st.sampled_from([None, date(2020, 6, 30), DAYS[2], date(2024, 8, 31)])),
        signed_on=draw(st.sampled_from([date(2019, 1, 1), DAYS[0], date(2020, 6, 1)])),
        last_drawn_on=draw(st.sampled_from([None, date(2019, 6, 1), DAYS[3]])),
    )


@st.composite
def statement_sequences(draw) -> list[Statement]:
    """Draw two to five statements of up to three loans, each shown, hidden or changed at will."""
    statements = []
    for day in DAYS[: draw(st.integers(2, 5))]:
        statement = Statement("IBRD", day, "drawn", "", ())
        for loan_id in draw(st.sets(st.sampled_from(["A", "B", "C"]), min_size=1)):
            row = draw(loan_rows(loan_id))
            if row.signed_on <= day:
                statement.rows[loan_id] = row
        statement.shown = set(statement.rows)
        statements.append(statement)
    return statements


@settings(max_examples=150, deadline=None)
@given(statement_sequences())
def test_after_every_statement_the_book_owes_what_the_statement_says(statements):
    loans, borrowers, _ = read_histories(statements)
    tables = tables_by_name(rows_of_book(borrowers, loans))
    owed = {loan.first_shown.loan_id: 0 for loan in loans}
    for statement in statements:
        owed |= {loan_id: row.balance for loan_id, row in statement.rows.items()}
        for loan_id, balance in owed.items():
            drawn = sum(
                row["amount"]
                for row in tables["drawdowns"]
                if row["loan_id"] == loan_id and row["recorded_on"] <= statement.ends_on
            )
            paid = sum(
                row["amount_paid"]
                for row in tables["repayments"]
                if row["loan_id"] == loan_id and row["paid_on"] and row["recorded_on"] <= statement.ends_on
            )
            assert drawn - paid == balance
    for row in tables["repayments"]:
        assert row["principal_due"] >= 0 and (row["amount_paid"] is None or row["amount_paid"] > 0)
        assert row["paid_on"] is None or row["paid_on"] <= row["recorded_on"]
    assert all(row["amount"] > 0 for row in tables["drawdowns"])
    for table, key in (
        ("repayments", ("loan_id", "instalment", "payment")),
        ("drawdowns", ("loan_id", "drawdown")),
    ):
        assert len({tuple(row[part] for part in key) for row in tables[table]}) == len(tables[table])


@settings(max_examples=150, deadline=None)
@given(statement_sequences())
def test_the_account_of_a_lender_adds_up_to_the_cent(statements):
    loans, _, _ = read_histories(statements)
    if not loans:
        return
    money = account_of_lender("IBRD", loans)
    assert money.disbursed == money.repaid + money.owed - money.exchange + money.unexplained
    assert money.drawn + money.raised - money.repaid_rows - money.lowered == money.outstanding
    assert money.outstanding + money.owed_below_zero.cents + money.dust == money.owed
    assert abs(money.dust) <= 99 * len(loans)
    assert money.drawn == money.disbursed + money.restated_drawn.cents
    assert money.repaid_rows == sum(loan.latest.paid for loan in loans) + money.restated_repaid.cents
    assert all(0 <= committed <= 1_000_00 for loan in loans for _, committed in loan.limits)


@settings(max_examples=150, deadline=None)
@given(statement_sequences())
def test_later_statements_never_change_what_was_known(statements):
    assert_known_then_is_known_now(statements)


def assert_known_then_is_known_now(statements: list[Statement]) -> None:
    """The first statements alone give what all of them give, cut at the date of the last of the first."""
    loans, borrowers, _ = read_histories(statements)
    everything = tables_by_name(rows_of_book(borrowers, loans))
    for n_first in range(1, len(statements)):
        loans, borrowers, _ = read_histories(statements[:n_first])
        known_then = tables_by_name(rows_of_book(borrowers, loans))
        on = statements[n_first - 1].ends_on
        assert {table: cut(table, rows, on) for table, rows in everything.items()} == known_then


def tables_by_name(tables: dict[str, list[tuple]]) -> dict[str, list[dict]]:
    return {
        table: [dict(zip(COLUMNS[table], row, strict=True)) for row in rows] for table, rows in tables.items()
    }


def cut(table: str, rows: list[dict], on: date) -> list[dict]:
    """Return what of a table was known on a day, as its contract says, written as plainly as possible."""
    known = []
    for row in map(dict, rows):
        if table == "repayments":
            if row["scheduled_on"] > on:
                continue
            if row["recorded_on"] and row["recorded_on"] > on:
                if row["payment"] > 1:
                    continue
                row |= {"paid_on": None, "amount_paid": None, "recorded_on": None}
            if row["superseded_on"] and row["superseded_on"] > on:
                row |= {"superseded_on": None, "superseded_by": None}
        elif row["recorded_on"] > on:
            continue
        elif table == "loans" and row["closed_on"] and row["closed_on"] > on:
            row["closed_on"] = None
        known.append(row)
    return known


# The real thing


@pytest.fixture(scope="module")
def real_statements() -> list[Statement]:
    files = sorted(REAL.glob("*.csv"))
    if not files:
        pytest.skip("the real statements are not here: ../shared/realdata/worldbank_ibrd")
    return read_in_order(files[::-1])


@pytest.fixture(scope="module")
def real_histories(real_statements):
    return read_histories(real_statements)


def test_all_seven_real_statements_add_up(real_statements):
    assert [statement.n_read for statement in real_statements] == [8824, 8986, 9057, 8873, 9012, 9196, 9310]
    for statement in real_statements:
        assert set(statement.left_out) <= {"IFC loan", "not signed"}
        assert not any(row.unknown_status for row in statement.rows.values())
        left = statement.left_out.values()
        assert statement.n_read == len(statement.rows) + sum(one.n_rows for one in left)
        kept = sum(row.original for row in statement.rows.values())
        assert statement.money_read == kept + sum(one.money for one in left)


def test_the_real_book_owes_what_the_last_statement_says(real_statements, real_histories):
    loans, _, vanished = real_histories
    owed = sum(row.owed for row in real_statements[-1].rows.values())
    outstanding = sum(loan.balance for loan in loans)
    assert abs(owed - outstanding) < 100 and not any(vanished)
    assert round(outstanding / 100e9, 1) == 277.7
    for loan in loans:
        rows_in = sum(drawdown.amount for drawdown in loan.drawdowns)
        rows_out = sum(paid for one in loan.instalments for _, paid, _ in one.payments)
        assert rows_in - rows_out == loan.balance == loan.latest.balance


def test_the_real_cash_is_that_of_the_differences(real_histories):
    loans, _, _ = real_histories
    later = [
        paid
        for loan in loans
        for one in loan.instalments
        if not one.is_opening
        for _, paid, _ in one.payments
    ]
    assert 70 < sum(later) / 100e9 < 80
    assert sum(loan.restated_repaid for loan in loans) // 100_000_000_00 == 10


def test_later_real_statements_never_change_what_was_known(real_statements):
    sample = []
    for whole in real_statements[:4]:
        part = Statement(whole.lender, whole.ends_on, whole.file, "", ())
        part.rows = {loan_id: row for loan_id, row in whole.rows.items() if loan_id.endswith("50")}
        part.shown, part.unsigned = set(part.rows), whole.unsigned
        sample.append(part)
    assert_known_then_is_known_now(sample)


def test_the_real_borrowers_turn_out_much_as_their_publisher_s_rules_say(real_histories):
    loans, borrowers, _ = real_histories
    tables = {
        table: pd.DataFrame([[as_days(value) for value in row] for row in rows], columns=list(COLUMNS[table]))
        for table, rows in rows_of_book(borrowers, loans).items()
    }
    as_of, until = as_days(date(2020, 11, 30)), as_days(date(2025, 5, 31))
    found = hindsight_types(SimpleNamespace(**tables), as_of, until, HindsightRules())
    assert len(found) == 221
    expected = {"stable": 85, "churn": 43, "growth": 35, "risk": 32, "strategic": 26}
    counts = found["type"].value_counts()
    assert all(abs(counts[name] - n) <= 5 for name, n in expected.items()), counts.to_dict()


def as_days(value):
    """Return a date as whole days since 1970-01-01, anything else as it is."""
    return value.toordinal() - date(1970, 1, 1).toordinal() if isinstance(value, date) else value
