"""Whether a challenger has earned the champion's place: the evidence, and what stands against it.

The evidence is worked out when a model is trained, on labels it has not seen, and kept with it. A promotion reads it and
moves nothing while an objection stands. Of every rival, the champion and each baseline, the challenger has to be better in
log loss beyond the 95 % interval of the difference, drawn by circles of connected customers, and not worse in macro-F1 or
cost beyond it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import PentadError
from models import metrics
from models.intervals import Draws, Interval
from models.referral import ALL
from models.segmenter import TEMPERATURES
from models.slices import LEAST_ROWS, UNKNOWN
from models.stability import Flips, Steadiness
from models.types import RelationshipType

EVIDENCE_FILE = "evidence.json"
COMPARED = ("log_loss", "macro_f1", "expected_cost")
LEAST_OF_A_TYPE = 10
"""A type of fewer rows may be overlooked."""


class NoEvidence(PentadError):
    """A model carries no evidence, or evidence that was altered or is not about it."""

    exit_code = 44


class NotPromoted(PentadError):
    """The gate objects to a promotion; nothing was moved."""

    exit_code = 45


@dataclass(frozen=True)
class Limits:
    """What the gate tolerates; shares from 0 to 1, costs in the units of ``types.toml``.

    ``least_rows`` labelled rows not seen in training are needed. ``type_flip_limit``, ``reason_flip_limit`` and
    ``dimension_flip_limit`` bound the customers whose story changes with the model, be it the champion's or that of a twin
    grown with another seed; the same with ``month_`` those whose story is another than a month before. ``slice_cost_limit``
    bounds how much dearer its mistakes may be in a part of the book, ``coverage_shortfall_limit`` by how much a type's promise
    may be missed. ``least_found_share`` of the customers of every type are to be recognised, whatever its rivals do.
    ``looks_limit`` models may have been judged on one test period. ``cleared_features`` are those that somebody has looked at
    and that may carry however much they do.
    """

    least_rows: int
    type_flip_limit: float
    reason_flip_limit: float
    dimension_flip_limit: float
    month_type_flip_limit: float
    month_reason_flip_limit: float
    month_dimension_flip_limit: float
    slice_cost_limit: float
    coverage_shortfall_limit: float
    least_found_share: float
    looks_limit: int
    cleared_features: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """What is known of a model on labels it was not trained on.

    ``champion`` is the version that was champion then, empty if none was, and ``note`` says why it could not be compared;
    one that is not usable, which lacks features of this book and can score nobody either, does not have to be.
    ``gains``: per rival and metric how much better the challenger is, positive being better, with the interval. ``parts``:
    per part of the book, and per true type, how much dearer its mistakes are than the main rival's. ``gains_of_new``: the
    gains on the rows of circles that it has not seen on any date, of which there are ``n_new``. ``covered``: per type
    the share of rows whose type was among the possible ones. ``n_found``: per type how many rows are of it, and how many of
    these were given it. ``n_seen``: tested rows that were trained on, of which there must be none. ``n_looks``: how many models
    were judged on this test period, it included. ``leaks``: features that carry much of all contributions, with their shares.
    ``steadiness``: how far its stories change with another seed and with a month.
    """

    model_sha256: str
    data_fingerprint: str
    rows: str
    n_rows: int
    n_seen: int
    trained_until: str
    temperature: float
    champion: str
    is_champion_usable: bool
    note: str
    gains: Mapping[str, Mapping[str, Interval]]
    main_rival: str
    parts: tuple[Mapping[str, object], ...]
    promised: float
    covered: Mapping[str, Mapping[str, float]]
    n_found: Mapping[str, tuple[int, int]]
    n_new: int
    gains_of_new: Mapping[str, Mapping[str, Interval]]
    n_looks: int
    leaks: Mapping[str, float]
    flips: Flips | None
    steadiness: Steadiness

    def save(self, folder: Path) -> str:
        """Write the evidence into the folder of its model; returns its SHA-256."""
        content = asdict(self)
        digest = _sha256(content)
        text = json.dumps(content | {"evidence_sha256": digest}, indent=1, ensure_ascii=False, sort_keys=True)
        (Path(folder) / EVIDENCE_FILE).write_text(text + "\n", encoding="utf-8")
        return digest

    @classmethod
    def load(cls, folder: Path, digest: str, model_sha256: str) -> Evidence:
        """Read the evidence of a model, comparing it with what was noted at its registration.

        Raises
        ------
        NoEvidence
            There is none, it was altered, it is about another model, or an earlier version of Pentad wrote it.
        """
        where, todo = str(Path(folder) / EVIDENCE_FILE), "Train anew: `pentad train` writes it."
        try:
            content = json.loads((Path(folder) / EVIDENCE_FILE).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise NoEvidence(f"no evidence can be read ({type(error).__name__})", where, todo) from None
        if not isinstance(content, dict) or not content.pop("evidence_sha256", None) == _sha256(content) == digest:
            raise NoEvidence("it is not the evidence that was registered with the model", where, todo)
        if content["model_sha256"] != model_sha256:
            raise NoEvidence("it is about another model", where, todo)
        if lacking := sorted({field.name for field in fields(cls)} - set(content)):
            raise NoEvidence(f"it says nothing of {', '.join(lacking)}: an earlier version wrote it", where, todo)
        for which in ("gains", "gains_of_new"):
            content[which] = {rival: {name: Interval(**gain) for name, gain in gains.items()}
                              for rival, gains in content[which].items()}
        content["flips"] = None if content["flips"] is None else Flips(**content["flips"])
        steady = content["steadiness"]
        content["steadiness"] = Steadiness(
            *({kind: Flips(**found) for kind, found in steady[which].items()} for which in ("reseeded", "month_earlier")),
            steady["n_not_there"])
        content["n_found"] = {kind: tuple(counts) for kind, counts in content["n_found"].items()}
        return cls(**content | {"parts": tuple(content["parts"])})


def gains_over(
    truth: np.ndarray, ours: np.ndarray, theirs: np.ndarray, types: Sequence[RelationshipType], draws: Draws
) -> dict[str, Interval]:
    """How much better we are than a rival on the same rows: per metric the difference, positive being better."""
    found = {}
    mine, other = metrics.parts_of(truth, ours, types), metrics.parts_of(truth, theirs, types)
    for name in COMPARED:
        (a, of), (b, _) = mine[name], other[name]
        sign, width = (1 if metrics.HIGHER_IS_BETTER[name] else -1), a.shape[1]
        found[name] = draws.interval(
            np.hstack([a, b]), lambda sums, of=of, sign=sign, w=width: sign * (of(sums[..., :w]) - of(sums[..., w:])))
    return found


def dearer_parts(
    truth: np.ndarray, ours: np.ndarray, theirs: np.ndarray, types: Sequence[RelationshipType],
    attributes: pd.DataFrame, draws: Draws,
) -> tuple[dict[str, object], ...]:
    """By how much our mistakes cost more per customer than a rival's, in every part of at least ``LEAST_ROWS`` rows."""
    found = []
    for by in attributes:
        values = attributes[by].fillna(UNKNOWN).astype(str).to_numpy()
        for part, n in zip(*np.unique(values, return_counts=True)):
            if n >= LEAST_ROWS:
                here = values == part
                gain = gains_over(truth[here], ours[here], theirs[here], types, draws.of(here))["expected_cost"]
                found.append({"by": by, "part": str(part), "n": int(n),
                              "dearer": -gain.value, "low": -gain.high, "high": -gain.low})
    return tuple(found)


