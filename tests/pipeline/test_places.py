"""Where the jobs write and find their files: a place that cannot be written is named, and a project may move."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from desk import Desk, the_line, tiny_book, write_book

from pipeline.cli import main
from pipeline.errors import UnwritableOutput, writing
from pipeline.revisions import current

STATEMENT = ("End of Period,Loan Number,Country,Borrower,Loan Type,Loan Status,Interest Rate,Original Principal Amount,"
             "Cancelled Amount,Undisbursed Amount,Disbursed Amount,Repaid to IBRD,Exchange Adjustment,"
             "Borrower's Obligation,Repaid 3rd Party,Due 3rd Party,"
             "First Repayment Date,Last Repayment Date,Agreement Signing Date\n"
             "06/30/2020,IBRD1,Chile,ENAP,FSL,Repaying,0,1000,0,0,1000,0,0,1000,0,0,03/15/2021,09/15/2030,01/31/2015\n")


@pytest.fixture
def a_file(tmp_path) -> Path:
    """A file where a folder is needed, and beside it a link that leads to itself."""
    (tmp_path / "a_file").write_text("mine", encoding="utf-8")
    (tmp_path / "a_loop").symlink_to("a_loop")
    return tmp_path / "a_file"


@pytest.fixture(scope="module")
def moved(tmp_path_factory, book) -> Desk:
    """The working folder of a trained model, renamed after the training."""
    root = tmp_path_factory.mktemp("project")
    (root / "before").mkdir()
    assert Desk(root / "before").train(book) == 0
    (root / "before").rename(root / "after")
    return Desk(root / "after")


@pytest.fixture
def model(moved):
    """The folder of the moved model's files; as it was again after the test."""
    (found,) = (moved.folder / "store").rglob("segmenter/segmenter.json")
    kept = moved.folder / "kept"
    shutil.copytree(found.parent, kept)
    yield found.parent
    shutil.rmtree(found.parent, ignore_errors=True)
    kept.rename(found.parent)


@pytest.mark.parametrize("out", ["a_file", "a_file/x", "/proc/x"])
def test_assignments_that_cannot_be_written_name_the_place(out, trained, book, a_file, tmp_path, capsys):
    where = tmp_path / out
    code = trained.run("score", "--data", book, "--as-of", "2024-12-31", "--model", "1", "--out", where,
                       "--rejects", trained.rejects)
    assert code == UnwritableOutput.exit_code == 56
    line = the_line(capsys)
    assert f"UnwritableOutput: {where}" in line
    assert "Name a place where a folder can be made" in line
    assert a_file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("out", ["a_file/f.csv", "a_loop/f.csv", "/proc/f.csv"])
def test_features_that_cannot_be_written_name_the_place(out, desk, book, a_file, tmp_path, capsys):
    where = tmp_path / out
    assert desk.run("features", "--data", book, "--as-of", "2024-12-31", "--out", where, "--rejects", desk.rejects) == 56
    assert f"UnwritableOutput: {where}" in the_line(capsys)


def test_a_folder_where_the_assignments_go_is_named_and_left_alone(trained, book, tmp_path, capsys):
    trained_out, trained.out = trained.out, tmp_path / "out"
    try:
        trained.partition().mkdir(parents=True)
        assert trained.score(book, "--model", "1") == 62
        assert str(trained.partition().parent) in the_line(capsys)
        assert trained.score(book, "--model", "1", "--restate", "something else lay there") == 0
        assert [path.name for path in trained.partition().parent.iterdir()] == ["assignments.parquet"]
        assert current(trained.out, "2024-12-31").number == 2
    finally:
        trained.out = trained_out


@pytest.mark.parametrize("rejects", ["a_file", "a_file/x", "/proc/x", "a_loop"])
def test_rejects_that_cannot_be_written_name_the_place(rejects, desk, spoiled, a_file, tmp_path, capsys):
    with (spoiled / "repayments.csv").open("a", encoding="utf-8") as file:
        file.write("L404,1,1,2025-01-01,5.00,1.00,,\n")
    desk.rejects = tmp_path / rejects
    for run in (desk.validate, desk.train):
        assert run(spoiled) == 56
        assert f"UnwritableOutput: {desk.rejects}" in the_line(capsys)


def test_a_file_called_runs_stops_every_job_with_a_line(book, tmp_path, monkeypatch, capsys):
    (tmp_path / "runs").write_text("mine", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["validate", "--data", str(book)]) == 56
    assert "UnwritableOutput: runs/rejects" in the_line(capsys)
    assert main(["train", "--data", str(book)]) == 56
    assert "UnwritableOutput: runs/rejects" in the_line(capsys)
    assert main(["score", "--data", str(book), "--as-of", "2024-12-31"]) == 54
    assert "StoreUnavailable: sqlite:///runs/mlflow.db" in the_line(capsys)


