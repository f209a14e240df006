"""Learn the types from labels, measure honestly beside the baselines, and register the model as challenger."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.catalogue import FEATURES
from features.cohort import first_signing
from features.days import as_day, days_later, month_ends
from features.frame import feature_frame
from features.sources import Tables
from models import baselines
from models.drift import WATCHED
from models.gate import objections
from models.leaks import suspicious
from models.matrix import KEYS, sorted_rows
from models.metrics import given_types
from models.referral import ALL, Referral
from models.segmenter import BrokenModel, Fitted, Judgement, fit, reseeded
from models.split import Split, out_of_time
from models.stability import Steadiness
from models.training_reference import TrainingReference, counted, range_of, usual_feature
from models.types import RelationshipType, load_types, names, type_indices
from pipeline import plots, tracking
from pipeline.active import active_customers
from pipeline.categories import counted_categories
from pipeline.circles import circles_of
from pipeline.errors import StoreUnavailable
from pipeline.evaluation import OURS, Evaluation, attributes_of
from pipeline.labels import Labelled
from pipeline.proof import Champion, Rival, rival_of, steadiness_of, weigh
from pipeline.settings import Settings
from pipeline.validation import Run, report_of
from pipeline.validation_page import write_report

DAYS_OF_A_YEAR = 364
"""A year before its end, of which no more than twelve month-ends lie within."""


@dataclass(frozen=True)
class Trained:
    """A registered model and how it was measured, the headline evaluation last; ``report`` is the validation report."""

    registered: tracking.Registered
    split: Split
    evaluations: tuple[Evaluation, ...]
    report: dict


def train(tables: Tables, labelled: Labelled, settings: Settings, echo: Callable[[str], None]) -> Trained:
    """Fit, evaluate, track.

    Parameters
    ----------
    tables : Tables
        The book.
    labelled : Labelled
        The types to learn from, and where they come from.
    settings : Settings
        How to train and where to track.
    echo : callable
        Told in a line what is going on.
    """
    tracking.reach(settings.tracking)
    types, labels = load_types(), labelled.rows
    echo(f"features of {len(labels):,} customers and dates ...")
    frame = feature_frame(labels[["customer_id", "as_of"]], tables)
    labels = frame[KEYS].merge(labels, on=KEYS, how="left")
    given, is_override = labels["type"], labels["is_override"].to_numpy(bool)
    circles = circles_of(tables)
    groups = frame["customer_id"].map(circles)
    sizes = frame["customer_id"].groupby(groups).nunique()
    echo(f"circles: {sizes.sum():,} labelled customers in {len(sizes):,} circles, connected by group, guarantor or link; "
         f"the largest has {sizes.max():,}")
    split = out_of_time(frame, groups, settings.split.held_out_share, settings.split.embargo_days, settings.model.seed)
    split = split.testing(~is_override)
    echo(f"split: {split.description}")
    variants = _variants(frame[split.train], settings)
    features = list(variants[OURS])
    echo(f"features: {len(features)} of {len(FEATURES)} are known in this book"
         + ("" if len(variants) == 1 else f"; beside them, {' and '.join(list(variants)[1:])}"))
    side = frame[split.train]
    fits = {name: fit(_only(side, columns), given[split.train], groups[split.train], names(types), settings.model,
                      lambda step, name=name: echo(f"fit {name}: {step} ...")) for name, columns in variants.items()}
    fitted = fits[OURS]
    twins = reseeded(fitted, _only(side, features), lambda step: echo(f"fit {OURS} from other seeds: {step} ..."))
    if fitted.segmenter.slow_because:
        echo(f"note: explaining takes a hundred times longer than it could: {fitted.segmenter.slow_because}")
    customers = tables.collected(tables.customers.select("customer_id", "industry", "region"))
    about = _About(attributes_of(frame, customers), groups, types, fitted.segmenter.referral, settings.model.seed)
    unfolded = _out_of_fold(fits, _only(side, features), about)
    unfolded = unfolded.part(unfolded.name, ~is_override[split.train][sorted_rows(side)])
    champion = _champion(settings)
    if split.has_test:
        later = split.test | split.known_later
        evaluated = frame[later]
        is_new, period = split.test[later], f"{labelled.source} from {frame.loc[later, 'as_of'].min()}"
        rival = champion and rival_of(champion, frame[later])
        judged = _evaluate("out of time", fits, side, given[split.train], frame[later], given[later], about, rival)
        parts = (("known customers, later", split.known_later[later]), ("new customers, later", split.test[later]))
        evaluations = [unfolded, *(judged.part(name, rows) for name, rows in parts if rows.any())]
        judgement = fitted.segmenter.judge(_only(frame[later], features)) if rival else None
    else:
        judges = _sorted(side)[~is_override[split.train][sorted_rows(side)]]
        evaluated = judges
        rival = champion and rival_of(champion, judges)
        is_compared = rival is not None and rival.judgement is not None
        judged = unfolded.beside(rival.name, rival.judgement.probabilities) if is_compared else unfolded
        evaluations = [judged]
        judgement = fitted.segmenter.judge(_only(judges, features)) if rival else None
        is_new, period = np.ones(judged.n_rows, bool), ""
    drivers = fitted.segmenter.judge(_only(frame, features)[split.test if split.has_test else split.train])
    leaks = suspicious(drivers)
    looked = tracking.models_judged_on(period, settings.tracking) if period else set()
    n_looks = len(looked | {fitted.segmenter.sha256})
    steadiness = steadiness_of(fitted.segmenter, twins, evaluated, tables)
    echo(_in_a_line(steadiness))
    evidence = weigh(fitted, judged, tuple(baselines.BASELINES), rival, tables.fingerprint, judgement, is_new, steadiness,
                     n_looks, leaks)
    if rival and rival.note:
        echo(f"note: {rival.name} was not compared with: {rival.note}")
    against = objections(evidence, settings.gate, evidence.champion, champion is not None and champion.is_broken)
    echo(f"gate: {'; '.join(against) or 'open'}")
    echo(f"reference for monitoring: the book in the year up to {evidence.trained_until} ...")
    reference = _reference(tables, fitted, side, str(labels["as_of"].max()), judged)
    with tempfile.TemporaryDirectory(prefix="pentad-") as folder:
        _write_files(Path(folder), drivers, evaluations)
        report = report_of(Run(tables, labelled, settings, fitted, split, groups.set_axis(frame["customer_id"]),
                               tuple(evaluations), evidence, against))
        write_report(report, Path(folder))
        run = tracking.RunRecord(
            params={key: str(value) for key, value in _flat(dataclasses.asdict(settings))},
            metrics={f"{_slug(e.name)}.{_slug(contender)}.{metric}": float(value) for e in evaluations
                     for contender, row in e.table.iterrows() for metric, value in row.items()}
            | {"temperature": fitted.segmenter.temperature, "n_labels": float(len(labels))},
            tags={"labels": labelled.source, "data_fingerprint": tables.fingerprint, "split": split.description,
                  tracking.PERIOD: period, tracking.JUDGED: fitted.segmenter.sha256,
                  "overrides": labelled.log},
            files=Path(folder), segmenter=fitted.segmenter, twins=twins, evidence=evidence, reference=reference)
        registered = tracking.record(run, settings.tracking)
    return Trained(registered, split, tuple(evaluations), report)


def _reference(tables: Tables, fitted: Fitted, side: pd.DataFrame, labels_until: str, judged: Evaluation) -> TrainingReference:
    """The book of all active customers at the month-ends of the last year learnt from, and what was promised on the labels
    judged by."""
    segmenter, last, first = fitted.segmenter, str(fitted.rows["as_of"].max()), first_signing(tables)
    year = [day for day in (*month_ends(days_later(last, -DAYS_OF_A_YEAR), last), last) if as_day(day) >= first]
    with active_customers(tables, sorted(set(year)), segmenter.features) as active:
        at = [np.flatnonzero(active.day == place) for place in np.unique(active.day)]  # on an early one nobody may be active
        usual, ranges = {}, {}
        for name in segmenter.features:
            values = active.column(name)
            usual[name] = tuple(usual_feature(values[rows], active.circle[rows]) for rows in at)
            ranges[name] = range_of(values, active.circle, side[name].to_numpy(float))
        given = np.concatenate([given_types(segmenter.probabilities(chunk)) for chunk in active.chunks()])
        types = tuple(counted(given[rows], len(segmenter.types), active.circle[rows]) for rows in at)
        days = tuple(active.days[place] for place in np.unique(active.day))
    return TrainingReference(
        days, usual, ranges, segmenter.types, types,
        {column: tuple(values) for column, values in counted_categories(tables).items()}, labels_until,
        {name: judged.scores[OURS][name] for name in WATCHED})


@dataclass(frozen=True)
class _About:
    """What is known of every labelled row beside its features: index of the frame."""

    attributes: pd.DataFrame
    circles: pd.Series
    types: tuple[RelationshipType, ...]
    referral: Referral
    seed: int

    def evaluation(self, name: str, rows: pd.DataFrame, truth, contenders: dict, is_out_of_fold: bool = False) -> Evaluation:
        """An evaluation of rows of the frame, which keep its index."""
        return Evaluation(name, rows[KEYS].reset_index(drop=True), truth, contenders, self.attributes.loc[rows.index],
                          self.circles.loc[rows.index].to_numpy(), self.types, self.referral, self.seed, is_out_of_fold)


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


def _out_of_fold(fits: dict[str, Fitted], side: pd.DataFrame, about: _About) -> Evaluation:
    fitted, order = fits[OURS], names(about.types)
    ordered = _sorted(side)
    kinds, folds = fitted.rows["type"].set_axis(ordered.index), fitted.rows["fold"].to_numpy()
    contenders = {name: one.out_of_fold for name, one in fits.items()}
    for name, baseline in baselines.BASELINES.items():
        contenders[name] = baselines.out_of_fold(baseline, ordered, kinds, order, folds)
    return about.evaluation("out of fold", ordered, fitted.truth, contenders, is_out_of_fold=True)


def _in_a_line(steadiness: Steadiness) -> str:
    """How many customers keep their type, their reasons and their leading dimension."""
    found = [f"{what}: type {1 - flips.types:.0%}, reasons {1 - flips.reasons:.0%}, leading dimension {1 - flips.dimensions:.0%}"
             for what, by in (("another seed", steadiness.reseeded), ("the month before", steadiness.month_earlier))
             if (flips := by.get(ALL))]
    return "the same in " + "; in ".join(found) if found else "stability: nobody was compared"


def _champion(settings: Settings) -> Champion | None:
    """The model in use, as far as it can be had."""
    version = tracking.champion_version(settings.tracking)
    if not version:
        return None
    try:
        model = tracking.load(version, settings.tracking)
        return Champion(version, model.segmenter, model.trained_until)
    except (BrokenModel, StoreUnavailable) as error:
        return Champion(version, None, note=error.found, is_broken=isinstance(error, BrokenModel))


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[sorted_rows(rows)]


def _evaluate(
    name: str, fits: dict[str, Fitted], side, side_types, test, test_types, about: _About, champion: Rival | None
) -> Evaluation:
    contenders = {who: one.segmenter.probabilities(_only(test, one.segmenter.features)) for who, one in fits.items()}
    ours, order = fits[OURS].segmenter.features, names(about.types)
    for baseline_name, baseline in baselines.BASELINES.items():
        contenders[baseline_name] = baseline(_only(side, ours), side_types, order).predict_proba(_only(test, ours))
    if champion and champion.judgement is not None:
        contenders[champion.name] = champion.judgement.probabilities
    return about.evaluation(name, test, type_indices(test_types, order), contenders)


def _write_files(folder: Path, drivers: Judgement, evaluations: Sequence[Evaluation]) -> None:
    last = evaluations[-1]
    plots.draw_confusion(last.truth, last.ours, last.types, folder / "confusion.png")
    plots.draw_reliability(last.truth, last.ours, last.types, folder / "reliability.png")
    plots.draw_drivers(drivers, folder / "drivers.png")
    for evaluation in evaluations:
        place = folder / "evaluation" / _slug(evaluation.name)
        place.mkdir(parents=True)
        evaluation.intervals.to_csv(place / "contenders.csv", index=False)
        evaluation.confusion.to_csv(place / "confusion.csv")
        evaluation.per_type.to_csv(place / "per_type.csv")
        evaluation.coverage.to_csv(place / "coverage.csv")
        evaluation.slices.to_csv(place / "slices.csv", index=False)
        evaluation.over_dates.to_csv(place / "over_dates.csv", index=False)
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
