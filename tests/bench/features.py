"""How long the features take beside a bare aggregate, vectorised pandas and Polars: ``python -m tests.bench.features N``.

One generated book of N customers (70 repayment rows each), the contenders one after the other in rounds, each in a process
of its own so that its peak memory is its own; the best round of each is printed, and ratios.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import contenders

ROUNDS = 3
CONTENDERS = {"bare aggregate": contenders.floor, "all features": contenders.ours,
              "all features, 4 GB": contenders.ours_with_memory,
              f"{len(contenders.COMMON)} of them": contenders.ours_of_common, "the same in pandas": contenders.in_pandas,
              "the same in Polars": contenders.in_polars}


def in_a_process(*arguments: str) -> dict:
    """Run a module of the benchmark in a process of its own and read the JSON that it prints."""
    return json.loads(subprocess.run([sys.executable, "-m", *arguments], check=True, capture_output=True, text=True).stdout)


def peak_mb() -> float:
    """Largest resident memory of this process so far, in MB of 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main(n_customers: int) -> None:
    """Print the best of the rounds of every contender, and how it compares with the bare aggregate."""
    best: dict[str, dict] = {}
    with tempfile.TemporaryDirectory(prefix="pentad-bench-") as work:
        subprocess.run([sys.executable, "-m", "tests.bench.book", work, str(n_customers)], check=True, capture_output=True)
        for _ in range(ROUNDS):
            for name in CONTENDERS:
                found = in_a_process("tests.bench.features", work, name)
                if name not in best or found["seconds"] < best[name]["seconds"]:
                    best[name] = found
    must_agree({name: found["totals"] for name, found in best.items() if "totals" in found})
    base, few = best["bare aggregate"]["seconds"], best[f"{len(contenders.COMMON)} of them"]["seconds"]
    print(f"{n_customers:,} customers, {n_customers * 70:,} repayment rows, best of {ROUNDS}; all agree on the values")
    for name, one in best.items():
        opening = f"; opened and checked in {one['opening']:.1f} s before" if "opening" in one else ""
        against = f", {one['seconds'] / few:.1f} times ours of them" if name.startswith("the same") else ""
        print(f"{name}: {one['seconds']:.2f} s = {one['seconds'] / base:.1f} times the bare aggregate{against}, "
              f"{one['peak_mb']:,.0f} MB{opening}")


def must_agree(totals: dict[str, dict]) -> None:
    """Stop where two contenders differ in the sum or the number of a feature's values."""
    for feature in contenders.COMMON:
        sums, counts = zip(*(of[feature] for of in totals.values()))
        if len(set(counts)) > 1 or not all(math.isclose(s, sums[0], rel_tol=1e-9) for s in sums):
            raise SystemExit(f"the contenders differ in {feature}: {dict(zip(totals, zip(sums, counts)))}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(int(sys.argv[1]))
    else:
        found = CONTENDERS[sys.argv[2]](Path(sys.argv[1]))
        print(json.dumps(found | {"peak_mb": peak_mb()}))
