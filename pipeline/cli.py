"""The console script ``pentad``: parse, call, exit with a code that says what happened. What commands do is in ``commands``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from features.addresses import is_address
from pipeline.commands import books, learning, managing, scoring

TYPES = ("risk", "churn", "strategic", "growth", "stable")
BOOK = "folder of CSV or Parquet tables, a DuckDB file, or postgresql://HOST/DATABASE"
OUTCOMES = ("contacted", "reason_for_leaving", "offer", "kept", "lost", "cured", "defaulted")
EPILOG = """exit codes: 0 done, 1 unexpected (with a traceback), 2 usage, 10 and up named: `pentad exit-codes` lists them.
Readers of Chinese: README.md has a 中文 section."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack the letters of a name
    given = sys.argv[1:] if arguments is None else arguments
    if odd := next((each for each in given if any("\ud800" <= letter <= "\udfff" for letter in each)), None):
        print(f"pentad: {odd!a} is not UTF-8: set the terminal's encoding to UTF-8 and type it anew", file=sys.stderr)
        return 2
    options = _parser().parse_args(given)
    from features.errors import PentadError
    from pipeline.stopping import Terminated, stoppable

    try:
        with stoppable():
            return options.run(options) or 0
    except PentadError as error:
        print(f"pentad: {type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output (head, less) has left
        sys.stdout = open(os.devnull, "w")  # or Python complains again at exit
        return 141
    except Terminated:
        print("pentad: told to stop (SIGTERM); nothing was half written", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("pentad: interrupted; nothing was half written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pentad", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Sorts the borrowers of a bank's loan book into five relationship types, and says why.")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="another run.toml than the one delivered")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    simulate = _command(commands, "simulate", books.simulate, "write a synthetic loan book with known truth beside it")
    simulate.add_argument("--customers", type=_whole(1), default=2000, help="number of borrowers (default 2000)")
    simulate.add_argument("--months", type=_whole(24, 600), default=48, help="length of the history, 24 to 600 (default 48)")
    simulate.add_argument("--seed", type=_whole(0), default=7, help="every random number comes from it (default 7)")
    simulate.add_argument("--out", type=_folder, required=True, help="new folder; the truth goes to <out>_truth")
    simulate.add_argument("--replace", action="store_true", help="replace an earlier synthetic book")

    imports = _command(commands, "import", books.import_, "turn other people's files into a loan book")
    imports.add_argument("source", choices=["worldbank"], help="IBRD Statement of Loans, IDA Statement of Credits")
    imports.add_argument("files", nargs="+", type=Path, metavar="FILE", help="dated statements, in any order")
    imports.add_argument("--out", type=_folder, required=True, help="new folder for the tables")
    imports.add_argument("--replace", action="store_true", help="replace a book imported earlier")

    validate = _command(commands, "validate", books.validate, "list every breach of the table contracts")
    _book(validate)

    features = _command(commands, "features", books.features,
                        "write the feature frame of every customer, for one date or a range")
    _book(features)
    features.add_argument("--as-of", type=_span, required=True, metavar="DATE[..DATE]",
                          help="a date (YYYY-MM-DD), or FIRST..LAST for every month-end between them")
    features.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .parquet or .csv file")
    features.add_argument("--replace", action="store_true", help="replace another file")

    labels = _command(commands, "labels", learning.labels,
                      "show how far the analysts agree, whom they dispute, and what to believe")
    _book(labels)
    labels.add_argument("--until", type=_day, metavar="DATE", help="only labels given by then")
    labels.add_argument("--top", type=_whole(1), default=20, metavar="N", help="rows shown of each list (default 20)")
    labels.add_argument("--next", type=_whole(1), metavar="N", help="with --as-of: propose N customers to label next")
    labels.add_argument("--as-of", type=_day, metavar="DATE", help="with --next: the date to label them for")
    labels.add_argument("--out", type=Path, default=Path("runs/labels"), help="folder for the tables (default runs/labels)")

    train = _command(commands, "train", learning.train, "learn from labels, measure, register the model as challenger")
    _book(train)
    _labels_of(train)

    tune = _command(commands, "tune", learning.tune, "search for better settings on later dates and other customers; prints them")
    _book(tune)
    _labels_of(tune)
    tune.add_argument("--trials", type=_whole(1), default=40, metavar="N", help="trials of the study in all (default 40)")
    tune.add_argument("--study", type=Path, default=Path("runs/tuning.log"), metavar="FILE",
                      help="where studies are kept, and go on from (default runs/tuning.log)")

    promote = _command(commands, "promote", learning.promote, "make a registered model the champion, if the gate lets it")
    promote.add_argument("--model", default="challenger", help="alias or version number (default challenger)")
    promote.add_argument("--reason", type=_words, required=True, help="why, kept with the model")
    promote.add_argument("--by", type=_words, required=True, help="who decides, kept with the model")

    rollback = _command(commands, "rollback", learning.rollback, "make the champion before this one champion again")
    rollback.add_argument("--reason", type=_words, required=True, help="why, kept with the model")
    rollback.add_argument("--by", type=_words, required=True, help="who decides, kept with the model")

    score = _command(commands, "score", scoring.score, "write the types of all active borrowers on a date, with reasons")
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

    sink = _command(commands, "sink", scoring.sink, "make the tables of a database that is to receive assignments")
    sink.add_argument("action", choices=["init"], help="make tables, keys and indexes; what is there stays")
    sink.add_argument("address", type=_sink, metavar="ADDRESS",
                      help="duckdb:FILE or postgresql://HOST/DATABASE; the password comes from PGPASSWORD or ~/.pgpass")

    explain = _command(commands, "explain", scoring.explain,
                       "why a scored customer has its type and not another, from what is stored")
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

    whatif = _command(commands, "whatif", scoring.whatif,
                      "which change that can still be made would give a customer another type")
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

    report = _command(commands, "report", managing.report,
                      "write the scored book of a date as a page: types, migration, drivers, every case")
    report.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the date that was scored")
    report.add_argument("--since", type=_day, metavar="DATE",
                        help="an earlier date to compare with (default: the last scored one)")
    report.add_argument("--data", type=_place, metavar="BOOK",
                        help="the book: names, products and income by type over the scored dates, what came of actions")
    report.add_argument("--rejects", type=Path, default=Path("runs/rejects"),
                        help="with --data: folder for rows that break a rule (default runs/rejects)")
    report.add_argument("--assignments", type=Path, default=Path("runs/assignments"), metavar="DIR",
                        help="where `pentad score` wrote (default runs/assignments)")
    report.add_argument("--warnings", type=Path, default=Path("runs/warnings"), metavar="DIR",
                        help="where `pentad warn` wrote; shown if the date was warned (default runs/warnings)")
    report.add_argument("--out", type=Path, metavar="FILE", help="an .html file (default runs/report/DATE.html)")
    report.add_argument("--export", type=Path, metavar="FILE", help="the list of customers too, as a .csv or .xlsx file")
    report.add_argument("--replace", action="store_true", help="replace other files")

    warn = _command(commands, "warn", managing.warn,
                    "early warnings of a scored date: who may become a risk, who may leave, and why")
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
    warn.add_argument("--replace", action="store_true", help="replace other warnings of the date, and another export")

    monitor = _command(commands, "monitor", managing.monitor,
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

    plan = _command(commands, "plan", managing.plan,
                    "write the work of a period for every relationship manager, the worthiest first")
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
    plan.add_argument("--xlsx", action="store_true", help="write plan.xlsx too, as is done where there is one")
    plan.add_argument("--replace", action="store_true", help="replace another plan of the same date")

    outcome = _command(commands, "outcome", managing.outcome, "record what was done with a customer, or what came of it")
    outcome.add_argument("customer", type=_words, metavar="CUSTOMER", help="the customer, as in its assignment")
    outcome.add_argument("--on", type=_day, required=True, metavar="DATE", help="the day it happened")
    outcome.add_argument("--what", choices=OUTCOMES, required=True, help=f"one of {', '.join(OUTCOMES)}")
    outcome.add_argument("--detail", type=_words, required=True, metavar="TEXT", help="in words, kept in the log")
    outcome.add_argument("--by", type=_words, required=True, metavar="WHO", help="who says so, kept in the log")
    outcome.add_argument("--action", type=_words, metavar="NAME",
                         help="the action that it belongs to, as in the column action of plan.csv")
    outcome.add_argument("--assignments", type=Path, default=Path("runs/assignments"), metavar="DIR",
                         help="where `pentad score` wrote (default runs/assignments)")

    outcomes = _command(commands, "outcomes", managing.outcomes, "what came of scored customers, and of what was done with them")
    outcomes.add_argument("--since", type=_day, required=True, metavar="DATE", help="the date on which they were scored")
    outcomes.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="the later date on which it is read")
    _book(outcomes)
    outcomes.add_argument("--language", choices=("en", "zh"), default="en", help="en or zh (default en)")
    outcomes.add_argument("--assignments", type=Path, default=Path("runs/assignments"), help="default runs/assignments")

    override = _command(commands, "override", learning.override, "record that a reviewer gives a scored customer another type")
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
        day = None
    if day is None or day.isoformat() != text:  # Python reads other spellings too: 20251231, 2026-W01-3
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write YYYY-MM-DD")
    if not 1900 <= day.year < 2200:
        raise argparse.ArgumentTypeError(f"{text!r} is before 1900 or after 2200")
    return text


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
        raise argparse.ArgumentTypeError("it is blank; it is kept for those who ask later")
    return text.strip()


def _place(text: str) -> Path | str:
    """A book's place: the address of a database as it is, else a path."""
    return text if is_address(text) else Path(text)


def _sink(text: str) -> str:
    if not (is_address(text) or text.startswith("duckdb:") and text != "duckdb:"):
        raise argparse.ArgumentTypeError(f"{text!r} is no database; write duckdb:FILE or postgresql://HOST/DATABASE")
    return text


def _folder(text: str) -> Path:
    if Path(text).name in ("", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} has no name of its own; name a new folder")
    return Path(text)


def _exit_codes(_: argparse.Namespace) -> None:
    from importlib import import_module
    from pkgutil import walk_packages

    import features
    import models
    import pipeline
    from pipeline.errors import exit_codes

    for package in (features, models, pipeline):  # failures register themselves
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    print("0\tdone\n1\tunexpected, with a traceback\n2\tusage")
    for code, meaning in exit_codes().items():
        print(f"{code}\t{meaning}")
    print("130\tInterrupted (Ctrl-C).\n141\tWhoever read the output has left.\n143\tTold to stop (SIGTERM).")


if __name__ == "__main__":
    sys.exit(main())
