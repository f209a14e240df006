"""Move the champion's alias: forward only through the gate, back at once."""

from __future__ import annotations

from dataclasses import asdict

from models.gate import NotPromoted, objections
from models.segmenter import BrokenModel
from pipeline import tracking
from pipeline.settings import Settings


def promote(which: str, reason: str, who: str, settings: Settings) -> str:
    """Make a version the champion if nothing stands against it; returns the version. Who, why and when are kept.

    Raises
    ------
    NotPromoted
        Something stands against it; every objection is named, and nothing was moved.
    NoEvidence
        The model carries no evidence, or evidence that is not its own.
    NoModel, BrokenModel, StoreUnavailable
        The model cannot be had.
    """
    model = tracking.load(which, settings.tracking)
    champion = tracking.champion_version(settings.tracking)
    if champion == model.version:
        raise NotPromoted("it is the champion already", f"version {model.version}", "Train another, or leave it.")
    evidence = tracking.evidence(model, settings.tracking)
    if said := objections(evidence, settings.gate, champion, champion != "" and _is_broken(champion, settings)):
        todo = "Train a better one; the limits are in [gate] of run.toml."
        raise NotPromoted("; ".join(said), f"version {model.version}, judged on {evidence.n_rows:,} rows {evidence.rows}", todo)
    return tracking.promote(model.version, reason, who, settings.tracking, asdict(settings.gate))


def _is_broken(version: str, settings: Settings) -> bool:
    """Whether the files of a model are not those that were registered; a store that does not answer says nothing of it."""
    try:
        tracking.load(version, settings.tracking)
    except BrokenModel:
        return True
    return False


def rollback(reason: str, who: str, settings: Settings) -> str:
    """Make the champion before this one champion again, without a gate; returns its version.

    Raises
    ------
    NoModel
        There was none before, or its files are gone.
    """
    return tracking.rollback(reason, who, settings.tracking)


