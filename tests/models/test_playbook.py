"""The strategies taken apart: every type has actions that can be done, and a file that does not fit says where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.playbook import PROTECTED, ROLES, load_playbook
from models.types import ORDER, TYPES_FILE, BrokenTypes

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def changed(folder: Path, old: str, new: str) -> Path:
    text = TYPES_FILE.read_text(encoding="utf-8")
    assert old in text
    file = folder / "types.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file


def test_every_type_has_the_actions_that_its_strategy_names():
    playbook = load_playbook()
    assert {kind: [action.name for action in actions][:3] for kind, actions in playbook.items()} == {
        "risk": ["strict_review", "extra_security", "repayment_reminder"],
        "churn": ["retention_interview", "retention_offer", "risk_warning"],
        "strategic": ["senior_visit", "tailored_terms", "strategic_review"],
        "growth": ["flexible_credit", "financial_coaching", "progress_review"],
        "stable": ["repayment_reminder", "service_call", "add_on_offer"]}
    assert tuple(playbook) == ORDER


def test_whatever_the_type_an_open_warning_of_either_list_is_followed_up():
    for actions in load_playbook().values():
        assert {"risk_warning", "churn_warning"} <= {action.per for action in actions}


def test_actions_are_named_in_both_languages_and_led_by_a_known_role():
    for action in {each for actions in load_playbook().values() for each in actions}:
        assert CHINESE.search(action.name_zh) and not CHINESE.search(action.name_en + action.guide_en)
        assert bool(action.guide_zh) == bool(action.guide_en)
        assert action.role in ROLES and action.protects in PROTECTED[action.per]


def test_a_retention_interview_says_what_to_ask():
    (interview,) = (action for action in load_playbook()["churn"] if action.name == "retention_interview")
    assert interview.guide_en.count("?") == interview.guide_zh.count("？") == 4


@pytest.mark.parametrize(("old", "new", "said"), [
    ('actions = ["strict_review", ', 'actions = ["strict_revue", ', r"\[risk\].*strict_revue is not described"),
    ('actions = ["strict_review", ', 'actions = ["extra_security", ', r"\[risk\].*extra_security .* named twice"),
    ('actions = ["flexible_credit", "financial_coaching", "progress_review", "risk_warning", "churn_warning"]\n', "",
     r"\[growth\].*no actions"),
    ('"flexible_credit", ', "", r"\[actions.flexible_credit\].*no type takes flexible_credit"),
    ("hours = 6.0", "hours = 0", r"\[actions.strict_review\].*hours = 0"),
    ("hours = 6.0", "hours = nan", r"\[actions.strict_review\].*hours = nan"),
    ("hours = 6.0", 'hours = "six"', r"\[actions.strict_review\].*hours = 'six' is not of type float"),
    ("hours = 6.0\n", "", r"\[actions.strict_review\].*key hours missing"),
    ("hours = 6.0\n", "hours = 6.0\nhors = 1\n", r"\[actions.strict_review\].*key hors .* unknown"),
    ("times = 4", "times = 0", r"\[actions.strict_review\].*times = 0 per year"),
    ("times = 4", "times = true", r"\[actions.strict_review\].*times = True is not of type int"),
    ('per = "shortfall"', 'per = "shortfall"\ntimes = 2', r"\[actions.extra_security\].*times = 2 per shortfall"),
    ('per = "shortfall"', 'per = "moon"', r"\[actions.extra_security\].*per = 'moon'"),
    ('role = "credit_officer"\n', 'role = "astrologer"\n', r"\[actions.strict_review\].*unknown role astrologer"),
    ('protects = "punctuality"', 'protects = "income"', r"\[actions.repayment_reminder\].*cannot protect income"),
    ('name_zh = "还款提醒"', 'name_zh = ""', r"\[actions.repayment_reminder\].*name_zh = ''"),
    ('after = "retention_interview"', 'after = "retention_offer"', r"\[churn\].*cannot come after retention_offer"),
    ('after = "retention_interview"', 'after = "churn_warning"', r"\[churn\].*cannot come after churn_warning"),
    ('"retention_interview", "retention_offer"', '"retention_offer"', r"\[churn\].*cannot come after retention_interview"),
    ('hours = 2.0\nprotects = "income"', 'hours = 2.0\nprotects = "principal"',
     r"\[churn\].*cannot come after retention_interview"),
    ('"retention_offer", "risk_warning"', '"retention_offer", "senior_visit", "tailored_terms", "strategic_review", '
     '"progress_review", "service_call", "flexible_credit", "risk_warning"', r"\[churn\].*9 actions protect income.*at most 8"),
    ("[actions.strict_review]", "[actions.strict_review", "TOML"),
])
def test_a_broken_playbook_says_what_is_wrong_and_where(tmp_path, old, new, said):
    with pytest.raises(BrokenTypes, match=said):
        load_playbook(changed(tmp_path, old, new))


def test_a_file_without_actions_or_with_a_value_for_one_is_refused(tmp_path):
    text = TYPES_FILE.read_text(encoding="utf-8")
    (tmp_path / "none.toml").write_text(text.split("[actions.")[0], encoding="utf-8")
    with pytest.raises(BrokenTypes, match="no actions"):
        load_playbook(tmp_path / "none.toml")
    (tmp_path / "value.toml").write_text(text + "\n[actions]\nrest = 3\n", encoding="utf-8")
    with pytest.raises(BrokenTypes, match="a value where a block is needed"):
        load_playbook(tmp_path / "value.toml")
