"""Early warnings judged by what happened afterwards, each trigger alone beside all of them.

    python -m tests.bench.warnings synthetic 2000 11
    python -m tests.bench.warnings worldbank ../shared/realdata/worldbank_ibrd

The model is trained on labels given by a date, and warns on the dates from then on; nothing that is judged was seen by it. The
events of the synthetic book are read from the feature frame of later dates. Risk: the first 30 days past due in two years. Churn:
loss of the business, no new loan in a year and the balance down by more than half, or no loan left. Those of the World Bank's
book are what its next statement shows by the rules of features/outcome.py. The levels of triggers.toml were fixed before
measuring.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from features.catalogue import FEATURES
from features.days import as_date, as_day, month_ends, months_later
from features.frame import book_frame, feature_frame
from features.sources import Tables, open_tables
from models.early_warning import CLEARED, carried_on, snapshot
from models.intervals import Interval
from models.matrix import KEYS
from models.segmenter import Segmenter, fit
from models.triggers import LISTS, load_triggers
from models.types import ORDER
from models.warning_metrics import base_rate, onsets_seen, verdict
from pipeline.adapters.worldbank import import_worldbank
from pipeline.alerts import no_alerts
from pipeline.circles import circles_of
from pipeline.labels import Labelled, analyst_labels, hindsight_labels
from pipeline.settings import load_settings
from pipeline.simulate import simulate
from pipeline.warn import earlier_than

SETTINGS = load_settings()
TRIGGERS = load_triggers(FEATURES)
HORIZON_DAYS = {"synthetic book": 365, "World Bank": 430}
"""A year; to the next statement, which came after 427 days at the latest."""

EARLY_DAYS = 90
ONSET_DAYS = 183
CUSTOMERS_PER_MANAGER = 50
PAST_DUE_DAYS = 30
LOST_SHARE = -0.5
LAST_MONTH_END = "2025-12-31"
"""Of every synthetic book."""


def learnt(labelled: Labelled, tables: Tables) -> Segmenter:
    """The model of some labels, of the features that the book knows."""
    frame = feature_frame(labelled.rows[KEYS], tables)
    frame = frame[[*KEYS, *(name for name in frame.columns[2:] if frame[name].notna().any())]]
    given = frame[KEYS].merge(labelled.rows, on=KEYS, how="left")["type"]
    return fit(frame, given, frame["customer_id"].map(circles_of(tables)), ORDER, SETTINGS.model).segmenter


def warned(model: Segmenter, frames: dict[str, pd.DataFrame], first: str) -> pd.DataFrame:
    """Every alert of the dates from the first on: customer_id, list, source, trigger, raised, last_open (days)."""
    shots, kept, before = {}, [], no_alerts()
    for day, frame in frames.items():
        rows = frame[frame["n_active_loans"] > 0].reset_index(drop=True)
        rows, customers = rows[[*KEYS, *model.features]], rows["customer_id"].tolist()
        shots[day] = snapshot(customers, model.features, rows[list(model.features)].to_numpy(float), model.probabilities(rows))
        if day >= first:
            since = earlier_than(day, list(shots), SETTINGS.warn.rise_months)
            before = carried_on(before, shots[day], shots.get(since), TRIGGERS, day)
            kept.append(before[before["status"] != CLEARED])
    rows = pd.concat(kept).drop_duplicates("alert_id", keep="last")
    return rows[["customer_id", "list", "source", "trigger"]].astype("str").assign(
        raised=rows["first_seen"].map(as_day), last_open=rows["last_seen"].map(as_day))


def first_events(active: pd.Index, hit: dict[str, pd.Index], before: pd.Index) -> pd.Series:
    """The day of the first event of each customer that is active and had none before; NaN where none came.

    ``hit``: by date who shows the event on it, the first date left out.
    """
    on = pd.Series(np.nan, active.difference(before))
    for day in sorted(hit, reverse=True):
        on[on.index.isin(hit[day])] = as_day(day)
    return on


def events_in_frames(frames: dict[str, pd.DataFrame], days: Sequence[str]) -> dict[str, pd.Series]:
    """By list the first events after the first of the days."""
    rows = {day: frames[day].set_index("customer_id") for day in days}
    start, later = rows[days[0]], days[1:]
    active = start.index[start["n_active_loans"] > 0]
    late = {day: rows[day].index[rows[day]["days_past_due_max_3m"] >= PAST_DUE_DAYS] for day in later}
    return {"risk": first_events(active, late, start.index[start["days_past_due_max_24m"] >= PAST_DUE_DAYS]),
            "churn": first_events(active, {day: _lost(rows[day]) for day in later}, _lost(start))}


def _active(frame: pd.DataFrame) -> set[str]:
    return set(frame.loc[frame["n_active_loans"] > 0, "customer_id"])


def _lost(frame: pd.DataFrame) -> pd.Index:
    is_halved = (frame["exposure_growth_12m_ratio"] < LOST_SHARE) & ~(frame["new_lending_share_12m"] > 0)
    return frame.index[is_halved | (frame["n_active_loans"] == 0)]


def events_in_statements(tables: Tables, days: Sequence[str]) -> dict[str, pd.Series]:
    """By list who turned out to be of its type first by which of the days, the second and later; by the first, who did before."""
    types = {until: hindsight_labels(tables, day, until, SETTINGS).rows for day, until in zip(days, days[1:])}
    active, found = pd.Index(types[days[2]]["customer_id"]), {}
    for kind in LISTS:
        turned = {day: pd.Index(rows.loc[rows["type"] == kind, "customer_id"]) for day, rows in types.items()}
        found[kind] = first_events(active, {day: turned[day] for day in days[2:]}, turned[days[1]])
    return found


def printed(
    title: str, alerts: pd.DataFrame, events: dict[str, pd.Series], days: Sequence[str], n_customers: int, circles: pd.Series,
    states: pd.DataFrame | None = None,
) -> None:
    """The table of a book with so many customers on the first date, a row per set of alerts: all, model, rules, each trigger."""
    first, until, horizon = as_day(days[0]), as_day(days[-1]), HORIZON_DAYS[title]
    for kind, on in events.items():
        rows = alerts[alerts["list"] == kind]
        sets = {"all triggers": rows} | {f"the {each}'s" if each == "model" else "all rules": rows[rows["source"] == each]
                                         for each in ("model", "rule")}
        sets |= {each.name: rows[rows["trigger"] == each.name] for each in TRIGGERS if each.list == kind}
        chance = base_rate(on, [as_day(day) for day in days], until, horizon)
        print(f"\n{title}, {kind}: {on.notna().sum():,} events of {len(on):,} customers at risk, {days[0]} to {days[-1]}; "
              f"of alerts at random {1 - chance:.0%} would be false\n")
        truth = states is not None
        print("| | events warned | three months before | lead, months | alerts per manager and month | false alarms |"
              + (" onsets seen | delay, months | in the state |" if truth else ""))
        print("|---|---|---|---|---|---|" + ("---|---|---|" if truth else ""))
        managers = n_customers / CUSTOMERS_PER_MANAGER
        for name, own in sets.items():
            v = verdict(own, on, first, until, horizon, EARLY_DAYS, managers, circles)
            cells = [_interval(v.warned_share), _interval(v.early_share), _months(v.lead_days), f"{v.alerts_per_month:.1f}",
                     f"{_interval(v.false_share)} of {v.n_decided:,}"]
            print(" | ".join(["| " + name, *cells, *(_against(own, states, kind, first, until) if truth else [])]) + " |")


def _against(alerts: pd.DataFrame, states: pd.DataFrame, kind: str, first: int, until: int) -> list[str]:
    """Beside the hidden states: onsets seen, of customers with a loan then, the delay, and the share of alerts in the state."""
    own = states[states["is_there"] & (states["state"] == kind) & states["onset"].between(first + 1, until - ONSET_DAYS)]
    seen, delay = onsets_seen(alerts, own[["customer_id", "onset"]], ONSET_DAYS)
    spells = states.sort_values(["onset", "customer_id"], kind="stable")
    raised = alerts.sort_values("raised", kind="stable")
    then = pd.merge_asof(raised, spells, left_on="raised", right_on="onset", by="customer_id")["state"]
    return [f"{_percent(seen)} of {len(own):,}", _months(delay), _percent((then == kind).mean() if len(then) else np.nan)]


def _interval(share: Interval) -> str:
    """In percent: 57 (54 to 60) %."""
    return "–" if np.isnan(share.value) else f"{100 * share.value:.0f} ({100 * share.low:.0f} to {100 * share.high:.0f}) %"


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{share:.0%}"


def _months(days: float) -> str:
    return "–" if np.isnan(days) else f"{days / (365.25 / 12):.1f}"


def frames_of(tables: Tables, days: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The feature frame of every date."""
    return {day: rows.reset_index(drop=True) for day, rows in book_frame(tables, days).groupby("as_of")}


