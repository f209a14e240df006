"""Contacts and fees: how often bank and customer speak, what about, and what the services cost."""

from __future__ import annotations

from pipeline.simulate.rows import Days, customer_id, money
from pipeline.simulate.story import Story

_UNHEARD_SHARE = 0.06  # customers of branches that keep no record of contacts
_KINDS = ((0.35, "meeting"), (0.85, "call"), (1.0, "service"))
_COMMITMENT_RATE, _GUARANTEE_RATE, _PREPAYMENT_RATE = 0.0025, 0.010, 0.005
_ARRANGEMENT_RATES = {"term": 0.002, "revolver": 0.002, "project": 0.006, "guarantee": 0.001}
_THOUSAND = 100_000  # a thousand yuan, in cents


def contacts(story: Story, days: Days) -> list[tuple[int, str]]:
    """The contacts of one customer while it has loans; signals of other months are erased."""
    noise, heard = story.side_noise, story.signals
    signals = (heard.meet, heard.complain, heard.complain_of_rate)
    is_unheard = noise() < _UNHEARD_SHARE
    found: list[tuple[int, str]] = []
    for month in range(story.borrower.arrival, story.calendar.months):
        if is_unheard or not story.was_active(month):
            for signal in signals:
                signal[month] = -1
            continue
        kinds = [_kind(noise()) for _ in range(int(heard.meet[month]))]
        kinds += ["complaint"] * int(heard.complain[month]) + ["rate_complaint"] * int(heard.complain_of_rate[month])
        found += [(story.calendar.day(month, 1 + int(noise() * 28)), kind) for kind in kinds]
    key = customer_id(story)
    return [(day, f"{key},{n},{days[day]},{kind}\n") for n, (day, kind) in enumerate(sorted(found), start=1)]


def _kind(pick: float) -> str:
    return next(kind for step, kind in _KINDS if pick < step)


def fees(story: Story, days: Days) -> list[tuple[int, str]]:
    """The fees of one customer: what its loans, unused lines and guarantees cost, and its account."""
    noise, calendar, found = story.side_noise, story.calendar, []
    account = int(story.borrower.size_cents * (0.00005 + 0.0003 * noise())) + _THOUSAND
    for loan in story.loans:
        if (amount := int(loan.committed * _ARRANGEMENT_RATES[loan.product] * (0.5 + noise()))) and noise() < 0.8:
            found.append((loan.signed_on, amount, "arrangement"))
        if noise() < 0.5 and loan.product != "revolver":
            early = [p for i in loan.instalments if i.scheduled_on == i.due_on and not i.principal for p in i.payments]
            found += [(booked or day, int(paid * _PREPAYMENT_RATE), "prepayment") for day, paid, booked in early]
    for month, end in story.month_ends.items():
        if calendar.month_of_year(month) % 3 != 2 or not story.is_active[month]:
            continue
        day = calendar.day(month, 28)
        found += [
            (day, int(end.unused * _COMMITMENT_RATE / 4), "commitment"),
            (day, int(end.guaranteed * _GUARANTEE_RATE / 4), "guarantee"),
            (day, int(account * (0.8 + 0.4 * noise())), "account"),
        ]
    key = customer_id(story)
    some = enumerate(sorted(fee for fee in found if fee[1] > 0), start=1)
    return [(day, f"{key},{n},{days[day]},{money(amount)},{kind}\n") for n, (day, amount, kind) in some]
