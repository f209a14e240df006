"""A large book's frame scored, explained for all five types, judged by twins, put into words and written: seconds and memory.

    python -m tests.bench.scoring data/sample 1000000

The model is the one that the settings give on the sample. The frame is the sample's active customers over and over, every value
moved by up to a thousandth, so that no two rows are alike; measuring it is another benchmark's (``tests.bench.scale``).
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from features.catalogue import FEATURES
from features.frame import book_frame, feature_frame
from features.sources import open_tables
from models.matrix import KEYS
from models.segmenter import fit, reseeded
from models.types import ORDER
from pipeline import score
from pipeline.active import CHUNK_ROWS
from pipeline.circles import circles_of
from pipeline.labels import analyst_labels
from pipeline.output import Growing
from pipeline.settings import load_settings
from pipeline.tracking import Registered

AS_OF = "2025-12-31"


def main(sample: str, n_customers: int) -> None:
    """Print the seconds of each step, the size of what was written, and the most memory that was taken."""
    settings = load_settings()
    tables = open_tables(Path(sample))
    labelled = analyst_labels(tables, None, settings, print)
    frame = feature_frame(labelled.rows[KEYS], tables)
    features = [name for name in FEATURES if frame[name].notna().any()]
    groups, types = frame["customer_id"].map(circles_of(tables)), labelled.rows["type"].set_axis(frame.index)
    fitted = fit(frame[[*KEYS, *features]], types, groups, ORDER, settings.model)
    segmenter, twins = fitted.segmenter, reseeded(fitted, frame[[*KEYS, *features]])
    book = book_frame(tables, AS_OF)
    tables.close()
    book = book.loc[book["n_active_loans"] > 0, [*KEYS, *segmenter.features]].reset_index(drop=True)
    model = Registered(segmenter, "1", "0" * 32, AS_OF, twins)
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder)
        _write_frame(book, n_customers, staged / "frame.parquet")
        begin = time.perf_counter()
        usual = score._usual(staged / "frame.parquet")
        percentiles = time.perf_counter() - begin
        with tqdm(total=n_customers, unit=" customers", disable=not sys.stderr.isatty()) as bar:
            nobodys = pd.Series(dtype=int)
            score._explain(staged, staged / "frame.parquet", model, usual, nobodys, "benchmark", settings,
                           lambda _, n: bar.update(n))
        whole = time.perf_counter() - begin
        sizes = {file.name: file.stat().st_size / 1e6 for file in sorted(staged.iterdir())}
    trees = settings.model.n_trees * len(ORDER)
    print(f"{n_customers:,} customers, {len(segmenter.features)} features, {trees:,} trees of depth {settings.model.depth}, "
          f"{len(twins)} twins: "
          f"{whole:.0f} s, of which {percentiles:.0f} s for what is usual; {n_customers / whole:,.0f} customers/s")
    print("written: " + ", ".join(f"{name} {size:,.0f} MB" for name, size in sizes.items()))
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB")


def _write_frame(book: pd.DataFrame, n_customers: int, file: Path) -> None:
    rng, features = np.random.default_rng(0), list(book.columns[2:])
    with Growing(file) as frames:
        for start in range(0, n_customers, CHUNK_ROWS):
            n = min(CHUNK_ROWS, n_customers - start)
            rows = book.iloc[rng.integers(0, len(book), n)].reset_index(drop=True)
            rows[features] *= 1 + 0.001 * rng.random((n, len(features)))
            rows["customer_id"] = [f"C{i:08d}" for i in range(start, start + n)]
            frames.add(rows)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
