"""What measures a book's features: ours, and the same sixteen by hand in vectorised pandas and in Polars.

All three read the same Parquet files; their values are compared, so that nobody is quick because of doing less.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from features.sources.duck import MEMORY_GB

AS_OF = "2024-06-30"
DAY = int((np.datetime64(AS_OF) - np.datetime64("1970-01-01")).astype(int))
#: The features that the contenders have too, in the order of our register.
COMMON = ("exposure_drawn", "exposure_growth_12m_ratio", "interest_income_12m", "tenure_months", "n_drawdowns_12m",
          "days_since_drawdown", "days_past_due", "days_late_mean_12m", "on_time_share_12m", "paid_minus_due_mean_12m",
          "n_partial_payments_12m", "days_since_payment", "record_months", "overdue_share", "n_late_30d_12m", "n_late_90d_24m")
PER_MONTH = 12 / 365.25


def floor(folder: Path) -> dict:
    """A bare Parquet scan with one hash aggregate per loan: what no measuring of repayments can go below."""
    import duckdb

    con, start = duckdb.connect(), time.perf_counter()
    con.sql(f"SELECT loan_id, sum(principal_due), sum(amount_paid), max(due_on) "
            f"FROM read_parquet('{folder}/repayments.parquet') GROUP BY 1").to_arrow_table()
    return {"seconds": time.perf_counter() - start}


def ours(folder: Path) -> dict:
    """Every feature on DuckDB, block by block; opening and checking the book is timed apart."""
    return _ours(folder, MEMORY_GB)


def ours_with_memory(folder: Path) -> dict:
    """The same with four times the memory that it takes unless told."""
    return _ours(folder, 4 * MEMORY_GB)


def ours_of_common(folder: Path) -> dict:
    """Those of our features that the others have too."""
    from features import frame

    frame.FEATURES = {name: frame.FEATURES[name] for name in COMMON}
    return _ours(folder, MEMORY_GB)


def _ours(folder: Path, memory_gb: float) -> dict:
    from features.frame import feature_blocks
    from features.sources import open_tables

    start = time.perf_counter()
    tables = open_tables(folder, memory_gb=memory_gb)
    opened = time.perf_counter()
    blocks = [block[["customer_id", *COMMON]].set_index("customer_id") for block in feature_blocks(tables, [AS_OF])]
    done = time.perf_counter()
    tables.close()
    return {"seconds": done - opened, "opening": opened - start, "totals": _totals(*blocks)}


def in_pandas(folder: Path) -> dict:
    """Vectorised pandas: no loop over rows, decimals and dates cast by Arrow, parts of instalments only where there are any."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow.parquet import read_table

    def read(table: str, *columns: str) -> pd.DataFrame:
        found = read_table(folder / f"{table}.parquet", columns=list(columns))
        for at, field in enumerate(found.schema):
            if pa.types.is_decimal(field.type):
                cents = pc.multiply(found[field.name].cast(pa.float64()), 100.0)
                found = found.set_column(at, field.name, pc.round(cents))
            elif pa.types.is_date(field.type):
                found = found.set_column(at, field.name, found[field.name].cast(pa.int32()))
        return found.to_pandas()

    start = time.perf_counter()
    customers = read("customers", "customer_id").set_index("customer_id")
    loans = read("loans", "loan_id", "customer_id", "signed_on")
    loans["loan"] = np.arange(len(loans))
    drawn = read("drawdowns", "loan_id", "drawn_on", "amount").merge(loans[["loan_id", "loan", "customer_id"]], on="loan_id")
    drawn["age"] = DAY - drawn["drawn_on"]
    drawn = drawn[drawn["age"] >= 0]
    drawn["last_year"] = drawn["amount"].where(drawn["age"] < 365, 0)
    rows = read("repayments", "loan_id", "instalment", "payment", "due_on", "principal_due", "interest_due", "paid_on",
                "amount_paid")
    rows["loan"] = pd.Index(loans["loan_id"]).get_indexer(rows.pop("loan_id"))
    rows["key"] = rows["loan"].astype("int64") * 1_000 + rows["instalment"]
    rows["age"] = (DAY - rows["paid_on"]).where(rows["paid_on"] <= DAY)
    rows["due_age"] = DAY - rows["due_on"]
    rows["due"] = rows["principal_due"] + rows["interest_due"]
    rows["paid"] = rows["amount_paid"].where(rows["age"].notna(), 0)
    is_part = rows["key"].isin(rows.loc[rows["payment"] > 1, "key"])
    rows["so_far"] = rows["paid"]
    parts = rows[is_part].sort_values(["key", "payment"])
    rows.loc[parts.index, "so_far"] = parts.groupby("key")["paid"].cumsum()
    principal = (rows["so_far"] - rows["interest_due"]).clip(lower=0)
    principal -= (rows["so_far"] - rows["paid"] - rows["interest_due"]).clip(lower=0)
    last_year = rows["age"] < 365
    rows["principal"], rows["principal_12m"] = principal, principal.where(last_year, 0)
    rows["interest_12m"] = (rows["paid"] - principal).where(last_year, 0)
    rows["settled_age"] = rows["age"].where(rows["so_far"] * 100 >= rows["due"] * 99)
    rows["n"] = rows["age"].notna().astype("int8")
    per_loan = rows.groupby("loan", sort=False).agg(principal=("principal", "sum"), back=("principal_12m", "sum"),
                                                    interest=("interest_12m", "sum"), last=("age", "min"))
    parts = rows[is_part].groupby("key", sort=False).agg(
        loan=("loan", "first"), due_age=("due_age", "first"), due=("due", "first"), paid=("paid", "sum"),
        settled_age=("settled_age", "max"), n=("n", "sum"))
    each = pd.concat([rows.loc[~is_part, parts.columns], parts], ignore_index=True)
    settled = each["settled_age"].notna()
    is_due = (each["due_age"] > 0) | ((each["due_age"] == 0) & settled)
    year = is_due & (each["due_age"] < 365)
    late = (each["due_age"] - each["settled_age"].fillna(0)).clip(lower=0)
    overdue = is_due & ~settled & (each["due_age"] > 0)
    figures = pd.DataFrame({
        "loan": each["loan"], "n_due": year, "late": late.where(year, 0), "on_time": year & settled & (late == 0),
        "n_settled": year & settled, "shift": (each["due_age"] - each["settled_age"]).where(year, 0).fillna(0),
        "partial": year & ((each["n"] > 1) | ((each["n"] > 0) & ~settled)), "first": each["due_age"].where(is_due),
        "overdue": (each["due"] - each["paid"]).where(overdue, 0), "past_due": each["due_age"].where(overdue),
        "n_30": year & (late > 30), "n_90": is_due & (each["due_age"] < 730) & (late > 90)})
    how = dict.fromkeys(figures.columns[1:], "sum") | {"first": "max", "past_due": "max"}
    per_loan = per_loan.join(figures.groupby("loan", sort=False).agg(how)).join(
        drawn.groupby("loan").agg(drawn=("amount", "sum"), out=("last_year", "sum"), last_draw=("age", "min"),
                                  n_draws=("age", lambda ages: (ages < 365).sum())))
    per_loan = loans.set_index("loan").join(per_loan)
    owed = per_loan["drawn"].fillna(0) - per_loan["principal"]
    per_loan["balance"] = owed.clip(lower=0)
    per_loan["before"] = (owed - per_loan["out"].fillna(0) + per_loan["back"]).clip(lower=0)
    per_loan["signed_age"] = DAY - per_loan["signed_on"]
    how = {name: "sum" for name in ("balance", "before", "interest", "n_draws", "n_due", "late", "on_time", "n_settled", "shift",
                                    "partial", "overdue", "n_30", "n_90")}
    how |= {"signed_age": "max", "last_draw": "min", "past_due": "max", "last": "min", "first": "max"}
    of = customers.join(per_loan.groupby("customer_id").agg(how))
    frame = pd.DataFrame({
        "exposure_drawn": of["balance"] / 100,
        "exposure_growth_12m_ratio": _share(of["balance"] - of["before"], np.maximum(of["balance"], of["before"])),
        "interest_income_12m": of["interest"] / 100, "tenure_months": of["signed_age"] * PER_MONTH,
        "n_drawdowns_12m": of["n_draws"], "days_since_drawdown": of["last_draw"], "days_past_due": of["past_due"].fillna(0),
        "days_late_mean_12m": _share(of["late"], of["n_due"]), "on_time_share_12m": _share(of["on_time"], of["n_due"]),
        "paid_minus_due_mean_12m": _share(of["shift"], of["n_settled"]), "n_partial_payments_12m": of["partial"],
        "days_since_payment": of["last"], "record_months": of["first"] * PER_MONTH,
        "overdue_share": _share(of["overdue"], np.maximum(of["overdue"], of["balance"])), "n_late_30d_12m": of["n_30"],
        "n_late_90d_24m": of["n_90"]})
    return {"seconds": time.perf_counter() - start, "totals": _totals(frame)}


