"""One row of a statement becomes a loan of the book, or the reason why it is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from pipeline.adapters.worldbank_columns import Cells
from pipeline.adapters.worldbank_values import NOTHING, UnreadableValue

DUST_CENTS = 100  # the publisher's rounding leaves cents on repaid loans; below one dollar nothing is owed
CLOSED = frozenset({"fullyrepaid", "fullycancelled", "fullytransferred", "terminated", "repaid", "cancelled"})
OPEN = frozenset(
    {"draft", "negotiated", "approved", "signed", "effective", "disbursing", "repaying", "disbursingrepaying"}
    | {"fullydisbursed", "disbursed"}
)
GRANTS = ("IDAH", "IDAD", "IDAE")
GUARANTEES = ("IDAB", "IDAG", "IBRDG")
TOTALS = ("TOTAL", "GRAND TOTAL", "SUBTOTAL", "SUB-TOTAL")
IFC_TYPES = frozenset({"IFCT", "IFCM"})
NEEDED_AMOUNTS = (
    "originalprincipalamount",
    "cancelledamount",
    "disbursedamount",
    "repaid",
    "borrowersobligation",
)
#: The amounts that are never below zero but for a restatement or an error. An exchange adjustment has either sign.
NEVER_BELOW_ZERO = ("cancelledamount", "repaid", "repaid3rdparty", "borrowersobligation", "due3rdparty")
NOT_SIGNED = "not signed"


class Refused(NamedTuple):
    """Why a row is no loan; whether its kind alone says so, whatever its values; its principal; the value at fault."""

    reason: str
    is_of_kind: bool
    principal: int
    detail: str = ""


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
    below_zero: tuple[tuple[str, int], ...] = ()
    unknown_status: str = ""

    @property
    def balance(self) -> int:
        """What the borrower owes, cents; rounding dust below one dollar is nothing, and so is less than nothing."""
        return self.owed if self.owed >= DUST_CENTS else 0

    @property
    def dust(self) -> int:
        """What is shown within a dollar of zero, on either side, cents."""
        return self.owed if abs(self.owed) < DUST_CENTS else 0

    @property
    def owed_below_zero(self) -> int:
        """What is shown as owed to the borrower, a dollar or more, as a negative number of cents."""
        return self.owed if self.owed <= -DUST_CENTS else 0

    @property
    def committed(self) -> int:
        """What is left of the principal after cancellations, cents; one below zero raises nothing."""
        return max(self.original - max(self.cancelled, 0), 0)

    @property
    def paid(self) -> int:
        """What has been repaid since signing, cents; nobody has repaid less than nothing."""
        return max(self.repaid, 0)

    @property
    def is_closed(self) -> bool:
        """Repaid, cancelled or handed over, and nothing owed any more."""
        return self.status in CLOSED and self.balance == 0


def read_loan(number: str, cells: Cells, ends_on: date) -> LoanRow | Refused:
    """Return the loan a row shows at the end of a period, or why it is none."""
    if kind := _other_kind(number, cells):
        return Refused(kind, True, cells.principal)
    try:
        loan = _read_values(number, cells, ends_on)
    except UnreadableValue as broken:
        return Refused("value cannot be read", False, cells.principal, str(broken))
    return Refused(loan, False, cells.principal) if isinstance(loan, str) else loan


def _other_kind(number: str, cells: Cells) -> str:
    """Return what a row is if it is no loan whatever its values, or nothing."""
    if number.lower() in NOTHING:
        return "no loan number"
    if number.startswith(TOTALS):
        return "total, not a loan"
    if number.startswith(GRANTS):
        return "grant, not a loan"
    return "IFC loan" if cells.text("loantype").upper() in IFC_TYPES else ""


def _read_values(number: str, cells: Cells, ends_on: date) -> LoanRow | str:
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
    status = _plain_status(cells.text("status"))
    return LoanRow(
        loan_id=intern(number),
        product="guarantee" if is_guarantee else "project" if is_project else "term",
        country_code=intern((cells.text("countrycode") or cells.text("country") or "XX").upper()),
        country=intern(cells.text("country")),
        region=intern(cells.text("region")),
        borrower=intern(cells.text("borrower")),
        guarantor=intern((cells.text("guarantorcountrycode") or cells.text("guarantor")).upper()),
        status=status,
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
        below_zero=tuple((key, cents) for key in NEVER_BELOW_ZERO if (cents := cells.cents(key) or 0) < 0),
        unknown_status="" if status in CLOSED | OPEN else cells.text("status"),
    )


@lru_cache(maxsize=1_000)
def _plain_status(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower().replace("canceled", "cancelled"))
