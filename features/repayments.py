"""Instalments and payments as one set of rows, so that one pass over a loan measures both.

Most instalments have one row, which carries the instalment and its payment. An instalment paid in parts gives one row
per payment, on which the columns of the instalment are missing, and one row for the instalment as a whole, on which the
columns of a payment are missing. What a row says whatever the date comes from ``features/terms.py``, the comparison with
the date from ``features/history.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from features import terms
from features.days import grid_month

_PER_LOAN = ("as_of", "loan_key")
_PER_INSTALMENT = (*_PER_LOAN, "instalment")
_INSTALMENT = ("due_age_days", "principal_due", "interest_due", "due", "falls_due", "paid", "unpaid_principal",
               "settled_age_days", "is_paid_in_part", "withdrawn_age_days", "is_forborne", "is_revised", "is_opening", "rate_bp")
_PAYMENT = ("cash_age_days", "cash_month", "amount", "principal_part", "interest_part", "is_unscheduled")
_FLAGS = ("falls_due", "is_paid_in_part", "is_forborne", "is_revised", "is_opening", "is_unscheduled")


def repayment_rows(rows: nw.LazyFrame, is_known: Callable[..., nw.Expr]) -> nw.LazyFrame:
    """What was known of the instalments and payments of each loan and date.

    Parameters
    ----------
    rows : LazyFrame
        The table with its terms, once for every as_of; with loan_key, rate_bp (the loan's rate at signing) and
        closed_age_days (missing unless the loan was closed).
    is_known : callable
        Given names of day columns, whether none of them lies after as_of.

    Returns
    -------
    LazyFrame
        Of an instalment: fell_due_age_days (missing unless its day has come and it was not withdrawn by then),
        falls_due_in_days (missing unless its day is to come, or is the date and it is unpaid), principal_due,
        interest_due, paid, is_paid_in_part (in several payments, or not enough), settled_age_days (missing unless
        settled), is_settled, withdrawn_age_days (missing unless withdrawn), is_forborne, is_opening, late_until_age_days,
        days_late, paid_minus_due_days, overdue (money whose day has passed), unpaid_principal, rate_bp. Of a payment:
        cash_age_days and cash_month, its month of the grid (missing for opening figures), amount, principal_part,
        interest_part (interest is covered first), is_unscheduled (missing where no principal was due and the interest is
        not known).
    """
    whole = _of_one_payment(_known(rows.filter(~nw.col("is_in_parts")), is_known))
    parts = _known(rows.filter(nw.col("is_in_parts")), is_known)
    payments, instalments = _of_payments(parts), _of_parts(parts)
    return _instalment_facts(nw.concat([whole, payments, instalments], how="vertical"))


def at_least_zero(amount: nw.Expr) -> nw.Expr:
    """The amount, or zero where it is negative or missing."""
    return nw.when(amount > 0).then(amount).otherwise(0)


def what_has_come(is_known: Callable[..., nw.Expr]) -> tuple[nw.Expr, nw.Expr, nw.Expr]:
    """Whether a row's payment has come and is known, its return, and the withdrawal of its instalment."""
    return tuple(~nw.col(day).is_null() & is_known(day) for day in ("paid_known_on", "returned_known_on", "withdrawn_known_on"))


def _known(rows: nw.LazyFrame, is_known: Callable[..., nw.Expr]) -> nw.LazyFrame:
    """Rows known on the date, later payments masked."""
    has_come, is_returned, is_withdrawn = what_has_come(is_known)
    rows = rows.with_columns(is_paid=has_come & ~is_returned, is_withdrawn=is_withdrawn)
    is_paid, is_withdrawn = nw.col("is_paid"), nw.col("is_withdrawn")
    # the first row stands for the instalment from its announcement on; a further one came into being with its payment
    is_there = (nw.col("payment") == 1) | has_come
    rows = rows.filter(is_paid | (~nw.col("is_unscheduled") & is_known("announced_on") & is_there))
    as_of, cause = nw.col("as_of"), nw.col("superseded_by")
    return rows.select(
        *_PER_INSTALMENT, "payment", "principal_due", "interest_due", "due", "falls_due", "rate_bp", "closed_age_days", "is_paid",
        "is_enough", "is_opening", "is_unscheduled", "principal_part", "interest_part",
        due_age_days=as_of - nw.col("due_on"),
        amount=nw.when(is_paid).then(nw.col("amount_paid")).otherwise(0),
        paid_age_days=nw.when(is_paid).then(as_of - nw.col("paid_on")),
        withdrawn_age_days=nw.when(is_withdrawn).then(as_of - nw.col("superseded_on")),
        is_forborne=is_withdrawn & (cause == "forbearance").fill_null(False),
        is_revised=is_withdrawn & (cause == "revision").fill_null(False),
    )


def _with_cash(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Add when the cash came; is_unscheduled is missing where it may have been interest that nobody stated."""
    is_either = (nw.col("principal_due") == 0) & nw.col("interest_due").is_null()
    rows = rows.with_columns(cash_age_days=nw.when(~nw.col("is_opening")).then(nw.col("paid_age_days")),
                             is_unscheduled=nw.when(~is_either).then(nw.col("is_unscheduled")))
    return rows.with_columns(cash_month=grid_month(nw.col("cash_age_days")))


def _with_unpaid(rows: nw.LazyFrame, principal_paid: nw.Expr) -> nw.LazyFrame:
    """Withdraw what was to fall due after the loan was closed; add the principal still to be paid, zero where withdrawn."""
    went_with_its_loan = nw.when(nw.col("closed_age_days") > nw.col("due_age_days")).then(nw.col("closed_age_days"))
    rows = rows.with_columns(withdrawn_age_days=nw.coalesce(nw.col("withdrawn_age_days"), went_with_its_loan))
    unpaid, is_open = nw.col("principal_due") - principal_paid, nw.col("withdrawn_age_days").is_null()
    return rows.with_columns(unpaid_principal=nw.when(is_open & (unpaid > 0)).then(unpaid).otherwise(0))


def _of_one_payment(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Instalment and payment side by side on one row."""
    is_paid, is_enough = nw.col("is_paid"), nw.col("is_enough")
    rows = rows.with_columns(
        paid=nw.col("amount"),
        settled_age_days=nw.when(is_paid & is_enough).then(nw.col("paid_age_days")),
        is_paid_in_part=is_paid & ~is_enough,
        principal_part=nw.when(is_paid).then(nw.col("principal_part")).otherwise(0),
        interest_part=nw.when(is_paid).then(nw.col("interest_part")),
    )
    return _in_columns(_with_unpaid(_with_cash(rows), nw.col("principal_part")), _INSTALMENT, _PAYMENT)


def _of_payments(rows: nw.LazyFrame) -> nw.LazyFrame:
    """One row per known payment of an instalment paid in parts."""
    rows = _so_far(rows.filter(nw.col("is_paid")))
    interest, owed = nw.col("interest_due"), nw.col("interest_due").fill_null(0)
    before, after = nw.col("so_far") - nw.col("amount"), nw.col("so_far")
    principal = at_least_zero(after - owed) - at_least_zero(before - owed)
    rows = rows.with_columns(principal_part=principal,
                             interest_part=nw.when(~interest.is_null()).then(nw.col("amount") - principal))
    return _in_columns(_with_cash(rows), _PAYMENT)


def _of_parts(rows: nw.LazyFrame) -> nw.LazyFrame:
    """One row per instalment paid in parts, its payments summed; withdrawn on the first day that one of its rows says."""
    is_paid, age = nw.col("is_paid"), nw.col("paid_age_days")
    repeated = ("due_age_days", "principal_due", "interest_due", "due", "falls_due", "is_opening", "rate_bp", "closed_age_days")
    # age and cause as one number: the largest is the first withdrawal, a forbearance before a revision on the same day
    cause = nw.when(nw.col("is_forborne")).then(2).when(nw.col("is_revised")).then(1).otherwise(0)
    rows = rows.with_columns(withdrawal=nw.col("withdrawn_age_days") * 4 + cause)
    whole = _so_far(rows).group_by(*_PER_INSTALMENT).agg(
        *(nw.col(name).max() for name in (*repeated, "withdrawal")),
        nw.col("amount").sum().alias("paid"),
        nw.when(is_paid & terms.is_enough(nw.col("so_far"))).then(age).max().alias("settled_age_days"),
        nw.when(is_paid).then(1).otherwise(0).sum().alias("n_payments"))
    n, is_settled = nw.col("n_payments"), ~nw.col("settled_age_days").is_null()
    cause = (nw.col("withdrawal") % 4).fill_null(0)
    whole = whole.with_columns(is_paid_in_part=(n > 1) | ((n > 0) & ~is_settled), withdrawn_age_days=nw.col("withdrawal") // 4,
                               is_forborne=cause == 2, is_revised=cause == 1)
    return _in_columns(_with_unpaid(whole, at_least_zero(nw.col("paid") - nw.col("interest_due").fill_null(0))), _INSTALMENT)


def _so_far(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Add what was paid on the instalment up to and with each payment; unpaid rows come last and add nothing."""
    rows = rows.with_columns(turn=nw.when(nw.col("is_paid")).then(-nw.col("paid_age_days")).otherwise(1))
    so_far = nw.col("amount").cum_sum().over(*_PER_INSTALMENT, order_by=["turn", "payment"])
    return rows.with_columns(so_far=so_far.cast(nw.Int64))


def _in_columns(rows: nw.LazyFrame, *filled: tuple[str, ...]) -> nw.LazyFrame:
    """The columns of instalments and payments in one order and of one type, those not filled missing."""
    have = {name for group in filled for name in group}
    kinds = {name: nw.Boolean if name in _FLAGS else nw.Int64 for name in (*_INSTALMENT, *_PAYMENT)}
    return rows.select(*_PER_INSTALMENT, *((nw.col(name) if name in have else nw.lit(None)).cast(kind).alias(name)
                                           for name, kind in kinds.items()))


def _instalment_facts(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Whether each instalment is due, settled, late and by how much; missing or zero on the rows of payments alone."""
    # what is paid after the instalment was withdrawn did not settle it
    was_withdrawn_first = (nw.col("withdrawn_age_days") > nw.col("settled_age_days")).fill_null(False)
    rows = rows.with_columns(settled_age_days=nw.when(~was_withdrawn_first).then(nw.col("settled_age_days")))
    days, is_settled = nw.col("due_age_days"), ~nw.col("settled_age_days").is_null()
    is_open = nw.col("withdrawn_age_days").is_null()
    # withdrawn by its day, or found to have been scheduled wrongly: nobody was late on it, whatever was paid afterwards
    by_its_day = (nw.col("withdrawn_age_days") >= days).fill_null(False)
    settled_first = (nw.col("settled_age_days") >= nw.col("withdrawn_age_days")).fill_null(False)
    is_asked = is_open | settled_first | ~(by_its_day | nw.col("is_revised"))
    is_ahead = (days < 0) | ((days == 0) & ~is_settled)  # what is due on the date itself may still be paid on its day
    rows = rows.with_columns(
        is_settled=is_settled,
        fell_due_age_days=nw.when(nw.col("falls_due") & ~is_ahead & is_asked).then(days),
        falls_due_in_days=nw.when(nw.col("falls_due") & is_ahead & is_open).then(-days),
        late_until_age_days=nw.coalesce("settled_age_days", "withdrawn_age_days", nw.lit(0)),
    )
    fell_due = nw.col("fell_due_age_days")
    return rows.with_columns(
        days_late=fell_due - nw.col("late_until_age_days"),
        paid_minus_due_days=fell_due - nw.col("settled_age_days"),
        overdue=nw.when((fell_due > 0) & ~is_settled & is_open).then(nw.col("due") - nw.col("paid")).otherwise(0),
    ).with_columns(days_late=at_least_zero(nw.col("days_late")))
