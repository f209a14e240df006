"""What lies between two assignments: a correction of the data, the customer, the model, in steps that add up exactly."""

from __future__ import annotations

import re
from contextlib import closing

import pandas as pd
import pytest
from desk import Desk, the_line, tiny_book, write_book, write_settings

from features.sources import open_tables
from pipeline.changes import CORRECTED, MODEL, MOVED, changed
from pipeline.settings import load_settings

EARLIER, LATER = "2024-11-30", "2024-12-31"


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> tuple[Desk, dict]:
    """A desk with two models; the earlier date was scored with the first, the later one with it too."""
    root = tmp_path_factory.mktemp("changes")
    desk, tables = Desk(root), tiny_book()
    book = write_book(tables, root / "book")
    assert desk.train(book) == 0
    desk.settings = write_settings(root, n_trees="40", depth="4", seed="3")
    assert desk.train(book) == 0
    for day in (EARLIER, LATER):
        assert desk.score(book, "--model", "1", as_of=day) == 0
    return desk, tables


def steps(desk: Desk, book, who: str, out=None):
    settings = load_settings(desk.settings)
    with closing(open_tables(book)) as tables:
        return changed(who, EARLIER, LATER, tables, settings, out or desk.out)


def customers(desk: Desk) -> list[str]:
    both = [set(pd.read_parquet(desk.partition(day))["customer_id"]) for day in (EARLIER, LATER)]
    return sorted(both[0] & both[1])


def sums_to_the_difference(change) -> None:
    gaps = [each.contrast(change.a, change.b).sum() for each in (change.before, change.now)]
    assert change.steps["all"].sum() == pytest.approx(gaps[1] - gaps[0], abs=1e-9)
    parts = change.steps.drop(columns="all")
    assert (parts.sum(axis=1) - change.steps["all"]).abs().max() < 1e-9


def test_the_same_book_and_model_leave_only_the_customer(scored):
    desk, _ = scored
    for who in customers(desk)[::20]:
        change = steps(desk, desk.folder / "book", who)
        sums_to_the_difference(change)
        assert abs(change.steps.loc[CORRECTED, "all"]) < 1e-5 and abs(change.steps.loc[MODEL, "all"]) < 1e-5
        assert change.corrections.empty
        now, then = change.now, change.before
        for fact in change.facts.itertuples():
            assert then.values[then.features.index(fact.feature)] == pytest.approx(fact.before, nan_ok=True)
            assert now.values[now.features.index(fact.feature)] == pytest.approx(fact.after, nan_ok=True)


def test_a_correction_of_old_facts_is_told_from_what_the_customer_did(scored, tmp_path):
    desk, tables = scored
    late = tables["repayments"].merge(tables["loans"][["loan_id", "customer_id"]], on="loan_id")
    who = next(name for name in customers(desk) if int(name[1:]) % 5 == 0)  # pays late
    own = (late["customer_id"] == who).to_numpy()
    corrected = tables["repayments"].copy()
    is_paid = own & (corrected["paid_on"] != "").to_numpy()
    corrected.loc[is_paid, "paid_on"] = corrected.loc[is_paid, "due_on"]  # it had paid on time, and was booked wrongly
    book = write_book(tables | {"repayments": corrected}, tmp_path / "book")
    change = steps(desk, book, who)
    sums_to_the_difference(change)
    assert abs(change.steps.loc[CORRECTED, "all"]) > 0.05 and len(change.corrections)
    assert abs(change.steps.loc[MODEL, "all"]) < 1e-5
    assert "corrections of earlier facts that moved it:" in change.text("en", 3) and "数据更正" in change.text("zh", 3)


def test_another_model_is_told_from_the_customer(scored, tmp_path):
    desk, _ = scored
    other = Desk(tmp_path)
    other.settings = desk.settings
    for day, model in ((EARLIER, "1"), (LATER, "2")):
        assert other.score(desk.folder / "book", "--model", model, as_of=day) == 0
    moved = []
    for who in customers(other)[::20]:
        change = steps(other, desk.folder / "book", who)
        sums_to_the_difference(change)
        same = steps(desk, desk.folder / "book", who)
        if (same.a, same.b) == (change.a, change.b):
            assert change.steps.loc[MOVED, "all"] == pytest.approx(same.steps.loc[MOVED, "all"], abs=1e-5)
        moved.append(abs(change.steps.loc[MODEL, "all"]))
    assert max(moved) > 0.05


def test_the_command_says_it_in_either_language(scored, capsys):
    desk, _ = scored
    who = customers(desk)[0]
    given = ("--as-of", LATER, "--since", EARLIER, "--data", desk.folder / "book", "--assignments", desk.out,
             "--rejects", desk.rejects)
    capsys.readouterr()
    assert desk.run("explain", who, *given) == 0
    said = capsys.readouterr().out
    sums = [float(found) for found in re.findall(r"(?m)^  ([+-]\d+\.\d\d) (?:data|customer|model) c", said)]
    then, now = map(float, re.search(r"against \w+ (\S+) then, (\S+) now", said).groups())
    assert len(sums) == 3 and sum(sums) == pytest.approx(now - then, abs=0.026)
    assert desk.run("explain", who, *given, "--language", "zh") == 0
    assert "客户变化" in capsys.readouterr().out


def test_what_cannot_be_compared_is_said(scored, capsys):
    desk, _ = scored
    who, book = customers(desk)[0], desk.folder / "book"
    rest = ("--data", book, "--assignments", desk.out, "--rejects", desk.rejects)
    capsys.readouterr()
    assert desk.run("explain", who, "--as-of", EARLIER, "--since", LATER, *rest) == 47
    assert "2024-12-31 is not before 2024-11-30" in the_line(capsys)
    assert desk.run("explain", who, "--as-of", LATER, "--since", "2024-01-31", *rest) == 58
    assert "nobody was scored as of 2024-01-31" in the_line(capsys)
    assert desk.run("explain", who, "--as-of", LATER, "--since", EARLIER) == 2
    assert "--since and --data go together" in the_line(capsys)
