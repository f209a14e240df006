"""A drift is named, and chance is not: the level follows the sample, circles count as one, and what is small is no alarm."""

from __future__ import annotations

from dataclasses import replace
from math import comb, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from models.drift import MonitorLimits, beyond_p, feature_drift, psi, share_p, shift, types_drift, worse
from models.intervals import Interval
from models.segmenter import BrokenModel
from models.training_reference import REFERENCE_FILE, TrainingReference, counted, edges_of, joined, range_of, usual_feature

LIMITS = MonitorLimits(0.01, 0.1, 0.05, 0.05, 0.01, 0.01, 365)
NOBODY = np.zeros(0)


def alone(n: int) -> np.ndarray:
    """Every customer a circle of its own."""
    return np.arange(n)


def drift(then: np.ndarray, now: np.ndarray, circles_then=None, circles_now=None, chance: float = LIMITS.chances(113).feature):
    whose = alone(len(then)) if circles_then is None else circles_then
    usual, seen = [usual_feature(then, whose)], range_of(then, whose, NOBODY)
    return feature_drift("x", usual, seen, now, alone(len(now)) if circles_now is None else circles_now, LIMITS, chance)


def test_the_psi_is_the_sum_written_out_with_one_added_to_each_count():
    then, now = (9, 4, 4), (1, 3, 13)
    p, q = (10 / 20, 5 / 20, 5 / 20), (2 / 20, 4 / 20, 14 / 20)
    assert psi(np.array(then), np.array(now)) == pytest.approx(sum((b - a) * log(b / a) for a, b in zip(p, q)))


def test_at_200_rows_the_usual_level_fires_by_chance_one_time_in_three_and_the_level_of_the_sample_does_not():
    rng, usual_fires, ours = np.random.default_rng(1), 0, 0
    for _ in range(400):
        found = drift(rng.normal(size=200), rng.normal(size=200)).shift
        usual_fires += found.psi > 0.1
        ours += found.is_alarm(0.1)
    assert 0.15 < usual_fires / 400 < 0.45
    assert ours == 0


@pytest.mark.parametrize("draw", [
    lambda rng, n: rng.normal(size=n), lambda rng, n: rng.lognormal(2, 2, n), lambda rng, n: rng.poisson(0.3, n).astype(float),
    lambda rng, n: (rng.random(n) < 0.04).astype(float),
    lambda rng, n: np.where(rng.random(n) < 0.5, np.nan, rng.integers(1, 7, n)),
], ids=["normal", "skewed", "counts", "rare flag", "grades, half missing"])
@pytest.mark.parametrize(("n", "m"), [(60, 60), (200, 1500), (1500, 200)])
def test_chance_passes_the_level_no_more_often_than_it_is_allowed(draw, n, m):
    rng, allowed, draws = np.random.default_rng([n, m]), 0.05, 150
    found = [drift(draw(rng, m), draw(rng, n), chance=allowed) for _ in range(draws)]
    most = draws * allowed + 4 * (draws * allowed) ** 0.5
    assert sum(one.shift.of_circles > one.shift.level for one in found) < most
    for p in ("missing_p", "below_p", "above_p"):
        assert sum(getattr(one, p) < allowed for one in found) < most


def test_what_a_circle_has_in_common_is_one_piece_of_news():
    rng, circles, fired, fired_alone = np.random.default_rng(3), np.repeat(np.arange(40), 10), 0, 0
    for _ in range(200):
        then, now = (rng.normal(size=40)[circles] for _ in range(2))
        fired += bool(drift(then, now, circles, circles).alarms)
        fired_alone += bool(drift(then, now).alarms)
    assert fired == 0
    assert fired_alone > 100  # the same customers, taken for independent ones


def test_a_large_circle_is_no_drift_and_a_drift_of_all_others_is():
    rng = np.random.default_rng(4)
    circles = np.concatenate([np.zeros(300, int), np.arange(1, 701)])
    then = rng.normal(size=1000)
    moved = np.where(circles == 0, 9.0, then)
    assert not drift(then, moved, circles, circles).alarms
    assert "psi" in drift(then, np.where(circles == 0, then, then + 1.5), circles, circles).alarms


