"""What was done and what came of it: recorded once and for all, and read back from the book without a word about the unknown."""

from __future__ import annotations

import json
import multiprocessing
import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from desk import TYPES, Desk, ten_scored, the_line
from reports import BEFORE, DAY
from scipy.stats import beta

from features.days import as_date, as_day
from features.sources import open_tables
from pipeline.explanations import kept_book
from pipeline.followup import FEWEST, WORDS, FollowUp, NothingToFollow, follow_up, share_of
from pipeline.outcomes import COLUMNS, BrokenOutcomes, outcome, recorded

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def desk(tmp_path) -> Desk:
    """A desk with a date on which ten customers were scored."""
    desk = Desk(tmp_path)
    ten_scored(desk.out)
    return desk


def log_of(desk: Desk) -> Path:
    return desk.folder / "outcomes.jsonl"


def say(desk: Desk, who: str = "C000", on: str = "2025-01-15", what: str = "contacted", *more: str) -> int:
    return desk.run("outcome", who, "--on", on, "--what", what, "--detail", "met the owner", "--by", "rm_1", "--assignments",
                    desk.out, *more)


def test_who_when_what_and_of_which_action_are_recorded(desk, capsys):
    assert say(desk, "C003", "2025-02-01", "offer", "--action", "retention_offer") == 0
    assert say(desk, "C003", "2025-02-20", "kept") == 0
    assert "C003 on 2025-02-20: kept, by rm_1" in capsys.readouterr().out
    rows = recorded(log_of(desk))
    assert list(rows.columns) == list(COLUMNS)
    assert rows.drop(columns="recorded_at").values.tolist() == [
        ["C003", "2025-02-01", "offer", "met the owner", "rm_1", "retention_offer"],
        ["C003", "2025-02-20", "kept", "met the owner", "rm_1", ""]]
    assert pd.to_datetime(rows["recorded_at"]).dt.tz is not None


def test_where_nothing_was_recorded_the_frame_is_empty_and_has_its_columns(tmp_path):
    assert list(recorded(tmp_path / "none.jsonl").columns) == list(COLUMNS) and recorded(tmp_path / "none.jsonl").empty


@pytest.mark.parametrize(("who", "on", "more", "says"), [
    ("C999", "2025-01-15", (), "customer C999 was not scored by 2025-01-15"),
    ("C000", "2024-12-30", (), "customer C000 was not scored by 2024-12-30"),
    ("C000", "2199-01-01", (), "2199-01-01 is still to come"),
    ("C000", "2025-01-15", ("--action", "moon_walk"), "no action is called moon_walk")])
def test_what_cannot_have_happened_is_refused_in_one_line(desk, capsys, who, on, more, says):
    assert say(desk, who, on, "contacted", *more) == 73
    assert says in the_line(capsys) and not log_of(desk).exists()


@pytest.mark.parametrize("spoil", [
    lambda lines: [lines[0].replace("rm_1", "rm_2"), *lines[1:]], lambda lines: [lines[0], lines[2]],
    lambda lines: [lines[1], lines[0], lines[2]], lambda lines: lines[1:], lambda lines: [*lines[:2], lines[2][:-9]],
    lambda lines: [*lines, lines[2]], lambda lines: [*lines[:2], "null"], lambda lines: [*lines[:2], "[1]"]],
    ids=["changed", "taken out", "swapped", "first taken out", "torn", "repeated", "null", "a list"])
def test_a_log_that_did_more_than_grow_is_named_and_nothing_is_added(desk, capsys, spoil):
    for who in ("C001", "C002", "C003"):
        assert say(desk, who) == 0
    lines = spoil(log_of(desk).read_text(encoding="utf-8").splitlines())
    log_of(desk).write_text("\n".join(lines) + "\n", encoding="utf-8")
    capsys.readouterr()
    assert say(desk, "C004") == BrokenOutcomes.exit_code == 72
    assert re.search(r"line [123] was changed|line 4 was changed", the_line(capsys))
    assert log_of(desk).read_text(encoding="utf-8").splitlines() == lines


@pytest.mark.parametrize("word", ["two\u2028lines", "a\x85b", "\u2029", "a\x0bb\x1cd", "tab\tquote\"slash\\", "客户\r\n经理"])
def test_whatever_was_typed_is_read_back_and_breaks_no_log(desk, word):
    for who in ("C001", "C002"):
        assert desk.run("outcome", who, "--on", "2025-01-15", "--what", "contacted", "--detail", f"x{word}x", "--by", word + "x",
                        "--assignments", desk.out) == 0
    assert recorded(log_of(desk))["detail"].tolist() == [f"x{word}x"] * 2


