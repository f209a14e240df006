"""Opening a book: what is kept, what is rejected and why, and what stops the job."""

from __future__ import annotations

import csv
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from features.contracts import CONTRACTS
from features.errors import (
    BrokenTable,
    EmptyTable,
    NoBook,
    OutputExists,
    TooManyRejects,
    UnreadableFile,
    UnwritableOutput,
)
from features.sources import examine, fingerprint, must_have_rows, open_tables
from features.sources.judging import BETWEEN_REASONS

GOOD = {
    "customers": {"customer_id": "C1", "name": "钢铁 \"A\", Ltd", "country": "CN", "region": "Asia", "industry": "steel",
                  "ownership": "state", "group_id": "G1", "founded_on": "1990-02-28", "onboarded_on": "2020-02-29",
                  "recorded_on": "2020-03-01"},
    "loans": {"loan_id": "L1", "customer_id": "C1", "product": "term", "purpose": "plant", "currency": "CNY",
              "signed_on": "2022-01-31", "matures_on": "2026-01-31", "committed_amount": "1200.50",
              "annual_rate": "0.045", "funding_rate": "0.02", "security": "none",
              "guarantor_id": "", "closed_on": "2025-06-30", "closed_recorded_on": "", "recorded_on": ""},
    "repayments": {"loan_id": "L1", "instalment": "1", "payment": "1", "due_on": "2022-02-28", "principal_due": "100.00",
                   "interest_due": "4.50", "paid_on": "2022-03-01", "amount_paid": "104.50",
                   "returned_on": "2022-03-05", "returned_recorded_on": "", "scheduled_on": "",
                   "superseded_on": "2022-03-02", "superseded_recorded_on": "", "superseded_by": "",
                   "is_derived": "false", "is_opening": "", "recorded_on": ""},
    "drawdowns": {"loan_id": "L1", "drawdown": "1", "drawn_on": "2022-01-31", "amount": "1200.50", "is_opening": "true",
                  "recorded_on": ""},
    "limits": {"loan_id": "L1", "changed_on": "2023-01-31", "committed_amount": "0.00", "cause": "bank", "recorded_on": ""},
    "rates": {"loan_id": "L1", "changed_on": "2023-01-31", "annual_rate": "0.05", "cause": "index", "recorded_on": ""},
    "collateral": {"loan_id": "L1", "collateral_id": "K1", "valued_on": "2022-06-30", "value": "900.00", "haircut": "0.3",
                   "kind": "building", "recorded_on": ""},
    "fees": {"customer_id": "C1", "fee": "1", "charged_on": "2022-02-28", "amount": "12.00", "kind": "account",
             "recorded_on": ""},
    "ratings": {"customer_id": "C1", "rated_on": "2022-06-30", "grade": "4", "stage": "1", "is_watchlisted": "false",
                "pd": "0.01", "lgd": "0.45", "annual_cost": "5.00", "recorded_on": ""},
    "contacts": {"customer_id": "C1", "contact": "1", "contacted_on": "2022-03-15", "kind": "call", "recorded_on": ""},
    "links": {"from_id": "C1", "to_id": "C2", "kind": "guarantee", "linked_on": "2022-01-31", "ended_on": "2025-01-31",
              "ended_recorded_on": "", "amount": "500.00", "share": "", "recorded_on": ""},
    "financials": {"customer_id": "C1", "period_ends_on": "2022-12-31", "published_on": "2023-04-30", "sales": "9000.00",
                   "ebitda": "-100.00", "interest_expense": "50.00", "total_debt": "1500.00", "recorded_on": ""},
    "external_debt": {"customer_id": "C1", "lender": "other bank", "reported_on": "2022-12-31", "balance": "300.00",
                      "recorded_on": ""},
    "labels": {"customer_id": "C1", "as_of": "2024-06-30", "type": "stable", "analyst": "a1", "labelled_on": "2024-07-01"},
}

