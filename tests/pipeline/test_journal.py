"""The record of a scoring run and its log, what they say and never say; and scoring while the tracking store is down."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from desk import Desk, the_line, tiny_book, write_book
from hypothesis import given
from hypothesis import strategies as st

from features.contracts import CONTRACTS
from pipeline.cli import main
from pipeline.closing import Closing, NotClosed, must_close
from pipeline.explanations import scoring_of
from pipeline.journal import Journal
from pipeline.stopping import Terminated

DAY = "2024-12-31"
NAMES = [f"Ünïque Holding {chr(65 + i % 26)}{i}" for i in range(60)]


@pytest.fixture
def named_book(tmp_path):
    """The tiny book with names, a customer that breaks a rule, and loans that do, one of them without a readable amount."""
    tables = tiny_book()
    customers, loans = tables["customers"].assign(name=NAMES), tables["loans"]
    customers = pd.concat([customers, customers.iloc[[0]].assign(customer_id="", name="Nobody & Co")], ignore_index=True)
    odd = loans.iloc[[0, 1]].assign(loan_id=["X1", "X2"], customer_id=["C000", "C777"], committed_amount=["a lot", "12.34"])
    tables |= {"customers": customers, "loans": pd.concat([loans, odd], ignore_index=True)}
    return write_book(tables, tmp_path / "named")


@pytest.fixture
def own(trained, tmp_path) -> Desk:
    """A desk of its own with the trained store, and settings that tolerate the rejected rows."""
    desk = Desk(tmp_path)
    text = re.sub(r"(?m)^reject_share_limit = .*$", "reject_share_limit = 0.1", trained.settings.read_text(encoding="utf-8"))
    desk.settings.write_text(re.sub(r"(?m)^shelf = .*$", f'shelf = "{tmp_path}/shelf"', text), encoding="utf-8")
    return desk


def record_of(desk: Desk) -> dict:
    """The last record of the desk's runs."""
    return json.loads(max((desk.folder / "records").iterdir(), key=lambda file: file.stat().st_mtime_ns).read_text("utf-8"))


def test_the_record_tells_a_scheduler_what_happened(own, named_book, capsys):
    assert own.score(named_book, "--model", "1") == 0
    record, manifest = record_of(own), scoring_of(DAY, own.out)
    assert (record["job"], record["exit_code"], record["error"], record["as_of"]) == ("score", 0, None, DAY)
    assert record["started_at"] <= record["ended_at"] and 0 < record["seconds"] < 600
    assert list(record["steps"]) == ["model", "opened", "measured", "explained", "committed"]
    assert sum(record["steps"].values()) <= record["seconds"] + 0.01
    assert record["tables"]["loans"] == {"read": 62, "kept": 60, "rejected": 2}
    assert {name: record[name] for name in ("customers", "promised")} == {
        name: manifest.manifest[name] for name in ("customers", "promised")}
    assert (record["revision"], record["manifest_sha256"], record["already_there"]) == (1, manifest.sha256, False)
    assert record["versions"]["pandas"] == pd.__version__ and record["versions"]["numpy"] == np.__version__
    assert any("rows of loans set aside" in warning for warning in record["warnings"])
    assert f"record: {own.folder}/records/score-" in capsys.readouterr().out


def test_rows_and_money_close_with_rejected_rows_and_these_are_kept_with_their_reasons(own, named_book, capsys):
    assert own.score(named_book, "--model", "1") == 0
    out, manifest = capsys.readouterr().out, scoring_of(DAY, own.out)
    loans = pd.read_csv(named_book / "loans.csv", dtype=str)
    promised = sum(round(float(amount) * 100) for amount in loans["committed_amount"] if amount != "a lot")
    told, customers = {name: round(float(amount) * 100) for name, amount in manifest.manifest["promised"].items()}, \
        manifest.manifest["customers"]
    assert told["read"] == promised == told["scored"] + told["rejected"] + told["out"]
    assert told["rejected"] == 1234 and manifest.manifest["rejected_loans_without_amount"] == 1
    assert customers["read"] == 61 == customers["scored"] + customers["rejected"] + customers["out"]
    scored = set(pd.read_parquet(own.partition())["customer_id"])
    of_scored = loans[loans["customer_id"].isin(scored) & ~loans["loan_id"].str.startswith("X")]
    assert told["scored"] == sum(round(float(amount) * 100) for amount in of_scored["committed_amount"])
    assert "61 customers = " in out and "+ 1 rejected" in out and "1 rejected loans have no readable amount" in out
    rejected = pd.read_parquet(manifest.file("rejected.parquet"))
    assert list(zip(rejected["table"], rejected["key"])) == [("customers", ""), ("loans", "X1"), ("loans", "X2")]
    assert rejected["reason"].tolist() == [
        "customer_id is empty", "committed_amount is not an amount",
        "customer_id is not a kept row of customers"]
    assert json.loads(rejected["row"][1])["committed_amount"] == "a lot"


