"""Whether a book has drifted from the one a model learnt from, beyond what chance alone does to a book of its size.

The population stability index (PSI) of two samples of one population is about (1/n + 1/m) chi-square with one degree less than
there are bins (Yurdakul and Naranjo 2020): at 200 rows the usual level of 0.1 is passed by chance one time in three. So the level
follows the sample sizes and the number of tests: all of one run together give a false alarm with at most the probability
``false_alarm_share`` (Bonferroni; half of it is for the hundreds of tests of features, so that the few others keep their power).
Connected customers are no independent ones, so chance is asked of circles, each counting as one. The approximation fails where
counts are small: bins are joined until each is expected to hold ``LEAST_EXPECTED`` circles, and one is added to every count.

The usual levels, of customers, stay as floors: what is certain and small is no alarm either. For the types given the floor is
the change of a type's share: there are few of them, and one that doubles hardly moves the PSI of all. A book has drifted from
training's if it has from each of its month-ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2, hypergeom, norm

from models.intervals import COVERAGE, Interval
from models.metrics import HIGHER_IS_BETTER
from models.training_reference import Counts, Range, TrainingReference, UsualFeature, counted, joined

LEAST_EXPECTED = 10
TESTS_PER_FEATURE = 4
"""Its distribution, its missing values, values below and above the range."""

WATCHED = ("accuracy", "macro_f1", "log_loss", "expected_cost")


def n_tests(n_features: int) -> int:
    """How many tests a run makes: of so many features, of the types given, of the numbers of performance."""
    return TESTS_PER_FEATURE * n_features + 1 + len(WATCHED)


@dataclass(frozen=True)
class Chances:
    """The probability of a false alarm of one test of a feature, of that of the types given, of one number of performance."""

    feature: float
    types: float
    performance: float


@dataclass(frozen=True)
class MonitorLimits:
    """What is tolerated of a book and a model in use; shares from 0 to 1.

    ``false_alarm_share``: probability of any alarm of a run where nothing has drifted. The others are floors below which what is
    certain is no alarm either: the PSI of a feature, the change of a type's share of the customers, the change of the missing
    share, the share of customers beyond a range, the share of a column's rows with a value that training did not see.
    ``age_limit_days`` bounds the days since the last date learnt from.
    """

    false_alarm_share: float
    psi_limit: float
    type_share_change_limit: float
    missing_change_limit: float
    outside_share_limit: float
    unseen_share_limit: float
    age_limit_days: int

    def chances(self, n_features: int) -> Chances:
        """What each test of a run over so many features may do by chance; together they use up ``false_alarm_share``."""
        return Chances(self.false_alarm_share / 2 / (TESTS_PER_FEATURE * n_features), self.false_alarm_share / 4,
                       self.false_alarm_share / 4 / len(WATCHED))


@dataclass(frozen=True)
class Shift:
    """The PSI of customers; that of circles, and the level it passes by chance with the probability asked for, infinite where
    one bin is left."""

    psi: float
    of_circles: float
    level: float

    @property
    def of_level(self) -> float:
        """The PSI of circles in parts of the level that chance reaches: beyond 1 it is no chance."""
        return self.of_circles / self.level

    def is_alarm(self, floor: float) -> bool:
        """Whether it is beyond chance, and large enough to matter."""
        return self.of_level > 1 and self.psi > floor


@dataclass(frozen=True)
class TypesDrift:
    """The types given to a book beside the training's on the date that is most like it, ``day`` (ISO).

    ``now``, ``then``: counts per type; ``type``: the one whose share of the customers changed most, by ``change`` (-1 to 1).
    """

    now: Counts
    then: Counts
    day: str
    shift: Shift
    type: str
    change: float

    def is_alarm(self, floor: float) -> bool:
        """Whether the shares changed beyond chance, and that of one type enough to matter."""
        return self.shift.of_level > 1 and abs(self.change) > floor


@dataclass(frozen=True)
class FeatureDrift:
    """A feature of a book beside the training's on the date that is most like it: shares missing with the probability of such a
    difference by chance, customers below and above what training saw with the probability of so many, and what is an alarm."""

    feature: str
    shift: Shift
    missing_then: float
    missing_now: float
    missing_p: float
    n_below: int
    n_above: int
    below_p: float
    above_p: float
    alarms: tuple[str, ...]


def shift(then: Counts, now: Counts, chance: float) -> Shift:
    """How far the shares of the same bins are apart.

    Parameters
    ----------
    then, now : Counts
        Customers and circles per bin.
    chance : float
        Probability with which two samples of one population may pass the level.
    """
    a, b = np.array(then.circles), np.array(now.circles)
    if not a.sum() or not b.sum():
        return Shift(0.0, 0.0, np.inf)
    starts = np.concatenate([[0], joined(a * min(1.0, b.sum() / a.sum()), LEAST_EXPECTED)[:-1]])
    of_circles, of_customers = (psi(*(np.add.reduceat(np.array(each), starts) for each in pair))
                                for pair in ((a, b), (then.n, now.n)))
    level = (1 / a.sum() + 1 / b.sum()) * chi2.isf(chance, len(starts) - 1) if len(starts) > 1 else np.inf
    return Shift(of_customers, of_circles, float(level))


def psi(then: np.ndarray, now: np.ndarray) -> float:
    """Population stability index of counts per bin, with one added to each: sum of (q - p) ln(q / p)."""
    p, q = ((counts + 1) / (counts + 1).sum() for counts in (then, now))
    return float(((q - p) * np.log(q / p)).sum())


def share_p(then: Counts, now: Counts) -> float:
    """The probability that the circles' shares of the first of two bins differ as much by chance (Fisher's exact test)."""
    (k, n), (among, m) = ((round(each.circles[0]), each.n_circles) for each in (now, then))
    if not n or not m:
        return 1.0
    of = hypergeom(n + m, k + among, n)
    return float(min(1.0, 2 * min(of.sf(k - 1), of.cdf(k))))


def beyond_p(n_beyond: int, n: int, m: int) -> float:
    """The probability that so many of ``n`` lie beyond the last of ``m`` drawn from the same population: all of the outermost
    ``n_beyond`` of ``n + m`` are among the ``n`` (exceedances, Gumbel and von Schelling 1950); less where values repeat."""
    return float(np.exp(gammaln(n + 1) - gammaln(n - n_beyond + 1) - gammaln(n + m + 1) + gammaln(n + m - n_beyond + 1)))


def feature_drift(
    name: str, usual: Sequence[UsualFeature], seen: Range, values: np.ndarray, circles: np.ndarray, limits: MonitorLimits,
    chance: float,
) -> FeatureDrift:
    """A feature of a book beside the training's.

    Parameters
    ----------
    name, usual, seen : str, sequence of UsualFeature, Range
        The feature, as training saw it: on each of its dates, and its range.
    values, circles : ndarray
        Of every active customer: its value, NaN where missing; and the circle of connected customers that it belongs to.
    limits : MonitorLimits
        The floors.
    chance : float
        Probability of a false alarm of each test, as ``MonitorLimits.chances`` gives it.
    """
    is_known = ~np.isnan(values)
    known, whose = values[is_known], circles[is_known]
    moved = nearest([shift(one.known, counted(one.places(known), len(one.edges) + 1, whose), chance) for one in usual],
                    limits.psi_limit)
    missing = counted(is_known.astype(int), 2, circles)
    now = missing.n[0] / len(values)
    is_missing_otherwise, _, then, missing_p = min(
        (p < chance and abs(now - share) > limits.missing_change_limit, abs(now - share), share, p)
        for share, p in ((one.missing.n[0] / one.missing.total, share_p(one.missing, missing)) for one in usual))
    is_below, is_above = (np.zeros(len(known), bool),) * 2 if seen.low is None else (known < seen.low, known > seen.high)
    n = len(np.unique(whose))
    below, above = (beyond_p(len(np.unique(whose[rows])), n, seen.n_circles) for rows in (is_below, is_above))
    fired = {"psi": moved.is_alarm(limits.psi_limit), "missing": is_missing_otherwise,
             "below": below < chance and is_below.sum() > limits.outside_share_limit * len(values),
             "above": above < chance and is_above.sum() > limits.outside_share_limit * len(values)}
    return FeatureDrift(name, moved, then, now, missing_p, int(is_below.sum()), int(is_above.sum()), below, above,
                        tuple(kind for kind, has_fired in fired.items() if has_fired))


def nearest(shifts: Sequence[Shift], floor: float) -> Shift:
    """The shift from the date that the book is most like: no alarm where one of them is none."""
    return min(shifts, key=lambda one: (one.is_alarm(floor), one.of_level))


def types_drift(
    reference: TrainingReference, places: np.ndarray, circles: np.ndarray, limits: MonitorLimits, chance: float
) -> TypesDrift:
    """The types given to a book, as places in the reference's order, beside those of the date that it is most like."""
    now, floor = counted(places, len(reference.order), circles), limits.type_share_change_limit
    found = []
    for day, then in zip(reference.days, reference.types, strict=True):
        changes = np.array(now.n) / now.total - np.array(then.n) / then.total
        most = int(np.abs(changes).argmax())
        found.append(TypesDrift(now, then, day, shift(then, now, chance), reference.order[most], float(changes[most])))
    return min(found, key=lambda one: (one.is_alarm(floor), one.shift.of_level))


def worse(promised: Mapping[str, Interval], found: Mapping[str, Interval], chance: float) -> tuple[str, ...]:
    """Which numbers of a model's performance are worse than promised beyond chance, both with their 95 % intervals."""
    names = []
    for name in WATCHED:
        gap = (promised[name].value - found[name].value) * (1 if HIGHER_IS_BETTER[name] else -1)
        width = np.hypot(*(each[name].high - each[name].low for each in (promised, found)))
        if gap > norm.isf(chance) * width / (2 * norm.isf((1 - COVERAGE) / 2)):
            names.append(name)
    return tuple(names)
