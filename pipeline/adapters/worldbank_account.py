"""What an import kept, what it left out, and why the money adds up to the cent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pipeline.adapters.worldbank_columns import REQUIRED
from pipeline.adapters.worldbank_schedule import LoanHistory
from pipeline.adapters.worldbank_statement import Statement


@dataclass(frozen=True)
class Portion:
    """A number of rows or loans and their money in whole cents."""

    n: int
    cents: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class StatementAccount:
    """One statement: what was read, kept and left out, as rows and original principal."""

    lender: str
    ends_on: date
    file: str
    sha256: str
    notes: tuple[str, ...]
    read: Portion
    kept: Portion
    left_out: dict[str, Portion]
    below_zero: dict[str, Portion]
    vanished: Portion

    @property
    def is_closed_sum(self) -> bool:
        """Kept and left out make up what was read, in rows and in money."""
        gone = self.left_out.values()
        return (self.read.n, self.read.cents) == (
            self.kept.n + sum(portion.n for portion in gone),
            self.kept.cents + sum(portion.cents for portion in gone),
        )


@dataclass(frozen=True)
class LenderAccount:
    """The money of one lender's loans at the last statement that shows each of them, whole cents.

    ``disbursed = repaid + owed - exchange + unexplained`` is the statements' own identity;
    ``drawn + raised - repaid_rows - lowered = outstanding`` is the book's, and holds to the cent, as does
    ``outstanding + owed_below_zero + dust = owed`` between the two.
    """

    lender: str
    n_loans: int
    disbursed: int
    repaid: int
    owed: int
    exchange: int
    unexplained: int
    unexplained_gross: int
    n_unexplained: int
    drawn: int
    repaid_rows: int
    raised: int
    lowered: int
    outstanding: int
    owed_below_zero: Portion
    dust: int
    restated_drawn: Portion
    restated_repaid: Portion
    reopened: Portion
    without_terms: Portion


@dataclass(frozen=True)
class ImportAccount:
    """The whole import: every statement, the money of every lender, the rows written."""

    statements: tuple[StatementAccount, ...]
    lenders: tuple[LenderAccount, ...]
    n_rows: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the account as plain values, dates as text."""
        plain = asdict(self)
        for statement in plain["statements"]:
            statement["ends_on"] = statement["ends_on"].isoformat()
        return plain

    def lines(self) -> Iterator[str]:
        """Yield the account as lines for a reader."""
        for one in self.statements:
            yield f"{one.lender} {one.ends_on} {one.file}: {_say(one.read)} read, {_say(one.kept)} kept"
            for reason, portion in sorted(one.left_out.items()):
                yield f"    left out, {reason}: {_say(portion)} ({'; '.join(portion.examples)})"
            if one.vanished.n:
                yield f"    no longer shown: {_say(one.vanished)} owed ({'; '.join(one.vanished.examples)})"
            for column, portion in one.below_zero.items():
                yield f"    note: below zero, {column}: {_say(portion)} ({'; '.join(portion.examples)})"
            for note in one.notes:
                yield f"    note: {note}"
        for money in self.lenders:
            yield from _lines_of_lender(money)
        yield "Rows written: " + ", ".join(f"{table} {n:,}" for table, n in self.n_rows.items())


