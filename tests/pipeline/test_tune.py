"""The search for settings: seeded, resumable, kept as nested runs, and blind to the out-of-time period."""

from __future__ import annotations

import re
from pathlib import Path

import optuna
import pytest
from desk import Desk, tiny_book, write_book

from pipeline.settings import load_settings

optuna.logging.set_verbosity(optuna.logging.WARNING)


def tune(desk: Desk, book: Path, trials: int) -> int:
    study = desk.folder / "study.log"
    return desk.run("tune", "--data", book, "--rejects", desk.rejects, "--trials", str(trials), "--study", study)


def trials_of(desk: Desk) -> list[tuple]:
    """Number, state, loss and settings of every trial of the desk's only study."""
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(desk.folder / "study.log")))
    (name,) = optuna.get_all_study_names(storage)
    return [(t.state.name, t.value, t.params) for t in optuna.load_study(study_name=name, storage=storage).trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, book) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("whole"))
    assert tune(desk, book, 7) == 0
    return desk


def test_an_interrupted_study_goes_on_and_comes_to_the_same(whole, book, tmp_path, capsys):
    desk = Desk(tmp_path)
    assert tune(desk, book, 3) == 0
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(desk.folder / "study.log")))
    (name,) = optuna.get_all_study_names(storage)
    optuna.load_study(study_name=name, storage=storage).ask()  # a trial that was killed half way
    capsys.readouterr()
    assert tune(desk, book, 7) == 0
    assert "3 of 7 trials were done before" in capsys.readouterr().out
    kept = [trial for trial in trials_of(desk) if trial[0] != "FAIL"]
    assert kept == trials_of(whole) and len(kept) == 7


def test_a_finished_study_is_only_told_again(whole, book, capsys):
    before = trials_of(whole)
    capsys.readouterr()
    assert tune(whole, book, 7) == 0
    assert "7 of 7 trials were done before" in capsys.readouterr().out and trials_of(whole) == before


def test_every_trial_is_a_run_nested_in_that_of_the_study(whole):
    import mlflow

    settings = load_settings(whole.settings).tracking
    client = mlflow.MlflowClient(settings.uri)
    experiment = client.get_experiment_by_name(settings.experiment).experiment_id
    runs = client.search_runs([experiment])
    (parent,) = [run for run in runs if "pentad.study" in run.data.tags]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(children) == 7 and parent.info.status == "FINISHED"
    assert {run.info.status for run in children} <= {"FINISHED", "KILLED"}
    assert all("depth" in run.data.params for run in children)


def test_the_best_settings_are_printed_as_run_toml_has_them_and_nothing_is_changed(whole, book, capsys):
    text = whole.settings.read_text(encoding="utf-8")
    capsys.readouterr()
    assert tune(whole, book, 7) == 0
    said = capsys.readouterr().out
    assert whole.settings.read_text(encoding="utf-8") == text
    if "nothing better was found" not in said:
        for line in said.split("train:\n\n")[1].splitlines():
            key = line.split(" = ")[0]
            assert re.search(rf"(?m)^{key} = ", text), key


def test_the_labels_of_the_last_date_change_no_loss(whole, tmp_path):
    tables = tiny_book()
    last = tables["labels"]["as_of"] == "2024-12-31"
    tables["labels"].loc[last, "type"] = tables["labels"].loc[last, "type"].sample(frac=1, random_state=0).to_numpy()
    desk = Desk(tmp_path)
    assert tune(desk, write_book(tables, tmp_path / "book"), 3) == 0
    assert trials_of(desk) == trials_of(whole)[:3]


def test_other_labels_are_another_study(whole, tmp_path):
    tables = tiny_book()
    tables["labels"] = tables["labels"][tables["labels"]["customer_id"] != "C000"]
    desk = Desk(tmp_path)
    study = desk.folder / "study.log"
    study.write_bytes((whole.folder / "study.log").read_bytes())
    assert tune(desk, write_book(tables, tmp_path / "book"), 1) == 0
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(study)))
    assert len(optuna.get_all_study_names(storage)) == 2


def test_dates_go_with_hindsight_here_too(desk, book, capsys):
    assert desk.run("tune", "--data", book, "--as-of", "2024-06-30") == 2
    assert "pentad tune: --as-of goes with --labels hindsight" in capsys.readouterr().err
