"""Read one file of World Bank statements into loans, and account for every row that is left out.

A file may hold several statements, one per end of period.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pipeline.adapters.worldbank_columns import Cells, NotAStatement, find_columns
from pipeline.adapters.worldbank_file import StatementFile
from pipeline.adapters.worldbank_loan import NOT_SIGNED, LoanRow, Refused, read_loan
from pipeline.adapters.worldbank_periods import Period, ShownRow, doubt_about, find_strays
from pipeline.adapters.worldbank_values import UnreadableValue


@dataclass(slots=True)
class LeftOut:
    """Rows left out for one reason: how many, their original principal in cents, the first three of them."""

    n_rows: int = 0
    money: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Statement:
    """One lender's loans at the end of one period, and every row that is not among them."""

    lender: str
    ends_on: date
    file: str
    sha256: str
    notes: tuple[str, ...]
    rows: dict[str, LoanRow] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    unsigned: set[str] = field(default_factory=set)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    n_read: int = 0
    money_read: int = 0

    def leave_out(self, reason: str, money: int, example: str) -> None:
        """Count one row that is not taken over."""
        entry = self.left_out.setdefault(reason, LeftOut())
        entry.n_rows += 1
        entry.money += money
        if len(entry.examples) < 3:
            entry.examples.append(example)


def read_statements(path: Path, watch: Callable[[int], object] = lambda n_bytes: None) -> list[Statement]:
    """Return the statements one file holds, oldest first; `watch` is told of the bytes read.

    Raises
    ------
    NotAStatement
        The file is empty, holds no statement, or misses columns; the message names them.
    UnreadableFile
        The file is not text, cannot be opened, or is cut off.
    """
    file = StatementFile(path)
    at, lender = find_columns(file.header, file.name)
    periods: dict[date, Period] = {}
    broken: list[tuple[str, str, int]] = []
    for n_line, values in file.rows(watch):
        if len(values) != len(file.header):
            found = f"line {n_line}: {len(values)} values under {len(file.header)} titles"
            broken.append(("row broken", found, 0))
            continue
        cells = Cells(tuple(values), at)
        try:
            ends_on = cells.day("endofperiod")
        except UnreadableValue:
            ends_on = None
        if ends_on is None:
            broken.append(("no readable End of Period", f"line {n_line}: {cells.text('endofperiod')!r}", cells.principal))
            continue
        number = cells.text("number").upper()
        row = ShownRow(n_line, hash(cells.values), read_loan(number, cells, ends_on))
        periods.setdefault(ends_on, Period(ends_on)).add(number, row, cells)
    if not periods:
        first = f", first {broken[0][1]}" if broken else ""
        todo = "Give a statement with at least one loan in it, its dates as 2024-05-31, 05/31/2024 or May 31, 2024."
        raise NotAStatement(f"no row with a readable End of Period{first}", file.name, todo)
    strays = find_strays(periods)
    statements = {}
    for ends_on in sorted(periods.keys() - strays):
        period = periods[ends_on]
        notes = (*file.notes, *filter(None, [doubt_about(period)]))
        statement = statements[ends_on] = Statement(lender, ends_on, file.name, file.sha256, notes)
        for number, shown in period.rows.items():
            _take_over(statement, number, shown)
    _account_for_the_rest(statements, periods, strays, broken)
    return list(statements.values())


def _take_over(statement: Statement, number: str, shown: list[ShownRow]) -> None:
    """Take one loan number's rows over into the statement, or leave them out with the reason."""
    statement.shown.add(number)
    statement.n_read += len(shown)
    statement.money_read += sum(row.principal for row in shown)
    different: dict[int, ShownRow] = {}
    for row in shown:
        if different.setdefault(row.fingerprint, row) is not row:
            statement.leave_out("same row again", row.principal, f"line {row.n_line}: {number}")
    for row in different.values():
        taken, example = row.taken, f"line {row.n_line}: {number}"
        if len(different) > 1 and not (isinstance(taken, Refused) and taken.is_of_kind):
            taken = Refused("rows of one loan contradict each other", False, row.principal)
        if isinstance(taken, LoanRow):
            statement.rows[number] = taken
            continue
        statement.leave_out(taken.reason, row.principal, ": ".join(filter(None, [example, taken.detail])))
        if taken.reason == NOT_SIGNED:
            statement.unsigned.add(number)


def _account_for_the_rest(
    statements: dict[date, Statement], periods: dict[date, Period], strays: dict[date, str],
    broken: list[tuple[str, str, int]],
) -> None:
    """Count rows of no statement: those with a stray date with the largest statement, broken ones with the oldest."""
    largest = statements[max(statements, key=lambda ends_on: periods[ends_on].n_rows)]
    for ends_on, reason in strays.items():
        for number, shown in periods[ends_on].rows.items():
            largest.shown.add(number)
            for row in shown:
                largest.n_read += 1
                largest.money_read += row.principal
                largest.leave_out(reason, row.principal, f"line {row.n_line}: {number} of {ends_on}")
    oldest = statements[min(statements)]
    for reason, example, money in broken:
        oldest.n_read += 1
        oldest.money_read += money
        oldest.leave_out(reason, money, example)
