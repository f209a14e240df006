"""A book in which a column says something else, while every row still keeps the rules of its table."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from generated import ROUND, Rows, days_around, shift

from features.contract import Column
from features.contracts import CONTRACTS

#: The ids and running numbers that rows are joined and told apart by.
KEYS = {"customer_id", "loan_id", "instalment", "payment", "drawdown", "fee", "contact"}
#: What a feature can say that it reads: no key and no day of booking; and not the currency, which a book has but one of.
COLUMNS = tuple(f"{table.name}.{column.name}" for table in CONTRACTS.values() for column in table.columns
                if column.name not in KEYS | {"currency"} and not column.name.endswith("recorded_on"))
DAYS = (-61, -30, -1, 1, 2, 30, 61)
FACTORS = (0.5, 0.98, 1.02, 1.5, 2)
OPEN_END = "9999"


def told_otherwise(book: Rows, column: str, as_of: str, random: Random) -> Rows:
    """The book with other values in some, in many or in all rows of the column (``table.column``)."""
    table, _, name = column.partition(".")
    rows = [dict(row) for row in book[table]]
    taken, often = {_key(table, row) for row in rows}, random.choice((0.3, 0.7, 1))
    for together in _groups(table, name, rows):
        values = _values(CONTRACTS[table].column(name), together[0].get(name) or "", rows, as_of, random)
        for row in together:
            values = _allowed(values, book, table, name, row)
        if values and random.random() < often:
            value = random.choice(values)
            keys = {_key(table, row | {name: value}) for row in together}
            if name not in CONTRACTS[table].key or not keys & taken:
                taken |= keys
                for row in together:
                    row[name] = value
    return book | {table: rows}


def _key(table: str, row: dict) -> tuple[str, ...]:
    return tuple(str(row[column]) for column in CONTRACTS[table].key)


def _groups(table: str, name: str, rows: list[dict]) -> list[list[dict]]:
    """Rows that have to say the same in the column."""
    repeats, groups = CONTRACTS[table].repeats, defaultdict(list)
    for number, row in enumerate(rows):
        groups[tuple(str(row[c]) for c in repeats.group) if repeats and name in repeats.columns else number].append(row)
    return list(groups.values())


def _values(column: Column, old: str, rows: list[dict], as_of: str, random: Random) -> list[str]:
    """Other values for the column: near the old one, at an edge, anywhere; and none at all where that may be."""
    if column.one_of:
        found = list(column.one_of)
    elif column.kind == "date":
        found = days_around(as_of) + [shift(old, days) for days in DAYS * 3 if old]
    elif column.kind == "money":
        found = [*ROUND, *["0"] * 4, f"{random.randint(1, 300_00) / 100:.2f}"]
        found += [f"{abs(float(old)) * factor:.2f}" for factor in FACTORS if old]
    elif column.kind == "number":
        found = ["0", "0.5", *(f"{random.randint(1, 2000) / 10_000:.4f}" for _ in range(6))]
    elif column.kind == "integer":
        found = ["1", "2", "3"]
    elif column.kind == "flag":
        found = ["true", "false"]
    else:
        found = sorted({"another", *(row.get(column.name) or "another" for row in rows)})
    if column.may_be_empty:
        found += [""] * (1 + len(found) // 4)
    return [value for value in found if value != old]


def _allowed(values: list[str], book: Rows, table: str, name: str, row: dict) -> list[str]:
    """Those of the values with which the row keeps the rules."""
    if name in ("paid_on", "amount_paid", "returned_on") and not row["paid_on"]:
        return []
    if name in ("paid_on", "amount_paid"):  # both filled or both empty
        values = [value for value in values if value]
    if table == "links" and name in ("from_id", "to_id"):
        values = [value for value in values if value not in (row["from_id"], row["to_id"])]
    if (table, name) == ("drawdowns", "amount"):
        values = [value for value in values if float(value)]
    if CONTRACTS[table].column(name).kind != "date":
        return values
    first, last = _between(book, table, name, row)
    return [value for value in values if not value or first <= value <= last]


def _between(book: Rows, table: str, name: str, row: dict) -> tuple[str, str]:
    """The first and the last day that the rules about the order of days leave to the column."""
    before, after = [""], [OPEN_END]
    for rule in CONTRACTS[table].rules:
        later, _, earlier = rule.name.partition(" is before ")
        before += [row.get(earlier) or ""] if name == later else []
        after += [row.get(later) or OPEN_END] if name == earlier else []
    for other, contract in CONTRACTS.items():
        for own, of_loan in (pair for reference in contract.references for pair in reference.not_before):
            if (table, name) == (other, own):
                before += [loan[of_loan] for loan in book["loans"] if loan["loan_id"] == row["loan_id"]]
            elif (table, name) == ("loans", of_loan):
                after += [fact.get(own) or OPEN_END for fact in book.get(other, ()) if fact["loan_id"] == row["loan_id"]]
    return max(before), min(after)
