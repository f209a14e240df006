"""What stops the job, in words: a table whose shape is broken, or too many broken rows; the same on every engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from features.contract import Breach, Contract
from features.errors import BrokenTable, TooManyRejects
from features.sources.tables import Account

KEYS_SHOWN = 5


def must_have_columns(contract: Contract, present: Iterable[str], at: str) -> None:
    """Refuse a table that lacks a column of its contract."""
    missing = [c.name for c in contract.columns if not c.may_be_absent and c.name not in present]
    if missing:
        raise BrokenTable(f"no column {', no column '.join(missing)} (found: {', '.join(present)})", at,
                          f"Deliver {contract.name} with the columns of data/README.md, in lower case.")


def must_be_days(zoned: Sequence[str], at: str) -> None:
    """Refuse instants where days are due: which day it was depends on a zone that the table does not keep."""
    if zoned:
        raise BrokenTable(f"{', '.join(zoned)} is a timestamp with a time zone", at, "Deliver dates as DATE.")


def must_add_up(account: Account, at: str) -> None:
    """Refuse a table whose kept and rejected rows are not the rows read."""
    if account.n_kept + account.n_rejected != account.n_read:
        raise BrokenTable(f"{account.n_read:,} rows read but {account.n_kept:,} kept and {account.n_rejected:,} rejected", at,
                          "The file changed while it was read; run again.")


def must_be_unique(contract: Contract, twice: Sequence[Sequence], at: str) -> None:
    """Refuse keys that stand more than once: rows of the key's columns and how often."""
    if twice:
        shown = "; ".join(f"{', '.join(map(str, row[:-1]))} ({row[-1]} times)" for row in twice)
        raise BrokenTable(f"duplicate key ({', '.join(contract.key)}): {shown}", at, "Deliver each key once.")


def must_be_one_currency(mix: Sequence[tuple[str, int]], at: str) -> None:
    """Refuse loans in several currencies: currency and number of loans, the most common first."""
    if len(mix) > 1:
        shown = ", ".join(f"{currency} ({n:,} loans)" for currency, n in mix)
        raise BrokenTable(f"{len(mix)} currencies: {shown}", at, "Convert the book to one currency first.")


def must_not_be_too_many(accounts: list[Account], breaches: list[Breach], limit: float, at: str) -> None:
    """Refuse a book of which a larger share than the limit is broken in any table."""
    for account in accounts:
        if account.n_read and account.n_rejected / account.n_read > limit:
            worst = max((b for b in breaches if b.table == account.table), key=lambda b: b.n_rows)
            raise TooManyRejects(
                f"{account}; most often: {worst.rule} ({worst.n_rows:,} rows)", at,
                f"Mend the rows, or raise reject_share_limit ({limit:g}) if they may be left out.",
            )
