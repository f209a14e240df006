"""Exact SHAP values of every type, read from tables: what each feature adds to the log-odds, for millions of rows.

The game is the path-dependent one of TreeSHAP (Lundberg et al. 2020): a feature that is not in the coalition sends a row
down both branches, weighted by the training rows (their hessian) that went there. XGBoost's ``pred_contribs`` plays the same
game leaf by leaf and row by row. Here the answers are worked out once, as FastTreeSHAP v2 (Yang 2021) does per leaf and
WOODELF (Nadel and Wettenstein 2025) for bits of decisions:

- each tree is cut into groups of at most eight splits: a whole subtree, and the path that leads to it;
- which way a row goes at a group's splits is one byte, its pattern;
- for each of the 256 patterns and each feature of the group a table holds the Shapley value, summed over the group's leaves.

A row then costs one comparison per split and one table read per group and feature. The Shapley value of a leaf is the
integral of Owen's multilinear extension (Owen 1972), a polynomial in one variable, for which Gauss-Legendre points are exact.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xgboost as xgb
from numba import njit

from features.errors import PentadError

MOST_SPLITS = 8
"""Splits in a group, and so the depth of the deepest tree: a pattern is a byte."""

BLOCK_ROWS = 256
"""Rows that are explained together: their sums for one type stay in the cache."""

TABLE_BYTES = 256 * 2**20
"""Tables kept at a time; of a larger model they are worked out again for every call, part by part."""

POINTS, WEIGHTS = np.polynomial.legendre.leggauss((MOST_SPLITS + 1) // 2)
POINTS, WEIGHTS = (POINTS + 1) / 2, WEIGHTS / 2


class NoTables(PentadError):
    """The model has something that the tables do not handle: XGBoost's own contributions do."""

    exit_code = 46


TODO = "Use XGBoost's pred_contribs: it is slow, and handles it."


@dataclass(frozen=True)
class Trees:
    """The nodes of all trees, one after the other in flat arrays; a child or parent is a place in them, -1 where there is none.

    ``roots`` and ``types`` (n_trees,): where each tree begins, and the type it speaks for. Per node ``left``, ``right``,
    ``parent``; ``feature``; ``value``, the threshold of a split or the log-odds of a leaf; ``is_left_default`` for what is
    missing; ``cover``, the hessian of the training rows that came by.
    """

    roots: np.ndarray
    types: np.ndarray
    left: np.ndarray
    right: np.ndarray
    parent: np.ndarray
    feature: np.ndarray
    value: np.ndarray
    is_left_default: np.ndarray
    cover: np.ndarray


@dataclass(frozen=True)
class Groups:
    """Splits that are looked up together, of all trees, those of one type beside each other.

    ``types`` (n_groups,). ``splits`` (n_groups, 8): the node of each bit, -1 where there is none. ``leaves``: theirs, those of
    group g from ``leaf_starts[g]`` on. ``slots`` (n_groups, 8): the feature of each column of its table, -1 where there is none.
    ``table_starts`` (n_groups + 1,): where its table begins, column by column, each of two to the number of its splits.
    """

    types: np.ndarray
    splits: np.ndarray
    leaves: np.ndarray
    leaf_starts: np.ndarray
    slots: np.ndarray
    table_starts: np.ndarray


class Contributions:
    """What every feature contributes to each type's log-odds, by the trees of one model.

    Parameters
    ----------
    booster : Booster
        Gradient-boosted trees with numeric splits, at most eight deep.
    n_threads : int
        Rows are divided among so many threads; it changes no bit of the result.

    Raises
    ------
    NoTables
        The model is linear, drops trees (DART), splits by categories, has leaves with several values, or is deeper.
    """

    def __init__(self, booster: xgb.Booster, n_threads: int = 2) -> None:
        self.n_threads = n_threads
        self.trees, self.intercept, self.n_features = _read(booster)
        self.groups = _cut(self.trees)
        self.expected = _expected(self.trees, len(self.intercept))
        self._parts = _parts(self.groups.table_starts)

    def of(self, matrix: np.ndarray, base_margin: np.ndarray | None = None) -> np.ndarray:
        """Contributions of each row, in log-odds of the trees, shape (n, n_types, n_features + 1), the last the starting point.

        A row's contributions to a type sum to its log-odds, but for rounding in the last digits of a float64.

        Parameters
        ----------
        matrix : ndarray of float, shape (n, n_features)
            Values in the order of the model; NaN is missing. They are compared in float32, as XGBoost does.
        base_margin : ndarray, shape (n, n_types), optional
            Log-odds that each row begins with in place of the model's own.
        """
        values = np.ascontiguousarray(matrix, dtype=np.float32)
        if values.ndim != 2 or values.shape[1] != self.n_features:
            raise ValueError(f"a matrix of shape {values.shape}, and the model has {self.n_features} features")
        found = np.zeros((len(values), len(self.intercept), self.n_features + 1))
        for first, last in self._parts:
            tables = self._kept if len(self._parts) == 1 else self._worked_out(first, last)
            self._in_threads(0, len(values), lambda low, high, first=first, last=last, tables=tables: _look_up(
                values[low:high], found[low:high], first, last, *_fields(self.groups), tables, *_fields(self.trees)))
        found[:, :, -1] = self.expected + (self.intercept if base_margin is None else base_margin)
        return found

    @cached_property
    def _kept(self) -> np.ndarray:
        return self._worked_out(*self._parts[0])

    def _worked_out(self, first: int, last: int) -> np.ndarray:
        """The tables of the groups from ``first`` to before ``last``."""
        starts = self.groups.table_starts
        tables = np.zeros(starts[last] - starts[first])
        self._in_threads(first, last, lambda low, high: _work_out(
            low, high, starts[first], *_fields(self.groups), tables, *_fields(self.trees), POINTS, WEIGHTS))
        return tables

    def _in_threads(self, first: int, last: int, work: Callable[[int, int], None]) -> None:
        bounds = np.linspace(first, last, self.n_threads + 1).astype(int)
        with ThreadPoolExecutor(self.n_threads) as pool:
            list(pool.map(work, bounds[:-1], bounds[1:]))


