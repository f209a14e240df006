"""What would change a customer's type: judged as the whole book with the same change is, and the smallest that is found."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from desk import Desk, the_line, tiny_book, write_book

from features.frame import book_frame
from features.sources import open_tables
from models.matrix import KEYS
from pipeline import tracking
from pipeline.edits import ADD_COLLATERAL, ALL, PAY_ARREARS, PAY_ON_TIME, Cost, Edit, NotChangeable
from pipeline.explanations import kept
from pipeline.settings import load_settings
from pipeline.whatif import Outcome, WhatIf, whatif
from pipeline.whatif_words import lines_of

DAY = "2024-12-31"


@pytest.fixture(scope="module")
def late(scored) -> str:
    """A customer in arrears that is thought a risk."""
    rows = pd.read_parquet(scored.partition())
    return rows.loc[rows["type"] == "risk", "customer_id"].iloc[0]


def ask(desk: Desk, book, who: str, asked: dict[str, int] | None = None, goal: str = "") -> WhatIf:
    tables = open_tables(book)
    try:
        return whatif(who, DAY, asked or {}, goal, None, tables, load_settings(desk.settings), desk.out, lambda *_: None)
    finally:
        tables.close()


@pytest.fixture(scope="module")
def paid(scored, book, late) -> WhatIf:
    return ask(scored, book, late, {PAY_ARREARS: ALL})


@pytest.fixture(scope="module")
def searched(scored, book, late) -> WhatIf:
    return ask(scored, book, late)


def with_arrears_paid(who: str) -> tuple[dict[str, pd.DataFrame], int]:
    """The tiny book in which a customer pays on the day all that fell due before it and was not paid by then; and the cents."""
    tables = tiny_book()
    rows = tables["repayments"]
    loan = f"L{who[1:]}"
    is_owed = (rows["loan_id"] == loan) & (rows["due_on"] < DAY) & ((rows["paid_on"] > DAY) | (rows["paid_on"] == ""))
    due = rows["principal_due"].astype(float) + rows["interest_due"].astype(float)
    rows.loc[is_owed, "paid_on"], rows.loc[is_owed, "amount_paid"] = DAY, due[is_owed].map("{:.2f}".format)
    return tables, int((due[is_owed] * 100).round().sum())


def test_the_change_is_measured_and_judged_as_the_whole_book_with_it_is(scored, late, paid, tmp_path):
    tables, owed = with_arrears_paid(late)
    assert owed > 0 and paid.tried[0].cost.cash == owed
    whole = open_tables(write_book(tables, tmp_path / "book"))
    segmenter = tracking.load("1", load_settings(scored.settings).tracking).segmenter
    frame = book_frame(whole, DAY)
    frame = frame.loc[frame["customer_id"] == late, [*KEYS, *segmenter.features]]
    whole.close()
    expected = segmenter.judge(frame).probabilities[0].tolist()
    assert list(paid.tried[0].probabilities.values()) == pytest.approx(expected, abs=1e-12)
    assert len(paid.moved) > 0
    stored = kept(late, DAY, scored.out)
    for fact in paid.moved.itertuples():
        assert fact.before == pytest.approx(stored.values[stored.features.index(fact.feature)], nan_ok=True)
        assert fact.after == pytest.approx(frame[fact.feature].iloc[0], nan_ok=True)
    row = pd.read_parquet(scored.partition()).set_index("customer_id").loc[late]
    assert paid.now.probabilities == pytest.approx({kind: row[f"p_{kind}"] for kind in segmenter.types})


def test_the_search_names_the_lightest_change_that_gives_another_type(searched):
    assert searched.now.type == "risk"
    reached = [one for one in searched.tried if one.type != "risk"]
    assert (len(searched.found) > 0) == (len(reached) > 0)
    if reached:
        assert searched.found[0].weight == min(one.weight for one in reached)
    assert {kind for one in searched.tried for kind in one.kinds} >= {PAY_ARREARS, PAY_ON_TIME}
    assert ADD_COLLATERAL in searched.impossible
    assert len({one.edits for one in searched.tried}) == len(searched.tried) >= 15


def outcome(weight: float, kinds: str, kind: str, months: int = 0, is_active: bool = True) -> Outcome:
    edits = tuple(Edit(each, int(weight)) for each in kinds.split())
    return Outcome(edits, kind, {"risk": 0.5, kind: 0.5}, DAY, Cost(months=months), weight, is_active)


@pytest.mark.parametrize(("tried", "smallest"), [
    ([], []), ([outcome(3, "a", "risk")], []),
    ([outcome(3, "a", "stable"), outcome(2, "a", "stable")], [2]),
    ([outcome(3, "a", "stable"), outcome(2, "b", "growth")], [2, 3]),
    ([outcome(3, "a", "stable"), outcome(5, "a b", "stable")], [3]),  # a alone does it for less
    ([outcome(3, "a b", "stable"), outcome(5, "a", "stable")], [3, 5]),
    ([outcome(2, "a", "stable", is_active=False), outcome(3, "b", "stable")], [3]),  # who has no loan is no stable customer
    ([outcome(3, "a", "stable", months=2), outcome(3, "b", "stable", months=1)], [3, 3])])
def test_the_smallest_is_the_lightest_of_each_combination_that_no_part_of_it_beats(tried, smallest):
    answer = WhatIf(pd.Series(dtype=object), outcome(0, "", "risk"), "", True, (), tuple(tried), {}, pd.DataFrame())
    assert [one.weight for one in answer.smallest] == smallest


def test_where_nothing_is_found_it_says_so_and_names_the_nearest(searched):
    none = WhatIf(searched.scored, searched.now, "strategic", True, (), searched.tried, searched.impossible, pd.DataFrame())
    text = "\n".join(lines_of(none, "en", 3))
    assert "none found: no change that was tried makes it strategic" in text and "nearest: " in text
    most = max(one.probabilities["strategic"] for one in searched.tried)
    assert f"strategic {most:.1%}" in text
    assert "未找到" in "\n".join(lines_of(none, "zh", 3))


def test_both_languages_say_the_same_and_neither_speaks_the_other(searched, paid):
    for answer in (searched, paid):
        en, zh = ("\n".join(lines_of(answer, language, 5)) for language in ("en", "zh"))
        assert not re.search(r"[\u4e00-\u9fff]", en)
        words = re.sub(r"C\d+|run\.toml|\b\d+ \([0-9a-f]{8}\)", "", zh)
        assert not re.findall(r"[A-Za-z]{2,}", words)
        assert sorted(re.findall(r"\d[\d,.]*%", zh.replace(" ", ""))) == sorted(re.findall(r"\d[\d,.]*%", en.replace(" ", "")))


def run(desk: Desk, book, who: str, *more) -> int:
    return desk.run("whatif", who, "--as-of", DAY, "--data", book, "--rejects", desk.rejects, "--assignments", desk.out, *more)


def test_the_command_says_type_cost_and_what_moves(scored, book, late, capsys, paid):
    assert run(scored, book, late, "--pay-arrears", "all") == 0
    said = capsys.readouterr().out
    assert f"{late} as of {DAY}: risk (" in said and "change: pay " in said and " paid\n" in said and "what it moves" in said
    assert f"{paid.tried[0].probabilities[paid.tried[0].type]:.1%}" in said


@pytest.mark.parametrize(("more", "code", "says"), [
    (["--to", "risk"], 48, "it is risk already"), (["--loan", "L999"], 48, "L999 is no active loan"),
    (["--set-limit", "100"], 48, "the book has no table of limits"), (["--pay-arrears", "99,999,999"], 48, "is overdue"),
    (["--to", "stable", "--pay-arrears", "all"], 2, "without changes"),
    (["--pay-on-time", "1", "--loan", "L999"], 48, "no active loan")])
def test_what_cannot_be_asked_is_refused_in_a_line(scored, book, late, capsys, more, code, says):
    assert run(scored, book, late, *more) == code
    assert says in the_line(capsys)


@pytest.mark.parametrize(("option", "value"), [("--pay-arrears", "much"), ("--pay-arrears", "1e999999"),
                                               ("--add-collateral", "-5"), ("--set-limit", "nan"),
                                               ("--extend-tenor", "0"), ("--pay-on-time", "1.5"), ("--add-collateral", "0.001")])
def test_sizes_that_are_none_are_usage_errors(scored, book, late, capsys, option, value):
    with pytest.raises(SystemExit) as stopped:
        run(scored, book, late, option, value)
    assert stopped.value.code == 2 and option in capsys.readouterr().err


def test_a_book_that_changed_since_it_was_scored_is_said_to_have(scored, late, tmp_path):
    tables, _ = with_arrears_paid(late)
    rows = tables["repayments"]
    own = rows["loan_id"] == f"L{late[1:]}"
    paid_on = rows.loc[own, "paid_on"].where(rows.loc[own, "paid_on"] == "", rows.loc[own, "due_on"])
    rows.loc[own, "paid_on"] = paid_on  # it was never late
    answer = ask(scored, write_book(tables, tmp_path / "mended"), late, {PAY_ON_TIME: 1})
    assert answer.now.type != "risk"
    said = "\n".join(lines_of(answer, "en", 3))
    assert "the book has changed since it was scored" in said and "the book is not the delivery that was scored" in said


def test_time_alone_is_told_from_what_is_done(scored, book, late):
    answer = ask(scored, book, late, {PAY_ARREARS: ALL, PAY_ON_TIME: 6})
    (one,) = answer.tried
    assert one.judged_on == "2025-06-30" and one.waited in one.probabilities
    assert f"waiting alone, with nothing paid, gives {one.waited}" in "\n".join(lines_of(answer, "en", 9))
    by_feature = answer.moved.set_index("feature")["is_of_time"]
    paid = [name for name in by_feature.index if "late" in name or "past_due" in name or "paid_on_time" in name]
    assert paid and not by_feature[paid].any()


def test_who_has_no_active_loan_by_then_is_not_called_by_a_type(scored, book):
    answer = ask(scored, book, "C000", {PAY_ARREARS: ALL, PAY_ON_TIME: 60})
    (one,) = answer.tried
    assert not one.is_active and not answer.reaches(one) and answer.nearest is None
    assert "by then it has no active loan, and is not scored" in "\n".join(lines_of(answer, "en", 3))


def test_a_customer_that_the_book_lacks_is_named(scored, late, tmp_path):
    tables = tiny_book()
    loan = f"L{late[1:]}"
    without = {name: rows[(rows.get("customer_id") != late) if "customer_id" in rows else rows["loan_id"] != loan]
               for name, rows in tables.items()}
    with pytest.raises(NotChangeable, match=f"the book has no customer {late}"):
        ask(scored, write_book(without, tmp_path / "less"), late)
