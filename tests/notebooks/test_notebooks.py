"""Every notebook runs on a scored book without a word on stderr, and is kept without outputs, in short cells."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from pipeline.cli import main
from pipeline.explanations import assignments_of, scoring_of
from pipeline.settings import RUN_TOML

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
AS_OF, MOST_LINES = "2025-12-31", 20
PICTURES = {"01_meet_the_book": 1, "02_review_explanations": 2, "03_champion_and_challenger": 2, "04_label_desk": 1}


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """A folder with a small synthetic book, two models of it and a scored date."""
    root = tmp_path_factory.mktemp("notebooks")
    text = RUN_TOML.read_text(encoding="utf-8").replace("runs/", f"{root}/runs/")
    text, n = re.subn(r"(?m)^n_trees = \d+$", "n_trees = 40", text)
    assert n == 1
    (root / "run.toml").write_text(text, encoding="utf-8")
    given = ["--settings", str(root / "run.toml")]
    book, rejects = str(root / "book"), ["--rejects", str(root / "rejects")]
    assert main(["simulate", "--customers", "400", "--months", "36", "--seed", "11", "--out", book]) == 0
    assert main([*given, "train", "--data", book, *rejects]) == 0
    (root / "run.toml").write_text(text.replace("seed = 7", "seed = 8"), encoding="utf-8")
    assert main([*given, "train", "--data", book, *rejects]) == 0
    assert main([*given, "score", "--data", book, "--as-of", AS_OF, "--model", "1", "--out", str(root / "scored"), *rejects]) == 0
    return root


def read(file: Path) -> nbformat.NotebookNode:
    return nbformat.read(file, as_version=4)


def run(file: Path, desk: Path, *then: dict[str, str], **more: str) -> nbformat.NotebookNode:
    """Execute a notebook with the parameters of its tagged cell replaced; ``then`` its last cell again, with others each time."""
    notebook = read(file)
    last = notebook.cells[-1].source
    for given in then:
        told = "".join(f"{name} = {str(value)!r}\n" for name, value in given.items())
        notebook.cells.append(nbformat.v4.new_code_cell(told + last))
    (cell,) = [each for each in notebook.cells if "parameters" in each.metadata.get("tags", [])]
    own = {"BOOK": desk / "book", "ASSIGNMENTS": desk / "scored", "AS_OF": AS_OF, "OVERRIDES": desk / "overrides.jsonl",
           "SETTINGS": desk / "run.toml"} | more
    cell.source += "".join(f"\n{name} = {str(value)!r}" for name, value in own.items() if f"{name} = " in cell.source)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": file.parent}}).execute()
    return notebook


def outputs(notebook: nbformat.NotebookNode) -> list:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def said_by(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def texts(notebook: nbformat.NotebookNode) -> str:
    return "".join(said_by(cell) for cell in notebook.cells if cell.cell_type == "code")


def must_be_quiet_and_show_its_pictures(notebook: nbformat.NotebookNode, stem: str) -> None:
    assert not [output for output in outputs(notebook) if output.output_type == "stream" and output.name == "stderr"]
    assert len([output for output in outputs(notebook) if "image/png" in output.get("data", {})]) == PICTURES[stem]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_kept_without_outputs_and_in_short_cells(file):
    notebook = read(file)
    nbformat.validate(notebook)
    assert file.stem in PICTURES, "a test must run it"
    for cell in notebook.cells:
        assert len(cell.source.splitlines()) <= MOST_LINES
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
    assert notebook.cells[0].source.startswith("# ")
    assert str(ROOT) not in file.read_text(encoding="utf-8")


def named(stem: str) -> Path:
    (file,) = [each for each in NOTEBOOKS if each.stem == stem]
    return file


def test_a_book_is_met(desk):
    stem = "01_meet_the_book"
    must_be_quiet_and_show_its_pictures(run(named(stem), desk), stem)


def test_two_models_are_compared_as_the_notebook_is_delivered(desk):
    stem = "03_champion_and_challenger"
    notebook = run(named(stem), desk)
    must_be_quiet_and_show_its_pictures(notebook, stem)
    assert "nothing promoted: no name or no reason was given" in texts(notebook)


def test_two_models_are_compared_and_the_gate_says_why_it_stays_shut(desk):
    strict = desk / "strict.toml"
    strict.write_text(re.sub(r"(?m)^least_rows = .*$", "least_rows = 100_000", (desk / "run.toml").read_text(encoding="utf-8")),
                      encoding="utf-8")
    given = {"BY": "reviewer_1", "REASON": "tried out", "LANGUAGE": "zh", "SETTINGS": strict}
    said = texts(run(named("03_champion_and_challenger"), desk, **given))
    assert "judged by version 2 and version 1" in said and "borrowers would change their type" in said and "：" in said
    assert re.search(r"(?m)^- \d+ labelled rows are too few to judge it", said)
    assert re.search("not promoted: .*are too few to judge it", said) and "champion is now" not in said


def test_a_decision_at_the_label_desk_is_recorded_and_one_that_changes_nothing_is_not(desk):
    stem, log, row = "04_label_desk", desk / "decisions.jsonl", assignments_of(scoring_of(AS_OF, desk / "scored")).iloc[3]
    same = {"CUSTOMER": row["customer_id"], "REVIEWER": "reviewer_2", "REASON": "visited the works", "TYPE": row["type"]}
    notebook = run(named(stem), desk, same, same | {"TYPE": row["runner_up"]}, OVERRIDES=log)
    must_be_quiet_and_show_its_pictures(notebook, stem)
    *_, as_delivered, unchanged, decided = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert "nothing recorded: customer, type, reviewer or reason is not given" in said_by(as_delivered)
    assert f"nothing recorded: customer {row['customer_id']} is {row['type']} already" in said_by(unchanged)
    assert "reviewer_2" in said_by(decided) and log.read_text(encoding="utf-8").count("\n") == 1


def test_an_override_is_recorded_only_with_a_reason_and_a_reviewer(desk):
    stem, log = "02_review_explanations", desk / "overrides.jsonl"
    row = assignments_of(scoring_of(AS_OF, desk / "scored")).iloc[0]
    given = {"REVIEWER": "reviewer_1", "CUSTOMER": row["customer_id"], "OVERRIDE_TO": row["runner_up"]}
    notebook = run(named(stem), desk)
    must_be_quiet_and_show_its_pictures(notebook, stem)
    assert "nothing recorded" in texts(notebook) and not log.exists()
    said = texts(run(named(stem), desk, {"REASON": "met the owner"}, LANGUAGE="zh", **given))
    assert "对数几率差" in said and "nothing recorded" in said and "reviewer_1" in said
    assert log.read_text(encoding="utf-8").count("\n") == 1
