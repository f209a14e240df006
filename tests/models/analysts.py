"""Analysts whose habits are known: labels drawn from true types, and what the book would be if nobody erred."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.types import ORDER


def desk(*rows):
    """Labels written out: customer_id, as_of, analyst, type."""
    return pd.DataFrame(rows, columns=["customer_id", "as_of", "analyst", "type"])


def drawn_desk(n_items: int, error_rates: dict[str, float], share_asked: float, seed: int):
    """Labels of analysts who err at their own rates, each asked about a share of the items; and the truth, by item."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, n_items)
    rows = []
    for i in range(n_items):
        asked = [who for who in error_rates if rng.random() < share_asked] or [next(iter(error_rates))]
        for who in asked:
            said = truth[i] if rng.random() >= error_rates[who] else (truth[i] + rng.integers(1, 5)) % 5
            rows.append((f"C{i:05d}", "2025-06-30", who, ORDER[said]))
    return desk(*rows), truth
