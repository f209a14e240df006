"""The report of a scored book: it adds up, says what `pentad explain` says, and what it exports holds no formula."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import math
import re
import shutil
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from desk import TYPES, of_another_run, revision_of, sealed, spotted, the_line, torn
from hypothesis import given
from hypothesis import strategies as st
from reports import BEFORE, DAY, FORMULAS, data_of, hostile_names, many, named, named_book, rewritten, said

from features.catalogue import FEATURES
from features.sources import open_tables
from models.explain import JOIN, STARTING_POINT
from pipeline.cli import main
from pipeline.explain import WORDS as EXPLAINED
from pipeline.explain import Explained
from pipeline.explanations import kept, kept_book
from pipeline.export import harmless, listed, neutral, write_csv, write_xlsx
from pipeline.report import Report, report
from pipeline.report_page import TEMPLATES, folded, packed, page
from pipeline.report_words import WORDS
from pipeline.steadiness import Steady, reseed_line

OTHER_DAY = "2023-06-30"
PARTS = ("value", "need", "behaviour", "risk", STARTING_POINT)
LATIN = re.compile(r"[A-Za-z]+")
CHINESE = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]")


@pytest.fixture(scope="module")
def found(scored_twice) -> Report:
    return report(DAY, None, scored_twice)


@pytest.fixture(scope="module")
def data(found) -> dict:
    return data_of(page(found))


@pytest.fixture
def folder(scored_twice, tmp_path) -> Path:
    """A copy of the scored folder that may be spoiled."""
    return shutil.copytree(scored_twice, tmp_path / "assignments")


def stored(folder: Path, day: str) -> dict[str, dict]:
    """By customer what was stored, read row by row: its type, whether it is referred, its exposure."""
    rows = {}
    for row in pd.read_parquet(revision_of(folder, day) / "assignments.parquet").to_dict("records"):
        one = kept(row["customer_id"], day, folder)
        rows[row["customer_id"]] = row | {"exposure": one.values[one.features.index("exposure_drawn")]}
    return rows


def write(folder: Path, tmp_path: Path, *more, as_of: str = DAY) -> int:
    out = tmp_path / "report.html"
    return main(["report", "--as-of", as_of, "--assignments", str(folder), "--out", str(out), *map(str, more)])


def test_every_customer_is_counted_under_its_type_with_its_exposure(folder):
    def refer(rows, values, contributions, features):
        return rows.assign(is_referred=[place % 3 == 0 for place in range(len(rows))]), values, contributions, features

    rewritten(folder, DAY, refer)
    found, rows = report(DAY, None, folder), stored(folder, DAY).values()
    for kind in TYPES:
        own = [row for row in rows if row["type"] == kind]
        line = found.by_type.loc[kind]
        assert (line["n"], line["n_referred"], line["n_unknown"]) == (len(own), sum(row["is_referred"] for row in own), 0)
        assert line["exposure"] == pytest.approx(sum(row["exposure"] for row in own))
    assert found.by_type["n"].sum() == len(rows) and found.exposure.feature == "exposure_drawn"


def test_every_customer_of_either_date_is_in_one_cell_of_the_migration(found, scored_twice):
    then, now = stored(scored_twice, BEFORE), stored(scored_twice, DAY)
    count = {(a, b): [0, 0.0] for a in (*TYPES, "new") for b in (*TYPES, "gone")}
    for who in then.keys() | now.keys():
        cell = count[then[who]["type"] if who in then else "new", now[who]["type"] if who in now else "gone"]
        cell[0] += 1
        cell[1] += (now if who in now else then)[who]["exposure"]
    n, exposure = found.migration.n, found.migration.exposure
    assert found.migration.since == BEFORE
    assert n.loc["new"].sum() > 0 and n["gone"].sum() > 0  # or the test says little
    for (a, b), (customers, amount) in count.items():
        assert (n.loc[a, b], exposure.loc[a, b]) == (customers, pytest.approx(amount))
    for kind in TYPES:
        assert n.loc[kind].sum() == sum(row["type"] == kind for row in then.values())
        assert n[kind].sum() == found.by_type.loc[kind, "n"]
        assert exposure[kind].sum() == pytest.approx(found.by_type.loc[kind, "exposure"])


def test_the_date_to_compare_with_is_the_last_before_or_the_one_that_is_named(folder, tmp_path, capsys):
    (folder / f"as_of={BEFORE}").rename(folder / f"as_of={OTHER_DAY}")
    shutil.copytree(folder / f"as_of={DAY}", folder / "as_of=2024-11-30")
    shutil.copytree(folder / f"as_of={DAY}", folder / "as_of=2025-01-31")
    assert report(DAY, None, folder).migration.since == "2024-11-30"
    assert write(folder, tmp_path, "--since", OTHER_DAY) == 0
    assert f"since {OTHER_DAY}: " in capsys.readouterr().out
    assert data_of((tmp_path / "report.html").read_bytes())["since"] == OTHER_DAY


def test_without_an_earlier_date_it_is_said_that_there_is_none(scored_twice, tmp_path, capsys):
    assert write(scored_twice, tmp_path, as_of=BEFORE) == 0
    assert "no earlier date was scored" in capsys.readouterr().out
    data = data_of((tmp_path / "report.html").read_bytes())
    assert data["migration"] is None and data["since"] is None and set(data["customers"]["before"]) == {-1}


def test_the_features_that_mark_a_type_are_those_with_the_largest_mean_contrast_of_its_customers(found, scored_twice):
    rows = stored(scored_twice, DAY)
    for kind in TYPES:
        own = {who: kept(who, DAY, scored_twice) for who, row in rows.items() if row["type"] == kind}
        drivers = found.drivers[kind]
        assert drivers.n == len(own)
        if not own:
            assert drivers.features.empty
            continue
        contrasts = pd.DataFrame({who: one.contrast(kind, rows[who]["runner_up"]) for who, one in own.items()}).T
        for part in PARTS:
            names = [name for name in contrasts if (FEATURES[name].dimension if name in FEATURES else STARTING_POINT) == part]
            assert drivers.parts[part] == pytest.approx(contrasts[names].sum(axis=1).mean(), abs=1e-9)
        sizes = contrasts.drop(columns=STARTING_POINT).abs().mean().sort_values(ascending=False)
        shown = drivers.features
        assert shown["mean_size"].tolist() == pytest.approx(sizes[sizes > 0].head(6).tolist())
        for row in shown.itertuples():
            pushes = contrasts[row.feature]
            assert row.mean_size == pytest.approx(sizes[row.feature]) and row.mean == pytest.approx(pushes.mean())
            assert row.share_for == (pushes > 0).sum() / len(pushes)
            speaking = [own[who] for who in pushes.index[pushes > 0 if row.mean > 0 else pushes < 0]]
            values = [one.values[one.features.index(row.feature)] for one in speaking]
            known = sorted(value for value in values if value == value)
            typical = known[(len(known) - 1) // 2] if 2 * len(known) > len(values) else math.nan
            of_one = speaking[[str(value) for value in values].index(str(typical))]
            other = rows[of_one.assignment["customer_id"]]["runner_up"]
            for language, words in (("en", row.words_en), ("zh", row.words_zh)):
                assert f": {words}" in Explained(of_one, kind, other, Steady(of_one.assignment, None)).text(language, 200)


def test_the_page_says_of_every_customer_and_type_what_explain_says_in_both_languages(data, scored_twice):
    names = data["type_names"]
    for row, who in enumerate(data["customers"]["id"]):
        one = kept(who, DAY, scored_twice)
        own = one.assignment["type"]
        for other, language in itertools.product((kind for kind in TYPES if kind != own), ("en", "zh")):
            told = Explained(one, own, other, Steady(one.assignment, None)).text(language, 6)
            text = told.replace("-0.00", "+0.00").split("\n")
            say, lines = EXPLAINED[language], []
            for kind, side in zip((own, other), said(data, row, TYPES.index(other), language)):
                lines.append("  " + say["for"].format(kind=names[language][TYPES.index(kind)]))
                for push, part, words, percentile in side[:-1]:
                    where = "" if percentile < 0 else JOIN[language] + say["percentile"].format(percent=percentile)
                    lines.append(f"    {push:+.2f} {part}: {words}{where}")
                rest, n_rest = side[-1]
                lines += [f"    {rest:+.2f} {say['rest'].format(n=n_rest)}"] if n_rest else []
                lines += [f"    {say['nothing']}"] if len(side) == 1 else []
            assert text[2:-2] == [line.replace("-0.00", "+0.00") for line in lines]
            at = 4 * row + [kind for kind in TYPES if kind != own].index(other)
            parts = ", ".join(f"{part} {size / 100:+.2f}" for part, size in
                              zip(data["part_names"][language], data["cases"]["parts"][5 * at : 5 * at + 5]))
            assert text[1] == f"  {parts}"
            assert f"{data['cases']['gaps'][at] / 100:+.2f}" in text[0]
            for kind in (own, other):
                assert f"{data['customers']['p'][5 * row + TYPES.index(kind)] / 10:.1f}%" in text[0]


def test_the_contrasts_of_all_customers_are_those_of_each_alone(scored_twice, tmp_path):
    """Where the stored contributions miss the probabilities, the starting point takes the difference."""
    book = kept_book(DAY, many(scored_twice, tmp_path, DAY, 30))
    alone = [kept(who, DAY, tmp_path) for who in book.assignments["customer_id"]]
    for a, b in itertools.permutations(range(5), 2):
        for one, row in zip(alone, book.contrasts(np.full(30, a), np.full(30, b)), strict=True):
            assert row == pytest.approx(one.contrast(TYPES[a], TYPES[b]).to_numpy(), abs=1e-12)


def test_the_list_of_the_page_is_the_list_of_assignments(data, scored_twice):
    rows, customers = stored(scored_twice, DAY), data["customers"]
    before = stored(scored_twice, BEFORE)
    assert customers["id"] == list(rows) and customers["name"] is None
    for place, (who, row) in enumerate(rows.items()):
        assert TYPES[customers["type"][place]] == row["type"] and TYPES[customers["second"][place]] == row["runner_up"]
        assert customers["is_referred"][place] == row["is_referred"]
        assert [kind for k, kind in enumerate(TYPES) if customers["possible"][place] >> k & 1] == sorted(
            filter(None, row["possible_types"].split(",")), key=TYPES.index)
        assert customers["exposure"][place] == pytest.approx(row["exposure"], abs=0.005)
        assert customers["before"][place] == (TYPES.index(before[who]["type"]) if who in before else -1)
        assert data["strategies"]["en"][customers["type"][place]] == row["strategy_en"]
        assert data["strategies"]["zh"][customers["type"][place]] == row["strategy_zh"]


def without_exposure(rows, values, contributions, features):
    keep = [k for k, name in enumerate(features) if name not in ("exposure_drawn", "exposure_committed")]
    return rows, values[:, keep], contributions[:, :, [*keep, len(features)]], [features[k] for k in keep]


def test_an_exposure_that_the_model_was_not_given_is_read_from_the_book_or_said_to_be_missing(folder, book, tmp_path, capsys):
    known = {who: row["exposure"] for who, row in stored(folder, DAY).items()}
    shutil.rmtree(folder / f"as_of={BEFORE}")
    rewritten(folder, DAY, without_exposure)
    assert write(folder, tmp_path) == 0
    assert "exposure: not known, for the model was not given it; name a book with --data" in capsys.readouterr().out
    data = data_of((tmp_path / "report.html").read_bytes())
    assert data["exposure"] == {"source": None, "names": {"en": None, "zh": None}}
    assert data["book"]["n_unknown"] == data["book"]["n"] and set(data["customers"]["exposure"]) == {None}

    rejects = ["--rejects", tmp_path / "rejects"]
    assert write(folder, tmp_path, "--data", book, *rejects, "--replace") == 0
    assert "exposure: exposure_drawn (from the book)" in capsys.readouterr().out
    data = data_of((tmp_path / "report.html").read_bytes())
    assert data["exposure"]["source"] == "book" and sum(data["book"]["n_unknown"]) == 0
    assert data["customers"]["exposure"] == pytest.approx(list(known.values()), abs=0.005)


def test_the_committed_exposure_stands_in_for_the_drawn_one(folder):
    def without_drawn(rows, values, contributions, features):
        place = features.index("exposure_drawn")
        return rows, np.delete(values, place, 1), np.delete(contributions, place, 2), features[:place] + features[place + 1 :]

    rewritten(folder, DAY, without_drawn)
    found = report(DAY, None, folder)
    assert (found.exposure.feature, found.exposure.source) == ("exposure_committed", "scored")
    assert found.migration.n_unknown == 0  # the earlier date has it too


def test_customers_without_a_known_exposure_are_counted_and_add_nothing(folder, capsys, tmp_path):
    before = report(DAY, None, folder)

    def forget(rows, values, contributions, features):
        values[:7, features.index("exposure_drawn")] = np.nan
        return rows, values, contributions, features

    rewritten(folder, DAY, forget)
    found = report(DAY, None, folder)
    lost = before.rows["exposure"][:7].sum()
    assert found.by_type["n_unknown"].sum() == found.migration.n_unknown == 7
    assert found.by_type["exposure"].sum() == pytest.approx(before.by_type["exposure"].sum() - lost)
    assert found.migration.exposure.to_numpy().sum() == pytest.approx(before.migration.exposure.to_numpy().sum() - lost)
    assert write(folder, tmp_path) == 0
    assert "exposure: exposure_drawn (as scored), not known for 7" in capsys.readouterr().out
    assert data_of((tmp_path / "report.html").read_bytes())["customers"]["exposure"][:8].count(None) == 7


def test_names_come_from_the_book_and_change_nothing_else(found, scored_twice, tmp_path):
    tables = open_tables(named_book(tmp_path / "named"))
    told = report(DAY, None, scored_twice, tables)
    tables.close()
    for who, name in zip(told.rows["customer_id"], told.rows["name"]):
        i = int(who[1:])
        assert name == (f"{'Calm' if i % 2 else '清河'} {who}" if i % 7 else None)
    assert found.rows["name"].isna().all()
    pd.testing.assert_frame_equal(told.rows.drop(columns="name"), found.rows.drop(columns="name"))
    assert data_of(page(told))["customers"]["name"] == told.rows["name"].tolist()


def test_the_page_holds_nothing_that_a_browser_would_fetch_and_lets_no_other_script_run(found):
    text = page(found).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    shell = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(src|href|srcset|action|on\w+|style)\s*=", shell)
    assert "http:" not in text and "https:" not in text and "@import" not in text and "url(" not in text
    script = (TEMPLATES / "book_report.js").read_text(encoding="utf-8")
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|fetch\(|XMLHttp|import\("
    assert not re.search(forbidden, script)


def test_no_text_of_the_book_is_part_of_the_markup(found):
    n = len(found.rows)
    harmless_page, hostile_page = (page(named(found, names)).decode() for names in (["Quiet"] * n, hostile_names(n)))
    apart = re.compile(r'(<script type="text/plain" id="data">)[^<]*')
    assert apart.sub(r"\1", hostile_page) == apart.sub(r"\1", harmless_page)
    names = data_of(hostile_page.encode())["customers"]["name"]
    assert names == [harmless(name) for name in hostile_names(n)]


def test_the_page_is_the_same_bytes_each_time(found, scored_twice):
    assert page(found) == page(report(DAY, None, scored_twice))


@given(st.lists(st.tuples(st.text("a,. -0123", max_size=12), st.text("文0123.,%-", max_size=12)), max_size=20))
def test_texts_taken_apart_are_put_together_again(texts):
    templates, which, numbers = folded(texts)
    for text, template, filled in zip(texts, which, numbers):
        fill = filled.split(" ")
        assert text == tuple("".join(fill[piece] if isinstance(piece, int) else piece for piece in pieces)
                             for pieces in templates[template])


def test_texts_that_differ_in_a_number_share_a_template_and_a_number_said_twice_is_kept_once():
    templates, which, numbers = folded([(f"late: {n} days (median 3)", f"迟付：{n}天（中位数 3）") for n in (1, 20, 4000)])
    assert templates == [[["late: ", 0, " days (median 3)"], ["迟付：", 0, "天（中位数 3）"]]]
    assert (which, numbers) == ([0, 0, 0], ["1", "20", "4000"])


def test_both_languages_have_the_same_words_and_every_word_is_used():
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    used = "".join((TEMPLATES / f"book_report.{kind}").read_text(encoding="utf-8") for kind in ("js", "html"))
    for key, said_en in WORDS["en"].items():
        assert f'"{key}"' in used or f".{key} " in used, key
        if isinstance(said_en, str):
            said_zh = WORDS["zh"][key]
            assert sorted(re.findall(r"{\w+}", said_en)) == sorted(re.findall(r"{\w+}", said_zh)), key
            assert not CHINESE.search(said_en), key
            assert not set(LATIN.findall(re.sub(r"{\w+}", "", said_zh))) - {"Pentad"}, key


@pytest.fixture(scope="module")
def hostile(found) -> Report:
    """The report with hostile names, every one of the formulas among them."""
    assert len(found.rows) > len(FORMULAS)
    return named(found, hostile_names(len(found.rows)))


def as_written(write, table) -> io.BytesIO:
    file = io.BytesIO()
    write(table, file)
    return io.BytesIO(file.getvalue())


def test_no_text_of_the_csv_begins_a_formula_and_every_number_is_one(hostile):
    table = listed(hostile)
    text = as_written(write_csv, table).getvalue().decode("utf-8-sig")
    assert as_written(write_csv, table).getvalue().startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(text), quoting=csv.QUOTE_NONNUMERIC)
    assert head == list(table.columns) and len(rows) == len(table)
    for written, row in zip(rows, table.itertuples(index=False)):
        for name, cell, value in zip(head, written, row):
            if isinstance(value, str):
                assert isinstance(cell, str) and "\x00" not in cell and "\n" not in cell and "\r" not in cell and "\t" not in cell
                assert not re.match(r"[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@＝＋－＠]", cell), cell
            elif value is None or (isinstance(value, float) and math.isnan(value)):
                assert cell == "", name
            else:
                assert cell == float(value), name
    # what another locale or reader takes for the end of a cell begins no formula either
    assert not re.search(r"[;,\t\"]\s*[=@＝＠]", text.replace("'", "\x00"))


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_gets_an_apostrophe_and_keeps_its_text(name):
    assert neutral(name) != name and "'" in neutral(name)
    assert neutral(name).replace("'", "") == harmless(name).replace("'", "")


@pytest.mark.parametrize("name", ["Quiet Harbour Ltd", "明湖食品", "A-B + C=D @ E", "5-star", "x: -3 (median -1)"])
def test_a_text_that_begins_no_formula_is_left_alone(name):
    assert neutral(name) == name


def test_no_cell_of_the_workbook_is_a_formula_and_every_text_is_as_it_was(hostile):
    table = listed(hostile)
    sheet = openpyxl.load_workbook(as_written(write_xlsx, table)).active
    head, *rows = sheet.iter_rows()
    assert [cell.value for cell in head] == list(table.columns) and len(rows) == len(table)
    for cells, row in zip(rows, table.itertuples(index=False)):
        for cell, value in zip(cells, row):
            assert cell.data_type != "f"
            if isinstance(value, str):
                assert (cell.value or "", cell.data_type, cell.quotePrefix) == (harmless(value), "s", True)
            elif value is None or (isinstance(value, float) and math.isnan(value)):
                assert cell.value is None
            else:
                assert (cell.value, cell.data_type) == (pytest.approx(value, rel=1e-14), "n")


def test_the_workbook_is_the_same_bytes_whenever_it_is_written(found, monkeypatch):
    first = as_written(write_xlsx, listed(found)).getvalue()
    import datetime

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2040, 1, 1, 12, 34, 56, tzinfo=tz)

    monkeypatch.setattr("openpyxl.writer.excel.datetime.datetime", Later)
    assert as_written(write_xlsx, listed(found)).getvalue() == first


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_the_command_writes_the_page_and_the_list_whole_and_does_nothing_twice(suffix, scored_twice, tmp_path, capsys):
    files = [tmp_path / "report.html", tmp_path / f"list.{suffix}"]
    assert write(scored_twice, tmp_path, "--export", files[1]) == 0
    assert all(f"written: {file} (" in capsys_out for capsys_out in [capsys.readouterr().out] for file in files)
    first = [file.read_bytes() for file in files]
    assert write(scored_twice, tmp_path, "--export", files[1]) == 0
    said_again = capsys.readouterr().out
    assert all(f"unchanged: {file} (" in said_again for file in files)
    assert [file.read_bytes() for file in files] == first
    files[0].write_bytes(b"mine")
    assert write(scored_twice, tmp_path, "--export", files[1]) == 16
    assert "other report" in the_line(capsys) and files[0].read_bytes() == b"mine"
    assert write(scored_twice, tmp_path, "--export", files[1], "--replace") == 0
    assert files[0].read_bytes() == first[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(file.name for file in files)


def test_unless_it_is_told_otherwise_the_page_lies_among_the_runs(scored_twice, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["report", "--as-of", DAY, "--assignments", str(scored_twice)]) == 0
    assert (tmp_path / "runs" / "report" / f"{DAY}.html").exists()


@pytest.mark.parametrize(("arguments", "code", "says"), [
    (["--since", DAY], 2, "--since must be before --as-of"), (["--since", "2025-01-31"], 2, "--since must be before --as-of"),
    (["--export", "list.txt"], 2, "--export one in .csv or .xlsx"),
    (["--since", OTHER_DAY], 58, f"nobody was scored as of {OTHER_DAY}")])
def test_what_cannot_be_done_is_said_and_nothing_is_written(arguments, code, says, scored_twice, tmp_path, capsys):
    assert write(scored_twice, tmp_path, *arguments) == code
    assert says in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_date_that_nobody_was_scored_on_is_named(scored_twice, tmp_path, capsys):
    assert write(scored_twice, tmp_path, as_of=OTHER_DAY) == 58
    assert f"nobody was scored as of {OTHER_DAY}" in the_line(capsys)
    assert not any(tmp_path.iterdir())


def test_a_page_needs_the_name_of_a_page(scored_twice, tmp_path, capsys):
    assert write(scored_twice, tmp_path, "--out", tmp_path / "report.txt") == 2
    assert "--out needs a name that ends in .html" in capsys.readouterr().err


def of_others(place):
    rows = pd.read_parquet(place / "assignments.parquet")
    rows.iloc[::-1].to_parquet(place / "assignments.parquet", index=False)
    sealed(place)


def test_an_earlier_date_that_cannot_be_read_or_is_no_date_is_passed_over(folder, tmp_path, capsys):
    torn("assignments.parquet")(revision_of(folder, BEFORE))
    shutil.copytree(folder / f"as_of={DAY}", folder / f"as_of={BEFORE}.bak")
    assert write(folder, tmp_path) == 0
    assert "no earlier date was scored" in capsys.readouterr().out


def test_a_date_without_a_row_has_nobody(folder, tmp_path, capsys):
    file = revision_of(folder, DAY) / "assignments.parquet"
    pd.read_parquet(file).iloc[:0].to_parquet(file, index=False)
    sealed(file.parent)
    assert write(folder, tmp_path) == 58
    assert f"nobody was scored as of {DAY}" in the_line(capsys)


def test_two_customers_that_look_alike_have_addresses_of_their_own(found):
    rows = found.rows.copy()
    rows.loc[rows.index[:2], "customer_id"] = ["A\nB", "A B"]
    customers = packed(replace(found, rows=rows))["customers"]
    assert customers["id"][:2] == ["A B", "A B"] and customers["key"][:2] == ["A\nB", "A B"]
    assert packed(found)["customers"]["key"] is None


def test_a_case_says_how_many_reseeded_models_agree(found):
    customers = packed(found)["customers"]
    for language in ("en", "zh"):
        told = [customers["steady"][language][place] for place in customers["steady_of"]]
        assert told == [reseed_line(row, language) for _, row in found.rows.iterrows()]


@pytest.mark.parametrize(("spoil", "code", "says"), [
    (lambda place: (place / "explanations.parquet").unlink(), 62, "it cannot be read"), (of_others, 59, "of other customers"),
    (of_another_run, 59, "of another run"), (torn("assignments.parquet"), 62, "not the file that was written"),
    (spotted("explanations.parquet"), 62, "not the file that was written")])
@pytest.mark.parametrize("day", [BEFORE, DAY])
def test_explanations_that_do_not_belong_to_the_assignments_are_not_shown(day, spoil, code, says, folder, tmp_path, capsys):
    spoil(revision_of(folder, day))
    assert write(folder, tmp_path, "--since", BEFORE) == code
    line = the_line(capsys)
    assert says in line and day in line
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("option", ["--out", "--export"])
def test_no_table_of_the_book_is_replaced(option, scored_twice, spoiled, tmp_path, capsys):
    target = spoiled / ("page.html" if option == "--out" else "customers.csv")
    before = {file.name: file.read_bytes() for file in spoiled.iterdir()}
    assert write(scored_twice, tmp_path, "--data", spoiled, option, target, "--replace") == 16
    assert "the delivered tables lie there" in the_line(capsys)
    assert {file.name: file.read_bytes() for file in spoiled.iterdir()} == before


def test_a_place_that_cannot_be_written_is_named(scored_twice, tmp_path, capsys):
    (tmp_path / "a_file").write_text("mine", encoding="utf-8")
    assert write(scored_twice, tmp_path, "--out", tmp_path / "a_file" / "x.html") == 56
    assert f"UnwritableOutput: {tmp_path}/a_file/x.html" in the_line(capsys)


def test_neither_the_model_nor_its_store_is_opened(scored_twice, tmp_path):
    code = ("import sys; from pipeline.cli import main; code = main(sys.argv[1:]); "
            "assert not {'xgboost', 'mlflow', 'sklearn', 'numba', 'scipy', 'matplotlib'} & set(sys.modules); sys.exit(code)")
    done = subprocess.run([sys.executable, "-c", code, "report", "--as-of", DAY, "--assignments", scored_twice,
                           "--out", tmp_path / "report.html"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_data_are_packed_as_browsers_unpack_them(found):
    (text,) = re.findall(rb'id="data">([^<]*)<', page(found))
    assert zlib.decompressobj(zlib.MAX_WBITS).decompress(base64.b64decode(text)).startswith(b'{"as_of":"2024-12-31"')
