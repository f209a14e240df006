"""What stands behind the loans, whatever the state: pledged assets, guarantors, owners, and circles of guarantees."""

from __future__ import annotations

from pipeline.simulate.borrowers import SEGMENTS
from pipeline.simulate.rows import Days, customer_id, loan_id, money
from pipeline.simulate.story import Story

_THOUSAND = 100_000  # a thousand yuan, in cents
# Kind of asset: its haircut, and the least and most that a year does to its value.
_ASSETS = {
    "property": (0.30, -0.06, 0.06),
    "land": (0.35, -0.05, 0.08),
    "equipment": (0.50, -0.16, -0.04),
    "receivables": (0.40, -0.12, 0.12),
    "inventory": (0.55, -0.15, 0.10),
}
_LATE_SHARE, _LATE_DAYS = 0.08, 40
_IN_CIRCLE_SHARE = 0.07  # of small firms
_FEWEST, _MOST = 3, 5


def collateral(story: Story, days: Days) -> list[tuple[int, str]]:
    """The valuations of pledged assets: at signing, yearly, and at zero when the loan is closed."""
    noise, facts = story.side_noise, []
    horizon = story.calendar.first(story.calendar.months)
    for loan in story.loans:
        if loan.security != "collateral":
            continue
        end = loan.closed_on or horizon
        kind = "land" if loan.product == "project" else list(_ASSETS)[int(noise() * len(_ASSETS))]
        haircut, least, most = _ASSETS[kind]
        value, day = loan.committed * (1.1 + 1.1 * noise()), loan.signed_on
        key = f"{loan_id(story, loan)},{loan_id(story, loan)}-A"
        while day < end:
            learnt = day + 5 + int(noise() * _LATE_DAYS) if noise() < _LATE_SHARE else 0
            amount = money(round(value / _THOUSAND) * _THOUSAND)
            facts.append((learnt or day, f"{key},{days[day]},{amount},{haircut},{kind},{days[learnt]}\n"))
            value *= 1 + least + (most - least) * noise()
            day += 350 + int(noise() * 30)
        if loan.closed_on:
            facts.append((end, f"{key},{days[end]},0.00,{haircut},{kind},\n"))
    return facts


class Register:
    """Guarantees and ownership between customers; each customer's links are to those who came before it."""

    def __init__(self) -> None:
        self._leads: dict[str, str] = {}
        self._waiting: list[tuple[str, int, int]] = []  # customer, month of arrival, usual loan
        self._wanted = _FEWEST

    def links(self, story: Story, last_day: int, days: Days) -> list[tuple[int, str]]:
        """The links that one customer brings with it."""
        facts = self._guarantees(story, last_day, days) + self._owners(story, days)
        noise, who = story.side_noise, story.borrower
        if SEGMENTS[who.segment].name == "sme" and noise() < _IN_CIRCLE_SHARE:
            self._waiting.append((customer_id(story), who.arrival, int(who.size_cents)))
        if len(self._waiting) == self._wanted:
            facts += self._circle(story, days)
        return facts

    def _guarantees(self, story: Story, last_day: int, days: Days) -> list[tuple[int, str]]:
        """Who guarantees its loans, if it is a customer or the parent of a group."""
        found: dict[tuple[str, int], tuple[int, int]] = {}
        for loan in story.loans:
            if loan.guarantor and not loan.guarantor.startswith("X"):
                key = loan.guarantor, loan.signed_on
                amount, end = found.get(key, (0, loan.closed_on))
                found[key] = amount + loan.committed, max(end, loan.closed_on) if end and loan.closed_on else 0
        return [
            (day, f"{giver},{customer_id(story)},guarantee,{days[day]},{days[end if end <= last_day else 0]},{money(amount)},\n")
            for (giver, day), (amount, end) in found.items()
        ]

    def _owners(self, story: Story, days: Days) -> list[tuple[int, str]]:
        """The parent of its group owns it, or the first customer of the group does."""
        group, key = story.borrower.facts["group_id"], customer_id(story)
        if not group:
            return []
        lead = self._leads.setdefault(group, key)
        owner = lead if lead != key and story.side_noise() < 0.5 else group
        day = min(loan.signed_on for loan in story.loans) - story.borrower.onboarded_days
        share = 0.3 + 0.7 * story.side_noise() if owner == group else 0.2 + 0.6 * story.side_noise()
        return [(day, f"{owner},{key},ownership,{days[day]},,,{share:.2f}\n")]

    def _circle(self, story: Story, days: Days) -> list[tuple[int, str]]:
        """Those who wait guarantee each other in a ring, a while after the last of them has come."""
        ring, self._waiting = self._waiting, []
        noise, facts = story.side_noise, []
        self._wanted = _FEWEST + int(noise() * (_MOST - _FEWEST + 1))
        day = story.calendar.day(max(arrival for _, arrival, _ in ring) + 1 + int(noise() * 6), 1 + int(noise() * 28))
        for (giver, _, _), (taker, _, size) in zip(ring, ring[1:] + ring[:1], strict=True):
            amount = money(round(size * (0.4 + 0.6 * noise()) / _THOUSAND) * _THOUSAND)
            facts.append((day, f"{giver},{taker},guarantee,{days[day]},,{amount},\n"))
        return facts
