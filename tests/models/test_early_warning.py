"""Alerts from date to date: raised once, open until they clear, told once more when they do."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features.frame  # noqa: F401  (fills the register)
from features.catalogue import FEATURES
from models.early_warning import ALERT, carried_on, grades, measured, snapshot
from models.triggers import Role, Trigger, load_triggers
from models.types import ORDER

ROLE = Role("relationship_manager", "relationship manager", "客户经理")
LATE = Trigger("late", "late", "逾期", "risk", "days", "value", "at least", ((1, 10.0), (2, 30.0), (3, 90.0)), 5.0, "days",
               "days", "days", "days late", "逾期天数", "the test", ROLE, ROLE)
FALLS = replace(LATE, name="falls", list="churn", measure="use", asked_of="use", compared="change", raises="at most",
                levels=((1, -0.25), (3, -0.5)), clears=-0.125, unit="share", told_in="points")
JOINED = replace(LATE, name="joined", measure="is_risk", asked_of="is_risk", compared="change", levels=((2, 1.0),), clears=1.0,
                 unit="flag", told_in="flag")
DAYS = [f"2025-{month:02d}-28" for month in range(1, 13)]
NOTHING = pd.DataFrame({name: pd.Series(dtype=object) for name in ALERT})

ONE_CUSTOMER = """
values of days          | status by date                                    | severity
0 9 10 9 5 4 0          | - - new open open cleared -                       | - - 1 1 1 1 -
30 90 29 4 10           | new open open cleared new                         | 2 3 1 1 1
10 ? 10                 | new cleared new                                   | 1 1 1
4.9 5 9.9               | - - -                                             | - - -
89.9 90 . 90            | new open cleared new                              | 2 3 3 3
"""


def shot(values: dict[str, float], column: str = "days") -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(values, dtype=float)}, index=pd.Index(values, dtype=object))


def run(path, triggers=(LATE,), column="days", since=None) -> list[pd.DataFrame]:
    """The alerts of each date; a path has a dict of values by customer per date."""
    before, found = NOTHING, []
    for day, values in zip(DAYS, path):
        before = carried_on(before, shot(values, column), since, triggers, day)
        found.append(before)
    return found


@pytest.mark.parametrize("line", ONE_CUSTOMER.strip().splitlines()[1:], ids=lambda line: line.split("|")[0].strip())
def test_an_alert_is_raised_once_and_open_until_it_is_back_beyond_its_clearing_level(line):
    values, statuses, severities = (part.split() for part in line.split("|"))
    others = {"B": 0.0}  # so that the measure is known of somebody
    path = [others if value == "." else others | {"A": math.nan if value == "?" else float(value)} for value in values]
    for rows, status, severity in zip(run(path), statuses, severities, strict=True):
        assert rows["status"].tolist() == ([] if status == "-" else [status])
        assert rows["severity"].astype(str).tolist() == ([] if severity == "-" else [severity])


def oracle(path: list[dict[str, float]]) -> list[set[tuple]]:
    """Slowly: per date (customer, status, severity, first_seen, last_seen)."""
    running: dict[str, tuple[str, int, str]] = {}
    found = []
    for day, values in zip(DAYS, path):
        rows = set()
        is_known = any(not math.isnan(value) for value in values.values())
        for who in sorted(set(running) | set(values)):
            value = values.get(who, math.nan)
            grade = 3 if value >= 90 else 2 if value >= 30 else 1 if value >= 10 else 0
            if who in running:
                first, severity, last = running[who]
                stays = who in values and (not is_known or value >= 5)
                if stays:
                    severity = max(grade, 1) if is_known else severity
                    running[who] = (first, severity, day)
                    rows.add((who, "open", severity, first, day))
                else:
                    del running[who]
                    rows.add((who, "cleared", severity, first, last))
            elif grade:
                running[who] = (day, grade, day)
                rows.add((who, "new", grade, day, day))
        found.append(rows)
    return found


VALUES = st.sampled_from([0.0, 4.0, 5.0, 9.0, 10.0, 29.0, 30.0, 31.0, 89.0, 90.0, math.nan])
PATHS = st.lists(st.dictionaries(st.sampled_from("ABC"), VALUES, min_size=1), min_size=1, max_size=8)


@settings(deadline=None, max_examples=40)
@given(PATHS)
def test_alerts_are_what_a_slow_account_of_each_customer_gives(path):
    for rows, expected in zip(run(path), oracle(path), strict=True):
        columns = ["customer_id", "status", "severity", "first_seen", "last_seen"]
        assert set(rows[columns].itertuples(index=False, name=None)) == expected and len(rows) == len(expected)


@settings(deadline=None, max_examples=40)
@given(PATHS)
def test_the_rows_of_a_date_close_with_those_of_the_date_before(path):
    open_before, names = set(), {}
    for rows in run(path):
        by = {status: set(rows.loc[rows["status"] == status, "alert_id"]) for status in ("new", "open", "cleared")}
        assert len(rows) == sum(map(len, by.values())) == rows["alert_id"].nunique()
        assert open_before == by["open"] | by["cleared"] and not by["new"] & open_before
        assert not by["new"] & set(names)  # an id is of one alert for good
        for row in rows.itertuples():
            assert names.setdefault(row.alert_id, (row.customer_id, row.trigger, row.first_seen)) == (
                row.customer_id, row.trigger, row.first_seen)
            assert row.first_seen <= row.last_seen and (row.cleared_on != "") == (row.status == "cleared")
            assert len(row.history.split("; ")) == len({each[:10] for each in row.history.split("; ")})
        open_before = by["new"] | by["open"]


@settings(deadline=None, max_examples=10)
@given(PATHS, st.randoms(use_true_random=False))
def test_neither_the_order_of_customers_nor_that_of_triggers_decides(path, random):
    second = replace(LATE, name="later", levels=((2, 30.0),))
    mixed = [dict(random.sample(list(values.items()), len(values))) for values in path]
    for a, b in zip(run(path, (LATE, second)), run(mixed, (second, LATE)), strict=True):
        pd.testing.assert_frame_equal(a, b)


def test_the_history_has_every_date_it_was_open_on_with_severity_and_value():
    (*_, last) = run([{"A": 10}, {"A": 42.5}, {"A": 7}, {"A": 0}])
    assert last["history"].tolist() == ["2025-01-28 1 10; 2025-02-28 2 42.5; 2025-03-28 1 7"]
    assert last[["status", "value", "level", "last_seen", "cleared_on", "cleared_because"]].iloc[0].tolist() == [
        "cleared", 0, 5, "2025-03-28", "2025-04-28", "level"]


@pytest.mark.parametrize(("after", "because"), [
    ({"B": 0.0}, "gone"), ({"A": math.nan, "B": 0.0}, "unknown"), ({"A": 1.0}, "level")])
def test_it_is_said_why_an_alert_cleared(after, because):
    assert run([{"A": 50.0}, after])[-1]["cleared_because"].tolist() == [because]


def test_a_trigger_that_is_measured_of_nobody_clears_nothing_but_those_who_are_gone():
    first, second, third = run([{"A": 50.0, "B": 10.0}, {"A": math.nan}, {"A": 4.0}])
    assert dict(zip(second["customer_id"], second["status"])) == {"A": "open", "B": "cleared"}
    assert second.set_index("customer_id").loc["A", "severity"] == first.set_index("customer_id").loc["A", "severity"] == 2
    assert third["status"].tolist() == ["cleared"]
    without = carried_on(first, shot({"A": 1.0, "B": 1.0}, "other"), None, (LATE,), DAYS[1])
    assert set(without["status"]) == {"open"}


def test_an_alert_of_a_trigger_that_was_taken_out_of_the_file_clears():
    first = carried_on(NOTHING, shot({"A": 50.0}), None, (LATE,), DAYS[0])
    second = carried_on(first, shot({"A": 50.0}), None, (replace(LATE, name="else"),), DAYS[1])
    assert dict(zip(second["trigger"], second["status"])) == {"late": "cleared", "else": "new"}
    assert second.set_index("trigger").loc["late", "cleared_because"] == "withdrawn"


def test_a_change_is_measured_against_the_earlier_date_and_of_those_who_were_there():
    since = shot({"A": 0.75, "B": 0.75, "C": 0.5}, "use")
    (rows,) = run([{"A": 0.5, "B": 0.51, "C": 0.0, "D": 0.0}], (FALLS,), "use", since)
    told = rows[["customer_id", "severity", "value", "level"]].to_numpy().tolist()
    assert told == [["C", 3, -0.5, -0.5], ["A", 1, -0.25, -0.25]]
    assert measured(FALLS, since, None) is None and run([{"A": 0.0}], (FALLS,), "use")[0].empty


def test_a_trigger_is_asked_only_of_those_of_whom_its_other_feature_is_known():
    now = pd.DataFrame({"days": [50.0, 50.0], "pledged": [1.0, np.nan]}, index=["A", "B"])
    asked = replace(LATE, asked_of="pledged")
    assert measured(asked, now, None).tolist()[0] == 50 and np.isnan(measured(asked, now, None).iloc[1])
    assert carried_on(NOTHING, now, None, (asked,), DAYS[0])["customer_id"].tolist() == ["A"]
    assert measured(asked, now.assign(pledged=np.nan), None) is None


def test_an_open_alert_about_a_customer_who_is_not_asked_any_more_goes_on_as_its_measure_says():
    asked = replace(LATE, asked_of="pledged")
    first = carried_on(NOTHING, shot({"A": 50.0, "B": 50.0, "C": 50.0, "D": 0.0}).assign(pledged=1.0), None, (asked,), DAYS[0])
    later = shot({"A": 95.0, "B": 1.0, "C": math.nan, "D": 95.0}).assign(pledged=[np.nan, np.nan, 1.0, np.nan])
    second = carried_on(first, later, None, (asked,), DAYS[1]).set_index("customer_id")
    assert second[["status", "severity", "cleared_because"]].T.to_dict("list") == {
        "A": ["open", 3, ""], "B": ["cleared", 2, "level"], "C": ["cleared", 2, "unknown"]}


def test_an_alert_of_a_change_stays_as_it_is_while_the_measure_is_known_and_the_earlier_one_is_not():
    then, now = shot({"A": 1.0, "B": 1.0, "C": 1.0}, "use"), shot({"A": 0.0, "B": 0.0, "C": 0.0}, "use")
    first = carried_on(NOTHING, now, then, (FALLS,), DAYS[0])
    second = carried_on(first, shot({"A": 0.0, "B": math.nan, "C": 0.5}, "use"), then.drop(index="A"), (FALLS,), DAYS[1])
    rows = second.set_index("customer_id")
    assert rows[["status", "severity", "cleared_because"]].T.to_dict("list") == {
        "A": ["open", 3, ""], "B": ["cleared", 3, "unknown"], "C": ["open", 3, ""]}
    assert np.isnan(rows.loc["A", "value"]) and rows.loc["C", "value"] == -0.5


def test_collateral_of_which_nothing_is_left_raises_the_alert_and_keeps_it_open():
    """A month later too, when cover is compared with a date on which it was whole; nobody's collateral has an age any more."""
    (fall,) = (each for each in load_triggers(FEATURES) if each.name == "collateral_fall")
    whole, partly, lost = (pd.DataFrame({"collateral_cover_ratio": cover, "valuation_age_months": age}, index=["A", "B", "C"])
                           for cover, age in ((1.0, 3.0), ([0.7, 0.0, 1.0], [0.5, np.nan, 4.0]), (0.0, np.nan)))
    first = carried_on(NOTHING, partly, whole, (fall,), DAYS[0])
    assert dict(zip(first["customer_id"], first["severity"])) == {"B": 3, "A": 2}
    second = carried_on(first, lost, whole, (fall,), DAYS[1])
    assert dict(zip(second["customer_id"], second["status"])) == {"A": "open", "B": "open", "C": "new"}
    assert set(second["severity"]) == {3} and set(second["value"]) == {-1.0}
    without = carried_on(second, whole.assign(collateral_cover_ratio=np.nan), whole, (fall,), DAYS[2])
    assert set(without["status"]) == {"open"}, "the table was not delivered"


