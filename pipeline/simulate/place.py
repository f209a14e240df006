"""Where a synthetic book goes: to a new folder or in place of an earlier synthetic book, never of anything else."""

from __future__ import annotations

from pathlib import Path

from features.errors import OutputExists
from pipeline.simulate.rows import COLUMNS

BEST = "best.json"
BOOK_FILES = frozenset(f"{table}.csv" for table in COLUMNS)
TRUTH_FILES = frozenset({"states.csv", "labels_truth.csv", "posterior.csv", BEST})


def truth_of(out: Path) -> Path:
    """The folder of the truth about a book: its sibling ``<out>_truth``."""
    return out.with_name(out.name + "_truth")


def check_place(out: Path, replace: bool) -> None:
    """Refuse to write a book, and its truth beside it, where something stands that may not be replaced.

    A folder of tables is a synthetic book only if its truth lies beside it: a bank's own book has the same names.

    Raises
    ------
    OutputExists
        A file, a folder that holds anything but a synthetic book or its truth, or these without leave to replace.
    """
    truth = truth_of(out)
    for folder, known in ((out, BOOK_FILES), (truth, TRUTH_FILES)):
        if folder.exists() and not folder.is_dir():
            raise OutputExists("a file, not a folder", str(folder), "Name another folder.")
        found = sorted(folder.iterdir()) if folder.exists() else []
        strange = [path.name for path in found if path.name not in known or not path.is_file()]
        if strange:
            raise OutputExists(f"{strange[0]} is no part of a synthetic book", str(folder), "Name another folder.")
        if found and not (truth / BEST).is_file():
            raise OutputExists(f"no synthetic book: {truth / BEST} is missing", str(folder), "Name another folder.")
        if found and not replace:
            todo = "Name another folder, or use --replace."
            raise OutputExists("an earlier synthetic book", str(folder), todo)


def put(new: Path, place: Path, old: Path) -> None:
    """Move a finished folder to its place; what was there goes to ``old``, and comes back if the move fails."""
    if place.exists():
        place.rename(old)
    try:
        new.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise
