"""The label desk at work: what a model that has not seen a customer says of its label, and whom to ask about next."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from features.catalogue import FEATURES
from features.frame import book_frame, feature_frame
from features.sources import Tables
from models.explain import reference
from models.labels.cases import cases
from models.labels.precedence import precedence
from models.labels.queue import whom_next
from models.labels.suspects import suspects
from models.matrix import KEYS
from models.segmenter import Fitted, fit
from models.slices import size_classes
from models.split import TooFewLabels
from models.types import load_types, names
from pipeline.circles import circles_of
from pipeline.labels import Labelled
from pipeline.settings import Settings


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


def _next(tables: Tables, fitted: Fitted, labelled: pd.DataFrame, as_of: str, budget: int) -> pd.DataFrame:
    """Whom to label next as of a date: active customers without a label of that date."""
    book = book_frame(tables, as_of)
    done = labelled.loc[labelled["as_of"] == as_of, "customer_id"]
    frame = book[(book["n_active_loans"] > 0) & ~book["customer_id"].isin(done)].reset_index(drop=True)
    probabilities = fitted.segmenter.probabilities(frame[[*KEYS, *fitted.segmenter.features]])
    return whom_next(frame[KEYS], probabilities, load_types(), size_classes(frame["exposure_committed"]), budget)
