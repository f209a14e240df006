"""The labels of a book: which can be learnt from, and what the analysts say together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import narwhals as nw
import pandas as pd

from features.days import as_date, as_day
from features.outcome import hindsight_types
from features.sources import Tables
from models.labels.consensus import Consensus, consensus
from models.labels.votes import votes_of
from pipeline.errors import NoLabels
from pipeline.guards import must_reach
from pipeline.override import Override, as_labels, head, read
from pipeline.settings import Settings

N_NAMED = 3
COLUMNS = ["customer_id", "as_of", "type", "analyst", "labelled_on"]
OVERRIDE = "n_override"
"""Which override a label is, counted from 1 in the order of the log; 0 where it is none."""
KEY = ["customer_id", "as_of", "analyst"]


def given_labels(
    tables: Tables, until: str | None, stale_days: int, log: Path, overrides: Sequence[Override], echo: Callable[[str], None]
) -> pd.DataFrame:
    """The labels given by ``until`` that the book's facts can explain: customer_id, as_of (ISO), type, analyst, labelled_on,
    n_override.

    They are those of the book and the overrides of reviewers, which were read from ``log``. A label is refused, counted and
    named where the book does not have the customer, where the borrower had no loan that was known on its date, and where its
    date lies more than ``stale_days`` after the book's last fact: the facts that the analyst saw are not in the book. Labels of
    the book of customers that it does not have, and those given before the date they are about, are rejected at opening.

    Raises
    ------
    NoLabels
        There is no label at all, or none is left.
    """
    delivered = _delivered(tables, log, overrides, echo)
    labels = delivered if until is None else delivered[delivered["labelled_on"] <= as_day(until)]
    if len(labels) < len(delivered):
        echo(f"labels: {len(delivered):,} delivered = {len(labels):,} given by {until} + {len(delivered) - len(labels):,} later")
    if labels.empty:
        raise NoLabels(f"no label given by {until or 'anybody'}", "labels", "Deliver labels, or give a later --until.")
    reasons = _refusals(tables, labels, stale_days)
    used = labels[reasons == ""].sort_values(COLUMNS).reset_index(drop=True)
    if len(used) < len(labels):
        echo(f"labels: {len(labels):,} in = {len(used):,} used + {len(labels) - len(used):,} refused")
        for reason, rows in labels.groupby(reasons[reasons != ""]):
            echo(f"  refused: {len(rows):,} {reason}; {'first: ' if len(rows) > N_NAMED else ''}{_named(rows)}")
    if used.empty:
        first = reasons.iloc[0]
        raise NoLabels(f"every label is refused, the first {first}", "labels", "Deliver labels of dates that the book covers.")
    days = {day: as_date(day).isoformat() for day in {*used["as_of"], *used["labelled_on"]}}
    return used.assign(as_of=used["as_of"].map(days), labelled_on=used["labelled_on"].map(days))


def _delivered(tables: Tables, log: Path, overrides: Sequence[Override], echo: Callable[[str], None]) -> pd.DataFrame:
    """The labels of the book with the overrides, whose reviewer's later word counts; dates as whole days."""
    found = as_labels(overrides)
    if tables.labels is None and found.empty:
        raise NoLabels("the book has no labels table", "labels", "Deliver labels.csv, or use --labels hindsight.")
    own = pd.DataFrame(columns=COLUMNS) if tables.labels is None else tables.collected(tables.labels.select(COLUMNS))
    own[OVERRIDE] = 0
    if found.empty:
        return own
    found[OVERRIDE] = range(1, len(found) + 1)
    found[["as_of", "labelled_on"]] = found[["as_of", "labelled_on"]].map(as_day)
    both = pd.concat([own, found], ignore_index=True).drop_duplicates(KEY, keep="last")
    replaced = len(own) + len(found) - len(both)
    echo(f"overrides: {len(found):,} read from {log}, {replaced:,} of them in place of the reviewer's earlier label")
    return both.astype({"as_of": int, "labelled_on": int, OVERRIDE: int})


@dataclass(frozen=True)
class Labelled:
    """Types to learn from: ``rows`` has customer_id, as_of (ISO), type and is_override, one row per customer and date.

    A type that a reviewer gave against an assignment is learnt from and judges nobody: there are only those where the model
    in use was said to be wrong. ``source`` is analysts or hindsight; ``consensus`` what the analysts say together, none of
    hindsight. ``log`` is how far the log of overrides went.
    """

    rows: pd.DataFrame
    source: str
    consensus: Consensus | None = None
    log: str = ""


