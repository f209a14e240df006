from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from models.connections import connected

NAMES = st.sampled_from([f"N{i}" for i in range(8)])


def pairs(*rows):
    return pd.DataFrame(list(rows), columns=["a", "b"], dtype=object)


def test_bonds_bind_through_others_and_through_names_that_are_no_customers():
    found = connected(["D", "A", "B", "C"], pairs(("A", "guarantor"), ("guarantor", "B"), ("C", None)))
    assert found.index.tolist() == ["D", "A", "B", "C"]
    assert found["A"] == found["B"] and found.nunique() == 3


def test_a_customer_without_bonds_is_its_own_circle_and_nobody_is_none():
    assert connected(["A", "B", "A"], pairs()).to_dict() == {"A": "A", "B": "B"}
    assert connected([], pairs()).empty


@given(st.lists(NAMES, unique=True, min_size=1), st.lists(st.tuples(NAMES, NAMES), max_size=8), st.randoms(use_true_random=False))
def test_circles_are_those_of_walking_the_bonds_whatever_their_order_and_direction(customers, bonds, random):
    reach = {name: {name} for name in {*customers, *(n for pair in bonds for n in pair)}}
    for _ in reach:
        for a, b in bonds:
            reach[a] = reach[b] = reach[a] | reach[b]
            for name in reach[a]:
                reach[name] = reach[name] | reach[a]
    found = connected(customers, pairs(*bonds))
    assert found.to_dict() == {name: min(reach[name]) for name in customers}
    turned = [random.choice([(a, b), (b, a)]) for a, b in bonds]
    random.shuffle(turned)
    assert connected(customers, pairs(*turned)).equals(found)
