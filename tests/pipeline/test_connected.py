"""Who is kept together when customers are split: by group, guarantor and link, directly or through others."""

from __future__ import annotations

import pandas as pd
import pytest
from desk import Desk, tiny_book, write_book

from features.sources import open_tables
from pipeline.circles import circles_of


@pytest.fixture
def circles(tmp_path):
    """The circles of the tiny book with bonds: a function from groups, guarantors and links."""

    def of(groups=None, guarantors=None, links=()):
        tables = tiny_book()
        for table, column, bonds in (("customers", "group_id", groups or {}), ("loans", "guarantor_id", guarantors or {})):
            tables[table][column] = [bonds.get(who, "") for who in tables[table]["customer_id"]]
        if links:
            tables["links"] = pd.DataFrame(links, columns=["from_id", "to_id", "kind", "linked_on"])
        book = open_tables(write_book(tables, tmp_path / "book"))
        try:
            return circles_of(book)
        finally:
            book.close()

    return of


def together(found: pd.Series, *customers: str) -> bool:
    return found[list(customers)].nunique() == 1


def test_without_bonds_everybody_is_alone(circles):
    assert circles().nunique() == 60


def test_a_group_a_guarantor_and_a_link_bind_and_so_does_what_lies_between(circles):
    found = circles({"C000": "g1", "C001": "g1"}, {"C001": "somebody else", "C002": "somebody else"},
                    [("C002", "C003", "guarantee", "2024-01-01"), ("holding", "C003", "ownership", "2024-01-01"),
                     ("holding", "C004", "ownership", "2024-01-01")])
    assert together(found, "C000", "C001", "C002", "C003", "C004")
    assert found.nunique() == 60 - 4


def test_a_guarantor_who_is_a_customer_is_bound_to_whom_it_guarantees(circles):
    assert together(circles(guarantors={"C010": "C020"}), "C010", "C020")


def test_a_group_called_as_a_customer_binds_nobody_else(circles):
    found = circles({"C000": "C005", "C001": "C005"})
    assert together(found, "C000", "C001") and not together(found, "C000", "C005")


def test_a_bond_that_ended_long_ago_binds_still(circles):
    assert together(circles(links=[("C000", "C009", "guarantee", "2001-01-01")]), "C000", "C009")


def test_no_circle_stands_on_two_sides_of_the_split(tmp_path, capsys):
    tables = tiny_book(120)
    tables["loans"]["guarantor_id"] = [f"guarantor {i % 60}" for i in range(120)]  # circles of two
    desk = Desk(tmp_path)
    assert desk.train(write_book(tables, tmp_path / "book")) == 0
    assert "circles: 120 labelled customers in 60 circles, connected by group, guarantor or link; the largest has 2" in (
        capsys.readouterr().out)
