"""How steady an assignment is: its columns against the loaded twins, the evidence against plain Python, the sentence in words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from desk import Desk, scored_on, sealed, the_line
from story_oracle import compared, is_same, story

from features.frame import feature_frame
from features.sources import Tables, open_tables
from pipeline.explanations import kept
from pipeline.proof import steadiness_of
from pipeline.settings import load_settings
from pipeline.steadiness import DIMENSION_OF, reseed_line, steady
from pipeline.tracking import Registered, evidence, load

DAY, EARLIER = "2024-12-31", "2024-11-30"
COLUMNS = ["reseed_same_type", "reseed_same_reasons", "reseed_same_dimension"]
PARTS = ("types", "reasons", "dimensions")


@pytest.fixture(scope="module")
def model(trained) -> Registered:
    return load("1", load_settings(trained.settings).tracking)


@pytest.fixture(scope="module")
def scored(trained, book, tmp_path_factory) -> Desk:
    """A desk of its own with the book scored on two dates; its store is the trained one's."""
    return scored_on(tmp_path_factory.mktemp("steady"), trained, book, EARLIER, DAY)


@pytest.fixture
def copied(scored, tmp_path) -> Desk:
    """A copy of the scored dates that may be spoiled."""
    desk = Desk(tmp_path)
    shutil.copytree(scored.out, desk.out)
    return desk


@pytest.fixture(scope="module")
def tables(book) -> Iterator[Tables]:
    opened = open_tables(book)
    yield opened
    opened.close()


def measured(tables: Tables, who, *days: str) -> pd.DataFrame:
    return feature_frame(pd.DataFrame([(each, day) for day in days for each in who], columns=["customer_id", "as_of"]), tables)


def test_the_columns_say_which_share_of_the_twins_tells_the_same(scored, model, tables):
    rows = pd.read_parquet(scored.partition())
    frame = measured(tables, rows["customer_id"], DAY)[["customer_id", "as_of", *model.segmenter.features]]
    own = model.segmenter.judge(frame)
    found = np.mean([compared(own, twin.judge(frame), DIMENSION_OF) for twin in model.twins], axis=0)
    assert (rows["n_reseeds"] == 3).all() and len(model.twins) == 3
    assert np.abs(rows[COLUMNS].to_numpy() - found).max() < 1e-12
    assert set(np.unique(found.round(3))) > {1.0} and found.mean() > 0.5, "chance has a say, and not the last word"


def test_the_evidence_counts_what_changes_with_the_seed_and_with_a_month(trained, model, tables, book):
    found = evidence(model, load_settings(trained.settings).tracking)
    labels = pd.read_csv(book / "labels.csv", dtype=str)
    who = sorted(labels.loc[labels["as_of"] == DAY, "customer_id"])
    assert found.n_rows == len(who)
    now, then = measured(tables, who, DAY), measured(tables, who, EARLIER)
    is_there = (then["n_active_loans"] > 0).to_numpy()
    keys = ["customer_id", "as_of", *model.segmenter.features]
    judged, before = model.segmenter.judge(now[keys]), model.segmenter.judge(then[keys])
    stories = [story(judged, row, DIMENSION_OF) for row in range(len(who))]
    by_seed = np.mean([compared(judged, twin.judge(now[keys]), DIMENSION_OF) for twin in model.twins], axis=0)
    by_month = np.array([is_same(stories[row], story(before, row, DIMENSION_OF)) for row in range(len(who))], float)[is_there]
    types = np.array([each[0] for each in stories])
    steadiness = found.steadiness
    assert steadiness.n_not_there == (~is_there).sum()
    for flips, agreed, kinds in ((steadiness.reseeded, by_seed, types), (steadiness.month_earlier, by_month, types[is_there])):
        assert set(flips) == {"all", *kinds}
        for kind, each in flips.items():
            rows = np.ones(len(kinds), bool) if kind == "all" else kinds == kind
            assert each.n == rows.sum()
            assert [getattr(each, part) for part in PARTS] == pytest.approx(list(1 - agreed[rows].mean(axis=0)), abs=1e-12)


