"""Books given as data frames of any library: what is read, and what is named before it confuses an engine."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date
from decimal import Decimal

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from test_sources import GOOD, kept

from features.errors import AmountsTooLarge, BrokenTable, NoBook, NoFactsYet, UnreadableFile
from features.frame import book_frame, feature_frame
from features.sources import examine, fingerprint, open_tables

CUSTOMER = {"customer_id": ["C1", "C2", "C3", "C4"]}


def given(**tables) -> dict:
    """The good rows as pandas frames, some tables replaced."""
    return {name: pd.DataFrame([GOOD[name]]) for name in ("customers", "loans", "repayments")} | tables


def changed(table: str, **columns) -> pd.DataFrame:
    """The good row of a table, some columns replaced."""
    return pd.DataFrame([GOOD[table]]).assign(**columns)


def opened(tables) -> dict:
    """What a book of frames comes to: the kept rows of its needed tables; nothing may be rejected or ignored."""
    with closing(open_tables(tables)) as book:
        assert all(account.n_rejected == 0 and account.ignored == () for account in book.accounts), book.breaches
        return {name: kept(book, name) for name in ("customers", "loans", "repayments")}


def objects(*values) -> pd.Series:
    return pd.Series(values, dtype=object)


def closed_relation() -> duckdb.DuckDBPyRelation:
    with duckdb.connect() as con:
        return con.sql("SELECT 'C1' AS customer_id")


#: what is given as customers -> kind of the failure, what is said of it
REFUSED = {
    "a column twice": (pd.DataFrame([["C1", "C2"]], columns=["customer_id"] * 2), BrokenTable,
                       "column 'customer_id' stands twice"),
    "an unknown column twice": (pd.DataFrame([["C1", 1, 2]], columns=["customer_id", "x", "x"]), BrokenTable,
                                "column 'x' stands twice"),
    "a column twice in Arrow": (pa.table([["C1"], ["C2"]], names=["customer_id"] * 2), BrokenTable,
                                "column 'customer_id' stands twice"),
    "a column twice in DuckDB": (duckdb.sql("SELECT 'C1' AS customer_id, 'C2' AS customer_id"), BrokenTable,
                                 "column 'customer_id' stands twice"),
    "two levels of names": (pd.DataFrame([["C1"]], columns=pd.MultiIndex.from_tuples([("a", "customer_id")])), BrokenTable,
                            "column name ('a', 'customer_id') is not text"),
    "a number as a name": (pd.DataFrame({"customer_id": ["C1"], 5: ["x"]}), BrokenTable, "column name 5 is not text"),
    "a blank name": (pd.DataFrame({"customer_id": ["C1"], " ": ["x"]}), BrokenTable, "column 2 of 2 has no name"),
    "no column": (pd.DataFrame(), BrokenTable, "no column at all"),
    "no column in Arrow": (pa.table({}), BrokenTable, "no column at all"),
    "a mix of kinds": (pd.DataFrame(CUSTOMER | {"founded_on": objects("1990-01-01", 5, date(1990, 1, 1), None)}), BrokenTable,
                       "column founded_on mixes values of date, int, str"),
    "a mix in the key": (pd.DataFrame({"customer_id": objects("C1", 2, pd.Timestamp("2020-01-01"))}), BrokenTable,
                         "column customer_id mixes values of Timestamp, int, str"),
    "a mix of numbers": (pd.DataFrame(CUSTOMER | {"x": objects(Decimal("1.5"), 1.5, np.nan, None)}), BrokenTable,
                         "column x mixes values of Decimal, float"),
    "objects": (pd.DataFrame(CUSTOMER | {"name": objects(*[object()] * 4)}), UnreadableFile,
                "column name cannot be read (Could not convert <object object at .*> with type object: .*)"),
    "a whole number of forty digits": (pd.DataFrame(CUSTOMER | {"x": objects(*[10**40] * 4)}), UnreadableFile,
                                       "column x cannot be read (Python int too large to convert to C long)"),
    "half a character": (pd.DataFrame(CUSTOMER | {"name": objects(*["\udcff"] * 4)}), UnreadableFile,
                         "column name cannot be read ('utf-8' codec can't encode character .*)"),
    "complex numbers": (pd.DataFrame(CUSTOMER | {"x": [1j] * 4}), UnreadableFile, "column x cannot be read (.*)"),
    "sparse numbers": (pd.DataFrame(CUSTOMER | {"x": pd.arrays.SparseArray([0.5] * 4)}), UnreadableFile,
                       "column x cannot be read (Sparse pandas data (column x) not supported.)"),
    "a kind that DuckDB lacks": (pa.table(CUSTOMER | {"x": pa.array([np.float16(1)] * 4)}), UnreadableFile,
                                 "column x cannot be read (Not implemented Error: Unsupported Internal Arrow Type e)"),
    "a kind that Arrow lacks": (pl.DataFrame(CUSTOMER | {"x": pl.Series([1] * 4, dtype=pl.Int128)}), UnreadableFile,
                                "column x cannot be read (.*)"),
    "bytes": (pd.DataFrame(CUSTOMER | {"name": objects(*[b"\xff"] * 4)}), BrokenTable, "name is BLOB, not plain values"),
    "lists": (pl.DataFrame({"customer_id": [["C1"]]}), BrokenTable, "customer_id is VARCHAR[], not plain values"),
    "a zone": (pd.DataFrame(CUSTOMER | {"founded_on": pd.Timestamp("2022-01-31", tz="Asia/Shanghai")}), BrokenTable,
               "founded_on is a timestamp with a time zone"),
    "a lazy frame that fails": (pl.LazyFrame(CUSTOMER).with_columns(pl.col("nowhere")), UnreadableFile,
                                'cannot be read (unable to find column "nowhere"; .*'),
    "a lazy frame of no file": (pl.scan_parquet("nowhere.parquet"), UnreadableFile, "cannot be read (No such file .*)"),
    "a query that fails": (duckdb.sql("SELECT CAST('q' || range AS INT) AS customer_id FROM range(1)"), UnreadableFile,
                           "cannot be read (Conversion Error: Could not convert string 'q0' to INT32)"),
    "a query whose connection is closed": (closed_relation(), UnreadableFile,
                                           "cannot be read (Connection Error: Connection has already been closed)"),
    "a column": (pd.Series(["C1"]), BrokenTable, "Series, which is no data frame"),
    "a list": ([1, 2], BrokenTable, "list, which is no data frame"),
    "a name of a file": ("customers.csv", BrokenTable, "str, which is no data frame"),
    "columns by name": ({"customer_id": ["C1"]}, BrokenTable, "dict, which is no data frame"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_frame_that_cannot_be_read_is_named_with_the_column(case):
    customers, kind, said = REFUSED[case]
    with pytest.raises(kind) as caught:
        open_tables(given(customers=customers))
    assert re.fullmatch(re.escape(said).replace(r"\.\*", ".*"), caught.value.found), caught.value.found
    assert (caught.value.where, "\n" in str(caught.value)) == ("data frames customers", False)
    assert caught.value.todo.strip()


def test_an_examination_names_one_broken_frame_and_judges_the_others():
    found = examine(given(customers=pd.DataFrame({"customer_id": objects("C1", 2)}), loans=changed("loans", signed_on="soon")))
    assert [fault.found for fault in found.faults][0] == "column customer_id mixes values of int, str"
    assert [breach.rule for breach in found.breaches][:1] == ["signed_on is not a date (YYYY-MM-DD)"]


@pytest.mark.parametrize(("where", "said"), [
    ({}, "no table customers, no table loans, no table repayments"), ({"loans": None}, "no table customers"),
    (given(Loans=pd.DataFrame()), "no contract for Loans"), (given() | {5: pd.DataFrame(), "a": 1}, "no contract for 5, a"),
    (pd.DataFrame(), "DataFrame, which is no book"), (None, "NoneType, which is no book"),
    ([], "list, which is no book")], ids=repr)
def test_what_is_no_book_of_frames_is_refused_by_every_function_that_takes_one(where, said):
    for attempt in (open_tables, examine, fingerprint):
        with pytest.raises(NoBook) as caught:
            attempt(where)
        assert caught.value.found.startswith(said)


def converted(columns: dict) -> dict:
    """The good rows, some columns of the loan of another kind."""
    return given(loans=changed("loans", **columns))


SAME = {
    "categories": lambda: given(loans=pd.DataFrame([GOOD["loans"]]).astype("category")),
    "a category of days": lambda: converted({"signed_on": pd.Categorical([pd.Timestamp("2022-01-31")])}),
    "days at midnight": lambda: converted({"signed_on": pd.Timestamp("2022-01-31"),
                                           "matures_on": np.datetime64("2026-01-31", "s")}),
    "days of Python": lambda: converted({"signed_on": objects(date(2022, 1, 31))}),
    "decimals": lambda: converted({"committed_amount": objects(Decimal("1200.50")), "annual_rate": objects(Decimal("0.045"))}),
    "floats": lambda: converted({"committed_amount": 1200.5, "annual_rate": np.float32(0.045)}),
    "nothing": lambda: converted({"closed_recorded_on": pd.NaT, "recorded_on": None, "guarantor_id": np.nan}),
    "nullable numbers": lambda: given(repayments=changed("repayments", instalment=pd.array([1], dtype="Int64"),
                                                         is_derived=pd.array([False], dtype="boolean"),
                                                         is_opening=pd.array([None], dtype="boolean"))),
    "Arrow within pandas": lambda: given(loans=pd.DataFrame([GOOD["loans"]]).convert_dtypes(dtype_backend="pyarrow")),
    "an index": lambda: given(customers=pd.DataFrame([GOOD["customers"]]).set_index("customer_id")),
    "an index of no name": lambda: given(loans=pd.DataFrame([GOOD["loans"]], index=[7])),
    "Polars": lambda: given(loans=pl.DataFrame([GOOD["loans"]])),
    "lazy Polars": lambda: given(loans=pl.LazyFrame([GOOD["loans"]]).with_columns(pl.col("signed_on").str.to_date())),
    "Polars categories": lambda: given(loans=pl.DataFrame([GOOD["loans"]]).with_columns(pl.col("product").cast(pl.Categorical))),
    "Arrow": lambda: given(loans=pa.Table.from_pylist([GOOD["loans"]])),
    "an Arrow dictionary": lambda: given(loans=pa.Table.from_pylist([GOOD["loans"]]).cast(
        pa.schema([(name, pa.dictionary(pa.int8(), pa.string())) for name in GOOD["loans"]]))),
    "DuckDB": lambda: given(loans=duckdb.from_arrow(pa.Table.from_pylist([GOOD["loans"]]))),
    "Narwhals": lambda: given(loans=nw.from_native(pd.DataFrame([GOOD["loans"]]))),
}


@pytest.mark.parametrize("case", SAME)
def test_a_frame_of_another_kind_says_the_same(case):
    expected = opened(given())
    for name, rows in opened(SAME[case]()).items():
        pd.testing.assert_frame_equal(rows, expected[name], check_dtype=False)


def test_an_instant_in_a_column_that_no_contract_has_is_ignored_without_a_warning():
    loans = changed("loans", updated_at=pd.Timestamp("2022-01-31", tz="Asia/Shanghai"))
    with closing(open_tables(given(loans=loans))) as tables:
        assert tables.accounts[1].ignored == ("updated_at",)
        assert tables.accounts[1].n_kept == 1


def test_a_frame_of_features_takes_a_day_of_any_library_and_several_of_them():
    day = np.datetime64("2024-12-31")
    with closing(open_tables(given())) as tables:
        frame = book_frame(tables, "2024-12-31")
        for one in (pd.Timestamp(day), day, np.array([day, day])):
            pd.testing.assert_frame_equal(book_frame(tables, one), frame)
        cohort = pd.DataFrame({"customer_id": ["C1"], "as_of": [day]})
        pd.testing.assert_frame_equal(feature_frame(cohort, tables), frame)
        with pytest.raises(ValueError, match="no date.*without a time of day"):
            book_frame(tables, pd.Timestamp("2024-12-31 12:00"))


def test_a_book_of_which_every_loan_is_rejected_says_how_many_and_where_they_lie():
    loans = pd.DataFrame([GOOD["loans"] | {"loan_id": f"L{n}", "signed_on": "soon" if n else "2030-02-30"} for n in range(3)])
    loans.loc[0, "committed_amount"] = "much"
    with closing(open_tables(given(loans=loans))) as tables, pytest.raises(NoFactsYet) as caught:
        book_frame(tables, "2024-12-31")
    assert caught.value.found == ("no loan is left: loans: 3 read = 0 kept + 3 rejected; most often: signed_on is not a date "
                                  "(YYYY-MM-DD) (3 rows)")
    assert "rejects_to" in caught.value.todo and "Tables.breaches" in caught.value.todo
    said = {fault.found: fault.todo for fault in examine(given(loans=loans)).faults}
    assert said["loans has no kept row (3 read, 3 rejected)"] == caught.value.todo


def test_a_book_without_a_row_of_loans_says_that():
    with closing(open_tables(given(loans=changed("loans").iloc[:0]))) as tables, pytest.raises(NoFactsYet, match="has no loan"):
        book_frame(tables, "2024-12-31")


def large(n_loans: int, rate: float) -> dict:
    """A book of loans of the largest amount that the contract allows, each drawn and owing interest of the same amount."""
    names, most = [f"L{n}" for n in range(n_loans)], "10000000000000.00"
    loans = pd.DataFrame([GOOD["loans"]] * n_loans).assign(loan_id=names, committed_amount=most, annual_rate=rate)
    unpaid = {"paid_on": "", "amount_paid": "", "returned_on": "", "superseded_on": "", "superseded_by": ""}
    repayments = pd.DataFrame([GOOD["repayments"] | unpaid | {"principal_due": most, "interest_due": most}] * n_loans)
    drawdowns = pd.DataFrame([GOOD["drawdowns"]] * n_loans).assign(loan_id=names, amount=most)
    return given(loans=loans.assign(closed_on=""), repayments=repayments.assign(loan_id=names), drawdowns=drawdowns)


def test_sums_of_the_largest_amounts_are_exact_as_far_as_they_fit():
    with closing(open_tables(large(461, 0.1))) as tables:
        (found,) = book_frame(tables, "2024-12-31").to_dict("records")
    assert (found["exposure_drawn"], found["annual_rate_mean"], found["margin_rate"]) == (461e13, 0.1, 0.08)


@pytest.mark.parametrize(("n_loans", "rate"), [(462, 0.1), (120, 1.9), (9_224, 0.0)])
def test_a_sum_of_amounts_that_does_not_fit_is_a_named_failure(n_loans, rate):
    with closing(open_tables(large(n_loans, rate))) as tables:
        assert tables.accounts[1].n_kept == n_loans
        with pytest.raises(AmountsTooLarge, match="^amounts: a sum does not fit into whole cents of 64 bits .*INT64"):
            book_frame(tables, "2024-12-31")
