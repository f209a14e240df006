"""Training on a book with ratings: what the bank judged itself can be left out, and the report shows both."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

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
    assert " judgement" not in capsys.readouterr().out
    assert not any(FEATURES[name].is_judgemental for name in features)


def test_the_model_takes_the_features_that_are_known_of_somebody(tmp_path, book):
    _, features = trained(tmp_path, book)
    assert "exposure_drawn" in features and "rating_grade" not in features and "fee_income_12m" not in features


def test_a_feature_that_gives_the_label_away_is_named_on_the_way_and_in_the_report(tmp_path, capsys):
    tables = tiny_book()  # types drawn by lot: only the rating knows them
    types = tables["labels"].groupby("customer_id")["type"].first().sample(frac=1, random_state=0).set_axis(
        sorted(set(tables["labels"]["customer_id"])))
    tables["labels"]["type"] = tables["labels"]["customer_id"].map(types)
    tables["ratings"] = pd.DataFrame(
        {"customer_id": types.index, "rated_on": "2024-05-31", "grade": types.map(GRADES).astype(str)})
    desk, _ = trained(tmp_path, write_book(tables, tmp_path / "book"), use_judgemental="true")
    said = capsys.readouterr().out
    assert "rating_grade carries " in said and "as a column does that repeats the label" in said
    (card,) = desk.folder.glob("store/artifacts/*/artifacts/model_card.md")
    assert "rating_grade carries " in card.read_text(encoding="utf-8")


def test_training_twice_in_processes_of_their_own_decides_the_same(tmp_path, book):
    """Same thread count, same bytes: the model, not only its decisions."""
    digests = []
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        desk = Desk(tmp_path / run)
        subprocess.run([sys.executable, "-m", "pipeline.cli", "--settings", desk.settings, "train", "--data", book,
                        "--rejects", desk.rejects], check=True, capture_output=True)
        (model,) = desk.folder.glob("store/artifacts/*/artifacts/segmenter/model.ubj")
        digests.append(hashlib.sha256(model.read_bytes()).hexdigest())
        about = json.loads(model.with_name("segmenter.json").read_text(encoding="utf-8"))
        assert about["settings"]["n_threads"] == 2, "the thread count is set, and recorded"
    assert digests[0] == digests[1]


def test_another_file_split_of_the_book_decides_the_same(tmp_path, book):
    """Rows in another order and as Parquet instead of CSV."""
    other = tmp_path / "book"
    other.mkdir()
    for name, rows in tiny_book().items():
        rows.sample(frac=1, random_state=3).to_parquet(other / f"{name}.parquet", index=False)
    probabilities = []
    for place, folder in (("a", book), ("b", other)):
        (tmp_path / place).mkdir()
        desk, _ = trained(tmp_path / place, folder)
        assert desk.score(folder, "--model", "challenger") == 0
        scored = pd.read_parquet(desk.partition())
        probabilities.append(scored[[c for c in scored if c.startswith("p_")] + ["type", "possible_types", "is_referred"]])
    pd.testing.assert_frame_equal(*probabilities, check_exact=True)
