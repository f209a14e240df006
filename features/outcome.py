"""Hindsight types: what a customer turned out to be, read from what happened after a date.

The only module that looks past as_of. A book without analysts' labels can still be learned from and tested
honestly: features from before the date, the type from what came after it. The rules, in their order:

1. **risk**: a tenth of the exposure or more stood on loans that went eleven months without any payment while
   an instalment was overdue, or that ran past maturity; or less than 60 % of the schedule known on the date
   was paid; or over half of the undrawn commitment, and more than 20 million, was cancelled.
2. **churn**: no new loan, and the exposure fell by more than half.
3. **strategic**: three new loans or more, of a thousand million or more in all.
4. **growth**: a new loan, and the exposure rose by more than 15 %.
5. **stable**: the rest.

Only customers active on the date get a type: one loan not closed, with a balance or an undrawn commitment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

TYPES = ("risk", "churn", "strategic", "growth", "stable")
NEVER = np.iinfo(np.int64).max
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True)
class HindsightRules:
    """The thresholds of the hindsight types; amounts in whole units of the book's currency."""

    silent_months: int = 11
    troubled_exposure_share: float = 0.10
    least_paid_share: float = 0.60
    cancelled_undrawn_share: float = 0.50
    cancelled_undrawn_amount: int = 20_000_000
    churn_exposure_drop_share: float = 0.50
    strategic_new_loans: int = 3
    strategic_new_amount: int = 1_000_000_000
    growth_exposure_rise_share: float = 0.15


def hindsight_types(tables: Any, as_of: int, until: int, rules: HindsightRules) -> pd.DataFrame:
    """Return the type each active customer of a date turned out to be.

    Parameters
    ----------
    tables : object
        Attributes ``loans``, ``repayments``, ``drawdowns`` and ``limits`` (the last two may be None), each
        anything narwhals reads; dates as whole days since 1970-01-01, money as whole cents.
    as_of : int
        The date the features stop at, days since 1970-01-01.
    until : int
        The date the outcome is read on, later than `as_of`.
    rules : HindsightRules
        The thresholds.

    Returns
    -------
    DataFrame
        One row per active customer: customer_id, as_of as ISO text, type; sorted by customer_id.

    Raises
    ------
    ValueError
        `until` is not after `as_of`.
    """
    if until <= as_of:
        raise ValueError(f"until (day {until}) must lie after as_of (day {as_of})")
    facts = hindsight_facts(tables, as_of, until, rules)
    chosen = judge(facts, rules)
    day = date.fromordinal(EPOCH_ORDINAL + as_of).isoformat()
    return pd.DataFrame({"customer_id": facts.index.astype(str), "as_of": day, "type": chosen.to_numpy()})


def judge(facts: pd.DataFrame, rules: HindsightRules) -> pd.Series:
    """Return the type of each customer from its facts: the first rule that fits."""
    lost = facts["cancelled_undrawn"]
    is_cancelled = (lost > rules.cancelled_undrawn_share * facts["undrawn_before"]) & (
        lost > rules.cancelled_undrawn_amount * 100
    )
    is_troubled = (facts["troubled_share"] >= rules.troubled_exposure_share) & (facts["troubled_share"] > 0)
    is_unpaid = facts["paid_after"] < rules.least_paid_share * facts["scheduled_after"]
    before, after = facts["exposure_before"], facts["exposure_after"]
    has_new = facts["n_new_loans"] > 0
    is_big = facts["new_committed"] >= rules.strategic_new_amount * 100
    conditions = [
        is_troubled | is_unpaid | is_cancelled,
        ~has_new & (after < (1 - rules.churn_exposure_drop_share) * before),
        (facts["n_new_loans"] >= rules.strategic_new_loans) & is_big,
        has_new & (after > (1 + rules.growth_exposure_rise_share) * before),
    ]
    return pd.Series(np.select(conditions, TYPES[:4], default=TYPES[4]), index=facts.index, dtype=object)


