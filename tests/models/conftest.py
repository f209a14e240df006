"""A small labelled book with a known rule behind it, and one model trained on it for all tests to read."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from models.segmenter import SegmenterSettings, fit
from models.types import ORDER, load_types

UNITS = {
    "exposure_committed": ("value", "money"),
    "income_share": ("value", "share"),
    "tenure_months": ("need", "months"),
    "days_late_max_12m": ("behaviour", "days"),
    "is_guarantor": ("risk", "flag"),
    "rate_mean": ("risk", "rate"),
}


def labelled_book(n_customers: int = 150, seed: int = 0, noise: float = 0.1) -> pd.DataFrame:
    """Two dates per customer, the six features of ``UNITS``, and the type given by three of them."""
    rng = np.random.default_rng(seed)
    n = 2 * n_customers
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"C{i:04d}" for i in range(n_customers)], 2),
            "as_of": ["2024-12-31", "2025-06-30"] * n_customers,
            "exposure_committed": np.round(np.exp(rng.normal(14, 1.5, n)), 2),
            "income_share": rng.beta(1, 20, n),
            "tenure_months": np.floor(rng.gamma(3, 12, n)),
            "days_late_max_12m": np.floor(rng.exponential(20, n)) * (rng.random(n) < 0.4),
            "is_guarantor": (rng.random(n) < 0.2).astype(float),
            "rate_mean": np.where(rng.random(n) < 0.2, np.nan, rng.normal(0.05, 0.01, n)),
        }
    )
    kinds = np.select(
        [
            frame.days_late_max_12m > 15,
            frame.is_guarantor > 0,
            frame.exposure_committed > 3e6,
            frame.tenure_months < 30,
        ],
        ["risk", "churn", "strategic", "growth"],
        "stable",
    ).astype(object)
    wrong = rng.random(n) < noise
    kinds[wrong] = rng.choice(ORDER, wrong.sum())
    return frame.assign(type=kinds)


@pytest.fixture(scope="session", name="labelled_book")
def make_labelled_book():
    return labelled_book


@pytest.fixture(scope="session")
def types():
    return load_types()


@pytest.fixture(scope="session")
def settings():
    return SegmenterSettings(n_trees=25, depth=3, learning_rate=0.2, n_folds=3, n_threads=1)


@pytest.fixture(scope="session")
def book():
    """The features, the types and the groups; copy before changing."""
    labelled = labelled_book()
    return labelled.drop(columns="type"), labelled["type"], labelled["customer_id"]


@pytest.fixture(scope="session")
def fitted(book, settings):
    frame, labels, groups = book
    return fit(frame, labels, groups, ORDER, settings)


@pytest.fixture(scope="session")
def catalogue():
    """Stand-ins for the features' descriptions."""
    return {
        name: SimpleNamespace(
            dimension=dimension,
            unit=unit,
            meaning_en=f"Meaning of {name}; and how it is measured.",
            meaning_zh=f"{name}的含义",
            words=SimpleNamespace(
                high_en=f"high {name}", high_zh=f"{name}高", low_en=f"low {name}", low_zh=f"{name}低",
                zero_en="no days late" if unit == "days" else "", zero_zh="无迟付" if unit == "days" else "",
                is_by_sign=unit == "flag",
            ),
        )
        for name, (dimension, unit) in UNITS.items()
    }
