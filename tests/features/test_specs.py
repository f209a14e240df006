"""Every feature of the register has a spec."""

from __future__ import annotations

import test_behaviour
import test_need
import test_risk
import test_value

from features.catalogue import FEATURES

SPECS = {name: module.SPECS for name, module in (
    ("value", test_value), ("need", test_need), ("behaviour", test_behaviour), ("risk", test_risk))}


def test_no_feature_lacks_a_spec():
    assert {spec.feature for specs in SPECS.values() for spec in specs} == set(FEATURES)


def test_a_spec_stands_in_the_file_of_its_dimension():
    for dimension, specs in SPECS.items():
        assert {FEATURES[spec.feature].dimension for spec in specs} == {dimension}
