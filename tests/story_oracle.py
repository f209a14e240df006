"""Stories again, in slow plain Python, from a judgement in full."""

from __future__ import annotations

from collections.abc import Mapping

from models.segmenter import Judgement


def story(judgement: Judgement, row: int, dimension_of: Mapping[str, str]) -> tuple[str, list[str], str]:
    """Type, first three reasons and leading dimension of one customer."""
    believed = [float(p) for p in judgement.probabilities[row]]
    first, second = sorted(range(5), key=lambda k: (-believed[k], k))[:2]
    pushes = {name: float(judgement.contributions[row, first, i]) - float(judgement.contributions[row, second, i])
              for i, name in enumerate(judgement.features)}
    reasons = sorted(pushes, key=lambda name: (-pushes[name], judgement.features.index(name)))[:3]
    sums = dict.fromkeys(sorted(set(dimension_of.values())), 0.0)
    for name, push in pushes.items():
        sums[dimension_of[name]] += push
    return judgement.types[first], reasons, max(sums, key=sums.get)


def is_same(one: tuple[str, list[str], str], other: tuple[str, list[str], str]) -> list[bool]:
    """Whether two stories have the same type, two reasons of three, and the same leading dimension."""
    return [one[0] == other[0], len(set(one[1]) & set(other[1])) >= 2, one[2] == other[2]]


def compared(one: Judgement, other: Judgement, dimension_of: Mapping[str, str]) -> list[list[bool]]:
    """What is the same of each customer."""
    return [is_same(story(one, row, dimension_of), story(other, row, dimension_of)) for row in range(len(one.keys))]
