"""The simulator's stories as rows of the book's tables, cut at the last day as a bank's extract would be."""

from __future__ import annotations

from datetime import date

from pipeline.simulate.ledger import Loan
from pipeline.simulate.story import Story

COLUMNS = {
    "customers": "customer_id,name,country,region,industry,ownership,group_id,founded_on,onboarded_on",
    "loans": "loan_id,customer_id,product,purpose,currency,signed_on,matures_on,committed_amount,annual_rate,"
    "security,guarantor_id,closed_on",
    "repayments": "loan_id,instalment,payment,due_on,principal_due,interest_due,paid_on,amount_paid,"
    "scheduled_on,superseded_on,superseded_by,recorded_on",
    "drawdowns": "loan_id,drawdown,drawn_on,amount",
    "limits": "loan_id,changed_on,committed_amount,cause",
    "labels": "customer_id,as_of,type,analyst,labelled_on",
}


class Days(dict):
    """Text of a day number, ``2025-12-31``; empty for 0, which stands for no day."""

    def __missing__(self, day: int) -> str:
        text = date.fromordinal(day).isoformat() if day else ""
        self[day] = text
        return text


def money(cents: int) -> str:
    """Cents as an amount with two places."""
    return f"{cents // 100}.{cents % 100:02d}"


def customer_row(story: Story, days: Days) -> str:
    """The customers row: dates count back from the first loan; a few foundation days are not known."""
    who, facts = story.borrower, story.borrower.facts
    first = min(loan.signed_on for loan in story.loans)
    founded = first - who.founded_days if who.number % 29 else 0
    return (
        f"C{who.number:05d},{facts['name']},{facts['country']},{facts['region']},{facts['industry']},{facts['ownership']},"
        f"{facts['group_id']},{days[founded]},{days[first - who.onboarded_days]}\n"
    )


def loan_rows(story: Story, last_day: int, days: Days) -> dict[str, list[str]]:
    """The rows of loans, repayments, drawdowns and limits of one customer, known by the last day."""
    rows: dict[str, list[str]] = {"loans": [], "repayments": [], "drawdowns": [], "limits": []}
    for loan in story.loans:
        if loan.signed_on > last_day:
            continue
        key = f"L{story.borrower.number:05d}-{loan.number:02d}"
        closed = loan.closed_on if loan.closed_on <= last_day else 0
        rows["loans"].append(
            f"{key},C{story.borrower.number:05d},{loan.product},{loan.purpose},CNY,{days[loan.signed_on]},{days[loan.matures_on]},"
            f"{money(loan.committed)},0.{loan.rate:04d},{loan.security},{loan.guarantor},{days[closed]}\n"
        )
        rows["repayments"] += _repayment_rows(loan, key, last_day, days)
        drawn = [d for d in loan.drawdowns if d[0] <= last_day]
        rows["drawdowns"] += [
            f"{key},{n},{days[day]},{money(amount)}\n" for n, (day, amount) in enumerate(drawn, start=1)
        ]
        rows["limits"] += [
            f"{key},{days[day]},{money(limit)},{cause}\n"
            for day, limit, cause in loan.limits
            if day <= last_day
        ]
    return rows


def _repayment_rows(loan: Loan, key: str, last_day: int, days: Days) -> list[str]:
    rows = []
    for item in loan.instalments:
        if item.scheduled_on > last_day:
            continue
        void = item.superseded_on if item.superseded_on <= last_day else 0
        interest = "" if item.interest is None else money(item.interest)
        due = f"{days[item.due_on]},{money(item.principal)},{interest}"
        fate = f"{days[item.scheduled_on]},{days[void]},{item.superseded_by if void else ''}"
        known = [p for p in item.payments if (p[2] or p[0]) <= last_day]
        if not known and item.payments and not item.principal and not item.interest:
            continue  # an unscheduled payment not yet in the books
        rows += [
            f"{key},{item.number},{n},{due},{days[day]},{money(amount)},{fate},{days[booked]}\n"
            for n, (day, amount, booked) in enumerate(known, start=1)
        ]
        if not known:
            rows.append(f"{key},{item.number},1,{due},,,{fate},\n")
    return rows
