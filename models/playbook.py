"""The management strategies taken apart into actions: who does what, how often, with what effort, and which money it protects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from models.types import BESIDE, ORDER, TYPES_FILE, BrokenTypes, read_blocks

ROLES = {"manager": {"en": "relationship manager", "zh": "客户经理"}, "senior": {"en": "senior management", "zh": "高层管理人员"},
         "credit_officer": {"en": "credit officer", "zh": "信贷审查员"}}
YEAR, INSTALMENT, MATURITY, SHORTFALL, PRODUCT = "year", "instalment", "maturity", "shortfall", "product"
WARNINGS = {"risk": "risk_warning", "churn": "churn_warning"}
"""The event that an open warning of each list is."""

PROTECTED = {YEAR: ("principal", "income"), INSTALMENT: ("punctuality",), MATURITY: ("income",), SHORTFALL: ("principal",),
             PRODUCT: ("new_income",), WARNINGS["risk"]: ("principal",), WARNINGS["churn"]: ("income",)}
"""The money that an action can protect, by its occasion."""

SHARED = ("principal", "income")
"""Money of a customer of which there is one sum, whatever the occasion."""

MOST_TOGETHER = 8
"""So many actions of a type may protect the same money of a customer: every set of them is weighed."""


@dataclass(frozen=True)
class Action:
    """A step of a strategy: what (zh, en), led by which role, per year or event, in how many hours, protecting which money.

    ``times`` a year, 0 for an event; ``guide``: what to ask or to keep to, may be empty; ``is_contact``: any contact does it;
    ``has_offer``: it costs the bank a concession; ``after``: the action that comes before it, empty for none.
    """

    name: str
    name_zh: str
    name_en: str
    role: str
    per: str
    hours: float
    protects: str
    times: int = 0
    guide_zh: str = ""
    guide_en: str = ""
    is_contact: bool = False
    has_offer: bool = False
    after: str = ""


Playbook = Mapping[str, tuple[Action, ...]]
"""The actions of each type, in the order in which its block names them."""

_KINDS = {"str": str, "float": (int, float), "int": int, "bool": bool}
_OPTIONAL = {"times", "guide_zh", "guide_en", "is_contact", "has_offer", "after"}


def load_playbook(path: Path = TYPES_FILE) -> dict[str, tuple[Action, ...]]:
    """Read the actions of every type.

    Parameters
    ----------
    path : Path
        A file laid out as ``models/types.toml``.

    Raises
    ------
    BrokenTypes
        A type has no action or an unknown one; an action lacks a key, has one that is unknown or not usable, or no type takes it.
    """
    blocks = read_blocks(path, BrokenTypes)
    described = blocks.get(BESIDE)
    if not isinstance(described, dict) or not described:
        raise BrokenTypes("no actions", str(path), "Describe each in a block [actions.NAME].")
    actions = {name: _read(name, block, f"{path} [{BESIDE}.{name}]") for name, block in described.items()}
    playbook = {}
    for kind in ORDER:
        taken, where = blocks.get(kind, {}).get(BESIDE), f"{path} [{kind}]"
        if not isinstance(taken, list) or not taken or not all(isinstance(name, str) for name in taken):
            raise BrokenTypes("no actions", where, 'Write actions = ["NAME", ...], the names of blocks [actions.NAME].')
        if odd := [name for name in taken if name not in actions or taken.count(name) > 1]:
            todo = f"Use each once of: {', '.join(actions)}."
            raise BrokenTypes(f"action {odd[0]} is not described, or named twice", where, todo)
        playbook[kind] = tuple(actions[name] for name in taken)
        _must_follow(playbook[kind], where)
        for money in SHARED:
            if (n := sum(action.protects == money for action in playbook[kind])) > MOST_TOGETHER:
                raise BrokenTypes(f"{n} actions protect {money}", where, f"Take at most {MOST_TOGETHER}.")
    if idle := sorted(set(actions) - {action.name for taken in playbook.values() for action in taken}):
        todo = "Name it in the actions of a type, or remove it."
        raise BrokenTypes(f"no type takes {idle[0]}", f"{path} [{BESIDE}.{idle[0]}]", todo)
    return playbook


def _must_follow(taken: Sequence[Action], where: str) -> None:
    """What comes before an action of a type is another of its actions, due by the year and protecting the same money too, that
    itself needs none."""
    by_name, used = {action.name: action for action in taken}, [action.after for action in taken if action.after]
    for action in taken:
        before = by_name.get(action.after)
        fits = (before is not None and before.per == action.per == YEAR and before.protects == action.protects
                and not before.after and used.count(action.after) == 1)
        if action.after and not fits:
            raise BrokenTypes(f"{action.name} cannot come after {action.after}", where,
                              "Name an action of the type that is due by the year, protects the same money, follows none, and "
                              "leads to no other.")


def _read(name: str, block: object, where: str) -> Action:
    if not isinstance(block, dict):
        raise BrokenTypes("a value where a block is needed", where, f"Write [{BESIDE}.{name}] with its keys below it.")
    wanted = {field.name: field.type for field in fields(Action) if field.name != "name"}
    if odd := sorted(set(block) ^ set(wanted) - (_OPTIONAL - set(block))):
        raise BrokenTypes(f"key {odd[0]} missing or unknown", where, f"Its keys are {', '.join(wanted)}.")
    for key, value in block.items():
        fits = _KINDS[wanted[key]]
        if isinstance(value, bool) != (fits is bool) or not isinstance(value, fits) or value == "":
            raise BrokenTypes(f"{key} = {value!r} is not of type {wanted[key]}", where, "Correct it.")
    action = Action(name=name, **block)
    if action.role not in ROLES:
        raise BrokenTypes(f"unknown role {action.role}", where, f"Use one of {', '.join(ROLES)}.")
    if action.per not in PROTECTED:
        raise BrokenTypes(f"per = {action.per!r} is no occasion", where, f"Use one of {', '.join(PROTECTED)}.")
    if action.protects not in PROTECTED[action.per]:
        todo = f"Use {' or '.join(PROTECTED[action.per])}."
        raise BrokenTypes(f"per {action.per} it cannot protect {action.protects}", where, todo)
    if not (0 < action.hours <= 1000 and math.isfinite(action.hours)):
        raise BrokenTypes(f"hours = {action.hours}", where, "Write a number above 0, at most 1,000.")
    if (action.per == YEAR) != (1 <= action.times <= 365):
        todo = "Write 1 to 365 times a year, and none for an event."
        raise BrokenTypes(f"times = {action.times} per {action.per}", where, todo)
    return action
