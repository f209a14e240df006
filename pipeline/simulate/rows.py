"""The simulator's stories as rows of the book's tables, cut at the last day as a bank's extract would be."""

from __future__ import annotations

from datetime import date

from pipeline.simulate.ledger import Loan
from pipeline.simulate.story import Story

COLUMNS = {
    "customers": "customer_id,name,country,region,industry,ownership,group_id,founded_on,onboarded_on",
    "loans": "loan_id,customer_id,product,purpose,currency,signed_on,matures_on,committed_amount,annual_rate,"
    "funding_rate,security,guarantor_id,closed_on",
    "repayments": "loan_id,instalment,payment,due_on,principal_due,interest_due,paid_on,amount_paid,"
    "scheduled_on,superseded_on,superseded_by,recorded_on",
    "drawdowns": "loan_id,drawdown,drawn_on,amount",
    "limits": "loan_id,changed_on,committed_amount,cause",
    "rates": "loan_id,changed_on,annual_rate,cause",
    "collateral": "loan_id,collateral_id,valued_on,value,haircut,kind,recorded_on",
    "fees": "customer_id,fee,charged_on,amount,kind",
    "ratings": "customer_id,rated_on,grade,stage,is_watchlisted,pd,lgd,annual_cost,recorded_on",
    "contacts": "customer_id,contact,contacted_on,kind",
    "links": "from_id,to_id,kind,linked_on,ended_on,amount,share",
    "financials": "customer_id,period_ends_on,published_on,sales,ebitda,interest_expense,total_debt",
    "external_debt": "customer_id,lender,reported_on,balance",
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
    sign, cents = "-" if cents < 0 else "", abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02d}"


def customer_id(story: Story) -> str:
    """Key of a customer."""
    return f"C{story.borrower.number:05d}"


def loan_id(story: Story, loan: Loan) -> str:
    """Key of a loan."""
    return f"L{story.borrower.number:05d}-{loan.number:02d}"


def known(facts: list[tuple[int, str]], last_day: int) -> list[str]:
    """The rows, each with the day on which the bank learns of it, that a day's extract has."""
    return [row for day, row in facts if day <= last_day]


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
    """The rows of loans, repayments, drawdowns, limits and rates of one customer, known by the last day."""
    rows: dict[str, list[str]] = {"loans": [], "repayments": [], "drawdowns": [], "limits": [], "rates": []}
    for loan in story.loans:
        if loan.signed_on > last_day:
            continue
        key = loan_id(story, loan)
        funding = "" if loan.product == "guarantee" else f"0.{loan.funding:04d}"
        closed = loan.closed_on if loan.closed_on <= last_day else 0
        rows["loans"].append(
            f"{key},{customer_id(story)},{loan.product},{loan.purpose},CNY,{days[loan.signed_on]},{days[loan.matures_on]},"
            f"{money(loan.committed)},0.{loan.rates[0][1]:04d},{funding},{loan.security},{loan.guarantor},{days[closed]}\n"
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
        rows["rates"] += [
            f"{key},{days[day]},0.{rate:04d},{cause}\n" for day, rate, cause in loan.rates[1:] if day <= last_day
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
