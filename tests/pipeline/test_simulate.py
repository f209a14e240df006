"""The synthetic book keeps its contract, its sums and its secrets."""

from __future__ import annotations

import copy
import itertools
import json
import shutil
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import OutputExists
from features.sources import open_tables
from models.types import load_types
from pipeline.simulate import bonds, chances, other_rows, simulate
from pipeline.simulate.borrowers import SEGMENTS, STATES, Borrower, draw_borrower, transitions
from pipeline.simulate.ceiling import filter_states
from pipeline.simulate.ledger import interest_cents
from pipeline.simulate.lending import Calendar
from pipeline.simulate.place import put
from pipeline.simulate.rows import Days
from pipeline.simulate.signals import Signals
from pipeline.simulate.story import Story

TYPES = {t.name for t in load_types()}
KEYS = {
    "customers": ["customer_id"],
    "loans": ["loan_id"],
    "repayments": ["loan_id", "instalment", "payment"],
    "drawdowns": ["loan_id", "drawdown"],
    "limits": ["loan_id", "changed_on"],
    "rates": ["loan_id", "changed_on"],
    "collateral": ["loan_id", "collateral_id", "valued_on"],
    "fees": ["customer_id", "fee"],
    "ratings": ["customer_id", "rated_on"],
    "contacts": ["customer_id", "contact"],
    "links": ["from_id", "to_id", "kind", "linked_on"],
    "financials": ["customer_id", "period_ends_on", "published_on"],
    "external_debt": ["customer_id", "lender", "reported_on"],
    "labels": ["customer_id", "as_of", "analyst"],
}
BESIDE_THE_LOANS = ("renegotiate", "review", "meet", "complain", "complain_of_rate", "elsewhere", "growth", "margin")
LAST_DAY = "2025-06-17"  # in the middle of a month, where a cut is easiest to get wrong


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """Every table of a folder as text."""
    return {p.stem: pd.read_csv(p, dtype=str, keep_default_na=False) for p in sorted(folder.glob("*.csv"))}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, byte by byte."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def cents(amount: str) -> int:
    """Whole cents of an amount; nothing for an empty one."""
    whole = Decimal(amount or 0) * 100
    assert whole == whole.to_integral_value(), amount
    return int(whole)


