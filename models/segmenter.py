"""Learn the five types from labelled customers, and judge others with probabilities and contributions.

A gradient-boosted tree ensemble (XGBoost, multinomial) with one number on top, the temperature (Guo et al.
2017), fitted on customers the trees had not seen. Dividing all log-odds by one number never changes the most
probable type and keeps contributions additive: those to A less those to B sum to ln(p_A / p_B).
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from features.errors import PentadError
from models.contributions import Contributions, NoTables
from models.matrix import KEYS, feature_matrix, feature_names, row_name, sorted_rows
from models.referral import Referral, promise
from models.split import check_groups, grouped_folds
from models.types import type_indices

CHUNK_ROWS = 10_000
RESIDUAL_MAX = 1e-4
"""Log-odds by which contributions may miss the margin; XGBoost adds its margin in float32, good for about 1e-6."""

TEMPERATURES = (0.2, 20.0)
"""Outside this range the labels are separable or noise, and more digits would be false precision."""


class AdditivityBroken(PentadError):
    """The contributions of a customer do not add up to the model's own log-odds."""

    exit_code = 40


class BrokenModel(PentadError):
    """A saved model is incomplete, altered or damaged."""

    exit_code = 41


@dataclass(frozen=True)
class SegmenterSettings:
    """How the trees are grown; see XGBoost's parameters of the same meaning.

    ``n_trees`` is per type. Byte-identical models need the same ``n_threads``: some sizes differ otherwise. ``coverage`` is
    what the prediction sets promise for every type (models/referral.py). ``n_twins`` is how many ``reseeded`` models are grown.
    """

    n_trees: int = 200
    depth: int = 4
    learning_rate: float = 0.05
    min_child_weight: float = 2.0
    l2: float = 1.0
    subsample: float = 1.0
    colsample: float = 1.0
    n_folds: int = 5
    seed: int = 0
    n_threads: int = 2
    coverage: float = 0.9
    n_twins: int = 3

    def for_xgboost(self, n_types: int) -> dict:
        """Return the same settings under XGBoost's names."""
        return {
            "objective": "multi:softprob", "num_class": n_types, "tree_method": "hist",
            "max_depth": self.depth, "eta": self.learning_rate, "min_child_weight": self.min_child_weight,
            "lambda": self.l2, "subsample": self.subsample, "colsample_bytree": self.colsample,
            "seed": self.seed, "nthread": self.n_threads,
        }  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """What the model thinks of each customer, features and types being the model's, in its order.

    ``keys`` are the customer_id and as_of of each row. ``probabilities`` (n, 5) sum to 1; ``margins`` (n, 5)
    are calibrated log-odds; ``contributions`` (n, 5, n_features + 1), the last being the starting point, sum
    to the margins. ``possible`` (n, 5) tells which types cannot be ruled out. ``residuals`` (n,) tell by how
    many uncalibrated log-odds the contributions missed XGBoost's margin; that rounding is booked to the
    starting point.
    """

    keys: pd.DataFrame
    features: tuple[str, ...]
    types: tuple[str, ...]
    probabilities: np.ndarray
    margins: np.ndarray
    contributions: np.ndarray
    possible: np.ndarray
    residuals: np.ndarray


