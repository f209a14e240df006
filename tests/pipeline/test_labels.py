"""Which labels of a book can be learnt from, and what `pentad labels` says of them."""

from __future__ import annotations

import pandas as pd
import pytest
from desk import the_line, tiny_book, write_book


def with_labels(folder, *rows) -> object:
    """The tiny book with more labels: customer, as of, type, analyst, labelled on."""
    tables = tiny_book()
    more = pd.DataFrame(rows, columns=["customer_id", "as_of", "type", "analyst", "labelled_on"])
    tables["labels"] = pd.concat([tables["labels"], more], ignore_index=True)
    return write_book(tables, folder / "book")


def labels(desk, book, *more) -> int:
    return desk.run("labels", "--data", book, "--rejects", desk.rejects, "--out", desk.folder / "labels", *more)


@pytest.mark.parametrize("job", ["labels", "train"])
def test_a_label_on_a_date_without_a_loan_is_refused_counted_and_named(job, desk, tmp_path, capsys):
    # C000 signed in 2022, C003, of type growth, in 2024
    book = with_labels(
        tmp_path, ("C000", "2019-01-01", "risk", "a1", "2025-01-31"),
        ("C003", "2023-06-30", "risk", "a1", "2025-01-31"))
    assert (labels(desk, book) if job == "labels" else desk.train(book)) == 0
    said = capsys.readouterr().out.splitlines()
    assert "labels: 122 in = 120 used + 2 refused" in said
    assert ("  refused: 2 of dates on which the borrower had no loan yet; C000 as of 2019-01-01, "
            "C003 as of 2023-06-30") in said


def test_the_day_of_the_first_loan_is_the_first_that_can_be_labelled(desk, tmp_path, capsys):
    signed = pd.Timestamp(tiny_book()["loans"].set_index("customer_id")["signed_on"]["C003"])
    days = [str((signed + pd.Timedelta(days=d)).date()) for d in (-1, 0)]
    book = with_labels(tmp_path, *(("C003", day, "growth", "a1", "2025-01-31") for day in days))
    assert labels(desk, book) == 0
    assert f"  refused: 1 of dates on which the borrower had no loan yet; C003 as of {days[0]}" in capsys.readouterr().out


def test_a_loan_that_the_bank_booked_later_was_not_there_to_be_judged(desk, tmp_path, capsys):
    tables = tiny_book()
    tables["loans"]["recorded_on"] = tables["loans"]["signed_on"].where(tables["loans"]["customer_id"] != "C000", "2024-08-01")
    assert labels(desk, write_book(tables, tmp_path / "book")) == 0
    assert "  refused: 1 of dates on which the borrower had no loan yet; C000 as of 2024-06-30" in capsys.readouterr().out


def test_a_label_from_after_the_end_of_the_book_is_refused(desk, tmp_path, capsys):
    book = with_labels(
        tmp_path, ("C000", "2026-06-30", "risk", "a1", "2026-07-31"),
        ("C001", "2025-08-31", "churn", "a1", "2025-09-30"))
    assert labels(desk, book) == 0
    said = capsys.readouterr().out
    assert "labels: 122 in = 121 used + 1 refused" in said
    assert "  refused: 1 of dates more than 92 days after 2025-06-" in said and "C000 as of 2026-06-30" in said


def test_labels_of_strangers_and_those_given_before_their_date_are_rejected_at_opening(desk, tmp_path, capsys):
    book = with_labels(
        tmp_path, ("X999", "2024-06-30", "risk", "a1", "2025-01-31"),
        ("C000", "2024-12-31", "risk", "a2", "2024-12-30"))
    assert labels(desk, book) == 0
    said = capsys.readouterr().out
    assert "labels: 122 read = 120 kept + 2 rejected" in said
    assert set(pd.read_csv(desk.rejects / "labels.csv")["customer_id"]) == {"X999", "C000"}


def test_labels_that_are_all_refused_are_no_labels(desk, spoiled, capsys):
    refused = tiny_book()["labels"].drop_duplicates("customer_id").assign(as_of="2019-01-01")
    refused.to_csv(spoiled / "labels.csv", index=False)
    assert desk.train(spoiled) == 51
    line = the_line(capsys)
    assert "every label is refused, the first of dates on which the borrower had no loan yet" in line
    assert "--as-of" not in line


def test_labels_given_later_than_until_are_counted_and_left_alone(desk, tmp_path, capsys):
    book = with_labels(tmp_path, ("C000", "2024-12-31", "churn", "a2", "2025-02-15"))
    assert labels(desk, book, "--until", "2025-01-31") == 0
    assert "labels: 121 delivered = 120 given by 2025-01-31 + 1 later" in capsys.readouterr().out


