from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models import metrics
from models.intervals import drawn
from models.types import ORDER, load_types

TYPES = load_types()
BEST = {"accuracy": 1, "balanced_accuracy": 1, "macro_f1": 1,
        "log_loss": 0, "brier": 0, "calibration_error": 0, "expected_cost": 0}
truths = hnp.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 4))


def believed(n, seed):
    return np.random.default_rng(seed).dirichlet(np.full(5, 0.7), n)


@given(truths)
def test_perfect_predictions_get_the_best_value_of_every_metric(truth):
    assert metrics.scores(truth, np.eye(5)[truth], TYPES) == pytest.approx(BEST, abs=1e-5)


@given(truths)
def test_uniform_predictions_are_as_surprising_as_a_fair_die(truth):
    result = metrics.scores(truth, np.full((len(truth), 5), 0.2), TYPES)
    assert result["log_loss"] == pytest.approx(np.log(5))
    assert result["brier"] == pytest.approx(0.8**2 + 4 * 0.2**2)
    # all equal: everybody is given the first in precedence, risk
    assert result["accuracy"] == (truth == 0).mean()
    assert result["calibration_error"] == pytest.approx(abs((truth == 0).mean() - 0.2))


@given(truths, st.integers(0, 99))
def test_the_order_of_customers_changes_no_metric(truth, seed):
    probabilities = believed(len(truth), seed)
    order = np.random.default_rng(seed).permutation(len(truth))
    assert metrics.scores(truth[order], probabilities[order], TYPES) == pytest.approx(
        metrics.scores(truth, probabilities, TYPES)
    )


@given(truths, st.integers(0, 99))
def test_every_metric_stays_in_its_range(truth, seed):
    result = metrics.scores(truth, believed(len(truth), seed), TYPES)
    assert all(0 <= result[name] <= 1 for name in ("accuracy", "macro_f1", "calibration_error"))
    assert 0 <= result["brier"] <= 2 and 0 <= result["log_loss"] <= -np.log(metrics.CLIP) + 1e-5
    assert 0 <= result["expected_cost"] <= metrics.cost_matrix(TYPES).max()


def test_permuted_predictions_are_worse_on_every_metric():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(5, 0.3), 3_000)
    truth = (probabilities.cumsum(axis=1) < rng.random((3_000, 1))).sum(axis=1)
    good = metrics.scores(truth, probabilities, TYPES)
    bad = metrics.scores(truth, rng.permutation(probabilities), TYPES)
    for name, best in BEST.items():
        assert abs(bad[name] - best) > abs(good[name] - best) + 0.05, name


