"""`pentad monitor`: a book that has drifted is told from one that has not, moves add up, and a scheduler is told by a code."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from desk import Desk, the_line, tiny_book, write_book, write_settings

from features.sources import open_tables
from pipeline.categories import COLUMNS, unseen
from pipeline.monitor import Alarm
from pipeline.monitor_words import KINDS_ZH, WORDS, told
from pipeline.settings import load_settings
from pipeline.tracking import REFERENCE_TAG, load

LEARNT, EARLIER, LATER = "2024-06-30", "2024-11-30", "2024-12-31"


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Desk:
    """A desk with two models; the first has scored two dates."""
    root = tmp_path_factory.mktemp("monitor")
    desk, book = Desk(root), write_book(tiny_book(), root / "book")
    desk.settings = write_settings(root, least_rows="20")
    assert desk.train(book) == 0
    desk.settings = write_settings(root, least_rows="20", n_trees="40", depth="4", seed="3")
    assert desk.train(book) == 0
    for day in (EARLIER, LATER):
        assert desk.score(book, "--model", "1", as_of=day) == 0
    return desk


def monitor(desk: Desk, tmp_path, book=None, *more, as_of: str = LATER, assignments=None) -> tuple[int, dict | None]:
    """Run the command; returns its exit code and what it wrote."""
    out = tmp_path / "found.json"
    code = desk.run("monitor", "--data", book or desk.folder / "book", "--rejects", desk.rejects, "--as-of", as_of, "--out", out,
                    "--assignments", assignments or desk.out, "--replace", *more)
    return code, json.loads(out.read_text(encoding="utf-8")) if out.exists() else None


def kinds(found: dict) -> set[str]:
    return {alarm["kind"] for alarm in found["alarms"]}


def spoiled(tmp_path, **changes):
    """The tiny book with columns of its tables replaced: ``loans=lambda rows: rows``."""
    tables = tiny_book()
    return write_book(tables | {name: change(tables[name].copy()) for name, change in changes.items()}, tmp_path / "book")


def test_the_book_that_was_learnt_from_has_not_drifted_from_itself(watched, tmp_path, capsys):
    code, found = monitor(watched, tmp_path, None, "--model", "1", "--strict", as_of=LEARNT)
    assert code == 0 and found["alarms"] == []
    drift = found["drift"]
    assert drift["types"]["now"] == drift["types"]["then"] and sum(drift["types"]["now"]) == found["n_customers"] == 53
    assert all(one["shift"]["psi"] == 0 and one["missing_now"] == one["missing_then"] for one in drift["features"])
    assert all(one["n_below"] == one["n_above"] == 0 for one in drift["features"])
    chance = drift["chance_per_test"]
    assert 4 * len(drift["features"]) * chance["feature"] + chance["types"] + 4 * chance["performance"] == pytest.approx(0.01)
    assert found["migration"] is None and "alarms: none" in capsys.readouterr().out


def test_amounts_in_cents_and_payments_that_stop_are_named(watched, tmp_path):
    book = spoiled(tmp_path, loans=lambda rows: rows.assign(
        committed_amount=rows["committed_amount"].str.replace(".", "") + ".00"))
    _, found = monitor(watched, tmp_path, book, "--model", "1", as_of=LEARNT)
    assert ("psi", "exposure_committed") in {(alarm["kind"], alarm["about"]) for alarm in found["alarms"]}
    unpaid = spoiled(tmp_path / "unpaid", repayments=lambda rows: rows.assign(
        **{name: rows[name].where(rows["due_on"] < "2024-03-01", "") for name in ("paid_on", "amount_paid")}))
    _, found = monitor(watched, tmp_path, unpaid, "--model", "1", as_of=LEARNT)
    named = {alarm["about"] for alarm in found["alarms"]}
    assert any("past_due" in name or "overdue" in name for name in named), named


def test_a_strict_run_ends_with_a_code_of_its_own_and_has_written_what_it_found(watched, tmp_path, capsys):
    book = spoiled(tmp_path, loans=lambda rows: rows.assign(product="revolver"))
    assert monitor(watched, tmp_path, book, "--model", "1", as_of=LEARNT)[0] == 0
    capsys.readouterr()
    code, found = monitor(watched, tmp_path, book, "--model", "1", "--strict", as_of=LEARNT)
    assert code == 69 and "unseen" in kinds(found)
    assert "AlarmRaised: as of 2024-06-30: " in the_line(capsys).replace("pentad: ", "")
    (tmp_path / "found.json").write_text("mine", encoding="utf-8")
    given = ("monitor", "--data", book, "--rejects", watched.rejects, "--as-of", LEARNT, "--out", tmp_path / "found.json",
             "--assignments", watched.out, "--model", "1")
    assert watched.run(*given) == 16
    capsys.readouterr()
    assert watched.run(*given, "--strict") == 69, "the alarm is told first, though the file may not be replaced"
    assert "unseen" in (line := the_line(capsys)) and "other findings of this date" in line and "--replace" in line
    assert (tmp_path / "found.json").read_text(encoding="utf-8") == "mine"
    (alarm,) = (alarm for alarm in found["alarms"] if alarm["kind"] == "unseen")
    assert (alarm["about"], alarm["found"]) == ("loans.product", 1.0)


def test_values_that_training_never_saw_are_counted_by_column(watched, tmp_path):
    reference = load("1", load_settings(watched.settings).tracking).reference
    book = spoiled(tmp_path, customers=lambda rows: rows.assign(industry=["water", "", *["steel"] * 58], country="CN"),
                   loans=lambda rows: rows.assign(product=["guarantee"] * 3 + ["term"] * 57))
    with closing(open_tables(book)) as tables:
        assert unseen(tables, reference) == {"customers.country": 60, "customers.industry": 1, "loans.product": 3}
    with closing(open_tables(watched.folder / "book")) as tables:
        assert unseen(tables, reference) == {}
    assert ("loans", "currency") in COLUMNS and ("customers", "name") not in COLUMNS and ("loans", "guarantor_id") not in COLUMNS


def test_the_same_book_and_model_have_moved_by_what_the_customers_did_alone(watched, tmp_path):
    _, found = monitor(watched, tmp_path)
    moved = found["migration"]
    adds_up(moved)
    assert (moved["since"], moved["model_then"]) == (EARLIER, moved["model_now"])
    for step in ("data_corrected", "model_changed"):
        assert not any(sum(row.values()) for row in moved["matrix"]["n"][step].values())
    types = [pd.read_parquet(watched.partition(day)).set_index("customer_id")["type"] for day in (EARLIER, LATER)]
    cells = pd.crosstab(types[0].reindex(types[0].index.union(types[1].index)).fillna("new"), types[1].reindex(
        types[0].index.union(types[1].index)).fillna("gone"))
    for before, row in moved["matrix"]["n"]["all"].items():
        assert all(n == (cells.loc[before, now] if before in cells.index and now in cells else 0) for now, n in row.items())


def test_a_book_that_is_not_the_one_scored_is_told_with_what_to_do(watched, tmp_path, capsys):
    late = spoiled(tmp_path, repayments=lambda rows: rows.assign(paid_on=rows["due_on"].where(rows["paid_on"] != "", "")))
    capsys.readouterr()
    _, found = monitor(watched, tmp_path, late)
    assert found["is_other_book"]
    assert "another delivery than the one that was scored" in (said := capsys.readouterr().out) and f"score {LATER} again" in said
    monitor(watched, tmp_path, late, "--language", "zh")
    assert f"请先重新评分 {LATER}" in capsys.readouterr().out
    for as_of in (LATER, "2024-12-30"):  # the one scored, and a date that nobody scored
        _, found = monitor(watched, tmp_path, as_of=as_of)
        assert not found["is_other_book"] and "another delivery" not in capsys.readouterr().out


def test_corrections_and_another_model_are_told_from_the_customers(watched, tmp_path, capsys):
    late = spoiled(tmp_path, repayments=lambda rows: rows.assign(paid_on=rows["due_on"].where(rows["paid_on"] != "", "")))
    (tmp_path / "desk").mkdir()
    other = Desk(tmp_path / "desk")
    other.settings = watched.settings
    assert other.score(watched.folder / "book", "--model", "1", as_of=EARLIER) == 0
    assert other.score(late, "--model", "2", as_of=LATER) == 0
    capsys.readouterr()
    _, found = monitor(watched, tmp_path, late, assignments=other.out)
    moved, said = found["migration"], capsys.readouterr().out
    adds_up(moved)
    assert not found["is_other_book"]  # what was scored last is this book; the earlier date was another delivery
    assert "by cause, everybody once" in said and "all moves at each step, also of those who moved on or back" in said
    n = {step: sum(sum(row.values()) for row in each["n"].values()) - sum(each["n"][k].get(k, 0) for k in each["n"])
         for step, each in moved["steps"].items()}
    assert n["data_corrected"] >= 5  # the late payers had paid on time
    corrected = [move for move in moved["moves"] if move["step"] == "data_corrected" and move["before"] == "risk"]
    assert corrected and any("late" in name or "on_time" in name for move in corrected for name in move["carriers"])
    assert moved["model_then"].startswith("1 ") and moved["model_now"].startswith("2 ")


def adds_up(moved: dict) -> None:
    for what in ("n", "cents"):
        cells = moved["matrix"][what]
        for before, row in cells["all"].items():
            for now, whole in row.items():
                if before != now:
                    assert whole == sum(cells[step][before][now] for step in cells if step != "all")
        for row in moved["bridge"][what].values():
            assert row["then"] + sum(row[step] for step in moved["steps"]) == row["now"]


def test_labels_that_arrive_later_are_held_against_what_was_promised(watched, tmp_path):
    desk, day = Desk(tmp_path), "2025-03-31"
    desk.settings = watched.settings
    types = pd.read_parquet(watched.partition())[["customer_id", "type"]]
    wrong = {kind: other for kind, other in zip(("risk", "churn", "strategic", "growth", "stable"),
                                               ("stable", "risk", "churn", "strategic", "growth"))}
    for given, is_alarm in ((lambda kind: wrong[kind], True), (lambda kind: kind, False)):
        tables = tiny_book()
        labels = [{"customer_id": who, "as_of": day, "type": given(kind), "analyst": "a1", "labelled_on": "2025-04-30"}
                  for who, kind in types.itertuples(index=False)]
        tables["labels"] = pd.concat([tables["labels"], pd.DataFrame(labels)])
        book = write_book(tables, tmp_path / f"book_{is_alarm}")
        assert desk.score(book, "--model", "1", "--restate", "again", as_of=day) == 0
        _, found = monitor(desk, tmp_path, book, as_of=day, assignments=desk.out)
        performance = found["drift"]["performance"]
        n_active = len(pd.read_parquet(desk.partition(day)))
        assert (performance["n"], performance["first"], performance["last"]) == (n_active, day, day)
        assert ("performance" in kinds(found)) is is_alarm
        assert set(performance["found"]) == set(performance["promised"]) >= {"accuracy", "macro_f1", "log_loss", "expected_cost"}
    _, found = monitor(watched, tmp_path)
    assert found["drift"]["performance"] is None  # every label is about a date that training knew


def test_labels_about_dates_that_were_not_scored_are_counted_and_told(watched, tmp_path, capsys):
    who = pd.read_parquet(watched.partition())["customer_id"]
    labels = [{"customer_id": one, "as_of": day, "type": "stable", "analyst": "a1", "labelled_on": "2025-03-31"}
              for day in ("2025-02-15", "2025-02-20", "2025-03-15") for one in who]
    book = write_book(tiny_book() | {"labels": pd.concat([tiny_book()["labels"], pd.DataFrame(labels)])}, tmp_path / "book")
    capsys.readouterr()
    _, found = monitor(watched, tmp_path, book, "--model", "1", as_of="2025-02-28")
    assert found["drift"]["performance"] is None
    assert found["drift"]["labels_not_scored"] == {"n": 2 * len(who), "first": "2025-02-15", "last": "2025-02-20"}
    assert f"{2 * len(who)} labels about later dates (2025-02-15 to 2025-02-20) do not count" in capsys.readouterr().out
    monitor(watched, tmp_path, book, "--model", "1", "--language", "zh", as_of="2025-02-28")
    assert f"{2 * len(who)} 个关于之后日期（2025-02-15 至 2025-02-20）的标签未计入" in capsys.readouterr().out
    _, found = monitor(watched, tmp_path, None, "--model", "1", as_of="2025-02-28")
    assert found["drift"]["labels_not_scored"] is None


def test_an_old_model_is_told(watched, tmp_path):
    desk = Desk(tmp_path)
    desk.settings = watched.settings.with_name("aged.toml")
    desk.settings.write_text(watched.settings.read_text(encoding="utf-8").replace("age_limit_days = 365", "age_limit_days = 183"),
                             encoding="utf-8")
    for day, is_old in (("2024-12-30", False), ("2024-12-31", True)):  # 183 and 184 days after 2024-06-30
        _, found = monitor(desk, tmp_path, watched.folder / "book", "--model", "1", as_of=day)
        assert ("age" in kinds(found)) is is_old


def test_a_model_without_a_reference_is_told_in_a_line_and_its_moves_are_shown(watched, tmp_path, capsys):
    shutil.copytree(watched.folder, tmp_path / "old")
    desk = Desk(tmp_path / "old")
    desk.settings = write_settings(tmp_path / "old", least_rows="20")
    store = sqlite3.connect(tmp_path / "old" / "store" / "mlflow.db")
    with store:
        store.execute("delete from model_version_tags where key = ?", (REFERENCE_TAG,))
    store.close()
    capsys.readouterr()
    code, found = monitor(desk, tmp_path, None, "--strict")
    captured = capsys.readouterr()
    assert code == 69 and kinds(found) == {"no_reference"} and found["drift"] is None and found["migration"]
    (line,) = (line for line in captured.out.splitlines() if "no_reference" in line)
    assert "train anew" in line


def test_an_altered_reference_is_a_broken_model(watched, tmp_path, capsys):
    shutil.copytree(watched.folder, tmp_path / "altered")
    desk = Desk(tmp_path / "altered")
    for file in (tmp_path / "altered").rglob("training_reference.json"):
        file.write_text(file.read_text(encoding="utf-8").replace('"2024-05-31"', '"2024-05-30"'), encoding="utf-8")
    capsys.readouterr()
    assert monitor(desk, tmp_path)[0] == 41
    assert "not the training reference that was registered" in the_line(capsys)


def test_the_same_is_written_twice_and_another_is_refused(watched, tmp_path, capsys):
    _, first = monitor(watched, tmp_path)
    given = ("monitor", "--data", watched.folder / "book", "--rejects", watched.rejects, "--as-of", LATER, "--out",
             tmp_path / "found.json", "--assignments", watched.out)
    capsys.readouterr()
    assert watched.run(*given) == 0
    assert f"unchanged: {tmp_path / 'found.json'}" in capsys.readouterr().out
    (tmp_path / "found.json").write_text("mine", encoding="utf-8")
    assert watched.run(*given) == 16
    assert "other findings of this date" in the_line(capsys)


def test_it_is_said_in_either_language(watched, tmp_path, capsys):
    capsys.readouterr()
    monitor(watched, tmp_path, None, "--since", EARLIER)
    said = capsys.readouterr().out
    assert "month-ends up to 2024-06-30" in said and "since 2024-11-30" in said
    assert "as of 2024-12-31, of those gone as of 2024-11-30" in said  # whose amounts stand in brackets
    monitor(watched, tmp_path, None, "--language", "zh")
    assert "对照截至 2024-06-30 的" in (zh := capsys.readouterr().out) and "客户变化" in zh
    assert "括号内为 2024-12-31 的" in zh and "退出者为 2024-11-30 的" in zh


@pytest.mark.parametrize(("alarm", "en", "zh"), [
    (Alarm("missing", "tenure_months", -0.071, 0.05),
     ("missing: tenure_months (months since ", ": -7.1 percentage points since training, limit 5.0"),
     ("缺失：tenure_months（与本行合作的时间）", "-7.1 个百分点，界限 5.0 个百分点")),
    (Alarm("types", "risk", 0.102, 0.05), ("types: ", "risk most: +10.2 percentage points"),
     ("类型占比：", "风险型变动最大：", "+10.2 个百分点")),
    (Alarm("unseen", "loans.product", 0.5, 0.01), ("unseen: loans.product has", "50.0%"), ("新取值：loans.product 有 50.0%",)),
    (Alarm("age", "", 400, 365), ("age: the model is 400 days old",), ("模型年龄：模型已 400 天",))])
def test_an_alarm_is_told_by_its_kind_and_what_it_is_about(alarm, en, zh):
    for language, parts in (("en", en), ("zh", zh)):
        line = told(alarm, language)
        assert line.startswith(parts[0]) and all(part in line for part in parts), line


def test_every_kind_of_alarm_has_a_word_in_chinese():
    kinds = {key.removeprefix("alarm.") for key in WORDS["en"] if key.startswith("alarm.")}
    assert kinds == set(KINDS_ZH) and set(WORDS["zh"]) == set(WORDS["en"])
    assert not any(word.isascii() for word in KINDS_ZH.values())


@pytest.mark.parametrize(("more", "code", "line"), [
    (("--since", LATER), 47, "2024-12-31 is not before 2024-12-31"),
    (("--since", "2024-01-31"), 58, "nobody was scored as of 2024-01-31"),
    (("--model", "9"), 52, "no model pentad under '9'")])
def test_what_cannot_be_compared_is_said(watched, tmp_path, capsys, more, code, line):
    capsys.readouterr()
    assert monitor(watched, tmp_path, None, *more)[0] == code
    assert line in the_line(capsys)
