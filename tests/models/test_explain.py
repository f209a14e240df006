from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from models.explain import (
    DIMENSIONS,
    SIZES,
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
from models.segmenter import Judgement, fit
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


def feature_of(**words):
    given = {"zero_en": "", "zero_zh": "", "is_by_sign": False, **words}
    return SimpleNamespace(dimension="behaviour", unit="days", meaning_en="Meaning of x.", meaning_zh="x的含义",
                           words=SimpleNamespace(**given))


def replace_words(feature, **words):
    return SimpleNamespace(**{**vars(feature), "words": SimpleNamespace(**{**vars(feature.words), **words})})


LATE = feature_of(high_en="later than most", low_en="less late than most", zero_en="never late", high_zh="迟付多于多数客户",
                  low_zh="迟付少于多数客户", zero_zh="从未迟付")
CHANGE = feature_of(high_en="has grown", low_en="has shrunk", high_zh="增长", low_zh="收缩", is_by_sign=True)


def said_of(value, usual, feature, language):
    """The words of one value of one feature against a book."""
    book = reference(pd.DataFrame({"customer_id": "C", "as_of": "2025-06-30", "x": np.array(usual, float)}))
    return factors(np.array([value]), pd.Series({"x": 1.0}), {"x": feature}, book, language)["words"][0]


def size_in(text, language="en"):
    return next((start for start, said in reversed(SIZES.items()) if said[language][0] in text), 0)


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
        "low exposure_committed: 500,000 (median 1,200,000, below 99 % of customers);"
        " high income_share: 62.5 % (median 50 %, above most);"
        " high days_late_max_12m: 45 days (median 0, above 99 % of customers)",
        "exposure_committed低：500,000（中位数 1,200,000，低于99%的客户）；"
        "income_share高：62.5%（中位数 50%，高于多数客户）；"
        "days_late_max_12m高：45天（中位数 0，高于99%的客户）",
    )


def test_what_speaks_against_the_type_is_no_reason_for_it(catalogue, types):
    english, _ = worded(
        catalogue, types, [-2.0, 3.0, 0.0], usual=[[0], [1], [0.1]],
        days_late_max_12m=45, exposure_committed=5, income_share=0.6,
    )  # fmt: skip
    assert english == "high exposure_committed: 5 (median 1, above 99 % of customers)"


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
        "meaning of rate_mean: not known (known for 99 % of customers)",
        "rate_mean的含义：无数据（99%的客户有数据）",
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
        (2, [0, 2, 3], "meaning of days_late_max_12m: 2 days (median 2)"),  # the median itself is neither high nor low
        (3, [3, 3, 3], "meaning of days_late_max_12m: 3 days (median 3, as for 99 % of customers)"),
        (0, [0, 0, 3], "no days late: 0 days (median 0, as for most)"),
        # nought has words of its own on either side of the median
        (0, [2, 2, 9], "no days late: 0 days (median 2, below 99 % of customers)"),
    ],
)
def test_high_and_low_are_relative_to_the_book_and_nought_is_called_nought(catalogue, types, value, usual, starts):
    english, _ = worded(catalogue, types, [1.0], usual=[usual], days_late_max_12m=value)
    assert english.startswith(starts)


@pytest.mark.parametrize(("value", "usual", "said"), [
    (0.00012, [0.0002, 0.0002], "low income_share: 0.01 % (median 0.02 %, below 99 % of customers)"),
    (0.00012, [0.0, 0.0], "high income_share: 0.01 % (median 0 %, above 99 % of customers)"),
    (0.5, [0.5, 0.5], "meaning of income_share: 50 % (median 50 %, as for 99 % of customers)"),
    (0.5, [0.00003, 0.00003], "high income_share: 50 % (median 0.003 %, above 99 % of customers)"),
])
def test_digits_enough_are_shown_that_a_value_differs_from_the_median_and_from_nought(catalogue, types, value, usual, said):
    english, _ = worded(catalogue, types, [1.0], usual=[usual], income_share=value)
    assert english == said


