"""Explanations to look at: each display has ``frame()``, its numbers as a table, and ``plot()``, the picture.

Pictures come from shap and matplotlib, which are imported when one is drawn. ``plot`` draws into given axes, or a new figure, and
returns the axes. Numbers are calibrated log-odds throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from models.explain import DIMENSIONS, PARTS, STARTING_POINT, Reference, contrast, factors, short_name, totals
from models.matrix import feature_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from models.segmenter import Judgement

COLOURS = {"value": "#4477aa", "need": "#66ccee", "behaviour": "#ccbb44", "risk": "#ee6677", STARTING_POINT: "#bbbbbb"}
CHINESE_FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
                 "Microsoft YaHei", "PingFang SC", "SimHei")  # fmt: skip
LEAST_IN_A_BAND = 5
"""A band of fewer customers is counted and has no mean drawn."""

SAY = {
    "en": {"push": "log-odds for {a} against {b}", "to": "log-odds for {a}", "share": "share of {a} customers",
           "first reason": "First reason of {a} customers", "others": "others"},
    "zh": {"push": "{a}对{b}的对数几率", "to": "{a}的对数几率", "share": "{a}客户占比", "first reason": "{a}客户的首要原因",
           "others": "其他"},
}  # fmt: skip


@dataclass(frozen=True)
class Waterfall:
    """One customer's way from the starting point to the odds of type ``a`` against ``b``, feature by feature.

    ``pushes`` is a contrast (``models.explain.contrast``), ``values`` (n_features,) the customer's, in its order.
    """

    pushes: pd.Series
    values: np.ndarray
    catalogue: Mapping[str, Any]
    reference: Reference
    a: str
    b: str
    title: str = ""

    def frame(self, language: str = "en") -> pd.DataFrame:
        """The features that push, the strongest first, as ``models.explain.factors`` gives them, and the starting point last."""
        table = factors(self.values, self.pushes, self.catalogue, self.reference, language)
        start = {"feature": STARTING_POINT, "dimension": STARTING_POINT, "push": self.pushes[STARTING_POINT],
                 "words": PARTS[language][STARTING_POINT]}
        return pd.concat([table, pd.DataFrame([start])], ignore_index=True) if len(table) else pd.DataFrame([start])

    def plot(self, top: int = 10, language: str = "en") -> Axes:
        """The ``top`` strongest features, the others as one bar: shap's waterfall, which needs a figure of its own."""
        import shap

        table = self.frame(language).iloc[:-1]
        with _drawn(language) as plt:
            plt.figure()
            told = shap.Explanation(table["push"].to_numpy(float), self.pushes[STARTING_POINT],
                                    feature_names=[_wrapped(words) for words in table["words"]])
            axes = shap.plots.waterfall(told, max_display=top + 1, show=False)
            axes.set_xlabel(SAY[language]["push"].format(a=self.a, b=self.b))
            axes.set_title(self.title, loc="left", fontsize=12)
            for each in axes.figure.axes:
                each.tick_params(axis="y", labelsize=9)
            axes.figure.set_size_inches(11, 0.5 * top + 1.8)
        return axes


@dataclass(frozen=True)
class Account:
    """What the four dimensions and the starting point say for one customer's type against each other type.

    ``contributions`` (n_types, n_features + 1) of the customer, ``types`` and ``features`` their names.
    """

    contributions: np.ndarray
    features: Sequence[str]
    types: Sequence[str]
    given: str
    catalogue: Mapping[str, Any]

    def frame(self) -> pd.DataFrame:
        """One row per other type: the dimensions, the starting point, and their sum, ln(p_given / p_other)."""
        own, names = self.contributions[list(self.types).index(self.given)], [*self.features, STARTING_POINT]
        rows = {other: totals(pd.Series(own - against, index=names), self.catalogue)
                for other, against in zip(self.types, self.contributions) if other != self.given}
        table = pd.DataFrame(rows).T.rename_axis("against")
        return table.assign(gap=table.sum(axis=1)).sort_values("gap")

    def plot(self, axes: Axes | None = None, language: str = "en") -> Axes:
        """A bar for every other type, the nearest first, cut into dimensions; the mark is the sum."""
        table = self.frame()
        with _drawn(language) as plt:
            axes = axes if axes is not None else plt.subplots(figsize=(8, 3.2), layout="constrained")[1]
            places = np.arange(len(table))
            ends = {1: np.zeros(len(table)), -1: np.zeros(len(table))}
            for part in (*DIMENSIONS, STARTING_POINT):
                sizes = table[part].to_numpy(float)
                left = np.where(sizes >= 0, ends[1], ends[-1])
                axes.barh(places, sizes, left=left, color=COLOURS[part], label=PARTS[language][part], height=0.6)
                ends[1], ends[-1] = ends[1] + np.maximum(sizes, 0), ends[-1] + np.minimum(sizes, 0)
            axes.plot(table["gap"], places, "kD", markersize=6)
            axes.axvline(0, color="black", linewidth=0.8)
            axes.set_yticks(places, table.index)
            axes.invert_yaxis()
            axes.set_xlabel(SAY[language]["push"].format(a=self.given, b="…"))
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        return axes