def analyst_labels(tables: Tables, until: str | None, settings: Settings, echo: Callable[[str], None]) -> Labelled:
    """One agreed type of every customer and date that analysts labelled by ``until``; a reviewer's override decides it.

    Raises
    ------
    NoLabels
        There is no labels table, or no label is left.
    BrokenLog
        The log of overrides was changed.
    """
    log = Path(settings.labels.overrides)
    overrides = read(log)
    labels = given_labels(tables, until, settings.score.stale_days, log, overrides, echo)
    agreed = consensus(votes_of(labels))
    echo(f"labels: {len(labels):,} by {len(agreed.votes.analysts)} analysts on {len(agreed.rows):,} customers and dates; "
         f"several labelled {int((agreed.votes.n_votes > 1).sum()):,} of them and disagree on {agreed.n_disagreements:,}")
    rows, key = agreed.rows[["customer_id", "as_of", "type"]], ["customer_id", "as_of"]
    last = labels[labels[OVERRIDE] > 0].sort_values(OVERRIDE).drop_duplicates(key, keep="last").set_index(key)["type"]
    said = rows[key].merge(last.reset_index(), on=key, how="left")["type"]
    if len(last):
        echo(f"overrides: {len(last):,} customers and dates have the type of a reviewer, "
             f"{int((said.notna() & (said != rows['type'])).sum()):,} of them against the analysts; they are not tested on")
    return Labelled(rows.assign(type=said.fillna(rows["type"]), is_override=said.notna()), "analysts", agreed, head(overrides))


def hindsight_labels(tables: Tables, as_of: str, until: str, settings: Settings) -> Labelled:
    """The type each active customer of ``as_of`` turned out to be by ``until``.

    Raises
    ------
    NoFactsYet
        The book has no loan, or nothing was known on ``as_of``.
    BookTooOld
        The last fact known on one of the two dates lies more than ``stale_days`` before it.
    NoLabels
        Nobody was active on ``as_of``.
    """
    for option, day in (("--as-of", as_of), ("--until", until)):
        must_reach(tables, day, settings.score.stale_days, option)
    types = hindsight_types(tables, as_day(as_of), as_day(until), settings.hindsight)
    if types.empty:
        raise NoLabels(f"nobody is active on {as_of}", "--as-of", "Give a date on which loans are outstanding.")
    return Labelled(types.assign(as_of=as_of, is_override=False)[["customer_id", "as_of", "type", "is_override"]], "hindsight")


def _refusals(tables: Tables, labels: pd.DataFrame, stale_days: int) -> pd.Series:
    """Why each label cannot be learnt from; empty where it can."""
    known = nw.max_horizontal("signed_on", nw.coalesce("recorded_on", "signed_on"))
    loans = tables.collected(tables.loans.select("customer_id", day=known).group_by("customer_id").agg(nw.col("day").min()))
    first = labels["customer_id"].map(loans.set_index("customer_id")["day"])
    last = _last_day(tables)
    reasons = pd.Series("", index=labels.index, dtype=object)
    reasons[labels["as_of"] > last + stale_days] = (
        f"of dates more than {stale_days} days after {as_date(last)}, the last fact of the book")
    reasons[~(first <= labels["as_of"])] = "of dates on which the borrower had no loan yet"
    customers = tables.collected(tables.customers.select("customer_id"))["customer_id"]
    reasons[~labels["customer_id"].isin(customers)] = "of customers that the book does not have"
    return reasons


def _last_day(tables: Tables) -> int:
    days = []
    for table, own in ((tables.loans, "signed_on"), (tables.repayments, "paid_on"), (tables.drawdowns, "drawn_on")):
        if table is not None:
            day = tables.collected(table.select(nw.col(own).max()))[own].max()
            days += [] if pd.isna(day) else [int(day)]
    return min(max(days), as_day(date.max.isoformat()))


def _named(rows: pd.DataFrame) -> str:
    rows = rows.sort_values(["customer_id", "as_of"]).head(N_NAMED)
    return ", ".join(f"{who} as of {as_date(day)}" for who, day in zip(rows["customer_id"], rows["as_of"]))
