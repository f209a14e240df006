"""Why a customer's assignment is another than on an earlier date: the data were corrected, the customer moved, or the model did.

Between the earlier assignment and the present one lie three steps, taken one after the other, so that they add up exactly:

1. *data corrected*: the earlier model on the facts of the earlier date as the book has them today, less what was stored then;
2. *customer changed*: the earlier model on today's facts, less the first;
3. *model changed*: today's model on today's facts, less the second.

All in log-odds of one pair of types, the present type against the earlier one (or against the runner-up, if the type stayed).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.catalogue import FEATURES
from features.errors import PentadError
from features.frame import feature_frame
from features.sources import Tables
from models.explain import MISSING, PARTS, STARTING_POINT, short_name, totals, written
from models.matrix import KEYS
from models.segmenter import Segmenter
from models.types import called, load_types
from pipeline import tracking
from pipeline.explanations import Kept, kept
from pipeline.settings import Settings

CORRECTED, MOVED, MODEL = "data corrected", "customer changed", "model changed"
STEPS = (CORRECTED, MOVED, MODEL)
NOTHING = 5e-4
"""Log-odds that are nought when written."""

WORDS = {
    "en": {"title": "{who}: {now} as of {day}, {before} as of {since}; log-odds for {a} against {b} {then:+.2f} then, "
                    "{gap:+.2f} now",
           CORRECTED: "data corrected", MOVED: "customer changed", MODEL: "model changed", "facts": "facts that moved it:",
           "fixed": "corrections of earlier facts that moved it:", "none": "none",
           "models": "model {old} then, {new} now"},
    "zh": {"title": "{who}：{day} 为{now}，{since} 为{before}；{a}对{b}的对数几率当时 {then:+.2f}，现在 {gap:+.2f}",
           CORRECTED: "数据更正", MOVED: "客户变化", MODEL: "模型变化", "facts": "推动变化的事实：",
           "fixed": "推动变化的历史数据更正：", "none": "无", "models": "当时模型 {old}，现在 {new}"},
}  # fmt: skip


class NotComparable(PentadError):
    """Two assignments cannot be set against each other."""

    exit_code = 47


@dataclass(frozen=True)
class Change:
    """What lies between two assignments of a customer.

    ``steps``: one row per step, the columns the dimensions, the starting point and ``all``, in log-odds of type ``a`` against
    ``b``; its sum is the difference of the two gaps. ``facts`` and ``corrections``: feature, before, after, push (by how many
    log-odds it moved the earlier model), the strongest first.
    """

    before: Kept
    now: Kept
    a: str
    b: str
    steps: pd.DataFrame
    facts: pd.DataFrame
    corrections: pd.DataFrame

    def text(self, language: str, top: int) -> str:
        """The change in words, with at most ``top`` facts."""
        say, called_parts, name = WORDS[language], PARTS[language], called(load_types(), language)
        then, today = self.before.assignment, self.now.assignment
        gaps = [float(each.contrast(self.a, self.b).sum()) for each in (self.before, self.now)]
        lines = [say["title"].format(who=today["customer_id"], now=name[today["type"]], day=today["as_of"], a=name[self.a],
                                     before=name[then["type"]], since=then["as_of"], b=name[self.b], then=gaps[0], gap=gaps[1])]
        for step, row in self.steps.iterrows():
            parts = ", ".join(f"{called_parts[part]} {row[part]:+.2f}" for part in called_parts if abs(row[part]) >= 0.005)
            lines.append(f"  {round(row['all'], 2) + 0.0:+.2f} {say[step]}" + (f" ({parts})" if parts else ""))
        for title, table in (("facts", self.facts), ("fixed", self.corrections)):
            if title == "facts" or len(table):
                lines.append("  " + say[title] + ("" if len(table) else f" {say['none']}"))
            lines += [f"    {told_move(fact, language)}" for fact in table.head(top).itertuples()]
        lines.append("  " + say["models"].format(old=then["model_version"], new=today["model_version"]))
        return "\n".join(lines)


def changed(customer: str, since: str, as_of: str, tables: Tables, settings: Settings, folder: Path) -> Change:
    """Take the steps from an earlier assignment of a customer to a later one.

    Raises
    ------
    NotAssigned, NotExplained, DamagedRevision
        One of the two is not there, or not explained.
    NotComparable
        The later one is not later, or the earlier model needs features that are not stored.
    NoModel, BrokenModel, StoreUnavailable
        The earlier model cannot be had.
    """
    if since >= as_of:
        raise NotComparable(f"{since} is not before {as_of}", "--since", "Give an earlier date.")
    before, now = kept(customer, since, folder), kept(customer, as_of, folder)
    a = now.assignment["type"]
    b = before.assignment["type"] if before.assignment["type"] != a else now.assignment["runner_up"]
    old = tracking.load(before.assignment["model_version"].split(" ")[0], settings.tracking).segmenter
    cohort = pd.DataFrame({"customer_id": [customer, customer], "as_of": [since, as_of]})
    frame = feature_frame(cohort, tables)
    must_have(old, frame)
    facts = _facts(now, old, frame.iloc[[1]])
    there = pd.concat([frame.iloc[[0]][[*KEYS, *old.features]], facts], ignore_index=True)
    corrected, moved = contrasts(old, there, a, b)
    path = [before.contrast(a, b), corrected, moved, now.contrast(a, b)]
    sums = [totals(each, FEATURES) for each in path]
    steps = pd.DataFrame([later - earlier for earlier, later in zip(sums, sums[1:])], index=list(STEPS))
    steps["all"] = steps.sum(axis=1)
    ends = [pd.Series(before.values, before.features), there.iloc[0][list(old.features)].astype(float),
            there.iloc[1][list(old.features)].astype(float)]
    return Change(before, now, a, b, steps, moves(ends[1], ends[2], corrected, moved),
                  moves(ends[0].reindex(old.features), ends[1], path[0].reindex(corrected.index), corrected))


def must_have(segmenter: Segmenter, frame: pd.DataFrame) -> None:
    """Refuse a model that judged by features which are not measured any more.

    Raises
    ------
    NotComparable
        One of its features is not in the frame.
    """
    if absent := [name for name in segmenter.features if name not in frame]:
        raise NotComparable(f"the model needs {absent[0]}, which is no feature any more", "model", "Train anew, and score.")


def _facts(now: Kept, old: Segmenter, today: pd.DataFrame) -> pd.DataFrame:
    """Today's facts for the earlier model: those that were scored, and of others what the book has."""
    stored = dict(zip(now.features, now.values))
    facts = {name: [float(stored.get(name, today[name].iloc[0]))] for name in old.features}
    return pd.concat([today[KEYS].reset_index(drop=True), pd.DataFrame(facts)], axis=1)


