"""A book in PostgreSQL is the same book: read from a real server as from files, or its place is named without its password."""

from __future__ import annotations

import pandas as pd
import pytest
from adbc_driver_postgresql import dbapi

from features.contracts import CONTRACTS
from features.errors import BrokenTable, NoBook
from features.frame import feature_frame
from features.sources import examine, fingerprint, open_tables, others
from features.sources.postgres import DatabaseUnreachable

KINDS = {"text": "text", "date": "date", "money": "numeric(18,2)", "number": "double precision", "integer": "integer",
         "flag": "boolean"}
BOOK = {
    "customers": [{"customer_id": "A", "industry": "钢铁", "group_id": None}, {"customer_id": "B", "industry": "it's; --",
                                                                              "group_id": None}],
    "loans": [{"loan_id": "1", "customer_id": "A", "product": "term", "currency": "CNY", "signed_on": "2022-02-28",
               "matures_on": "2026-02-28", "committed_amount": "1000.10", "annual_rate": "0.045"},
              {"loan_id": "2", "customer_id": "B", "product": "revolver", "currency": "CNY", "signed_on": "2023-12-31",
               "matures_on": "2023-01-31", "committed_amount": "77.07", "annual_rate": "0.03"}],  # matures before it is signed
    "repayments": [{"loan_id": "1", "instalment": str(k), "payment": "1", "due_on": f"2024-0{k}-28", "principal_due": "20.05",
                    "interest_due": None if k == 2 else "1.10", "paid_on": f"2024-0{k}-29" if k < 3 else None,
                    "amount_paid": "21.15" if k < 3 else None} for k in range(1, 5)],
}
AS_OF = "2024-03-29"


@pytest.fixture
def database(postgres):
    """A schema of its own with the book, its columns of the kinds that a bank would give them."""
    run(postgres, "DROP SCHEMA IF EXISTS book CASCADE", "CREATE SCHEMA book")
    address = f"{postgres}&options=-csearch_path%3Dbook"
    for name, rows in BOOK.items():
        kinds = {column.name: KINDS[column.kind] for column in CONTRACTS[name].columns if column.name in rows[0]}
        run(address, f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in kinds.items())})")
        for row in rows:
            values = ", ".join("NULL" if row[c] is None else "'" + row[c].replace("'", "''") + "'" for c in kinds)
            run(address, f"INSERT INTO {name} ({', '.join(kinds)}) VALUES ({values})")
    return address


def run(address: str, *statements: str) -> None:
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


@pytest.fixture
def folder(tmp_path):
    for name, rows in BOOK.items():
        pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def frame_of(tables) -> pd.DataFrame:
    return feature_frame(pd.DataFrame({"customer_id": ["A", "B"], "as_of": AS_OF}), tables)


def test_features_accounts_and_rejected_rows_are_those_of_the_same_book_in_files(database, folder, tmp_path):
    ours, theirs = open_tables(database, tmp_path / "ours"), open_tables(folder, tmp_path / "theirs")
    pd.testing.assert_frame_equal(frame_of(ours), frame_of(theirs), check_exact=True)
    for a, b in zip(ours.accounts, theirs.accounts, strict=True):
        assert (a.table, a.n_read, a.n_kept, a.n_rejected, a.sums) == (b.table, b.n_read, b.n_kept, b.n_rejected, b.sums)
    assert ours.breaches == theirs.breaches and ours.breaches[0].rule == "matures_on is before signed_on"
    assert (ours.accounts[1].sums.read, ours.accounts[1].sums.rejected) == (107717, 7707)
    assert (tmp_path / "ours" / "loans.csv").read_text(encoding="utf-8").count("matures_on is before signed_on") == 1
    ours.close()
    theirs.close()


def test_the_fingerprint_is_of_what_the_tables_hold_and_not_of_the_order_of_their_rows(database):
    first = fingerprint(database)
    run(database, "CREATE TABLE again AS SELECT * FROM repayments ORDER BY instalment DESC", "TRUNCATE repayments",
        "INSERT INTO repayments SELECT * FROM again", "DROP TABLE again")
    assert fingerprint(database) == first
    run(database, "UPDATE loans SET committed_amount = committed_amount + 0.01 WHERE loan_id = '1'")
    assert fingerprint(database) != first


def test_a_view_is_a_table_and_others_are_named_and_not_read(database):
    run(database, "ALTER TABLE customers RENAME TO people", "CREATE VIEW customers AS SELECT * FROM people")
    tables = open_tables(database)
    assert tables.accounts[0].n_kept == 2
    tables.close()
    assert others(database) == ("people",)


def test_a_book_without_a_table_and_a_table_spelt_otherwise_are_named_by_the_address(database):
    run(database, "DROP TABLE repayments")
    with pytest.raises(NoBook, match=r"^postgresql:///.*: no table repayments\..* on the search path of whoever connects"):
        open_tables(database)
    run(database, 'ALTER TABLE loans RENAME TO " Loans"')
    with pytest.raises(BrokenTable, match=r"^postgresql:///.*' Loans' is not read as loans"):
        examine(database)


def test_a_column_of_several_values_is_refused(database):
    run(database, "ALTER TABLE customers ADD country text[]")
    with pytest.raises(BrokenTable, match="customers: .*country"):
        open_tables(database)


def test_who_cannot_be_reached_is_named_without_the_password():
    with pytest.raises(DatabaseUnreachable) as failed:
        open_tables("postgresql://reader:secret@localhost:1/bank?connect_timeout=1")
    assert "secret" not in str(failed.value) and "reader" not in str(failed.value)
    assert str(failed.value).startswith("postgresql://***@localhost:1/bank")


def test_a_table_that_we_may_not_read_is_said(database):
    run(database, "DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk LOGIN", "GRANT USAGE ON SCHEMA book TO clerk",
        "GRANT SELECT ON customers, loans TO clerk")
    with pytest.raises(DatabaseUnreachable, match="permission denied for table repayments"):
        open_tables(database.replace("user=pentad", "user=clerk"))
    run(database, "REVOKE ALL ON ALL TABLES IN SCHEMA book FROM clerk", "REVOKE ALL ON SCHEMA book FROM clerk", "DROP ROLE clerk")


def test_reading_changes_nothing_and_leaves_no_file(database, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_tables(database).close()
    assert list(tmp_path.iterdir()) == []
