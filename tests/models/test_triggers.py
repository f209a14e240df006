"""The file of triggers: the delivered one is whole, and what is broken in another is named in a line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import features.frame  # noqa: F401  (fills the register)
from features.catalogue import FEATURES
from models.triggers import LISTS, TRIGGERS_FILE, BrokenTriggers, load_triggers

DELIVERED = TRIGGERS_FILE.read_text(encoding="utf-8")
CHINESE = re.compile(r"[\u4e00-\u9fff]")

BROKEN = """
what was written                        | instead                              | what is said
list = "risk"                           | list = "fraud"                       | list = 'fraud'. Write one of: risk, churn
compared = "value"                      | compared = "before"                  | compared = 'before'. Write one of: value,
raises = "at least"                     | raises = "above"                     | raises = 'above'
measure = "p_risk"                      | measure = "p_churn"                  | p_churn on the list risk
measure = "days_past_due"               | measure = "days_past_dew"            | days_past_dew is no feature
asked_of = "is_in_guarantee_circle"     | asked_of = "circle"                  | circle is no feature
clears = -0.05                          | asked_of = "valuation_age_months"    | asked_of of a change. Leave it out
clears = 1                              | told_in = "points"                   | told_in = 'points' of a measure in flag
told_in = "points"                      | told_in = "days"                     | told_in = 'days' of a measure in ratio
name_zh = "逾期"                          |                                      | no name_zh
owner = "credit_risk_officer"           | owner = "nobody"                     | the owner nobody has no role
words_zh = "逾期天数"                       | words_zh = " "                       | no words_zh
low = 0.3                               | low = "much"                         | low = 'much'. Write a number
low = 0.3                               | low = nan                            | low = nan
clears = 0.2                            | clears = 0.4                         | out of order for 'at least'
low = 0.3                               | low = 0.5                            | out of order for 'at least'
low = -0.02                             | low = -0.05                          | out of order for 'at most'
clears = 0.2                            | clears = true                        | clears = True
clears = 0.2                            | colour = 1                           | unknown key colour
clears = 0.2                            |                                      | clears = None
name_en = "relationship manager"        | name = "relationship manager"        | not a name in either language
[role.relationship_manager]             | [roles.relationship_manager]         | it holds ['role', 'roles', 'trigger']
list = "risk"                           | list =                               | not readable as TOML
"""


def test_the_delivered_triggers_speak_both_languages_and_tell_where_their_levels_come_from():
    triggers = load_triggers(FEATURES)
    assert {(each.list, each.source) for each in triggers} == {(kind, source) for kind in LISTS for source in ("model", "rule")}
    for each in triggers:
        assert CHINESE.search(each.words_zh) and not CHINESE.search(each.words_en)
        assert CHINESE.search(each.name_zh) and not CHINESE.search(each.name_en) and len(each.name_en) < len(each.words_en)
        assert each.levels_from and each.owner.name_zh != each.escalation.name_zh and 1 <= len(each.levels) <= 3


def test_no_two_triggers_have_the_same_name():
    triggers = load_triggers(FEATURES)
    for language in ("en", "zh"):
        assert len({getattr(each, f"name_{language}") for each in triggers}) == len(triggers)


def test_differences_of_shares_are_told_in_points_and_no_ratio_is_told_without_a_unit():
    told = {each.name: each.told_in for each in load_triggers(FEATURES)}
    in_points = {name for name, unit in told.items() if unit == "points"}
    assert in_points == {"risk_rise", "churn_rise", "collateral_fall", "line_unused"}
    assert "ratio" not in told.values() and told["risk_probability"] == told["fading"] == "share"
    assert (told["past_due"], told["risk_migration"]) == ("days", "flag")


def test_what_the_issue_names_is_watched():
    measures = {each.measure for each in load_triggers(FEATURES)}
    assert {"p_risk", "is_risk", "days_past_due", "rating_notches_12m", "line_utilisation_share", "collateral_cover_ratio",
            "n_steps_to_default", "p_churn", "is_churn", "line_utilisation_slope_12m_ratio", "n_refinanced_away_24m",
            "days_since_contact", "n_rate_complaints_12m"} <= measures


@pytest.mark.parametrize("line", BROKEN.strip().splitlines()[1:], ids=lambda line: line.split("|")[2].strip())
def test_a_broken_file_is_named_with_the_place(line, tmp_path):
    old, new, said = (part.strip() for part in line.split("|"))
    assert old in DELIVERED
    file = tmp_path / "triggers.toml"
    file.write_text(DELIVERED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BrokenTriggers) as found:
        load_triggers(FEATURES, file)
    assert found.value.exit_code == 66 and str(file) in str(found.value) and said in str(found.value)


@pytest.mark.parametrize("content", [b"\xff", None, b"", b"trigger = 1\n[role.a]\nname_en = 'a'\nname_zh = 'b'\n",
                                     b"[trigger]\na = 1\n[role.a]\nname_en = 'a'\nname_zh = 'b'\n"])
def test_what_is_no_file_of_triggers_is_named(content, tmp_path):
    file = Path(tmp_path) / "triggers.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BrokenTriggers, match=re.escape(str(file))):
        load_triggers(FEATURES, file)


def test_a_trigger_without_any_level_is_named(tmp_path):
    file = tmp_path / "triggers.toml"
    file.write_text(re.sub(r"(?m)^(low|medium|high) = 0\.[357]\n", "", DELIVERED, count=3), encoding="utf-8")
    with pytest.raises(BrokenTriggers, match="no level"):
        load_triggers(FEATURES, file)
