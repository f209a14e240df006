"""Amounts below zero: counted and shown as published, never called dust, never behaviour."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline.adapters.worldbank import import_worldbank


@pytest.fixture
def printed(tmp_path, statement_text, save_text):
    """Return a function that imports one statement of these loans and gives the account and its lines."""

    def import_one(*loans: dict[str, str]):
        lines: list[str] = []
        path = save_text("a.csv", statement_text("2019-05-31", *loans))
        return import_worldbank([path], tmp_path / "book", echo=lines.append), lines

    return import_one


def test_an_obligation_below_zero_has_a_line_of_its_own_and_is_no_dust(printed):
    owing, owed, dust = {"Loan Number": "A"}, {"Loan Number": "B"}, {"Loan Number": "C"}
    owed |= {"Repaid to IBRD": "6000", "Borrower's Obligation": "-5000"}
    dust |= {"Repaid to IBRD": "1000", "Borrower's Obligation": "0.06"}
    account, lines = printed(owing, owed, dust)
    (money,) = account.lenders
    assert (money.owed_below_zero.n, money.owed_below_zero.cents, money.dust) == (1, -5000_00, 6)
    assert money.outstanding + money.owed_below_zero.cents + money.dust == money.owed == (1000 - 5000) * 100 + 6
    assert "  owed -US$ 3,999.94 = outstanding US$ 1,000.00" in lines
    assert "    + owed below zero 1 (-US$ 5,000.00) + within a dollar of zero US$ 0.06" in lines


@pytest.mark.parametrize(
    "cents, is_dust", [(-100, False), (-99, True), (-1, True), (0, True), (99, True), (100, False)]
)
def test_dust_is_what_is_within_a_dollar_of_zero(cents, is_dust, printed):
    account, _ = printed({"Borrower's Obligation": f"{cents / 100:.2f}"}, {"Loan Number": "OTHER"})
    (money,) = account.lenders
    assert money.dust == (cents if is_dust else 0)
    assert money.owed_below_zero.cents == (-100 if cents == -100 else 0)
    assert money.outstanding == 1000_00 + (100 if cents == 100 else 0)


@pytest.mark.parametrize(
    "column", ["Cancelled Amount", "Repaid to IBRD", "Repaid 3rd Party", "Borrower's Obligation", "Due 3rd Party"]
)
def test_amounts_below_zero_are_counted_by_column_with_money_and_examples(column, printed):
    loans = [{"Loan Number": f"L{n}", column: f"-{n}.50"} for n in range(1, 6)]
    account, lines = printed({}, *loans)
    (statement,) = account.statements
    assert statement.kept.n == 6 and list(statement.below_zero) == [column]
    assert f"    note: below zero, {column}: 5 (-US$ 17.50) (L5 -US$ 5.50; L4 -US$ 4.50; L3 -US$ 3.50)" in lines


def test_an_exchange_adjustment_below_zero_is_nothing_to_note(printed):
    account, _ = printed({"Exchange Adjustment": "-5000"})
    assert account.statements[0].below_zero == {}


def test_repaid_amounts_that_return_from_below_zero_are_no_payment(import_texts, statement_text):
    texts = [
        statement_text(on, {"Repaid to IBRD": repaid}) for on, repaid in (("2018-12-31", "-300"), ("2019-05-31", "0"))
    ]
    _, tables = import_texts(*texts)
    assert not [row for row in tables["repayments"] if row["amount_paid"] and not row["is_opening"]]


def test_a_cancellation_below_zero_raises_no_commitment(import_texts, statement_text):
    texts = [
        statement_text(on, {"Cancelled Amount": cancelled})
        for on, cancelled in (("2018-12-31", "-200"), ("2019-05-31", "-300"), ("2019-12-31", "100"))
    ]
    _, tables = import_texts(*texts)
    assert [(row["changed_on"], row["committed_amount"]) for row in tables["limits"]] == [(date(2019, 12, 31), 1000 - 100)]
