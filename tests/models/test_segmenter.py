from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax

from models import metrics, segmenter
from models.matrix import NotFinite, WrongMatrix
from models.segmenter import AdditivityBroken, BrokenModel, Segmenter, fit, fit_temperature
from models.split import BrokenGroups, TooFewLabels
from models.types import ORDER, UnknownType, type_indices


def saved(trained):
    return bytes(trained.segmenter.booster.save_raw("ubj"))


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("probabilities", "margins", "contributions", "residuals")
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_rows_train_the_same_model_to_the_byte(book, settings, fitted, seed):
    frame, labels, groups = book
    order = np.random.default_rng(seed).permutation(len(frame))
    again = fit(frame.iloc[order], labels.iloc[order], groups.iloc[order], ORDER, settings)
    assert saved(again) == saved(fitted)
    assert again.segmenter.temperature == fitted.segmenter.temperature
    assert again.rows.equals(fitted.rows) and np.array_equal(again.out_of_fold, fitted.out_of_fold)
    assert same(again.segmenter.judge(frame), fitted.segmenter.judge(frame))


def test_labels_in_another_order_than_the_frame_are_refused(book, settings):
    frame, labels, groups = book
    with pytest.raises(ValueError, match="index of the frame"):
        fit(frame, labels.iloc[::-1], groups, ORDER, settings)


def test_no_group_lies_in_two_folds(fitted):
    assert (fitted.rows.groupby("customer_id")["fold"].nunique() == 1).all()
    assert fitted.rows["fold"].nunique() == 3
    assert (type_indices(fitted.rows["type"]) == fitted.truth).all()


def test_a_clear_rule_is_learnt_and_the_probabilities_say_how_sure(labelled_book, settings):
    labelled = labelled_book(400, noise=0.0)
    trained = fit(labelled.drop(columns="type"), labelled["type"], labelled["customer_id"], ORDER, settings)
    assert metrics.accuracy(trained.truth, trained.out_of_fold) > 0.9
    assert metrics.calibration_error(trained.truth, trained.out_of_fold) < 0.1


def test_noise_is_not_learnt_and_the_temperature_owns_up_to_it(labelled_book, settings):
    labelled = labelled_book(300, noise=1.0)
    trained = fit(labelled.drop(columns="type"), labelled["type"], labelled["customer_id"], ORDER, settings)
    assert trained.segmenter.temperature > 2
    assert metrics.accuracy(trained.truth, trained.out_of_fold) < 0.3
    assert metrics.log_loss(trained.truth, trained.out_of_fold) < np.log(5) + 0.05


def test_contributions_add_up_to_the_log_odds_and_to_the_contrast_of_any_two_types(book, fitted):
    judged = fitted.segmenter.judge(book[0])
    assert judged.contributions.shape == (300, 5, 7) and judged.probabilities.dtype == np.float64
    assert judged.residuals.max() < 1e-5
    assert judged.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-12)
    for a in range(5):
        for b in range(5):
            contrast = (judged.contributions[:, a] - judged.contributions[:, b]).sum(axis=1)
            ratio = np.log(judged.probabilities[:, a] / judged.probabilities[:, b])
            assert np.abs(contrast - ratio).max() < 1e-9


def test_the_margins_are_the_boosters_own_over_the_temperature(book, fitted):
    frame = book[0]
    own = fitted.segmenter.booster.inplace_predict(
        frame[list(fitted.segmenter.features)], predict_type="margin"
    )
    judged = fitted.segmenter.judge(frame)
    assert np.abs(judged.margins * fitted.segmenter.temperature - own).max() < 1e-9
    assert np.array_equal(judged.probabilities, fitted.segmenter.probabilities(frame))


def test_each_types_starting_point_is_its_own_and_follows_how_common_it_is(book, fitted):
    judged = fitted.segmenter.judge(book[0])
    starts = judged.contributions[0, :, -1]
    assert len(set(np.round(starts, 3))) == 5
    common, rare = (np.bincount(fitted.truth).argmax(), np.bincount(fitted.truth).argmin())
    assert starts[common] > starts[rare]


@pytest.mark.parametrize("chunk_rows", [1, 7, 299, 300])
def test_judging_in_chunks_changes_nothing(book, fitted, monkeypatch, chunk_rows):
    whole = fitted.segmenter.judge(book[0])
    monkeypatch.setattr(segmenter, "CHUNK_ROWS", chunk_rows)
    assert same(whole, fitted.segmenter.judge(book[0]))
    assert np.array_equal(whole.probabilities, fitted.segmenter.probabilities(book[0]))


