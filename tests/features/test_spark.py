"""DuckDB and Spark: the same book gives the same kept rows, breaches and features, to the last bit."""

from __future__ import annotations

import csv
import random
from datetime import date, timedelta
from pathlib import Path

import books
import cluster
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import test_behaviour
import test_need
import test_risk
import test_sources
import test_value

from features.catalogue import FEATURES
from features.contracts import CONTRACTS
from features.errors import AmountsTooLarge, BrokenTable, NoBook, TooManyRejects, UnreadableFile
from features.frame import book_frame, feature_frame
from features.sources import catalogue_tables, examine, open_tables
from pipeline.simulate import simulate

AS_OF = "2024-12-31"
SPECS = [spec for module in (test_value, test_need, test_behaviour, test_risk) for spec in module.SPECS]
SPOKEN_OF = {spec.feature for spec in SPECS}
NAMES = ("customer_id", "loan_id", "group_id", "guarantor_id", "from_id", "to_id")
REAL = Path(__file__).parents[3] / "shared" / "realdata" / "worldbank_ibrd"


def books_of_specs() -> dict[str, list[dict[str, str]]]:
    """Every book of the four dimensions' specs side by side in one, each with names of its own."""
    assert {spec.as_of for spec in SPECS} == {AS_OF}
    one: dict[str, list[dict[str, str]]] = {}
    for n, book in enumerate(dict.fromkeys(spec.book for spec in SPECS)):
        tables = book.rows()
        if "drawdowns" not in tables:  # where another book has the table, silence no longer means drawn in full
            tables["drawdowns"] = [
                {"loan_id": loan["loan_id"], "drawdown": "1", "drawn_on": loan["signed_on"], "amount": loan["committed_amount"]}
                for loan in tables["loans"] if loan["product"] != "guarantee" and float(loan["committed_amount"])]
        for name, rows in tables.items():
            one.setdefault(name, []).extend(
                {c: f"{n}-{cell}" if c in NAMES and cell else cell for c, cell in row.items()} for row in rows)
    return one


def day(draw: random.Random) -> str:
    return (date(2022, 6, 30) + timedelta(days=draw.randint(0, 1300))).isoformat()


def fact(draw: random.Random, name: str) -> dict[str, str]:
    """A day under this name, in one case of three with the later day on which it was booked."""
    own = day(draw)
    late = date.fromisoformat(own) + timedelta(days=draw.randint(0, 200))
    return {name: own, "recorded_on": draw.choice(["", "", late.isoformat()])}


