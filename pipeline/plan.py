"""The work of a period: what the playbook asks to be done with every scored customer, and what of it is worth the hours.

An action's expected benefit is the money at risk times the probability of losing it times the share of that loss which the
action prevents, less the hours and the offer it takes. Actions that protect the same money of a customer overlap, as if each
prevented its share of what the others leave. Each manager's hours go to the actions that are worth most together, an offer only
with the talk it comes after where both are due; what is left is listed with what it would have added. All is as known on the
date: assignments as scored, facts from the book.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.days import days_later
from features.sources import Tables
from models.allocation import Work, added, worth_doing, worth_more_hours
from models.playbook import SHARED, Playbook, load_playbook
from pipeline.errors import BadSettings
from pipeline.explanations import kept_book
from pipeline.names import names_of
from pipeline.plan_words import beside, reason
from pipeline.settings import PlaybookSettings, Settings
from pipeline.tasks import Task, facts_of, tasks_of

PLANNED, LEFT, NOT_WORTH_IT = "planned", "left", "not worth it"
ORDER = (PLANNED, LEFT, NOT_WORTH_IT)
COLUMNS = ("manager", "customer_id", "name", "as_of", "type", "action", "action_en", "action_zh", "role", "due_on", "hours",
           "status", "expected_benefit", "money_at_risk", "probability", "effect", "amount", "why_en", "why_zh", "guide_en",
           "guide_zh")
OF_ACTION = {"action": "name", "after": "after", "protects": "protects", "role": "role", "action_en": "name_en",
             "action_zh": "name_zh", "guide_en": "guide_en", "guide_zh": "guide_zh"}


@dataclass(frozen=True)
class Plan:
    """A period's work.

    ``rows``: one per action, columns ``COLUMNS``, by manager (empty for none, and for all where ``is_one_list``), what is
    planned first, then what would be too with hours for all (left), then what is not worth it; ``expected_benefit`` is what an
    action adds to those before it, in this order and by due date, that protect the same money of the customer; ``amount`` is
    what falls due, the security to be added (after haircut), the balance that ends, or the offer allowed a year. ``hours``: of
    each manager. ``n_without_income``: scored customers whose income is not known, so that none of it is at risk.
    ``is_other_book``: the book is not the delivery that was scored. ``n_strangers``: customers with a manager who were not
    scored; ``n_outcomes``: what was recorded as done by the date.
    """

    as_of: str
    until: str
    hours: float
    rows: pd.DataFrame
    is_one_list: bool
    n_without_income: int
    is_other_book: bool
    n_strangers: int
    n_outcomes: int


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
        Manager by customer_id; without it all customers are one list. A customer without a manager gets no hours.
    alerts : DataFrame
        Early warnings, columns ``pipeline.alerts.COLUMNS``; those open count.
    outcomes : DataFrame
        What was done already, as ``pipeline.outcomes.recorded`` gives it; later days than the date do not count.
    settings : Settings
        What actions are worth.
    folder : Path
        Where the date was scored.

    Raises
    ------
    NotAssigned, NotExplained, DamagedRevision
        Nobody was scored on the date, or it cannot be read.
    BadSettings
        An action has no effect, or an effect no action.
    BrokenTypes
        The playbook cannot be read.
    """
    playbook, rules = effective(load_playbook(), settings.playbook), settings.playbook
    kept = kept_book(as_of, folder)
    of = facts_of(kept, tables, alerts, rules)
    known = outcomes[outcomes["on"] <= as_of]
    rows = _in_order(_priced(list(tasks_of(kept, of, playbook, tables, alerts, known, rules)), of, as_of, rules))
    rows["name"] = names_of(rows["customer_id"], tables)
    rows["manager"] = "" if managers is None else rows["customer_id"].map(managers).fillna("")
    rows = rows.sort_values(["manager", "customer_id", "due_on", "action"], kind="stable", ignore_index=True)
    is_done, is_left, adds = np.zeros(len(rows), bool), np.zeros(len(rows), bool), np.zeros(len(rows))
    for manager, own in rows.groupby("manager", sort=True):
        work = _work(own)
        done = worth_doing(work, hours if manager or managers is None else 0)
        left = worth_more_hours(work, done)
        is_done[own.index], is_left[own.index], adds[own.index] = done, left, added(work, done, left)
    rows["status"] = np.where(is_done, PLANNED, np.where(is_left, LEFT, NOT_WORTH_IT))
    rows["expected_benefit"] = adds
    for language in ("en", "zh"):
        rows[f"why_{language}"] = [one + beside(alone, benefit, language) for one, alone, benefit in
                                   zip(rows[f"why_{language}"], rows["alone"], adds)]
    rows["turn"] = rows["status"].map(ORDER.index)
    rows = rows.sort_values(["manager", "turn", "due_on", "customer_id", "action"], kind="stable", ignore_index=True)
    is_other_book = str(kept.assignments["data_fingerprint"].iloc[0]) != tables.fingerprint
    strangers = [] if managers is None else managers.index.difference(of.index)
    return Plan(as_of, days_later(as_of, rules.plan_days), hours, rows[list(COLUMNS)], managers is None,
                int(of["income"].isna().sum()), is_other_book, len(strangers), len(known))


