"""Which rules a row breaks, in words; the same on every engine."""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from features.contract import Column, Contract

BETWEEN_REASONS = " | "
_A_KIND = {"date": "a date (YYYY-MM-DD)", "money": "an amount", "number": "a number", "integer": "a whole number",
           "flag": "true or false", "text": "text"}


def unread(column: Column) -> str:
    """What to say of a value that is not of its column's kind."""
    return f"{column.name} is not {_A_KIND[column.kind]}"


def key_columns(contract: Contract) -> list[str]:
    """Names under which the key columns travel beside the raw ones."""
    return [f"key {column}" for column in contract.key]


def join_keys(contract: Contract) -> list[str]:
    """The engine's own join keys that rows of a table carry from the table they refer to."""
    return [f"{reference.table[:-1]}_key" for reference in contract.references]


def judge(contract: Contract, typed: nw.LazyFrame, table: Callable[[str], nw.LazyFrame]) -> nw.LazyFrame:
    """Add ``why``: the names of the rules that a row breaks, empty where it keeps them all; and the join keys.

    ``typed`` has the contract's columns and ``unread``, what could not be read; ``table`` gives a table that is kept.
    """
    from_columns = contract.column_rules()
    empties = [r for r in from_columns if r.name.endswith(" is empty")]
    others = [r for r in (*from_columns, *contract.rules) if r not in empties]
    reasons = [nw.when(nw.col("unread") != "").then(nw.col("unread"))]
    for rule in empties:
        column = contract.column(rule.name.removesuffix(" is empty"))
        is_unread = nw.col("unread").str.contains(unread(column), literal=True)
        reasons.append(nw.when(rule.broken() & ~is_unread).then(nw.lit(rule.name)))
    reasons += [nw.when(rule.broken()).then(nw.lit(rule.name)) for rule in others]
    for reference in contract.references:
        marks = {other: f"{reference.table} {other}" for _, other in reference.not_before}
        there = table(reference.table).select(
            nw.col(reference.other).alias("refers to"), f"{reference.table[:-1]}_key",
            *(nw.col(o).alias(m) for o, m in marks.items()))
        typed = typed.join(there.with_columns(found=nw.lit(True)), how="left", left_on=reference.column,
                           right_on="refers to")
        reasons.append(nw.when(nw.col("found").is_null() & ~nw.col(reference.column).is_null())
                       .then(nw.lit(f"{reference.column} is not a kept row of {reference.table}")))
        reasons += [nw.when(nw.col(own) < nw.col(marks[other]))
                    .then(nw.lit(f"{own} is before the {reference.table[:-1]}'s {other}"))
                    for own, other in reference.not_before]
    return typed.with_columns(why=nw.concat_str(*reasons, separator=BETWEEN_REASONS, ignore_nulls=True))
