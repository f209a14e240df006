"""The synthetic book: a seeded loan book whose every customer's hidden type is known, and that truth.

Every number comes from one seed: customer i draws from its own branch of it, so its history does not depend
on how many customers there are. The tables are written in the book's contract; the truth (states, what the
analysts got wrong, the accuracy of an exact filter) goes to a sibling folder, never into the book.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from pipeline.simulate import accounts, bonds, dealings, reviews
from pipeline.simulate.borrowers import STATES, draw_borrower
from pipeline.simulate.ceiling import filter_states
from pipeline.simulate.labelling import FIRST_LABEL_MONTH, Desk, Label
from pipeline.simulate.lending import Calendar
from pipeline.simulate.place import BEST, check_place, put, truth_of
from pipeline.simulate.rows import COLUMNS, Days, customer_row, known, loan_rows
from pipeline.simulate.story import Story

FEWEST_MONTHS, MOST_MONTHS = 24, 600  # firms founded long before a longer window would be older than 1900
_PROGRESS_EVERY = 50
_FILTERED_AT_ONCE = 5_000  # customers: a bound on memory


def simulate(
    customers: int,
    months: int,
    seed: int,
    out: Path,
    last_day: date = date(2025, 12, 31),
    progress: Callable[[int, int], None] | None = None,
    replace: bool = False,
) -> dict:
    """Write a synthetic loan book, and the truth about it in the folder ``<out>_truth`` beside it.

    Parameters
    ----------
    customers, months : int
        Size of the book: borrowers, and calendar months up to and with the month of `last_day` (24 to 600).
    seed : int
        The same seed gives the same bytes.
    out : Path
        Folder of the book: one CSV file per table.
    last_day : date
        Day of the extract; nothing that happened or was booked later is in it, except what will be due.
    progress : callable, optional
        Called with (customers done, customers in all).
    replace : bool
        Take the place of an earlier book.

    Returns
    -------
    dict
        ``best.json``'s figures, and ``rows`` per table.

    Raises
    ------
    OutputExists
        If `out` or its truth folder holds a synthetic book and `replace` is False, or anything else.
    ValueError
        If there is no customer, or fewer than 24 or more than 600 months.
    """
    if customers < 1 or not FEWEST_MONTHS <= months <= MOST_MONTHS:
        wanted = f"a customer and {FEWEST_MONTHS} to {MOST_MONTHS} months"
        raise ValueError(f"a synthetic book needs {wanted}, not {customers} and {months}")
    out = Path(out)
    check_place(out, replace)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as work:
        book, beside = Path(work, "book"), Path(work, "truth")
        book.mkdir()
        beside.mkdir()
        summary = _write(customers, months, seed, last_day, book, beside, progress)
        check_place(out, replace)  # again: writing takes a while
        put(beside, truth_of(out), Path(work, "old_truth"))
        put(book, out, Path(work, "old_book"))
    return summary


def _write(
    customers: int,
    months: int,
    seed: int,
    last_day: date,
    book: Path,
    beside: Path,
    progress: Callable[[int, int], None] | None,
) -> dict:
    calendar, end, days = Calendar(months, last_day), last_day.toordinal(), Days()
    ends = [
        (m, calendar.first(m + 1) - 1)
        for m in range(FIRST_LABEL_MONTH, months)
        if calendar.month_of_year(m) % 3 == 2
    ]
    ends = [(month, day) for month, day in ends if day <= end]
    register = bonds.Register()
    desk = Desk(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))))
    stories: list[Story] = []
    labels: list[list[Label]] = []
    n_rows = dict.fromkeys(COLUMNS, 0)
    files = {name: (book / f"{name}.csv").open("w", encoding="utf-8", newline="\n") for name in COLUMNS}
    try:
        for name, file in files.items():
            file.write(COLUMNS[name] + "\n")
        for number in range(1, customers + 1):
            rng, side = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(n, number))) for n in (1, 2))
            story = Story(draw_borrower(number, months, rng), calendar, rng, side)
            story.tell()
            given = desk.label(story.borrower.states, story.is_active, ends, end, rng)
            key = f"C{number:05d}"
            rows = loan_rows(story, end, days) | other_rows(story, register, end, days)
            rows["customers"] = [customer_row(story, days)]
            rows["labels"] = [
                f"{key},{days[x.as_of]},{STATES[x.given]},{x.analyst},{days[x.labelled_on]}\n" for x in given
            ]
            for name, lines in rows.items():
                files[name].writelines(lines)
                n_rows[name] += len(lines)
            story.loans.clear()
            story.month_ends.clear()  # written: only its signals are needed from here on
            stories.append(story)
            labels.append(given)
            if progress and (number % _PROGRESS_EVERY == 0 or number == customers):
                progress(number, customers)
    finally:
        for file in files.values():
            file.close()
    return _write_truth(stories, labels, calendar, beside, days) | {"rows": n_rows}


def other_rows(story: Story, register: bonds.Register, last_day: int, days: Days) -> dict[str, list[str]]:
    """The rows of the tables beside the loans, known by the last day; erases the signals that they do not tell."""
    reports, elsewhere = accounts.external_debt(story, days)
    facts = {
        "external_debt": reports,
        "financials": accounts.financials(story, elsewhere, days),
        "ratings": reviews.ratings(story, days),
        "contacts": dealings.contacts(story, days),
        "fees": dealings.fees(story, days),
        "collateral": bonds.collateral(story, days),
        "links": register.links(story, last_day, days),
    }
    return {table: known(rows, last_day) for table, rows in facts.items()}


def _write_truth(
    stories: list[Story], labels: list[list[Label]], calendar: Calendar, beside: Path, days: Days
) -> dict:
    """Write spells, the truth of the labels, exact posteriors and the accuracy of their most probable state; return the last."""
    years = np.array([calendar.month_of_year(m) for m in range(calendar.months)])
    parts = [stories[first : first + _FILTERED_AT_ONCE] for first in range(0, len(stories), _FILTERED_AT_ONCE)]
    chances = np.concatenate([filter_states([s.borrower for s in part], [s.signals for s in part], years) for part in parts])
    spells, told, beliefs, hits = (
        ["customer_id,state,onset\n"],
        ["customer_id,as_of,analyst,type,true_type,is_wrong\n"],
        [],
        [],
    )
    for row, (story, given) in enumerate(zip(stories, labels, strict=True)):
        key, states = f"C{story.borrower.number:05d}", story.borrower.states
        for month in range(story.borrower.arrival, calendar.months):
            if month == story.borrower.arrival or states[month] != states[month - 1]:
                spells.append(f"{key},{STATES[states[month]]},{days[calendar.first(month)]}\n")
        for label in given:
            belief = chances[row, label.month]
            wrong = "true" if label.given != label.true else "false"
            told.append(
                f"{key},{days[label.as_of]},{label.analyst},{STATES[label.given]},{STATES[label.true]},{wrong}\n"
            )
            line = f"{key},{days[label.as_of]}," + ",".join(f"{p:.6f}" for p in belief) + "\n"
            if not beliefs or beliefs[-1] != line:
                beliefs.append(line)
            best = int(belief.argmax())
            hits.append((best == label.true, best == label.given, float(belief.max()), label.as_of))
    last_date = max((hit[-1] for hit in hits), default=0)
    last = [hit for hit in hits if hit[-1] == last_date]
    share, share_last = (np.mean(some, axis=0).round(4).tolist() if some else [None] * 4 for some in (hits, last))
    best = {
        "best_accuracy": share[0],
        "best_accuracy_against_labels": share[1],
        "expected_best_accuracy": share[2],
        "n": len(hits),
        "last_date": days[last_date],
        "best_accuracy_against_labels_last_date": share_last[1],
        "n_last_date": len(last),
    }
    _save(beside / "states.csv", spells)
    _save(beside / "labels_truth.csv", told)
    _save(beside / "posterior.csv", ["customer_id,as_of," + ",".join(STATES) + "\n", *beliefs])
    _save(beside / BEST, [json.dumps(best, indent=2) + "\n"])
    return best


def _save(path: Path, lines: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
