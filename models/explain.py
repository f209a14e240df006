"""Why this type and not the next: per customer, in numbers that add up and in words.

The contrast of two types A and B, per feature, is what the feature contributed to A less what it contributed
to B, in calibrated log-odds. Over all features and the starting point it sums to ln(p_A / p_B).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.catalogue import DIMENSIONS
from features.errors import PentadError
from models.matrix import KEYS, feature_matrix, feature_names
from models.types import RelationshipType, names

if TYPE_CHECKING:  # it is slow to import, and not needed to explain what was stored
    from models.segmenter import Judgement

STARTING_POINT = "starting_point"
PARTS = {
    "zh": {**DIMENSIONS, STARTING_POINT: "起点"},
    "en": {**{name: name for name in DIMENSIONS}, STARTING_POINT: "starting point"},
}
"""The dimensions and the starting point, as they are called in each language."""

PERCENTILES = np.arange(101) / 100
MOST_DIGITS = 7
LABEL_ENDS = re.compile(r"[;:；：]| \(")
"""A meaning up to here names the feature; what follows explains it."""

SIZES = {
    50: {"en": ("most", "most of those with data"), "zh": ("多数客户", "多数有数据的客户")},
    75: {"en": ("75 % of customers", "75 % of those with data"), "zh": ("75%的客户", "75%的有数据客户")},
    90: {"en": ("90 % of customers", "90 % of those with data"), "zh": ("90%的客户", "90%的有数据客户")},
    95: {"en": ("95 % of customers", "95 % of those with data"), "zh": ("95%的客户", "95%的有数据客户")},
    99: {"en": ("99 % of customers", "99 % of those with data"), "zh": ("99%的客户", "99%的有数据客户")},
}
"""The scale of sizes and how each is said: a value lies above, or below, those of at least so many per cent of the customers, or
is the same; the second way, of those of whom a value is known, where of ``MANY_MISSING`` per cent or more none is.