def balance_moves(book: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per payout and payment: loan_id, day, cents by which the balance moves."""
    moves = [(d.loan_id, d.drawn_on, cents(d.amount)) for d in book["drawdowns"].itertuples()]
    so_far: dict[tuple[str, str], int] = defaultdict(int)
    for part in book["repayments"].query("paid_on != ''").itertuples():  # in the order of instalment, payment
        interest, before = cents(part.interest_due), so_far[part.loan_id, part.instalment]
        paid = so_far[part.loan_id, part.instalment] = before + cents(part.amount_paid)
        moves.append((part.loan_id, part.paid_on, max(before - interest, 0) - max(paid - interest, 0)))
    return pd.DataFrame(moves, columns=["loan_id", "day", "cents"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of 300 customers, 42 months, that ends in the middle of a month."""
    out = tmp_path_factory.mktemp("simulated") / "book"
    simulate(300, 42, seed=11, out=out, last_day=date.fromisoformat(LAST_DAY))
    return out


@pytest.fixture(scope="module")
def book(place: Path) -> dict[str, pd.DataFrame]:
    """The tables of that book."""
    return read(place)


@pytest.fixture(scope="module")
def moves(book: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What moved the balances of that book."""
    return balance_moves(book)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        simulate(20, 24, seed=seed, out=tmp_path / name)
    for suffix in ("", "_truth"):
        one, again, other = (contents(tmp_path / (name + suffix)) for name in ("one", "again", "other"))
        assert one == again
        assert all(one[name] != other[name] for name in one)


def test_a_customers_history_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    simulate(5, 24, seed=3, out=tmp_path / "few")
    simulate(9, 24, seed=3, out=tmp_path / "more")
    for table in KEYS:
        few = (tmp_path / "few" / f"{table}.csv").read_text(encoding="utf-8")
        assert (tmp_path / "more" / f"{table}.csv").read_text(encoding="utf-8").startswith(few)


def test_the_book_passes_its_own_contract_without_a_rejected_row(place: Path) -> None:
    tables = open_tables(place)
    accounts = tables.accounts
    tables.close()
    assert {a.table for a in accounts} == set(KEYS)
    assert all(a.n_rejected == 0 and a.n_read > 0 for a in accounts)


def test_keys_are_unique_and_point_at_each_other(book: dict[str, pd.DataFrame]) -> None:
    for table, key in KEYS.items():
        assert not book[table].duplicated(key).any(), table
    assert set(book["loans"].customer_id) == set(book["customers"].customer_id)
    for table in ("repayments", "drawdowns", "limits", "rates", "collateral"):
        assert set(book[table].loan_id) <= set(book["loans"].loan_id), table
    for table in ("labels", "fees", "ratings", "contacts", "financials", "external_debt"):
        assert set(book[table].customer_id) <= set(book["customers"].customer_id), table
    assert set(book["links"].to_id) <= set(book["customers"].customer_id)


def test_no_balance_is_ever_below_zero(moves: pd.DataFrame) -> None:
    # On one day payouts count first: the tables do not order facts within a day.
    moves = moves.sort_values(["loan_id", "day", "cents"], ascending=[True, True, False])
    assert (moves.groupby("loan_id").cents.cumsum() >= 0).all()


def test_a_closed_loan_is_repaid_to_the_cent(book: dict[str, pd.DataFrame], moves: pd.DataFrame) -> None:
    left = moves.groupby("loan_id").cents.sum()
    loans = book["loans"]
    closed = loans[(loans.closed_on != "") & (loans["product"] != "guarantee")].loan_id
    assert len(closed) > 100
    assert (left.reindex(closed).fillna(0) == 0).all()


def test_what_is_still_scheduled_is_what_is_still_owed(
    book: dict[str, pd.DataFrame], moves: pd.DataFrame
) -> None:
    loans, rows = book["loans"], book["repayments"]
    terms = loans[(loans["product"] == "term") & (loans.signed_on < "2025-06-01")].loan_id
    rows = rows[rows.loan_id.isin(terms)].copy()
    for column in ("principal_due", "interest_due", "amount_paid"):
        rows[column] = rows[column].map(cents)
    one = rows.groupby(["loan_id", "instalment"]).agg(
        principal=("principal_due", "first"),
        interest=("interest_due", "first"),
        paid=("amount_paid", "sum"),
        void=("superseded_on", "first"),
    )
    one = one[one.void == ""]
    owed = (one.principal - (one.paid - one.interest).clip(lower=0)).clip(lower=0).groupby("loan_id").sum()
    left = moves.groupby("loan_id").cents.sum()
    assert (owed == left.reindex(owed.index)).all()


def test_nothing_is_paid_beyond_what_was_due(book: dict[str, pd.DataFrame]) -> None:
    rows = (
        book["repayments"]
        .query("paid_on != '' and (principal_due != '0.00' or interest_due != '0.00')")
        .copy()
    )
    rows["paid"] = rows.amount_paid.map(cents)
    rows["due"] = rows.principal_due.map(cents) + rows.interest_due.map(cents)
    one = rows.groupby(["loan_id", "instalment"]).agg(paid=("paid", "sum"), due=("due", "first"))
    assert (one.paid <= one.due).all() and (one.paid < one.due).any()


def test_nothing_happened_or_was_booked_after_the_last_day_but_dues_may_lie_ahead(
    book: dict[str, pd.DataFrame],
) -> None:
    facts = {
        "loans": ["signed_on", "closed_on"],
        "drawdowns": ["drawn_on"],
        "limits": ["changed_on"],
        "repayments": ["paid_on", "scheduled_on", "superseded_on", "recorded_on"],
        "rates": ["changed_on"],
        "collateral": ["valued_on", "recorded_on"],
        "fees": ["charged_on"],
        "ratings": ["rated_on", "recorded_on"],
        "contacts": ["contacted_on"],
        "links": ["linked_on", "ended_on"],
        "financials": ["published_on"],
        "external_debt": ["reported_on"],
        "labels": ["as_of", "labelled_on"],
        "customers": ["founded_on", "onboarded_on"],
    }
    for table, columns in facts.items():
        for column in columns:
            assert book[table][column].max() <= LAST_DAY, (table, column)
    ahead = book["repayments"][book["repayments"].due_on > LAST_DAY]
    assert len(ahead) and (ahead.paid_on == "").all()


@pytest.mark.parametrize(("table", "own"), [("repayments", "paid_on"), ("ratings", "rated_on"), ("collateral", "valued_on")])
def test_some_facts_are_booked_late(book: dict[str, pd.DataFrame], table: str, own: str) -> None:
    late = book[table][book[table].recorded_on != ""]
    assert (late.recorded_on > late[own]).all() and 0.005 < len(late) / len(book[table]) < 0.1


def test_labels_keep_their_contract_and_every_type_is_present(book: dict[str, pd.DataFrame]) -> None:
    labels = book["labels"]
    assert set(labels.type) == TYPES and labels.analyst.nunique() == 4
    delay = (pd.to_datetime(labels.labelled_on) - pd.to_datetime(labels.as_of)).dt.days
    assert delay.between(5, 60).all()
    assert pd.to_datetime(labels.as_of).dt.is_quarter_end.all()
    assert labels.duplicated(["customer_id", "as_of"]).any()  # some have two opinions


def test_every_kind_of_event_is_in_the_book(book: dict[str, pd.DataFrame]) -> None:
    assert set(book["loans"]["product"]) == {"term", "revolver", "project", "guarantee"}
    assert {"forbearance", "prepayment", "revision"} <= set(book["repayments"].superseded_by)
    assert set(book["limits"].cause) == {"bank", "customer"}
    assert {"state", "foreign", "private"} <= set(book["customers"].ownership)
    assert book["customers"].query("group_id != ''").group_id.duplicated().any()  # connected customers
    assert set(book["rates"].cause) == {"renegotiation", "index"}
    assert set(book["contacts"].kind) == {"meeting", "call", "service", "complaint", "rate_complaint"}
    assert set(book["fees"].kind) == {"arrangement", "commitment", "guarantee", "account", "prepayment"}
    assert set(book["links"].kind) == {"guarantee", "ownership"}
    assert set(book["ratings"].stage) == {"1", "2", "3"} and (book["external_debt"].balance == "0.00").any()
    assert book["financials"].duplicated(["customer_id", "period_ends_on"]).any()  # some are corrected


def test_not_every_customer_has_everything(book: dict[str, pd.DataFrame]) -> None:
    for table in ("ratings", "contacts", "financials", "external_debt"):
        assert 0.4 < book[table].customer_id.nunique() / len(book["customers"]) < 0.98, table


def test_a_renegotiated_rate_is_what_later_interest_is_charged_at(
    book: dict[str, pd.DataFrame], moves: pd.DataFrame
) -> None:
    product = book["loans"].set_index("loan_id")["product"]
    changes = book["rates"].query("cause == 'renegotiation'").groupby("loan_id").first()
    lines = [loan for loan in changes.index if product[loan] == "revolver"]
    items = book["repayments"].drop_duplicates(["loan_id", "instalment"])
    n_checked = 0
    for loan in lines:
        own = moves[moves.loan_id == loan]
        since, rate = changes.loc[loan, "changed_on"], round(float(changes.loc[loan, "annual_rate"]) * 10_000)
        again = book["rates"][(book["rates"].loan_id == loan) & (book["rates"].changed_on > since)].changed_on.min()
        later = items[(items.loan_id == loan) & (items.due_on > since) & (items.interest_due != "0.00")]
        for item in later.itertuples():
            if isinstance(again, str) and item.due_on > again:
                break
            balance = int(own[own.day < item.scheduled_on].cents.sum())  # billed on the first of the month
            assert cents(item.interest_due) == interest_cents(balance, rate, 1)
            n_checked += 1
    assert n_checked > 50


def test_a_renegotiation_of_a_term_loan_lowers_the_interest_and_leaves_the_principal(book: dict[str, pd.DataFrame]) -> None:
    items = book["repayments"].drop_duplicates(["loan_id", "instalment"])
    old = items.query("superseded_by == 'revision'")
    both = old.merge(items, left_on=["loan_id", "due_on", "superseded_on"], right_on=["loan_id", "due_on", "scheduled_on"])
    assert len(both) == len(old) > 50 and (both.principal_due_x == both.principal_due_y).all()
    assert (both.interest_due_x.map(cents) > both.interest_due_y.map(cents)).all()


def test_pledged_assets_are_valued_from_signing_until_the_loan_is_closed(book: dict[str, pd.DataFrame]) -> None:
    pledged = book["collateral"].merge(book["loans"], on="loan_id")
    assert (pledged.security == "collateral").all()
    assert ((pledged.value == "0.00") == (pledged.valued_on == pledged.closed_on)).all()
    assert (pledged.valued_on >= pledged.signed_on).all()


def test_stage_pd_and_watch_list_follow_from_the_grade_and_arrears(book: dict[str, pd.DataFrame]) -> None:
    ratings = book["ratings"].assign(grade=book["ratings"].grade.astype(int), pd=book["ratings"].pd.astype(float))
    assert ((ratings.stage == "3") == (ratings.grade == 16)).all() and (ratings.query("grade == 16").pd == 1).all()
    assert (ratings.query("grade >= 12").stage != "1").all()
    assert (ratings.query("stage != '1'").is_watchlisted == "true").all()
    assert ratings.groupby("grade").pd.nunique().max() == 1 and ratings.groupby("grade").pd.first().is_monotonic_increasing


def test_statements_come_two_to_five_months_after_the_year_or_with_the_first_loan(book: dict[str, pd.DataFrame]) -> None:
    first = book["financials"].drop_duplicates(["customer_id", "period_ends_on"])
    signed = book["loans"].groupby("customer_id").signed_on.min().rename("first_signed")
    first = first.join(signed, on="customer_id")
    delay = (pd.to_datetime(first.published_on) - pd.to_datetime(first.period_ends_on)).dt.days
    assert (delay.between(60, 150) | (first.published_on == first.first_signed)).all()
    assert first.period_ends_on.str.endswith("-12-31").all()


def test_circles_of_guarantees_are_in_the_book(book: dict[str, pd.DataFrame]) -> None:
    links = book["links"].query("kind == 'guarantee'")
    gives = {(x.from_id, x.linked_on): x.to_id for x in links.itertuples()}
    sizes = []
    for start, day in gives:
        ring, at = [start], gives[start, day]
        while at not in ring and (at, day) in gives:
            ring.append(at)
            at = gives[at, day]
        sizes += [len(ring)] if at == start else []
    assert sizes and set(sizes) <= {3, 4, 5}


def test_the_truth_stays_outside_the_book(place: Path, book: dict[str, pd.DataFrame]) -> None:
    assert {p.name for p in place.iterdir()} == {f"{name}.csv" for name in KEYS}
    columns = {column for table in book.values() for column in table.columns}
    assert not columns & {"state", "true_type", "is_wrong", "segment"}
    truth = place.with_name("book_truth")
    assert {p.name for p in truth.iterdir()} == {
        "states.csv",
        "labels_truth.csv",
        "posterior.csv",
        "best.json",
    }


def test_the_truth_tells_which_labels_are_wrong(place: Path, book: dict[str, pd.DataFrame]) -> None:
    truth = read(place.with_name("book_truth"))
    told, spells = truth["labels_truth"], truth["states"]
    same = ["customer_id", "as_of", "analyst", "type"]
    assert told[same].equals(book["labels"][same])
    assert ((told.type != told.true_type) == (told.is_wrong == "true")).all()
    assert 0.04 < (told.is_wrong == "true").mean() < 0.18
    at = told.merge(spells, on="customer_id").query("onset <= as_of").sort_values("onset")
    assert (at.groupby(["customer_id", "as_of", "analyst"]).tail(1).eval("state == true_type")).all()


def test_the_best_accuracy_is_honest_and_leaves_room(place: Path) -> None:
    best = json.loads((place.with_name("book_truth") / "best.json").read_text(encoding="utf-8"))
    assert 0.8 < best["best_accuracy"] < 0.95
    assert best["best_accuracy_against_labels"] < best["best_accuracy"]
    told = read(place.with_name("book_truth"))
    beliefs = told["posterior"].set_index(["customer_id", "as_of"])[sorted(TYPES)].astype(float)
    last = told["labels_truth"].query("as_of == @best['last_date']")
    given = beliefs.loc[list(last[["customer_id", "as_of"]].itertuples(index=False, name=None))].idxmax(axis=1)
    assert best["last_date"] == told["labels_truth"].as_of.max() and best["n_last_date"] == len(last)
    assert best["best_accuracy_against_labels_last_date"] == round((given.to_numpy() == last.type).mean(), 4)
    # The filter is calibrated if it is as often right as it says: 3 standard errors of about 600 labels.
    assert abs(best["best_accuracy"] - best["expected_best_accuracy"]) < 3 * 0.5 / best["n"] ** 0.5


def monthly(table: pd.DataFrame, day: str, spells: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table with the hidden state on a day of theirs, in column ``state``."""
    rows = table.assign(on=pd.to_datetime(table[day])).sort_values("on")
    spells = spells.assign(on=pd.to_datetime(spells.onset)).sort_values("on")
    return pd.merge_asof(rows, spells, on="on", by="customer_id").dropna(subset="state")


def test_what_the_tables_beside_the_loans_say_differs_by_state(place: Path, book: dict[str, pd.DataFrame]) -> None:
    spells = read(place.with_name("book_truth"))["states"]
    contacts = monthly(book["contacts"], "contacted_on", spells)
    billed = monthly(book["fees"].query("kind == 'account'"), "charged_on", spells).groupby("state").size()  # active quarters
    of_kind = {kind: rows.groupby("state").size() / billed for kind, rows in contacts.groupby("kind")}
    assert of_kind["rate_complaint"]["churn"] > 2 * of_kind["rate_complaint"]["stable"]
    assert of_kind["complaint"]["churn"] > 2 * of_kind["complaint"]["strategic"]
    assert of_kind["meeting"]["churn"] < 0.8 * of_kind["meeting"]["strategic"]
    ratings = monthly(book["ratings"].query("stage != '3'"), "rated_on", spells).sort_values(["customer_id", "rated_on"])
    steps = ratings.grade.astype(int).groupby(ratings.customer_id).diff().groupby(ratings.state).mean()
    assert steps["risk"] > steps["stable"] + 0.15
    sales = book["financials"].drop_duplicates(["customer_id", "period_ends_on"]).copy()
    sales["growth"] = np.log(sales.sales.astype(float)).groupby(sales.customer_id).diff()
    growth = monthly(sales, "period_ends_on", spells).groupby("state").growth.mean()
    assert growth["growth"] > growth["stable"] + 0.1 > growth["risk"] + 0.15
    owed = book["external_debt"].assign(balance=book["external_debt"].balance.astype(float))
    owed = owed.groupby(["customer_id", "reported_on"], as_index=False).balance.sum()
    day = pd.to_datetime(owed.reported_on).dt.to_period("Q").astype(str)
    owed = owed.assign(quarter=day).groupby(["customer_id", "quarter"], as_index=False).agg(
        balance=("balance", "sum"), reported_on=("reported_on", "first"))
    owed["rise"] = owed.groupby("customer_id").balance.pct_change()
    rises = monthly(owed, "reported_on", spells).assign(is_up=lambda rows: rows.rise > 0.03).groupby("state").is_up.mean()
    assert rises["growth"] > 1.5 * rises["stable"]


def tell(customers: int, months: int, seed: int) -> tuple[list[Story], np.ndarray]:
    """Stories with the signals that their tables tell, and the month of the year of every month."""
    calendar, days, register = Calendar(months, date(2025, 12, 31)), Days(), bonds.Register()
    stories = []
    for number in range(1, customers + 1):
        rng, side = (np.random.default_rng([seed, stream, number]) for stream in (1, 2))
        story = Story(draw_borrower(number, months, rng), calendar, rng, side)
        story.tell()
        other_rows(story, register, calendar.first(months) - 1, days)
        stories.append(story)
    return stories, np.array([calendar.month_of_year(m) for m in range(months)])


def erased(signals: Signals, names: tuple[str, ...]) -> Signals:
    """The signals without some of them."""
    left = copy.deepcopy(signals)
    for name in names:
        signal = getattr(left, name)
        signal[:] = np.nan if signal.dtype == float else -1
    return left


def test_the_filter_is_calibrated_and_worse_without_the_tables_beside_the_loans() -> None:
    stories, years = tell(400, 40, seed=4)
    who, missed, doubt = [s.borrower for s in stories], {}, {}
    for names in ((), BESIDE_THE_LOANS, *((name,) for name in BESIDE_THE_LOANS)):
        beliefs = filter_states(who, [erased(s.signals, names) for s in stories], years)
        at = [np.flatnonzero(s.is_active & (np.arange(len(years)) >= 12)) for s in stories]
        seen = [(belief[m], s.borrower.states[m]) for belief, m, s in zip(beliefs, at, stories, strict=True)]
        gaps = np.array([((b.argmax(axis=1) == true) - b.max(axis=1)).sum() for b, true in seen])
        # As often right as it says, within three standard errors of sums by customer.
        assert abs(gaps.sum()) < 3 * np.sqrt(np.square(gaps).sum()), names
        missed[names] = np.mean(np.concatenate([-np.log(b[np.arange(len(b)), true]) for b, true in seen]))
        doubt[names] = np.mean(np.concatenate([-(b * np.log(np.maximum(b, 1e-300))).sum(axis=1) for b, _ in seen]))
    assert missed[()] < missed[BESIDE_THE_LOANS] - 0.01
    assert all(doubt[()] < less for names, less in doubt.items() if names)  # each of them tells something


def test_the_filter_equals_the_enumeration_of_every_path_and_reads_a_statement_against_its_years_end() -> None:
    years, segment = np.array([10, 11, 0, 1, 2]), SEGMENTS[0]
    months = len(years)
    nothing, missing, zeros = np.full(months, -1, np.int8), np.full(months, np.nan), np.zeros(months)
    signals = Signals(**{name: nothing.copy() for name in Signals.__dataclass_fields__})
    signals.use, signals.growth, signals.margin = missing.copy(), missing.copy(), missing.copy()
    signals.n_loans, signals.size_sum, signals.rate_sum = zeros, zeros, zeros
    signals.meet[:], signals.review[3], signals.elsewhere[2], signals.growth[4] = [0, 2, 1, 0, 3], 2, 2, 0.3
    borrower = Borrower(1, 0, 1, 0, 0, 1e8, 0, np.zeros(months, np.int8), {}, 0, 0)
    matrix, chance = transitions(segment), np.zeros((months, len(STATES)))
    for path in itertools.product(range(len(STATES)), repeat=months):
        weight = segment.start[path[0]]
        for month, state in enumerate(path):
            weight *= matrix[path[month - 1], state] if month else 1.0
            weight *= chances.MEET[state, signals.meet[month]]
            weight *= chances.REVIEW[state, 2] if month == 3 else chances.ELSEWHERE[state, 2] if month == 2 else 1.0
            if month == 4:
                weight *= np.exp(-0.5 * ((0.3 - chances.GROWTH[path[1]]) / chances.GROWTH_SPREAD) ** 2)
        chance[-1, path[-1]] += weight
    found = filter_states([borrower], [signals], years)[0, -1]
    assert np.allclose(found, chance[-1] / chance[-1].sum(), atol=1e-12)


def test_an_earlier_book_is_only_replaced_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "book"
    simulate(2, 24, seed=1, out=out)
    before = contents(out)
    with pytest.raises(OutputExists):
        simulate(2, 24, seed=2, out=out)
    assert contents(out) == before
    simulate(2, 24, seed=2, out=out, replace=True)
    assert contents(out) != before
    assert {p.name for p in tmp_path.iterdir()} == {"book", "book_truth"}


def thesis(book: Path, truth: Path) -> None:
    (book / "thesis.txt").write_text("ten years of work", encoding="utf-8")


def a_nested_folder(book: Path, truth: Path) -> None:
    (book / "loans.csv").unlink()
    (book / "loans.csv").mkdir()
    (book / "loans.csv" / "thesis.txt").write_text("ten years of work", encoding="utf-8")


def no_truth(book: Path, truth: Path) -> None:
    shutil.rmtree(truth)  # as it is with a bank's own book


def a_file(book: Path, truth: Path) -> None:
    shutil.rmtree(book)
    book.write_text("ten years of work", encoding="utf-8")


def notes_beside_the_truth(book: Path, truth: Path) -> None:
    (truth / "notes.txt").write_text("ten years of work", encoding="utf-8")


def a_file_for_the_truth(book: Path, truth: Path) -> None:
    shutil.rmtree(truth)
    shutil.rmtree(book)
    truth.write_text("ten years of work", encoding="utf-8")


@pytest.mark.parametrize("spoil", [thesis, a_nested_folder, no_truth, a_file, notes_beside_the_truth, a_file_for_the_truth])
def test_nothing_but_an_earlier_synthetic_book_is_ever_replaced(tmp_path: Path, spoil) -> None:
    simulate(2, 24, seed=1, out=tmp_path / "book")
    spoil(tmp_path / "book", tmp_path / "book_truth")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for replace in (False, True):
        with pytest.raises(OutputExists):
            simulate(2, 24, seed=2, out=tmp_path / "book", replace=replace)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_laid_into_the_folder_while_the_book_is_written_stays(tmp_path: Path) -> None:
    book = tmp_path / "book"
    simulate(2, 24, seed=1, out=book)
    with pytest.raises(OutputExists, match=r"thesis\.txt"):
        simulate(2, 24, seed=2, out=book, replace=True, progress=lambda done, total: thesis(book, book))
    assert (book / "thesis.txt").is_file()


def test_an_earlier_book_comes_back_if_the_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    simulate(2, 24, seed=1, out=tmp_path / "book")
    before = contents(tmp_path / "book")
    with pytest.raises(FileNotFoundError):
        put(tmp_path / "never_written", tmp_path / "book", tmp_path / "old")
    assert contents(tmp_path / "book") == before


def test_a_writer_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt(f"{done} of {total}")

    with pytest.raises(KeyboardInterrupt):
        simulate(3, 24, seed=1, out=tmp_path / "book", progress=stop)
    assert not list(tmp_path.iterdir())


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate(60, 24, seed=1, out=tmp_path / "book", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(50, 60), (60, 60)]


def test_a_book_too_short_to_be_labelled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="24 to 600 months"):
        simulate(10, 12, seed=1, out=tmp_path / "book")