@pytest.mark.parametrize(("value", "usual", "said"), [
    (1, [1, 1, 1], "high is_guarantor (as for 99 % of customers)"),
    (1, [0, 0, 0, 1], "high is_guarantor (unlike 75 % of customers)"),
    (0, [1, 1, 1], "low is_guarantor (unlike 99 % of customers)"), (0, [0, 0, 1], "low is_guarantor (as for most)")])
def test_a_yes_or_no_is_worded_by_itself_and_not_by_the_book(catalogue, types, value, usual, said):
    words = replace_words(catalogue["is_guarantor"], zero_en="low is_guarantor")
    english, _ = worded({**catalogue, "is_guarantor": words}, types, [1.0], usual=[usual], is_guarantor=value)
    assert english == said


HUNDRED = [float(value) for value in range(1, 101)]
HALF_OF_NOUGHT = [0.0] * 50 + HUNDRED[:50]


@pytest.mark.parametrize(("value", "usual", "english", "chinese"), [
    (100, HUNDRED, "later than 99 % of customers: 100 days (median 50)", "迟付多于99%的客户：100天（中位数 50）"),
    (99, HUNDRED, "later than 95 % of customers: 99 days (median 50)", "迟付多于95%的客户：99天（中位数 50）"),
    (96, HUNDRED, "later than 95 % of customers: 96 days (median 50)", "迟付多于95%的客户：96天（中位数 50）"),
    (95, HUNDRED, "later than 90 % of customers: 95 days (median 50)", "迟付多于90%的客户：95天（中位数 50）"),
    (90, HUNDRED, "later than 75 % of customers: 90 days (median 50)", "迟付多于75%的客户：90天（中位数 50）"),
    (75, HUNDRED, "later than most: 75 days (median 50)", "迟付多于多数客户：75天（中位数 50）"),
    (51, HUNDRED, "later than most: 51 days (median 50)", "迟付多于多数客户：51天（中位数 50）"),
    (50, HUNDRED, "meaning of x: 50 days (median 50)", "x的含义：50天（中位数 50）"),
    (49, HUNDRED, "less late than most: 49 days (median 50)", "迟付少于多数客户：49天（中位数 50）"),
    (25, HUNDRED, "less late than most: 25 days (median 50)", "迟付少于多数客户：25天（中位数 50）"),
    (24, HUNDRED, "less late than 75 % of customers: 24 days (median 50)", "迟付少于75%的客户：24天（中位数 50）"),
    (4, HUNDRED, "less late than 95 % of customers: 4 days (median 50)", "迟付少于95%的客户：4天（中位数 50）"),
    (0.5, HUNDRED, "less late than 99 % of customers: 0.5 days (median 50)", "迟付少于99%的客户：0.5天（中位数 50）"),
    (0, HUNDRED, "never late: 0 days (median 50, below 99 % of customers)", "从未迟付：0天（中位数 50，低于99%的客户）"),
    (0, HALF_OF_NOUGHT, "never late: 0 days (median 0, as for most)", "从未迟付：0天（中位数 0，与多数客户相同）"),
    (1, HALF_OF_NOUGHT, "later than most: 1 day (median 0)", "迟付多于多数客户：1天（中位数 0）"),
    (9, [0.0] * 9 + [9.0], "later than 90 % of customers: 9 days (median 0)", "迟付多于90%的客户：9天（中位数 0）"),
    (9, [0.0] * 6 + [9.0] * 4, "later than most: 9 days (median 0)", "迟付多于多数客户：9天（中位数 0）"),
    (9, [0.0] * 4 + [9.0] * 6, "meaning of x: 9 days (median 9, as for most)", "x的含义：9天（中位数 9，与多数客户相同）"),
    (5, [1.0] * 4 + [5.0] * 496 + [9.0] * 500, "meaning of x: 5 days (median 5)", "x的含义：5天（中位数 5）"),  # 49.6 % have it
    (99, [*HUNDRED, *[np.nan] * 5], "later than 90 % of customers: 99 days (median 50)", "迟付多于90%的客户：99天（中位数 50）"),
    (99, [*HUNDRED, *[np.nan] * 6], "later than 95 % of those with data: 99 days (median 50)",
     "迟付多于95%的有数据客户：99天（中位数 50）"),
    (51, [*HUNDRED, *[np.nan] * 6], "later than most of those with data: 51 days (median 50)",
     "迟付多于多数有数据的客户：51天（中位数 50）"),
    (np.nan, [1.0] * 19 + [np.nan], "meaning of x: not known (known for 95 % of customers)",
     "x的含义：无数据（95%的客户有数据）"),
    (np.nan, [1.0] * 18 + [np.nan] * 2, "meaning of x: not known (known for 90 % of customers)",
     "x的含义：无数据（90%的客户有数据）"),
    (np.nan, [1.0] + [np.nan] * 9, "meaning of x: not known (as for 90 % of customers)", "x的含义：无数据（与90%的客户相同）"),
])
def test_the_words_say_how_far_out_a_value_lies_in_the_book_and_never_exaggerate(value, usual, english, chinese):
    assert said_of(value, usual, LATE, "en") == english
    assert said_of(value, usual, LATE, "zh") == chinese