A size takes the place of "most" in the words of a feature ("paid later than 95 % of customers"), so that it points where they do;
where the words compare with nobody it stands beside the median.
"""
MANY_MISSING = 5
SIZES_FROM = np.array(list(SIZES))
PLACE = {
    "above": {"en": "above {size}", "zh": "高于{size}"},
    "below": {"en": "below {size}", "zh": "低于{size}"},
    "same": {"en": "as for {size}", "zh": "与{size}相同"},
    "other": {"en": "unlike {size}", "zh": "与{size}不同"},
}
KNOWN = {"en": "known for {size}", "zh": "{size}有数据"}

REASON = {"zh": "{words}：{value}", "en": "{words}: {value}"}
BESIDE = {"zh": "（{beside}）", "en": " ({beside})"}
MEDIAN = {"zh": "中位数 {median}", "en": "median {median}"}
LANGUAGES = tuple(REASON)
MISSING = {"zh": "无数据", "en": "not known"}
NOTHING_PUSHES = {"zh": "无单一特征起主导作用", "en": "no single feature decides"}
YES_NO = {"zh": ("否", "是"), "en": ("no", "yes")}
SPAN = {
    ("days", "zh"): ("天", "天"), ("months", "zh"): ("个月", "个月"),
    ("days", "en"): (" day", " days"), ("months", "en"): (" month", " months"),
    ("notches", "zh"): ("档", "档"), ("notches", "en"): (" notch", " notches"),
}  # fmt: skip
JOIN = {"zh": "；", "en": "; "}
JOIN_BESIDE = {"zh": "，", "en": ", "}


class UndescribedFeature(PentadError):
    """The model uses a feature the catalogue cannot put into words."""

    exit_code = 42


class OtherRows(PentadError):
    """The frame and the judgement are not of the same customers in the same order."""

    exit_code = 43


@dataclass(frozen=True)
class Reference:
    """What is usual in the scored book: per feature its percentiles, an array (101, n_features).

    ``missing`` (n_features,) says of how many per cent of the customers no value is known; NaN where that was not kept.
    """

    features: tuple[str, ...]
    percentiles: np.ndarray
    missing: np.ndarray

    @property
    def medians(self) -> np.ndarray:
        """Median of each feature, an observed value; NaN where nobody has one."""
        return self.percentiles[50]

    def percentile(self, name: str, value: float) -> float:
        """Share of the book with the value of a feature or a smaller one, 0 to 1, to a hundredth; NaN where nobody has one."""
        usual = self.percentiles[:, self.features.index(name)]
        if np.isnan(usual).any() or np.isnan(value):
            return np.nan
        return float(PERCENTILES[max(np.searchsorted(usual, value, side="right") - 1, 0)])

    def beyond(self, place: int, values: np.ndarray) -> np.ndarray:
        """Of how many per cent of the book the value of a feature is smaller, the same and larger than each of some, at least.

        Ties are the same, neither smaller nor larger. As percentiles are all that is kept, a number can be too small by less than
        two, and is never too large. Shape (3, n_values); nothing where nobody has a value.
        """
        usual = self.percentiles[:, place]
        if np.isnan(usual[0]):
            return np.zeros((3, len(values)), int)
        before, until = np.searchsorted(usual, values, side="left"), np.searchsorted(usual, values, side="right")
        return np.maximum([before - 1, until - 1 - before, len(usual) - 1 - until], 0)


def reference(frame: pd.DataFrame) -> Reference:
    """Measure what is usual in a book from its feature frame, missing values left out."""
    features = feature_names(frame)
    return reference_of(zip(features, feature_matrix(frame, features).T))


def reference_of(columns: Iterable[tuple[str, np.ndarray]]) -> Reference:
    """The same from one column after the other, name and values, so that they never stand in memory together."""
    found, missing = {}, []
    for name, column in columns:
        known = column[~np.isnan(column)]
        found[name] = np.quantile(known, PERCENTILES, method="inverted_cdf") if len(known) else np.full(len(PERCENTILES), np.nan)
        missing.append(100 * (len(column) - len(known)) / max(len(column), 1))
    percentiles = np.column_stack(list(found.values())) if found else np.empty((len(PERCENTILES), 0))
    return Reference(tuple(found), percentiles, np.array(missing, float))


def contrast(judgement: Judgement, row: int, a: str, b: str) -> pd.Series:
    """Why type ``a`` and not ``b`` for one customer: log-odds per feature and of the starting point.

    The numbers sum to ln(p_a / p_b); positive ones push to ``a``.
    """
    to_a, to_b = (judgement.contributions[row, judgement.types.index(kind)] for kind in (a, b))
    return pd.Series(to_a - to_b, index=[*judgement.features, STARTING_POINT], name=f"{a} over {b}")


def assign(
    frame: pd.DataFrame,
    judgement: Judgement,
    catalogue: Mapping[str, Any],
    types: Sequence[RelationshipType],
    reference: Reference,
    model_version: str,
    fingerprint: str,
    n_reasons: int = 3,
) -> pd.DataFrame:
    """Give each customer its type, with the runner-up, the gap between them, reasons and the strategy.

    One row per customer in the order of ``frame``. ``gap_log_odds`` is ln(p_type / p_runner_up), the sum of
    ``why_value``, ``why_need``, ``why_behaviour``, ``why_risk`` and ``why_base``. Equal probabilities are
    decided by precedence. ``possible_types`` are those that cannot be ruled out, with commas between; where they are several,
    or none, ``is_referred`` says that a person has to decide.

    Parameters
    ----------
    frame : DataFrame
        The features that were judged.
    judgement : Judgement
        What the segmenter said of the same rows.
    catalogue : mapping of str to Feature
        Dimension, unit and words of each feature.
    types : sequence of RelationshipType
        In precedence order.
    reference : Reference
        What is usual in the book.
    model_version, fingerprint : str
        Which model and which data, written on every row.
    n_reasons : int
        How many features to name at most, the strongest first.

    Raises
    ------
    OtherRows
        Frame and judgement differ in their rows.
    UndescribedFeature
        A feature is not in the catalogue or the reference.
    """
    if names(types) != judgement.types:
        raise ValueError(f"the model knows {judgement.types}, not {names(types)}")
    if not frame[KEYS].reset_index(drop=True).equals(judgement.keys):
        todo = "Explain the frame that was judged."
        raise OtherRows("other customers, dates or order", "frame and judgement", todo)
    dimension = _dimensions(judgement.features, catalogue, reference)
    matrix = feature_matrix(frame, judgement.features)
    # a stable sort leaves equal probabilities in precedence order
    ranked = np.argsort(-judgement.probabilities, axis=1, kind="stable")
    rows, winner, second = np.arange(len(frame)), ranked[:, 0], ranked[:, 1]
    difference = judgement.contributions[rows, winner] - judgement.contributions[rows, second]

    def spelled(attribute: str, which: np.ndarray) -> np.ndarray:
        return np.array([getattr(kind, attribute) for kind in types], dtype=object)[which]

    result = frame[KEYS].reset_index(drop=True)
    result["type"], result["type_zh"] = spelled("name", winner), spelled("name_zh", winner)
    for place, kind in enumerate(types):
        result[f"p_{kind.name}"] = judgement.probabilities[:, place]
    result["runner_up"], result["runner_up_zh"] = spelled("name", second), spelled("name_zh", second)
    result["possible_types"] = [",".join(np.array(judgement.types)[row]) for row in judgement.possible]
    result["is_referred"] = judgement.possible.sum(axis=1) != 1
    result["gap_log_odds"] = judgement.margins[rows, winner] - judgement.margins[rows, second]
    for name in DIMENSIONS:
        result[f"why_{name}"] = difference[:, :-1][:, dimension == name].sum(axis=1)
    result["why_base"] = difference[:, -1]
    for language in LANGUAGES:
        result[f"reasons_{language}"] = reasons(
            matrix, difference[:, :-1], judgement.features, catalogue, reference, n_reasons, language
        )
    result["strategy_zh"] = spelled("strategy_zh", winner)
    result["strategy_en"] = spelled("strategy_en", winner)
    result["model_version"], result["data_fingerprint"] = model_version, fingerprint
    result["additivity_residual"] = judgement.residuals
    return result


def _dimensions(features: Sequence[str], catalogue: Mapping[str, Any], reference: Reference) -> np.ndarray:
    for name in features:
        if (
            name not in catalogue
            or catalogue[name].dimension not in DIMENSIONS
            or name not in reference.features
        ):
            todo = "Score with the code the model was trained with, or train anew."
            raise UndescribedFeature(
                f"{name} has no dimension, words or median", "features/catalogue.py", todo
            )
    return np.array([catalogue[name].dimension for name in features], dtype=object)


def reasons(
    matrix: np.ndarray,
    pushes: np.ndarray,
    features: Sequence[str],
    catalogue: Mapping[str, Any],
    reference: Reference,
    n_reasons: int,
    language: str,
) -> list[str]:
    """The features that push most to a type, in words, one text per row.

    Parameters
    ----------
    matrix, pushes : ndarray, shape (n, n_features)
        The values, and by how many log-odds each speaks for the type.
    features : sequence of str
        Their names.
    catalogue : mapping of str to Feature
        Unit and words of each.
    reference : Reference
        What is usual in the book.
    n_reasons : int
        How many to name at most, the strongest first; those that speak against are left out.
    language : str
        zh or en.
    """
    # feature by feature, as few differ within one
    top = np.argsort(-pushes, axis=1, kind="stable")[:, :n_reasons]
    pushing = np.take_along_axis(pushes, top, axis=1) > 0
    words = np.full(top.shape, "", dtype=object)
    for place, name in enumerate(features):
        chosen = (top == place) & pushing
        values = matrix[chosen.any(axis=1), place]
        words[chosen] = _worded(values, catalogue[name], reference, reference.features.index(name), language)
    return [JOIN[language].join(filter(None, row)) or NOTHING_PUSHES[language] for row in words]


FACTORS = ["feature", "dimension", "push", "words", "value", "median", "percentile"]


def factors(
    values: np.ndarray, pushes: pd.Series, catalogue: Mapping[str, Any], reference: Reference, language: str
) -> pd.DataFrame:
    """Every feature of one customer with what it pushes, in words, the strongest first.

    Parameters
    ----------
    values : ndarray, shape (n_features,)
        The customer's.
    pushes : Series
        By how many log-odds each feature, the index, speaks for one type against another; other entries are left out.
    catalogue, reference, language :
        As for ``reasons``.

    Returns
    -------
    DataFrame
        feature, dimension, push, words (true of the value, with it, the median and its size), value, median, percentile (share
        of the book with the value or a smaller one); features that push nothing are left out.
    """
    rows = []
    for value, name in zip(values, (name for name in pushes.index if name in catalogue)):
        if pushes[name] != 0:
            place = reference.features.index(name)
            (words,) = _worded(np.array([value]), catalogue[name], reference, place, language)
            rows.append((name, catalogue[name].dimension, pushes[name], words, value, reference.medians[place],
                         reference.percentile(name, value)))
    table = pd.DataFrame(rows, columns=FACTORS)
    return table.iloc[np.argsort(-table["push"].abs().to_numpy(float), kind="stable")].reset_index(drop=True)


def totals(contrast: pd.Series, catalogue: Mapping[str, Any]) -> pd.Series:
    """A contrast per dimension and of the starting point: log-odds that sum to the contrast's own sum."""
    dimensions = [catalogue[name].dimension if name in catalogue else STARTING_POINT for name in contrast.index]
    return contrast.groupby(np.array(dimensions, dtype=object)).sum().reindex([*DIMENSIONS, STARTING_POINT], fill_value=0.0)


