from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from models.explain import (
    DIMENSIONS,
    STARTING_POINT,
    OtherRows,
    UndescribedFeature,
    assign,
    contrast,
    factors,
    reference,
    totals,
    written,
)
from models.segmenter import Judgement
from models.types import ORDER

WHY = [f"why_{name}" for name in DIMENSIONS] + ["why_base"]


@pytest.fixture(scope="module")
def explained(book, fitted, catalogue, types):
    frame = book[0]
    judged = fitted.segmenter.judge(frame)
    return judged, assign(frame, judged, catalogue, types, reference(frame), "v7", "abc123")


def one_customer(contributions, **values):
    """One customer with the given contributions to growth; every other type stands at nought."""
    features = tuple(values)
    frame = pd.DataFrame(
        {"customer_id": ["C1"], "as_of": ["2025-06-30"], **{k: [float(v)] for k, v in values.items()}}
    )
    added = np.zeros((1, 5, len(features) + 1))
    added[0, ORDER.index("growth"), :-1] = contributions
    margins = added.sum(axis=2)
    keys = frame[["customer_id", "as_of"]]
    return frame, Judgement(keys, features, ORDER, softmax(margins, axis=1), margins, added, np.ones((1, 5), bool), np.zeros(1))


def worded(catalogue, types, contributions, usual, n_reasons=3, **values):
    frame, judged = one_customer(contributions, **values)
    book = pd.concat([frame.assign(**dict(zip(values, map(float, column)))) for column in zip(*usual)])
    row = assign(frame, judged, catalogue, types, reference(book), "v1", "f", n_reasons).iloc[0]
    return row["reasons_en"], row["reasons_zh"]


def test_the_gap_is_the_log_ratio_of_the_two_probabilities(explained):
    _, given_types = explained
    columns = given_types[[f"p_{name}" for name in ORDER]].to_numpy()
    ordered = np.sort(columns, axis=1)
    assert np.abs(given_types["gap_log_odds"] - np.log(ordered[:, -1] / ordered[:, -2])).max() < 1e-9
    assert (given_types["gap_log_odds"] >= 0).all()


def test_the_dimension_totals_and_the_starting_point_sum_to_the_gap(explained):
    _, given_types = explained
    assert np.abs(given_types[WHY].sum(axis=1) - given_types["gap_log_odds"]).max() < 1e-9
    assert (given_types[WHY].abs().max() > 0).all()


def test_each_dimension_total_is_the_sum_of_its_own_features(explained, catalogue):
    judged, given_types = explained
    for row in (0, 41, 299):
        why = contrast(judged, row, given_types["type"][row], given_types["runner_up"][row])
        for name in DIMENSIONS:
            own = [feature for feature in catalogue if catalogue[feature].dimension == name]
            assert given_types[f"why_{name}"][row] == pytest.approx(why[own].sum(), abs=1e-12)
        assert given_types["why_base"][row] == why["starting_point"]


def test_the_contrast_of_any_two_types_sums_to_their_log_ratio_and_turns_sign(explained):
    judged, _ = explained
    for a in ORDER:
        for b in ORDER:
            ratio = judged.probabilities[5, ORDER.index(a)] / judged.probabilities[5, ORDER.index(b)]
            why = contrast(judged, 5, a, b)
            assert why.sum() == pytest.approx(np.log(ratio), abs=1e-9)
            assert (why == -contrast(judged, 5, b, a)).all()
    assert list(why.index) == [*judged.features, "starting_point"]


def test_type_and_runner_up_are_the_two_most_probable_with_their_names_and_strategy(explained, types):
    judged, given_types = explained
    by_name = {kind.name: kind for kind in types}
    ranked = np.argsort(-judged.probabilities, axis=1)
    for row, given_type in given_types.iterrows():
        assert (
            given_type["type"] == ORDER[ranked[row, 0]] and given_type["runner_up"] == ORDER[ranked[row, 1]]
        )
        kind = by_name[given_type["type"]]
        assert given_type["type_zh"] == kind.name_zh
        assert given_type["runner_up_zh"] == by_name[given_type["runner_up"]].name_zh
        assert (given_type["strategy_zh"], given_type["strategy_en"]) == (kind.strategy_zh, kind.strategy_en)


