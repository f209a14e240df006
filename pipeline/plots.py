"""The pictures of a training run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from features.catalogue import DIMENSIONS, FEATURES
from models.displays import COLOURS
from models.metrics import confusion, given_types, reliability
from models.segmenter import Judgement
from models.types import RelationshipType

Types = tuple[RelationshipType, ...]


def draw_confusion(truth: np.ndarray, probabilities: np.ndarray, types: Types, to: Path) -> None:
    """Draw who was taken for what, with counts, shaded by the share of the true type."""
    counts = confusion(truth, probabilities, types)
    shares = counts.div(counts.sum(axis=1).replace(0, 1), axis=0)
    figure, axes = _figure(5.5, 4.8)
    draw_shares(axes, shares, counts)
    axes.set(xlabel="type given by the model", ylabel="type in the labels", title="Who was taken for what")
    figure.savefig(to, dpi=120)


def draw_shares(axes, shares: pd.DataFrame, texts: pd.DataFrame) -> None:
    """Draw a table of shares, 0 to 1, in colour into axes, with a text in every cell that has one."""
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares.to_numpy(float)):
        if (text := texts.iat[row, column]) != "":
            axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.6 else "black")
    axes.set_xticks(range(len(shares.columns)), shares.columns)
    axes.set_yticks(range(len(shares)), shares.index)


def draw_reliability(truth: np.ndarray, probabilities: np.ndarray, types: Types, to: Path) -> None:
    """Draw, per type, how often it was true against how probable it was said to be."""
    figure, axes = _figure(5.5, 4.8)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    found = reliability(truth, probabilities, types)
    for kind in types:
        means = found[found["type"] == kind.name]
        axes.plot(means["said"], means["true"], marker="o", label=kind.name)
    axes.set(xlabel="probability given", ylabel="share that was true", title="Can the probabilities be believed?")
    axes.legend()
    figure.savefig(to, dpi=120)


def draw_drivers(judgement: Judgement, to: Path, n_shown: int = 15) -> None:
    """Draw the features that move the given type most, coloured by dimension."""
    winner = given_types(judgement.probabilities)
    own = judgement.contributions[np.arange(len(winner)), winner, :-1]
    size = pd.Series(np.abs(own).mean(axis=0), index=judgement.features).nlargest(n_shown)[::-1]
    figure, axes = _figure(7.5, 5.2)
    axes.barh(size.index, size, color=[COLOURS[FEATURES[name].dimension] for name in size.index])
    axes.set(xlabel="mean size of the contribution to the given type, log-odds", title="What moves the types")
    axes.legend(handles=[_patch(COLOURS[name], name) for name in DIMENSIONS], loc="lower right")
    figure.savefig(to, dpi=120)


def _patch(colour: str, label: str):
    from matplotlib.patches import Patch

    return Patch(color=colour, label=label)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()
