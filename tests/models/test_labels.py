from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.labels import consensus
from models.types import ORDER, UnknownType


def desk(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "as_of", "analyst", "type"])


def test_the_type_of_most_analysts_wins():
    result = consensus(
        desk(
            ("A", "2025-06-30", "x", "stable"),
            ("A", "2025-06-30", "y", "risk"),
            ("A", "2025-06-30", "z", "stable"),
        )
    )
    assert result.rows.to_dict("records") == [
        {"customer_id": "A", "as_of": "2025-06-30", "type": "stable", "n_analysts": 3, "n_agreeing": 2}
    ]
    assert result.n_disagreements == 1


def test_a_tie_goes_to_the_first_in_precedence_and_dates_are_apart():
    result = consensus(
        desk(
            ("B", "2025-06-30", "x", "growth"),
            ("B", "2025-06-30", "y", "strategic"),
            ("B", "2024-06-30", "x", "growth"),
            ("A", "2025-06-30", "x", "churn"),
        )
    )
    assert result.rows["customer_id"].tolist() == ["A", "B", "B"]
    assert result.rows["type"].tolist() == ["churn", "growth", "strategic"]
    assert result.n_disagreements == 1


@given(st.lists(st.sampled_from(ORDER), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_the_consensus_is_a_most_given_type_whoever_is_asked_first(given_types, random):
    rows = [("A", "2025-06-30", f"analyst {i}", kind) for i, kind in enumerate(given_types)]
    random.shuffle(rows)
    agreed = consensus(desk(*rows)).rows["type"].item()
    most = max(given_types.count(kind) for kind in ORDER)
    assert agreed == next(kind for kind in ORDER if given_types.count(kind) == most)


def test_no_labels_give_no_rows():
    result = consensus(desk())
    assert result.rows.empty and result.n_disagreements == 0
    assert list(result.rows.columns) == ["customer_id", "as_of", "type", "n_analysts", "n_agreeing"]


def test_an_unknown_type_is_refused():
    with pytest.raises(UnknownType, match="gold"):
        consensus(desk(("A", "2025-06-30", "x", "gold")))