@dataclass(frozen=True)
class Beeswarm:
    """What moves the book to a type and away from it: every customer's contributions to ``kind``, by feature."""

    judgement: Judgement
    matrix: pd.DataFrame
    kind: str
    catalogue: Mapping[str, Any]

    def frame(self) -> pd.DataFrame:
        """feature, dimension, mean_size (mean absolute log-odds), mean, p10, p90 of its contributions, the largest first."""
        given = self._contributions
        low, high = np.quantile(given, [0.1, 0.9], axis=0)
        table = pd.DataFrame({"feature": self.judgement.features, "mean_size": np.abs(given).mean(axis=0),
                              "mean": given.mean(axis=0), "p10": low, "p90": high})
        table.insert(1, "dimension", [self.catalogue[name].dimension for name in table["feature"]])
        return table.sort_values("mean_size", ascending=False, kind="stable", ignore_index=True)

    def plot(self, top: int = 12, language: str = "en") -> Axes:
        """The ``top`` features, a dot per customer, coloured by the value: shap's beeswarm."""
        import shap

        values = feature_matrix(self.matrix, self.judgement.features)
        with _drawn(language) as plt:
            plt.figure(figsize=(9, 0.42 * top + 1.4))
            names = [_wrapped(short_name(self.catalogue[name], language)) for name in self.judgement.features]
            told = shap.Explanation(self._contributions, data=values, feature_names=names)
            axes = shap.plots.beeswarm(told, max_display=top, show=False, plot_size=None, group_remaining_features=False)
            axes.set_xlabel(SAY[language]["to"].format(a=self.kind))
        return axes

    @property
    def _contributions(self) -> np.ndarray:
        return self.judgement.contributions[:, self.judgement.types.index(self.kind), :-1]


@dataclass(frozen=True)
class Dependence:
    """How a feature's contribution to a type follows its value, in the bands that a reviewer thinks in.

    ``edges`` are the inner borders of the bands, in the feature's unit; a value on a border belongs to the band above it.
    """

    judgement: Judgement
    matrix: pd.DataFrame
    feature: str
    kind: str
    edges: Sequence[float]
    catalogue: Mapping[str, Any]

    def frame(self) -> pd.DataFrame:
        """One row per band, and one for those of whom the value is not known: low, high, n, mean, p10, p90 in log-odds."""
        values, given = self._points
        borders = np.array([-np.inf, *sorted(self.edges), np.inf])
        places = np.where(np.isnan(values), len(borders) - 1, np.searchsorted(borders[1:-1], values, side="right"))
        rows = []
        for place in range(len(borders)):
            own = given[places == place]
            low, high = (borders[place], borders[place + 1]) if place < len(borders) - 1 else (np.nan, np.nan)
            spread = np.quantile(own, [0.1, 0.9]) if len(own) else (np.nan, np.nan)
            rows.append((low, high, len(own), own.mean() if len(own) else np.nan, *spread))
        return pd.DataFrame(rows, columns=["low", "high", "n", "mean", "p10", "p90"])

    def plot(self, axes: Axes | None = None, language: str = "en") -> Axes:
        """A dot per customer and the mean of every band; those of whom nothing is known stand at the left."""
        values, given = self._points
        known, table = ~np.isnan(values), self.frame()
        with _drawn(language) as plt:
            axes = axes if axes is not None else plt.subplots(figsize=(8, 4.2), layout="constrained")[1]
            axes.scatter(values[known], given[known], s=9, alpha=0.35, color=COLOURS["value"], linewidths=0)
            ends = (values[known].min(), values[known].max()) if known.any() else (0.0, 1.0)
            for band in table[:-1].itertuples():
                if band.n >= LEAST_IN_A_BAND:
                    axes.hlines(band.mean, max(band.low, ends[0]), min(band.high, ends[1]), color=COLOURS["risk"], linewidth=2.5)
            for edge in self.edges:
                axes.axvline(edge, color="black", linewidth=0.6, linestyle=":")
            if not known.all():
                apart = ends[0] - 0.06 * ((ends[1] - ends[0]) or 1.0)
                axes.scatter(np.full((~known).sum(), apart), given[~known], s=9, alpha=0.35, color="#888888", linewidths=0)
            axes.axhline(0, color="black", linewidth=0.8)
            axes.set_xlabel(short_name(self.catalogue[self.feature], language))
            axes.set_ylabel(SAY[language]["to"].format(a=self.kind))
        return axes

    @property
    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        place = self.judgement.features.index(self.feature)
        given = self.judgement.contributions[:, self.judgement.types.index(self.kind), place]
        return self.matrix[self.feature].to_numpy(float), given


