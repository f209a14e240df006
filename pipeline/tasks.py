"""What the playbook asks to be done with scored customers in a period, and the money at risk, as known on the date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.days import days_later
from features.frame import feature_frame
from features.holdings import due_next, loans_held
from features.sources import Tables
from models.alike import most_alike
from models.playbook import INSTALMENT, MATURITY, PRODUCT, SHORTFALL, WARNINGS, YEAR, Action, Playbook
from pipeline.explanations import KeptBook
from pipeline.settings import PlaybookSettings

OPEN = ("new", "open")
WARNING_DAYS = {1: 30, 2: 10, 3: 3}
"""Days in which a warning is followed up, by its severity."""

MATURITY_DAYS = 30
"""Days before a loan ends by which it is talked about what comes after."""

FACTS = ["exposure_drawn", "interest_income_12m", "fee_income_12m", "collateral_cover_ratio", "on_time_share_12m",
         "n_product_families", "days_since_contact"]


@dataclass(frozen=True)
class Occasion:
    """Why something is to be done for a customer: in how many days, the money at risk, how probably it is lost.

    ``amount``: what falls due, is secured too little or has to be borrowed anew; missing for others. ``about``: what its reason
    tells.
    """

    customer_id: str
    days: int
    money: float
    probability: float
    amount: float = np.nan
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """An action of the playbook with its occasion."""

    action: Action
    of: Occasion


def facts_of(kept: KeptBook, tables: Tables, alerts: pd.DataFrame, rules: PlaybookSettings) -> pd.DataFrame:
    """By customer, in the order of the assignments: ``FACTS``, and what is at risk and how probably.

    type, exposure, income (NaN where not known), late (share of a year's instalments paid late; the mean of the book where not
    known), principal (lost in a default), future_income (gone with the customer; 0 where not known), p_default and p_leaving
    (within a year; open warnings raise them by their severity, the worst counting).
    """
    rows = kept.assignments.set_index("customer_id")
    of = feature_frame(kept.assignments[["customer_id", "as_of"]], tables).set_index("customer_id")[FACTS].loc[rows.index]
    income = of[["interest_income_12m", "fee_income_12m"]].sum(axis=1, min_count=1)
    late = 1 - of["on_time_share_12m"]
    of = of.assign(type=rows["type"], exposure=of["exposure_drawn"].fillna(0), income=income,
                   late=late.fillna(late.mean()).fillna(0), future_income=income.fillna(0) * rules.years_of_income)
    of["principal"] = of["exposure"] * rules.loss_share
    for kind, often, seldom, name in (("risk", rules.risk_default_rate, rules.other_default_rate, "p_default"),
                                      ("churn", rules.churn_leaving_rate, rules.other_leaving_rate, "p_leaving")):
        worst = _open(alerts, kind).groupby("customer_id")["severity"].max().reindex(rows.index).astype(float).fillna(0)
        usual = rows[f"p_{kind}"] * often + (1 - rows[f"p_{kind}"]) * seldom
        of[name] = (usual * rules.warning_factor**worst).clip(upper=1)
    return of


def tasks_of(kept: KeptBook, of: pd.DataFrame, playbook: Playbook, tables: Tables, alerts: pd.DataFrame, outcomes: pd.DataFrame,
             rules: PlaybookSettings) -> Iterator[Task]:
    """The actions that are due in the period, customer by customer.

    What is due so many times a year is due when so much of a year has passed since it was last recorded as done, and at once
    where it never was. What an event calls for is due with it, and is not asked for again within a period; a reminder not again
    for an instalment before which one was given, no earlier than reminders are.
    """
    as_of = str(kept.assignments["as_of"].iloc[0])
    acted = outcomes[outcomes["action"] != ""].groupby(["customer_id", "action"])["on"].max()
    ago = {key: (date.fromisoformat(as_of) - date.fromisoformat(day)).days for key, day in acted.items()}
    cohort = kept.assignments[["customer_id", "as_of"]]
    loans, events = loans_held(cohort, tables), {}
    for per, found in ((INSTALMENT, _instalments(cohort, of, tables, rules)), (MATURITY, _maturities(loans, of, rules)),
                       (SHORTFALL, _shortfalls(of, rules)), (PRODUCT, _products(kept, of, loans, playbook, rules)),
                       *((name, _warnings(alerts, kind, of, rules)) for kind, name in WARNINGS.items())):
        for event in found:
            events.setdefault((event.customer_id, per), []).append(event)
    for one in of.itertuples():
        for action in playbook[one.type]:
            last = ago.get((one.Index, action.name), np.inf)
            if action.per == YEAR:
                if action.is_contact:
                    last = np.nanmin([last, one.days_since_contact])
                days = max(0, 365 // action.times - last)
                if days <= rules.plan_days:
                    about = {"times": action.times, "last": days_later(as_of, -last) if last < np.inf else None}
                    yield Task(action, Occasion(one.Index, int(days), *_at_risk(action, one), about=about))
                continue
            for event in events.get((one.Index, action.per), ()):
                opened = event.about["days"] - rules.reminder_days if action.per == INSTALMENT else -rules.plan_days
                if -last < opened:
                    yield Task(action, event)


def _at_risk(action: Action, one: Any) -> tuple[float, float]:
    return (one.principal, one.p_default) if action.protects == "principal" else (one.future_income, one.p_leaving)


def _open(alerts: pd.DataFrame, kind: str) -> pd.DataFrame:
    return alerts[alerts["status"].isin(OPEN) & (alerts["list"] == kind)]


def _instalments(cohort: pd.DataFrame, of: pd.DataFrame, tables: Tables, rules: PlaybookSettings) -> Iterator[Occasion]:
    """What falls due and can be reminded of within the period."""
    due = due_next(cohort, rules.plan_days + rules.reminder_days, tables)
    for who, days, amount in zip(due["customer_id"], due["due_in_days"].tolist(), (due["unpaid"] / 100).tolist()):
        late = of.at[who, "late"]
        yield Occasion(who, max(0, days - rules.reminder_days), amount * rules.late_cost_share, late, amount,
                    {"amount": amount, "days": days, "late": late})


def _maturities(loans: pd.DataFrame, of: pd.DataFrame, rules: PlaybookSettings) -> Iterator[Occasion]:
    """Customers of whom a loan ends in the period, the first one's day counting."""
    for who, own in loans[loans["days_to_end"].between(0, rules.plan_days)].groupby("customer_id", sort=True):
        days = int(own["days_to_end"].min())
        yield Occasion(who, max(0, days - MATURITY_DAYS), of.at[who, "future_income"], of.at[who, "p_leaving"],
                    own["balance"].sum() / 100, {"loans": ", ".join(own["loan_id"]), "days": days})