MIGRATIONS = """
flag by month                  | status
0 0 0 0 1 1 1 1 1 1 1 1        | - - - - new open open open open open open open
0 0 0 0 1 1 0 0 0 0 0 0        | - - - - new open cleared - - - - -
0 0 0 0 1 1 1 1 1 1 0 1        | - - - - new open open open open open cleared -
1 1 1 1 1 1 1 1 1 1 1 1        | - - - - - - - - - - - -
0 0 0 0 1 1 1 . 1 1 1 1        | - - - - new open open cleared - - - -
"""


@pytest.mark.parametrize("line", MIGRATIONS.strip().splitlines()[1:], ids=lambda line: line.split("|")[0].strip())
def test_a_migration_is_open_as_long_as_the_customer_is_of_the_type(line):
    """Compared three months back; the last line is of a customer who is not scored in a month."""
    flags, statuses = (part.split() for part in line.split("|"))
    shots = [shot({"B": 0.0} | ({} if flag == "." else {"A": float(flag)}), "is_risk") for flag in flags]
    before = NOTHING
    for k, (day, status) in enumerate(zip(DAYS, statuses, strict=True)):
        before = carried_on(before, shots[k], shots[k - 3] if k >= 3 else None, (JOINED,), day)
        assert before["status"].tolist() == ([] if status == "-" else [status])
        if status in ("new", "open"):
            assert before[["severity", "value", "level"]].iloc[0].tolist() == [2, 1, 1]
    assert set(before["cleared_because"]) <= {"", "level"}


