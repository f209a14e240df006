"""What would change a customer's type: edits to facts that can still be made, measured and judged as the book itself is.

Every change is made to the customer's record (``pipeline.edits``), measured by the frame beside the rest of the book as it stands
(``features.alternatives``), and judged by the model that gave the type. The search tries each kind of change at several sizes,
alone and two at a time, then closes in on the smallest that gives another type. Smallest is what weighs least by the weights in
run.toml. The answer is what the model would say of such facts, not a promise of how the borrower would fare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd

from features.alternatives import Alternative, Standing, measured_beside, standing
from features.record import loans_of, record_of
from features.sources import Tables
from models.matrix import KEYS
from models.segmenter import Segmenter
from pipeline import tracking
from pipeline.changes import contrasts, moves, must_have
from pipeline.edits import (
    ADD_COLLATERAL,
    EXTEND_TENOR,
    KINDS,
    MONTHS,
    PAY_ARREARS,
    PAY_ON_TIME,
    SET_LIMIT,
    Cost,
    Edit,
    Facts,
    NotChangeable,
    made,
    why_not,
)
from pipeline.explanations import kept
from pipeline.settings import Settings, WhatIfSettings

SIZES = {PAY_ARREARS: (0.1, 0.25, 0.5, 0.75, 1.0), ADD_COLLATERAL: (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0),
         SET_LIMIT: (0.5, 0.7, 0.9, 1.1, 1.25, 1.5, 2.0), EXTEND_TENOR: (3, 6, 12, 18, 24, 36, 60),
         PAY_ON_TIME: (1, 2, 3, 4, 6, 9, 12, 15, 18, 21, 24)}
"""Sizes tried first: of what is overdue, of the balance, of the limits now; months."""
IN_PAIRS = {PAY_ARREARS: (0.5, 1.0), ADD_COLLATERAL: (0.1, 0.5, 1.0), SET_LIMIT: (0.75, 1.5), EXTEND_TENOR: (6, 12, 36),
            PAY_ON_TIME: (1, 3, 6, 12)}
"""Sizes tried first beside another kind."""
N_CLOSED_IN, N_STEPS = 5, 12
"""Combinations of kinds that are closed in on, and in how many steps from one that is too small."""


@dataclass(frozen=True)
class Outcome:
    """A change and what the model says of it: type, probability of each, the date judged on; cost, and its weight in cents.

    ``is_active``: whether the customer has an active loan then; one without is not scored. ``waited`` is the type that the
    same time alone would give, with nothing paid; empty where no time passes.
    """

    edits: tuple[Edit, ...]
    type: str
    probabilities: Mapping[str, float]
    judged_on: str
    cost: Cost
    weight: float
    is_active: bool = True
    waited: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of change that it is made of."""
        return tuple(each.kind for each in self.edits)


@dataclass(frozen=True)
class WhatIf:
    """What changes to a customer's facts would make of it.

    ``scored`` is the stored assignment, ``now`` the outcome without any change. ``goal`` is the type searched for, empty for any
    other; ``found`` the smallest change of each combination of kinds that reaches it, the lightest first; ``tried`` all outcomes;
    ``impossible`` says per kind why it was not tried. ``moved``: the features that the first of ``found``, or the change asked
    for, moves (feature, before, after, push, is_of_time: whether waiting alone moves it as far), in log-odds of the type it
    gives against the present one (the runner-up if it gives the same). ``is_other_book``: the book is not the delivery that was
    scored.
    """

    scored: pd.Series
    now: Outcome
    goal: str
    is_search: bool
    found: tuple[Outcome, ...]
    tried: tuple[Outcome, ...]
    impossible: Mapping[str, str]
    moved: pd.DataFrame
    is_other_book: bool = False

    @property
    def nearest(self) -> Outcome | None:
        """The outcome in which the type searched for is most probable."""
        scored = [one for one in self.tried if one.is_active]
        return max(scored, key=lambda one: one.probabilities[self.likeliest(one)], default=None)

    def likeliest(self, one: Outcome) -> str:
        """The type searched for, or the most probable of those that the customer is not."""
        others = {kind: p for kind, p in one.probabilities.items() if kind != self.now.type}
        return self.goal or max(others, key=others.get)

    def reaches(self, one: Outcome) -> bool:
        """Whether an outcome is what was searched for."""
        return one.is_active and (one.type == self.goal if self.goal else one.type != self.now.type)

    @property
    def smallest(self) -> tuple[Outcome, ...]:
        """The lightest outcome of each combination of kinds that reaches it, the lightest first; of equal ones the shorter wait.

        A combination of which a part does it alone, for less, is none.
        """
        best: list[Outcome] = []
        for one in sorted(filter(self.reaches, self.tried), key=lambda one: (one.weight, one.cost.months, len(one.edits))):
            if not any(set(lighter.kinds) <= set(one.kinds) for lighter in best):
                best.append(one)
        return tuple(best)


