"""Changes to facts that a bank or a borrower can still make; what has happened stays as it is.

Each kind adds rows that begin on the as-of date or later to a customer's record (``features.record``): a payment of what is
overdue, a pledge, another schedule for what is still to fall due, another limit, payments on their days in the months ahead.
Nothing that was known on the date is taken away: a schedule that is replaced is withdrawn on the date, and stays in the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import pandas as pd

from features.days import as_date, as_day, months_later
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

MOST_MONTHS = 24
"""Months ahead that a search looks at."""

PLEDGE = "what-if"
LEVEL = 1.1
"""A schedule is level where its largest part of principal is at most so many times the smallest."""


class NotChangeable(PentadError):
    """A change asked for cannot be made to the facts of this customer."""

    exit_code = 48


@dataclass(frozen=True)
class Facts:
    """What of a customer can still be changed on a date: its record, and what its loans come to.

    ``all_loans`` are those that are active (``features.record.loans_of``); ``loan`` is the one that changes are bound to, if any.
    """

    rows: Mapping[str, pd.DataFrame]
    all_loans: pd.DataFrame
    as_of: str
    loan: str | None = None

    @property
    def loans(self) -> pd.DataFrame:
        """The active loans that may be changed."""
        return self.all_loans if self.loan is None else self.all_loans[self.all_loans["loan_id"] == self.loan]

    @property
    def day(self) -> int:
        """The as-of date in whole days since 1970-01-01."""
        return as_day(self.as_of)

    @cached_property
    def unpaid(self) -> pd.DataFrame:
        """Instalments of all loans that are owed and not settled: loan_id, instalment, due_on, principal, unpaid (cents)."""
        rows = self.rows["repayments"]
        rows = rows[rows["loan_id"].isin(self.all_loans["loan_id"])].sort_values(["loan_id", "instalment", "payment"])
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
        """The unpaid instalments of the loans to change whose day has passed, the oldest first."""
        is_past = (self.unpaid["due_on"] < self.day) & self.unpaid["loan_id"].isin(self.loans["loan_id"])
        return self.unpaid[is_past].sort_values(["due_on", "loan_id", "instalment"])

    def to_come(self, until: int) -> pd.DataFrame:
        """The unpaid instalments of all loans that fall due from the date to a last day, in the order of their days."""
        is_ahead = (self.unpaid["due_on"] >= self.day) & (self.unpaid["due_on"] <= until)
        return self.unpaid[is_ahead].sort_values(["due_on", "loan_id", "instalment"])

    @cached_property
    def schedules(self) -> dict[str, pd.DataFrame]:
        """Per loan to change: rows of its instalments after the date on which nothing was paid, if principal is among them."""
        rows, found = self.rows["repayments"], {}
        ahead = self.unpaid[self.unpaid["due_on"] > self.day]
        for loan_id in self.loans["loan_id"]:
            own = rows[rows["loan_id"] == loan_id]
            is_untouched = own.groupby("instalment")["paid_on"].transform("count") == 0
            is_ahead = own["instalment"].isin(ahead.loc[ahead["loan_id"] == loan_id, "instalment"])
            old = own[is_ahead & is_untouched & (own["payment"] == 1)].sort_values(["due_on", "instalment"])
            if (old["principal_due"] > 0).any():
                found[loan_id] = old
        return found

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
    """What a change moves, in cents: arrears paid, security pledged, principal postponed, limit given or taken, instalments paid.

    ``by_months`` is how long the principal is postponed, ``months`` how long is waited; the instalments paid meanwhile are owed
    anyway.
    """

    cash: int = 0
    security: int = 0
    postponed: int = 0
    by_months: int = 0
    limit: int = 0
    instalments: int = 0
    months: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True)
class Edited:
    """Facts after changes: the changes in their order, the rows, the date on which they are judged, and what the changes cost."""

    edits: tuple[Edit, ...]
    facts: Facts
    judged_on: str
    cost: Cost


def why_not(kind: str, facts: Facts, months: int = MOST_MONTHS) -> str:
    """Why a kind of change cannot be made to the facts, in words; empty if it can. ``months`` ahead what falls due is paid."""
    if kind == PAY_ARREARS:
        return "" if len(facts.overdue()) else "nothing is overdue"
    if kind == ADD_COLLATERAL:
        if "collateral" not in facts.rows:
            return "the book has no table of collateral"
        return "" if facts.loans["balance"].sum() > 0 else "no loan has a balance to secure"
    if kind == EXTEND_TENOR:
        return "" if facts.schedules else "no instalment of principal is still to fall due"
    if kind == SET_LIMIT:
        if "limits" not in facts.rows:
            return "the book has no table of limits"
        return "" if len(facts.lines) else "no credit line can be given another limit on the date"
    until = as_day(months_later(facts.as_of, months))
    return "" if len(facts.to_come(until)) else "no instalment falls due in that time"


def made(edits: Sequence[Edit], facts: Facts) -> Edited:
    """Make changes to the facts, each kind at most once, in the order of ``KINDS``.

    Raises
    ------
    NotChangeable
        One cannot be made, or is beyond what there is.
    """
    cost, judged_on, done = Cost(), facts.as_of, []
    for edit in sorted(edits, key=lambda each: KINDS.index(each.kind)):
        if because := why_not(edit.kind, facts, edit.size if edit.kind == PAY_ON_TIME else MOST_MONTHS):
            raise NotChangeable(because, _option(edit.kind), "Ask for another change.")
        if edit.size == ALL:
            edit = Edit(edit.kind, int(facts.overdue()["unpaid"].sum()))
        facts, more = _MAKERS[edit.kind](facts, edit.size)
        done.append(edit)
        cost = cost + more
        if edit.kind == PAY_ON_TIME:
            judged_on = months_later(facts.as_of, edit.size)
    return Edited(tuple(done), facts, judged_on, cost)


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
    return paid, Cost(instalments=int(due["unpaid"].sum()), months=months)


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
    rows, postponed, new, withdrawn = facts.rows["repayments"], 0, [], []
    loans, signed = facts.loans.set_index("loan_id"), facts.rows["loans"].set_index("loan_id")["signed_on"]
    for loan_id, old in facts.schedules.items():
        own = rows[rows["loan_id"] == loan_id]
        since = max([int(signed[loan_id]), *own.loc[own["due_on"] <= facts.day, "due_on"].astype("int64")])
        table = _extended(old, months, since, loans.loc[loan_id, "rate_bp"])
        new.append(table.assign(loan_id=loan_id, instalment=int(own["instalment"].max()) + 1 + np.arange(len(table)), payment=1,
                                scheduled_on=facts.day, is_derived=old["is_derived"].iloc[0]))
        postponed += int(old["principal_due"].sum())
        withdrawn += list(old.index)
    out = rows.astype({"superseded_by": object})
    out.loc[withdrawn, "superseded_on"] = facts.day
    out.loc[withdrawn, "superseded_by"] = "forbearance" if len(facts.overdue()) else "revision"
    changed = facts.with_rows("repayments", _under(out, pd.concat(new, ignore_index=True)))
    return changed, Cost(postponed=postponed, by_months=months)


def _extended(old: pd.DataFrame, months: int, since: int, rate_bp: float) -> pd.DataFrame:
    """A schedule in place of instalments still to come, that ends so many months later: due_on, principal_due, interest_due.

    Level instalments go on at their rhythm, in smaller equal parts; of any other profile every part of the principal falls due
    the months later, with interest on the old days. Interest is simple, on the principal outstanding, from the last due date
    (``since``) on at the loan's present rate, where the old schedule says how much interest is due; else it is not known.
    """
    old_days, parts = old["due_on"].to_numpy("int64"), old["principal_due"].to_numpy("int64")
    rhythm = float(np.median(np.diff(np.unique(old_days)))) if len(np.unique(old_days)) > 1 else 0.0
    moved = np.array([as_day(months_later(as_date(int(day)).isoformat(), months)) for day in old_days])
    if rhythm and parts.min() > 0 and parts.max() <= LEVEL * parts.min():
        n_more = max(round((moved[-1] - old_days[-1]) / rhythm), 1)
        ahead = (moved[-1] - old_days[-1]) * np.arange(1, n_more + 1) / n_more
        days = np.append(old_days, np.round(old_days[-1] + ahead).astype("int64"))
        principal = np.diff(np.round(np.arange(len(days) + 1) * (parts.sum() / len(days))).astype("int64"))
    else:
        days = np.union1d(old_days, moved)
        principal = np.array([parts[moved == day].sum() for day in days])
    outstanding = parts.sum() - np.append(0, principal.cumsum()[:-1])
    passed = np.diff(np.append(since, days))
    is_known = old["interest_due"].notna().all() and pd.notna(rate_bp)
    interest = np.round(outstanding * passed * float(rate_bp) / 10_000 / 365) if is_known else np.nan
    return pd.DataFrame({"due_on": days, "principal_due": principal, "interest_due": interest})


def _under(rows: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Further rows under those of a table; columns that they lack are empty."""
    more = more.reindex(columns=rows.columns)
    return pd.concat([rows.astype(object), more.astype(object)], ignore_index=True)


_MAKERS: dict[str, Callable[[Facts, int], tuple[Facts, Cost]]] = {
    PAY_ARREARS: _pay_arrears, ADD_COLLATERAL: _add_collateral, EXTEND_TENOR: _extend_tenor, SET_LIMIT: _set_limit,
    PAY_ON_TIME: _pay_on_time}