PLANTED = {
    "in cents": (lambda x, rng: x * 100, {"psi", "above"}), "halved": (lambda x, rng: x / 2, {"psi"}),
    "a quarter missing": (lambda x, rng: np.where(rng.random(len(x)) < 0.25, np.nan, x), {"missing"}),
    "all the same": (lambda x, rng: np.full(len(x), 7.0), {"psi"}),
    "negative for some": (lambda x, rng: np.where(rng.random(len(x)) < 0.1, -x, x), {"below"}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_drift_is_found_and_named_at_two_hundred_rows(name):
    plant, kinds = PLANTED[name]
    rng, found = np.random.default_rng(5), []
    for _ in range(40):
        then, now = rng.lognormal(2, 0.8, 1500), plant(rng.lognormal(2, 0.8, 200), rng)
        found.append(kinds <= set(drift(then, now).alarms))
    assert np.mean(found) >= 0.95


def test_a_book_that_looks_as_in_one_of_the_months_learnt_from_has_not_drifted():
    fifteen, sixteen = np.full(500, 15.0), np.full(500, 16.0)  # days since the 15th, of months with 30 and 31 days
    for values in (fifteen, sixteen):
        values[:100] = np.arange(100) % 31
    usual, seen = [usual_feature(each, alone(500)) for each in (fifteen, sixteen)], range_of(sixteen, alone(500), NOBODY)
    chance = LIMITS.chances(113).feature
    assert not feature_drift("x", usual, seen, fifteen, alone(500), LIMITS, chance).alarms
    assert feature_drift("x", usual[1:], seen, fifteen, alone(500), LIMITS, chance).alarms == ("psi",)
    assert feature_drift("x", usual, seen, np.full(500, 4.0), alone(500), LIMITS, chance).alarms == ("psi",)


def test_a_drift_that_is_certain_and_small_is_no_alarm():
    rng = np.random.default_rng(6)
    then, now = rng.normal(size=60_000), rng.normal(0.1, 1, size=60_000)
    now[:600] = np.nan
    found = drift(then, now)
    assert found.shift.of_circles > found.shift.level and found.missing_p < 1e-9
    assert found.alarms == ()


def test_a_feature_that_nobody_had_and_everybody_has_is_missing_for_another_share():
    found = drift(np.full(300, np.nan), np.arange(300.0))
    assert found.alarms == ("missing",) and found.missing_then == 1 and found.missing_now == 0
    assert (found.shift.psi, found.shift.level) == (0, np.inf)
    assert drift(np.full(300, np.nan), np.full(300, np.nan)).alarms == ()


@settings(deadline=None)
@given(st.tuples(*[st.integers(0, 40)] * 4))
def test_the_probability_of_missing_shares_is_no_smaller_than_fisher_gives_in_one_tail(counts):
    a, b, c, d = counts
    then, now = (counted(np.repeat([0, 1], pair), 2, alone(sum(pair))) for pair in ((a, b), (c, d)))
    if a + b and c + d:
        tails = [fisher_exact([[c, d], [a, b]], alternative).pvalue for alternative in ("less", "greater")]
        assert share_p(then, now) == pytest.approx(min(1, 2 * min(tails)))


@settings(deadline=None)
@given(st.integers(0, 8), st.integers(1, 8), st.integers(1, 8))
def test_exceedances_are_counted_as_draws_from_an_urn(k, n, m):
    k = min(k, n)
    assert beyond_p(k, n, m) == pytest.approx(comb(n + m - k, m) / comb(n + m, m))  # the k outermost are all of the n


def test_a_value_that_many_share_has_a_bin_of_its_own():
    zeros = np.concatenate([np.zeros(970), np.arange(1.0, 31)])
    ones = np.concatenate([np.zeros(30), np.ones(970)])
    for values, expected in ((zeros, [970, 30]), (ones, [30, 970]), (np.repeat([1.0, 2, 3], 100), [100, 100, 100]),
                             (np.full(50, 3.0), [50])):
        edges = edges_of(values)
        assert np.bincount(np.searchsorted(edges, values, side="left")).tolist() == expected
    assert len(edges_of(np.arange(1000.0))) == 9
    assert edges_of(NOBODY) == ()


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=25), st.integers(1, 40))
def test_joined_bins_hold_all_and_enough_each(counts, least):
    ends = joined(np.array(counts), least)
    held = np.add.reduceat(np.array(counts), [0, *ends[:-1]])
    assert ends[-1] == len(counts) and (np.diff([0, *ends]) > 0).all() and held.sum() == sum(counts)
    assert len(held) == 1 or (held >= least).all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=1, max_size=40))
