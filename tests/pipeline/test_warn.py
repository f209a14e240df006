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
    kept_alerts,
    made_of,
    no_alerts,
    warned_dates,
    warnings_of,
    with_done,
)
from pipeline.explanations import kept_book
from pipeline.outcomes import recorded
from pipeline.settings import load_settings
from pipeline.warn import OutOfTurn, Warned, earlier_snapshot, earlier_than, snapshot_of, warn
from pipeline.warn_words import reason, told
from tests.bench.warnings import events_in_frames

LATIN = re.compile(r"[A-Za-z]{3,}")
TRIGGERS = {each.name: each for each in load_triggers(FEATURES)}
MIDDLE = "2024-06-30"
SETTINGS = load_settings()
NOTHING_DONE = pd.DataFrame(columns=list(OUTCOMES))


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
        assert f": {written(alert.value, {'fading': 'share'}.get(trigger.name, trigger.unit), 'en')} (" in alert.reasons_en
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
        (who, DAY, "offer", "rate cut", "Li", ""), (who, BEFORE, "contacted", "", "Wang", ""),
        (who, "2023-12-30", "kept", "", "x", ""), (who, "2025-01-01", "kept", "", "x", ""),
        ("nobody", DAY, "kept", "", "x", "")], columns=list(OUTCOMES))
    alerts = warned_on(DAY, scored_twice, tmp_path, outcomes).alerts
    for alert in alerts[alerts["customer_id"] == who].itertuples():
        expected = f"{DAY} offer: rate cut (Li)"
        assert alert.done_en == (f"{BEFORE} contacted (Wang); {expected}" if alert.first_seen == BEFORE else expected)
        assert alert.done_zh.endswith(f"{DAY} 方案：rate cut（Li）")
        assert (f"{BEFORE} 已联系（Wang）；" in alert.done_zh) == (alert.first_seen == BEFORE)
    assert (alerts.loc[alerts["customer_id"] == other, ["done_en", "done_zh"]] == "").all(axis=None)
    assert done_about(alerts[:0], outcomes, DAY) == [] and with_done(no_alerts(), outcomes, DAY).empty


def test_what_was_recorded_cannot_write_lines_or_colours_of_its_own_on_a_terminal(scored_twice, tmp_path, capsys):
    desk, out = Desk(tmp_path), tmp_path / "out"
    again = ["warn", "--as-of", DAY, "--assignments", scored_twice, "--out", out, "--top", "1000"]
    assert desk.run(*again) == 0
    who = kept_alerts(DAY, out).query("status != 'cleared'")["customer_id"].iloc[0]
    assert desk.run("outcome", who, "--on", DAY, "--what", "contacted", "--detail", "met\nC000  risk \x1b[31mred\rover\u202e",
                    "--by", "rm\x1b[0m", "--assignments", scored_twice) == 0
    assert desk.run(*again) == 0
    said = capsys.readouterr().out
    assert f"{DAY} contacted: met\\nC000  risk \\x1b[31mred\\rover\\u202e (rm\\x1b[0m)" in said
    assert all(each.isprintable() for each in said.split("\n"))


