from __future__ import annotations

import numpy as np
import pytest
from analysts import desk, drawn_desk
from sklearn.metrics import cohen_kappa_score

from models.labels.agreement import LEAST_IN_COMMON, agreement, alpha, disagreements, kappa
from models.labels.ceiling import human_ceiling
from models.labels.votes import votes_of
from models.types import ORDER

DAY = "2025-06-30"


def test_kappa_is_the_one_of_scikit_learn():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 5, 200)
    b = np.where(rng.random(200) < 0.6, a, rng.integers(0, 5, 200))
    table = np.zeros((5, 5))
    np.add.at(table, (a, b), 1)
    assert kappa(table) == pytest.approx(cohen_kappa_score(a, b))


def test_alpha_is_the_one_of_krippendorffs_own_example():
    """Reliability data of four observers on twelve units, nominal alpha 0.743 (Krippendorff 2011, "Computing
    Krippendorff's Alpha-Reliability", section C)."""
    said = """1 . 1 1
              2 2 3 2
              3 3 3 3
              3 3 3 3
              2 2 2 2
              1 2 3 4
              4 4 4 4
              1 1 2 1
              2 2 2 2
              . 5 5 5
              . . 1 1
              . . 3 ."""
    rows = [(f"U{i:02d}", DAY, "abcd"[j], ORDER[int(word) - 1])
            for i, line in enumerate(said.splitlines()) for j, word in enumerate(line.split()) if word != "."]
    found = agreement(votes_of(desk(*rows)), seed=0)
    everybody = found[(found["between"] == "everybody") & (found["type"] == "all")]
    assert everybody["value"].item() == pytest.approx(0.743, abs=5e-4)


def test_perfect_agreement_is_one_and_answers_by_chance_are_nought():
    labels, _ = drawn_desk(800, {"a": 0.0, "b": 0.0}, 1.0, 0)
    assert agreement(votes_of(labels), 0)["value"].tolist() == pytest.approx([1] * 12)
    labels, _ = drawn_desk(800, {"a": 0.8, "b": 0.8}, 1.0, 0)  # wrong in four of five: every type as likely
    found = agreement(votes_of(labels), 0).query("type == 'all'")
    assert found["value"].abs().max() < 0.06 and (found["low"] < 0.05).all() and (found["high"] > -0.05).all()


def test_where_chance_is_certain_there_is_no_measure():
    assert np.isnan(kappa(np.diag([9.0, 0, 0]))) and np.isnan(alpha(np.diag([9.0, 0, 0])))


def test_the_interval_holds_the_measure_of_many_books_about_as_often_as_it_says():
    rates = {"a": 0.1, "b": 0.2}
    large, _ = drawn_desk(20_000, rates, 1.0, 99)
    true = agreement(votes_of(large), 0)["value"].iloc[0]
    held = []
    for seed in range(60):
        labels, _ = drawn_desk(120, rates, 1.0, seed)
        row = agreement(votes_of(labels), seed).iloc[0]
        held.append(row["low"] <= true <= row["high"])
    assert 0.87 <= np.mean(held) <= 1.0


def test_a_pair_needs_enough_in_common():
    n = LEAST_IN_COMMON
    rows = [(f"C{i:03d}", DAY, who, ORDER[i % 5]) for i in range(n) for who in ("a", "b")]
    assert "a and b" in agreement(votes_of(desk(*rows)), 0)["between"].tolist()
    assert "a and b" not in agreement(votes_of(desk(*rows[:-1])), 0)["between"].tolist()


def test_a_type_that_is_easily_told_has_the_higher_agreement():
    rng = np.random.default_rng(0)
    rows = []
    for i in range(600):
        kind = ORDER[i % 5]
        other = kind if kind == "risk" or rng.random() < 0.5 else ORDER[1 + rng.integers(4)]
        rows += [(f"C{i:03d}", DAY, "a", kind), (f"C{i:03d}", DAY, "b", other)]
    found = agreement(votes_of(desk(*rows)), 0).query("between == 'a and b'").set_index("type")["value"]
    assert found["risk"] == pytest.approx(1) and found[list(ORDER[1:])].max() < 0.7


def test_disagreements_show_what_each_analyst_said_and_leave_out_who_was_not_asked():
    table = disagreements(votes_of(desk(("A", DAY, "x", "risk"), ("A", DAY, "y", "churn"), ("B", DAY, "x", "risk"),
                                        ("B", DAY, "z", "risk"))))
    assert table.to_dict("records") == [
        {"customer_id": "A", "as_of": DAY, "x said": "risk", "y said": "churn", "z said": ""}]


def test_the_ceiling_of_analysts_who_never_err_is_one_and_of_others_what_their_errors_leave():
    labels, _ = drawn_desk(300, {"a": 0.0, "b": 0.0, "c": 0.0}, 0.7, 0)
    table = human_ceiling(votes_of(labels), 0)
    assert table["accuracy"].tolist() == pytest.approx([1] * 4) and table["macro_f1"].tolist() == pytest.approx([1] * 4)
    labels, _ = drawn_desk(3000, {"a": 0.1, "b": 0.1}, 1.0, 0)
    row = human_ceiling(votes_of(labels), 0).loc["everybody"]
    # two people agree when both are right, or both wrong in the same of four ways
    assert row["accuracy"] == pytest.approx(0.9**2 + 0.1**2 / 4, abs=0.015)
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"] and (row["n"], row["others"]) == (6000, 1.0)


def test_an_analyst_is_never_judged_by_a_consensus_that_heard_them():
    # alone against nobody there is nothing to judge
    labels = desk(*[(f"C{i}", DAY, "x", "risk") for i in range(5)])
    assert human_ceiling(votes_of(labels), 0).empty
