"""Open a loan book: a folder of CSV or Parquet files, or a DuckDB file. The only module that knows an engine.

Dates become whole days since 1970-01-01 and money whole cents, so that everything after is integer arithmetic and the
same on every engine. Rows that break a rule are set aside with the reason; kept + rejected = read, always.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import narwhals as nw
import pandas as pd

from features.contracts import CONTRACTS, Breach, Column, Contract
from features.csv_text import csv_header
from features.errors import BrokenTable, NoBook, TooManyRejects, UnreadableFile

SUFFIXES = (".parquet", ".csv")
BETWEEN_REASONS = " | "
KEYS_SHOWN = 5

_TYPED = {
    "text": "NULLIF(TRIM(CAST({raw} AS VARCHAR)), '')",
    "date": "CAST(TRY_CAST({raw} AS DATE) - DATE '1970-01-01' AS BIGINT)",
    "money": "TRY_CAST(ROUND(TRY_CAST({raw} AS DECIMAL(34, 6)) * 100) AS BIGINT)",
    "number": "CASE WHEN isfinite(TRY_CAST({raw} AS DOUBLE)) THEN TRY_CAST({raw} AS DOUBLE) END",
    "integer": "TRY_CAST({raw} AS BIGINT)",
    "flag": "TRY_CAST({raw} AS BOOLEAN)",
}
_SQL_TYPE = {"text": "VARCHAR", "date": "BIGINT", "money": "BIGINT", "number": "DOUBLE", "integer": "BIGINT",
             "flag": "BOOLEAN"}
_A_KIND = {"date": "a date (YYYY-MM-DD)", "money": "an amount", "number": "a number", "integer": "a whole number",
           "flag": "true or false", "text": "text"}


@dataclass(frozen=True)
class Account:
    """How many rows of one table were read, kept and rejected."""

    table: str
    n_read: int
    n_kept: int
    n_rejected: int

    def __str__(self) -> str:
        return f"{self.table}: {self.n_read:,} read = {self.n_kept:,} kept + {self.n_rejected:,} rejected"


@dataclass
class Tables:
    """The kept rows of a book, lazy, one Narwhals frame a table; ``None`` for an optional table it does not have."""

    customers: nw.LazyFrame
    loans: nw.LazyFrame
    repayments: nw.LazyFrame
    drawdowns: nw.LazyFrame | None
    limits: nw.LazyFrame | None
    labels: nw.LazyFrame | None
    fingerprint: str
    accounts: tuple[Account, ...]
    breaches: tuple[Breach, ...]
    engine: Engine = field(repr=False)

    def hold(self, rows: pd.DataFrame) -> nw.LazyFrame:
        """Bring a small pandas frame into the engine that holds the tables."""
        return self.engine.hold(rows)

    def close(self) -> None:
        """Let go of the engine and its temporary file."""
        self.engine.close()


class Engine:
    """One DuckDB connection with a temporary database on disk, so that memory stays bounded."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pentad-")
        self.con = duckdb.connect(str(Path(self._folder.name) / "book.duckdb"))
        self.con.execute("SET TimeZone = 'UTC'")
        self.con.execute("SET enable_progress_bar = false")
        self._held = 0

    def hold(self, rows: pd.DataFrame) -> nw.LazyFrame:
        """Copy a pandas frame into a temporary table."""
        self._held += 1
        name = f"held_{self._held}"
        self.con.register("incoming", rows)
        self.con.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM incoming")
        self.con.unregister("incoming")
        return nw.from_native(self.con.table(name))

    def table(self, name: str) -> nw.LazyFrame:
        """A table of the database as a lazy frame."""
        return nw.from_native(self.con.table(name))

    def close(self) -> None:
        """Close the connection and remove its file."""
        self.con.close()
        self._folder.cleanup()


