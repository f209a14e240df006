"""How steady one customer's assignment is, in a sentence: told again by reseeded models, and on the date scored before.

The reseeded models judged the customer when it was scored, and the assignment has their verdict; the earlier date is read from
what was stored for it. No model is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import features.frame  # noqa: F401  (fills the register)
from features.catalogue import FEATURES
from models.explain import PARTS, STARTING_POINT
from models.stability import N_RESEEDS, RESEED_COLUMNS, Stories, same, stories
from models.types import called, load_types
from pipeline.explanations import UNREADABLE, Kept, NotAssigned, assigned, kept, scored_dates

DIMENSION_OF = {name: feature.dimension for name, feature in FEATURES.items()}

WORDS = {
    "en": {"title": "stability: {reseeded}; {earlier}", "line": "stability: {reseeded}",
           "reseeded": "{type} of {n} reseeded models {give} the type, {reasons} the reasons, {dimension} the leading dimension",
           "give": ("gives", "give"), "no twins": "it was not compared with reseeded models",
           "earlier": "as of {day} ({model}): {type}, {reasons}, {dimension}",
           "untold": "as of {day} ({model}): {type}; its explanation cannot be read",
           "nobody": "no earlier assignment to compare with",
           "same model": "same model", "other model": "another model, version {model}",
           "type": ("another type ({was})", "same type"), "reasons": ("other reasons", "same reasons"),
           "dimension": ("another leading dimension ({was})", "same leading dimension")},
    "zh": {"title": "稳定性：{reseeded}；{earlier}", "line": "稳定性：{reseeded}",
           "reseeded": "{n} 个更换随机种子重训的模型中，{type} 个类型一致，{reasons} 个理由一致，{dimension} 个主导维度一致",
           "give": ("", ""), "no twins": "未与更换随机种子重训的模型比较",
           "earlier": "较 {day}（{model}）：{type}，{reasons}，{dimension}",
           "untold": "较 {day}（{model}）：{type}；当时的解释无法读取",
           "nobody": "无更早的分类结果可比",
           "same model": "同一模型", "other model": "另一模型，版本 {model}",
           "type": ("类型不同（当时为{was}）", "类型相同"), "reasons": ("理由不同", "理由相同"),
           "dimension": ("主导维度不同（当时为{was}）", "主导维度相同")},
}  # fmt: skip


@dataclass(frozen=True)
class Earlier:
    """The assignment of the same customer on the nearest earlier date that was scored.

    ``is_same_model``: one model made both. ``is_same`` tells of type, reasons and leading dimension whether they are the same
    now; of the latter two None where the earlier explanation cannot be read. ``type`` and ``dimension`` are those of then.
    """

    as_of: str
    model: str
    is_same_model: bool
    is_same: tuple[bool, bool | None, bool | None]
    type: str
    dimension: str


@dataclass(frozen=True)
class Steady:
    """What is known of the steadiness of one assignment; ``earlier`` is None where no earlier one is stored."""

    assignment: pd.Series
    earlier: Earlier | None

    def text(self, language: str) -> str:
        """One line."""
        say = WORDS[language]
        return say["title"].format(reseeded=_reseeded(self.assignment, language), earlier=self._earlier(language))

    def _earlier(self, language: str) -> str:
        say, then = WORDS[language], self.earlier
        if then is None:
            return say["nobody"]
        model = say["same model"] if then.is_same_model else say["other model"].format(model=then.model)
        was = {"type": called(load_types(), language)[then.type], "dimension": PARTS[language].get(then.dimension, "")}
        words = {part: say[part][bool(is_same)].format(was=was.get(part)) for part, is_same in
                 zip(("type", "reasons", "dimension"), then.is_same)}
        return say["untold" if None in then.is_same else "earlier"].format(day=then.as_of, model=model, **words)


def reseed_line(assignment: pd.Series, language: str) -> str:
    """How many reseeded models tell the same story of a scored customer."""
    return WORDS[language]["line"].format(reseeded=_reseeded(assignment, language))


def _reseeded(assignment: pd.Series, language: str) -> str:
    say, n = WORDS[language], int(assignment.get(N_RESEEDS, 0))
    if not n:
        return say["no twins"]
    counts = dict(zip(("type", "reasons", "dimension"), (round(n * assignment[column]) for column in RESEED_COLUMNS)))
    return say["reseeded"].format(n=n, give=say["give"][counts["type"] != 1], **counts)


def steady(now: Kept, folder: Path) -> Steady:
    """Set a scored customer against its assignment on the nearest earlier date in the same folder."""
    customer, as_of = now.assignment["customer_id"], now.assignment["as_of"]
    for day in reversed(scored_dates(folder)):
        if day >= as_of:
            continue
        try:
            was = assigned(customer, day, folder)
        except (NotAssigned, *UNREADABLE):
            continue
        return Steady(now.assignment, _earlier(now, was, folder))
    return Steady(now.assignment, None)


def _earlier(now: Kept, was: pd.Series, folder: Path) -> Earlier:
    model, is_same_model = was["model_version"], was["model_version"] == now.assignment["model_version"]
    try:
        then = kept(was["customer_id"], was["as_of"], folder)
    except UNREADABLE:
        return Earlier(was["as_of"], model, is_same_model, (was["type"] == now.assignment["type"], None, None), was["type"], "")
    story = _story(then)
    is_same = tuple(bool(each) for each in same(_story(now), story)[0])
    return Earlier(was["as_of"], model, is_same_model, is_same, was["type"], str(story.dimensions[0]))


def _story(of: Kept) -> Stories:
    pushes = of.contrast(of.assignment["type"], of.assignment["runner_up"]).drop(STARTING_POINT)
    return stories(np.array([of.assignment["type"]]), pushes.to_numpy()[None], of.features, DIMENSION_OF)