def _work(rows: pd.DataFrame) -> Work:
    """The rows as tasks; those of a customer that protect money of which there is one sum are against the same loss."""
    one_sum = rows["customer_id"].where(rows["protects"].isin(SHARED), [f"\0{place}" for place in range(len(rows))])
    pool = pd.factorize(pd.MultiIndex.from_arrays([one_sum, rows["protects"]]))[0]
    return Work(*(rows[name].to_numpy(float) for name in ("loss", "effect", "cost", "hours")), pool, _needs(rows))


def _needs(rows: pd.DataFrame) -> np.ndarray:
    """The place of the action that each comes after, among the same rows; -1 where it comes after none, or that is not due."""
    places = pd.Series(np.arange(len(rows)), pd.MultiIndex.from_frame(rows[["customer_id", "action"]]))
    needed = pd.MultiIndex.from_frame(rows[["customer_id", "after"]])
    return places[~places.index.duplicated()].reindex(needed).fillna(-1).to_numpy(int)


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, none due before what it comes after."""
    needs = _needs(rows)
    due = rows["due_on"].to_numpy(object)
    return rows.assign(due_on=np.where(needs >= 0, np.maximum(due, due[needs]), due) if len(rows) else due)


def effective(playbook: Playbook, rules: PlaybookSettings) -> Playbook:
    """The playbook, every action of which has an effect.

    Raises
    ------
    BadSettings
        One has none, or an effect is of no action.
    """
    names = {action.name for actions in playbook.values() for action in actions}
    if odd := sorted(names ^ set(rules.effects)):
        raise BadSettings(f"the effect of {odd[0]} is missing, or it is no action", "[playbook.effects]",
                          "Give each action of models/types.toml one effect.")
    return playbook


def _priced(tasks: Sequence[Task], of: pd.DataFrame, as_of: str, rules: PlaybookSettings) -> pd.DataFrame:
    """The tasks with what they are worth and why."""
    actions, customers = [task.action for task in tasks], [task.of.customer_id for task in tasks]
    exposure, kinds = (of[name].reindex(customers) for name in ("exposure", "type"))
    money, p, amount = (np.array([getattr(task.of, name) for task in tasks], float)
                        for name in ("money", "probability", "amount"))
    effect, hours = np.array([[rules.effects[action.name], action.hours] for action in actions], float).reshape(-1, 2).T
    saved, has_offer = money * p * effect, np.array([action.has_offer for action in actions], bool)
    most = np.minimum(rules.rate_cut * exposure.to_numpy(float), rules.offer_saving_share * saved / rules.years_of_income)
    offer = np.where(has_offer, most, 0.0)
    cost = offer * rules.years_of_income + hours * rules.hour_price
    alone = np.round(saved - cost, 2)
    rows = pd.DataFrame({column: pd.Series([getattr(action, name) for action in actions], dtype=object)
                         for column, name in OF_ACTION.items()})
    rows = rows.assign(customer_id=customers, as_of=as_of, type=kinds.to_numpy(object), hours=hours, effect=effect,
                       due_on=[days_later(as_of, task.of.days) for task in tasks], loss=money * p, cost=cost, alone=alone,
                       money_at_risk=money.round(2), probability=p.round(4), amount=np.where(has_offer, offer, amount).round(2))
    for language in ("en", "zh"):
        rows[f"why_{language}"] = [reason(task, as_of, *sums, rules.years_of_income, language)
                                   for task, *sums in zip(tasks, effect, offer, alone)]
    return rows
