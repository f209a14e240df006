"""Contributions by tables: equal to XGBoost's own on whatever model, to coalitions played out one by one, and to the margin."""

from __future__ import annotations

import json
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import contributions as room
from models.contributions import Contributions, NoTables

N_ROWS = 300


def grown(rng: np.random.Generator, n_features: int, n_types: int, n_rounds: int, base_margin: bool = False,
          weighted: bool = False, missing: float = 0.2, **settings) -> tuple[xgb.Booster, np.ndarray]:
    """A model of random rows; few values per feature, so that thresholds are met exactly and features come back on a path."""
    rows = rng.integers(-3, 4, (N_ROWS, n_features)).astype(float)
    rows[rng.random(rows.shape) < missing] = np.nan
    rows[:, 0] = 1.0 if n_features > 1 else rows[:, 0]  # nothing can be split by it
    truth = rng.integers(0, n_types, N_ROWS)
    data = xgb.DMatrix(rows, label=truth, nthread=1)
    if weighted:
        data.set_weight(rng.exponential(1, N_ROWS))
    if base_margin:
        data.set_base_margin(rng.normal(size=(N_ROWS, n_types)))
    how = {"objective": "multi:softprob", "num_class": n_types, "nthread": 1, "min_child_weight": 0.0} | settings
    return xgb.train(how, data, n_rounds), rows


def asked(rng: np.random.Generator, rows: np.ndarray, n: int = 60) -> np.ndarray:
    """Rows to explain: values around the thresholds, some never seen, some missing."""
    found = rows[rng.integers(0, len(rows), n)] + rng.choice([-0.5, 0.0, 0.0, 0.5], (n, rows.shape[1]))
    found[rng.random(found.shape) < 0.1] = np.nan
    found[0] = np.nan
    return found


MODELS = st.fixed_dictionaries({
    "max_depth": st.integers(1, 8), "n_features": st.integers(1, 9), "n_types": st.integers(2, 5), "n_rounds": st.integers(1, 4),
    "missing": st.sampled_from([0.0, 0.2, 0.9]), "weighted": st.booleans(), "base_margin": st.booleans(),
    "gamma": st.sampled_from([0.0, 0.0, 3.0, 1e6]),  # the last grows trees of one leaf
    "num_parallel_tree": st.sampled_from([1, 1, 3]), "colsample_bynode": st.sampled_from([1.0, 0.5]),
    "grow_policy": st.sampled_from(["depthwise", "lossguide"]), "eta": st.sampled_from([0.1, 1.0]),
    "lambda": st.sampled_from([0.0, 1.0]) })  # fmt: skip


@given(st.integers(0, 2**32 - 1), MODELS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_they_are_those_of_xgboost_on_every_model(seed, model):
    rng = np.random.default_rng(seed)
    booster, rows = grown(rng, **model)
    rows = asked(rng, rows)
    data = xgb.DMatrix(rows, nthread=1)
    theirs = booster.predict(data, pred_contribs=True)
    ours = Contributions(booster).of(rows)
    scale = max(1.0, np.abs(theirs).max())
    assert np.abs(ours - theirs).max() <= 1e-5 * scale
    assert np.abs(ours.sum(axis=2) - booster.predict(data, output_margin=True)).max() <= 1e-5 * scale
    begun = rng.normal(size=(len(rows), model["n_types"]))
    data.set_base_margin(begun)
    assert np.abs(Contributions(booster).of(rows, begun) - booster.predict(data, pred_contribs=True)).max() <= 1e-5 * scale


def value_of(tree: dict, row: np.ndarray, known: set[int], node: int = 0) -> float:
    """What a tree is expected to add for a row of which only some features are known."""
    left, right = tree["left_children"][node], tree["right_children"][node]
    if left < 0:
        return float(np.float32(tree["split_conditions"][node]))
    feature, cover = tree["split_indices"][node], tree["sum_hessian"]
    if feature in known:
        value = np.float32(row[feature])
        goes_left = bool(tree["default_left"][node]) if np.isnan(value) else value < np.float32(tree["split_conditions"][node])
        return value_of(tree, row, known, left if goes_left else right)
    return sum(cover[child] / cover[node] * value_of(tree, row, known, child) for child in (left, right))


def played_out(booster: xgb.Booster, row: np.ndarray, n_types: int) -> np.ndarray:
    """Shapley values by every coalition, of every tree, in plain Python."""
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]["model"]
    n = len(row)
    found = np.zeros((n_types, n))
    for tree, kind in zip(model["trees"], model["tree_info"]):
        for feature in range(n):
            others = [one for one in range(n) if one != feature]
            for size in range(n):
                weight = factorial(size) * factorial(n - size - 1) / factorial(n)
                for coalition in combinations(others, size):
                    known = set(coalition)
                    found[kind, feature] += weight * (value_of(tree, row, known | {feature}) - value_of(tree, row, known))
    return found


