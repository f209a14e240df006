"""The work list of a period: all that the playbook asks for, worth what its row says, within the hours, from no later fact."""

from __future__ import annotations

import csv
import dataclasses
import io
import shutil
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from desk import TYPES, the_line, tiny_book, write_book
from reports import DAY, rewritten

from features.sources import open_tables
from models.playbook import load_playbook
from pipeline.alerts import COLUMNS as ALERTS
from pipeline.alerts import no_alerts
from pipeline.errors import BadSettings
from pipeline.explanations import kept_book
from pipeline.export import write_csv
from pipeline.managers import BrokenManagers, read_managers
from pipeline.outcomes import COLUMNS
from pipeline.plan import Plan, effective, plan
from pipeline.plan_words import lines_of
from pipeline.settings import load_settings

SETTINGS = load_settings()
RULES = SETTINGS.playbook
HOURS = 10.0
NOTHING = pd.DataFrame(columns=list(COLUMNS), dtype="str")


def rich_book() -> dict[str, pd.DataFrame]:
    """The tiny book with credit lines for five of six customers, collateral for half of the loans, contacts and fees."""
    tables = tiny_book()
    loans, who = tables["loans"], tables["customers"]["customer_id"]
    lines = loans.assign(loan_id="R" + loans["loan_id"], product="revolver", matures_on="2025-01-20", committed_amount="5000.00")
    tables["loans"] = pd.concat([loans, lines[np.arange(len(lines)) % 6 != 4]], ignore_index=True)
    pledged = loans[np.arange(len(loans)) % 2 == 0]
    tables["collateral"] = pd.DataFrame({"loan_id": pledged["loan_id"], "collateral_id": "a", "valued_on": "2024-06-30",
                                         "value": pledged["committed_amount"], "haircut": "0.8"})
    tables["contacts"] = pd.DataFrame({"customer_id": who[::3], "contact": "1", "contacted_on": "2024-12-01", "kind": "call"})
    tables["fees"] = pd.DataFrame({"customer_id": who, "fee": "1", "charged_on": "2024-11-30", "amount": "900.00"})
    return tables


def alert(who: str, kind: str, severity: int, status: str = "open", words: str = "late again") -> dict:
    return dict.fromkeys(ALERTS) | {
        "alert_id": f"{who} {kind} {severity}", "list": kind, "customer_id": who, "severity": severity, "status": status,
        "first_seen": "2024-11-30", "reasons_en": words, "reasons_zh": "再次逾期"}


@pytest.fixture(scope="module")
def rich(tmp_path_factory) -> Path:
    return write_book(rich_book(), tmp_path_factory.mktemp("rich"))


@pytest.fixture(scope="module")
def folder(scored, tmp_path_factory) -> Path:
    """The scored date, its customers of every type in turn."""
    folder = shutil.copytree(scored.out, tmp_path_factory.mktemp("turns") / "assignments")

    def in_turn(rows, values, contributions, features):
        return rows.assign(type=[TYPES[place % 5] for place in range(len(rows))]), values, contributions, features

    rewritten(folder, DAY, in_turn)
    return folder


@pytest.fixture(scope="module")
def make(folder, rich):
    """Makes a plan of the rich book."""
    def made(managers=None, alerts=None, outcomes=NOTHING, hours=HOURS, of=rich, **rules) -> Plan:
        settings = dataclasses.replace(SETTINGS, playbook=dataclasses.replace(RULES, **rules))
        with closing(open_tables(of)) as tables:
            return plan(DAY, hours, tables, managers, no_alerts() if alerts is None else alerts, outcomes, settings, folder)

    return made


@pytest.fixture(scope="module")
def first(make) -> Plan:
    return make()


@pytest.fixture(scope="module")
def types(folder) -> dict[str, str]:
    rows = kept_book(DAY, folder).assignments
    return dict(zip(rows["customer_id"], rows["type"]))


def day(days: int) -> str:
    return (date.fromisoformat(DAY) + timedelta(days=days)).isoformat()


