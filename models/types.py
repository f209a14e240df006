"""The five relationship types: their names, how to manage them, and what a mistake costs."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import PentadError

TYPES_FILE = Path(__file__).with_name("types.toml")
ORDER = ("risk", "churn", "strategic", "growth", "stable")
"""The written precedence; a trained model's classes are in this order, so the file may not change it."""

TEXTS = ("name_zh", "name_en", "traits_zh", "traits_en", "strategy_zh", "strategy_en")
KEYS = {*TEXTS, "precedence", "mistake_cost", "actions"}
BESIDE = "actions"
"""The block of the file that is no type: what the strategies are made of, read by ``models/playbook.py``."""


class BrokenTypes(PentadError):
    """The file of relationship types misses a word, a precedence or a cost."""

    exit_code = 30


class UnknownType(PentadError):
    """A label names a type that is none of the five."""

    exit_code = 31


@dataclass(frozen=True)
class RelationshipType:
    """One of the five kinds of customer, with its management strategy.

    ``mistake_cost[given]`` is what it costs to treat a customer of this type as ``given``; 0 for its own.
    """

    name: str
    name_zh: str
    name_en: str
    traits_zh: str
    traits_en: str
    strategy_zh: str
    strategy_en: str
    precedence: int
    mistake_cost: Mapping[str, float] = field(hash=False)


def load_types(path: Path = TYPES_FILE) -> tuple[RelationshipType, ...]:
    """Read the relationship types, the first in precedence first.

    Parameters
    ----------
    path : Path
        A file laid out as ``models/types.toml``.

    Raises
    ------
    BrokenTypes
        A type, name, strategy or cost is missing, unknown or not usable, or two types share a precedence.
    """
    blocks = read_blocks(path, BrokenTypes)
    blocks.pop(BESIDE, None)
    if set(blocks) != set(ORDER):
        odd = ", ".join(sorted(set(blocks) ^ set(ORDER)))
        todo = f"Give one block each: {', '.join(ORDER)}."
        raise BrokenTypes(f"types missing or unknown: {odd}", str(path), todo)
    types = sorted((_read(name, block, path) for name, block in blocks.items()), key=lambda t: t.precedence)
    for first, second in zip(types, types[1:]):
        if first.precedence == second.precedence:
            found = f"{first.name} and {second.name} share precedence {first.precedence}"
            raise BrokenTypes(found, str(path), "Give every type its own number.")
    if names(types) != ORDER:
        found = f"the precedence is {' > '.join(names(types))}"
        raise BrokenTypes(found, str(path), f"Number them {' > '.join(ORDER)}, as trained models do.")
    return tuple(types)


def read_blocks(path: Path, broken: type[PentadError]) -> dict[str, object]:
    """The blocks of a TOML file by name.

    Raises
    ------
    PentadError
        Of kind ``broken``: there is no such file, or it is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise broken(f"it cannot be read ({error.strerror})", str(path), "Restore it from the repository.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise broken(f"not readable as TOML ({error})", str(path), "Correct that line.") from None


def called(types: Sequence[RelationshipType], language: str) -> dict[str, str]:
    """What each type is called in a language, zh or en, by its name; English uses the name itself."""
    return {kind.name: kind.name_zh if language == "zh" else kind.name for kind in types}


def _read(name: str, block: object, path: Path) -> RelationshipType:
    where = f"{path} [{name}]"
    if not isinstance(block, dict):
        raise BrokenTypes("a value where a block is needed", where, f"Write [{name}] with its keys below it.")
    if unknown := sorted(set(block) - KEYS):
        raise BrokenTypes(f"unknown key {', '.join(unknown)}", where, "Remove it or correct its spelling.")
    for key in TEXTS:
        if not isinstance(block.get(key), str) or not block[key].strip():
            raise BrokenTypes(f"no {key}", where, "Write it as text in quotes.")
    precedence = block.get("precedence")
    if type(precedence) is not int or precedence < 1:
        raise BrokenTypes("no precedence", where, "Write a whole number from 1, the first to apply.")
    given = block.get("mistake_cost", {})
    cost = {}
    for other in ORDER:
        value = given.get(other, 0.0 if other == name else None)
        if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
            raise BrokenTypes(f"no mistake_cost of calling it {other}", where, "Write a number of 0 or more.")
        cost[other] = float(value)
    if cost[name] != 0 or set(given) - set(ORDER):
        odd = ", ".join(sorted((set(given) - set(ORDER)) | ({name} if cost[name] else set())))
        raise BrokenTypes(f"a mistake_cost for {odd}", where, "Price only the other four types.")
    texts = {key: block[key].strip() for key in TEXTS}
    return RelationshipType(name=name, precedence=precedence, mistake_cost=cost, **texts)


def names(types: Sequence[RelationshipType]) -> tuple[str, ...]:
    """Names of the types, in their order."""
    return tuple(kind.name for kind in types)


def cost_matrix(types: Sequence[RelationshipType]) -> np.ndarray:
    """Cost of every mix-up: one row per true type, one column per given type."""
    return np.array([[truth.mistake_cost[given.name] for given in types] for truth in types])


def type_indices(labels: pd.Series, order: Sequence[str] = ORDER) -> np.ndarray:
    """Place of each label in the order of the types, an integer per row.

    Raises
    ------
    UnknownType
        A label is empty or none of the types.
    """
    found = pd.Index(order).get_indexer(pd.Index(labels))
    if (found < 0).any():
        odd = sorted({str(label) for label in labels[found < 0]})[:5]
        what = f"{(found < 0).sum()} labels such as {', '.join(odd)}"
        raise UnknownType(what, "labels", f"Use {', '.join(order)}.")
    return found.astype(np.int64)