@pytest.mark.parametrize(("rest", "says"), [
    (b'{"customer_id": "C0', "its last line, 2, is cut short"), ("清".encode("gbk"), "its last line, 2, is cut short"),
    ("清\n".encode("gbk"), "line 2 was changed")], ids=["torn", "other letters", "a line of other letters"])
def test_a_line_that_was_never_whole_is_named(desk, capsys, rest, says):
    assert say(desk) == 0
    log_of(desk).write_bytes(log_of(desk).read_bytes() + rest)
    capsys.readouterr()
    assert say(desk, "C004") == 72 and says in the_line(capsys)
    assert log_of(desk).read_bytes().endswith(rest)


def test_the_same_is_recorded_once(desk, capsys):
    assert say(desk) == 0
    assert say(desk) == 73 and "the same is recorded already" in the_line(capsys)
    assert say(desk, "C000", "2025-01-15", "contacted", "--action", "service_call") == 0 and len(recorded(log_of(desk))) == 2


def test_letters_in_the_code_of_another_terminal_are_refused(desk, capsys):
    assert desk.run("outcome", "C000", "--on", "2025-01-15", "--what", "contacted", "--detail", "d", "--by", "\udcc0\udcee",
                    "--assignments", desk.out) == 2
    assert "is not UTF-8: set the terminal's encoding" in the_line(capsys) and not log_of(desk).exists()


def _ten(name: str, folder: Path, log: Path) -> None:
    for i in range(10):
        outcome(f"C{i:03d}", "2025-01-15", "contacted", "d", name, "", folder, log)


def test_two_at_once_write_one_whole_log(desk):
    both = [multiprocessing.get_context("spawn").Process(target=_ten, args=(name, desk.out, log_of(desk))) for name in "ab"]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0] and len(recorded(log_of(desk))) == 20
    assert len({json.loads(line)["previous_sha256"] for line in log_of(desk).read_text(encoding="utf-8").splitlines()}) == 20


@pytest.fixture(scope="module")
def types(scored_twice) -> dict[str, str]:
    rows = kept_book(BEFORE, scored_twice).assignments
    return dict(zip(rows["customer_id"], rows["type"]))


@pytest.fixture(scope="module")
def done(types) -> pd.DataFrame:
    """Every other customer was acted on on 2024-03-31; of them some were kept, some lost after having been kept."""
    rows = []
    for place, who in enumerate(types):
        if place % 2 == 0:
            rows.append([who, "2024-03-31", "offer", "d", "b", "retention_offer", "r"])
            rows += [[who, "2024-05-31", "kept", "d", "b", "retention_offer", "r"]] if place % 4 == 0 else []
            rows += [[who, "2024-06-30", "lost", "d", "b", "retention_offer", "r"]] if place % 8 == 0 else []
    rows += [["stranger", "2024-03-31", "offer", "d", "b", "retention_offer", "r"],
             [next(iter(types)), "2025-01-01", "lost", "d", "b", "retention_offer", "r"]]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.fixture(scope="module")
def found(scored_twice, book, done) -> FollowUp:
    with closing(open_tables(book)) as tables:
        return follow_up(BEFORE, DAY, tables, done, 7, scored_twice)


def in_plain_python(book: Path, who: str, since: str) -> tuple[bool, bool, bool, float]:
    """Whether in default at the start, in default since, still a customer; and interest since: one term loan, paid in whole."""
    rows = pd.read_csv(book / "repayments.csv", dtype=str, keep_default_na=False)
    rows, loans = rows[rows["loan_id"] == f"L{who[1:]}"], pd.read_csv(book / "loans.csv").set_index("loan_id")
    was, since_then, interest, cents = False, False, 0.0, round(100 * loans.loc[f"L{who[1:]}", "committed_amount"])
    for row in rows.itertuples():
        paid = row.paid_on if "" < row.paid_on <= DAY else ""
        entered = as_date(as_day(row.due_on) + 91).isoformat()
        if entered <= DAY and not (paid and paid < entered):
            was |= entered <= since and not (paid and paid <= since)
            since_then |= entered > since
        interest += float(row.interest_due) if since < paid else 0.0
        cents -= round(100 * float(row.principal_due)) if paid else 0
    return was, since_then, cents > 0, interest