@pytest.mark.parametrize(("value", "usual", "english"), [
    (3, [-1, 0, 1, 2, 3], "has grown: 3 days (median 1, above 75 % of customers)"),
    (2, [1, 2, 3, 4, 5], "has grown: 2 days (median 3, below most)"),  # grown, and less than most have
    (-3, [-9, -3, -2, -1, -1], "has shrunk: -3 days (median -2, below most)"),
    (3, [3, 3, 3, 3, 3], "has grown: 3 days (median 3, as for 99 % of customers)"),
])
def test_words_of_a_change_say_where_it_lies_beside_the_median(value, usual, english):
    assert said_of(value, usual, CHANGE, "en") == english


books = st.lists(st.integers(-3, 12).map(float) | st.just(0.0), min_size=1, max_size=60)


@given(books, st.integers(-5, 14).map(float))
def test_a_size_is_never_larger_than_the_share_it_names_and_never_against_the_words(usual, value):
    """Counted one by one: how many of the book lie below, at and above the value."""
    text, chinese, column = said_of(value, usual, LATE, "en"), said_of(value, usual, LATE, "zh"), np.array(usual)
    size = size_in(text)
    shares = {"later than": (column < value).mean(), "above": (column < value).mean(), "less late than": (column > value).mean(),
              "below": (column > value).mean(), "as for": (column == value).mean()}
    told = [share for word, share in shares.items() if f"{word} " in text]
    assert len(told) <= 1 and (not told or 100 * told[0] >= size - 1e-9)
    assert value == 0 or ("later than" in text) == (value > np.quantile(usual, 0.5, method="inverted_cdf"))
    if told:  # as large as percentiles can tell, within two hundredths
        assert 100 * told[0] < next((start for start in SIZES if start > size), 101) + 2
    assert size == size_in(chinese, "zh")


@given(books, st.lists(st.integers(-5, 14).map(float), min_size=2, max_size=2))
def test_a_more_extreme_value_is_never_given_a_milder_size(usual, pair):
    low, high = sorted(pair)
    of_low, of_high = (said_of(value, usual, replace_words(LATE, zero_en="", zero_zh=""), "en") for value in (low, high))
    if "later than" in of_low:
        assert "later than" in of_high and size_in(of_low) <= size_in(of_high)
    if "less late than" in of_high:
        assert "less late than" in of_low and size_in(of_high) <= size_in(of_low)


