"""The triggers of early warnings: what is looked at, from which level on, and whose it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import PentadError
from models.types import read_blocks

TRIGGERS_FILE = Path(__file__).with_name("triggers.toml")
LISTS = ("risk", "churn")
SEVERITIES = ("low", "medium", "high")
"""Grade 1 is low, 3 is high."""

MODEL_UNITS = {f"{what}_{kind}": unit for kind in LISTS for what, unit in (("p", "share"), ("is", "flag"))}
"""What the model says of a customer, beside the features, and its unit."""

VALUE, CHANGE = "value", "change"
LEAST, MOST = "at least", "at most"
CHOICES = {"list": LISTS, "compared": (VALUE, CHANGE), "raises": (LEAST, MOST)}
TEXTS = ("name_en", "name_zh", "measure", "words_en", "words_zh", "levels_from", "owner", "escalation")
KEYS = {*CHOICES, *TEXTS, *SEVERITIES, "clears", "asked_of", "told_in"}

POINTS = "points"
"""Percentage points, in which a difference of shares is told."""

PARTS = ("share", "rate", "ratio")
"""Units that can be told in percent or in points."""

MANAGER = "relationship_manager"
"""The role of the person who looks after a customer."""


class BrokenTriggers(PentadError):
    """The file of triggers misses a key, a level or a role, or has one that cannot be."""

    exit_code = 66


@dataclass(frozen=True)
class Role:
    """Who acts on an alert: its key in the file, and its name in either language."""

    key: str
    name_en: str
    name_zh: str


@dataclass(frozen=True)
class Trigger:
    """One early-warning rule.

    ``name``: its key in the file; ``name_en`` and ``name_zh``: what lists call it. ``levels``: grade (1 to 3) and the level from
    which it is given, the mildest first. ``clears``: an open alert stays open until the value is back beyond it. ``unit``: of
    value and levels; ``told_in``: the one in which they are told.
    """

    name: str
    name_en: str
    name_zh: str
    list: str
    measure: str
    compared: str
    raises: str
    levels: tuple[tuple[int, float], ...]
    clears: float
    asked_of: str
    unit: str
    told_in: str
    words_en: str
    words_zh: str
    levels_from: str
    owner: Role
    escalation: Role

    @property
    def source(self) -> str:
        """``model`` or ``rule``."""
        return "model" if self.measure in MODEL_UNITS else "rule"

    @property
    def is_migration(self) -> bool:
        """Whether it is about a yes or no that changed, and not about a number."""
        return self.compared == CHANGE and self.unit == "flag"


def load_triggers(catalogue: Mapping[str, Any], path: Path = TRIGGERS_FILE) -> tuple[Trigger, ...]:
    """Read the triggers, in the order of the file.

    Parameters
    ----------
    catalogue : mapping of str to Feature
        What can be measured, and its unit.
    path : Path
        A file laid out as ``models/triggers.toml``.

    Raises
    ------
    BrokenTriggers
        A key, level, measure or role is missing, unknown or not usable.
    """
    blocks = read_blocks(path, BrokenTriggers)
    if set(blocks) != {"trigger", "role"} or not all(isinstance(part, dict) and part for part in blocks.values()):
        raise BrokenTriggers(f"it holds {sorted(blocks)}", str(path), "Give blocks [trigger.NAME] and [role.NAME] alone.")
    roles = {key: _role(key, block, f"{path} [role.{key}]") for key, block in blocks["role"].items()}
    return tuple(_trigger(name, block, roles, catalogue, f"{path} [trigger.{name}]") for name, block in blocks["trigger"].items())


def _role(key: str, block: object, where: str) -> Role:
    if not isinstance(block, dict) or set(block) != {"name_en", "name_zh"} or not all(map(_is_text, block.values())):
        raise BrokenTriggers("not a name in either language", where, "Write name_en and name_zh as text in quotes.")
    return Role(key, **block)


def _trigger(name: str, block: object, roles: Mapping[str, Role], catalogue: Mapping[str, Any], where: str) -> Trigger:
    if not isinstance(block, dict):
        raise BrokenTriggers("a value where a block is needed", where, f"Write [trigger.{name}] with its keys below it.")
    if unknown := sorted(set(block) - KEYS):
        raise BrokenTriggers(f"unknown key {', '.join(unknown)}", where, "Remove it or correct its spelling.")
    for key in TEXTS:
        if not _is_text(block.get(key)):
            raise BrokenTriggers(f"no {key}", where, "Write it as text in quotes.")
    for key, choices in CHOICES.items():
        if block.get(key) not in choices:
            raise BrokenTriggers(f"{key} = {block.get(key)!r}", where, f"Write one of: {', '.join(choices)}.")
    measure, asked_of = block["measure"], block.get("asked_of", block["measure"])
    for feature in (measure, asked_of):
        if feature not in MODEL_UNITS and feature not in catalogue:
            raise BrokenTriggers(f"{feature} is no feature", where, "Name one of data/README.md.")
    if measure in MODEL_UNITS and not measure.endswith(f"_{block['list']}"):
        raise BrokenTriggers(f"{measure} on the list {block['list']}", where, "Let it speak of the type of its list.")
    if block["compared"] == CHANGE and "asked_of" in block:
        raise BrokenTriggers("asked_of of a change", where, "Leave it out: who has the measure on both dates is asked.")
    for key in ("owner", "escalation"):
        if block[key] not in roles:
            raise BrokenTriggers(f"the {key} {block[key]} has no role", where, f"Name one of: {', '.join(roles)}.")
    unit = MODEL_UNITS[measure] if measure in MODEL_UNITS else catalogue[measure].unit
    told_in = _told_in(block, unit, where)
    levels, clears = _levels(block, where)
    words = {key: block[key].strip() for key in ("name_en", "name_zh", "words_en", "words_zh", "levels_from")}
    return Trigger(
        name=name, list=block["list"], measure=measure, compared=block["compared"], raises=block["raises"], levels=levels,
        clears=clears, asked_of=asked_of, unit=unit, told_in=told_in, owner=roles[block["owner"]],
        escalation=roles[block["escalation"]], **words)


def _told_in(block: Mapping[str, object], unit: str, where: str) -> str:
    usual = POINTS if block["compared"] == CHANGE and unit in ("share", "rate") else unit
    found = block.get("told_in", usual)
    if found != usual and (found not in ("share", POINTS) or unit not in PARTS):
        raise BrokenTriggers(f"told_in = {found!r} of a measure in {unit}", where,
                             f"Leave it out, or tell a share or a ratio in one of: share, {POINTS}.")
    return found


def _levels(block: Mapping[str, object], where: str) -> tuple[tuple[tuple[int, float], ...], float]:
    for key in (*SEVERITIES, "clears"):
        value = block.get(key, 0.0 if key != "clears" else None)
        if type(value) not in (int, float) or not math.isfinite(value):
            raise BrokenTriggers(f"{key} = {value!r}", where, "Write a number.")
    levels = tuple((grade, float(block[key])) for grade, key in enumerate(SEVERITIES, 1) if key in block)
    if not levels:
        raise BrokenTriggers("no level", where, f"Give at least one of: {', '.join(SEVERITIES)}.")
    sign = 1 if block["raises"] == LEAST else -1
    path = [sign * float(block["clears"]), *(sign * level for _, level in levels)]
    if path != sorted(path) or len(set(path[1:])) < len(levels):
        raise BrokenTriggers(f"clears and levels {[sign * each for each in path]} are out of order for {block['raises']!r}",
                             where, "Let them become stricter from clears over low to high.")
    return levels, float(block["clears"])


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
