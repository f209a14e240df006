"""The scored book of a date as a report: types, migration, drivers and every customer's case, from what scoring stored.

The model is not loaded. ``pipeline/report_page.py`` writes it as a page, ``pipeline/export.py`` its list as a table.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import features.frame  # noqa: F401  (fills the register)
from features.catalogue import DIMENSIONS, FEATURES
from features.frame import feature_frame
from features.sources import Tables
from models.early_warning import CLEARED
from models.explain import LANGUAGES, Reference, reasons
from models.types import ORDER
from pipeline.alerts import AGAIN, OUTCOMES, NotWarned, kept_alerts, made_of, warned_dates, with_done
from pipeline.explanations import UNREADABLE, KeptBook, NotAssigned, kept_book, of_run, scored_dates
from pipeline.followup import FollowUp, follow_up
from pipeline.names import names_of
from pipeline.structure import Structure, structure

EXPOSURES = ("exposure_drawn", "exposure_committed")
"""What counts as a customer's exposure: the first of these that the model was given."""

NEW, GONE = "new", "gone"
N_DRIVERS = 6


@dataclass(frozen=True)
class Exposure:
    """Which feature the exposure of a customer is, and where it was read: ``scored`` or ``book``; None where nowhere."""

    feature: str | None
    source: str | None


@dataclass(frozen=True)
class Migration:
    """Who went from which type to which since an earlier date.

    ``n`` and ``exposure`` have a row for every type then and for ``new`` customers, a column for every type now and for those
    who are ``gone``; the exposure is today's, of those gone the one they had. ``n_unknown`` of the customers have no known
    exposure; they add none.
    """

    since: str
    n: pd.DataFrame
    exposure: pd.DataFrame
    n_unknown: int


@dataclass(frozen=True)
class Drivers:
    """What makes the customers of a type be of it and not of their runner-up.

    ``parts``: the mean log-odds of each dimension and of the starting point. ``features``: feature, dimension, mean_size (mean
    absolute log-odds), mean, share_for (of the customers for whom it speaks for the type), words_en and words_zh, which are
    true of the median of those customers for whom it speaks as it does on average; the largest first.
    """

    n: int
    parts: pd.Series
    features: pd.DataFrame


@dataclass(frozen=True)
class Report:
    """A scored book to be looked at.

    ``rows``: the assignments, with exposure (NaN where not known), name (missing where not known) and before, the type at
    the earlier date (missing where there is none). ``by_type``: n, n_referred, exposure, n_unknown (customers without a known
    exposure) of every type in order of precedence. ``follow_up``: what came of actions since the first date of ``structure``;
    None without a book, an earlier date or an outcome recorded. ``alerts``: the early warnings of the date with what was
    done about them by then, None without any.
    """

    as_of: str
    kept: KeptBook
    rows: pd.DataFrame
    exposure: Exposure
    by_type: pd.DataFrame
    migration: Migration | None
    drivers: dict[str, Drivers]
    structure: Structure
    follow_up: FollowUp | None = None
    alerts: pd.DataFrame | None = None

    def __str__(self) -> str:
        n, unknown = len(self.rows), int(self.by_type["n_unknown"].sum())
        said = f"{self.as_of}: {n:,} customers, {self.by_type['n_referred'].sum():,} referred to a person; exposure: "
        said += f"{self.exposure.feature} ({'as scored' if self.exposure.source == 'scored' else 'from the book'})" if (
            self.exposure.feature) else "not known, for the model was not given it; name a book with --data"
        said += f", not known for {unknown:,}" if unknown and self.exposure.feature else ""
        said += "" if self.alerts is None else f"\nearly warnings: {(self.alerts['status'] != CLEARED).sum():,} open"
        if self.migration is None:
            return f"{said}\nno earlier date was scored: nothing to compare with"
        moved, table = int((self.rows["before"].notna() & (self.rows["before"] != self.rows["type"])).sum()), self.migration.n
        return (f"{said}\nsince {self.migration.since}: {moved:,} of another type, {table.loc[NEW].sum():,} new, "
                f"{table[GONE].sum():,} gone")