@dataclass(frozen=True)
class ReasonsOverDates:
    """Which feature is the first reason of the customers of a type, date by date: the story that the book tells, and its moves.

    ``firsts`` has as_of, type and feature (the first reason), one row per customer and date; ``firsts_of`` makes it.
    """

    firsts: pd.DataFrame
    kind: str
    catalogue: Mapping[str, Any]

    def frame(self) -> pd.DataFrame:
        """One row per date, one column per feature: its share among the first reasons; the most frequent feature first."""
        own = self.firsts[self.firsts["type"] == self.kind]
        table = pd.crosstab(own["as_of"], own["feature"], normalize="index")
        return table[table.mean().sort_values(ascending=False, kind="stable").index].rename_axis(index="as_of", columns=None)

    def plot(self, top: int = 6, axes: Axes | None = None, language: str = "en") -> Axes:
        """Stacked shares of the ``top`` features over the dates, the others together."""
        table = self.frame()
        shown, say = table[table.columns[:top]], SAY[language]
        with _drawn(language) as plt:
            axes = axes if axes is not None else plt.subplots(figsize=(11, 4.2), layout="constrained")[1]
            names = [_wrapped(short_name(self.catalogue[name], language), 34) for name in shown]
            rest = 1 - shown.sum(axis=1)
            axes.stackplot(np.arange(len(table)), *shown.T.to_numpy(float), rest, labels=[*names, say["others"]],
                           colors=[*plt.get_cmap("tab10").colors[: len(names)], "#cccccc"])
            axes.set_xticks(np.arange(len(table)), table.index, rotation=30, ha="right")
            axes.set(xlim=(0, max(len(table) - 1, 1)), ylim=(0, 1), ylabel=say["share"].format(a=self.kind),
                     title=say["first reason"].format(a=self.kind))
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        return axes


def firsts_of(judgement: Judgement) -> pd.DataFrame:
    """The first reason of every judged customer for its type against the runner-up: customer_id, as_of, type, feature."""
    ranked = np.argsort(-judgement.probabilities, axis=1, kind="stable")
    rows = np.arange(len(ranked))
    pushes = (judgement.contributions[rows, ranked[:, 0]] - judgement.contributions[rows, ranked[:, 1]])[:, :-1]
    return judgement.keys.assign(type=np.array(judgement.types, dtype=object)[ranked[:, 0]],
                                 feature=np.array(judgement.features, dtype=object)[pushes.argmax(axis=1)])


def waterfall(
    judgement: Judgement, matrix: pd.DataFrame, row: int, a: str, b: str, catalogue: Mapping[str, Any], reference: Reference
) -> Waterfall:
    """The waterfall of one judged row, given its place."""
    values = feature_matrix(matrix, judgement.features)[row]
    who = judgement.keys.iloc[row]
    title = f"{who['customer_id']}, {who['as_of']}"
    return Waterfall(contrast(judgement, row, a, b), values, catalogue, reference, a, b, title)


@contextmanager
def _drawn(language: str) -> Iterator[Any]:
    """matplotlib's pyplot, with a font that has the letters of the language where one is installed."""
    import matplotlib.pyplot as plt
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in CHINESE_FONTS if name in installed] if language == "zh" else []
    own = {"font.family": [*fonts, "DejaVu Sans"], "axes.spines.top": False,
           "axes.spines.right": False}
    before = {name: plt.rcParams[name] for name in own}
    plt.rcParams.update(own)
    try:
        yield plt
    finally:
        plt.rcParams.update(before)
        if "inline" in plt.get_backend():
            plt.ion()  # shap turns it off, and a notebook shows no picture after that


def _wrapped(words: str, width: int = 58) -> str:
    """In two lines at most, the rest left out."""
    import textwrap

    return "\n".join(textwrap.wrap(words, width, max_lines=2, placeholder=" …")) or words
