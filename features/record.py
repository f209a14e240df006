"""A customer's record: its rows of every table as they were known on a date, in the form in which a book is delivered.

A book made of records alone gives the same figures of the customers on that date as the whole book does: what was learnt
later is not in it. So it can be continued: rows may be added that are still to come, and no later fact of the book speaks
against them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import narwhals as nw
import pandas as pd
import pyarrow as pa

from features.catalogue import LOAN_GRAINS, Grains
from features.contract import Contract
from features.contracts import CONTRACTS
from features.days import Day, as_day
from features.history import history_of_loans, is_known, masked
from features.loans import loans_on_the_date
from features.repayments import what_has_come
from features.sources import Tables

#: The day from which rows of a table exist that are never changed afterwards.
_OWN_DAY = {"drawdowns": "drawn_on", "limits": "changed_on", "rates": "changed_on", "collateral": "valued_on",
            "fees": "charged_on", "ratings": "rated_on", "contacts": "contacted_on", "financials": "published_on",
            "external_debt": "reported_on"}
#: Of no customer alone: features of the customer itself do not read them.
_OF_NOBODY = ("links", "labels")
_ARROW = {"text": pa.string(), "date": pa.date32(), "money": pa.decimal128(18, 2), "number": pa.float64(), "integer": pa.int64(),
          "flag": pa.bool_()}


def record_of(customers: Sequence[str], as_of: Day, tables: Tables) -> dict[str, pd.DataFrame]:
    """The rows of customers known on a date, per table of the book, with the columns of its contract.

    Days are whole days since 1970-01-01 and amounts whole cents, as features see them; a later payment, return, withdrawal or
    closing is taken out of its row, and payments on an instalment are numbered anew. Links and labels keep no row.

    Parameters
    ----------
    customers : sequence of str
        Their customer_id; one that the book does not have gives no row.
    as_of : Day
        The date.
    tables : Tables
        The book.
    """
    day, found = as_day(as_of), {}
    is_theirs = nw.col("customer_id").is_in(list(customers))
    own = tables.customers.filter(is_theirs)
    loans = _on(tables.loans.filter(is_theirs), day).filter(is_known("signed_on", "recorded_on"))
    for name, contract in CONTRACTS.items():
        if tables.lacks([name]):
            continue
        if name == "customers":
            rows = _customers(_on(own, day))
        elif name == "loans":
            rows = loans.with_columns(*(masked(column, "closed_on", "closed_recorded_on")
                                        for column in ("closed_on", "closed_recorded_on")))
        elif name in _OF_NOBODY:
            rows = getattr(tables, name).head(0)
        else:
            whose = loans.select("loan_key") if name in LOAN_GRAINS else own.select("customer_key")
            rows = _on(getattr(tables, name).join(whose, on=whose.columns, how="semi"), day)
            rows = _repayments(rows) if name == "repayments" else rows.filter(is_known(_OWN_DAY[name], "recorded_on"))
        found[name] = tables.collected(rows.select(*(column.name for column in contract.columns)))
    return found


def delivered(rows: Mapping[str, pd.DataFrame]) -> dict[str, pa.Table]:
    """Rows of tables, days and cents, as a book that ``open_tables`` takes."""
    return {name: _delivered(frame, CONTRACTS[name]) for name, frame in rows.items()}


def loans_of(customer: str, as_of: Day, tables: Tables) -> pd.DataFrame:
    """What a customer's loans come to on a date: loan_id, product; balance, commitment, undrawn (cents); rate_bp; is_active."""
    with tables.engine.passing():
        known = tables.collected(tables.customers.filter(nw.col("customer_id") == customer).select("customer_key"))
        history = history_of_loans(tables.hold(known.assign(as_of=as_day(as_of))), tables)
        loans = loans_on_the_date(history, Grains()).join(tables.loans.select("loan_key", "loan_id"), on="loan_key")
        loans = loans.select("loan_id", "product", "balance", "commitment", "undrawn", "rate_bp", "is_active")
        return tables.collected(tables.keep([loans]).sort("loan_id"))


def _on(rows: nw.LazyFrame, day: int) -> nw.LazyFrame:
    return rows.with_columns(as_of=nw.lit(day, nw.Int64))


def _customers(rows: nw.LazyFrame) -> nw.LazyFrame:
    facts = ("industry", "ownership", "group_id", "country", "region", "recorded_on")
    return rows.with_columns(*(masked(name, "recorded_on") for name in facts),
                             *(masked(name, "recorded_on", name) for name in ("founded_on", "onboarded_on")))


def _repayments(rows: nw.LazyFrame) -> nw.LazyFrame:
    """The rows that stand for an instalment or a payment on the date; later events are taken out of them."""
    has_come, is_returned, is_withdrawn = what_has_come(is_known)
    rows = rows.with_columns(has_come=has_come, is_returned=is_returned, is_withdrawn=is_withdrawn)
    has_come, is_first = nw.col("has_come"), nw.col("payment") == 1
    rows = rows.filter(has_come | (~nw.col("is_unscheduled") & is_known("announced_on") & is_first))
    rows = rows.with_columns(payment=nw.col("payment").rank("min").over("loan_key", "instalment").cast(nw.Int64))
    was_to_be_paid = ~has_come & ~nw.col("paid_on").is_null()  # its booking is the payment's
    return rows.with_columns(
        *(nw.when(has_come).then(nw.col(name)).otherwise(None).alias(name) for name in ("paid_on", "amount_paid")),
        nw.when(~was_to_be_paid).then(nw.col("recorded_on")).otherwise(None).alias("recorded_on"),
        *(nw.when(has_come & nw.col("is_returned")).then(nw.col(name)).otherwise(None).alias(name)
          for name in ("returned_on", "returned_recorded_on")),
        *(nw.when(nw.col("is_withdrawn")).then(nw.col(name)).otherwise(None).alias(name)
          for name in ("superseded_on", "superseded_recorded_on", "superseded_by")))


def _delivered(frame: pd.DataFrame, contract: Contract) -> pa.Table:
    columns = {}
    for column in contract.columns:
        values = frame[column.name]
        if column.kind in ("date", "money", "integer"):
            whole = pa.array(values.astype("Int64"), pa.int64())
            if column.kind == "date":
                columns[column.name] = whole.cast(pa.int32()).cast(pa.date32())
            elif column.kind == "money":
                amounts = [None if cents is None else Decimal(cents).scaleb(-2) for cents in whole.to_pylist()]
                columns[column.name] = pa.array(amounts, _ARROW["money"])
            else:
                columns[column.name] = whole
        else:
            columns[column.name] = pa.array(values.where(values.notna(), None), _ARROW[column.kind], from_pandas=True)
    return pa.table(columns)

