"""How long the feature frame takes beside a bare aggregate and vectorised pandas: ``python -m tests.bench.features N``.

One generated book of N customers (70 repayment rows each), the contenders one after the other in rounds, each in a process
of its own so that its peak memory is its own; the best round of each is printed, and ratios.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.book import write_book

AS_OF = "2024-06-30"
ROUNDS = 3


def floor(folder: Path) -> dict[str, float]:
    """A Parquet scan with one hash aggregate per loan."""
    import duckdb

    con, start = duckdb.connect(), time.perf_counter()
    con.execute(f"SELECT loan_id, sum(principal_due), sum(amount_paid), max(due_on) FROM "
                f"read_parquet('{folder}/repayments.parquet') GROUP BY 1").to_arrow_table()
    return {"seconds": time.perf_counter() - start}


def ours(folder: Path) -> dict[str, float]:
    """The whole frame on DuckDB, block by block; the book is opened and checked before, which is timed apart."""
    from features.frame import feature_blocks
    from features.sources import open_tables

    start = time.perf_counter()
    tables = open_tables(folder)
    opened = time.perf_counter()
    n_rows = sum(len(block) for block in feature_blocks(tables, [AS_OF]))
    done = time.perf_counter()
    tables.close()
    return {"seconds": done - opened, "opening": opened - start, "n_rows": n_rows}


def in_pandas(folder: Path) -> dict[str, float]:
    """Fourteen of the features in vectorised pandas: balances, income, lateness and arrears."""
    import numpy as np
    import pandas as pd

    start = time.perf_counter()
    day = pd.Timestamp(AS_OF)
    loans = pd.read_parquet(folder / "loans.parquet", columns=["loan_id", "customer_id", "signed_on"])
    rows = pd.read_parquet(folder / "repayments.parquet").merge(loans, on="loan_id")
    for column in ("due_on", "paid_on"):
        rows[column] = (day - pd.to_datetime(rows[column])).dt.days.astype("float64")
    for column in ("principal_due", "interest_due", "amount_paid"):
        rows[column] = rows[column].astype("float64")
    known = rows["paid_on"] >= 0
    rows["paid"] = rows["amount_paid"].where(known, 0.0)
    rows["paid_age"] = rows["paid_on"].where(known)
    rows["paid_12m"] = rows["paid"].where(rows["paid_age"] < 365, 0.0)
    per = rows.groupby(["customer_id", "loan_id", "instalment"], sort=False).agg(
        due=("due_on", "max"), principal=("principal_due", "max"), interest=("interest_due", "max"), paid=("paid", "sum"),
        paid_12m=("paid_12m", "sum"), n=("paid_age", "count"), last=("paid_age", "min")).reset_index()
    owed = per["principal"] + per["interest"]
    settled = per["paid"] * 100 >= owed * 99
    is_due = per["due"] >= 0
    late = np.maximum(per["due"] - per["last"].where(settled, 0), 0).where(is_due)
    year = is_due & (per["due"] < 365)
    figures = pd.DataFrame({
        "customer_id": per["customer_id"], "principal_paid": np.maximum(per["paid"] - per["interest"], 0),
        "interest_12m": np.minimum(per["paid_12m"], per["interest"]), "overdue": (owed - per["paid"]).where(is_due & ~settled, 0),
        "past_due": per["due"].where(is_due & ~settled & (per["due"] > 0)), "n_due": year.astype(int),
        "late": late.where(year, 0), "on_time": (year & settled & (late == 0)).astype(int), "worst": late.where(year),
        "n_30": (year & (late > 30)).astype(int), "n_90": (is_due & (per["due"] < 730) & (late > 90)).astype(int),
        "in_parts": (year & ((per["n"] > 1) | ((per["n"] > 0) & ~settled))).astype(int),
        "soon": per["principal"].where((per["due"] < 0) & (per["due"] >= -365), 0), "first": per["due"].where(is_due),
        "since": per["last"]})
    how = dict.fromkeys(figures.columns[1:], "sum") | {"past_due": "max", "worst": "max", "first": "max", "since": "min"}
    frame = figures.groupby("customer_id", sort=True).agg(how)
    return {"seconds": time.perf_counter() - start, "n_rows": len(frame)}


CONTENDERS = {"bare aggregate": floor, "features": ours, "pandas, 14 of them": in_pandas}


def main(n_customers: int) -> None:
    """Print the best of the rounds of every contender, and how it compares with the bare aggregate."""
    with tempfile.TemporaryDirectory(prefix="pentad-bench-") as work:
        write_book(Path(work), n_customers)
        best: dict[str, dict[str, float]] = {}
        for _ in range(ROUNDS):
            for name in CONTENDERS:
                done = subprocess.run([sys.executable, "-m", "tests.bench.features", work, name], check=True,
                                      capture_output=True, text=True)
                result = json.loads(done.stdout)
                if name not in best or result["seconds"] < best[name]["seconds"]:
                    best[name] = result
    base = best["bare aggregate"]["seconds"]
    print(f"{n_customers:,} customers, {n_customers * 70:,} repayment rows, best of {ROUNDS}")
    for name, one in best.items():
        opening = f", opened and checked in {one['opening']:.1f} s before" if "opening" in one else ""
        print(f"{name}: {one['seconds']:.2f} s = {one['seconds'] / base:.1f} times the bare aggregate, "
              f"{one['peak_mb']:,.0f} MB{opening}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(int(sys.argv[1]))
    else:
        found = CONTENDERS[sys.argv[2]](Path(sys.argv[1]))
        print(json.dumps(found | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
