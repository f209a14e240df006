"""Suspect labels, whom to label next, and the precedence, on desks whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from analysts import desk

from models.labels.consensus import consensus
from models.labels.precedence import LEAST_GIVEN, precedence
from models.labels.queue import expected_benefit, whom_next
from models.labels.suspects import confident_learning, suspects
from models.labels.votes import votes_of
from models.types import ORDER

DATES = ("2024-12-31", "2025-03-31", "2025-06-30")


def planted(n_customers: int, seed: int):
    """Three quarters per customer, a type that changes in one quarter in ten, labels wrong in one of ten, and a model for
    which one row in four looks like another type than it is: types overlap, and it is sure of itself all the same."""
    rng = np.random.default_rng(seed)
    rows, truths, told = [], [], []
    for i in range(n_customers):
        true = rng.integers(5)
        for day in DATES:
            true = rng.integers(5) if rng.random() < 0.1 else true
            looks = true if rng.random() < 0.75 else rng.integers(5)
            seen = rng.dirichlet(np.full(5, 0.3) + 2 * np.eye(5)[looks])
            truths.append(true)
            told.append(seen)
            for who in ("a", "b") if rng.random() < 0.15 else ("ab"[rng.integers(2)],):
                said = true if rng.random() > 0.1 else (true + rng.integers(1, 5)) % 5
                rows.append((f"C{i:04d}", day, who, ORDER[said], true != said))
    labels = pd.DataFrame(rows, columns=["customer_id", "as_of", "analyst", "type", "is_wrong"])
    return labels, np.array(told)


def test_of_the_first_fifty_at_least_twice_as_many_are_wrong_as_of_those_that_confident_learning_flags():
    for seed in range(3):
        labels, told = planted(700, seed)
        agreed = consensus(votes_of(labels.drop(columns="is_wrong")))
        ours = suspects(agreed, told).merge(labels, on=["customer_id", "as_of", "analyst"])
        items = pd.MultiIndex.from_frame(agreed.votes.items)
        place = items.get_indexer(pd.MultiIndex.from_frame(labels[["customer_id", "as_of"]]))
        rank = confident_learning(pd.Index(ORDER).get_indexer(labels["type"]), told[place])
        flagged = labels["is_wrong"][np.isfinite(rank)].mean()
        first = labels["is_wrong"].to_numpy()[np.argsort(-rank, kind="stable")[:50]].mean()
        assert ours["is_wrong"][:50].mean() >= max(2 * flagged, first)
        assert 0.15 < flagged < 0.5, "otherwise the types do not overlap, and nothing was shown"


def test_the_surest_suspicions_are_mostly_right_and_the_least_hardly_ever():
    labels, told = planted(1500, 9)
    # Bayes' rule on how the model was planted: a Dirichlet density is higher by told**2 where it looks, true in three of four
    told = 0.75 * told**2 / (told**2).sum(axis=1, keepdims=True) + 0.25 / 5
    agreed = consensus(votes_of(labels.drop(columns="is_wrong")))
    found = suspects(agreed, told).merge(labels, on=["customer_id", "as_of", "analyst"])
    surest = found[found["p_wrong"] > 0.9]
    assert len(surest) > 50 and surest["is_wrong"].mean() > 0.7
    assert found.loc[found["p_wrong"] < 0.02, "is_wrong"].mean() < 0.03
    assert found["p_wrong"].is_monotonic_decreasing and len(found) == len(labels)


def told_of(kind: str, sure: float = 0.6) -> np.ndarray:
    return np.where(np.array(ORDER) == kind, sure, (1 - sure) / 4)


def witnesses(*rows, told):
    return suspects(consensus(votes_of(desk(*rows))), np.array(told)).set_index(["customer_id", "as_of", "analyst"])


def test_each_witness_is_shown_and_a_far_neighbour_is_not_heard():
    rows = [("A", "2024-12-31", "x", "risk"), ("A", "2025-03-31", "y", "stable"), ("A", "2025-03-31", "z", "risk"),
            ("A", "2025-06-30", "x", "churn"), ("B", "2021-03-31", "x", "growth"), ("B", "2025-03-31", "x", "stable")]
    found = witnesses(*rows, told=[told_of("risk")] * 3 + [told_of("growth")] * 2)
    row = found.loc[("A", "2025-03-31", "y")]
    assert row[["type", "likely_type", "model", "others", "before", "after"]].tolist() == [
        "stable", "risk", "risk", "risk", "risk", "churn"]
    assert found.loc[("B", "2025-03-31", "x"), "before"] == "growth"  # shown, though four years are no evidence
    alone = witnesses(("B", "2025-03-31", "x", "stable"), *rows[:4], told=[told_of("risk")] * 3 + [told_of("growth")])
    shared = witnesses(*rows, told=[told_of("risk")] * 3 + [told_of("growth")] * 2)
    row = ("B", "2025-03-31", "x")
    assert shared.loc[row, "p_wrong"] == pytest.approx(alone.loc[row, "p_wrong"], abs=0.05)


def test_a_label_that_model_colleague_and_neighbours_contradict_is_more_suspect_than_one_that_the_model_alone_does():
    base = [(f"C{i:02d}", day, "x", ORDER[i % 5]) for i in range(40) for day in DATES]
    told = [told_of(ORDER[i % 5]) for i in range(40) for _ in DATES]
    alone = [("Z", DATES[1], "y", "stable")]
    all_say = [("Z", DATES[0], "x", "risk"), *alone, ("Z", DATES[1], "x", "risk"), ("Z", DATES[2], "x", "risk")]
    p_alone = witnesses(*base, *alone, told=[*told, told_of("risk")]).loc[("Z", DATES[1], "y"), "p_wrong"]
    p_all = witnesses(*base, *all_say, told=[*told, *[told_of("risk")] * 3]).loc[("Z", DATES[1], "y"), "p_wrong"]
    assert p_all > p_alone + 0.3


def test_no_label_no_suspect():
    assert suspects(consensus(votes_of(desk())), np.empty((0, 5))).empty


def test_the_worth_of_a_label_is_the_cost_of_the_mistake_it_saves(types):
    told = np.array([[0.3, 0.0, 0.0, 0.0, 0.7], [0.0, 0.0, 0.0, 0.0, 1.0]])
    # given stable; with 0.3 it is risk, which costs 6
    assert expected_benefit(told, types) == pytest.approx([0.3 * types[0].mistake_cost["stable"], 0.0])


def queue(types, n, budget, seed=0):
    rng = np.random.default_rng(seed)
    keys = pd.DataFrame({"customer_id": [f"C{i:04d}" for i in range(n)], "as_of": "2025-06-30"})
    told = rng.dirichlet([0.2, 0.3, 0.1, 0.6, 1.5], n)
    parts = rng.choice(["small", "large"], n, p=[0.9, 0.1])
    return whom_next(keys, told, types, parts, budget), told, parts


def test_types_take_turns_and_parts_within_them(types):
    found, _, _ = queue(types, 4000, 50)
    counts = found["type"].value_counts()
    assert counts.max() - counts.min() <= 1 and set(counts.index) == set(ORDER)
    for _, rows in found.groupby("type"):
        assert rows["part"].value_counts().to_dict() == {"small": 5, "large": 5}


def test_within_type_and_part_the_dearest_come_first_and_nobody_twice(types):
    found, told, parts = queue(types, 500, 500)
    assert found["customer_id"].is_unique and len(found) == 500
    assert all(rows["benefit"].is_monotonic_decreasing for _, rows in found.groupby(["type", "part"]))
    few, _, _ = queue(types, 500, 7)
    assert few["customer_id"].tolist() == found["customer_id"].head(7).tolist()


def test_a_budget_beyond_the_book_takes_everybody_and_an_empty_book_nobody(types):
    assert len(queue(types, 5, 10)[0]) == 5
    assert whom_next(pd.DataFrame({"customer_id": [], "as_of": []}), np.empty((0, 5)), types, [], 3).empty


def both_fit(n: int, share_first: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows late by 40 days (risk) that also doubled their exposure on a short record (growth)."""
    features = pd.DataFrame({"days_past_due_max_3m": [40.0] * n, "exposure_growth_12m_ratio": 1.0, "record_months": 6.0})
    return features, np.where(np.arange(n) < round(n * share_first), "risk", "growth").astype(object)


