"""How the features' time and memory grow with the book and with the dates: ``python -m tests.bench.scale``.

Books of 1, 4, 16 and 70 million repayment rows, under the memory limit of run.toml and as if there were none; then 24
month-ends in one call against 24 calls, with and without the opening of the book that every call of its own takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from features.days import month_ends
from tests.bench.contenders import AS_OF
from tests.bench.features import in_a_process, peak_mb

CUSTOMERS = (14_286, 57_143, 228_571, 1_000_000)
MANY_DATES_OF = 57_143
LIMITS = {"1 GB": 1.0, "no limit": 16.0}
DATES = month_ends("2022-07-31", AS_OF)


def measure(folder: Path, memory_gb: float, dates: list[str]) -> dict:
    """Open a book and measure it: seconds of each, rows, peak memory."""
    from features.frame import feature_blocks
    from features.sources import open_tables

    start = time.perf_counter()
    tables = open_tables(folder, memory_gb=memory_gb)
    opened = time.perf_counter()
    n_rows = sum(len(block) for block in feature_blocks(tables, dates))
    done = time.perf_counter()
    tables.close()
    return {"opening": opened - start, "seconds": done - opened, "n_rows": n_rows, "peak_mb": peak_mb()}


def _measured(folder: str, memory_gb: float, dates: list[str]) -> dict:
    return in_a_process("tests.bench.scale", folder, str(memory_gb), ",".join(dates))


def main() -> None:
    """Print a line per size and limit, and the lines of the many dates."""
    for n_customers in CUSTOMERS:
        with tempfile.TemporaryDirectory(prefix="pentad-bench-") as work:
            subprocess.run([sys.executable, "-m", "tests.bench.book", work, str(n_customers)], check=True, capture_output=True)
            for said, memory_gb in LIMITS.items():
                found = _measured(work, memory_gb, [AS_OF])
                n_rows = n_customers * 70
                print(f"{n_rows / 1e6:.0f} million rows, {said}: opened and checked in {found['opening']:.1f} s, features in "
                      f"{found['seconds']:.1f} s = {found['seconds'] / n_rows * 1e6:.2f} s a million, "
                      f"{found['peak_mb']:,.0f} MB", flush=True)
            if n_customers == MANY_DATES_OF:
                _many_dates(work)


def _many_dates(folder: str) -> None:
    one = _measured(folder, LIMITS["1 GB"], DATES)
    each = [_measured(folder, LIMITS["1 GB"], [day]) for day in DATES]
    opening, seconds = (sum(found[part] for found in each) for part in ("opening", "seconds"))
    print(f"{len(DATES)} month-ends in one call: {one['opening']:.1f} + {one['seconds']:.1f} s; in {len(DATES)} calls: "
          f"{opening:.1f} + {seconds:.1f} s; ratio {(one['opening'] + one['seconds']) / (opening + seconds):.2f} "
          f"({one['seconds'] / seconds:.2f} without the opening)", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        print(json.dumps(measure(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(","))))