def report(as_of: str, since: str | None, folder: Path, tables: Tables | None = None, warnings: Path | None = None,
           outcomes: pd.DataFrame | None = None, seed: int = 0) -> Report:
    """Collect what a report shows.

    Parameters
    ----------
    as_of, since : str
        The date (ISO), and an earlier one to compare it with; None takes the last scored one, if there is one.
    folder : Path
        Where the dates were scored.
    tables : Tables, optional
        The book, for the names of customers, for their exposure where the model was not given one, and for products in use.
    warnings : Path, optional
        Where early warnings are kept; shown are those of the date, if there are any.
    outcomes : DataFrame, optional
        What was done with customers and what came of it (``pipeline.outcomes.recorded``), to be told beside early warnings too.
    seed : int
        Of the draws behind the intervals of what came of it.

    Raises
    ------
    NotAssigned
        Nobody was scored on one of the dates.
    NotExplained, DamagedRevision
        The explanations of one of them are missing or of another run.
    NotWarned
        The early warnings of the date cannot be read, or are of another run of it.
    """
    kept = kept_book(as_of, folder)
    since, earlier = (since, kept_book(since, folder)) if since else _earlier(as_of, folder)
    exposure = _exposure_of(kept, tables)
    rows = kept.assignments.assign(exposure=_exposures(kept, exposure.feature, tables))
    rows["name"] = None if tables is None else names_of(rows["customer_id"], tables)
    rows["before"] = None
    migration = None
    if earlier is not None:
        then = earlier.assignments.assign(exposure=_exposures(earlier, exposure.feature, tables))
        rows["before"] = rows["customer_id"].map(then.set_index("customer_id")["type"])
        migration = _migration(since, rows, then)
    by_type = rows.groupby("type").agg(
        n=("type", "size"), n_referred=("is_referred", "sum"), exposure=("exposure", "sum"),
        n_unknown=("exposure", lambda each: int(each.isna().sum()))).reindex(list(ORDER), fill_value=0)
    read = {as_of: kept} | ({since: earlier} if earlier is not None else {})
    business = structure(as_of, folder, tables, read)
    first = business.dates[0]
    is_told = tables is not None and outcomes is not None and ((outcomes["on"] > first) & (outcomes["on"] <= as_of)).any()
    came = follow_up(first, as_of, tables, outcomes, seed, folder) if is_told and first < as_of else None
    alerts = _alerts(kept, as_of, warnings, pd.DataFrame(columns=list(OUTCOMES)) if outcomes is None else outcomes)
    return Report(as_of, kept, rows, exposure, by_type, migration, _drivers(kept), business, came, alerts)


def _earlier(as_of: str, folder: Path) -> tuple[str | None, KeptBook | None]:
    """The last date before another that was scored and can be read."""
    for day in reversed(scored_dates(folder)):
        if day < as_of:
            with suppress(NotAssigned, *UNREADABLE):
                return day, kept_book(day, folder)
    return None, None


def _alerts(kept: KeptBook, as_of: str, folder: Path | None, outcomes: pd.DataFrame) -> pd.DataFrame | None:
    if folder is None or as_of not in warned_dates(folder):
        return None
    first = kept.assignments.iloc[0]
    if made_of(as_of, folder).get("run") != of_run(first["model_version"], first["data_fingerprint"]):
        raise NotWarned(f"the early warnings of {as_of} are of another run of the date", str(folder), AGAIN)
    return with_done(kept_alerts(as_of, folder), outcomes, as_of)


def places(kinds: pd.Series) -> np.ndarray:
    """Place of each type in the order of precedence."""
    return pd.Index(ORDER).get_indexer(pd.Index(kinds))