def whatif(
    customer: str, as_of: str, asked: Mapping[str, int], goal: str, loan: str | None, tables: Tables, settings: Settings,
    folder: Path, progress: Callable[[str, int], None],
) -> WhatIf:
    """Try changes to a scored customer's facts: those asked for, or in search of the smallest that gives another type.

    Parameters
    ----------
    customer, as_of : str
        Of the stored assignment.
    asked : mapping of str to int
        Changes to make together: the size of each kind (``pipeline.edits``); none searches.
    goal : str
        The type to search for; empty for any other than the present one.
    loan : str, optional
        The loan that changes are bound to; all of the customer's, if none is named.
    tables : Tables
        The book.
    settings : Settings
        Where the model is, and what changes weigh.
    folder : Path
        Where `pentad score` wrote.
    progress : callable
        Told how many changes more were tried.

    Raises
    ------
    NotAssigned, NotExplained, DamagedRevision
        The customer was not scored on the date, or what explains it is gone.
    NotChangeable
        A change asked for cannot be made to these facts.
    NoModel, BrokenModel, StoreUnavailable
        The model that gave the type cannot be had.
    """
    scored = kept(customer, as_of, folder).assignment
    if tables.collected(tables.customers.filter(nw.col("customer_id") == customer).select("customer_id")).empty:
        raise NotChangeable(f"the book has no customer {customer}", "--data", "Give the book that was scored.")
    if goal == scored["type"]:
        raise NotChangeable(f"it is {goal} already", "--to", "Name another type, or none.")
    facts = facts_of(customer, as_of, loan, tables)
    change = made([Edit(kind, size) for kind, size in asked.items()], facts).edits  # refused before anything slow
    segmenter = tracking.load(scored["model_version"].split(" ")[0], settings.tracking).segmenter
    judge = _Judge(customer, facts, segmenter, standing(tables, as_of), settings.whatif, progress)
    impossible = {} if asked else {kind: because for kind in KINDS if (because := why_not(kind, facts))}
    now, *tried = judge.outcomes([(), change] if asked else [(), *_first(facts, impossible)])
    answer = WhatIf(scored, now, goal, not asked, (), tuple(tried), impossible, pd.DataFrame(),
                    scored["data_fingerprint"] != tables.fingerprint)
    if goal == now.type:
        raise NotChangeable(f"the book has changed since it was scored, and makes it {goal} already", "--to", "Score it again.")
    if not asked:
        answer = replace(answer, tried=(*answer.tried, *judge.outcomes(_closer(answer, facts))))
        answer = replace(answer, found=answer.smallest)
    shown = answer.tried if asked else answer.found
    return replace(answer, moved=judge.moved(shown[0])) if shown else answer


def facts_of(customer: str, as_of: str, loan: str | None, tables: Tables) -> Facts:
    """What of a customer can still be changed on a date.

    Raises
    ------
    NotChangeable
        The loan named is none of its active ones.
    """
    loans = loans_of(customer, as_of, tables)
    loans = loans[loans["is_active"] == 1].reset_index(drop=True)
    if loan is not None and loan not in set(loans["loan_id"]):
        there = ", ".join(loans["loan_id"]) or "none"
        raise NotChangeable(f"{loan} is no active loan of {customer}", "--loan", f"Name one of its active loans: {there}.")
    return Facts(record_of([customer], as_of, tables), loans, as_of, loan)


