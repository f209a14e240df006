"""Changes to facts that can still be made: what rows each of them adds, what it costs, and that the past stays as it is."""

from __future__ import annotations

import pandas as pd
import pytest

from features.days import as_day
from features.record import delivered, loans_of, record_of
from features.sources import open_tables
from pipeline.edits import (
    ADD_COLLATERAL,
    ALL,
    EXTEND_TENOR,
    PAY_ARREARS,
    PAY_ON_TIME,
    SET_LIMIT,
    Cost,
    Edit,
    Edited,
    Facts,
    NotChangeable,
    made,
    why_not,
)

DAY = "2024-06-30"
CUSTOMERS = "customer_id,name\nA,the borrower\nB,another\n"
LOANS = """loan_id,customer_id,product,currency,signed_on,matures_on,committed_amount,annual_rate
T,A,term,CNY,2023-01-15,2024-12-15,1200.00,0.06
R,A,revolver,CNY,2023-01-15,2026-01-15,1000.00,0.05
O,B,term,CNY,2023-01-15,2024-12-15,100.00,0.05
"""
REPAYMENTS = """loan_id,instalment,payment,due_on,principal_due,interest_due,paid_on,amount_paid
T,1,1,2024-03-15,300.00,18.00,2024-03-15,318.00
T,2,1,2024-04-15,300.00,13.50,2024-05-02,100.00
T,3,1,2024-06-15,300.00,9.00,,
T,4,1,2024-09-15,150.00,4.50,2024-09-15,154.50
T,5,1,2024-12-15,150.00,1.50,2024-12-20,151.50
O,1,1,2024-12-15,100.00,,,
"""
DRAWDOWNS = "loan_id,drawdown,drawn_on,amount\nT,1,2023-01-15,1200.00\nR,1,2023-02-15,400.00\nO,1,2023-01-15,100.00\n"
LIMITS = "loan_id,changed_on,committed_amount,cause\nR,2024-01-15,800.00,bank\n"
COLLATERAL = "loan_id,collateral_id,valued_on,value\nT,c,2023-01-15,500.00\n"


def opened(folder, **tables: str):
    delivered_tables = {"customers": CUSTOMERS, "loans": LOANS, "repayments": REPAYMENTS, "drawdowns": DRAWDOWNS,
                        "limits": LIMITS, "collateral": COLLATERAL} | tables
    for name, text in delivered_tables.items():
        if text:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return open_tables(folder)


def facts(folder, who: str = "A", day: str = DAY, loan: str | None = None, **tables: str) -> Facts:
    book = opened(folder, **tables)
    record, loans = record_of([who], day, book), loans_of(who, day, book)
    book.close()
    return Facts(record, loans[loans["is_active"] == 1].reset_index(drop=True), day, loan)


@pytest.fixture(scope="module")
def of_a(tmp_path_factory) -> Facts:
    return facts(tmp_path_factory.mktemp("book"))


def added(edited: Edited, before: Facts, table: str) -> list[dict]:
    """The rows that a change added or changed, with days and amounts as people write them."""
    rows, known = delivered(edited.facts.rows)[table].to_pylist(), delivered(before.rows)[table].to_pylist()
    return [{key: value for key, value in row.items() if value is not None} for row in rows if row not in known]


def brief(rows: list[dict], *columns: str) -> list[str]:
    return [" ".join(str(row.get(name, "-")) for name in columns) for row in rows]


def test_what_is_overdue_and_what_is_to_come_is_as_the_day_knew_it(of_a):
    overdue, to_come = of_a.overdue(), of_a.to_come(as_day("2030-01-01"))
    assert [(row.instalment, row.unpaid) for row in overdue.itertuples()] == [(2, 21350), (3, 30900)]
    assert [(row.instalment, row.unpaid) for row in to_come.itertuples()] == [(4, 15450), (5, 15150)]


@pytest.mark.parametrize(("amount", "rows"), [
    (ALL, ["2 2 2024-06-30 213.50", "3 1 2024-06-30 309.00"]), (52250, ["2 2 2024-06-30 213.50", "3 1 2024-06-30 309.00"]),
    (21350, ["2 2 2024-06-30 213.50"]), (30000, ["2 2 2024-06-30 213.50", "3 1 2024-06-30 86.50"]),
    (1, ["2 2 2024-06-30 0.01"])])
def test_arrears_are_paid_on_the_day_the_oldest_first(of_a, amount, rows):
    edited = made([Edit(PAY_ARREARS, amount)], of_a)
    assert sorted(brief(added(edited, of_a, "repayments"), "instalment", "payment", "paid_on", "amount_paid")) == rows
    assert edited.cost == Cost(cash=52250 if amount == ALL else amount) and edited.judged_on == DAY


def test_more_than_what_is_overdue_cannot_be_paid(of_a):
    with pytest.raises(NotChangeable, match="only 522.50 is overdue"):
        made([Edit(PAY_ARREARS, 52251)], of_a)