def sums(contrasts: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Contrasts (n, n_features + 1) per dimension and of the starting point, (n, 5), as ``models.explain.totals`` gives them."""
    of = np.array([FEATURES[name].dimension if name in FEATURES else "" for name in names] + [""])
    found = [contrasts[:, of == dimension].sum(axis=1) for dimension in DIMENSIONS]
    return np.column_stack([*found, contrasts[:, of == ""].sum(axis=1)])


def worded(values: np.ndarray, name: str, reference: Reference) -> dict[str, list[str]]:
    """What is said of values of one feature, by language: the same words as in a reason."""
    alone = values[:, None]
    return {language: reasons(alone, np.ones(alone.shape), [name], FEATURES, reference, 1, language) for language in LANGUAGES}


def _exposure_of(kept: KeptBook, tables: Tables | None) -> Exposure:
    stored = [name for name in EXPOSURES if name in kept.features]
    if stored:
        return Exposure(stored[0], "scored")
    return Exposure(None, None) if tables is None else Exposure(EXPOSURES[0], "book")


def _exposures(kept: KeptBook, name: str | None, tables: Tables | None) -> np.ndarray:
    if name in kept.features:
        return kept.values[:, kept.features.index(name)]
    if name is None or tables is None:
        return np.full(len(kept.values), np.nan)
    keys = kept.assignments[["customer_id", "as_of"]]
    found = feature_frame(keys, tables).set_index("customer_id")[name]
    return found.reindex(keys["customer_id"]).to_numpy(float)


def _migration(since: str, now: pd.DataFrame, then: pd.DataFrame) -> Migration:
    gone = then[~then["customer_id"].isin(now["customer_id"])]
    moves = pd.concat([
        pd.DataFrame({"before": now["before"].fillna(NEW), "now": now["type"], "exposure": now["exposure"]}),
        pd.DataFrame({"before": gone["type"], "now": GONE, "exposure": gone["exposure"]})], ignore_index=True)
    shape = {"index": [*ORDER, NEW], "columns": [*ORDER, GONE], "fill_value": 0}
    n = pd.crosstab(moves["before"], moves["now"]).reindex(**shape)
    exposure = moves.pivot_table(index="before", columns="now", values="exposure", aggfunc="sum").reindex(**shape).fillna(0.0)
    return Migration(since, n, exposure, int(moves["exposure"].isna().sum()))


def _drivers(kept: KeptBook) -> dict[str, Drivers]:
    own, second = places(kept.assignments["type"]), places(kept.assignments["runner_up"])
    contrasts = kept.contrasts(own, second)
    means = sums(contrasts, kept.features)
    found = {}
    for place, kind in enumerate(ORDER):
        rows = own == place
        parts = pd.Series(means[rows].mean(axis=0) if rows.any() else 0.0, index=[*DIMENSIONS, "starting_point"])
        found[kind] = Drivers(int(rows.sum()), parts, _strongest(contrasts[rows], kept.values[rows], kept))
    return found


def _strongest(contrasts: np.ndarray, values: np.ndarray, kept: KeptBook) -> pd.DataFrame:
    found = []
    sizes = np.abs(contrasts[:, :-1]).mean(axis=0) if len(contrasts) else np.zeros(0)
    for place in np.argsort(-sizes, kind="stable"):
        name = kept.features[place]
        if len(found) == N_DRIVERS or sizes[place] == 0:
            break
        if name in FEATURES:
            pushes, mean = contrasts[:, place], contrasts[:, place].mean()
            typical = _median(values[pushes > 0 if mean > 0 else pushes < 0, place])
            words = worded(np.array([typical]), name, kept.reference)
            found.append((name, FEATURES[name].dimension, sizes[place], mean, (pushes > 0).mean(),
                          *(words[language][0] for language in ("en", "zh"))))
    return pd.DataFrame(found, columns=["feature", "dimension", "mean_size", "mean", "share_for", "words_en", "words_zh"])


def _median(values: np.ndarray) -> float:
    """An observed one; NaN where most are missing."""
    known = values[~np.isnan(values)]
    return float(np.quantile(known, 0.5, method="inverted_cdf")) if 2 * len(known) > len(values) else np.nan
