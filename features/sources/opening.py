"""Open a book: load its tables in the order of the contracts, keep what keeps the rules, account for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw

from features.contract import Breach, Contract
from features.contracts import CONTRACTS
from features.errors import UnreadableFile
from features.sources.duck import DuckEngine, first_line, quoted
from features.sources.judging import BETWEEN_REASONS, join_keys, judge, key_columns
from features.sources.reading import find, fingerprint, place_name, scan, typing_sql
from features.sources.refusing import (
    KEYS_SHOWN,
    must_add_up,
    must_be_days,
    must_be_one_currency,
    must_be_unique,
    must_have_columns,
    must_not_be_too_many,
)
from features.sources.spark import is_spark, open_frames
from features.sources.tables import Account, Tables, chunks_of

CHUNK_CUSTOMERS = 100_000
OWN_KEY = {"customers": "customer_key", "loans": "loan_key"}


def open_tables(where: Path | str | Mapping[str, Any], rejects_to: Path | None = None, reject_share_limit: float = 1.0,
                memory_limit: str | None = None) -> Tables:
    """Open and check a book.

    Parameters
    ----------
    where : Path, str or mapping
        A folder with ``customers``, ``loans``, ``repayments`` and the optional tables as .parquet or .csv, one DuckDB
        file with tables of these names, or the tables by name as frames that Narwhals reads (pandas, Polars, Arrow).
        Frames of Spark stay in Spark; ``spark.catalogue_tables`` finds those of a catalogue's database.
    rejects_to : Path, optional
        Folder for the reject files, one CSV a table with the row as it was read and the reasons.
    reject_share_limit : float
        Largest share of rejected rows in any table, 0 to 1.
    memory_limit : str, optional
        Memory that DuckDB may take, as in "1GB"; the rest goes to the disk. Spark has settings of its own.

    Raises
    ------
    NoBook, UnreadableFile, BrokenTable, TooManyRejects
        Each says what was found, where, and what to do.
    """
    if is_spark(where):
        return open_frames(where, rejects_to, reject_share_limit)
    where = where if isinstance(where, Mapping) else Path(where)
    found = find(where)
    engine = DuckEngine(memory_limit)
    try:
        accounts, breaches = [], []
        for contract in CONTRACTS.values():
            if contract.name in found:
                account, broken = _load(engine, contract, found[contract.name], where)
                accounts.append(account)
                breaches.extend(broken)
        if rejects_to is not None:
            _write_all_rejects(engine, accounts, rejects_to)
        must_not_be_too_many(accounts, breaches, reject_share_limit, place_name(where))
        frames = {name: engine.table(name) for name in found}
        n_customers = next(account.n_kept for account in accounts if account.table == "customers")
        return Tables(frames, fingerprint(where), tuple(accounts), tuple(breaches), engine,
                      chunks_of(n_customers, CHUNK_CUSTOMERS))
    except BaseException:
        engine.close()
        raise


def _load(engine: DuckEngine, contract: Contract, place: Any, where: Path | Mapping) -> tuple[Account, list[Breach]]:
    """Copy the kept rows of one table into the engine, typed; set the others aside."""
    name, con, at = contract.name, engine.con, place_name(where, contract.name, place)
    source = scan(engine, contract, place, where)
    present = {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    must_have_columns(contract, present, at)
    must_be_days([c.name for c in contract.columns if c.kind == "date" and "TIME ZONE" in present.get(c.name, "")], at)
    try:
        typed = nw.from_native(con.sql(typing_sql(contract, source, present)))
        judged = judge(contract, typed, engine.table)
        _in_order(contract, judged.filter(nw.col("why") == "")).to_native().create(name)
        n_read, n_kept, n_rejected = engine.count(source), engine.count(name), 0
        if n_kept < n_read:
            raw = [f"raw {column}" for column in present]
            rejected = judged.filter(nw.col("why") != "").select("why", *key_columns(contract), *raw)
            rejected.to_native().create(f"rejected_{name}")
            n_rejected = engine.count(f"rejected_{name}")
    except duckdb.Error as error:
        raise UnreadableFile(f"cannot be read ({first_line(error)})", at,
                             "It may be truncated or have ragged rows; deliver the file again.") from error
    account = Account(name, n_read, n_kept, n_rejected)
    must_add_up(account, at)
    must_be_unique(contract, _twice(engine, contract), at)
    if name == "loans":
        must_be_one_currency(_currencies(engine), at)
    return account, _breaches(engine, contract) if n_rejected else []


def _in_order(contract: Contract, kept: nw.LazyFrame) -> nw.LazyFrame:
    """The kept rows sorted by customer and loan: neighbours on disk are measured together, whatever the file's order.

    Customers and loans are numbered in that order; the numbers are what tables are joined by.
    """
    keys = join_keys(contract)
    rest = [column for column in contract.key if column.removesuffix("_id") + "_key" not in keys]
    kept = kept.select(*keys, *(c.name for c in contract.columns))
    if own := OWN_KEY.get(contract.name):
        kept = kept.with_row_index(own, order_by=[*keys, *rest]).with_columns(nw.col(own).cast(nw.Int64))
        return kept.sort(own)
    return kept.sort(*keys, *rest)


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


def _write_all_rejects(engine: DuckEngine, accounts: list[Account], folder: Path) -> None:
    rejected = {account.table for account in accounts if account.n_rejected}
    for name in CONTRACTS:
        if name in rejected:
            _write_rejects(engine, name, folder)
        else:
            (folder / f"{name}.csv").unlink(missing_ok=True)  # an earlier book's


def _write_rejects(engine: DuckEngine, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    columns = [c for c in engine.con.table(f"rejected_{name}").columns if c.startswith("raw ")]
    picks = ", ".join(f"\"{c}\" AS \"{c.removeprefix('raw ')}\"" for c in columns)
    target = folder / f"{name}.csv"
    engine.con.execute(f"COPY (SELECT {picks}, why AS reason FROM rejected_{name} ORDER BY ALL) "
                       f"TO {quoted(str(target) + '.tmp')} (HEADER, DELIMITER ',')")
    Path(f"{target}.tmp").replace(target)
