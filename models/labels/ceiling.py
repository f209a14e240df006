"""How well a person does what the model does: each analyst against the consensus of the others.

Where the model is as good as that, more model is no answer and more, or more careful, labels are. Read it with its size:
where the others are a single analyst it tells how often two people agree, each of whom errs, and lies below what a perfect
judge would reach.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.intervals import Draws, Interval, drawn
from models.labels.consensus import consensus
from models.labels.votes import NONE, Votes
from models.metrics import accuracy_of, macro_f1_of

EVERYBODY = "everybody"


def human_ceiling(votes: Votes, seed: int) -> pd.DataFrame:
    """Accuracy and macro-F1 of the analysts, each judged by the others: one row for everybody and one per analyst.

    Columns: accuracy, accuracy_low, accuracy_high, macro_f1, macro_f1_low, macro_f1_high, n (labels that somebody else gave
    too), others (mean number of others per label). Intervals draw whole customers.
    """
    who, mine, agreed, customers, others = [], [], [], [], []
    for place, analyst in enumerate(votes.analysts):
        rest = votes.without(analyst)
        judged = (votes.given[:, place] != NONE) & (rest.n_votes > 0)
        types = consensus(rest).types
        who += [analyst] * int(judged.sum())
        mine.append(votes.given[judged, place].astype(np.int64))
        agreed.append(types[judged])
        customers.append(votes.items["customer_id"].to_numpy()[judged])
        others.append(rest.n_votes[judged])
    who, k = np.array(who, dtype=object), len(votes.order)
    mine, agreed, customers, others = (np.concatenate(x) if x else np.array([]) for x in (mine, agreed, customers, others))
    rows = {}
    for name in (EVERYBODY, *votes.analysts):
        chosen = np.ones(len(who), bool) if name == EVERYBODY else who == name
        if chosen.any():
            tables = np.zeros((int(chosen.sum()), k * k))
            tables[np.arange(len(tables)), agreed[chosen].astype(int) * k + mine[chosen].astype(int)] = 1
            rows[name] = _row(tables, k, drawn(customers[chosen], seed)) | {
                "n": int(chosen.sum()), "others": float(others[chosen].mean())}
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(tables: np.ndarray, k: int, draws: Draws) -> dict[str, float]:
    found: dict[str, Interval] = {
        name: draws.interval(tables, lambda sums, measure=measure: measure(sums.reshape(-1, k, k)))
        for name, measure in (("accuracy", accuracy_of), ("macro_f1", macro_f1_of))}
    return {f"{name}{end}": value for name, x in found.items()
            for end, value in (("", x.value), ("_low", x.low), ("_high", x.high))}