def hindsight_facts(tables: Any, as_of: int, until: int, rules: HindsightRules) -> pd.DataFrame:
    """Return what the rules look at, one row per customer active on the date, money in whole cents."""
    loans = _known(_read(tables.loans), until, "signed_on").set_index("loan_id").sort_index()
    repayments = _read(tables.repayments)
    before = _position(tables, loans, repayments, as_of)
    after = _position(tables, loans, repayments, until)
    is_active = before["is_open"] & ((before["balance"] > 0) | (before["undrawn"] > 0))
    is_new = ~before["is_known"]
    plan = _scheduled_after(repayments, as_of, until)
    paid = _paid_between(repayments, as_of, until)
    is_troubled = _is_silent(repayments, as_of, until, rules.silent_months)
    is_past = _is_past_maturity(loans, repayments, until) & (after["balance"] > 0)
    at_stake = np.maximum(before["balance"], after["balance"]).where(before["is_known"], 0)
    planned = _planned_cuts(tables, loans, as_of, until)
    cut = (before["committed"] - after["committed"] - planned).clip(lower=0)
    of_loan = pd.DataFrame(
        {
            "customer_id": loans["customer_id"],
            "is_active": is_active,
            "exposure_before": before["balance"],
            "exposure_after": after["balance"],
            "at_stake": at_stake,
            "troubled": at_stake.where(is_past | loans.index.isin(is_troubled), 0),
            "scheduled_after": plan.reindex(loans.index, fill_value=0).where(is_active, 0),
            "paid_after": paid.reindex(loans.index, fill_value=0).where(is_active, 0),
            "undrawn_before": before["undrawn"].where(is_active, 0),
            "cancelled_undrawn": np.minimum(cut, before["undrawn"]).where(is_active, 0),
            "n_new_loans": is_new.astype("int64"),
            "new_committed": loans["committed_amount"].where(is_new, 0),
        }
    )
    facts = of_loan.groupby("customer_id", sort=True).sum()
    facts = facts[facts["is_active"] > 0].drop(columns="is_active")
    facts["troubled_share"] = (facts["troubled"] / facts["at_stake"].where(facts["at_stake"] > 0)).fillna(0.0)
    return facts


def _read(table: Any) -> pd.DataFrame:
    return nw.from_native(table).lazy().collect(backend="pandas").to_native().copy()


def _day_or(table: pd.DataFrame, column: str, otherwise: Any) -> pd.Series:
    """Return a day column with something in the place of what is empty or absent."""
    if column not in table:
        return pd.Series(otherwise, index=table.index, dtype="int64")
    return table[column].astype("Int64").fillna(otherwise).astype("int64")


def _ended_on(table: pd.DataFrame, what: str, on: int) -> pd.Series:
    """Return the day each row was closed or superseded, as booked by a day; ``NEVER`` where it is not."""
    own = _day_or(table, f"{what}_on", NEVER)
    return own.where(_day_or(table, f"{what}_recorded_on", own) <= on, NEVER)


def _cents(table: pd.DataFrame, column: str) -> pd.Series:
    return _day_or(table, column, 0)


def _known(table: pd.DataFrame, on: int, own_day: str) -> pd.DataFrame:
    """Return the facts known on a day: happened and recorded by then."""
    happened = _day_or(table, own_day, NEVER)
    recorded = _day_or(table, "recorded_on", happened)
    return table[(happened <= on) & (recorded <= on)].copy()


def _position(tables: Any, loans: pd.DataFrame, repayments: pd.DataFrame, on: int) -> pd.DataFrame:
    """Return each loan's balance, commitment and undrawn part as known on a day, cents."""
    known = loans.index.isin(_known(loans.reset_index(), on, "signed_on")["loan_id"])
    is_open = pd.Series(known, index=loans.index) & (_ended_on(loans, "closed", on) > on)
    committed = loans["committed_amount"].astype("int64").where(known, 0)
    drawn = committed.where(loans["product"] != "guarantee", 0)
    if getattr(tables, "drawdowns", None) is not None:
        drawdowns = _known(_read(tables.drawdowns), on, "drawn_on")
        drawn = _per_loan(drawdowns["amount"], drawdowns, loans)
    if getattr(tables, "limits", None) is not None:
        limits = _known(_read(tables.limits), on, "changed_on").sort_values(["loan_id", "changed_on"])
        last = limits.groupby("loan_id")["committed_amount"].last().reindex(loans.index)
        committed = last.astype("Int64").fillna(committed).astype("int64")
    paid = _principal(_known(repayments, on, "paid_on")).groupby("loan_id").sum()
    balance = (drawn - paid.reindex(loans.index, fill_value=0)).clip(lower=0)
    return pd.DataFrame(
        {
            "is_known": known,
            "is_open": is_open,
            "committed": committed,
            "balance": balance.where(is_open, 0),
            "undrawn": (committed - drawn).clip(lower=0).where(is_open, 0),
        }
    )


def _planned_cuts(tables: Any, loans: pd.DataFrame, as_of: int, until: int) -> pd.Series:
    """Return by how much each commitment fell after the date as its schedule foresaw: no cancellation."""
    if getattr(tables, "limits", None) is None:
        return pd.Series(0, index=loans.index, dtype="int64")
    limits = _known(_read(tables.limits), until, "changed_on").sort_values(["loan_id", "changed_on"])
    earlier = limits.groupby("loan_id")["committed_amount"].shift()
    signed = limits["loan_id"].map(loans["committed_amount"])
    fall = (earlier.astype("Int64").fillna(signed) - limits["committed_amount"]).clip(lower=0)
    cause = limits["cause"] if "cause" in limits else pd.Series(None, index=limits.index, dtype=object)
    is_planned = (cause == "schedule").fillna(False) & (limits["changed_on"] > as_of)
    return _per_loan(fall[is_planned], limits[is_planned], loans)


