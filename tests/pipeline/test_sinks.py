"""Assignments in a database: all rows of a revision with their manifest, or none; on a real DuckDB file and a real server."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi
from desk import Desk, the_line
from reports import DAY

from features.errors import OutputExists
from features.sources import databases
from features.sources.databases import DatabaseRefused, NoSuchTable
from pipeline import sinks
from pipeline.explanations import scoring_of
from pipeline.revisions import Revision
from pipeline.sinks import ASSIGNED, HOLDING, SCORINGS


@pytest.fixture(params=["duckdb", "postgresql"])
def empty(request, tmp_path) -> str:
    """The address of a database without a table."""
    if request.param == "duckdb":
        return f"duckdb:{tmp_path}/kept/sink.duckdb"
    server = request.getfixturevalue("postgres")
    with dbapi.connect(server, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    return server


@pytest.fixture
def sink(empty) -> str:
    sinks.init(empty)
    return empty


@pytest.fixture
def revision(scored) -> Revision:
    return scoring_of(DAY, scored.out)


def asked(address: str, sql: str) -> pd.DataFrame:
    if address.startswith("duckdb:"):
        with duckdb.connect(address.removeprefix("duckdb:"), read_only=True) as con:
            return con.execute(sql).df()
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table().to_pandas()


def count(address: str, table: str) -> int:
    return int(asked(address, f"SELECT count(*) AS n FROM {table}")["n"][0])


def again(revision: Revision, number: int) -> Revision:
    """The same files as another revision."""
    return Revision(revision.folder, number, dict(revision.manifest) | {"revision": number}, f"{number}" * 64)


def test_every_row_arrives_as_it_is_in_the_file_beside_the_manifest(sink, revision):
    assert sinks.write(sink, revision) is False
    rows = asked(sink, f"SELECT * FROM {ASSIGNED} ORDER BY customer_id")
    file = pd.read_parquet(revision.file("assignments.parquet"))
    assert set(rows["revision"]) == {1} and {str(day)[:10] for day in rows["as_of"]} == {DAY}
    assert set(rows.columns) == {*file.columns, "revision"}
    shared = [column for column in file.columns if column != "as_of"]
    pd.testing.assert_frame_equal(rows[shared], file[shared], check_exact=True, check_dtype=False)
    scoring = asked(sink, f"SELECT * FROM {SCORINGS}").iloc[0]
    assert (scoring["manifest_sha256"], scoring["n_scored"]) == (revision.sha256, len(file))
    assert '"restates": null' in scoring["manifest"]


def test_a_rerun_finds_it_there_and_a_restatement_is_what_holds(sink, revision):
    assert [sinks.write(sink, revision) for _ in range(2)] == [False, True]
    n = count(sink, ASSIGNED)
    assert sinks.write(sink, again(revision, 2)) is False
    assert count(sink, ASSIGNED) == 2 * n and count(sink, HOLDING) == n
    assert set(asked(sink, f"SELECT revision FROM {HOLDING}")["revision"]) == {2}


def test_other_assignments_under_the_same_number_are_refused(sink, revision):
    sinks.write(sink, revision)
    with pytest.raises(OutputExists, match="other assignments as of 2024-12-31, revision 1"):
        sinks.write(sink, Revision(revision.folder, 1, revision.manifest, "f" * 64))


def test_what_fails_in_the_middle_leaves_nothing(sink, revision, monkeypatch):
    whole = sinks._batches

    def broken(*arguments):
        batches = list(whole(*arguments))
        twice = [*batches, *batches]  # the second time every key is there already
        return pa.RecordBatchReader.from_batches(batches[0].schema, iter(twice))

    monkeypatch.setattr(sinks, "_batches", broken)
    with pytest.raises(DatabaseRefused):
        sinks.write(sink, revision)
    assert count(sink, SCORINGS) == 0 and count(sink, ASSIGNED) == 0
    monkeypatch.undo()
    assert sinks.write(sink, revision) is False


def test_the_tables_are_made_once_and_what_they_hold_stays(sink, revision):
    sinks.write(sink, revision)
    sinks.init(sink)
    assert count(sink, SCORINGS) == 1 and count(sink, ASSIGNED) > 0


def test_a_database_without_tables_says_how_to_make_them(empty, revision):
    with pytest.raises(NoSuchTable, match="pentad sink init"):
        sinks.write(empty, revision)


def test_keys_and_indexes_are_there(postgres):
    sinks.init(postgres)
    names = set(asked(postgres, "SELECT indexname FROM pg_indexes WHERE tablename LIKE 'pentad%'")["indexname"])
    assert names == {f"{SCORINGS}_pkey", f"{ASSIGNED}_pkey", f"{ASSIGNED}_customer", f"{ASSIGNED}_type"}
    links = asked(postgres, "SELECT conname FROM pg_constraint WHERE contype = 'f'")["conname"]
    assert list(links) == [f"{ASSIGNED}_as_of_revision_fkey"]


def test_of_four_at_once_one_writes_and_the_others_find_it_there(postgres, revision):
    with dbapi.connect(postgres, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {ASSIGNED}, {SCORINGS} CASCADE")
    sinks.init(postgres)
    found = []
    threads = [threading.Thread(target=lambda: found.append(sinks.write(postgres, revision))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found) == [False, True, True, True]
    assert count(postgres, SCORINGS) == 1 and count(postgres, ASSIGNED) == revision.manifest["customers"]["scored"]


def test_a_table_that_somebody_else_has_locked_is_waited_for_so_long_and_no_longer(postgres, revision, monkeypatch):
    with dbapi.connect(postgres, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {ASSIGNED}, {SCORINGS} CASCADE")
    sinks.init(postgres)
    monkeypatch.setattr(databases, "LOCK_SECONDS", 1)
    with dbapi.connect(postgres) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {ASSIGNED} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseRefused, match="lock timeout"):
            sinks.write(postgres, revision)
        connection.rollback()
    assert count(postgres, SCORINGS) == count(postgres, ASSIGNED) == 0
    assert not sinks.write(postgres, revision), "it is written when the lock is gone"


@pytest.mark.parametrize("address", ["postgresql://clerk:secret@localhost:1/bank?connect_timeout=1",
                                     "duckdb:{here}/a_file/x.duckdb", "duckdb:{here}/a_file"])
def test_a_database_that_cannot_be_reached_is_named_without_the_password(address, revision, tmp_path):
    (tmp_path / "a_file").write_text("mine", encoding="utf-8")
    with pytest.raises(DatabaseRefused) as failed:
        sinks.write(address.format(here=tmp_path), revision)
    assert "secret" not in str(failed.value) and "The Parquet files are whole" in str(failed.value)
    assert (tmp_path / "a_file").read_text(encoding="utf-8") == "mine"


def test_scoring_writes_to_the_sink_after_the_files_and_a_sink_that_is_down_costs_them_nothing(trained, book, tmp_path, capsys):
    desk = Desk(tmp_path)
    desk.settings = trained.settings
    address = f"duckdb:{tmp_path}/sink.duckdb"
    assert desk.score(book, "--model", "1", "--sink", address) == 65
    assert "no tables for assignments" in the_line(capsys)
    assert desk.partition().exists()
    assert desk.run("sink", "init", address) == 0
    for said in ("written", "unchanged"):
        capsys.readouterr()
        assert desk.score(book, "--model", "1", "--sink", address) == 0
        assert f"{said}: {address}" in capsys.readouterr().out
    assert count(address, HOLDING) == len(pd.read_parquet(desk.partition()))


def test_what_is_no_database_is_a_wrong_use(trained, book, capsys):
    with pytest.raises(SystemExit) as stopped:
        trained.score(book, "--model", "1", "--sink", "sqlite:///x")
    assert stopped.value.code == 2 and "is no database" in capsys.readouterr().err
    assert not Path("x").exists()
