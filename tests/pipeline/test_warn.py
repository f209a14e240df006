"""`pentad warn` on the tiny book: what it writes, that it closes with the date before, and what it refuses."""

from __future__ import annotations

import csv
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from desk import Desk, the_line
from reports import BEFORE, DAY, FORMULAS, rewritten

from features.catalogue import FEATURES
from features.days import as_day
from models.early_warning import measured
from models.explain import written
from models.triggers import load_triggers
from pipeline.alerts import (
    COLUMNS,
    OUTCOMES,
    NotWarned,
    done_about,
    is_escalated,
    kept_alerts,
    made_of,
    warned_dates,
    warnings_of,
)
from pipeline.explanations import kept_book
from pipeline.outcomes import recorded
from pipeline.settings import load_settings
from pipeline.warn import OutOfTurn, Warned, earlier_snapshot, earlier_than, snapshot_of, warn
from tests.bench.warnings import events_in_frames

LATIN = re.compile(r"[A-Za-z]{3,}")
TRIGGERS = {each.name: each for each in load_triggers(FEATURES)}
MIDDLE = "2024-06-30"
SETTINGS = load_settings()


def warned_on(day: str, folder: Path, out: Path, outcomes: pd.DataFrame | None = None, replace: bool = False) -> Warned:
    return warn(day, folder, out, SETTINGS, recorded(out / "no log") if outcomes is None else outcomes, replace)


@pytest.fixture(scope="module")
def warned(scored_twice, tmp_path_factory) -> Path:
    """Where both dates were warned; nobody may change it."""
    out = tmp_path_factory.mktemp("warned")
    for day in (BEFORE, DAY):
        warned_on(day, scored_twice, out)
    return out


@pytest.fixture
def out(warned, tmp_path) -> Path:
    """A copy that may be spoiled."""
    return shutil.copytree(warned, tmp_path / "warnings")


@pytest.fixture
def folder(scored_twice, tmp_path) -> Path:
    return shutil.copytree(scored_twice, tmp_path / "assignments")


def test_the_rows_of_a_date_are_new_open_or_cleared_and_close_with_those_before(warned):
    then, now = kept_alerts(BEFORE, warned), kept_alerts(DAY, warned)
    assert list(now) == list(COLUMNS) and warned_dates(warned) == [BEFORE, DAY]
    assert len(then) and set(then["status"]) == {"new"} and {"new", "open", "cleared"} == set(now["status"])
    assert set(now.loc[now["status"] != "new", "alert_id"]) == set(then["alert_id"])
    still = now[now["status"] == "open"].set_index("alert_id")
    assert (still["first_seen"] == BEFORE).all() and (still["last_seen"] == DAY).all()
    assert (now.loc[now["status"] == "cleared", "cleared_on"] == DAY).all()
    assert not now.duplicated(["customer_id", "trigger"]).any()


def test_every_alert_stands_on_a_value_that_was_scored_and_a_level_that_is_written(warned, scored_twice):
    book = kept_book(DAY, scored_twice)
    values = pd.DataFrame(book.values, book.assignments["customer_id"], book.features)
    said = book.assignments.set_index("customer_id")
    alerts = kept_alerts(DAY, warned)
    rules = alerts[(alerts["source"] == "rule") & (alerts["status"] != "cleared")]
    assert len(rules) > 5
    for alert in rules.itertuples():
        trigger = TRIGGERS[alert.trigger]
        assert alert.value == values.loc[alert.customer_id, trigger.measure] and trigger.compared == "value"
        assert (alert.owner, alert.escalation_zh) == (trigger.owner.name_en, trigger.escalation.name_zh)
        assert f": {written(alert.value, trigger.unit, 'en')} (" in alert.reasons_en
    told = alerts[(alerts["trigger"] == "risk_probability") & (alerts["status"] != "cleared")]
    assert set(told["customer_id"]) >= set(said.index[said["p_risk"] >= 0.3])
    for alert in told.itertuples():
        assert alert.value == said.loc[alert.customer_id, "p_risk"]
        if said.loc[alert.customer_id, "type"] == "risk":
            assert alert.reasons_en.endswith(f"speaks for it: {said.loc[alert.customer_id, 'reasons_en']}")
            assert alert.reasons_zh.endswith(said.loc[alert.customer_id, "reasons_zh"])


def test_the_same_inputs_give_the_same_bytes(warned, scored_twice, tmp_path):
    for day in (BEFORE, DAY):
        assert not warned_on(day, scored_twice, tmp_path).already_there
        assert warnings_of(day, tmp_path).read_bytes() == warnings_of(day, warned).read_bytes()
        assert warned_on(day, scored_twice, tmp_path).already_there


