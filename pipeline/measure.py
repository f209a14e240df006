"""Write the feature frame of a book, for one date or for every month-end of a range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import FEATURES
from features.frame import KEYS, feature_blocks
from features.sources import Tables
from pipeline.errors import writing
from pipeline.output import written_whole

SCHEMA = pa.schema([(key, pa.string()) for key in KEYS] + [(name, pa.float64()) for name in FEATURES])


@dataclass(frozen=True)
class Measured:
    """What was written: one row per customer and date."""

    path: Path
    n_dates: int
    n_rows: int
    already_there: bool

    def __str__(self) -> str:
        dates = "1 date" if self.n_dates == 1 else f"{self.n_dates} dates"
        said = f"{self.n_rows:,} rows = {self.n_rows // self.n_dates:,} customers on {dates}, {len(FEATURES)} features"
        return f"{said}\n{'unchanged' if self.already_there else 'written'}: {self.path}"


def measure(tables: Tables, dates: list[str], out: Path, replace: bool, progress: Callable[[int], object]) -> Measured:
    """Write customer_id, as_of and every feature as Parquet or CSV, sorted by customer and date, block by block.

    Raises
    ------
    NoFactsYet
        The book has no loan, or a date lies before the first was signed.
    OutputExists
        Another file is there and may not be replaced.
    UnwritableOutput
        The file cannot be written.
    """
    n_rows = 0

    def write(file: BinaryIO) -> None:
        nonlocal n_rows
        put = _as_csv(file) if out.suffix == ".csv" else _as_parquet(file)
        try:
            for block in feature_blocks(tables, dates):
                put(block)
                n_rows += len(block)
                progress(len(block))
        finally:
            put(None)

    with writing(out):
        there = written_whole(out, write, replace, "features")
    return Measured(out, len(dates), n_rows, there)


def _as_parquet(file: BinaryIO) -> Callable[[pd.DataFrame | None], None]:
    writer = pq.ParquetWriter(file, SCHEMA)

    def put(block: pd.DataFrame | None) -> None:
        if block is None:
            writer.close()
        elif len(block):
            writer.write_table(pa.Table.from_pandas(block, SCHEMA, preserve_index=False))

    return put


def _as_csv(file: BinaryIO) -> Callable[[pd.DataFrame | None], None]:
    def put(block: pd.DataFrame | None) -> None:
        if block is not None:
            text = block.to_csv(index=False, header=file.tell() == 0, lineterminator="\n")
            file.write(text.encode("utf-8"))

    return put