def test_what_came_of_every_type_is_what_the_book_says(found, types, book):
    of = {who: in_plain_python(book, who, BEFORE) for who in types}
    for kind in TYPES:
        own, came = [of[who] for who, each in types.items() if each == kind], found.by_type[kind]
        assert came.n == len(own) and came.n_at_risk == sum(not was for was, *_ in own)
        assert came.n_defaulted == sum(since for was, since, *_ in own if not was)
        assert came.n_retained == sum(stays for *_, stays, _ in own)
        if own:
            assert came.income.value == pytest.approx(np.mean([interest for *_, interest in own]))
            assert np.isnan(came.income.low) == (len(own) < FEWEST)
    assert sum(came.n_defaulted for came in found.by_type.values()) < sum(came.n for came in found.by_type.values())
    assert any(0 < came.n_retained < came.n for came in found.by_type.values()), "or the test says little of who stays"


def test_what_came_of_an_action_counts_from_its_own_day(found, types, book):
    acted = [who for place, who in enumerate(types) if place % 2 == 0]
    for (kind, action), came in found.by_action.items():
        own = [in_plain_python(book, who, "2024-03-31") for who in acted if types[who] == kind]
        assert action == "retention_offer" and came.n == len(own)
        assert came.income.value == pytest.approx(np.mean([interest for *_, interest in own]))
        assert (came.n_defaulted, came.n_at_risk) == (sum(s for w, s, *_ in own if not w), sum(not w for w, *_ in own))
    ends = pd.DataFrame(found.ends).sum(axis=1)
    n = len(types)
    assert ends["lost"] == len(range(0, n, 8)) and ends["kept"] == len(range(0, n, 4)) - ends["lost"]
    assert ends["waiting"] == len(acted) - ends["kept"] - ends["lost"], "what was recorded after the date does not count"
    assert ends["acted"] == len(acted) and found.n_waiting == ends["waiting"]


def test_a_customer_of_several_actions_waits_once_and_one_of_the_last_day_was_acted_on(scored_twice, book, types):
    who = next(iter(types))
    rows = [[who, on, "contacted", "d", "b", action, "r"] for on, action in (
        ("2024-03-31", "service_call"), ("2024-04-30", "retention_offer"), (DAY, "repayment_reminder"))]
    with closing(open_tables(book)) as tables:
        found = follow_up(BEFORE, DAY, tables, pd.DataFrame(rows, columns=list(COLUMNS)), 7, scored_twice)
    assert found.n_waiting == 1 and "1 of the customers acted on have no outcome recorded" in found.text("en")
    last = found.ends[types[who], "repayment_reminder"]
    assert (last["acted"], last["waiting"], found.by_action[types[who], "repayment_reminder"].n) == (1, 1, 0)
    assert "repayment reminder: 1 customers acted on (" in found.text("en")


def test_what_is_not_known_yet_is_said_in_both_languages(found):
    last = as_date(as_day(DAY) - 90)
    for language, known in (("en", f"what fell due after {last}"), ("zh", f"{last} 之后到期")):
        text, say = found.text(language), WORDS[language]
        assert known in text and say["notes"] in text and say["actions"] in text
        assert say["strangers"].format(n=1, since=BEFORE) in text
        assert (CHINESE.search(text) is None) == (language == "en")


def test_without_a_record_it_is_said_that_there_is_none(scored_twice, book, tmp_path):
    with closing(open_tables(book)) as tables:
        alone = follow_up(BEFORE, DAY, tables, recorded(tmp_path / "none.jsonl"), 7, scored_twice)
    assert not alone.by_action and WORDS["en"]["no_actions"] in alone.text("en")


@pytest.mark.parametrize(("k", "n"), [(0, 3), (1, 3), (3, 3), (5, 200)])
def test_shares_have_the_interval_of_clopper_and_pearson(k, n):
    share = share_of(k, n)
    low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    assert (share.value, share.low, share.high) == (k / n, pytest.approx(low), pytest.approx(high))
    assert np.isnan(share_of(0, 0).value)


def test_nothing_can_have_come_of_a_date_that_is_not_earlier(scored_twice, book):
    with closing(open_tables(book)) as tables, pytest.raises(NothingToFollow):
        follow_up(DAY, DAY, tables, pd.DataFrame(columns=list(COLUMNS), dtype="str"), 7, scored_twice)


def test_both_languages_say_the_same(found):
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, said in WORDS["en"].items():
        assert sorted(re.findall(r"{\w+", said)) == sorted(re.findall(r"{\w+", WORDS["zh"][key])), key


def test_the_command_prints_what_came_of_it(scored_twice, trained, book, tmp_path, capsys):
    desk = Desk(tmp_path)
    assert desk.run("outcomes", "--since", BEFORE, "--as-of", DAY, "--data", book, "--rejects", tmp_path / "r", "--assignments",
                    scored_twice) == 0
    said = capsys.readouterr().out
    assert f"customers scored on {BEFORE}, as known on {DAY}" in said and all(f"\n  {kind}: " in said for kind in TYPES)
