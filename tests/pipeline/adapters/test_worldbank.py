"""World Bank statements become a loan book: what it says, and how it is written."""

from __future__ import annotations

import json
from datetime import date

import pytest

from features.errors import OutputExists
from pipeline.adapters import worldbank_book
from pipeline.adapters.worldbank import import_worldbank


def cash(rows: list[dict]) -> float:
    return sum(row["amount_paid"] for row in rows if row["amount_paid"] and not row["is_opening"])


# What the book says


def test_credits_of_ida_are_read_beside_loans_of_ibrd(import_texts, statement_text):
    renamed = {
        "Loan Number": "Credit Number",
        "Loan Status": "Credit Status",
        "Interest Rate": "Service Charge Rate",
        "Repaid to IBRD": "Repaid to IDA (US$)",
        "Borrower's Obligation": "Borrowers Obligation (US$)",
        "Country Code": "Country / Economy Code",
    }
    credit = {"Loan Number": "IDA05000", "Loan Type": "", "Interest Rate": "0.75"}
    guarantee = {"Loan Number": "IDAG0010", "Disbursed Amount": "0", "Borrower's Obligation": "0"}
    ida = statement_text("2020-03-31", credit, guarantee, {"Loan Number": "IDAD0010"}, renamed=renamed)
    account, tables = import_texts(ida, statement_text("2020-01-31", {}))
    assert [statement.lender for statement in account.statements] == ["IBRD", "IDA"]
    loans = {loan["loan_id"]: loan for loan in tables["loans"]}
    assert {loan_id: loan["product"] for loan_id, loan in loans.items()} == {
        "IBRD10000": "project",
        "IDA05000": "project",
        "IDAG0010": "guarantee",
    }
    assert loans["IDA05000"]["annual_rate"] == 0.0075 and loans["IBRD10000"]["annual_rate"] is None
    assert account.statements[1].vanished.n == 0
    assert len(tables["customers"]) == 1


def test_the_first_statement_gives_opening_figures_and_no_invented_arrears(import_texts, statement_text):
    half_way = {"Repaid to IBRD": "400", "Borrower's Obligation": "600"}
    _, tables = import_texts(statement_text("2022-12-31", half_way))
    opening, *planned = tables["repayments"]
    assert (opening["instalment"], opening["is_opening"], opening["amount_paid"]) == (0, True, 400)
    assert [row["due_on"].isoformat()[:7] for row in planned] == ["2023-03", "2023-09", "2024-03", "2024-09"]
    assert [row["principal_due"] for row in planned] == [600 / 4] * 4
    assert all(row["is_derived"] for row in tables["repayments"])
    (drawdown,) = tables["drawdowns"]
    assert (drawdown["drawn_on"], drawdown["is_opening"]) == (date(2018, 6, 30), True)
    assert drawdown["recorded_on"] == date(2022, 12, 31)


def test_what_is_owed_past_maturity_is_one_overdue_instalment(import_texts, statement_text):
    _, tables = import_texts(statement_text("2025-12-31", {}))
    (overdue,) = tables["repayments"]
    assert (overdue["due_on"], overdue["principal_due"], overdue["paid_on"]) == (
        date(2024, 9, 15),
        1000,
        None,
    )


def test_a_repayment_is_dated_most_favourably_and_recorded_by_its_statement(import_texts, statement_text):
    before = {"Repaid to IBRD": "400", "Borrower's Obligation": "600"}
    after = {"Repaid to IBRD": "550", "Borrower's Obligation": "450"}
    _, tables = import_texts(statement_text("2022-12-31", before), statement_text("2023-06-30", after))
    (paid,) = [row for row in tables["repayments"] if row["amount_paid"] and not row["is_opening"]]
    assert (paid["due_on"], paid["paid_on"], paid["amount_paid"]) == (
        date(2023, 3, 15),
        date(2023, 3, 15),
        150,
    )
    assert paid["recorded_on"] == date(2023, 6, 30)
    assert not any(row["superseded_on"] for row in tables["repayments"])


def test_an_interval_without_any_payment_leaves_its_instalments_unpaid_until_money_comes(
    import_texts, statement_text
):
    owing = {"Repaid to IBRD": "400", "Borrower's Obligation": "600"}
    cured = {"Repaid to IBRD": "550", "Borrower's Obligation": "450"}
    texts = [statement_text(on, owing) for on in ("2022-12-31", "2023-06-30")]
    _, tables = import_texts(*texts, statement_text("2023-08-31", cured))
    (paid,) = [row for row in tables["repayments"] if row["amount_paid"] and not row["is_opening"]]
    assert (paid["due_on"], paid["paid_on"]) == (date(2023, 3, 15), date(2023, 7, 1))


