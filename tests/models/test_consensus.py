from __future__ import annotations

import numpy as np
import pytest
from analysts import desk, drawn_desk
from hypothesis import given, settings
from hypothesis import strategies as st

from models.labels.consensus import consensus
from models.labels.votes import votes_of
from models.types import ORDER, UnknownType

DAY = "2025-06-30"


def agreed(*rows):
    return consensus(votes_of(desk(*rows)))


def test_the_type_of_most_analysts_wins_and_the_votes_are_counted():
    result = agreed(("A", DAY, "x", "stable"), ("A", DAY, "y", "risk"), ("A", DAY, "z", "stable"))
    row = result.rows.iloc[0]
    assert row[["customer_id", "as_of", "type", "n_analysts", "n_agreeing"]].tolist() == ["A", DAY, "stable", 3, 2]
    assert result.n_disagreements == 1


def test_a_tie_between_equally_frequent_types_goes_to_the_first_in_precedence_and_dates_are_apart():
    result = agreed(("B", DAY, "x", "growth"), ("B", DAY, "y", "strategic"), ("B", "2024-06-30", "x", "stable"),
                    ("A", DAY, "x", "churn"))
    assert result.rows["customer_id"].tolist() == ["A", "B", "B"]
    assert result.rows["type"].tolist() == ["churn", "stable", "strategic"]
    assert result.n_disagreements == 1


@given(st.lists(st.sampled_from(ORDER), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_of_analysts_nothing_is_known_of_the_most_given_type_is_agreed_on_whoever_is_asked_first(given_types, random):
    rows = [("A", DAY, f"analyst {i}", kind) for i, kind in enumerate(given_types)]
    random.shuffle(rows)
    most = max(given_types.count(kind) for kind in ORDER)
    assert given_types.count(agreed(*rows).rows["type"].item()) == most


def test_a_single_label_is_believed():
    assert all(agreed(("A", DAY, "x", kind)).rows["type"].item() == kind for kind in ORDER)


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.5), st.floats(0, 0.4))
@settings(max_examples=40, deadline=None)
def test_nobody_is_given_a_type_that_no_analyst_gave_and_no_type_dies_out(seed, error, doubled):
    labels, _ = drawn_desk(150, {"a": error, "b": error / 2, "c": error}, doubled, seed % 1000)
    votes = votes_of(labels)
    result = consensus(votes)
    assert votes.tally[np.arange(len(votes.items)), result.types].all()
    alone = votes.n_votes == 1
    assert (votes.tally[alone].argmax(axis=1) == result.types[alone]).all()


def test_probabilities_of_an_item_sum_to_one_and_those_of_habits_too():
    labels, _ = drawn_desk(200, {"a": 0.1, "b": 0.3}, 0.7, 0)
    result = consensus(votes_of(labels))
    assert result.probabilities.sum(axis=1) == pytest.approx(1)
    assert result.confusions.sum(axis=2) == pytest.approx(1)


def test_a_careful_analyst_is_believed_against_a_careless_one_and_error_rates_are_found():
    rates = {"careful": 0.03, "usual": 0.12, "careless": 0.5}
    labels, truth = drawn_desk(1500, rates, 0.8, 1)
    votes = votes_of(labels)
    result = consensus(votes)
    for place, who in enumerate(votes.analysts):
        right = np.diag(result.confusions[place]).mean()
        assert right == pytest.approx(1 - rates[who], abs=0.05)
    pair = (votes.n_votes == 2) & votes.has_disagreement
    careful = votes.analysts.index("careful")
    both = pair & (votes.given[:, careful] >= 0) & (votes.given[:, votes.analysts.index("careless")] >= 0)
    assert (result.types[both] == votes.given[both, careful]).mean() > 0.95
    majority = votes.tally.argmax(axis=1)
    assert (result.types == truth).mean() > (majority == truth).mean() + 0.01


def test_an_analyst_who_always_says_stable_is_seen_through():
    labels, truth = drawn_desk(900, {"a": 0.1, "b": 0.1, "lazy": 0.0}, 1.0, 2)
    labels.loc[labels["analyst"] == "lazy", "type"] = "stable"
    result = consensus(votes_of(labels))
    lazy = result.confusion("lazy")
    assert (lazy["stable"] > 0.9).all() and lazy.index.name == "consensus"
    assert (result.types == truth).mean() > 0.85


def test_the_order_of_the_labels_changes_nothing():
    labels, _ = drawn_desk(300, {"a": 0.1, "b": 0.2, "c": 0.3}, 0.6, 3)
    one = consensus(votes_of(labels))
    other = consensus(votes_of(labels.sample(frac=1, random_state=5)))
    assert one.rows.equals(other.rows) and np.array_equal(one.confusions, other.confusions)


def test_no_labels_give_no_rows():
    result = agreed()
    assert result.rows.empty and result.n_disagreements == 0
    assert list(result.rows) == ["customer_id", "as_of", "type", "probability", "n_analysts", "n_agreeing"]


def test_an_unknown_type_and_a_second_word_of_one_analyst_are_refused():
    with pytest.raises(UnknownType, match="gold"):
        agreed(("A", DAY, "x", "gold"))
    with pytest.raises(ValueError, match="x labelled A as of 2025-06-30 twice"):
        agreed(("A", DAY, "x", "risk"), ("A", DAY, "x", "churn"))


def test_an_item_that_nobody_else_labelled_gets_the_shares_of_the_types():
    votes = votes_of(desk(("A", DAY, "x", "risk"), ("B", DAY, "y", "risk"), ("C", DAY, "y", "churn")))
    result = consensus(votes.without("x"))
    assert result.probabilities[0] == pytest.approx(result.shares)