def contrasts(segmenter: Segmenter, frame: pd.DataFrame, a: str, b: str) -> list[pd.Series]:
    """Why type ``a`` and not ``b`` for every row of a frame: log-odds per feature and of the starting point."""
    judgement = segmenter.judge(frame)
    own = [judgement.contributions[:, segmenter.types.index(kind)] for kind in (a, b)]
    return [pd.Series(row, index=[*segmenter.features, STARTING_POINT]) for row in own[0] - own[1]]


def told_move(fact: Any, language: str) -> str:
    """A row of ``moves`` in words: what it pushes, and from which value to which the feature went."""
    feature = FEATURES[fact.feature]
    before, after = (MISSING[language] if np.isnan(value) else written(value, feature.unit, language)
                     for value in (fact.before, fact.after))
    return f"{fact.push:+.2f} {PARTS[language][feature.dimension]}: {short_name(feature, language)}: {before} → {after}"


def moves(before: pd.Series, after: pd.Series, pushed: pd.Series, pushes: pd.Series) -> pd.DataFrame:
    """The features whose value is another, with by how much their push is."""
    is_same = (before == after) | (before.isna() & after.isna())
    names = list(before.index[~is_same])
    table = pd.DataFrame({"feature": names, "before": before[names].to_numpy(float), "after": after[names].to_numpy(float),
                          "push": (pushes[names] - pushed[names]).to_numpy(float)})
    table = table[table["push"].abs() >= NOTHING]
    return table.iloc[np.argsort(-table["push"].abs().to_numpy(), kind="stable")].reset_index(drop=True)
