"""What others say of a borrower: its yearly statements, and what it owes elsewhere as the credit register reports it.

The state speaks through the growth of sales, the EBITDA margin and the direction of the debt elsewhere; the rest follows
from our own loans, earlier figures, or noise.
"""

from __future__ import annotations

import math

import numpy as np

from pipeline.simulate import chances as says
from pipeline.simulate.borrowers import SEGMENTS
from pipeline.simulate.rows import Days, customer_id, money
from pipeline.simulate.story import Story

_LENDERS = ("bank_a", "bank_b", "bank_c", "bank_d", "leasing_a", "trust_a")
_OTHER_LENDERS = {"young": (0.50, 0.85, 0.97)}  # cumulative chances of none, one, two
_USUAL_OTHERS = (0.25, 0.65, 0.90)
_LEAST_CENTS, _MOST_SIZES = 20_000_000, 25  # a balance below, or debt of more usual loans, is moved by chance alone
_THOUSAND = 100_000  # a thousand yuan, in cents

_STATEMENT_SHARE = {"sme": 0.80, "young": 0.45}
_CORRECTED_SHARE, _SILENT_SHARE = 0.05, 0.04
_FIRST_DAYS, _LAST_DAYS = 60, 150  # from the year's end to the publication
_MARGINS = (0.09, 0.10, 0.13, 0.14, 0.11, 0.10, 0.24, 0.06, 0.12, 0.09, 0.19, 0.22)  # usual EBITDA over sales, by industry
_OTHERS_RATE = 0.05


def external_debt(story: Story, days: Days) -> tuple[list[tuple[int, str]], dict[int, int]]:
    """The quarterly reports of other lenders' balances, and the debt elsewhere by month, cents.

    A quarter's signal moves one balance well out of the range in which the others drift, so that it can be read. The
    last lender is never repaid in full, and a month without such a move has no signal.
    """
    noise, calendar, who = story.side_noise, story.calendar, story.borrower
    drawn, key = story.signals.elsewhere.copy(), customer_id(story)
    story.signals.elsewhere[:] = -1
    steps, pick = _OTHER_LENDERS.get(SEGMENTS[who.segment].name, _USUAL_OTHERS), noise()
    start = int(noise() * len(_LENDERS))
    names = [_LENDERS[(start + n) % len(_LENDERS)] for n in range(sum(pick >= step for step in steps))]
    owed = {name: _rounded(who.size_cents * math.exp(2.4 * noise() - 1.4)) for name in names}
    facts: list[tuple[int, str]] = []
    by_month = {}
    for month in range(who.arrival, calendar.months):
        if owed and calendar.month_of_year(month) % 3 == 0 and month > who.arrival and story.is_active[month - 1]:
            if facts and _move(owed, int(drawn[month]), story):
                story.signals.elsewhere[month] = drawn[month]
            day = calendar.day(month, 10 + int(noise() * 15))
            facts += [(day, f"{key},{name},{days[day]},{money(balance)}\n") for name, balance in owed.items()]
            owed = {name: balance for name, balance in owed.items() if balance}
        by_month[month] = sum(owed.values())
    return facts, by_month


def _move(owed: dict[str, int], how: int, story: Story) -> bool:
    """Move the balances by a quarter; return whether the signal could act."""
    noise, usual = story.side_noise, story.borrower.size_cents
    chosen = list(owed)[int(noise() * len(owed))]
    for name in owed:
        owed[name] = _rounded(owed[name] * (0.97 + 0.05 * noise()))
    by, rare = noise(), noise() < 0.25
    if owed[chosen] < _LEAST_CENTS or sum(owed.values()) > _MOST_SIZES * usual:
        owed[chosen] = _rounded(owed[chosen] * (3.0 if owed[chosen] < _LEAST_CENTS else 0.5))
        return False
    unused = [name for name in _LENDERS if name not in owed]
    if how == says.MORE and rare and unused:
        owed[unused[int(by * len(unused))]] = _rounded(max(usual * (0.2 + 0.6 * by), _LEAST_CENTS))
    elif how == says.MORE:
        owed[chosen] = _rounded(owed[chosen] * (1.10 + 0.35 * by))
    elif how == says.LESS:
        owed[chosen] = 0 if rare and len(owed) > 1 else _rounded(owed[chosen] * (0.65 + 0.25 * by))
    return True


def financials(story: Story, elsewhere: dict[int, int], days: Days) -> list[tuple[int, str]]:
    """The yearly statements of one customer, from two years before its first loan, if it has such an age.

    Growth and margin are told in the month of the publication; those of years that ended before the arrival are noise,
    and what the firm owed then, it owed to others.
    """
    noise, calendar, who, heard = story.side_noise, story.calendar, story.borrower, story.signals
    growths, margins = heard.growth.copy(), heard.margin.copy()
    heard.growth[:], heard.margin[:] = np.nan, np.nan
    has_none = noise() >= _STATEMENT_SHARE.get(SEGMENTS[who.segment].name, 0.97)
    first_day = min(loan.signed_on for loan in story.loans)
    founded = first_day - who.founded_days
    sales, others, before = 0, 0.01 + 0.12 * noise() ** 2, who.size_cents * (0.4 + 0.8 * noise())
    facts: list[tuple[int, str]] = []
    for month in range(who.arrival - 24, calendar.months):
        if has_none or calendar.month_of_year(month) != 11 or founded > calendar.first(month - 11):
            continue
        ends_on = calendar.first(month + 1) - 1
        told_on = max(ends_on + _FIRST_DAYS + int(noise() * (_LAST_DAYS - _FIRST_DAYS + 1)), first_day)
        told_in = calendar.month_of(told_on)
        if told_in >= calendar.months or not story.was_active(told_in):
            continue
        is_ours = month >= who.arrival
        growth = float(growths[month]) if is_ours else 0.05 + 0.15 * (2 * noise() - 1)
        margin = float(margins[month]) if is_ours else 0.12 * (noise() - 0.5)
        if is_ours:
            heard.growth[told_in] = growth if sales else np.nan
            heard.margin[told_in] = margin
        first = 7 * who.size_cents * math.exp(noise() + noise() - 1)
        sales = _rounded(sales * math.exp(growth) if sales else first)
        earned = _rounded(sales * (_MARGINS[who.industry] + margin))
        year = [story.month_ends[m].yearly_interest for m in range(month - 11, month + 1) if m in story.month_ends]
        borrowed = (elsewhere[month] if is_ours else elsewhere[who.arrival] + before) + sales * others
        interest = _rounded((sum(year) / 12 + borrowed * _OTHERS_RATE) * (0.9 + 0.2 * noise()))
        own = story.month_ends[month].balance if is_ours else 0
        debt = _rounded((own + borrowed) * (1.0 + 0.1 * noise()))
        text = f"{money(interest)},{money(debt)}" if noise() >= _SILENT_SHARE else f",{money(debt)}"
        head = f"{customer_id(story)},{days[ends_on]}"
        facts.append((told_on, f"{head},{days[told_on]},{money(sales)},{money(earned)},{text}\n"))
        if noise() < _CORRECTED_SHARE:
            again, less = told_on + 30 + int(noise() * 150), 0.01 + 0.02 * noise()
            earned -= _rounded(sales * less)
            facts.append((again, f"{head},{days[again]},{money(sales)},{money(earned)},{text}\n"))
    return facts


def _rounded(cents: float) -> int:
    return round(cents / _THOUSAND) * _THOUSAND
