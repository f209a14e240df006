"""Words that a contract does not know, in columns where they set no row aside."""

from __future__ import annotations

from functools import reduce

import narwhals as nw

from features.contract import Contract


def unknown_words(contract: Contract, kept: nw.LazyFrame) -> dict[str, int]:
    """How many kept rows have a word that counts as unknown, by column; columns without are left out."""
    opened = [column for column in contract.columns if column.is_open]
    if not opened:
        return {}
    is_odd = {column.name: ~nw.col(column.name).is_null() & ~nw.col(column.name).is_in(column.one_of) for column in opened}
    odd = kept.filter(reduce(lambda a, b: a | b, is_odd.values()))
    counts = odd.select(*(nw.when(each).then(1).otherwise(0).sum().alias(name) for name, each in is_odd.items()))
    return {name: int(n) for name, n in zip(is_odd, counts.collect(backend="pyarrow").row(0)) if n}