def in_polars(folder: Path) -> dict:
    """Polars, one lazy plan, streamed."""
    import polars as pl

    c, cents = pl.col, (lambda name: (pl.col(name).cast(pl.Float64) * 100).round(0))
    start = time.perf_counter()
    loans = pl.scan_parquet(folder / "loans.parquet").select(
        "loan_id", "customer_id", signed_age=DAY - c("signed_on").cast(pl.Int32))
    drawn = pl.scan_parquet(folder / "drawdowns.parquet").select(
        "loan_id", amount=cents("amount"), age=DAY - c("drawn_on").cast(pl.Int32)).filter(c("age") >= 0)
    drawn = drawn.group_by("loan_id").agg(
        drawn=c("amount").sum(), out=c("amount").filter(c("age") < 365).sum(), last_draw=c("age").min(),
        n_draws=(c("age") < 365).sum())
    rows = pl.scan_parquet(folder / "repayments.parquet").select(
        "loan_id", "instalment", "payment", due_age=DAY - c("due_on").cast(pl.Int32), interest=cents("interest_due"),
        due=cents("principal_due") + cents("interest_due"), amount=cents("amount_paid"),
        age=pl.when(c("paid_on").cast(pl.Int32) <= DAY).then(DAY - c("paid_on").cast(pl.Int32)))
    rows = rows.with_columns(paid=pl.when(c("age").is_not_null()).then(c("amount")).otherwise(0.0))
    of = ["loan_id", "instalment"]
    in_parts = rows.filter(c("payment") > 1).select(of).unique()
    whole = rows.join(in_parts, on=of, how="anti").with_columns(so_far=c("paid"))
    parts = rows.join(in_parts, on=of, how="semi").sort(*of, "payment").with_columns(so_far=c("paid").cum_sum().over(of))
    principal = (c("so_far") - c("interest")).clip(0) - (c("so_far") - c("paid") - c("interest")).clip(0)

    def known(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.with_columns(principal=principal, n=c("age").is_not_null().cast(pl.Int32),
                                 settled_age=pl.when(c("so_far") * 100 >= c("due") * 99).then(c("age")))

    whole, parts = known(whole), known(parts)
    payments = pl.concat([whole, parts], how="diagonal").group_by("loan_id").agg(
        repaid=c("principal").sum(), back=c("principal").filter(c("age") < 365).sum(), last=c("age").min(),
        interest=(c("paid") - c("principal")).filter(c("age") < 365).sum())
    each = parts.group_by(of).agg(c("due_age").first(), c("due").first(), c("paid").sum(), c("settled_age").max(), c("n").sum())
    each = pl.concat([whole.select(*of, "due_age", "due", "paid", "settled_age", "n"), each])
    each = each.with_columns(settled=c("settled_age").is_not_null(),
                             late=(c("due_age") - c("settled_age").fill_null(0)).clip(0))
    each = each.with_columns(is_due=(c("due_age") > 0) | ((c("due_age") == 0) & c("settled")))
    year = c("is_due") & (c("due_age") < 365)
    overdue = c("is_due") & ~c("settled") & (c("due_age") > 0)
    figures = each.group_by("loan_id").agg(
        n_due=year.sum(), late=c("late").filter(year).sum(), on_time=(year & c("settled") & (c("late") == 0)).sum(),
        n_settled=(year & c("settled")).sum(), shift=(c("due_age") - c("settled_age")).filter(year).sum(),
        partial=(year & ((c("n") > 1) | ((c("n") > 0) & ~c("settled")))).sum(), first=c("due_age").filter(c("is_due")).max(),
        overdue=(c("due") - c("paid")).filter(overdue).sum(), past_due=c("due_age").filter(overdue).max(),
        n_30=(year & (c("late") > 30)).sum(), n_90=(c("is_due") & (c("due_age") < 730) & (c("late") > 90)).sum())
    owed = c("drawn").fill_null(0) - c("repaid").fill_null(0)
    per_loan = loans.join(payments, on="loan_id", how="left").join(figures, on="loan_id", how="left").join(
        drawn, on="loan_id", how="left").with_columns(
        balance=owed.clip(0), before=(owed - c("out").fill_null(0) + c("back").fill_null(0)).clip(0))
    total = ("balance", "before", "interest", "n_draws", "n_due", "late", "on_time", "n_settled", "shift", "partial", "overdue",
             "n_30", "n_90")
    per_customer = per_loan.group_by("customer_id").agg(
        c(*total).sum(), c("signed_age", "past_due", "first").max(), c("last_draw", "last").min())

    def share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
        return pl.when(whole > 0).then(part / whole)

    larger = pl.max_horizontal
    frame = per_customer.select(
        exposure_drawn=c("balance") / 100,
        exposure_growth_12m_ratio=share(c("balance") - c("before"), larger("balance", "before")),
        interest_income_12m=c("interest") / 100, tenure_months=c("signed_age") * PER_MONTH, n_drawdowns_12m=c("n_draws"),
        days_since_drawdown=c("last_draw"), days_past_due=c("past_due").fill_null(0),
        days_late_mean_12m=share(c("late"), c("n_due")), on_time_share_12m=share(c("on_time"), c("n_due")),
        paid_minus_due_mean_12m=share(c("shift"), c("n_settled")), n_partial_payments_12m=c("partial"),
        days_since_payment=c("last"), record_months=c("first") * PER_MONTH,
        overdue_share=share(c("overdue"), larger("overdue", "balance")), n_late_30d_12m=c("n_30"), n_late_90d_24m=c("n_90"),
    ).collect(engine="streaming")
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "totals": _totals(frame.to_pandas())}


def _share(part, whole):
    return (part / whole).where(whole > 0)


def _totals(*frames) -> dict[str, list[float]]:
    """Sum and number of values of every feature, by which the contenders are compared."""
    return {name: [float(sum(f[name].astype("float64").sum() for f in frames)), int(sum(f[name].notna().sum() for f in frames))]
            for name in COMMON}
