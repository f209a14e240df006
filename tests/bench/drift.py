"""How often monitoring cries wolf, and how often it finds a drift that was planted, on the features of a book.

    python -m tests.bench.drift data/sample 2025-06-30 1000

A book in which nothing has drifted is made by dividing its circles of connected customers by lot: one half is what a model
learnt from, the other half, or about two hundred customers of it, the book of today. Then one drift after the other is planted
into one feature of today's book, and has to be named; and one type's share doubles. The types are those of hindsight, half a year
later: no model is needed, and connected customers have in common what they have. The few that hindsight leaves out are stable.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from features.catalogue import FEATURES
from features.days import days_later
from features.sources import open_tables
from models.drift import MonitorLimits, feature_drift, types_drift
from models.training_reference import Range, TrainingReference, UsualFeature, counted, range_of, usual_feature
from models.types import ORDER
from pipeline.active import active_customers
from pipeline.labels import hindsight_labels
from pipeline.settings import load_settings

FEW = 200
HALF_A_YEAR = 184
DOUBLED = "one type's share doubles"
LEAST_SHARE, MOST_SHARE = 0.06, 0.45
"""Of the types whose share is doubled: less would change by less than the limit, more could not double."""
#: What is done to the values of a feature, given a random generator: each is a drift that nobody would want to miss.
PLANTED: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "amounts in cents": lambda values, rng: values * 100,
    "a quarter goes missing": lambda values, rng: np.where(rng.random(len(values)) < 0.25, np.nan, values),
    "two in five become like the highest tenth": lambda values, rng: np.where(
        rng.random(len(values)) < 0.4, rng.choice(highest_tenth(values), len(values)), values),
    "everybody becomes like the median": lambda values, rng: np.where(
        np.isnan(values), np.nan, np.nanquantile(values, 0.5, method="inverted_cdf")),
}


def highest_tenth(values: np.ndarray) -> np.ndarray:
    """The known values at or above the highest decile."""
    return values[values >= np.nanquantile(values, 0.9)]


def varies(values: np.ndarray) -> bool:
    """Whether the drifts above change the feature at all: most have a value, of which no fifth is the same."""
    known = values[~np.isnan(values)]
    most_frequent = np.unique(known, return_counts=True)[1].max(initial=0)
    return len(known) > 0.8 * len(values) and most_frequent < 0.2 * len(known) and (known > 0).all()


def doubled(types: np.ndarray, circles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One type, by lot, has twice its customers: circle after circle, by lot, becomes it."""
    n = np.bincount(types, minlength=len(ORDER))
    kind = rng.choice(np.flatnonzero((n > LEAST_SHARE * len(types)) & (n < MOST_SHARE * len(types))))
    turn, others = rng.permutation(circles.max() + 1)[circles], np.flatnonzero(types != kind)
    moved = types.copy()
    moved[others[np.argsort(turn[others], kind="stable")][: n[kind]]] = kind
    return moved


def halves(circles: np.ndarray, rng: np.random.Generator, few: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a random half of the circles, and of the others, or of so many of these that they have ``few`` customers."""
    order = rng.permutation(circles.max() + 1)
    then = np.isin(circles, order[: len(order) // 2])
    rest = order[len(order) // 2 :]
    if few:
        sizes = np.bincount(circles)[rest]
        rest = rest[np.cumsum(sizes) <= few]
    return np.flatnonzero(then), np.flatnonzero(np.isin(circles, rest))


def alarms(usual: dict[str, tuple[UsualFeature, Range]], values: dict[str, np.ndarray], circles: np.ndarray,
           limits: MonitorLimits) -> dict[str, tuple[str, ...]]:
    """The alarms of every feature that has one."""
    chance = limits.chances(len(usual)).feature
    found = {name: feature_drift(name, usual[name][:1], usual[name][1], each, circles, limits, chance).alarms
             for name, each in values.items()}
    return {name: kinds for name, kinds in found.items() if kinds}


def has_types_alarm(then: tuple[np.ndarray, np.ndarray], now: tuple[np.ndarray, np.ndarray], limits: MonitorLimits,
                    chance: float) -> bool:
    """Whether the types of a book, each with the circles, are no longer those of another."""
    usual = TrainingReference(("",), {}, {}, tuple(ORDER), (counted(then[0], len(ORDER), then[1]),), {}, "", {})
    return types_drift(usual, *now, limits, chance).is_alarm(limits.type_share_change_limit)


def measure(columns: dict[str, np.ndarray], types: np.ndarray, circles: np.ndarray, n_draws: int, few: int | None,
            limits: MonitorLimits, seed: int) -> tuple[int, dict[str, list[bool]]]:
    """How many of so many divisions gave a false alarm, and which of the planted drifts were found."""
    rng, n_false, found = np.random.default_rng(seed), 0, {name: [] for name in [*PLANTED, DOUBLED]}
    lots, varying = rng.spawn(1)[0], [name for name, values in columns.items() if varies(values)]
    for _ in range(n_draws):
        then, now = halves(circles, rng, few)
        usual = {name: (usual_feature(values[then], circles[then]), range_of(values[then], circles[then], values[:0]))
                 for name, values in columns.items()}
        today = {name: values[now] for name, values in columns.items()}
        chance, given = limits.chances(len(usual)).types, (types[then], circles[then])
        n_false += bool(alarms(usual, today, circles[now], limits)) or has_types_alarm(
            given, (types[now], circles[now]), limits, chance)
        others = doubled(types[now], circles[now], lots)
        found[DOUBLED].append(has_types_alarm(given, (others, circles[now]), limits, chance))
        for drift, plant in PLANTED.items():
            name = rng.choice(varying)
            found[drift].append(name in alarms(usual, {name: plant(today[name], rng)}, circles[now], limits))
    return n_false, found


def main(book: Path, as_of: str, n_draws: int) -> None:
    settings = load_settings()
    limits = settings.monitor
    with closing(open_tables(book)) as tables, active_customers(tables, [as_of], list(FEATURES)) as active:
        circles = np.unique(active.circle, return_inverse=True)[1]
        columns = {name: active.column(name) for name in FEATURES}
        later = hindsight_labels(tables, as_of, days_later(as_of, HALF_A_YEAR), settings).rows.set_index("customer_id")
        types = later["type"].reindex(active.column("customer_id")).fillna("stable").map(ORDER.index).to_numpy()
    columns = {name: values for name, values in columns.items() if not np.isnan(values).all()}
    print(f"{len(circles):,} active customers in {circles.max() + 1:,} circles, {len(columns)} features, {n_draws:,} divisions")
    for few in (None, FEW):
        n_false, found = measure(columns, types, circles, n_draws, few, limits, seed=1)
        print(f"{'the other half' if few is None else f'{few} of the other half'}: {n_false:,} with a false alarm "
              f"({n_false / n_draws:.2%})")
        for drift, ones in found.items():
            print(f"  {drift}: found {sum(ones):,} of {len(ones):,} ({np.mean(ones):.1%})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
