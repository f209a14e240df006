from __future__ import annotations

import pandas as pd
import pytest

from models.types import (
    ORDER,
    TYPES_FILE,
    BrokenTypes,
    UnknownType,
    cost_matrix,
    load_types,
    names,
    type_indices,
)


def changed(tmp_path, old, new):
    text = TYPES_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "types.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_the_types_come_in_the_written_precedence(types):
    assert names(types) == ORDER == ("risk", "churn", "strategic", "growth", "stable")
    assert [kind.precedence for kind in types] == [1, 2, 3, 4, 5]
    assert [kind.name_zh for kind in types] == ["风险型", "流失型", "战略型", "成长型", "稳定型"]


def test_calling_a_risk_customer_strategic_is_the_dearest_mistake(types):
    costs = cost_matrix(types)
    assert costs.max() == costs[ORDER.index("risk"), ORDER.index("strategic")]
    assert (costs == costs.max()).sum() == 1


def test_only_the_right_type_is_free(types):
    costs = cost_matrix(types)
    assert ((costs == 0) == [[row == column for column in range(5)] for row in range(5)]).all()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name_zh = "成长型"\n', "", r"\[growth\].*no name_zh"),
        ('name_en = "churn"', 'name_en = " "', r"\[churn\].*no name_en"),
        ("precedence = 5", "precedence = 4", "growth and stable share precedence 4"),
        ("precedence = 1\n", "", r"\[risk\].*no precedence"),
        ("strategic = 10.0\n", "", r"\[risk\].*mistake_cost of calling it strategic"),
        ("strategic = 10.0\n", "strategic = -1\n", r"\[risk\].*mistake_cost of calling it strategic"),
        ("strategic = 10.0\n", "strategic = nan\n", r"\[risk\].*mistake_cost of calling it strategic"),
        ("churn = 4.0\n", "churn = 4.0\nrisk = 1.0\n", r"\[risk\].*a mistake_cost for risk"),
        ("name_en", "nom_en", "unknown key nom_en"),
        ("[risk]", "[risk", "TOML"),
        ("[stable]", "[steady]", "missing or unknown: steady"),
    ],
)
def test_a_broken_file_says_what_is_wrong_and_where(tmp_path, old, new, said):
    with pytest.raises(BrokenTypes, match=said) as broken:
        load_types(changed(tmp_path, old, new))
    assert broken.value.exit_code == 30 and broken.value.todo


def test_another_precedence_is_refused_because_trained_models_keep_the_order(tmp_path):
    path = changed(tmp_path, "precedence = 1", "precedence = 9")
    with pytest.raises(BrokenTypes, match="churn > strategic > growth > stable > risk"):
        load_types(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BrokenTypes, match="cannot be read .No such file"):
        load_types(tmp_path / "none.toml")


def test_a_label_that_is_no_type_is_named():
    labels = pd.Series(["risk", "golden", None, "stable"], index=[7, 8, 9, 10])
    with pytest.raises(UnknownType, match="2 labels such as .*golden"):
        type_indices(labels)
    assert type_indices(labels[[10, 7]]).tolist() == [4, 0]
