"""Which periods of a file are statements: stray dates, dates beyond belief, and small files that are neither."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline.adapters.worldbank import import_worldbank, read_in_order
from pipeline.adapters.worldbank_columns import NotAStatement

FEW_ROWS = "stray End of Period, too few rows for a statement"
FAR_AHEAD = "stray End of Period, years after anything else in the file"


@pytest.fixture
def file_of_periods(statement_text, save_text):
    """Return a function that saves one file of several periods, each with the loans of these numbers."""

    def save(name: str = "a.csv", **periods: range):
        texts = [
            statement_text(day.removeprefix("on_").replace("_", "-"), *({"Loan Number": f"IBRD{n}"} for n in numbers))
            for day, numbers in periods.items()
        ]
        return save_text(name, texts[0] + "".join(text.split("\n", 1)[1] for text in texts[1:]))

    return save


def kept_and_left(statements) -> tuple[list, dict]:
    kept = [(one.ends_on.isoformat(), len(one.rows)) for one in statements]
    return kept, {reason: left.n_rows for one in statements for reason, left in one.left_out.items()}


def test_one_row_of_nine_hundred_with_a_date_of_its_own_is_left_out_and_takes_no_loan_away(tmp_path, file_of_periods):
    before = file_of_periods("before.csv", on_2023_05_31=range(900))
    path = file_of_periods(on_2024_05_31=range(899), on_2024_06_30=range(899, 900))
    lines: list[str] = []
    account = import_worldbank([before, path], tmp_path / "book", echo=lines.append)
    assert [(one.ends_on, one.kept.n) for one in account.statements] == [(date(2023, 5, 31), 900), (date(2024, 5, 31), 899)]
    last = account.statements[-1]
    assert (last.read.n, last.read.cents, last.is_closed_sum) == (900, 900 * 1000_00, True)
    assert last.vanished.n == 0
    assert f"    left out, {FEW_ROWS}: 1 (US$ 1,000.00) (line 901: IBRD899 of 2024-06-30)" in lines


@pytest.mark.parametrize("day", ["on_1964_05_31", "on_2042_05_31"])
def test_a_stray_year_is_left_out_like_any_other_stray_date(day, file_of_periods):
    statements = read_in_order([file_of_periods(on_2024_05_31=range(500), **{day: range(500, 503)})])
    assert kept_and_left(statements) == ([("2024-05-31", 500)], {FEW_ROWS: 3})


def test_rows_moved_out_of_their_statement_are_stray_even_if_there_are_dozens(file_of_periods):
    statements = read_in_order([file_of_periods(on_2024_05_31=range(500), on_2024_06_30=range(500, 545))])
    assert kept_and_left(statements) == ([("2024-05-31", 500)], {FEW_ROWS: 45})


def test_a_small_statement_whose_loans_the_large_one_shows_too_is_a_statement(file_of_periods):
    statements = read_in_order([file_of_periods(on_2024_05_31=range(2), on_2024_06_30=range(100))])
    assert kept_and_left(statements) == ([("2024-05-31", 2), ("2024-06-30", 100)], {})


@pytest.mark.parametrize("strays", [range(2), range(320, 322)], ids=["shown elsewhere", "shown nowhere else"])
def test_a_historical_file_holds_as_many_statements_as_periods_and_strays_are_found_among_them(strays, file_of_periods):
    path = file_of_periods(
        on_2021_05_31=range(300), on_2022_05_31=range(310), on_2023_05_31=range(320), on_2023_06_01=strays
    )
    kept = [("2021-05-31", 300), ("2022-05-31", 310), ("2023-05-31", 320)]
    assert kept_and_left(read_in_order([path])) == (kept, {FEW_ROWS: 2})


@pytest.mark.parametrize("n_loans", [(1, 1), (1, 3), (3, 1), (2, 9)])
def test_small_files_keep_every_period_even_with_other_loans(n_loans, file_of_periods):
    first, second = n_loans
    path = file_of_periods(on_2019_05_31=range(first), on_2020_05_31=range(first, first + second))
    assert kept_and_left(read_in_order([path])) == ([("2019-05-31", first), ("2020-05-31", second)], {})


def test_a_period_years_after_everything_else_in_the_file_is_no_statement_however_large(file_of_periods):
    path = file_of_periods(on_2024_05_31=range(2), on_2042_05_31=range(3))
    assert kept_and_left(read_in_order([path])) == ([("2024-05-31", 2)], {FAR_AHEAD: 3})


def test_quiet_years_between_the_last_drawdown_and_a_row_of_yearly_statements_are_no_strays(file_of_periods):
    path = file_of_periods(**{f"on_{year}_05_31": range(3) for year in range(2019, 2031)})
    assert len(read_in_order([path])) == 12


def test_a_whole_file_dated_beyond_belief_is_read_and_doubted(file_of_periods):
    (statement,) = read_in_order([file_of_periods(on_2042_05_31=range(3))])
    assert statement.notes == (
        "End of Period 2042-05-31, but nothing in it is signed, approved or drawn after 2018-06-30 (line 2: IBRD0); "
        "check the date",
    )


def test_a_whole_file_dated_before_what_it_tells_is_read_and_doubted(file_of_periods):
    (statement,) = read_in_order([file_of_periods(on_2016_05_31=range(3))])
    assert "a signing, approval or drawdown in it is of 2018-06-30 (line 2: IBRD0); check the date" in statement.notes[0]


@pytest.mark.parametrize("day", ["on_2018_07_31", "on_2018_06_27", "on_2020_06_01"])
def test_a_date_a_few_days_before_or_two_years_after_the_last_drawdown_is_not_doubted(day, file_of_periods):
    (statement,) = read_in_order([file_of_periods(**{day: range(3)})])
    assert statement.notes == ()


@pytest.mark.parametrize("on", ["May 31, 2019", "31 May 2019", "31 MAY 2019"])
def test_a_statement_dated_in_words_is_read(on, statement_text, save_text):
    (statement,) = read_in_order([save_text("a.csv", statement_text(on, {}))])
    assert statement.ends_on == date(2019, 5, 31)


def test_the_first_end_of_period_that_cannot_be_read_is_shown(statement_text, save_text):
    path = save_text("a.csv", statement_text("31/05/2024", {}, {"Loan Number": "IBRD2"}))
    with pytest.raises(NotAStatement, match=r"a\.csv: no row with a readable End of Period, first line 2: '31/05/2024'"):
        read_in_order([path])


def test_a_row_without_a_readable_end_of_period_is_counted_and_its_value_shown(statement_text, import_texts):
    text = statement_text("2019-05-31", {}, {"Loan Number": "IBRD2", "End of Period": "soon"})
    account, _ = import_texts(text)
    left = account.statements[0].left_out["no readable End of Period"]
    assert left.examples == ("line 3: 'soon'",)
    assert left.cents == 1000_00  # its money is counted too, or what was read would not add up
    assert account.statements[0].is_closed_sum
    assert account.statements[0].is_closed_sum