@given(st.permutations(range(8)), st.permutations(range(20)))
@hypothesis_settings(max_examples=15, deadline=None)
def test_the_order_of_columns_and_rows_changes_no_judgement(book, fitted, columns, rows):
    frame, rows = book[0].iloc[:20], list(rows)
    judged = fitted.segmenter.judge(frame)
    other = fitted.segmenter.judge(frame.iloc[rows, list(columns)])
    assert np.array_equal(other.contributions, judged.contributions[rows])
    assert np.array_equal(other.probabilities, judged.probabilities[rows])
    assert other.keys["customer_id"].tolist() == frame["customer_id"].iloc[rows].tolist()


def test_nobody_to_judge_gives_empty_answers_of_the_right_shape(book, fitted):
    judged = fitted.segmenter.judge(book[0].iloc[:0])
    assert judged.probabilities.shape == judged.margins.shape == (0, 5)
    assert judged.contributions.shape == (0, 5, 7) and judged.residuals.shape == (0,)
    assert fitted.segmenter.probabilities(book[0].iloc[:0]).shape == (0, 5)


def test_a_customer_of_whom_nothing_is_known_is_judged_too(book, fitted):
    frame = book[0].iloc[:1].copy()
    frame[list(fitted.segmenter.features)] = np.nan
    assert np.isfinite(fitted.segmenter.judge(frame).contributions).all()


margins_of_20 = hnp.arrays(np.float32, (20, 5), elements=st.floats(-9, 9, width=32))


@given(margins_of_20, st.floats(*segmenter.TEMPERATURES))
def test_a_temperature_never_changes_the_winner(margins, temperature):
    margins = np.round(margins.astype(np.float64), 5)
    hot = softmax(margins / temperature, axis=1)
    assert np.array_equal(metrics.given_types(hot), margins.argmax(axis=1))


@given(margins_of_20, st.integers(0, 99))
@hypothesis_settings(max_examples=30)
def test_the_temperature_surprises_least(margins, seed):
    margins, truth = margins.astype(np.float64), np.random.default_rng(seed).integers(0, 5, 20)
    best = fit_temperature(margins, truth)

    def loss(t):
        return -np.log(softmax(margins / t, axis=1)[np.arange(20), truth]).mean()

    assert all(loss(best) <= loss(t) + 1e-6 for t in np.geomspace(*segmenter.TEMPERATURES, 50))


def test_the_temperature_finds_what_the_margins_were_multiplied_by():
    rng = np.random.default_rng(0)
    margins = rng.normal(0, 2, (20_000, 5))
    truth = (softmax(margins, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert fit_temperature(3 * margins, truth) == pytest.approx(3, rel=0.03)


@pytest.mark.parametrize("infinite", [np.inf, -np.inf, 1e39])
def test_infinity_is_refused_with_feature_and_customer(book, fitted, infinite):
    frame = book[0].copy()
    frame.loc[17, "rate_mean"] = infinite
    with pytest.raises(NotFinite, match="customer C0008 as of 2025-06-30: rate_mean is") as refused:
        fitted.segmenter.judge(frame)
    assert refused.value.exit_code == 34
    with pytest.raises(NotFinite):
        fitted.segmenter.probabilities(frame)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="rate_mean"), "missing columns: rate_mean"),
        (lambda f: f.drop(columns="as_of"), "missing columns: as_of"),
        (lambda f: f.assign(mood=1.0), "unknown to the model: mood"),
        (lambda f: f.assign(is_guarantor=True), "not float64: is_guarantor"),
        (lambda f: f.assign(rate_mean=f["rate_mean"].astype("float32")), "not float64: rate_mean"),
        (lambda f: pd.concat([f, f["rate_mean"]], axis=1), "doubled columns: rate_mean"),
    ],
)
def test_another_matrix_than_the_models_is_refused_by_column(book, fitted, change, said):
    with pytest.raises(WrongMatrix, match=said) as refused:
        fitted.segmenter.judge(change(book[0]))
    assert refused.value.exit_code == 33


class Crooked:
    """Tables whose contributions miss the margin at one row."""

    def __init__(self, tables, off):
        self.tables, self.off = tables, off

    def of(self, matrix):
        answer = self.tables.of(matrix)
        answer[3, 1, 2] += self.off
        return answer


