"""A scored customer explained from what was stored: any pair of types, in numbers that add up, without the model."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from desk import TYPES, Desk, of_another_run, sealed, spotted, the_line, torn

from features.catalogue import FEATURES
from models.explain import STARTING_POINT, totals
from pipeline import active, explanations
from pipeline.explanations import kept

DAY = "2024-12-31"


def explain(desk: Desk, who: str, *more: str, as_of: str = DAY) -> int:
    return desk.run("explain", who, "--as-of", as_of, "--assignments", desk.out, *more)


def test_any_two_types_of_any_customer_sum_to_the_logarithm_of_their_ratio(scored):
    assignments = pd.read_parquet(scored.partition())
    for row in assignments.itertuples():
        found = kept(row.customer_id, DAY, scored.out)
        for a in TYPES:
            for b in TYPES:
                contrast = found.contrast(a, b)
                ratio = np.log(getattr(row, f"p_{a}") / getattr(row, f"p_{b}"))
                assert contrast.sum() == pytest.approx(ratio, abs=1e-9)
                assert totals(contrast, FEATURES).sum() == pytest.approx(ratio, abs=1e-9)
        sums = totals(found.contrast(row.type, row.runner_up), FEATURES)
        for name in ("value", "need", "behaviour", "risk"):
            assert sums[name] == pytest.approx(getattr(row, f"why_{name}"), abs=1e-5)
        assert sums[STARTING_POINT] == pytest.approx(row.why_base, abs=1e-5)


def test_the_runner_up_is_explained_unless_another_type_is_named_in_either_language(scored, capsys):
    row = pd.read_parquet(scored.partition()).iloc[0]
    capsys.readouterr()
    assert explain(scored, row["customer_id"]) == 0
    said = capsys.readouterr().out
    assert f"{row['customer_id']} as of {DAY}: {row['type']} (" in said and f"rather than {row['runner_up']} (" in said
    assert f"what speaks for {row['type']}:" in said and f"model version {row['model_version']}" in said
    other = next(kind for kind in TYPES if kind not in (row["type"], row["runner_up"]))
    assert explain(scored, row["customer_id"], "--versus", other) == 0
    assert f"rather than {other} (" in capsys.readouterr().out
    assert explain(scored, row["customer_id"], "--versus", row["type"]) == 0
    assert f": {row['runner_up']} (" in (said := capsys.readouterr().out) and f"rather than {row['type']} (" in said
    assert explain(scored, row["customer_id"], "--language", "zh") == 0
    said = capsys.readouterr().out
    assert f"{row['type_zh']}（" in said and f"而非{row['runner_up_zh']}（" in said and "支持" in said


def test_what_is_not_shown_is_summed_up(scored, capsys):
    who = pd.read_parquet(scored.partition())["customer_id"][0]
    capsys.readouterr()
    assert explain(scored, who, "--top", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    pushes = [float(line.split()[0]) for line in lines if line.startswith("    ") and line.strip()[0] in "+-"]
    start = float(lines[1].rsplit(" ", 1)[1])
    gap = float(lines[0].split(" log-odds")[0].rsplit(" ", 1)[1])
    assert sum(pushes) + start == pytest.approx(gap, abs=0.005 * (len(pushes) + 2))


def test_neither_the_model_nor_its_store_is_opened(scored):
    who = pd.read_parquet(scored.partition())["customer_id"][0]
    code = ("import sys; from pipeline.cli import main; code = main(sys.argv[1:]); "
            "assert not {'xgboost', 'mlflow', 'sklearn', 'numba'} & set(sys.modules); sys.exit(code)")
    done = subprocess.run([sys.executable, "-c", code, "explain", who, "--as-of", DAY, "--assignments", scored.out],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("who", "as_of", "says"), [
    ("X999", DAY, "customer X999 was not scored as of 2024-12-31"), ("C000", "2023-01-31", "nobody was scored as of 2023-01-31")])
def test_who_was_not_scored_is_named(scored, capsys, who, as_of, says):
    assert explain(scored, who, as_of=as_of) == 58
    assert says in the_line(capsys)


def without(name):
    return lambda place: (place / name).unlink()


@pytest.mark.parametrize(("spoil", "code", "says"), [
    (without("explanations.parquet"), 62, "it cannot be read"), (without("reference.parquet"), 62, "it cannot be read"),
    (torn("explanations.parquet"), 62, "not the file that was written"),
    (spotted("explanations.parquet"), 59, "no explanations can be read"),
    (of_another_run, 59, "of another run than the assignments")])
def test_explanations_that_are_gone_or_of_another_run_are_not_given(scored, tmp_path, capsys, spoil, code, says):
    desk = Desk(tmp_path)
    shutil.copytree(scored.out, desk.out)
    spoil(desk.partition().parent)
    assert explain(desk, pd.read_parquet(scored.partition())["customer_id"][0]) == code
    assert says in the_line(capsys)


def test_scoring_in_small_chunks_gives_the_same_assignments_and_explanations(scored, trained, book, tmp_path, monkeypatch):
    monkeypatch.setattr(active, "CHUNK_ROWS", 7)
    monkeypatch.setattr(explanations, "GROUP_ROWS", 3)
    desk = Desk(tmp_path)
    desk.settings = trained.settings
    assert desk.score(book, "--model", "1") == 0
    pd.testing.assert_frame_equal(pd.read_parquet(desk.partition()), pd.read_parquet(scored.partition()), check_exact=True)
    for who in pd.read_parquet(scored.partition())["customer_id"]:
        ours, theirs = kept(who, DAY, desk.out), kept(who, DAY, scored.out)
        assert np.array_equal(ours.contributions, theirs.contributions)
        assert np.array_equal(ours.values, theirs.values, equal_nan=True)


def test_what_was_usual_and_what_was_missing_is_read_back_as_it_was_and_percentiles_are_told(scored, capsys):
    row = pd.read_parquet(scored.partition()).iloc[0]
    found, place = kept(row["customer_id"], DAY, scored.out), scored.partition().parent
    values = np.stack(pq.read_table(place / "explanations.parquet").column("values").to_numpy())
    assert found.reference.missing == pytest.approx(100 * np.isnan(values).mean(axis=0)) and found.reference.missing.any()
    capsys.readouterr()
    assert explain(scored, row["customer_id"], "--top", "3") == 0
    said = capsys.readouterr().out
    assert re.search(r"; percentile \d+$", said, re.MULTILINE) and row["reasons_en"].split("; ")[0] in said


def test_what_was_scored_before_missing_values_were_counted_is_explained_without_their_share(scored, tmp_path):
    desk = Desk(tmp_path)
    shutil.copytree(scored.out, desk.out)
    file = desk.partition().parent / "reference.parquet"
    table = pq.read_table(file)
    pq.write_table(table.replace_schema_metadata({b"pentad.of": table.schema.metadata[b"pentad.of"]}), file)
    sealed(file.parent)
    assert np.isnan(kept(pd.read_parquet(desk.partition())["customer_id"][0], DAY, desk.out).reference.missing).all()
