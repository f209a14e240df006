"""The work of a period: what the playbook asks to be done with every scored customer, and what of it is worth the hours.

An action's expected benefit is the money at risk times the probability of losing it times the share of that loss which the action
prevents, less the hours and the offer it takes. Each manager's hours go to the actions that are worth most together; what is left is
listed with what it would have been worth. Everything is as known on the date: assignments as scored, facts from the book.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import PentadError
from features.frame import feature_frame
from features.holdings import due_next, loans_held
from features.sources import Tables
from models.alike import most_alike
from models.allocation import worth_doing
from models.playbook import (
    INCOME,
    INSTALMENT,
    MATURITY,
    NEW_INCOME,
    PRINCIPAL,
    PRODUCT,
    SHORTFALL,
    WARNINGS,
    YEAR,
    Action,
    Playbook,
    load_playbook,
)
from pipeline.errors import BadSettings
from pipeline.explanations import KeptBook, kept_book
from pipeline.plan_words import reason
from pipeline.settings import PlaybookSettings, Settings

ALERTS = ("alert_id", "list", "source", "trigger", "customer_id", "severity", "value", "level", "unit", "reasons_en", "reasons_zh",
          "owner", "escalation", "first_seen", "last_seen", "status", "cleared_on", "done")
OPEN = ("new", "open")
WARNING_DAYS = {1: 30, 2: 10, 3: 3}
"""Days in which a warning is followed up, by its severity."""

PLANNED, LEFT, NOT_WORTH_IT = "planned", "left", "not worth it"
COLUMNS = ("manager", "customer_id", "as_of", "type", "action", "action_en", "action_zh", "role", "due_on", "hours", "status",
           "expected_benefit", "money_at_risk", "probability", "effect", "amount", "why_en", "why_zh", "guide_en", "guide_zh")
UNASSIGNED = ""


class BrokenManagers(PentadError):
    """The file of relationship managers cannot be read as one manager per customer."""

    exit_code = 74


@dataclass(frozen=True)
class Plan:
    """A period's work.

    ``rows``: one per action, with columns ``COLUMNS``, by manager, what is planned first. ``hours``: of each manager.
    ``n_without_income``: scored customers whose income is not known, so that nothing is at risk with it. ``is_other_book``: the
    book is not the delivery that was scored.
    """

    as_of: str
    until: str
    hours: float
    rows: pd.DataFrame
    n_without_income: int
    is_other_book: bool


def no_alerts() -> pd.DataFrame:
    """A frame of early warnings without a row."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in ALERTS})


def plan(as_of: str, hours: float, tables: Tables, managers: pd.Series | None, alerts: pd.DataFrame, outcomes: pd.DataFrame,
         settings: Settings, folder: Path) -> Plan:
    """Turn a scored date into a work list per relationship manager.

    Parameters
    ----------
    as_of : str
        The scored date (ISO).
    hours : float
        That each manager has for the period.
    tables : Tables
        The book.
    managers : Series, optional
        Manager by customer_id; without it all customers are one list. Customers without a manager get no hours.
    alerts : DataFrame
        Early warnings, columns ``ALERTS``; those open count.
    outcomes : DataFrame
        What was done already, as ``pipeline.outcomes.recorded`` gives it; later days do not count.
    settings : Settings
        What actions are worth.
    folder : Path
        Where the date was scored.

    Raises
    ------
    NotAssigned, NotExplained
        Nobody was scored on the date, or it cannot be read.
    BadSettings
        An action has no effect, or an effect no action.
    BrokenTypes
        The playbook cannot be read.
    """
    playbook, rules = effective(load_playbook(), settings.playbook), settings.playbook
    kept = kept_book(as_of, folder)
    of = _facts(kept, tables, alerts, rules)
    tasks = pd.DataFrame(_tasks(kept, of, playbook, tables, alerts, outcomes[outcomes["on"] <= as_of], rules), columns=list(_TASK))
    rows = _priced(tasks, of, as_of, rules)
    rows["manager"] = "all" if managers is None else rows["customer_id"].map(managers).fillna(UNASSIGNED)
    rows = rows.sort_values(["manager", "customer_id", "action", "due_on"], kind="stable", ignore_index=True)
    rows["status"] = np.where(rows["expected_benefit"] > 0, LEFT, NOT_WORTH_IT)
    for manager, own in rows.groupby("manager", sort=True):
        if manager != UNASSIGNED:
            done = worth_doing(own["expected_benefit"].to_numpy(float), own["hours"].to_numpy(float), hours)
            rows.loc[own.index[done], "status"] = PLANNED
    turn = rows["status"].map({PLANNED: 0, LEFT: 1, NOT_WORTH_IT: 2})
    rows = rows.assign(turn=turn).sort_values(["manager", "turn", "due_on", "customer_id", "action"], kind="stable", ignore_index=True)
    return Plan(as_of, _day(as_of, rules.plan_days), hours, rows[list(COLUMNS)], int(of["income"].isna().sum()),
                str(kept.assignments["data_fingerprint"].iloc[0]) != tables.fingerprint)