def test_a_date_can_be_warned_and_exported_again_after_something_was_recorded(scored_twice, tmp_path, capsys):
    """The stored file stays as it is; list and export show what was done by the date, and nothing later."""
    desk, out = Desk(tmp_path), tmp_path / "out"
    again = ["warn", "--as-of", DAY, "--assignments", scored_twice, "--out", out, "--top", "1000", "--export"]
    assert desk.run(*again, tmp_path / "before.csv") == 0
    stored, who = warnings_of(DAY, out).read_bytes(), kept_alerts(DAY, out)["customer_id"].iloc[0]
    assert "met the owner" not in capsys.readouterr().out and "done_en" not in pd.read_parquet(warnings_of(DAY, out))
    for on, detail in ((DAY, "met the owner"), ("2025-01-31", "met again")):
        assert desk.run("outcome", who, "--on", on, "--what", "contacted", "--detail", detail, "--by", "rm_1", "--assignments",
                        scored_twice) == 0
    capsys.readouterr()
    assert desk.run(*again, tmp_path / "after.csv") == 0
    said, alerts = capsys.readouterr().out, kept_alerts(DAY, out)
    n = int(((alerts["customer_id"] == who) & (alerts["status"] != "cleared")).sum())
    assert n and said.count(f"done: {DAY} contacted: met the owner (rm_1)") == n and "met again" not in said
    assert f"unchanged: {warnings_of(DAY, out)}" in said and warnings_of(DAY, out).read_bytes() == stored
    before, after = (pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False) for name in ("before", "after"))
    assert (before["done_en"] == "").all() and set(after.loc[after["customer_id"] == who, "done_en"]) == {
        f"{DAY} contacted: met the owner (rm_1)"}
    assert (after.loc[after["customer_id"] != who, "done_en"] == "").all()


def test_an_alert_is_escalated_when_nothing_was_done_about_it_by_its_day(out, warned, scored_twice, tmp_path):
    alerts = kept_alerts(DAY, warned).set_index("alert_id", drop=False)
    days = {1: 60, 2: 30, 3: 14}
    for alert in alerts.itertuples():
        assert as_day(alert.escalates_on) == as_day(alert.first_seen) + days[alert.severity]
    late = with_done(alerts, NOTHING_DONE, DAY)["is_escalated"]
    assert (late == ((alerts["status"] == "open") & (alerts["first_seen"] == BEFORE))).all(), "a year passed since then"
    assert late.any() and not with_done(kept_alerts(BEFORE, warned), NOTHING_DONE, BEFORE)["is_escalated"].any()
    who = alerts.loc[late, "customer_id"].iloc[0]
    own = late & (alerts["customer_id"] == who)
    for on, is_back in ((DAY, True), (BEFORE, False)):
        visit = pd.DataFrame([(who, on, "contacted", "", "Wang", "")], columns=list(OUTCOMES))
        found = warned_on(DAY, scored_twice, out, visit).alerts.set_index("alert_id")
        assert (found["is_escalated"] == (late & ~own if is_back else late)).all(), "its days begin anew with what was done"
        for alert in found[own].itertuples():
            assert as_day(alert.escalates_on) == as_day(on) + days[alert.severity]
    on_the_day = alerts[late].assign(escalates_on=DAY)
    assert not with_done(on_the_day, NOTHING_DONE, DAY)["is_escalated"].any(), "the day itself is still the owner's"


@pytest.mark.parametrize(("action", "lists"), [
    ("", {"risk", "churn"}), ("risk_warning", {"risk"}), ("extra_security", {"risk"}), ("retention_offer", {"churn"}),
    ("service_call", {"churn"}), ("repayment_reminder", set()), ("add_on_offer", set())])
def test_only_what_is_about_the_list_is_done_about_an_alert(warned, action, lists):
    """A reminder of an instalment is nothing about lost collateral, a retention offer nothing about a default."""
    alerts = kept_alerts(BEFORE, warned)
    did = pd.DataFrame([(who, BEFORE, "contacted", "", "x", action) for who in alerts["customer_id"].unique()],
                       columns=list(OUTCOMES))
    shown = with_done(alerts, did, BEFORE)
    assert set(shown["list"]) == {"risk", "churn"} and set(shown.loc[shown["done_en"] != "", "list"]) == lists


