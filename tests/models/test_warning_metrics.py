"""Warnings judged: every number is what a slow count gives, and nothing that came after an event warns of it."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.warning_metrics import base_rate, onsets_seen, verdict

FIRST, UNTIL, HORIZON, EARLY = 0, 600, 100, 50
DAY = st.sampled_from([0, 1, 50, 99, 100, 101, 199, 200, 201, 500, 501, 600])
ALERTS = st.lists(st.tuples(st.sampled_from("ABC"), DAY, DAY), max_size=8)
EVENTS = st.fixed_dictionaries({who: st.none() | DAY for who in "ABC"})


def rows(alerts) -> pd.DataFrame:
    return pd.DataFrame([(who, min(pair), max(pair)) for who, *pair in alerts], columns=["customer_id", "raised", "last_open"])


def days(events) -> pd.Series:
    return pd.Series({who: math.nan if on is None else on for who, on in events.items()}, dtype=float)


OWN_CIRCLES = pd.Series({who: who for who in "ABCZ"})


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or a == pytest.approx(b)


@settings(deadline=None)
@given(ALERTS, EVENTS)
def test_a_verdict_is_what_a_slow_count_gives(alerts, events):
    found = verdict(rows(alerts), days(events), FIRST, UNTIL, HORIZON, EARLY, 2.0, OWN_CIRCLES)
    leads, n_true, n_false = [], 0, 0
    for who, on in events.items():
        own = [(min(pair), max(pair)) for name, *pair in alerts if name == who]
        warning = [raised for raised, last in own if on is not None and raised < on and last >= on - HORIZON]
        leads += [on - min(warning)] if warning else []
        for raised, _ in own:
            if on is not None and raised >= on:
                continue  # after the event, it is neither
            if on is not None and on - raised <= HORIZON:
                n_true += 1
            elif raised + HORIZON <= UNTIL:
                n_false += 1
    n_events = sum(on is not None for on in events.values())
    assert found.n_events == n_events and found.n_decided == n_true + n_false
    assert same(found.warned_share.value, len(leads) / n_events if n_events else math.nan)
    assert same(found.early_share.value, sum(lead >= EARLY for lead in leads) / n_events if n_events else math.nan)
    assert same(found.lead_days, median(leads) if leads else math.nan)
    assert same(found.false_share.value, n_false / (n_true + n_false) if n_true + n_false else math.nan)
    late = sum(min(pair) > FIRST for _, *pair in alerts)
    assert found.alerts_per_month == pytest.approx(late / (UNTIL / (365.25 / 12)) / 2.0)


def test_perfect_warnings_miss_nothing_and_none_is_false():
    events = days({"A": 200, "B": 300, "C": None})
    found = verdict(rows([("A", 150, 200), ("B", 250, 300)]), events, FIRST, UNTIL, HORIZON, EARLY, 1.0, OWN_CIRCLES)
    assert (found.warned_share.value, found.early_share.value, found.lead_days, found.false_share.value) == (1.0, 1.0, 50.0, 0.0)


def test_an_alert_on_the_day_of_the_event_or_after_it_warns_of_nothing():
    found = verdict(rows([("A", 200, 250), ("A", 210, 260)]), days({"A": 200}), FIRST, UNTIL, HORIZON, EARLY, 1.0, OWN_CIRCLES)
    assert found.warned_share.value == 0 and found.n_decided == 0


def test_alerts_of_customers_who_are_not_at_risk_are_work_and_nothing_else():
    events = days({"A": 200})
    one, two = (verdict(rows(alerts), events, FIRST, UNTIL, HORIZON, EARLY, 1.0, OWN_CIRCLES) for alerts in (
        [("A", 150, 200)], [("A", 150, 200), ("Z", 150, 200)]))
    assert two.alerts_per_month == 2 * one.alerts_per_month and (two.n_decided, two.false_share.value) == (one.n_decided, 0.0)


def test_warnings_of_the_wrong_customers_are_all_false():
    events = days({"A": 200, "B": None, "C": None})
    found = verdict(rows([("B", 150, 200), ("C", 150, 200)]), events, FIRST, UNTIL, HORIZON, EARLY, 1.0, OWN_CIRCLES)
    assert found.warned_share.value == 0 and found.false_share.value == 1 and found.n_decided == 2


@settings(deadline=None)
@given(EVENTS)
def test_the_base_rate_is_that_of_an_alert_for_everybody_on_every_date(events):
    dates = [0, 100, 500, 550]
    everywhere = rows([(who, day, day) for who in "ABC" for day in dates])
    found = verdict(everywhere, days(events), FIRST, UNTIL, HORIZON, EARLY, 1.0, OWN_CIRCLES)
    assert same(base_rate(days(events), dates, UNTIL, HORIZON), 1 - found.false_share.value)


def test_an_onset_is_seen_by_an_alert_that_stood_or_came_within_the_window():
    onsets = pd.DataFrame({"customer_id": ["A", "B", "C", "D", "E"], "onset": [100, 100, 100, 100, 100]})
    alerts = rows([("A", 50, 120), ("B", 130, 200), ("B", 160, 200), ("C", 201, 300), ("D", 20, 99)])
    share, delay = onsets_seen(alerts, onsets, 100)
    assert share == 2 / 5 and delay == 15  # A stood, B came after 30 days; C came too late, D was over, E never
    assert np.isnan(onsets_seen(alerts[:0], onsets, 100)[1]) and np.isnan(onsets_seen(alerts, onsets[:0], 100)[0])


def test_the_interval_of_a_share_draws_connected_customers_together():
    """Twenty events, half of them warned: twenty trials, or two where all in one circle are warned and none in the other."""
    events = days({f"C{n:02d}": 200 for n in range(20)})
    alerts = rows([(f"C{n:02d}", 150, 200) for n in range(10)] + [(f"C{n:02d}", 20, 30) for n in range(10, 20)])
    alone = pd.Series(events.index, events.index)
    apart, together = (verdict(alerts, events, FIRST, UNTIL, HORIZON, EARLY, 1.0, circles) for circles in (
        alone, (alone < "C10").map({True: "one", False: "other"})))
    for share in ("warned_share", "early_share", "false_share"):
        each, pair = getattr(apart, share), getattr(together, share)
        assert each.value == pair.value == 0.5
        assert 0.2 <= each.low < 0.4 and 0.6 < each.high <= 0.8, "2.5 % of binomial draws of 20 are 5 or fewer"
        assert (pair.low, pair.high) == (0, 1)
