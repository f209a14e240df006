"""Score the book on a date: one dated Parquet partition of assignments with their reasons."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import FEATURES
from features.errors import OutputExists
from features.frame import book_frame
from features.sources import Tables
from models.explain import assign, reference
from models.types import load_types
from pipeline.errors import NobodyToScore, writing
from pipeline.guards import must_have_loans, must_reach
from pipeline.settings import Settings
from pipeline.tracking import Registered


@dataclass(frozen=True)
class Scored:
    """What a scoring run wrote: scored + out of scope = customers read."""

    path: Path
    n_customers: int
    n_scored: int
    assignments: object
    already_there: bool

    def __str__(self) -> str:
        out = self.n_customers - self.n_scored
        said = f"{self.n_customers:,} customers = {self.n_scored:,} scored + {out:,} out of scope (no active loan)"
        return f"{said}\n{'unchanged' if self.already_there else 'written'}: {self.path}"


def score(tables: Tables, as_of: str, model: Registered, settings: Settings, out: Path, replace: bool) -> Scored:
    """Assign a type with reasons to every customer with an active loan or commitment on the date.

    Raises
    ------
    BookTooOld
        The last fact known on the date lies more than ``stale_days`` before it.
    NoFactsYet
        The book has no loan, or none was signed by the date.
    NobodyToScore
        No customer has one.
    AdditivityBroken
        An explanation does not add up to the model's log-odds; nothing is written.
    OutputExists
        The partition is there with another content and may not be replaced.
    UnwritableOutput
        The partition cannot be written.
    """
    must_have_loans(tables)
    book = book_frame(tables, as_of)
    frame = book[book["n_active_loans"] > 0].reset_index(drop=True)
    if frame.empty:
        found = f"none of {len(book):,} customers has an active loan on {as_of}"
        raise NobodyToScore(found, "--as-of", "Give another date.")
    must_reach(tables, as_of, settings.score.stale_days, "--as-of")
    judgement = model.segmenter.judge(frame)
    assignments = assign(frame, judgement, FEATURES, load_types(), reference(frame), model.name, tables.fingerprint,
                         settings.score.n_reasons)
    path = out / f"as_of={as_of}" / "assignments.parquet"
    with writing(path):
        there = _write(assignments, path, replace)
    return Scored(path, len(book), len(frame), assignments, there)


def _write(assignments, path: Path, replace: bool) -> bool:
    """Write beside, fsync, rename; returns whether the same bytes were there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".assignments-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            pq.write_table(pa.Table.from_pandas(assignments, preserve_index=False), file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            if _sha256(path) == _sha256(temporary):
                return True
            if not replace:
                raise OutputExists("other assignments for this date", str(path), "Use --replace to replace them.")
        temporary.chmod(0o644)
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return False
    finally:
        temporary.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
