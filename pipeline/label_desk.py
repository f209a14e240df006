"""The label desk at work: what a model that has not seen a customer says of its label, and whom to ask about next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.catalogue import FEATURES, Feature
from features.frame import book_frame, feature_frame
from features.sources import Tables
from models.explain import MISSING, reference, short_name, written
from models.labels.cases import cases
from models.labels.consensus import Consensus
from models.labels.precedence import precedence
from models.labels.queue import whom_next
from models.labels.suspects import suspects
from models.matrix import KEYS
from models.segmenter import Fitted, fit
from models.slices import size_classes
from models.split import TooFewLabels
from models.types import load_types, names
from pipeline.circles import circles_of
from pipeline.label_report import LEAST_HABIT
from pipeline.labels import Labelled
from pipeline.plots import draw_shares
from pipeline.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def doubts(
    tables: Tables, labelled: Labelled, settings: Settings, top: int, budget: int, as_of: str | None, echo: Callable[[str], None]
) -> dict[str, pd.DataFrame]:
    """The tables precedence, suspects, cases (the first ``top`` suspects) and, with a date, next (``budget`` customers).

    Where there are too few labels for a model only precedence is there, and the reason is echoed.
    """
    agreed, types, seed = labelled.consensus, load_types(), settings.model.seed
    echo(f"features of {len(labelled.rows):,} customers and dates ...")
    frame = feature_frame(labelled.rows[KEYS], tables)
    known = [name for name in FEATURES if frame[name].notna().any()]
    frame, given = frame[[*KEYS, *known]], labelled.rows["type"]
    found = {"precedence": precedence(frame, given.to_numpy(dtype=object), frame["customer_id"].to_numpy(), seed)}
    try:
        circles = frame["customer_id"].map(circles_of(tables))
        fitted = fit(frame, given.set_axis(frame.index), circles, names(types), settings.model,
                     lambda step: echo(f"fit: {step} ..."))
    except TooFewLabels as error:
        echo(f"suspects and whom to label next: not looked for, {error.found}")
        return found
    found["suspects"] = suspects(agreed, fitted.out_of_fold)
    found["cases"] = cases(found["suspects"].head(top), agreed, frame, fitted, FEATURES, reference(frame))
    if as_of is not None:
        found["next"] = _next(tables, fitted, agreed.rows, as_of, budget)
    return found


def beside(case: pd.Series, tables: Tables, language: str = "en") -> pd.DataFrame:
    """A suspect label beside its neighbours: the features that contradict, in words, and the values of all three.

    ``case`` is a row of the cases. Columns: the suspect, the most similar customer of the type given, and of the likelier one;
    a neighbour that is not there has no column.
    """
    who = {f"{case['customer_id']}, labelled {case['type']}": (case["customer_id"], case["as_of"])}
    for kind, near in ((case["type"], case["agreeing"]), (case["likely_type"], case["contradicting"])):
        if near:
            customer, _, day = near.rpartition(" as of ")
            who[f"{customer}, {kind}"] = (customer, day)
    keys = pd.DataFrame(list(who.values()), columns=KEYS)
    frame = feature_frame(keys.drop_duplicates(ignore_index=True), tables).set_index(KEYS)
    shown = [FEATURES[name] for name in case["contradicts"].split(",") if name]

    def told(feature: Feature, key: tuple[str, str]) -> str:
        value = frame.at[key, feature.name]
        return MISSING[language] if np.isnan(value) else written(value, feature.unit, language)

    return pd.DataFrame({column: [told(feature, key) for feature in shown] for column, key in who.items()},
                        index=[short_name(feature, language) for feature in shown])


def draw_habits(agreed: Consensus) -> Figure:
    """What every analyst calls what, a table in colour each: rows are the consensus, columns what was given."""
    import matplotlib.pyplot as plt

    analysts = agreed.votes.analysts
    figure, panes = plt.subplots(1, len(analysts), figsize=(3.1 * len(analysts) + 0.8, 3.6), squeeze=False, sharey=True,
                                 layout="constrained")
    for pane, analyst in zip(panes[0], analysts):
        shares = agreed.confusion(analyst)
        draw_shares(pane, shares, shares.map(lambda share: f"{share:.0%}" if share >= LEAST_HABIT else ""))
        pane.tick_params(axis="x", rotation=45)
        pane.set(title=analyst, xlabel="given")
    panes[0, 0].set_ylabel("consensus")
    return figure


def _next(tables: Tables, fitted: Fitted, labelled: pd.DataFrame, as_of: str, budget: int) -> pd.DataFrame:
    """Whom to label next as of a date: active customers without a label of that date."""
    book = book_frame(tables, as_of)
    done = labelled.loc[labelled["as_of"] == as_of, "customer_id"]
    frame = book[(book["n_active_loans"] > 0) & ~book["customer_id"].isin(done)].reset_index(drop=True)
    probabilities = fitted.segmenter.probabilities(frame[[*KEYS, *fitted.segmenter.features]])
    return whom_next(frame[KEYS], probabilities, load_types(), size_classes(frame["exposure_committed"]), budget)
