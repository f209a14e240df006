"""Statements of the World Bank written by hand, and the book they give."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.adapters.worldbank import import_worldbank
from pipeline.adapters.worldbank_book import COLUMNS

TITLES = (
    "End of Period,Loan Number,Region,Country Code,Country,Borrower,Guarantor Country Code,Guarantor,"
    "Loan Type,Loan Status,Interest Rate,Project ID,Original Principal Amount,Cancelled Amount,"
    "Undisbursed Amount,Disbursed Amount,Repaid to IBRD,Exchange Adjustment,Borrower's Obligation,"
    "Repaid 3rd Party,Due 3rd Party,First Repayment Date,Last Repayment Date,Agreement Signing Date,"
    "Board Approval Date,Last Disbursement Date"
)
PLAIN = {
    "Loan Number": "IBRD10000",
    "Region": "AFRICA",
    "Country Code": "ZA",
    "Country": "South Africa",
    "Borrower": "ESKOM HOLDINGS LIMITED",
    "Loan Type": "FSL",
    "Loan Status": "Repaying",
    "Interest Rate": "0",
    "Project ID": "P1",
    "Original Principal Amount": "1000",
    "Disbursed Amount": "1000",
    "Borrower's Obligation": "1000",
    "First Repayment Date": "03/15/2020",
    "Last Repayment Date": "09/15/2024",
    "Agreement Signing Date": "01/31/2015",
    "Last Disbursement Date": "06/30/2018",
}
ZEROES = dict.fromkeys(
    ("Cancelled Amount", "Repaid to IBRD", "Exchange Adjustment", "Repaid 3rd Party", "Due 3rd Party"), "0"
)


@pytest.fixture
def statement_text():
    """Return a function that writes a statement as its publisher would; what a loan leaves out is `PLAIN`."""

    def write(on: str, *loans: dict[str, str], renamed: dict[str, str] | None = None) -> str:
        titles = TITLES.split(",")
        text = io.StringIO()
        lines = csv.writer(text)
        lines.writerow([(renamed or {}).get(title, title) for title in titles])
        for loan in loans:
            values = PLAIN | ZEROES | {"End of Period": on} | loan
            lines.writerow([values.get(title, "") for title in titles])
        return text.getvalue()

    return write


@pytest.fixture
def save_text(tmp_path):
    """Return a function that saves a text under a name and gives its path."""

    def save(name: str, text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return save


@pytest.fixture
def import_texts(tmp_path, save_text):
    """Return a function that imports statements given as text: the account, and tables as dictionaries."""

    def import_all(*texts: str):
        files = [save_text(f"s{n}.csv", text) for n, text in enumerate(texts)]
        account = import_worldbank(files, tmp_path / "book", echo=lambda line: None)
        tables = {table: pq.read_table(tmp_path / "book" / f"{table}.parquet") for table in COLUMNS}
        return account, {table: rows.to_pylist() for table, rows in tables.items()}

    return import_all
