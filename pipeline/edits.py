"""Changes to facts that a bank or a borrower can still make; what has happened stays as it is.

Each kind adds rows that begin on the as-of date or later to a customer's record (``features.record``): a payment of what is
overdue, a pledge, another schedule for what is still to fall due, another limit, payments on their days in the months ahead.
Nothing that was known on the date is taken away: a schedule that is replaced is withdrawn on the date, and stays in the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from features.days import as_date, as_day
from features.errors import PentadError
from features.terms import IMMATERIAL_PERCENT

PAY_ARREARS, ADD_COLLATERAL, EXTEND_TENOR = "pay_arrears", "add_collateral", "extend_tenor"
SET_LIMIT, PAY_ON_TIME = "set_limit", "pay_on_time"
KINDS = (PAY_ARREARS, ADD_COLLATERAL, EXTEND_TENOR, SET_LIMIT, PAY_ON_TIME)
"""In the order in which several are made."""

MONTHS = (EXTEND_TENOR, PAY_ON_TIME)
"""Kinds whose size is a number of months; that of the others is an amount in cents."""

ALL = -1
"""The size of a payment of all that is overdue."""

PLEDGE = "what-if"
DAYS_PER_MONTH = 365 / 12


class NotChangeable(PentadError):
    """A change asked for cannot be made to the facts of this customer."""

    exit_code = 48


@dataclass(frozen=True)
class Facts:
    """What of a customer can still be changed on a date: its record, and what its loans come to.

    ``loans`` are those that are active (``features.record.loans_in``), or the one that changes are bound to.
    """

    rows: Mapping[str, pd.DataFrame]
    loans: pd.DataFrame
    as_of: str

    @property
    def day(self) -> int:
        """The as-of date in whole days since 1970-01-01."""
        return as_day(self.as_of)

    @cached_property
    def unpaid(self) -> pd.DataFrame:
        """Instalments of the loans that are owed and not settled: loan_id, instalment, due_on, principal, unpaid (cents)."""
        rows = self.rows["repayments"]
        rows = rows[rows["loan_id"].isin(self.loans["loan_id"])].sort_values(["loan_id", "instalment", "payment"])
        amounts = rows[["principal_due", "interest_due", "amount_paid"]].astype("float64").fillna(0)
        counts = rows["paid_on"].notna() & rows["returned_on"].isna()
        facts = pd.DataFrame({"loan_id": rows["loan_id"], "instalment": rows["instalment"].astype("int64"),
                              "due_on": rows["due_on"].astype("int64"), "principal": amounts["principal_due"].astype("int64"),
                              "due": (amounts["principal_due"] + amounts["interest_due"]).astype("int64"),
                              "paid": amounts["amount_paid"].where(counts, 0).astype("int64"),
                              "is_out": rows["superseded_on"].notna(), "is_old": _true(rows["is_opening"])})
        of_each = facts.groupby(["loan_id", "instalment"], as_index=False, sort=False)
        found = of_each[["due_on", "principal", "due"]].first()
        found["paid"], found["is_out"], found["is_old"] = of_each["paid"].sum()["paid"], *(
            of_each[name].any()[name] for name in ("is_out", "is_old"))
        is_open = (found["due"] > 0) & ~found["is_out"] & ~found["is_old"]
        is_open &= found["paid"] * 100 < found["due"] * (100 - IMMATERIAL_PERCENT)
        return found[is_open].assign(unpaid=found["due"] - found["paid"]).drop(columns=["due", "paid", "is_out", "is_old"])

    def overdue(self) -> pd.DataFrame:
        """The unpaid instalments whose day has passed, the oldest first."""
        return self.unpaid[self.unpaid["due_on"] < self.day].sort_values(["due_on", "loan_id", "instalment"])

    def to_come(self, until: int | None = None) -> pd.DataFrame:
        """The unpaid instalments that fall due on the date or later, to a last day, in the order of their days."""
        unpaid = self.unpaid
        is_ahead = (unpaid["due_on"] >= self.day) & ((unpaid["due_on"] <= until) if until is not None else True)
        return unpaid[is_ahead].sort_values(["due_on", "loan_id", "instalment"])

    @property
    def lines(self) -> pd.DataFrame:
        """The credit lines whose limit was not changed on the date itself already."""
        limits = self.rows.get("limits")
        lines = self.loans[self.loans["product"] == "revolver"]
        if limits is None:
            return lines[:0]
        return lines[~lines["loan_id"].isin(limits.loc[limits["changed_on"] == self.day, "loan_id"])]

    def with_rows(self, table: str, rows: pd.DataFrame) -> Facts:
        """The same facts with another table."""
        return replace(self, rows={**self.rows, table: rows})


@dataclass(frozen=True)
class Edit:
    """A change of one kind; ``size`` is cents, or months (``MONTHS``); of a limit the new one of all lines together."""

    kind: str
    size: int


@dataclass(frozen=True)
class Cost:
    """What a change moves: cents of cash paid, security pledged, principal postponed, limit given or taken; and months waited."""

    cash: int = 0
    security: int = 0
    postponed: int = 0
    limit: int = 0
    months: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cash + other.cash, self.security + other.security, self.postponed + other.postponed,
                    self.limit + other.limit, max(self.months, other.months))


@dataclass(frozen=True)
class Edited:
    """Facts after changes: the changes in their order, the rows, the date on which they are judged, and what the changes cost."""

    edits: tuple[Edit, ...]
    facts: Facts
    judged_on: str
    cost: Cost


def why_not(kind: str, facts: Facts) -> str:
    """Why a kind of change cannot be made to the facts, in words; empty if it can."""
    if kind == PAY_ARREARS:
        return "" if len(facts.overdue()) else "nothing is overdue"
    if kind == ADD_COLLATERAL:
        if "collateral" not in facts.rows:
            return "the book has no table of collateral"
        return "" if facts.loans["balance"].sum() > 0 else "no loan has a balance to secure"
    if kind == EXTEND_TENOR:
        to_come = facts.to_come()
        return "" if (to_come["principal"] > 0).any() else "no instalment of principal is still to fall due"
    if kind == SET_LIMIT:
        if "limits" not in facts.rows:
            return "the book has no table of limits"
        return "" if len(facts.lines) else "no credit line can be given another limit on the date"
    return "" if len(facts.to_come()) else "no instalment is still to fall due"


def made(edits: Sequence[Edit], facts: Facts) -> Edited:
    """Make changes to the facts, each kind at most once, in the order of ``KINDS``.

    Raises
    ------
    NotChangeable
        One cannot be made, or is beyond what there is.
    """
    cost, judged_on, done = Cost(), facts.as_of, []
    for edit in sorted(edits, key=lambda each: KINDS.index(each.kind)):
        if because := why_not(edit.kind, facts):
            raise NotChangeable(because, _option(edit.kind), "Ask for another change.")
        if edit.size == ALL:
            edit = Edit(edit.kind, int(facts.overdue()["unpaid"].sum()))
        facts, more = _MAKERS[edit.kind](facts, edit.size)
        done.append(edit)
        cost = cost + more
        if edit.kind == PAY_ON_TIME:
            judged_on = months_later(facts.as_of, edit.size)
    return Edited(tuple(done), facts, judged_on, cost)


def months_later(day: str, months: int) -> str:
    """The same day of a later month, or that month's last day; a month's last day stays a last day.

    >>> months_later("2025-11-30", 3), months_later("2025-12-15", 1)
    ('2026-02-28', '2026-01-15')
    """
    at = pd.Timestamp(day)
    later = at + (pd.offsets.MonthEnd(months) if at.is_month_end else pd.DateOffset(months=months))
    return later.date().isoformat()


def _option(kind: str) -> str:
    return f"--{kind.replace('_', '-')}"


def _true(flags: pd.Series) -> pd.Series:
    return flags.map(lambda flag: flag is True or flag == 1).astype(bool)


def _pay_arrears(facts: Facts, amount: int) -> tuple[Facts, Cost]:
    overdue = facts.overdue()
    if amount > overdue["unpaid"].sum():
        todo = "Give a smaller amount, or `all`."
        raise NotChangeable(f"only {overdue['unpaid'].sum() / 100:,.2f} is overdue", _option(PAY_ARREARS), todo)
    before = overdue["unpaid"].cumsum() - overdue["unpaid"]
    paid = (amount - before).clip(lower=0).clip(upper=overdue["unpaid"])
    return _paid(facts, overdue.assign(paid_on=facts.day, amount=paid)), Cost(cash=amount)


def _pay_on_time(facts: Facts, months: int) -> tuple[Facts, Cost]:
    due = facts.to_come(as_day(months_later(facts.as_of, months)))
    paid = _paid(facts, due.assign(paid_on=due["due_on"], amount=due["unpaid"]))
    return paid, Cost(cash=int(due["unpaid"].sum()), months=months)


def _paid(facts: Facts, payments: pd.DataFrame) -> Facts:
    """The facts with payments (loan_id, instalment, paid_on, amount): on the row that waits for one, or on a further row."""
    rows, key = facts.rows["repayments"], ["loan_id", "instalment"]
    payments = payments.loc[payments["amount"] > 0, [*key, "paid_on", "amount"]]
    first = rows[rows["payment"] == 1]
    last = rows.groupby(key, as_index=False)["payment"].max().rename(columns={"payment": "last"})
    found = payments.merge(first, on=key, suffixes=("", "_before")).merge(last, on=key)
    is_waiting = found["paid_on_before"].isna()
    found["payment"] = np.where(is_waiting, 1, found["last"] + 1)
    found["amount_paid"] = found["amount"]
    empty = ["returned_on", "returned_recorded_on", "superseded_on", "superseded_recorded_on", "superseded_by", "recorded_on"]
    found = found[list(rows.columns)].assign(**dict.fromkeys(empty, None))
    taken = pd.MultiIndex.from_frame(found[[*key, "payment"]])
    stay = ~pd.MultiIndex.from_frame(rows[[*key, "payment"]]).isin(taken)
    return facts.with_rows("repayments", _under(rows[stay], found))


def _add_collateral(facts: Facts, amount: int) -> tuple[Facts, Cost]:
    loans = facts.loans[facts.loans["balance"] > 0]
    upto = loans["balance"].cumsum().to_numpy(float) / loans["balance"].sum() * amount
    value = np.diff(np.round(upto).astype("int64"), prepend=0)
    pledged = pd.DataFrame({"loan_id": loans["loan_id"].to_numpy(), "collateral_id": PLEDGE, "valued_on": facts.day,
                            "value": value})
    return facts.with_rows("collateral", _under(facts.rows["collateral"], pledged)), Cost(security=amount)


def _set_limit(facts: Facts, amount: int) -> tuple[Facts, Cost]:
    lines = facts.lines
    now, drawn = int(lines["commitment"].sum()), int(lines["balance"].sum())
    if amount < drawn:
        todo = "Give a limit that covers it."
        raise NotChangeable(f"{drawn / 100:,.2f} of the lines is drawn", _option(SET_LIMIT), todo)
    each = lines[["commitment", "balance"]].max(axis=1)
    if amount >= each.sum():
        limit = each + ((amount - each.sum()) * each / max(each.sum(), 1)).round()
    else:  # what is drawn stays
        free = each - lines["balance"]
        limit = lines["balance"] + ((amount - drawn) * free / free.sum()).round()
    changed = pd.DataFrame({"loan_id": lines["loan_id"], "changed_on": facts.day, "committed_amount": limit.astype("int64"),
                            "cause": "bank"})
    return facts.with_rows("limits", _under(facts.rows["limits"], changed)), Cost(limit=abs(amount - now))


def _extend_tenor(facts: Facts, months: int) -> tuple[Facts, Cost]:
    rows, to_come, postponed, new, withdrawn = facts.rows["repayments"], facts.to_come(), 0, [], []
    cause = "forbearance" if len(facts.overdue()) else "revision"
    loans = facts.loans.set_index("loan_id")
    for loan_id, open_rows in to_come[to_come["due_on"] > facts.day].groupby("loan_id"):
        own = rows[rows["loan_id"] == loan_id]
        is_untouched = own.groupby("instalment")["paid_on"].transform("count") == 0
        old = own[own["instalment"].isin(open_rows["instalment"]) & is_untouched & (own["payment"] == 1)].sort_values("due_on")
        if not (old["principal_due"] > 0).any():
            continue
        table = _stretched(old, loans.loc[loan_id], months, facts.day, int(own["instalment"].max()))
        postponed += int(old["principal_due"].sum())
        new.append(table)
        withdrawn += list(old.index)
    out = rows.copy()
    out["superseded_by"] = out["superseded_by"].astype(object)
    out.loc[withdrawn, "superseded_on"] = facts.day
    out.loc[withdrawn, "superseded_by"] = cause
    return facts.with_rows("repayments", _under(out, pd.concat(new, ignore_index=True))), Cost(postponed=postponed, months=0)


def _stretched(old: pd.DataFrame, loan: pd.Series, months: int, day: int, last_number: int) -> pd.DataFrame:
    """A schedule in place of the instalments still to come: principal in equal parts to ``months`` after the last of them.

    Where all of it is due at the end it is due that many months later. Interest is simple, on the principal outstanding, at the
    loan's present rate, where the old schedule says how much interest is due; else it is not known.
    """
    days = old["due_on"].to_numpy("int64")
    last = as_day(months_later(as_date(int(days[-1])).isoformat(), months))
    is_bullet = (old["principal_due"] > 0).sum() == 1
    rhythm = float(np.median(np.diff(days))) if len(days) > 1 else months * DAYS_PER_MONTH
    added = np.arange(1, max(int(round((last - days[-1]) / rhythm)), 1) + 1)
    days = np.append(days, np.round(days[-1] + (last - days[-1]) * added / added[-1]).astype("int64"))
    total, n = int(old["principal_due"].sum()), len(days)
    principal = np.zeros(n, "int64")
    if is_bullet:
        principal[-1] = total
    else:
        principal = np.diff(np.round(np.arange(n + 1) * (total / n)).astype("int64"))
    outstanding = total - np.append(0, principal.cumsum()[:-1])
    passed = np.diff(np.append(min(day, days[0]), days))
    interest = np.round(outstanding * passed * float(loan["rate_bp"]) / 10_000 / 365) if pd.notna(loan["rate_bp"]) else np.nan
    known = old["interest_due"].notna().all() and pd.notna(loan["rate_bp"])
    return pd.DataFrame({
        "loan_id": old["loan_id"].iloc[0], "instalment": last_number + 1 + np.arange(n), "payment": 1, "due_on": days,
        "principal_due": principal, "interest_due": interest if known else np.nan, "scheduled_on": day,
        "is_derived": old["is_derived"].iloc[0], "is_opening": None})


def _under(rows: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Further rows under those of a table; columns that they lack are empty."""
    more = more.reindex(columns=rows.columns)
    return pd.concat([rows.astype(object), more.astype(object)], ignore_index=True)


_MAKERS: dict[str, Callable[[Facts, int], tuple[Facts, Cost]]] = {
    PAY_ARREARS: _pay_arrears, ADD_COLLATERAL: _add_collateral, EXTEND_TENOR: _extend_tenor, SET_LIMIT: _set_limit,
    PAY_ON_TIME: _pay_on_time}