def test_whatever_is_due_so_many_times_a_year_is_asked_of_every_customer_of_the_type(first, types):
    contacted = set(rich_book()["contacts"]["customer_id"])
    wanted = {(who, action.name) for who, kind in types.items() for action in load_playbook()[kind]
              if action.per == "year" and not (action.is_contact and who in contacted)}
    yearly = {action.name for actions in load_playbook().values() for action in actions if action.per == "year"}
    asked = first.rows[first.rows["action"].isin(yearly)]
    assert set(zip(asked["customer_id"], asked["action"])) == wanted and len(asked) == len(wanted)
    assert set(asked["due_on"]) == {DAY} and asked["why_en"].str.contains("never recorded as done").all()
    assert {"service_call", "strict_review"} <= set(asked["action"])  # or the test says little


def test_reminders_are_what_the_schedule_asks_for_and_nobody_has_paid(first, types):
    tables, wanted = rich_book(), {}
    whose = dict(zip(tables["loans"]["loan_id"], tables["loans"]["customer_id"]))
    for row in tables["repayments"].to_dict("records"):
        who = whose[row["loan_id"]]
        if who in types and "repayment_reminder" in {action.name for action in load_playbook()[types[who]]} and (
                DAY <= row["due_on"] <= day(RULES.plan_days + RULES.reminder_days)) and not ("" < row["paid_on"] <= DAY):
            asked = max(DAY, (date.fromisoformat(row["due_on"]) - timedelta(days=RULES.reminder_days)).isoformat())
            wanted.setdefault((who, asked), []).append(float(row["principal_due"]) + float(row["interest_due"]))
    found = first.rows[first.rows["action"] == "repayment_reminder"]
    assert {key: pytest.approx(sum(amounts)) for key, amounts in wanted.items()} == {
        key: own["amount"].sum() for key, own in found.groupby(["customer_id", "due_on"])}
    assert len(wanted) > 10


def test_every_row_is_worth_what_it_says_and_adds_what_the_others_of_its_money_leave(make):
    price = 1.0
    first = make(hour_price=price)
    actions = {action.name: action for taken in load_playbook().values() for action in taken}
    rows = first.rows.assign(effect=first.rows["action"].map(RULES.effects), place=range(len(first.rows)))
    offers = rows["action"].isin(["retention_offer", "tailored_terms"])
    rows["cost"] = rows["hours"] * price + rows["amount"].where(offers, 0) * RULES.years_of_income
    rows["loss"] = rows["money_at_risk"] * rows["probability"]
    rows["error"] = 6e-5 * rows["money_at_risk"] + 0.05
    rows["money"] = [actions[name].protects for name in rows["action"]]
    rows["sum"] = rows["customer_id"] + np.where(rows["money"].isin(["principal", "income"]), "", rows["place"].astype(str))
    n_less = 0
    for _, own in rows.groupby(["sum", "money"]):
        whole = left = own["loss"].max()
        turn = own["status"].map(["planned", "left", "not worth it"].index)
        for one in own.assign(turn=turn).sort_values(["turn", "due_on", "action"]).itertuples():
            alone = one.loss * one.effect - one.cost
            said = float(one.why_en.split(" = ")[1].split(";")[0].replace(",", ""))
            assert abs(said - alone) <= one.error + 0.5 and f"，等于 {said:,.0f}" in one.why_zh
            after = left * (1 - one.effect * one.loss / whole)
            adds = left - after - one.cost
            assert abs(one.expected_benefit - adds) <= 3 * one.error
            left = after if one.status != "not worth it" else left
            is_less = round(one.expected_benefit) != said
            n_less += is_less
            assert is_less == (f"; adds {one.expected_benefit:,.0f} beside the customer's other actions" in one.why_en)
            assert is_less == one.why_zh.endswith(f"；与该客户其他行动并行时增加 {one.expected_benefit:,.0f}")
    assert 10 < n_less < len(rows)


