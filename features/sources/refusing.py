"""What is wrong with a whole table or book, in words; the same on every engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from features.contract import Breach, Contract
from features.contracts import CONTRACTS
from features.errors import BrokenTable, EmptyTable, TooManyRejects
from features.sources.tables import Account

KEYS_SHOWN = 5


def faults_of_shape(contract: Contract, present: Iterable[str], zoned: Iterable[str], at: str) -> list[BrokenTable]:
    """What is wrong with the columns of a table; ``zoned`` are those that hold instants, whose day a zone decides."""
    faults = []
    missing = [c.name for c in contract.columns if not c.may_be_absent and c.name not in present]
    if missing:
        faults.append(BrokenTable(f"no column {', no column '.join(missing)} (found: {', '.join(present)})", at,
                                  f"Deliver {contract.name} with the columns of data/README.md, in lower case."))
    if days := [c.name for c in contract.columns if c.kind == "date" and c.name in zoned]:
        faults.append(BrokenTable(f"{', '.join(days)} is a timestamp with a time zone", at, "Deliver dates as DATE."))
    return faults


def does_not_add_up(account: Account, at: str) -> BrokenTable | None:
    """The fault of a table whose kept and rejected rows are not the rows read."""
    if account.n_kept + account.n_rejected == account.n_read:
        return None
    return BrokenTable(f"{account.n_read:,} rows read but {account.n_kept:,} kept and {account.n_rejected:,} rejected", at,
                       "The file changed while it was read; run again.")


def duplicates(contract: Contract, twice: Sequence[Sequence], at: str) -> BrokenTable | None:
    """The fault of keys that stand more than once: rows of the key's columns and how often."""
    shown = "; ".join(f"{', '.join(map(str, row[:-1]))} ({row[-1]} times)" for row in twice)
    keys = ", ".join(contract.key)
    return BrokenTable(f"duplicate key ({keys}): {shown}", at, "Deliver each key once.") if twice else None


def mixed_currencies(mix: Sequence[tuple[str, int]], at: str) -> BrokenTable | None:
    """The fault of loans in several currencies: currency and number of loans, the most common first."""
    shown = ", ".join(f"{currency} ({n:,} loans)" for currency, n in mix)
    return BrokenTable(f"{len(mix)} currencies: {shown}", at, "Convert the book to one currency first.") if mix[1:] else None


def empty(accounts: Iterable[Account], at: str) -> list[EmptyTable]:
    """The faults of the tables that every book needs and that have no kept row."""
    return [
        EmptyTable(f"{a.table} has no kept row ({a.n_read:,} read, {a.n_rejected:,} rejected)" if a.n_read
                   else f"{a.table} has no row", at, f"Deliver the rows of {a.table}; without them nobody can be judged.")
        for a in accounts if not a.n_kept and not CONTRACTS[a.table].optional
    ]


def must_have_rows(accounts: Iterable[Account], where: Path | str) -> None:
    """Refuse a book of which a table that every book needs has no kept row.

    Raises
    ------
    EmptyTable
        One has none.
    """
    for fault in empty(accounts, str(where)):
        raise fault


def must_not_be_too_many(accounts: list[Account], breaches: list[Breach], limit: float, at: str) -> None:
    """Refuse a book of which a larger share than the limit is broken in any table.

    Raises
    ------
    TooManyRejects, EmptyTable
        The rule most often broken is named; a table without a row first, for want of which others were rejected.
    """
    for account in accounts:
        if account.n_read and account.n_rejected / account.n_read > limit:
            must_have_rows((a for a in accounts if not a.n_read), at)
            worst = max((b for b in breaches if b.table == account.table), key=lambda b: b.n_rows)
            raise TooManyRejects(
                f"{account}; most often: {worst.rule} ({worst.n_rows:,} rows)", at,
                f"Mend the rows, or raise reject_share_limit ({limit:g}) if they may be left out.",
            )
