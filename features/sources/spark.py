"""Spark, the distributed engine: the tables and every stage of the frame stay in the executors.

PySpark comes with the extra ``[spark]``. Nothing here imports it: whoever brings Spark data frames has it, and their
session is the engine's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd
import pyarrow as pa

from features.contract import Breach, Column, Contract
from features.contracts import CONTRACTS
from features.errors import BrokenTable, PentadError, UnreadableFile
from features.sources.amounts import sums_of
from features.sources.duck import amounts_too_large, first_line
from features.sources.finding import FRAMES, find, place_name
from features.sources.judging import (
    BETWEEN_REASONS,
    IN_PARTS,
    OWN_KEY,
    join_keys,
    judge,
    key_columns,
    odd_repeats,
    raw_columns,
    set_aside,
    unread,
    worked_out,
)
from features.sources.refusing import (
    KEYS_SHOWN,
    does_not_add_up,
    duplicates,
    faults_of_shape,
    mixed_currencies,
    must_be_distinct,
)
from features.sources.rejects import must_be_ours, write_rejects
from features.sources.tables import Account
from features.sources.words import unknown_words

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BLOCK_ROWS = 500_000

_SQL_TYPE = {"text": "string", "date": "bigint", "money": "bigint", "number": "double", "integer": "bigint", "flag": "boolean"}
_WHOLE = ("tinyint", "smallint", "int", "bigint")
_BLANKS = r"^[\\p{Zs}]+|[\\p{Zs}]+$"
# Spark alone also takes Java's "1d" and "0x1p3" for numbers and "2024" for a day; the spellings are those of reading.py.
_NUMBER = r"^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DATE = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})([ T]00:00:00(\\.0+)?)?$"
_DIGITS = "regexp_replace({raw}, '(?<=[0-9])_(?=[0-9])', '')"
_TYPED = {
    "date": "datediff(try_cast(regexp_replace({raw}, '" + _DATE + "', '$1') as date), date'1970-01-01')",
    "money": "round(try_cast({raw} as decimal(34, 6)) * 100)",
    "number": "if(abs(try_cast({raw} as double)) < double('infinity'), try_cast({raw} as double), null)",
    "integer": "if(try_cast({raw} as decimal(38, 18)) % 1 = 0, try_cast({raw} as decimal(38, 18)), null)",
    "flag": "try_cast({raw} as boolean)",
}


#: What Spark says where a whole number does not fit.
_OVERFLOW = re.compile(r"\[(ARITHMETIC|CAST)_OVERFLOW[^\n]{0,120}")


class SparkEngine:
    """A Spark session that holds the tables of one book."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    @classmethod
    def of(cls, frames: Mapping[str, DataFrame]) -> SparkEngine:
        """The engine of the session in which the frames are."""
        return cls(next(frame for frame in frames.values() if frame is not None).sparkSession)

    def hold(self, rows: pd.DataFrame) -> nw.LazyFrame:
        """Send a pandas frame to the session."""
        return nw.from_native(self._session.createDataFrame(pa.Table.from_pandas(rows, preserve_index=False)))

    def keep(self, parts: Iterable[nw.LazyFrame]) -> nw.LazyFrame:
        """Compute parts of one frame into the executors' memory and disks, and forget how: later plans begin there."""
        kept = None
        for part in parts:
            try:
                rows = part.to_native().localCheckpoint()
            except Exception as error:  # PySpark is not imported here
                if said := _OVERFLOW.search(str(error)):
                    raise amounts_too_large(said[0]) from error
                raise
            kept = rows if kept is None else kept.unionByName(rows)
        return nw.from_native(kept)

    def chunks(self, n_dates: int) -> Iterator[None]:
        """All customers at once: Spark divides its work itself."""
        yield

    def in_chunk(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """The rows as they are."""
        return rows

    def drop(self, rows: nw.LazyFrame) -> None:
        """What was kept goes when nothing refers to it."""

    def passing(self) -> AbstractContextManager[None]:
        """What was kept goes when nothing refers to it."""
        return nullcontext()

    def blocks(self, rows: nw.LazyFrame) -> Iterator[pd.DataFrame]:
        """Hand over a result in blocks of rows, the first of them empty."""
        native = self.keep([rows]).to_native()
        yield native.limit(0).toArrow().to_pandas()
        sizes = native.selectExpr("spark_partition_id() as part").groupBy("part").count().collect()
        for first, last in _runs(sorted((row["part"], row["count"]) for row in sizes)):
            yield native.where(f"spark_partition_id() between {first} and {last}").toArrow().to_pandas()

    def close(self) -> None:
        """Leave the session to whoever started it."""


def _runs(sizes: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First and last of neighbouring partitions that together have about as many rows as a block."""
    first, n = None, 0
    for part, size in sizes:
        first, n = (part if first is None else first), n + size
        if n >= BLOCK_ROWS or part == sizes[-1][0]:
            yield first, part
            first, n = None, 0


def catalogue_tables(session: SparkSession, database: str) -> dict[str, DataFrame]:
    """The tables of a book in a database of the session's catalogue, to be given to ``open_tables``."""
    there = {row["tableName"] for row in session.sql(f"show tables in {_quoted(database)}").collect()}
    return {name: session.table(f"`{database}`.`{name}`") for name in CONTRACTS if name in there}


def is_spark(where: Any) -> bool:
    """Whether a book is given as frames of which one is Spark's; never imports PySpark."""
    return isinstance(where, Mapping) and any(nw.dependencies.is_pyspark_dataframe(frame) for frame in where.values())


def load_frames(where: Mapping[str, DataFrame], rejects_to: Path | None, report: Callable[[PentadError], None],
                ) -> tuple[dict[str, nw.LazyFrame], list[Account], list[Breach], dict[str, nw.LazyFrame]]:
    """Load the tables that are there, and write the reject files; ``report`` hears of every broken table.

    Returns the kept rows by table, the accounts, the breaches, and the rejected rows by table.
    """
    found = find(where)
    for name, frame in found.items():
        if not nw.dependencies.is_pyspark_dataframe(frame):
            raise BrokenTable("no Spark data frame, though other tables are", f"{FRAMES} {name}",
                              "Give every table to Spark, or none.")
    if rejects_to is not None:
        must_be_ours(rejects_to, where)
    engine = SparkEngine.of(found)
    frames: dict[str, nw.LazyFrame] = {}
    rejected: dict[str, nw.LazyFrame] = {}
    accounts, breaches = [], []
    for name in found:
        references = tuple(r for r in CONTRACTS[name].references if r.table in frames)
        contract = replace(CONTRACTS[name], references=references)
        if loaded := _load(engine, contract, found[name], frames, place_name(where, name), report):
            frames[name], aside, account = loaded
            accounts.append(account)
            if account.n_rejected:
                rejected[name] = aside
                breaches += _breaches(contract, aside.to_native())
    if rejects_to is not None:
        write_rejects(engine, rejected, {account.table: account.columns for account in accounts}, rejects_to)
    return frames, accounts, breaches, rejected


def _load(engine: SparkEngine, contract: Contract, given: DataFrame, frames: Mapping[str, nw.LazyFrame], at: str,
          report: Callable[[PentadError], None]) -> tuple[nw.LazyFrame, nw.LazyFrame | None, Account] | None:
    """Keep the good rows of one table, typed; and the others with the reasons. None where it cannot be read."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        must_be_distinct(given.columns, at)
    except BrokenTable as fault:
        return report(fault)
    present = dict(given.dtypes)
    if faults := faults_of_shape(contract, present, [c for c, kind in present.items() if kind == "timestamp"], at):
        for fault in faults:
            report(fault)
        return None
    columns = (*join_keys(contract), *(c.name for c in contract.columns))
    own = {OWN_KEY[contract.name]: nw.col(contract.key[0])} if contract.name in OWN_KEY else {}

    def kept_of(judged: nw.LazyFrame) -> nw.LazyFrame:
        kept = engine.keep([worked_out(contract, judged.filter(nw.col("why") == "").select(*columns, **own))])
        if not contract.repeats:
            return kept
        group = list(contract.repeats.group)
        several = kept.filter(nw.col(contract.repeats.number) > 1).select(*group).unique()
        parts = several.with_columns(nw.lit(True).alias(IN_PARTS))
        return engine.keep([kept.join(parts, on=group, how="left").with_columns(nw.col(IN_PARTS).fill_null(False))])

    try:
        typed = nw.from_native(given.selectExpr(*typing_sql(contract, present)))
        judged = judge(contract, typed, frames.__getitem__)
        kept = kept_of(judged)
        if contract.repeats:
            odd = engine.keep([odd_repeats(contract, kept)])
            if odd.to_native().count():
                judged = set_aside(judged, odd, contract)
                kept = kept_of(judged)
        n_read, n_kept, n_rejected, aside = given.count(), kept.to_native().count(), 0, None
        if n_kept < n_read:
            raw = raw_columns(present)
            aside = engine.keep([judged.filter(nw.col("why") != "").select("why", *key_columns(contract), *raw)])
            n_rejected = aside.to_native().count()
        sums = sums_of(contract, typed, kept, judged.filter(nw.col("why") != "") if n_rejected else None)
        unknown = unknown_words(contract, kept)
    except (PySparkException, Py4JError) as error:
        return report(UnreadableFile(f"cannot be read ({first_line(error)})", at, "Look for the first cause in Spark's log."))
    account = Account(contract.name, n_read, n_kept, n_rejected, tuple(present), sums, unknown)
    if fault := does_not_add_up(account, at):
        report(fault)
    if fault := duplicates(contract, _twice(contract, kept.to_native()), at):
        report(fault)
        kept = engine.keep([nw.from_native(kept.to_native().dropDuplicates(list(contract.key)))])
    if contract.name == "loans":
        mix = kept.to_native().groupBy("currency").count().orderBy("count", "currency", ascending=[False, True])
        if fault := mixed_currencies([tuple(row) for row in mix.collect()], at):
            report(fault)
    return kept, aside, account


def _twice(contract: Contract, kept: DataFrame) -> list[tuple]:
    found = kept.groupBy(*contract.key).count().where("count > 1").orderBy(*contract.key).limit(KEYS_SHOWN)
    return [tuple(row) for row in found.collect()]


def _breaches(contract: Contract, rejected: DataFrame) -> list[Breach]:
    key = ", ' ', ".join(f"coalesce({_quoted(c)}, '(empty)')" for c in key_columns(contract))
    rules = rejected.selectExpr(f"explode(split(why, '{BETWEEN_REASONS.replace('|', '[|]')}')) as rule", f"concat({key}) as key")
    counted = rules.groupBy("rule").agg({"*": "count", "key": "array_agg"}).toDF("rule", "n", "keys")
    rows = counted.selectExpr("rule", "n", f"slice(array_sort(keys), 1, {KEYS_SHOWN}) as keys")
    return [Breach(contract.name, row["rule"], row["n"], tuple(row["keys"]))
            for row in sorted(rows.collect(), key=lambda row: (-row["n"], row["rule"]))]


def typing_sql(contract: Contract, present: Mapping[str, str]) -> list[str]:
    """Typed columns, raw columns under ``raw <place>``, and a sentence on every value that cannot be read."""
    picks, odd = [], []
    for column in contract.columns:
        if column.name not in present:
            picks.append(f"cast(null as {_SQL_TYPE[column.kind]}) as {column.name}")
            continue
        raw, kind = _quoted(column.name), present[column.name]
        if native := _native(column, raw, kind):
            picks.append(f"{native} as {column.name}")
            continue
        if kind in ("double", "float"):  # pandas writes NaN where it means empty
            raw = f"nanvl({raw}, null)"
        raw = f"nullif(regexp_replace(cast({raw} as string), '{_BLANKS}', ''), '')"
        value = raw if column.kind == "text" else _value(column.kind, raw)
        picks.append(f"{value} as {column.name}")
        if column.kind != "text":
            odd.append(f"if({raw} is not null and {value} is null, '{unread(column)}', null)")
    picks += [f"cast({_quoted(c)} as string) as `{raw}`" for c, raw in zip(present, raw_columns(present))]
    picks += [f"cast({_quoted(c)} as string) as `key {c}`" for c in contract.key]
    return [*picks, f"concat_ws('{BETWEEN_REASONS}', {', '.join(odd)}) as unread" if odd else "'' as unread"]


def _value(kind: str, raw: str) -> str:
    """SQL for a text as a value of its kind, null where it is none."""
    if kind not in ("date", "flag"):
        raw = _DIGITS.replace("{raw}", raw)
    value, spelling = _TYPED[kind].replace("{raw}", raw), {"date": _DATE, "flag": ".*"}.get(kind, _NUMBER)
    return f"try_cast(if({raw} rlike '{spelling}', {value}, null) as {_SQL_TYPE[kind]})"


def _native(column: Column, raw: str, kind: str) -> str | None:
    """SQL for a column that is of its contract's kind already: every value of it can be read."""
    if column.kind == "date" and kind == "date":
        return f"cast(datediff({raw}, date'1970-01-01') as bigint)"
    if column.kind == "money" and (kind == "decimal(18,2)" or kind in _WHOLE[:3]):
        return f"cast({raw} * 100 as bigint)"
    if column.kind == "integer" and kind in _WHOLE:
        return f"cast({raw} as bigint)"
    if column.kind == "flag" and kind == "boolean":
        return raw
    return None


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