#: A row that breaks each rule of a contract's own list, and each reference: (table, reason) -> what is wrong in it.
BREAKS = {
    ("loans", "matures_on is before signed_on"): {"matures_on": "2022-01-30"},
    ("loans", "closed_on is before signed_on"): {"closed_on": "2022-01-30"},
    ("loans", "closed_recorded_on is before closed_on"): {"closed_recorded_on": "2025-06-29"},
    ("loans", "annual_rate is outside -10 % to 200 %"): {"annual_rate": "4.5"},
    ("loans", "funding_rate is outside -10 % to 200 %"): {"funding_rate": "4.5"},
    ("loans", "customer_id is not a kept row of customers"): {"customer_id": "C404"},
    ("repayments", "instalment is negative"): {"instalment": "-1"},
    ("repayments", "payment is below 1"): {"payment": "0"},
    ("repayments", "payment is above 1 and not paid"): {"payment": "2", "paid_on": "", "amount_paid": ""},
    ("repayments", "paid_on and amount_paid are not both filled or both empty"): {"amount_paid": ""},
    ("repayments", "recorded_on is before paid_on"): {"recorded_on": "2022-02-28"},
    ("repayments", "returned_on is filled without a payment"): {"paid_on": "", "amount_paid": ""},
    ("repayments", "returned_on is before paid_on"): {"returned_on": "2022-02-28"},
    ("repayments", "returned_recorded_on is before returned_on"): {"returned_recorded_on": "2022-03-04"},
    ("repayments", "superseded_recorded_on is before superseded_on"): {"superseded_recorded_on": "2022-03-01"},
    ("repayments", "loan_id is not a kept row of loans"): {"loan_id": "L404"},
    ("repayments", "due_on is before the loan's signed_on"): {"due_on": "2022-01-30"},
    ("repayments", "paid_on is before the loan's signed_on"): {"paid_on": "2022-01-30"},
    ("repayments", "payment 1 of the instalment is missing or differs on the due side"): {
        "instalment": "1", "payment": "2", "principal_due": "99.00"},
    ("drawdowns", "amount is zero"): {"amount": "0.00"},
    ("drawdowns", "recorded_on is before drawn_on"): {"recorded_on": "2022-01-30"},
    ("drawdowns", "loan_id is not a kept row of loans"): {"loan_id": "L404"},
    ("drawdowns", "drawn_on is before the loan's signed_on"): {"drawn_on": "2022-01-30"},
    ("limits", "recorded_on is before changed_on"): {"recorded_on": "2023-01-30"},
    ("limits", "loan_id is not a kept row of loans"): {"loan_id": "L404"},
    ("limits", "changed_on is before the loan's signed_on"): {"changed_on": "2022-01-30"},
    ("rates", "recorded_on is before changed_on"): {"recorded_on": "2023-01-30"},
    ("rates", "annual_rate is outside -10 % to 200 %"): {"annual_rate": "4.5"},
    ("rates", "loan_id is not a kept row of loans"): {"loan_id": "L404"},
    ("rates", "changed_on is before the loan's signed_on"): {"changed_on": "2022-01-30"},
    ("collateral", "recorded_on is before valued_on"): {"recorded_on": "2022-06-29"},
    ("collateral", "haircut is outside 0 to 1"): {"haircut": "30"},
    ("collateral", "loan_id is not a kept row of loans"): {"loan_id": "L404"},
    ("fees", "recorded_on is before charged_on"): {"recorded_on": "2022-02-27"},
    ("fees", "customer_id is not a kept row of customers"): {"customer_id": "C404"},
    ("ratings", "recorded_on is before rated_on"): {"recorded_on": "2022-06-29"},
    ("ratings", "grade is outside 1 to 100"): {"grade": "0"},
    ("ratings", "stage is outside 1 to 3"): {"stage": "4"},
    ("ratings", "pd is outside 0 to 1"): {"pd": "1.5"},
    ("ratings", "lgd is outside 0 to 1"): {"lgd": "45"},
    ("ratings", "customer_id is not a kept row of customers"): {"customer_id": "C404"},
    ("contacts", "recorded_on is before contacted_on"): {"recorded_on": "2022-03-14"},
    ("contacts", "customer_id is not a kept row of customers"): {"customer_id": "C404"},
    ("links", "from_id is to_id"): {"from_id": "C2", "to_id": "C2"},
    ("links", "recorded_on is before linked_on"): {"recorded_on": "2022-01-30"},
    ("links", "ended_on is before linked_on"): {"ended_on": "2022-01-30"},
    ("links", "ended_recorded_on is before ended_on"): {"ended_recorded_on": "2025-01-30"},
    ("links", "share is outside 0 to 1"): {"share": "51"},
    ("financials", "published_on is before period_ends_on"): {"published_on": "2022-12-30"},
    ("financials", "recorded_on is before published_on"): {"recorded_on": "2023-04-29"},
    ("financials", "customer_id is not a kept row of customers"): {"customer_id": "C404"},
    ("external_debt", "recorded_on is before reported_on"): {"recorded_on": "2022-12-30"},
    ("external_debt", "customer_id is not a kept row of customers"): {"customer_id": "C404"},
    ("labels", "labelled_on is before as_of"): {"labelled_on": "2024-06-29"},
    ("labels", "customer_id is not a kept row of customers"): {"customer_id": "C404"},
}

UNREADABLE = {"date": ("2024-02-30", "a date (YYYY-MM-DD)"), "money": ("1,200.50", "an amount"),
              "number": ("nan", "a number"), "integer": ("one", "a whole number"), "flag": ("maybe", "true or false")}


def column_breaks(contract) -> dict[tuple[str, str], dict[str, str]]:
    """A breaking row for every rule that follows from a column, by its kind."""
    made = {}
    for column in contract.columns:
        name = column.name
        if not column.may_be_empty:
            made[f"{name} is empty"] = " "
        if column.one_of and not column.is_open:
            made[f"{name} is not one of {', '.join(column.one_of)}"] = "golden"
        if column.kind == "date":
            made[f"{name} is before 1900 or after 2200"] = "1899-12-31"
        if column.kind == "money":
            if not column.may_be_negative:
                made[f"{name} is negative"] = "-0.01"
            made[f"{name} is absurd (over 10 trillion)"] = "10000000000000.01"
        if column.kind in UNREADABLE:
            value, kind = UNREADABLE[column.kind]
            made[f"{name} is not {kind}"] = value
    return {(contract.name, reason): {reason.split(" is ")[0]: value} for reason, value in made.items()}


CASES = {case: change for contract in CONTRACTS.values() for case, change in column_breaks(contract).items()} | BREAKS