def test_a_smaller_payment_than_derived_is_a_revision_and_no_arrears(import_texts, statement_text):
    before = {"Repaid to IBRD": "400", "Borrower's Obligation": "600"}
    after = {"Repaid to IBRD": "500", "Borrower's Obligation": "500"}
    _, tables = import_texts(statement_text("2022-12-31", before), statement_text("2023-06-30", after))
    derived, paid = [row for row in tables["repayments"] if row["due_on"] == date(2023, 3, 15)]
    assert (derived["principal_due"], derived["amount_paid"]) == (150, None)
    assert (derived["superseded_on"], derived["superseded_by"]) == (date(2023, 6, 30), "revision")
    assert (paid["principal_due"], paid["amount_paid"], paid["paid_on"]) == (100, 100, date(2023, 3, 15))
    assert paid["scheduled_on"] == date(2023, 6, 30)
    ahead = [
        row for row in tables["repayments"] if row["due_on"] > date(2023, 6, 30) and not row["superseded_on"]
    ]
    assert [float(row["principal_due"]) for row in ahead] == [166.67, 166.67, 166.66]


def test_a_token_payment_does_not_clear_arrears_carried_from_an_earlier_statement(
    import_texts, statement_text
):
    owing = {"Repaid to IBRD": "400", "Borrower's Obligation": "600"}
    token = {"Repaid to IBRD": "410", "Borrower's Obligation": "590"}
    texts = [statement_text(on, owing) for on in ("2022-12-31", "2023-06-30")]
    _, tables = import_texts(*texts, statement_text("2023-12-31", token))
    standing = [row for row in tables["repayments"] if not row["is_opening"] and not row["superseded_on"]]
    overdue = [row for row in standing if row["due_on"] <= date(2023, 12, 31)]
    assert [(row["due_on"].month, row["principal_due"], row["amount_paid"]) for row in overdue] == [
        (3, 150, 10),
        (9, 150, None),
    ]


def test_an_instalment_due_on_the_day_of_the_statement_is_past(import_texts, statement_text):
    text = statement_text("2024-03-15", {"Repaid to IBRD": "900", "Borrower's Obligation": "100"})
    _, tables = import_texts(text)
    assert [row["due_on"] for row in tables["repayments"][1:]] == [date(2024, 9, 15)]


def test_an_old_loan_shown_late_brings_opening_figures(import_texts, statement_text):
    late = {"Loan Number": "LATE", "Repaid to IBRD": "400", "Borrower's Obligation": "600"}
    _, tables = import_texts(statement_text("2019-01-31", {}), statement_text("2019-12-31", {}, late))
    of_late = [
        row for table in ("drawdowns", "repayments") for row in tables[table] if row["loan_id"] == "LATE"
    ]
    assert [row["is_opening"] for row in of_late if row.get("amount") or row.get("amount_paid")] == [
        True,
        True,
    ]


def test_a_loan_repaid_early_is_a_prepayment_and_closed_from_that_statement_on(import_texts, statement_text):
    before = {"Repaid to IBRD": "400", "Borrower's Obligation": "600"}
    after = {"Repaid to IBRD": "1000", "Borrower's Obligation": "0", "Loan Status": "Fully Repaid"}
    _, tables = import_texts(statement_text("2022-12-31", before), statement_text("2023-02-28", after))
    prepaid = next(row for row in tables["repayments"] if row["principal_due"] == 0)
    assert (prepaid["amount_paid"], prepaid["due_on"], prepaid["paid_on"]) == (600, *[date(2023, 2, 28)] * 2)
    planned = [row for row in tables["repayments"] if not row["amount_paid"]]
    assert {row["superseded_by"] for row in planned} == {"prepayment"}
    assert tables["loans"][0]["closed_on"] == date(2023, 2, 28)


def test_a_loan_whose_repayment_has_not_begun_is_not_overdue(import_texts, statement_text):
    quiet = {"Loan Status": "Fully Disbursed"}
    _, tables = import_texts(*(statement_text(on, quiet) for on in ("2020-01-31", "2020-12-31")))
    due = [row for row in tables["repayments"] if row["due_on"] <= date(2020, 12, 31)]
    assert due and all(row["superseded_on"] == date(2020, 12, 31) for row in due)


def test_a_restatement_moves_the_balance_but_is_no_behaviour(import_texts, statement_text):
    before = {"Repaid to IBRD": "400", "Borrower's Obligation": "600"}
    after = {"Repaid to IBRD": "300", "Borrower's Obligation": "700", "Exchange Adjustment": "0"}
    account, tables = import_texts(statement_text("2022-12-31", before), statement_text("2023-06-30", after))
    (money,) = account.lenders
    assert (money.restated_repaid.n, money.restated_repaid.cents) == (1, 100_00)
    assert (money.outstanding, cash(tables["repayments"])) == (700_00, 0)
    assert [row["amount"] for row in tables["drawdowns"] if row["recorded_on"] == date(2023, 6, 30)] == [100]
    assert all(row["is_opening"] for row in tables["drawdowns"])


