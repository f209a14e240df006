"""What several commands do: read the settings, open a book and account for it, show progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pipeline.settings import BookSettings


def settings_of(options: argparse.Namespace):
    """The settings of ``--settings``, or those delivered."""
    from pipeline.settings import load_settings

    return load_settings(options.settings)


def open_book(options: argparse.Namespace, book: BookSettings):
    """Open the book of ``--data`` and print what was read of it; whoever asks closes it."""
    from features.addresses import masked
    from features.sources import must_have_rows, open_tables

    print(f"book: {masked(str(options.data))} ...", flush=True)
    tables = open_tables(options.data, options.rejects, book.reject_share_limit, book.memory_gb)
    try:
        list_read(tables, options)
        must_have_rows(tables.accounts, options.data)
    except BaseException:
        tables.close()
        raise
    return tables


def list_read(read, options: argparse.Namespace) -> None:
    """Print what was read of a book and what was not, and which rows were set aside."""
    from features.contracts import CONTRACTS
    from features.errors import one_line
    from features.sources import others

    for account in read.accounts:
        print(f"  {account}" + (f"; ignored columns: {one_line(', '.join(account.ignored))}" if account.ignored else ""))
    for breach in read.breaches:
        n, keys, file = breach.n_rows, one_line(", ".join(breach.keys)), options.rejects / f"{breach.table}.csv"
        rows = f"1 row, {breach.rule}; key: {keys}; it is" if n == 1 else (
            f"{n:,} rows, {breach.rule}; {'first ' if n > len(breach.keys) else ''}keys: {keys}; all {n:,} are")
        print(f"  rejected from {breach.table}: {rows} in {file}")
    for account in read.accounts:
        for column, n in account.unknown.items():
            known = ", ".join(next(each.one_of for each in CONTRACTS[account.table].columns if each.name == column))
            rows = "1 row" if n == 1 else f"{n:,} rows"
            print(f"  note: {column} has another word than {known} in {rows} of {account.table}; there it counts as unknown")
        if not account.n_kept:
            print(f"  note: {account.table} has no {'kept ' if account.n_read else ''}row")
    if beside := others(options.data):
        print(f"  note: beside the tables and not read: {one_line(', '.join(beside))}")


@contextmanager
def bars() -> Iterator[Callable[[str, int], None]]:
    """A progress bar for every step of a job, on a terminal; the function that moves them."""
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def move(step: str, n: int) -> None:
        if step not in bars:
            bars[step] = tqdm(unit=" customers", desc=step, disable=not sys.stderr.isatty())
        bars[step].update(n)

    try:
        yield move
    finally:
        for bar in bars.values():
            bar.close()


def put_file(path: Path, write: Callable[[BinaryIO], object], replace: bool, what: str) -> str:
    """Write a file whole, unless the same is there already; which of the two, in words."""
    from pipeline.errors import writing
    from pipeline.output import written_whole

    with writing(path):
        was_there = written_whole(path, write, replace, what)
    return f"{'unchanged' if was_there else 'written'}: {path}"
