from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.split import BrokenGroups, TooFewLabels, grouped_folds, held_out_groups, out_of_time
from models.types import ORDER

DATES = ["2024-06-30", "2024-12-31", "2025-06-30"]


def rows_of(n_customers, dates=DATES):
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"C{i:04d}" for i in range(n_customers)], len(dates)),
            "as_of": dates * n_customers,
        }
    )
    # every third customer belongs to its neighbour's group
    number = frame["customer_id"].str[1:].astype(int)
    return frame, "G" + (number - (number % 3 == 1)).astype(str)


def test_a_test_customer_is_never_trained_on_nor_is_its_group():
    frame, groups = rows_of(90)
    split = out_of_time(frame, groups, held_out_share=0.3, embargo_days=0, seed=1)
    assert split.has_test and split.train.any() and split.known_later.any()
    assert not set(groups[split.train]) & set(groups[split.test])
    assert set(groups[split.known_later]) <= set(groups[split.train])
    assert not (split.train & split.test).any() and not (split.known_later & split.test).any()


def test_every_test_row_is_of_the_last_date_and_every_training_row_before_it():
    frame, groups = rows_of(90)
    split = out_of_time(frame, groups, held_out_share=0.3, embargo_days=0, seed=1)
    assert set(frame["as_of"][split.test]) == set(frame["as_of"][split.known_later]) == {"2025-06-30"}
    assert set(frame["as_of"][split.train]) == {"2024-06-30", "2024-12-31"}


def test_a_customer_first_seen_at_the_last_date_is_not_called_known():
    frame, groups = rows_of(30)
    frame.loc[len(frame)] = ["NEW", "2025-06-30"]
    groups.loc[len(groups)] = "NEW"
    # a seed that would not hold the newcomer out
    seed = next(seed for seed in range(99) if not held_out_groups(groups[-1:], 0.3, seed).any())
    split = out_of_time(frame, groups, held_out_share=0.3, embargo_days=0, seed=seed)
    assert split.known_later.any()
    assert not (split.train[-1] or split.test[-1] or split.known_later[-1])


def test_a_few_labels_after_the_last_period_do_not_make_it_another_and_are_tested_with_it():
    frame, groups = rows_of(90)
    late = pd.DataFrame({"customer_id": ["C0000", "C0002"], "as_of": "2025-12-31"})
    frame, groups = pd.concat([frame, late], ignore_index=True), pd.concat([groups, pd.Series(["G0", "G2"])], ignore_index=True)
    split = out_of_time(frame, groups, held_out_share=0.3, embargo_days=0, seed=1)
    before = out_of_time(*rows_of(90), held_out_share=0.3, embargo_days=0, seed=1)
    assert np.array_equal(split.train[:-2], before.train) and np.array_equal(split.test[:-2], before.test)
    assert (split.test | split.known_later)[-2:].all() and "as of 2025-06-30 to 2025-12-31" in split.description
    without = split.testing(frame["as_of"].to_numpy() < "2025-12-31")
    assert not (without.test | without.known_later)[-2:].any() and "2 overridden rows not tested on" in without.description


# 2024-12-31 lies 181 days before 2025-06-30
@pytest.mark.parametrize(("embargo", "trained"), [(180, DATES[:2]), (181, DATES[:1]), (182, DATES[:1])])
def test_the_embargo_lies_strictly_between_training_and_test(embargo, trained):
    frame, groups = rows_of(90)
    split = out_of_time(frame, groups, held_out_share=0.3, embargo_days=embargo, seed=1)
    assert sorted(set(frame["as_of"][split.train])) == trained
    assert trained[-1] in split.description and "2025-06-30" in split.description


@pytest.mark.parametrize(
    ("dates", "share", "embargo", "said"),
    [
        (DATES[:1], 0.3, 0, "no label date lies more than 0 days before the last, 2024-06-30"),
        (DATES, 0.3, 3_650, "no label date lies more than 3650 days"),
        (DATES, 0.0, 0, "leaves no row on one side"),
        (DATES, 1.0, 0, "leaves no row on one side"),
    ],
)
def test_without_a_test_everybody_trains_and_the_description_says_why(dates, share, embargo, said):
    split = out_of_time(*rows_of(30, dates), held_out_share=share, embargo_days=embargo, seed=1)
    assert not split.has_test and split.train.all() and not split.known_later.any()
    assert said in split.description and "out of fold" in split.description


