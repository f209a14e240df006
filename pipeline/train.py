"""Learn the types from labels, measure honestly beside the baselines, and register the model as challenger."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import pandas as pd

from features.catalogue import FEATURES
from features.days import as_date, as_day
from features.frame import feature_frame
from features.outcome import hindsight_types
from features.sources import Tables
from models import baselines, metrics
from models.labels import consensus
from models.matrix import KEYS
from models.segmenter import Fitted, fit
from models.split import Split, out_of_time
from models.types import load_types, names, type_indices
from pipeline import plots, tracking
from pipeline.errors import NoLabels
from pipeline.guards import must_reach
from pipeline.settings import Settings

OURS = "pentad"


@dataclass(frozen=True)
class Evaluation:
    """Scores of the model and the baselines on one set of labelled customers.

    ``table`` has one row per contender; ``confusion`` and ``per_type`` are the model's.
    """

    name: str
    n_rows: int
    table: pd.DataFrame
    confusion: pd.DataFrame
    per_type: pd.DataFrame


@dataclass(frozen=True)
class Trained:
    """A registered model and how it was measured, the headline evaluation last."""

    registered: tracking.Registered
    split: Split
    evaluations: tuple[Evaluation, ...]


def analyst_labels(tables: Tables, until: str | None, echo: Callable[[str], None]) -> pd.DataFrame:
    """One agreed type per customer and date, from labels given by ``until``: customer_id, as_of (ISO), type.

    Labels as of a date before the first loan was signed have nothing to be learned from: they are left out and counted.

    Raises
    ------
    NoLabels
        There is no labels table, or no label is left.
    NoFactsYet
        The book has no loan.
    """
    if tables.labels is None:
        raise NoLabels("the book has no labels table", "labels", "Deliver labels.csv, or use --labels hindsight.")
    labels = tables.labels.collect("pandas").to_native()
    if until is not None:
        labels = labels[labels["labelled_on"] <= as_day(until)]
    if labels.empty:
        raise NoLabels(f"no label given by {until or 'anybody'}", "labels", "Deliver labels, or give a later --until.")
    first = int(tables.loans.select(nw.col("signed_on").min()).collect("pandas").to_native()["signed_on"].min())
    used = labels[labels["as_of"] >= first]
    if len(used) < len(labels):
        why = f"as of a date before the first loan, signed on {as_date(first)}"
        echo(f"labels: {len(labels):,} in = {len(used):,} used + {len(labels) - len(used):,} left out ({why})")
        if used.empty:
            raise NoLabels(f"every label is {why}", "labels", "Deliver labels of later dates.")
        labels = used
    agreed = consensus(labels)
    n_analysts = labels["analyst"].nunique()
    echo(f"labels: {len(labels):,} by {n_analysts} analysts on {len(agreed.rows):,} customers and dates; "
         f"analysts disagree on {agreed.n_disagreements:,}")
    return agreed.rows.assign(as_of=[as_date(day).isoformat() for day in agreed.rows["as_of"]])


def hindsight_labels(tables: Tables, as_of: str, until: str, settings: Settings) -> pd.DataFrame:
    """The type each active customer of ``as_of`` turned out to be by ``until``: customer_id, as_of (ISO), type.

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
    return types.assign(as_of=as_of)[["customer_id", "as_of", "type"]]


def connected_groups(tables: Tables, customers: pd.Series) -> pd.Series:
    """The connected group of each customer, or the customer itself; kept whole on one side of every split."""
    groups = tables.customers.select("customer_id", "group_id").collect("pandas").to_native()
    known = groups.set_index("customer_id")["group_id"]
    found = customers.map(known)
    return ("group " + found).fillna("customer " + customers)


