"""The business over time and what came of actions, on the page of a report: as stored, as the book says, and escaped."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from desk import TYPES, tiny_book
from reports import BEFORE, DAY, data_of

from features.contracts import PRODUCTS
from features.sources import open_tables
from pipeline.explanations import kept_book
from pipeline.outcomes import COLUMNS
from pipeline.report import Report, report
from pipeline.report_page import page

HOSTILE = "</script><script>window.pwned=1</script>"


@pytest.fixture(scope="module")
def found(scored_twice, book) -> Report:
    who = kept_book(BEFORE, scored_twice).assignments["customer_id"].iloc[0]
    done = pd.DataFrame([[who, "2024-03-31", "offer", "d", "b", "retention_offer", "r"],
                         [who, "2024-05-31", "kept", "d", "b", HOSTILE, "r"]], columns=list(COLUMNS))
    with closing(open_tables(book)) as tables:
        return report(DAY, None, scored_twice, tables, outcomes=done, seed=7)


@pytest.fixture(scope="module")
def data(found) -> dict:
    return data_of(page(found))


def test_each_date_and_type_has_the_sums_of_its_customers(data, scored_twice):
    told = data["structure"]
    assert told["dates"] == [BEFORE, DAY]
    for place, day in enumerate(told["dates"]):
        kept = kept_book(day, scored_twice)
        values = dict(zip(kept.features, kept.values.T))
        for k, kind in enumerate(TYPES):
            own = (kept.assignments["type"] == kind).to_numpy()
            exposure, late = values["exposure_drawn"][own], values["days_past_due"][own] > 30
            assert told["measures"]["n"][place][k] == own.sum()
            assert told["measures"]["exposure"][place][k] == pytest.approx(exposure.sum(), abs=1e-3)
            income = np.nansum(values["interest_income_12m"][own])
            assert told["measures"]["income"][place][k] == pytest.approx(income, abs=1e-3)
            share = told["measures"]["past_due_share"][place][k]
            assert share == pytest.approx(exposure[late].sum() / exposure.sum(), abs=1e-4) if exposure.sum() else share is None


def test_the_products_of_a_date_are_the_loans_that_were_open_then(data, found):
    """All loans of the tiny book are term loans, so that their balance is the exposure."""
    for place, balances in enumerate(data["structure"]["products"]):
        for k in range(len(TYPES)):
            own = dict(zip(PRODUCTS, balances[k]))
            assert own["term"] == pytest.approx(data["structure"]["measures"]["exposure"][place][k], abs=0.01)
            assert sum(own.values()) == own["term"]
    assert set(tiny_book()["loans"]["product"]) == {"term"}


def test_what_came_of_actions_is_told_as_the_command_tells_it(data, found):
    told = data["follow_up"]
    for language in ("en", "zh"):
        lines = found.follow_up.text(language)
        assert len(told["texts"][language]["types"]) == 5 and len(told["texts"][language]["actions"]) == 2
        for row in (*told["texts"][language]["types"], *told["texts"][language]["actions"]):
            assert all(row[key] in lines for key in ("default", "retained", "income"))
        assert all(note in lines for note in told["notes"][language])
    assert told["since"] == BEFORE


def test_no_text_of_the_log_is_part_of_the_markup(data, found):
    assert HOSTILE in {row["action"] for row in data["follow_up"]["texts"]["en"]["actions"]}
    assert HOSTILE not in page(found).decode()


def test_without_a_book_or_a_record_the_page_says_nothing_of_them(scored_twice):
    told = data_of(page(report(DAY, None, scored_twice)))
    assert told["follow_up"] is None and told["structure"]["products"] is None
    assert len(told["structure"]["measures"]["n"]) == 2


def test_a_date_before_all_others_stands_alone(scored_twice):
    assert data_of(page(report(BEFORE, None, scored_twice)))["structure"]["dates"] == [BEFORE]