def test_a_migration_needs_no_earlier_date_to_stay_open_or_to_clear():
    first = carried_on(NOTHING, shot({"A": 1.0, "B": 1.0}, "is_risk"), shot({"A": 0.0, "B": 0.0}, "is_risk"), (JOINED,), DAYS[0])
    rows = carried_on(first, shot({"A": 1.0, "B": 0.0, "C": 1.0}, "is_risk"), None, (JOINED,), DAYS[1]).set_index("customer_id")
    assert rows["status"].to_dict() == {"A": "open", "B": "cleared"} and rows.loc["B", "cleared_because"] == "level"


def test_a_migration_away_from_a_state_is_open_as_long_as_the_customer_is_not_in_it():
    left = replace(JOINED, raises="at most", levels=((2, -1.0),), clears=-1.0)
    path = [{"A": 1.0, "B": 0.0}, {"A": 0.0, "B": 0.0}, {"A": 0.0, "B": 0.0}, {"A": 1.0, "B": 0.0}]
    before, statuses = NOTHING, []
    for k, values in enumerate(path[1:], 1):
        before = carried_on(before, shot(values, "is_risk"), shot(path[k - 1], "is_risk"), (left,), DAYS[k])
        statuses.append(list(zip(before["customer_id"], before["status"])))
    assert statuses == [[("A", "new")], [("A", "open")], [("A", "cleared")]]


