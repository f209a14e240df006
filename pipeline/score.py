"""Score the book on a date: assignments with their reasons, kept as a revision of the date (revisions.py).

The features are measured chunk by chunk into a file, for what is usual in the book is known only after the last; then the rows
are judged, explained and written chunk by chunk. Memory does not grow with the book.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from features.catalogue import FEATURES
from features.sources import Tables
from models.explain import Reference, assign, reference_of
from models.matrix import KEYS
from models.segmenter import Segmenter
from models.stability import N_RESEEDS, RESEED_COLUMNS, Stories, agreement, told, told_by
from models.types import load_types
from pipeline.active import measure_active
from pipeline.closing import N_LOANS_REJECTED, REJECTED, Closing, close, rejected_loans, write_rejected
from pipeline.delivery import Lost, lost, must_be_few
from pipeline.errors import writing
from pipeline.explanations import ASSIGNMENTS, EXPLANATIONS, REFERENCE, Explanations, of_run, write_reference
from pipeline.guards import must_reach
from pipeline.output import Growing
from pipeline.revisions import Revision, commit, place_of, staging
from pipeline.settings import Settings
from pipeline.steadiness import DIMENSION_OF
from pipeline.tracking import Registered


@dataclass(frozen=True)
class Scored:
    """What a scoring run made: the revision, how its rows and money close, what the model had to do without, how many are
    referred; ``first`` is an assignment."""

    revision: Revision
    closing: Closing
    lost: Lost
    n_referred: int
    hours: float
    first: pd.Series
    already_there: bool

    @property
    def warnings(self) -> list[str]:
        """What did not stop the run and somebody should look at."""
        return [*([str(self.lost)] if self.lost.features else []), *self.closing.warnings]

    def __str__(self) -> str:
        n_scored = self.closing.n_scored
        place = self.revision.folder / ASSIGNMENTS
        return "\n".join([
            str(self.closing),
            f"referred to a person: {self.n_referred:,} of {n_scored:,} ({self.n_referred / n_scored:.0%}), "
            f"about {self.hours:,.0f} hours",
            f"{'unchanged' if self.already_there else 'written'}: revision {self.revision.number}, {place}"])


def score(
    tables: Tables, as_of: str, model: Registered, settings: Settings, out: Path, restate: str,
    progress: Callable[[str, int], None],
) -> Scored:
    """Assign a type with reasons to every customer with an active loan or commitment on the date.

    ``progress`` is told the step, measured or explained, and how many customers more it has behind it. ``restate``: why other
    assignments of the date are replaced by a new revision; empty if they may not be.

    Raises
    ------
    BookTooOld
        The last fact known on the date lies more than ``stale_days`` before it.
    NoFactsYet
        The book has no loan, or none was signed by the date.
    NobodyToScore
        No customer has one.
    FeaturesLost
        More of what the model learnt from is missing for every customer than ``lost_features_limit`` allows; nothing is written.
    AdditivityBroken
        An explanation does not add up to the model's log-odds; nothing is written.
    NotClosed
        Rows or money of the book are neither scored, nor rejected, nor out of scope; nothing is written.
    OutputExists
        The date has other assignments and they may not be restated.
    UnwritableOutput
        The revision cannot be written.
    """
    with writing(place_of(out, as_of)), staging(out, as_of) as staged:
        frame = staged / "frame.parquet"
        measure_active(tables, [as_of], model.segmenter.features, frame, progress)
        must_reach(tables, as_of, settings.score.stale_days, "--as-of")
        usual = _usual(frame)
        missing = lost(model.segmenter.learnt_from, usual, tables)
        must_be_few(missing, settings.score.lost_features_limit, f"the book as of {as_of}")
        rejected = rejected_loans(tables)
        closing = close(tables, pq.read_table(frame, columns=["customer_id"]).column(0), rejected)
        write_reference(usual, of_run(model.name, tables.fingerprint), staged / REFERENCE)
        write_rejected(tables, staged / REJECTED)
        n_referred, first = _explain(staged, frame, model, usual, rejected, tables.fingerprint, settings, progress)
        frame.unlink()
        facts = {"as_of": as_of, "model_version": model.name, "model_sha256": model.segmenter.sha256,
                 "data_fingerprint": tables.fingerprint, **closing.facts(), "referred": n_referred,
                 "lost_features": missing.features}
        revision, was_there = commit(staged, facts, restate)
    return Scored(revision, closing, missing, n_referred, n_referred * settings.score.hours_per_referral, first, was_there)


def _usual(file: Path) -> Reference:
    """What is usual in the scored book, read column by column."""
    names = [name for name in pq.read_schema(file).names if name not in KEYS]
    return reference_of((name, pq.read_table(file, columns=[name]).column(0).to_numpy()) for name in names)


def _explain(
    staged: Path, measured: Path, model: Registered, usual: Reference, rejected: pd.Series, fingerprint: str, settings: Settings,
    progress: Callable[[str, int], None],
) -> tuple[int, pd.Series]:
    """Judge and explain the measured rows, chunk by chunk; how many are referred, and the first assignment."""
    types, segmenter, of = load_types(), model.segmenter, of_run(model.name, fingerprint)
    n_referred, first = 0, None
    with (ThreadPoolExecutor(1) as aside, pq.ParquetFile(measured) as frames,
          Growing(staged / ASSIGNMENTS) as assignments,
          Explanations(staged / EXPLANATIONS, segmenter.features, segmenter.types, of) as explanations):
        for group in range(frames.num_row_groups):
            frame = frames.read_row_group(group).to_pandas()
            judgement = segmenter.judge(frame)
            told_again = aside.submit(_told_again, model.twins, frame)  # words take one core, twins the other
            rows = assign(frame, judgement, FEATURES, types, usual, model.name, fingerprint, settings.score.n_reasons)
            rows[N_RESEEDS] = len(model.twins)
            rows[RESEED_COLUMNS] = agreement(told(judgement, DIMENSION_OF), told_again.result())
            rows[N_LOANS_REJECTED] = rejected.reindex(rows["customer_id"], fill_value=0).to_numpy()
            assignments.add(rows)
            explanations.add(frame, judgement)
            n_referred += int(rows["is_referred"].sum())
            first = rows.iloc[0] if first is None else first
            progress("explained", len(rows))
    return n_referred, first


def _told_again(twins: Sequence[Segmenter], frame: pd.DataFrame) -> list[Stories]:
    return [told_by(twin, frame, DIMENSION_OF) for twin in twins]