def effective(playbook: Playbook, rules: PlaybookSettings) -> Playbook:
    """The playbook, every action of which has an effect.

    Raises
    ------
    BadSettings
        One has none, or an effect is of no action.
    """
    names = {action.name for actions in playbook.values() for action in actions}
    if odd := sorted(names ^ set(rules.effects)):
        raise BadSettings(f"effect of {odd[0]} missing or of no action", "[playbook.effects]",
                          "Give each action of models/types.toml one effect.")
    return playbook


def read_managers(file: Path) -> pd.Series:
    """The relationship manager of each customer, from a CSV file with the columns customer_id and manager.

    Raises
    ------
    BrokenManagers
        It cannot be read, lacks a column, or a row lacks a value or names a customer again.
    """
    todo = "Write UTF-8 CSV with the columns customer_id and manager, one row per customer."
    try:
        rows = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BrokenManagers(f"not readable ({str(error).splitlines()[0]})", str(file), todo) from None
    if absent := [name for name in ("customer_id", "manager") if name not in rows]:
        raise BrokenManagers(f"no column {absent[0]}", str(file), todo)
    rows = rows[["customer_id", "manager"]].apply(lambda column: column.str.strip())
    for row, who, manager in rows.itertuples():
        if not who or not manager:
            raise BrokenManagers(f"row {row + 2} has no {'customer_id' if not who else 'manager'}", str(file), todo)
    if (again := rows["customer_id"].duplicated()).any():
        raise BrokenManagers(f"customer {rows.loc[again, 'customer_id'].iloc[0]} twice", str(file), todo)
    return rows.set_index("customer_id")["manager"]


def _day(as_of: str, days: int) -> str:
    return (date.fromisoformat(as_of) + timedelta(days=int(days))).isoformat()


_FACTS = ("exposure_drawn", "interest_income_12m", "fee_income_12m", "collateral_cover_ratio", "on_time_share_12m",
          "n_product_families", "days_since_contact")


def _facts(kept: KeptBook, tables: Tables, alerts: pd.DataFrame, rules: PlaybookSettings) -> pd.DataFrame:
    """By customer: what is at risk and how probably. Warnings raise the probability by their severity, the worst counting."""
    rows = kept.assignments.set_index("customer_id")
    of = feature_frame(kept.assignments[["customer_id", "as_of"]], tables).set_index("customer_id")[list(_FACTS)].loc[rows.index]
    of = of.assign(type=rows["type"], exposure=of["exposure_drawn"].fillna(0), late=1 - of["on_time_share_12m"],
                   income=of[["interest_income_12m", "fee_income_12m"]].sum(axis=1, min_count=1))
    of["late"] = of["late"].fillna(of["late"].mean()).fillna(0)
    is_open = alerts["status"].isin(OPEN)
    for name, kind, usual in (("default", "risk", "other_default_rate"), ("leaving", "churn", "other_leaving_rate")):
        often, seldom = getattr(rules, f"{kind}_{name}_rate"), getattr(rules, usual)
        own = alerts[is_open & (alerts["list"] == kind)].groupby("customer_id")["severity"].max()
        severity = own.reindex(rows.index).astype(float).fillna(0)
        of[f"p_{name}"] = ((rows[f"p_{kind}"] * often + (1 - rows[f"p_{kind}"]) * seldom) * rules.warning_factor**severity).clip(upper=1)
    return of


