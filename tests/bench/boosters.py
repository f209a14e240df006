"""Other boosters under one face, for the benchmark: settings to try, and log-odds of rows they have not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.segmenter import SegmenterSettings
from models.tuning import Trees, suggested

Grown = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Contender:
    """A booster: ``grow`` turns settings tried by Optuna, on the same data, into log-odds of unseen rows."""

    name: str
    grow: Callable[[object, Trees, SegmenterSettings], Grown]


def _pentad(trial, trees: Trees, settings: SegmenterSettings) -> Grown:
    return trees.margins_of(suggested(trial, settings))


def _log_odds(probabilities: np.ndarray, classes: np.ndarray, n_types: int) -> np.ndarray:
    told = np.full((len(probabilities), n_types), 1e-9)
    told[:, classes.astype(int)] = probabilities.clip(1e-9)
    return np.log(told)


def _lightgbm(trial, trees: Trees, settings: SegmenterSettings) -> Grown:
    import lightgbm as lgb

    params = {
        "objective": "multiclass", "num_class": trees.n_types, "verbosity": -1, "seed": settings.seed, "num_threads": 2,
        "deterministic": True, "force_row_wise": True,
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 60, log=True),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 30.0, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0), "bagging_freq": 1,
    }  # fmt: skip
    rounds = trial.suggest_int("n_trees", 50, 500)

    def grown(train, test):
        booster = lgb.train(params, lgb.Dataset(trees.matrix[train], trees.truth[train]), rounds)
        return booster.predict(trees.matrix[test], raw_score=True)

    return grown


def _catboost(trial, trees: Trees, settings: SegmenterSettings) -> Grown:
    from catboost import CatBoostClassifier

    params = {
        "loss_function": "MultiClass", "verbose": False, "allow_writing_files": False, "random_seed": settings.seed,
        "thread_count": 2, "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "depth": trial.suggest_int("depth", 2, 6), "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 0.5, 30.0, log=True),
        "rsm": trial.suggest_float("rsm", 0.2, 1.0), "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "bootstrap_type": "Bernoulli", "iterations": trial.suggest_int("n_trees", 50, 500),
    }  # fmt: skip

    def grown(train, test):
        model = CatBoostClassifier(**params).fit(trees.matrix[train], trees.truth[train])
        raw = model.predict(trees.matrix[test], prediction_type="RawFormulaVal")
        full = np.full((len(raw), trees.n_types), -20.0)
        full[:, model.classes_.astype(int)] = raw
        return full

    return grown


def _histogram(trial, trees: Trees, settings: SegmenterSettings) -> Grown:
    from sklearn.ensemble import HistGradientBoostingClassifier

    params = {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True), "early_stopping": False,
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 4, 64, log=True),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 5, 60, log=True),
        "l2_regularization": trial.suggest_float("l2_regularization", 0.1, 30.0, log=True),
        "max_features": trial.suggest_float("max_features", 0.2, 1.0), "random_state": settings.seed,
        "max_iter": trial.suggest_int("n_trees", 50, 500),
    }  # fmt: skip

    def grown(train, test):
        model = HistGradientBoostingClassifier(**params).fit(trees.matrix[train], trees.truth[train])
        return _log_odds(model.predict_proba(trees.matrix[test]), model.classes_, trees.n_types)

    return grown


CONTENDERS = (Contender("pentad", _pentad), Contender("LightGBM", _lightgbm), Contender("CatBoost", _catboost),
              Contender("scikit-learn histogram boosting", _histogram))