def another_key(table: str, n: int) -> dict[str, str]:
    """A key of its own for the n-th row, so that a rule that sleeps spoils its own test only."""
    return {"customers": {"customer_id": f"X{n}"}, "loans": {"loan_id": f"X{n}"}, "repayments": {"instalment": f"{100 + n}"},
            "drawdowns": {"drawdown": f"{100 + n}"}, "limits": {"changed_on": f"2023-02-{n:02d}"},
            "rates": {"changed_on": f"2023-02-{n:02d}"}, "collateral": {"collateral_id": f"x{n}"}, "fees": {"fee": f"{100 + n}"},
            "ratings": {"rated_on": (date(2023, 1, 1) + timedelta(days=n)).isoformat()}, "contacts": {"contact": f"{100 + n}"},
            "links": {"to_id": f"x{n}"}, "financials": {"published_on": (date(2023, 5, 1) + timedelta(days=n)).isoformat()},
            "external_debt": {"lender": f"x{n}"}, "labels": {"analyst": f"x{n}"}}[table]


def reasons_promised() -> set[tuple[str, str]]:
    """Every reason the contracts can give, less those of values that cannot be read."""
    promised = set()
    for contract in CONTRACTS.values():
        promised |= {(contract.name, rule.name) for rule in (*contract.column_rules(), *contract.rules)}
        promised |= {(contract.name, contract.repeats.name)} if contract.repeats else set()
        for reference in contract.references:
            promised.add((contract.name, f"{reference.column} is not a kept row of {reference.table}"))
            promised |= {(contract.name, f"{own} is before the {reference.table[:-1]}'s {other}")
                         for own, other in reference.not_before}
    return promised


def write(folder: Path, **tables: list[dict]) -> Path:
    """A book of the good rows, the named tables replaced; ``None`` leaves a table out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in ({name: [row] for name, row in GOOD.items()} | tables).items():
        if rows is not None:
            pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    return folder


def kept(tables, name: str) -> pd.DataFrame:
    frame = getattr(tables, name).collect("pandas").to_native()
    return frame.sort_values(list(CONTRACTS[name].key), ignore_index=True)


def read_csv(file: Path) -> list[dict]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture
def opened(tmp_path):
    """Open a book, and close it after the test; rejects go to ``tmp_path / "rejects"``."""
    held = []

    def open_book(where: Path, limit: float = 1.0):
        held.append(open_tables(where, tmp_path / "rejects", limit))
        return held[-1]

    yield open_book
    for tables in held:
        tables.close()


@pytest.fixture(scope="module")
def broken_book(tmp_path_factory):
    """One book with the good row and a breaking row for every case, opened: (tables, what was written, rejects)."""
    root = tmp_path_factory.mktemp("broken")
    rows = {name: [row | {"case": "good"}] for name, row in GOOD.items()}
    for (name, reason), change in CASES.items():
        rows[name].append(GOOD[name] | another_key(name, len(rows[name])) | change | {"case": reason})
    tables = open_tables(write(root / "book", **rows), root / "rejects")
    yield tables, rows, {name: {row["case"]: row for row in read_csv(root / "rejects" / f"{name}.csv")} for name in rows}
    tables.close()


def test_every_rule_of_every_contract_has_a_row_that_breaks_it():
    assert reasons_promised() - set(CASES) == set()
    assert set(BREAKS) - reasons_promised() == set()


@pytest.mark.parametrize(("table", "reason"), CASES, ids=lambda text: text)
def test_a_row_that_breaks_a_rule_is_set_aside_with_the_reason_as_it_was_read(broken_book, table, reason):
    _, rows, rejected = broken_book
    as_read = next(row for row in rows[table] if row["case"] == reason)
    found = rejected[table][reason]
    assert reason in found["reason"].split(BETWEEN_REASONS)
    assert {column: found[column] for column in as_read} == as_read


def test_the_good_row_is_the_only_one_kept_and_every_row_is_accounted_for(broken_book):
    tables, rows, rejected = broken_book
    for account in tables.accounts:
        assert account.n_kept == 1
        assert account.n_kept + account.n_rejected == account.n_read == len(rows[account.table])
        assert len(rejected[account.table]) == account.n_rejected
    assert {breach.table for breach in tables.breaches} == set(CONTRACTS)


def test_a_date_that_is_no_date_is_not_also_called_empty(broken_book):
    reason = "signed_on is not a date (YYYY-MM-DD)"
    assert broken_book[2]["loans"][reason]["reason"] == reason


def test_breaches_count_the_rows_and_name_the_first_keys(opened, tmp_path):
    rows = [GOOD["repayments"] | {"instalment": str(i), "principal_due": "-5.00"} for i in range(7)]
    tables = opened(write(tmp_path / "book", repayments=rows))
    (breach,) = tables.breaches
    assert (breach.table, breach.rule, breach.n_rows) == ("repayments", "principal_due is negative", 7)
    assert breach.keys == ("L1 0 1", "L1 1 1", "L1 2 1", "L1 3 1", "L1 4 1")


def test_a_repayment_of_a_rejected_loan_is_rejected_with_it(opened, tmp_path):
    tables = opened(write(tmp_path / "book", loans=[GOOD["loans"] | {"committed_amount": "-1"}]))
    assert kept(tables, "repayments").empty
    (row,) = read_csv(tmp_path / "rejects" / "repayments.csv")
    assert row["reason"] == "loan_id is not a kept row of loans"


def as_parquet(book: Path, folder: Path, typed: bool) -> Path:
    """The same book as Parquet: text as delivered, or with dates, decimals and integers of Parquet's own."""
    folder.mkdir()
    sql = {"date": "DATE", "money": "DECIMAL(18, 2)", "number": "DOUBLE", "integer": "INTEGER", "flag": "BOOLEAN",
           "text": "VARCHAR"}
    with duckdb.connect() as con:
        for name, contract in CONTRACTS.items():
            picks = ", ".join(f"CAST({c.name} AS {sql[c.kind] if typed else 'VARCHAR'}) AS {c.name}"
                              for c in contract.columns)
            con.execute(f"COPY (SELECT {picks} FROM read_csv('{book}/{name}.csv', all_varchar = true)) "
                        f"TO '{folder}/{name}.parquet'")
    return folder


