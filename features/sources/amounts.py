"""Sums of amounts to the cent, the same on every engine, so that read can be compared with kept and rejected."""

from __future__ import annotations

import narwhals as nw

from features.contract import ABSURD_CENTS, Contract
from features.sources.tables import Sums

_MILLION = 1_000_000


def total(rows: nw.LazyFrame, column: str) -> tuple[int, int]:
    """Cents that the rows add up to, and how many rows have no amount that could be one (empty, unreadable, absurd).

    Millions of cents and the rest are summed up apart, so that each fits into 64 bits.
    """
    cents = nw.when(nw.col(column).is_between(-ABSURD_CENTS, ABSURD_CENTS)).then(nw.col(column))
    parts = rows.select(high=cents // _MILLION, low=cents % _MILLION)
    found = parts.select(nw.col("high", "low").sum().cast(nw.Int64), n_without=nw.col("low").is_null().cast(nw.Int64).sum())
    high, low, n_without = (int(value or 0) for value in found.collect(backend="pyarrow").row(0))
    return high * _MILLION + low, n_without


def sums_of(contract: Contract, read: nw.LazyFrame, kept: nw.LazyFrame, rejected: nw.LazyFrame | None) -> Sums | None:
    """The sums of a table's amounts, each worked out from its own rows; None where the contract counts by none."""
    if not contract.amount:
        return None
    (all_read, n_without), (all_kept, _) = total(read, contract.amount), total(kept, contract.amount)
    return Sums(all_read, all_kept, total(rejected, contract.amount)[0] if rejected is not None else 0, n_without)


def in_units(cents: int, sign: str = "") -> str:
    """Cents as an amount in the book's currency, to the cent: 1,234.50; ``sign`` goes before what is not negative."""
    whole, rest = divmod(abs(int(cents)), 100)
    return f"{'-' if cents < 0 else sign}{whole:,}.{rest:02d}"
