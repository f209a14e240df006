"""Alerts as of a date: which triggers fire for whom, which alerts go on, and which clear.

An alert is one trigger that holds of one customer. It is raised once, stays open with its history until its value is back beyond
the level at which it clears, and is told once more on the date on which it cleared. What is open then depends on the alerts of
the date before alone, so that the dates are warned one after the other. An alert of a migration (the customer became of the type)
stays open as long as it is so; the earlier date that it was raised against comes to be after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.triggers import CHANGE, LEAST, LISTS, MOST, Trigger
from models.types import ORDER

NEW, OPEN, CLEARED = "new", "open", "cleared"
BELOW, GONE, UNKNOWN, WITHDRAWN = "level", "gone", "unknown", "withdrawn"
"""Why an alert cleared: the value is back beyond its level; the customer is not scored any more; its measure is not known any
more, though it is of others; the trigger was taken out of the file."""

ALERT = ["alert_id", "list", "source", "trigger", "customer_id", "severity", "value", "level", "unit", "first_seen", "last_seen",
         "status", "cleared_on", "cleared_because", "history"]


def snapshot(customers: Sequence[str], features: Sequence[str], values: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """What triggers look at, one row per customer (the index), one column per feature and per word of the model.

    Parameters
    ----------
    customers, features : sequence of str
        Names of the rows and columns of ``values`` (n, n_features).
    probabilities : ndarray, shape (n, 5)
        Of each type, in the order of precedence, which decides between equal ones.
    """
    found = pd.DataFrame(values, index=pd.Index(customers, dtype=object, name="customer_id"), columns=list(features))
    own = np.argmax(probabilities, axis=1)  # the first of equal ones
    said = {}
    for kind in LISTS:
        place = ORDER.index(kind)
        said |= {f"p_{kind}": probabilities[:, place], f"is_{kind}": (own == place).astype(float)}
    return pd.concat([found, pd.DataFrame(said, index=found.index)], axis=1)


def measured(trigger: Trigger, now: pd.DataFrame, since: pd.DataFrame | None) -> pd.Series | None:
    """What raises alerts: the trigger's value of every customer, NaN where it is not asked or not known; None where nobody can be
    asked.

    Nobody can where the model was not given the feature, where nobody has it (its table was not delivered), or where there is no
    earlier date to compare with.
    """
    values = _known(trigger, now, since)
    return None if values is None else values.where(now[trigger.asked_of].notna())


def held_to(trigger: Trigger, now: pd.DataFrame, since: pd.DataFrame | None) -> pd.Series | None:
    """What keeps alerts open: as ``measured``, but of those who are not asked too, and of a migration the state of today against
    the one that was left, whenever it was left.
    """
    if trigger.is_migration:
        since = pd.DataFrame({trigger.measure: float(trigger.raises == MOST)}, index=now.index)
    return _known(trigger, now, since)


def _known(trigger: Trigger, now: pd.DataFrame, since: pd.DataFrame | None) -> pd.Series | None:
    if trigger.measure not in now or trigger.asked_of not in now or not now[trigger.asked_of].notna().any():
        return None
    values = now[trigger.measure]
    if trigger.compared == CHANGE:
        if since is None or trigger.measure not in since:
            return None
        values = values - since[trigger.measure].reindex(now.index)
    return values.astype(float)


def grades(trigger: Trigger, values: np.ndarray) -> np.ndarray:
    """Severity of each value, 1 to 3; 0 where no level is reached or the value is not known."""
    found = np.zeros(len(values), int)
    for grade, level in trigger.levels:
        found[_reaches(trigger, values, level)] = grade
    return found


def _reaches(trigger: Trigger, values: np.ndarray, level: float) -> np.ndarray:
    return values >= level if trigger.raises == LEAST else values <= level


def carried_on(
    before: pd.DataFrame, now: pd.DataFrame, since: pd.DataFrame | None, triggers: Sequence[Trigger], as_of: str
) -> pd.DataFrame:
    """The alerts of a date: those that are new, those still open and those that cleared on it.

    Parameters
    ----------
    before : DataFrame
        The alerts of the date warned before, as this function gives them; its cleared ones are over and left out.
    now, since : DataFrame
        ``snapshot`` of the date and of the earlier date that changes are measured against; None where there is none.
    triggers : sequence of Trigger
        In their order.
    as_of : str
        The date (ISO).

    Returns
    -------
    DataFrame
        The columns ``ALERT``: risk before churn, then by falling severity, customer and trigger. ``level`` is the one that the
        value reached; of an open alert below all of them, and of a cleared one, the one at which it clears. ``last_seen`` is the
        last date on which it was open. ``history`` has date, severity and value of every date that it was open on.
    """
    running = before[before["status"] != CLEARED]
    found = [_of_trigger(trigger, running[running["trigger"] == trigger.name], now, since, as_of) for trigger in triggers]
    known = [trigger.name for trigger in triggers]
    withdrawn = running[~running["trigger"].isin(known)]
    found.append(withdrawn.assign(status=CLEARED, cleared_on=as_of, cleared_because=WITHDRAWN, value=np.nan))
    rows = pd.concat([each for each in found if len(each)] or [before.iloc[:0]], ignore_index=True)[ALERT]
    order = rows.assign(list=rows["list"].map(LISTS.index), severity=-rows["severity"])
    return rows.loc[order.sort_values(["list", "severity", "customer_id", "trigger"]).index].reset_index(drop=True)


def _of_trigger(
    trigger: Trigger, running: pd.DataFrame, now: pd.DataFrame, since: pd.DataFrame | None, as_of: str
) -> pd.DataFrame:
    raising, holding = measured(trigger, now, since), held_to(trigger, now, since)
    is_unmeasured = pd.Series(True, now.index) if holding is None else holding.isna() & now[trigger.measure].notna()
    fresh, value = (np.full(len(now), np.nan) if found is None else found.to_numpy() for found in (raising, holding))
    grade, standing = grades(trigger, fresh), grades(trigger, value)
    at = now.index.get_indexer(running["customer_id"].to_numpy(object))
    is_there, is_running = at >= 0, np.zeros(len(now), bool)
    is_running[at[is_there]] = True
    new = np.flatnonzero((grade > 0) & ~is_running)
    stays = is_there & ((standing > 0) | _reaches(trigger, value, trigger.clears) | is_unmeasured.to_numpy())[at]
    going_on = at[stays]
    customers = now.index.to_numpy(object)[new]
    opened = pd.DataFrame({
        "alert_id": [_id(who, trigger.name, as_of) for who in customers], "list": trigger.list, "source": trigger.source,
        "trigger": trigger.name, "customer_id": customers, "unit": trigger.unit, "severity": grade[new], "first_seen": as_of,
        "value": fresh[new], "status": NEW, "history": "", "cleared_on": "", "cleared_because": ""})
    kept = running[stays].assign(status=OPEN, value=value[going_on])
    kept["severity"] = np.where(np.isnan(value[going_on]), kept["severity"], np.maximum(standing[going_on], 1))
    still = pd.concat([each for each in (opened, kept) if len(each)] or [opened], ignore_index=True)
    reached = np.concatenate([grade[new], standing[going_on]])
    still["level"] = [dict(trigger.levels).get(each, trigger.clears) for each in reached]
    still["last_seen"] = as_of
    entries = [f"{as_of} {severity} {each:.6g}" for severity, each in zip(still["severity"], still["value"])]
    still["history"] = [f"{past}; {entry}" if past else entry for past, entry in zip(still["history"], entries)]
    last = np.where(is_there, value[at], np.nan)[~stays]
    because = np.where(~is_there[~stays], GONE, np.where(np.isnan(last), UNKNOWN, BELOW)).astype(object)
    over = running[~stays].assign(status=CLEARED, cleared_on=as_of, level=trigger.clears, value=last, cleared_because=because)
    return pd.concat([each for each in (still, over) if len(each)] or [still], ignore_index=True)


def _id(customer: str, trigger: str, first_seen: str) -> str:
    """The name of an alert for good: of one customer, trigger and day on which it was raised."""
    return hashlib.sha256("\x1f".join((customer, trigger, first_seen)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