def _dollars(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}US$ {abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def _say(portion: Portion) -> str:
    return f"{portion.n:,} ({_dollars(portion.cents)})"


def _lines_of_lender(money: LenderAccount) -> Iterator[str]:
    yield f"{money.lender}, {money.n_loans:,} loans as last shown:"
    yield f"    disbursed {_dollars(money.disbursed)}"
    yield f"    = repaid {_dollars(money.repaid)} + owed {_dollars(money.owed)}"
    yield f"      - exchange adjustment {_dollars(money.exchange)}"
    yield f"      + unexplained by the publisher's own columns {_dollars(money.unexplained)}"
    yield f"        ({money.n_unexplained:,} loans, {_dollars(money.unexplained_gross)} gross)"
    yield "  restated downwards between statements, kept in the cash of the earlier one:"
    yield f"    disbursed {_say(money.restated_drawn)}, repaid {_say(money.restated_repaid)}"
    yield f"  in the book: drawn {_dollars(money.drawn)} + raised without cash {_dollars(money.raised)}"
    yield f"    - repaid {_dollars(money.repaid_rows)} - lowered without cash {_dollars(money.lowered)}"
    yield f"    = outstanding {_dollars(money.outstanding)}"
    yield f"  owed {_dollars(money.owed)} = outstanding {_dollars(money.outstanding)}"
    yield f"    + owed below zero {_say(money.owed_below_zero)} + within a dollar of zero {_dollars(money.dust)}"
    yield f"  closed, then shown open again, owing: {_say(money.reopened)}"
    yield f"  owing without a last repayment date, so without a schedule: {_say(money.without_terms)}"


def account_of_statement(statement: Statement, vanished: Sequence[LoanHistory]) -> StatementAccount:
    """Return the account of one statement; `vanished` are loans shown before and here no longer."""
    notes = list(statement.notes)
    if unknown := {row.unknown_status for row in statement.rows.values() if row.unknown_status}:
        notes.append(f"unknown status taken as open: {', '.join(sorted(unknown))}")
    return StatementAccount(
        lender=statement.lender,
        ends_on=statement.ends_on,
        file=statement.file,
        sha256=statement.sha256,
        notes=tuple(notes),
        read=Portion(statement.n_read, statement.money_read),
        kept=Portion(len(statement.rows), sum(row.original for row in statement.rows.values())),
        left_out={
            reason: Portion(left.n_rows, left.money, tuple(left.examples))
            for reason, left in statement.left_out.items()
        },
        below_zero=_below_zero(statement),
        vanished=Portion(
            len(vanished),
            sum(loan.balance for loan in vanished),
            tuple(loan.first_shown.loan_id for loan in vanished[:3]),
        ),
    )


def _below_zero(statement: Statement) -> dict[str, Portion]:
    """Return the amounts below zero of the loans kept, by title of their column, the lowest as examples."""
    found: dict[str, list[tuple[int, str]]] = {}
    for loan_id, row in statement.rows.items():
        for key, cents in row.below_zero:
            found.setdefault(key, []).append((cents, loan_id))
    titles = REQUIRED | {"repaid": f"Repaid to {statement.lender}"}
    return {
        titles[key]: Portion(
            len(amounts),
            sum(cents for cents, _ in amounts),
            tuple(f"{loan_id} {_dollars(cents)}" for cents, loan_id in sorted(amounts)[:3]),
        )
        for key, amounts in sorted(found.items())
    }


def account_of_lender(lender: str, loans: Sequence[LoanHistory]) -> LenderAccount:
    """Return the money of one lender's loans, from the statements' totals and from the book's rows."""
    latest = [loan.latest for loan in loans]
    gaps = [row.disbursed - row.repaid - row.owed + row.exchange for row in latest]
    restated_drawn = [loan for loan in loans if loan.restated_drawn]
    restated_repaid = [loan for loan in loans if loan.restated_repaid]
    reopened = [loan for loan in loans if loan.is_reopened]
    below_zero = [row.owed_below_zero for row in latest if row.owed_below_zero]
    without_terms = [loan for loan in loans if loan.balance and loan.latest.last_due_on is None]
    in_rows = sum(drawdown.amount for loan in loans for drawdown in loan.drawdowns)
    out_rows = sum(paid for loan in loans for one in loan.instalments for _, paid, _ in one.payments)
    raised, lowered = sum(loan.raised for loan in loans), sum(loan.lowered for loan in loans)
    return LenderAccount(
        lender=lender,
        n_loans=len(loans),
        disbursed=sum(row.disbursed for row in latest),
        repaid=sum(row.repaid for row in latest),
        owed=sum(row.owed for row in latest),
        exchange=sum(row.exchange for row in latest),
        unexplained=sum(gaps),
        unexplained_gross=sum(abs(gap) for gap in gaps),
        n_unexplained=sum(1 for gap in gaps if gap),
        drawn=in_rows - raised,
        repaid_rows=out_rows - lowered,
        raised=raised,
        lowered=lowered,
        outstanding=in_rows - out_rows,
        owed_below_zero=Portion(len(below_zero), sum(below_zero)),
        dust=sum(row.dust for row in latest),
        restated_drawn=Portion(len(restated_drawn), sum(loan.restated_drawn for loan in restated_drawn)),
        restated_repaid=Portion(len(restated_repaid), sum(loan.restated_repaid for loan in restated_repaid)),
        reopened=Portion(len(reopened), sum(loan.balance for loan in reopened)),
        without_terms=Portion(len(without_terms), sum(loan.balance for loan in without_terms)),
    )
