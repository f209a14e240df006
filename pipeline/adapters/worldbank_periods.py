"""Which of the periods in a file are statements, and which are slips of the pen.

A file may hold one statement or dozens. Each lists every loan ever signed, so those of one file are much alike in
size and share their loans. A few rows with a date of their own are no statement: taken for one, they would show
thousands of loans as gone. What year it is today is nobody's business here: a date is judged by the file alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from pipeline.adapters.worldbank_columns import Cells
from pipeline.adapters.worldbank_loan import LoanRow, Refused
from pipeline.adapters.worldbank_values import UnreadableValue

STRAY_SHARE = 0.01  # of the rows of the largest period: below this no period is a statement
MOVED_SHARE = 0.10  # nor below this, where the largest shows none of its loans: its rows were moved from there
TOO_LATE = timedelta(days=5 * 365)  # after everything else in the file, its other periods included
QUIET = timedelta(days=2 * 365)  # without a signing, an approval or a drawdown: worth a note
AHEAD = timedelta(days=31)  # real statements show drawdowns of the first days after their end
#: What has happened by the end of a period. Effective and closing dates may lie years ahead of it.
PAST = ("agreementsigningdate", "boardapprovaldate", "lastdisbursementdate")

FEW_ROWS = "stray End of Period, too few rows for a statement"
FAR_AHEAD = "stray End of Period, years after anything else in the file"


class ShownRow(NamedTuple):
    """One row of a period: its line, a fingerprint of all its values, the loan it shows or why it is none."""

    n_line: int
    fingerprint: int
    taken: LoanRow | Refused

    @property
    def principal(self) -> int:
        """The original principal in cents, what the row counts for when it is left out."""
        return self.taken.principal if isinstance(self.taken, Refused) else self.taken.original


@dataclass(slots=True)
class Period:
    """The rows of a file with one End of Period, by loan number, and the latest day they call past."""

    ends_on: date
    rows: dict[str, list[ShownRow]] = field(default_factory=dict)
    n_rows: int = 0
    latest: date | None = None
    latest_shown_at: str = ""

    def add(self, number: str, row: ShownRow, cells: Cells) -> None:
        """Add one row."""
        self.rows.setdefault(number, []).append(row)
        self.n_rows += 1
        for key in PAST:
            try:
                day = cells.day(key)
            except UnreadableValue:
                continue
            if day and (self.latest is None or day > self.latest):
                self.latest, self.latest_shown_at = day, f"line {row.n_line}: {number}"


def find_strays(periods: Mapping[date, Period]) -> dict[date, str]:
    """Return the ends of period that are no statement's, each with the reason; never all of them."""
    largest = max(periods.values(), key=lambda period: period.n_rows)
    strays = {}
    for period in periods.values():
        share = period.n_rows / largest.n_rows
        if share < STRAY_SHARE or (share < MOVED_SHARE and not period.rows.keys() & largest.rows.keys()):
            strays[period.ends_on] = FEW_ROWS
    by_day = sorted((period for period in periods.values() if period.ends_on not in strays), key=lambda one: one.ends_on)
    while len(by_day) > 1:
        last = by_day.pop()
        known = [day for one in periods.values() if (day := one.latest)] + [by_day[-1].ends_on]
        if last.ends_on - max(known) <= TOO_LATE:
            break
        strays[last.ends_on] = FAR_AHEAD
    return strays


def doubt_about(period: Period) -> str | None:
    """Return what makes the date of a statement look mistaken, as a note, or None."""
    if period.latest is None:
        return None
    if period.ends_on - period.latest > QUIET:
        found = f"nothing in it is signed, approved or drawn after {period.latest} ({period.latest_shown_at})"
    elif period.latest - period.ends_on > AHEAD:
        found = f"a signing, approval or drawdown in it is of {period.latest} ({period.latest_shown_at})"
    else:
        return None
    return f"End of Period {period.ends_on}, but {found}; check the date"