def test_who_had_no_active_loan_a_month_earlier_is_left_out_and_counted(model, tables, book):
    loans = pd.read_csv(book / "loans.csv", dtype=str)
    growth = loans[loans["signed_on"] >= "2024"]  # they sign between January 15 and March 14
    by_january = growth["signed_on"] <= "2024-01-31"
    who = [*growth[~by_january].head(3)["customer_id"], *growth[by_january].head(2)["customer_id"]]
    found = steadiness_of(model.segmenter, model.twins, measured(tables, who, "2024-02-29"), tables)
    assert (found.n_not_there, found.month_earlier["all"].n, found.reseeded["all"].n) == (3, 2, 5)


def test_the_first_month_of_a_book_has_none_before_it_and_two_days_of_a_month_have_the_same(model, tables):
    frame = measured(tables, ["C000"], "2022-01-31", "2024-06-15", "2024-06-30")
    found = steadiness_of(model.segmenter, (), frame, tables)
    assert (found.n_not_there, found.month_earlier["all"].n, found.reseeded) == (1, 2, {})
    found = steadiness_of(model.segmenter, (), frame.iloc[:1], tables)
    assert (found.n_not_there, found.month_earlier["all"].n) == (1, 0)


def swapped(folder):
    (folder / "twin_1").rename(folder / "aside")
    (folder / "twin_2").rename(folder / "twin_1")
    (folder / "aside").rename(folder / "twin_2")


def the_model_itself(folder):
    for name in ("model.ubj", "segmenter.json"):
        shutil.copy(folder / name, folder / "twin_1" / name)


def gone(folder):
    shutil.rmtree(folder / "twin_1")


def altered(folder):
    file = folder / "twin_1" / "model.ubj"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(("spoil", "says"), [
    (swapped, "it is not the twin 1 that was registered"), (the_model_itself, "it is not the twin 1 that was registered"),
    (gone, "twin 1: no segmenter.json"), (altered, "twin 1: model.ubj is not the one that was saved")])
def test_twins_that_are_not_those_that_were_registered_judge_nobody(trained, book, tmp_path, capsys, spoil, says):
    (folder,) = trained.folder.glob("store/artifacts/*/artifacts/segmenter")
    shutil.copytree(folder, tmp_path / "whole")
    try:
        spoil(folder)
        desk = Desk(tmp_path)
        desk.settings = trained.settings
        capsys.readouterr()
        assert desk.score(book, "--model", "1") == 41
        assert says in the_line(capsys) and not desk.out.exists()
    finally:
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "whole", folder)


def test_a_model_registered_before_there_were_twins_scores_and_says_that_it_has_none(trained, model, book, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.tracking.TWINS_TAG", "no_such_tag")
    desk = Desk(tmp_path)
    desk.settings = trained.settings
    assert desk.score(book, "--model", "1") == 0
    rows = pd.read_parquet(desk.partition())
    assert (rows["n_reseeds"] == 0).all() and rows[COLUMNS].isna().all(axis=None)
    assert reseed_line(rows.iloc[0], "en") == "stability: it was not compared with reseeded models"
    assert reseed_line(rows.iloc[0], "zh") == "稳定性：未与更换随机种子重训的模型比较"
    old = rows.iloc[0].drop(["n_reseeds", *COLUMNS])
    assert reseed_line(old, "en") == "stability: it was not compared with reseeded models"


def spoiled(desk: Desk, day: str, who: str, **values) -> None:
    """Change the assignment of a customer on a date; the explanations beside it stay."""
    rows = pd.read_parquet(desk.partition(day))
    for name, value in values.items():
        rows.loc[rows["customer_id"] == who, name] = value
    rows.to_parquet(desk.partition(day), index=False)
    sealed(desk.partition(day).parent)


def said(desk: Desk, who: str, language: str, capsys, day: str = DAY) -> str:
    """The line of stability that `pentad explain` prints."""
    capsys.readouterr()
    assert desk.run("explain", who, "--as-of", day, "--assignments", desk.out, "--language", language) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("  stability: ", "  稳定性："))]
    return line.strip()