def test_other_warnings_of_a_date_are_replaced_only_with_leave(out, folder, capsys, tmp_path):
    def worse(rows, values, contributions, features):
        values[:, features.index("days_past_due")] = 45.0
        return rows, values, contributions, features

    rewritten(folder, BEFORE, worse)
    desk, where = Desk(tmp_path), ["--assignments", folder, "--out", out]
    before = warnings_of(BEFORE, out).read_bytes()
    assert desk.run("warn", "--as-of", BEFORE, *where) == 16
    assert "other early warnings of this date. Use --replace" in the_line(capsys)
    assert warnings_of(BEFORE, out).read_bytes() == before
    assert desk.run("warn", "--as-of", BEFORE, *where, "--replace") == 0
    assert f"note: {DAY} was warned from what stood here before; warn it again" in capsys.readouterr().out
    assert desk.run("warn", "--as-of", DAY, *where) == 16  # its own alerts before are others now


def test_a_date_between_is_refused_and_then_the_dates_after_it_are(out, folder):
    shutil.copytree(folder / f"as_of={BEFORE}", folder / f"as_of={MIDDLE}")
    with pytest.raises(OutOfTurn, match=f"{DAY} was warned already, and not from {MIDDLE}") as found:
        warned_on(MIDDLE, folder, out)
    assert found.value.exit_code == 68 and warned_dates(out) == [BEFORE, DAY]
    assert warned_on(MIDDLE, folder, out, replace=True).later == (DAY,)
    later = "2025-01-31"
    shutil.copytree(folder / f"as_of={DAY}", folder / f"as_of={later}")
    with pytest.raises(OutOfTurn, match=f"{DAY} was warned from other alerts than those that stand before it now"):
        warned_on(later, folder, out)
    warned_on(DAY, folder, out, replace=True)
    assert made_of(DAY, out)["before"].startswith(MIDDLE)
    assert warned_on(later, folder, out).before == DAY


def test_a_month_that_was_left_out_keeps_alerts_open_from_the_day_they_were_first_seen(warned):
    still = kept_alerts(DAY, warned).query("status == 'open'")
    assert len(still) and still["history"].str.fullmatch(rf"{BEFORE} \S+ \S+; {DAY} \S+ \S+").all()


@pytest.mark.parametrize(("days", "since"), [
    (["2025-09-30", "2025-10-01"], "2025-09-30"), (["2025-06-30", "2025-10-31"], "2025-06-30"), (["2024-12-30"], None),
    (["2024-12-31"], "2024-12-31"), ([], None), (["2026-01-31"], None)])
def test_changes_are_measured_against_a_date_three_to_twelve_months_back(days, since):
    assert earlier_than("2025-12-31", days, 3) == since


def test_without_an_earlier_date_changes_are_said_not_to_be_looked_at(scored_twice, tmp_path):
    found = warned_on(BEFORE, scored_twice, tmp_path)
    assert found.since is None and found.before is None
    assert {name for name, each in TRIGGERS.items() if each.compared == "change"} <= set(found.unmeasured)
    assert "no date was scored from 3 to 12 months before" in found.text("en") and "没有评分日期" in found.text("zh")
    assert not kept_alerts(BEFORE, tmp_path)["trigger"].isin(found.unmeasured).any()


def test_what_another_model_said_is_not_compared_but_what_was_measured_is(scored_twice):
    now, then = kept_book(DAY, scored_twice), kept_book(BEFORE, scored_twice)
    other = replace(then, assignments=then.assignments.assign(model_version="9 (another)"))
    assert list(earlier_snapshot(then, now)) == [*then.features, "p_risk", "is_risk", "p_churn", "is_churn"]
    assert list(earlier_snapshot(other, now)) == list(then.features)
    rise = TRIGGERS["risk_rise"]
    assert measured(rise, snapshot_of(now), earlier_snapshot(other, now)) is None
    assert measured(rise, snapshot_of(now), earlier_snapshot(then, now)).notna().any()


def test_what_the_book_has_no_table_for_is_named(scored_twice, tmp_path):
    found = warned_on(DAY, scored_twice, tmp_path)
    assert {"downgrade", "line_exhausted", "rate_complaint", "default_near"} <= set(found.unmeasured)
    assert "past_due" not in found.unmeasured