@pytest.mark.parametrize("depth", [2, 5])
def test_they_are_the_shapley_values_of_coalitions_played_out_one_by_one(depth):
    rng = np.random.default_rng(depth)
    booster, rows = grown(rng, n_features=5, n_types=3, n_rounds=2, max_depth=depth)
    rows = asked(rng, rows, 6)
    ours = Contributions(booster).of(rows)
    for row, found in zip(rows, ours):
        assert np.abs(found[:, :-1] - played_out(booster, row, 3)).max() < 1e-12


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(0)
    booster, rows = grown(rng, n_features=9, n_types=5, n_rounds=10, max_depth=6)
    return booster, asked(rng, rows, 700)


def test_what_the_rows_share_with_others_changes_no_bit(large):
    booster, rows = large
    whole = Contributions(booster).of(rows)
    assert np.array_equal(Contributions(booster, n_threads=3).of(rows), whole)
    some = np.array([699, 3, 255, 256, 3])
    assert np.array_equal(Contributions(booster).of(rows[some]), whole[some])
    assert Contributions(booster).of(rows[:0]).shape == (0, 5, 10)


def test_a_model_whose_tables_do_not_fit_is_explained_part_by_part(large, monkeypatch):
    booster, rows = large
    whole = Contributions(booster).of(rows)
    monkeypatch.setattr(room, "TABLE_BYTES", 100_000)
    parts = Contributions(booster)
    assert len(parts._parts) > 5
    assert np.abs(parts.of(rows) - whole).max() < 1e-12
    assert max(parts._worked_out(*part).nbytes for part in parts._parts) <= 100_000


def test_a_feature_that_no_tree_asks_contributes_exactly_nothing(large):
    booster, rows = large
    assert not Contributions(booster).of(rows)[:, :, 0].any()


CATEGORIES = {"enable_categorical": True, "feature_types": ["c"]}


@pytest.mark.parametrize(("how", "data", "said"), [
    ({"booster": "dart", "rate_drop": 0.5}, {}, r"it drops trees \(DART\)"),
    ({"booster": "gblinear"}, {}, "its booster is gblinear"),
    ({"max_cat_to_onehot": 1}, CATEGORIES, "it splits by categories"),
    ({"multi_strategy": "multi_output_tree", "objective": "reg:squarederror"}, {}, "its leaves have several values"),
    ({"max_depth": 9, "min_child_weight": 0.0, "lambda": 0.0}, {}, "a tree is more than 8 deep"),
])
def test_what_the_tables_do_not_handle_is_named(how, data, said):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 9, (2_000, 1)).astype(float) if data else rng.normal(size=(2_000, 3))
    truth = rng.integers(0, 3, 2_000)
    label = np.eye(3)[truth] if "multi_strategy" in how else truth
    settings = {"objective": "multi:softprob", "nthread": 1, "verbosity": 0} | how  # two are deprecated in newer versions
    if "multi" in settings["objective"]:
        settings["num_class"] = 3
    booster = xgb.train(settings, xgb.DMatrix(rows, label=label, nthread=1, **data), 3)
    with pytest.raises(NoTables, match=said):
        Contributions(booster)


def test_a_matrix_of_other_features_is_refused(large):
    booster, rows = large
    with pytest.raises(ValueError, match="the model has 9 features"):
        Contributions(booster).of(rows[:, :8])