def crooked(segmenter, off):
    """The same model, whose contributions go astray."""
    copy = replace(segmenter)
    vars(copy)["_tables_or_why_not"] = (Crooked(segmenter._tables, off), "")
    return copy


def test_a_model_that_tables_do_not_handle_is_explained_by_xgboost_and_says_so(book, settings):
    frame, labels, groups = book
    deep = fit(frame, labels, groups, ORDER, replace(settings, depth=10, min_child_weight=0.0, l2=0.1)).segmenter
    assert deep.slow_because == "a tree is more than 8 deep"
    judged = deep.judge(frame)
    assert judged.contributions.shape == (300, 5, 7) and judged.residuals.max() < 1e-5


@pytest.mark.parametrize("off", [2e-4, -2e-4, np.nan])
def test_contributions_that_miss_the_margin_stop_the_run(book, fitted, off):
    with pytest.raises(
        AdditivityBroken, match="customer C0001 as of 2025-06-30: .* miss the margin"
    ) as stopped:
        crooked(fitted.segmenter, off).judge(book[0])
    assert stopped.value.exit_code == 40


def test_a_rounding_of_the_contributions_is_reported_and_still_adds_up(book, fitted):
    judged = crooked(fitted.segmenter, 5e-5).judge(book[0])
    assert judged.residuals[3] == pytest.approx(5e-5, rel=0.1)
    assert fitted.segmenter.slow_because == ""
    assert np.abs(judged.contributions.sum(axis=2) - judged.margins).max() < 1e-12


@pytest.mark.parametrize("n_left", [0, 1, 2])
def test_a_type_with_too_few_labelled_customers_is_refused_by_name(book, settings, n_left):
    frame, labels, groups = book
    keep = (labels != "churn") | groups.isin(groups[labels == "churn"].unique()[:n_left])
    with pytest.raises(TooFewLabels, match=f"type churn has labels for {n_left} .* 3 are needed"):
        fit(frame[keep], labels[keep], groups[keep], ORDER, settings)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda f, y, g: (f, y.where(y.index != 5, "gold"), g), UnknownType, "gold"),
        (lambda f, y, g: (f, y, g.where(g.index != 5, "G")), BrokenGroups, "customer C0002: 2 groups"),
        (lambda f, y, g: (f.assign(as_of="2025-06-30"), y, g), WrongMatrix, "C0000 .*second row"),
        (lambda f, y, g: (f.assign(rate_mean=np.inf), y, g), NotFinite, "rate_mean is inf"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(book, settings, change, error, said):
    frame, labels, groups = change(*book)
    with pytest.raises(error, match=said):
        fit(frame, labels, groups, ORDER, settings)


def test_progress_is_told_in_words(book, settings):
    said = []
    fit(*book, ORDER, replace(settings, n_trees=1), progress=said.append)
    assert said == ["fold 1 of 3", "fold 2 of 3", "fold 3 of 3", "all 300 rows"]


def test_a_saved_model_judges_as_before(book, fitted, tmp_path):
    fitted.segmenter.save(tmp_path / "model")
    loaded = Segmenter.load(tmp_path / "model")
    assert same(loaded.judge(book[0]), fitted.segmenter.judge(book[0]))
    assert replace(loaded, booster=None) == replace(fitted.segmenter, booster=None)
    loaded.save(tmp_path / "again")
    for name in ("model.ubj", "segmenter.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


@pytest.mark.parametrize("name", ["model.ubj", "segmenter.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "empty"])
def test_a_tampered_file_is_refused_before_it_is_parsed(fitted, tmp_path, name, damage):
    fitted.segmenter.save(tmp_path)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"flip": content, "truncate": content[:-9], "empty": b"", "remove": None}[damage]
    path.unlink() if damaged is None else path.write_bytes(damaged)
    with pytest.raises(BrokenModel, match=name) as refused:
        Segmenter.load(tmp_path)
    assert refused.value.exit_code == 41


def test_a_temperature_changed_by_hand_is_refused(fitted, tmp_path):
    fitted.segmenter.save(tmp_path)
    path = tmp_path / "segmenter.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(about | {"temperature": 1.0}), encoding="utf-8")
    with pytest.raises(BrokenModel, match="segmenter.json is not the one"):
        Segmenter.load(tmp_path)