@pytest.mark.parametrize(("n", "share", "verdict"), [
    (100, 0.8, "kept"), (100, 0.2, "against"), (100, 0.5, "not settled"), (LEAST_GIVEN, 1.0, "kept"),
    (LEAST_GIVEN - 1, 1.0, "too few")])
def test_the_precedence_is_kept_where_its_first_type_is_given_to_most_that_fit_both(n, share, verdict):
    features, given = both_fit(n, share)
    table = precedence(features, given, np.arange(n), 0).set_index(["first", "second"])
    row = table.loc[("risk", "growth")]
    assert (row["verdict"], row["n_both"], row["n_first"] + row["n_second"]) == (verdict, n, n)
    assert table.loc[("churn", "growth"), "n_both"] == 0 and table.loc[("churn", "growth"), "verdict"] == "too few"


def test_ten_dates_of_a_customer_settle_no_more_than_one():
    features, given = both_fit(40, 0.7)
    apart = precedence(features, given, np.arange(40), 0).set_index(["first", "second"]).loc[("risk", "growth")]
    together = precedence(features, given, np.arange(40) // 10, 0).set_index(["first", "second"]).loc[("risk", "growth")]
    assert apart["verdict"] == "kept" and together["verdict"] == "not settled"


def test_labels_that_fit_neither_type_say_nothing_of_the_two():
    features, given = both_fit(60, 0.5)
    given[:30] = "stable"
    row = precedence(features, given, np.arange(60), 0).set_index(["first", "second"]).loc[("risk", "growth")]
    assert (row["n_both"], row["n_first"], row["n_second"]) == (60, 0, 30)