def test_what_has_been_done_stands_beside_an_alert_from_its_first_day_to_the_date(scored_twice, tmp_path):
    warned_on(BEFORE, scored_twice, tmp_path)
    who, other = kept_alerts(BEFORE, tmp_path)["customer_id"].drop_duplicates().iloc[:2]
    outcomes = pd.DataFrame([
        (who, DAY, "offer", "rate cut", "Li"), (who, BEFORE, "contacted", "", "Wang"), (who, "2023-12-30", "contacted", "", "x"),
        (who, "2025-01-01", "kept", "", "x"), ("nobody", DAY, "kept", "", "x")], columns=list(OUTCOMES))
    warned_on(DAY, scored_twice, tmp_path, outcomes)
    alerts = kept_alerts(DAY, tmp_path)
    for alert in alerts[alerts["customer_id"] == who].itertuples():
        expected = f"{DAY} offer: rate cut (Li)"
        assert alert.done == (f"{BEFORE} contacted (Wang); {expected}" if alert.first_seen == BEFORE else expected)
    assert (alerts.loc[alerts["customer_id"] == other, "done"] == "").all()
    assert done_about(alerts[:0], outcomes, DAY) == []


def test_an_alert_is_escalated_when_nothing_was_done_about_it_by_its_day(out, warned, scored_twice, tmp_path):
    alerts = kept_alerts(DAY, warned).set_index("alert_id")
    days = {1: 60, 2: 30, 3: 14}
    for alert in alerts.itertuples():
        assert as_day(alert.escalates_on) == as_day(alert.first_seen) + days[alert.severity]
    late = is_escalated(alerts)
    assert (late == ((alerts["status"] == "open") & (alerts["first_seen"] == BEFORE))).all(), "a year passed since then"
    assert late.any() and not is_escalated(kept_alerts(BEFORE, warned)).any()
    who = alerts.loc[late, "customer_id"].iloc[0]
    visit = pd.DataFrame([(who, DAY, "contacted", "", "Wang")], columns=list(OUTCOMES))
    found = warned_on(DAY, scored_twice, out, visit, replace=True).alerts.set_index("alert_id")
    assert (is_escalated(found) == (late & (alerts["customer_id"] != who))).all(), "late, but done"
    on_the_day = alerts[late].assign(as_of=alerts["escalates_on"])
    assert not is_escalated(on_the_day).any(), "the day itself is still the owner's"


def test_the_list_says_whose_an_escalated_alert_is_now(out, scored_twice, tmp_path, capsys):
    late = kept_alerts(DAY, out).loc[is_escalated, :]
    where = ["--as-of", DAY, "--assignments", scored_twice, "--out", out, "--top", "1000"]
    assert Desk(tmp_path).run("warn", *where) == 0
    said = capsys.readouterr().out
    one = late.iloc[0]
    assert f"  {one['escalation']}, as nothing was done by {one['escalates_on']}; before: {one['owner']}; done: nothing" in said
    assert said.count(", as nothing was done by ") == len(late)
    for kind in ("risk", "churn"):
        assert re.search(rf"(?m)^{kind}: .* cleared; {(late['list'] == kind).sum()} escalated$", said)


@pytest.mark.parametrize("spoil", ["cut", "text", "column", "gone"])
def test_warnings_that_cannot_be_read_are_named(out, folder, spoil):
    file = warnings_of(BEFORE, out)
    if spoil == "column":
        pd.read_parquet(file).drop(columns="level").to_parquet(file)
    elif spoil == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:200] if spoil == "cut" else b"text")
    with pytest.raises(NotWarned) as found:
        kept_alerts(BEFORE, out)
    assert found.value.exit_code == 67 and str(out) in str(found.value)


def run(scored_twice, tmp_path, *more) -> int:
    return Desk(tmp_path).run("warn", "--as-of", DAY, "--assignments", scored_twice, "--out", tmp_path / "out", *more)


def test_the_command_prints_an_account_and_the_gravest_alerts(scored_twice, tmp_path, capsys):
    assert run(scored_twice, tmp_path, "--list", "risk", "--top", "2") == 0
    said = capsys.readouterr().out
    alerts = kept_alerts(DAY, tmp_path / "out")
    opened = alerts[alerts["status"] != "cleared"]
    risk = opened[opened["list"] == "risk"]
    n_risk = len(risk)
    assert f"{DAY}: {len(alerts)} alerts = {len(opened)} new + 0 still open + 0 cleared; no date was warned before" in said
    assert f"risk: {n_risk} alerts open of {risk['customer_id'].nunique()} customers (" in said
    assert said.count("if nothing is done by ") == 2 and f"... and {n_risk - 2} more" in said and "churn /" not in said
    assert run(scored_twice, tmp_path, "--top", "1000") == 0
    grades = re.findall(r"\[(high|medium|low), ", capsys.readouterr().out)
    assert len(grades) == len(opened) and grades == sorted(grades, key=("high", "medium", "low").index)


def test_the_list_is_chinese_where_chinese_is_asked_for(scored_twice, tmp_path, capsys):
    assert run(scored_twice, tmp_path, "--language", "zh", "--top", "1000") == 0
    lines = capsys.readouterr().out.split("\n\n")[1].splitlines()
    assert len(lines) > 10
    for line in lines:
        assert not LATIN.search(re.sub(r"^\S+  (风险|流失) / \S+", "", line)), line


