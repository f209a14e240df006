"""A reviewer's override: recorded once and for all, and a label of the next training."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace

import pandas as pd
import pytest
from desk import Desk, ten_scored, the_line

from features.sources import open_tables
from pipeline.labels import analyst_labels
from pipeline.override import START, BrokenLog, as_labels, override, read
from pipeline.settings import load_settings


@pytest.fixture
def scored(trained, book, tmp_path) -> Desk:
    """A desk with an empty log beside a scored book."""
    if not trained.partition().exists():
        assert trained.score(book, "--model", "1") == 0
    desk = Desk(tmp_path)
    desk.out = trained.out
    return desk


def say(desk: Desk, who: str, kind: str, *more: str, as_of: str = "2024-12-31") -> int:
    return desk.run("override", who, "--as-of", as_of, "--type", kind, "--by", "reviewer_1", "--reason", "met the owner",
                    "--assignments", desk.out, *more)


def log_of(desk: Desk):
    return desk.folder / "overrides.jsonl"


def other_than(desk: Desk, who: str) -> str:
    assigned = pd.read_parquet(desk.partition()).set_index("customer_id").loc[who, "type"]
    return "churn" if assigned != "churn" else "stable"


def test_who_when_why_and_instead_of_what_are_recorded(scored, capsys):
    kind = other_than(scored, "C000")
    assert say(scored, "C000", kind) == 0
    assert f"C000 as of 2024-12-31: {kind} instead of" in capsys.readouterr().out
    (entry,) = read(log_of(scored))
    assigned = pd.read_parquet(scored.partition()).set_index("customer_id").loc["C000"]
    assert (entry.customer_id, entry.as_of, entry.type, entry.instead_of) == ("C000", "2024-12-31", kind, assigned["type"])
    assert (entry.by, entry.reason, entry.model_version) == ("reviewer_1", "met the owner", assigned["model_version"])
    assert entry.data_fingerprint == assigned["data_fingerprint"] and entry.previous_sha256 == START
    assert pd.Timestamp(entry.at).tz is not None


def test_an_override_is_a_label_of_the_next_training(scored, book, capsys):
    assert say(scored, "C001", other_than(scored, "C001")) == 0
    capsys.readouterr()
    assert scored.train(book) == 0
    said = capsys.readouterr().out
    assert f"overrides: 1 read from {log_of(scored)}, 0 of them in place of the reviewer's earlier label" in said
    assert "labels: 121 by 2 analysts on 120 customers and dates; several labelled 1 of them and disagree on 1" in said
    assert "overrides: 1 customers and dates have the type of a reviewer" in said
    (last,) = read(log_of(scored))
    store = load_settings(scored.settings).tracking.uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(store)) as kept:
        assert kept.execute("select value from tags where key = 'overrides'").fetchall() == [(f"1 {last.sha256}",)]


def test_the_reviewers_last_word_is_what_is_learnt_and_is_never_tested_on(scored, book):
    kind = other_than(scored, "C002")
    assert say(scored, "C002", kind, as_of="2024-12-31") == 0
    settings = load_settings(scored.settings)
    with closing(open_tables(book)) as tables:
        labelled = analyst_labels(tables, None, settings, lambda _: None)
    row = labelled.rows.set_index(["customer_id", "as_of"]).loc[("C002", "2024-12-31")]
    assert row["type"] == kind and row["is_override"] and labelled.rows["is_override"].sum() == 1
    assert scored.train(book) == 0
    (report,) = scored.folder.glob("store/artifacts/*/artifacts/report.json")
    read_back = json.loads(report.read_text(encoding="utf-8"))
    assert "1 overridden rows not tested on" in read_back["splits"]["description"]


def test_a_reviewers_later_word_counts_and_both_stay_in_the_log(scored):
    first = other_than(scored, "C002")
    assigned = pd.read_parquet(scored.partition()).set_index("customer_id").loc["C002", "type"]
    second = next(kind for kind in ("risk", "growth", "strategic") if kind not in (first, assigned))
    assert say(scored, "C002", first) == 0 and say(scored, "C002", second) == 0
    entries = read(log_of(scored))
    assert [entry.type for entry in entries] == [first, second]
    assert as_labels(entries)["type"].tolist() == [second]


@pytest.mark.parametrize(("who", "as_of", "says"), [
    ("X999", "2024-12-31", "customer X999 was not scored as of 2024-12-31"),
    ("C000", "2023-01-31", "nobody was scored as of 2023-01-31")])
def test_what_was_never_assigned_cannot_be_overridden(scored, capsys, who, as_of, says):
    assert say(scored, who, "risk", as_of=as_of) == 58
    assert says in the_line(capsys) and not log_of(scored).exists()


def test_agreeing_with_the_model_is_no_override(scored, capsys):
    assigned = pd.read_parquet(scored.partition()).set_index("customer_id").loc["C003", "type"]
    assert say(scored, "C003", assigned) == 58
    assert f"customer C003 is {assigned} already" in the_line(capsys)


def three_in(desk: Desk) -> list[str]:
    for who in ("C004", "C005", "C009"):
        assert say(desk, who, other_than(desk, who)) == 0
    return log_of(desk).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("spoil", [
    lambda lines: [lines[0].replace("reviewer_1", "reviewer_2"), *lines[1:]], lambda lines: [lines[0], lines[2]],
    lambda lines: [lines[1], lines[0], lines[2]], lambda lines: lines[1:], lambda lines: [*lines[:2], lines[2][:-9]],
    lambda lines: [*lines, lines[2]], lambda lines: [*lines[:2], lines[2].replace("reviewer_1", "reviewer_2")]],
    ids=["changed", "taken out", "swapped", "first taken out", "torn", "repeated", "last one changed"])
def test_a_log_that_did_more_than_grow_stops_overrides_and_training(scored, book, capsys, spoil):
    lines = spoil(three_in(scored))
    log_of(scored).write_text("\n".join(lines) + "\n", encoding="utf-8")
    capsys.readouterr()
    assert say(scored, "C007", other_than(scored, "C007")) == BrokenLog.exit_code == 57
    assert "was changed, or one before it was" in the_line(capsys)
    assert log_of(scored).read_text(encoding="utf-8").splitlines() == lines, "nothing may have been added"
    assert scored.train(book) == 57


def test_an_override_of_a_stranger_is_refused_at_training(scored, book, capsys):
    assert say(scored, "C008", other_than(scored, "C008")) == 0
    (entry,) = read(log_of(scored))
    entry = replace(entry, customer_id="X999")
    entry = replace(entry, sha256=entry.own_sha256)
    log_of(scored).write_text(json.dumps(asdict(entry)) + "\n", encoding="utf-8")
    assert scored.train(book) == 0
    assert "refused: 1 of customers that the book does not have; X999 as of 2024-12-31" in capsys.readouterr().out


def _many(name: str, folder, log) -> None:
    for i in range(10):
        override(f"C{i:03d}", "2024-12-31", "risk" if name == "a" else "churn", name, "r", folder, log)


def test_two_at_once_write_one_whole_chain(tmp_path):
    out = ten_scored(tmp_path / "assignments")
    log = tmp_path / "log.jsonl"
    both = [multiprocessing.get_context("spawn").Process(target=_many, args=(name, out, log)) for name in "ab"]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0]
    entries = read(log)
    assert len(entries) == 20 and len(as_labels(entries)) == 20
