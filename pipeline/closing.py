"""Rows and money of a scored book close: scored + rejected + out of scope = read, to 0 rows and 0.00.

Customers are counted; money is what was promised at signing (``committed_amount`` of the loans), for every loan as delivered has
it, whatever its state. A loan belongs to its customer: scored, or out of scope because nothing is active on the date. A row of
either table that breaks its rules is rejected, and kept beside the assignments with its reason. Whose loan was rejected is judged
by the others, or out of scope for want of one: both are counted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import PentadError
from features.sources import Tables, in_units, total

REJECTED = "rejected.parquet"
N_LOANS_REJECTED = "n_loans_rejected"
_SCHEMA = pa.schema([(name, pa.string()) for name in ("table", "key", "reason", "row")])


class NotClosed(PentadError):
    """Rows or money of a scored book are lost or counted twice."""

    exit_code = 63


@dataclass(frozen=True)
class Closing:
    """Where the customers of a book went, and what was promised to them at signing, in cents.

    ``n_loans_without``: rejected loans without an amount that could be one, which no sum can hold. ``n_scored_short`` and
    ``n_out_short``: customers, scored and out of scope, of whom a loan was rejected.
    """

    n_read: int
    n_scored: int
    n_rejected: int
    n_out: int
    cents_read: int
    cents_scored: int
    cents_rejected: int
    cents_out: int
    n_loans_without: int
    n_scored_short: int
    n_out_short: int

    @property
    def warnings(self) -> list[str]:
        """What somebody should look at: customers whose loans, which may be active, were set aside."""
        said = ((self.n_scored_short, "scored customers have a rejected loan and were judged without it (n_loans_rejected)"),
                (self.n_out_short, "customers out of scope have a rejected loan, which may be an active one"))
        return [f"{n:,} {what}" for n, what in said if n]

    def facts(self) -> dict[str, object]:
        """For the manifest: amounts as text to the cent, for a float would not hold them."""
        amounts = {name: in_units(getattr(self, f"cents_{name}")).replace(",", "")
                   for name in ("read", "scored", "rejected", "out")}
        counts = {name: getattr(self, f"n_{name}") for name in ("read", "scored", "rejected", "out")}
        return {"customers": counts, "with_a_rejected_loan": {"scored": self.n_scored_short, "out": self.n_out_short},
                "promised": amounts, "rejected_loans_without_amount": self.n_loans_without}

    def __str__(self) -> str:
        lost = f"; {self.n_loans_without:,} rejected loans have no readable amount" if self.n_loans_without else ""
        short = f"; {self.n_out_short:,} of them have a rejected one" if self.n_out_short else ""
        return (f"{self.n_read:,} customers = {self.n_scored:,} scored + {self.n_out:,} out of scope (no active loan{short}) + "
                f"{self.n_rejected:,} rejected\n{in_units(self.cents_read)} promised = {in_units(self.cents_scored)} + "
                f"{in_units(self.cents_out)} + {in_units(self.cents_rejected)}{lost}")


def rejected_loans(tables: Tables) -> pd.Series:
    """How many loans of a customer were rejected, by ``customer_id``, of the customers of the book of whom any was."""
    if "loans" not in tables.rejected:
        return pd.Series([], index=pd.Index([], dtype=str), dtype=int)
    loans = next(account for account in tables.accounts if account.table == "loans")
    borrower = nw.col(f"raw {loans.columns.index('customer_id')}").str.strip_chars()
    of_whom = tables.rejected["loans"].select(customer_id=borrower).join(
        tables.customers.select("customer_id"), on="customer_id", how="inner")
    counts = tables.collected(of_whom.group_by("customer_id").agg(n=nw.len()))
    return counts.set_index("customer_id")["n"].astype(int)


def close(tables: Tables, scored: pa.ChunkedArray, rejected: pd.Series) -> Closing:
    """Count where everybody and all money went.

    Parameters
    ----------
    scored : ChunkedArray
        The ids of the scored customers.
    rejected : Series
        What ``rejected_loans`` found.

    Raises
    ------
    NotClosed
        The parts are not the whole.
    """
    customers, loans = (next(a for a in tables.accounts if a.table == name) for name in ("customers", "loans"))
    of_scored = tables.hold(pd.DataFrame({"customer_id": scored.to_pandas(), "is_scored": 1}))
    try:
        n_found, n_out = (int(tables.collected(tables.customers.join(of_scored, on="customer_id", how=how).select(n=nw.len()))
                              ["n"].iloc[0]) for how in ("inner", "anti"))
        (cents_scored, _), (cents_out, _) = (total(tables.loans.join(of_scored, on="customer_id", how=how), "committed_amount")
                                             for how in ("semi", "anti"))
    finally:
        tables.drop(of_scored)
    n_short = int(rejected.index.isin(scored.to_pandas()).sum())
    found = Closing(customers.n_read, len(scored), customers.n_rejected, n_out, loans.sums.read, cents_scored,
                    loans.sums.rejected, cents_out, loans.sums.n_without, n_short, len(rejected) - n_short)
    must_close(found, n_found)
    return found


def must_close(found: Closing, n_found: int) -> None:
    """Refuse a closing whose parts are not the whole; ``n_found`` of the scored are customers of the book.

    Raises
    ------
    NotClosed
        They are not.
    """
    n, cents = found.n_scored + found.n_rejected + found.n_out, found.cents_scored + found.cents_rejected + found.cents_out
    if n != found.n_read or n_found != found.n_scored:
        said = f"{found.n_read:,} customers read, but {n:,} scored, rejected or out of scope ({n_found:,} scored ones are known)"
    elif cents != found.cents_read:
        said = f"{in_units(found.cents_read)} promised, but {in_units(cents)} scored, rejected or out of scope"
    else:
        return
    raise NotClosed(said, "the scored book", "Nothing was written. Keep the book as it is and report this.")


def write_rejected(tables: Tables, file: Path) -> None:
    """Write every row that was set aside, if any: its table, key and reasons, and the row as it was delivered (JSON)."""
    accounts = {account.table: account for account in tables.accounts}
    with pq.ParquetWriter(file, _SCHEMA, write_page_checksum=True) as writer:
        for name, rows in tables.rejected.items():
            columns = accounts[name].columns
            keys = [column for column in rows.collect_schema().names() if column.startswith("key ")]
            raw = [f"raw {place}" for place in range(len(columns))]
            for block in tables.engine.blocks(rows.sort(*raw, "why")):
                if block.empty:
                    continue
                given = block[raw].astype(object).where(block[raw].notna(), None).to_numpy()
                writer.write_table(pa.table({
                    "table": [name] * len(block),
                    "key": block[keys].fillna("").agg(" ".join, axis=1).tolist(),
                    "reason": block["why"].tolist(),
                    "row": [json.dumps(dict(zip(columns, row)), ensure_ascii=False) for row in given]}, schema=_SCHEMA))
