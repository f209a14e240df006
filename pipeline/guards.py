"""What a book must hold before a job works on it."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from features.cohort import last_fact
from features.errors import OutputExists
from features.sources import Tables
from pipeline.errors import BookTooOld


def must_reach(tables: Tables, day: str, stale_days: int, option: str) -> None:
    """Refuse a book that ends long before the day (ISO) on which an option asks to judge it.

    Raises
    ------
    BookTooOld
        The last fact known on the day lies more than ``stale_days`` before it.
    NoFactsYet
        Nothing was known on the day.
    """
    last = last_fact(tables, day)
    age_days = (date.fromisoformat(day) - date.fromisoformat(last)).days
    if age_days > stale_days:
        raise BookTooOld(f"the last fact is of {last}, {age_days:,} days before {day}", option,
                         "Deliver a newer book, or give the date it was made for: unbooked payments look unpaid.")


def must_lie_outside(out: Path, book: Path | str) -> None:
    """Refuse to write a file where it would replace a table of the book, or become one.

    Raises
    ------
    OutputExists
        It is the book, or lies in the book's folder.
    """
    place = Path(os.path.realpath(out))
    if isinstance(book, Path) and Path(os.path.realpath(book)) in (place, place.parent):
        raise OutputExists("the delivered tables lie there", str(out), "Name a file in another folder.")