def test_the_list_says_whose_an_escalated_alert_is_now(out, scored_twice, tmp_path, capsys):
    shown = with_done(kept_alerts(DAY, out), NOTHING_DONE, DAY)
    late = shown[shown["is_escalated"]]
    where = ["--as-of", DAY, "--assignments", scored_twice, "--out", out, "--top", "1000", "--export", tmp_path / "alerts.csv"]
    assert Desk(tmp_path).run("warn", *where) == 0
    said = capsys.readouterr().out
    exported = pd.read_csv(tmp_path / "alerts.csv").query("is_escalated == 1")
    assert exported["alert_id"].tolist() == late["alert_id"].tolist()
    one = late.iloc[0]
    assert f"  {one['escalation']}, overdue since {one['escalates_on']}; before: {one['owner']}; done: nothing" in said
    assert said.count(", overdue since ") == len(late)
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
    account, listed, *_ = capsys.readouterr().out.split("\n\n")
    lines = [*account.splitlines(), *listed.splitlines()]
    assert len(lines) > 10 and "本日未考察：评级下调、额度用尽、" in account
    for line in lines:
        assert not LATIN.search(re.sub(r"^\S+  (?=风险|流失)", "", line)), line


def test_the_list_names_a_trigger_in_its_language_and_the_file_by_its_key(scored_twice, tmp_path, capsys):
    assert run(scored_twice, tmp_path, "--top", "1000") == run(scored_twice, tmp_path, "--language", "zh", "--top", "1000") == 0
    said, alerts = capsys.readouterr().out, kept_alerts(DAY, tmp_path / "out")
    assert set(alerts["trigger"]) <= set(TRIGGERS) and len(set(alerts["trigger"])) > 2
    for alert in alerts.itertuples():
        trigger, kind = TRIGGERS[alert.trigger], {"risk": "风险", "churn": "流失"}[alert.list]
        assert f"{alert.customer_id}  {alert.list} / {trigger.name_en} [" in said
        assert f"{alert.customer_id}  {kind} / {trigger.name_zh} [" in said
    assert "risk_probability" not in said


@pytest.mark.parametrize(("trigger", "value", "en", "zh"), [
    ("risk_rise", 0.769, "risk customer: 76.9 points (level 40 points)", "概率上升：76.9个百分点（阈值 40个百分点）"),
    ("churn_rise", 0.06, "churn customer: 6 points (clears beyond 5 points)", "概率上升：6个百分点（解除阈值 5个百分点）"),
    ("risk_probability", 0.769, "risk customer: 76.9 % (level 70 %)", "概率：76.9%（阈值 70%）"),
    ("collateral_fall", -1.0, "by collateral: -100 points (level -40 points)", "变动：-100个百分点（阈值 -40个百分点）"),
    ("line_unused", -0.0625, "utilisation: -6.2 points (level -6 points)", "月度趋势：-6.2个百分点（阈值 -6个百分点）"),
    ("line_unused", -0.01, "utilisation: -1 point (clears beyond -1 point)", "月度趋势：-1个百分点（解除阈值 -1个百分点）"),
    ("fading", 0.25, "those of a year: 25 % (level 25 %)", "活跃度：25%（阈值 25%）"),
    ("past_due", 45.0, "days past due: 45 days (level 31 days)", "逾期天数：45天（阈值 31天）")])
def test_a_difference_of_shares_is_told_in_points_and_every_value_with_its_unit(trigger, value, en, zh):
    rule = TRIGGERS[trigger]
    is_high = rule.raises == "at least"
    reached = [level for _, level in rule.levels if (value >= level if is_high else value <= level)]
    alert = {"trigger": trigger, "value": value, "level": (reached or [rule.clears])[-1], "status": "new", "cleared_because": ""}
    assert reason(alert, rule, "", "en").endswith(en) and reason(alert, rule, "", "zh").endswith(zh)
    cleared = alert | {"status": "cleared", "cleared_because": "level", "level": rule.clears}
    assert f"{en.split(': ')[1].split(' (')[0]}, back beyond " in reason(cleared, rule, "", "en")


def test_a_difference_of_rates_is_told_in_points_to_the_hundredth():
    rule = replace(TRIGGERS["risk_rise"], unit="rate")
    assert told(0.0025, rule, "en") == "0.25 points" and told(0.0025, rule, "zh") == "0.25个百分点"


