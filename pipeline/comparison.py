"""Two registered models side by side: on the same customers of a date, and on labels that neither has learnt from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.catalogue import FEATURES
from features.frame import book_frame, feature_frame
from features.sources import Tables
from models.explain import STARTING_POINT, Reference, factors, reasons, reference
from models.gate import Evidence, dearer_parts, gains_over
from models.matrix import KEYS
from models.segmenter import Judgement
from models.stability import Flips, flips
from models.types import ORDER, load_types, names, type_indices
from pipeline import tracking
from pipeline.circles import circles_of
from pipeline.errors import NoModel
from pipeline.evaluation import OURS, Evaluation, attributes_of
from pipeline.labels import Labelled
from pipeline.plots import draw_shares
from pipeline.settings import Settings, TrackingSettings
from pipeline.steadiness import DIMENSION_OF
from pipeline.tracking import Registered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAIN = ["rival", "metric", "gain", "low", "high"]


@dataclass(frozen=True)
class Comparison:
    """What a newer and an older model say of the active customers of a date, and how both do on labels new to them.

    ``matrix`` holds every feature that either uses, one row per customer, ``judgements`` the newer model's and the older's of
    these rows. ``judged`` has the labelled rows of dates after both had learnt, with the older model's probabilities under its
    name; None where there are none.
    """

    new: Registered
    old: Registered
    matrix: pd.DataFrame
    judgements: tuple[Judgement, Judgement]
    reference: Reference
    judged: Evaluation | None

    @property
    def given(self) -> pd.DataFrame:
        """customer_id, old and new: the type that each model gives, one row per customer."""
        new, old = (np.array(one.types, dtype=object)[one.probabilities.argmax(axis=1)] for one in self.judgements)
        return pd.DataFrame({"customer_id": self.matrix["customer_id"].to_numpy(), "old": old, "new": new})

    @property
    def moves(self) -> pd.DataFrame:
        """How many customers go from which type of the older model (rows) to which of the newer one (columns)."""
        given = self.given
        return pd.crosstab(given["old"], given["new"]).reindex(index=list(ORDER), columns=list(ORDER), fill_value=0)

    @property
    def flips(self) -> Flips:
        """Shares of customers whose type, first three reasons or leading dimension differs."""
        return flips(*self.judgements, DIMENSION_OF)

    def scores(self) -> pd.DataFrame:
        """Both models on the labels that are new to them, one row each; empty without such labels."""
        return pd.DataFrame() if self.judged is None else self.judged.table.rename(index={OURS: _name(self.new)})

    def gains(self) -> pd.DataFrame:
        """How much better the newer model is on these labels, with the 95 % interval: rival, metric, gain, low, high."""
        if self.judged is None:
            return pd.DataFrame(columns=GAIN)
        judged, rival = self.judged, _name(self.old)
        return _table_of({rival: gains_over(judged.truth, judged.ours, judged.believed[rival], judged.types, judged.draws)})

    def parts(self) -> pd.DataFrame:
        """Parts of the book, and true types, by how much dearer the newer model's mistakes are there, the worst first."""
        if self.judged is None:
            return pd.DataFrame(columns=["by", "part", "n", "dearer", "low", "high"])
        judged = self.judged
        cuts = judged.attributes.assign(type=np.array(names(judged.types), dtype=object)[judged.truth])
        found = dearer_parts(judged.truth, judged.ours, judged.believed[_name(self.old)], judged.types, cuts, judged.draws)
        table = pd.DataFrame(list(found), columns=["by", "part", "n", "dearer", "low", "high"])
        return table.sort_values("dearer", ascending=False, ignore_index=True)

    def changed(self, language: str = "en", n_reasons: int = 2) -> pd.DataFrame:
        """Every customer whose type differs, with both explanations, those whom the models see most differently first.

        Columns: customer_id, old, new; ``old_says``, why the older model gives its type and not the other, ``new_says``
        likewise; ``moved``, which features the newer model reads differently, and ``by``, how far the log-odds of the new type
        against the old one went in all.
        """
        given = self.given
        rows = np.flatnonzero(given["old"] != given["new"])
        (new, features), (old, _) = (self._pushes(which, given) for which in (0, 1))
        matrix = self.matrix[list(features)].to_numpy(float)[rows]

        def said(pushes: np.ndarray) -> list[str]:
            return reasons(matrix, pushes[rows][:, :-1], features, FEATURES, self.reference, n_reasons, language)

        table = given.iloc[rows].assign(old_says=said(-old), new_says=said(new), moved=said(new - old),
                                        by=(new - old)[rows].sum(axis=1))
        return table.sort_values("by", ascending=False, ignore_index=True)

    def account(self, customer: str, language: str = "en") -> pd.DataFrame:
        """Why the two models differ on a customer, feature by feature: columns as ``models.explain.factors``, and last ``push``
        of the starting point.

        ``push`` is by how much the newer model moves the log-odds of its type against the older one's, or the runner-up where
        both give the same; all of them sum to the difference of the two log-odds.
        """
        given = self.given
        (row,) = np.flatnonzero(given["customer_id"] == customer)
        (new, features), (old, _) = (self._pushes(which, given) for which in (0, 1))
        pushes = pd.Series((new - old)[row], index=[*features, STARTING_POINT])
        table = factors(self.matrix[list(features)].to_numpy(float)[row], pushes, FEATURES, self.reference, language)
        start = {"feature": STARTING_POINT, "dimension": STARTING_POINT, "push": pushes[STARTING_POINT], "words": ""}
        return pd.concat([table, pd.DataFrame([start])], ignore_index=True)

    def plot_moves(self, axes: Axes | None = None) -> Axes:
        """The moves as a table in colour: who keeps the type stands on the diagonal."""
        import matplotlib.pyplot as plt

        table = self.moves
        axes = axes if axes is not None else plt.subplots(figsize=(5.2, 4.2), layout="constrained")[1]
        draw_shares(axes, table.div(table.sum(axis=1).clip(lower=1), axis=0), table.map("{:,}".format))
        axes.set(xlabel=_name(self.new), ylabel=_name(self.old), title="Whose type changes: customers")
        return axes

    def _pushes(self, which: int, given: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
        """Of one model the log-odds of the new type against the old one, by feature of either model; the last is the start.

        Where both models give the same type it stands against the newer model's runner-up.
        """
        judgement, rows = self.judgements[which], np.arange(len(given))
        second = np.argsort(-self.judgements[0].probabilities, axis=1, kind="stable")[:, 1]
        a, b = (pd.Index(judgement.types).get_indexer(given[side]) for side in ("new", "old"))
        own = judgement.contributions[rows, a] - judgement.contributions[rows, np.where(a == b, second, b)]
        features = tuple(feature for feature in self.matrix.columns if feature not in KEYS)
        pushes = np.zeros((len(given), len(features) + 1))
        pushes[:, [features.index(name) for name in judgement.features]], pushes[:, -1] = own[:, :-1], own[:, -1]
        return pushes, features


def pair(new: str, old: str, settings: TrackingSettings) -> tuple[Registered, Registered]:
    """The two models of aliases or version numbers; an empty ``old`` is the champion, or the version before where none is.

    Raises
    ------
    NoModel
        The registry has no such alias or version, or none to compare with.
    """
    one = tracking.load(new, settings)
    champion = tracking.champion_version(settings)
    before = old or (champion if champion != one.version else "") or str(int(one.version) - 1)
    if before == "0":
        raise NoModel("there is no other model to compare with", f"version {one.version}", "Train another: `pentad train`.")
    return one, tracking.load(before, settings)


def compare(
    tables: Tables, as_of: str, new: Registered, old: Registered, labelled: Labelled, settings: Settings,
    echo: Callable[[str], None],
) -> Comparison:
    """Have two models judge the active customers of a date, and the labelled ones of dates that neither has learnt from.

    Raises
    ------
    WrongMatrix
        The book lacks features that one of them needs.
    """
    book = book_frame(tables, as_of)
    features = [name for name in FEATURES if name in {*new.segmenter.features, *old.segmenter.features}]
    matrix = book.loc[book["n_active_loans"] > 0, [*KEYS, *features]].reset_index(drop=True)
    judgements = tuple(one.segmenter.judge(matrix[[*KEYS, *one.segmenter.features]]) for one in (new, old))
    echo(f"{len(matrix):,} active customers of {as_of} judged by {_name(new)} and {_name(old)}")
    judged = _judged(tables, new, old, labelled, settings)
    echo("no label is of a date after both had learnt" if judged is None else f"{judged.n_rows:,} labels new to both")
    return Comparison(new, old, matrix, judgements, reference(matrix), judged)


def gains_of(evidence: Evidence) -> pd.DataFrame:
    """What a model's evidence says of every rival: rival, metric, gain (positive being better), low, high."""
    return _table_of(evidence.gains)


def plot_gains(gains: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Gains with their intervals: left of nought the rival is better, and an interval across it proves nothing."""
    import matplotlib.pyplot as plt

    axes = axes if axes is not None else plt.subplots(figsize=(8, 0.34 * len(gains) + 1.2), layout="constrained")[1]
    places = np.arange(len(gains))[::-1]
    colours = np.select([gains["low"] > 0, gains["high"] < 0], ["#4477aa", "#ee6677"], "#888888")
    axes.hlines(places, gains["low"], gains["high"], color=colours, linewidth=2.5)
    axes.scatter(gains["gain"], places, color=colours, zorder=3)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(places, [f"{metric} against {rival}" for rival, metric in zip(gains["rival"], gains["metric"])])
    axes.set_xlabel("better by (95 % interval)")
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _judged(tables: Tables, new: Registered, old: Registered, labelled: Labelled, settings: Settings) -> Evaluation | None:
    rows = labelled.rows
    rows = rows[(rows["as_of"] > max(new.trained_until, old.trained_until)) & ~rows["is_override"].astype(bool)]
    if rows.empty:
        return None
    frame = feature_frame(rows[KEYS], tables)
    believed = {name: one.segmenter.probabilities(frame[[*KEYS, *one.segmenter.features]])
                for name, one in ((OURS, new), (_name(old), old))}
    types, kinds = load_types(), frame[KEYS].merge(rows, on=KEYS, how="left")["type"]
    customers = tables.collected(tables.customers.select("customer_id", "industry", "region"))
    circles = frame["customer_id"].map(circles_of(tables)).to_numpy()
    return Evaluation("labels new to both", frame[KEYS], type_indices(kinds), believed, attributes_of(frame, customers), circles,
                      types, new.segmenter.referral, settings.model.seed)


def _table_of(gains: dict) -> pd.DataFrame:
    rows = [(rival, metric, x.value, x.low, x.high) for rival, found in gains.items() for metric, x in found.items()]
    return pd.DataFrame(rows, columns=GAIN)


def _name(model: Registered) -> str:
    return f"version {model.version}"