def test_beyond_the_bound_of_rejected_rows_the_run_stops_and_the_record_says_why(own, named_book, capsys):
    own.settings.write_text(own.settings.read_text(encoding="utf-8").replace("reject_share_limit = 0.1",
                                                                              "reject_share_limit = 0.01"), encoding="utf-8")
    assert own.score(named_book, "--model", "1") == 13
    record = record_of(own)
    assert record["exit_code"] == 13 and record["error"]["name"] == "TooManyRejects"
    assert record["error"]["line"] in capsys.readouterr().err
    assert not own.out.joinpath(f"as_of={DAY}").exists()


def test_no_name_of_a_customer_stands_in_the_output_the_log_or_the_record(own, named_book, capfd):
    assert own.score(named_book, "--model", "1", "--log-json") == 0
    said = capfd.readouterr()
    text = said.out + said.err + json.dumps(record_of(own), ensure_ascii=False)
    assert not [name for name in [*NAMES, "Nobody & Co"] if name in text]


def test_the_log_is_json_line_by_line_from_start_to_end(own, book, capfd):
    assert own.score(book, "--model", "1", "--log-json") == 0
    events = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [event["event"] for event in events][:2] == ["started", "told"] and events[-1]["event"] == "ended"
    assert events[-1]["exit_code"] == 0 and [event["step"] for event in events if event["event"] == "step"] == [
        "model", "opened", "committed"]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)


def test_values_that_training_never_saw_are_counted_and_the_run_goes_on(own, tmp_path, capsys):
    tables = tiny_book()
    tables["customers"].loc[[3, 8, 11], "industry"] = ["wood", "wood", "paper"]
    assert own.score(write_book(tables, tmp_path / "other"), "--model", "1") == 0
    assert "note: 3 rows have a value of customers.industry that training never saw" in capsys.readouterr().out
    assert record_of(own)["unseen_categories"] == {"customers.industry": 3}


def test_a_word_of_another_kind_in_an_open_column_is_counted_and_sets_no_row_aside(own, tmp_path, capsys):
    tables = tiny_book()
    who, loans = tables["customers"]["customer_id"], tables["loans"]["loan_id"]
    tables["customers"] = tables["customers"].assign(ownership=["municipal", "state"] * 30)
    tables["loans"] = tables["loans"].assign(security=["pledge", "none"] * 30)
    is_due = tables["repayments"]["paid_on"] == ""
    tables["repayments"] = tables["repayments"].assign(superseded_on=np.where(is_due, "2024-12-01", ""),
                                                       superseded_by=np.where(is_due, "an error", ""))
    changed = pd.DataFrame({"loan_id": loans, "changed_on": "2024-06-30", "cause": "regulator"})
    tables["limits"], tables["rates"] = changed.assign(committed_amount="1000000.00"), changed.assign(annual_rate="0.04")
    tables["contacts"] = pd.DataFrame({"customer_id": who, "contact": "1", "contacted_on": "2024-05-31", "kind": "fair"})
    assert {(table, column.name) for table, contract in CONTRACTS.items() for column in contract.columns if column.is_open} == {
        ("customers", "ownership"), ("loans", "security"), ("repayments", "superseded_by"), ("limits", "cause"),
        ("rates", "cause"), ("contacts", "kind")}
    assert own.score(write_book(tables, tmp_path / "other"), "--model", "1") == 0
    record, out = record_of(own), capsys.readouterr().out
    assert {name: one["rejected"] for name, one in record["tables"].items()} == dict.fromkeys(tables, 0)
    assert record["unknown_words"] == {
        "customers.ownership": 30, "loans.security": 30, "repayments.superseded_by": int(is_due.sum()), "limits.cause": 60,
        "rates.cause": 60, "contacts.kind": 60}
    assert ("  note: ownership has another word than state, foreign, private in 30 rows of customers; "
            "there it counts as unknown\n") in out
    assert own.run("validate", "--data", tmp_path / "other") == 0
    assert "note: cause has another word than renegotiation, index, schedule in 60 rows of rates; there it counts as unknown" in (
        capsys.readouterr().out)


