"""The same bits, whatever the order of the rows and the number of threads."""

from __future__ import annotations

import random

import pytest
from books import bits, opened

from features.frame import book_frame

AS_OF = "2024-12-31"
N_CUSTOMERS, N_INSTALMENTS = 120, 24


def written(seed: int | None) -> dict[str, list[dict]]:
    """A book of 120 customers with amounts to the cent; a seed shuffles the rows of every table."""
    draw = random.Random(20241231)
    book = {name: [] for name in ("customers", "loans", "repayments", "drawdowns", "limits")}
    for n in range(N_CUSTOMERS):
        owner = draw.choice(["state", "private", ""])
        book["customers"].append({"customer_id": f"C{n:03}", "ownership": owner, "founded_on": "1999-09-09"})
        for product in draw.sample(["term", "revolver", "project"], 2):
            loan = {"loan_id": f"L{n:03}{product}"}
            terms = {"signed_on": "2021-01-01", "matures_on": f"{draw.randint(2024, 2030)}-06-30", "currency": "USD",
                     "annual_rate": f"{draw.uniform(0.01, 0.2):.6f}", "committed_amount": f"{draw.uniform(1, 9e6):.2f}"}
            book["loans"].append(loan | {"customer_id": f"C{n:03}", "product": product} | terms)
            book["drawdowns"] += [loan | {"drawdown": d, "drawn_on": f"202{d}-05-{d:02}",
                                          "amount": f"{draw.uniform(1, 2e6):.2f}"} for d in (1, 2, 3, 4)]
            book["limits"] += [loan | {"changed_on": f"202{d}-07-07", "cause": draw.choice(["bank", "customer"]),
                                       "committed_amount": f"{draw.uniform(1, 9e6):.2f}"} for d in (2, 3, 4)]
            for number in range(N_INSTALMENTS):
                due = {"instalment": number, "due_on": f"{2023 + number // 12}-{number % 12 + 1:02}-15",
                       "principal_due": f"{draw.uniform(1, 9e4):.2f}", "interest_due": f"{draw.uniform(1, 9e3):.2f}"}
                book["repayments"] += [
                    loan | due | {"payment": part, "paid_on": f"2024-{draw.randint(1, 12):02}-20",
                                  "amount_paid": f"{draw.uniform(1, 9e4):.2f}"}
                    for part in range(1, draw.choice([1, 1, 2]) + 1)]
    if seed is not None:
        for rows in book.values():
            random.Random(seed).shuffle(rows)
    return book


def measured_bits(book: dict[str, list[dict]], threads: int) -> list[tuple]:
    with opened(book) as tables:
        tables.engine.con.execute(f"SET threads = {threads}")
        if threads > 1:  # DuckDB splits small tables among threads only when asked to check itself
            tables.engine.con.execute("PRAGMA verify_parallelism")
        return bits(book_frame(tables, AS_OF))


@pytest.fixture(scope="module")
def in_order_by_one_thread() -> list[tuple]:
    return measured_bits(written(None), threads=1)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("threads", [1, 2])
def test_shuffled_rows_and_more_threads_give_the_same_bits(in_order_by_one_thread, seed, threads):
    assert measured_bits(written(seed), threads) == in_order_by_one_thread


def test_the_book_of_this_test_leaves_few_features_without_variety(in_order_by_one_thread):
    columns = list(zip(*in_order_by_one_thread, strict=True))[2:]
    assert sum(len(set(column)) > 2 for column in columns) > len(columns) / 2