def test_the_earlier_date_is_compared_as_plain_python_does(scored):
    rows, before = (pd.read_parquet(scored.partition(day)).set_index("customer_id") for day in (DAY, EARLIER))
    seen = set()
    for who in rows.index.intersection(before.index):
        stories = []
        for day in (DAY, EARLIER):
            one = kept(who, day, scored.out)
            contrast = one.contrast(one.assignment["type"], one.assignment["runner_up"]).to_dict()
            contrast.pop("starting_point")
            sums = dict.fromkeys(("behaviour", "need", "risk", "value"), 0.0)
            for name, push in contrast.items():
                sums[DIMENSION_OF[name]] += push
            reasons = sorted(contrast, key=lambda name: (-contrast[name], list(contrast).index(name)))[:3]
            stories.append((one.assignment["type"], reasons, max(sums, key=sums.get)))
        found = steady(kept(who, DAY, scored.out), scored.out).earlier
        assert (found.as_of, found.is_same_model, found.is_same) == (EARLIER, True, tuple(is_same(*stories)))
        assert (found.type, found.dimension) == (stories[1][0], stories[1][2])
        seen.add(found.is_same)
    assert len(seen) > 1


def test_the_sentence_says_it_in_both_languages(copied, capsys):
    who = next(w for w in pd.read_parquet(copied.partition())["customer_id"]
               if steady(kept(w, DAY, copied.out), copied.out).earlier.is_same == (True, True, True))
    spoiled(copied, DAY, who, reseed_same_type=1.0, reseed_same_reasons=2 / 3, reseed_same_dimension=1 / 3)
    assert said(copied, who, "en", capsys) == (
        "stability: 3 of 3 reseeded models give the type, 2 the reasons, 1 the leading dimension; "
        f"as of {EARLIER} (same model): same type, same reasons, same leading dimension")
    assert said(copied, who, "zh", capsys) == (
        "稳定性：3 个更换随机种子重训的模型中，3 个类型一致，2 个理由一致，1 个主导维度一致；"
        f"较 {EARLIER}（同一模型）：类型相同，理由相同，主导维度相同")
    spoiled(copied, DAY, who, reseed_same_type=1 / 3)
    assert "1 of 3 reseeded models gives the type" in said(copied, who, "en", capsys)


def test_what_was_another_is_named_and_so_is_another_model(copied, capsys):
    row = pd.read_parquet(copied.partition()).iloc[0]
    who, now = row["customer_id"], kept(row["customer_id"], DAY, copied.out)
    turned = steady(now, copied.out)
    other = replace(turned, earlier=replace(turned.earlier, is_same=(False, False, False), type="churn", dimension="value",
                                            model="7 (12345678)", is_same_model=False))
    assert other.text("en").endswith(f"; as of {EARLIER} (another model, version 7 (12345678)): another type (churn), other "
                                     "reasons, another leading dimension (value)")
    assert other.text("zh").endswith(f"；较 {EARLIER}（另一模型，版本 7 (12345678)）：类型不同（当时为流失型），理由不同，"
                                     "主导维度不同（当时为客户价值）")
    kinds = {"type": row["runner_up"], "runner_up": row["type"]}
    spoiled(copied, EARLIER, who, **kinds)
    found = steady(now, copied.out).earlier
    assert found.type == row["runner_up"] and not found.is_same[0]
    assert f"another type ({row['runner_up']})" in said(copied, who, "en", capsys)


def of_another_model(desk: Desk, who: str) -> None:
    """The earlier date as another model would have left it: assignments and explanations name it."""
    import pyarrow.parquet as pq

    place = desk.partition(EARLIER).parent
    rows = pd.read_parquet(place / "assignments.parquet").assign(model_version="7 (12345678)")
    rows.to_parquet(place / "assignments.parquet", index=False)
    of = f"7 (12345678) {rows['data_fingerprint'].iloc[0]}"
    for name in ("explanations.parquet", "reference.parquet"):
        table = pq.read_table(place / name)
        about = {key: value for key, value in table.schema.metadata.items() if key != b"pentad.of"}
        pq.write_table(table.replace_schema_metadata(about | {b"pentad.of": of.encode()}), place / name)
    sealed(place)


def without_explanations(desk: Desk, who: str) -> None:
    (desk.partition(EARLIER).parent / "explanations.parquet").unlink()


def nobody_earlier(desk: Desk, who: str) -> None:
    shutil.rmtree(desk.partition(EARLIER).parents[1])


