"""What is wrong with a whole table or book, in words; the same on every engine."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from features.addresses import masked
from features.contract import Breach, Contract
from features.contracts import CONTRACTS
from features.errors import BrokenTable, EmptyTable, TooManyRejects
from features.sources.amounts import in_units
from features.sources.tables import Account

KEYS_SHOWN = 5
#: Where the reader of a failure finds the rows that were set aside.
WHERE_REJECTS_LIE = ("Mend the rows: the folder of rejected ones (--rejects, or rejects_to of open_tables) has each with its "
                     "reason, and `pentad validate` and Tables.breaches name every rule that was broken.")
#: Kinds, of DuckDB and of Spark, that hold several values or bytes of any meaning.
_NO_VALUE = re.compile(r"(?is)(struct|map|list|array|union|blob|binary|bit|variant|geometry)\b.*|.*\]")


def plain(name: str) -> str:
    """A name without what nobody sees: case, width, blanks around it and marks without a width."""
    seen = (c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) not in ("Cf", "Cc"))
    return "".join(seen).strip().casefold()


def must_be_distinct(names: Sequence[Any], at: str) -> None:
    """Refuse columns that cannot be told apart by a name.

    Raises
    ------
    BrokenTable
        There is none, or a name is no text, blank, or that of another column but for case and blanks.
    """
    if not names:
        raise BrokenTable("no column at all", at, "Deliver it with the columns of data/README.md.")
    if odd := [name for name in names if not isinstance(name, str)]:
        raise BrokenTable(f"column name {odd[0]!r} is not text", at, "Give every column one name of text.")
    if blank := [place for place, name in enumerate(names, 1) if not plain(name)]:
        raise BrokenTable(f"column {blank[0]} of {len(names)} has no name", at, "Name it, or leave it out.")
    count = Counter(map(plain, names))
    if twice := sorted({name for name in names if count[plain(name)] > 1}):
        raise BrokenTable(f"column {', '.join(map(repr, twice))} stands twice", at, "Deliver each column once.")


def faults_of_shape(contract: Contract, present: Mapping[str, str], zoned: Iterable[str], at: str) -> list[BrokenTable]:
    """What is wrong with the columns of a table, given with their kinds.

    ``zoned`` are those that hold instants, whose day a zone decides.
    """
    faults = []
    known = {column.name for column in contract.columns}
    respelt = {name: plain(name) for name in present if name not in known and plain(name) in known}
    if respelt:
        said = ", ".join(f"{name!r} is not spelt {right}" for name, right in respelt.items())
        faults.append(BrokenTable(f"column {said}", at, "Rename it: names are in lower case, without blanks around them."))
    missing = [c.name for c in contract.columns
               if not c.may_be_absent and c.name not in present and c.name not in respelt.values()]
    if missing:
        faults.append(BrokenTable(f"no column {', no column '.join(missing)} (found: {', '.join(present)})", at,
                                  f"Deliver {contract.name} with the columns of data/README.md, in lower case."))
    if days := [c.name for c in contract.columns if c.kind == "date" and c.name in zoned]:
        faults.append(BrokenTable(f"{', '.join(days)} is a timestamp with a time zone", at, "Deliver dates as DATE."))
    if odd := [name for name in known & set(present) if _NO_VALUE.fullmatch(present[name])]:
        said = ", ".join(f"{name} is {present[name][:60]}" for name in sorted(odd))
        faults.append(BrokenTable(f"{said}, not plain values", at, "Deliver one text, number, date or flag a row."))
    return faults


def does_not_add_up(account: Account, at: str) -> BrokenTable | None:
    """The fault of a table whose kept and rejected rows are not the rows read."""
    todo, sums = "The file changed while it was read; run again.", account.sums
    if account.n_kept + account.n_rejected != account.n_read:
        found = f"{account.n_read:,} rows read but {account.n_kept:,} kept and {account.n_rejected:,} rejected"
        return BrokenTable(found, at, todo)
    if sums and sums.kept + sums.rejected != sums.read:
        found = f"{in_units(sums.read)} read but {in_units(sums.kept)} kept and {in_units(sums.rejected)} rejected"
        return BrokenTable(found, at, todo)
    return None


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
                   else f"{a.table} has no row", at,
                   WHERE_REJECTS_LIE if a.n_read else f"Deliver the rows of {a.table}; without them nobody can be judged.")
        for a in accounts if not a.n_kept and not CONTRACTS[a.table].optional
    ]


def must_have_rows(accounts: Iterable[Account], where: Path | str) -> None:
    """Refuse a book of which a table that every book needs has no kept row.

    Raises
    ------
    EmptyTable
        One has none.
    """
    for fault in empty(accounts, masked(str(where))):
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
