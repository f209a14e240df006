"""``pentad features``: one date or every month-end of a range, as Parquet or CSV, whole or not at all."""

from __future__ import annotations

from contextlib import closing
from datetime import date

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from desk import the_line, tiny_book

from features.catalogue import FEATURES
from features.cohort import last_fact
from features.errors import BrokenTable, OutputExists
from features.frame import book_frame, feature_blocks, feature_frame
from features.sources import open_tables
from pipeline.errors import BookTooOld


@pytest.fixture(scope="module")
def frame(book) -> pd.DataFrame:
    """The tiny book's frame as the Python call gives it."""
    tables = open_tables(book)
    yield book_frame(tables, ["2024-11-30", "2024-12-31"])
    tables.close()


def features(desk, book, as_of: str, out, *more) -> int:
    return desk.run("features", "--data", book, "--rejects", desk.rejects, "--as-of", as_of, "--out", out, *more)


def test_a_range_gives_the_frame_of_every_month_end_in_it(desk, book, frame, tmp_path, capsys):
    assert features(desk, book, "2024-11-15..2025-01-30", tmp_path / "f.parquet") == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "f.parquet"), frame, check_exact=True)
    assert "120 rows = 60 customers on 2 dates" in capsys.readouterr().out


def test_one_date_is_that_date_and_csv_says_the_same_as_parquet(desk, book, frame, tmp_path):
    assert features(desk, book, "2024-12-31", tmp_path / "f.csv") == 0
    written = pd.read_csv(tmp_path / "f.csv", dtype={"customer_id": str, "as_of": str})
    expected = frame[frame["as_of"] == "2024-12-31"].reset_index(drop=True)
    pd.testing.assert_frame_equal(written.astype(expected.dtypes.to_dict()), expected, check_exact=True)


def test_the_same_frame_twice_is_the_same_bytes_and_another_is_not_replaced_without_leave(desk, book, tmp_path, capsys):
    out = tmp_path / "f.parquet"
    assert features(desk, book, "2024-12-31", out) == 0
    first = out.read_bytes()
    assert features(desk, book, "2024-12-31", out) == 0
    assert out.read_bytes() == first
    assert features(desk, book, "2024-11-30", out) == OutputExists.exit_code
    assert out.read_bytes() == first
    assert features(desk, book, "2024-11-30", out, "--replace") == 0
    assert out.read_bytes() != first
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".f-")] == []


@pytest.mark.parametrize(("as_of", "out", "said"), [
    ("2024-12-01..2024-12-30", "f.parquet", "holds no month-end"),
    ("2025-01-31..2024-12-31", "f.parquet", "ends before it begins"),
    ("9999-12-01..9999-12-31", "f.parquet", "after 2200"),
    ("yesterday", "f.parquet", "is not a date"),
    ("20241231", "f.parquet", "'20241231' is not a date; write YYYY-MM-DD"),
    ("2025-W01-2", "f.parquet", "is not a date"),
    ("2024-12-31", "f.xlsx", ".parquet or .csv"),
])
def test_what_cannot_be_asked_for_is_a_usage_error(desk, book, tmp_path, capsys, as_of, out, said):
    try:
        code = features(desk, book, as_of, tmp_path / out)
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize("name", ["customers.csv", "loans.parquet", "other.csv"])
def test_the_book_itself_is_no_place_for_its_features(desk, spoiled, name, capsys):
    before = {path.name: path.read_bytes() for path in spoiled.iterdir()}
    assert features(desk, spoiled, "2024-12-31", spoiled / name, "--replace") == OutputExists.exit_code
    assert "the delivered tables lie there" in the_line(capsys)
    assert {path.name: path.read_bytes() for path in spoiled.iterdir()} == before


def test_a_date_long_after_the_book_ends_is_refused(desk, book, tmp_path, capsys):
    assert features(desk, book, "2026-06-30", tmp_path / "f.parquet") == BookTooOld.exit_code
    assert "Deliver a newer book" in capsys.readouterr().err
    assert not (tmp_path / "f.parquet").exists()


@pytest.mark.parametrize("library", [pl.from_pandas, lambda rows: pl.from_pandas(rows).lazy(), pa.Table.from_pandas,
                                     lambda rows: duckdb.from_df(rows)], ids=["polars", "lazy-polars", "arrow", "duckdb"])
@pytest.mark.parametrize("as_of", ["2024-12-31", date(2024, 12, 31), pd.Timestamp("2024-12-31")], ids=repr)
def test_frames_in_memory_are_a_book_too_and_give_the_same_features(frame, library, as_of):
    tables = tiny_book()
    with closing(open_tables(tables | {"loans": library(tables["loans"]), "limits": None})) as mixed:
        again = book_frame(mixed, as_of)
    expected = frame[frame["as_of"] == "2024-12-31"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, expected, check_exact=True)
    assert list(again.columns[2:]) == list(FEATURES)


def test_what_is_no_data_frame_is_refused():
    with pytest.raises(BrokenTable, match="data frames loans: list, which is no data frame"):
        open_tables(tiny_book() | {"loans": [1, 2]})


@pytest.mark.parametrize("as_of", ["2024-13-01", "soon", 20_000, None], ids=repr)
def test_what_is_no_date_is_named(as_of):
    with closing(open_tables(tiny_book())) as tables, pytest.raises(ValueError, match=f"{as_of!r} is no date"):
        book_frame(tables, [as_of])


def test_a_frame_leaves_nothing_behind_in_the_engine():
    with closing(open_tables(tiny_book())) as tables:
        names = "SELECT table_name FROM duckdb_tables() ORDER BY 1"
        before = tables.engine.con.execute(names).fetchall()
        frames = [book_frame(tables, "2024-12-31") for _ in range(2)]
        assert tables.engine.con.execute(names).fetchall() == before
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_a_closed_book_says_so_to_whoever_asks():
    tables = open_tables(tiny_book())
    blocks = feature_blocks(tables, ["2024-12-31"])
    next(blocks)
    tables.close()
    cohort = pd.DataFrame({"customer_id": ["C001"], "as_of": ["2024-12-31"]})
    for attempt in (lambda: list(blocks), lambda: book_frame(tables, "2024-12-31"), lambda: feature_frame(cohort, tables),
                    lambda: last_fact(tables, "2024-12-31"), lambda: tables.hold(cohort), lambda: tables.loans):
        with pytest.raises(ValueError, match="this book is closed; open it again"):
            attempt()
    tables.close()


def test_two_frames_of_one_book_at_once_are_refused_and_the_first_can_be_read_on(frame, monkeypatch):
    monkeypatch.setattr("features.sources.duck.BLOCK_ROWS", 10)
    with closing(open_tables(tiny_book())) as tables:
        first = feature_blocks(tables, ["2024-12-31"])
        read = [next(first), next(first)]
        for attempt in (lambda: next(feature_blocks(tables, ["2024-11-30"])), lambda: last_fact(tables, "2024-12-31"),
                        lambda: book_frame(tables, "2024-11-30")):
            with pytest.raises(RuntimeError, match="a frame of this book is being read: read it to its end, or close"):
                attempt()
        read += first
        expected = frame[frame["as_of"] == "2024-12-31"].reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.concat(read, ignore_index=True), expected, check_exact=True)
        second = feature_blocks(tables, ["2024-11-30"])
        next(second)
        second.close()
        pd.testing.assert_frame_equal(book_frame(tables, "2024-12-31"), expected, check_exact=True)