def test_a_level_is_reached_by_the_value_itself():
    assert grades(LATE, np.array([9.999, 10, 30, 90, np.nan])).tolist() == [0, 1, 2, 3, 0]
    assert grades(FALLS, np.array([-0.249, -0.25, -0.5, -0.6])).tolist() == [0, 1, 3, 3]


def test_a_snapshot_has_the_features_and_what_the_model_says():
    p = np.array([[0.5, 0.2, 0.1, 0.1, 0.1], [0.3, 0.3, 0.2, 0.1, 0.1], [0.1, 0.6, 0.1, 0.1, 0.1]])
    found = snapshot(["A", "B", "C"], ("days",), np.array([[1.0], [2.0], [3.0]]), p)
    assert found["p_risk"].tolist() == [0.5, 0.3, 0.1] and found["p_churn"].tolist() == [0.2, 0.3, 0.6]
    assert found["is_risk"].tolist() == [1, 1, 0] and found["is_churn"].tolist() == [0, 0, 1]  # precedence decides between equals
    assert found["days"].tolist() == [1, 2, 3] and ORDER[:2] == ("risk", "churn")


def test_the_gravest_alerts_come_first_and_risk_before_churn():
    since = shot({"A": 1.0, "B": 1.0}, "use").assign(days=0.0)
    now = pd.DataFrame({"days": [10.0, 90.0], "use": [0.0, 0.0]}, index=["A", "B"])
    rows = carried_on(NOTHING, now, since, (FALLS, LATE), DAYS[0])
    assert list(zip(rows["list"], rows["customer_id"], rows["severity"])) == [
        ("risk", "B", 3), ("risk", "A", 1), ("churn", "A", 3), ("churn", "B", 3)]