def test_customers_and_circles_are_all_counted_whatever_their_order(rows):
    places, circles = (np.array(each) for each in zip(*rows))
    found, again = counted(places, 4, circles), counted(places[::-1], 4, circles[::-1] + 100)
    assert found.total == len(rows) and found.n_circles == len(set(circles.tolist()))
    assert found.n == again.n and found.circles == pytest.approx(again.circles)
    of = {c: [p for p, other in rows if other == c] for c in circles.tolist()}
    for place, shared in enumerate(found.circles):
        assert shared == pytest.approx(sum(own.count(place) / len(own) for own in of.values()), abs=1e-8)


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), min_size=2, max_size=8), st.data())
def test_the_psi_is_symmetric_and_nought_only_of_equal_counts(then, data):
    now = data.draw(st.permutations(then))
    a, b = np.array(then), np.array(now)
    assert psi(a, b) == pytest.approx(psi(b, a)) and psi(a, b) >= 0
    assert (psi(a, b) < 1e-12) == (then == list(now))


@pytest.fixture
def reference() -> TrainingReference:
    values = np.random.default_rng(8).normal(size=300)
    never = np.full(300, np.nan)
    usual = {"x": (usual_feature(values, alone(300)),) * 2, "never": (usual_feature(never, alone(300)),) * 2}
    ranges = {"x": range_of(values, alone(300), np.array([9.0])), "never": range_of(never, alone(300), NOBODY)}
    types = counted(np.repeat(np.arange(5), 60), 5, alone(300))
    return TrainingReference(("2025-05-31", "2025-06-30"), usual, ranges, ("risk", "churn", "strategic", "growth", "stable"),
                             (types, types), {"loans.product": ("revolver", "term")}, "2025-09-30",
                             {"accuracy": Interval(0.7, 0.65, 0.75)})


def test_a_reference_comes_back_from_its_file_and_an_altered_one_does_not(reference, tmp_path):
    digest = reference.save(tmp_path)
    assert TrainingReference.load(tmp_path, digest) == reference
    assert reference.ranges["x"].high == 9.0
    assert reference.ranges["never"].low is None
    file = tmp_path / REFERENCE_FILE
    file.write_text(file.read_text(encoding="utf-8").replace('"2025-09-30"', '"2025-10-31"'), encoding="utf-8")
    with pytest.raises(BrokenModel, match="not the training reference that was registered"):
        TrainingReference.load(tmp_path, digest)
    file.unlink()
    with pytest.raises(BrokenModel, match="no training reference can be read"):
        TrainingReference.load(tmp_path, digest)


def types_moved(reference: TrainingReference, now: list[int], *then: list[int], chance: float | None = None):
    """What is found of so many customers per type, beside those of the training's two dates."""
    types = tuple(counted(np.repeat(np.arange(5), each), 5, alone(sum(each))) for each in then) or reference.types
    return types_drift(replace(reference, types=types), np.repeat(np.arange(5), now), alone(sum(now)), LIMITS,
                       chance or LIMITS.chances(113).types)


def test_a_type_that_grows_by_half_the_book_is_a_drift_of_the_types(reference):
    for now, is_alarm in (([40] * 5, False), ([120, 20, 20, 20, 20], True)):
        found = types_moved(reference, now)
        assert found.now.n == tuple(now) and found.is_alarm(LIMITS.type_share_change_limit) is is_alarm


def test_a_risky_type_that_nearly_doubles_is_an_alarm_though_the_psi_of_all_types_is_below_the_usual_level(reference):
    then, now = [120, 75, 115, 170, 420], [212, 66, 101, 150, 371]  # risk from 13.3 % to 23.6 % of 900
    found = types_moved(reference, now, then, then)
    assert found.is_alarm(LIMITS.type_share_change_limit) and found.shift.psi < LIMITS.psi_limit
    assert found.type == "risk" and found.change == pytest.approx((212 - 120) / 900)


@pytest.mark.parametrize(("n", "points", "is_certain", "is_alarm"), [
    (60_000, 0.045, True, False), (60_000, 0.055, True, True), (100, 0.12, False, False), (60_000, -0.055, True, True)])
