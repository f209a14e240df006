from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.intervals import drawn
from models.slices import LEAST_ROWS, SMALL, UNKNOWN, lengths_of_record, size_classes, slices, worst_slice


def book(n=400, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, n)
    told = np.eye(5)[truth] * 0.9 + 0.02
    regions = np.where(np.arange(n) < n // 4, "north", "south")
    wrong = (regions == "north") & (rng.random(n) < 0.6)
    told[wrong] = told[wrong][:, [4, 3, 0, 1, 2]]
    return truth, told, pd.DataFrame({"region": regions}), drawn(np.arange(n), 0, 200)


def test_the_part_where_mistakes_cost_most_is_named(types):
    truth, told, attributes, draws = book()
    worst = worst_slice(slices(truth, told, types, attributes, draws))
    assert (worst["by"], worst["part"], worst["n"]) == ("region", "north", 100)
    assert worst["expected_cost_low"] < worst["expected_cost"] < worst["expected_cost_high"]
    assert worst["accuracy"] == pytest.approx(0.4, abs=0.12)


def test_small_parts_are_counted_together_and_a_column_of_one_value_cuts_nothing(types):
    truth, told, _, draws = book()
    attributes = pd.DataFrame({"a": ["x"] * (LEAST_ROWS - 1) + ["y"] * (400 - LEAST_ROWS + 1), "b": "same", "c": None})
    table = slices(truth, told, types, attributes, draws)
    assert table[["by", "part", "n"]].to_numpy().tolist() == [["a", "y", 400 - LEAST_ROWS + 1], ["a", SMALL, LEAST_ROWS - 1]]
    assert table.iloc[1, 3:].isna().all() and worst_slice(table)["part"] == "y" and worst_slice(table.iloc[1:]) is None
    assert worst_slice(table.iloc[:0]) is None


def test_sizes_are_quarters_and_equal_exposures_share_one():
    classes = size_classes(pd.Series([5.0, 1.0, 2.0, 3.0, np.nan]))
    assert classes.tolist() == [f"exposure quarter {n} of 4" for n in (4, 1, 2, 3)] + [UNKNOWN]
    assert size_classes(pd.Series([7.0] * 9)).nunique() == 1


def test_lengths_of_record_have_their_lower_end_within():
    words = lengths_of_record(pd.Series([0.0, 11.9, 12.0, 47.0, 48.0, np.nan])).tolist()
    assert words == ["0 to 12 months"] * 2 + ["12 to 24 months", "24 to 48 months", "48 months and more", UNKNOWN]
