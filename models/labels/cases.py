"""What to look at before changing a suspect label: similar customers on either side, and what speaks for the other type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.explain import LANGUAGES, Reference, reasons
from models.labels.consensus import Consensus
from models.matrix import KEYS, feature_matrix
from models.segmenter import Fitted


def cases(
    doubted: pd.DataFrame, agreed: Consensus, frame: pd.DataFrame, fitted: Fitted, catalogue: Mapping[str, Any],
    reference: Reference, n_reasons: int = 3,
) -> pd.DataFrame:
    """Suspect labels with what an analyst compares: nearest customers of either type, and the features that contradict.

    Parameters
    ----------
    doubted : DataFrame
        Rows of ``suspects``.
    agreed : Consensus
        What the analysts say together of every item.
    frame : DataFrame
        The features of every item, in the order of the items.
    fitted : Fitted
        The model; each case is explained by the one of its folds that has not seen the customer.
    catalogue, reference :
        The words of the features, and what is usual in the book.
    n_reasons : int
        Features named at most.

    Returns
    -------
    DataFrame
        The rows of ``doubted`` with ``agreeing`` and ``contradicting`` (the most similar other customer, with its date, whose
        consensus is the given, or the likelier, type; empty if there is none), ``contradicts`` (the features that push most
        from the given to the likelier type, with commas between) and the same in words, ``contradicts_zh``, ``contradicts_en``.
    """
    place = pd.MultiIndex.from_frame(agreed.votes.items).get_indexer(pd.MultiIndex.from_frame(doubted[KEYS]))
    features, order = fitted.segmenter.features, agreed.votes.order
    matrix = feature_matrix(frame[[*KEYS, *features]], features)
    folds = fitted.rows["fold"].to_numpy()
    given, likely = (pd.Index(order).get_indexer(doubted[name]) for name in ("type", "likely_type"))
    pushes = np.empty((len(doubted), len(features)))
    for fold in np.unique(folds[place]):
        here = np.flatnonzero(folds[place] == fold)
        told = fitted.unseen[fold].judge(frame.iloc[place[here]][[*KEYS, *features]]).contributions
        rows = np.arange(len(here))
        pushes[here] = (told[rows, likely[here]] - told[rows, given[here]])[:, :-1]
    types, customers = agreed.types, agreed.votes.items["customer_id"].to_numpy()
    ranks = _ranks(matrix) * np.sqrt(np.abs(pushes).mean(axis=0))
    near = {name: [_nearest(ranks, at, (types == kind) & (customers != customers[at]), agreed.votes.items)
                   for at, kind in zip(place, kinds)] for name, kinds in (("agreeing", given), ("contradicting", likely))}
    strongest = np.argsort(-pushes, axis=1, kind="stable")[:, :n_reasons]
    named = [",".join(features[at] for at in row if own[at] > 0) for row, own in zip(strongest, pushes)]
    words = {f"contradicts_{language}": reasons(matrix[place], pushes, features, catalogue, reference, n_reasons, language)
             for language in LANGUAGES}
    return doubted.reset_index(drop=True).assign(**near, contradicts=named, **words)


def _ranks(matrix: np.ndarray) -> np.ndarray:
    """Place of each value within its feature, 0 to 1; a missing one lies in the middle."""
    return pd.DataFrame(matrix).rank(pct=True).fillna(0.5).to_numpy()


def _nearest(ranks: np.ndarray, at: int, among: np.ndarray, items: pd.DataFrame) -> str:
    """Name the most similar item among some, in features weighted by how much they move the suspect cases."""
    others = np.flatnonzero(among)
    if not len(others):
        return ""
    found = others[np.square(ranks[others] - ranks[at]).sum(axis=1).argmin()]
    return f"{items['customer_id'].iloc[found]} as of {items['as_of'].iloc[found]}"