def objections(evidence: Evidence, limits: Limits, champion: str, is_champion_broken: bool = False) -> list[str]:
    """What stands against a promotion, one sentence each; none means that the gate is open.

    ``champion`` is the version that is champion now, empty if none is; ``is_champion_broken`` says that its files are not
    those of a model, so that nobody can be scored with it and nothing compared.
    """
    said = []
    if not evidence.data_fingerprint:
        said.append("no fingerprint tells which data it was trained on")
    if evidence.champion != champion:
        said.append(f"it was compared with {_called(evidence.champion)}, and now the champion is {_called(champion)}")
    if evidence.n_seen:
        said.append(f"{evidence.n_seen:,} of the rows that it is judged on were trained on")
    if evidence.n_looks > limits.looks_limit:
        said.append(f"it is the {_nth(evidence.n_looks)} model judged on this test period, and the luckiest of many proves "
                    f"little; {limits.looks_limit:,} are allowed")
    if evidence.n_rows < limits.least_rows:
        said.append(f"{evidence.n_rows:,} labelled rows are too few to judge it, {limits.least_rows:,} are needed")
    if not TEMPERATURES[0] * 1.01 < evidence.temperature < TEMPERATURES[1] * 0.99:
        said.append(f"its temperature {evidence.temperature:.2f} lies at an end of what is possible: separable labels, or noise")
    is_due = champion and evidence.champion == champion and evidence.is_champion_usable and not is_champion_broken
    if is_due and f"champion {champion}" not in evidence.gains:
        said.append(f"it was not compared with the champion: {evidence.note or 'no common rows'}")
    said += _of_rivals(evidence)
    for rival, gains in evidence.gains_of_new.items():
        for name in COMPARED:
            if gains[name].high < 0:
                said.append(f"for the {evidence.n_new:,} new customers its {name} is worse than that of {rival}: {gains[name]}")
    for feature, share in evidence.leaks.items():
        if feature not in limits.cleared_features:
            said.append(f"{feature} carries {share:.0%} of all contributions, as a column does that repeats the label: see what "
                        f"it is, and if it is right, name it in cleared_features")
    for kind, (n_true, n_found) in evidence.n_found.items():
        if n_true >= LEAST_OF_A_TYPE and n_found < limits.least_found_share * n_true:
            said.append(f"it recognises {n_found:,} of the {n_true:,} that are {kind}; "
                        f"{limits.least_found_share:.0%} are the least")
    for part in evidence.parts:
        if part["dearer"] > limits.slice_cost_limit and part["low"] > 0:
            said.append(f"in {part['by']} {part['part']} its mistakes cost {part['dearer']:.2f} more than those of "
                        f"{evidence.main_rival}; {limits.slice_cost_limit:.2f} are allowed")
    for kind, row in evidence.covered.items():
        short = evidence.promised - row["covered"]
        if kind != ALL and short > limits.coverage_shortfall_limit and row["high"] < evidence.promised:
            said.append(f"of {kind} only {row['covered']:.2f} are covered, {evidence.promised:.2f} were promised")
    if evidence.flips is not None:
        said += _of_flips(evidence.flips, "would change", limits, "")
    return said + _of_steadiness(evidence.steadiness, limits)


