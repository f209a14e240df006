"""Write a loan book read from statements: five Parquet tables and the account, complete or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace as with_changes
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import OutputExists
from pipeline.adapters.worldbank_account import ImportAccount
from pipeline.adapters.worldbank_borrowers import Borrowers
from pipeline.adapters.worldbank_schedule import LoanHistory

ACCOUNT_FILE = "import_account.json"
CURRENCY = "USD"
TEXT, DAY, MONEY, FLAG, WHOLE = pa.string(), pa.date32(), pa.decimal128(18, 2), pa.bool_(), pa.int32()
COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "customers": {
        "customer_id": TEXT,
        "name": TEXT,
        "country": TEXT,
        "region": TEXT,
        "ownership": TEXT,
        "group_id": TEXT,
        "onboarded_on": DAY,
        "recorded_on": DAY,
    },
    "loans": {
        "loan_id": TEXT,
        "customer_id": TEXT,
        "product": TEXT,
        "currency": TEXT,
        "signed_on": DAY,
        "matures_on": DAY,
        "committed_amount": MONEY,
        "annual_rate": pa.float64(),
        "security": TEXT,
        "guarantor_id": TEXT,
        "closed_on": DAY,
        "recorded_on": DAY,
    },
    "repayments": {
        "loan_id": TEXT,
        "instalment": WHOLE,
        "payment": WHOLE,
        "due_on": DAY,
        "principal_due": MONEY,
        "interest_due": MONEY,
        "paid_on": DAY,
        "amount_paid": MONEY,
        "scheduled_on": DAY,
        "superseded_on": DAY,
        "superseded_by": TEXT,
        "is_derived": FLAG,
        "is_opening": FLAG,
        "recorded_on": DAY,
    },
    "drawdowns": {
        "loan_id": TEXT,
        "drawdown": WHOLE,
        "drawn_on": DAY,
        "amount": MONEY,
        "is_opening": FLAG,
        "recorded_on": DAY,
    },
    "limits": {
        "loan_id": TEXT,
        "changed_on": DAY,
        "committed_amount": MONEY,
        "cause": TEXT,
        "recorded_on": DAY,
    },
}


def rows_of_book(borrowers: Borrowers, loans: Sequence[LoanHistory]) -> dict[str, list[tuple]]:
    """Return the rows of every table in the order of `COLUMNS`, sorted by key; money still in whole cents."""
    people = [borrowers.known[customer_id] for customer_id in sorted(borrowers.known)]
    return {
        "customers": [
            (
                *(one.customer_id, one.name, one.country or None, one.region or None, one.ownership),
                *(one.group_id, one.onboarded_on, one.recorded_on),
            )
            for one in people
        ],
        "loans": [_loan_row(loan) for loan in loans],
        "repayments": [row for loan in loans for row in _repayment_rows(loan)],
        "drawdowns": [
            (loan.first_shown.loan_id, n, one.drawn_on, one.amount, one.is_opening, one.recorded_on)
            for loan in loans
            for n, one in enumerate(loan.drawdowns, start=1)
        ],
        "limits": [
            (loan.first_shown.loan_id, on, committed, None, on)
            for loan in loans
            for on, committed in loan.limits
        ],
    }


def _loan_row(loan: LoanHistory) -> tuple:
    shown = loan.first_shown
    security = "guarantee" if shown.guarantor else None
    return (
        *(shown.loan_id, loan.customer_id, shown.product, CURRENCY, shown.signed_on, shown.last_due_on),
        *(shown.original, shown.annual_rate, security, shown.guarantor or None),
        *(loan.closed_on, loan.recorded_on),
    )


def _repayment_rows(loan: LoanHistory) -> Iterator[tuple]:
    for one in loan.instalments:
        after = (one.scheduled_on, one.superseded_on, one.superseded_by, True, one.is_opening)
        before = (loan.first_shown.loan_id, one.number)
        interest = None if one.principal_due else 0  # a prepayment has nothing due; else it is not shown
        for payment, (paid_on, paid, recorded_on) in enumerate(one.payments or [(None, None, None)], start=1):
            yield (
                *before,
                payment,
                one.due_on,
                one.principal_due,
                interest,
                paid_on,
                paid,
                *after,
                recorded_on,
            )


def check_destination(out: Path, replace: bool) -> None:
    """Refuse to write where something stands that may not be replaced.

    Raises
    ------
    OutputExists
        A file, a folder that holds anything but an imported book, or a book without leave to replace it.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputExists("a file, not a folder", str(out), "Name a folder for the book.")
    found = {path.name for path in out.iterdir()}
    if not found:
        return
    if found - {f"{table}.parquet" for table in COLUMNS} - {ACCOUNT_FILE} or ACCOUNT_FILE not in found:
        raise OutputExists("files that are no imported book", str(out), "Name another folder.")
    if not replace:
        raise OutputExists("a book imported earlier", str(out), "Name another folder, or use --replace.")


def write_book(
    out: Path, borrowers: Borrowers, loans: Sequence[LoanHistory], account: ImportAccount, replace: bool
) -> ImportAccount:
    """Write tables and account to a folder beside the destination, then move it there; return the account."""
    check_destination(out, replace)
    tables = rows_of_book(borrowers, loans)
    account = with_changes(account, n_rows={table: len(rows) for table, rows in tables.items()})
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for table, rows in tables.items():
            pq.write_table(_as_arrow(table, rows), partial / f"{table}.parquet")
        text = json.dumps(account.to_dict(), indent=2, ensure_ascii=False)
        (partial / ACCOUNT_FILE).write_text(text + "\n", encoding="utf-8")
        for path in partial.iterdir():
            with path.open("rb") as written:
                os.fsync(written.fileno())
        _move_into_place(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return account


def _move_into_place(partial: Path, out: Path) -> None:
    """Put the complete folder in place; an older book steps aside first and comes back on failure."""
    aside = out.with_name(f".{out.name}.before-{os.getpid()}")
    if out.exists():
        out.rename(aside)
    try:
        partial.rename(out)
    except OSError:
        if aside.exists():
            aside.rename(out)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _as_arrow(table: str, rows: Sequence[tuple]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS[table])
    arrays = []
    for values, kind in zip(columns, COLUMNS[table].values(), strict=True):
        if kind == MONEY:
            values = [None if cents is None else Decimal(cents).scaleb(-2) for cents in values]
        arrays.append(pa.array(values, type=kind))
    return pa.table(arrays, names=list(COLUMNS[table]))
