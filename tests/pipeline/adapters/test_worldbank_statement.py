"""What is read from a World Bank statement, and what it is refused or left out for."""

from __future__ import annotations

from datetime import date

import pyarrow.parquet as pq
import pytest

from features.errors import UnreadableFile
from pipeline.adapters.worldbank import SameStatementTwice, import_worldbank, read_in_order
from pipeline.adapters.worldbank_borrowers import normalise_name
from pipeline.adapters.worldbank_columns import NotAStatement, column_key
from pipeline.adapters.worldbank_schedule import half_yearly_dates
from pipeline.adapters.worldbank_values import UnreadableValue, read_cents, read_date

# Values and columns


@pytest.mark.parametrize(
    "title, key",
    [
        ("Country / Economy Code", "countrycode"),
        ("Borrower’s Obligation (US$)", "borrowersobligation"),
        ("Borrowers Obligation", "borrowersobligation"),
        ("borrower_s_obligation", "borrowersobligation"),
        ("Credit Number", "number"),
        (" REPAID TO IDA (US$)", "repaid"),
        ("Effective Date (Most Recent)", "effectivedate"),
    ],
)
def test_columns_are_known_by_their_words(title, key):
    assert column_key(title) == key


@pytest.mark.parametrize(
    "text",
    ["2025-05-31T00:00:00.000", "05/31/2025 12:00:00 AM", "2025-05-31", "05/31/2025", "5/31/25", "31-May-2025"]
    + ["20250531", "2025/05/31", "May 31, 2025", "May 31 2025", "31 May 2025", "31 MAY 2025", "31-May-25"]
    + ["31\N{NO-BREAK SPACE}May\N{NO-BREAK SPACE}2025", "31 May 2025 00:00:00"],
)
def test_every_date_style_of_the_publisher_means_the_same_day(text):
    assert read_date(text) == date(2025, 5, 31)


@pytest.mark.parametrize(
    "text, day",
    [
        ("September 30, 2024", date(2024, 9, 30)),
        ("Sept 30, 2024", date(2024, 9, 30)),
        ("30 sep 2024", date(2024, 9, 30)),
        ("1 June 2024", date(2024, 6, 1)),
        ("JULY 4, 1976", date(1976, 7, 4)),
        ("15-Nov-69", date(1969, 11, 15)),
        ("15-Nov-44", date(2044, 11, 15)),
    ],
)
def test_a_month_may_be_its_name_or_the_start_of_it(text, day):
    assert read_date(text) == day


@pytest.mark.parametrize(
    "text", ["31/05/2025", "soon", "1899-12-30", "2025-02-30", "31 Mayor 2025", "Ma 31, 2025", "31.05.2025"]
)
def test_a_date_that_is_none_is_refused_rather_than_guessed(text):
    with pytest.raises(UnreadableValue):
        read_date(text)


@pytest.mark.parametrize(
    "text, cents",
    [
        ("191,044,211.75", 191_044_211_75),
        ("250000000", 250_000_000_00),
        ("1.5", 1_50),
        ("-0.01", -1),
        ("(3.00)", -3_00),
        ("1.5E+08", 150_000_000_00),
        ("2.5e+08", 250_000_000_00),
        ("0.1000000001", 10),
        ("1\N{NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567.50", 1_234_567_50),
        ("\N{MINUS SIGN}5,000.00", -5_000_00),
        ("US$ 1,000", 1_000_00),
        ("NaN", None),
        ("", None),
    ],
)
def test_amounts_are_exact_to_the_cent(text, cents):
    assert read_cents(text) == cents


@pytest.mark.parametrize("text", ["12x", "inf", "1e99", "1.2.3", "250000000,00", "1.234,56", "1,23", "12,34,567"])
def test_an_amount_that_is_none_is_refused(text):
    with pytest.raises(UnreadableValue):
        read_cents(text)


def test_names_differ_by_accents_and_blanks_only_on_paper():
    assert normalise_name("Ministère\u202fde l’Economie") == normalise_name("MINISTERE DE L'ECONOMIE")
    assert normalise_name("  ") == "UNNAMED BORROWER"


def test_half_yearly_days_are_counted_from_the_first_never_chained():
    days = half_yearly_dates(date(2020, 8, 31), date(2022, 2, 28), after=date(2020, 12, 31))
    assert days == [date(2021, 2, 28), date(2021, 8, 31), date(2022, 2, 28)]


# What a file is refused for


def test_missing_columns_are_named(save_text):
    path = save_text("a.csv", "End of Period,Loan Number,Country\n2020-01-01,IBRD1,Chad\n")
    with pytest.raises(NotAStatement, match="Disbursed Amount") as refused:
        read_in_order([path])
    assert "Country Code" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "\n\n", None])
def test_an_empty_file_is_no_statement(text, save_text, statement_text):
    with pytest.raises(NotAStatement):
        read_in_order([save_text("a.csv", statement_text("2020-01-31") if text is None else text)])