def _of_flips(flips: Flips, changes: str, limits: Limits, which: str) -> list[str]:
    said = []
    for what, share, limit in (("type", flips.types, getattr(limits, f"{which}type_flip_limit")),
                               ("first three reasons", flips.reasons, getattr(limits, f"{which}reason_flip_limit")),
                               ("leading dimension", flips.dimensions, getattr(limits, f"{which}dimension_flip_limit"))):
        if share > limit:
            said.append(f"the {what} of {share:.0%} of the customers {changes}; {limit:.0%} are allowed")
    return said


def _of_steadiness(steadiness: Steadiness, limits: Limits) -> list[str]:
    """Nobody compared is an objection too: the gate opens on what was seen, not on what was not."""
    said = []
    for found, changes, which, missing in (
            (steadiness.reseeded, "changes with the seed alone", "", "a model grown with another seed"),
            (steadiness.month_earlier, "is another than a month before", "month_", "the month before")):
        flips = found.get(ALL)
        if flips is None or not flips.n:
            said.append(f"it was not compared with {missing}")
        else:
            said += _of_flips(flips, changes, limits, which)
    for kind, flips in steadiness.reseeded.items():
        if kind != ALL and flips.n >= LEAST_ROWS and flips.types > limits.type_flip_limit:
            said.append(f"the type of {flips.types:.0%} of those given {kind} changes with the seed alone; "
                        f"{limits.type_flip_limit:.0%} are allowed")
    return said


def _of_rivals(evidence: Evidence) -> list[str]:
    said = []
    if not evidence.gains:
        said.append("it was compared with nobody")
    for rival, gains in evidence.gains.items():
        if not gains["log_loss"].is_above_zero:
            said.append(f"its log loss is not better than that of {rival} beyond the interval: gain {gains['log_loss']}")
        for name in ("macro_f1", "expected_cost"):
            if gains[name].high < 0:
                said.append(f"its {name} is worse than that of {rival}: {gains[name]}")
    return said


def _nth(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _called(version: str) -> str:
    return f"version {version}" if version else "nobody"


def _sha256(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