def scored_on_an_earlier_date_still(desk: Desk, who: str) -> None:
    """Absent from the nearest date, and there on the one before it; a later one does not count."""
    for day in ("2024-10-31", "2025-01-31"):
        shutil.copytree(desk.partition(EARLIER).parents[1], desk.out / f"as_of={day}")
        rows = pd.read_parquet(desk.partition(day)).assign(as_of=day)
        rows.to_parquet(desk.partition(day), index=False)
        sealed(desk.partition(day).parent)
    rows = pd.read_parquet(desk.partition(EARLIER))
    rows[rows["customer_id"] != who].to_parquet(desk.partition(EARLIER), index=False)
    sealed(desk.partition(EARLIER).parent)


@pytest.mark.parametrize(("spoil", "en", "zh"), [
    (of_another_model, f"; as of {EARLIER} (another model, version 7 (12345678)): same type, ",
     f"；较 {EARLIER}（另一模型，版本 7 (12345678)）：类型相同，"),
    (without_explanations, f"; as of {EARLIER} (same model): same type; its explanation cannot be read",
     f"；较 {EARLIER}（同一模型）：类型相同；当时的解释无法读取"),
    (nobody_earlier, "; no earlier assignment to compare with", "；无更早的分类结果可比"),
    (scored_on_an_earlier_date_still, "; as of 2024-10-31 (same model): same type", "；较 2024-10-31（同一模型）：类型相同"),
])
def test_what_there_is_to_compare_with_is_said_as_it_is(copied, capsys, spoil, en, zh):
    who = next(w for w in pd.read_parquet(copied.partition())["customer_id"]
               if steady(kept(w, DAY, copied.out), copied.out).earlier.is_same[0])
    spoil(copied, who)
    assert en in said(copied, who, "en", capsys) and zh in said(copied, who, "zh", capsys)


def test_with_an_earlier_date_too_neither_the_model_nor_its_store_is_opened(scored):
    who = pd.read_parquet(scored.partition())["customer_id"][0]
    code = ("import sys; from pipeline.cli import main; code = main(sys.argv[1:]); "
            "assert not {'xgboost', 'mlflow', 'sklearn', 'numba', 'scipy'} & set(sys.modules); sys.exit(code)")
    done = subprocess.run([sys.executable, "-c", code, "explain", who, "--as-of", DAY, "--assignments", scored.out],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and f"as of {EARLIER} (same model)" in done.stdout


def test_scoring_says_it_of_the_first_customer_in_both_languages(trained, book, tmp_path, capsys):
    desk = Desk(tmp_path)
    desk.settings = trained.settings
    capsys.readouterr()
    assert desk.score(book, "--model", "1") == 0
    first, printed = pd.read_parquet(desk.partition()).iloc[0], capsys.readouterr().out
    n = round(3 * first["reseed_same_type"])
    assert f"  stability: {n} of 3 reseeded models give" in printed
    assert f"  稳定性：3 个更换随机种子重训的模型中，{n} 个类型一致" in printed


def test_report_page_and_card_show_what_survives(trained):
    (folder,) = trained.folder.glob("store/artifacts/*/artifacts")
    found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (card,), page = folder.glob("model_card.md"), (folder / "report.html").read_text(encoding="utf-8")
    about = json.loads((folder / "segmenter" / "evidence.json").read_text(encoding="utf-8"))["steadiness"]
    card = card.read_text(encoding="utf-8")
    for which, called in (("reseeded", "another seed 其他随机种子"), ("month_earlier", "a month earlier 上月末")):
        rows = found["stability"][which]
        assert {row["type"] for row in rows} == set(about[which]) and rows[0]["type"] == "all"
        for row in rows:
            flips = about[which][row["type"]]
            survive = [1 - flips[part] for part in PARTS]
            assert [row[f"same_{part}"] for part in ("type", "reasons", "dimension")] == pytest.approx(survive)
            numbers = [f"{share:.3f}" for share in survive]
            assert f"| {called} | {row['type']} | {row['n']} | {' | '.join(numbers)} |" in card
            cells = [called, row["type"], str(row["n"]), *numbers]
            assert "".join(f"<td>{cell}</td>" for cell in cells) in page.replace('<td class="text">', "<td>")