def as_duckdb(parquet: Path, file: Path) -> Path:
    with duckdb.connect(str(file)) as con:
        for name in CONTRACTS:
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM '{parquet}/{name}.parquet'")
    return file


def test_csv_parquet_and_duckdb_give_equal_kept_rows(opened, tmp_path):
    repayments = [GOOD["repayments"] | {"instalment": str(i), "amount_paid": "" if i > 2 else "0.005",
                                        "paid_on": "" if i > 2 else "2024-02-29", "returned_on": ""} for i in range(5)]
    book = write(tmp_path / "csv", repayments=[r | {"amount_paid": r["amount_paid"] and "104.10"} for r in repayments],
                 customers=[GOOD["customers"], GOOD["customers"] | {"customer_id": " C2 ", "ownership": ""}])
    texts = as_parquet(book, tmp_path / "texts", typed=False)
    typed = as_parquet(book, tmp_path / "typed", typed=True)
    database = as_duckdb(typed, tmp_path / "book.duckdb")
    first = opened(book)
    assert all(account.n_rejected == 0 for account in first.accounts)
    for where in (texts, typed, database):
        other = opened(where)
        assert other.accounts == first.accounts
        for name in CONTRACTS:
            pd.testing.assert_frame_equal(kept(other, name), kept(first, name))


def test_dates_become_days_and_money_becomes_cents(opened, tmp_path):
    tables = opened(write(tmp_path / "book"))
    (loan,) = kept(tables, "loans").to_dict("records")
    assert loan["signed_on"] == (pd.Timestamp("2022-01-31") - pd.Timestamp("1970-01-01")).days
    assert loan["committed_amount"] == 120050


def test_a_book_without_its_optional_tables_and_columns_is_whole(opened, tmp_path):
    must = {name: [{c.name: GOOD[name][c.name] for c in CONTRACTS[name].columns if not c.may_be_absent}] for name in GOOD}
    tables = opened(write(tmp_path / "book", **(must | dict.fromkeys(("drawdowns", "limits", "labels")))))
    assert tables.labels is None
    assert list(kept(tables, "loans")) == ["loan_key", "customer_key", *(c.name for c in CONTRACTS["loans"].columns)]


def refusal(kind, where: Path, limit: float = 1.0):
    """The failure that opening the place gives."""
    with pytest.raises(kind) as caught:
        open_tables(where, None, limit)
    assert caught.value.todo.strip()
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_place_where_nothing_is_holds_no_book(tmp_path):
    assert "nothing there" in str(refusal(NoBook, tmp_path / "nowhere"))


def test_an_empty_folder_holds_no_book_and_the_first_missing_table_is_named(tmp_path):
    assert "no table customers, no table loans, no table repayments" in refusal(NoBook, tmp_path).found


def test_a_missing_table_is_named(tmp_path):
    assert refusal(NoBook, write(tmp_path / "book", repayments=None)).found == "no table repayments"


def test_a_table_delivered_twice_is_refused(tmp_path):
    book = write(tmp_path / "book")
    as_parquet(book, tmp_path / "parquet", typed=False)
    (tmp_path / "parquet" / "loans.parquet").rename(book / "loans.parquet")
    assert "two files for loans" in refusal(BrokenTable, book).found


def test_a_missing_column_is_named_beside_the_columns_found(tmp_path):
    row = {name: value for name, value in GOOD["repayments"].items() if name != "due_on"}
    failure = refusal(BrokenTable, write(tmp_path / "book", repayments=[row]))
    assert failure.found.startswith("no column due_on (found: loan_id, instalment")
    assert failure.where.endswith("repayments.csv")


def test_a_duplicate_key_is_named_with_how_often_it_comes(tmp_path):
    again = [GOOD["customers"], GOOD["customers"] | {"name": "another"}]
    assert refusal(BrokenTable, write(tmp_path / "book", customers=again)).found == "duplicate key (customer_id): C1 (2 times)"


def test_two_currencies_in_one_book_are_refused(tmp_path):
    loans = [GOOD["loans"], GOOD["loans"] | {"loan_id": "L2", "currency": "USD"}]
    assert refusal(BrokenTable, write(tmp_path / "book", loans=loans)).found == "2 currencies: CNY (1 loans), USD (1 loans)"


def test_a_truncated_parquet_file_is_unreadable(tmp_path):
    book = as_parquet(write(tmp_path / "book"), tmp_path / "parquet", typed=True)
    file = book / "loans.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    assert refusal(UnreadableFile, book).where == str(file)


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_duckdb_file_is_unreadable(tmp_path, keep):
    many = [GOOD["repayments"] | {"instalment": str(i)} for i in range(3000)]
    book = as_parquet(write(tmp_path / "book", repayments=many), tmp_path / "parquet", typed=False)
    file = as_duckdb(book, tmp_path / "book.duckdb")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises((UnreadableFile, NoBook)) as caught:
        open_tables(file).close()
    assert caught.value.where.startswith(str(file))


