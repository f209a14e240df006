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

from pipeline import tracking
from pipeline.clock import now
from pipeline.errors import StoreUnavailable, writing
from pipeline.output import written_whole
from pipeline.settings import TrackingSettings
from pipeline.tracking import Registered

INDEX = "shelf.json"


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
        place = _place(shelf, found["version"], found["run_id"])
        model = tracking.registered_in(place, found["version"], found["run_id"], found["tags"], str(place))
        said = f"the tracking store does not answer ({error.found}): version {found['version']} from {shelf}, which was {which}"
        return Fetched(model, f"{said} when the store last answered, {found['at']}")
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
    with writing(shelf):
        shelf.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            staged = Path(tempfile.mkdtemp(dir=shelf, prefix=".putting-"))
            try:
                model.save(staged)
                staged.chmod(0o755)
                if not place.exists():
                    staged.rename(place)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
        index = _index(shelf)
        index["asked"][which] = {"version": model.version, "run_id": model.run_id, "tags": model.tags, "at": now()}
        text = json.dumps(index, indent=1, sort_keys=True) + "\n"
        written_whole(shelf / INDEX, lambda file: file.write(text.encode()), replace=True, what="shelf")
