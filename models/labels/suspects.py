"""Which labels are probably wrong, the surest first, each with what contradicts it.

Confident learning (Northcutt, Jiang and Chuang 2021) flags a label where a model, not having seen it, is surer of another type
than it usually is of that type. Where types overlap, most of what it flags is right: the model errs more often than the
analysts do. So the model is heard as one witness of several. Others are the analysts who labelled the same customer for the
same date, with the habits that their labels show, and the labels of the same customer for the dates before and after, with
how often types change in between. All together give the probability that the type is another.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.labels.consensus import Consensus
from models.labels.votes import NONE

LAGS_DAYS = (100, 190, 400)
"""Neighbouring labels are heard by how far they are: to about a quarter, half a year, a year; farther ones are not heard."""

AVERAGE_PAIRS = 5.0
"""Imagined pairs of labels per type that went as the types' shares do, where few pairs are known."""

COLUMNS = ["customer_id", "as_of", "analyst", "type", "likely_type", "p_wrong", "model", "others", "before", "after"]


def suspects(agreed: Consensus, out_of_fold: np.ndarray) -> pd.DataFrame:
    """Every label with the probability that it is wrong, the most suspect first.

    Parameters
    ----------
    agreed : Consensus
        What the analysts said, and their habits.
    out_of_fold : ndarray, shape (n_items, n_types)
        Probabilities of a model for each item, in the order of the items, from a model that has not seen the customer.

    Returns
    -------
    DataFrame
        customer_id, as_of, analyst, type (given), likely_type (the most probable other), p_wrong, and what each witness says:
        ``model`` its most probable type, ``others`` the types other analysts gave, ``before`` and ``after`` the customer's
        consensus on the neighbouring dates; empty where there is none.
    """
    votes, kinds = agreed.votes, np.array(agreed.votes.order, dtype=object)
    neighbours = _neighbours(agreed)
    witness = np.log(np.clip(out_of_fold, 1e-6, None)) + _of_neighbours(agreed, neighbours)
    habits = np.log(agreed.confusions)
    heard = np.zeros_like(witness)
    for analyst in range(len(votes.analysts)):
        asked = votes.given[:, analyst] != NONE
        heard[asked] += habits[analyst][:, votes.given[asked, analyst]].T
    logs = witness + heard
    believed = np.exp(logs - logs.max(axis=1, keepdims=True))
    believed /= believed.sum(axis=1, keepdims=True)
    items, analysts = np.nonzero(votes.given != NONE)
    given = votes.given[items, analysts]
    each = np.arange(len(items))
    rest = believed[items].copy()
    rest[each, given] = -1.0
    said = np.array([*votes.order, ""], dtype=object)
    table = votes.items.iloc[items].reset_index(drop=True).assign(
        analyst=np.array(votes.analysts, dtype=object)[analysts], type=kinds[given], likely_type=kinds[rest.argmax(axis=1)],
        p_wrong=1 - believed[items, given], model=kinds[out_of_fold[items].argmax(axis=1)],
        others=_others(votes, items, analysts), before=said[neighbours["before"][items]], after=said[neighbours["after"][items]])
    return table.sort_values(["p_wrong", "customer_id", "as_of", "analyst"], ascending=[False, True, True, True],
                             ignore_index=True)[COLUMNS]


def confident_learning(given: np.ndarray, out_of_fold: np.ndarray) -> np.ndarray:
    """Rank of suspicion by plain confident learning, for comparison: higher is more suspect, -inf where not flagged.

    A label is flagged where a type other than the given one is the most probable of those that reach their threshold, the
    mean probability of a type among those given it; flagged ones are ranked by how improbable the given type is.
    """
    each = np.arange(len(given))
    thresholds = np.array([out_of_fold[given == kind, kind].mean() if (given == kind).any() else np.inf
                           for kind in range(out_of_fold.shape[1])])
    sure = np.where(out_of_fold >= thresholds, out_of_fold, -1.0)
    is_flagged = (sure.max(axis=1) >= 0) & (sure.argmax(axis=1) != given)
    return np.where(is_flagged, 1 - out_of_fold[each, given], -np.inf)


def _neighbours(agreed: Consensus) -> dict[str, np.ndarray]:
    """Place of the consensus of each item's customer at the date before and after (``NONE`` if none), and days between."""
    items = agreed.votes.items
    days = pd.to_datetime(items["as_of"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    same = (items["customer_id"].to_numpy()[1:] == items["customer_id"].to_numpy()[:-1]) if len(items) else np.array([], bool)
    gap = np.diff(days)
    types = agreed.types
    before, after = np.full(len(items), NONE), np.full(len(items), NONE)
    before_days, after_days = np.full(len(items), np.iinfo(np.int64).max), np.full(len(items), np.iinfo(np.int64).max)
    before[1:][same], after[:-1][same] = types[:-1][same], types[1:][same]
    before_days[1:][same], after_days[:-1][same] = gap[same], gap[same]
    return {"before": before, "after": after, "before_days": before_days, "after_days": after_days}


def _of_neighbours(agreed: Consensus, neighbours: dict[str, np.ndarray]) -> np.ndarray:
    """How likely the neighbouring labels are under each type, as logarithms, shape (n_items, k).

    Counted in the book itself: of customers whose consensus is a type, what was said of them a quarter, half a year and a
    year before and after.
    """
    k, types = len(agreed.votes.order), agreed.types
    logs = np.zeros((len(types), k))
    for side in ("before", "after"):
        told, days = neighbours[side], neighbours[f"{side}_days"]
        least = 0
        for most in LAGS_DAYS:
            here = (told != NONE) & (days > least) & (days <= most)
            counts = np.zeros((k, k))
            np.add.at(counts, (types[here], told[here]), 1)
            chance = counts + AVERAGE_PAIRS * agreed.shares
            logs[here] += np.log(chance / chance.sum(axis=1, keepdims=True))[:, told[here]].T
            least = most
    return logs


def _others(votes, items: np.ndarray, analysts: np.ndarray) -> list[str]:
    said = np.array(votes.order, dtype=object)
    return [" ".join(said[given] for other, given in enumerate(votes.given[item]) if other != analyst and given != NONE)
            for item, analyst in zip(items, analysts)]
