"""Which rules a row breaks, in words; the same on every engine."""

from __future__ import annotations

from collections.abc import Callable, Collection

import narwhals as nw

from features.contract import Column, Contract, Rule

BETWEEN_REASONS = " | "
#: Marks rows that share their group with others (``Repeats``): an instalment paid in parts.
IN_PARTS = "is_in_parts"
#: The join key that rows of a table have of their own.
OWN_KEY = {"customers": "customer_key", "loans": "loan_key"}
_A_KIND = {"date": "a date (YYYY-MM-DD)", "money": "an amount", "number": "a number", "integer": "a whole number",
           "flag": "true or false", "text": "text"}


def unread(column: Column) -> str:
    """What to say of a value that is not of its column's kind."""
    return f"{column.name} is not {_A_KIND[column.kind]}"


def raw_columns(present: Collection[str]) -> list[str]:
    """Names under which the columns travel as they were read; what they are called may confuse an engine."""
    return [f"raw {place}" for place in range(len(present))]


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
    reasons = [nw.when(nw.col("unread") != "").then(nw.col("unread"))]
    reasons += [nw.when(_is_broken(rule, contract)).then(nw.lit(rule.name))
                for rule in (*contract.column_rules(), *contract.rules)]
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


def _is_broken(rule: Rule, contract: Contract) -> nw.Expr:
    """Whether a row breaks a rule; not where a column that the rule looks at could not be read."""
    broken = rule.broken()
    if not rule.of:
        return broken
    said = nw.concat_str(nw.lit(BETWEEN_REASONS), nw.col("unread"), nw.lit(BETWEEN_REASONS))
    for name in rule.of:
        sentence = f"{BETWEEN_REASONS}{unread(contract.column(name))}{BETWEEN_REASONS}"
        broken = broken & ~said.str.contains(sentence, literal=True)
    return broken


def worked_out(contract: Contract, kept: nw.LazyFrame) -> nw.LazyFrame:
    """The kept rows with what each of them says whatever the date."""
    return contract.terms(kept) if contract.terms else kept


def odd_repeats(contract: Contract, kept: nw.LazyFrame) -> nw.LazyFrame:
    """Keys of the kept rows that do not repeat what the first row of their group says, or have no first row.

    Only groups of several rows are compared; each of them has a row numbered above 1.
    """
    one = contract.repeats
    group = list(one.group)
    several = kept.join(kept.filter(nw.col(one.number) > 1).select(group).unique(), on=group, how="semi")
    first = several.filter(nw.col(one.number) == 1)
    first = first.select(*group, *(nw.col(column).alias(f"first {column}") for column in (one.number, *one.columns)))
    odd = [nw.col(f"first {one.number}").is_null(), *(_differs(contract.column(column)) for column in one.columns)]
    later = several.filter(nw.col(one.number) > 1).join(first, on=group, how="left")
    return later.filter(nw.any_horizontal(*odd, ignore_nulls=True)).select(*contract.key).unique()


def set_aside(judged: nw.LazyFrame, odd: nw.LazyFrame, contract: Contract) -> nw.LazyFrame:
    """Judged rows, those of ``odd`` with the reason that they do not repeat the first of their group."""
    marked = judged.join(odd.with_columns(is_odd=nw.lit(True)), on=list(contract.key), how="left")
    is_kept_no_more = nw.col("is_odd").fill_null(False) & (nw.col("why") == "")
    return marked.with_columns(why=nw.when(is_kept_no_more).then(nw.lit(contract.repeats.name)).otherwise(nw.col("why")))


def _differs(column: Column) -> nw.Expr:
    """Whether a row says something else than its group's first; an empty flag is one that is false."""
    own, first = nw.col(column.name), nw.col(f"first {column.name}")
    if column.kind == "flag":
        return own.fill_null(False) != first.fill_null(False)
    return (own != first) | (own.is_null() != first.is_null())
