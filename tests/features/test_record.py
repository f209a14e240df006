"""A customer's record, and what it could be: measured beside the rest of the book to the same bits as the whole book gives."""

from __future__ import annotations

import pandas as pd
import pytest
from books import bits, opened
from generated import DATES, Rows, drawn_books, shift, side_by_side

from features.alternatives import Alternative, measured_beside, standing
from features.days import as_day
from features.frame import book_frame
from features.record import delivered, record_of
from features.sources import open_tables

AS_OF = DATES[2]
N_BOOKS = 40


def a_book(as_of: str, n_books: int = N_BOOKS) -> Rows:
    return side_by_side({str(n): book for n, book in enumerate(drawn_books(as_of)[:n_books])})


def links_of(book: Rows) -> pd.DataFrame:
    return pd.DataFrame(book["links"]).astype("str").replace({"": None, "nan": None})


@pytest.mark.parametrize("as_of", DATES[:1])
def test_a_book_of_records_gives_every_feature_of_the_date_to_the_bit(as_of):
    book = a_book(as_of)
    with opened(book) as tables:
        everybody = [row["customer_id"] for row in book["customers"]]
        record = delivered(record_of(everybody, as_of, tables))
        whole = bits(book_frame(tables, as_of))
    again = open_tables(record | {"links": links_of(book)}, reject_share_limit=0.0)
    assert bits(book_frame(again, as_of)) == whole
    again.close()


def three_customers(frame: pd.DataFrame, book: Rows) -> list[str]:
    """One in a guarantee circle, one of a group, and one alone, all with loans."""
    active = frame[frame["n_active_loans"] > 0].set_index("customer_id")
    grouped = {row["customer_id"] for row in book["customers"] if row.get("group_id")}
    bound = {row[end] for row in book["links"] for end in ("from_id", "to_id")}
    circle = active.index[active["is_in_guarantee_circle"] == 1][0]
    return [circle, next(who for who in active.index if who in grouped and who != circle),
            next(who for who in active.index if who not in grouped | bound)]


def with_a_circle(book: Rows) -> Rows:
    """The book, two of whose active customers, of no group, guarantee each other."""
    with opened(book) as tables:
        frame = book_frame(tables, AS_OF)
    grouped = {row["customer_id"] for row in book["customers"] if row.get("group_id")}
    one, other = [who for who in frame.loc[frame["n_active_loans"] > 0, "customer_id"] if who not in grouped][:2]
    nothing = dict.fromkeys(book["links"][0], "")
    links = [nothing | {"from_id": a, "to_id": b, "kind": "guarantee", "linked_on": shift(AS_OF, -100)}
             for a, b in ((one, other), (other, one))]
    return book | {"links": [*book["links"], *links]}


@pytest.fixture(scope="module")
def world():
    book = with_a_circle(a_book(AS_OF))
    with opened(book) as tables:
        yield book, tables, book_frame(tables, AS_OF), standing(tables, AS_OF)


@pytest.mark.parametrize("place", range(3), ids=["in a circle", "of a group", "alone"])
def test_a_customer_measured_beside_the_book_is_measured_as_in_it(world, place):
    book, tables, frame, others = world
    who = three_customers(frame, book)[place]
    record = record_of([who], AS_OF, tables)
    found = measured_beside(who, [Alternative(record, AS_OF)] * 2, others)
    assert bits(found) == bits(frame[frame["customer_id"] == who]) * 2


def changed(record: dict[str, pd.DataFrame], day: int) -> dict[str, pd.DataFrame]:
    """The record with a pledge and a contact of the day, a new loan drawn in full, and arrears on it."""
    loan = record["loans"].iloc[[0]].assign(loan_id="new", product="term", signed_on=day - 40, matures_on=day + 400,
                                            committed_amount=77_700_00, closed_on=None, closed_recorded_on=None, recorded_on=None)
    owed = {"loan_id": "new", "instalment": 1, "payment": 1, "due_on": day - 20, "principal_due": 5_000_00, "interest_due": 70_00}
    pledge = {"loan_id": "new", "collateral_id": "p", "valued_on": day, "value": 9_900_00}
    paid_out = {"loan_id": "new", "drawdown": 1, "drawn_on": day - 39, "amount": 77_700_00}
    more = {"loans": loan, "repayments": pd.DataFrame([owed]), "collateral": pd.DataFrame([pledge]),
            "drawdowns": pd.DataFrame([paid_out])}
    return record | {name: pd.concat([record[name].astype(object), rows.reindex(columns=record[name].columns).astype(object)],
                                     ignore_index=True) for name, rows in more.items()}


@pytest.mark.parametrize("place", range(2), ids=["in a circle", "of a group"])
def test_a_changed_customer_is_measured_as_in_the_whole_book_with_the_same_change(world, place):
    book, tables, frame, others = world
    who = three_customers(frame, book)[place]
    record = changed(record_of([who], AS_OF, tables), as_day(AS_OF))
    found = measured_beside(who, [Alternative(record_of([who], AS_OF, tables), AS_OF), Alternative(record, AS_OF)], others)
    everybody = [row["customer_id"] for row in book["customers"]]
    rest = record_of([other for other in everybody if other != who], AS_OF, tables)
    whole = {name: pd.concat([rest[name].astype(object), record[name].astype(object)], ignore_index=True) for name in rest}
    again = open_tables(delivered(whole) | {"links": links_of(book)}, reject_share_limit=0.0)
    expected = book_frame(again, AS_OF)
    again.close()
    found, expected = found.iloc[[1]], expected[expected["customer_id"] == who]
    differ = {name for name in found.columns[2:] if bits_of(found, name) != bits_of(expected, name)}
    assert differ <= {"rate_spread_to_product_rate"}  # what others pay for a product is as it stood before
    assert found["exposure_drawn"].iloc[0] > frame.loc[frame["customer_id"] == who, "exposure_drawn"].iloc[0]


def bits_of(frame: pd.DataFrame, name: str) -> bytes:
    return (frame[name].to_numpy("float64") + 0.0).tobytes()