def open_tables(where: Path | str, rejects_to: Path | None = None, reject_share_limit: float = 1.0) -> Tables:
    """Open and check a book.

    Parameters
    ----------
    where : Path or str
        A folder with ``customers``, ``loans``, ``repayments`` and the optional tables as .parquet or .csv, or one
        DuckDB file with tables of these names.
    rejects_to : Path, optional
        Folder for the reject files, one CSV a table with the row as it was read and the reasons.
    reject_share_limit : float
        Largest share of rejected rows in any table, 0 to 1.

    Raises
    ------
    NoBook, UnreadableFile, BrokenTable, TooManyRejects
        Each says what was found, where, and what to do.
    """
    where = Path(where)
    found = _find(where)
    engine = Engine()
    try:
        accounts, breaches = [], []
        for contract in CONTRACTS.values():
            if contract.name not in found:
                continue
            account, broken = _load(engine, contract, found[contract.name], where)
            accounts.append(account)
            breaches.extend(broken)
        if rejects_to is not None:
            rejected = {account.table for account in accounts if account.n_rejected}
            for name in CONTRACTS:
                if name in rejected:
                    _write_rejects(engine, name, rejects_to)
                else:
                    (rejects_to / f"{name}.csv").unlink(missing_ok=True)  # an earlier book's
        for account in accounts:
            if account.n_read and account.n_rejected / account.n_read > reject_share_limit:
                worst = max((b for b in breaches if b.table == account.table), key=lambda b: b.n_rows)
                raise TooManyRejects(
                    f"{account}; most often: {worst.rule} ({worst.n_rows:,} rows)", str(where),
                    f"Mend the rows, or raise reject_share_limit ({reject_share_limit:g}) if they may be left out.",
                )
        lazy = {name: engine.table(name) if name in found else None for name in CONTRACTS}
        return Tables(**lazy, fingerprint=fingerprint(where), accounts=tuple(accounts), breaches=tuple(breaches),
                      engine=engine)
    except BaseException:
        engine.close()
        raise


def fingerprint(where: Path | str) -> str:
    """SHA-256 over the names and contents of the book's files: the same data has the same fingerprint."""
    where = Path(where)
    files = [where] if where.is_file() else sorted(set(p for p in _find(where).values() if isinstance(p, Path)))
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as handle:
            whole.update(f"{file.name}:{hashlib.file_digest(handle, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _find(where: Path) -> dict[str, Path | str]:
    """Where each table of the book is: a file, or the name of a table inside the DuckDB file."""
    a_file = "{0}.parquet or {0}.csv"
    if where.is_file() and where.suffix in SUFFIXES:
        raise NoBook("one table, not a book", str(where), "Give the folder that holds it.")
    if where.is_file():
        a_file = "a table or view {0} in schema main"
        try:
            with duckdb.connect(str(where), read_only=True) as con:
                listed = ("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' UNION ALL "
                          "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main'")
                names = {row[0].lower() for row in con.execute(listed).fetchall()}
        except duckdb.Error as error:
            raise UnreadableFile(f"not a DuckDB file ({_first_line(error)})", str(where),
                                 "Give a folder of CSV or Parquet files, or a DuckDB file.") from error
        found: dict[str, Path | str] = {name: name for name in CONTRACTS if name in names}
    elif where.is_dir():
        found = {}
        for name in CONTRACTS:
            files = [where / f"{name}{suffix}" for suffix in SUFFIXES if (where / f"{name}{suffix}").is_file()]
            if len(files) > 1:
                raise BrokenTable(f"two files for {name}: {files[0].name} and {files[1].name}", str(where),
                                  "Keep one of them.")
            if files:
                found[name] = files[0]
    else:
        raise NoBook("nothing there", str(where), "Give the folder or DuckDB file that holds the loan book.")
    missing = [name for name, contract in CONTRACTS.items() if not contract.optional and name not in found]
    if missing:
        raise NoBook(f"no table {', no table '.join(missing)}", str(where),
                     f"A book needs {a_file.format(missing[0])} (data/README.md lists the columns).")
    return found


def _source(engine: Engine, contract: Contract, place: Path | str, where: Path) -> str:
    """SQL that scans the table as it was delivered."""
    if isinstance(place, str):
        sql = f'delivered."{contract.name}"'
    elif place.suffix == ".parquet":
        sql = f"read_parquet({_quoted(str(place))})"
    else:
        columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in csv_header(place))
        sql = (f"read_csv({_quoted(str(place))}, columns = {{{columns}}}, auto_detect = false, header = true, "
               "delim = ',', quote = '\"', escape = '\"')")  # detection skips rows before a wider one
    try:
        if isinstance(place, str):
            engine.con.execute(f"ATTACH IF NOT EXISTS {_quoted(str(where))} AS delivered (READ_ONLY)")
        engine.con.execute(f"SELECT * FROM {sql} LIMIT 0")
    except duckdb.Error as error:
        kind, at = ("DuckDB table", f"{where} {place}") if isinstance(place, str) else (place.suffix[1:], str(place))
        raise UnreadableFile(f"cannot be read as {kind} ({_first_line(error)})", at,
                             "It may be truncated or empty; deliver the file again.") from error
    return sql


