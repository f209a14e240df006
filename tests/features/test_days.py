"""Days and calendar months."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from features.days import as_date, as_day, grid_month, month_ends, months_later, start_of_month, with_calendar_month


def test_the_calendar_month_is_that_of_the_calendar():
    first, last = as_day("1900-01-01"), as_day("2200-12-31")
    with duckdb.connect() as con:
        rows = nw.from_native(con.sql(f"SELECT range AS day FROM range({first}, {last + 1})"))
        found = with_calendar_month(rows, nw.col("day")).to_native().df()
    assert list(found.columns) == ["day", "month"]
    assert len(found) == last - first + 1
    dates = [date(1970, 1, 1) + timedelta(days=day) for day in found["day"].tolist()]
    assert found["month"].tolist() == [12 * at.year + at.month for at in dates]


def test_a_month_of_the_grid_goes_from_its_first_day_to_the_next_ones_and_twelve_are_a_year():
    with duckdb.connect() as con:
        rows = nw.from_native(con.sql("SELECT range AS age FROM range(3_660)"))
        found = rows.with_columns(month=grid_month(nw.col("age"))).to_native().df()
    bounds = [start_of_month(month) for month in range(121)]
    assert bounds[:13] == [0, 31, 61, 92, 122, 153, 183, 213, 244, 274, 305, 335, 365]
    assert all(bounds[m] <= age < bounds[m + 1] for age, m in zip(found["age"].tolist(), found["month"].tolist()) if m < 120)
    assert [start_of_month(12 * year) for year in range(11)] == [365 * year for year in range(11)]


@pytest.mark.parametrize(("first", "last", "ends"), [
    ("2024-01-31", "2024-03-30", ["2024-01-31", "2024-02-29"]),
    ("2023-02-01", "2023-02-28", ["2023-02-28"]),
    ("2023-02-28", "2023-02-28", ["2023-02-28"]),
    ("2023-03-01", "2023-03-30", []),
    ("2023-12-15", "2024-01-31", ["2023-12-31", "2024-01-31"]),
    ("2024-01-31", "2023-12-31", []),
    ("1900-02-01", "1900-03-01", ["1900-02-28"]),
    ("2000-02-01", "2000-03-01", ["2000-02-29"]),
])
def test_month_ends_are_the_last_days_of_months_from_the_first_day_to_the_last(first, last, ends):
    assert month_ends(first, last) == ends


def test_two_years_have_twenty_four_month_ends_in_order():
    ends = month_ends("2023-01-01", "2024-12-31")
    assert len(ends) == 24
    assert ends == sorted(ends)
    assert all((date.fromisoformat(end) + timedelta(days=1)).day == 1 for end in ends)


@pytest.mark.parametrize("when", ["1969-12-31", "1970-01-01", "2000-02-29", "2100-03-01"])
def test_a_day_and_its_date_are_the_same(when):
    assert as_date(as_day(when)).isoformat() == when
    assert as_day(date.fromisoformat(when)) == as_day(when)


@pytest.mark.parametrize("when", [
    "2024-02-29", np.str_("2024-02-29"), date(2024, 2, 29), datetime.fromisoformat("2024-02-29"), pd.Timestamp("2024-02-29"),
    *(np.datetime64("2024-02-29", unit) for unit in ("D", "h", "s", "us", "ns"))], ids=repr)
def test_a_day_may_be_a_text_a_date_or_a_moment_at_midnight_of_any_library(when):
    assert as_day(when) == (date(2024, 2, 29) - date(1970, 1, 1)).days


@pytest.mark.parametrize("when", [
    datetime.fromisoformat("2024-02-29T01"), datetime(2024, 2, 29, tzinfo=UTC), pd.Timestamp("2024-02-29 00:00:00.000000001"),
    pd.Timestamp("2024-02-29", tz="Asia/Shanghai"), pd.NaT, pd.Period("2024-02-29"), np.datetime64("2024-02-29T01"),
    np.datetime64("2024-02"), np.datetime64("2024"), np.datetime64("NaT"), np.datetime64(10**17, "D"), "2024-02-29 00:00",
    "2024-02-30", 19_782, True, None, time(1)], ids=repr)
def test_what_has_a_time_of_day_or_a_zone_or_is_no_day_is_refused_by_name(when):
    with pytest.raises(ValueError) as caught:
        as_day(when)
    assert str(caught.value) == f"{when!r} is no date; give one as YYYY-MM-DD, or a date without a time of day and a zone"


@pytest.mark.parametrize(("day", "months", "later"), [
    ("2024-06-30", 1, "2024-07-31"), ("2024-02-29", 12, "2025-02-28"), ("2024-01-31", 1, "2024-02-29"),
    ("2024-06-15", 6, "2024-12-15"), ("2024-08-30", 6, "2025-02-28")])
def test_months_later_keeps_the_day_and_month_ends(day, months, later):
    assert months_later(day, months) == later
    assert as_date(as_day(later)).isoformat() == later