def test_every_row_carries_model_data_and_residual(explained, book):
    judged, given_types = explained
    assert given_types[["customer_id", "as_of"]].equals(book[0][["customer_id", "as_of"]])
    assert set(given_types["model_version"]) == {"v7"} and set(given_types["data_fingerprint"]) == {"abc123"}
    assert np.array_equal(given_types["additivity_residual"], judged.residuals)


@given(st.sets(st.sampled_from(range(5)), min_size=2))
def test_equal_probabilities_are_decided_by_precedence(catalogue, types, tied):
    frame, judged = one_customer([0.0], rate_mean=0.05)
    margins = np.array([[3.0 if place in tied else 0.0 for place in range(5)]])
    judged = replace(judged, margins=margins, probabilities=softmax(margins, axis=1))
    row = assign(frame, judged, catalogue, types, reference(frame), "v", "f").iloc[0]
    assert (row["type"], row["runner_up"]) == tuple(ORDER[place] for place in sorted(tied)[:2])
    assert row["gap_log_odds"] == 0


def test_shuffled_customers_get_the_same_assignments(book, fitted, catalogue, types, explained):
    order = np.random.default_rng(3).permutation(300)
    frame = book[0].iloc[order]
    again = assign(frame, fitted.segmenter.judge(frame), catalogue, types, reference(frame), "v7", "abc123")
    assert again.equals(explained[1].iloc[order].reset_index(drop=True))


def test_reasons_name_the_strongest_pushes_first_with_value_and_median(catalogue, types):
    reasons = worded(
        catalogue, types, [0.5, 2.0, 1.0],
        usual=[[0, 0, 9], [8e5, 1.2e6, 7e6], [0.125, 0.5, 0.75]],
        days_late_max_12m=45, exposure_committed=5e5, income_share=0.625,
    )  # fmt: skip
    assert reasons == (
        "low exposure_committed: 500,000 (median 1,200,000);"
        " high income_share: 62.5 % (median 50 %);"
        " high days_late_max_12m: 45 days (median 0)",
        "exposure_committed低：500,000（中位数 1,200,000）；"
        "income_share高：62.5%（中位数 50%）；"
        "days_late_max_12m高：45天（中位数 0）",
    )


def test_what_speaks_against_the_type_is_no_reason_for_it(catalogue, types):
    english, _ = worded(
        catalogue, types, [-2.0, 3.0, 0.0], usual=[[0], [1], [0.1]],
        days_late_max_12m=45, exposure_committed=5, income_share=0.6,
    )  # fmt: skip
    assert english == "high exposure_committed: 5 (median 1)"


def test_no_more_reasons_are_given_than_asked_for(catalogue, types):
    english, chinese = worded(
        catalogue,
        types,
        [1.0, 3.0],
        usual=[[0], [1]],
        n_reasons=1,
        days_late_max_12m=45,
        exposure_committed=5,
    )
    assert "days_late" not in english and "days_late" not in chinese


def test_a_missing_value_is_spoken_of_as_missing(catalogue, types):
    assert worded(catalogue, types, [1.0], usual=[[0.04, 0.05]], rate_mean=np.nan) == (
        "meaning of rate_mean: not known",
        "rate_mean的含义：无数据",
    )


def test_a_value_nobody_else_has_is_given_without_a_median(catalogue, types):
    english, _ = worded(catalogue, types, [1.0], usual=[[np.nan, np.nan]], rate_mean=0.045)
    assert english == "meaning of rate_mean: 4.5 %"


