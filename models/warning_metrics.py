"""Were the warnings worth having: how early, for how many of the events, at the price of how many alerts and false alarms.

An event is the first of its kind in a customer's record. An alert warns of it when it was raised before the event and was still
open, or had been, within the horizon before it. An alert is false when no event follows within the horizon after it was raised;
it is decided when one did, or when the horizon has passed. All days are whole days since 1970-01-01.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.intervals import Interval, drawn, ratio

SEED = 7
"""Of the draws; the numbers themselves do not depend on it."""


@dataclass(frozen=True)
class Verdict:
    """How a set of alerts did; shares and means are NaN where there is nothing to take them of.

    ``warned_share`` of ``n_events``, ``early_share`` early enough to act; ``lead_days``: median from the first alert that warned
    to the event; ``alerts_per_month``: raised after the first date, per manager; ``n_decided`` alerts, of which ``false_share``
    were followed by no event. Shares with the 95 % interval of a bootstrap over connected customers.
    """

    n_events: int
    warned_share: Interval
    early_share: Interval
    lead_days: float
    alerts_per_month: float
    n_decided: int
    false_share: Interval


def verdict(
    alerts: pd.DataFrame, events: pd.Series, first: int, until: int, horizon: int, early: int, n_managers: float,
    circles: pd.Series,
) -> Verdict:
    """Judge alerts against the events that followed.

    Parameters
    ----------
    alerts : DataFrame
        customer_id, raised, last_open: one row per alert. Those of customers who are not at risk count as work alone.
    events : Series
        The day of the first event, index customer_id: one row per customer at risk; NaN where none came by ``until``.
    first, until : int
        The first date that was warned, and the last day whose events are known.
    horizon : int
        Days within which an event has to follow.
    early : int
        Days before the event by which there is time to act.
    n_managers : float
        Among whom the alerts are shared out.
    circles : Series
        The connected circle of each customer, index customer_id: they succeed or fail together.
    """
    n_late, months = int((alerts["raised"] > first).sum()), (until - first) / (365.25 / 12)
    alerts = alerts[alerts["customer_id"].isin(events.index)]
    on = alerts["customer_id"].map(events).to_numpy(float)
    raised, last = alerts["raised"].to_numpy(float), alerts["last_open"].to_numpy(float)
    warns = (raised < on) & (last >= on - horizon)
    leads = (on - raised)[warns]
    by_event = pd.Series(leads).groupby(alerts["customer_id"].to_numpy()[warns]).max()
    is_before = ~(raised >= on)
    follows = is_before & (on - raised <= horizon)
    decided = is_before & (follows | (raised + horizon <= until))
    draws, place = drawn(circles.reindex(events.index).to_numpy(), SEED), events.index.get_indexer(alerts["customer_id"])

    def share(places: np.ndarray, hits: np.ndarray) -> Interval:
        return draws.of(places).interval(np.column_stack([hits, np.ones(len(places))]).astype(float), ratio)

    had = np.flatnonzero(events.notna())
    first_lead = by_event.reindex(events.index[had]).to_numpy(float)
    return Verdict(len(had), share(had, ~np.isnan(first_lead)), share(had, first_lead >= early),
                   float(by_event.median()) if len(by_event) else np.nan, n_late / months / n_managers, int(decided.sum()),
                   share(place[decided], ~follows[decided]))


def onsets_seen(alerts: pd.DataFrame, onsets: pd.DataFrame, window: int) -> tuple[float, float]:
    """How well alerts find a hidden change: the share of onsets at which an alert stood, or was raised within the window, and the
    median days to it (0 where one stood already).

    ``alerts``: customer_id, raised, last_open; ``onsets``: customer_id, onset.
    """
    pairs = onsets.reset_index(names="which").merge(alerts, on="customer_id")
    pairs = pairs[(pairs["last_open"] >= pairs["onset"]) & (pairs["raised"] <= pairs["onset"] + window)]
    delays = (pairs["raised"] - pairs["onset"]).clip(lower=0).groupby(pairs["which"]).min()
    return _over(len(delays), len(onsets)), float(delays.median()) if len(delays) else np.nan


def base_rate(events: pd.Series, dates: list[int], until: int, horizon: int) -> float:
    """Share of customers and dates, before an event and decided, that an event follows within the horizon: what chance hits."""
    on = events.to_numpy(float)[:, None]
    day = np.array(dates, float)[None, :]
    is_before = ~(day >= on)
    follows = is_before & (on - day <= horizon)
    decided = is_before & (follows | (day + horizon <= until))
    return _over(follows.sum(), decided.sum())


def _over(part: float, whole: float) -> float:
    return float(part / whole) if whole else np.nan
