"""The dictionary that people read is the one the code speaks."""

from __future__ import annotations

from pathlib import Path

from features.catalogue import DIMENSIONS, FEATURES
from features.dictionary import dictionary

ROOT = Path(__file__).parents[2]


def test_the_data_dictionary_is_current():
    assert (ROOT / "data" / "README.md").read_text(encoding="utf-8") == dictionary(), "run `make dictionary`"


def test_every_dimension_has_at_least_six_features():
    dictionary()
    for dimension in DIMENSIONS:
        assert sum(f.dimension == dimension for f in FEATURES.values()) >= 6