def synthetic(n_customers: int, seed: int) -> None:
    """A book of five years: learn from labels given by the end of the third, warn at every month's end of the last two."""
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book"
        simulate(n_customers, 60, seed, book)
        tables = open_tables(book)
        states = pd.read_csv(Path(folder) / "book_truth" / "states.csv")
        until = LAST_MONTH_END
        first = months_later(until, -24)
        days = month_ends(months_later(first, -SETTINGS.warn.rise_months), until)
        model = learnt(analyst_labels(tables, first, SETTINGS, print), tables)
        frames, circles = frames_of(tables, days), circles_of(tables)
        tables.close()
    alerts = warned(model, frames, first)
    states["onset"] = states["onset"].map(as_day)
    judged, active = [day for day in days if day >= first], {day: _active(rows) for day, rows in frames.items()}
    next_end = [min((day for day in days if day >= as_date(onset).isoformat()), default=first) for onset in states["onset"]]
    is_there = [who in active[day] for who, day in zip(states["customer_id"], next_end)]
    printed("synthetic book", alerts, events_in_frames(frames, judged), judged, len(active[first]),
            circles, states.assign(is_there=is_there))


def worldbank(statements: Path) -> None:
    """Learn what became of the borrowers of November 2020 by May 2022, warn at the statements from then on."""
    learnt_on, days = "2020-11-30", ["2021-05-31", "2022-05-31", "2023-05-31", "2024-07-31", "2025-05-31"]
    with tempfile.TemporaryDirectory() as folder:
        import_worldbank(sorted(statements.glob("*.csv")), Path(folder) / "book", replace=True)
        tables = open_tables(Path(folder) / "book")
        model = learnt(hindsight_labels(tables, learnt_on, days[1], SETTINGS), tables)
        frames, events, circles = frames_of(tables, days), events_in_statements(tables, days), circles_of(tables)
        tables.close()
    printed("World Bank", warned(model, frames, days[1]), events, days[1:], len(_active(frames[days[1]])), circles)


if __name__ == "__main__":
    if sys.argv[1] == "synthetic":
        synthetic(int(sys.argv[2]), int(sys.argv[3]))
    elif any(Path(sys.argv[2]).glob("*.csv")):
        worldbank(Path(sys.argv[2]))
    else:
        print(f"skipped: no statements in {sys.argv[2]}")
