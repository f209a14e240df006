"""Early warnings of a scored date: who may become a risk, who may leave, why, and whose it is.

Read are the scored date, an earlier one that changes are measured against, and the alerts of the date warned before. Dates are
warned in their order; months that were left out change nothing but that no alert is seen in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import features.frame  # noqa: F401  (fills the register)
from features.catalogue import FEATURES
from features.days import days_later, months_later
from features.errors import PentadError
from models.early_warning import CLEARED, NEW, OPEN, carried_on, measured, snapshot
from models.explain import LANGUAGES, reasons
from models.triggers import MODEL_UNITS, Trigger, load_triggers
from models.types import ORDER
from pipeline.alerts import kept_alerts, last_before, made_of, no_alerts, put_alerts, warned_dates, warnings_of, with_done
from pipeline.errors import writing
from pipeline.explanations import KeptBook, kept_book, of_run, scored_dates
from pipeline.settings import Settings
from pipeline.warn_words import WORDS, account, reason

OLDEST_MONTHS = 12
"""Changes are not measured against a date that lies further back."""


class OutOfTurn(PentadError):
    """A date was warned after a later one, or from alerts that are others now."""

    exit_code = 68


@dataclass(frozen=True)
class Warned:
    """The early warnings of a date.

    ``alerts``: as kept, with what was done by the date; ``customers``: everybody scored on it. ``before``: the date warned
    before, ``n_before`` alerts open on it; ``since``: the date that changes are measured against; both None where there is none;
    ``is_other_model``: that one was scored by another model. ``triggers``: by name; ``unmeasured``: those that nobody could be
    asked. ``later``: dates warned already that have to be warned again.
    """

    path: Path
    as_of: str
    alerts: pd.DataFrame
    customers: pd.Index
    before: str | None
    n_before: int
    since: str | None
    rise_months: int
    is_other_model: bool
    triggers: Mapping[str, Trigger]
    unmeasured: tuple[str, ...]
    later: tuple[str, ...]
    already_there: bool

    def text(self, language: str) -> str:
        """The account: rows = new + still open + cleared, and those of the date before = still open + cleared."""
        say, counts = WORDS[language], {status: int((self.alerts["status"] == status).sum()) for status in (NEW, OPEN, CLEARED)}
        total = say["after" if self.before else "first"].format(
            day=self.as_of, all=len(self.alerts), before=self.before, was=self.n_before, **counts)
        said = [total, *account(self.alerts, language),
                say["since"].format(since=self.since) if self.since else say["no since"].format(months=self.rise_months)]
        if self.is_other_model:
            said.append(say["other model"].format(since=self.since))
        if self.unmeasured:
            names = [getattr(self.triggers[name], f"name_{language}") for name in self.unmeasured]
            said.append(say["unmeasured"].format(triggers=say["between"].join(names)))
        return "\n".join(said)


def warn(as_of: str, assignments: Path, out: Path, settings: Settings, outcomes: pd.DataFrame, replace: bool) -> Warned:
    """Write the alerts of a scored date: new ones, those still open, and those that cleared on it.

    Parameters
    ----------
    as_of : str
        The scored date (ISO).
    assignments, out : Path
        Where dates were scored, and where warnings are kept.
    outcomes : DataFrame
        What has been done, to be shown beside the alerts: customer_id, on, what, detail, by; later days do not count.
    replace : bool
        Whether other alerts of the date may be replaced, or a date be warned before a later one that was warned already.

    Raises
    ------
    NotAssigned, NotExplained, DamagedRevision
        The date was not scored, or the files of it or of the earlier date cannot be read.
    BrokenTriggers
        The file of triggers is not as it should be.
    NotWarned
        The alerts of the date before cannot be read.
    OutOfTurn
        A later date was warned already, or the date before was made from alerts that are others now.
    OutputExists
        Other alerts of the date are there and may not be replaced.
    UnwritableOutput
        They cannot be written.
    """
    triggers, book = load_triggers(FEATURES), kept_book(as_of, assignments)
    since = earlier_than(as_of, scored_dates(assignments), settings.warn.rise_months)
    later = tuple(day for day in warned_dates(out) if day > as_of)
    if later and not replace and not warnings_of(as_of, out).exists():
        raise OutOfTurn(f"{later[0]} was warned already, and not from {as_of}", str(out),
                        f"Use --replace, and warn {', '.join(later)} again after it.")
    past = last_before(as_of, out)
    before = past.split(" ")[0] or None
    if before and made_of(before, out).get("before", "") != last_before(before, out):
        raise OutOfTurn(f"{before} was warned from other alerts than those that stand before it now", str(out),
                        f"Warn {before} again with --replace first.")
    was = kept_alerts(before, out) if before else no_alerts()
    now, then = snapshot_of(book), earlier_snapshot(kept_book(since, assignments), book) if since else None
    alerts = carried_on(was, now, then, triggers, as_of)
    alerts = _told(alerts, was, book, now, triggers, settings.score.n_reasons).assign(as_of=as_of)
    alerts["escalates_on"] = [days_later(day, settings.warn.days[grade - 1])
                              for day, grade in zip(alerts["first_seen"], alerts["severity"])]
    first = book.assignments.iloc[0]
    about = {"run": of_run(first["model_version"], first["data_fingerprint"]), "before": past, "since": since or ""}
    with writing(out):
        already_there = put_alerts(alerts, as_of, out, about, replace)
    return Warned(
        path=warnings_of(as_of, out), as_of=as_of, alerts=with_done(kept_alerts(as_of, out), outcomes, as_of),
        customers=now.index, before=before, n_before=int((was["status"] != CLEARED).sum()), since=since,
        rise_months=settings.warn.rise_months, is_other_model=then is not None and "p_risk" not in then,
        triggers={each.name: each for each in triggers},
        unmeasured=tuple(each.name for each in triggers if measured(each, now, then) is None),
        later=() if already_there else later, already_there=already_there)


def earlier_than(as_of: str, days: Sequence[str], rise_months: int) -> str | None:
    """The last of some dates that lies so many months before another, or more, but no more than twelve; None where none does."""
    first, last = months_later(as_of, -OLDEST_MONTHS), months_later(as_of, -rise_months)
    return max((day for day in days if first <= day <= last), default=None)


def earlier_snapshot(earlier: KeptBook, book: KeptBook) -> pd.DataFrame:
    """What triggers compare a date with; without the model's words where another model spoke, for no customer changed by that."""
    same = earlier.assignments["model_version"].iloc[0] == book.assignments["model_version"].iloc[0]
    return snapshot_of(earlier) if same else snapshot_of(earlier).drop(columns=list(MODEL_UNITS))


