"""What the columns of a World Bank statement mean, whichever way they were titled that year.

Columns are matched by their words alone: case, spaces, punctuation, ``(US$)``, ``/ Economy`` and ``(Most
Recent)`` do not matter. Columns the book does not need may be there or not.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from features.errors import UnreadableFile
from pipeline.adapters.worldbank_values import NOTHING, UnreadableValue, read_cents, read_date

REQUIRED = {
    "endofperiod": "End of Period",
    "number": "Loan Number or Credit Number",
    "borrower": "Borrower",
    "status": "Loan Status or Credit Status",
    "originalprincipalamount": "Original Principal Amount",
    "cancelledamount": "Cancelled Amount",
    "disbursedamount": "Disbursed Amount",
    "repaid": "Repaid to IBRD or Repaid to IDA",
    "borrowersobligation": "Borrower's Obligation",
    "repaid3rdparty": "Repaid 3rd Party",
    "due3rdparty": "Due 3rd Party",
    "firstrepaymentdate": "First Repayment Date",
    "lastrepaymentdate": "Last Repayment Date",
    "agreementsigningdate": "Agreement Signing Date",
}
ALIASES = {
    "loannumber": "number",
    "creditnumber": "number",
    "loanstatus": "status",
    "creditstatus": "status",
    "interestrate": "rate",
    "servicechargerate": "rate",
    "repaidtoibrd": "repaid",
    "repaidtoida": "repaid",
}
SILENT_WORDS = frozenset({"us", "usd", "economy", "most", "recent"})


class NotAStatement(UnreadableFile):
    """The file is no World Bank statement of loans or credits: empty, or columns are missing."""

    exit_code = 60


def column_key(title: str) -> str:
    """Return the words of a column title, joined; ``Country / Economy Code`` is ``countrycode``."""
    text = unicodedata.normalize("NFKD", title).lower().replace("canceled", "cancelled")
    words = re.findall(r"[a-z0-9]+", re.sub(r"['’`]", "", text))
    key = "".join(word for word in words if word not in SILENT_WORDS)
    return ALIASES.get(key, key)


def find_columns(header: list[str], file: str) -> tuple[dict[str, int], str]:
    """Return where each column stands and whose statement it is, IBRD or IDA.

    Raises
    ------
    NotAStatement
        Columns are missing or stand twice; the message names them.
    """
    keys = [column_key(title) for title in header]
    missing = [title for key, title in REQUIRED.items() if key not in keys]
    if not {"country", "countrycode"} & set(keys):
        missing.append("Country Code")
    if missing:
        todo = "Give a statement of IBRD loans or of IDA credits and grants as CSV."
        raise NotAStatement(f"no column {', '.join(missing)}", file, todo)
    twice = [title for key, title in REQUIRED.items() if keys.count(key) > 1]
    if twice:
        raise NotAStatement(f"column {', '.join(twice)} stands twice", file, "Keep one of them.")
    repaid_to = re.sub(r"[^a-z]", "", header[keys.index("repaid")].lower())
    return {key: at for at, key in enumerate(keys)}, "IDA" if "ida" in repaid_to else "IBRD"


@dataclass(frozen=True, slots=True)
class Cells:
    """One row's values by column key; a column the file does not have is empty."""

    values: tuple[str, ...]
    at: dict[str, int]

    def text(self, key: str) -> str:
        """Return the text of a column, without blanks around it; any blanks within it are one plain space."""
        return " ".join(self.values[self.at[key]].split()) if key in self.at else ""

    def day(self, key: str) -> date | None:
        """Return the date of a column, None if empty."""
        try:
            return read_date(self.text(key))
        except UnreadableValue as broken:
            raise UnreadableValue(f"{key} {self.text(key)!r}") from broken

    def cents(self, key: str) -> int | None:
        """Return the amount of a column in whole cents, None if empty."""
        try:
            return read_cents(self.text(key))
        except UnreadableValue as broken:
            raise UnreadableValue(f"{key} {self.text(key)!r}") from broken

    def percent(self, key: str) -> float | None:
        """Return a rate in percent as a number (4.5 is 0.045), None if empty or zero: zero is "not shown"."""
        shown = self.text(key).replace("%", "").strip()
        if shown.lower() in NOTHING:
            return None
        try:
            rate = float(Decimal(shown) / 100)
        except InvalidOperation as broken:
            raise UnreadableValue(f"{key} {shown!r}") from broken
        if not 0 <= rate < 1:
            raise UnreadableValue(f"{key} {shown!r}")
        return rate or None

    @property
    def principal(self) -> int:
        """The original principal in cents, 0 where there is none to read: what a row left out counts for."""
        try:
            return self.cents("originalprincipalamount") or 0
        except UnreadableValue:
            return 0