def test_a_gbk_file_is_unreadable_and_the_line_is_named(tmp_path):
    book = write(tmp_path / "book", customers=[GOOD["customers"] | {"customer_id": f"C{i}", "name": n}
                                               for i, n in enumerate(("a", "b", "工业"))])
    file = book / "customers.csv"
    file.write_bytes(file.read_text(encoding="utf-8").encode("gbk"))
    failure = refusal(UnreadableFile, book)
    assert "near line 4" in failure.found
    assert "GBK" in failure.todo


def test_an_empty_file_is_unreadable_and_a_header_alone_is_an_empty_table(opened, tmp_path):
    book = write(tmp_path / "book")
    (book / "labels.csv").write_text("customer_id,as_of,type,analyst,labelled_on\n", encoding="utf-8")
    assert kept(opened(book), "labels").empty
    (book / "labels.csv").write_bytes(b"")
    assert refusal(UnreadableFile, book).found == "an empty file"
    for nothing in (b"\n", b"\xef\xbb\xbf", b"x" * 200_000):
        (book / "labels.csv").write_bytes(nothing)
        refusal((UnreadableFile, BrokenTable), book)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(opened, tmp_path):
    book = write(tmp_path / "book")
    file = book / "loans.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert kept(opened(book), "loans")["loan_id"].tolist() == ["L1"]


@pytest.mark.parametrize("row", ["C2,a\n", "C2,a,b,c,d,e,f,g,h,i,j,k,l\n"], ids=["too short", "too long"])
def test_a_csv_with_ragged_rows_is_unreadable(tmp_path, row):
    book = write(tmp_path / "book")
    with (book / "customers.csv").open("a", encoding="utf-8") as handle:
        handle.write(row)
    assert refusal(UnreadableFile, book).where.endswith("customers.csv")


def test_more_rejects_than_the_limit_stop_the_job_and_as_many_as_the_limit_do_not(opened, tmp_path):
    bad = GOOD["repayments"] | {"instalment": "9", "due_on": "soon"}
    good = [GOOD["repayments"] | {"instalment": str(i)} for i in range(3)]
    book = write(tmp_path / "book", repayments=[*good, bad])
    assert opened(book, 0.25).accounts[2].n_rejected == 1
    failure = refusal(TooManyRejects, book, 0.24)
    assert "repayments: 4 read = 3 kept + 1 rejected" in failure.found
    assert "due_on is not a date" in failure.found


def test_an_earlier_reject_file_does_not_outlive_a_book_that_is_clean(opened, tmp_path):
    opened(write(tmp_path / "bad", labels=[GOOD["labels"] | {"type": "golden"}]))
    assert (tmp_path / "rejects" / "labels.csv").exists()
    opened(write(tmp_path / "good"))
    assert not (tmp_path / "rejects" / "labels.csv").exists()