def test_a_book_in_which_nobody_has_a_value_gives_no_size():
    assert said_of(3.0, [np.nan, np.nan], CHANGE, "en") == "has grown: 3 days"
    assert said_of(np.nan, [np.nan, np.nan], CHANGE, "en") == "meaning of x: not known (as for 99 % of customers)"


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


def pushes_of(judged):
    """By how much every feature of every customer speaks for its type against the runner-up, and the two types' places."""
    ranked, rows = np.argsort(-judged.probabilities, axis=1, kind="stable"), np.arange(len(judged.probabilities))
    first, second = ranked[:, 0], ranked[:, 1]
    return (judged.contributions[rows, first] - judged.contributions[rows, second])[:, :-1], first, second


def gaps_with(segmenter, frame, matrix, first, second):
    """The log-odds of the two types when the features are these instead."""
    changed, rows = frame.copy(), np.arange(len(frame))
    changed[list(segmenter.features)] = matrix
    margins = segmenter.judge(changed).margins
    return margins[rows, first] - margins[rows, second]


def test_neutralising_a_named_factor_moves_the_log_odds_the_way_the_words_say(book, fitted):
    """In its place what every other customer of the book has, on average: the gap falls, nearly always."""
    frame, segmenter = book[0], fitted.segmenter
    values = frame[list(segmenter.features)].to_numpy()
    pushes, first, second = pushes_of(segmenter.judge(frame))
    before, rows = gaps_with(segmenter, frame, values, first, second), np.arange(len(frame))
    for place, share in ((0, 0.97), (1, 0.9), (2, 0.9)):  # six features that decide together; of 113 it is more
        named = np.argsort(-pushes, axis=1, kind="stable")[:, place]
        neutral = []
        for others in range(3, 300, 9):
            matrix = values.copy()
            matrix[rows, named] = values[(rows + others) % len(rows), named]
            neutral.append(gaps_with(segmenter, frame, matrix, first, second))
        falls = before - np.mean(neutral, axis=0)
        speaks_for = pushes[rows, named] > 0.02
        assert speaks_for.sum() > 150 and (falls[speaks_for] > 0).mean() > share


def test_where_factors_act_alone_neutralising_one_takes_away_exactly_what_it_pushed(book, settings):
    """Trees of one split: with another customer's value the gap changes by the difference of the two pushes, for every reason."""
    frame, labels, groups = book
    segmenter = fit(frame, labels, groups, ORDER, replace(settings, depth=1)).segmenter
    values, judged = frame[list(segmenter.features)].to_numpy(), segmenter.judge(frame)
    pushes, first, second = pushes_of(judged)
    before, rows = gaps_with(segmenter, frame, values, first, second), np.arange(len(frame))
    for feature in range(len(segmenter.features)):
        for others in (1, 40, 151):
            other = (rows + others) % len(rows)
            matrix = values.copy()
            matrix[rows, feature] = values[other, feature]
            of_other = judged.contributions[other, first, feature] - judged.contributions[other, second, feature]
            falls = before - gaps_with(segmenter, frame, matrix, first, second)
            assert np.abs(falls - (pushes[:, feature] - of_other)).max() < 1e-4


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


@given(st.lists(st.integers(0, 6), min_size=2, max_size=60), st.integers(0, 3) | st.integers(0, 30), st.integers(0, 6))
def test_what_is_said_of_how_many_customers_is_true_of_at_least_so_many(known, n_missing, value):
    usual = [float(each) for each in [*known, value]] + [np.nan] * n_missing
    text = said_of(float(value), usual, LATE, "en")
    if found := re.search(r"(less late than|later than|above|below|as for) (most|\d+ %)( of those with data)?", text):
        way, size, of_known = found.groups()
        known_values = [each for each in usual if not np.isnan(each)]
        n_holding = sum({"later than": each < value, "above": each < value, "as for": each == value}.get(way, each > value)
                        for each in known_values)
        n_of = len(known_values) if of_known else len(usual)
        assert n_holding / n_of >= (0.5 if size == "most" else float(size[:-2]) / 100), text