def test_a_change_of_the_types_has_to_be_certain_and_of_one_type_by_the_limit(reference, n, points, is_certain, is_alarm):
    then = [n // 5] * 5
    now = [then[0] + round(points * n), then[1] - round(points * n), *then[2:]]
    found = types_moved(reference, now, then, then)
    assert (found.shift.of_circles > found.shift.level) is is_certain
    assert found.is_alarm(LIMITS.type_share_change_limit) is is_alarm
    assert abs(found.change) == pytest.approx(abs(points))


def test_types_given_as_in_one_of_the_months_learnt_from_are_no_drift_and_that_month_is_named(reference):
    summer, winter = [600, 100, 100, 100, 100], [200, 200, 200, 200, 200]
    for now, day in ((summer, "2025-05-31"), (winter, "2025-06-30")):
        found = types_moved(reference, now, summer, winter)
        assert (found.day, found.change, found.is_alarm(0)) == (day, 0, False)
        assert found.then.n == found.now.n
    assert types_moved(reference, summer, winter, winter).is_alarm(LIMITS.type_share_change_limit)


def test_a_large_circle_that_takes_another_type_is_no_drift_of_the_types(reference):
    places, circles = np.repeat(np.arange(5), 200), np.concatenate([alone(200), np.full(120, 200), 201 + alone(680)])
    moved = np.where(circles == 200, 0, places)
    for whose, is_alarm in ((circles, False), (alone(1000), True)):
        usual = replace(reference, types=(counted(places, 5, whose),) * 2)
        found = types_drift(usual, moved, whose, LIMITS, LIMITS.chances(113).types)
        assert abs(found.change) == pytest.approx(0.12) and found.is_alarm(LIMITS.type_share_change_limit) is is_alarm


def test_chance_alone_changes_the_types_no_more_often_than_it_is_allowed(reference):
    rng, allowed, draws, shares = np.random.default_rng(9), 0.05, 400, [0.13, 0.08, 0.13, 0.19, 0.47]
    fired = 0
    for _ in range(draws):
        now, then = rng.multinomial(150, shares, size=2)
        fired += types_moved(reference, now, then, then, chance=allowed).is_alarm(LIMITS.type_share_change_limit)
    assert fired < draws * allowed + 4 * (draws * allowed) ** 0.5


@pytest.mark.parametrize("kind", [0, 2, 3])  # of the second, 8 % of the book, 92 % are found
def test_a_type_of_a_tenth_or_more_that_doubles_among_eight_hundred_circles_is_found(kind, reference):
    rng, draws, shares = np.random.default_rng(kind), 200, np.array([0.13, 0.08, 0.13, 0.19, 0.47])
    moved = shares.copy()
    moved[kind], moved[4] = 2 * shares[kind], shares[4] - shares[kind]
    found = 0
    for _ in range(draws):
        then = rng.multinomial(800, shares)
        found += types_moved(reference, rng.multinomial(800, moved), then, then).is_alarm(LIMITS.type_share_change_limit)
    assert found >= 0.95 * draws, found


def test_fewer_customers_need_a_larger_psi():
    levels = [shift(counted(np.arange(n) % 5, 5, alone(n)), counted(np.arange(n) % 5, 5, alone(n)), 1e-5).level
              for n in (100, 1000, 100_000)]
    assert levels[0] > levels[1] > levels[2]


@pytest.mark.parametrize(("name", "promised", "found", "is_worse"), [
    ("accuracy", (0.75, 0.70, 0.80), (0.60, 0.55, 0.65), True), ("accuracy", (0.75, 0.70, 0.80), (0.70, 0.65, 0.75), False),
    ("accuracy", (0.75, 0.70, 0.80), (0.95, 0.90, 1.00), False), ("log_loss", (0.80, 0.75, 0.85), (1.20, 1.10, 1.30), True),
    ("log_loss", (0.80, 0.75, 0.85), (0.40, 0.30, 0.50), False), ("expected_cost", (0.8, 0.5, 1.1), (1.2, 0.8, 1.6), False)])
def test_performance_is_worse_only_beyond_both_intervals(name, promised, found, is_worse):
    level = {one: Interval(0.5, 0.4, 0.6) for one in ("accuracy", "macro_f1", "log_loss", "expected_cost")}
    said = worse(level | {name: Interval(*promised)}, level | {name: Interval(*found)}, LIMITS.chances(100).performance)
    assert said == ((name,) if is_worse else ())


def test_every_test_of_a_run_shares_the_false_alarms_allowed():
    for limits in (LIMITS, replace(LIMITS, false_alarm_share=0.1)):
        each = limits.chances(113)
        assert 4 * 113 * each.feature + each.types + 4 * each.performance == pytest.approx(limits.false_alarm_share)
