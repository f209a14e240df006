"""What is shown beside a suspect label."""

from __future__ import annotations

import pandas as pd
import pytest

from models.explain import reference
from models.labels.cases import cases
from models.labels.consensus import consensus
from models.labels.suspects import suspects
from models.labels.votes import votes_of


@pytest.fixture(scope="module")
def shown(book, fitted, catalogue):
    frame, types, _ = book
    order = fitted.rows[["customer_id", "as_of"]].merge(frame.assign(type=types), on=["customer_id", "as_of"])
    frame = order.drop(columns="type")
    labels = order[["customer_id", "as_of", "type"]].assign(analyst="x")
    agreed = consensus(votes_of(labels))
    doubted = suspects(agreed, fitted.out_of_fold).head(12)
    types_of = labels.set_index(["customer_id", "as_of"])["type"]
    return cases(doubted, agreed, frame, fitted, catalogue, reference(frame)), frame, types_of


def test_the_similar_customers_are_others_and_of_the_type_they_stand_for(shown):
    table, _, types = shown
    for _, row in table.iterrows():
        for column, kind in (("agreeing", row["type"]), ("contradicting", row["likely_type"])):
            who, _, day = row[column].partition(" as of ")
            assert who != row["customer_id"] and types[who, day] == kind


def test_the_features_that_contradict_are_named_in_both_languages(shown):
    table, _, _ = shown
    named = ("days_late_max_12m", "is_guarantor", "exposure_committed", "tenure_months", "days late")
    assert table["contradicts_en"].map(lambda text: any(name in text for name in named)).all()
    assert table["contradicts_zh"].map(lambda text: "：" in text or "无" in text).all()
    for names, words in zip(table["contradicts"], table["contradicts_en"]):
        assert len(names.split(",")) == len(words.split("; "))
        assert all(name in words or name == "days_late_max_12m" for name in names.split(","))


def test_a_case_is_explained_by_a_model_that_has_not_seen_the_customer(book, fitted, catalogue, shown):
    table, frame, _ = shown
    fold = fitted.rows.set_index(["customer_id", "as_of"])["fold"]
    keys = table[["customer_id", "as_of"]]
    for (who, day), fold_of in fold.loc[pd.MultiIndex.from_frame(keys)].items():
        row = frame[(frame["customer_id"] == who) & (frame["as_of"] == day)]
        told = fitted.unseen[fold_of].probabilities(row)
        mine = fitted.out_of_fold[fold.index.get_loc((who, day))]
        assert told[0] == pytest.approx(mine)
