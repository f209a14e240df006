"""Two registered models side by side: shares, gains, moves, and explanations that add up."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from desk import Desk

from features.catalogue import FEATURES
from features.sources import open_tables
from models.types import ORDER
from pipeline import tracking
from pipeline.comparison import compare, gains_of, pair, plot_gains
from pipeline.errors import NoModel
from pipeline.labels import analyst_labels
from pipeline.settings import load_settings, seen_from

DAY = "2024-12-31"


def quiet(line: str) -> None:
    """Nobody is told."""


@pytest.fixture(scope="module")
def two(book, tmp_path_factory) -> Desk:
    """A store with two models that differ in their seed and number of trees."""
    desk = Desk(tmp_path_factory.mktemp("two"))
    assert desk.train(book) == 0
    text = desk.settings.read_text(encoding="utf-8")
    desk.settings.write_text(text.replace("seed = 7", "seed = 1").replace("n_trees = 10", "n_trees = 2"), encoding="utf-8")
    assert desk.train(book) == 0
    return desk


@pytest.fixture(scope="module")
def compared(two, book):
    settings, tables = load_settings(two.settings), open_tables(book)
    labelled = analyst_labels(tables, None, settings, quiet)
    found = compare(tables, DAY, *pair("2", "1", settings.tracking), labelled, settings, quiet)
    tables.close()
    return found


def test_without_a_champion_the_version_before_is_compared_and_with_one_the_champion(two):
    settings = load_settings(two.settings).tracking
    assert [one.version for one in pair("challenger", "", settings)] == ["2", "1"]
    assert [one.version for one in pair("1", "2", settings)] == ["1", "2"]
    with pytest.raises(NoModel, match="no other model"):
        pair("1", "", settings)


def test_a_champion_is_compared_unless_it_is_the_model_itself(two, tmp_path):
    desk = Desk(tmp_path)
    shutil.copytree(two.folder / "store", tmp_path / "store")
    desk.crown("2")
    settings = load_settings(desk.settings).tracking
    assert [one.version for one in pair("1", "", settings)] == ["1", "2"]
    assert [one.version for one in pair("2", "", settings)] == ["2", "1"]


def test_the_moves_count_every_customer_once_and_the_changed_are_those_off_the_diagonal(compared):
    given, moves = compared.given, compared.moves
    assert list(moves.index) == list(moves.columns) == list(ORDER)
    assert moves.to_numpy().sum() == len(given) == given["customer_id"].nunique()
    changed = compared.changed()
    assert len(changed) == len(given) - np.trace(moves.to_numpy()) > 0
    assert compared.flips.types == pytest.approx(len(changed) / len(given))
    for row in changed.itertuples():
        assert moves.at[row.old, row.new] > 0


def test_the_account_of_a_customer_sums_to_the_difference_of_the_two_log_odds(compared):
    """From the probabilities of either model, which the account does not use."""
    new, old = compared.judgements
    ids = list(compared.matrix["customer_id"])
    same = compared.given[compared.given["old"] == compared.given["new"]]
    for row in [*compared.changed().head(5).itertuples(), *same.head(3).itertuples()]:
        place, a, b = ids.index(row.customer_id), ORDER.index(row.new), ORDER.index(row.old)
        if a == b:
            b = int(np.argsort(-new.probabilities[place], kind="stable")[1])
        ratios = [np.log(one.probabilities[place, a] / one.probabilities[place, b]) for one in (new, old)]
        table = compared.account(row.customer_id)
        assert table["push"].sum() == pytest.approx(ratios[0] - ratios[1], abs=1e-4)
        if row.new != row.old:
            assert ratios[0] > 0 > ratios[1] and row.by == pytest.approx(ratios[0] - ratios[1], abs=1e-4)


def test_both_explanations_of_a_changed_customer_are_in_words_of_either_language(compared):
    for language, mark in (("en", ": "), ("zh", "：")):
        table = compared.changed(language)
        for column in ("old_says", "new_says", "moved"):
            assert table[column].str.contains(mark).any() and (table[column] != "").all()
    assert set(compared.account(compared.given["customer_id"][0])["feature"]) <= {*FEATURES, "starting_point"}


def test_gains_and_parts_are_of_labels_that_neither_has_learnt_from(compared):
    until = max(compared.new.trained_until, compared.old.trained_until)
    assert compared.judged is not None and (compared.judged.rows["as_of"] > until).all()
    scores, gains = compared.scores(), compared.gains().set_index("metric")
    assert list(scores.index) == ["version 2", "version 1"] and set(gains["rival"]) == {"version 1"}
    assert gains.at["log_loss", "gain"] == pytest.approx(scores.at["version 1", "log_loss"] - scores.at["version 2", "log_loss"])
    assert gains.at["macro_f1", "gain"] == pytest.approx(scores.at["version 2", "macro_f1"] - scores.at["version 1", "macro_f1"])
    assert (gains["low"] <= gains["high"]).all() and compared.parts()["dearer"].is_monotonic_decreasing


def test_a_book_without_later_labels_gives_no_gains(two, book):
    settings, tables = load_settings(two.settings), open_tables(book)
    both = pair("2", "1", settings.tracking)
    labelled = analyst_labels(tables, None, settings, quiet)
    labelled = replace(labelled, rows=labelled.rows[labelled.rows["as_of"] <= both[0].trained_until])
    found = compare(tables, DAY, *both, labelled, settings, quiet)
    tables.close()
    assert found.judged is None and found.gains().empty and found.scores().empty and found.parts().empty


def test_pictures_and_the_evidence_have_a_row_for_every_rival_and_metric(two, compared):
    import matplotlib.pyplot as plt

    settings = load_settings(two.settings)
    table = gains_of(tracking.evidence(compared.new, settings.tracking))
    assert set(table["metric"]) == {"log_loss", "macro_f1", "expected_cost"} and table["rival"].nunique() >= 3
    assert len(plot_gains(table).get_yticklabels()) == len(table)
    axes = compared.plot_moves()
    assert sum(int(text.get_text().replace(",", "")) for text in axes.texts) == len(compared.given)
    plt.close("all")


def test_settings_seen_from_another_folder_name_the_same_places(two, tmp_path, monkeypatch):
    monkeypatch.delenv("PENTAD_TRACKING_URI", raising=False)
    own, there = load_settings(two.settings), seen_from(tmp_path, load_settings())
    assert seen_from(tmp_path, own) == own, "absolute places stay"
    assert there.tracking.uri == f"sqlite:///{tmp_path.resolve() / 'runs/mlflow.db'}"
    assert Path(there.tracking.artifacts) == tmp_path / "runs/artifacts"
    assert Path(there.labels.overrides) == tmp_path / "runs/overrides.jsonl"
    assert pd.Series(vars(there.model)).equals(pd.Series(vars(load_settings().model)))
