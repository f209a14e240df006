"""Read one file of World Bank statements into loans, and account for every row that is left out.

Files are UTF-8, with or without byte-order mark. A file that is not is read as Windows-1252 and the account
says so: only names can be affected. A file may hold several statements, one per end of period.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from features.errors import UnreadableFile
from pipeline.adapters.worldbank_columns import NOTHING, Cells, NotAStatement, UnreadableValue, find_columns

DUST_CENTS = 100  # the publisher's rounding leaves cents on repaid loans; below one dollar nothing is owed
CLOSED = frozenset({"fullyrepaid", "fullycancelled", "fullytransferred", "terminated", "repaid", "cancelled"})
OPEN = frozenset(
    {"draft", "negotiated", "approved", "signed", "effective", "disbursing", "repaying", "disbursingrepaying"}
    | {"fullydisbursed", "disbursed"}
)
GRANTS = ("IDAH", "IDAD", "IDAE")
GUARANTEES = ("IDAB", "IDAG", "IBRDG")
NEEDED_AMOUNTS = (
    "originalprincipalamount",
    "cancelledamount",
    "disbursedamount",
    "repaid",
    "borrowersobligation",
)
NOT_SIGNED = "not signed"
IFC_TYPES = frozenset({"IFCT", "IFCM"})


@dataclass(frozen=True, slots=True)
class LoanRow:
    """One loan as one statement shows it; money in whole cents, what is not shown is None or empty."""

    loan_id: str
    product: str
    country_code: str
    country: str
    region: str
    borrower: str
    guarantor: str
    status: str
    annual_rate: float | None
    original: int
    cancelled: int
    disbursed: int
    repaid: int
    owed: int
    exchange: int
    first_due_on: date | None
    last_due_on: date | None
    signed_on: date
    last_drawn_on: date | None

    @property
    def balance(self) -> int:
        """What the borrower owes, cents; rounding dust below one dollar is nothing."""
        return self.owed if self.owed >= DUST_CENTS else 0

    @property
    def is_closed(self) -> bool:
        """Repaid, cancelled or handed over, and nothing owed any more."""
        return self.status in CLOSED and self.balance == 0


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
    unknown_statuses: set[str] = field(default_factory=set)

    def leave_out(self, reason: str, money: int, example: str) -> None:
        """Count one row that is not taken over."""
        entry = self.left_out.setdefault(reason, LeftOut())
        entry.n_rows += 1
        entry.money += money
        if len(entry.examples) < 3:
            entry.examples.append(example)


def read_statements(path: Path) -> list[Statement]:
    """Return the statements one file holds, oldest first.

    Raises
    ------
    NotAStatement
        The file is empty, holds no statement, or misses columns; the message names them.
    UnreadableFile
        The file is not text, or cannot be opened.
    """
    text, notes, digest = _read_text(path)
    lines = csv.reader(io.StringIO(text, newline=""))
    statements: dict[date, Statement] = {}
    rows: dict[date, dict[str, list[tuple[int, Cells]]]] = {}
    broken_rows: list[str] = []
    last_width = 0
    try:
        header = next(lines, [])
        at, lender = find_columns(header, path.name)
        for values in lines:
            if not any(value.strip() for value in values):
                continue
            last_width = len(values)
            cells = Cells(tuple(values), at)
            ends_on = _end_of_period(cells, len(header))
            if ends_on is None:
                broken_rows.append(f"line {lines.line_num}: {','.join(values)[:60]!r}")
                continue
            statements.setdefault(ends_on, Statement(lender, ends_on, path.name, digest, notes))
            number = cells.text("number").upper()
            rows.setdefault(ends_on, {}).setdefault(number, []).append((lines.line_num, cells))
    except csv.Error as broken:
        raise UnreadableFile(f"not a table: {broken}", path.name, "Fetch the file again.") from broken
    if 0 < last_width < len(header) and not text.endswith(("\n", "\r")):
        raise UnreadableFile(f"ends in the middle of line {lines.line_num:,}", str(path), "Fetch the file again.")
    if not statements:
        todo = "Give a statement with at least one loan in it."
        raise NotAStatement("no row with a readable End of Period", path.name, todo)
    for ends_on, of_loan in rows.items():
        for number, shown in of_loan.items():
            _take_over(statements[ends_on], number, shown)
    oldest = statements[min(statements)]
    for example in broken_rows:
        oldest.n_read += 1
        oldest.leave_out("row broken, or without a readable End of Period", 0, example)
    return [statements[ends_on] for ends_on in sorted(statements)]


def _read_text(path: Path) -> tuple[str, tuple[str, ...], str]:
    """Return a file's text, what has to be said about its encoding, and its SHA-256."""
    try:
        raw = path.read_bytes()
    except OSError as broken:
        raise UnreadableFile(broken.strerror or "cannot be opened", path.name, "Check the path.") from broken
    digest = hashlib.sha256(raw).hexdigest()
    if not raw.strip():
        raise NotAStatement("the file is empty", path.name, "Fetch it again.")
    if b"\0" in raw:
        todo = "Give the statement as CSV in UTF-8."
        raise UnreadableFile("binary content or UTF-16, not UTF-8 text", path.name, todo)
    try:
        return raw.decode("utf-8-sig"), (), digest
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252"), ("not UTF-8, read as Windows-1252",), digest
    except UnicodeDecodeError as broken:
        todo = "Save it as UTF-8."
        raise UnreadableFile("neither UTF-8 nor Windows-1252 text", path.name, todo) from broken