def snapshot_of(book: KeptBook) -> pd.DataFrame:
    """What triggers look at of a scored date."""
    probabilities = book.assignments[[f"p_{kind}" for kind in ORDER]].to_numpy(float)
    return snapshot(book.assignments["customer_id"].tolist(), book.features, book.values, probabilities)


def _told(
    alerts: pd.DataFrame, was: pd.DataFrame, book: KeptBook, now: pd.DataFrame, triggers: Sequence[Trigger], n_reasons: int
) -> pd.DataFrame:
    """The alerts with reasons, owner and escalation; those of a trigger that is gone keep the ones they had."""
    known, had = {trigger.name: trigger for trigger in triggers}, was.set_index("alert_id")
    because = _because(alerts, book, now, n_reasons)
    for language in LANGUAGES:
        alerts[f"reasons_{language}"] = [
            reason(alert, known.get(alert["trigger"]), said, language)
            for alert, said in zip(alerts.to_dict("records"), because[language])]
        name, column = f"name_{language}", "" if language == "en" else "_zh"
        for role in ("owner", "escalation"):
            alerts[f"{role}{column}"] = [
                getattr(getattr(known[trigger], role), name) if trigger in known else had.loc[alert, f"{role}{column}"]
                for alert, trigger in zip(alerts["alert_id"], alerts["trigger"])]
    return alerts


def _because(alerts: pd.DataFrame, book: KeptBook, now: pd.DataFrame, n_reasons: int) -> Mapping[str, np.ndarray]:
    """What speaks for the type of the list, of the model's own alerts that are open; empty for the others."""
    found = {language: np.full(len(alerts), "", dtype=object) for language in LANGUAGES}
    is_models = ((alerts["source"] == "model") & (alerts["status"] != CLEARED)).to_numpy()
    rows, places = now.index.get_indexer(alerts["customer_id"]), pd.Index(ORDER)
    own, second = (places.get_indexer(book.assignments[column]) for column in ("type", "runner_up"))
    for kind in dict.fromkeys(alerts.loc[is_models, "list"]):
        chosen = is_models & (alerts["list"] == kind).to_numpy()
        a = np.full(len(own), ORDER.index(kind))
        pushes = book.contrasts(a, np.where(own == a, second, own))[rows[chosen], :-1]
        told = [name for name in book.features if name in FEATURES]
        at = [book.features.index(name) for name in told]
        for language in LANGUAGES:
            found[language][chosen] = reasons(book.values[rows[chosen]][:, at], pushes[:, at], told, FEATURES, book.reference,
                                              n_reasons, language)
    return found
