"""World Bank statements of loans and credits become a loan book, point in time.

Every statement is a photograph; a book needs to know what was known when. So facts of the first statement
are recorded on its date (before it nothing is known), later ones on the date of the statement that first
shows them, and no statement ever changes what an earlier one told. A loan's borrower, terms and commitment
are those of the statement that first shows it signed; changes come as rows of ``limits``, ``drawdowns`` and
``repayments``. A loan not signed yet is no loan yet.

All amounts are US dollars, as published. Statements show principal only, so ``interest_due`` is empty; a
rate of zero is the publisher's "several rates", so empty.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from features.errors import UnreadableFile
from pipeline.adapters.worldbank_account import ImportAccount, account_of_lender, account_of_statement
from pipeline.adapters.worldbank_book import check_destination, write_book
from pipeline.adapters.worldbank_borrowers import Borrowers
from pipeline.adapters.worldbank_columns import NotAStatement
from pipeline.adapters.worldbank_schedule import LoanHistory
from pipeline.adapters.worldbank_statement import Statement, read_statements

PATIENCE_SECONDS = 3  # an import that takes longer shows how far it is, on a terminal


class SameStatementTwice(UnreadableFile):
    """Two files hold the statement of the same lender and day."""

    exit_code = 61


def import_worldbank(
    files: Sequence[Path], out: Path, replace: bool = False, echo: Callable[[str], object] = print
) -> ImportAccount:
    """Turn World Bank statements into a book of Parquet files and print what was kept and left out.

    Parameters
    ----------
    files : sequence of Path
        Statements of IBRD loans or of IDA credits and grants as CSV, in any order, one or more.
    out : Path
        The folder of the book. It appears complete or not at all.
    replace : bool
        Whether a book imported earlier may be replaced.
    echo : callable
        Where the lines of the account go.

    Returns
    -------
    ImportAccount
        The same account, also written as ``import_account.json``.

    Raises
    ------
    NotAStatement
        A file is empty or misses columns, or no file holds a loan.
    UnreadableFile
        A file is not text.
    SameStatementTwice
        Two files hold one lender's statement of one day.
    OutputExists
        Something is at `out` that may not be replaced.
    """
    out = Path(out)
    check_destination(out, replace)
    statements = read_in_order(files)
    with _progress("follow", len(statements), unit="statement") as bar:
        loans, borrowers, vanished = read_histories(_watched(statements, bar))
    if not loans:
        where = ", ".join(sorted({statement.file for statement in statements}))
        raise NotAStatement("not one signed loan", where, "Give statements with loans in them.")
    account = ImportAccount(
        statements=tuple(map(account_of_statement, statements, vanished)),
        lenders=tuple(
            account_of_lender(lender, [loan for loan in loans if loan.lender == lender])
            for lender in sorted({loan.lender for loan in loans})
        ),
        n_rows={},
    )
    account = write_book(out, borrowers, loans, account, replace)
    for line in account.lines():
        echo(line)
    return account


def read_in_order(files: Sequence[Path]) -> list[Statement]:
    """Return the statements of all files by date, then lender.

    Raises
    ------
    SameStatementTwice
        Two files hold one lender's statement of one day.
    """
    if not files:
        raise NotAStatement("no file given", "import", "Name at least one statement.")
    found: dict[tuple, Statement] = {}
    n_bytes = sum(Path(path).stat().st_size for path in files if Path(path).is_file())
    with _progress("read", n_bytes, unit="B", unit_scale=True) as bar:
        for path in files:
            for statement in read_statements(Path(path), bar.update):
                key = (statement.ends_on, statement.lender)
                if key in found:
                    what = f"a second {statement.lender} statement of {statement.ends_on}"
                    raise SameStatementTwice(what, statement.file, f"Keep it or {found[key].file}.")
                found[key] = statement
    return [found[key] for key in sorted(found)]


def _progress(what: str, total: int, **how: object) -> tqdm:
    """Return a bar on stderr that shows itself only on a terminal, and only if it takes a while."""
    return tqdm(desc=what, total=total, delay=PATIENCE_SECONDS, leave=False, disable=not sys.stderr.isatty(), **how)


def _watched(statements: Iterable[Statement], bar: tqdm) -> Iterable[Statement]:
    for statement in statements:
        yield statement
        bar.update()


def read_histories(
    statements: Iterable[Statement],
) -> tuple[list[LoanHistory], Borrowers, list[list[LoanHistory]]]:
    """Follow every loan through the statements, each lender's in their own sequence.

    Returns
    -------
    tuple
        The loans by number, their borrowers, and for each statement the loans it no longer shows.
    """
    loans: dict[str, LoanHistory] = {}
    borrowers = Borrowers()
    vanished: list[list[LoanHistory]] = []
    before: dict[str, Statement] = {}
    for statement in statements:
        on, previous = statement.ends_on, before.get(statement.lender)
        customer_ids = borrowers.identify(statement, loans)
        for loan_id, row in statement.rows.items():
            if loan_id in loans:
                loans[loan_id].observe(row, on)
                continue
            was_unsigned = previous is not None and loan_id in previous.unsigned
            is_older = previous is None or (row.signed_on <= previous.ends_on and not was_unsigned)
            loans[loan_id] = LoanHistory.begin(statement.lender, customer_ids[loan_id], row, on, is_older)
        gone: list[LoanHistory] = []
        for loan_id, loan in loans.items():
            if loan.lender == statement.lender and loan_id not in statement.rows:
                if loan_id not in statement.shown and not loan.is_unseen:
                    gone.append(loan)
                loan.miss(on)
        vanished.append(gone)
        before[statement.lender] = statement
    return [loans[loan_id] for loan_id in sorted(loans)], borrowers, vanished
