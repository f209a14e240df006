"""Dates as whole days since 1970-01-01, the only form in which the features see them."""

from __future__ import annotations

from datetime import date, timedelta

EPOCH = date(1970, 1, 1)


def as_day(when: date | str) -> int:
    """Whole days since 1970-01-01 of a date or an ISO text.

    >>> as_day("1970-01-31")
    30
    """
    return ((date.fromisoformat(when) if isinstance(when, str) else when) - EPOCH).days


def as_date(day: int) -> date:
    """The date that lies this many days after 1970-01-01.

    >>> as_date(30).isoformat()
    '1970-01-31'
    """
    return EPOCH + timedelta(days=int(day))