def optional_rows(customers: list[str], loans: list[str], seed: int) -> dict[str, list[dict[str, str]]]:
    """Rows of every optional table that the simulator does not write."""
    draw = random.Random(seed)
    amount = lambda top: f"{draw.uniform(0, top):.2f}"  # noqa: E731
    rows: dict[str, list[dict[str, str]]] = {name: [] for name in (
        "rates", "collateral", "fees", "ratings", "contacts", "links", "financials", "external_debt")}
    for loan in loans:
        of = {"loan_id": loan}
        rows["rates"] += [of | {"changed_on": f"202{y}-12-31", "recorded_on": draw.choice(["", f"202{y + 1}-03-01"]),
                                "cause": draw.choice(["renegotiation", "index"]), "annual_rate": f"{draw.uniform(0, 0.2):.5f}"}
                          for y in (3, 4) if draw.random() < 0.6]
        rows["collateral"] += [of | {"collateral_id": asset, "valued_on": f"202{y}-12-30", "value": amount(5e7),
                                     "haircut": draw.choice(["", f"{draw.uniform(0, 1):.3f}"])}
                               for asset in ("plant", "stock") for y in (3, 4) if draw.random() < 0.5]
    for n, who in enumerate(customers):
        of = {"customer_id": who}
        rows["fees"] += [of | {"fee": str(k), "amount": amount(9e4)} | fact(draw, "charged_on")
                         for k in range(draw.randint(0, 6))]
        rows["ratings"] += [of | {"rated_on": f"202{y}-0{draw.randint(1, 9)}-15", "grade": str(draw.randint(1, 12)),
                                  "stage": draw.choice(["", "1", "2"]), "is_watchlisted": draw.choice(["", "true", "false"]),
                                  "pd": f"{draw.uniform(0, 0.2):.4f}", "lgd": "0.45", "annual_cost": amount(1e4)}
                            for y in (3, 4, 5) if draw.random() < 0.8]
        kinds = ("meeting", "call", "service", "complaint", "rate_complaint")
        rows["contacts"] += [of | {"contact": str(k), "kind": draw.choice(kinds)} | fact(draw, "contacted_on")
                             for k in range(draw.randint(0, 8))]
        rows["links"] += [{"from_id": who, "to_id": to, "kind": draw.choice(["guarantee", "guarantee", "ownership"]),
                           "amount": amount(1e6), "ended_on": draw.choice(["", "", "2025-03-31"])} | {"linked_on": "2023-05-05"}
                          for to in {customers[(n + 1) % len(customers)], draw.choice(customers), f"outsider-{n}"} - {who}
                          if draw.random() < 0.5]
        rows["financials"] += [of | {"period_ends_on": f"202{y}-12-31", "published_on": f"202{y + 1}-0{4 + k}-30",
                                     "sales": amount(9e8), "ebitda": f"{draw.uniform(-1e7, 9e7):.2f}",
                                     "interest_expense": amount(2e7), "total_debt": amount(4e8)}
                               for y in (1, 2, 3, 4) for k in range(draw.randint(0, 2))]
        rows["external_debt"] += [of | {"lender": lender, "reported_on": f"202{y}-09-30",
                                        "balance": draw.choice(["0", amount(8e7)])}
                                  for lender in ("A", "B") for y in (3, 4) if draw.random() < 0.6]
    return rows


def read_as_text(folder: Path) -> dict[str, pa.Table]:
    """The CSV files of a folder as Arrow tables of text."""
    tables = {}
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as handle:
            names = next(csv.reader(handle))
        options = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        parse = pa.csv.ParseOptions(newlines_in_values=True)
        tables[file.stem] = pa.csv.read_csv(file, convert_options=options, parse_options=parse)
    return tables


def simulated(folder: Path, customers: int, months: int) -> dict[str, pa.Table]:
    simulate(customers, months, 7, folder / "book")
    tables = read_as_text(folder / "book")
    ids = [sorted(tables[name][key].to_pylist()) for name, key in (("customers", "customer_id"), ("loans", "loan_id"))]
    return tables | cluster.as_text(optional_rows(*ids, seed=8))


