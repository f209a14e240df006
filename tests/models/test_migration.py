"""The moves of a book add up: steps to the whole, customers and cents, each type's gains and losses to what it has now."""

from __future__ import annotations

from collections import Counter

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from models.migration import COLUMNS, GONE, NEW, OUT, ROWS, STEPS, Stages, bridge, carriers, migration, moves
from models.types import ORDER

CUSTOMER = st.lists(st.tuples(st.sampled_from([*ORDER, OUT]), st.integers(0, 10**13)), min_size=4, max_size=4)


def stages_of(customers: list) -> Stages:
    who = pd.Index([f"C{n}" for n in range(len(customers))])
    types = pd.DataFrame([[kind for kind, _ in one] for one in customers], who, range(4), dtype=object)
    cents = pd.DataFrame([[amount if kind else 0 for kind, amount in one] for one in customers], who, range(4), dtype="int64")
    return Stages(types, cents)


@settings(deadline=None, max_examples=25)
@given(st.lists(CUSTOMER, min_size=1, max_size=30))
def test_the_steps_sum_to_every_cell_that_has_moved_and_the_matrix_to_everybody(customers):
    stages = stages_of(customers)
    found = migration(stages)
    for what in ("n", "cents"):
        split = sum(found[what][step] for step in STEPS)
        for a in ROWS:
            for b in COLUMNS:
                assert split.loc[a, b] == (found[what]["all"].loc[a, b] if a != b else 0) or (a, b) == (NEW, GONE)
    cells, cents = Counter(), Counter()  # the same again, one customer after the other
    for one in customers:
        (then, before), (now, amount) = one[0], one[3]
        cell = (then or NEW, now or GONE)
        cells[cell] += 1
        cents[cell] += amount if now else before if then else 0
    for cell, n in cells.items():
        assert (found["n"]["all"].loc[cell], found["cents"]["all"].loc[cell]) == (n, cents[cell])
    assert found["n"]["all"].to_numpy().sum() == len(customers)


@settings(deadline=None, max_examples=25)
@given(st.lists(CUSTOMER, min_size=1, max_size=30))
def test_what_every_type_had_and_gained_is_what_it_has(customers):
    found = bridge(stages_of(customers))
    for what, table in found.items():
        assert (table["then"] + table[list(STEPS)].sum(axis=1) == table["now"]).all()
        for kind in ORDER:
            then, now = ([1 if what == "n" else one[end][1] for one in customers if one[end][0] == kind] for end in (0, 3))
            assert (table.loc[kind, "then"], table.loc[kind, "now"]) == (sum(then), sum(now))


def test_a_customer_counts_for_the_step_at_which_it_took_its_type_for_good():
    paths = {"data_corrected": ["risk", "stable", "stable", "stable"], "customer_changed": ["risk", "churn", "stable", "stable"],
             "model_changed": ["risk", "churn", "growth", "stable"]}
    for step, path in paths.items():
        found = migration(stages_of([[(kind, 100) for kind in path]]))
        assert {each: found["n"][each].loc["risk", "stable"] for each in STEPS} == {each: int(each == step) for each in STEPS}
    back = migration(stages_of([[(kind, 7) for kind in ("risk", "churn", "stable", "risk")]]))
    assert back["cents"]["all"].loc["risk", "risk"] == 7 and not any(back["n"][step].to_numpy().any() for step in STEPS)


def test_who_came_and_went_is_in_the_matrix_and_carried_by_no_feature():
    stages = stages_of([[(OUT, 0), (OUT, 0), ("growth", 500), ("growth", 500)],
                        [("churn", 300), ("churn", 200), (OUT, 0), (OUT, 0)],
                        [("stable", 1), ("risk", 1), ("risk", 2), ("churn", 2)]])
    found = migration(stages)
    assert found["cents"]["customer_changed"].loc[NEW, "growth"] == 500
    assert found["cents"]["customer_changed"].loc["churn", GONE] == 300
    assert [list(moves(stages, step)) for step in STEPS] == [[("stable", "risk")], [], [("risk", "churn")]]


def test_a_move_is_carried_by_the_features_that_pushed_it_the_strongest_first():
    start = pd.DataFrame({"late": [0.1, 0.3], "size": [1.0, 1.0], "old": [0.5, 0.5]}, ["a", "b"])
    end = pd.DataFrame({"late": [1.1, 1.3], "size": [0.2, 0.2], "fees": [0.25, 0.75]}, ["a", "b"])
    assert [(name, round(value, 9)) for name, value in carriers(start, end, 3)] == [("late", 1.0), ("fees", 0.5)]
    assert len(carriers(start, end, 1)) == 1
