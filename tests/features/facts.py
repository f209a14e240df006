"""One of each kind of fact that a book can hold, on a day of one's choice, each for a customer of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from generated import Rows, shift

from features.contracts import CONTRACTS

AS_OF = "2024-12-31"
LONG_AGO, LATELY, SOON = "2020-01-01", "2024-12-20", "2025-06-30"
OF_LOAN = ("repayments", "drawdowns", "limits", "rates", "collateral")


@dataclass(frozen=True)
class Fact:
    """A kind of fact: the rows it adds or replaces given its day, by table, and features that it must move.

    Rows of the customer and of its loan lack their ids; with a ``suffix`` they belong to another loan beside the first.
    ``before`` is what had happened to the customer when the fact came.
    """

    rows: Callable[[str], Rows]
    moves: str
    before: Rows = field(default_factory=dict)


def instalment_of(number: int) -> dict:
    """The first instalment is overdue on the date, the second is still to come."""
    due_on, interest = ("2024-10-31", "60") if number == 1 else (SOON, "10")
    return {"instalment": number, "payment": 1, "due_on": due_on, "principal_due": "100", "interest_due": interest,
            "paid_on": "", "amount_paid": ""}


def paid(number: int, paid_on: str, recorded_on: str = "", payment: int = 1, **more: str) -> Rows:
    part = {"paid_on": paid_on, "amount_paid": "60", "recorded_on": recorded_on, "payment": payment}
    return {"repayments": [instalment_of(number) | part | more]}


def prepaid(paid_on: str, recorded_on: str = "", interest: str = "0") -> Rows:
    free = {"instalment": 9, "payment": 1, "due_on": paid_on, "principal_due": "0", "interest_due": interest}
    return {"repayments": [free | {"paid_on": paid_on, "amount_paid": "50", "recorded_on": recorded_on}]}


def superseded(on: str, recorded_on: str = "") -> Rows:
    by = {"superseded_on": on, "superseded_by": "forbearance", "superseded_recorded_on": recorded_on}
    return {"repayments": [instalment_of(2) | by]}


def another_loan(signed_on: str, recorded_on: str = "", **more: str) -> Rows:
    return {"loans": [{"suffix": "-new", "signed_on": signed_on, "recorded_on": recorded_on, **more}]}


def drawdown(drawn_on: str, recorded_on: str = "") -> Rows:
    return {"drawdowns": [{"drawdown": 2, "drawn_on": drawn_on, "amount": "200", "recorded_on": recorded_on}]}


def limit(changed_on: str, recorded_on: str = "", amount: str = "700", cause: str = "bank") -> Rows:
    return {"limits": [{"changed_on": changed_on, "committed_amount": amount, "cause": cause, "recorded_on": recorded_on}]}


def rate(changed_on: str, recorded_on: str = "") -> Rows:
    return {"rates": [{"changed_on": changed_on, "annual_rate": "0.09", "cause": "renegotiation", "recorded_on": recorded_on}]}


def valuation(valued_on: str, recorded_on: str = "") -> Rows:
    return {"collateral": [{"collateral_id": "plant", "valued_on": valued_on, "value": "90", "haircut": "0.5",
                            "recorded_on": recorded_on}]}


def fee(charged_on: str, recorded_on: str = "") -> Rows:
    return {"fees": [{"fee": 1, "charged_on": charged_on, "amount": "7", "recorded_on": recorded_on}]}


def rated(rated_on: str, recorded_on: str = "") -> Rows:
    return {"ratings": [{"rated_on": rated_on, "grade": 8, "stage": 2, "is_watchlisted": "true", "pd": "0.1", "lgd": "0.4",
                         "annual_cost": "2", "recorded_on": recorded_on}]}


def contact(contacted_on: str, recorded_on: str = "", kind: str = "rate_complaint") -> Rows:
    return {"contacts": [{"contact": 1, "contacted_on": contacted_on, "kind": kind, "recorded_on": recorded_on}]}


def links(linked_on: str, recorded_on: str = "", ended_on: str = "", ended_recorded_on: str = "") -> Rows:
    """A circle with another customer; ``self`` stands for the customer."""
    row = {"kind": "guarantee", "linked_on": linked_on, "recorded_on": recorded_on, "ended_on": ended_on,
           "ended_recorded_on": ended_recorded_on}
    return {"links": [row | {"from_id": "self", "to_id": "partner"}, row | {"from_id": "partner", "to_id": "self"}]}


def statement(published_on: str, recorded_on: str = "") -> Rows:
    return {"financials": [{"period_ends_on": "2023-12-31", "published_on": published_on, "sales": "80", "ebitda": "20",
                            "interest_expense": "30", "total_debt": "300", "recorded_on": recorded_on}]}


def report(reported_on: str, recorded_on: str = "") -> Rows:
    return {"external_debt": [{"lender": "other", "reported_on": reported_on, "balance": "400",
                               "recorded_on": recorded_on}]}


def label(day: str) -> Rows:
    return {"labels": [{"as_of": AS_OF, "type": "risk", "analyst": "a", "labelled_on": day}]}


FACTS = {
    "a-loan-signed": Fact(another_loan, "exposure_committed n_active_loans new_lending_share_12m exposure_share "
                          "n_group_active_loans"),
    "a-loan-recorded-late": Fact(lambda day: another_loan(LATELY, day), "exposure_committed n_active_loans"),
    "a-loan-closed": Fact(lambda day: {"loans": [{"closed_on": day}]}, "utilisation_share exposure_committed"),
    "a-closing-recorded-late": Fact(lambda day: {"loans": [{"closed_on": LATELY, "closed_recorded_on": day}]},
                                    "utilisation_share exposure_committed line_utilisation_share"),
    "a-payment": Fact(lambda day: paid(1, day), "interest_income_12m days_since_payment n_partial_payments_12m"),
    "a-payment-recorded-late": Fact(lambda day: paid(1, LATELY, day), "interest_income_12m days_since_payment"),
    "a-second-part": Fact(lambda day: paid(1, day, payment=2), "interest_income_12m n_partial_payments_12m"),
    "a-second-part-recorded-late": Fact(lambda day: paid(1, LATELY, day, payment=2), "interest_income_12m"),
    "a-second-part-that-tells-of-a-rescheduling": Fact(
        lambda day: paid(2, day, payment=2, superseded_on=LATELY, superseded_by="forbearance"), "n_forborne_24m due_share_12m"),
    "a-settlement": Fact(lambda day: paid(1, day, amount_paid="160"), "days_past_due overdue_share arrears_bucket_now "
                         "n_cures_24m paid_minus_due_mean_12m exposure_in_arrears_share"),
    "an-early-payment": Fact(lambda day: paid(2, day), "exposure_drawn exposure_growth_12m_ratio future_income_discounted "
                             "group_exposure_growth_12m_ratio group_exposure_drawn"),
    "a-prepayment": Fact(prepaid, "prepaid_12m_ratio exposure_drawn"),
    "a-prepayment-recorded-late": Fact(lambda day: prepaid(LATELY, day), "prepaid_12m_ratio exposure_drawn"),
    "a-payment-of-interest-or-principal": Fact(lambda day: prepaid(day, interest=""), "prepaid_12m_ratio exposure_drawn"),
    "a-payment-refunded": Fact(lambda day: paid(1, LATELY, returned_on=day), "interest_income_12m", paid(1, LATELY)),
    "a-refund-recorded-late": Fact(lambda day: paid(1, LATELY, returned_on=LATELY, returned_recorded_on=day),
                                   "interest_income_12m days_since_payment", paid(1, LATELY)),
    "a-rescheduling": Fact(superseded, "n_forborne_24m months_since_forbearance due_share_12m"),
    "a-rescheduling-recorded-late": Fact(lambda day: superseded(LATELY, day), "n_forborne_24m due_share_12m"),
    "an-instalment-scheduled": Fact(lambda day: {"repayments": [instalment_of(3) | {"scheduled_on": day}]},
                                    "due_share_12m"),
    "an-instalment-recorded-late": Fact(lambda day: {"repayments": [instalment_of(3) | {"recorded_on": day}]},
                                        "due_share_12m"),
    "a-drawdown": Fact(drawdown, "n_drawdowns_12m days_since_drawdown drawn_12m_ratio exposure_drawn"),
    "a-drawdown-recorded-late": Fact(lambda day: drawdown(LATELY, day), "n_drawdowns_12m exposure_drawn"),
    "a-limit-cut": Fact(limit, "n_limits_cut_24m exposure_committed"),
    "a-limit-cut-recorded-late": Fact(lambda day: limit(LATELY, day), "n_limits_cut_24m exposure_committed"),
    "a-limit-raised": Fact(lambda day: limit(day, amount="1500", cause="customer"),
                           "n_limit_raises_24m line_utilisation_share limit_change_12m_ratio"),
    "a-rate-changed": Fact(rate, "annual_rate_mean margin_rate n_rate_renegotiations_24m rate_spread_to_product_rate "
                           "group_margin_rate"),
    "a-rate-recorded-late": Fact(lambda day: rate(LATELY, day), "annual_rate_mean n_rate_renegotiations_24m"),
    "a-valuation": Fact(valuation, "collateral_cover_ratio valuation_age_months"),
    "a-valuation-recorded-late": Fact(lambda day: valuation(LATELY, day), "collateral_cover_ratio valuation_age_months"),
    "a-fee": Fact(fee, "fee_income_12m income_share_12m group_income_12m group_income_share_12m "
                  "group_income_rank_share_12m"),
    "a-fee-recorded-late": Fact(lambda day: fee(LATELY, day), "fee_income_12m"),
    "a-rating": Fact(rated, "rating_grade impairment_stage is_watchlisted"),
    "a-rating-recorded-late": Fact(lambda day: rated(LATELY, day), "rating_grade impairment_stage is_watchlisted"),
    "a-contact": Fact(contact, "n_contacts_12m n_complaints_12m n_rate_complaints_12m days_since_contact"),
    "a-contact-recorded-late": Fact(lambda day: contact(LATELY, day, "call"), "n_contacts_12m activity_3m_to_12m_ratio"),
    "a-circle": Fact(links, "is_in_guarantee_circle circle_exposure_committed"),
    "a-circle-recorded-late": Fact(lambda day: links(LATELY, day), "is_in_guarantee_circle"),
    "a-circle-ended": Fact(lambda day: links(LONG_AGO, ended_on=day), "is_in_guarantee_circle", links(LONG_AGO)),
    "an-end-recorded-late": Fact(lambda day: links(LONG_AGO, ended_on=LATELY, ended_recorded_on=day),
                                 "is_in_guarantee_circle", links(LONG_AGO)),
    "a-statement": Fact(statement, "leverage_ratio is_ebitda_negative interest_cover_ratio n_years_cover_below_one"),
    "a-statement-recorded-late": Fact(lambda day: statement(LATELY, day), "leverage_ratio interest_cover_ratio"),
    "a-report": Fact(report, "n_other_lenders external_debt_share"),
    "a-report-recorded-late": Fact(lambda day: report(LATELY, day), "n_other_lenders external_debt_share"),
    "a-label": Fact(label, ""),
    "a-customer-recorded-late": Fact(
        lambda day: {"customers": [{"recorded_on": day, "ownership": "state", "founded_on": LONG_AGO}]},
        "is_state_owned firm_age_months", {"customers": [{"ownership": "", "founded_on": ""}]}),
}


def late(number: int, due_on: str, paid_on: str, suffix: str = "") -> dict:
    return {"instalment": number, "payment": 1, "due_on": due_on, "principal_due": "20", "interest_due": "1",
            "paid_on": paid_on, "amount_paid": "21", "suffix": suffix}


#: What takes more than one fact, or one that lies some time back.
PAST_FACTS = {
    "downgraded": Fact(lambda _: {"ratings": [{"rated_on": "2023-06-30", "grade": 3}, {"rated_on": LATELY, "grade": 8}]},
                       "rating_notches_3m rating_notches_12m"),
    "two-statements": Fact(lambda _: {"financials": [
        {"period_ends_on": f"{year}-12-31", "published_on": f"{year + 1}-04-30", "sales": "80", "total_debt": f"{year}"}
        for year in (2022, 2023)]}, "debt_minus_sales_growth_ratio"),
    "relapsed": Fact(lambda _: {"repayments": [late(11, "2023-06-30", "2023-09-30"), late(12, "2024-03-31", "2024-06-30")]},
                     "n_relapses_24m n_cures_24m n_late_90d_24m n_late_run_max_24m days_past_due_max_24m record_months"),
    "paid-late-twice": Fact(lambda _: {"repayments": [late(11, "2024-11-30", "2024-12-01"), late(12, "2024-06-30", LATELY)]},
                            "paid_minus_due_spread_12m days_late_trend_12m days_past_due_max_3m n_late_30d_12m "
                            "arrears_roll_1m arrears_roll_3m"),
    "refinanced-away": Fact(lambda _: {
        "loans": [{"suffix": "-old", "product": "term", "committed_amount": "20", "signed_on": LONG_AGO}],
        "drawdowns": [{"suffix": "-old", "drawdown": 1, "drawn_on": LONG_AGO, "amount": "20"}],
        "repayments": [late(1, "2024-06-30", "2024-06-30", "-old")]}, "n_refinanced_away_24m n_paid_off_12m "
                            "n_paid_off_early_24m"),
    "rolled-over": Fact(lambda _: {
        "loans": [{"suffix": "-new", "product": "term", "committed_amount": "20", "signed_on": "2024-06-01"}],
        "repayments": [late(11, "2024-06-30", "2024-06-30"), late(1, "2027-06-30", "", "-new") | {"amount_paid": ""}]},
                        "n_rollovers_12m n_product_families n_group_product_families"),
    "past-maturity": Fact(lambda _: {
        "loans": [{"suffix": "-old", "signed_on": "2019-01-01", "matures_on": LATELY, "security": "guarantee"}],
        "drawdowns": [{"suffix": "-old", "drawdown": 1, "drawn_on": "2019-01-01", "amount": "20"}]},
                          "past_maturity_share guaranteed_share secured_share unsecured_share original_tenor_months "
                          "remaining_tenor_months tenure_months group_tenure_months"),
    "linked-to-a-default": Fact(lambda _: {
        "repayments": [instalment_of(1) | {"due_on": "2024-06-30"}], "links": links(LONG_AGO)["links"]},
                                "n_steps_to_default days_past_due days_past_due_max_6m days_past_due_max_12m"),
    "used-to-the-limit": Fact(lambda _: {"drawdowns": [{"drawdown": 2, "drawn_on": "2024-08-31", "amount": "480"}]},
                              "n_months_line_over_90_12m line_utilisation_max_share_12m line_utilisation_mean_share_12m "
                              "line_utilisation_slope_12m_ratio balance_variation_12m_ratio new_money_share_12m "
                              "exposure_growth_6m_ratio group_exposure_growth_6m_ratio drawdown_seasonality_24m_ratio "
                              "due_share_12m"),
    "due-soon": Fact(lambda _: {"repayments": [instalment_of(2) | {"due_on": "2025-03-31"}]}, "due_share_3m"),
    "another-purpose": Fact(lambda _: another_loan("2024-06-30", purpose="stock"), "new_purpose_share_12m purpose_top_share"),
    "of-a-group": Fact(lambda _: {"customers": [{"group_id": "group"}]}, "group_exposure_committed group_days_past_due_max "
                       "group_future_income_discounted group_exposure_share n_group_active_loans"),
    "of-the-same-group": Fact(lambda _: {"customers": [{"group_id": "group"}],
                                         "repayments": [instalment_of(1) | {"due_on": "2024-06-30"}]}, "days_past_due"),
    "rated-in-full": Fact(lambda _: rated(LATELY), "raroc_rate"),
    "repaid-elsewhere": Fact(lambda _: {"external_debt": [
        {"lender": "other", "reported_on": day, "balance": owed} for day, owed in (("2024-06-30", "50"), (LATELY, "0"))]}, ""),
    "at-the-edge-of-a-year": Fact(lambda _: prepaid(shift(AS_OF, -365)), "days_since_payment exposure_drawn"),
    "just-within-a-year": Fact(lambda _: prepaid(shift(AS_OF, -364)), "prepaid_12m_ratio"),
    "due-at-the-edge-of-a-year": Fact(lambda _: {"repayments": [late(11, shift(AS_OF, -365), LATELY)]}, "record_months"),
}
#: What has happened to every customer.
ALWAYS: Rows = {
    "customers": [{"ownership": "state", "founded_on": LONG_AGO}],
    "loans": [{"product": "revolver", "currency": "USD", "signed_on": LONG_AGO, "matures_on": "2030-01-01", "purpose": "plant",
               "committed_amount": "1000", "annual_rate": "0.045", "funding_rate": "0.02", "security": "none"}],
    "drawdowns": [{"drawdown": 1, "drawn_on": LONG_AGO, "amount": "500"}],
    "repayments": [instalment_of(1), instalment_of(2)],
}


def world(day: str | None, facts: dict[str, Fact] = FACTS) -> Rows:
    """A book in which every fact falls on the day, and a bystander to whom none happens; without a day none has come."""
    book: dict[str, dict[tuple, dict]] = {name: {} for name in CONTRACTS}
    for name in ("bystander", *facts):
        fact = facts.get(name, Fact(lambda _: {}, "", {"repayments": [late(3, LATELY, LATELY)]}))
        for rows in (ALWAYS, fact.before, fact.rows(day) if day else {}):
            for table, of_table in rows.items():
                for row in of_table:
                    row = _owned(name, table, dict(row))
                    key = tuple(str(row[column]) for column in CONTRACTS[table].key)
                    book[table][key] = book[table].get(key, {}) | row
    return {name: list(rows.values()) for name, rows in book.items()}


def _owned(name: str, table: str, row: dict) -> dict:
    """The row with the ids of its customer and loan."""
    suffix = row.pop("suffix", "")
    if table == "loans" and suffix:
        row = ALWAYS["loans"][0] | row
    if table == "links":
        ids = {"self": name, "partner": f"{name} partner"}
        return row | {end: ids[row[end]] for end in ("from_id", "to_id")}
    if table == "loans":
        return row | {"loan_id": name + suffix, "customer_id": name}
    if table in OF_LOAN:
        return row | {"loan_id": name + suffix}
    return row | {"customer_id": name}
