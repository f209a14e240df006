"""Commands about labels and models: agreement, overrides, training, tuning, promotion."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from pipeline.commands.shared import open_book, settings_of


def labels(options: argparse.Namespace) -> int | None:
    """Run ``pentad labels``."""
    from pipeline.guards import must_lie_outside, must_reach
    from pipeline.label_desk import doubts
    from pipeline.label_report import lines_of, lines_of_doubts, report_of, write_tables
    from pipeline.labels import analyst_labels

    if (options.next is None) != (options.as_of is None):
        print("pentad labels: --next N and --as-of DATE go together", file=sys.stderr)
        return 2
    settings = settings_of(options)
    must_lie_outside(options.out / "consensus.csv", options.data)
    with closing(open_book(options, settings.book)) as tables:
        if options.as_of:
            must_reach(tables, options.as_of, settings.score.stale_days, "--as-of")
        labelled = analyst_labels(tables, options.until, settings, print)
        found = report_of(labelled.consensus, settings.model.seed)
        print("\n".join([*lines_of(found, options.top), ""]), flush=True)
        doubted = doubts(tables, labelled, settings, options.top, options.next, options.as_of,
                         lambda line: print(line, flush=True))
    print("\n".join(lines_of_doubts(doubted, options.top)))
    write_tables(found | doubted, options.out)
    print(f"\nwritten: {options.out}")
    return None


def override(options: argparse.Namespace) -> None:
    """Run ``pentad override``."""
    from pipeline.override import override

    log = Path(settings_of(options).labels.overrides)
    made = override(options.customer, options.as_of, options.type, options.by, options.reason, options.assignments, log)
    print(f"{made.customer_id} as of {made.as_of}: {made.type} instead of {made.instead_of}, by {made.by}; recorded in {log}, "
          "and a label from now on")


def train(options: argparse.Namespace) -> int | None:
    """Run ``pentad train``."""
    from pipeline.evaluation_report import ceiling_line, last_lines_of, lines_of
    from pipeline.tracking import run_place
    from pipeline.train import train

    if odd := _odd_labels(options):
        print(f"pentad train: {odd}", file=sys.stderr)
        return 2
    settings = settings_of(options)
    with closing(open_book(options, settings.book)) as tables:
        labelled = _labelled(options, tables, settings)
        trained = train(tables, labelled, settings, lambda line: print(line, flush=True))
    for evaluation in trained.evaluations:
        print("\n" + "\n".join(lines_of(evaluation)))
    if ceiling := ceiling_line(trained.report):
        print(f"\n{ceiling}")
    print("\n" + "\n".join(last_lines_of(evaluation)))
    print(f"\nregistered as challenger: version {trained.registered.name}")
    print(f"report.html, model_card.md and plots: {run_place(trained.registered, settings.tracking)}")
    return None


def _odd_labels(options: argparse.Namespace) -> str | None:
    """What is wrong with the dates given for the labels; None if nothing is."""
    if options.labels == "hindsight" and not (options.as_of and options.until and options.as_of < options.until):
        return "--labels hindsight needs --as-of DATE and a later --until DATE"
    if options.labels == "analysts" and options.as_of:
        return "--as-of goes with --labels hindsight; analysts' labels bring their own dates"
    return None


def _labelled(options: argparse.Namespace, tables, settings):
    from pipeline.labels import analyst_labels, hindsight_labels

    if options.labels == "analysts":
        return analyst_labels(tables, options.until, settings, print)
    labelled = hindsight_labels(tables, options.as_of, options.until, settings)
    print(f"hindsight types on {options.as_of}: {labelled.rows['type'].value_counts().to_dict()}")
    return labelled


def tune(options: argparse.Namespace) -> int | None:
    """Run ``pentad tune``."""
    from tqdm import tqdm

    from pipeline.tune import tune

    if odd := _odd_labels(options):
        print(f"pentad tune: {odd}", file=sys.stderr)
        return 2
    settings = settings_of(options)
    with closing(open_book(options, settings.book)) as tables:
        labelled = _labelled(options, tables, settings)
        with tqdm(unit="trial", desc="tune", disable=not sys.stderr.isatty()) as bar:

            def progress(best: float) -> None:
                bar.update()
                bar.set_postfix(best=f"{best:.4f}")

            found = tune(tables, labelled, settings, options.trials, options.study,
                         lambda line: print(line, flush=True), progress)
    print(found)
    return None


def promote(options: argparse.Namespace) -> None:
    """Run ``pentad promote``."""
    from pipeline.promote import promote

    version = promote(options.model, options.reason, options.by, settings_of(options))
    print(f"champion is now version {version}")


def rollback(options: argparse.Namespace) -> None:
    """Run ``pentad rollback``."""
    from pipeline.promote import rollback

    version = rollback(options.reason, options.by, settings_of(options))
    print(f"champion is again version {version}")
