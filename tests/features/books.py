"""Small loan books written as text tables, so that a spec shows only the columns that matter."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from features.catalogue import FEATURES
from features.contracts import CONTRACTS
from features.frame import book_frame
from features.sources import open_tables

EMPTY = "-"
DEFAULTS = {
    "customers": {},
    "loans": {"customer_id": "C", "product": "term", "currency": "USD", "signed_on": "2020-01-01",
              "matures_on": "2035-01-01", "committed_amount": "1000.00"},
    "repayments": {"payment": "1", "principal_due": "0.00", "interest_due": "0.00", "paid_on": "",
                   "amount_paid": ""},
    "drawdowns": {},
    "limits": {},
    "rates": {},
    "collateral": {"collateral_id": "pledge"},
    "fees": {"customer_id": "C"},
    "ratings": {"customer_id": "C"},
    "contacts": {"customer_id": "C", "kind": "call"},
    "links": {"kind": "guarantee", "linked_on": "2020-01-01"},
    "financials": {"customer_id": "C"},
    "external_debt": {"customer_id": "C"},
}
#: Filled in order of appearance within the loan or the customer.
NUMBERED = {"repayments": ("loan_id", "instalment"), "drawdowns": ("loan_id", "drawdown"), "fees": ("customer_id", "fee"),
            "contacts": ("customer_id", "contact")}


@dataclass(frozen=True)
class Book:
    """The tables of a book as aligned text, one header line each; ``-`` is an empty cell."""

    loans: str
    repayments: str = "loan_id due_on"
    customers: str | None = None
    drawdowns: str | None = None
    limits: str | None = None
    rates: str | None = None
    collateral: str | None = None
    fees: str | None = None
    ratings: str | None = None
    contacts: str | None = None
    links: str | None = None
    financials: str | None = None
    external_debt: str | None = None

    def rows(self) -> dict[str, list[dict[str, str]]]:
        """The rows of every table with the defaults filled in; customers follow from the loans unless written."""
        tables = {name: _read(name, getattr(self, name)) for name in DEFAULTS if getattr(self, name) is not None}
        if "customers" not in tables:
            names = sorted({loan["customer_id"] for loan in tables["loans"]})
            tables["customers"] = [{"customer_id": name} for name in names]
        return tables


@dataclass(frozen=True)
class Spec:
    """What one feature must be: a book, a date, the value of each customer as arithmetic, and why."""

    feature: str
    book: Book
    as_of: str
    expected: dict[str, float | None]
    why: str

    def __str__(self) -> str:
        return f"{self.feature}: {self.why}"


def _read(name: str, text: str) -> list[dict[str, str]]:
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    header, *body = [line for line in lines if line]
    rows, seen = [], Counter()
    for line in body:
        assert len(line) == len(header), f"{name}: {line} does not fit {header}"
        cells = ["" if cell == EMPTY else cell for cell in line]
        row = DEFAULTS[name] | dict(zip(header, cells, strict=True))
        if name in NUMBERED:
            owner, number = NUMBERED[name]
            seen[row[owner]] += 1
            row.setdefault(number, str(seen[row[owner]]))
        rows.append(row)
    return rows


@contextmanager
def opened(tables: dict[str, list[dict]]):
    """Write the rows as CSV files into a temporary folder and open it as a real book."""
    with tempfile.TemporaryDirectory(prefix="pentad-spec-") as folder:
        for name, rows in tables.items():
            header = [c.name for c in CONTRACTS[name].columns
                      if not c.may_be_absent or any(c.name in row for row in rows)]
            with (Path(folder) / f"{name}.csv").open("w", newline="", encoding="utf-8") as handle:
                writer = csv.DictWriter(handle, header, lineterminator="\n", restval="")
                writer.writeheader()
                writer.writerows(rows)
        book = open_tables(folder)
        try:
            assert not book.breaches, book.breaches
            yield book
        finally:
            book.close()


@lru_cache
def measured(book: Book, as_of: str) -> pd.DataFrame:
    """The feature frame of every customer of the book, customer_id as index; measured once a book and date."""
    with opened(book.rows()) as tables:
        return book_frame(tables, as_of).set_index("customer_id")


def check(spec: Spec) -> None:
    """Compare the measured feature with the spec: equal to the last digits, missing exactly where it says so."""
    found = measured(spec.book, spec.as_of)[spec.feature].to_dict()
    wanted = {name: np.nan if value is None else float(value) for name, value in spec.expected.items()}
    assert set(wanted) == set(found), "a spec speaks of every customer of its book"
    for name, value in wanted.items():
        assert np.isclose(found[name], value, rtol=1e-12, atol=0, equal_nan=True), (
            f"{spec.feature} of {name} is {found[name]}, not {value}: {spec.why}")


def bits(frame: pd.DataFrame) -> list[tuple]:
    """Every value of the frame as raw bits beside its keys, so that equal means equal to the last bit."""
    values = frame[list(FEATURES)].to_numpy("float64") + 0.0
    values[np.isnan(values)] = np.nan
    keys = frame[["customer_id", "as_of"]].itertuples(index=False, name=None)
    return [(*key, *row) for key, row in zip(keys, values.view("int64").tolist(), strict=True)]


def moved(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """Names of the features that differ in any bit between two frames of the same customers."""
    pairs = zip(bits(before), bits(after), strict=True)
    names = ["customer_id", "as_of", *FEATURES]
    return {name for a, b in pairs for name, x, y in zip(names, a, b, strict=True) if x != y}