def test_the_money_at_risk_is_what_was_scored(first, folder):
    kept = kept_book(DAY, folder)
    exposure = dict(zip(kept.assignments["customer_id"], kept.values[:, kept.features.index("exposure_drawn")]))
    with_line = set(rich_book()["loans"].query("product == 'revolver'")["customer_id"])
    for row in first.rows[first.rows["action"] == "strict_review"].itertuples():
        own = exposure[row.customer_id] + 5000 * (row.customer_id in with_line)
        p = kept.assignments.set_index("customer_id").loc[row.customer_id, "p_risk"]
        assert row.money_at_risk == pytest.approx(own * RULES.loss_share, abs=0.01)
        assert row.probability == pytest.approx(p * RULES.risk_default_rate + (1 - p) * RULES.other_default_rate, abs=5e-5)
    assert first.is_other_book, "the rich book is not the one that was scored"


def test_an_offer_costs_at_most_half_of_what_it_saves_and_the_rate_cut(first):
    offers = first.rows[first.rows["action"].isin(["retention_offer", "tailored_terms"])]
    saved = offers["money_at_risk"] * offers["probability"] * offers["effect"]
    assert len(offers) and (offers["amount"] * RULES.years_of_income <= RULES.offer_saving_share * saved * 1.01 + 0.05).all()
    assert (offers["amount"] > 0).all()


def test_the_security_asked_for_lifts_cover_to_the_level(first):
    found = first.rows[first.rows["action"] == "extra_security"]
    pledged = {row["loan_id"][1:]: float(row["value"]) * 0.2 for row in rich_book()["collateral"].to_dict("records")}
    with_line = set(rich_book()["loans"].query("product == 'revolver'")["customer_id"])
    assert len(found)
    for row in found.itertuples():
        exposure = float(row.why_en.split(" of ")[1].split(";")[0].replace(",", ""))
        counted = min(pledged.get(row.customer_id[1:], 0.0), exposure - 5000 * (row.customer_id in with_line))
        assert (counted + row.amount) / exposure == pytest.approx(RULES.cover_level, abs=1e-3)


def test_a_product_is_offered_to_those_who_lack_what_most_of_their_like_have(first, types):
    lacks = {f"C{i:03d}" for i in range(60) if i % 6 == 4}
    found = first.rows[first.rows["action"] == "add_on_offer"]
    assert set(found["customer_id"]) and set(found["customer_id"]) <= {who for who in lacks if types.get(who) == "stable"}
    assert found["why_en"].str.contains("have a credit line").all() and found["why_zh"].str.contains("循环额度").all()
    assert (found["probability"] >= RULES.least_alike_share).all()


def test_growth_customers_hear_of_a_loan_that_ends_before_it_does(first, types):
    ends = set(rich_book()["loans"].query("matures_on == '2025-01-20'")["customer_id"])
    found = first.rows[first.rows["action"] == "flexible_credit"]
    assert set(found["customer_id"]) == {who for who, kind in types.items() if kind == "growth" and who in ends}
    assert set(found["due_on"]) == {DAY}, "a month before it ends is past"
    assert found["why_en"].str.contains("is due on 2025-01-20").all()


def test_hours_go_to_what_is_worth_more_and_the_rest_is_listed_as_left(first):
    rows = first.rows
    planned, left, other = (rows[rows["status"] == status] for status in ("planned", "left", "not worth it"))
    assert planned["hours"].sum() <= HOURS and len(planned) and len(left) and len(planned) + len(left) + len(other) == len(rows)
    assert all((each["expected_benefit"] > 0).all() for each in (planned, left)) and (other["expected_benefit"] <= 0).all()
    by_the_hour = rows.assign(rate=rows["expected_benefit"] / rows["hours"]).sort_values("rate", ascending=False)
    assert planned["expected_benefit"].sum() >= by_the_hour[by_the_hour["hours"].cumsum() <= HOURS]["expected_benefit"].sum()
    line = lines_of(first, "en", 0, "log")[1]
    hours = planned["hours"].sum()
    assert line.startswith(f"all customers: {len(planned)} of {len(rows)} actions planned, {hours:.2f} h, worth ")
    assert f"left undone {len(left)} of {left['hours'].sum():,.2f} h, worth {left['expected_benefit'].sum():,.0f}" in line
    assert f"{len(other)} cost more than they bring" in line


