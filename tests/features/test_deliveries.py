"""Books as they are delivered: names spelt otherwise, columns nobody asked for, broken files, files in use."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from test_sources import GOOD, kept, read_csv, refusal
from test_sources import write as write_all

from features.errors import BrokenTable, NoBook, NotEnoughMemory, UnreadableFile
from features.sources import examine, fingerprint, open_tables, others

ROWS = {name: [GOOD[name]] for name in ("customers", "loans", "repayments", "ratings", "labels")}


def write(folder: Path, **tables: list[dict] | None) -> Path:
    """A book of a few good rows as CSV files."""
    return write_all(folder, **(dict.fromkeys(GOOD.keys() - ROWS.keys()) | tables))


def delivered(kind: str, root: Path, rows: dict[str, list[dict]]) -> Path | dict[str, pd.DataFrame]:
    """A book of these rows, every value a text, as CSV or Parquet files, a DuckDB file or data frames."""
    frames = {name: pd.DataFrame(body, dtype="str") for name, body in rows.items()}
    if kind == "frames":
        return frames
    book = root / kind
    if kind == "duckdb":
        with duckdb.connect(str(book)) as con:
            for name, frame in frames.items():
                con.register("given", frame)
                con.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        return book
    book.mkdir()
    for name, frame in frames.items():
        frame.to_csv(book / f"{name}.csv", index=False) if kind == "csv" else frame.to_parquet(book / f"{name}.parquet")
    return book


def respelt(table: str, right: str, wrong: str) -> dict[str, list[dict]]:
    """The good rows, one column of one table under another name."""
    return ROWS | {table: [{wrong if name == right else name: value for name, value in GOOD[table].items()}]}


KINDS = ["csv", "parquet", "duckdb", "frames"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("table", "right", "wrong"), [
    ("customers", "recorded_on", "Recorded_On"), ("customers", "recorded_on", "RECORDED_ON"),
    ("loans", "guarantor_id", " guarantor_id "), ("loans", "guarantor_id", "guarantor_id\u200b"),
    ("labels", "analyst", "ａｎａｌｙｓｔ"), ("loans", "loan_id", "Loan_ID"), ("ratings", "pd", "PD")], ids=repr)
def test_a_column_that_is_spelt_otherwise_is_refused_by_name_and_never_left_out(kind, table, right, wrong, tmp_path):
    failure = refusal(BrokenTable, delivered(kind, tmp_path, respelt(table, right, wrong)))
    assert failure.found == f"column {wrong!r} is not spelt {right}"
    assert table in failure.where
    assert "Rename it: names are in lower case" in failure.todo


def test_an_examination_names_a_missing_column_beside_one_that_is_spelt_otherwise(tmp_path):
    labels = {"CUSTOMER_ID": "C1", "as_of": "2024-06-30", "type": "risk", " analyst": "a1"}
    found = examine(write(tmp_path / "book", labels=[labels]))
    assert [fault.found.split(" (")[0] for fault in found.faults] == [
        "column 'CUSTOMER_ID' is not spelt customer_id, ' analyst' is not spelt analyst", "no column labelled_on"]


@pytest.mark.parametrize("kind", KINDS)
def test_columns_that_no_contract_has_are_named_in_the_account(kind, tmp_path):
    more = {"branch": "Wuhan", "recorded on": "2021-01-01"}
    rows = ROWS | {"customers": [GOOD["customers"] | more, GOOD["customers"] | more | {"customer_id": ""}]}
    with closing(open_tables(delivered(kind, tmp_path, rows), tmp_path / "rejects")) as tables:
        ignored = {account.table: account.ignored for account in tables.accounts}
    assert ignored.pop("customers") == ("branch", "recorded on")
    assert set(ignored.values()) == {()}
    (row,) = read_csv(tmp_path / "rejects" / "customers.csv")
    assert row["branch"] == "Wuhan"


@pytest.mark.parametrize("kind", ["csv", "parquet", "frames"])
@pytest.mark.parametrize("names", [("recorded_on", "RECORDED_ON"), ("branch", " Branch")], ids=str)
def test_columns_that_differ_in_case_or_blanks_alone_stand_twice(kind, names, tmp_path):
    rows = ROWS | {"customers": [{"customer_id": "C1"} | dict.fromkeys(names, "2021-01-01")]}
    failure = refusal(BrokenTable, delivered(kind, tmp_path, rows))
    assert failure.found == f"column {', '.join(map(repr, sorted(names)))} stands twice"


def test_a_parquet_column_that_stands_twice_is_refused_though_duckdb_renames_it(tmp_path):
    book = delivered("parquet", tmp_path, ROWS)
    nested = pa.array([{"industry": "x", "inner": [{"industry": 1}]}])
    columns = {"customer_id": pa.array(["C1"]), "of": nested, "industry": pa.array(["steel"])}
    pa.parquet.write_table(pa.table(list(columns.values()), names=list(columns)), book / "customers.parquet")
    open_tables(book).close()
    pa.parquet.write_table(pa.table([*columns.values(), pa.array(["mining"])], names=[*columns, "industry"]),
                           book / "customers.parquet")
    assert refusal(BrokenTable, book).found == "column 'industry' stands twice"


@pytest.mark.parametrize("kind", KINDS)
def test_marks_of_sql_in_the_name_of_a_column_do_no_harm(kind, tmp_path):
    odd = {'say "a""b"': "1", "it's; {0}": "2", "raw customer_id": "3", "why": "4"}
    rows = ROWS | {"customers": [GOOD["customers"] | odd, GOOD["customers"] | odd | {"customer_id": ""}]}
    with closing(open_tables(delivered(kind, tmp_path, rows), tmp_path / "rejects")) as tables:
        assert tables.accounts[0].ignored == tuple(odd)
        assert kept(tables, "customers")["customer_id"].tolist() == ["C1"]
    (row,) = read_csv(tmp_path / "rejects" / "customers.csv")
    assert {name: row[name] for name in odd} == odd


@pytest.mark.parametrize("name", ["Labels.csv", "LABELS.csv", "labels.CSV", "labels .csv", " labels.csv", "labels.csv.gz",
                                  "Labels.Parquet.ZST"])
def test_a_table_whose_file_is_named_otherwise_is_refused_and_never_left_out(name, tmp_path):
    book = write(tmp_path / "book")
    (book / "labels.csv").rename(book / name)
    failure = refusal(BrokenTable, book)
    assert failure.found == f"{name} is not read: the file of labels is labels.parquet or labels.csv"
    assert failure.where == str(book)


def test_a_needed_table_whose_file_is_named_otherwise_is_named_too(tmp_path):
    book = write(tmp_path / "book")
    (book / "loans.csv").rename(book / "Loans.csv")
    assert refusal(BrokenTable, book).found.startswith("Loans.csv is not read")


def test_two_files_of_one_table_are_refused_in_any_case_but_a_packed_copy_beside_it_is_not_read(tmp_path):
    book = write(tmp_path / "book")
    (book / "labels.csv.gz").write_bytes(gzip.compress((book / "labels.csv").read_bytes()))
    open_tables(book).close()
    shutil.copy(book / "labels.csv", book / "LABELS.csv")
    assert refusal(BrokenTable, book).found == "two files for labels: LABELS.csv and labels.csv"


def test_what_lies_beside_the_tables_and_is_not_read_is_named(tmp_path):
    book = write(tmp_path / "book", labels=None)
    for name in ("label.csv", "drawdown.parquet", "notes.md", "labels.xlsx", "loans.csv.gz", ".hidden"):
        (book / name).write_bytes(b"")
    assert others(book) == ("drawdown.parquet", "label.csv", "labels.xlsx", "loans.csv.gz")
    file = delivered("duckdb", tmp_path, ROWS)
    assert others(file) == ()
    with duckdb.connect(str(file)) as con:
        con.execute('ALTER TABLE labels RENAME TO "LABELS"; CREATE TABLE drawdown (x INT); CREATE VIEW v AS SELECT 1 AS x')
    assert others(file) == ("drawdown", "v")
    assert others(delivered("frames", tmp_path, ROWS)) == ()
    with closing(open_tables(file)) as tables:
        assert tables.labels is not None, "names of tables have no case in SQL"


def test_a_table_of_a_duckdb_file_with_blanks_in_its_name_is_refused(tmp_path):
    file = delivered("duckdb", tmp_path, ROWS)
    with duckdb.connect(str(file)) as con:
        con.execute('ALTER TABLE labels RENAME TO " labels"')
    failure = refusal(BrokenTable, file)
    assert (failure.found, failure.todo) == ("table ' labels' is not read as labels", "Rename it to labels.")


@contextmanager
def holding(file: Path):
    """Another process that has the DuckDB file open for writing."""
    code = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.stdin.close()


def test_a_duckdb_file_that_another_process_writes_is_in_use_and_may_be_read_when_it_has_left(tmp_path):
    file = delivered("duckdb", tmp_path, ROWS)
    with holding(file) as pid:
        for attempt in (open_tables, examine, fingerprint, others):
            with pytest.raises(UnreadableFile) as caught:
                attempt(file)
            assert caught.value.found == f"in use by another process (PID {pid})"
            assert caught.value.where == str(file)
            assert "Close it there" in caught.value.todo
    open_tables(file).close()


def test_a_duckdb_file_that_this_process_writes_is_told_so_and_one_that_it_reads_is_read(tmp_path):
    file = delivered("duckdb", tmp_path, ROWS)
    with duckdb.connect(str(file)):
        failure = refusal(UnreadableFile, file)
        assert failure.found == "open in this process already"
        assert "open it read-only" in failure.todo
    with duckdb.connect(str(file), read_only=True):
        open_tables(file).close()


@pytest.mark.parametrize("content", [b"", b"hello", bytes(20_000), None], ids=["empty", "text", "zeros", "SQLite"])
def test_another_file_is_no_duckdb_file_and_no_extension_is_looked_for_to_read_it(content, tmp_path):
    file = tmp_path / "book.db"
    if content is None:
        with closing(sqlite3.connect(file)) as con:
            con.execute("CREATE TABLE loans (loan_id TEXT)")
            con.commit()
    else:
        file.write_bytes(content)
    assert refusal(UnreadableFile, file).found == "not a DuckDB file"


def test_a_file_that_only_begins_as_duckdb_cannot_be_opened(tmp_path):
    file = tmp_path / "book.duckdb"
    file.write_bytes(bytes(8) + b"DUCK" + bytes(20_000))
    assert refusal(UnreadableFile, file).found.startswith("cannot be opened as a DuckDB file (")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_folder_named_like_a_partition_adds_nothing_to_the_tables(kind, tmp_path):
    book = delivered(kind, tmp_path, ROWS)
    book = book.rename(tmp_path / "recorded_on=2030-01-01")
    with closing(open_tables(book)) as tables:
        assert all(account.n_rejected == 0 and account.ignored == () for account in tables.accounts)
        (customer,) = kept(tables, "customers").to_dict("records")
    assert customer["recorded_on"] == (pd.Timestamp("2020-03-01") - pd.Timestamp("1970-01-01")).days


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["book[1]", "book*", "book?", "book[!2]", "bo[a-z]k1", "**"])
def test_a_folder_named_like_a_pattern_is_read_and_none_that_fits_the_pattern(kind, name, tmp_path):
    book = delivered(kind, tmp_path, ROWS).rename(tmp_path / name)
    shutil.copytree(book, tmp_path / "book1")
    for file in (tmp_path / "book1").iterdir():
        file.write_bytes(b"another book")
    with closing(open_tables(book)) as tables:
        assert kept(tables, "loans")["loan_id"].tolist() == ["L1"]


def loop(file: Path) -> None:
    file.symlink_to(file.name)


#: what stands in the place of a table's file -> what is said of it
NO_FILE = {
    "a folder of parts": (lambda file: (file.mkdir(), (file / "part-0.parquet").write_bytes(b"PAR1")), "a folder"),
    "a pipe": (os.mkfifo, "no regular file"),
    "a loop of links": (loop, "Too many levels of symbolic links"),
    "a link to nothing": (lambda file: file.symlink_to("gone"), "No such file or directory"),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("table", ["loans", "labels"])
@pytest.mark.parametrize("case", NO_FILE)
def test_what_has_the_name_of_a_table_and_is_no_file_is_named_and_never_left_out(case, table, suffix, tmp_path):
    spoil, found = NO_FILE[case]
    book = write(tmp_path / "book")
    (book / f"{table}.csv").unlink()
    spoil(book / f"{table}{suffix}")
    failure = refusal(UnreadableFile, book)
    assert (failure.found, failure.where) == (found, str(book / f"{table}{suffix}"))
    assert found in [fault.found for fault in examine(book).faults], "and the other tables are examined all the same"


def test_a_disk_that_fails_within_a_csv_file_is_named(tmp_path):
    book = write(tmp_path / "book", labels=None)
    (book / "labels.csv").symlink_to("/proc/self/mem")
    assert refusal(UnreadableFile, book).found == "Input/output error"


@pytest.mark.parametrize(("place", "kind"), [("loop", UnreadableFile), ("x" * 300, UnreadableFile), ("a\0b", NoBook),
                                             ("book/loans.csv/x", NoBook), ("pipe", NoBook)])
def test_a_place_that_cannot_be_looked_into_is_named(place, kind, tmp_path):
    write(tmp_path / "book")
    loop(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    assert refusal(kind, tmp_path / place).where == str(tmp_path / place)


@pytest.fixture
def nobody():
    """A folder of its own, and nobody's rights where the tests have all of them."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    os.seteuid(os.getuid())
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("locked", ["", "labels.csv", "labels.parquet", "loans.csv", "book.duckdb"])
def test_what_may_not_be_read_is_named(locked, nobody):
    book = nobody / "book"
    if locked == "book.duckdb":
        delivered("duckdb", nobody, ROWS).rename(book)
    else:
        write(book)
    if locked == "labels.parquet":
        (book / "labels.csv").rename(book / locked)
    place = book if locked == "book.duckdb" else book / locked
    place.chmod(0)
    if os.getuid() == 0:
        os.seteuid(65534)
    failure = refusal(UnreadableFile, book)
    assert (failure.found, failure.where) == ("Permission denied", str(place))
    assert "who may read it" in failure.todo


