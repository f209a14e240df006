"""Open a book: load its tables in the order of the contracts, keep what keeps the rules, account for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw

from features.contract import Breach, Contract
from features.contracts import CONTRACTS
from features.errors import BrokenTable, PentadError, UnreadableFile
from features.sources.amounts import sums_of
from features.sources.duck import MEMORY_GB, DuckEngine
from features.sources.finding import at_hand, find, place_name
from features.sources.fingerprints import fingerprint
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
    worked_out,
)
from features.sources.reading import scan, typing_sql, unreadable
from features.sources.refusing import (
    KEYS_SHOWN,
    does_not_add_up,
    duplicates,
    empty,
    faults_of_shape,
    mixed_currencies,
    must_not_be_too_many,
)
from features.sources.rejects import must_be_ours, write_rejects
from features.sources.spark import SparkEngine, is_spark, load_frames
from features.sources.tables import Account, Findings, Tables
from features.sources.words import unknown_words


def open_tables(where: Path | str | Mapping[str, Any], rejects_to: Path | None = None, reject_share_limit: float = 1.0,
                memory_gb: float = MEMORY_GB) -> Tables:
    """Open and check a book; the first broken table stops it.

    A row that breaks a rule stops nothing unless ``reject_share_limit`` says so: unless told, all rows of a table may be
    rejected. The tables' ``accounts`` say how many were, ``breaches`` by which rules, the files in ``rejects_to`` which.

    Parameters
    ----------
    where : Path, str or mapping
        A folder with ``customers``, ``loans``, ``repayments`` and the optional tables as .parquet or .csv, one DuckDB
        file with tables of these names, the address of a PostgreSQL database that has them, or the tables by name as
        frames that Narwhals reads (pandas, Polars, Arrow).
        Names of columns are in lower case; a column of no contract is ignored and named in its table's account.
        Frames of Spark stay in Spark; ``catalogue_tables`` finds those of a database in its catalogue.
    rejects_to : Path, optional
        Folder for the reject files, one CSV a table with the row as it was read and the reasons; without it none is written.
    reject_share_limit : float
        Largest share of rejected rows tolerated in any table, 0 to 1; a larger one is TooManyRejects. 1.0, the default,
        tolerates all, 0.0 none (``pentad`` takes it from run.toml).
    memory_gb : float
        Gigabytes (10^9 bytes) that DuckDB may take; the rest goes to the disk. Spark has settings of its own.

    Raises
    ------
    NoBook, UnreadableFile, DatabaseUnreachable, BrokenTable, TooManyRejects, OutputExists, UnwritableOutput,
    NotEnoughMemory
        Each says what was found, where, and what to do.
    """
    with at_hand(where) as where:
        return _opened(where, rejects_to, reject_share_limit, memory_gb)


def _opened(where: Path | Mapping[str, Any], rejects_to: Path | None, reject_share_limit: float, memory_gb: float) -> Tables:
    if is_spark(where):
        frames, accounts, breaches, rejected = load_frames(where, rejects_to, _stop)
        must_not_be_too_many(accounts, breaches, reject_share_limit, place_name(where))
        return Tables(frames, fingerprint(where), tuple(accounts), tuple(breaches), SparkEngine.of(where), rejected)
    engine = DuckEngine(memory_gb)
    try:
        with engine.named():
            accounts, breaches = _load_all(engine, where, rejects_to, _stop)
        must_not_be_too_many(accounts, breaches, reject_share_limit, place_name(where))
        frames = {account.table: engine.table(account.table) for account in accounts}
        rejected = {account.table: engine.table(f"rejected_{account.table}") for account in accounts if account.n_rejected}
        return Tables(frames, fingerprint(where), tuple(accounts), tuple(breaches), engine, rejected)
    except BaseException:
        engine.close()
        raise


def examine(where: Path | str | Mapping[str, Any], rejects_to: Path | None = None,
            memory_gb: float = MEMORY_GB) -> Findings:
    """Everything that is wrong with a book: the faults of whole tables, and the rows that break a rule.

    A table that refers to a broken one is judged without it. The parameters are those of ``open_tables``.

    Raises
    ------
    NoBook, UnreadableFile, BrokenTable
        There is no book to examine, or a table stands in two files or under a name spelt otherwise.
    NotEnoughMemory
        ``memory_gb`` is too little to tell.
    OutputExists, UnwritableOutput
        The reject files cannot go where they are to go.
    """
    with at_hand(where) as where:
        return _examined(where, rejects_to, memory_gb)


def _examined(where: Path | Mapping[str, Any], rejects_to: Path | None, memory_gb: float) -> Findings:
    faults: list[PentadError] = []
    if is_spark(where):
        _, accounts, breaches, _ = load_frames(where, rejects_to, faults.append)
    else:
        engine = DuckEngine(memory_gb)
        try:
            with engine.named():
                accounts, breaches = _load_all(engine, where, rejects_to, faults.append)
        finally:
            engine.close()
    faults += empty(accounts, place_name(where))
    return Findings(tuple(accounts), tuple(breaches), tuple(faults))


def _stop(fault: PentadError) -> None:
    raise fault


def _load_all(engine: DuckEngine, where: Path | Mapping, rejects_to: Path | None,
              report: Callable[[PentadError], None]) -> tuple[list[Account], list[Breach]]:
    """Load the tables that are there, and write the reject files; ``report`` hears of every broken table."""
    found = find(where)
    if rejects_to is not None:
        must_be_ours(rejects_to, where)
    accounts: dict[str, Account] = {}
    breaches: list[Breach] = []
    for name in found:
        references = tuple(r for r in CONTRACTS[name].references if r.table in accounts)
        contract = replace(CONTRACTS[name], references=references)
        if account := _load(engine, contract, found[name], where, report):
            accounts[name] = account
            breaches += _breaches(engine, contract) if account.n_rejected else []
    if rejects_to is not None:
        rejected = {name: engine.table(f"rejected_{name}") for name in accounts if accounts[name].n_rejected}
        write_rejects(engine, rejected, {name: account.columns for name, account in accounts.items()}, rejects_to)
    return list(accounts.values()), breaches


def _load(engine: DuckEngine, contract: Contract, place: Any, where: Path | Mapping,
          report: Callable[[PentadError], None]) -> Account | None:
    """Copy the kept rows of one table into the engine, typed; set the others aside. None where it cannot be read."""
    name, con, at = contract.name, engine.con, place_name(where, contract.name, place)
    try:
        source = scan(engine, contract, place, where)
    except (UnreadableFile, BrokenTable) as fault:
        return report(fault)
    present = {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    zoned = [column for column, kind in present.items() if "TIME ZONE" in kind]
    if faults := faults_of_shape(contract, present, zoned, at):
        for fault in faults:
            report(fault)
        return None
    try:
        typed = nw.from_native(con.sql(typing_sql(contract, source, present)))
        judged = judge(contract, typed, engine.table)
        _in_order(contract, judged.filter(nw.col("why") == "")).to_native().create(name)
        if contract.repeats:
            odd = engine.keep([odd_repeats(contract, engine.table(name))])
            if engine.count(odd.to_native().alias):
                judged = set_aside(judged, odd, contract)
                engine.drop(engine.table(name))
                _in_order(contract, judged.filter(nw.col("why") == "")).to_native().create(name)
            _mark_parts(engine, contract)
        n_read, n_kept, n_rejected = engine.count(source), engine.count(name), 0
        if n_kept < n_read:
            raw = raw_columns(present)
            rejected = judged.filter(nw.col("why") != "").select("why", *key_columns(contract), *raw)
            rejected.to_native().create(f"rejected_{name}")
            n_rejected = engine.count(f"rejected_{name}")
        sums = sums_of(contract, typed, engine.table(name), judged.filter(nw.col("why") != "") if n_rejected else None)
        unknown = unknown_words(contract, engine.table(name))
    except duckdb.Error as error:
        return report(unreadable(error, place, at))
    account = Account(name, n_read, n_kept, n_rejected, tuple(present), sums, unknown)
    if fault := does_not_add_up(account, at):
        report(fault)
    if fault := duplicates(contract, _twice(engine, contract), at):
        report(fault)
        con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT DISTINCT ON ({', '.join(contract.key)}) * FROM {name}")
    if name == "loans" and (fault := mixed_currencies(_currencies(engine), at)):
        report(fault)
    return account


def _in_order(contract: Contract, kept: nw.LazyFrame) -> nw.LazyFrame:
    """The kept rows sorted by customer and loan: neighbours on disk are measured together, whatever the file's order.

    Customers and loans are numbered in that order; the numbers are what tables are joined by.
    """
    keys = join_keys(contract)
    rest = [column for column in contract.key if column.removesuffix("_id") + "_key" not in keys]
    kept = worked_out(contract, kept.select(*keys, *(c.name for c in contract.columns)))
    if contract.repeats:
        kept = kept.with_columns(nw.lit(False).alias(IN_PARTS))
    if own := OWN_KEY.get(contract.name):
        kept = kept.with_row_index(own, order_by=[*keys, *rest]).with_columns(nw.col(own).cast(nw.Int64))
        return kept.sort(own)
    return kept.sort(*keys, *rest)


def _mark_parts(engine: DuckEngine, contract: Contract) -> None:
    """Mark the rows that share their group with others, and move them behind the rows that stand alone, which are most.

    Both kinds are read apart: side by side on disk, neither passes over the other.
    """
    name, number = contract.name, contract.repeats.number
    group = ", ".join(column.replace("_id", "_key") for column in contract.repeats.group)
    engine.con.execute(f"CREATE TEMP TABLE in_parts AS SELECT * REPLACE (true AS {IN_PARTS}) FROM {name} "
                       f"WHERE ({group}) IN (SELECT ({group}) FROM {name} WHERE {number} > 1)")
    engine.con.execute(f"DELETE FROM {name} WHERE ({group}) IN (SELECT ({group}) FROM in_parts)")
    engine.con.execute(f"INSERT INTO {name} SELECT * FROM in_parts ORDER BY {group}, {number}")
    engine.con.execute("DROP TABLE in_parts")


def _twice(engine: DuckEngine, contract: Contract) -> list[tuple]:
    """The first keys that stand more than once, and how often."""
    of_keys = {f"{key.removesuffix('_key')}_id": key for key in join_keys(contract)}
    compared = ", ".join(of_keys.get(column, column) for column in contract.key)
    return engine.con.execute(
        f"SELECT {', '.join(f'any_value({k})' for k in contract.key)}, count(*) FROM {contract.name} "
        f"GROUP BY {compared} HAVING count(*) > 1 ORDER BY {compared} LIMIT {KEYS_SHOWN}"
    ).fetchall()


def _currencies(engine: DuckEngine) -> list[tuple[str, int]]:
    return engine.con.execute("SELECT currency, count(*) FROM loans GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()


def _breaches(engine: DuckEngine, contract: Contract) -> list[Breach]:
    keys = " || ' ' || ".join(f"coalesce(\"{c}\", '(empty)')" for c in key_columns(contract))
    rows = engine.con.execute(
        f"SELECT rule, count(*), list(key ORDER BY key)[:{KEYS_SHOWN}] FROM (SELECT unnest(string_split(why, "
        f"'{BETWEEN_REASONS}')) AS rule, {keys} AS key FROM rejected_{contract.name}) GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return [Breach(contract.name, rule, n, tuple(shown)) for rule, n, shown in rows]