def test_without_any_push_the_words_say_so(catalogue, types):
    assert worded(catalogue, types, [0.0], usual=[[0.04]], rate_mean=0.04) == (
        "no single feature decides",
        "无单一特征起主导作用",
    )


@pytest.mark.parametrize(
    ("value", "usual", "starts"),
    [
        (45, [0, 0, 3], "high days_late_max_12m"),
        (3, [0, 0, 3], "high days_late_max_12m"),
        (1, [2, 2, 9], "low days_late_max_12m"),
        (2, [0, 2, 3], "meaning of days_late_max_12m: 2 days"),  # the median itself is neither high nor low
        (3, [3, 3, 3], "meaning of days_late_max_12m: 3 days"),
        (0, [0, 0, 3], "no days late"),
        (0, [2, 2, 9], "no days late"),  # nought has words of its own on either side of the median
    ],
)
def test_high_and_low_are_relative_to_the_book_and_nought_is_called_nought(catalogue, types, value, usual, starts):
    english, _ = worded(catalogue, types, [1.0], usual=[usual], days_late_max_12m=value)
    assert english.startswith(starts)


@pytest.mark.parametrize(("value", "usual", "said"), [
    (0.00012, [0.0002, 0.0002], "low income_share: 0.01 % (median 0.02 %)"),
    (0.00012, [0.0, 0.0], "high income_share: 0.01 % (median 0 %)"),
    (0.5, [0.5, 0.5], "meaning of income_share: 50 % (median 50 %)"),
])
def test_digits_enough_are_shown_that_a_value_differs_from_the_median_and_from_nought(catalogue, types, value, usual, said):
    english, _ = worded(catalogue, types, [1.0], usual=[usual], income_share=value)
    assert english == said


@pytest.mark.parametrize(("value", "words"), [(1, "high is_guarantor: yes"), (0, "meaning of is_guarantor: no")])
def test_a_yes_or_no_is_worded_by_itself_and_not_by_the_book(catalogue, types, value, words):
    english, _ = worded(catalogue, types, [1.0], usual=[[1, 1, 1]], is_guarantor=value)
    assert english == f"{words} (median yes)"


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (1234567.891, "money", "1,234,568", "1,234,568"),
        (-0.2, "money", "0", "0"),
        (0.125, "share", "12.5 %", "12.5%"),
        (1.0, "share", "100 %", "100%"),
        (0.045, "rate", "4.5 %", "4.5%"),
        (0.04375, "rate", "4.38 %", "4.38%"),
        (1.0, "days", "1 day", "1天"),
        (0.0, "days", "0 days", "0天"),
        (18.0, "months", "18 months", "18个月"),
        (1.0, "months", "1 month", "1个月"),
        (1.0, "notches", "1 notch", "1档"),
        (-1.0, "notches", "-1 notch", "-1档"),
        (2.0, "notches", "2 notches", "2档"),
        (3.0, "count", "3", "3"),
        (1000.0, "count", "1,000", "1,000"),
        (1.256, "ratio", "1.26", "1.26"),
        (10.0, "ratio", "10", "10"),
        (1.0, "flag", "yes", "是"),
        (0.0, "flag", "no", "否"),
    ],
)
def test_values_are_written_as_people_do_in_their_unit(value, unit, english, chinese):
    assert (written(value, unit, "en"), written(value, unit, "zh")) == (english, chinese)


@pytest.mark.parametrize(
    "change", [lambda f: f.iloc[::-1], lambda f: f.iloc[1:], lambda f: f.assign(as_of="2020-01-31")]
)
def test_a_frame_of_other_rows_than_the_judgement_is_refused(book, explained, catalogue, types, change):
    with pytest.raises(OtherRows) as refused:
        assign(change(book[0]), explained[0], catalogue, types, reference(book[0]), "v", "f")
    assert refused.value.exit_code == 43