def test_later_drawdowns_and_cancellations_are_known_from_their_statement_on(import_texts, statement_text):
    before = {"Disbursed Amount": "200", "Borrower's Obligation": "200", "Loan Status": "Disbursing"}
    after = {"Disbursed Amount": "500", "Borrower's Obligation": "500", "Cancelled Amount": "300"}
    _, tables = import_texts(statement_text("2019-01-31", before), statement_text("2019-12-31", after))
    assert [(row["drawn_on"], row["amount"], row["is_opening"]) for row in tables["drawdowns"]] == [
        (date(2018, 6, 30), 200, True),
        (date(2019, 12, 31), 500 - 200, False),
    ]
    (limit,) = tables["limits"]
    assert (limit["changed_on"], limit["committed_amount"]) == (date(2019, 12, 31), 1000 - 300)
    assert tables["loans"][0]["committed_amount"] == 1000


def test_a_loan_enters_the_book_when_it_is_signed(import_texts, statement_text):
    unsigned = {"Loan Number": "NEW", "Agreement Signing Date": "", "Disbursed Amount": "0"}
    unsigned |= {"Borrower's Obligation": "0", "Loan Status": "Approved"}
    signed = unsigned | {"Agreement Signing Date": "2019-06-30", "Disbursed Amount": "100"}
    signed |= {"Borrower's Obligation": "100", "Loan Status": "Disbursing"}
    _, tables = import_texts(
        statement_text("2019-01-31", {}, unsigned), statement_text("2019-12-31", {}, signed)
    )
    assert [loan["recorded_on"] for loan in tables["loans"]] == [date(2019, 1, 31), date(2019, 12, 31)]
    assert [row["is_opening"] for row in tables["drawdowns"]] == [True, False]


def test_a_loan_no_longer_shown_keeps_its_balance_and_loses_its_schedule(import_texts, statement_text):
    gone = {"Loan Number": "GONE"}
    account, tables = import_texts(statement_text("2019-01-31", {}, gone), statement_text("2019-12-31", {}))
    assert (account.statements[1].vanished.n, account.statements[1].vanished.cents) == (1, 1000_00)
    assert all(row["superseded_on"] for row in tables["repayments"] if row["loan_id"] == "GONE")
    assert account.lenders[0].outstanding == 2000_00


def test_a_borrower_renamed_on_all_its_loans_stays_one_customer(import_texts, statement_text):
    new_loan = {"Loan Number": "NEW", "Agreement Signing Date": "2019-06-30", "Borrower": "Eskom SOC"}
    _, tables = import_texts(
        statement_text("2019-01-31", {}),
        statement_text("2019-12-31", {"Borrower": "Eskom SOC"}, new_loan),
    )
    assert [row["customer_id"] for row in tables["loans"]] == ["ZA ESKOM HOLDINGS LIMITED"] * 2


def test_a_new_name_beside_the_old_one_is_a_new_customer(import_texts, statement_text):
    other = {"Loan Number": "OTHER"}
    moved = other | {"Borrower": "TRANSNET"}
    new_loan = {"Loan Number": "NEW", "Agreement Signing Date": "2019-06-30", "Borrower": "TRANSNET"}
    _, tables = import_texts(
        statement_text("2019-01-31", {}, other), statement_text("2019-12-31", {}, moved, new_loan)
    )
    owners = {row["loan_id"]: row["customer_id"] for row in tables["loans"]}
    assert owners == {"IBRD10000": "ZA ESKOM HOLDINGS LIMITED", "OTHER": "ZA ESKOM HOLDINGS LIMITED"} | {
        "NEW": "ZA TRANSNET"
    }


# How the book is written


def test_a_book_is_replaced_only_with_leave_and_only_if_it_is_one(tmp_path, statement_text, save_text):
    path = save_text("a.csv", statement_text("2020-01-31", {}))
    out = tmp_path / "book"
    import_worldbank([path], out, echo=lambda line: None)
    with pytest.raises(OutputExists, match="imported earlier"):
        import_worldbank([path], out, echo=lambda line: None)
    import_worldbank([path], out, replace=True, echo=lambda line: None)
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExists, match="no imported book"):
        import_worldbank([path], out, replace=True, echo=lambda line: None)
    assert (out / "thesis.txt").read_text() == "mine"


def test_a_failed_write_leaves_the_earlier_book_and_no_rubbish(
    tmp_path, monkeypatch, statement_text, save_text
):
    path = save_text("a.csv", statement_text("2020-01-31", {}))
    out = tmp_path / "book"
    import_worldbank([path], out, echo=lambda line: None)
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(worldbank_book, "_as_arrow", fail)
    with pytest.raises(OSError, match="disk full"):
        import_worldbank([path], out, replace=True, echo=lambda line: None)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert {file.name for file in tmp_path.iterdir()} == {"a.csv", "book"}


def test_the_account_beside_the_book_is_the_one_returned(tmp_path, import_texts, statement_text):
    account, _ = import_texts(statement_text("2020-01-31", {}))
    assert json.loads((tmp_path / "book" / "import_account.json").read_text()) == json.loads(
        json.dumps(account.to_dict())
    )