#: content of customers.csv -> kind of the failure, what is said
SPOILED = {
    "a comma too many on every line": (b"customer_id,name,\nC1,a,\n", BrokenTable, "column 3 of 3 has no name"),
    "commas after the header": (b"customer_id,name,,\nC1,a,,\n", BrokenTable, "column 3 of 4 has no name"),
    "a blank first line": (b"\ncustomer_id,name\nC1,a\n", UnreadableFile, "its first line is blank"),
    "a quote that is never closed in the header": (b'customer_id,"name\nC1,a\nC2,b\n', UnreadableFile,
                                                   "no header line (unexpected end of data)"),
    "a line end in the header": (b'customer_id,"of\r\nold"\nC1,a\n', UnreadableFile, "a line end within a name of the header"),
    "UTF-16 without a mark": ("customer_id,name\nC1,a\n".encode("utf-16-le"), UnreadableFile,
                              "not UTF-8 text (byte 0x00 near line 1)"),
    "UTF-16": ("customer_id,name\nC1,a\n".encode("utf-16"), UnreadableFile, "not UTF-8 text (byte 0xff near line 1)"),
    "Latin-1": ("customer_id,name\nC1,café\n".encode("latin-1"), UnreadableFile, "not UTF-8 text (byte 0xe9 near line 2)"),
    "packed": (gzip.compress(b"customer_id,name\nC1,a\n"), UnreadableFile, "packed with gzip"),
    "semicolons and a comma": (b"customer_id;name;a, b\nC1;a;b\n", BrokenTable, "its columns are separated by ';'"),
    "a value too few": (b"customer_id,name\nC1,a\nC2\n", UnreadableFile, "Line: 3: Expected Number of Columns: 2 Found: 1)"),
    "a value too many": (b"customer_id,name\nC1,a\nC2,b,c\n", UnreadableFile, "Line: 3: Expected Number of Columns: 2 Found: 3)"),
    "a quote that is never closed": (b'customer_id,name\nC1,a\nC2,"b\n', UnreadableFile,
                                     "Line: 3: Value with unterminated quote found.)"),
    "a carriage return in a value": (b"customer_id,name\nC1,a\rb\nC2,b\n", UnreadableFile,
                                     "mixed line ends (a carriage return stands alone within line 2)"),
    "two marks of byte order": (b"\xef\xbb\xbf\xef\xbb\xbfcustomer_id,name\nC1,a\n", BrokenTable,
                                r"column '\ufeffcustomer_id' is not spelt customer_id"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_csv_file_is_named_with_what_is_wrong_in_it(case, tmp_path):
    content, kind, said = SPOILED[case]
    book = write(tmp_path / "book")
    (book / "customers.csv").write_bytes(content)
    failure = refusal(kind, book)
    assert failure.found.endswith(said) and failure.where == str(book / "customers.csv")


def test_quotes_line_ends_and_empty_ends_of_rows_that_csv_allows_are_read(tmp_path):
    book = write(tmp_path / "book")
    (book / "customers.csv").write_bytes(b'customer_id,name,"of,old"\r\nC1,"a, ""b""\nc",x\r\nC2,d,y,\r\n\r\nC3,,\r\n')
    with closing(open_tables(book)) as tables:
        assert kept(tables, "customers")["name"].fillna("").tolist() == ['a, "b"\nc', "d", ""]
        assert str(tables.accounts[0]) == "customers: 3 read = 3 kept + 0 rejected"
        assert tables.accounts[0].ignored == ("of,old",)


@pytest.mark.parametrize(("column", "value", "kind"), [
    ("customer_id", "[customer_id]", "VARCHAR[]"), ("name", "{'a': name}", "STRUCT(a VARCHAR)"),
    ("name", "MAP {name: 1}", "MAP(VARCHAR, INTEGER)"), ("name", "CAST('C1' AS BLOB)", "BLOB"),
    ("founded_on", "[DATE '1990-02-28']", "DATE[]")])
def test_a_column_of_lists_or_bytes_is_refused_where_a_contract_has_it_and_ignored_where_none_has(column, value, kind, tmp_path):
    book = delivered("parquet", tmp_path, ROWS)
    file = book / "customers.parquet"
    for picks in (f"*, {value} AS other", f"* REPLACE ({value} AS {column})"):
        with duckdb.connect() as con:
            con.execute(f"COPY (SELECT {picks} FROM '{file}') TO '{tmp_path}/new.parquet'")
        if picks.endswith("other"):
            (tmp_path / "new.parquet").replace(file)
            open_tables(book).close()
    (tmp_path / "new.parquet").replace(file)
    assert refusal(BrokenTable, book).found == f"{column} is {kind}, not plain values"


def test_a_line_end_in_a_name_leaves_the_failure_on_one_line():
    frames = delivered("frames", Path(), ROWS | {"customers": [{"id": "C1", "a\nb\u2028c": "x"}]})
    assert r"(found: id, a\nb\u2028c)" in str(refusal(BrokenTable, frames))


@pytest.mark.parametrize("memory_gb", [0.0005, 0.003, 0.004, 0.006])
def test_a_book_that_does_not_fit_into_its_memory_is_a_named_failure_wherever_it_stops(memory_gb, tmp_path):
    many = [GOOD["repayments"] | {"instalment": str(i), "due_on": "soon" if i % 2 else "2022-02-28"} for i in range(5_000)]
    book = write(tmp_path / "book", repayments=many)
    with pytest.raises(NotEnoughMemory):
        open_tables(book, tmp_path / "rejects", memory_gb=memory_gb)
    with pytest.raises(NotEnoughMemory):
        raise examine(book, tmp_path / "rejects", memory_gb).faults[0]


def test_two_books_may_be_read_from_one_duckdb_file_at_once(tmp_path):
    file = delivered("duckdb", tmp_path, ROWS)
    with closing(open_tables(file)) as one, closing(open_tables(file)) as two:
        pd.testing.assert_frame_equal(kept(one, "loans"), kept(two, "loans"))
