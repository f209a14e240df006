"""The early warnings of a date, kept: a file per date that names the date before, from which it was made.

A file depends on scored dates alone. What has been done about an alert is joined to it from the recorded outcomes wherever it is
shown, so that the same date can be warned again after something was recorded.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.days import as_day, days_later
from features.errors import PentadError
from models.early_warning import CLEARED, NEW, OPEN
from models.explain import JOIN
from models.playbook import PROTECTED, load_playbook
from models.playbook import WARNINGS as WARNINGS_OF
from pipeline.outcomes import WORDS as SAID
from pipeline.output import written_whole
from pipeline.revisions import dates, place_of

WARNINGS = "warnings.parquet"
STATUSES = (NEW, OPEN, CLEARED)
KINDS = {"severity": pa.int64(), "value": pa.float64(), "level": pa.float64()}
COLUMNS = ("alert_id", "as_of", "list", "source", "trigger", "customer_id", "severity", "value", "level", "unit", "reasons_en",
           "reasons_zh", "owner", "owner_zh", "escalation", "escalation_zh", "escalates_on", "first_seen", "last_seen", "status",
           "cleared_on", "cleared_because", "history")
SHOWN = (*COLUMNS, "done_en", "done_zh", "is_escalated")
"""What is kept of an alert, and what is shown of it."""

SCHEMA = pa.schema([(name, KINDS.get(name, pa.string())) for name in COLUMNS])
MADE_OF = "pentad.made_of"
OUTCOMES = ("customer_id", "on", "what", "detail", "by", "action")
AGAIN = "Warn the date again with --replace."


class NotWarned(PentadError):
    """There are no early warnings of this date, or they cannot be read."""

    exit_code = 67


def no_alerts() -> pd.DataFrame:
    """No row with the columns of ``kept_alerts``."""
    return SCHEMA.empty_table().to_pandas()


def warnings_of(as_of: str, folder: Path) -> Path:
    """Where the alerts of a date lie."""
    return place_of(folder, as_of) / WARNINGS


def warned_dates(folder: Path) -> list[str]:
    """The dates that have early warnings, the earliest first; a folder whose name is no date is none."""
    return dates(folder, WARNINGS)


def kept_alerts(as_of: str, folder: Path) -> pd.DataFrame:
    """The alerts of a date, one row each: new, still open, and cleared on it; risk before churn, the gravest first.

    Returns
    -------
    DataFrame
        ``COLUMNS``. severity 1 to 3; value and level in the unit of the trigger's measure; days as ISO text; status new, open or
        cleared; cleared_on and cleared_because are empty while it is open. An alert about which nothing was done by the day
        ``escalates_on`` is the escalation's from then on; ``with_done`` tells which is.

    Raises
    ------
    NotWarned
        The date was not warned, or its file cannot be read.
    """
    return _read(as_of, folder).to_pandas()


def made_of(as_of: str, folder: Path) -> dict[str, str]:
    """What alerts were made of: ``run`` (model and data), ``before`` (date and SHA-256 of the alerts before), ``since``.

    Raises
    ------
    NotWarned
        The date was not warned, or its file cannot be read.
    """
    return json.loads((_read(as_of, folder).schema.metadata or {}).get(MADE_OF.encode(), b"{}"))


def _read(as_of: str, folder: Path) -> pa.Table:
    file = warnings_of(as_of, folder)
    if not file.exists():
        raise NotWarned(f"no early warnings as of {as_of}", str(folder), "Run `pentad warn` first, or name another folder.")
    try:
        table = pq.ParquetFile(file).read()
    except (OSError, pa.ArrowException) as error:
        raise NotWarned(f"it cannot be read ({type(error).__name__})", str(file), AGAIN) from None
    if not set(COLUMNS) <= set(table.column_names):
        raise NotWarned(f"no column {', '.join(sorted(set(COLUMNS) - set(table.column_names)))}", str(file), AGAIN)
    return table.select(list(COLUMNS))


def last_before(as_of: str, folder: Path) -> str:
    """The last warned date before another and the SHA-256 of its file, in one text; empty where there is none."""
    days = [day for day in warned_dates(folder) if day < as_of]
    return f"{days[-1]} {hashlib.sha256(warnings_of(days[-1], folder).read_bytes()).hexdigest()}" if days else ""


def put_alerts(alerts: pd.DataFrame, as_of: str, folder: Path, about: dict[str, str], replace: bool) -> bool:
    """Write the alerts of a date; whether the same were there already.

    Raises
    ------
    OutputExists
        Others are there and may not be replaced.
    """
    schema = SCHEMA.with_metadata({MADE_OF: json.dumps(about, sort_keys=True)})
    table = pa.Table.from_pandas(alerts[list(COLUMNS)], schema, preserve_index=False)
    return written_whole(warnings_of(as_of, folder), lambda file: pq.write_table(table, file, compression="zstd"), replace,
                         "early warnings of this date")


def with_done(alerts: pd.DataFrame, outcomes: pd.DataFrame, as_of: str) -> pd.DataFrame:
    """Kept alerts of a date with what was done about them by then: the columns ``SHOWN``.

    ``done_en`` and ``done_zh`` in words, empty where nothing was recorded; ``escalates_on`` as many days after the last that was
    done as it is kept after the first day; ``is_escalated``: whether the alert is open and that day is past. The parameters are
    those of ``done_about``.
    """
    deeds = done_about(alerts, outcomes, as_of)
    done = {f"done_{language}": pd.Series([JOIN[language].join(deed[language] for deed in own) for own in deeds], alerts.index,
                                          dtype=object) for language in JOIN}
    until = [days_later(own[-1]["on"], as_day(kept) - as_day(first)) if own else kept
             for own, kept, first in zip(deeds, alerts["escalates_on"], alerts["first_seen"])]
    alerts = alerts.assign(**done, escalates_on=pd.Series(until, alerts.index, dtype=object))
    return alerts.assign(is_escalated=(alerts["status"] != CLEARED) & (alerts["escalates_on"] < as_of))[list(SHOWN)]


def done_about(alerts: pd.DataFrame, outcomes: pd.DataFrame, as_of: str) -> list[list[dict[str, str]]]:
    """What has been done about each alert, the first first: ``on`` which day (ISO), and in words of each language.

    It is what was recorded of its customer from the day the alert was first seen to the date, of an action that protects the
    money that a warning of the list is about (principal for risk, income for churn) or of none named: a reminder by telephone is
    not about lost collateral.

    Parameters
    ----------
    alerts : DataFrame
        customer_id, list and first_seen.
    outcomes : DataFrame
        customer_id, on (ISO date), what, detail, by, action.
    as_of : str
        The date (ISO).
    """
    protects = {action.name: action.protects for actions in load_playbook().values() for action in actions}
    known = outcomes[(outcomes["on"] <= as_of) & outcomes["customer_id"].isin(alerts["customer_id"])]
    by_customer: dict[str, list[tuple[dict[str, str], str]]] = {}
    for each in known.sort_values("on", kind="stable").itertuples():
        detail = [each.detail] if isinstance(each.detail, str) and each.detail else []
        en, zh = (between.join([SAID[each.what][language], *detail]) for language, between in (("en", ": "), ("zh", "：")))
        said = {"on": each.on, "en": f"{each.on} {en} ({each.by})", "zh": f"{each.on} {zh}（{each.by}）"}
        by_customer.setdefault(each.customer_id, []).append((said, protects.get(each.action)))
    about = {kind: (None, *PROTECTED[event]) for kind, event in WARNINGS_OF.items()}
    return [[said for said, money in by_customer.get(who, []) if said["on"] >= first and money in about[kind]]
            for who, kind, first in zip(alerts["customer_id"], alerts["list"], alerts["first_seen"])]