def test_no_rows_split_into_nothing():
    frame, groups = rows_of(1)
    split = out_of_time(frame[:0], groups[:0], held_out_share=0.3, embargo_days=0, seed=1)
    assert len(split.train) == 0 and not split.has_test


@given(st.permutations(range(40)), st.integers(0, 5))
@settings(max_examples=30)
def test_a_groups_side_depends_on_its_name_and_the_seed_only(order, seed):
    groups = pd.Series([f"G{i}" for i in range(40)])
    held_out = held_out_groups(groups, 0.5, seed)
    assert (held_out_groups(groups.iloc[list(order)], 0.5, seed) == held_out[list(order)]).all()
    assert (held_out_groups(groups[:7], 0.5, seed) == held_out[:7]).all()


def test_about_the_wanted_share_is_held_out_and_another_seed_holds_out_others():
    groups = pd.Series([f"G{i}" for i in range(5_000)])
    first, second = held_out_groups(groups, 0.2, 1), held_out_groups(groups, 0.2, 2)
    assert abs(first.mean() - 0.2) < 0.02 and abs((first & second).mean() - 0.2**2) < 0.02


@pytest.mark.parametrize(
    ("groups", "said"), [(["G1", None], "customer B: no group"), (["G1", np.nan], "customer B: no group")]
)
def test_a_row_without_a_group_is_refused(groups, said):
    frame = pd.DataFrame({"customer_id": ["A", "B"], "as_of": DATES[:2]})
    with pytest.raises(BrokenGroups, match=said):
        out_of_time(frame, pd.Series(groups), 0.5, 0, 0)


def test_a_customer_in_two_groups_is_refused_because_it_could_stand_on_two_sides():
    frame = pd.DataFrame({"customer_id": ["A", "A"], "as_of": DATES[:2]})
    with pytest.raises(BrokenGroups, match="customer A: 2 groups"):
        out_of_time(frame, pd.Series(["G1", "G2"]), 0.5, 0, 0)


@given(st.integers(0, 999), st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_folds_keep_groups_together_and_show_every_type_in_training(seed, n_folds):
    rng = np.random.default_rng(seed)
    truth = np.concatenate(
        [np.repeat(np.arange(5), n_folds), rng.choice(5, 60, p=[0.04, 0.06, 0.1, 0.2, 0.6])]
    )
    # one group per row at first, so that each type has enough; some of the others share groups
    groups = pd.Series([f"G{i}" for i in range(5 * n_folds)] + [f"H{i}" for i in rng.integers(0, 30, 60)])
    folds = grouped_folds(groups, truth, ORDER, n_folds, seed)
    assert set(folds) == set(range(n_folds))
    assert groups.groupby(groups).size().shape == pd.Series(folds).groupby(groups).nunique().shape
    assert (pd.Series(folds).groupby(groups).nunique() == 1).all()
    assert all(set(truth[folds != fold]) == set(range(5)) for fold in range(n_folds))


def test_folds_do_not_depend_on_the_row_order_and_spread_each_type_evenly():
    rng = np.random.default_rng(0)
    truth = rng.choice(5, 500, p=[0.02, 0.08, 0.1, 0.2, 0.6])
    groups = pd.Series([f"G{i}" for i in range(500)])
    folds = grouped_folds(groups, truth, ORDER, 5, 0)
    order = rng.permutation(500)
    assert (grouped_folds(groups.iloc[order], truth[order], ORDER, 5, 0) == folds[order]).all()
    table = pd.crosstab(folds, truth)
    assert (table.max() - table.min()).max() <= 1


@pytest.mark.parametrize("n_growth", [0, 1, 4])
def test_a_type_with_too_few_customers_is_refused_by_name(n_growth):
    truth = np.array([0, 1, 2, 4] * 5 + [3] * n_growth)
    groups = pd.Series([f"G{i}" for i in range(len(truth))])
    with pytest.raises(
        TooFewLabels, match=f"type growth has labels for {n_growth} .* 5 are needed"
    ) as refused:
        grouped_folds(groups, truth, ORDER, 5, 0)
    assert refused.value.exit_code == 32 and "growth" in refused.value.todo
