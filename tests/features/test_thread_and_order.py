"""The same bits, whatever the order of the rows, the number of threads, the chunks and the memory."""

from __future__ import annotations

import random
from contextlib import closing

import pytest
from books import bits, opened

from features.frame import book_frame
from features.sources import open_tables
from tests.bench.book import write_book

AS_OF = "2024-12-31"
N_CUSTOMERS, N_INSTALMENTS = 120, 24


OPTIONAL = ("rates", "collateral", "fees", "ratings", "contacts", "links", "financials", "external_debt")


def optional_rows(draw: random.Random, who: str, other: str) -> dict[str, list[dict]]:
    """Rows of the optional tables of one customer."""
    own = {"customer_id": who}
    return {
        "fees": [own | {"fee": k, "charged_on": f"2024-{k:02}-03", "amount": f"{draw.uniform(1, 9e3):.2f}"} for k in (1, 5, 9)],
        "ratings": [own | {"rated_on": f"202{y}-10-{draw.randint(1, 28):02}", "grade": draw.randint(1, 12),
                           "stage": draw.randint(1, 3), "pd": f"{draw.uniform(0, 0.2):.4f}", "lgd": "0.45",
                           "annual_cost": f"{draw.uniform(1, 9e4):.2f}"} for y in (2, 3, 4)],
        "contacts": [own | {"contact": k, "contacted_on": f"2024-{k:02}-{draw.randint(1, 28):02}",
                            "kind": draw.choice(["call", "complaint", "rate_complaint"])} for k in range(1, draw.randint(3, 13))],
        "links": [{"from_id": who, "to_id": other, "kind": "guarantee", "linked_on": "2022-02-02"}] * draw.choice([0, 1, 1]),
        "financials": [own | {"period_ends_on": f"202{y}-12-31", "published_on": f"202{y + 1}-05-05",
                              "sales": f"{draw.uniform(1, 9e8):.2f}", "ebitda": f"{draw.uniform(-1e7, 9e7):.2f}",
                              "interest_expense": f"{draw.uniform(1, 9e7):.2f}", "total_debt": f"{draw.uniform(1, 9e8):.2f}"}
                       for y in (1, 2, 3)],
        "external_debt": [own | {"lender": lender, "reported_on": "2024-09-30", "balance": f"{draw.uniform(1, 9e6):.2f}"}
                          for lender in draw.sample("ABCD", 2)],
    }


def written(seed: int | None) -> dict[str, list[dict]]:
    """A book of 120 customers with amounts to the cent; a seed shuffles the rows of every table."""
    draw = random.Random(20241231)
    book = {name: [] for name in ("customers", "loans", "repayments", "drawdowns", "limits", *OPTIONAL)}
    for n in range(N_CUSTOMERS):
        owner = draw.choice(["state", "private", ""])
        book["customers"].append({"customer_id": f"C{n:03}", "ownership": owner, "founded_on": "1999-09-09"})
        for name, rows in optional_rows(draw, f"C{n:03}", f"C{(n * 7 + 1) % N_CUSTOMERS:03}").items():
            book[name] += rows
        for product in draw.sample(["term", "revolver", "project"], 2):
            loan = {"loan_id": f"L{n:03}{product}"}
            terms = {"signed_on": "2021-01-01", "matures_on": f"{draw.randint(2024, 2030)}-06-30", "currency": "USD",
                     "annual_rate": f"{draw.uniform(0.01, 0.2):.6f}", "committed_amount": f"{draw.uniform(1, 9e6):.2f}"}
            book["loans"].append(loan | {"customer_id": f"C{n:03}", "product": product} | terms)
            book["rates"] += [loan | {"changed_on": f"202{d}-09-09", "cause": draw.choice(["renegotiation", "index"]),
                                      "annual_rate": f"{draw.uniform(0.01, 0.2):.6f}"} for d in (2, 3, 4)]
            book["collateral"] += [loan | {"collateral_id": f"K{d}", "valued_on": f"202{d}-11-{draw.randint(1, 28):02}",
                                           "value": f"{draw.uniform(1, 9e6):.2f}", "haircut": f"{draw.uniform(0, 1):.3f}"}
                                   for d in (2, 3)]
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


def test_a_book_measured_in_chunks_has_the_same_bits(monkeypatch):
    dates = ["2023-12-31", AS_OF]
    with opened(written(None)) as tables:
        whole = bits(book_frame(tables, dates))
        monkeypatch.setattr("features.sources.duck.CHUNK_ROWS", 50)
        assert len(list(tables.chunks(len(dates)))) == 5
        assert bits(book_frame(tables, dates)) == whole


def test_a_book_that_does_not_fit_into_its_memory_has_the_same_bits(tmp_path):
    write_book(tmp_path, 20_000)

    def measured(memory_gb: float) -> list[tuple]:
        with closing(open_tables(tmp_path, memory_gb=memory_gb)) as tables:
            return bits(book_frame(tables, AS_OF))

    assert measured(0.25) == measured(4.0)


def test_the_book_of_this_test_leaves_few_features_without_variety(in_order_by_one_thread):
    columns = list(zip(*in_order_by_one_thread, strict=True))[2:]
    assert sum(len(set(column)) > 2 for column in columns) > len(columns) / 2
