"""The feature matrix a model is handed: named float64 columns, every value finite or missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from features.errors import PentadError

KEYS = ["customer_id", "as_of"]


class WrongMatrix(PentadError):
    """The feature matrix is not the one the model needs: columns, types or keys."""

    exit_code = 33


class NotFinite(PentadError):
    """A feature value is infinite or too large to be one."""

    exit_code = 34


def feature_names(frame: pd.DataFrame) -> tuple[str, ...]:
    """Names of the features of a frame, in its order: every column but the keys."""
    return tuple(column for column in frame.columns if column not in KEYS)


def feature_matrix(frame: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """Features of each row, float64, columns in the given order; a missing value is NaN.

    XGBoost reads them as float32: 7 digits, enough to rank money, and the reason for the bound on size.

    Raises
    ------
    WrongMatrix
        A column is missing, unknown, doubled or not float64.
    NotFinite
        A value is infinite, or beyond float32.
    """
    columns = feature_names(frame)
    doubled = sorted(set(frame.columns[frame.columns.duplicated()]))
    odd_dtypes = [name for name in columns if name not in doubled and frame.dtypes[name] != np.float64]
    for found, odd in {
        "missing columns": sorted({*features, *KEYS} - set(frame.columns)),
        "columns unknown to the model": sorted(set(columns) - set(features)),
        "doubled columns": doubled,
        "columns that are not float64": odd_dtypes,
    }.items():
        if odd:
            todo = "Build the frame with the code the model was trained with, or train anew."
            raise WrongMatrix(f"{found}: {', '.join(map(str, odd))}", "features", todo)
    matrix = frame[list(features)].to_numpy(np.float64)
    too_large = np.abs(matrix) > np.finfo(np.float32).max
    if too_large.any():
        row, column = np.argwhere(too_large)[0]
        found = f"{features[column]} is {matrix[row, column]}"
        todo = "Correct the feature: a division by zero is a missing value."
        raise NotFinite(found, row_name(frame, row), todo)
    return matrix


def sorted_rows(frame: pd.DataFrame) -> np.ndarray:
    """Places of the rows sorted by customer and date, so that shuffled input trains the same model.

    Raises
    ------
    WrongMatrix
        A customer has two rows for one date: no order of them would be the right one.
    """
    doubled = np.flatnonzero(frame.duplicated(KEYS))
    if len(doubled):
        raise WrongMatrix("a second row", row_name(frame, doubled[0]), "Give one row per customer and date.")
    return np.lexsort((frame["as_of"].astype(str), frame["customer_id"].astype(str)))


def row_name(frame: pd.DataFrame, row: int) -> str:
    """Name a row, given its place, as a person would look it up."""
    return f"customer {frame['customer_id'].iloc[row]} as of {frame['as_of'].iloc[row]}"
