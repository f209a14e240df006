"""Copies of models that have scored, so that a store which is down costs scoring nothing.

The store says which model is champion, and has its files. Whatever it hands over for scoring is put on the shelf, with the
SHA-256 sums it was registered with; when it does not answer, that version, or the one that last had the alias, comes from there.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.segmenter import BrokenModel, Segmenter
from models.training_reference import TrainingReference
from pipeline import tracking
from pipeline.clock import now
from pipeline.errors import StoreUnavailable, writing
from pipeline.output import written_whole
from pipeline.settings import TrackingSettings
from pipeline.tracking import Registered

INDEX, MODEL, TWIN = "shelf.json", "segmenter", "twin_{}"


@dataclass(frozen=True)
class Fetched:
    """A model to score with; ``warning`` says why it is not from the store, empty where it is."""

    model: Registered
    warning: str


def fetch(which: str, settings: TrackingSettings) -> Fetched:
    """The model of an alias or a version number: from the store, and from the shelf where the store does not answer.

    Raises
    ------
    NoModel
        The store has no such alias or version.
    BrokenModel
        Its files, there or on the shelf, are gone or not the ones that were registered.
    StoreUnavailable
        The store does not answer, and the shelf has no such model.
    """
    shelf = Path(settings.shelf)
    try:
        model = tracking.load(which, settings)
    except StoreUnavailable as error:
        found = _index(shelf)["asked"].get(which)
        if found is None:
            raise
        said = f"the tracking store does not answer ({error.found}): version {found['version']} from {shelf}, which was {which}"
        return Fetched(_taken(shelf, found), f"{said} when the store last answered, {found['at']}")
    _put(shelf, which, model)
    return Fetched(model, "")


def _index(shelf: Path) -> dict[str, Any]:
    try:
        return json.loads((shelf / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"asked": {}}


def _place(shelf: Path, version: str, run_id: str) -> Path:
    return shelf / f"version={version} {run_id[:8]}"


def _put(shelf: Path, which: str, model: Registered) -> None:
    """Copy a model to the shelf, whole or not at all, and note what was asked for."""
    place = _place(shelf, model.version, model.run_id)
    about = {"version": model.version, "run_id": model.run_id, "trained_until": model.trained_until,
             "model": model.segmenter.sha256, "twins": [twin.sha256 for twin in model.twins],
             "reference": model.reference.sha256 if model.reference else ""}
    with writing(shelf):
        shelf.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            staged = Path(tempfile.mkdtemp(dir=shelf, prefix=".putting-"))
            try:
                model.segmenter.save(staged / MODEL)
                for nth, twin in enumerate(model.twins, 1):
                    twin.save(staged / TWIN.format(nth))
                if model.reference:
                    model.reference.save(staged)
                staged.chmod(0o755)
                if not place.exists():
                    staged.rename(place)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
        index = _index(shelf)
        index["asked"][which] = about | {"at": now()}
        text = json.dumps(index, indent=1, sort_keys=True) + "\n"
        written_whole(shelf / INDEX, lambda file: file.write(text.encode()), replace=True, what="shelf")


def _taken(shelf: Path, about: dict[str, Any]) -> Registered:
    """A model from the shelf, if it is the one that was registered."""
    place = _place(shelf, about["version"], about["run_id"])
    models = []
    for name, digest in [(MODEL, about["model"]), *((TWIN.format(n), each) for n, each in enumerate(about["twins"], 1))]:
        models.append(Segmenter.load(place / name))
        if models[-1].sha256 != digest:
            raise BrokenModel("it is not the model that was registered", str(place / name), "Wait for the tracking store.")
    reference = TrainingReference.load(place, about["reference"]) if about["reference"] else None
    return Registered(models[0], about["version"], about["run_id"], about["trained_until"], tuple(models[1:]), reference)