def of_both(spark, tables: dict[str, pa.Table], as_of: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frames of a book on DuckDB and on Spark, the accounts and breaches compared on the way."""
    on_duck, on_spark = open_tables(tables), open_tables(cluster.in_spark(spark, tables))
    try:
        assert on_spark.accounts == on_duck.accounts
        assert on_spark.breaches == on_duck.breaches
        return book_frame(on_duck, as_of), book_frame(on_spark, as_of)
    finally:
        on_duck.close()
        on_spark.close()


def test_both_engines_measure_the_books_of_the_specs_equally(spark):
    on_duck, on_spark = of_both(spark, cluster.as_text(books_of_specs()), [AS_OF])
    assert on_duck[[name for name in FEATURES if name in SPOKEN_OF]].notna().any().all(), "no feature is compared on nothing"
    assert books.moved(on_duck, on_spark) == set()


def test_both_engines_measure_a_synthetic_book_equally_on_two_dates(spark, tmp_path):
    tables = cluster.as_typed(simulated(tmp_path, 60, 36))
    on_duck, on_spark = of_both(spark, tables, ["2024-12-31", "2025-12-31"])
    assert len(on_duck) == 2 * 60
    assert books.moved(on_duck, on_spark) == set()


@pytest.mark.big
def test_both_engines_measure_the_sample_equally(spark, tmp_path):
    on_duck, on_spark = of_both(spark, cluster.as_typed(simulated(tmp_path, 2000, 48)), ["2025-12-31"])
    assert len(on_duck) == 2000
    assert books.moved(on_duck, on_spark) == set()


@pytest.mark.big
@pytest.mark.skipif(not REAL.exists(), reason=f"no statements in {REAL}")
def test_both_engines_measure_the_world_banks_statements_equally(spark, tmp_path):
    from pipeline.cli import main

    assert main(["import", "worldbank", *map(str, sorted(REAL.glob("*.csv"))), "--out", str(tmp_path / "book")]) == 0
    tables = {file.stem: pa.parquet.read_table(file) for file in (tmp_path / "book").glob("*.parquet")}
    on_duck, on_spark = of_both(spark, tables, ["2020-11-30", "2025-05-31"])
    assert len(on_duck) > 400
    assert books.moved(on_duck, on_spark) == set()


@pytest.fixture(scope="module")
def broken(spark, tmp_path_factory):
    """The book with a row for every rule that it breaks, opened by DuckDB and by Spark: (tables, rejects of each)."""
    root = tmp_path_factory.mktemp("broken")
    rows = {name: [row | {"case": "good"}] for name, row in test_sources.GOOD.items()}
    for (name, reason), change in test_sources.CASES.items():
        more = test_sources.another_key(name, len(rows[name])) | change | {"case": reason}
        rows[name].append(test_sources.GOOD[name] | more)
    tables = {name: pa.Table.from_pylist(body) for name, body in rows.items()}
    on_duck = open_tables(tables, root / "duck")
    on_spark = open_tables(cluster.in_spark(spark, tables), root / "spark")
    yield on_duck, on_spark, root
    on_duck.close()
    on_spark.close()


def test_the_same_broken_book_has_the_same_accounts_and_breaches_on_both_engines(broken):
    on_duck, on_spark, _ = broken
    assert on_spark.accounts == on_duck.accounts
    assert {breach.table for breach in on_spark.breaches} == set(CONTRACTS)
    assert set(on_spark.breaches) == set(on_duck.breaches)


def test_both_engines_write_the_same_rejects_with_the_same_reasons(broken):
    root = broken[2]
    assert {file.name for file in (root / "spark").iterdir()} == {f"{name}.csv" for name in CONTRACTS}
    for name in CONTRACTS:
        found = [sorted(map(str, test_sources.read_csv(root / engine / f"{name}.csv"))) for engine in ("duck", "spark")]
        assert found[0] == found[1], name


def test_both_engines_keep_the_same_rows_of_the_broken_book(broken):
    on_duck, on_spark, _ = broken
    for name in CONTRACTS:
        kept = [tables.collected(getattr(tables, name)).drop(columns=["customer_key", "loan_key"], errors="ignore")
                for tables in (on_duck, on_spark)]
        pd.testing.assert_frame_equal(kept[1].astype(object), kept[0].astype(object))


SPELLINGS = {
    "date": ["2024-01-02", "2024-1-2", "2024/01/02", "2024 01 02", " 2024-01-02 ", "2024-01-02 10:00:00", "2024-01-02T10:00:00",
             "2024", "2024-02", "20240102", "2024-01-02x", "2024-02-30", "02-01-2024", "2024-01/02", "+2024-01-02"],
    "money": ["1", "1.5", "-0", "+1", ".5", "1.", "1e3", "1_000", "1.005", "0.0049995", "1,000", "1d", "0x1p3", "1e30", "nan",
              "-", "１", "1 2", "　7　"],
    "number": ["0.1", "1e-3", "1E-3", "1d", "1f", "inf", "nan", "1e400", "0x1p-3", "-0.05", ".5", "0.1.2"],
    "integer": ["7", "7.0", "7.5", "6.4999", "1e1", "7_0", "9223372036854775808", "seven", "7L"],
    "flag": ["true", "T", "1", "yes", "FALSE", "n", "0", "2", "maybe"],
}


def spelt() -> dict[str, pa.Table]:
    """A book in which the same cell of a kind is spelt in many ways."""
    places = {"date": ("customers", "founded_on"), "money": ("loans", "committed_amount"), "number": ("loans", "annual_rate"),
              "integer": ("ratings", "grade"), "flag": ("ratings", "is_watchlisted")}
    rows = {name: [test_sources.GOOD[name]] for name in ("customers", "loans", "repayments", "ratings")}
    for kind, spellings in SPELLINGS.items():
        table, column = places[kind]
        for spelling in spellings:
            rows[table].append(test_sources.GOOD[table] | test_sources.another_key(table, len(rows[table])) | {column: spelling})
    return {name: pa.Table.from_pylist(body) for name, body in rows.items()}


def test_both_engines_read_the_same_spellings(spark):
    on_duck, on_spark = open_tables(spelt()), open_tables(cluster.in_spark(spark, spelt()))
    try:
        assert set(on_spark.breaches) == set(on_duck.breaches)
        assert on_spark.accounts == on_duck.accounts
        for name in ("customers", "loans", "ratings"):
            key = list(CONTRACTS[name].key)
            kept = [tables.collected(getattr(tables, name)).drop(columns=["customer_key", "loan_key"], errors="ignore")
                    .sort_values(key, ignore_index=True) for tables in (on_duck, on_spark)]
            pd.testing.assert_frame_equal(kept[1].astype(object), kept[0].astype(object))
    finally:
        on_duck.close()
        on_spark.close()


def good_tables(**changes: list[dict[str, str]] | None) -> dict[str, pa.Table]:
    """The good rows of the three tables that every book needs, some replaced."""
    rows = {name: [test_sources.GOOD[name]] for name in ("customers", "loans", "repayments")} | changes
    return {name: pa.Table.from_pylist(body) for name, body in rows.items() if body is not None}


def without(row: dict[str, str], name: str) -> dict[str, str]:
    return {column: cell for column, cell in row.items() if column != name}


LOAN, REPAYMENT = test_sources.GOOD["loans"], test_sources.GOOD["repayments"]


@pytest.mark.parametrize(("kind", "tables", "limit"), [
    (NoBook, good_tables(loans=None), 1.0),
    (BrokenTable, good_tables(loans=[without(LOAN, "signed_on")]), 1.0),
    (BrokenTable, good_tables(loans=[LOAN, LOAN]), 1.0),
    (BrokenTable, good_tables(loans=[LOAN, LOAN | {"loan_id": "L2", "currency": "USD"}]), 1.0),
    (BrokenTable, good_tables(loans=[without(LOAN, "purpose") | {"Purpose": "plant"}]), 1.0),
    (BrokenTable, good_tables(loans=[without(LOAN, "loan_id") | {" loan_id": "L1"}]), 1.0),
    (BrokenTable, good_tables(loans=[LOAN | {"branch": "a", "Branch": "b"}]), 1.0),
    (BrokenTable, good_tables(loans=[LOAN | {" ": "a"}]), 1.0),
    (TooManyRejects, good_tables(repayments=[REPAYMENT, REPAYMENT | {"instalment": "2", "due_on": "soon"}]), 0.4),
], ids=["a missing table", "a missing column", "a duplicate key", "two currencies", "capitals", "a blank before a name",
        "names that differ in case", "a blank name", "too many rejects"])
def test_both_engines_refuse_a_book_with_the_same_words(spark, kind, tables, limit):
    said = []
    for book in (tables, cluster.in_spark(spark, tables)):
        with pytest.raises(kind) as caught:
            open_tables(book, None, limit)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_both_engines_find_the_same_faults_in_a_book_with_several(spark):
    tables = good_tables(loans=[LOAN, LOAN, LOAN | {"loan_id": "L2", "currency": "USD"}], labels=[{"customer_id": "C1"}])
    on_duck, on_spark = examine(tables), examine(cluster.in_spark(spark, tables))
    assert list(map(str, on_spark.faults)) == list(map(str, on_duck.faults))
    assert len(on_duck.faults) == 3
    assert on_spark.accounts == on_duck.accounts


def test_an_instant_is_no_day_on_spark_either(spark):
    tables = cluster.in_spark(spark, good_tables())
    tables["loans"] = tables["loans"].selectExpr("* except(signed_on)", "cast(signed_on as timestamp) as signed_on")
    with pytest.raises(BrokenTable, match="signed_on is a timestamp with a time zone"):
        open_tables(tables)


@pytest.mark.parametrize("value", ["array(product)", "named_struct('a', product)", "cast(product as binary)"])
def test_a_column_of_lists_or_bytes_is_refused_on_spark_too(value, spark):
    tables = cluster.in_spark(spark, good_tables())
    tables["loans"] = tables["loans"].selectExpr("* except(product)", f"{value} as product")
    with pytest.raises(BrokenTable, match="product is .*, not plain values"):
        open_tables(tables)


def test_both_engines_name_the_columns_that_no_contract_has_whatever_marks_are_in_them(spark, tmp_path):
    odd = {"branch": "Wuhan", "it's `odd`": "x", "a.b": "y", 'say "so"': "z"}
    tables = good_tables(loans=[LOAN | odd, LOAN | odd | {"loan_id": "L2", "signed_on": "soon"}])
    on_duck = open_tables(tables, tmp_path / "duck")
    on_spark = open_tables({"labels": None} | cluster.in_spark(spark, tables), tmp_path / "spark")
    assert on_spark.accounts == on_duck.accounts
    assert on_duck.accounts[1].ignored == tuple(odd)
    (row,) = test_sources.read_csv(tmp_path / "spark" / "loans.csv")
    assert row == LOAN | odd | {"loan_id": "L2", "signed_on": "soon", "reason": "signed_on is not a date (YYYY-MM-DD)"}
    assert row == test_sources.read_csv(tmp_path / "duck" / "loans.csv")[0]
    on_duck.close()


def test_a_table_that_spark_cannot_read_is_named(spark, tmp_path):
    tables = cluster.in_spark(spark, good_tables())
    tables["loans"].write.parquet(str(tmp_path / "loans"))
    tables["loans"] = spark.read.parquet(str(tmp_path / "loans"))
    for file in (tmp_path / "loans").glob("*.parquet"):
        file.unlink()
    with pytest.raises(UnreadableFile, match="data frames loans"):
        open_tables(tables)


def test_a_sum_of_amounts_that_does_not_fit_is_named_on_spark_too(spark):
    most = LOAN | {"committed_amount": "10000000000000.00", "annual_rate": "1.9", "closed_on": ""}
    tables = open_tables(cluster.in_spark(spark, good_tables(loans=[most | {"loan_id": f"L{n}"} for n in range(250)])))
    assert tables.accounts[1].n_kept == 250
    with pytest.raises(AmountsTooLarge, match=r"^amounts: a sum does not fit into whole cents of 64 bits .*OVERFLOW"):
        book_frame(tables, AS_OF)


def test_a_book_is_all_in_spark_or_not_at_all(spark):
    tables = good_tables()
    with pytest.raises(BrokenTable, match="data frames customers"):
        open_tables(cluster.in_spark(spark, tables) | {"customers": tables["customers"]})


def test_a_book_in_a_catalogue_is_found_and_its_cohort_measured_as_on_duckdb(spark):
    tables = good_tables()
    spark.sql("CREATE DATABASE bank")
    try:
        for name, frame in cluster.in_spark(spark, tables).items():
            frame.write.saveAsTable(f"bank.{name}")
        spark.range(1).write.saveAsTable("bank.something_else")
        found = catalogue_tables(spark, "bank")
        assert set(found) == set(tables)
        cohort = pd.DataFrame({"customer_id": ["C1"], "as_of": [AS_OF]})
        on_duck, on_spark = open_tables(tables), open_tables(found)
        assert on_spark.fingerprint == open_tables(cluster.in_spark(spark, tables)).fingerprint
        assert books.moved(feature_frame(cohort, on_duck), feature_frame(cohort, on_spark)) == set()
        on_duck.close()
    finally:
        spark.sql("DROP DATABASE bank CASCADE")


