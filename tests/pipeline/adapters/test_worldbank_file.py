"""Statements as other programs and other years save them, and how far an import is."""

from __future__ import annotations

import csv
import io

import pytest

from features.errors import UnreadableFile
from pipeline.adapters import worldbank
from pipeline.adapters.worldbank import import_worldbank, read_in_order


def as_saved(text: str, **how) -> str:
    """Return a statement written anew by a CSV writer set up otherwise."""
    out = io.StringIO()
    csv.writer(out, **how).writerows(csv.reader(io.StringIO(text)))
    return out.getvalue()


@pytest.fixture
def plain(statement_text):
    return statement_text("2019-05-31", {}, {"Loan Number": "IBRD20000", "Original Principal Amount": "1,000"})


@pytest.fixture
def only_statement(save_text):
    """Return a function that reads the one statement of a text."""

    def read(text: str, encoding: str = "utf-8"):
        (statement,) = read_in_order([save_text("a.csv", text, encoding)])
        return statement

    return read


@pytest.mark.parametrize("separator, name", [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_other_separators_are_read_and_said(separator, name, plain, only_statement):
    statement = only_statement(as_saved(plain, delimiter=separator))
    assert statement.rows == only_statement(plain).rows
    assert statement.notes == (f"fields separated by {name}, not commas",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_quoted_headers_line_ends_and_byte_order_marks_do_not_matter(encoding, end, plain, only_statement):
    saved = as_saved(plain, quoting=csv.QUOTE_ALL, lineterminator=end)
    statement = only_statement(saved, encoding)
    assert statement.rows == only_statement(plain).rows and not statement.notes and not statement.left_out


def test_titles_with_blanks_around_them_and_columns_of_other_years_do_not_matter(plain, only_statement):
    header, *rows = csv.reader(io.StringIO(plain))
    renamed = {"Country": "Country/Economy", "Disbursed Amount": "Disbursed  Amount (US$)"}
    renamed |= {"Loan Number": "\N{NO-BREAK SPACE}Loan Number "}
    more = ["Sold 3rd Party", "Loans Held", "Effective Date (Most Recent)", "Closed Date (Most Recent)", "Remarks", ""]
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow([*(f" {renamed.get(title, title)} " for title in header), *more])
    lines.writerows([*row, "-87672000", "-1", "1947-06-09", "2033-12-31", "see below", ""] for row in rows)
    assert only_statement(out.getvalue()).rows == only_statement(plain).rows


def test_empty_fields_too_many_at_the_end_of_rows_do_not_matter(plain, only_statement):
    header, *rows = plain.splitlines()
    statement = only_statement("\n".join([header, *(f"{row},, " for row in rows)]) + "\n")
    assert statement.rows == only_statement(plain).rows


def test_unbreakable_blanks_in_names_and_numbers_are_plain_blanks(statement_text, only_statement):
    odd = {"Borrower": "ESKOM\N{NO-BREAK SPACE}HOLDINGS LIMITED\N{NO-BREAK SPACE}", "Country": "South\N{NO-BREAK SPACE}Africa"}
    odd |= {"Original Principal Amount": "1\N{NO-BREAK SPACE}000", "Loan Number": "\N{NO-BREAK SPACE}IBRD10000"}
    assert only_statement(statement_text("2019-05-31", odd)).rows == only_statement(statement_text("2019-05-31", {})).rows


def test_a_line_of_totals_at_the_end_is_left_out_and_counted(plain, only_statement):
    n_empty = plain.splitlines()[0].count(",") - 12
    statement = only_statement(plain + f"Total,,,,,,,,,,,,2000{',' * n_empty}\n")
    assert [(reason, left.examples) for reason, left in statement.left_out.items()] == [
        ("no readable End of Period", ["line 4: 'Total'"])
    ]
    assert len(statement.rows) == 2


def test_a_statement_of_ida_with_credits_held_is_read(statement_text, only_statement):
    renamed = {"Loan Number": "Credit Number", "Loan Status": "Credit Status", "Interest Rate": "Service Charge Rate"}
    renamed |= {"Repaid to IBRD": "Repaid to IDA", "Guarantor": "Credits Held", "Loan Type": "Currency of Commitment"}
    text = statement_text("2019-05-31", {"Loan Number": "IDA00010", "Loan Type": "XDR", "Guarantor": ""}, renamed=renamed)
    statement = only_statement(text)
    assert (statement.lender, list(statement.rows)) == ("IDA", ["IDA00010"])


def test_a_quote_that_is_never_closed_is_refused_rather_than_swallow_the_rows_behind_it(plain, save_text):
    broken = plain.replace("ESKOM", '"ESKOM', 1)
    with pytest.raises(UnreadableFile, match="a quote opened on line 2 runs on to line 3"):
        read_in_order([save_text("a.csv", broken)])


def test_a_name_over_two_lines_is_one_field(statement_text, only_statement):
    statement = only_statement(statement_text("2019-05-31", {"Borrower": "ESKOM\nHOLDINGS LIMITED"}, {"Loan Number": "B"}))
    assert [row.borrower for row in statement.rows.values()] == ["ESKOM HOLDINGS LIMITED"] * 2


class Screen(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize("patience, is_terminal, is_shown", [(0, True, True), (0, False, False), (60, True, False)])
def test_progress_is_shown_on_a_terminal_only_and_only_if_it_takes_a_while(
    patience, is_terminal, is_shown, tmp_path, monkeypatch, plain, save_text
):
    screen = Screen(is_terminal)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(worldbank, "PATIENCE_SECONDS", patience)
    import_worldbank([save_text("a.csv", plain)], tmp_path / "book", echo=lambda line: None)
    assert ("read" in screen.getvalue() and "follow" in screen.getvalue()) == is_shown
    assert bool(screen.getvalue()) == is_shown