def _load(engine: Engine, contract: Contract, place: Path | str, where: Path) -> tuple[Account, list[Breach]]:
    """Copy the kept rows of one table into the engine, typed; set the others aside."""
    name, con, at = contract.name, engine.con, str(place if isinstance(place, Path) else f"{where} {place}")
    source = _source(engine, contract, place, where)
    described = {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    present = list(described)
    missing = [c.name for c in contract.columns if not c.may_be_absent and c.name not in present]
    if missing:
        raise BrokenTable(f"no column {', no column '.join(missing)} (found: {', '.join(present)})", at,
                          f"Deliver {name} with the columns of data/README.md, in lower case.")
    zoned = [c.name for c in contract.columns if c.kind == "date" and "TIME ZONE" in described.get(c.name, "")]
    if zoned:  # an instant: which day it was depends on a zone that the file does not keep
        raise BrokenTable(f"{', '.join(zoned)} is a timestamp with a time zone", at, "Deliver dates as DATE.")
    try:
        typed = con.sql(_typing_sql(contract, source, described))
        judged = _judge(engine, contract, nw.from_native(typed))
        judged.filter(nw.col("why") == "").select([c.name for c in contract.columns]).to_native().create(name)
        n_read = _count(con, source)
        n_kept = _count(con, name)
        if n_kept < n_read:
            raw = [f"raw {column}" for column in present]
            rejected = judged.filter(nw.col("why") != "").select("why", *contract_keys(contract), *raw)
            rejected.to_native().create(f"rejected_{name}")
    except duckdb.Error as error:
        raise UnreadableFile(f"cannot be read ({_first_line(error)})", at,
                             "It may be truncated or have ragged rows; deliver the file again.") from error
    n_rejected = _count(con, f"rejected_{name}") if n_kept < n_read else 0
    if n_kept + n_rejected != n_read:
        raise BrokenTable(f"{n_read:,} rows read but {n_kept:,} kept and {n_rejected:,} rejected", at,
                          "The file changed while it was read; run again.")
    _must_be_unique(engine, contract, at)
    if name == "loans":
        _must_be_one_currency(engine, at)
    return Account(name, n_read, n_kept, n_rejected), _breaches(engine, contract) if n_rejected else []


def contract_keys(contract: Contract) -> list[str]:
    """Names under which the key columns travel beside the raw ones."""
    return [f"key {column}" for column in contract.key]


def _typing_sql(contract: Contract, source: str, present: dict[str, str]) -> str:
    """Select typed columns, raw columns under ``raw <name>``, and a sentence on every value that cannot be read."""
    picks, unread = [], []
    for column in contract.columns:
        if column.name not in present:
            picks.append(f"CAST(NULL AS {_SQL_TYPE[column.kind]}) AS {column.name}")
            continue
        raw = f'"{column.name}"'
        if column.kind != "text":
            if present[column.name] in ("DOUBLE", "FLOAT"):  # pandas writes NaN where it means empty
                raw = f"CASE WHEN NOT isnan({raw}) THEN {raw} END"
            raw = f"NULLIF(TRIM(CAST({raw} AS VARCHAR)), '')"
        value = _TYPED[column.kind].format(raw=raw)
        picks.append(f"{value} AS {column.name}")
        if column.kind != "text":
            unread.append(f"CASE WHEN {raw} IS NOT NULL AND {value} IS NULL THEN '{_unread(column)}' END")
    picks += [f"CAST(\"{c}\" AS VARCHAR) AS \"raw {c}\"" for c in present]
    picks += [f"CAST(\"{c}\" AS VARCHAR) AS \"key {c}\"" for c in contract.key]
    reasons = f"concat_ws('{BETWEEN_REASONS}', {', '.join(unread)})" if unread else "''"
    return f"SELECT {', '.join(picks)}, {reasons} AS unread FROM {source}"


def _unread(column: Column) -> str:
    return f"{column.name} is not {_A_KIND[column.kind]}"


def _judge(engine: Engine, contract: Contract, typed: nw.LazyFrame) -> nw.LazyFrame:
    """Add ``why``: the names of the rules that a row breaks, empty where it keeps them all."""
    from_columns = contract.column_rules()
    empties = [r for r in from_columns if r.name.endswith(" is empty")]
    others = [r for r in (*from_columns, *contract.rules) if r not in empties]
    reasons = [nw.when(nw.col("unread") != "").then(nw.col("unread"))]
    for rule in empties:
        column = rule.name.removesuffix(" is empty")
        kind = contract.column(column).kind
        unread = nw.col("unread").str.contains(f"{column} is not {_A_KIND[kind]}", literal=True)
        reasons.append(nw.when(rule.broken() & ~unread).then(nw.lit(rule.name)))
    reasons += [nw.when(rule.broken()).then(nw.lit(rule.name)) for rule in others]
    for reference in contract.references:
        marks = {other: f"{reference.table} {other}" for _, other in reference.not_before}
        there = engine.table(reference.table).select(
            nw.col(reference.other).alias("refers to"), *(nw.col(o).alias(m) for o, m in marks.items()))
        typed = typed.join(there.with_columns(found=nw.lit(True)), how="left", left_on=reference.column,
                           right_on="refers to")
        reasons.append(nw.when(nw.col("found").is_null() & ~nw.col(reference.column).is_null())
                       .then(nw.lit(f"{reference.column} is not a kept row of {reference.table}")))
        reasons += [nw.when(nw.col(own) < nw.col(marks[other]))
                    .then(nw.lit(f"{own} is before the {reference.table[:-1]}'s {other}"))
                    for own, other in reference.not_before]
    return typed.with_columns(why=nw.concat_str(*reasons, separator=BETWEEN_REASONS, ignore_nulls=True))


def _must_be_unique(engine: Engine, contract: Contract, at: str) -> None:
    keys = ", ".join(contract.key)
    twice = engine.con.execute(
        f"SELECT {keys}, count(*) FROM {contract.name} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT {KEYS_SHOWN}"
    ).fetchall()
    if twice:
        shown = "; ".join(f"{', '.join(map(str, row[:-1]))} ({row[-1]} times)" for row in twice)
        raise BrokenTable(f"duplicate key ({keys}): {shown}", at, "Deliver each key once.")


def _must_be_one_currency(engine: Engine, at: str) -> None:
    mix = engine.con.execute("SELECT currency, count(*) FROM loans GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
    if len(mix) > 1:
        shown = ", ".join(f"{currency} ({n:,} loans)" for currency, n in mix)
        raise BrokenTable(f"{len(mix)} currencies: {shown}", at, "Convert the book to one currency first.")


def _breaches(engine: Engine, contract: Contract) -> list[Breach]:
    keys = " || ' ' || ".join(f"coalesce(\"key {c}\", '(empty)')" for c in contract.key)
    rows = engine.con.execute(
        f"SELECT rule, count(*), list(key ORDER BY key)[:{KEYS_SHOWN}] FROM (SELECT unnest(string_split(why, "
        f"'{BETWEEN_REASONS}')) AS rule, {keys} AS key FROM rejected_{contract.name}) GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return [Breach(contract.name, rule, n, tuple(shown)) for rule, n, shown in rows]


def _write_rejects(engine: Engine, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    columns = [c for c in engine.con.table(f"rejected_{name}").columns if c.startswith("raw ")]
    picks = ", ".join(f"\"{c}\" AS \"{c.removeprefix('raw ')}\"" for c in columns)
    target = folder / f"{name}.csv"
    engine.con.execute(f"COPY (SELECT {picks}, why AS reason FROM rejected_{name} ORDER BY ALL) "
                       f"TO {_quoted(str(target) + '.tmp')} (HEADER, DELIMITER ',')")
    Path(f"{target}.tmp").replace(target)


def _count(con: duckdb.DuckDBPyConnection, source: str) -> int:
    return con.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