def _read(booster: xgb.Booster) -> tuple[Trees, np.ndarray, int]:
    """The trees of a model, the log-odds it begins with per type, and its number of features."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    about, boosted = learner["learner_model_param"], learner["gradient_booster"]
    if "weight_drop" in boosted or "weight_drop" in boosted.get("model", {}):  # from XGBoost 3.4 on it is called gbtree too
        raise NoTables("it drops trees (DART)", "the model", TODO)
    if boosted["name"] != "gbtree":
        raise NoTables(f"its booster is {boosted['name']}", "the model", TODO)
    grown = boosted["model"]["trees"]
    if any(tree["categories_nodes"] for tree in grown):
        raise NoTables("it splits by categories", "the model", TODO)
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in grown):
        raise NoTables("its leaves have several values", "the model", TODO)
    n_types = max(1, int(about["num_class"]), int(about["num_target"]))
    intercept = np.empty(n_types)
    intercept[:] = json.loads(about["base_score"])
    sizes = [len(tree["left_children"]) for tree in grown]
    roots = np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)

    def together(name: str, kind: type, is_place: bool = False) -> np.ndarray:
        parts = [np.array(tree[name], kind) for tree in grown]
        if is_place:
            parts = [np.where((part < 0) | (part >= size), -1, part + root) for part, root, size in zip(parts, roots, sizes)]
        return np.concatenate(parts) if parts else np.empty(0, kind)

    trees = Trees(roots, np.array(boosted["model"]["tree_info"], np.int64),
                  together("left_children", np.int64, True), together("right_children", np.int64, True),
                  together("parents", np.int64, True), together("split_indices", np.int64),
                  together("split_conditions", np.float32), together("default_left", np.bool_),
                  together("sum_hessian", np.float64))
    return trees, intercept, int(about["num_feature"])


def _cut(trees: Trees) -> Groups:
    """Cut every tree into groups: from the root down, a subtree is one as soon as its splits and its path are eight at most."""
    left, right = trees.left.tolist(), trees.right.tolist()
    types, splits, leaves, leaf_starts = [], [], [], [0]

    def inner(node: int) -> list[int]:
        return [] if left[node] < 0 else [node, *inner(left[node]), *inner(right[node])]

    for tree in np.argsort(trees.types, kind="stable"):
        waiting = [(int(trees.roots[tree]), [])]
        while waiting:
            node, path = waiting.pop()
            if left[node] < 0 and not path:
                continue  # a tree of one leaf asks nothing
            own = inner(node)
            if len(path) + len(own) > MOST_SPLITS:
                if len(path) == MOST_SPLITS:
                    raise NoTables(f"a tree is more than {MOST_SPLITS} deep", "the model", TODO)
                waiting += [(left[node], [*path, node]), (right[node], [*path, node])]
                continue
            bits = [*path, *own]
            types.append(trees.types[tree])
            splits.append(bits + [-1] * (MOST_SPLITS - len(bits)))
            leaves += [child for one in own for child in (left[one], right[one]) if left[child] < 0] if own else [node]
            leaf_starts.append(len(leaves))
    asked = np.array(splits, np.int64).reshape(-1, MOST_SPLITS)
    slots, sizes = np.full(asked.shape, -1), []
    for group, bits in enumerate(asked):
        bits = bits[bits >= 0]
        features = np.unique(trees.feature[bits])
        slots[group, : len(features)] = features
        sizes.append(len(features) << len(bits))
    table_starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Groups(np.array(types, np.int64), asked, np.array(leaves, np.int64), np.array(leaf_starts, np.int64), slots,
                  table_starts)


def _parts(table_starts: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of groups whose tables together take ``TABLE_BYTES`` at most."""
    parts, first, most = [], 0, TABLE_BYTES // 8
    while first < len(table_starts) - 1:
        last = int(np.searchsorted(table_starts, table_starts[first] + most, side="right")) - 1
        parts.append((first, max(last, first + 1)))
        first = parts[-1][1]
    return parts


def _fields(of: Trees | Groups) -> tuple[np.ndarray, ...]:
    return tuple(vars(of).values())


