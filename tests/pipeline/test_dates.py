"""Dates that do not fit the book: facts that end before them, labels that begin before it."""

from __future__ import annotations

import pandas as pd
import pytest
from desk import Desk, the_line, tiny_book, write_book

from features.errors import EmptyTable


def hindsight(desk: Desk, book, as_of: str, until: str) -> int:
    return desk.train(book, "--labels", "hindsight", "--as-of", as_of, "--until", until)


def test_one_payment_dated_far_ahead_does_not_hide_that_a_book_is_old(trained, spoiled, capsys):
    with (spoiled / "repayments.csv").open("a", encoding="utf-8") as file:
        file.write("L000,90,1,2025-01-01,5.00,1.00,2199-06-30,6.00\n")
    assert trained.score(spoiled, "--model", "1", as_of="2026-06-30") == 55
    assert "the last fact is of 2025-06" in the_line(capsys)


def test_facts_booked_after_the_date_do_not_make_an_old_book_new(trained, tmp_path, capsys):
    tables = tiny_book()
    paid = tables["repayments"]["paid_on"]
    late = (paid > "2024-06-30") & (paid != "")
    tables["repayments"]["recorded_on"] = paid.where(~late, "2025-12-31")  # as a statement of that day would show them
    book = write_book(tables, tmp_path / "statements")
    assert trained.score(book, "--model", "1", as_of="2024-12-15") == 55
    assert "--as-of: the last fact is of 2024-06-29, 169 days before 2024-12-15" in the_line(capsys)
    assert trained.score(book, "--model", "1", as_of="2024-07-31") == 0


def test_hindsight_is_not_read_from_a_book_that_ends_long_before(desk, book, capsys):
    assert hindsight(desk, book, "2024-06-30", "2026-06-30") == 55
    assert "BookTooOld: --until: the last fact is of 2025-06" in the_line(capsys)
    assert hindsight(desk, book, "2026-06-30", "2027-06-30") == 55
    assert "BookTooOld: --as-of: the last fact is of 2025-06" in the_line(capsys)
    assert desk.score(book, "--model", "challenger") == 52, "nothing may have been registered"


def test_an_as_of_that_nothing_would_look_at_is_a_usage_error(book, desk, capsys):
    assert desk.train(book, "--as-of", "2024-06-30") == 2
    assert "--as-of goes with --labels hindsight" in capsys.readouterr().err


@pytest.mark.parametrize("job", ["score", "train", "hindsight"])
def test_a_book_without_a_loan_asks_for_loans_not_for_a_date(job, trained, tmp_path, capsys):
    tables = tiny_book()
    tables |= {name: pd.DataFrame(columns=tables[name].columns) for name in ("loans", "repayments")}
    book = write_book(tables, tmp_path / "empty")
    run = {"score": lambda: trained.score(book, "--model", "1"), "train": lambda: trained.train(book),
           "hindsight": lambda: hindsight(trained, book, "2024-06-30", "2024-12-31")}[job]
    assert run() == EmptyTable.exit_code
    line = the_line(capsys)
    assert "loans has no row" in line
    assert "Deliver the rows of loans" in line
    assert "date" not in line