def test_customers_whose_loans_were_set_aside_are_counted_and_marked(own, tmp_path, capsys):
    tables = tiny_book()
    loans = tables["loans"]
    odd = loans.iloc[[3, 3]].assign(loan_id=["X1", "X2"], customer_id=["C003", " C003 "], product="lease")
    loans.loc[7, "product"] = "lease"
    tables["loans"] = pd.concat([loans, odd], ignore_index=True)
    assert own.score(write_book(tables, tmp_path / "odd"), "--model", "1") == 0
    out, record, scoring = capsys.readouterr().out, record_of(own), scoring_of(DAY, own.out)
    rows = pd.read_parquet(own.partition()).set_index("customer_id")["n_loans_rejected"]
    assert rows[rows > 0].to_dict() == {"C003": 2} and "C007" not in rows
    assert record["with_a_rejected_loan"] == scoring.manifest["with_a_rejected_loan"] == {"scored": 1, "out": 1}
    assert "out of scope (no active loan; 1 of them have a rejected one)" in out
    for said in ("1 scored customers have a rejected loan and were judged without it (n_loans_rejected)",
                 "1 customers out of scope have a rejected loan, which may be an active one"):
        assert f"note: {said}\n" in out and said in record["warnings"]


def test_of_a_book_without_rejected_loans_nothing_is_said_of_them(own, book):
    assert own.score(book, "--model", "1") == 0
    record = record_of(own)
    assert record["with_a_rejected_loan"] == {"scored": 0, "out": 0} and record["warnings"] == []
    assert (pd.read_parquet(own.partition())["n_loans_rejected"] == 0).all()


def test_a_run_without_a_log_says_nothing_on_stderr(own, book, capfd):
    assert own.score(book, "--model", "1") == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("error", "code"), [(None, 0), (KeyboardInterrupt(), 130), (Terminated(), 143), (ValueError("odd"), 1),
                                             (NotClosed("a", "b", "c"), 63)])
def test_the_record_is_written_however_the_run_ends(error, code, tmp_path):
    journal = Journal("score", {"as_of": DAY}, tmp_path, None)
    try:
        with journal:
            journal.step("one")
            if error:
                raise error
    except BaseException as raised:
        assert raised is error
    record = json.loads(journal.path.read_text(encoding="utf-8"))
    assert record["exit_code"] == code and (record["error"] is None) == (error is None)


