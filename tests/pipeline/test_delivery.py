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


def usual_in(folder, but: tuple[str, ...] = ()):
    """The features that the tiny book knows of somebody, what is usual of them in a book, some missing; and the book's losses."""
    who, tables = pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(60)], "as_of": DAY}), open_tables(write_book(
        tiny_book(), folder.parent / f"{folder.name}_whole"))
    known = feature_frame(who, tables).drop(columns=["customer_id", "as_of"]).dropna(axis="columns", how="all").columns
    tables.close()
    tables = open_tables(folder)
    values = feature_frame(who, tables)[list(known)].assign(**dict.fromkeys(but, np.nan))
    found = lost(tuple(known), reference_of([(name, values[name].to_numpy(float)) for name in known]), tables)
    tables.close()
    return found


def test_a_table_that_is_not_there_is_named_and_one_that_is_there_is_not(tmp_path):
    tables = tiny_book()
    tables["ratings"] = pd.DataFrame({"customer_id": tables["customers"]["customer_id"], "rated_on": "2024-03-31", "grade": "4"})
    learnt = ("rating_grade", "exposure_drawn", "on_time_share_12m")
    usual = reference_of([(name, np.full(3, np.nan if name == "rating_grade" else 1.0)) for name in learnt])
    for name in ("with", "without"):
        opened = open_tables(write_book(tables, tmp_path / name))
        found = lost(learnt, usual, opened)
        opened.close()
        assert (found.features, found.n_learnt, found.read) == (("rating_grade",), 3, ("ratings",))
        assert (found.gone, found.unreadable) == (((), ()) if name == "with" else (("ratings",), ("rating_grade",)))
        assert str(found).endswith("; the book has no ratings") == (name == "without")
        tables.pop("ratings", None)


def test_a_column_that_is_gone_is_named_and_takes_what_reads_it_along(renamed):
    found = usual_in(renamed)
    assert set(found.gone) == {"drawdowns", "limits", "rates", "loans.annual_rate"}, "the tiny book never had the three tables"
    assert "annual_rate_mean" in found.unreadable
    with pytest.raises(FeaturesLost, match=r"no loans\.annual_rate"):
        must_be_few(found, 0.0, "the book")


def test_what_is_missing_though_what_it_reads_is_there_is_told_and_stops_nothing(book):
    found = usual_in(book, but=("on_time_share_12m", "record_months"))
    assert set(found.features) == {"on_time_share_12m", "record_months"} and found.gone == found.unreadable == ()
    must_be_few(found, 0.0, "the book")


def test_a_table_that_is_gone_counts_though_others_that_read_it_are_known(book):
    found = usual_in(book, but=("exposure_drawn",))
    assert found.gone == ("drawdowns",) and found.unreadable == ("exposure_drawn",)


@pytest.mark.parametrize(("n", "limit", "stops"), [(1, 0.02, False), (2, 0.02, True), (0, 0.0, False), (1, 0.0, True)])
def test_the_bound_is_a_share_of_what_was_learnt_from(n, limit, stops):
    names = ("rating_grade", "n_complaints_12m")[:n]
    found = Lost(names, 50, ("ratings", "contacts")[:n], ("ratings", "contacts")[:n], names)
    if not stops:
        must_be_few(found, limit, "the book")
        return
    with pytest.raises(FeaturesLost, match=f"{n} of the 50 features"):
        must_be_few(found, limit, "the book")
