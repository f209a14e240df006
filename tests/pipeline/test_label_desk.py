"""What a reviewer of labels looks at: a suspect beside its neighbours, and the habits of every analyst."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.catalogue import FEATURES
from features.frame import feature_frame
from features.sources import open_tables
from models.explain import short_name, written
from models.labels.consensus import consensus
from models.labels.votes import votes_of
from pipeline.label_desk import beside, draw_habits

DAY = "2024-12-31"
CASE = pd.Series({"customer_id": "C000", "as_of": DAY, "type": "stable", "likely_type": "risk", "agreeing": f"C004 as of {DAY}",
                  "contradicting": f"C005 as of {DAY}", "contradicts": "days_late_mean_12m,exposure_drawn,rating_grade"})


@pytest.mark.parametrize(("language", "missing"), [("en", "not known"), ("zh", "无数据")])
def test_a_suspect_stands_beside_its_neighbours_with_the_values_of_the_features_that_contradict(book, language, missing):
    tables = open_tables(book)
    shown = beside(CASE, tables, language)
    frame = feature_frame(pd.DataFrame({"customer_id": ["C000", "C004", "C005"], "as_of": DAY}), tables).set_index("customer_id")
    tables.close()
    assert list(shown.columns) == ["C000, labelled stable", "C004, stable", "C005, risk"]
    for name in CASE["contradicts"].split(","):
        own = shown.loc[short_name(FEATURES[name], language)]
        wanted = [missing if np.isnan(value) else written(value, FEATURES[name].unit, language)
                  for value in frame.loc[["C000", "C004", "C005"], name]]
        assert list(own) == wanted
    assert (shown.iloc[2] == missing).all() and shown.iloc[0].nunique() > 1


def test_a_suspect_without_neighbours_or_with_the_same_customer_twice_is_shown_too(book):
    tables = open_tables(book)
    alone = beside(CASE.replace({CASE["agreeing"]: "", CASE["contradicting"]: ""}), tables)
    nothing = beside(CASE.replace({CASE["contradicts"]: ""}), tables)
    tables.close()
    assert list(alone.columns) == ["C000, labelled stable"] and len(alone) == 3 and nothing.empty


def test_the_habits_of_every_analyst_are_drawn_with_their_shares():
    import matplotlib.pyplot as plt

    rows = [(f"C{i}", DAY, kind, analyst) for i in range(30) for analyst, kind in (
        ("ann", "risk" if i % 2 else "stable"), ("bob", "risk" if i % 3 else "stable"))]
    agreed = consensus(votes_of(pd.DataFrame(rows, columns=["customer_id", "as_of", "type", "analyst"])))
    figure = draw_habits(agreed)
    assert [pane.get_title() for pane in figure.axes] == ["ann", "bob"]
    for pane in figure.axes:
        shares = agreed.confusion(pane.get_title()).to_numpy()
        told = {text.get_position()[::-1]: text.get_text() for text in pane.texts}
        assert told == {at: f"{share:.0%}" for at, share in np.ndenumerate(shares) if share >= 0.01}
    plt.close(figure)