def train(
    tables: Tables, labels: pd.DataFrame, settings: Settings, source: str, echo: Callable[[str], None]
) -> Trained:
    """Fit, evaluate, track.

    Parameters
    ----------
    tables : Tables
        The book.
    labels : DataFrame
        customer_id, as_of (ISO) and type, one row per customer and date.
    settings : Settings
        How to train and where to track.
    source : str
        Where the labels come from: analysts or hindsight.
    echo : callable
        Told in a line what is going on.
    """
    tracking.reach(settings.tracking)
    types = load_types()
    echo(f"features of {len(labels):,} customers and dates ...")
    frame = feature_frame(labels[["customer_id", "as_of"]], tables)
    given = frame[["customer_id", "as_of"]].merge(labels, on=["customer_id", "as_of"], how="left")["type"]
    groups = connected_groups(tables, frame["customer_id"])
    split = out_of_time(frame, groups, settings.split.held_out_share, settings.split.embargo_days, settings.model.seed)
    echo(f"split: {split.description}")
    variants = _variants(frame[split.train], settings)
    features = list(variants[OURS])
    echo(f"features: {len(features)} of {len(FEATURES)} are known in this book"
         + ("" if len(variants) == 1 else f"; beside them, {' and '.join(list(variants)[1:])}"))
    side = frame[split.train]
    fits = {name: fit(_only(side, columns), given[split.train], groups[split.train], names(types), settings.model,
                      lambda step, name=name: echo(f"fit {name}: {step} ...")) for name, columns in variants.items()}
    fitted = fits[OURS]
    evaluations = [_out_of_fold(fits, _only(side, features), types)]
    for name, rows in (("known customers, later", split.known_later), ("new customers, later", split.test)):
        if split.has_test and rows.any():
            evaluations.append(_evaluate(name, fits, side, given[split.train], frame[rows], given[rows], types))
    frame = _only(frame, features)
    with tempfile.TemporaryDirectory(prefix="pentad-") as folder:
        test = split.test if split.has_test else split.train
        _write_files(Path(folder), fitted, evaluations, frame[test], given[test], split)
        run = tracking.RunRecord(
            params={key: str(value) for key, value in _flat(dataclasses.asdict(settings))},
            metrics={f"{_slug(e.name)}.{_slug(contender)}.{metric}": float(value) for e in evaluations
                     for contender, row in e.table.iterrows() for metric, value in row.items()}
            | {"temperature": fitted.segmenter.temperature, "n_labels": float(len(labels))},
            tags={"labels": source, "data_fingerprint": tables.fingerprint, "split": split.description},
            files=Path(folder), segmenter=fitted.segmenter)
        registered = tracking.record(run, settings.tracking)
    return Trained(registered, split, tuple(evaluations))


def _variants(side: pd.DataFrame, settings: Settings) -> dict[str, tuple[str, ...]]:
    """The features of our model, those known of anybody; and the other choice on the bank's own judgements beside it.

    A rating, a stage or the watch list may repeat the analyst's label: the report shows what the model is without them. A
    judgement that is the same of everybody, as in a book in which nothing was ever forborne, is none.
    """
    known = tuple(name for name in FEATURES if side[name].notna().any())
    facts = tuple(name for name in known if not FEATURES[name].is_judgemental)
    if not any(side[name].nunique(dropna=False) > 1 for name in known if FEATURES[name].is_judgemental):
        return {OURS: facts}
    with_all, without = f"{OURS} with judgement", f"{OURS} without judgement"
    return {OURS: known, without: facts} if settings.features.use_judgemental else {OURS: facts, with_all: known}


def _only(frame: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    return frame[[*KEYS, *features]]


def _out_of_fold(fits: dict[str, Fitted], side: pd.DataFrame, types) -> Evaluation:
    fitted = fits[OURS]
    rows = fitted.rows
    ordered = rows[KEYS].merge(side, on=KEYS, how="left")
    contenders = {name: one.out_of_fold for name, one in fits.items()}
    for name, baseline in baselines.BASELINES.items():
        contenders[name] = baselines.out_of_fold(baseline, ordered, rows["type"], names(types), rows["fold"].to_numpy())
    return _scored("out of fold", fitted.truth, contenders, types)


def _evaluate(name: str, fits: dict[str, Fitted], side, side_types, test, test_types, types) -> Evaluation:
    contenders = {who: one.segmenter.probabilities(_only(test, one.segmenter.features)) for who, one in fits.items()}
    ours = fits[OURS].segmenter.features
    for baseline_name, baseline in baselines.BASELINES.items():
        fitted = baseline(_only(side, ours), side_types, names(types))
        contenders[baseline_name] = fitted.predict_proba(_only(test, ours))
    return _scored(name, type_indices(test_types, names(types)), contenders, types)


def _scored(name: str, truth, contenders: dict, types) -> Evaluation:
    table = pd.DataFrame({who: metrics.scores(truth, given, types) for who, given in contenders.items()}).T
    ours = (truth, contenders[OURS], types)
    return Evaluation(name, len(truth), table, metrics.confusion(*ours), metrics.per_type(*ours))


def _write_files(folder: Path, fitted: Fitted, evaluations, test, test_types, split: Split) -> None:
    types = load_types()
    if split.has_test:
        truth, probabilities = type_indices(test_types, names(types)), fitted.segmenter.probabilities(test)
    else:
        truth, probabilities = fitted.truth, fitted.out_of_fold
    plots.draw_confusion(truth, probabilities, types, folder / "confusion.png")
    plots.draw_reliability(truth, probabilities, types, folder / "reliability.png")
    plots.draw_drivers(fitted.segmenter.judge(test), folder / "drivers.png")
    for evaluation in evaluations:
        place = folder / "evaluation" / _slug(evaluation.name)
        place.mkdir(parents=True)
        evaluation.table.to_csv(place / "contenders.csv")
        evaluation.confusion.to_csv(place / "confusion.csv")
        evaluation.per_type.to_csv(place / "per_type.csv")
    dictionary = [{"name": f.name, "dimension": f.dimension, "unit": f.unit, "en": f.meaning_en, "zh": f.meaning_zh}
                  for f in FEATURES.values()]
    (folder / "features.json").write_text(json.dumps(dictionary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _flat(tree: dict, prefix: str = ""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _slug(name: str) -> str:
    return name.replace(",", "").replace(" ", "_")
