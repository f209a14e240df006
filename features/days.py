"""Dates as whole days since 1970-01-01, the only form in which the features see them."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta

import narwhals as nw
import numpy as np

EPOCH = date(1970, 1, 1)
#: What may stand for a day; moments, pandas' and NumPy's too, only at midnight and without a zone.
Day = str | date | np.datetime64


def as_day(when: Day) -> int:
    """Whole days since 1970-01-01 of an ISO text, a date, or a moment at midnight.

    >>> as_day("1970-01-31")
    30

    Raises
    ------
    ValueError
        It is no date, or has a time of day or a zone.
    """
    try:
        return _date_of(when).toordinal() - EPOCH.toordinal()
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{when!r} is no date; give one as YYYY-MM-DD, or a date without a time of day and a zone") from error


def _date_of(when: Day) -> date:
    if isinstance(when, str):
        return date.fromisoformat(when)
    if isinstance(when, np.datetime64):
        day = when.astype("datetime64[D]")
        if day != when or np.datetime_data(when)[0] in ("Y", "M"):
            raise ValueError("not one whole day")
        return day.item()
    if isinstance(when, datetime):
        day = when.date()
        if when != datetime.combine(day, time()):
            raise ValueError("a time of day, or a zone")
        return day
    return when


def as_date(day: int) -> date:
    """The date that lies this many days after 1970-01-01.

    >>> as_date(30).isoformat()
    '1970-01-31'
    """
    return EPOCH + timedelta(days=int(day))


def month_ends(first: str, last: str) -> list[str]:
    """Every month's last day from one date to another, both included, as ISO text.

    >>> month_ends("2024-01-31", "2024-03-30")
    ['2024-01-31', '2024-02-29']
    """
    days, until = [], date.fromisoformat(last)
    at = date.fromisoformat(first).replace(day=1)
    while True:
        following = (at + timedelta(days=31)).replace(day=1)
        end = following - timedelta(days=1)
        if end > until:
            return days
        if end >= date.fromisoformat(first):
            days.append(end.isoformat())
        at = following


def month_end_before(day: str) -> str:
    """The last day of the month before a date, as ISO text.

    >>> month_end_before("2024-03-31"), month_end_before("2024-03-01")
    ('2024-02-29', '2024-02-29')
    """
    return (date.fromisoformat(day).replace(day=1) - timedelta(days=1)).isoformat()


def days_later(day: str, n: int) -> str:
    """The date (ISO) so many days after another, or before it where ``n`` is negative."""
    return (date.fromisoformat(day) + timedelta(days=int(n))).isoformat()


def months_later(day: str, months: int) -> str:
    """The same day of a later month, or that month's last day, as ISO text; a month's last day stays a last day.

    >>> months_later("2025-11-30", 3), months_later("2025-12-15", 1)
    ('2026-02-28', '2026-01-15')
    """
    at = date.fromisoformat(day)
    is_last = (at + timedelta(days=1)).day == 1
    year, month = divmod(12 * at.year + at.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, last if is_last else min(at.day, last)).isoformat()


def grid_month(age: nw.Expr) -> nw.Expr:
    """Month of the monthly grid in which an age in days lies: month m begins at the age of 365 m / 12 days.

    Twelve of them are the 365 days of the yearly window, six of them the 183 of half a year.
    """
    return age * 12 // 365


def start_of_month(month: int) -> int:
    """Age in days at which a month of the grid begins.

    >>> [start_of_month(month) for month in (0, 1, 6, 12)]
    [0, 31, 183, 365]
    """
    return -(-365 * month // 12)


def with_calendar_month(rows: nw.LazyFrame, day: nw.Expr) -> nw.LazyFrame:
    """Add ``month``, the number of the calendar month of a day (whole days since 1970-01-01): 12 times the year plus the month.

    Integer arithmetic on 400-year eras that begin in March (Howard Hinnant, "chrono-Compatible Low-Level Date
    Algorithms", civil_from_days), the same on every engine; in steps, since an expression written out twice is computed
    twice.
    """
    steps = {
        "_era_day": (day + 719_468) % 146_097,
        "_era": (day + 719_468) // 146_097,
        "_era_year": (nw.col("_era_day") - nw.col("_era_day") // 1_460 + nw.col("_era_day") // 36_524
                      - nw.col("_era_day") // 146_096) // 365,
        "_year_day": nw.col("_era_day") - (365 * nw.col("_era_year") + nw.col("_era_year") // 4 - nw.col("_era_year") // 100),
        "month": (nw.col("_era") * 400 + nw.col("_era_year")) * 12 + (5 * nw.col("_year_day") + 2) // 153 + 3,
    }
    for name, step in steps.items():
        rows = rows.with_columns(step.alias(name))
    return rows.drop([name for name in steps if name != "month"])