def test_a_run_that_is_told_to_stop_ends_in_good_order_and_its_record_says_so(own, book):
    command = [sys.executable, "-m", "pipeline.cli", "--settings", own.settings, "score", "--data", book, "--as-of", DAY,
               "--model", "1", "--out", own.out, "--rejects", own.rejects, "--log-json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        while '"step": "opened"' not in run.stderr.readline():
            assert run.poll() is None
        run.send_signal(signal.SIGTERM)
        said = run.stderr.read().splitlines()
    assert run.returncode == 143 and said[-1] == "pentad: told to stop (SIGTERM); nothing was half written"
    record = record_of(own)
    assert record["exit_code"] == json.loads(said[-2])["exit_code"] == 143
    assert record["error"] == {"name": "Terminated", "line": "The job was told to stop (SIGTERM)."}
    assert not own.out.joinpath(f"as_of={DAY}").exists(), "what was staged is gone"


QUERY = """
import os, signal, threading, duckdb
from pipeline.stopping import Terminated, stoppable
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
try:
    with stoppable():
        duckdb.sql("SELECT sum(hash(range)) AS n FROM range(1000000000)").create("t")  # some seconds
except Terminated as told:
    print(type(told.__cause__).__name__)
"""


def test_a_query_that_is_told_to_stop_is_no_failure_of_the_engine():
    said = subprocess.run([sys.executable, "-c", QUERY], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("RuntimeError\n", "")


def test_a_record_that_cannot_be_written_is_an_error_of_its_own_and_hides_no_other(own, book, tmp_path, capsys):
    (tmp_path / "a_file").write_text("mine", encoding="utf-8")
    assert own.score(book, "--model", "1", "--records", tmp_path / "a_file") == 56
    assert f"UnwritableOutput: {tmp_path}/a_file" in the_line(capsys)
    assert own.partition().exists(), "what was scored stays"
    assert own.score(book, "--model", "77", "--records", tmp_path / "a_file") == 52
    assert "NoModel" in the_line(capsys)


CLOSED = Closing(10, 6, 1, 3, 1000, 700, 100, 200, 0, 2, 1)
NOT_IN_THE_SUM = ("n_loans_without", "n_scored_short", "n_out_short")


def test_a_closing_that_closes_is_let_pass():
    must_close(CLOSED, 6)


@given(st.sampled_from([name for name in vars(CLOSED) if name not in NOT_IN_THE_SUM]), st.integers(-5, 5).filter(bool))
def test_a_closing_that_is_off_anywhere_by_a_row_or_a_cent_stops_the_run(name, by):
    with pytest.raises(NotClosed, match="Nothing was written"):
        must_close(replace(CLOSED, **{name: getattr(CLOSED, name) + by}), 6)


def test_a_scored_customer_that_the_book_does_not_know_stops_the_run():
    with pytest.raises(NotClosed, match=r"\(5 scored ones are known\)"):
        must_close(CLOSED, 5)


@pytest.fixture
def down(own):
    """Make the store unreachable for the desk: its database is no database any more."""
    def broken() -> None:
        text = own.settings.read_text(encoding="utf-8")
        (own.folder / "no.db").write_text("not a database, but long enough to be read as one" * 40, encoding="utf-8")
        own.settings.write_text(re.sub(r"(?m)^uri = .*$", f'uri = "sqlite:///{own.folder}/no.db"', text), encoding="utf-8")
    return broken


def test_the_store_being_down_costs_scoring_nothing_and_is_said(own, book, down, capsys):
    assert own.score(book, "--model", "challenger") == 0
    first = own.partition().read_bytes()
    down()
    capsys.readouterr()
    assert own.score(book, "--model", "challenger", as_of="2024-11-30") == 0
    out = capsys.readouterr().out
    assert "note: the tracking store does not answer" in out and "which was challenger when the store last answered" in out
    assert own.score(book, "--model", "challenger") == 0
    assert "unchanged: revision 1" in capsys.readouterr().out and own.partition().read_bytes() == first
    record = record_of(own)
    assert record["from_shelf"] is True and any("does not answer" in warning for warning in record["warnings"])


def test_a_store_that_accepts_connections_and_never_answers_costs_seconds(own, book, capsys):
    assert own.score(book, "--model", "1") == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = own.settings.read_text(encoding="utf-8")
        own.settings.write_text(re.sub(r"(?m)^uri = .*$", f'uri = "http://127.0.0.1:{silent.getsockname()[1]}"', text), "utf-8")
        capsys.readouterr()
        began = time.monotonic()
        assert own.score(book, "--model", "1") == 0
    assert time.monotonic() - began < 60
    assert "note: the tracking store does not answer" in capsys.readouterr().out


def test_a_model_that_was_never_asked_for_cannot_come_from_the_shelf(own, book, down, capsys):
    assert own.score(book, "--model", "challenger") == 0
    down()
    capsys.readouterr()
    assert own.score(book, "--model", "champion") == 54
    assert "StoreUnavailable" in the_line(capsys)


@pytest.mark.parametrize("name", ["model.ubj", "segmenter.json", "twin_2/model.ubj"])
def test_a_model_on_the_shelf_that_is_not_the_registered_one_is_not_used(name, own, book, down, capsys):
    assert own.score(book, "--model", "1") == 0
    (place,) = own.folder.joinpath("shelf").glob("version=1 *")
    content = bytearray((place / name).read_bytes())
    content[len(content) // 2] ^= 4
    (place / name).write_bytes(content)
    down()
    capsys.readouterr()
    assert own.score(book, "--model", "1", as_of="2024-11-30") == 41
    assert "BrokenModel" in the_line(capsys)


def test_a_command_can_be_called_from_another_thread():
    ended = []
    thread = threading.Thread(target=lambda: ended.append(main(["exit-codes"])))
    thread.start()
    thread.join()
    assert ended == [0]
