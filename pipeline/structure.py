"""The structure of the business over the scored dates: customers, exposure, income, risk and products by type."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.contracts import PRODUCTS
from features.holdings import loans_held
from features.sources import Tables
from models.types import ORDER
from pipeline.explanations import UNREADABLE, KeptBook, NotAssigned, kept_book, scored_dates

N_DATES = 12
"""Scored dates looked back at."""

INCOMES = ("interest_income_12m", "fee_income_12m")
PAST_DUE_DAYS = 30
"""A customer's exposure is at risk when an instalment is overdue for more days ("portfolio at risk 30", CGAP 2003)."""


@dataclass(frozen=True)
class Structure:
    """The book by type on its last scored dates, the earliest first.

    ``rows``: one per date and type with as_of, type, n, exposure, income (of the 12 months before) and past_due_share, the share
    of the exposure whose customer is more than 30 days past due; sums are NaN where the model was not given the feature, the
    share also where there is no exposure. ``products``: the balance per date, type and product; None without a book.
    """

    dates: tuple[str, ...]
    rows: pd.DataFrame
    products: pd.DataFrame | None


def structure(as_of: str, folder: Path, tables: Tables | None, read: Mapping[str, KeptBook]) -> Structure:
    """Look back from a date at the scored dates up to it, as far as they can be read.

    Parameters
    ----------
    as_of : str
        The last date (ISO).
    folder : Path
        Where dates were scored.
    tables : Tables, optional
        The book, for the products in use.
    read : mapping of str to KeptBook
        Dates that were read already.
    """
    rows, cohorts = [], []
    for day in [day for day in scored_dates(folder) if day <= as_of][-N_DATES:]:
        with suppress(NotAssigned, *UNREADABLE):
            kept = read[day] if day in read else kept_book(day, folder)
            rows.append(_of(kept).assign(as_of=day))
            cohorts.append(kept.assignments[["customer_id", "as_of", "type"]])
    found = pd.concat(rows, ignore_index=True)
    products = None if tables is None else _products(pd.concat(cohorts, ignore_index=True), tables)
    return Structure(tuple(found["as_of"].drop_duplicates()), found, products)


def _of(kept: KeptBook) -> pd.DataFrame:
    def values(name: str) -> np.ndarray:
        return kept.values[:, kept.features.index(name)] if name in kept.features else np.full(len(kept.values), np.nan)

    each = pd.DataFrame({"type": kept.assignments["type"].to_numpy(object), "exposure": values("exposure_drawn")})
    each["income"] = pd.DataFrame({name: values(name) for name in INCOMES}).sum(axis=1, min_count=1)
    each["past_due"] = np.where(values("days_past_due") > PAST_DUE_DAYS, each["exposure"], 0.0)
    by_type = each.groupby("type")
    sums = by_type[["exposure", "income", "past_due"]].sum(min_count=1).assign(n=by_type.size()).reindex(list(ORDER))
    sums["n"] = sums["n"].fillna(0).astype(int)
    sums.loc[sums["n"] == 0, ["exposure", "income", "past_due"]] = 0.0
    is_told = "days_past_due" in kept.features
    sums["past_due_share"] = (sums["past_due"] / sums["exposure"].where(sums["exposure"] > 0)) if is_told else np.nan
    return sums.rename_axis("type").reset_index()[["type", "n", "exposure", "income", "past_due_share"]]


def _products(cohort: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """as_of, type, product, balance (units of the book's currency), n (customers who have it), every combination."""
    loans = loans_held(cohort, tables).merge(cohort, on=["customer_id", "as_of"], how="left")
    found = loans.groupby(["as_of", "type", "product"]).agg(balance=("balance", "sum"), n=("customer_id", "nunique"))
    every = pd.MultiIndex.from_product([sorted(set(cohort["as_of"])), ORDER, PRODUCTS], names=found.index.names)
    found = found.reindex(every, fill_value=0).reset_index()
    return found.assign(balance=found["balance"] / 100)