def _shortfalls(of: pd.DataFrame, rules: PlaybookSettings) -> Iterator[Occasion]:
    """Customers whose collateral covers less than the level asked for, and what more, after haircut, lifts it there."""
    for one in of[(of["collateral_cover_ratio"] < rules.cover_level) & (of["exposure"] > 0)].itertuples():
        amount = (rules.cover_level - one.collateral_cover_ratio) * one.exposure
        yield Occasion(one.Index, rules.plan_days, min(amount, one.principal), one.p_default, amount,
                    {"cover": one.collateral_cover_ratio, "level": rules.cover_level, "exposure": one.exposure, "amount": amount})


def _products(kept: KeptBook, of: pd.DataFrame, loans: pd.DataFrame, playbook: Playbook,
              rules: PlaybookSettings) -> Iterator[Occasion]:
    """Products that most of the customers most like one in its type have and this one lacks.

    At stake is the median yearly income per product family of those who have it, and the probability is their share.
    """
    has = loans.assign(one=1).pivot_table(index="customer_id", columns="product", values="one", aggfunc="max").reindex(of.index)
    per_family = (of["income"] / of["n_product_families"].where(of["n_product_families"] > 0)).to_numpy(float)
    for kind in (kind for kind, actions in playbook.items() if any(action.per == PRODUCT for action in actions)):
        places = np.flatnonzero(of["type"] == kind)
        if len(places) < 2:
            continue
        alike = places[most_alike(kept.values[places], rules.n_alike)]
        for product in sorted(has.columns):
            own = has[product].notna().to_numpy()
            for place, near in zip(places, alike):
                share, incomes = float(own[near].mean()), per_family[near[own[near]]]
                if own[place] or share < rules.least_alike_share or np.isnan(incomes).all():
                    continue
                income = float(np.nanmedian(incomes))
                yield Occasion(of.index[place], rules.plan_days, income * rules.years_of_income, share,
                            about={"product": product, "share": share, "n": len(near), "income": income})


def _warnings(alerts: pd.DataFrame, kind: str, of: pd.DataFrame, rules: PlaybookSettings) -> Iterator[Occasion]:
    """Customers with an open warning of a list, the gravest counting; one follow-up each."""
    own = _open(alerts, kind)
    own = own[own["customer_id"].isin(of.index)]
    own = own.sort_values(["severity", "first_seen", "alert_id"], ascending=[False, True, True], kind="stable")
    money, probability = ("principal", "p_default") if kind == "risk" else ("future_income", "p_leaving")
    for one in own.drop_duplicates("customer_id").itertuples():
        yield Occasion(one.customer_id, min(rules.plan_days, WARNING_DAYS[int(one.severity)]), of.at[one.customer_id, money],
                    of.at[one.customer_id, probability],
                    about={"severity": int(one.severity), "since": one.first_seen, "en": one.reasons_en, "zh": one.reasons_zh})
