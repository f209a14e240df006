"""Stories and what becomes of them: against plain Python, of any numbers, and of models grown from other seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from story_oracle import compared, story

from models.segmenter import fit, reseeded
from models.stability import Flips, agreement, flipped, flipped_by_type, flips, same, stories, told, told_by
from models.types import ORDER

DIMENSION_OF = {"exposure_committed": "value", "income_share": "value", "tenure_months": "need", "days_late_max_12m": "behaviour",
                "is_guarantor": "risk", "rate_mean": "risk"}
NAMES = tuple(DIMENSION_OF)


@pytest.fixture(scope="module")
def grown(book, settings):
    """A model in which chance has a say, and its twins."""
    frame, labels, groups = book
    fitted = fit(frame, labels, groups, ORDER, replace(settings, subsample=0.5, colsample=0.5, n_twins=2))
    return fitted, reseeded(fitted, frame)


def test_what_is_compared_is_what_plain_python_compares(book, grown):
    fitted, twins = grown
    one, other = (model.judge(book[0]) for model in (fitted.segmenter, twins[0]))
    found = same(told(one, DIMENSION_OF), told(other, DIMENSION_OF))
    expected = compared(one, other, DIMENSION_OF)
    assert found.tolist() == expected
    assert 0 < found.mean() < 1 and all(0 < found[:, part].sum() < len(found) for part in range(3)), "all of it happens"
    shares = flips(one, other, DIMENSION_OF)
    assert shares.n == 300
    assert [shares.types, shares.reasons, shares.dimensions] == pytest.approx(
        [sum(not row[part] for row in expected) / 300 for part in range(3)], abs=1e-12)


def test_a_story_told_at_a_third_of_the_cost_is_that_of_the_whole_judgement(book, grown, settings):
    frame, labels, groups = book
    deep = fit(frame, labels, groups, ORDER, replace(settings, depth=10, min_child_weight=0.0, l2=0.1)).segmenter
    assert deep.slow_because
    for model in (grown[0].segmenter, deep):
        judged = model.judge(frame)
        first_two, pushes = model.leading(frame)
        rows = np.arange(len(frame))
        both = judged.contributions[rows, first_two[:, 0]] - judged.contributions[rows, first_two[:, 1]]
        assert np.abs(pushes - both[:, :-1]).max() < 1e-5
        quick, whole = told_by(model, frame, DIMENSION_OF), told(judged, DIMENSION_OF)
        assert same(quick, whole).all() and quick.reasons.tolist() == whole.reasons.tolist()
        found = list(zip(quick.types, quick.reasons.tolist(), quick.dimensions))
        assert found == [story(judged, row, DIMENSION_OF) for row in rows]


def test_twins_are_the_models_of_other_seeds_and_take_over_the_promises(book, settings, grown):
    frame, labels, groups = book
    fitted, twins = grown
    assert len(twins) == 2 and len({model.sha256 for model in (fitted.segmenter, *twins)}) == 3
    for nth, twin in enumerate(twins, 1):
        own = fit(frame, labels, groups, ORDER, replace(fitted.segmenter.settings, seed=settings.seed + nth)).segmenter
        assert bytes(twin.booster.save_raw("ubj")) == bytes(own.booster.save_raw("ubj"))
        assert (twin.temperature, twin.referral) == (fitted.segmenter.temperature, fitted.segmenter.referral)
        assert twin.settings.seed == settings.seed + nth
    again = reseeded(fitted, frame.sample(frac=1, random_state=1))
    assert [twin.sha256 for twin in again] == [twin.sha256 for twin in twins], "whatever the order of the rows"


def test_every_twin_is_told_of_on_the_way(book, settings):
    fitted, said = fit(*book, ORDER, replace(settings, n_trees=1)), []
    assert len(reseeded(fitted, book[0], said.append)) == 3
    assert said == ["twin 1 of 3", "twin 2 of 3", "twin 3 of 3"]


@st.composite
def any_stories(draw, n=6):
    """Stories of pushes with many ties."""
    numbers = st.integers(-2, 2).map(float)
    pushes = np.array(draw(st.lists(st.lists(numbers, min_size=len(NAMES), max_size=len(NAMES)), min_size=n, max_size=n)))
    return stories(np.array(draw(st.lists(st.sampled_from(ORDER), min_size=n, max_size=n))), pushes, NAMES, DIMENSION_OF)


@given(any_stories(), any_stories())
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_story_survives_itself_wholly_and_comparing_has_no_direction(one, other):
    assert same(one, one).all() and flipped(same(one, one)) == Flips(0.0, 0.0, 0.0, 6)
    assert same(one, other).tolist() == same(other, one).tolist()
    assert all(len(set(row)) == 3 for row in one.reasons)
    both = agreement(one, [one, other])
    assert both.tolist() == ((1 + same(one, other)) / 2).tolist()


PUSHES = [[3.0, 2.0, 1.0, 0.0, 0.0, 0.0],  # value, value, need, behaviour, risk, risk
          [3.0, 2.0, 0.0, 1.0, 0.0, 0.0], [3.0, 0.0, 0.0, 1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 1.0, 2.0, 3.0],
          [2.0, 0.0, 3.0, 1.0, 0.0, 0.0]]


@pytest.mark.parametrize(("row", "expected"), [
    (0, [True, True, True]),  # itself
    (1, [True, True, True]),  # two of three reasons stay
    (2, [True, False, True]),  # one stays
    (3, [True, False, False]),  # none, and risk leads
    (4, [True, True, False]),  # two stay, and need leads
])
def test_two_of_three_reasons_have_to_stay_and_the_largest_sum_leads(row, expected):
    one, other = (stories(np.array(["risk"]), np.array([pushes]), NAMES, DIMENSION_OF) for pushes in (PUSHES[0], PUSHES[row]))
    assert same(one, other).tolist() == [expected]
    assert same(one, replace(other, types=np.array(["churn"], dtype=object))).tolist() == [[False, *expected[1:]]]


def test_models_of_other_features_are_compared_by_their_names():
    few = stories(np.array(["risk"]), np.array([[2.0, 3.0, 1.0]]), (NAMES[1], NAMES[0], "of old"), DIMENSION_OF)
    assert same(stories(np.array(["risk"]), np.array([PUSHES[0]]), NAMES, DIMENSION_OF), few).tolist() == [[True, True, True]]


def test_flips_are_counted_of_all_and_per_type_and_nobody_is_no_type():
    agreed = np.array([[1, 1, 1], [0, 0.5, 1], [1, 0, 0.0]])
    found = flipped_by_type(agreed, np.array(["risk", "risk", "stable"]), ORDER)
    assert list(found) == ["all", "risk", "stable"]
    assert found["all"] == Flips(*(pytest.approx(x) for x in (1 / 3, 0.5, 1 / 3)), 3)
    assert found["risk"] == Flips(0.5, 0.25, 0.0, 2) and found["stable"] == Flips(0.0, 1.0, 1.0, 1)
    assert flipped(agreed[:0]) == Flips(0.0, 0.0, 0.0, 0)
    one = stories(np.array(["risk"]), np.array([PUSHES[0]]), NAMES, DIMENSION_OF)
    assert np.isnan(agreement(one, [])).all() and agreement(one, []).shape == (1, 3)


def test_other_rows_are_not_compared(book, grown):
    judge = grown[0].segmenter.judge
    with pytest.raises(ValueError, match="other rows"):
        flips(judge(book[0]), judge(book[0].iloc[::-1]), DIMENSION_OF)
