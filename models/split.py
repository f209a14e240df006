"""Who is trained on and who is tested on: by time and by customer, never the same on both sides.

Customers are divided by their connected group (a customer without one is its own group), so that a parent and
its subsidiary stay together. A group's side depends on its name and the seed only, not on the row order or on
who else is in the book.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.errors import PentadError

LEAST_OF_A_PERIOD = 0.2
"""Rows that a label date needs, as a share of what dates usually have, to be the date that is tested: a few late labels, such
as a reviewer's, are no test."""


class TooFewLabels(PentadError):
    """A type has too few labelled customers to learn from and to be judged on."""

    exit_code = 32


class BrokenGroups(PentadError):
    """A customer has no connected group, or more than one."""

    exit_code = 35


@dataclass(frozen=True)
class Split:
    """Who trains and who tests, as one true or false per row.

    ``test`` are customers never seen, at the test date and after: the hard and honest test. ``known_later`` are
    customers trained on, seen again then. Both are all false when there is nothing to test on;
    evaluation is then out of fold.
    """

    train: np.ndarray
    test: np.ndarray
    known_later: np.ndarray
    description: str

    @property
    def has_test(self) -> bool:
        """Whether there is a row to test on."""
        return bool(self.test.any())

    def testing(self, rows: np.ndarray) -> Split:
        """The same without the tested rows that are not among these, given as true or false per row."""
        left_out = int((~rows & (self.test | self.known_later)).sum())
        said = f"{self.description}; {left_out} overridden rows not tested on" if left_out else self.description
        return replace(self, test=self.test & rows, known_later=self.known_later & rows, description=said)


def out_of_time(
    frame: pd.DataFrame, groups: pd.Series, held_out_share: float, embargo_days: int, seed: int
) -> Split:
    """Train on the past of some customers, test on the latest period of others.

    The period begins at the last date that has a fifth of the rows that label dates usually have (the median), or more.

    Parameters
    ----------
    frame : DataFrame
        customer_id and as_of (YYYY-MM-DD) of each labelled row; other columns are not looked at.
    groups : Series
        Connected group, or customer, of each row; same order.
    held_out_share : float
        Share of the groups never trained on, between 0 and 1.
    embargo_days : int
        Days that must lie strictly between a training row and the test date, so that the hindsight behind
        a training label does not reach into the test.
    seed : int
        Another seed holds out other groups.

    Raises
    ------
    BrokenGroups
        A row has no group, or a customer is in two.
    """
    check_groups(frame["customer_id"], groups)
    days = pd.to_datetime(pd.Series(np.asarray(frame["as_of"], dtype=object)), format="%Y-%m-%d")
    last = _test_date(days)
    earlier = (days + pd.Timedelta(days=embargo_days) < last).to_numpy()
    everyone, nobody = np.ones(len(days), bool), np.zeros(len(days), bool)
    if not len(days):
        return Split(everyone, nobody, nobody, "no labelled rows")
    if not earlier.any():
        text = f"no test: no label date lies more than {embargo_days} days before the last, {last.date()}"
        return Split(everyone, nobody, nobody, f"{text}; evaluate out of fold")
    held_out = held_out_groups(groups, held_out_share, seed)
    train, latest = earlier & ~held_out, (days >= last).to_numpy()
    test = latest & held_out
    group = pd.Series(np.asarray(groups, dtype=object).astype(str))
    known_later = latest & group.isin(group[train]).to_numpy()
    if not train.any() or not test.any():
        text = f"no test: {held_out_share:g} of {group.nunique()} groups leaves no row on one side"
        return Split(everyone, nobody, nobody, f"{text}; evaluate out of fold")
    until = "" if days.max() == last else f" to {days.max().date()}"
    text = (
        f"train {train.sum()} rows of {group[train].nunique()} groups, as of {days[train].min().date()} to"
        f" {days[train].max().date()}; test {test.sum()} rows of {group[test].nunique()} other groups as of"
        f" {last.date()}{until}; {known_later.sum()} rows of trained groups then; embargo"
        f" {embargo_days} days"
    )
    return Split(train, test, known_later, text)


