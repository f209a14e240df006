"""What a feature must say of itself, or the build fails; and that the engine keeps to the record that it says it takes."""

from __future__ import annotations

import re

import narwhals as nw
import pytest
from books import opened
from generated import DATES, OWN_DAY, Rows, drawn_books, shift, side_by_side

from features import catalogue
from features.catalogue import FEATURES, feature
from features.contracts import CONTRACTS
from features.frame import book_frame

WHOLE = {"dimension": "value", "unit": "count", "zh": "贷款笔数", "window": "on the date", "missing": "never missing",
         "reads": "loans.signed_on", "high": ("more than most", "多于多数"), "low": ("fewer than most", "少于多数"),
         "history_months": 0}
WRONG = [{"dimension": "luck"}, {"unit": "miles"}, {"window": "a while"}, {"zh": ""}, {"missing": ""}, {"reads": ""},
         {"reads": "loans.colour"}, {"reads": "loans"}, {"needs": "loans"}, {"needs": "weather"}, {"high": ("", "多于多数")},
         {"high": ("more than most", "")}, {"low": ("", "少于多数")}, {"low": ("fewer than most", "")}, {"history_months": -1}]
#: Days of a record of so many months, at most: an instalment due 91 days ago, a line read 11 months of the grid ago.
DAYS = {3: 91, 11: 334, 12: 365, 24: 730}


@pytest.fixture
def register(monkeypatch) -> dict:
    """A register of its own, so that the real one keeps out what is tried here."""
    monkeypatch.setattr(catalogue, "FEATURES", {})
    return catalogue.FEATURES


def n_loans(of):
    """Number of loans."""
    return of.loans.count(nw.lit(True))


def test_a_feature_with_every_field_is_registered(register):
    feature(**WHOLE)(n_loans)
    assert register["n_loans"].meaning_en == "Number of loans."
    with pytest.raises(ValueError, match="n_loans"):
        feature(**WHOLE)(n_loans)


@pytest.mark.parametrize("field", WHOLE)
def test_a_feature_that_lacks_a_field_fails(register, field):
    with pytest.raises(TypeError, match=field):
        feature(**{name: value for name, value in WHOLE.items() if name != field})
    assert not register


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_feature_with_an_empty_or_unknown_field_fails(register, wrong):
    with pytest.raises(ValueError, match="n_loans"):
        feature(**WHOLE | wrong)(n_loans)
    assert not register


def test_a_feature_without_a_meaning_fails(register):
    def n_loans(of):
        return of.loans.count(nw.lit(True))

    with pytest.raises(ValueError, match="n_loans"):
        feature(**WHOLE)(n_loans)


def test_what_the_bank_decided_is_marked_as_its_judgement():
    assert {name for name, one in FEATURES.items() if one.is_judgemental} == {
        "raroc_rate", "rating_grade", "rating_notches_3m", "rating_notches_12m", "impairment_stage", "is_watchlisted",
        "n_forborne_24m", "months_since_forbearance", "n_limits_cut_24m"}


def test_the_chinese_names_the_days_and_the_group_that_the_english_names():
    days = {"30": "三十天", "90": "九十天"}
    for name, one in FEATURES.items():
        for number in re.findall(r"(?:over|more than) (\d+) days", one.meaning_en):
            assert days[number] in one.meaning_zh, name
        if "customers.group_id" in one.reads:
            assert one.meaning_zh.startswith("本户及所属集团"), name


def young(as_of: str, book: Rows, days: int) -> Rows:
    """The book without what is as many days old or older: loans with all their rows, ratings, contacts, financial years."""
    first_day = {**OWN_DAY, "financials": "period_ends_on"}
    kept = {name: [row for row in rows if row.get(first_day.get(name), as_of) > shift(as_of, -days)]
            for name, rows in book.items()}
    signed = {loan["loan_id"] for loan in kept["loans"]}
    return {name: [row for row in rows if row["loan_id"] in signed]
            if any(column.name == "loan_id" for column in CONTRACTS[name].columns) else rows for name, rows in kept.items()}


def known_of_somebody(book: Rows, as_of: str) -> set[str]:
    with opened(book) as tables:
        frame = book_frame(tables, as_of)
    return {name for name in FEATURES if frame[name].notna().any()}


@pytest.mark.parametrize("months", sorted({one.history_months for one in FEATURES.values()} - {0}))
def test_a_feature_that_takes_months_of_record_is_missing_with_less_and_the_others_are_not(months):
    as_of = DATES[2]
    books = [young(as_of, book, DAYS[months]) for book in drawn_books(as_of)]
    known = known_of_somebody(side_by_side({str(n): book for n, book in enumerate(books) if book["loans"]}), as_of)
    silent = {name for name, one in FEATURES.items() if name not in known and "links" not in one.needs}  # links: of others
    assert silent == {name for name, one in FEATURES.items() if one.history_months >= months}


#: How a window is named in words; statements and other lenders' reports name their year themselves.
IN_WORDS = {"1 month": ("month", "一个月"), "3 months": ("three months", "三个月"), "6 months": ("six months", "六个月"),
            "12 months": ("year|three months", "一年|三个月"), "24 months": ("two years", "近两年")}


@pytest.mark.parametrize("name", FEATURES)
def test_words_that_compare_name_most_so_that_a_size_can_take_its_place_and_words_of_a_sign_do_not(name):
    words = FEATURES[name].words
    compared = [] if words.is_by_sign else [(words.high_en, words.high_zh), (words.low_en, words.low_zh)]
    alone = [(words.zero_en, words.zero_zh)] + ([(words.high_en, words.high_zh), (words.low_en, words.low_zh)]
                                                if words.is_by_sign else [])
    for english, chinese in compared:
        assert re.search(r" than most$", english) and english.count("most") == 1 and chinese.count("多数客户") == 1
    for english, chinese in alone:
        assert "most" not in english and "多数" not in chinese and bool(english) == bool(chinese)


@pytest.mark.parametrize("name", [name for name, f in FEATURES.items()
                                  if f.window in IN_WORDS and not {"financials", "external_debt"} & set(f.needs)])
def test_words_of_a_window_name_it_in_both_languages(name):
    words, (english, chinese) = FEATURES[name].words, IN_WORDS[FEATURES[name].window]
    for said in filter(None, (words.high_en, words.low_en, words.zero_en)):
        assert re.search(english, said), said
    for said in filter(None, (words.high_zh, words.low_zh, words.zero_zh)):
        assert re.search(chinese, said), said


@pytest.mark.parametrize("name", FEATURES)
def test_a_yes_or_no_has_words_for_both_answers(name):
    words = FEATURES[name].words
    assert FEATURES[name].unit != "flag" or (words.is_by_sign and words.zero_en == words.low_en and words.zero_zh == words.low_zh)
