"""Displays: their tables hold the judgement's own numbers, and their pictures show what the tables say."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest

from models.displays import Account, Beeswarm, Dependence, ReasonsOverDates, firsts_of, waterfall
from models.explain import DIMENSIONS, STARTING_POINT, contrast, reference
from models.types import ORDER

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def judged(book, fitted):
    frame = book[0]
    return frame, fitted.segmenter.judge(frame)


@pytest.fixture(autouse=True)
def closed():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def given(judgement, row):
    return [judgement.types[place] for place in np.argsort(-judgement.probabilities[row], kind="stable")[:2]]


def drawn(axes):
    axes.figure.canvas.draw()
    return axes


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_waterfall_sums_from_the_starting_point_to_the_gap(judged, catalogue, language):
    frame, judgement = judged
    a, b = given(judgement, 3)
    display = waterfall(judgement, frame, 3, a, b, catalogue, reference(frame))
    table = display.frame(language)
    assert table["push"].sum() == pytest.approx(contrast(judgement, 3, a, b).sum(), abs=1e-12)
    assert table["feature"].iloc[-1] == STARTING_POINT and table["words"].notna().all()
    if language == "en":
        axes = drawn(display.plot(top=3))
        texts = " ".join(text.get_text() for each in axes.figure.axes for text in each.texts) + axes.get_title(loc="left")
        assert f"{table['push'][0]:+.2f}".replace("-", "\N{MINUS SIGN}") in texts and "C0001" in texts
        assert axes.get_xlabel() == f"log-odds for {a} against {b}"


def test_the_account_sums_to_the_logarithm_of_the_ratio_against_every_other_type(judged, catalogue):
    _, judgement = judged
    for row in range(10):
        a, second = given(judgement, row)
        table = Account(judgement.contributions[row], judgement.features, judgement.types, a, catalogue).frame()
        assert table.index[0] == second and set(table.index) == set(ORDER) - {a}
        for other, sums in table.iterrows():
            ratio = np.log(judgement.probabilities[row, ORDER.index(a)] / judgement.probabilities[row, ORDER.index(other)])
            assert sums["gap"] == pytest.approx(ratio, abs=1e-9)
            assert sums[[*DIMENSIONS, STARTING_POINT]].sum() == pytest.approx(sums["gap"], abs=1e-12)
    axes = drawn(Account(judgement.contributions[row], judgement.features, judgement.types, a, catalogue).plot())
    assert [label.get_text() for label in axes.get_yticklabels()] == list(table.index)
    widths = sum(bar.get_width() for bars in axes.containers for bar in [bars[0]])
    assert widths == pytest.approx(table["gap"].iloc[0])


def test_a_beeswarm_ranks_features_by_what_they_move(judged, catalogue):
    frame, judgement = judged
    display = Beeswarm(judgement, frame, "risk", catalogue)
    table = display.frame()
    sizes = np.abs(judgement.contributions[:, ORDER.index("risk"), :-1]).mean(axis=0)
    assert table["feature"][0] == judgement.features[sizes.argmax()] and table["mean_size"].is_monotonic_decreasing
    axes = drawn(display.plot(top=4))
    assert len(axes.get_yticklabels()) == 4 and axes.get_xlabel() == "log-odds for risk"


def test_bands_have_their_lower_border_within_and_the_unknown_apart(judged, catalogue):
    frame, judgement = judged
    display = Dependence(judgement, frame, "rate_mean", "growth", [0.04, 0.05], catalogue)
    table, values = display.frame(), frame["rate_mean"]
    assert table["n"].tolist() == [(values < 0.04).sum(), ((values >= 0.04) & (values < 0.05)).sum(), (values >= 0.05).sum(),
                                   values.isna().sum()]
    own = judgement.contributions[:, ORDER.index("growth"), judgement.features.index("rate_mean")]
    assert table["mean"].iloc[2] == pytest.approx(own[values >= 0.05].mean())
    assert table["mean"].iloc[3] == pytest.approx(own[values.isna()].mean())
    on_the_border = Dependence(judgement, frame.assign(rate_mean=0.04), "rate_mean", "growth", [0.04], catalogue).frame()
    assert on_the_border["n"].tolist() == [0, len(frame), 0]
    assert len(drawn(display.plot()).collections) >= 2


def test_the_first_reasons_of_a_date_sum_to_one_and_are_those_of_the_contrast(judged, catalogue):
    frame, judgement = judged
    firsts = firsts_of(judgement)
    for row in range(20):
        a, b = given(judgement, row)
        assert firsts["type"][row] == a
        assert firsts["feature"][row] == contrast(judgement, row, a, b).drop(STARTING_POINT).idxmax()
    display = ReasonsOverDates(firsts, "stable", catalogue)
    table = display.frame()
    assert list(table.index) == sorted(frame["as_of"].unique()) and table.sum(axis=1).to_numpy() == pytest.approx(1)
    own = firsts[(firsts["type"] == "stable") & (firsts["as_of"] == table.index[0])]
    assert table.iloc[0, 0] == pytest.approx((own["feature"] == table.columns[0]).mean())
    assert drawn(display.plot(top=2)).get_ylim() == (0, 1)
    nobody = ReasonsOverDates(pd.DataFrame({"as_of": ["2025-06-30"], "type": ["risk"], "feature": ["rate_mean"]}), "churn",
                              catalogue)
    assert nobody.frame().empty
