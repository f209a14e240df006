"""The dictionary that people read is the one the code speaks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from features.catalogue import DIMENSIONS, FEATURES
from features.contracts import CONTRACTS
from features.dictionary import dictionary
from features.frame import book_frame
from features.sources import open_tables
from pipeline.simulate import simulate

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> str:
    """The dictionary of the sample book, made as `make sample` and `make dictionary` make them."""
    sample = tmp_path_factory.mktemp("sample") / "sample"
    simulate(2000, 48, 7, sample)
    tables = open_tables(sample)
    text = dictionary(book_frame(tables, "2025-12-31"))
    tables.close()
    return text


def test_the_data_dictionary_is_current(written):
    assert (ROOT / "data" / "README.md").read_text(encoding="utf-8") == written, "run `make sample dictionary`"


def test_every_table_and_every_feature_is_in_it(written):
    assert all(f"\n## {name}" in written for name in CONTRACTS)
    assert all(f"\n| {name} |" in written for name in FEATURES)


def test_it_says_of_every_optional_table_what_is_assumed_without_it(written):
    table = written.split("| without | then |")[1].split("\n\n")[0]
    named = [name for row in re.findall(r"^\| ([a-z_, ]+) \|", table, re.M) for name in row.split(", ")]
    assert sorted(named) == sorted(name for name, contract in CONTRACTS.items() if contract.optional)


def test_it_names_the_columns_that_no_feature_reads(written):
    of_table = dict(re.findall(r"^## (\w+).*?(?:^No feature reads: (.*?)\.|(?=^## ))", written, re.M | re.S))
    assert {name: unread for name, unread in of_table.items() if unread} == {
        "customers": "name, country, region, industry", "loans": "currency, guarantor_id", "repayments": "is_derived",
        "collateral": "kind", "fees": "kind", "links": "amount, share"}


def test_the_catalogue_has_at_least_seventy_features_and_no_thin_dimension():
    assert len(FEATURES) >= 70
    for dimension in DIMENSIONS:
        assert sum(f.dimension == dimension for f in FEATURES.values()) >= 15