_TASK = ("customer_id", "action", "days", "money", "probability", "amount", "about")
Task = tuple[str, Action, int, float, float, float, dict]
"""A customer's action, in how many days it is due, the money at risk and how probably; an amount, and what its reason tells."""


def _tasks(kept: KeptBook, of: pd.DataFrame, playbook: Playbook, tables: Tables, alerts: pd.DataFrame, outcomes: pd.DataFrame,
           rules: PlaybookSettings) -> Iterator[Task]:
    as_of = str(kept.assignments["as_of"].iloc[0])
    acted = outcomes[outcomes["action"] != ""].groupby(["customer_id", "action"])["on"].max()
    ago = {key: (date.fromisoformat(as_of) - date.fromisoformat(day)).days for key, day in acted.items()}
    events = {}
    cohort = kept.assignments[["customer_id", "as_of"]]
    loans = loans_held(cohort, tables)
    for per, found in ((INSTALMENT, _instalments(cohort, of, tables, rules)), (MATURITY, _maturities(loans, of, rules)),
                       (SHORTFALL, _shortfalls(of, rules)), (PRODUCT, _products(kept, of, loans, playbook, rules)),
                       *((name, _warnings(alerts, kind, of, rules)) for kind, name in WARNINGS.items())):
        for who, *event in found:
            events.setdefault((who, per), []).append(event)
    for one in of.itertuples():
        for action in playbook[one.type]:
            last = ago.get((one.Index, action.name))
            if action.per == YEAR:
                if action.is_contact and not np.isnan(one.days_since_contact):
                    last = min(one.days_since_contact, np.inf if last is None else last)
                days = 0 if last is None else max(0, int(365 // action.times - last))
                if days <= rules.plan_days:
                    money, p = _at_risk(action, one, rules)
                    yield one.Index, action, days, money, p, np.nan, {"times": action.times, "last": None if last is None else
                                                                      _day(as_of, -last)}
            elif action.per == INSTALMENT or last is None or last > rules.plan_days:
                yield from ((one.Index, action, *event) for event in events.get((one.Index, action.per), ()))


def _at_risk(action: Action, one, rules: PlaybookSettings) -> tuple[float, float]:
    if action.protects == PRINCIPAL:
        return one.exposure * rules.loss_share, one.p_default
    return (0.0 if np.isnan(one.income) else one.income) * rules.years_of_income, one.p_leaving


def _instalments(cohort: pd.DataFrame, of: pd.DataFrame, tables: Tables, rules: PlaybookSettings) -> Iterator[tuple]:
    due = due_next(cohort, rules.plan_days + rules.reminder_days, tables)
    late = of["late"]
    for who, days, cents in zip(due["customer_id"], due["due_in_days"], due["unpaid"]):
        amount = cents / 100
        yield (who, max(0, days - rules.reminder_days), amount * rules.late_cost_share, late[who], amount,
               {"amount": amount, "days": int(days), "late": late[who]})


def _maturities(loans: pd.DataFrame, of: pd.DataFrame, rules: PlaybookSettings) -> Iterator[tuple]:
    """Customers of whom a loan ends in the period, the first one's day counting; their income is at risk."""
    ending = loans[loans["days_to_end"].between(0, rules.plan_days)]
    for who, own in ending.groupby("customer_id", sort=True):
        income = of.at[who, "income"]
        yield (who, int(own["days_to_end"].min()), (0.0 if np.isnan(income) else income) * rules.years_of_income, of.at[who, "p_leaving"],
               own["balance"].sum() / 100, {"loans": ", ".join(own["loan_id"]), "days": int(own["days_to_end"].min())})


def _shortfalls(of: pd.DataFrame, rules: PlaybookSettings) -> Iterator[tuple]:
    """Customers whose collateral covers less than the level asked for, and what more, after haircut, would lift it there."""
    short = of[(of["collateral_cover_ratio"] < rules.cover_level) & (of["exposure"] > 0)]
    for one in short.itertuples():
        amount = (rules.cover_level - one.collateral_cover_ratio) * one.exposure
        yield (one.Index, rules.plan_days, min(amount, one.exposure * rules.loss_share), one.p_default, amount,
               {"cover": one.collateral_cover_ratio, "level": rules.cover_level, "exposure": one.exposure, "amount": amount})


def _products(kept: KeptBook, of: pd.DataFrame, loans: pd.DataFrame, playbook: Playbook, rules: PlaybookSettings) -> Iterator[tuple]:
    """Products that most of the customers most like one in its type have and this one lacks.

    At stake is the median yearly income per product family of those who have it.
    """
    has = loans.assign(one=1).pivot_table(index="customer_id", columns="product", values="one", aggfunc="max").reindex(of.index)
    has, per_family = has.notna(), (of["income"] / of["n_product_families"].where(of["n_product_families"] > 0)).to_numpy(float)
    for kind, actions in playbook.items():
        places = np.flatnonzero(of["type"] == kind)
        if not any(action.per == PRODUCT for action in actions) or len(places) < 2:
            continue
        alike = places[most_alike(kept.values[places], rules.n_alike)]
        for product in sorted(has.columns):
            own = has[product].to_numpy(bool)
            shares = own[alike].mean(axis=1)
            for place, near, share in zip(places, alike, shares):
                incomes = per_family[near[own[near]]]
                if own[place] or share < rules.least_alike_share or np.isnan(incomes).all():
                    continue
                yield (of.index[place], rules.plan_days, float(np.nanmedian(incomes)) * rules.years_of_income, float(share), np.nan,
                       {"product": product, "share": float(share), "n": len(near), "income": float(np.nanmedian(incomes))})


def _warnings(alerts: pd.DataFrame, kind: str, of: pd.DataFrame, rules: PlaybookSettings) -> Iterator[tuple]:
    """Customers with an open warning of a list, the gravest counting; one follow-up each."""
    own = alerts[alerts["status"].isin(OPEN) & (alerts["list"] == kind) & alerts["customer_id"].isin(of.index)]
    own = own.sort_values(["severity", "first_seen", "alert_id"], ascending=[False, True, True], kind="stable")
    for one in own.drop_duplicates("customer_id").itertuples():
        facts = of.loc[one.customer_id]
        money, p = ((facts["exposure"] * rules.loss_share, facts["p_default"]) if kind == "risk" else
                    (np.nan_to_num(facts["income"]) * rules.years_of_income, facts["p_leaving"]))
        yield (one.customer_id, min(rules.plan_days, WARNING_DAYS[int(one.severity)]), money, p, np.nan,
               {"severity": int(one.severity), "since": one.first_seen, "en": one.reasons_en, "zh": one.reasons_zh})


def _priced(tasks: pd.DataFrame, of: pd.DataFrame, as_of: str, rules: PlaybookSettings) -> pd.DataFrame:
    """The tasks with what they are worth and why."""
    actions = tasks["action"].tolist()
    effect = np.array([rules.effects[action.name] for action in actions], float)
    hours = np.array([action.hours for action in actions], float)
    money, p = tasks["money"].to_numpy(float), tasks["probability"].to_numpy(float)
    saved = money * p * effect
    exposure = of["exposure"].reindex(tasks["customer_id"]).to_numpy(float)
    has_offer = np.array([action.has_offer for action in actions], bool)
    offer = np.where(has_offer, np.minimum(rules.rate_cut * exposure, rules.offer_saving_share * saved / rules.years_of_income), 0.0)
    benefit = np.round(saved - offer * rules.years_of_income - hours * rules.hour_price, 2)
    names = ["name", "name_en", "name_zh", "role", "guide_en", "guide_zh"]
    rows = pd.DataFrame([[getattr(action, name) for name in names] for action in actions],
                        columns=["action", "action_en", "action_zh", "role", "guide_en", "guide_zh"], dtype=object)
    rows = rows.assign(customer_id=tasks["customer_id"].to_numpy(object), as_of=as_of, hours=hours,
                       type=of["type"].reindex(tasks["customer_id"]).to_numpy(object),
                       due_on=[_day(as_of, days) for days in tasks["days"]], expected_benefit=benefit, money_at_risk=money.round(2),
                       probability=p.round(4), effect=effect,
                       amount=np.round(np.where(has_offer, offer, tasks["amount"].to_numpy(float)), 2))
    sums = list(zip(money, p, effect, hours, offer, benefit))
    for language in ("en", "zh"):
        rows[f"why_{language}"] = [reason(action, about, as_of, *figures, rules, language)
                                   for action, about, figures in zip(actions, tasks["about"], sums)]
    return rows
