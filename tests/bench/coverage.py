"""Is the coverage promised to every type kept out of time: on a synthetic book large enough to tell to a point or two.

    python -m tests.bench.coverage 12000 101

Whole circles are drawn for the intervals. The run ends with an error where the promise is missed by more than two points
for all customers together, or beyond the interval for a type.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from features.frame import feature_frame
from features.sources import open_tables
from models.intervals import drawn
from models.matrix import KEYS
from models.referral import ALL, kept
from models.segmenter import fit
from models.split import out_of_time
from models.types import ORDER, type_indices
from pipeline.circles import circles_of
from pipeline.labels import analyst_labels
from pipeline.settings import load_settings
from pipeline.simulate import simulate

WITHIN = 0.02


def main(n_customers: int, seed: int) -> int:
    """Print coverage per type of customers known and new, a quarter later; returns 1 where the promise is not kept."""
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        simulate(n_customers, 48, seed, Path(folder) / "book")
        tables = open_tables(Path(folder) / "book")
        labelled = analyst_labels(tables, None, settings, print)
        frame = feature_frame(labelled.rows[KEYS], tables)
        groups = frame["customer_id"].map(circles_of(tables))
        tables.close()
    given = labelled.rows["type"].set_axis(frame.index)
    split = out_of_time(frame, groups, settings.split.held_out_share, settings.split.embargo_days, settings.model.seed)
    print(split.description, flush=True)
    fitted = fit(frame[split.train], given[split.train], groups[split.train], ORDER, settings.model)
    failed = False
    for name, rows in (("known and new customers", split.test | split.known_later), ("new customers", split.test)):
        told, truth = fitted.segmenter.probabilities(frame[rows]), type_indices(given[rows], ORDER)
        table = kept(truth, told, ORDER, fitted.segmenter.referral, drawn(groups[rows].to_numpy(), settings.model.seed))
        print(f"\n{name}, a quarter later\n{table.round(3).to_string()}", flush=True)
        missed = np.abs(table["covered"] - table["promised"])
        outside = (table["low"] > table["promised"]) | (table["high"] < table["promised"])
        failed |= bool(missed[ALL] > WITHIN or (outside & (missed > WITHIN)).any())
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
