"""Revisions of a scored date: whole or not there, never changed, and told of when they are not what was written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import killing
import pytest
from desk import the_line
from killing import DAY, NEW, OLD, write

from features.errors import OutputExists
from pipeline.output import sha256
from pipeline.revisions import CURRENT, MANIFEST, DamagedRevision, commit, current, dates, place_of, staging


def told(what: str, folder: Path) -> list[dict]:
    """The lines of a run of killing.py."""
    done = subprocess.run([sys.executable, killing.__file__, what, folder], capture_output=True, text=True,
                          env={"PYTHONPATH": ":".join(filter(None, sys.path))})
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def kills(tmp_path_factory) -> list[dict]:
    return told("kill", tmp_path_factory.mktemp("kills"))


@pytest.mark.parametrize("restating", [False, True])
def test_killed_at_any_step_a_reader_sees_the_old_or_the_new_and_never_a_mix(restating, kills):
    of = [kill for kill in kills if kill["restating"] is restating]
    old, new = ("old", "new") if restating else (None, "old")
    seen = [kill["seen"] for kill in of]
    assert len(of) > 15 and set(seen) == {old, new}
    assert seen == sorted(seen, key=lambda found: found == new), "once it is there it stays"
    assert [kill["lived"] for kill in of] == [False] * (len(of) - 1) + [True]


@pytest.mark.parametrize("restating", [False, True])
def test_after_any_kill_the_rerun_gives_the_same_bytes_and_nothing_else_is_left(restating, kills):
    of = [kill for kill in kills if kill["restating"] is restating]
    number = 2 if restating else 1
    names = sorted([CURRENT, *(f"revision={n}/{name}" for n in range(1, number + 1)
                               for name in ("a.parquet", "b.parquet", MANIFEST))])
    for kill in of:
        assert kill["files"] == of[-1]["files"] and sorted(kill["files"]) == names, kill["step"]
        assert kill["again"][0] == number and kill["then"] == ("new" if restating else "old")
    assert of[-1]["again"] == [number, True]


def test_of_eight_at_once_one_commits_and_the_others_say_so(tmp_path):
    same, several = told("race", tmp_path)
    assert sorted(same["codes"]) == [0] + [1] * 7 and same["seen"] == "old"
    assert sorted(several["codes"]) == [0] + [2] * 7
    assert several["seen"] == f"{several['codes'].index(0):03d}"
    for each in (same, several):
        assert sorted(each["files"]) == [CURRENT, "revision=1/a.parquet", "revision=1/b.parquet", f"revision=1/{MANIFEST}"]


def test_other_content_is_refused_without_a_reason_and_with_one_a_revision_that_names_the_one_it_restates(tmp_path):
    assert write(tmp_path, OLD) == (1, False) and write(tmp_path, OLD) == (1, True)
    first = current(tmp_path, DAY)
    with pytest.raises(OutputExists, match="revision 1.*--restate REASON"):
        write(tmp_path, NEW)
    assert write(tmp_path, NEW, "payments were booked late") == (2, False)
    second = current(tmp_path, DAY)
    assert second.manifest["restates"] == {"revision": 1, "manifest": first.sha256}
    assert second.manifest["reason"] == "payments were booked late" and first.manifest["restates"] is None
    assert first.file("a.parquet").read_bytes() == OLD * killing.SIZE, "who read it before goes on reading it"
    assert write(tmp_path, OLD, "they were not") == (3, False)
    assert dates(tmp_path) == [DAY]


def test_the_reason_of_a_first_revision_is_none(tmp_path):
    write(tmp_path, OLD, "just in case")
    assert (current(tmp_path, DAY).manifest["reason"], current(tmp_path, DAY).manifest["restates"]) == ("", None)


def test_a_run_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), staging(tmp_path, DAY) as staged:
        (staged / "a.parquet").write_bytes(OLD)
        raise ZeroDivisionError
    assert not place_of(tmp_path, DAY).exists() and current(tmp_path, DAY) is None and dates(tmp_path) == []


def test_a_run_does_not_sweep_away_what_another_is_writing(tmp_path):
    with staging(tmp_path, DAY) as ours:
        (ours / "a.parquet").write_bytes(OLD)
        write(tmp_path, NEW)
        assert (ours / "a.parquet").read_bytes() == OLD
        with pytest.raises(OutputExists):
            commit(ours, {"as_of": DAY}, "")
    assert sorted(path.name for path in place_of(tmp_path, DAY).iterdir()) == [CURRENT, "revision=1"]


def damage(kind: str, place: Path) -> None:
    first = place / "revision=1"
    content = bytearray((first / "a.parquet").read_bytes())
    content[7] ^= 1
    {"bit": lambda: (first / "a.parquet").write_bytes(content), "torn": lambda: (first / "a.parquet").write_bytes(content[:-1]),
     "gone": (first / "a.parquet").unlink, "manifest": lambda: (first / MANIFEST).write_text("{}", encoding="utf-8"),
     "forged": lambda: (first / MANIFEST).write_text((first / MANIFEST).read_text().replace('"reason": ""', '"reason": "x"')),
     "no manifest": (first / MANIFEST).unlink, "pointer": lambda: (place / CURRENT).write_bytes(b"\xff\xfe"),
     "pointer to nothing": lambda: (place / CURRENT).write_text("7 0\n"),
     "empty pointer": lambda: (place / CURRENT).write_text(""),
     }[kind]()


@pytest.mark.parametrize("kind", ["bit", "torn", "gone", "manifest", "forged", "no manifest", "pointer", "pointer to nothing",
                                  "empty pointer"])
def test_what_is_not_what_was_written_is_not_read(kind, tmp_path):
    write(tmp_path, OLD)
    damage(kind, place_of(tmp_path, DAY))
    with pytest.raises(DamagedRevision):
        current(tmp_path, DAY).file("a.parquet")


@pytest.mark.parametrize("kind", ["bit", "torn", "gone", "pointer", "pointer to nothing", "empty pointer"])
def test_scoring_the_same_again_puts_damaged_files_back(kind, tmp_path):
    write(tmp_path, OLD)
    before = current(tmp_path, DAY)
    damage(kind, place_of(tmp_path, DAY))
    assert write(tmp_path, OLD) == (1, True)
    found = current(tmp_path, DAY)
    assert found == before and sha256(found.file("a.parquet")) == before.manifest["files"]["a.parquet"]["sha256"]


@pytest.mark.parametrize("kind", ["manifest", "no manifest"])
def test_a_revision_without_a_manifest_is_restated_and_not_overwritten(kind, tmp_path):
    write(tmp_path, OLD)
    damage(kind, place_of(tmp_path, DAY))
    with pytest.raises(DamagedRevision):
        write(tmp_path, OLD)
    assert write(tmp_path, OLD, "the manifest was lost") == (2, False)
    assert current(tmp_path, DAY).manifest["restates"] == {"revision": 1, "manifest": ""}
    assert place_of(tmp_path, DAY).joinpath("revision=1").exists()


def test_the_cli_names_a_damaged_date(tmp_path, capsys):
    from pipeline.cli import main

    assert main(["explain", "C000", "--as-of", "2024-12-31", "--assignments", str(tmp_path)]) == 58
    (place_of(tmp_path, DAY)).mkdir()
    (place_of(tmp_path, DAY) / CURRENT).write_text("one\n")
    capsys.readouterr()
    assert main(["explain", "C000", "--as-of", "2024-12-31", "--assignments", str(tmp_path)]) == 62
    assert "it names no revision" in the_line(capsys)