def _per_loan(amounts: pd.Series, table: pd.DataFrame, loans: pd.DataFrame) -> pd.Series:
    """Return the sum of amounts of each loan, 0 where there are none."""
    return amounts.groupby(table["loan_id"]).sum().reindex(loans.index, fill_value=0).astype("int64")


def _principal(payments: pd.DataFrame) -> pd.Series:
    """Return the principal paid per loan and instalment: what was paid beyond the interest due."""
    rows = payments.assign(paid=_cents(payments, "amount_paid"), interest=_cents(payments, "interest_due"))
    per_instalment = rows.groupby(["loan_id", "instalment"])
    return (per_instalment["paid"].sum() - per_instalment["interest"].max()).clip(lower=0)


def _is_true(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        return pd.Series(False, index=table.index)
    return table[column].astype("boolean").fillna(False).astype(bool)


def _standing(repayments: pd.DataFrame, on: int) -> pd.DataFrame:
    """Return the first row of each instalment that stands in the schedule known on a day."""
    is_first = ~repayments.duplicated(["loan_id", "instalment"])
    is_scheduled = _day_or(repayments, "scheduled_on", -NEVER) <= on
    is_there = _ended_on(repayments, "superseded", on) > on
    return repayments[is_first & is_scheduled & is_there & ~_is_true(repayments, "is_opening")]


def _scheduled_after(repayments: pd.DataFrame, as_of: int, until: int) -> pd.Series:
    """Return per loan the principal that the schedule known on the date asked for until the end, cents."""
    standing = _standing(repayments, as_of)
    due = standing[(standing["due_on"] > as_of) & (standing["due_on"] <= until)]
    return due.groupby("loan_id")["principal_due"].sum().astype("int64")


def _paid_between(repayments: pd.DataFrame, as_of: int, until: int) -> pd.Series:
    """Return per loan the principal paid after the date, scheduled or not, cents."""
    real = repayments[~_is_true(repayments, "is_opening")]
    totals = [_principal(_known(real, on, "paid_on")).groupby("loan_id").sum() for on in (as_of, until)]
    return totals[1].sub(totals[0], fill_value=0).astype("int64")


def _is_silent(repayments: pd.DataFrame, as_of: int, until: int, months: int) -> set[str]:
    """Return the loans without any payment for so many months while an instalment was overdue.

    The day a payment was booked ends a silence too: where only the interval of a payment is known, its day in
    the table is one end of the interval and its booking the other.
    """
    least = round(months * DAYS_PER_MONTH)
    rows = repayments[~_is_true(repayments, "is_opening")]
    known = _known(rows, until, "paid_on")
    per = ["loan_id", "instalment"]
    paid = known.assign(paid=_cents(known, "amount_paid"), last=known["paid_on"]).groupby(per)
    spells = rows[~rows.duplicated(per)].set_index(per)
    asked = _cents(spells, "principal_due") + _cents(spells, "interest_due")
    is_paid = paid["paid"].sum().reindex(spells.index, fill_value=0) >= asked
    settled = paid["last"].max().reindex(spells.index).astype("Int64").fillna(NEVER).where(is_paid, NEVER)
    end = np.minimum(np.minimum(settled.astype("int64"), _ended_on(spells, "superseded", until)), until)
    start = np.maximum(spells["due_on"].astype("int64"), as_of)
    long = pd.DataFrame({"start": start, "end": end})[(end - start >= least) & (asked > 0)]
    booked = known.assign(paid_on=_day_or(known, "recorded_on", known["paid_on"]))
    signs = pd.concat([known[["loan_id", "paid_on"]], booked[["loan_id", "paid_on"]]])
    days_paid = signs.groupby("loan_id")["paid_on"].agg(lambda days: sorted(set(days.astype("int64"))))
    silent = set()
    for (loan_id, _), first, last in long.itertuples(name=None):
        marks = [first, *(day for day in days_paid.get(loan_id, []) if first < day < last), last]
        if max(np.diff(marks)) >= least:
            silent.add(loan_id)
    return silent


def _is_past_maturity(loans: pd.DataFrame, repayments: pd.DataFrame, until: int) -> pd.Series:
    """Return whether each loan's maturity and last standing instalment, the later, passed by the end."""
    matures_on = _day_or(loans, "matures_on", -NEVER)
    last_due = _standing(repayments, until).groupby("loan_id")["due_on"].max().reindex(loans.index)
    ends_on = np.maximum(matures_on, last_due.astype("Int64").fillna(-NEVER).astype("int64"))
    return (ends_on < until) & (ends_on > -NEVER)
