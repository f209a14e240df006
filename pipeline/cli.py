"""The console script ``pentad``: parse, call, exit with a code that says what happened."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.settings import BookSettings

TYPES = ("risk", "churn", "strategic", "growth", "stable")
BOOK = "folder of CSV or Parquet tables, a DuckDB file, or postgresql://HOST/DATABASE"
OUTCOMES = ("contacted", "reason_for_leaving", "offer", "kept", "lost", "cured", "defaulted")
EPILOG = """exit codes: 0 done, 1 unexpected (with a traceback), 2 usage, 10 and up named: `pentad exit-codes` lists them.
Readers of Chinese: README.md has a 中文 section."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack the letters of a name
    options = _parser().parse_args(arguments)
    from features.errors import PentadError

    try:
        return options.run(options) or 0
    except PentadError as error:
        print(f"pentad: {type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output (head, less) has left
        sys.stdout = open(os.devnull, "w")  # or Python complains again at exit
        return 141
    except KeyboardInterrupt:
        print("pentad: interrupted; nothing was half written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pentad", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Sorts the borrowers of a bank's loan book into five relationship types, and says why.")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="another run.toml than the one delivered")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    simulate = _command(commands, "simulate", _simulate, "write a synthetic loan book with known truth beside it")
    simulate.add_argument("--customers", type=_whole(1), default=2000, help="number of borrowers (default 2000)")
    simulate.add_argument("--months", type=_whole(24, 600), default=48, help="length of the history, 24 to 600 (default 48)")
    simulate.add_argument("--seed", type=_whole(0), default=7, help="every random number comes from it (default 7)")
    simulate.add_argument("--out", type=_folder, required=True, help="new folder; the truth goes to <out>_truth")
    simulate.add_argument("--replace", action="store_true", help="replace an earlier synthetic book")

    imports = _command(commands, "import", _import, "turn other people's files into a loan book")
    imports.add_argument("source", choices=["worldbank"], help="IBRD Statement of Loans, IDA Statement of Credits")
    imports.add_argument("files", nargs="+", type=Path, metavar="FILE", help="dated statements, in any order")
    imports.add_argument("--out", type=_folder, required=True, help="new folder for the tables")
    imports.add_argument("--replace", action="store_true", help="replace a book imported earlier")

    validate = _command(commands, "validate", _validate, "list every breach of the table contracts")
    _book(validate)

    features = _command(commands, "features", _features, "write the feature frame of every customer, for one date or a range")
    _book(features)
    features.add_argument("--as-of", type=_span, required=True, metavar="DATE[..DATE]",
                          help="a date (YYYY-MM-DD), or FIRST..LAST for every month-end between them")
    features.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .parquet or .csv file")
    features.add_argument("--replace", action="store_true", help="replace another file")

    labels = _command(commands, "labels", _labels, "show how far the analysts agree, whom they dispute, and what to believe")
    _book(labels)
    labels.add_argument("--until", type=_day, metavar="DATE", help="only labels given by then")
    labels.add_argument("--top", type=_whole(1), default=20, metavar="N", help="rows shown of each list (default 20)")
    labels.add_argument("--next", type=_whole(1), metavar="N", help="with --as-of: propose N customers to label next")
    labels.add_argument("--as-of", type=_day, metavar="DATE", help="with --next: the date to label them for")
    labels.add_argument("--out", type=Path, default=Path("runs/labels"), help="folder for the tables (default runs/labels)")

    train = _command(commands, "train", _train, "learn from labels, measure, register the model as challenger")
    _book(train)
    _labels_of(train)

    tune = _command(commands, "tune", _tune, "search for better settings on later dates and other customers; prints them")
    _book(tune)
    _labels_of(tune)
    tune.add_argument("--trials", type=_whole(1), default=40, metavar="N", help="trials of the study in all (default 40)")
    tune.add_argument("--study", type=Path, default=Path("runs/tuning.log"), metavar="FILE",
                      help="where studies are kept, and go on from (default runs/tuning.log)")

    promote = _command(commands, "promote", _promote, "make a registered model the champion, if the gate lets it")
    promote.add_argument("--model", default="challenger", help="alias or version number (default challenger)")
    promote.add_argument("--reason", type=_words, required=True, help="why, kept with the model")
    promote.add_argument("--by", type=_words, required=True, help="who decides, kept with the model")

    rollback = _command(commands, "rollback", _rollback, "make the champion before this one champion again")
    rollback.add_argument("--reason", type=_words, required=True, help="why, kept with the model")
    rollback.add_argument("--by", type=_words, required=True, help="who decides, kept with the model")

    score = _command(commands, "score", _score, "write the types of all active borrowers on a date, with reasons")
    _book(score)
    score.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date, YYYY-MM-DD")
    score.add_argument("--model", default="champion", help="alias or version number (default champion)")
    score.add_argument("--out", type=Path, default=Path("runs/assignments"), help="default runs/assignments")
    score.add_argument("--restate", type=_words, metavar="REASON",
                       help="write another result of the same date as its next revision, and why")
    score.add_argument("--sink", type=_sink, metavar="ADDRESS",
                       help="write the assignments to a database too: duckdb:FILE or postgresql://... (see `pentad sink`)")
    score.add_argument("--records", type=Path, metavar="DIR",
                       help="folder for the JSON record of the run (default: records beside --out)")
    score.add_argument("--log-json", action="store_true", help="log the steps to stderr too, a JSON line each")

    sink = _command(commands, "sink", _sink_init, "make the tables of a database that is to receive assignments")
    sink.add_argument("action", choices=["init"], help="make tables, keys and indexes; what is there stays")
    sink.add_argument("address", type=_sink, metavar="ADDRESS",
                      help="duckdb:FILE or postgresql://HOST/DATABASE; the password comes from PGPASSWORD or ~/.pgpass")

    explain = _command(commands, "explain", _explain, "why a scored customer has its type and not another, from what is stored")
    explain.add_argument("customer", type=_words, metavar="CUSTOMER", help="the customer, as in its assignment")
    explain.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date of the assignment")
    explain.add_argument("--versus", choices=TYPES, metavar="TYPE",
                         help=f"the other type, one of {', '.join(TYPES)} (default: the runner-up)")
    explain.add_argument("--since", type=_day, metavar="DATE", help="with --data: what changed since this date")
    explain.add_argument("--data", type=_place, help=f"with --since: {BOOK}")
    explain.add_argument("--rejects", type=Path, default=Path("runs/rejects"),
                         help="with --since: folder for rows that break a rule (default runs/rejects)")
    explain.add_argument("--top", type=_whole(1), default=6, metavar="N", help="features shown on either side (default 6)")
    explain.add_argument("--language", choices=("en", "zh"), default="en", help="en or zh (default en)")
    explain.add_argument("--assignments", type=Path, default=Path("runs/assignments"), help="default runs/assignments")

    whatif = _command(commands, "whatif", _whatif, "which change that can still be made would give a customer another type")
    whatif.add_argument("customer", type=_words, metavar="CUSTOMER", help="the customer, as in its assignment")
    whatif.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date of the assignment")
    _book(whatif)
    whatif.add_argument("--to", choices=TYPES, metavar="TYPE", help="search for this type (default: any other)")
    whatif.add_argument("--loan", type=_words, metavar="LOAN", help="change this loan only (default: all active ones)")
    asked = whatif.add_argument_group("changes to try instead of a search, together; amounts in the book's currency")
    asked.add_argument("--pay-arrears", type=_amount_or_all, metavar="AMOUNT", help="pay so much of what is overdue, or `all`")
    asked.add_argument("--add-collateral", type=_amount, metavar="AMOUNT", help="pledge it, spread over the loans by balance")
    asked.add_argument("--extend-tenor", type=_whole(1, 120), metavar="MONTHS", help="spread what is still to fall due further")
    asked.add_argument("--set-limit", type=_amount, metavar="AMOUNT", help="the limit of the credit lines, all together")
    asked.add_argument("--pay-on-time", type=_whole(1, 120), metavar="MONTHS", help="pay what falls due; judged so much later")
    whatif.add_argument("--top", type=_whole(1), default=6, metavar="N", help="features shown that a change moves (default 6)")
    whatif.add_argument("--language", choices=("en", "zh"), default="en", help="en or zh (default en)")
    whatif.add_argument("--assignments", type=Path, default=Path("runs/assignments"), help="default runs/assignments")

    report = _command(commands, "report", _report,
                      "write the scored book of a date as a page: types, migration, drivers, every case")
    report.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date that was scored")
    report.add_argument("--since", type=_day, metavar="DATE",
                        help="an earlier date to compare with (default: the last scored one)")
    report.add_argument("--data", type=_place, metavar="BOOK",
                        help="the book, for the customers' names, and their exposure where the model was not given it")
    report.add_argument("--rejects", type=Path, default=Path("runs/rejects"),
                        help="with --data: folder for rows that break a rule (default runs/rejects)")
    report.add_argument("--assignments", type=Path, default=Path("runs/assignments"), metavar="DIR",
                        help="where `pentad score` wrote (default runs/assignments)")
    report.add_argument("--warnings", type=Path, default=Path("runs/warnings"), metavar="DIR",
                        help="where `pentad warn` wrote; shown if the date was warned (default runs/warnings)")
    report.add_argument("--out", type=Path, metavar="FILE", help="an .html file (default runs/report/DATE.html)")
    report.add_argument("--export", type=Path, metavar="FILE", help="the list of customers too, as a .csv or .xlsx file")
    report.add_argument("--replace", action="store_true", help="replace other files")

    warn = _command(commands, "warn", _warn, "early warnings of a scored date: who may become a risk, who may leave, and why")
    warn.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date that was scored")
    warn.add_argument("--list", choices=("risk", "churn"), help="print this list only (default: both)")
    warn.add_argument("--top", type=_whole(1), default=10, metavar="N", help="alerts printed, the gravest first (default 10)")
    warn.add_argument("--language", choices=("en", "zh"), default="en", help="en or zh (default en)")
    warn.add_argument("--managers", type=Path, metavar="FILE",
                      help="a .csv file of customer_id,manager: names the person beside the role where it prints and exports")
    warn.add_argument("--assignments", type=Path, default=Path("runs/assignments"), metavar="DIR",
                      help="where `pentad score` wrote (default runs/assignments)")
    warn.add_argument("--out", type=Path, default=Path("runs/warnings"), metavar="DIR", help="default runs/warnings")
    warn.add_argument("--export", type=Path, metavar="FILE", help="the alerts of the date too, as a .csv or .xlsx file")
    warn.add_argument("--replace", action="store_true", help="replace other warnings of the date, and an other export")

    monitor = _command(commands, "monitor", _monitor,
                       "watch a model in use: drift, performance on labels that arrived, age, who went where and why")
    _book(monitor)
    monitor.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date, YYYY-MM-DD")
    monitor.add_argument("--since", type=_day, metavar="DATE",
                         help="an earlier scored date to compare with (default: the last one, where the date was scored)")
    monitor.add_argument("--model", help="alias or version number (default: the model that scored the date, else the champion)")
    monitor.add_argument("--top", type=_whole(1), default=6, metavar="N", help="features and moves shown (default 6)")
    monitor.add_argument("--language", choices=("en", "zh"), default="en", help="en or zh (default en)")
    monitor.add_argument("--assignments", type=Path, default=Path("runs/assignments"), metavar="DIR",
                         help="where `pentad score` wrote (default runs/assignments)")
    monitor.add_argument("--out", type=Path, metavar="FILE", help="everything as JSON (default runs/monitor/DATE.json)")
    monitor.add_argument("--replace", action="store_true", help="replace another file")
    monitor.add_argument("--strict", action="store_true", help="end with an exit code of its own when an alarm is raised")

    plan = _command(commands, "plan", _plan, "write the work of a period for every relationship manager, the worthiest first")
    plan.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date that was scored")
    plan.add_argument("--hours", type=_hours, required=True, metavar="N", help="hours that each manager has for the period")
    _book(plan)
    plan.add_argument("--managers", type=Path, metavar="FILE",
                      help="CSV of customer_id and manager (default: all customers are one list)")
    plan.add_argument("--top", type=_whole(0), default=5, metavar="N", help="actions printed per manager (default 5)")
    plan.add_argument("--language", choices=("en", "zh"), default="en", help="en or zh (default en)")
    plan.add_argument("--assignments", type=Path, default=Path("runs/assignments"), help="default runs/assignments")
    plan.add_argument("--warnings", type=Path, default=Path("runs/warnings"), help="default runs/warnings")
    plan.add_argument("--out", type=Path, default=Path("runs/plans"), help="folder for as_of=DATE/plan.csv (default runs/plans)")
    plan.add_argument("--xlsx", action="store_true", help="write plan.xlsx too")
    plan.add_argument("--replace", action="store_true", help="replace another plan of the same date")

    outcome = _command(commands, "outcome", _outcome, "record what was done with a customer, or what came of it")
    outcome.add_argument("customer", type=_words, metavar="CUSTOMER", help="the customer, as in its assignment")
    outcome.add_argument("--on", type=_day, required=True, metavar="DATE", help="the day it happened")
    outcome.add_argument("--what", choices=OUTCOMES, required=True, help=f"one of {', '.join(OUTCOMES)}")
    outcome.add_argument("--detail", type=_words, required=True, metavar="TEXT", help="in words, kept in the log")
    outcome.add_argument("--by", type=_words, required=True, metavar="WHO", help="who says so, kept in the log")
    outcome.add_argument("--action", type=_words, metavar="NAME", help="the action of the plan that it belongs to")
    outcome.add_argument("--assignments", type=Path, default=Path("runs/assignments"), metavar="DIR",
                         help="where `pentad score` wrote (default runs/assignments)")

    outcomes = _command(commands, "outcomes", _outcomes, "what came of scored customers, and of what was done with them")
    outcomes.add_argument("--since", type=_day, required=True, metavar="DATE", help="the date on which they were scored")
    outcomes.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the later date on which it is read")
    _book(outcomes)
    outcomes.add_argument("--language", choices=("en", "zh"), default="en", help="en or zh (default en)")
    outcomes.add_argument("--assignments", type=Path, default=Path("runs/assignments"), help="default runs/assignments")

    override = _command(commands, "override", _override, "record that a reviewer gives a scored customer another type")
    override.add_argument("customer", type=_words, metavar="CUSTOMER", help="the customer, as in its assignment")
    override.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date of the assignment")
    override.add_argument("--type", choices=TYPES, required=True, help="the type it should have")
    override.add_argument("--by", type=_words, required=True, help="who decides, kept in the log")
    override.add_argument("--reason", type=_words, required=True, help="why, kept in the log")
    override.add_argument("--assignments", type=Path, default=Path("runs/assignments"), metavar="DIR",
                          help="where `pentad score` wrote (default runs/assignments)")

    _command(commands, "exit-codes", _exit_codes, "list the named failures")
    return parser


def _command(commands, name: str, run, sentence: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
    command.set_defaults(run=run)
    return command


def _book(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=_place, required=True, help=BOOK)
    command.add_argument("--rejects", type=Path, default=Path("runs/rejects"),
                         help="folder for rows that break a rule (default runs/rejects)")


def _labels_of(command: argparse.ArgumentParser) -> None:
    command.add_argument("--labels", choices=["analysts", "hindsight"], default="analysts",
                         help="analysts: the labels table; hindsight: what happened after --as-of")
    command.add_argument("--as-of", type=_day, metavar="DATE", help="hindsight: the date the features stop at")
    command.add_argument("--until", type=_day, metavar="DATE",
                         help="hindsight: the date the outcome is read on; analysts: labels given by then")


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write YYYY-MM-DD") from None
    if not 1900 <= day.year < 2200:
        raise argparse.ArgumentTypeError(f"{text!r} is before 1900 or after 2200")
    return day.isoformat()


def _span(text: str) -> list[str]:
    from features.days import month_ends

    first, dots, last = text.partition("..")
    if not dots:
        return [_day(first)]
    days = month_ends(_day(first), _day(last))
    if _day(last) < _day(first):
        raise argparse.ArgumentTypeError(f"{text!r} ends before it begins")
    if not days:
        raise argparse.ArgumentTypeError(f"{text!r} holds no month-end")
    return days


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        if most is not None and int(text) > most:
            raise argparse.ArgumentTypeError(f"{text!r} is more than {most}")
        return int(text)

    return number


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours from 0 to 100,000")
    return hours


def _amount(text: str) -> int:
    """Cents of an amount in the book's currency."""
    from decimal import Decimal

    try:
        cents = Decimal(text.replace(",", "")) * 100
    except ArithmeticError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount") from None
    if not cents.is_finite() or cents < 0 or cents != int(cents) or cents > 10**15:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of whole cents, at most 10 trillion")
    return int(cents)


def _amount_or_all(text: str) -> int:
    from pipeline.edits import ALL

    return ALL if text == "all" else _amount(text)


def _words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is blank; it is kept with the model for those who ask later")
    return text.strip()


def _place(text: str) -> Path | str:
    """A book's place: the address of a database as it is, else a path."""
    return text if text.startswith(("postgresql://", "postgres://")) else Path(text)


def _sink(text: str) -> str:
    if not (text.startswith(("postgresql://", "postgres://")) or text.startswith("duckdb:") and text != "duckdb:"):
        raise argparse.ArgumentTypeError(f"{text!r} is no database; write duckdb:FILE or postgresql://HOST/DATABASE")
    return text


def _folder(text: str) -> Path:
    if Path(text).name in ("", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} has no name of its own; name a new folder")
    return Path(text)


def _settings(options: argparse.Namespace):
    from pipeline.settings import load_settings

    return load_settings(options.settings)


def _open(options: argparse.Namespace, book: BookSettings):
    from features.errors import masked
    from features.sources import must_have_rows, open_tables

    print(f"book: {masked(str(options.data))} ...", flush=True)
    tables = open_tables(options.data, options.rejects, book.reject_share_limit, book.memory_gb)
    try:
        _list(tables, options)
        must_have_rows(tables.accounts, options.data)
    except BaseException:
        tables.close()
        raise
    return tables


def _list(read, options: argparse.Namespace) -> None:
    """Print what was read of a book and what was not, and which rows were set aside."""
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
        if not account.n_kept:
            print(f"  note: {account.table} has no {'kept ' if account.n_read else ''}row")
    if beside := others(options.data):
        print(f"  note: beside the tables and not read: {one_line(', '.join(beside))}")


def _simulate(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from pipeline.errors import writing
    from pipeline.simulate import simulate

    bar = tqdm(total=options.customers, unit="customer", desc="simulate", disable=not sys.stderr.isatty())
    with bar, writing(options.out):
        made = simulate(options.customers, options.months, options.seed, options.out, replace=options.replace,
                        progress=lambda done, _: bar.update(done - bar.n))
    for name, value in made.items():
        print(f"{name}: {value}")


def _import(options: argparse.Namespace) -> None:
    from pipeline.adapters.worldbank import import_worldbank
    from pipeline.errors import writing

    with writing(options.out):
        import_worldbank(options.files, options.out, replace=options.replace)


def _validate(options: argparse.Namespace) -> None:
    from features.errors import BreachesFound, masked
    from features.sources import examine

    book = _settings(options).book
    print(f"book: {masked(str(options.data))} ...", flush=True)
    found = examine(options.data, options.rejects, book.memory_gb)
    _list(found, options)
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


def _features(options: argparse.Namespace) -> int | None:
    from tqdm import tqdm

    from pipeline.guards import must_lie_outside, must_reach
    from pipeline.measure import measure

    if options.out.suffix not in (".parquet", ".csv"):
        print("pentad features: --out needs a name that ends in .parquet or .csv", file=sys.stderr)
        return 2
    settings = _settings(options)
    must_lie_outside(options.out, options.data)
    with closing(_open(options, settings.book)) as tables:
        must_reach(tables, options.as_of[-1], settings.score.stale_days, "--as-of")
        n_customers = next(a.n_kept for a in tables.accounts if a.table == "customers")
        with tqdm(total=n_customers * len(options.as_of), unit="row", desc="features", disable=not sys.stderr.isatty()) as bar:
            print(measure(tables, options.as_of, options.out, options.replace, bar.update))
    return None


def _labels(options: argparse.Namespace) -> int | None:
    from pipeline.guards import must_lie_outside, must_reach
    from pipeline.label_desk import doubts
    from pipeline.label_report import lines_of, lines_of_doubts, report_of, write_tables
    from pipeline.labels import analyst_labels

    if (options.next is None) != (options.as_of is None):
        print("pentad labels: --next N and --as-of DATE go together", file=sys.stderr)
        return 2
    settings = _settings(options)
    must_lie_outside(options.out / "consensus.csv", options.data)
    with closing(_open(options, settings.book)) as tables:
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


def _override(options: argparse.Namespace) -> None:
    from pipeline.override import override

    log = Path(_settings(options).labels.overrides)
    made = override(options.customer, options.as_of, options.type, options.by, options.reason, options.assignments, log)
    print(f"{made.customer_id} as of {made.as_of}: {made.type} instead of {made.instead_of}, by {made.by}; recorded in {log}, "
          "and a label from now on")


def _plan(options: argparse.Namespace) -> None:
    from pipeline.alerts import kept_alerts, no_alerts, warned_dates
    from pipeline.errors import writing
    from pipeline.export import write_csv, write_xlsx
    from pipeline.guards import must_lie_outside, must_reach
    from pipeline.managers import read_managers
    from pipeline.outcomes import recorded
    from pipeline.output import written_whole
    from pipeline.plan import plan
    from pipeline.plan_words import lines_of
    from pipeline.revisions import place_of

    settings, place = _settings(options), place_of(options.out, options.as_of)
    must_lie_outside(place / "plan.csv", options.data)
    managers = read_managers(options.managers) if options.managers else None
    done = recorded(Path(settings.playbook.outcomes))
    is_warned = options.as_of in warned_dates(options.warnings)
    alerts = kept_alerts(options.as_of, options.warnings) if is_warned else no_alerts()
    if not is_warned:
        print(f"note: no early warnings as of {options.as_of} in {options.warnings}, so none is followed up: run `pentad warn`")
    with closing(_open(options, settings.book)) as tables:
        must_reach(tables, options.as_of, settings.score.stale_days, "--as-of")
        made = plan(options.as_of, options.hours, tables, managers, alerts, done, settings, options.assignments)
    print("\n" + "\n".join(lines_of(made, options.language, options.top)))
    for suffix, write in (("csv", write_csv), ("xlsx", write_xlsx))[: 2 if options.xlsx else 1]:
        path = place / f"plan.{suffix}"
        with writing(path):
            was_there = written_whole(path, lambda file, write=write: write(made.rows, file), options.replace, "plan")
        print(f"{'unchanged' if was_there else 'written'}: {path}")


def _outcome(options: argparse.Namespace) -> None:
    from pipeline.outcomes import outcome

    log = Path(_settings(options).playbook.outcomes)
    made = outcome(options.customer, options.on, options.what, options.detail, options.by, options.action or "",
                   options.assignments, log)
    print(f"{made.customer_id} on {made.on}: {made.what}, by {made.by}; recorded in {log}")


def _outcomes(options: argparse.Namespace) -> None:
    from pipeline.followup import follow_up
    from pipeline.guards import must_reach
    from pipeline.outcomes import recorded

    settings = _settings(options)
    done = recorded(Path(settings.playbook.outcomes))
    with closing(_open(options, settings.book)) as tables:
        must_reach(tables, options.as_of, settings.score.stale_days, "--as-of")
        found = follow_up(options.since, options.as_of, tables, done, settings.model.seed, options.assignments)
    print("\n" + found.text(options.language))


def _train(options: argparse.Namespace) -> int | None:
    from pipeline.evaluation_report import ceiling_line, last_lines_of, lines_of
    from pipeline.tracking import run_place
    from pipeline.train import train

    if odd := _odd_labels(options):
        print(f"pentad train: {odd}", file=sys.stderr)
        return 2
    settings = _settings(options)
    with closing(_open(options, settings.book)) as tables:
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


def _tune(options: argparse.Namespace) -> int | None:
    from tqdm import tqdm

    from pipeline.tune import tune

    if odd := _odd_labels(options):
        print(f"pentad tune: {odd}", file=sys.stderr)
        return 2
    settings = _settings(options)
    with closing(_open(options, settings.book)) as tables:
        labelled = _labelled(options, tables, settings)
        with tqdm(unit="trial", desc="tune", disable=not sys.stderr.isatty()) as bar:

            def progress(best: float) -> None:
                bar.update()
                bar.set_postfix(best=f"{best:.4f}")

            found = tune(tables, labelled, settings, options.trials, options.study,
                         lambda line: print(line, flush=True), progress)
    print(found)
    return None


def _promote(options: argparse.Namespace) -> None:
    from pipeline.promote import promote

    version = promote(options.model, options.reason, options.by, _settings(options))
    print(f"champion is now version {version}")


def _rollback(options: argparse.Namespace) -> None:
    from pipeline.promote import rollback

    version = rollback(options.reason, options.by, _settings(options))
    print(f"champion is again version {version}")


@contextmanager
def _bars() -> Iterator[Callable[[str, int], None]]:
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


def _score(options: argparse.Namespace) -> None:
    from features.errors import masked
    from pipeline.categories import unseen
    from pipeline.journal import Journal
    from pipeline.score import score
    from pipeline.shelf import fetch

    asked = {"as_of": options.as_of, "data": masked(str(options.data)), "model": options.model, "out": str(options.out)}
    records = options.records or options.out.parent / "records"
    with Journal("score", asked, records, sys.stderr if options.log_json else None) as journal, _bars() as show:
        settings = _settings(options)
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

        with closing(_open(options, settings.book)) as tables:
            journal.tell(fingerprint=tables.fingerprint, tables={
                account.table: {"read": account.n_read, "kept": account.n_kept, "rejected": account.n_rejected}
                for account in tables.accounts})
            journal.step("opened")
            if model.reference:
                counted = unseen(tables, model.reference)
                journal.tell(unseen_categories=counted)
                for column, n in counted.items():
                    journal.warn(f"{n:,} rows have a value of {column} that training never saw; `pentad monitor` names them")
            for breach in tables.breaches:
                journal.note(f"{breach.n_rows:,} rows of {breach.table} set aside: {breach.rule}")
            scored = score(tables, options.as_of, model, settings, options.out, options.restate or "", progress)
        journal.tell(**scored.closing.facts(), referred=scored.n_referred, revision=scored.revision.number,
                     manifest_sha256=scored.revision.sha256, already_there=scored.already_there)
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


def _sink_init(options: argparse.Namespace) -> None:
    from features.errors import masked
    from pipeline.sinks import init

    init(options.address)
    print(f"ready: {masked(options.address)}")


def _explain(options: argparse.Namespace) -> int | None:
    if bool(options.since) != bool(options.data) or (options.since and options.versus):
        print("pentad: usage: --since and --data go together, and without --versus", file=sys.stderr)
        return 2
    if options.since:
        from pipeline.changes import changed

        settings = _settings(options)
        with closing(_open(options, settings.book)) as tables:
            found = changed(options.customer, options.since, options.as_of, tables, settings, options.assignments)
        print()
    else:
        from pipeline.explain import explain

        found = explain(options.customer, options.as_of, options.versus, options.assignments)
    print(found.text(options.language, options.top))


def _whatif(options: argparse.Namespace) -> int | None:
    from pipeline.edits import KINDS
    from pipeline.whatif import whatif
    from pipeline.whatif_words import lines_of

    asked = {kind: getattr(options, kind) for kind in KINDS if getattr(options, kind) is not None}
    if asked and options.to:
        print("pentad: usage: --to goes with a search, and without changes of your own", file=sys.stderr)
        return 2
    settings = _settings(options)
    with closing(_open(options, settings.book)) as tables, _bars() as progress:
        answer = whatif(options.customer, options.as_of, asked, options.to or "", options.loan, tables, settings,
                        options.assignments, progress)
    print("\n" + "\n".join(lines_of(answer, options.language, options.top)))
    return None


def _report(options: argparse.Namespace) -> int | None:
    from contextlib import nullcontext

    from pipeline.errors import writing
    from pipeline.export import SUFFIXES, listed, write_csv, write_xlsx
    from pipeline.guards import must_lie_outside
    from pipeline.outcomes import recorded
    from pipeline.output import written_whole
    from pipeline.report import report
    from pipeline.report_page import page

    out, export = options.out or Path("runs/report") / f"{options.as_of}.html", options.export
    if options.since and options.since >= options.as_of:
        print("pentad report: --since must be before --as-of", file=sys.stderr)
        return 2
    if out.suffix != ".html" or (export and export.suffix not in SUFFIXES):
        print("pentad report: --out needs a name that ends in .html, --export one in .csv or .xlsx", file=sys.stderr)
        return 2
    for file in filter(None, (out, export)) if options.data else ():
        must_lie_outside(file, options.data)
    settings = _settings(options) if options.data else None
    with closing(_open(options, settings.book)) if settings else nullcontext() as tables:
        came = {"outcomes": recorded(Path(settings.playbook.outcomes)), "seed": settings.model.seed} if settings else {}
        found = report(options.as_of, options.since, options.assignments, tables, options.warnings, **came)
    files = [(out, lambda file: file.write(page(found)), "report")]
    if export:
        write = write_csv if export.suffix == ".csv" else write_xlsx
        files.append((export, lambda file: write(listed(found), file), "list of customers"))
    print(found)
    for path, write_to, what in files:
        with writing(path):
            was_there = written_whole(path, write_to, options.replace, what)
        print(f"{'unchanged' if was_there else 'written'}: {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return None


def _warn(options: argparse.Namespace) -> int | None:
    from pipeline.alerts import COLUMNS
    from pipeline.errors import writing
    from pipeline.export import SUFFIXES, write_csv, write_xlsx
    from pipeline.managers import read_managers
    from pipeline.outcomes import recorded
    from pipeline.output import written_whole
    from pipeline.warn import warn
    from pipeline.warn_words import lines_of

    export = options.export
    if export and export.suffix not in SUFFIXES:
        print("pentad warn: --export needs a name that ends in .csv or .xlsx", file=sys.stderr)
        return 2
    managers, settings = read_managers(options.managers) if options.managers else {}, _settings(options)
    outcomes = recorded(Path(settings.playbook.outcomes))
    found = warn(options.as_of, options.assignments, options.out, settings, outcomes, options.replace)
    alerts = found.alerts.assign(manager=[managers.get(who, "") for who in found.alerts["customer_id"]])
    if options.list:
        alerts = alerts[alerts["list"] == options.list]
    print("\n".join([found.text(options.language), "", *lines_of(alerts, options.language, options.top), ""]))
    for day in found.later:
        print(f"note: {day} was warned from what stood here before; warn it again with --replace")
    print(f"{'unchanged' if found.already_there else 'written'}: {found.path}")
    if export:
        write, table = write_csv if export.suffix == ".csv" else write_xlsx, alerts[[*COLUMNS, "manager"]]
        with writing(export):
            was_there = written_whole(export, lambda file: write(table, file), options.replace, "list of alerts")
        print(f"{'unchanged' if was_there else 'written'}: {export}")
    return None


def _monitor(options: argparse.Namespace) -> None:
    from pipeline.errors import writing
    from pipeline.guards import must_lie_outside, must_reach
    from pipeline.monitor import AlarmRaised, monitor
    from pipeline.monitor_words import lines_of
    from pipeline.output import written_whole

    out, settings = options.out or Path("runs/monitor") / f"{options.as_of}.json", _settings(options)
    must_lie_outside(out, options.data)
    with closing(_open(options, settings.book)) as tables, _bars() as progress:
        must_reach(tables, options.as_of, settings.score.stale_days, "--as-of")
        found = monitor(tables, options.as_of, options.since, options.model, settings, options.assignments, progress)
    print("\n" + "\n".join(lines_of(found, options.language, options.top, settings.monitor.false_alarm_share)))
    with writing(out):
        was_there = written_whole(out, lambda file: file.write(found.text().encode()), options.replace, "findings of this date")
    print(f"{'unchanged' if was_there else 'written'}: {out}")
    if options.strict and found.alarms:
        kinds = ", ".join(sorted({alarm.kind for alarm in found.alarms}))
        raise AlarmRaised(f"{len(found.alarms)} alarms: {kinds}", f"as of {options.as_of}", f"Read them in {out}.")


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


def _exit_codes(_: argparse.Namespace) -> None:
    import pipeline.adapters.worldbank
    import pipeline.changes
    import pipeline.edits
    import pipeline.explain
    import pipeline.followup
    import pipeline.label_desk
    import pipeline.monitor
    import pipeline.outcomes
    import pipeline.plan
    import pipeline.promote
    import pipeline.report
    import pipeline.score
    import pipeline.simulate
    import pipeline.sinks
    import pipeline.train
    import pipeline.warn  # noqa: F401  (their failures register themselves)
    from pipeline.errors import exit_codes

    print("0\tdone\n1\tunexpected, with a traceback\n2\tusage")
    for code, meaning in exit_codes().items():
        print(f"{code}\t{meaning}")


if __name__ == "__main__":
    sys.exit(main())