@dataclass(frozen=True)
class _Judge:
    """Makes changes to a customer's facts, measures them beside the rest of the book, and asks the model.

    ``rows`` are the features under each change that was measured; ``waited`` the type and the features that the time until a
    later date gives alone.
    """

    customer: str
    facts: Facts
    segmenter: Segmenter
    book: Standing
    weights: WhatIfSettings
    progress: Callable[[str, int], None]
    rows: dict[tuple[Edit, ...], pd.DataFrame] = field(default_factory=dict)
    waited: dict[str, tuple[str, pd.DataFrame]] = field(default_factory=dict)

    def outcomes(self, changes: Sequence[tuple[Edit, ...]]) -> list[Outcome]:
        """What each change comes to; those that cannot be made are left out."""
        edited = []
        for edits in changes:
            with suppress(NotChangeable):
                edited.append(made(edits, self.facts))
        if not edited:
            return []
        later = sorted({one.judged_on for one in edited} - {self.facts.as_of} - set(self.waited))
        alternatives = [Alternative(one.facts.rows, one.judged_on) for one in edited]
        alternatives += [Alternative(self.facts.rows, day) for day in later]  # the same time, and nothing done
        frame = measured_beside(self.customer, alternatives, self.book)
        must_have(self.segmenter, frame)
        is_active = frame["n_active_loans"] > 0
        frame = frame[[*KEYS, *self.segmenter.features]].assign(customer_id=[f"{number:06d}" for number in range(len(frame))])
        probabilities, types = self.segmenter.judge(frame).probabilities, self.segmenter.types
        given = [types[place] for place in probabilities.argmax(axis=1)]
        self.rows.update({one.edits: frame.iloc[[number]] for number, one in enumerate(edited)})
        self.waited.update({day: (given[number], frame.iloc[[number]]) for number, day in enumerate(later, len(edited))})
        self.progress("changes tried", len(edited))
        return [Outcome(one.edits, given[number], dict(zip(types, map(float, probabilities[number]))), one.judged_on, one.cost,
                        self._weight(one.cost), bool(is_active[number]), self.waited.get(one.judged_on, ("", None))[0])
                for number, one in enumerate(edited)]

    def moved(self, one: Outcome) -> pd.DataFrame:
        """The features that a change moves, with by how much each of them pushes further to the type that it gives."""
        frame = pd.concat([self.rows[()], self.rows[one.edits].assign(customer_id="changed")], ignore_index=True)
        order = np.argsort(-self.segmenter.judge(frame).probabilities[0], kind="stable")
        first, second = (self.segmenter.types[place] for place in order[:2])
        pair = (one.type, first) if one.type != first else (first, second)
        before, after = (frame.iloc[row][list(self.segmenter.features)].astype(float) for row in (0, 1))
        moved = moves(before, after, *contrasts(self.segmenter, frame, *pair))
        waited = self.waited[one.judged_on][1].iloc[0] if one.waited else before
        alone = np.array([float(waited[name]) for name in moved["feature"]])
        is_same = (alone == moved["after"]) | (np.isnan(alone) & moved["after"].isna())
        return moved.assign(is_of_time=is_same & bool(one.waited))

    def _weight(self, cost: Cost) -> float:
        w = self.weights
        return (w.cash_weight * cost.cash + w.security_weight * cost.security + w.limit_weight * cost.limit
                + w.postponed_weight * cost.postponed * cost.by_months / 12
                + w.month_weight * cost.months * float(self.facts.all_loans["balance"].sum()))


def _first(facts: Facts, impossible: Mapping[str, str]) -> list[tuple[Edit, ...]]:
    """Every kind of change at several sizes, and two kinds at a time."""
    kinds = [kind for kind in KINDS if kind not in impossible]
    alone = [(edit,) for kind in kinds for edit in _edits(kind, SIZES[kind], facts)]
    return alone + [pair for a, b in combinations(kinds, 2)
                    for pair in product(_edits(a, IN_PAIRS[a], facts), _edits(b, IN_PAIRS[b], facts))]


def _closer(answer: WhatIf, facts: Facts) -> list[tuple[Edit, ...]]:
    """Smaller changes than the smallest that reach what is searched for, not tried yet."""
    known = {one.edits for one in answer.tried}
    smaller = [edits for one in answer.smallest[:N_CLOSED_IN] for edits in _smaller(one, answer, facts)]
    return [edits for edits in dict.fromkeys(smaller) if edits not in known]


def _edits(kind: str, sizes: Sequence[float], facts: Facts) -> list[Edit]:
    if kind in MONTHS:
        return [Edit(kind, int(months)) for months in sizes]
    whole = {PAY_ARREARS: lambda: facts.overdue()["unpaid"].sum(), ADD_COLLATERAL: lambda: facts.loans["balance"].sum(),
             SET_LIMIT: lambda: facts.lines["commitment"].sum()}[kind]()
    return [Edit(kind, int(whole) if share == 1 else _round(whole * share)) for share in sizes]


def _round(cents: float) -> int:
    """To three digits, and whole units of the currency: nobody pledges 1,234,567.89."""
    digits = max(2, int(np.floor(np.log10(max(cents, 1)))) - 2)
    return int(np.ceil(cents / 10**digits) * 10**digits)


def _smaller(one: Outcome, answer: WhatIf, facts: Facts) -> list[tuple[Edit, ...]]:
    """The same change with one of its sizes smaller, in steps from the largest that was too small."""
    found = []
    for place, edit in enumerate(one.edits):
        nothing = int(facts.lines["commitment"].sum()) if edit.kind == SET_LIMIT else 0
        alike = [other.edits[place].size for other in answer.tried if other.kinds == one.kinds and not answer.reaches(other)
                 and all(a == b for at, (a, b) in enumerate(zip(other.edits, one.edits)) if at != place)]
        between = [size for size in alike if min(nothing, edit.size) < size < max(nothing, edit.size)]
        start = min(between, key=lambda size: abs(size - edit.size), default=nothing)
        for step in range(1, N_STEPS):
            size = start + (edit.size - start) * step / N_STEPS
            size = int(round(size)) if edit.kind in MONTHS else _round(size)
            if size not in (start, edit.size, 0):
                found.append((*one.edits[:place], Edit(edit.kind, size), *one.edits[place + 1 :]))
    return found