def test_the_manager_stands_beside_the_role_and_changes_no_file(scored_twice, tmp_path, capsys):
    assert run(scored_twice, tmp_path) == 0
    stored = warnings_of(DAY, tmp_path / "out").read_bytes()
    who = kept_alerts(DAY, tmp_path / "out")["customer_id"].iloc[0]
    (tmp_path / "managers.csv").write_text(f"customer_id,manager\n{who},李娜\n", encoding="utf-8")
    capsys.readouterr()
    assert run(scored_twice, tmp_path, "--managers", tmp_path / "managers.csv", "--top", "1000") == 0
    said = capsys.readouterr().out
    assert "(李娜); if nothing is done" in said and "unchanged" in said
    assert warnings_of(DAY, tmp_path / "out").read_bytes() == stored


@pytest.mark.parametrize(("content", "said"), [
    (None, "not readable"), (b"\xff\xfe\x00", "not readable"), (b"", "no column customer_id"),
    (b"customer_id\nA\n", "no column manager"), (b"customer_id,manager\nA,x\nA,y\n", "customer A twice, again on line 3")])
def test_a_broken_file_of_managers_is_named_and_nothing_is_written(content, said, scored_twice, tmp_path, capsys):
    file = tmp_path / "managers.csv"
    if content is not None:
        file.write_bytes(content)
    assert run(scored_twice, tmp_path, "--managers", file) == 74
    line = the_line(capsys)
    assert said in line and str(file) in line and not (tmp_path / "out").exists()


def test_a_date_that_was_not_scored_is_named(scored_twice, tmp_path, capsys):
    assert Desk(tmp_path).run("warn", "--as-of", "2024-01-31", "--assignments", scored_twice, "--out", tmp_path / "out") == 58
    assert "nobody was scored as of 2024-01-31" in the_line(capsys)


def test_exported_alerts_hold_no_formula_and_are_those_of_the_file(folder, tmp_path, capsys):
    hostile = iter([*FORMULAS] * 10)

    def renamed(rows, values, contributions, features):
        names = [f"{next(hostile)} {place}" for place in range(len(rows))]
        return rows.assign(customer_id=names), values, contributions, features

    rewritten(folder, DAY, renamed)
    for suffix in ("csv", "xlsx"):
        assert run(folder, tmp_path, "--export", tmp_path / f"alerts.{suffix}") == 0
    alerts = kept_alerts(DAY, tmp_path / "out")
    with (tmp_path / "alerts.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read(), newline="")))
    assert [row["alert_id"] for row in rows] == alerts["alert_id"].tolist() and "manager" in rows[0]
    assert not any(re.match(r"[\s\u200b-\u200f\u2060\ufeff]*[=+@＝＋＠]", row["customer_id"]) for row in rows)
    sheet = openpyxl.load_workbook(tmp_path / "alerts.xlsx").active
    assert sheet.max_row == len(alerts) + 1 and not any(cell.data_type == "f" for row in sheet for cell in row)
    assert run(folder, tmp_path, "--export", tmp_path / "alerts.pdf") == 2
    assert "--export needs a name that ends in .csv or .xlsx" in capsys.readouterr().err


def frame(rows: dict[str, tuple[float, ...]]) -> pd.DataFrame:
    columns = ["n_active_loans", "days_past_due_max_24m", "days_past_due_max_3m", "exposure_growth_12m_ratio",
               "new_lending_share_12m"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("customer_id").reset_index()


def test_the_bench_counts_first_events_of_those_who_had_none_before():
    days, nan = ["2025-01-31", "2025-02-28", "2025-03-31"], float("nan")
    frames = {
        days[0]: frame({"late": (1, 29, 0, 0, 0), "was": (1, 30, 0, 0, 0), "left": (1, 0, 0, -0.4, 0),
                        "idle": (0, 0, 0, nan, nan)}),
        days[1]: frame({"late": (1, 30, 30, 0, 0), "was": (1, 60, 60, 0, 0), "left": (1, 0, 0, -0.6, 0.1)}),
        days[2]: frame({"late": (1, 60, 60, -0.5, 0), "was": (0, 60, 0, nan, nan), "left": (1, 0, 0, -0.6, nan),
                        "new": (1, 90, 90, 0, 1)})}
    found = events_in_frames(frames, days)
    assert found["risk"].dropna().to_dict() == {"late": as_day(days[1])} and set(found["risk"].index) == {"late", "left"}
    assert found["churn"].dropna().to_dict() == {"left": as_day(days[2]), "was": as_day(days[2])}
    assert set(found["churn"].index) == {"late", "was", "left"}