def test_probabilities_that_are_drawn_from_are_calibrated_and_overconfident_ones_are_not():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.full(5, 0.5), 20_000)
    truth = (probabilities.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert metrics.calibration_error(truth, probabilities) < 0.02
    sharper = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert metrics.calibration_error(truth, sharper) > 0.1


def test_calibration_error_is_the_gap_between_confidence_and_hits_by_hand():
    sure, unsure = [0.9, 0.1, 0, 0, 0], [0.3, 0.6, 0.1, 0, 0]
    # the sure ones right 1 in 2, the unsure ones 2 in 2; half the customers each
    probabilities = np.array([sure, sure, unsure, unsure])
    assert metrics.calibration_error(np.array([0, 2, 1, 1]), probabilities) == pytest.approx(
        0.5 * abs(0.9 - 1 / 2) + 0.5 * abs(0.6 - 2 / 2)
    )


def test_macro_f1_is_the_mean_over_types_present_in_truth_or_given():
    # truth risk, risk, churn; given risk, churn, churn: both have F1 = 2 * 1 / (2 + 1), three are absent
    given_types = np.eye(5)[[0, 1, 1]]
    assert metrics.macro_f1(np.array([0, 0, 1]), given_types) == pytest.approx((2 / 3 + 2 / 3) / 2)
    # stable is given though nobody is stable: counts as 0
    assert metrics.macro_f1(np.array([0, 0, 0]), np.eye(5)[[0, 0, 4]]) == pytest.approx((0.8 + 0) / 2)


def test_expected_cost_prices_the_direction_of_the_mistake():
    risk, strategic = ORDER.index("risk"), ORDER.index("strategic")
    missed = metrics.expected_cost(np.array([risk]), np.eye(5)[[strategic]], TYPES)
    harsh = metrics.expected_cost(np.array([strategic]), np.eye(5)[[risk]], TYPES)
    assert missed == TYPES[risk].mistake_cost["strategic"] == 10.0
    assert harsh == TYPES[strategic].mistake_cost["risk"] == 5.0


def test_a_flat_zero_on_the_true_type_costs_the_clip_and_not_infinity():
    assert metrics.log_loss(np.array([1]), np.eye(5)[[0]]) == pytest.approx(-np.log(metrics.CLIP), rel=1e-5)


def test_confusion_has_the_truth_in_rows():
    table = metrics.confusion(np.array([0, 0, 3]), np.eye(5)[[0, 4, 3]], TYPES)
    assert table.index.name == "truth" and table.columns.name == "given"
    assert table.loc["risk", "stable"] == 1 and table.loc["stable", "risk"] == 0
    assert table.to_numpy().sum() == 3


def test_the_table_per_type_is_empty_where_there_is_nothing_to_measure():
    table = metrics.per_type(np.array([0, 0, 3]), np.eye(5)[[0, 4, 3]], TYPES, drawn(np.arange(3), 0, 50))
    assert table.loc["risk", ["precision", "recall", "support"]].tolist() == [1.0, 0.5, 2]
    assert np.isnan(table.loc["stable", "recall"]) and table.loc["stable", "precision"] == 0
    assert (
        table.loc["churn", ["precision", "recall", "f1"]].isna().all() and table.loc["churn", "support"] == 0
    )


@pytest.mark.parametrize(
    ("truth", "probabilities"),
    [
        (np.array([], int), np.empty((0, 5))),
        (np.array([5]), np.full((1, 5), 0.2)),
        (np.array([-1]), np.full((1, 5), 0.2)),
        (np.array([0, 1]), np.full((1, 5), 0.2)),
        (np.array([0]), np.full((1, 5), 0.3)),
        (np.array([0]), np.array([[np.nan, 0.25, 0.25, 0.25, 0.25]])),
    ],
)
def test_what_cannot_be_measured_is_refused(truth, probabilities):
    with pytest.raises(ValueError):
        metrics.scores(truth, probabilities, TYPES)


@given(truths, st.integers(0, 99))
def test_the_numbers_with_intervals_are_the_numbers_without(truth, seed):
    probabilities = believed(len(truth), seed)
    found = metrics.scores_with_intervals(truth, probabilities, TYPES, drawn(np.arange(len(truth)), seed, 20))
    assert {name: x.value for name, x in found.items()} == pytest.approx(metrics.scores(truth, probabilities, TYPES))
    assert set(found) == set(metrics.HIGHER_IS_BETTER)
    assert all(np.isnan(x.low) or x.low <= x.high for x in found.values())


@given(truths, st.integers(0, 99))
def test_the_numbers_of_a_draw_are_those_of_its_rows_repeated(truth, seed):
    probabilities = believed(len(truth), seed)
    weights = drawn(np.arange(len(truth)), seed, 1).weights[0]
    rows = np.repeat(np.arange(len(truth)), weights)
    for name, (parts, of) in metrics.parts_of(truth, probabilities, TYPES).items():
        if name != "calibration_error":  # its bins are those of all rows
            repeated = metrics.scores(truth[rows], probabilities[rows], TYPES)[name]
            assert of(weights.astype(float) @ parts) == pytest.approx(repeated)


def test_balanced_accuracy_counts_each_type_present_the_same():
    # risk found 3 of 3, churn 0 of 1
    assert metrics.balanced_accuracy(np.array([0, 0, 0, 1]), np.eye(5)[[0, 0, 0, 0]]) == pytest.approx((1 + 0) / 2)
