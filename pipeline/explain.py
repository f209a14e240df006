"""One scored customer explained, in numbers that add up and in words, from what was stored: the model is not loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import features.frame  # noqa: F401  (fills the register)
from features.catalogue import FEATURES
from models.displays import Account, Waterfall
from models.explain import JOIN, PARTS, factors, totals
from models.types import called, load_types
from pipeline.explanations import Kept, kept
from pipeline.steadiness import Steady, steady

WORDS = {
    "en": {"title": "{who} as of {day}: {a} ({p_a:.1%}) rather than {b} ({p_b:.1%}), {gap:+.2f} log-odds: {times} times as "
                    "probable",
           "for": "what speaks for {kind}:", "rest": "{n:,} more features", "nothing": "nothing",
           "percentile": "percentile {percent:.0f}", "model": "model version {model}"},
    "zh": {"title": "{who}（{day}）：{a}（{p_a:.1%}）而非{b}（{p_b:.1%}），对数几率差 {gap:+.2f}：可能性为 {times} 倍",
           "for": "支持{kind}的因素：", "rest": "另外 {n:,} 个特征", "nothing": "无",
           "percentile": "百分位 {percent:.0f}", "model": "模型版本 {model}"},
}


@dataclass(frozen=True)
class Explained:
    """Why a customer is of one type and not of another.

    ``a`` and ``b`` are the types; numbers are log-odds for ``a`` against ``b`` and sum to ln(p_a / p_b). ``steady`` tells
    whether reseeded models and the date before tell the same.
    """

    kept: Kept
    a: str
    b: str
    steady: Steady

    def text(self, language: str, top: int) -> str:
        """The explanation with at most ``top`` features on either side, the others summed up."""
        say, parts, name = WORDS[language], PARTS[language], called(load_types(), language)
        row, contrast = self.kept.assignment, self.kept.contrast(self.a, self.b)
        gap = float(contrast.sum())
        lines = [say["title"].format(who=row["customer_id"], day=row["as_of"], a=name[self.a], b=name[self.b], gap=gap,
                                     p_a=row[f"p_{self.a}"], p_b=row[f"p_{self.b}"], times=_times(gap))]
        sums = totals(contrast, FEATURES)
        lines.append("  " + ", ".join(f"{parts[part]} {size:+.2f}" for part, size in sums.items()))
        table = factors(self.kept.values, contrast, FEATURES, self.kept.reference, language)
        for kind, side in ((self.a, table[table["push"] > 0]), (self.b, table[table["push"] < 0])):
            lines.append("  " + say["for"].format(kind=name[kind]))
            for factor in side.head(top).itertuples():
                where = "" if math.isnan(factor.percentile) else JOIN[language] + say["percentile"].format(
                    percent=100 * factor.percentile)
                lines.append(f"    {factor.push:+.2f} {parts[factor.dimension]}: {factor.words}{where}")
            if len(side) > top:
                lines.append(f"    {side['push'][top:].sum():+.2f} {say['rest'].format(n=len(side) - top)}")
            if side.empty:
                lines.append(f"    {say['nothing']}")
        lines.append("  " + self.steady.text(language))
        lines.append("  " + say["model"].format(model=row["model_version"]))
        return "\n".join(lines)


    def waterfall(self) -> Waterfall:
        """The same as a picture: from the starting point to the log-odds of the two types."""
        row = self.kept.assignment
        return Waterfall(self.kept.contrast(self.a, self.b), self.kept.values, FEATURES, self.kept.reference, self.a, self.b,
                         f"{row['customer_id']}, {row['as_of']}")

    def account(self) -> Account:
        """What each dimension says for the customer's type against all others."""
        return Account(self.kept.contributions, self.kept.features, self.kept.types, self.kept.assignment["type"], FEATURES)


def explain(customer: str, as_of: str, versus: str | None, folder: Path) -> Explained:
    """Why a scored customer has its type, against the runner-up or another type.

    Where ``versus`` is the customer's own type the runner-up is explained against it.

    Raises
    ------
    NotAssigned
        Nobody was scored on the date, or not this customer.
    NotExplained
        The explanations beside the assignments are missing or of another run.
    """
    found = kept(customer, as_of, folder)
    given, second = found.assignment["type"], found.assignment["runner_up"]
    a, b = (second, given) if versus == given else (given, versus or second)
    return Explained(found, a, b, steady(found, folder))


def _times(gap: float) -> str:
    """A ratio of probabilities with two digits that say something: 16.1, 1,234, 0.02."""
    times = math.exp(min(max(gap, -20.0), 700.0))
    return f"{times:,.{max(0, 1 - math.floor(math.log10(times)))}f}" if times < 1 else f"{times:,.{int(times < 100)}f}"
