"""Training on a book with ratings: what the bank judged itself can be left out, and the report shows both."""

from __future__ import annotations

import pandas as pd
import pytest
from desk import Desk, tiny_book, write_book, write_settings

from features.catalogue import FEATURES
from pipeline.settings import load_settings
from pipeline.tracking import load

GRADES = {"risk": 9, "churn": 6, "strategic": 2, "growth": 5, "stable": 3}


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """The tiny book with a rating that gives each type away."""
    tables = tiny_book()
    types = tables["labels"].drop_duplicates("customer_id").set_index("customer_id")["type"]
    tables["ratings"] = pd.DataFrame(
        {"customer_id": types.index, "rated_on": "2024-05-31", "grade": types.map(GRADES).astype(str)})
    return write_book(tables, tmp_path_factory.mktemp("rated"))


def trained(folder, book, **changes) -> tuple[Desk, tuple[str, ...]]:
    desk = Desk(folder)
    desk.settings = write_settings(folder, **changes)
    assert desk.train(book) == 0
    return desk, load("challenger", load_settings(desk.settings).tracking).segmenter.features


@pytest.mark.parametrize(("use", "beside"), [("true", "pentad without judgement"), ("false", "pentad with judgement")])
def test_one_switch_leaves_the_banks_own_judgements_out_and_the_report_shows_both(tmp_path, rated, capsys, use, beside):
    desk, features = trained(tmp_path, rated, use_judgemental=use)
    assert ("rating_grade" in features) == (use == "true")
    report = capsys.readouterr().out
    assert f"\n{beside} " in report and "\npentad  " in report
    assert desk.score(rated, "--model", "challenger") == 0


def test_without_any_judgement_in_the_book_there_is_nothing_to_show_beside(tmp_path, book, capsys):
    _, features = trained(tmp_path, book)
    assert "judgement" not in capsys.readouterr().out
    assert not any(FEATURES[name].is_judgemental for name in features)


def test_the_model_takes_the_features_that_are_known_of_somebody(tmp_path, book):
    _, features = trained(tmp_path, book)
    assert "exposure_drawn" in features and "rating_grade" not in features and "fee_income_12m" not in features
