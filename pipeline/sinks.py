"""Databases that receive the assignments beside the Parquet files: a DuckDB file or PostgreSQL.

Two tables, made by ``pentad sink init``: ``pentad_scorings``, a row for every revision of a date with its manifest, and
``pentad_assignments``, a row for every customer of it; and a view, ``pentad_current``, of the assignments that hold. A revision's
rows and its manifest are written in one transaction: a reader sees all of them or none, and a rerun finds them there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from features.addresses import masked
from features.errors import OutputExists
from features.sources.databases import DatabaseRefused, transaction
from models.stability import N_RESEEDS, RESEED_COLUMNS
from models.types import ORDER
from pipeline.closing import N_LOANS_REJECTED
from pipeline.explanations import ASSIGNMENTS
from pipeline.revisions import Revision

SCORINGS, ASSIGNED, HOLDING = "pentad_scorings", "pentad_assignments", "pentad_current"
BATCH_ROWS = 50_000

_TEXT, _NUMBER, _WHOLE, _FLAG, _DAY = "text", "double precision", "bigint", "boolean", "date"
_ARROW = {_TEXT: pa.string(), _NUMBER: pa.float64(), _WHOLE: pa.int64(), _FLAG: pa.bool_(), _DAY: pa.date32()}
_COLUMNS = (
    {"as_of": _DAY, "revision": _WHOLE, "customer_id": _TEXT, "type": _TEXT, "type_zh": _TEXT}
    | {f"p_{kind}": _NUMBER for kind in ORDER}
    | {"runner_up": _TEXT, "runner_up_zh": _TEXT, "possible_types": _TEXT, "is_referred": _FLAG, "gap_log_odds": _NUMBER}
    | {f"why_{part}": _NUMBER for part in ("value", "need", "behaviour", "risk", "base")}
    | {name: _TEXT for name in ("reasons_zh", "reasons_en", "strategy_zh", "strategy_en", "model_version", "data_fingerprint")}
    | {"additivity_residual": _NUMBER, N_RESEEDS: _WHOLE} | dict.fromkeys(RESEED_COLUMNS, _NUMBER)
    | {N_LOANS_REJECTED: _WHOLE})
_MAY_BE_EMPTY = {"possible_types", "reasons_zh", "reasons_en", *RESEED_COLUMNS}

TABLES = (
    f"CREATE TABLE IF NOT EXISTS {SCORINGS} (as_of date, revision bigint, manifest_sha256 text NOT NULL, "
    "model_version text NOT NULL, data_fingerprint text NOT NULL, reason text NOT NULL, n_scored bigint NOT NULL, "
    "manifest text NOT NULL, PRIMARY KEY (as_of, revision))",
    f"CREATE TABLE IF NOT EXISTS {ASSIGNED} ("
    + ", ".join(f"{name} {kind}{'' if name in _MAY_BE_EMPTY else ' NOT NULL'}" for name, kind in _COLUMNS.items())
    + f", PRIMARY KEY (as_of, revision, customer_id), FOREIGN KEY (as_of, revision) REFERENCES {SCORINGS} (as_of, revision))",
    f"CREATE INDEX IF NOT EXISTS {ASSIGNED}_customer ON {ASSIGNED} (customer_id, as_of)",
    f"CREATE INDEX IF NOT EXISTS {ASSIGNED}_type ON {ASSIGNED} (as_of, type)",
    f"CREATE OR REPLACE VIEW {HOLDING} AS SELECT a.* FROM {ASSIGNED} a JOIN (SELECT as_of, max(revision) AS revision "
    f"FROM {SCORINGS} GROUP BY as_of) last ON a.as_of = last.as_of AND a.revision = last.revision",
)


def init(address: str) -> None:
    """Make the tables, keys, indexes and the view, where they are not there; what is there stays.

    Raises
    ------
    DatabaseRefused
        The database cannot be reached, or does not let us.
    """
    with transaction(address) as sink:
        for statement in TABLES:
            sink.run(statement)


def write(address: str, revision: Revision) -> bool:
    """Write the assignments and the manifest of a revision in one transaction; whether they were there already.

    Raises
    ------
    DatabaseRefused
        The database cannot be reached, or does not take them; it is as it was.
    NoSuchTable
        It has no tables for them.
    OutputExists
        It has other assignments under the same date and number.
    DamagedRevision
        The file of the assignments is not the one that was written.
    """
    file, told = revision.file(ASSIGNMENTS), revision.manifest
    day = date.fromisoformat(told["as_of"])
    if _is_there(address, revision, day):
        return True
    try:
        with transaction(address) as sink:
            row = (day, revision.number, revision.sha256, told["model_version"], told["data_fingerprint"], told["reason"],
                   told["customers"]["scored"], json.dumps(told, ensure_ascii=False))
            sink.run(f"INSERT INTO {SCORINGS} VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", row)
            with pq.ParquetFile(file) as rows:
                sink.append(ASSIGNED, _batches(rows, day, revision.number))
    except DatabaseRefused:
        if _is_there(address, revision, day):  # another run was faster
            return True
        raise
    return False


def _is_there(address: str, revision: Revision, day: date) -> bool:
    with transaction(address) as sink:
        found = sink.run(f"SELECT manifest_sha256 FROM {SCORINGS} WHERE as_of = $1 AND revision = $2", (day, revision.number))
    if found and found[0][0] != revision.sha256:
        raise OutputExists(f"other assignments as of {day}, revision {revision.number}", masked(address),
                           "They are of another folder of assignments; give every folder a database of its own.")
    return bool(found)


def _batches(rows: pq.ParquetFile, day: date, number: int) -> pa.RecordBatchReader:
    schema = pa.schema([(name, _ARROW[kind]) for name, kind in _COLUMNS.items()])

    def made() -> Iterator[pa.RecordBatch]:
        for batch in rows.iter_batches(BATCH_ROWS):
            own = {"as_of": pa.array([day] * len(batch)), "revision": pa.array([number] * len(batch))}
            columns = [own[name] if name in own else batch.column(name) for name in schema.names]
            yield pa.RecordBatch.from_arrays([each.cast(field.type) for each, field in zip(columns, schema)], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, made())