def test_the_desk_shows_agreement_analysts_ceiling_and_disagreements_and_writes_them(desk, tmp_path, capsys):
    tables = tiny_book()
    second = tables["labels"].assign(analyst="a2")
    second.loc[:5, "type"] = "stable"  # C000 to C002 on both dates; none of them is
    tables["labels"] = pd.concat([tables["labels"], second], ignore_index=True)
    assert labels(desk, write_book(tables, tmp_path / "book"), "--top", "2") == 0
    said = capsys.readouterr().out
    assert "several labelled 120 of them and disagree on 6" in said
    assert "everybody (alpha)" in said and "a1 and a2 (kappa)" in said
    assert "disagreements, 2 of 6" in said and "C000" in said
    folder = desk.folder / "labels"
    assert len(pd.read_csv(folder / "disagreements.csv")) == 6
    ceiling = pd.read_csv(folder / "ceiling.csv", index_col=0)
    assert ceiling.loc["everybody", "accuracy"] == pytest.approx(114 / 120)
    assert len(pd.read_csv(folder / "consensus.csv")) == 120
    assert set(pd.read_csv(folder / "agreement.csv")["between"]) == {"everybody", "a1 and a2"}
    assert set(pd.read_csv(folder / "analysts.csv")["analyst"]) == {"a1", "a2"}


def test_where_nobody_was_asked_twice_the_desk_says_so(desk, book, capsys):
    assert labels(desk, book) == 0
    assert "nobody was labelled by two analysts: agreement and ceiling cannot be known" in capsys.readouterr().out


def test_with_a_date_the_desk_proposes_whom_to_label_next_and_shows_suspects_and_precedence(desk, book, capsys):
    assert labels(desk, book, "--next", "8", "--as-of", "2025-06-30", "--top", "3") == 0
    said = capsys.readouterr().out
    assert "suspect labels: " in said and "label next, 3 of 8:" in said and "  risk before churn: " in said
    folder = desk.folder / "labels"
    queue = pd.read_csv(folder / "next.csv")
    assert len(queue) == 8 and set(queue["as_of"]) == {"2025-06-30"} and queue["customer_id"].is_unique
    assert len(pd.read_csv(folder / "suspects.csv")) == 120 and len(pd.read_csv(folder / "cases.csv")) == 3
    assert len(pd.read_csv(folder / "precedence.csv")) == 6


def test_whom_to_label_next_leaves_out_who_has_a_label_of_the_date(desk, book):
    assert labels(desk, book, "--next", "99", "--as-of", "2024-12-31") == 0
    assert pd.read_csv(desk.folder / "labels" / "next.csv").empty


def test_next_needs_a_date_and_a_date_needs_next(desk, book, capsys):
    assert labels(desk, book, "--next", "5") == 2 and labels(desk, book, "--as-of", "2024-12-31") == 2
    assert "--next N and --as-of DATE go together" in capsys.readouterr().err


def test_too_few_labels_for_a_model_still_show_the_analysts(desk, tmp_path, capsys):
    tables = tiny_book()
    tables["labels"] = tables["labels"][tables["labels"]["type"] != "risk"]
    assert labels(desk, write_book(tables, tmp_path / "book")) == 0
    said = capsys.readouterr().out
    assert "suspects and whom to label next: not looked for, type risk has labels for 0 customers or groups" in said
    assert "risk before churn: too few" in said and not (desk.folder / "labels" / "suspects.csv").exists()


def test_an_analyst_may_be_called_as_a_column_is_and_labels_may_all_be_of_one_type(desk, tmp_path, capsys):
    tables = tiny_book()
    tables["labels"]["type"] = "stable"
    second = tables["labels"].assign(analyst="as_of")
    tables["labels"] = pd.concat([tables["labels"], second], ignore_index=True)
    tables["labels"].loc[0, "type"] = "risk"
    assert labels(desk, write_book(tables, tmp_path / "book")) == 0
    said = capsys.readouterr().out
    assert "nan" not in said and "strategic -" in said
    odd = pd.read_csv(desk.folder / "labels" / "disagreements.csv")
    assert odd[["a1 said", "as_of said"]].to_numpy().tolist() == [["risk", "stable"]]
    tables["labels"].loc[0, "type"] = "stable"
    assert labels(desk, write_book(tables, tmp_path / "same")) == 0
    said = capsys.readouterr().out
    assert "nan" not in said and "everybody: all 120 labels are of one type" in said
