"""Promotion and rollback from end to end, on a synthetic book large enough for the gate."""

from __future__ import annotations

import pytest
from desk import Desk, the_line, write_settings

from pipeline.cli import main
from pipeline.settings import load_settings
from pipeline.tracking import champion_version, history


def champion(desk: Desk) -> str:
    return champion_version(load_settings(desk.settings).tracking)


def promote(desk: Desk, *more: str) -> int:
    return desk.run("promote", "--by", "committee", "--reason", "better on new customers", *more)


@pytest.fixture(scope="module")
def ready(tmp_path_factory) -> tuple[Desk, object]:
    """A desk with a model of a synthetic book, which nothing stands against."""
    root = tmp_path_factory.mktemp("promote")
    book = root / "book"
    assert main(["simulate", "--customers", "900", "--months", "36", "--seed", "3", "--out", str(book)]) == 0
    desk = Desk(root)
    desk.settings = write_settings(root, n_trees="80", n_folds="3")
    assert desk.train(book) == 0
    return desk, book


def test_the_gate_opens_once_then_asks_for_something_better_and_a_rollback_needs_a_champion_before(ready, capsys):
    desk, book = ready
    capsys.readouterr()
    assert promote(desk) == 0 and champion(desk) == "1"
    assert capsys.readouterr().out == "champion is now version 1\n"
    assert desk.run("rollback", "--by", "me", "--reason", "r") == 52
    assert "no champion before this one" in the_line(capsys)
    assert promote(desk) == 45
    assert "it is the champion already" in the_line(capsys)

    assert desk.train(book) == 0  # the same model again
    said = capsys.readouterr().out
    assert "\ngate: its log loss is not better than that of champion 1 beyond the interval" in said
    assert "\nchampion 1  " in said  # it stands among the contenders
    assert promote(desk) == 45
    assert "not better than that of champion 1" in the_line(capsys) and champion(desk) == "1"

    desk.crown("2")
    assert champion(desk) == "2"
    assert desk.run("rollback", "--by", "risk desk", "--reason", "complaints") == 0
    assert capsys.readouterr().out == "champion is again version 1\n" and champion(desk) == "1"
    assert desk.run("rollback", "--by", "me", "--reason", "r") == 52, "what was rolled back is not the champion before"
    events = history(load_settings(desk.settings).tracking)
    assert [(e["what"], e["version"], e["by"], e["reason"]) for e in events] == [
        ("promoted", "1", "committee", "better on new customers"), ("promoted", "2", "tests", "for the tests"),
        ("rolled back to", "1", "risk desk", "complaints")]
    assert all(e["at"].endswith("+00:00") for e in events)


def test_evidence_edited_in_the_store_promotes_nobody(ready, capsys):
    desk, _ = ready
    file = max(desk.folder.glob("store/artifacts/*/artifacts/segmenter/evidence.json"), key=lambda f: f.stat().st_mtime)
    whole = file.read_text(encoding="utf-8")
    try:
        file.write_text(whole.replace('"n_seen": 0', '"n_seen": 1'), encoding="utf-8")
        capsys.readouterr()
        before = champion(desk)
        assert promote(desk) == 44
        assert "not the evidence that was registered" in the_line(capsys) and champion(desk) == before
    finally:
        file.write_text(whole, encoding="utf-8")


def test_sixty_customers_are_too_few_and_every_objection_is_named_in_one_line(trained, capsys):
    before = champion(trained)
    capsys.readouterr()
    assert promote(trained, "--model", "1") == 45
    line = the_line(capsys)
    assert "labelled rows are too few to judge it, 100 are needed" in line and "log loss is not better than that of" in line
    assert champion(trained) == before
