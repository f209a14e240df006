"""The rule book: which type the traits give, type by type and at the levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.catalogue import FEATURES
from models.baselines import rule_book
from models.rules import RULES, fitting, ruled
from models.types import ORDER

SPEC = """
traits                                                              | type
days_past_due_max_3m=30                                             | risk
days_past_due_max_3m=29                                             | stable
n_late_90d_24m=1 exposure_growth_12m_ratio=0.5 n_limit_raises_24m=2 | risk
exposure_growth_12m_ratio=-0.4 new_money_share_12m=0                | churn
exposure_growth_12m_ratio=-0.4 new_money_share_12m=0.1              | stable
income_rank_share_12m=0.95 tenure_months=80                         | strategic
income_rank_share_12m=0.95 tenure_months=10                         | stable
exposure_growth_12m_ratio=0.3 record_months=10                      | growth
exposure_growth_12m_ratio=0.3 record_months=10 is_state_owned=1 tenure_months=60 | strategic
exposure_drawn=1                                                    | stable
"""


@pytest.mark.parametrize("line", SPEC.strip().splitlines()[1:])
def test_the_rules_give_the_first_type_in_precedence_of_which_enough_traits_hold(line):
    traits, kind = (part.strip() for part in line.split("|"))
    row = pd.DataFrame([{name: float(value) for name, value in (word.split("=") for word in traits.split())}])
    assert ruled(row).tolist() == [kind]


def test_every_condition_names_a_feature_and_every_type_but_the_last_has_rules_in_precedence_order():
    import features.frame  # noqa: F401  (fills the register)

    assert tuple(RULES) == ORDER[:-1]
    assert all(each.feature in FEATURES for _, conditions in RULES.values() for each in conditions)
    assert all(1 <= needed <= len(conditions) for needed, conditions in RULES.values())


def test_a_missing_value_and_an_absent_feature_fulfil_nothing():
    names = sorted({each.feature for _, conditions in RULES.values() for each in conditions})
    nothing = pd.DataFrame([{name: np.nan for name in names}])
    assert fitting(nothing).to_numpy().sum() == 0 and ruled(nothing).tolist() == ["stable"]
    assert ruled(pd.DataFrame(index=range(2))).tolist() == ["stable", "stable"]


def test_the_rules_are_believed_as_often_as_they_were_right():
    late = np.repeat([60.0, 0.0], 50)
    frame = pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(100)], "as_of": "2025-06-30", "days_past_due_max_3m": late})
    labels = pd.Series(["risk"] * 40 + ["churn"] * 10 + ["stable"] * 50)
    told = rule_book(frame, labels, ORDER).predict_proba(frame)
    # 40 of 50, and one imagined customer that is risk by 0.4
    assert told[0, 0] == pytest.approx((40 + 0.4) / 51) and told[0, 1] == pytest.approx((10 + 0.1) / 51)
    assert told[-1, 4] == pytest.approx((50 + 0.5) / 51)