@njit(cache=True)
def _share(child, parent, cover):
    """Share of the training rows of a split that went to one of its children."""
    return cover[child] / cover[parent] if cover[parent] > 0 else 0.0


@njit(cache=True, nogil=True)
def _work_out(low, high, offset, types, splits, leaves, leaf_starts, slots, table_starts, tables,
              roots, kinds, left, right, parent, feature, value, is_left_default, cover, points, weights):
    asked, of, slot = np.empty(8, np.int64), np.empty(8, np.int64), np.empty(8, np.int64)
    wanted, share = np.empty(8, np.int64), np.empty(8)
    factor, before, gain = np.empty(8), np.empty(9), np.empty((256, 8))
    for group in range(low, high):
        n_bits = 0
        while n_bits < 8 and splits[group, n_bits] >= 0:
            n_bits += 1
        start = table_starts[group] - offset
        for leaf in leaves[leaf_starts[group] : leaf_starts[group + 1]]:
            # the leaf's features: the bits that each asks, how they must be answered, and who gets there without being asked
            n, child = 0, leaf
            while parent[child] >= 0:
                split = parent[child]
                bit = 0
                while splits[group, bit] != split:
                    bit += 1
                i = 0
                while i < n and of[i] != feature[split]:
                    i += 1
                if i == n:
                    of[i], asked[i], wanted[i], share[i] = feature[split], 0, 0, 1.0
                    slot[i] = 0
                    while slots[group, slot[i]] != of[i]:
                        slot[i] += 1
                    n += 1
                asked[i] |= 1 << bit
                if left[split] == child:
                    wanted[i] |= 1 << bit
                share[i] *= _share(child, split, cover)
                child = split
            # Shapley values for every set of features that agree with the leaf
            for agreed in range(1 << n):
                for i in range(n):
                    gain[agreed, i] = 0.0
                for k in range(len(points)):
                    before[0] = 1.0
                    for i in range(n):
                        factor[i] = share[i] * (1 - points[k]) + (points[k] if agreed >> i & 1 else 0.0)
                        before[i + 1] = before[i] * factor[i]
                    after = weights[k] * value[leaf]
                    for i in range(n - 1, -1, -1):
                        gain[agreed, i] += before[i] * after * ((1.0 if agreed >> i & 1 else 0.0) - share[i])
                        after *= factor[i]
            for pattern in range(1 << n_bits):
                agreed = 0
                for i in range(n):
                    if pattern & asked[i] == wanted[i]:
                        agreed |= 1 << i
                for i in range(n):
                    tables[start + (slot[i] << n_bits) + pattern] += gain[agreed, i]


@njit(cache=True, nogil=True)
def _look_up(values, found, first, last, types, splits, leaves, leaf_starts, slots, table_starts, tables,
             roots, kinds, left, right, parent, feature, value, is_left_default, cover):
    n_features = values.shape[1]
    sums = np.zeros((n_features, BLOCK_ROWS))
    columns = np.empty((n_features, BLOCK_ROWS), np.float32)
    pattern = np.empty(BLOCK_ROWS, np.uint8)
    for begin in range(0, len(values), BLOCK_ROWS):
        size = min(BLOCK_ROWS, len(values) - begin)
        columns[:, :size] = values[begin : begin + size].T
        group = first
        while group < last:
            kind = types[group]
            sums[:, :size] = 0.0
            while group < last and types[group] == kind:
                pattern[:] = 0
                n_bits = 0
                while n_bits < 8 and splits[group, n_bits] >= 0:
                    split = splits[group, n_bits]
                    column, threshold, bit = columns[feature[split]], value[split], np.uint8(1 << n_bits)
                    if is_left_default[split]:
                        for row in range(BLOCK_ROWS):
                            pattern[row] |= np.uint8(0) if column[row] >= threshold else bit
                    else:
                        for row in range(BLOCK_ROWS):
                            pattern[row] |= bit if column[row] < threshold else np.uint8(0)
                    n_bits += 1
                start = table_starts[group] - table_starts[first]
                place = 0
                while place < 8 and slots[group, place] >= 0:
                    table, own = tables[start : start + (1 << n_bits)], sums[slots[group, place]]
                    for row in range(size):
                        own[row] += table[pattern[row]]
                    start += 1 << n_bits
                    place += 1
                group += 1
            for row in range(size):
                for one in range(n_features):
                    found[begin + row, kind, one] += sums[one, row]


def _expected(trees: Trees, n_types: int) -> np.ndarray:
    """Mean log-odds that the trees add to each type over the rows they were grown on."""
    sums = np.zeros(n_types)
    _add_expected(sums, *_fields(trees))
    return sums


@njit(cache=True)
def _add_expected(sums, roots, kinds, left, right, parent, feature, value, is_left_default, cover):
    for tree in range(len(roots)):
        end = roots[tree + 1] if tree + 1 < len(roots) else len(left)
        for node in range(roots[tree], end):
            if left[node] < 0 and (node == roots[tree] or parent[node] >= 0):
                reached, child = np.float64(value[node]), node
                while parent[child] >= 0:
                    reached *= _share(child, parent[child], cover)
                    child = parent[child]
                sums[kinds[tree]] += reached
