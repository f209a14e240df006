"""What a borrower's loans look like at a month's end: what ratings, fees and statements are made from."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.simulate.ledger import Loan, interest_cents


class MonthEnd(NamedTuple):
    """What the books show at a month's end; amounts in cents."""

    unpaid_since: int  # day on which the oldest unpaid instalment was due, 0 without one
    has_forborne: bool  # in this month
    balance: int
    committed: int
    unused: int  # of credit lines
    guaranteed: int
    yearly_interest: int
    by_security: dict[str, int]  # committed


def look(loans: list[Loan], day: int, has_forborne: bool) -> MonthEnd:
    """Look at the open loans on the last day of a month on which anything happens."""
    unpaid = [late[0].due_on for late in (loan.overdue(day) for loan in loans) if late]
    by_security = dict.fromkeys(("none", "collateral", "guarantee"), 0)
    for loan in loans:
        by_security[loan.security] += loan.limit
    return MonthEnd(
        unpaid_since=min(unpaid, default=0),
        has_forborne=has_forborne,
        balance=sum(x.balance for x in loans),
        committed=sum(x.limit for x in loans),
        unused=sum(max(x.limit - x.balance, 0) for x in loans if x.product == "revolver"),
        guaranteed=sum(x.limit for x in loans if x.product == "guarantee"),
        yearly_interest=sum(interest_cents(x.balance, x.rate, 12) for x in loans),
        by_security=by_security,
    )