def test_each_manager_has_hours_of_its_own_and_nobodys_customers_have_none(make, types):
    managers = pd.Series({who: f"m{place // 5 % 2}" for place, who in enumerate(types) if place % 7}, dtype=object)
    made = make(managers)
    assert set(made.rows["manager"]) == {"", "m0", "m1"}
    for name, own in made.rows.groupby("manager"):
        planned = own[own["status"] == "planned"]
        assert set(own["customer_id"]) <= {who for who in types if managers.get(who, "") == name}
        assert planned["hours"].sum() <= HOURS and bool(len(planned)) == bool(name)
    said = "\n".join(lines_of(made, "zh", 2, "log"))
    assert "m0：" in said and "m1：" in said and "无客户经理（无工时）：" in said and "等于" in said


def test_what_was_done_lately_is_not_asked_for_again_and_later_words_do_not_count(make, first):
    names = ("strict_review", "senior_visit")
    (who, *_), (other, *_) = (first.rows[first.rows["action"] == name]["customer_id"] for name in names)
    outcomes = pd.DataFrame([[who, day(-20), "contacted", "d", "b", "strict_review", "r"],
                             [who, day(-20), "contacted", "d", "b", "extra_security", "r"],
                             [other, day(1), "contacted", "d", "b", "senior_visit", "r"]], columns=list(COLUMNS))
    asked = set(zip(*(make(outcomes=outcomes).rows[name] for name in ("customer_id", "action"))))
    assert (who, "strict_review") not in asked and (who, "extra_security") not in asked and (other, "senior_visit") in asked
    long_ago = make(outcomes=outcomes[:1].assign(on=day(-80))).rows
    (row,) = long_ago[(long_ago["customer_id"] == who) & (long_ago["action"] == "strict_review")].itertuples()
    assert row.due_on == day(365 // 4 - 80) and f"last on {day(-80)}" in row.why_en


def test_a_reminder_that_was_given_is_not_given_again_for_the_same_instalment(make, first):
    reminders = first.rows[first.rows["action"] == "repayment_reminder"]
    (who, asked), *_ = reminders[reminders["due_on"] == DAY][["customer_id", "due_on"]].itertuples(index=False)
    due = min(day_of for day_of in dues_of(who) if day_of >= DAY)
    opened = (date.fromisoformat(due) - timedelta(days=RULES.reminder_days)).isoformat()
    assert opened <= DAY, "or the test says little"

    def asked_again(on: str) -> list[str]:
        given = pd.DataFrame([[who, on, "contacted", "d", "b", "repayment_reminder", "r"]], columns=list(COLUMNS))
        rows = make(outcomes=given).rows
        return rows[(rows["customer_id"] == who) & (rows["action"] == "repayment_reminder")]["due_on"].tolist()

    before = (date.fromisoformat(opened) - timedelta(days=1)).isoformat()
    always = reminders[reminders["customer_id"] == who]["due_on"].tolist()
    assert asked_again(before) == always, "that one was of an earlier instalment"
    for on in (opened, DAY):
        assert asked_again(on) == [each for each in always if each != DAY]


def dues_of(who: str) -> list[str]:
    rows = rich_book()["repayments"]
    is_paid = (rows["paid_on"] > "") & (rows["paid_on"] <= DAY)
    return rows.loc[(rows["loan_id"].str[1:] == who[1:]) & ~is_paid, "due_on"].tolist()


def test_an_offer_is_planned_only_with_the_interview_that_comes_before_it(make, first, types):
    dear = {"effects": dict.fromkeys(RULES.effects, 0.0) | {"retention_offer": 0.9}, "hour_price": 0.1}
    for hours in (4.0, 5.0, 9.0, 20.0):
        rows = make(hours=hours, **dear).rows
        planned = rows[rows["status"] == "planned"]
        by_action = {name: set(planned.loc[planned["action"] == name, "customer_id"])
                     for name in ("retention_interview", "retention_offer")}
        assert by_action["retention_offer"] == by_action["retention_interview"], "a talk that leads to no offer is not worth it"
        assert bool(by_action["retention_offer"]) == (hours >= 5)
    offered = next(iter(by_action["retention_offer"]))
    talked = pd.DataFrame([[offered, day(-5), "reason_for_leaving", "d", "b", "retention_interview", "r"]], columns=list(COLUMNS))
    rows = make(hours=3.0, outcomes=talked, **dear).rows
    own = rows[rows["customer_id"] == offered].set_index("action")
    assert "retention_interview" not in own.index
    assert own.at["retention_offer", "status"] == "planned", "after the talk it stands alone"
    both = first.rows[first.rows["action"].isin(["retention_interview", "retention_offer"])]
    due = both.pivot(index="customer_id", columns="action", values="due_on")
    assert (due["retention_offer"] >= due["retention_interview"]).all()


def test_names_are_shown_and_managers_of_nobody_are_counted(make, types, tmp_path):
    tables = rich_book()
    tables["customers"]["name"] = ["长江电力" if n % 2 else "" for n in range(len(tables["customers"]))]
    named = set(tables["customers"]["customer_id"][1::2])
    managers = pd.Series({who: "m" for who in [*types, "ZZZ"]}, dtype=object)
    made = make(managers, of=write_book(tables, tmp_path / "named"), hours=1000.0)
    shown = made.rows.set_index("customer_id")["name"]
    assert all((name == "长江电力") if who in named else name is None for who, name in shown.items())
    said = lines_of(made, "en", 1000, "the log")
    planned = made.rows[made.rows["status"] == "planned"]["customer_id"]
    assert sum(" 长江电力  " in line for line in said) == planned.isin(named).sum() > 0
    assert "note: 1 customers with a manager were not scored" in said and "done so far: 0 outcomes recorded in the log" in said


def test_an_open_warning_is_followed_up_soon_and_raises_the_probability(make, first, types, folder):
    one, two, three = list(types)[:3]
    alerts = pd.DataFrame([alert(one, "risk", 3), alert(one, "risk", 1), alert(two, "churn", 2),
                           alert(three, "risk", 3, "cleared")])
    made = make(alerts=alerts).rows
    found = made[made["action"].isin(["risk_warning", "churn_warning"])].set_index("customer_id")
    assert dict(found["action"]) == {one: "risk_warning", two: "churn_warning"}
    assert dict(found["due_on"]) == {one: day(3), two: day(10)}
    assert found.loc[one, "why_en"].startswith("high warning since 2024-11-30: late again;")
    assert "再次逾期" in found.loc[one, "why_zh"]
    p = kept_book(DAY, folder).assignments.set_index("customer_id").loc[one, "p_risk"]
    usual = p * RULES.risk_default_rate + (1 - p) * RULES.other_default_rate
    assert found.loc[one, "probability"] == pytest.approx(min(1, usual * RULES.warning_factor**3), abs=5e-5)
    others = [rows[rows["customer_id"] == three]["probability"].tolist() for rows in (made, first.rows)]
    assert others[0] == others[1] and len(others[0])


def test_no_later_fact_changes_the_plan(make, first, tmp_path):
    tables = rich_book()
    later = tables["repayments"]["paid_on"] > DAY
    assert later.sum() > 100
    tables["repayments"].loc[later, ["paid_on", "amount_paid"]] = ""
    for name, column in (("contacts", "contacted_on"), ("fees", "charged_on"), ("collateral", "valued_on")):
        extra = tables[name].assign(**{column: day(1)} | {key: "2" for key in ("contact", "fee") if key in tables[name]})
        tables[name] = pd.concat([tables[name], extra], ignore_index=True)
    pd.testing.assert_frame_equal(make(of=write_book(tables, tmp_path / "known")).rows, first.rows)


def as_csv(rows: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    write_csv(rows, file)
    return file.getvalue()


def test_the_same_book_in_another_order_gives_the_same_file_without_a_formula(make, types, tmp_path):
    managers = pd.Series({who: "=cmd()" if place % 2 else "清河" for place, who in enumerate(types)}, dtype=object)
    alerts = pd.DataFrame([alert(who, "risk", 1 + place % 3, words="=1+1") for place, who in enumerate(types)])
    mixed = write_book({name: rows.sample(frac=1, random_state=1) for name, rows in rich_book().items()}, tmp_path / "mixed")
    one, other = make(managers, alerts), make(managers[::-1], alerts[::-1], of=mixed)
    assert as_csv(one.rows) == as_csv(other.rows)
    cells = [cell for row in csv.reader(io.StringIO(as_csv(one.rows).decode("utf-8-sig"))) for cell in row]
    assert "'=cmd()" in cells and not any(cell.startswith(("=", "+", "@")) for cell in cells)


@pytest.mark.parametrize(("text", "said"), [
    ("customer,manager\nC000,m\n", "no column customer_id"), ("", "no column customer_id"),
    ("customer_id,manager\nC000,\n", "line 2 has no manager"), ("customer_id,manager\nC001,m\n,m\n", "line 3 has no customer_id"),
    ("customer_id,manager\nC000,m,n\n", "line 2 has too many values"), ("customer_id,manager\nC000\n", "line 2 has no manager"),
    ("customer_id,manager\nC000,a\nC001,a\nC000,b\n", "customer C000 twice, again on line 4")])
def test_a_file_of_managers_that_does_not_fit_says_where(tmp_path, text, said):
    (tmp_path / "managers.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BrokenManagers, match=said):
        read_managers(tmp_path / "managers.csv")


def test_managers_are_read_from_any_csv_and_what_is_not_utf8_or_not_there_is_refused(tmp_path):
    (tmp_path / "bom.csv").write_text("team,manager,customer_id\nx, 王, C1 \n", encoding="utf-8-sig")
    assert read_managers(tmp_path / "bom.csv").to_dict() == {"C1": "王"}
    (tmp_path / "gbk.csv").write_bytes("customer_id,manager\nC1,王\n".encode("gbk"))
    for name in ("gbk.csv", "nowhere.csv"):
        with pytest.raises(BrokenManagers, match="not readable"):
            read_managers(tmp_path / name)


@pytest.mark.parametrize("change", [{"moon_walk": 0.1}, {"service_call": None}], ids=["of no action", "missing"])
def test_an_effect_of_no_action_and_an_action_without_one_are_bad_settings(change):
    effects = {name: value for name, value in (dict(RULES.effects) | change).items() if value is not None}
    with pytest.raises(BadSettings, match=next(iter(change))):
        effective(load_playbook(), dataclasses.replace(RULES, effects=effects))


def test_the_command_writes_the_plan_whole_and_replaces_nothing_unasked(scored, folder, rich, tmp_path, capsys):
    out = tmp_path / "plans"

    def run(hours: str, *more: str) -> int:
        return scored.run("plan", "--as-of", DAY, "--hours", hours, "--data", rich, "--rejects", tmp_path / "rejects",
                          "--assignments", folder, "--out", out, *more)

    assert run("10", "--xlsx", "--language", "zh") == 0
    said = capsys.readouterr().out
    assert f"written: {out}/as_of={DAY}/plan.csv" in said and "全部客户：" in said and "数据与评分时不是同一批" in said
    files = {file.name: file.read_bytes() for file in (out / f"as_of={DAY}").iterdir()}
    assert set(files) == {"plan.csv", "plan.xlsx"}
    assert run("20") == 16 and "other plan" in the_line(capsys)
    assert {file.name: file.read_bytes() for file in (out / f"as_of={DAY}").iterdir()} == files
    assert run("20", "--replace") == 0 and f"written: {out}/as_of={DAY}/plan.xlsx" in capsys.readouterr().out
    assert (out / f"as_of={DAY}" / "plan.xlsx").read_bytes() != files["plan.xlsx"], "no workbook of another plan stays beside"


@pytest.mark.parametrize(("more", "code"), [
    (["--as-of", "2024-10-31", "--hours", "1"], 58), (["--as-of", DAY, "--hours", "-1"], 2),
    (["--as-of", DAY, "--hours", "nan"], 2)], ids=["not scored", "below zero", "no number"])
def test_a_date_that_was_not_scored_and_hours_that_are_none_are_refused(scored, folder, rich, tmp_path, more, code):
    try:
        found = scored.run("plan", *more, "--data", rich, "--rejects", tmp_path / "r", "--assignments", folder,
                           "--out", tmp_path)
    except SystemExit as end:
        found = end.code
    assert found == code and not list(tmp_path.glob("as_of=*"))