def _worded(values: np.ndarray, feature: Any, reference: Reference, place: int, language: str) -> list[str]:
    label, median, missing = short_name(feature, language), float(reference.medians[place]), float(reference.missing[place])
    unknown = REASON[language].format(words=label, value=MISSING[language])
    unknown += _beside([_size(missing, PLACE["same"], language) or _size(100 - missing, KNOWN, language)], language)
    with_data = not missing < MANY_MISSING  # where it is not known how many lack a value, too
    of_all = 1.0 if with_data else 1 - missing / 100
    steps = np.searchsorted(SIZES_FROM, reference.beyond(place, values) * of_all, side="right")
    templates, worded = {}, []
    for value, below, same, above in zip(values.tolist(), *steps.tolist()):
        if isnan(value):
            worded.append(unknown)
            continue
        words, side = _phrase(value, median, feature.words, language), (value > median) - (value < median)
        step = (same, below, above)[side]
        template = templates.get((words, side, step))
        if template is None:
            if step:
                size = list(SIZES.values())[step - 1][language][with_data]
            else:  # beside a median half of those with data are, though it may be less than half of all
                size = SIZES[50][language][1] if side and missing else ""
            template = _template(words, label, side, size, median, feature.unit, language)
            templates[words, side, step] = template
        worded.append(template.format(**_told_apart(value, median, feature.unit, language)))
    return worded


