"""Commands that put assignments to work: the page, early warnings, monitoring, the plan and what came of it."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from pipeline.commands.shared import bars, open_book, put_file, settings_of


def report(options: argparse.Namespace) -> int | None:
    """Run ``pentad report``."""
    from contextlib import nullcontext

    from pipeline.alerts import warned_dates
    from pipeline.export import WRITERS, listed
    from pipeline.guards import must_lie_outside
    from pipeline.outcomes import recorded
    from pipeline.report import report
    from pipeline.report_page import page

    out, export = options.out or Path("runs/report") / f"{options.as_of}.html", options.export
    if options.since and options.since >= options.as_of:
        print("pentad report: --since must be before --as-of", file=sys.stderr)
        return 2
    if out.suffix != ".html" or (export and export.suffix not in WRITERS):
        print("pentad report: --out needs a name that ends in .html, --export one in .csv or .xlsx", file=sys.stderr)
        return 2
    for file in filter(None, (out, export)) if options.data else ():
        must_lie_outside(file, options.data)
    shows_outcomes = options.data or options.as_of in warned_dates(options.warnings)
    settings = settings_of(options) if shows_outcomes else None
    came = {"outcomes": recorded(Path(settings.playbook.outcomes)), "seed": settings.model.seed} if settings else {}
    with closing(open_book(options, settings.book)) if options.data else nullcontext() as tables:
        found = report(options.as_of, options.since, options.assignments, tables, options.warnings, **came)
    files = [(out, lambda file: file.write(page(found)), "report")]
    if export:
        files.append((export, lambda file: WRITERS[export.suffix](listed(found), file), "list of customers"))
    print(found)
    for path, write, what in files:
        print(f"{put_file(path, write, options.replace, what)} ({path.stat().st_size / 1e6:.1f} MB)")
    return None


def warn(options: argparse.Namespace) -> int | None:
    """Run ``pentad warn``."""
    from pipeline.alerts import SHOWN
    from pipeline.export import WRITERS
    from pipeline.managers import read_managers
    from pipeline.outcomes import recorded
    from pipeline.warn import warn
    from pipeline.warn_words import WORDS, lines_of

    export, say = options.export, WORDS[options.language]
    if export and export.suffix not in WRITERS:
        print("pentad warn: --export needs a name that ends in .csv or .xlsx", file=sys.stderr)
        return 2
    managers, settings = dict(read_managers(options.managers)) if options.managers else {}, settings_of(options)
    outcomes = recorded(Path(settings.playbook.outcomes))
    found = warn(options.as_of, options.assignments, options.out, settings, outcomes, options.replace)
    alerts = found.alerts.assign(manager=[managers.get(who, "") for who in found.alerts["customer_id"]])
    if options.list:
        alerts = alerts[alerts["list"] == options.list]
    print("\n".join([found.text(options.language), "", *lines_of(alerts, found.triggers, options.language, options.top), ""]))
    if n_unscored := sum(who not in found.customers for who in managers):
        print(say["unscored"].format(n=n_unscored, all=len(managers), file=options.managers, day=options.as_of))
    for day in found.later:
        print(f"note: {day} was warned from what stood here before; warn it again with --replace")
    print(f"{'unchanged' if found.already_there else 'written'}: {found.path}")
    if export:
        table = alerts[[*SHOWN, "manager"]].astype({"is_escalated": int})
        print(put_file(export, lambda file: WRITERS[export.suffix](table, file), options.replace, "list of alerts"))
    return None


def monitor(options: argparse.Namespace) -> None:
    """Run ``pentad monitor``."""
    from features.errors import OutputExists, UnwritableOutput
    from pipeline.guards import must_lie_outside, must_reach
    from pipeline.monitor import AlarmRaised, monitor
    from pipeline.monitor_words import lines_of

    out, settings = options.out or Path("runs/monitor") / f"{options.as_of}.json", settings_of(options)
    must_lie_outside(out, options.data)
    with closing(open_book(options, settings.book)) as tables, bars() as progress:
        must_reach(tables, options.as_of, settings.score.stale_days, "--as-of")
        found = monitor(tables, options.as_of, options.since, options.model, settings, options.assignments, progress)
    print("\n" + "\n".join(lines_of(found, options.language, options.top, settings.monitor.false_alarm_share)))
    is_alarm, todo = options.strict and bool(found.alarms), f"Read them in {out}."
    try:
        print(put_file(out, lambda file: file.write(found.text().encode()), options.replace, "findings of this date"))
    except (OutputExists, UnwritableOutput) as error:
        if not is_alarm:
            raise
        todo = f"Read them above; they were not written: {error}"
    if is_alarm:
        kinds = ", ".join(sorted({alarm.kind for alarm in found.alarms}))
        raise AlarmRaised(f"{len(found.alarms)} alarms: {kinds}", f"as of {options.as_of}", todo)


def plan(options: argparse.Namespace) -> None:
    """Run ``pentad plan``."""
    from pipeline.alerts import kept_alerts, no_alerts, warned_dates
    from pipeline.export import WRITERS
    from pipeline.guards import must_lie_outside, must_reach
    from pipeline.managers import read_managers
    from pipeline.outcomes import recorded
    from pipeline.plan import plan
    from pipeline.plan_words import lines_of
    from pipeline.revisions import place_of

    settings, place = settings_of(options), place_of(options.out, options.as_of)
    must_lie_outside(place / "plan.csv", options.data)
    managers = read_managers(options.managers) if options.managers else None
    done = recorded(Path(settings.playbook.outcomes))
    is_warned = options.as_of in warned_dates(options.warnings)
    alerts = kept_alerts(options.as_of, options.warnings) if is_warned else no_alerts()
    if not is_warned:
        print(f"note: no early warnings as of {options.as_of} in {options.warnings}, so none is followed up: run `pentad warn`")
    with closing(open_book(options, settings.book)) as tables:
        must_reach(tables, options.as_of, settings.score.stale_days, "--as-of")
        made = plan(options.as_of, options.hours, tables, managers, alerts, done, settings, options.assignments)
    print("\n" + "\n".join(lines_of(made, options.language, options.top, settings.playbook.outcomes)))
    with_workbook = options.xlsx or (place / "plan.xlsx").exists()  # one beside another plan would mislead
    for suffix in (".csv", ".xlsx") if with_workbook else (".csv",):
        path = place / f"plan{suffix}"
        print(put_file(path, lambda file, write=WRITERS[suffix]: write(made.rows, file), options.replace, "plan"))


def outcome(options: argparse.Namespace) -> None:
    """Run ``pentad outcome``."""
    from features.errors import one_line
    from pipeline.outcomes import outcome

    log = Path(settings_of(options).playbook.outcomes)
    made = outcome(options.customer, options.on, options.what, options.detail, options.by, options.action or "",
                   options.assignments, log)
    print(one_line(f"{made.customer_id} on {made.on}: {made.what}, by {made.by}; recorded in {log}"))


def outcomes(options: argparse.Namespace) -> None:
    """Run ``pentad outcomes``."""
    from pipeline.followup import follow_up
    from pipeline.guards import must_reach
    from pipeline.outcomes import recorded

    settings = settings_of(options)
    done = recorded(Path(settings.playbook.outcomes))
    with closing(open_book(options, settings.book)) as tables:
        must_reach(tables, options.as_of, settings.score.stale_days, "--as-of")
        found = follow_up(options.since, options.as_of, tables, done, settings.model.seed, options.assignments)
    print("\n" + found.text(options.language))
