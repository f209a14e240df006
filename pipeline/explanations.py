"""What was scored, kept so that any pair of types can be explained later without the model.

In a revision of a date (revisions.py) lie beside ``assignments.parquet`` ``explanations.parquet``, one row per customer in the
same order: the values of its features and what each contributed to every type; and ``reference.parquet``, what was usual in the
book: the percentiles of every feature, and of how many per cent of the customers it is missing. All three name the model and
the data that they are of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import PentadError
from models.explain import STARTING_POINT, Reference
from models.matrix import KEYS, feature_matrix
from pipeline.revisions import DamagedRevision, Revision, current, dates

if TYPE_CHECKING:  # it is slow to import, and not needed to read what was stored
    from models.segmenter import Judgement

ASSIGNMENTS, EXPLANATIONS, REFERENCE = "assignments.parquet", "explanations.parquet", "reference.parquet"
GROUP_ROWS = 2_000
"""Rows that are read to find one customer."""

OF = "pentad.of"
AGAIN = "Score the date again with --restate REASON."
PERCENT_MISSING = "percent_missing"


class NotAssigned(PentadError):
    """There is no assignment of this customer and date."""

    exit_code = 58


class NotExplained(PentadError):
    """The explanations of an assignment are gone, or of another run."""

    exit_code = 59


UNREADABLE = (NotExplained, DamagedRevision)
"""What is raised of a date that was scored and cannot be read any more."""


class Explanations:
    """A file of explanations that is written chunk by chunk.

    Parameters
    ----------
    file : Path
        Where to.
    features, types : sequence of str
        Of the model, in its order.
    of : str
        Which model and data.
    """

    def __init__(self, file: Path, features: Sequence[str], types: Sequence[str], of: str) -> None:
        self.features, n = tuple(features), len(features)
        fields = [pa.field(key, pa.string()) for key in KEYS] + [pa.field("values", pa.list_(pa.float64(), n))]
        fields += [pa.field(kind, pa.list_(pa.float32(), n + 1)) for kind in types]
        self.schema = pa.schema(fields, {OF: of, "features": ",".join(features), "types": ",".join(types)})
        self.writer = pq.ParquetWriter(file, self.schema, compression="zstd", use_dictionary=KEYS, write_page_checksum=True)

    def add(self, frame: pd.DataFrame, judgement: Judgement) -> None:
        """Write the rows of a frame and what the segmenter said of them."""
        values = feature_matrix(frame, self.features)
        columns = [pa.array(frame[key], pa.string()) for key in KEYS]
        columns.append(pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1]))
        for place in range(len(judgement.types)):
            given = judgement.contributions[:, place].astype(np.float32)
            columns.append(pa.FixedSizeListArray.from_arrays(pa.array(given.ravel()), given.shape[1]))
        self.writer.write_table(pa.Table.from_arrays(columns, schema=self.schema), row_group_size=GROUP_ROWS)

    def __enter__(self) -> Explanations:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()


def write_reference(reference: Reference, of: str, file: Path) -> None:
    """Write the percentiles, one row each; what is missing stands in the file's metadata."""
    table = pa.table({name: reference.percentiles[:, place] for place, name in enumerate(reference.features)})
    missing = dict(zip(reference.features, reference.missing.tolist()))
    pq.write_table(table.replace_schema_metadata({OF: of, PERCENT_MISSING: json.dumps(missing)}), file)


@dataclass(frozen=True)
class Kept:
    """One scored customer: its assignment, the values of its features, and log-odds per type, feature and starting point.

    ``contributions`` (n_types, n_features + 1) are calibrated; those of two types less each other sum to the logarithm of the
    ratio of their probabilities.
    """

    assignment: pd.Series
    features: tuple[str, ...]
    types: tuple[str, ...]
    values: np.ndarray
    contributions: np.ndarray
    reference: Reference

    def contrast(self, a: str, b: str) -> pd.Series:
        """Why type ``a`` and not ``b``: log-odds per feature and of the starting point, which sum to ln(p_a / p_b)."""
        to_a, to_b = (self.contributions[self.types.index(kind)] for kind in (a, b))
        found = pd.Series(to_a - to_b, index=[*self.features, STARTING_POINT], name=f"{a} over {b}")
        # kept in seven digits: what is lost by that goes where XGBoost's rounding went before
        ratio = np.log(self.assignment[f"p_{a}"]) - np.log(self.assignment[f"p_{b}"])
        found[STARTING_POINT] += ratio - found.sum()
        return found


