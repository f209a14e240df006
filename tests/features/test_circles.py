"""Guarantee circles and the way to the next default, on links few enough to draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.circles import DEFAULT_DAYS, circles

DAY = 20_000


def found(links: str, late: dict[str, int] | None = None, **committed: int) -> pd.DataFrame:
    """Circles of links written as "a>b b>c"; customers are those with a commitment (cents)."""
    ends = [link.split(">") for link in links.split()]
    frame = pd.DataFrame({"as_of": DAY, "from_id": [a for a, _ in ends], "to_id": [b for _, b in ends]})
    customers = pd.DataFrame({"customer_id": list(committed), "committed": list(committed.values()),
                              "worst_days_past_due": [(late or {}).get(name, 0) for name in committed]})
    return circles(frame, customers).set_index("customer_id")


def members(links: str) -> set[str]:
    rows = found(links)
    return set(rows.index[rows["is_in_circle"] == 1])


@pytest.mark.parametrize(("links", "circle"), [
    ("a>b", ""),
    ("a>b b>c", ""),
    ("a>b a>c b>d c>d", ""),
    ("a>b b>a", "ab"),
    ("a>b b>c c>a", "abc"),
    ("a>b b>c c>a x>a", "abc"),
    ("a>b b>c c>a a>x", "abc"),
    ("a>b b>a b>c c>d d>c", "abcd"),
    ("a>b b>a b>c c>b", "abc"),
])
def test_a_circle_is_who_can_be_reached_and_reaches_back(links, circle):
    assert members(links) == set(circle)


def test_a_circle_owes_what_its_members_owe_and_two_circles_do_not_add_up():
    rows = found("a>b b>a b>c c>d d>c", a=1, b=20, c=300, d=4000)
    assert rows["circle_exposure"].to_dict() == {"a": 1 + 20, "b": 1 + 20, "c": 300 + 4000, "d": 300 + 4000}


def test_an_outsider_closes_a_circle_and_owes_nothing():
    rows = found("a>out out>a", a=7)
    assert rows["is_in_circle"].to_dict() == {"a": 1, "out": 1}
    assert rows["circle_exposure"].to_dict() == {"a": 7, "out": 7}


def test_who_is_in_no_circle_has_no_exposure_of_one():
    rows = found("a>b b>a x>a", a=1, b=2, x=3)
    assert rows.loc["x", "is_in_circle"] == 0
    assert np.isnan(rows.loc["x", "circle_exposure"])


def test_steps_to_default_go_both_ways_and_through_outsiders():
    rows = found("a>out out>b c>b c>d", {"c": DEFAULT_DAYS + 1}, a=1, b=1, c=1, d=1)
    assert rows["steps_to_default"].to_dict() == {"a": 3, "out": 2, "b": 1, "c": 0, "d": 1}


def test_the_nearest_of_two_defaults_counts():
    rows = found("a>b b>c c>d d>e", {"a": 100, "e": 200}, a=1, b=1, c=1, d=1, e=1)
    assert rows["steps_to_default"].to_dict() == {"a": 0, "b": 1, "c": 2, "d": 1, "e": 0}


def test_ninety_days_past_due_are_no_default():
    rows = found("a>b", {"a": DEFAULT_DAYS}, a=1, b=1)
    assert rows["steps_to_default"].isna().all()


def test_no_way_to_a_default_is_missing():
    rows = found("a>b x>y", {"a": 91}, a=1, b=1, x=1, y=1)
    assert rows["steps_to_default"].dropna().to_dict() == {"a": 0, "b": 1}


def test_a_guarantee_told_twice_is_one_step():
    rows = found("a>b a>b b>a", {"a": 91}, a=1, b=1)
    assert rows["steps_to_default"].to_dict() == {"a": 0, "b": 1}


def test_there_is_one_row_a_name_in_order_of_the_day():
    rows = found("b>a c>a", a=1)
    assert list(rows.index) == ["a", "b", "c"]
    assert set(rows["as_of"]) == {DAY}
