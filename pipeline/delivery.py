"""What a delivered book lacks of what the model learnt from, and what it holds that nobody reads.

A table or a column that is gone breaks no rule: its features are missing, and the model judges without them, as it would one
customer about whom little is known. Missing for everybody because nothing of what they read was delivered, they are a fault of
the delivery; missing for everybody otherwise, in a small book or one whose record is too short for them, they are told. On the
sample none is; without one of the tables, a share of up to 0.02 of the features that the model learnt from is, and at most 37 of
1,522 customers get another type (external_debt), or a share of 0.028 to 0.075, and 28 (ratings) to 209 (limits) do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np

from features.catalogue import FEATURES
from features.errors import PentadError, one_line
from features.sources import Account, Tables
from models.explain import Reference


class FeaturesLost(PentadError):
    """More of what the model learnt from than the settings allow is missing for every customer."""

    exit_code = 70


@dataclass(frozen=True)
class Lost:
    """Features that a model learnt from, so many in all, and that are missing for every customer of a book.

    ``read`` are the tables that they read; ``gone`` those of them that the book does not have, and those columns that have no
    value in any row, but for columns that another of the features reads and is known all the same. ``unreadable`` are the
    features that read what is gone.
    """

    features: tuple[str, ...]
    n_learnt: int
    read: tuple[str, ...]
    gone: tuple[str, ...]
    unreadable: tuple[str, ...]

    def __str__(self) -> str:
        gone = f"; the book has no {', no '.join(self.gone)}" if self.gone else ""
        return (f"missing for every customer: {len(self.features):,} of the {self.n_learnt:,} features that the model learnt "
                f"from ({', '.join(self.features)}), which read {', '.join(self.read)}{gone}")


def lost(learnt: Sequence[str], usual: Reference, tables: Tables) -> Lost:
    """What is missing of the features that a model learnt from; ``usual`` is what is usual in the book that it judges."""
    is_missing = dict(zip(usual.features, np.isnan(usual.medians)))
    names = tuple(name for name in learnt if is_missing[name])
    columns = dict.fromkeys(column for name in names for column in FEATURES[name].reads)
    read = tuple(dict.fromkeys(column.partition(".")[0] for column in columns))
    absent, spared = tables.lacks(read), {column for name in learnt if not is_missing[name] for column in FEATURES[name].reads}
    empty = [column for table in read if table not in absent for column in _without_values(table, columns, tables)]
    gone = (*absent, *(column for column in empty if column not in spared))
    unreadable = (name for name in names
                  if any(column in gone or column.partition(".")[0] in gone for column in FEATURES[name].reads))
    return Lost(names, len(learnt), read, gone, tuple(unreadable))


def _without_values(table: str, columns: Iterable[str], tables: Tables) -> list[str]:
    """Those columns of a table that are empty in every row."""
    own = [column.partition(".")[2] for column in columns if column.partition(".")[0] == table]
    counts = tables.collected(getattr(tables, table).select(nw.col(*own).count())).iloc[0]
    return [f"{table}.{name}" for name in own if counts[name] == 0]


def must_be_few(found: Lost, limit: float, at: str) -> None:
    """Refuse to score without what more than this share of what the model learnt from reads.

    Raises
    ------
    FeaturesLost
        So much cannot be read from the book.
    """
    if found.unreadable and len(found.unreadable) > limit * found.n_learnt:
        raise FeaturesLost(str(found), at, f"Deliver what is missing; or, if the book is to be scored without it, raise "
                           f"lost_features_limit ({limit:g}) in a copy of run.toml and give it with `pentad --settings FILE`.")


def unread(accounts: Sequence[Account]) -> list[str]:
    """A sentence on every table with columns that are not read: they may be misspelt ones that are."""
    return [f"columns of {account.table} that are not read: {one_line(', '.join(account.ignored))}"
            for account in accounts if account.ignored]