def kept(customer: str, as_of: str, folder: Path) -> Kept:
    """Find a scored customer, without reading what was kept of the others.

    Raises
    ------
    NotAssigned
        Nobody was scored on the date, or not this customer.
    NotExplained
        What was read of the files is damaged, or they are of another run than the assignments.
    DamagedRevision
        They are not the files that were written.
    """
    scored = scoring_of(as_of, folder)
    assignment = _assigned(customer, scored)
    with (_opened(scored, of_run(assignment["model_version"], assignment["data_fingerprint"]), whole=False) as opened,
          _read_at(scored.folder)):
        row = _row_of(opened.file, customer)
    if row is None:
        raise NotExplained(f"customer {customer} has no explanation", str(scored.folder / EXPLANATIONS), AGAIN)
    return Kept(assignment, opened.features, opened.types, np.array(row["values"], float),
                np.array([row[kind] for kind in opened.types], float), opened.reference)


@dataclass(frozen=True)
class KeptBook:
    """Everybody who was scored on a date, in the order of the assignments; customer by customer as in ``Kept``.

    ``values`` (n, n_features), ``contributions`` (n, n_types, n_features + 1).
    """

    assignments: pd.DataFrame
    features: tuple[str, ...]
    types: tuple[str, ...]
    values: np.ndarray
    contributions: np.ndarray
    reference: Reference

    def contrasts(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Why type ``a`` and not ``b``, each the place of a type per customer: (n, n_features + 1), as ``Kept.contrast`` says."""
        rows = np.arange(len(a))
        found = self.contributions[rows, a].astype(float) - self.contributions[rows, b].astype(float)
        logs = np.log(self.assignments[[f"p_{kind}" for kind in self.types]].to_numpy(float))
        found[:, -1] += logs[rows, a] - logs[rows, b] - found.sum(axis=1)
        return found


def kept_book(as_of: str, folder: Path) -> KeptBook:
    """Read what was scored on a date, of all customers.

    Raises
    ------
    NotAssigned
        Nobody was scored on the date.
    NotExplained
        The files beside the assignments are of another run or other customers.
    DamagedRevision
        They are not the files that were written.
    """
    scored = scoring_of(as_of, folder)
    assignments = assignments_of(scored)
    if assignments.empty:
        raise NotAssigned(f"nobody was scored as of {as_of}: no row", str(scored.folder), AGAIN)
    first = assignments.iloc[0]
    with (_opened(scored, of_run(first["model_version"], first["data_fingerprint"]), whole=True) as opened,
          _read_at(scored.folder)):
        table = opened.file.read()
    if not np.array_equal(table.column("customer_id").to_pylist(), assignments["customer_id"].to_numpy(object)):
        raise NotExplained("the explanations are of other customers than the assignments", str(scored.folder), AGAIN)
    values = _stacked(table.column("values"), len(opened.features))
    contributions = np.stack([_stacked(table.column(kind), len(opened.features) + 1) for kind in opened.types], axis=1)
    return KeptBook(assignments, opened.features, opened.types, values, contributions, opened.reference)


def scored_dates(folder: Path) -> list[str]:
    """The dates that were scored, the earliest first."""
    return dates(folder)


def scoring_of(as_of: str, folder: Path) -> Revision:
    """The revision that holds of what was scored on a date; whoever reads several of its files asks once.

    Raises
    ------
    NotAssigned
        Nobody was scored on the date.
    DamagedRevision
        It cannot be told which holds.
    """
    if found := current(folder, as_of):
        return found
    raise NotAssigned(f"nobody was scored as of {as_of}", str(folder), "Run `pentad score` first, or name another folder.")


def assignments_of(scored: Revision) -> pd.DataFrame:
    """The assignments of a scored date, of all customers.

    Raises
    ------
    DamagedRevision
        The file is not the one that was written.
    """
    return pq.read_table(scored.file(ASSIGNMENTS)).to_pandas()


@dataclass(frozen=True)
class _Opened:
    file: pq.ParquetFile
    features: tuple[str, ...]
    types: tuple[str, ...]
    reference: Reference


@contextmanager
def _read_at(place: Path, what: str = "explanations") -> Iterator[None]:
    """Name what cannot be read of a scored date."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise NotExplained(f"no {what} can be read ({type(error).__name__})", str(place), AGAIN) from None


@contextmanager
def _opened(scored: Revision, of: str, whole: bool) -> Iterator[_Opened]:
    """The explanations of a date and what was usual then; ``whole``: all of them will be read.

    Raises
    ------
    NotExplained
        They are of another run.
    DamagedRevision
        They are not the files that were written.
    """
    place = scored.folder
    with _read_at(place):
        file = pq.ParquetFile(scored.file(EXPLANATIONS, whole), page_checksum_verification=True)
        usual = pq.read_table(scored.file(REFERENCE))
    about = {key.decode(): value.decode() for key, value in file.schema_arrow.metadata.items()}
    if about.get(OF) != of or usual.schema.metadata.get(OF.encode(), b"").decode() != of:
        raise NotExplained("the explanations are of another run than the assignments", str(place), AGAIN)
    features, types = tuple(about["features"].split(",")), tuple(about["types"].split(","))
    percentiles = np.column_stack([usual.column(name).to_numpy() for name in features])
    missing = json.loads(usual.schema.metadata.get(PERCENT_MISSING.encode(), b"{}"))  # what was scored before 2026-12 has none
    percent = np.array([missing.get(name, np.nan) for name in features], float)
    with file:
        yield _Opened(file, features, types, Reference(features, percentiles, percent))


def _stacked(column: pa.ChunkedArray, width: int) -> np.ndarray:
    return np.concatenate([chunk.flatten().to_numpy().reshape(-1, width) for chunk in column.chunks])


def assigned(customer: str, as_of: str, folder: Path) -> pd.Series:
    """The assignment of a customer.

    Raises
    ------
    NotAssigned
        Nobody was scored on the date, or not this customer.
    NotExplained
        What was read of the file is damaged.
    DamagedRevision
        It is not the file that was written.
    """
    return _assigned(customer, scoring_of(as_of, folder))


def _assigned(customer: str, scored: Revision) -> pd.Series:
    file = scored.file(ASSIGNMENTS, whole=False)
    with _read_at(file, "assignments"):
        rows = pq.read_table(file, filters=[("customer_id", "==", customer)], page_checksum_verification=True).to_pandas()
    if rows.empty:
        as_of = scored.manifest["as_of"]
        raise NotAssigned(f"customer {customer} was not scored as of {as_of}", str(file), "Check the spelling of the customer.")
    return rows.iloc[0]


def of_run(model: str, fingerprint: str) -> str:
    """Which model and data, in one text."""
    return f"{model} {fingerprint}"


def _row_of(file: pq.ParquetFile, customer: str) -> dict | None:
    """The customer's row; groups of rows that end before it or begin after it are not read."""
    for group in range(file.num_row_groups):
        ends = file.metadata.row_group(group).column(0).statistics
        if ends is None or not ends.has_min_max or ends.min <= customer <= ends.max:
            found = file.read_row_group(group, columns=["customer_id"]).column(0).to_pylist()
            if customer in found:
                return file.read_row_group(group).slice(found.index(customer), 1).to_pylist()[0]
    return None