def test_the_fingerprint_follows_the_content_and_not_the_place(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    assert fingerprint(one) == fingerprint(two)
    write(two, labels=[GOOD["labels"] | {"type": "risk"}])
    assert fingerprint(one) != fingerprint(two)


def test_a_parquet_date_that_is_an_instant_in_a_zone_is_refused_because_its_day_is_lost(tmp_path):
    book = as_parquet(write(tmp_path / "csv"), tmp_path / "parquet", typed=True)
    loans = pd.read_parquet(book / "loans.parquet")
    loans["signed_on"] = pd.to_datetime(loans["signed_on"]).dt.tz_localize("Asia/Shanghai")
    loans.to_parquet(book / "loans.parquet")
    assert "signed_on is a timestamp with a time zone" in str(refusal(BrokenTable, book))


def test_a_nan_that_pandas_wrote_into_duckdb_is_an_empty_amount(opened, tmp_path):
    book = as_parquet(write(tmp_path / "csv"), tmp_path / "parquet", typed=True)
    file = as_duckdb(book, tmp_path / "book.duckdb")
    with duckdb.connect(str(file)) as con:
        con.execute("CREATE OR REPLACE TABLE repayments AS SELECT * REPLACE ('nan'::DOUBLE AS amount_paid, NULL AS paid_on, "
                    "NULL AS returned_on) FROM repayments")
    tables = opened(file)
    assert tables.breaches == ()
    assert kept(tables, "repayments")["amount_paid"].isna().all()


def test_a_column_name_that_stands_twice_is_named(tmp_path):
    book = write(tmp_path / "book")
    text = (book / "customers.csv").read_text(encoding="utf-8")
    (book / "customers.csv").write_text(text.replace("country", "name", 1), encoding="utf-8")
    assert refusal(BrokenTable, book).found == "column 'name' stands twice"


def test_a_text_that_ends_within_a_character_is_not_utf8(tmp_path):
    book = write(tmp_path / "book")
    (book / "customers.csv").write_bytes((book / "customers.csv").read_bytes() + "C2,钢".encode()[:-1])
    assert "not UTF-8" in refusal(UnreadableFile, book).found


def test_rejects_are_never_written_into_the_folder_of_the_delivered_tables(tmp_path):
    book = write(tmp_path / "book", labels=[GOOD["labels"] | {"type": "golden"}])
    (tmp_path / "alias").symlink_to(book)
    before = {file.name: file.read_bytes() for file in book.iterdir()}
    for folder in (book, tmp_path / "alias", book / "x" / ".."):
        with pytest.raises(OutputExists, match="delivered"):
            open_tables(book, folder)
        assert {file.name: file.read_bytes() for file in book.iterdir()} == before


@pytest.mark.parametrize("text", ["", "mine\n", "loan_id,reason,customer_id\n", "reason loan_id\n", "\xff"],
                         ids=["empty", "a text", "a reason within", "one column", "no text"])
def test_a_file_that_is_no_reject_file_of_ours_is_neither_replaced_nor_removed(text, tmp_path):
    folder = tmp_path / "rejects"
    folder.mkdir()
    (folder / "labels.csv").write_text(text, encoding="latin-1")
    for labels in ([GOOD["labels"]], [GOOD["labels"] | {"type": "golden"}]):
        with pytest.raises(OutputExists) as caught:
            open_tables(write(tmp_path / "book", labels=labels), folder)
        assert caught.value.where == str(folder / "labels.csv")
        assert (folder / "labels.csv").read_text(encoding="latin-1") == text
        assert [file.name for file in folder.iterdir()] == ["labels.csv"]


def test_a_delivered_column_called_reason_stands_beside_ours_in_the_reject_file(opened, tmp_path):
    book = write(tmp_path / "book", labels=[GOOD["labels"] | {"type": "golden", "reason": "mine"}])
    for _ in range(2):
        opened(book)
        header, row = csv.reader((tmp_path / "rejects" / "labels.csv").read_text(encoding="utf-8").splitlines())
        assert header[-2:] == ["reason", "reason"]
        assert row[-2:] == ["mine", "type is not one of risk, churn, strategic, growth, stable"]


def test_an_examination_lists_every_fault_of_every_table_and_every_breach_of_the_others(tmp_path):
    without = {name: value for name, value in GOOD["repayments"].items() if name not in ("due_on", "paid_on")}
    loans = [GOOD["loans"], GOOD["loans"] | {"loan_id": "L2", "currency": "USD"}, GOOD["loans"] | {"name": "again"},
             GOOD["loans"] | {"loan_id": "L3", "customer_id": "C404"}]
    drawdowns = [GOOD["drawdowns"] | {"drawn_on": "2022-01-30"}, GOOD["drawdowns"] | {"loan_id": "L404"}]
    book = write(tmp_path / "book", customers=[GOOD["customers"], GOOD["customers"] | {"customer_id": "C2", "founded_on": "?"}],
                 loans=loans, repayments=[without], drawdowns=drawdowns, labels=[{"customer_id": "C1"}])
    (book / "fees.csv").write_bytes(b"")
    found = examine(book, tmp_path / "rejects")
    assert [(type(fault), Path(fault.where).name, fault.found.split(" (")[0]) for fault in found.faults] == [
        (BrokenTable, "loans.csv", "duplicate key"), (BrokenTable, "loans.csv", "2 currencies: CNY"),
        (BrokenTable, "repayments.csv", "no column due_on, no column paid_on"), (UnreadableFile, "fees.csv", "an empty file"),
        (BrokenTable, "labels.csv", "no column as_of, no column type, no column analyst, no column labelled_on")]
    assert {(breach.table, breach.rule, breach.n_rows) for breach in found.breaches} == {
        ("customers", "founded_on is not a date (YYYY-MM-DD)", 1), ("loans", "customer_id is not a kept row of customers", 1),
        ("drawdowns", "drawn_on is before the loan's signed_on", 1), ("drawdowns", "loan_id is not a kept row of loans", 1)}
    assert {file.stem: len(read_csv(file)) for file in (tmp_path / "rejects").iterdir()} == {
        "customers": 1, "loans": 1, "drawdowns": 2}


def test_an_examination_names_both_faults_of_one_table_and_judges_what_refers_to_it_without_it(tmp_path):
    book = as_parquet(write(tmp_path / "csv", labels=[GOOD["labels"] | {"type": "golden"}]), tmp_path / "parquet", typed=True)
    customers = pd.read_parquet(book / "customers.parquet").drop(columns="customer_id")
    customers["founded_on"] = pd.to_datetime(customers["founded_on"]).dt.tz_localize("Asia/Shanghai")
    customers.to_parquet(book / "customers.parquet")
    found = examine(book)
    assert [fault.found.split(" (")[0] for fault in found.faults] == [
        "no column customer_id", "founded_on is a timestamp with a time zone"]
    assert [breach.table for breach in found.breaches] == ["labels"]


def test_a_required_table_without_a_kept_row_is_named(opened, tmp_path):
    book = write(tmp_path / "book", labels=[])
    (book / "labels.csv").write_text("customer_id,as_of,type,analyst,labelled_on\n", encoding="utf-8")
    must_have_rows(opened(book).accounts, book)
    file = book / "repayments.csv"
    file.write_text(file.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(EmptyTable, match="repayments has no row"):
        must_have_rows(opened(book).accounts, book)
    assert [fault.found for fault in examine(book).faults] == ["repayments has no row"]
    write(book, repayments=[GOOD["repayments"] | {"principal_due": "-1"}])
    assert [fault.found for fault in examine(book).faults] == ["repayments has no kept row (1 read, 1 rejected)"]


DIFFERS = "payment 1 of the instalment is missing or differs on the due side"


@pytest.mark.parametrize("change", [{"due_on": "2022-03-01"}, {"principal_due": "100.01"}, {"interest_due": ""},
                                    {"interest_due": "5.00"}, {"scheduled_on": "2022-02-01"}, {"is_opening": "true"}],
                         ids=str)
def test_a_later_payment_whose_due_side_differs_is_set_aside_and_never_the_first(change, opened, tmp_path):
    later = GOOD["repayments"] | {"payment": "2"}
    rows = [later | change, GOOD["repayments"], later | {"payment": "3", "is_opening": "false"},
            GOOD["repayments"] | change | {"instalment": "2"}]
    tables = opened(write(tmp_path / "book", repayments=rows))
    assert [(breach.rule, breach.keys) for breach in tables.breaches] == [(DIFFERS, ("L1 1 2",))]
    assert kept(tables, "repayments")[["instalment", "payment"]].to_numpy().tolist() == [[1, 1], [1, 3], [2, 1]]
    (row,) = read_csv(tmp_path / "rejects" / "repayments.csv")
    assert row["reason"] == DIFFERS


def test_payments_of_an_instalment_whose_first_is_set_aside_are_set_aside_with_it(opened, tmp_path):
    rows = [GOOD["repayments"] | {"principal_due": "-1.00"}, GOOD["repayments"] | {"payment": "2"},
            GOOD["repayments"] | {"instalment": "2", "payment": "2"}, GOOD["repayments"] | {"instalment": "3"}]
    tables = opened(write(tmp_path / "book", repayments=rows))
    assert {(breach.rule, breach.keys) for breach in tables.breaches} == {
        ("principal_due is negative", ("L1 1 1",)), (DIFFERS, ("L1 1 2", "L1 2 2"))}
    assert kept(tables, "repayments")["instalment"].tolist() == [3]


@pytest.mark.parametrize(("number", "whole"), [("990.5", None), ("1.4", None), ("2.0", 2), ("2.", 2), ("7", 7), ("1e3", 1000),
                                               ("0.9999999", None), ("99999999999999999999", None)])
def test_a_number_that_is_not_whole_is_not_rounded(number, whole, opened, tmp_path):
    tables = opened(write(tmp_path / "book", repayments=[GOOD["repayments"], GOOD["repayments"] | {"instalment": number}]))
    if whole is None:
        assert [breach.rule for breach in tables.breaches] == ["instalment is not a whole number"]
    else:
        assert kept(tables, "repayments")["instalment"].tolist() == [1, whole]


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT", "DECIMAL(9, 1)", "HUGEINT", "UINTEGER"])
def test_a_whole_number_of_any_type_is_read_and_a_broken_one_is_not(kind, opened, tmp_path):
    book = as_parquet(write(tmp_path / "csv"), tmp_path / "parquet", typed=True)
    file = as_duckdb(book, tmp_path / "book.duckdb")
    with duckdb.connect(str(file)) as con:
        con.execute(f"CREATE OR REPLACE TABLE repayments AS SELECT * REPLACE (n::{kind} AS instalment) "
                    "FROM repayments, (VALUES (2.0), (3.5)) t(n)")
    tables = opened(file)
    is_whole = kind in ("HUGEINT", "UINTEGER")
    assert kept(tables, "repayments")["instalment"].tolist() == ([2, 4] if is_whole else [2])
    assert [breach.rule for breach in tables.breaches] == ([] if is_whole else ["instalment is not a whole number"])


@pytest.mark.parametrize("text", [
    "epoch", "infinity", "-infinity", "today", "2022-02-28 09:30:00", "2022-02-28 00:00:00+08", "2022-02-28T00:00:00Z",
    "2022-02-28 23:00:00+08", "2022-2-28", "2022/02/28", "20220228", "28.02.2022", "2022-02-28 00:00", "2022-02-28 (BC)",
    "2022-02-28 00:00:00.5", "12022-02-28", "2022-02-30", "2022-02-28 x"])
def test_a_text_that_is_not_a_plain_day_is_not_a_date(text, opened, tmp_path):
    tables = opened(write(tmp_path / "book", repayments=[GOOD["repayments"] | {"due_on": text}]))
    assert [breach.rule for breach in tables.breaches] == ["due_on is not a date (YYYY-MM-DD)"]


@pytest.mark.parametrize("text", ["2022-02-28", " 2022-02-28 ", "2022-02-28 00:00:00", "2022-02-28T00:00:00.000"])
def test_a_day_may_be_followed_by_midnight(text, opened, tmp_path):
    tables = opened(write(tmp_path / "book", repayments=[GOOD["repayments"] | {"due_on": text}]))
    assert tables.breaches == ()
    assert kept(tables, "repayments")["due_on"].tolist() == [(date(2022, 2, 28) - date(1970, 1, 1)).days]


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_NS"])
def test_a_timestamp_is_a_date_at_midnight_and_at_no_other_time(kind, opened, tmp_path):
    book = as_parquet(write(tmp_path / "csv"), tmp_path / "parquet", typed=True)
    file = as_duckdb(book, tmp_path / "book.duckdb")
    with duckdb.connect(str(file)) as con:
        con.execute(f"CREATE OR REPLACE TABLE labels AS SELECT * REPLACE (day::{kind} AS labelled_on, day[12:13] AS analyst) "
                    "FROM labels, (VALUES ('2024-07-01 00:00:00'), ('2024-07-01 09:30:00')) t(day)")
    tables = opened(file)
    assert [(breach.rule, breach.keys) for breach in tables.breaches] == [
        ("labelled_on is not a date (YYYY-MM-DD)", ("C1 2024-06-30 09",))]
    assert kept(tables, "labels")["analyst"].tolist() == ["00"]


def test_the_fingerprint_of_a_duckdb_book_follows_what_its_tables_and_views_show(opened, tmp_path):
    book = as_parquet(write(tmp_path / "csv", customers=[GOOD["customers"] | {"customer_id": f"C{i}"} for i in (1, 2, 3)]),
                      tmp_path / "parquet", typed=True)
    tables, views = as_duckdb(book, tmp_path / "tables.duckdb"), tmp_path / "views.duckdb"
    with duckdb.connect(str(views)) as con:
        for name in CONTRACTS:
            con.execute(f"CREATE VIEW {name} AS SELECT * FROM '{book}/{name}.parquet'")
    first = fingerprint(views)
    assert fingerprint(tables) == first == opened(views).fingerprint
    with duckdb.connect(str(tables)) as con:
        con.execute("CREATE OR REPLACE TABLE customers AS SELECT * FROM customers ORDER BY customer_id DESC")
        con.execute("CREATE TABLE of_no_contract AS SELECT 1 AS x")
    assert fingerprint(tables) == first, "neither the order of the rows nor another table is data of the book"
    seen = {first}
    for i, change in enumerate(("NULL AS industry", "'' AS industry", "name AS industry, industry AS name")):
        with duckdb.connect() as con:
            con.execute(f"COPY (SELECT * REPLACE ({change}) FROM '{book}/customers.parquet') TO '{tmp_path}/{i}.parquet'")
        shutil.copyfile(tmp_path / f"{i}.parquet", tmp_path / "now.parquet")
        (tmp_path / "now.parquet").replace(book / "customers.parquet")
        seen.add(fingerprint(views))
        assert len(seen) == i + 2
    (book / "labels.parquet").unlink()
    with pytest.raises(UnreadableFile, match="labels"):
        fingerprint(views)


@pytest.mark.parametrize(("change", "reason"), [
    ({"paid_on": "soon"}, "paid_on is not a date (YYYY-MM-DD)"), ({"amount_paid": "much"}, "amount_paid is not an amount"),
    ({"paid_on": "soon", "amount_paid": "much"}, "paid_on is not a date (YYYY-MM-DD) | amount_paid is not an amount")],
    ids=["day", "amount", "both"])
def test_a_payment_that_cannot_be_read_is_not_also_called_missing(change, reason, opened, tmp_path):
    opened(write(tmp_path / "book", repayments=[GOOD["repayments"] | change]))
    (row,) = read_csv(tmp_path / "rejects" / "repayments.csv")
    assert row["reason"] == reason


@pytest.mark.parametrize(("first", "second"), [(b"\r\n", b"\n"), (b"\n", b"\r\n")], ids=["CRLF then LF", "LF then CRLF"])
@pytest.mark.parametrize("n", [1, 40_000])
def test_mixed_line_ends_are_named_with_the_line(first, second, n, tmp_path):
    book = write(tmp_path / "book")
    (book / "customers.csv").write_bytes(first.join([b"customer_id,name", b'C1,"a\nb\r\nc"', *[b"C%d,x" % i for i in range(2, n)],
                                                     b"X,x"]) + first + b"Y,y" + second)
    failure = refusal(UnreadableFile, book)
    said = {b"\r\n": "CRLF", b"\n": "LF"}
    assert failure.found == f"mixed line ends ({said[first]} until line {max(n, 2) + 4:,}, which ends in {said[second]})"
    assert "same line end" in failure.todo


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_any_kind_within_quotes_are_part_of_the_value(end, opened, tmp_path):
    book = write(tmp_path / "book")
    (book / "customers.csv").write_bytes(end.join(["customer_id,name", 'C1,"a\nb\r\nc ""d"""', ""]).encode())
    assert kept(opened(book), "customers")["name"].tolist() == ['a\nb\r\nc "d"']


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_csv_that_is_separated_by_something_else_is_told_so(mark, tmp_path):
    book = write(tmp_path / "book")
    file = book / "customers.csv"
    file.write_text("\ufeff" + file.read_text(encoding="utf-8").replace(",", mark), encoding="utf-8")
    failure = refusal(BrokenTable, book)
    assert failure.found == f"its columns are separated by {mark!r}"
    assert "commas" in failure.todo


@pytest.mark.parametrize("spoil", [lambda to: (to / "labels.csv.tmp").mkdir(), lambda to: (to / "loans.csv.tmp").mkdir(),
                                   lambda to: (to / "labels.csv.tmp").symlink_to("/dev/full")],
                         ids=["a folder stands there", "a folder stands where the first goes", "the disk is full"])
def test_rejects_that_cannot_be_written_are_a_named_failure_and_leave_those_of_before(spoil, tmp_path):
    to = tmp_path / "rejects"
    bad = {name: [GOOD[name] | {"recorded_on": "?"}] for name in ("loans", "drawdowns")} | {
        "labels": [GOOD["labels"] | {"type": "golden"}]}
    open_tables(write(tmp_path / "before", **bad), to).close()
    before = {file.name: file.read_bytes() for file in to.iterdir()}
    spoil(to)
    with pytest.raises(UnwritableOutput) as caught:
        open_tables(write(tmp_path / "book", loans=[GOOD["loans"] | {"signed_on": "?"}], labels=bad["labels"]), to)
    assert caught.value.where == str(to)
    assert {file.name: file.read_bytes() for file in to.iterdir() if file.suffix != ".tmp"} == before
