"""What the dates and amounts of a World Bank statement mean, whichever way they were written that year.

Dates are ISO, month before day, or with the month as a word on either side of the day. A date of numbers
alone with the day first is never guessed at. Commas only ever group thousands.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

NOTHING = frozenset({"", "nan", "null", "none", "n/a", "na", "-", "nat"})
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
DATE_SHAPES = tuple(
    map(
        re.compile,
        (
            r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
            r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d{2})",
            r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})",
            r"(?P<d>\d{1,2})[- ](?P<m>[A-Za-z]+)\.?,?[- ](?P<y>\d{4}|\d{2})",
            r"(?P<m>[A-Za-z]+)\.? (?P<d>\d{1,2}),? (?P<y>\d{4})",
            r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        ),
    )
)
TIME_OF_DAY = re.compile(r"[T ](?=\d{1,2}:)")
FIRST_YEAR, LAST_YEAR = 1940, 2150
FIRST_SHORT_YEAR = 69  # 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068, as everywhere
PLAIN_AMOUNT = re.compile(r"-?\d{1,12}(\.\d{1,2})?")
THOUSANDS = re.compile(r"[^\d,]*\d{1,3}(,\d{3})+(\.\d*)?\D*")
MOST_CENTS = 10**15  # ten trillion dollars; anything above is no amount


class UnreadableValue(ValueError):
    """A value that is neither empty nor what its column holds."""


@lru_cache(maxsize=100_000)
def read_date(text: str) -> date | None:
    """Return the day a text means (month before day, as the publisher writes it), None if it is empty."""
    shown = " ".join(text.split())
    if shown.lower() in NOTHING:
        return None
    day = TIME_OF_DAY.split(shown, maxsplit=1)[0]
    for shape in DATE_SHAPES:
        if found := shape.fullmatch(day):
            break
    else:
        raise UnreadableValue(text)
    year = int(found["y"])
    if len(found["y"]) == 2:
        year += 1900 if year >= FIRST_SHORT_YEAR else 2000
    try:
        read = date(year, _month(found["m"]), int(found["d"]))
    except ValueError as broken:
        raise UnreadableValue(text) from broken
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise UnreadableValue(text)
    return read


def _month(text: str) -> int:
    """Return the number of a month from its number, its name or three letters of it and more; 0 for none."""
    if text.isdecimal():
        return int(text)
    is_named = [len(text) >= 3 and name.startswith(text.lower()) for name in MONTHS]
    return is_named.index(True) + 1 if any(is_named) else 0


@lru_cache(maxsize=200_000)
def read_cents(text: str) -> int | None:
    """Return an amount in whole cents, None if empty; reads ``1,234.5``, ``$5``, ``1E+06``, ``(3.00)``."""
    if "," in text and not THOUSANDS.fullmatch(text):
        raise UnreadableValue(text)
    shown = text.replace(",", "").strip()
    if PLAIN_AMOUNT.fullmatch(shown):
        whole, _, part = shown.lstrip("-").partition(".")
        cents = int(whole) * 100 + int(part.ljust(2, "0") or 0)
        return -cents if shown.startswith("-") else cents
    shown = re.sub(r"\s|US\$|USD|\$", "", shown).replace("\N{MINUS SIGN}", "-")
    if shown.lower() in NOTHING:
        return None
    if shown.startswith("(") and shown.endswith(")"):
        shown = "-" + shown[1:-1]
    try:
        amount = Decimal(shown) * 100
    except InvalidOperation as broken:
        raise UnreadableValue(text) from broken
    if not amount.is_finite() or abs(amount) >= MOST_CENTS:
        raise UnreadableValue(text)
    return int(amount.to_integral_value())
