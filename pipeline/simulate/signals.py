"""What a borrower's state lets through each month.

Every month a borrower emits a handful of signals drawn given its hidden state (and its temper and appetite,
which never change). The tables are made from these signals and from noise that does not know the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.simulate import chances as of
from pipeline.simulate.borrowers import Borrower


@dataclass
class Signals:
    """The signals of one borrower, one a month; -1, NaN or 0 loans where the month reveals nothing.

    A year's ``growth`` and ``margin`` are drawn given the state at the year's end. Drawn, they stand in its last month;
    told, in the month in which the statement is published.
    """

    pay: np.ndarray
    prepay: np.ndarray
    limit: np.ndarray
    new_loan: np.ndarray
    renew: np.ndarray
    forbear: np.ndarray
    first_loans: np.ndarray
    use: np.ndarray
    n_loans: np.ndarray
    size_sum: np.ndarray
    rate_sum: np.ndarray
    renegotiate: np.ndarray
    review: np.ndarray
    meet: np.ndarray
    complain: np.ndarray
    complain_of_rate: np.ndarray
    elsewhere: np.ndarray
    growth: np.ndarray
    margin: np.ndarray

    def forget(self, until: int) -> None:
        """Erase all signals of the months before one."""
        for name in self.__dataclass_fields__:
            signal = getattr(self, name)
            if signal.dtype == np.int8:
                signal[:until] = -1
        for signal in (self.use, self.growth, self.margin):
            signal[:until] = np.nan


_PAY_LADDER = np.cumsum(of.pay_chances(), axis=-1)[..., :-1]
_LADDERS = {name: np.cumsum(table, axis=-1)[:, :-1] for name, table in of.TABLES.items()}
_LATER = ("renegotiate", "review", "meet", "complain", "complain_of_rate", "elsewhere")


def draw_signals(
    borrower: Borrower, month_of_year: np.ndarray, rng: np.random.Generator, side: np.random.Generator
) -> Signals:
    """Draw what a borrower's states let through, for every month since its arrival.

    The signals of the loans come from one stream, those of the other tables from another.
    """
    months = len(month_of_year)
    states = np.maximum(borrower.states, 0)
    draws, others = rng.random((7, months)), side.random((len(_LATER), months))
    new_loan = of.NEW_LOAN[states] * of.APPETITE[borrower.appetite]
    use = (
        of.USE[states]
        + of.USE_SHIFT[borrower.appetite]
        + of.mean_use(borrower.segment, borrower.industry, month_of_year)
        + of.USE_SPREAD * rng.standard_normal(months)
    )
    yearly = side.standard_normal((2, months))
    return Signals(
        pay=_pick(_PAY_LADDER[borrower.temper], states, draws[0]),
        prepay=_pick(_LADDERS["prepay"], states, draws[1]),
        limit=_pick(_LADDERS["limit"], states, draws[2]),
        new_loan=(draws[3] < new_loan).astype(np.int8),
        renew=(draws[4] < of.RENEW[states]).astype(np.int8),
        forbear=(draws[5] < of.FORBEAR[states]).astype(np.int8),
        first_loans=_pick(_LADDERS["first_loans"], states, draws[6]),
        use=use,
        n_loans=np.zeros(months),
        size_sum=np.zeros(months),
        rate_sum=np.zeros(months),
        growth=of.GROWTH[states] + of.GROWTH_SPREAD * yearly[0],
        margin=of.MARGIN[states] + of.MARGIN_SPREAD * yearly[1],
        **{name: _pick(_LADDERS[name], states, row) for name, row in zip(_LATER, others, strict=True)},
    )


def _pick(ladder: np.ndarray, states: np.ndarray, draws: np.ndarray) -> np.ndarray:
    return (draws[:, None] >= ladder[states]).sum(axis=1).astype(np.int8)


def draw_terms(state: int, rng: np.random.Generator) -> tuple[float, float]:
    """Draw the size (logarithm, against the usual) and the margin of a new loan."""
    first, second = rng.standard_normal(2).tolist()
    return float(of.SIZE[state]) + of.SIZE_SPREAD * first, float(of.RATE[state]) + of.RATE_SPREAD * second


def uniforms(rng: np.random.Generator) -> Callable[[], float]:
    """Uniform numbers, one a call: the noise that does not know the state."""

    def stream() -> Iterator[float]:
        while True:
            yield from rng.random(256).tolist()

    return stream().__next__