def test_collateral_is_spread_over_the_loans_by_balance(of_a):
    # 1,200 drawn less 300 + 86.50 of principal (the 100 paid cover 13.50 of interest first), and 400 of the line
    assert dict(zip(of_a.loans["loan_id"], of_a.loans["balance"])) == {"T": 81350, "R": 40000}
    edited = made([Edit(ADD_COLLATERAL, 121350)], of_a)
    assert sorted(brief(added(edited, of_a, "collateral"), "loan_id", "value", "valued_on")) == [
        "R 400.00 2024-06-30", "T 813.50 2024-06-30"]
    assert edited.cost == Cost(security=121350)


@pytest.mark.parametrize(("amount", "limit", "moved"), [
    (100000, "1000.00", 20000), (60000, "600.00", 20000), (40000, "400.00", 40000)])
def test_a_line_is_given_another_limit_by_the_bank_on_the_day(of_a, amount, limit, moved):
    edited = made([Edit(SET_LIMIT, amount)], of_a)
    assert brief(added(edited, of_a, "limits"), "loan_id", "changed_on", "committed_amount", "cause") == [
        f"R 2024-06-30 {limit} bank"]
    assert edited.cost == Cost(limit=moved)


def test_a_limit_below_what_is_drawn_is_refused(of_a):
    with pytest.raises(NotChangeable, match="400.00 of the lines is drawn"):
        made([Edit(SET_LIMIT, 39999)], of_a)


def test_what_falls_due_is_paid_on_its_day_and_judged_at_the_end(of_a):
    edited = made([Edit(PAY_ON_TIME, 3)], of_a)
    paid = brief(added(edited, of_a, "repayments"), "instalment", "payment", "paid_on", "amount_paid")
    assert paid == ["4 1 2024-09-15 154.50"]
    assert (edited.judged_on, edited.cost) == ("2024-09-30", Cost(instalments=15450, months=3))
    edited = made([Edit(PAY_ON_TIME, 6)], of_a)
    assert len(added(edited, of_a, "repayments")) == 2 and edited.cost == Cost(instalments=30600, months=6)


def test_a_longer_tenor_withdraws_the_old_schedule_and_keeps_it_in_the_record(of_a):
    edited = made([Edit(EXTEND_TENOR, 6)], of_a)
    rows = added(edited, of_a, "repayments")
    old, new = [row for row in rows if row["instalment"] <= 5], [row for row in rows if row["instalment"] > 5]
    assert sorted(brief(old, "instalment", "due_on", "principal_due", "superseded_on", "superseded_by")) == [
        "4 2024-09-15 150.00 2024-06-30 forbearance", "5 2024-12-15 150.00 2024-06-30 forbearance"]  # it is in arrears
    assert brief(new, "instalment", "due_on", "principal_due", "scheduled_on") == [
        "6 2024-09-15 75.00 2024-06-30", "7 2024-12-15 75.00 2024-06-30", "8 2025-03-16 75.00 2024-06-30",
        "9 2025-06-15 75.00 2024-06-30"]
    # 6 % a year on 300 for the 92 days since the last due date, on 225 for 91, on 150 for 91, on 75 for 91
    assert [str(row["interest_due"]) for row in new] == ["4.54", "3.37", "2.24", "1.12"]
    assert edited.cost == Cost(postponed=30000, by_months=6)


def test_a_bullet_is_moved_whole_and_interest_that_was_not_known_is_not_invented(tmp_path):
    of_b = facts(tmp_path, "B")
    rows = added(made([Edit(EXTEND_TENOR, 12)], of_b), of_b, "repayments")
    assert brief(rows, "instalment", "due_on", "principal_due", "interest_due", "superseded_by") == [
        "1 2024-12-15 100.00 - revision", "2 2024-12-15 0.00 - -", "3 2025-12-15 100.00 - -"]


HEAD = "loan_id,instalment,payment,due_on,principal_due,interest_due,paid_on,amount_paid\n"


@pytest.mark.parametrize(("rows", "schedule"), [
    # a balloon keeps its shape: every part six months later, interest on the old days
    ("T,1,1,2024-09-30,100.00,6.00,,\nT,2,1,2024-12-31,1000.00,5.00,,\n",
     ["2024-09-30 0.00", "2024-12-31 0.00", "2025-03-31 100.00", "2025-06-30 1000.00"]),
    # so do months of grace
    ("T,1,1,2024-09-30,0.00,6.00,,\nT,2,1,2024-12-31,500.00,5.00,,\nT,3,1,2025-03-31,500.00,5.00,,\n",
     ["2024-09-30 0.00", "2024-12-31 0.00", "2025-03-31 0.00", "2025-06-30 500.00", "2025-09-30 500.00"]),
    # two rows of one day are one rhythm
    ("T,1,1,2024-12-31,500.00,0.00,,\nT,2,1,2024-12-31,0.00,5.00,,\n", ["2024-12-31 0.00", "2025-06-30 500.00"]),
    # what is due on the date itself, or paid in part, stays as it is
    ("T,1,1,2024-06-30,500.00,0.00,,\nT,2,1,2024-09-30,500.00,5.00,2024-06-01,100.00\nT,3,1,2024-12-31,200.00,5.00,,\n",
     ["2024-12-31 0.00", "2025-06-30 200.00"])])
