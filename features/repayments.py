"""Instalments and the payments on them as one set of rows, so that one pass over a loan measures both.

Most instalments have one row, which carries the instalment and its payment. An instalment paid in parts gives one row
per payment, on which the columns of the instalment are missing, and one row for the instalment as a whole, on which the
columns of a payment are missing. The comparison with the date comes from ``features/history.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

#: An instalment is settled when at most this share of it is unpaid: a rounding difference makes nobody late. The
#: relative part of the materiality threshold of Regulation (EU) 2018/171 (1 %), taken per instalment.
IMMATERIAL_PERCENT = 1

_PER_LOAN = ("as_of", "loan_key")
_PER_INSTALMENT = (*_PER_LOAN, "instalment")
_INSTALMENT = ("due_age_days", "principal_due", "interest_due", "paid", "settled_age_days", "last_paid_age_days",
               "n_payments", "withdrawn_age_days", "is_forborne", "is_revised", "is_opening", "rate_bp")
_PAYMENT = ("paid_age_days", "amount", "principal_part", "interest_part", "is_unscheduled", "is_cash")


def repayment_rows(keys: nw.LazyFrame, repayments: nw.LazyFrame, is_known: Callable[..., nw.Expr]) -> nw.LazyFrame:
    """What was known of the instalments and payments of each loan and date.

    Parameters
    ----------
    keys : LazyFrame
        as_of, loan_key and rate_bp (the loan's rate at signing), one row each.
    repayments : LazyFrame
        The table, with loan_key.
    is_known : callable
        Given names of day columns, whether none of them lies after as_of.

    Returns
    -------
    LazyFrame
        Of an instalment: due_age_days, principal_due, interest_due, due, paid, n_payments, last_paid_age_days,
        settled_age_days, is_settled, withdrawn_age_days, is_withdrawn, is_forborne, is_revised, is_opening, is_due (its
        day has come and it was not withdrawn before), is_upcoming, late_until_age_days, days_late, paid_minus_due_days,
        overdue (money whose day has passed), unpaid_principal, rate_bp. Of a payment: paid_age_days, amount,
        principal_part, interest_part, is_unscheduled, is_cash. Interest is covered first.
    """
    in_parts = repayments.filter(nw.col("payment") > 1).select("loan_key", "instalment").unique()
    of_instalment = ["loan_key", "instalment"]
    whole = _known(keys, repayments.join(in_parts, on=of_instalment, how="anti"), is_known)
    parts = _known(keys, repayments.join(in_parts, on=of_instalment, how="semi"), is_known)
    whole = _of_one_payment(whole)
    payments, instalments = _of_payments(parts), _of_parts(parts)
    return _instalment_facts(nw.concat([whole, payments, instalments], how="vertical"))


def at_least_zero(amount: nw.Expr) -> nw.Expr:
    """The amount, or zero where it is negative; missing stays missing."""
    return nw.when(amount > 0).then(amount).when(amount <= 0).then(0).otherwise(None)


def _known(keys: nw.LazyFrame, repayments: nw.LazyFrame, is_known: Callable[..., nw.Expr]) -> nw.LazyFrame:
    """Rows known on the date, later payments masked."""
    returned = ~nw.col("returned_on").is_null() & is_known("returned_on", "returned_recorded_on")
    paid_known = ~nw.col("paid_on").is_null() & is_known("paid_on", "recorded_on") & ~returned
    is_unscheduled = (nw.col("principal_due") == 0) & (nw.col("interest_due") == 0).fill_null(False)
    is_announced = is_known("scheduled_on") & (is_known("recorded_on") | ~nw.col("paid_on").is_null())
    rows = keys.join(repayments, on="loan_key", how="inner").filter((is_announced & ~is_unscheduled) | paid_known)
    is_withdrawn = ~nw.col("superseded_on").is_null() & is_known("superseded_on", "superseded_recorded_on")
    as_of, cause = nw.col("as_of"), nw.col("superseded_by")
    return rows.select(
        *_PER_INSTALMENT, "payment", "principal_due", "interest_due", "rate_bp",
        due_age_days=as_of - nw.col("due_on"),
        is_paid=paid_known,
        amount=nw.when(paid_known).then(nw.col("amount_paid")).otherwise(0),
        paid_age_days=nw.when(paid_known).then(as_of - nw.col("paid_on")).otherwise(None),
        withdrawn_age_days=nw.when(is_withdrawn).then(as_of - nw.col("superseded_on")).otherwise(None),
        is_forborne=nw.when(is_withdrawn & (cause == "forbearance")).then(1).otherwise(0),
        is_revised=nw.when(is_withdrawn & (cause == "revision")).then(1).otherwise(0),
        is_opening=nw.when(nw.col("is_opening")).then(1).otherwise(0),
        is_unscheduled=nw.when(is_unscheduled).then(1).otherwise(0),
    )


def _due() -> nw.Expr:
    return nw.col("principal_due") + nw.col("interest_due").fill_null(0)


def _is_enough(paid: nw.Expr) -> nw.Expr:
    return paid * 100 >= _due() * (100 - IMMATERIAL_PERCENT)


def _cash() -> nw.Expr:
    return nw.when(nw.col("is_opening") == 1).then(0).otherwise(1)


def _of_one_payment(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Instalment and payment side by side on one row."""
    interest, amount = nw.col("interest_due"), nw.col("amount")
    rows = rows.with_columns(
        paid=amount,
        settled_age_days=nw.when(nw.col("is_paid") & _is_enough(amount)).then(nw.col("paid_age_days")).otherwise(None),
        last_paid_age_days=nw.col("paid_age_days"),
        n_payments=nw.when(nw.col("is_paid")).then(1).otherwise(0),
        principal_part=at_least_zero(amount - interest.fill_null(0)),
        interest_part=nw.when(amount < interest).then(amount).otherwise(interest),
        is_cash=_cash(),
    )
    return _in_columns(rows, _INSTALMENT, _PAYMENT)


def _of_payments(rows: nw.LazyFrame) -> nw.LazyFrame:
    """One row per known payment of an instalment paid in parts."""
    rows = _so_far(rows.filter(nw.col("is_paid")))
    interest = nw.col("interest_due")
    before, after = nw.col("so_far") - nw.col("amount"), nw.col("so_far")
    zero = interest.fill_null(0)
    principal = at_least_zero(after - zero) - at_least_zero(before - zero)
    rows = rows.with_columns(
        principal_part=principal,
        interest_part=nw.when(~interest.is_null()).then(nw.col("amount") - principal).otherwise(None),
        is_cash=_cash(),
    )
    return _in_columns(rows, (), _PAYMENT)


def _of_parts(rows: nw.LazyFrame) -> nw.LazyFrame:
    """One row per instalment paid in parts, its payments summed."""
    is_paid, age = nw.col("is_paid"), nw.col("paid_age_days")
    whole = _so_far(rows).group_by(*_PER_INSTALMENT).agg(
        nw.col("due_age_days").max(), nw.col("principal_due").max(), nw.col("interest_due").max(),
        nw.col("amount").sum().alias("paid"),
        nw.when(is_paid & _is_enough(nw.col("so_far"))).then(age).max().alias("settled_age_days"),
        age.min().alias("last_paid_age_days"),
        nw.when(is_paid).then(1).otherwise(0).sum().alias("n_payments"),
        nw.col("withdrawn_age_days").max(), nw.col("is_forborne").max(), nw.col("is_revised").max(),
        nw.col("is_opening").max(), nw.col("rate_bp").max(),
    )
    return _in_columns(whole, _INSTALMENT, ())


def _so_far(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Add what was paid on the instalment up to and with each payment; unpaid rows come last and add nothing."""
    rows = rows.with_columns(turn=nw.when(nw.col("is_paid")).then(-nw.col("paid_age_days")).otherwise(1))
    so_far = nw.col("amount").cum_sum().over(*_PER_INSTALMENT, order_by=["turn", "payment"])
    return rows.with_columns(so_far=so_far.cast(nw.Int64))


def _in_columns(rows: nw.LazyFrame, *filled: tuple[str, ...]) -> nw.LazyFrame:
    """The columns of instalments and payments as whole numbers in one order, those not filled missing."""
    have = {name for group in filled for name in group}
    empty = nw.lit(None, nw.Int64)
    return rows.select(*_PER_INSTALMENT, *((nw.col(name).cast(nw.Int64) if name in have else empty).alias(name)
                                        for name in (*_INSTALMENT, *_PAYMENT)))


def _instalment_facts(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Whether each instalment is due, settled, late and by how much; missing on the rows of payments alone."""
    is_instalment = ~nw.col("due_age_days").is_null()
    rows = rows.with_columns(
        due=_due(),
        is_settled=nw.when(is_instalment & _is_enough(nw.col("paid"))).then(1).otherwise(0),
        is_withdrawn=nw.when(~nw.col("withdrawn_age_days").is_null()).then(1).otherwise(0),
        principal_paid=at_least_zero(nw.col("paid") - nw.col("interest_due").fill_null(0)),
    )
    counts = (nw.col("due") > 0) & (nw.col("is_opening") == 0)
    # withdrawn before its day, or found to have been scheduled wrongly: nobody was late on it
    before_its_day = (nw.col("withdrawn_age_days") > nw.col("due_age_days")).fill_null(False)
    never_due = (before_its_day | (nw.col("is_revised") == 1)) & (nw.col("is_settled") == 0)
    rows = rows.with_columns(
        is_due=nw.when(counts & (nw.col("due_age_days") >= 0) & ~never_due).then(1).otherwise(0),
        is_upcoming=nw.when(counts & (nw.col("due_age_days") < 0) & (nw.col("is_withdrawn") == 0)).then(1).otherwise(0),
        late_until_age_days=nw.when(nw.col("is_settled") == 1).then(nw.col("settled_age_days"))
        .when(nw.col("is_withdrawn") == 1).then(nw.col("withdrawn_age_days")).otherwise(0),
    )
    is_due, is_open = nw.col("is_due") == 1, nw.col("is_withdrawn") == 0
    return rows.with_columns(
        days_late=nw.when(is_due).then(at_least_zero(nw.col("due_age_days") - nw.col("late_until_age_days"))).otherwise(None),
        paid_minus_due_days=nw.when(is_due & (nw.col("is_settled") == 1))
        .then(nw.col("due_age_days") - nw.col("settled_age_days")).otherwise(None),
        overdue=nw.when(is_due & is_open & (nw.col("is_settled") == 0) & (nw.col("due_age_days") > 0))
        .then(at_least_zero(nw.col("due") - nw.col("paid"))).otherwise(0),
        unpaid_principal=nw.when(is_open).then(at_least_zero(nw.col("principal_due") - nw.col("principal_paid"))).otherwise(0),
    )