def with_managers(tmp_path: Path, managers: dict[str, str]) -> list:
    rows = "".join(f"{who},{name}\n" for who, name in managers.items())
    (tmp_path / "managers.csv").write_text(f"customer_id,manager\n{rows}", encoding="utf-8")
    return ["--managers", tmp_path / "managers.csv", "--top", "1000"]


@pytest.mark.parametrize(("language", "apart", "of_owner", "of_escalation"), [
    ("en", "; relationship manager: 李娜; done: ", "relationship manager (李娜); if", "relationship manager (李娜); done"),
    ("zh", "；客户经理：李娜；已采取措施：", "客户经理（李娜）；如至", "上报客户经理（李娜）；已")])
def test_the_manager_is_named_beside_the_role_of_manager_and_apart_from_any_other(
        language, apart, of_owner, of_escalation, scored_twice, tmp_path, capsys, monkeypatch):
    """Owner of days past due, escalation of one trigger here, neither of what the credit risk officer owns."""
    one, *others = load_triggers(FEATURES)
    manager = TRIGGERS["past_due"].owner
    monkeypatch.setattr("pipeline.warn.load_triggers", lambda _: (replace(one, escalation=manager), *others))
    assert run(scored_twice, tmp_path) == 0
    stored, alerts = warnings_of(DAY, tmp_path / "out").read_bytes(), kept_alerts(DAY, tmp_path / "out")
    named = with_managers(tmp_path, dict.fromkeys(alerts["customer_id"], "李娜"))
    capsys.readouterr()
    assert run(scored_twice, tmp_path, "--language", language, *named) == 0
    said = capsys.readouterr().out
    owned = [TRIGGERS[name].owner == manager for name in alerts["trigger"]]
    escalated = alerts["trigger"] == one.name
    assert said.count(of_owner) == sum(owned) > 0 and said.count(of_escalation) == escalated.sum() > 0
    assert said.count(apart) == len(alerts) - sum(owned) - escalated.sum()
    assert said.count("李娜") == len(alerts), "once an alert"
    assert warnings_of(DAY, tmp_path / "out").read_bytes() == stored


def test_an_alert_of_nobody_s_customer_names_no_manager(scored_twice, tmp_path, capsys):
    assert run(scored_twice, tmp_path, *with_managers(tmp_path, {"C999": "李娜"})) == 0
    assert "李娜" not in capsys.readouterr().out


@pytest.mark.parametrize(("language", "said"), [
    ("en", "note: of the 3 customers of {file}, 2 are not scored on 2024-12-31"),
    ("zh", "注：{file} 的 3 户中有 2 户在 2024-12-31 未评分")])
def test_how_many_customers_of_the_file_of_managers_are_not_scored_is_said(language, said, scored_twice, tmp_path, capsys):
    scored = kept_book(DAY, scored_twice).assignments["customer_id"].tolist()
    quiet = next(who for who in scored if who not in set(warned_on(DAY, scored_twice, tmp_path / "out").alerts["customer_id"]))
    named = with_managers(tmp_path, {quiet: "李娜", "C998": "李娜", "C999": "王"})
    assert run(scored_twice, tmp_path, "--language", language, *named) == 0
    assert said.format(file=tmp_path / "managers.csv") in capsys.readouterr().out.splitlines()
    named = with_managers(tmp_path, {quiet: "李娜"})
    assert run(scored_twice, tmp_path, "--language", language, *named) == 0
    assert str(tmp_path / "managers.csv") not in capsys.readouterr().out, "who is scored and has no alert is no fault"


@pytest.mark.parametrize(("content", "said"), [
    (None, "not readable"), (b"\xff\xfe\x00", "not readable"), (b"", "no column customer_id"),
    ("customer_id,manager\nA,x\nB,李娜\n".encode("gbk"), "not readable: not UTF-8 text (byte 0xc0 on line 3). Save it as UTF-8; "
     "Chinese systems often write GBK, Excel UTF-16."),
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