def _end_of_period(cells: Cells, n_columns: int) -> date | None:
    """Return the statement a row belongs to, None where the row is broken."""
    if len(cells.values) != n_columns:
        return None
    try:
        return cells.day("endofperiod")
    except UnreadableValue:
        return None


def _take_over(statement: Statement, number: str, shown: list[tuple[int, Cells]]) -> None:
    """Take one loan number's rows over into the statement, or leave them out with the reason."""
    statement.shown.add(number)
    statement.n_read += len(shown)
    statement.money_read += sum(cells.principal for _, cells in shown)
    different: dict[tuple[str, ...], tuple[int, Cells]] = {}
    for n_line, cells in shown:
        if different.setdefault(cells.values, (n_line, cells))[0] != n_line:
            statement.leave_out("same row again", cells.principal, f"line {n_line}: {number}")
    for n_line, cells in different.values():
        reason = _reason_to_leave_out(number, cells, is_contradicted=len(different) > 1)
        example = f"line {n_line}: {number}"
        if not reason:
            try:
                loan = _read_loan(number, cells, statement.ends_on)
            except UnreadableValue as broken:
                reason, example = "value cannot be read", f"{example}: {broken}"
            else:
                reason = loan if isinstance(loan, str) else ""
        if reason:
            statement.leave_out(reason, cells.principal, example)
            if reason == NOT_SIGNED:
                statement.unsigned.add(number)
            continue
        statement.rows[number] = loan
        if loan.status not in CLOSED | OPEN:
            statement.unknown_statuses.add(cells.text("status"))


def _reason_to_leave_out(number: str, cells: Cells, is_contradicted: bool) -> str:
    """Return why a row is no loan of the book before its values are looked at, or nothing."""
    if not number or number.lower() in NOTHING:
        return "no loan number"
    if number.startswith(GRANTS):
        return "grant, not a loan"
    if cells.text("loantype").upper() in IFC_TYPES:
        return "IFC loan"
    return "rows of one loan contradict each other" if is_contradicted else ""


def _read_loan(number: str, cells: Cells, ends_on: date) -> LoanRow | str:
    """Return the loan a row shows, or why it is none yet."""
    amounts = [cells.cents(key) for key in NEEDED_AMOUNTS]
    if None in amounts:
        return "amount missing"
    original, cancelled, disbursed, repaid, owed = amounts
    if original < 0 or disbursed < 0:
        return "negative principal or disbursement"
    repaid += cells.cents("repaid3rdparty") or 0
    owed += cells.cents("due3rdparty") or 0
    signed_on = cells.day("agreementsigningdate")
    if signed_on is None or signed_on > ends_on:
        if disbursed == 0 and repaid == 0 and owed < DUST_CENTS:
            return NOT_SIGNED
        signed_on = cells.day("boardapprovaldate")
        if signed_on is None or signed_on > ends_on:
            return "no signing or approval date"
    last_due_on = cells.day("lastrepaymentdate")
    kind = cells.text("loantype").upper()
    is_guarantee = kind.startswith("GU") or number.startswith(GUARANTEES)
    is_project = not kind.startswith("BL") and ("projectid" not in cells.at or bool(cells.text("projectid")))
    return LoanRow(
        loan_id=number,
        product="guarantee" if is_guarantee else "project" if is_project else "term",
        country_code=(cells.text("countrycode") or cells.text("country") or "XX").upper(),
        country=cells.text("country"),
        region=cells.text("region"),
        borrower=cells.text("borrower"),
        guarantor=(cells.text("guarantorcountrycode") or cells.text("guarantor")).upper(),
        status=re.sub(r"[^a-z]", "", cells.text("status").lower().replace("canceled", "cancelled")),
        annual_rate=cells.percent("rate"),
        original=original,
        cancelled=cancelled,
        disbursed=disbursed,
        repaid=repaid,
        owed=owed,
        exchange=cells.cents("exchangeadjustment") or 0,
        first_due_on=cells.day("firstrepaymentdate"),
        last_due_on=last_due_on if last_due_on and last_due_on >= signed_on else None,
        signed_on=signed_on,
        last_drawn_on=cells.day("lastdisbursementdate"),
    )