def test_a_schedule_that_is_not_level_keeps_its_shape_six_months_later(tmp_path, rows, schedule):
    of = facts(tmp_path, repayments=HEAD + rows)
    new = [row for row in added(made([Edit(EXTEND_TENOR, 6)], of), of, "repayments") if "superseded_on" not in row]
    assert brief(new, "due_on", "principal_due") == schedule
    assert sum(row["principal_due"] for row in new) == sum(each["principal_due"].sum() for each in of.schedules.values()) / 100


@pytest.mark.parametrize("rows", ["T,1,1,2024-06-30,500.00,0.00,,\n", "T,1,1,2024-09-30,500.00,5.00,2024-06-01,100.00\n"])
def test_a_schedule_of_which_nothing_is_left_to_extend_says_so(tmp_path, rows):
    with pytest.raises(NotChangeable, match="no instalment of principal"):
        made([Edit(EXTEND_TENOR, 6)], facts(tmp_path, repayments=HEAD + rows))


def test_changes_are_bound_to_a_loan_but_what_falls_due_is_paid_on_all(tmp_path):
    rows = REPAYMENTS + "R,1,1,2024-08-15,0.00,5.00,,\nR,2,1,2024-05-15,0.00,4.00,,\n"
    of = facts(tmp_path, loan="R", repayments=rows)
    edited = made([Edit(PAY_ARREARS, ALL), Edit(ADD_COLLATERAL, 5000), Edit(PAY_ON_TIME, 3)], of)
    assert edited.cost == Cost(cash=400, security=5000, instalments=500 + 15450, months=3)
    assert [row["loan_id"] for row in added(edited, of, "collateral")] == ["R"]
    assert why_not(EXTEND_TENOR, of) == "no instalment of principal is still to fall due"


@pytest.mark.parametrize(("months", "says"), [(2, "no instalment falls due in that time"), (3, "")])
def test_months_in_which_nothing_falls_due_are_no_change(of_a, months, says):
    assert why_not(PAY_ON_TIME, of_a, months) == says


def test_several_changes_are_made_one_after_the_other(of_a):
    edited = made([Edit(PAY_ON_TIME, 12), Edit(EXTEND_TENOR, 6), Edit(PAY_ARREARS, ALL)], of_a)
    assert [each.kind for each in edited.edits] == [PAY_ARREARS, EXTEND_TENOR, PAY_ON_TIME]
    rows = added(edited, of_a, "repayments")
    # nothing is overdue any more
    assert {row.get("superseded_by") for row in rows if row["instalment"] in (4, 5)} == {"revision"}
    assert [row["instalment"] for row in rows if "paid_on" in row and str(row["paid_on"]) > DAY] == [6, 7, 8, 9]
    assert edited.facts.overdue().empty and edited.judged_on == "2025-06-30"
    assert edited.cost == Cost(cash=52250, postponed=30000, by_months=6, instalments=30000 + 454 + 337 + 224 + 112, months=12)


@pytest.mark.parametrize("edits", [[Edit(PAY_ARREARS, ALL)], [Edit(ADD_COLLATERAL, 5)], [Edit(SET_LIMIT, 90000)],
                                   [Edit(EXTEND_TENOR, 9)], [Edit(PAY_ON_TIME, 24)],
                                   [Edit(PAY_ARREARS, 100), Edit(EXTEND_TENOR, 9), Edit(PAY_ON_TIME, 24)]])
def test_what_has_happened_stays_and_every_row_keeps_its_contract(of_a, edits):
    edited = made(edits, of_a)
    for table, known in of_a.rows.items():
        happened = known[known["paid_on"].notna()] if table == "repayments" else known
        now = pd.DataFrame(delivered(edited.facts.rows)[table].to_pylist())
        for row in delivered({table: happened})[table].to_pylist():
            assert row in now.to_dict("records") or row in delivered(edited.facts.rows)[table].to_pylist()
    again = open_tables(delivered(edited.facts.rows), reject_share_limit=0.0)
    assert not again.breaches
    again.close()


@pytest.mark.parametrize(("who", "kind", "tables", "says"), [
    ("B", PAY_ARREARS, {}, "nothing is overdue"), ("B", SET_LIMIT, {}, "no credit line can be given another limit"),
    ("A", ADD_COLLATERAL, {"collateral": ""}, "no table of collateral"), ("A", SET_LIMIT, {"limits": ""}, "no table of limits"),
    ("A", SET_LIMIT, {"limits": LIMITS + f"R,{DAY},900.00,customer\n"}, "no credit line can be given another limit"),
    ("A", EXTEND_TENOR, {"repayments": "\n".join(REPAYMENTS.splitlines()[:4]) + "\n"}, "no instalment of principal"),
    ("A", PAY_ON_TIME, {"repayments": "\n".join(REPAYMENTS.splitlines()[:4]) + "\n"}, "no instalment falls due in that time")])
def test_a_change_that_cannot_be_made_says_why(tmp_path, who, kind, tables, says):
    of = facts(tmp_path, who, **tables)
    assert says in why_not(kind, of)
    with pytest.raises(NotChangeable, match=says):
        made([Edit(kind, 1)], of)
