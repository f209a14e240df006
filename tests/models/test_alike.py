"""Which customers are most like another: by rank of their features, never itself, whatever the units."""

from __future__ import annotations

import numpy as np
import pytest

from models.alike import most_alike


def distances(values: np.ndarray) -> list[dict[int, int]]:
    """Of each row the squared distance of its ranks from those of every other, in plain Python; nothing is missing or tied."""
    rows = range(len(values))
    ranks = [[sum(other < value for other in column) for value in column] for column in values.T.tolist()]
    return [{j: sum((column[i] - column[j]) ** 2 for column in ranks) for j in rows if j != i} for i in rows]


def test_the_nearest_are_those_of_a_slow_count_of_ranks():
    values = np.random.default_rng(0).lognormal(size=(40, 6)) * 10.0 ** np.arange(6)
    for near, away in zip(most_alike(values, 5).tolist(), distances(values), strict=True):
        assert [away[place] for place in near] == sorted(away.values())[:5]


def test_an_amount_in_millions_weighs_no_more_than_a_share():
    values = np.random.default_rng(1).random((30, 4))
    assert (most_alike(values, 4) == most_alike(values * np.array([1.0, 1e9, 1.0, 1e-6]), 4)).all()


def test_nobody_is_its_own_neighbour_though_it_has_twins():
    values = np.repeat(np.random.default_rng(2).random((5, 3)), 3, axis=0)
    near = most_alike(values, 2)
    for place, row in enumerate(near):
        assert set(row) == set(range(place // 3 * 3, place // 3 * 3 + 3)) - {place}


@pytest.mark.parametrize(("rows", "shape"), [(0, (0, 0)), (1, (1, 0)), (3, (3, 2))])
def test_there_are_no_more_neighbours_than_others(rows, shape):
    assert most_alike(np.random.default_rng(3).random((rows, 4)), 15).shape == shape


def test_missing_values_and_features_that_nobody_has_break_nothing():
    values = np.random.default_rng(4).random((20, 5))
    values[::3, 1], values[:, 2] = np.nan, np.nan
    assert most_alike(values, 3).shape == (20, 3)