def _test_date(days: pd.Series) -> pd.Timestamp:
    if days.empty:
        return pd.NaT
    n_rows = days.value_counts()
    return n_rows.index[n_rows >= LEAST_OF_A_PERIOD * n_rows.median()].max()


def held_out_groups(groups: pd.Series, share: float, seed: int) -> np.ndarray:
    """Whether each row's group is held out; about ``share`` of the groups are."""
    names, place = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    chosen = np.array([_draw(name, seed) < share for name in names], dtype=bool)
    return chosen[place]


def grouped_folds(groups: pd.Series, truth: np.ndarray, order: tuple[str, ...], n_folds: int, seed: int):
    """Fold of each row, an integer from 0; a group lies in one fold, the types spread as evenly as they can.

    Groups are dealt out type by type, the rarest type first, each to the fold holding the fewest groups of
    that type, so that a type of ``n_folds`` groups reaches every fold.

    Parameters
    ----------
    groups : Series
        Connected group, or customer, of each row.
    truth : ndarray of int
        Index of each row's type.
    order : tuple of str
        Names of the types, for the message.
    n_folds, seed : int
        Number of folds, and what decides between equals.

    Raises
    ------
    TooFewLabels
        A type has fewer than ``n_folds`` groups, or a fold would train without it.
    """
    names, place = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    holds = np.zeros((len(names), len(order)), dtype=bool)
    holds[place, truth] = True
    n_groups = holds.sum(axis=0)
    for kind, n in zip(order, n_groups):
        if n < n_folds:
            found = f"type {kind} has labels for {n} customers or groups, {n_folds} are needed"
            raise TooFewLabels(found, "labels", f"Label more {kind} customers, or lower n_folds.")
    rarity = np.argsort(n_groups, kind="stable")
    rank = np.argsort(rarity)
    key_type = rarity[np.where(holds, rank, len(order)).min(axis=1)]
    draws = [_draw(name, seed) for name in names]
    n_rows = np.bincount(place, minlength=len(names))
    of_type, rows = np.zeros((n_folds, len(order)), np.int64), np.zeros(n_folds, np.int64)
    fold_of = np.zeros(len(names), np.int64)
    for g in sorted(range(len(names)), key=lambda g: (rank[key_type[g]], draws[g], names[g])):
        fold = min(range(n_folds), key=lambda f: (of_type[f, key_type[g]], rows[f], f))
        fold_of[g] = fold
        of_type[fold] += holds[g]
        rows[fold] += n_rows[g]
    without = of_type.sum(axis=0) - of_type == 0
    if without.any():
        fold, kind = np.argwhere(without)[0]
        found = f"all {n_groups[kind]} groups of type {order[kind]} fall into fold {fold}"
        raise TooFewLabels(found, "labels", f"Label more {order[kind]} customers, or change the seed.")
    return fold_of[place]


def check_groups(customers: pd.Series, groups: pd.Series) -> None:
    """Refuse groups that would let one customer stand on two sides.

    Raises
    ------
    BrokenGroups
        A row has no group, or a customer is in two.
    """
    customers, groups = (pd.Series(np.asarray(column, dtype=object)) for column in (customers, groups))
    n_groups = groups.groupby(customers).nunique(dropna=False)
    if groups.isna().any():
        who = customers[groups.isna()].iloc[0]
        raise BrokenGroups("no group", f"customer {who}", "A customer without a connected group is its own.")
    if (n_groups > 1).any():
        who = n_groups.index[n_groups > 1][0]
        raise BrokenGroups(f"{n_groups[who]} groups", f"customer {who}", "Give it one group on all dates.")


def _draw(name: str, seed: int) -> float:
    """Give a number in [0, 1) that depends on the name and the seed only."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:6]) / 2**48
