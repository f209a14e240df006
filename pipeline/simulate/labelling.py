"""Four analysts type a part of the book each quarter: late, with habits of their own, not always right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.simulate.borrowers import STATES

FIRST_LABEL_MONTH = 18
_ANALYSTS = ("analyst_a", "analyst_b", "analyst_c", "analyst_d")
_ERROR_RANGE = (0.04, 0.15)
_CHOSEN_SHARE = 0.35
_SECOND_OPINION_SHARE = 0.12
_DELAY_DAYS = (5, 60)
_AFTERGLOW_MONTHS = 3  # a borrower is still typed this long after its last loan
# Which type is taken for which, before each analyst's own habits (risk, churn, strategic, growth, stable).
_NEIGHBOURS = np.array(
    [
        [0.0, 2.0, 0.3, 1.0, 2.0],
        [1.5, 0.0, 0.2, 0.5, 3.0],
        [0.3, 0.7, 0.0, 1.5, 3.0],
        [1.5, 0.5, 1.0, 0.0, 3.0],
        [1.0, 2.0, 1.5, 2.0, 0.0],
    ]
)


@dataclass(frozen=True)
class Label:
    """One analyst's word on one customer and date, and the truth behind it."""

    month: int
    as_of: int
    analyst: str
    given: int
    true: int
    labelled_on: int


class Desk:
    """The analysts: error rates spread over the range, and whom each takes for whom, shape (4, 5, 5)."""

    def __init__(self, rng: np.random.Generator) -> None:
        low, high = _ERROR_RANGE
        width = (high - low) / len(_ANALYSTS)
        self.error_rates = rng.permutation(
            low + width * (np.arange(len(_ANALYSTS)) + rng.random(len(_ANALYSTS)))
        )
        habits = _NEIGHBOURS * rng.gamma(1.0, size=(len(_ANALYSTS), len(STATES), len(STATES)))
        self.habits = np.cumsum(habits / habits.sum(axis=2, keepdims=True), axis=2)

    def label(
        self,
        states: np.ndarray,
        is_active: np.ndarray,
        quarter_ends: list[tuple[int, int]],
        last_day: int,
        rng: np.random.Generator,
    ) -> list[Label]:
        """Type one customer on some of the quarter ends on which it is active or has only just left.

        Half of the mistakes in the three months after a change name the state before it, and there are
        twice as many of them.
        """
        labels = []
        for month, as_of in quarter_ends:
            draws = rng.random(13).tolist()
            longest = min(_DELAY_DAYS[1], last_day - as_of)
            if (
                draws[0] >= _CHOSEN_SHARE
                or longest < _DELAY_DAYS[0]
                or not is_active[max(month - _AFTERGLOW_MONTHS, 0) : month + 1].any()
            ):
                continue
            first = int(draws[1] * 4)
            who = (
                [first] if draws[2] >= _SECOND_OPINION_SHARE else [first, (first + 1 + int(draws[3] * 3)) % 4]
            )
            true, before = int(states[month]), int(states[max(month - 3, 0)])
            for turn, analyst in enumerate(who):
                err, old, other, delay = draws[4 + 4 * turn : 8 + 4 * turn]
                has_changed = before not in (true, -1)
                given = true
                if err < self.error_rates[analyst] * (2 if has_changed else 1):
                    given = (
                        before
                        if has_changed and old < 0.5
                        else int((other >= self.habits[analyst, true, :4]).sum())
                    )
                late = _DELAY_DAYS[0] + int(delay * (longest - _DELAY_DAYS[0] + 1))
                labels.append(Label(month, as_of, _ANALYSTS[analyst], given, true, as_of + late))
        return sorted(labels, key=lambda x: (x.as_of, x.analyst))
