"""Score the book on a date: one dated Parquet partition of assignments with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import FEATURES
from features.frame import book_frame
from features.sources import Tables
from models.explain import assign, reference
from models.matrix import KEYS
from models.types import load_types
from pipeline.errors import NobodyToScore, writing
from pipeline.guards import must_reach
from pipeline.output import written_whole
from pipeline.settings import Settings
from pipeline.tracking import Registered


@dataclass(frozen=True)
class Scored:
    """What a scoring run wrote: scored + out of scope = customers read."""

    path: Path
    n_customers: int
    n_scored: int
    n_referred: int
    hours: float
    assignments: object
    already_there: bool

    def __str__(self) -> str:
        out = self.n_customers - self.n_scored
        said = f"{self.n_customers:,} customers = {self.n_scored:,} scored + {out:,} out of scope (no active loan)"
        said += (f"\nreferred to a person: {self.n_referred:,} of {self.n_scored:,} ({self.n_referred / self.n_scored:.0%}), "
                 f"about {self.hours:,.0f} hours")
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
    book = book_frame(tables, as_of)
    frame = book[book["n_active_loans"] > 0].reset_index(drop=True)
    if frame.empty:
        found = f"none of {len(book):,} customers has an active loan on {as_of}"
        raise NobodyToScore(found, "--as-of", "Give another date.")
    must_reach(tables, as_of, settings.score.stale_days, "--as-of")
    frame = frame[[column for column in frame if column in (*KEYS, *model.segmenter.features)]]
    judgement = model.segmenter.judge(frame)
    assignments = assign(frame, judgement, FEATURES, load_types(), reference(frame), model.name, tables.fingerprint,
                         settings.score.n_reasons)
    path = out / f"as_of={as_of}" / "assignments.parquet"
    table = pa.Table.from_pandas(assignments, preserve_index=False)
    with writing(path):
        there = written_whole(path, lambda file: pq.write_table(table, file), replace, "assignments for this date")
    n_referred = int(assignments["is_referred"].sum())
    hours = n_referred * settings.score.hours_per_referral
    return Scored(path, len(book), len(frame), n_referred, hours, assignments, there)
