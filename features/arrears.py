"""Lateness in its order: runs of late instalments, arrears cured, and arrears that came again.

An instalment's lateness is one number; a run, a cure and a relapse only show when a loan's instalments stand in the order
in which they fell due. Looked at are those whose lateness reached into the last 24 months, however long ago their day was.
"""

from __future__ import annotations

from collections.abc import Iterator

import narwhals as nw

from features.history import OF_LOAN, RECORD_DAYS, repayments_known
from features.sources import Tables

#: Days late over which arrears are serious, for cures and relapses.
SERIOUSLY_LATE_DAYS = 30


def late_records(loans: nw.LazyFrame, tables: Tables, n_dates: int) -> Iterator[nw.LazyFrame]:
    """Of loans with a late instalment: late_run, the longest run of late ones; n_cures and n_relapses; chunk by chunk.

    Arrears are a stretch of days on which the loan had something past due. They are serious when an instalment of them was
    over 30 days late, and cured when every one of them has been settled; serious ones after a cure are a relapse.
    A run counts instalments that fell due in the 24 months. ``loans`` has late_since_age_days, the age of the oldest
    instalment that was late in them.
    """
    rows = _late_instalments(tables.in_chunk(loans).filter(~nw.col("late_since_age_days").is_null()), tables)
    for _ in tables.chunks(n_dates):
        late = tables.keep([rows])
        recent = late.filter(nw.col("turn") > -RECORD_DAYS)
        runs = recent.group_by(*OF_LOAN, "n_on_time").agg(nw.len().alias("n")).group_by(*OF_LOAN).agg(
            nw.col("n").max().cast(nw.Int64).alias("late_run"))
        # cured is what was settled, so other loans need not be looked through
        may_be_cured = late.filter(nw.col("is_settled") & (nw.col("days_late") > SERIOUSLY_LATE_DAYS)).select(*OF_LOAN).unique()
        found = late.select(*OF_LOAN).unique().join(runs, on=list(OF_LOAN), how="left")
        yield found.join(_cures(late.join(may_be_cured, on=list(OF_LOAN), how="semi")), on=list(OF_LOAN), how="left")
        tables.drop(late)


def _late_instalments(loans: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """One row per late instalment: turn (its day), days_late, is_settled; n_on_time, those on time before it."""
    rows = repayments_known(loans.select(*OF_LOAN, "rate_bp", "closed_age_days", "late_since_age_days"), tables,
                            due_within=nw.max_horizontal(nw.col("late_since_age_days") + 1, nw.lit(RECORD_DAYS)))
    rows = rows.filter(nw.col("fell_due_age_days") >= 0)
    rows = rows.select(*OF_LOAN, "instalment", "days_late", "is_settled", "late_until_age_days",
                       turn=-nw.col("fell_due_age_days"))
    is_on_time = nw.when(nw.col("days_late") == 0).then(1).otherwise(0)
    n_on_time = is_on_time.cum_sum().over(*OF_LOAN, order_by=["turn", "instalment"])
    rows = rows.with_columns(n_on_time=n_on_time.cast(nw.Int64))
    return rows.filter(nw.col("days_late") > 0, nw.col("late_until_age_days") < RECORD_DAYS)


def _cures(late: nw.LazyFrame) -> nw.LazyFrame:
    """Serious arrears cured, and serious ones after a cure, of late instalments in their order."""
    in_turn = {"order_by": ["turn", "instalment"]}
    late = late.with_columns(late_until=nw.col("turn") + nw.col("days_late"))
    late = late.with_columns(until=nw.col("late_until").cum_max().over(*OF_LOAN, **in_turn))
    late = late.with_columns(until_before=nw.col("until").shift(1).over(*OF_LOAN, **in_turn))
    begins = (nw.col("turn") >= nw.col("until_before")).fill_null(True)
    late = late.with_columns(begins=nw.when(begins).then(1).otherwise(0))
    late = late.with_columns(stretch=nw.col("begins").cum_sum().over(*OF_LOAN, **in_turn).cast(nw.Int64))
    arrears = late.group_by(*OF_LOAN, "stretch").agg(
        nw.col("days_late").max().alias("worst"), nw.col("is_settled").min().alias("is_over"))
    arrears = arrears.filter(nw.col("worst") > SERIOUSLY_LATE_DAYS)
    cured = arrears.filter("is_over").group_by(*OF_LOAN).agg(
        nw.len().cast(nw.Int64).alias("n_cures"), nw.col("stretch").min().alias("first_cured"))
    relapsed = arrears.join(cured, on=list(OF_LOAN), how="inner").filter(nw.col("stretch") > nw.col("first_cured"))
    n_relapses = relapsed.group_by(*OF_LOAN).agg(nw.len().cast(nw.Int64).alias("n_relapses"))
    return cured.drop("first_cured").join(n_relapses, on=list(OF_LOAN), how="left")
