"""Ratings: a grade at the first loan, a review each year, and a new decision when arrears change the stage.

A review moves the grade as the year's signal says. In default is who is over 90 days past due, or over 30 in the year
after a forbearance (EBA: non-performing again). Everything else in a row follows from the grade, from arrears and
forbearance that the book shows too, or from noise.
"""

from __future__ import annotations

from pipeline.simulate import chances as says
from pipeline.simulate.borrowers import SEGMENTS
from pipeline.simulate.monthend import MonthEnd
from pipeline.simulate.rows import Days, customer_id, money
from pipeline.simulate.story import Story

_UNRATED_SHARE = {"young": 0.35, "sme": 0.12}
_FIRST_GRADE = {"sme": 8, "young": 9, "project": 7, "state": 5, "foreign": 5}
_WORST, _DEFAULT = 15, 16  # the last grade that a review gives, and that of customers in default
_WATCHED_GRADE, _DOUBTFUL_GRADE = 11, 12
_BACKSTOP_DAYS, _DEFAULT_DAYS, _PROBATION_MONTHS = 30, 90, 12
_LGD = {"none": 0.45, "collateral": 0.28, "guarantee": 0.36}
_LATE_SHARE, _LATE_DAYS = 0.06, 30
_STEP = {says.BETTER: -1, says.SAME: 0, says.WORSE: 1, says.MUCH_WORSE: 2}


def ratings(story: Story, days: Days) -> list[tuple[int, str]]:
    """The rating decisions of one customer; a signal that no review lets through is erased."""
    noise, heard, who, calendar = story.side_noise, story.signals.review, story.borrower, story.calendar
    segment, drawn = SEGMENTS[who.segment].name, heard.copy()
    heard[:] = -1
    is_unrated, month_of_review = noise() < _UNRATED_SHARE.get(segment, 0.0), int(noise() * 12)
    grade = _FIRST_GRADE[segment] + int(noise() * 5) - 2
    running, forborne_in, stage_before, facts = 20_000 + 40_000 * noise(), -_PROBATION_MONTHS, 1, []
    for month in () if is_unrated else range(who.arrival, calendar.months):
        end = story.month_ends[month]
        forborne_in = month if end.has_forborne else forborne_in
        if not story.is_active[month]:
            continue
        is_first, is_due = not facts, calendar.month_of_year(month) == month_of_review and month - who.arrival > 2
        day = calendar.day(month, 28) + int(noise() * (calendar.first(month + 1) - calendar.day(month, 28)))
        late = day - end.unpaid_since if end.unpaid_since else 0
        on_probation = month - forborne_in < _PROBATION_MONTHS
        in_default = late > (_BACKSTOP_DAYS if on_probation else _DEFAULT_DAYS)
        if is_due and not is_first and not in_default:
            if grade == 1 or grade >= _WORST - 1:  # at an end of the scale it comes back, whatever the state
                grade += (1 if grade == 1 else -1) * int(noise() < 0.5)
            else:
                heard[month] = drawn[month]
                grade += _STEP[int(drawn[month])]
        is_doubtful = late > _BACKSTOP_DAYS or grade >= _DOUBTFUL_GRADE or on_probation
        stage = 3 if in_default else 2 if is_doubtful else 1
        if is_first or is_due or stage != stage_before:
            shown = _DEFAULT if stage == 3 else grade
            learnt = day + 1 + int(noise() * _LATE_DAYS) if noise() < _LATE_SHARE else 0
            is_watched = stage > 1 or grade >= _WATCHED_GRADE
            cost = int(running + end.committed / 100 * 0.0003) // 100 * 100 * 100
            facts.append((
                learnt or day,
                f"{customer_id(story)},{days[day]},{shown},{stage},{'true' if is_watched else 'false'},{_pd(shown):.4f},"
                f"{_lgd(end):.4f},{money(cost)},{days[learnt]}\n",
            ))
            stage_before = stage
    return facts


def _pd(grade: int) -> float:
    """Chance of default within a year: it grows by half with each notch."""
    return 1.0 if grade == _DEFAULT else 0.0006 * 1.5**grade


def _lgd(end: MonthEnd) -> float:
    """Loss given default by the mix of securities."""
    return sum(_LGD[kind] * amount for kind, amount in end.by_security.items()) / max(end.committed, 1)