def test_an_artifacts_folder_that_cannot_be_made_is_named_before_the_work_begins(desk, book, capsys):
    (desk.folder / "store").mkdir()
    (desk.folder / "store" / "artifacts").write_text("mine", encoding="utf-8")
    assert desk.train(book) == 56
    said = capsys.readouterr()
    assert f"UnwritableOutput: {desk.folder}/store/artifacts" in said.err
    assert "fit:" not in said.out


@pytest.mark.parametrize("out", ["a_file/y", "/proc/y"])
def test_a_book_that_cannot_be_written_names_the_place(out, a_file, tmp_path, capsys):
    (tmp_path / "s.csv").write_text(STATEMENT, encoding="utf-8")
    for arguments in (["simulate", "--customers", "2"], ["import", "worldbank", str(tmp_path / "s.csv")]):
        assert main([*arguments, "--out", str(tmp_path / out)]) == 56
        assert f"UnwritableOutput: {tmp_path / out}" in the_line(capsys)


def test_a_store_without_its_driver_is_named(desk, book, monkeypatch, capsys):
    monkeypatch.setenv("PENTAD_TRACKING_URI", "postgresql://nobody@localhost/nowhere")
    assert desk.score(book, "--model", "1") == 54
    line = the_line(capsys)
    assert "No module named 'psycopg" in line
    assert "driver" in line


def test_a_project_may_be_renamed_after_the_training(moved, book):
    assert moved.score(book, "--model", "challenger") == 0


def test_the_files_of_a_run_are_as_open_as_the_folder_they_lie_in(moved):
    folders = [path for path in (moved.folder / "store" / "artifacts").rglob("*") if path.is_dir()]
    assert {path.stat().st_mode for path in folders} == {(moved.folder / "store").stat().st_mode}


def test_a_renamed_project_keeps_the_next_model_where_it_is_now(moved, book):
    store = moved.folder.with_name("again") / "store"
    shutil.copytree(moved.folder / "store", store)
    again = Desk(store.parent)
    assert again.train(book) == 0
    assert len(list(store.rglob("segmenter/model.ubj"))) == 2
    assert len(list((moved.folder / "store").rglob("segmenter/model.ubj"))) == 1
    assert not moved.folder.with_name("before").exists()
    assert again.score(book, "--model", "2") == 0


@pytest.mark.parametrize("name", ["segmenter.json", "model.ubj"])
def test_a_folder_in_place_of_a_models_file_is_a_broken_model_named_by_its_own_place(name, moved, model, book, capsys):
    (model / name).unlink()
    (model / name).mkdir()
    assert moved.score(book, "--model", "1") == 41
    assert f"BrokenModel: pentad version 1 in {model}: {name} cannot be read" in the_line(capsys)


def test_an_altered_model_is_named_by_its_own_place(moved, model, book, capsys):
    (model / "model.ubj").write_bytes(b"another")
    assert moved.score(book, "--model", "1") == 41
    assert f"BrokenModel: pentad version 1 in {model}: model.ubj is not the one that was saved" in the_line(capsys)


def test_artifacts_that_are_gone_are_a_broken_model(trained, book, tmp_path, capsys):
    shutil.copytree(trained.folder / "store", tmp_path / "store")
    desk = Desk(tmp_path)
    (tmp_path / "store" / "artifacts").rename(tmp_path / "store" / "elsewhere")
    assert desk.score(book, "--model", "1") == 0, "the place it was trained in is looked at next"
    (kept,) = (trained.folder / "store").rglob("segmenter/segmenter.json")
    aside = kept.parent.rename(kept.parent.with_name("aside"))
    try:
        assert desk.score(book, "--model", "1") == 41
        assert f"BrokenModel: pentad version 1 in {kept.parent}: no segmenter.json" in capsys.readouterr().err
    finally:
        aside.rename(kept.parent)


def test_a_banks_own_book_is_no_synthetic_book(tmp_path, capsys):
    own = write_book(tiny_book(), tmp_path / "own")
    assert main(["simulate", "--customers", "2", "--out", str(own), "--replace"]) == 16
    assert f"OutputExists: {own}: no synthetic book" in the_line(capsys)
    assert len(list(own.iterdir())) == 4


def test_a_full_disk_is_said_to_be_full():
    with pytest.raises(UnwritableOutput, match="No space left on device.*Make room on the disk"), writing("/dev/full"):
        Path("/dev/full").write_text("more than it takes", encoding="utf-8")
