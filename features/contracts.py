"""The tables of a loan book: columns, types, units, keys, and the rules a row must keep."""

from __future__ import annotations

import narwhals as nw

from features.contract import (
    MAYBE,
    Contract,
    Reference,
    Repeats,
    Rule,
    booked,
    date,
    flag,
    integer,
    money,
    not_before,
    number,
    text,
    within,
)
from features.terms import with_terms

TYPES = ("risk", "churn", "strategic", "growth", "stable")
OWNERS = ("state", "foreign", "private")
PRODUCTS = ("term", "revolver", "project", "guarantee")
SECURITIES = ("none", "collateral", "guarantee")

_RECORDED = date("recorded_on", "day the bank learnt of it; empty = the fact's own day", **MAYBE)
_OPENING = flag("is_opening", "no cash of its day, counts for the balance only: a cumulative figure from "
                "before records begin, or a correction", **MAYBE)
_OF_CUSTOMER = Reference("customer_id", "customers", "customer_id")


def _of_loan(*own_days: str) -> Reference:
    return Reference("loan_id", "loans", "loan_id", tuple((day, "signed_on") for day in own_days))


_ALL = (
    Contract(
        "customers", "one row per borrower", ("customer_id",),
        (
            text("customer_id", "the borrower"),
            text("name", "its name, shown and never used", **MAYBE),
            text("country", "country", **MAYBE),
            text("region", "region", **MAYBE),
            text("industry", "industry", **MAYBE),
            text("ownership", "who owns it", one_of=OWNERS, is_open=True, **MAYBE),
            text("group_id", "the group of connected customers it belongs to; read by the features of the group, and kept whole "
                 "when customers are split into trained on and tested on", **MAYBE),
            date("founded_on", "day the firm was founded", **MAYBE),
            date("onboarded_on", "day it became a customer", **MAYBE),
            _RECORDED,
        ),
    ),
    Contract(
        "loans", "one row per loan, credit line or guarantee", ("loan_id",),
        (
            text("loan_id", "the loan"),
            text("customer_id", "its borrower"),
            text("product", "product family", one_of=PRODUCTS),
            text("purpose", "what the money is for", **MAYBE),
            text("currency", "ISO 4217 code; one currency per book"),
            date("signed_on", "day the agreement was signed"),
            date("matures_on", "day the last instalment is due, as agreed at signing; a schedule that stands and runs beyond it "
                 "extends it", may_be_empty=True),
            money("committed_amount", "amount promised at signing"),
            number("annual_rate", "yearly interest rate at signing, 0.045 = 4.5 %", **MAYBE),
            number("funding_rate", "yearly rate at which the bank funds it, 0.02 = 2 %", **MAYBE),
            text("security", "main security", one_of=SECURITIES, is_open=True, **MAYBE),
            text("guarantor_id", "who guarantees it; read by no feature (they take guarantees from links), and kept on "
                 "one side with its borrowers when customers are split", **MAYBE),
            date("closed_on", "day the agreement was closed; unknown before that day. What falls due later went with it; what is "
                 "unpaid then stays owed", **MAYBE),
            booked("closed_recorded_on", "closed_on"),
            _RECORDED,
        ),
        (
            not_before("matures_on", "signed_on"),
            not_before("closed_on", "signed_on"),
            not_before("closed_recorded_on", "closed_on"),
            within("annual_rate", -0.1, 2.0, "-10 % to 200 %"),
            within("funding_rate", -0.1, 2.0, "-10 % to 200 %"),
        ),
        (_OF_CUSTOMER,), amount="committed_amount",
    ),
    Contract(
        "repayments",
        "one row per instalment and payment on it. An instalment is owed until it is paid or its superseded_on has come: a "
        "schedule that no longer holds, or that another replaces, has to be superseded, or its loan closed",
        ("loan_id", "instalment", "payment"),
        (
            text("loan_id", "the loan"),
            integer("instalment", "number of the instalment within the loan"),
            integer("payment", "1 for the first or still missing payment, 2 for the second part ..., which counts from its "
                    "payment on"),
            date("due_on", "day the instalment is due"),
            money("principal_due", "principal due, repeated on every payment of the instalment"),
            money("interest_due", "interest due, repeated likewise; empty = not known, and all that is paid counts as principal; "
                  "an unscheduled repayment has 0 of both", may_be_empty=True),
            date("paid_on", "day of the payment; empty while unpaid", may_be_empty=True),
            money("amount_paid", "amount of the payment, interest first; empty while unpaid", may_be_empty=True),
            date("returned_on", "day the payment was refunded or bounced: it counts no more", **MAYBE),
            booked("returned_recorded_on", "returned_on"),
            date("scheduled_on", "day the instalment entered the schedule; empty = at signing", **MAYBE),
            date("superseded_on", "day the unpaid part was withdrawn from the schedule; empty = it counts as owed", **MAYBE),
            booked("superseded_recorded_on", "superseded_on"),
            text("superseded_by", "why", one_of=("forbearance", "prepayment", "revision"), is_open=True, **MAYBE),
            flag("is_derived", "the schedule is derived, not contractual", **MAYBE),
            _OPENING,
            date("recorded_on", "day the bank learnt of the payment, or of an instalment without one; empty = its own day. Since "
                 "when a paid instalment stood in the schedule is said by scheduled_on alone", **MAYBE),
        ),
        (
            Rule("instalment is negative", lambda: nw.col("instalment") < 0),
            Rule("payment is below 1", lambda: nw.col("payment") < 1),
            Rule("payment is above 1 and not paid", lambda: (nw.col("payment") > 1) & nw.col("paid_on").is_null(), ("paid_on",)),
            Rule("paid_on and amount_paid are not both filled or both empty",
                 lambda: nw.col("paid_on").is_null() != nw.col("amount_paid").is_null(), ("paid_on", "amount_paid")),
            Rule("returned_on is filled without a payment",
                 lambda: nw.col("paid_on").is_null() & ~nw.col("returned_on").is_null(), ("paid_on",)),
            not_before("recorded_on", "paid_on"),
            not_before("returned_on", "paid_on"),
            not_before("returned_recorded_on", "returned_on"),
            not_before("superseded_recorded_on", "superseded_on"),
        ),
        (_of_loan("due_on", "paid_on"),),
        Repeats("payment 1 of the instalment is missing or differs on the due side", ("loan_id", "instalment"), "payment",
                ("due_on", "principal_due", "interest_due", "scheduled_on", "is_opening")),
        terms=with_terms,
    ),
    Contract(
        "drawdowns", "one row per payout of a loan",
        ("loan_id", "drawdown"),
        (
            text("loan_id", "the loan"),
            integer("drawdown", "number of the payout within the loan"),
            date("drawn_on", "day of the payout"),
            money("amount", "amount paid out"),
            _OPENING,
            _RECORDED,
        ),
        (Rule("amount is zero", lambda: nw.col("amount") == 0), not_before("recorded_on", "drawn_on")),
        (_of_loan("drawn_on"),),
        optional=True,
    ),
    Contract(
        "limits", "one row per change of a loan's commitment", ("loan_id", "changed_on"),
        (
            text("loan_id", "the loan"),
            date("changed_on", "day of the change"),
            money("committed_amount", "commitment from that day on"),
            text("cause", "whose decision it was", one_of=("bank", "customer", "schedule"), is_open=True, **MAYBE),
            _RECORDED,
        ),
        (not_before("recorded_on", "changed_on"),),
        (_of_loan("changed_on"),),
        optional=True,
    ),
    Contract(
        "rates", "one row per change of a loan's interest rate", ("loan_id", "changed_on"),
        (
            text("loan_id", "the loan"),
            date("changed_on", "day of the change"),
            number("annual_rate", "yearly interest rate from that day on, 0.045 = 4.5 %"),
            text("cause", "why", one_of=("renegotiation", "index", "schedule"), is_open=True, **MAYBE),
            _RECORDED,
        ),
        (not_before("recorded_on", "changed_on"), within("annual_rate", -0.1, 2.0, "-10 % to 200 %")),
        (_of_loan("changed_on"),),
        optional=True,
    ),
    Contract(
        "collateral", "one row per valuation of a pledged asset; a released one is valued at zero",
        ("loan_id", "collateral_id", "valued_on"),
        (
            text("loan_id", "the loan it secures"),
            text("collateral_id", "the asset"),
            date("valued_on", "day of the valuation"),
            money("value", "market value, as far as it secures this loan: split one that is pledged for several"),
            number("haircut", "share of the value not counted, 0 to 1; empty = 0", **MAYBE),
            text("kind", "kind of asset", **MAYBE),
            _RECORDED,
        ),
        (not_before("recorded_on", "valued_on"), within("haircut", 0.0, 1.0, "0 to 1")),
        (_of_loan(),),
        optional=True,
    ),
    Contract(
        "fees", "one row per fee paid", ("customer_id", "fee"),
        (
            text("customer_id", "who paid it"),
            integer("fee", "number of the fee within the customer"),
            date("charged_on", "day it was paid"),
            money("amount", "amount"),
            text("kind", "what for", **MAYBE),
            _RECORDED,
        ),
        (not_before("recorded_on", "charged_on"),),
        (_OF_CUSTOMER,),
        optional=True,
    ),
    Contract(
        "ratings", "one row per rating decision", ("customer_id", "rated_on"),
        (
            text("customer_id", "the borrower"),
            date("rated_on", "day of the decision"),
            integer("grade", "notch on the bank's master scale, 1 = best"),
            integer("stage", "IFRS 9 stage, 1 to 3", **MAYBE),
            flag("is_watchlisted", "on the watch list", **MAYBE),
            number("pd", "probability of default within a year, 0 to 1", **MAYBE),
            number("lgd", "share of the exposure lost in a default, 0 to 1", **MAYBE),
            money("annual_cost", "what serving the customer costs in a year", **MAYBE),
            _RECORDED,
        ),
        (
            not_before("recorded_on", "rated_on"),
            within("grade", 1, 100, "1 to 100"),
            within("stage", 1, 3, "1 to 3"),
            within("pd", 0.0, 1.0, "0 to 1"),
            within("lgd", 0.0, 1.0, "0 to 1"),
        ),
        (_OF_CUSTOMER,),
        optional=True,
    ),
    Contract(
        "contacts", "one row per contact between customer and bank", ("customer_id", "contact"),
        (
            text("customer_id", "the customer"),
            integer("contact", "number of the contact within the customer"),
            date("contacted_on", "day of the contact"),
            text("kind", "what it was", one_of=("meeting", "call", "service", "complaint", "rate_complaint"), is_open=True),
            _RECORDED,
        ),
        (not_before("recorded_on", "contacted_on"),),
        (_OF_CUSTOMER,),
        optional=True,
    ),
    Contract(
        "links", "one row per guarantee or ownership; either side may be no customer of the bank. Features read who guarantees "
        "whom, ownership is read by none yet; both keep customers together when they are split into trained on and tested on",
        ("from_id", "to_id", "kind", "linked_on"),
        (
            text("from_id", "who guarantees or owns"),
            text("to_id", "who is guaranteed or owned"),
            text("kind", "what binds them", one_of=("guarantee", "ownership")),
            date("linked_on", "first day of the link"),
            date("ended_on", "day it ended; unknown before that day", **MAYBE),
            booked("ended_recorded_on", "ended_on"),
            money("amount", "amount guaranteed", **MAYBE),
            number("share", "share owned, 0 to 1", **MAYBE),
            _RECORDED,
        ),
        (
            Rule("from_id is to_id", lambda: nw.col("from_id") == nw.col("to_id")),
            not_before("recorded_on", "linked_on"),
            not_before("ended_on", "linked_on"),
            not_before("ended_recorded_on", "ended_on"),
            within("share", 0.0, 1.0, "0 to 1"),
        ),
        optional=True,
    ),
    Contract(
        "financials", "one row per financial statement of a year, and per correction of it",
        ("customer_id", "period_ends_on", "published_on"),
        (
            text("customer_id", "the borrower"),
            date("period_ends_on", "last day of the financial year"),
            date("published_on", "day the bank received it"),
            money("sales", "sales of the year", **MAYBE),
            money("ebitda", "earnings before interest, taxes, depreciation and amortisation", may_be_negative=True, **MAYBE),
            money("interest_expense", "interest of the year", **MAYBE),
            money("total_debt", "financial debt to all lenders on that day", **MAYBE),
            _RECORDED,
        ),
        (not_before("published_on", "period_ends_on"), not_before("recorded_on", "published_on")),
        (_OF_CUSTOMER,),
        optional=True,
    ),
    Contract(
        "external_debt", "one row per report of what a customer owes another lender; zero when repaid",
        ("customer_id", "lender", "reported_on"),
        (
            text("customer_id", "the borrower"),
            text("lender", "the other lender"),
            date("reported_on", "day of the report"),
            money("balance", "amount owed to it"),
            _RECORDED,
        ),
        (not_before("recorded_on", "reported_on"),),
        (_OF_CUSTOMER,),
        optional=True,
    ),
    Contract(
        "labels", "one row per analyst's judgement of a borrower as of a date", ("customer_id", "as_of", "analyst"),
        (
            text("customer_id", "the borrower"),
            date("as_of", "the date the judgement is about"),
            text("type", "the type given", one_of=TYPES),
            text("analyst", "who gave it"),
            date("labelled_on", "day it was given"),
        ),
        (not_before("labelled_on", "as_of"),),
        (_OF_CUSTOMER,),
        optional=True,
    ),
)  # fmt: skip
CONTRACTS: dict[str, Contract] = {contract.name: contract for contract in _ALL}