@dataclass(frozen=True)
class Segmenter:
    """A trained model: booster, temperature, referral levels, ordered features, ordered types, and how it was grown."""

    booster: xgb.Booster
    temperature: float
    referral: Referral
    features: tuple[str, ...]
    types: tuple[str, ...]
    settings: SegmenterSettings
    versions: dict[str, str]

    def probabilities(self, frame: pd.DataFrame) -> np.ndarray:
        """Probability of each type per customer, shape (n, 5), without the cost of contributions."""
        matrix = feature_matrix(frame, self.features)
        parts = [self._margins(part) for part in _chunks(matrix)]
        return softmax(np.concatenate(parts) / self.temperature, axis=1)

    def judge(self, frame: pd.DataFrame) -> Judgement:
        """Probabilities of each customer and what every feature contributed, in calibrated log-odds.

        Takes 40 bytes per customer and feature: hand over a large book in parts.

        Parameters
        ----------
        frame : DataFrame
            customer_id, as_of and exactly the model's features as float64, columns in any order.

        Raises
        ------
        WrongMatrix, NotFinite
            The matrix is not the one the model was trained on.
        AdditivityBroken
            The contributions of a row do not sum to its margin.
        """
        matrix = feature_matrix(frame, self.features)
        margins = np.concatenate([self._margins(part) for part in _chunks(matrix)])
        contributions = self._contributions(matrix)
        missed = margins - contributions.sum(axis=2)
        residuals = np.abs(missed).max(axis=1)
        if not (residuals <= RESIDUAL_MAX).all():
            row = int(np.nanargmax(np.where(np.isnan(residuals), np.inf, residuals)))
            found = f"the contributions miss the margin by {residuals[row]:.2g} log-odds"
            todo = "Do not use these explanations; check the versions of xgboost and numba."
            raise AdditivityBroken(found, row_name(frame, row), todo)
        contributions[:, :, -1] += missed
        contributions /= self.temperature
        margins /= self.temperature
        keys = frame[KEYS].reset_index(drop=True)
        probabilities = softmax(margins, axis=1)
        possible = self.referral.sets(probabilities)
        return Judgement(keys, self.features, self.types, probabilities, margins, contributions, possible, residuals)

    def leading(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """The most probable type of each customer and what speaks for it, at a third of the cost of ``judge``.

        The log-odds are taken from the contributions, without asking the trees for them and comparing.

        Returns
        -------
        ndarray of int, shape (n, 2)
            The places of the most probable type and of the runner-up; of equals the first in precedence.
        ndarray, shape (n, n_features)
            By how many calibrated log-odds each feature speaks for the first against the second.

        Raises
        ------
        WrongMatrix, NotFinite
            The matrix is not the one the model was trained on.
        """
        contributions = self._contributions(feature_matrix(frame, self.features))
        probabilities = softmax(contributions.sum(axis=2) / self.temperature, axis=1)
        first_two = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
        one, other = (contributions[np.arange(len(frame)), place, :-1] for place in first_two.T)
        return first_two, (one - other) / self.temperature

    def _contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Contributions to every type, in log-odds that are not calibrated, by tables or by XGBoost."""
        if self._tables is not None:
            return self._tables.of(matrix)
        contributions = np.empty((len(matrix), len(self.types), len(self.features) + 1))
        for place in range(0, len(matrix), CHUNK_ROWS):
            here = slice(place, place + CHUNK_ROWS)
            contributions[here] = self.booster.predict(self._dmatrix(matrix[here]), pred_contribs=True)
        return contributions

    @property
    def learnt_from(self) -> tuple[str, ...]:
        """The features that its trees ask for; one that was missing for everybody in training is not among them."""
        asked = self.booster.get_score(importance_type="weight")
        return tuple(name for name in self.features if name in asked)

    @property
    def slow_because(self) -> str:
        """Why XGBoost has to work out the contributions, a hundred times slower than tables; empty if it does not."""
        return self._tables_or_why_not[1]

    @property
    def _tables(self) -> Contributions | None:
        return self._tables_or_why_not[0]

    @cached_property
    def _tables_or_why_not(self) -> tuple[Contributions | None, str]:
        try:
            return Contributions(self.booster, self.settings.n_threads), ""
        except NoTables as error:
            return None, error.found

    @property
    def sha256(self) -> str:
        """Which model this is: of its trees, temperature, referral levels, features and types."""
        about = {"temperature": self.temperature, "referral": asdict(self.referral), "features": self.features,
                 "types": self.types, "model": hashlib.sha256(bytes(self.booster.save_raw("ubj"))).hexdigest()}
        return _own_sha256(about)

    def save(self, folder: Path) -> None:
        """Write ``model.ubj`` and ``segmenter.json``, the latter with SHA-256 sums of both."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        model = bytes(self.booster.save_raw("ubj"))
        about = {
            "temperature": self.temperature, "referral": asdict(self.referral), "features": self.features, "types": self.types,
            "settings": asdict(self.settings), "versions": self.versions,
            "model_sha256": hashlib.sha256(model).hexdigest(),
        }  # fmt: skip
        about["about_sha256"] = _own_sha256(about)
        (folder / "model.ubj").write_bytes(model)
        text = json.dumps(about, indent=1, ensure_ascii=False, sort_keys=True)
        (folder / "segmenter.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Segmenter:
        """Read a saved model, comparing its checksums before parsing it.

        Raises
        ------
        BrokenModel
            A file is missing, unreadable or not the one that was saved.
        """
        folder = Path(folder)
        todo = "Fetch the model again from where it was registered, or train anew."
        try:
            about = json.loads((folder / "segmenter.json").read_text(encoding="utf-8"))
            model = (folder / "model.ubj").read_bytes()
        except FileNotFoundError as missing:
            raise BrokenModel(f"no {Path(missing.filename).name}", str(folder), todo) from None
        except OSError as error:
            found = f"{Path(error.filename).name} cannot be read ({error.strerror})"
            raise BrokenModel(found, str(folder), todo) from None
        except (UnicodeDecodeError, json.JSONDecodeError):
            raise BrokenModel("segmenter.json is not JSON", str(folder), todo) from None
        if not isinstance(about, dict) or about.pop("about_sha256", None) != _own_sha256(about):
            raise BrokenModel("segmenter.json is not the one that was saved", str(folder), todo)
        if about["model_sha256"] != hashlib.sha256(model).hexdigest():
            raise BrokenModel("model.ubj is not the one that was saved", str(folder), todo)
        try:
            settings = SegmenterSettings(**about["settings"])
            order = tuple(about["features"]), tuple(about["types"])
            referral = Referral(about["referral"]["coverage"], tuple(about["referral"]["least"]))
        except (KeyError, TypeError):
            raise BrokenModel("segmenter.json was saved by another version", str(folder), "Train anew.") from None
        booster = xgb.Booster({"nthread": settings.n_threads})
        booster.load_model(bytearray(model))
        return cls(booster, about["temperature"], referral, *order, settings, about["versions"])

    def _margins(self, matrix: np.ndarray) -> np.ndarray:
        # XGBoost answers zero rows with shape (0,)
        if not len(matrix):
            return np.empty((0, len(self.types)))
        return self.booster.predict(self._dmatrix(matrix), output_margin=True).astype(np.float64)

    def _dmatrix(self, matrix: np.ndarray) -> xgb.DMatrix:
        return xgb.DMatrix(matrix, feature_names=list(self.features), nthread=self.settings.n_threads)


@dataclass(frozen=True)
class Fitted:
    """A trained model and what it said of each labelled customer before it had seen it.

    ``rows`` has customer_id, as_of, type and fold, sorted; ``truth`` (n,) and ``out_of_fold`` (n, 5),
    calibrated probabilities, follow it. ``unseen`` has the model of each fold, grown on the other folds.
    Temperature and referral were fitted on these same rows: a hair optimistic.
    """

    segmenter: Segmenter
    rows: pd.DataFrame
    truth: np.ndarray
    out_of_fold: np.ndarray
    unseen: tuple[Segmenter, ...]


def fit(
    frame: pd.DataFrame,
    labels: pd.Series,
    groups: pd.Series,
    types: Sequence[str],
    settings: SegmenterSettings,
    progress: Callable[[str], None] | None = None,
) -> Fitted:
    """Learn the types from labelled customers; the row order of the input does not matter.

    Every row weighs the same, however rare its type: weights would distort the probabilities.

    Parameters
    ----------
    frame : DataFrame
        customer_id, as_of and float64 features, the features in the order of the model.
    labels, groups : Series
        Type, and connected group or customer, of each row; with the index of ``frame``.
    types : sequence of str
        Names of the types in precedence order, the order of the classes.
    settings : SegmenterSettings
        How to grow the trees.
    progress : callable, optional
        Told in words what is being fitted.

    Raises
    ------
    WrongMatrix, NotFinite
        The frame is not a feature matrix.
    BrokenGroups
        A row has no group, or a customer is in two.
    UnknownType
        A label is none of the types.
    TooFewLabels
        A type has fewer customers or groups than there are folds.
    """
    if not (labels.index.equals(frame.index) and groups.index.equals(frame.index)):
        raise ValueError("labels and groups need the index of the frame")
    order = sorted_rows(frame)
    frame, labels, groups = frame.iloc[order], labels.iloc[order], groups.iloc[order]
    check_groups(frame["customer_id"], groups)
    features = feature_names(frame)
    matrix, truth = feature_matrix(frame, features), type_indices(labels, types)
    folds = grouped_folds(groups, truth, tuple(types), settings.n_folds, settings.seed)
    tell = progress or (lambda _: None)

    def grow(rows: np.ndarray) -> Segmenter:
        return _grown(matrix[rows], truth[rows], features, tuple(types), settings)

    margins, unseen = np.empty((len(truth), len(types))), []
    for fold in range(settings.n_folds):
        tell(f"fold {fold + 1} of {settings.n_folds}")
        unseen.append(grow(folds != fold))
        margins[folds == fold] = unseen[fold]._margins(matrix[folds == fold])
    temperature = fit_temperature(margins, truth)
    tell(f"all {len(truth)} rows")
    out_of_fold = softmax(margins / temperature, axis=1)
    referral = promise(truth, out_of_fold, settings.coverage)
    calibrated = {"temperature": temperature, "referral": referral}
    segmenter = replace(grow(np.ones(len(truth), bool)), **calibrated)
    rows = frame[KEYS].assign(type=labels, fold=folds).reset_index(drop=True)
    return Fitted(segmenter, rows, truth, out_of_fold, tuple(replace(one, **calibrated) for one in unseen))


def reseeded(fitted: Fitted, frame: pd.DataFrame, progress: Callable[[str], None] | None = None) -> tuple[Segmenter, ...]:
    """The twins of a model: grown on the same rows with the same settings, each from a seed of its own.

    What differs between them and the model is chance alone: which rows and features each tree happened to see. They take
    over its temperature and referral levels.

    Parameters
    ----------
    fitted : Fitted
        The model.
    frame : DataFrame
        What it was fitted on, rows in any order.
    progress : callable, optional
        Told in words what is being fitted.
    """
    model, settings = fitted.segmenter, fitted.segmenter.settings
    matrix = feature_matrix(frame.iloc[sorted_rows(frame)], model.features)
    twins = []
    for nth in range(1, settings.n_twins + 1):
        if progress:
            progress(f"twin {nth} of {settings.n_twins}")
        twin = _grown(matrix, fitted.truth, model.features, model.types, replace(settings, seed=settings.seed + nth))
        twins.append(replace(twin, temperature=model.temperature, referral=model.referral))
    return tuple(twins)


def _grown(
    matrix: np.ndarray, truth: np.ndarray, features: tuple[str, ...], types: tuple[str, ...], settings: SegmenterSettings
) -> Segmenter:
    """A model of some rows, not yet calibrated: every type is possible."""
    data = xgb.DMatrix(matrix, label=truth, feature_names=list(features), nthread=settings.n_threads)
    booster = xgb.train(settings.for_xgboost(len(types)), data, num_boost_round=settings.n_trees)
    versions = {"python": platform.python_version(), "xgboost": xgb.__version__, "numpy": np.__version__}
    return Segmenter(booster, 1.0, Referral(settings.coverage, (0.0,) * len(types)), features, types, settings, versions)


def fit_temperature(margins: np.ndarray, truth: np.ndarray) -> float:
    """Find the one number that, dividing the log-odds, makes the true types least surprising."""

    def loss(log_t: float) -> float:
        return -log_softmax(margins / np.exp(log_t), axis=1)[np.arange(len(truth)), truth].mean()

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def _chunks(matrix: np.ndarray) -> list[np.ndarray]:
    return [matrix[start : start + CHUNK_ROWS] for start in range(0, max(len(matrix), 1), CHUNK_ROWS)]


def _own_sha256(about: dict) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
