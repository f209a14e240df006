"""Commands about assignments: score, prepare a database for them, explain them, ask what would change them."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from pipeline.commands.shared import bars, open_book, settings_of


def score(options: argparse.Namespace) -> None:
    """Run ``pentad score``."""
    from features.addresses import masked
    from pipeline.categories import unseen
    from pipeline.delivery import unread
    from pipeline.journal import Journal
    from pipeline.score import score
    from pipeline.shelf import fetch
    from pipeline.stopping import stoppable

    asked = {"as_of": options.as_of, "data": masked(str(options.data)), "model": options.model, "out": str(options.out)}
    records = options.records or options.out.parent / "records"
    with Journal("score", asked, records, sys.stderr if options.log_json else None) as journal, stoppable(), bars() as show:
        settings = settings_of(options)
        fetched = fetch(options.model, settings.tracking)
        model = fetched.model
        print(f"model: {options.model}, version {model.name}")
        journal.tell(version=model.name, model_sha256=model.segmenter.sha256, trained_until=model.trained_until,
                     from_shelf=bool(fetched.warning))
        journal.step("model")
        if fetched.warning:
            journal.warn(fetched.warning)
        if model.segmenter.slow_because:
            journal.warn(f"explaining takes a hundred times longer than it could: {model.segmenter.slow_because}")

        def progress(step: str, n: int) -> None:
            journal.lap(step)
            show(step, n)

        with closing(open_book(options, settings.book)) as tables:
            journal.tell(fingerprint=tables.fingerprint, tables={
                account.table: {"read": account.n_read, "kept": account.n_kept, "rejected": account.n_rejected}
                for account in tables.accounts}, unknown_words={
                f"{account.table}.{column}": n for account in tables.accounts for column, n in account.unknown.items()})
            journal.step("opened")
            if model.reference:
                counted = unseen(tables, model.reference)
                journal.tell(unseen_categories=counted)
                for column, n in counted.items():
                    rows = "1 row has" if n == 1 else f"{n:,} rows have"
                    journal.warn(f"{rows} a value of {column} that training never saw; `pentad monitor` names them")
            for warning in unread(tables.accounts):
                journal.warn(warning)
            for breach in tables.breaches:
                journal.note(f"{breach.n_rows:,} rows of {breach.table} set aside: {breach.rule}")
            scored = score(tables, options.as_of, model, settings, options.out, options.restate or "", progress)
        for warning in scored.warnings:
            journal.warn(warning)
        journal.tell(**scored.closing.facts(), lost_features=scored.lost.features, referred=scored.n_referred,
                     revision=scored.revision.number, manifest_sha256=scored.revision.sha256,
                     already_there=scored.already_there)
        journal.step("committed")
        print(scored)
        if options.sink:
            from pipeline.sinks import write

            was_there = write(options.sink, scored.revision)
            journal.tell(sink=masked(options.sink))
            journal.step("sink")
            print(f"{'unchanged' if was_there else 'written'}: {masked(options.sink)}")
    print(f"record: {journal.path}")
    print("\n" + "\n".join(_one(scored.first)))


def sink(options: argparse.Namespace) -> None:
    """Run ``pentad sink``."""
    from features.addresses import masked
    from pipeline.sinks import init

    init(options.address)
    print(f"ready: {masked(options.address)}")


def explain(options: argparse.Namespace) -> int | None:
    """Run ``pentad explain``."""
    if bool(options.since) != bool(options.data) or (options.since and options.versus):
        print("pentad: usage: --since and --data go together, and without --versus", file=sys.stderr)
        return 2
    if options.since:
        from pipeline.changes import changed

        settings = settings_of(options)
        with closing(open_book(options, settings.book)) as tables:
            found = changed(options.customer, options.since, options.as_of, tables, settings, options.assignments)
        print()
    else:
        from pipeline.explain import explain

        found = explain(options.customer, options.as_of, options.versus, options.assignments)
    print(found.text(options.language, options.top))


def whatif(options: argparse.Namespace) -> int | None:
    """Run ``pentad whatif``."""
    from pipeline.edits import KINDS
    from pipeline.whatif import whatif
    from pipeline.whatif_words import lines_of

    asked = {kind: getattr(options, kind) for kind in KINDS if getattr(options, kind) is not None}
    if asked and options.to:
        print("pentad: usage: --to goes with a search, and without changes of your own", file=sys.stderr)
        return 2
    settings = settings_of(options)
    with closing(open_book(options, settings.book)) as tables, bars() as progress:
        answer = whatif(options.customer, options.as_of, asked, options.to or "", options.loan, tables, settings,
                        options.assignments, progress)
    print("\n" + "\n".join(lines_of(answer, options.language, options.top)))
    return None


def _one(row) -> list[str]:
    from pipeline.steadiness import reseed_line

    dimensions = ", ".join(f"{name} {row[f'why_{name}']:+.2f}" for name in ("value", "need", "behaviour", "risk"))
    return [
        f"{row['customer_id']}: {row['type']} {row['type_zh']} ({row['p_' + row['type']]:.0%}), "
        f"before {row['runner_up']} {row['runner_up_zh']} by {row['gap_log_odds']:.2f} log-odds ({dimensions})",
        f"  why: {row['reasons_en']}", f"  原因：{row['reasons_zh']}",
        f"  strategy: {row['strategy_en']}", f"  策略：{row['strategy_zh']}",
        f"  possible: {row['possible_types'].replace(',', ', ') or 'no type is probable enough'}"
        + ("; a person decides 需人工判断" if row["is_referred"] else ""),
        f"  {reseed_line(row, 'en')}", f"  {reseed_line(row, 'zh')}",
    ]
