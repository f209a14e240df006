"""Score the book on a date: one dated Parquet partition of assignments with their reasons.

The features are measured chunk by chunk into a file, for what is usual in the book is known only after the last; then the rows
are judged, explained and written chunk by chunk. Memory does not grow with the book.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from features.catalogue import FEATURES
from features.frame import feature_blocks
from features.sources import Tables
from models.explain import Reference, assign, reference_of
from models.matrix import KEYS
from models.segmenter import Segmenter
from models.stability import N_RESEEDS, RESEED_COLUMNS, Stories, agreement, told, told_by
from models.types import load_types
from pipeline.errors import NobodyToScore, writing
from pipeline.explanations import ASSIGNMENTS, EXPLANATIONS, REFERENCE, Explanations, of_run, place_of, write_reference
from pipeline.guards import must_reach
from pipeline.output import Growing, may_take_its_place, put
from pipeline.settings import Settings
from pipeline.steadiness import DIMENSION_OF
from pipeline.tracking import Registered

CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class Scored:
    """What a scoring run wrote: scored + out of scope = customers read; ``first`` is the first assignment."""

    path: Path
    n_customers: int
    n_scored: int
    n_referred: int
    hours: float
    first: pd.Series
    already_there: bool

    def __str__(self) -> str:
        out = self.n_customers - self.n_scored
        said = f"{self.n_customers:,} customers = {self.n_scored:,} scored + {out:,} out of scope (no active loan)"
        said += (f"\nreferred to a person: {self.n_referred:,} of {self.n_scored:,} ({self.n_referred / self.n_scored:.0%}), "
                 f"about {self.hours:,.0f} hours")
        return f"{said}\n{'unchanged' if self.already_there else 'written'}: {self.path}"


def score(
    tables: Tables, as_of: str, model: Registered, settings: Settings, out: Path, replace: bool,
    progress: Callable[[str, int], None],
) -> Scored:
    """Assign a type with reasons to every customer with an active loan or commitment on the date.

    ``progress`` is told the step, measured or explained, and how many customers more it has behind it.

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
    place = place_of(out, as_of)
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    with writing(place), _gone_if_empty(place), tempfile.TemporaryDirectory(dir=place, prefix=".scoring-") as folder:
        staged = Path(folder)
        n_customers, n_scored = _measure(tables, as_of, model, staged / "frame.parquet", progress)
        if not n_scored:
            found = f"none of {n_customers:,} customers has an active loan on {as_of}"
            raise NobodyToScore(found, "--as-of", "Give another date.")
        must_reach(tables, as_of, settings.score.stale_days, "--as-of")
        usual = _usual(staged / "frame.parquet")
        write_reference(usual, of_run(model.name, tables.fingerprint), staged / REFERENCE)
        n_referred, first = _explain(staged, model, usual, tables.fingerprint, settings, progress)
        changed = [name for name in (ASSIGNMENTS, EXPLANATIONS, REFERENCE)
                   if may_take_its_place(staged / name, place / name, replace, "assignments for this date")]
        for name in reversed(changed):  # the assignments last: they name the run that the others are of
            put(staged / name, place / name)
    return Scored(place / ASSIGNMENTS, n_customers, n_scored, n_referred, n_referred * settings.score.hours_per_referral, first,
                  not changed)


@contextmanager
def _gone_if_empty(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()


def _measure(
    tables: Tables, as_of: str, model: Registered, file: Path, progress: Callable[[str, int], None]
) -> tuple[int, int]:
    """Write the features of every active customer, in groups of ``CHUNK_ROWS`` rows; how many customers are read and active."""
    n_customers = n_scored = 0

    def active() -> Iterator[pd.DataFrame]:
        nonlocal n_customers
        for block in feature_blocks(tables, [as_of]):
            n_customers += len(block)
            progress("measured", len(block))
            kept = block[block["n_active_loans"] > 0]
            yield kept[[column for column in block if column in (*KEYS, *model.segmenter.features)]]

    with Growing(file) as frames:
        for chunk in _chunks(active()):
            frames.add(chunk)
            n_scored += len(chunk)
    return n_customers, n_scored


def _chunks(blocks: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same rows in chunks of ``CHUNK_ROWS``, the last one smaller: what is written does not show the size of the blocks."""
    waiting: list[pd.DataFrame] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= CHUNK_ROWS:
            rows = pd.concat(waiting, ignore_index=True)
            whole = len(rows) // CHUNK_ROWS * CHUNK_ROWS
            for start in range(0, whole, CHUNK_ROWS):
                yield rows[start : start + CHUNK_ROWS].reset_index(drop=True)
            waiting = [rows[whole:]]
    rest = pd.concat(waiting, ignore_index=True) if waiting else pd.DataFrame()
    if len(rest):
        yield rest


def _usual(file: Path) -> Reference:
    """What is usual in the scored book, read column by column."""
    names = [name for name in pq.read_schema(file).names if name not in KEYS]
    return reference_of((name, pq.read_table(file, columns=[name]).column(0).to_numpy()) for name in names)


def _explain(
    staged: Path, model: Registered, usual: Reference, fingerprint: str, settings: Settings, progress: Callable[[str, int], None]
) -> tuple[int, pd.Series]:
    """Judge and explain the measured rows, chunk by chunk; how many are referred, and the first assignment."""
    types, segmenter, of = load_types(), model.segmenter, of_run(model.name, fingerprint)
    n_referred, first = 0, None
    with (ThreadPoolExecutor(1) as aside, pq.ParquetFile(staged / "frame.parquet") as frames,
          Growing(staged / ASSIGNMENTS) as assignments,
          Explanations(staged / EXPLANATIONS, segmenter.features, segmenter.types, of) as explanations):
        for group in range(frames.num_row_groups):
            frame = frames.read_row_group(group).to_pandas()
            judgement = segmenter.judge(frame)
            told_again = aside.submit(_told_again, model.twins, frame)  # words take one core, twins the other
            rows = assign(frame, judgement, FEATURES, types, usual, model.name, fingerprint, settings.score.n_reasons)
            rows[N_RESEEDS] = len(model.twins)
            rows[RESEED_COLUMNS] = agreement(told(judgement, DIMENSION_OF), told_again.result())
            assignments.add(rows)
            explanations.add(frame, judgement)
            n_referred += int(rows["is_referred"].sum())
            first = rows.iloc[0] if first is None else first
            progress("explained", len(rows))
    return n_referred, first


def _told_again(twins: Sequence[Segmenter], frame: pd.DataFrame) -> list[Stories]:
    return [told_by(twin, frame, DIMENSION_OF) for twin in twins]
