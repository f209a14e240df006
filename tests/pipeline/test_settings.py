"""run.toml: the delivered one loads and explains itself; anything unknown stops the job."""

from __future__ import annotations

import dataclasses
import re

import pytest

from pipeline.cli import main
from pipeline.errors import BadSettings
from pipeline.settings import RUN_TOML, load_settings

DELIVERED = RUN_TOML.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    monkeypatch.delenv("PENTAD_TRACKING_URI", raising=False)


def changed(tmp_path, old: str, new: str):
    """The delivered settings with one text replaced."""
    assert old in DELIVERED
    file = tmp_path / "run.toml"
    file.write_text(DELIVERED.replace(old, new, 1), encoding="utf-8")
    return file


def test_the_delivered_settings_load_and_cannot_be_changed():
    settings = load_settings()
    assert settings.book.reject_share_limit == 0.05
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.book.reject_share_limit = 1.0


def test_every_setting_of_the_file_arrives():
    settings = dataclasses.asdict(load_settings())
    written = re.findall(r"(?m)^(\w+) = ", DELIVERED)
    keys = [(key, value) for section in settings.values() for key, value in section.items()]
    assert sorted(written) == sorted(each for key, value in keys for each in (value if isinstance(value, dict) else [key]))


def test_every_key_stands_below_a_comment_of_its_section():
    explained = False
    for line in DELIVERED.splitlines():
        if line.startswith("["):
            explained = False
        explained |= line.startswith("#")
        assert explained or not re.match(r"\w+ = ", line), line


@pytest.mark.parametrize(("old", "new", "said"), [
    ("n_trees = 400", "n_trees = 400\nn_leaves = 3", "n_leaves"),
    ("n_trees = 400\n", "", "n_trees"),
    ("n_trees = 400", 'n_trees = "many"', "n_trees = 'many' is not of type int"),
    ("n_trees = 400", "n_trees = 400.5", "n_trees = 400.5 is not of type int"),
    ("n_trees = 400", "n_trees = true", "n_trees = True is not of type int"),
    ('experiment = "pentad"', "experiment = 3", "experiment = 3 is not of type str"),
    ("cleared_features = []", 'cleared_features = "x"', "cleared_features = 'x' is not a list of names"),
    ("cleared_features = []", "cleared_features = [3]", "cleared_features = [3] is not a list of names"),
    ("[score]", "[scores]", "['score', 'scores']"),
    ("[book]", "[sauce]\nsalt = 1\n[book]", "['sauce']"),
    ("[book]", "[book", "line 3"),
], ids=["unknown key", "missing key", "text for a number", "fraction for a whole number", "flag for a number",
        "number for text", "text for a list", "number in a list of names", "renamed section", "unknown section", "not TOML"])
def test_a_setting_that_does_not_fit_is_named(tmp_path, capsys, old, new, said):
    file = changed(tmp_path, old, new)
    assert main(["--settings", str(file), "promote", "--reason", "r", "--by", "b"]) == BadSettings.exit_code == 50
    err = capsys.readouterr().err
    assert err.startswith(f"pentad: BadSettings: {file}")
    assert said in err
    assert err.count("\n") == 1


def test_settings_that_are_not_there_or_not_utf8_are_bad_settings(tmp_path):
    with pytest.raises(BadSettings):
        load_settings(tmp_path / "nowhere.toml")
    (tmp_path / "gbk.toml").write_bytes("# 设置".encode("gbk"))
    with pytest.raises(BadSettings):
        load_settings(tmp_path / "gbk.toml")


@pytest.mark.parametrize(("old", "new"), [
    ("reject_share_limit = 0.05", "reject_share_limit = 5"), ("reject_share_limit = 0.05", "reject_share_limit = nan"),
    ("held_out_share = 0.25", "held_out_share = -0.5"), ("n_reasons = 3", "n_reasons = -1"),
    ("embargo_days = 30", "embargo_days = -1"), ("silent_months = 11", "silent_months = 0"),
    ("n_threads = 2", "n_threads = 2000000000000"), ("n_trees = 400", "n_trees = 2000000000000"),
    ("depth = 2", "depth = 2000000000000"), ("seed = 7", "seed = 20000000000000000000"),
    ("embargo_days = 30", "embargo_days = 2000000000000"), ("n_twins = 3", "n_twins = 0"),
    ("month_type_flip_limit = 0.20", "month_type_flip_limit = 20"), ("cover_level = 0.70", "cover_level = 7"),
    ("plan_days = 30", "plan_days = 0"), ("senior_visit = 0.15", "senior_visit = 15"),
    ("senior_visit = 0.15", "senior_visit = true"), ("senior_visit = 0.15", 'senior_visit = "much"'),
    ("senior_visit = 0.15", "senior_visit = nan"),
])
def test_an_impossible_value_is_a_bad_setting(tmp_path, old, new):
    with pytest.raises(BadSettings):
        load_settings(changed(tmp_path, old, new))


def test_a_section_that_is_a_single_value_is_a_bad_setting(tmp_path):
    text = "book = 3\n" + DELIVERED.replace("[book]", "", 1).replace("reject_share_limit = 0.05", "", 1)
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadSettings):
        load_settings(tmp_path / "run.toml")


def test_the_environment_names_the_store_over_the_file(monkeypatch):
    monkeypatch.setenv("PENTAD_TRACKING_URI", "sqlite:////elsewhere/mlflow.db")
    assert load_settings().tracking.uri == "sqlite:////elsewhere/mlflow.db"