def test_binary_content_is_refused_by_name(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"PK\x03\x04\0\0\0")
    with pytest.raises(UnreadableFile, match=r"a\.csv"):
        read_in_order([tmp_path / "a.csv"])


def test_two_statements_of_one_lender_and_day_are_refused(statement_text, save_text):
    one, two = (save_text(name, statement_text("2020-01-31", {})) for name in ("a.csv", "b.csv"))
    with pytest.raises(SameStatementTwice, match=r"b\.csv.*2020-01-31"):
        read_in_order([one, two])


def test_a_statement_without_a_signed_loan_is_refused(tmp_path, import_texts, statement_text):
    unsigned = {"Agreement Signing Date": "", "Disbursed Amount": "0", "Borrower's Obligation": "0"}
    with pytest.raises(NotAStatement, match="not one signed loan"):
        import_texts(statement_text("2020-01-31", unsigned))
    assert not (tmp_path / "book").exists()


def test_windows_1252_names_are_read_and_said(tmp_path, statement_text, save_text):
    text = statement_text("2020-01-31", {"Borrower": "MINISTÈRE"})
    account = import_worldbank([save_text("a.csv", text, "cp1252")], tmp_path / "b", echo=lambda line: None)
    assert "Windows-1252" in account.statements[0].notes[0]
    assert pq.read_table(tmp_path / "b" / "customers.parquet")["customer_id"].to_pylist() == ["ZA MINISTERE"]


# What a row is left out for


@pytest.mark.parametrize(
    "reason, change",
    [
        ("IFC loan", {"Loan Type": "IFCT"}),
        ("grant, not a loan", {"Loan Number": "IDAH1230"}),
        ("no loan number", {"Loan Number": " "}),
        ("no loan number", {"Loan Number": "\N{NO-BREAK SPACE}"}),
        ("total, not a loan", {"Loan Number": "Grand Total"}),
        ("total, not a loan", {"Loan Number": "TOTAL", "Agreement Signing Date": "", "Last Repayment Date": ""}),
        ("amount missing", {"Repaid to IBRD": "NaN"}),
        ("value cannot be read", {"Disbursed Amount": "1.000.000"}),
        ("value cannot be read", {"Last Repayment Date": "31/12/2030"}),
        ("not signed", {"Agreement Signing Date": "", "Disbursed Amount": "0", "Borrower's Obligation": "0"}),
        ("no signing or approval date", {"Agreement Signing Date": ""}),
    ],
)
def test_a_row_left_out_has_a_reason_and_its_money(reason, change, import_texts, statement_text):
    other = {"Loan Number": "IBRD20000", "Original Principal Amount": "500"}
    account, tables = import_texts(statement_text("2020-01-31", {"Loan Number": "IBRD1"} | change, other))
    (statement,) = account.statements
    assert {reason: (left.n, left.cents) for reason, left in statement.left_out.items()} == {
        reason: (1, 1000_00)
    }
    assert (statement.kept.n, statement.kept.cents, statement.is_closed_sum) == (1, 500_00, True)
    assert [loan["loan_id"] for loan in tables["loans"]] == ["IBRD20000"]


def test_the_unreadable_value_and_its_place_are_printed(tmp_path, save_text, statement_text):
    broken = {"Loan Number": "X", "Disbursed Amount": "1,0x"}
    path = save_text("a.csv", statement_text("2020-01-31", {}, broken))
    lines: list[str] = []
    import_worldbank([path], tmp_path / "book", echo=lines.append)
    assert any("line 3: X: disbursedamount '1,0x'" in line for line in lines)


def test_the_same_row_twice_counts_once_and_a_contradiction_not_at_all(import_texts, statement_text):
    twice, against = {"Loan Number": "A"}, {"Loan Number": "B"}
    text = statement_text("2020-01-31", twice, twice, against, against | {"Repaid to IBRD": "5"})
    account, tables = import_texts(text)
    assert {reason: left.n for reason, left in account.statements[0].left_out.items()} == {
        "same row again": 1,
        "rows of one loan contradict each other": 2,
    }
    assert account.statements[0].is_closed_sum
    assert [loan["loan_id"] for loan in tables["loans"]] == ["A"]


def test_a_file_that_ends_in_the_middle_of_a_line_is_refused_as_truncated(import_texts, statement_text):
    with pytest.raises(UnreadableFile, match="ends in the middle of line 3"):
        import_texts(statement_text("2020-01-31", {}) + "2020-01-31,IBRD2,AFR")


def test_a_row_cut_short_is_counted(import_texts, statement_text):
    account, _ = import_texts(statement_text("2020-01-31", {}) + "2020-01-31,IBRD2,AFR\n")
    assert account.statements[0].left_out["row broken"].examples == ("line 3: 3 values under 26 titles",)
    assert account.statements[0].is_closed_sum
