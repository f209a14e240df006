"""Commands about books: make one, turn other files into one, examine it, measure its features."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from pipeline.commands.shared import list_read, open_book, settings_of


def simulate(options: argparse.Namespace) -> None:
    """Run ``pentad simulate``."""
    from tqdm import tqdm

    from pipeline.errors import writing
    from pipeline.simulate import simulate

    bar = tqdm(total=options.customers, unit="customer", desc="simulate", disable=not sys.stderr.isatty())
    with bar, writing(options.out):
        made = simulate(options.customers, options.months, options.seed, options.out, replace=options.replace,
                        progress=lambda done, _: bar.update(done - bar.n))
    for name, value in made.items():
        print(f"{name}: {value}")


def import_(options: argparse.Namespace) -> None:
    """Run ``pentad import``."""
    from pipeline.adapters.worldbank import import_worldbank
    from pipeline.errors import writing

    with writing(options.out):
        import_worldbank(options.files, options.out, replace=options.replace)


def validate(options: argparse.Namespace) -> None:
    """Run ``pentad validate``."""
    from features.addresses import masked
    from features.errors import BreachesFound
    from features.sources import examine

    book = settings_of(options).book
    print(f"book: {masked(str(options.data))} ...", flush=True)
    found = examine(options.data, options.rejects, book.memory_gb)
    list_read(found, options)
    for fault in found.faults:
        print(f"  broken: {fault}")
    read = {account.table for account in found.accounts}
    if unread := [table for table in ("customers", "loans") if table not in read]:
        print(f"  note: no row was compared with {' and '.join(unread)}, which cannot be read")
    if found.faults:
        raise found.faults[0]
    if found.breaches:
        total = sum(account.n_rejected for account in found.accounts)
        said = "1 row breaks a rule" if total == 1 else f"{total:,} rows break a rule"
        raise BreachesFound(said, masked(str(options.data)), "Mend them, or let them be left out.")
    print("every row keeps its rules")


def features(options: argparse.Namespace) -> int | None:
    """Run ``pentad features``."""
    from tqdm import tqdm

    from pipeline.guards import must_lie_outside, must_reach
    from pipeline.measure import measure

    if options.out.suffix not in (".parquet", ".csv"):
        print("pentad features: --out needs a name that ends in .parquet or .csv", file=sys.stderr)
        return 2
    settings = settings_of(options)
    must_lie_outside(options.out, options.data)
    with closing(open_book(options, settings.book)) as tables:
        must_reach(tables, options.as_of[-1], settings.score.stale_days, "--as-of")
        n_customers = next(a.n_kept for a in tables.accounts if a.table == "customers")
        with tqdm(total=n_customers * len(options.as_of), unit="row", desc="features", disable=not sys.stderr.isatty()) as bar:
            print(measure(tables, options.as_of, options.out, options.replace, bar.update))
    return None
