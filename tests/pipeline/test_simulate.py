"""The synthetic book keeps its contract, its sums and its secrets."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from features.errors import OutputExists
from features.sources import open_tables
from models.types import load_types
from pipeline.simulate import simulate
from pipeline.simulate.place import put

TYPES = {t.name for t in load_types()}
KEYS = {
    "customers": ["customer_id"],
    "loans": ["loan_id"],
    "repayments": ["loan_id", "instalment", "payment"],
    "drawdowns": ["loan_id", "drawdown"],
    "limits": ["loan_id", "changed_on"],
    "labels": ["customer_id", "as_of", "analyst"],
}
LAST_DAY = "2025-06-17"  # in the middle of a month, where a cut is easiest to get wrong


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """Every table of a folder as text."""
    return {p.stem: pd.read_csv(p, dtype=str, keep_default_na=False) for p in sorted(folder.glob("*.csv"))}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, byte by byte."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def cents(amount: str) -> int:
    """Whole cents of an amount; nothing for an empty one."""
    whole = Decimal(amount or 0) * 100
    assert whole == whole.to_integral_value(), amount
    return int(whole)


def balance_moves(book: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per payout and payment: loan_id, day, cents by which the balance moves."""
    moves = [(d.loan_id, d.drawn_on, cents(d.amount)) for d in book["drawdowns"].itertuples()]
    so_far: dict[tuple[str, str], int] = defaultdict(int)
    for part in book["repayments"].query("paid_on != ''").itertuples():  # in the order of instalment, payment
        interest, before = cents(part.interest_due), so_far[part.loan_id, part.instalment]
        paid = so_far[part.loan_id, part.instalment] = before + cents(part.amount_paid)
        moves.append((part.loan_id, part.paid_on, max(before - interest, 0) - max(paid - interest, 0)))
    return pd.DataFrame(moves, columns=["loan_id", "day", "cents"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of 300 customers, 42 months, that ends in the middle of a month."""
    out = tmp_path_factory.mktemp("simulated") / "book"
    simulate(300, 42, seed=11, out=out, last_day=date.fromisoformat(LAST_DAY))
    return out


@pytest.fixture(scope="module")
def book(place: Path) -> dict[str, pd.DataFrame]:
    """The tables of that book."""
    return read(place)


@pytest.fixture(scope="module")
def moves(book: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What moved the balances of that book."""
    return balance_moves(book)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        simulate(20, 24, seed=seed, out=tmp_path / name)
    for suffix in ("", "_truth"):
        one, again, other = (contents(tmp_path / (name + suffix)) for name in ("one", "again", "other"))
        assert one == again
        assert all(one[name] != other[name] for name in one)


def test_a_customers_history_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    simulate(5, 24, seed=3, out=tmp_path / "few")
    simulate(9, 24, seed=3, out=tmp_path / "more")
    for table in KEYS:
        few = (tmp_path / "few" / f"{table}.csv").read_text(encoding="utf-8")
        assert (tmp_path / "more" / f"{table}.csv").read_text(encoding="utf-8").startswith(few)


def test_the_book_passes_its_own_contract_without_a_rejected_row(place: Path) -> None:
    tables = open_tables(place)
    accounts = tables.accounts
    tables.close()
    assert {a.table for a in accounts} == set(KEYS)
    assert all(a.n_rejected == 0 and a.n_read > 0 for a in accounts)


def test_keys_are_unique_and_point_at_each_other(book: dict[str, pd.DataFrame]) -> None:
    for table, key in KEYS.items():
        assert not book[table].duplicated(key).any(), table
    assert set(book["loans"].customer_id) == set(book["customers"].customer_id)
    for table in ("repayments", "drawdowns", "limits"):
        assert set(book[table].loan_id) <= set(book["loans"].loan_id), table
    assert set(book["labels"].customer_id) <= set(book["customers"].customer_id)


def test_no_balance_is_ever_below_zero(moves: pd.DataFrame) -> None:
    # On one day payouts count first: the tables do not order facts within a day.
    moves = moves.sort_values(["loan_id", "day", "cents"], ascending=[True, True, False])
    assert (moves.groupby("loan_id").cents.cumsum() >= 0).all()


def test_a_closed_loan_is_repaid_to_the_cent(book: dict[str, pd.DataFrame], moves: pd.DataFrame) -> None:
    left = moves.groupby("loan_id").cents.sum()
    loans = book["loans"]
    closed = loans[(loans.closed_on != "") & (loans["product"] != "guarantee")].loan_id
    assert len(closed) > 100
    assert (left.reindex(closed).fillna(0) == 0).all()


def test_what_is_still_scheduled_is_what_is_still_owed(
    book: dict[str, pd.DataFrame], moves: pd.DataFrame
) -> None:
    loans, rows = book["loans"], book["repayments"]
    terms = loans[(loans["product"] == "term") & (loans.signed_on < "2025-06-01")].loan_id
    rows = rows[rows.loan_id.isin(terms)].copy()
    for column in ("principal_due", "interest_due", "amount_paid"):
        rows[column] = rows[column].map(cents)
    one = rows.groupby(["loan_id", "instalment"]).agg(
        principal=("principal_due", "first"),
        interest=("interest_due", "first"),
        paid=("amount_paid", "sum"),
        void=("superseded_on", "first"),
    )
    one = one[one.void == ""]
    owed = (one.principal - (one.paid - one.interest).clip(lower=0)).clip(lower=0).groupby("loan_id").sum()
    left = moves.groupby("loan_id").cents.sum()
    assert (owed == left.reindex(owed.index)).all()


def test_nothing_is_paid_beyond_what_was_due(book: dict[str, pd.DataFrame]) -> None:
    rows = (
        book["repayments"]
        .query("paid_on != '' and (principal_due != '0.00' or interest_due != '0.00')")
        .copy()
    )
    rows["paid"] = rows.amount_paid.map(cents)
    rows["due"] = rows.principal_due.map(cents) + rows.interest_due.map(cents)
    one = rows.groupby(["loan_id", "instalment"]).agg(paid=("paid", "sum"), due=("due", "first"))
    assert (one.paid <= one.due).all() and (one.paid < one.due).any()


def test_nothing_happened_or_was_booked_after_the_last_day_but_dues_may_lie_ahead(
    book: dict[str, pd.DataFrame],
) -> None:
    facts = {
        "loans": ["signed_on", "closed_on"],
        "drawdowns": ["drawn_on"],
        "limits": ["changed_on"],
        "repayments": ["paid_on", "scheduled_on", "superseded_on", "recorded_on"],
        "labels": ["as_of", "labelled_on"],
        "customers": ["founded_on", "onboarded_on"],
    }
    for table, columns in facts.items():
        for column in columns:
            assert book[table][column].max() <= LAST_DAY, (table, column)
    ahead = book["repayments"][book["repayments"].due_on > LAST_DAY]
    assert len(ahead) and (ahead.paid_on == "").all()


def test_some_payments_are_booked_late(book: dict[str, pd.DataFrame]) -> None:
    late = book["repayments"][book["repayments"].recorded_on != ""]
    assert (late.recorded_on > late.paid_on).all() and 0.005 < len(late) / len(book["repayments"]) < 0.1


def test_labels_keep_their_contract_and_every_type_is_present(book: dict[str, pd.DataFrame]) -> None:
    labels = book["labels"]
    assert set(labels.type) == TYPES and labels.analyst.nunique() == 4
    delay = (pd.to_datetime(labels.labelled_on) - pd.to_datetime(labels.as_of)).dt.days
    assert delay.between(5, 60).all()
    assert pd.to_datetime(labels.as_of).dt.is_quarter_end.all()
    assert labels.duplicated(["customer_id", "as_of"]).any()  # some have two opinions


def test_every_kind_of_event_is_in_the_book(book: dict[str, pd.DataFrame]) -> None:
    assert set(book["loans"]["product"]) == {"term", "revolver", "project", "guarantee"}
    assert {"forbearance", "prepayment"} <= set(book["repayments"].superseded_by)
    assert set(book["limits"].cause) == {"bank", "customer"}
    assert {"state", "foreign", "private"} <= set(book["customers"].ownership)
    assert book["customers"].query("group_id != ''").group_id.duplicated().any()  # connected customers


def test_the_truth_stays_outside_the_book(place: Path, book: dict[str, pd.DataFrame]) -> None:
    assert {p.name for p in place.iterdir()} == {f"{name}.csv" for name in KEYS}
    columns = {column for table in book.values() for column in table.columns}
    assert not columns & {"state", "true_type", "is_wrong", "segment"}
    truth = place.with_name("book_truth")
    assert {p.name for p in truth.iterdir()} == {
        "states.csv",
        "labels_truth.csv",
        "posterior.csv",
        "best.json",
    }


def test_the_truth_tells_which_labels_are_wrong(place: Path, book: dict[str, pd.DataFrame]) -> None:
    truth = read(place.with_name("book_truth"))
    told, spells = truth["labels_truth"], truth["states"]
    same = ["customer_id", "as_of", "analyst", "type"]
    assert told[same].equals(book["labels"][same])
    assert ((told.type != told.true_type) == (told.is_wrong == "true")).all()
    assert 0.04 < (told.is_wrong == "true").mean() < 0.18
    at = told.merge(spells, on="customer_id").query("onset <= as_of").sort_values("onset")
    assert (at.groupby(["customer_id", "as_of", "analyst"]).tail(1).eval("state == true_type")).all()


def test_the_best_accuracy_is_honest_and_leaves_room(place: Path) -> None:
    best = json.loads((place.with_name("book_truth") / "best.json").read_text(encoding="utf-8"))
    assert 0.8 < best["best_accuracy"] < 0.95
    assert best["best_accuracy_against_labels"] < best["best_accuracy"]
    told = read(place.with_name("book_truth"))
    beliefs = told["posterior"].set_index(["customer_id", "as_of"])[sorted(TYPES)].astype(float)
    last = told["labels_truth"].query("as_of == @best['last_date']")
    given = beliefs.loc[list(last[["customer_id", "as_of"]].itertuples(index=False, name=None))].idxmax(axis=1)
    assert best["last_date"] == told["labels_truth"].as_of.max() and best["n_last_date"] == len(last)
    assert best["best_accuracy_against_labels_last_date"] == round((given.to_numpy() == last.type).mean(), 4)
    # The filter is calibrated if it is as often right as it says: 3 standard errors of about 600 labels.
    assert abs(best["best_accuracy"] - best["expected_best_accuracy"]) < 3 * 0.5 / best["n"] ** 0.5


def test_an_earlier_book_is_only_replaced_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "book"
    simulate(2, 24, seed=1, out=out)
    before = contents(out)
    with pytest.raises(OutputExists):
        simulate(2, 24, seed=2, out=out)
    assert contents(out) == before
    simulate(2, 24, seed=2, out=out, replace=True)
    assert contents(out) != before
    assert {p.name for p in tmp_path.iterdir()} == {"book", "book_truth"}


def thesis(book: Path, truth: Path) -> None:
    (book / "thesis.txt").write_text("ten years of work", encoding="utf-8")


def a_nested_folder(book: Path, truth: Path) -> None:
    (book / "loans.csv").unlink()
    (book / "loans.csv").mkdir()
    (book / "loans.csv" / "thesis.txt").write_text("ten years of work", encoding="utf-8")


def no_truth(book: Path, truth: Path) -> None:
    shutil.rmtree(truth)  # as it is with a bank's own book


def a_file(book: Path, truth: Path) -> None:
    shutil.rmtree(book)
    book.write_text("ten years of work", encoding="utf-8")


def notes_beside_the_truth(book: Path, truth: Path) -> None:
    (truth / "notes.txt").write_text("ten years of work", encoding="utf-8")


def a_file_for_the_truth(book: Path, truth: Path) -> None:
    shutil.rmtree(truth)
    shutil.rmtree(book)
    truth.write_text("ten years of work", encoding="utf-8")


@pytest.mark.parametrize("spoil", [thesis, a_nested_folder, no_truth, a_file, notes_beside_the_truth, a_file_for_the_truth])
def test_nothing_but_an_earlier_synthetic_book_is_ever_replaced(tmp_path: Path, spoil) -> None:
    simulate(2, 24, seed=1, out=tmp_path / "book")
    spoil(tmp_path / "book", tmp_path / "book_truth")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for replace in (False, True):
        with pytest.raises(OutputExists):
            simulate(2, 24, seed=2, out=tmp_path / "book", replace=replace)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_laid_into_the_folder_while_the_book_is_written_stays(tmp_path: Path) -> None:
    book = tmp_path / "book"
    simulate(2, 24, seed=1, out=book)
    with pytest.raises(OutputExists, match=r"thesis\.txt"):
        simulate(2, 24, seed=2, out=book, replace=True, progress=lambda done, total: thesis(book, book))
    assert (book / "thesis.txt").is_file()


def test_an_earlier_book_comes_back_if_the_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    simulate(2, 24, seed=1, out=tmp_path / "book")
    before = contents(tmp_path / "book")
    with pytest.raises(FileNotFoundError):
        put(tmp_path / "never_written", tmp_path / "book", tmp_path / "old")
    assert contents(tmp_path / "book") == before


def test_a_writer_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt(f"{done} of {total}")

    with pytest.raises(KeyboardInterrupt):
        simulate(3, 24, seed=1, out=tmp_path / "book", progress=stop)
    assert not list(tmp_path.iterdir())


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate(60, 24, seed=1, out=tmp_path / "book", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(50, 60), (60, 60)]


def test_a_book_too_short_to_be_labelled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="24 to 600 months"):
        simulate(10, 12, seed=1, out=tmp_path / "book")