def test_a_feature_without_description_is_refused_by_name(book, explained, catalogue, types):
    less = {name: feature for name, feature in catalogue.items() if name != "tenure_months"}
    with pytest.raises(UndescribedFeature, match="tenure_months") as refused:
        assign(book[0], explained[0], less, types, reference(book[0]), "v", "f")
    assert refused.value.exit_code == 42


def test_nobody_to_assign_gives_an_empty_table_with_all_columns(book, fitted, explained, catalogue, types):
    frame = book[0].iloc[:0]
    empty = assign(frame, fitted.segmenter.judge(frame), catalogue, types, reference(book[0]), "v", "f")
    assert empty.empty and list(empty.columns) == list(explained[1].columns)


def test_neutralising_a_named_factor_moves_the_log_odds_the_way_the_words_say(book, fitted):
    """In its place what others of the book have, on average over them: the gap falls, for nearly everybody."""
    frame, segmenter = book[0], fitted.segmenter
    judged, rng = segmenter.judge(frame), np.random.default_rng(0)
    rows, ranked = np.arange(len(frame)), np.argsort(-judged.probabilities, axis=1, kind="stable")
    first, second = ranked[:, 0], ranked[:, 1]
    pushes = (judged.contributions[rows, first] - judged.contributions[rows, second])[:, :-1]
    values = frame[list(segmenter.features)].to_numpy()

    def gaps(matrix):
        changed = frame.copy()
        changed[list(segmenter.features)] = matrix
        margins = segmenter.judge(changed).margins
        return margins[rows, first] - margins[rows, second]

    for place, share in ((0, 0.97), (1, 0.9)):  # six features that decide together; of a hundred it is 0.99 for both
        named = np.argsort(-pushes, axis=1, kind="stable")[:, place]
        neutral = []
        for _ in range(30):
            matrix = values.copy()
            matrix[rows, named] = values[rng.permutation(len(values)), named]
            neutral.append(gaps(matrix))
        falls = gaps(values) - np.mean(neutral, axis=0)
        speaks_for = pushes[rows, named] > 0.02
        assert speaks_for.sum() > 150 and (falls[speaks_for] > 0).mean() > share


def test_factors_name_every_push_with_value_median_and_percentile_and_totals_sum_to_the_contrast(explained, book, catalogue):
    judged, given_types = explained
    usual = reference(book[0])
    for row in range(20):
        why = contrast(judged, row, given_types["type"][row], given_types["runner_up"][row])
        values = book[0][list(judged.features)].to_numpy()[row]
        table = factors(values, why, catalogue, usual, "en")
        assert table["push"].sum() + why[STARTING_POINT] == pytest.approx(why.sum(), abs=1e-12)
        assert table["push"].abs().is_monotonic_decreasing and (table["push"] != 0).all()
        sums = totals(why, catalogue)
        assert list(sums.index) == [*DIMENSIONS, STARTING_POINT] and sums.sum() == pytest.approx(why.sum(), abs=1e-12)
        for name in DIMENSIONS:
            assert sums[name] == pytest.approx(given_types[f"why_{name}"][row], abs=1e-12)
        for factor in table.itertuples():
            column = book[0][factor.feature].dropna()
            if np.isnan(factor.value):
                assert np.isnan(factor.percentile) and "not known" in factor.words
            else:
                assert factor.percentile == pytest.approx((column <= factor.value).mean(), abs=0.01 + 1e-9)


@pytest.mark.parametrize(("value", "share"), [(0.5, 0.0), (1.0, 0.25), (1.5, 0.25), (2.0, 0.75), (3.0, 1.0), (9.0, 1.0)])
def test_a_percentile_is_the_share_of_the_book_with_the_value_or_less(value, share):
    usual = reference(pd.DataFrame({"customer_id": list("abcd"), "as_of": "2025-06-30", "x": [1.0, 2.0, 2.0, 3.0]}))
    assert usual.percentile("x", value) == pytest.approx(share)
    assert np.isnan(usual.percentile("x", np.nan))
