"""What a delivery lacks of what the model learnt from is said, and beyond a bound nobody is scored."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from desk import Desk, the_line, tiny_book, write_book, write_settings

from features.frame import feature_frame
from features.sources import open_tables
from models.explain import reference_of
from pipeline.delivery import FeaturesLost, Lost, lost, must_be_few
from pipeline.explanations import scoring_of
from pipeline.settings import load_settings
from pipeline.tracking import load

DAY = "2024-12-31"


@pytest.fixture
def renamed(tmp_path):
    """The tiny book with the column of rates under another name."""
    tables = tiny_book()
    tables["loans"] = tables["loans"].rename(columns={"annual_rate": "zinssatz"})
    return write_book(tables, tmp_path / "renamed")


def desk_with(trained: Desk, folder, limit: str) -> Desk:
    """A desk that reads the trained store, with another bound."""
    desk = Desk(folder)
    changes = {key: f'"{value}"' for key, value in vars(load_settings(trained.settings).tracking).items()}
    desk.settings = write_settings(folder, lost_features_limit=limit, uri=changes["uri"], artifacts=changes["artifacts"])
    return desk


def gone(trained: Desk, book) -> set[str]:
    """What the trees ask for, read from their text, that nobody in the book has."""
    model = load("1", load_settings(trained.settings).tracking).segmenter
    asked = set(re.findall(r"\[(\w+)<", "".join(model.booster.get_dump())))
    tables = open_tables(book)
    frame = feature_frame(pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(60)], "as_of": DAY}), tables)
    tables.close()
    return {name for name in asked if frame[name].isna().all()}


def test_beyond_the_bound_nobody_is_scored(trained, renamed, tmp_path, capsys):
    desk = desk_with(trained, tmp_path, "0.02")
    assert desk.score(renamed, "--model", "1") == 70
    line = the_line(capsys)
    assert line.startswith(f"pentad: FeaturesLost: the book as of {DAY}: missing for every customer: ")
    assert all(name in line for name in gone(trained, renamed)) and "lost_features_limit (0.02)" in line
    assert not desk.out.joinpath(f"as_of={DAY}").exists()
    (record,) = (json.loads(file.read_text(encoding="utf-8")) for file in desk.folder.joinpath("records").iterdir())
    assert (record["exit_code"], record["error"]["name"]) == (70, "FeaturesLost")


def test_within_the_bound_it_is_said_and_recorded_and_the_run_goes_on(trained, renamed, tmp_path, capsys):
    desk = desk_with(trained, tmp_path, "1.0")
    assert desk.score(renamed, "--model", "1") == 0
    names, out = gone(trained, renamed), capsys.readouterr().out
    (record,) = (json.loads(file.read_text(encoding="utf-8")) for file in desk.folder.joinpath("records").iterdir())
    assert names and set(record["lost_features"]) == set(scoring_of(DAY, desk.out).manifest["lost_features"]) == names
    for said in ("columns of loans that are not read: zinssatz", "missing for every customer: "):
        assert f"note: {said}" in out and sum(warning.startswith(said) for warning in record["warnings"]) == 1


def test_of_the_book_that_the_model_learnt_from_nothing_is_lost(trained, book, tmp_path):
    desk = desk_with(trained, tmp_path, "0.0")
    assert desk.score(book, "--model", "1") == 0
    assert gone(trained, book) == set() and scoring_of(DAY, desk.out).manifest["lost_features"] == []


def test_a_table_that_is_not_there_is_named_and_one_that_is_there_is_not(book):
    tables = open_tables(book)
    usual = reference_of([("rating_grade", np.full(3, np.nan)), ("exposure_drawn", np.full(3, np.nan)),
                          ("record_months", np.array([np.nan, 1.0, np.nan])), ("n_complaints_12m", np.full(3, np.nan))])
    found = lost(("rating_grade", "exposure_drawn", "record_months"), usual, tables)
    tables.close()
    assert (found.features, found.n_learnt) == (("rating_grade", "exposure_drawn"), 3)
    assert "loans" in found.read and found.gone == ("ratings", "drawdowns")
    assert str(found).endswith("; the book has no ratings, no drawdowns")


@pytest.mark.parametrize(("n", "limit", "stops"), [(1, 0.02, False), (2, 0.02, True), (0, 0.0, False), (1, 0.0, True)])
def test_the_bound_is_a_share_of_what_was_learnt_from(n, limit, stops):
    found = Lost(("rating_grade", "n_complaints_12m")[:n], 50, ("ratings", "contacts")[:n], ())
    if not stops:
        must_be_few(found, limit, "the book")
        return
    with pytest.raises(FeaturesLost, match=f"{n} of the 50 features"):
        must_be_few(found, limit, "the book")