def _template(words: str, label: str, side: int, size: str, median: float, unit: str, language: str) -> str:
    """The words of a value on one side of the median, 1 above, -1 below, 0 at it, with places for value and median."""
    most, place = SIZES[50][language][0], ("same", "above", "below")[side]
    if unit == "flag":
        said, beside, place = words or REASON[language].format(words=label, value="{value}"), [], "other" if side else "same"
    else:
        said = REASON[language].format(words=words or label, value="{value}")
        beside = [] if isnan(median) else [MEDIAN[language]]
    if size and side and most in words:
        said = size.join(said.rsplit(most, 1))
    elif size:
        beside.append(PLACE[place][language].format(size=size))
    return said + _beside(beside, language)


def _size(percent: float, said: Mapping[str, str], language: str) -> str:
    """A share of all customers in the words of the scale; nothing where it is less than half of them, or not known."""
    steps = [size for start, size in SIZES.items() if percent >= start]
    return said[language].format(size=steps[-1][language][0]) if steps else ""


def _beside(parts: Iterable[str], language: str) -> str:
    told = JOIN_BESIDE[language].join(filter(None, parts))
    return BESIDE[language].format(beside=told) if told else ""


def _told_apart(value: float, median: float, unit: str, language: str) -> dict[str, str]:
    """Value and median with as many digits as show that they differ, and that what is not nought is not."""
    nought = _often_written(0.0, unit, language, 0)
    for more in range(MOST_DIGITS):
        alone = written(value, unit, language, compared=True, more=more)
        usual = "" if np.isnan(median) else _often_written(median, unit, language, more)
        if (value == median or alone != usual) and (value == 0 or alone != nought) and (median == 0 or usual != nought):
            break
    return {"value": written(value, unit, language, more=more) if (unit, language) in SPAN else alone, "median": usual}


@lru_cache(maxsize=10_000)
def _often_written(value: float, unit: str, language: str, more: int) -> str:
    """A value that nearly every customer is compared with: nought, or a median."""
    return written(value, unit, language, compared=True, more=more)


def short_name(feature: Any, language: str) -> str:
    """The beginning of a feature's meaning that names it, as it stands within a sentence; IFRS stays IFRS."""
    label = LABEL_ENDS.split(getattr(feature, f"meaning_{language}"), maxsplit=1)[0].rstrip(".。 ")
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _phrase(value: float, median: float, words: Any, language: str) -> str:
    """The words that are true of a value: nought, above or below zero for a change, above or below the median else.

    Empty where none is: a value at the median, or one that nothing can be compared with.
    """
    if value == 0 and (zero := getattr(words, f"zero_{language}")):
        return zero
    against = 0.0 if words.is_by_sign else median
    if value > against:
        return getattr(words, f"high_{language}")
    return getattr(words, f"low_{language}") if value < against else ""


def written(value: float, unit: str, language: str, compared: bool = False, more: int = 0) -> str:
    """Write a value as people do in its unit; a value only compared with leaves out days and months.

    Parameters
    ----------
    value : float
        Not missing.
    unit : str
        money, share, rate, ratio, days, months, notches, count or flag.
    language : str
        zh or en.
    compared : bool
        Whether the unit was just named beside it.
    more : int
        Digits after the point beyond the usual ones.
    """
    if unit == "flag":
        return YES_NO[language][int(value != 0)]
    if unit in ("share", "rate"):
        return _number(100 * value, (1 if unit == "share" else 2) + more) + ("%" if language == "zh" else " %")
    number = _number(value, {"money": 0, "ratio": 2}.get(unit, 1) + more)
    if (unit, language) not in SPAN or compared:
        return number
    return number + SPAN[unit, language][number.lstrip("-") != "1"]


def _number(value: float, decimals: int) -> str:
    # adding 0.0 turns -0.0 into 0.0; 12.50 is written 12.5, and 12.0 is written 12
    text = f"{round(float(value), decimals) + 0.0:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
