"""A generated loan book of any size as Parquet, made by DuckDB: plausible schedules, lateness and part payments.

Repayments come by the day they are due, as a bank's ledger has them, not loan by loan.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

LOANS_PER_CUSTOMER = 2
INSTALMENTS = 35  # a month each: 70 repayment rows a customer, as in the measurements of the design


def write_book(folder: Path, n_customers: int) -> None:
    """Write customers, loans, repayments and drawdowns; every value is a hash of its row number, so the same each time."""
    folder.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false")
    n_loans = n_customers * LOANS_PER_CUSTOMER
    draw = "(hash({0} * 31 + {1}) % 1000000) / 1000000.0"
    loan_day = "DATE '2021-01-01' + CAST(" + draw.format("n", 1) + " * 900 AS INTEGER)"
    amount = "CAST(10000 + " + draw.format("n", 2) + " * 4000000 AS DECIMAL(18, 2))"
    tables = {
        "customers": f"""
            SELECT 'C' || lpad(n::VARCHAR, 8, '0') AS customer_id,
                CASE WHEN {draw.format('n', 3)} < 0.1 THEN 'G' || (n // 20)::VARCHAR END AS group_id,
                CASE WHEN {draw.format('n', 4)} < 0.15 THEN 'state' ELSE 'private' END AS ownership,
                DATE '1995-01-01' + CAST({draw.format('n', 5)} * 9000 AS INTEGER) AS founded_on
            FROM range({n_customers}) t(n)""",
        "loans": f"""
            SELECT 'L' || lpad(n::VARCHAR, 9, '0') AS loan_id,
                'C' || lpad((n // {LOANS_PER_CUSTOMER})::VARCHAR, 8, '0') AS customer_id,
                CASE WHEN {draw.format('n', 6)} < 0.7 THEN 'term' WHEN {draw.format('n', 6)} < 0.9 THEN 'revolver'
                    ELSE 'project' END AS product,
                CASE WHEN {draw.format('n', 7)} < 0.5 THEN 'equipment' ELSE 'working_capital' END AS purpose,
                'CNY' AS currency, {loan_day} AS signed_on, {loan_day} + 60 * 30 AS matures_on,
                {amount} AS committed_amount, 0.03 + 0.05 * {draw.format('n', 8)} AS annual_rate,
                CASE WHEN {draw.format('n', 9)} < 0.4 THEN 'none' ELSE 'collateral' END AS security
            FROM range({n_loans}) t(n)""",
        "drawdowns": f"""
            SELECT 'L' || lpad(n::VARCHAR, 9, '0') AS loan_id, k + 1 AS drawdown, {loan_day} + k * 45 AS drawn_on,
                CAST({amount} / 2 AS DECIMAL(18, 2)) AS amount
            FROM range({n_loans}) t(n), (SELECT CAST(range AS INTEGER) AS k FROM range(2)) s""",
        "repayments": f"""
            WITH due AS (
                SELECT n, k, {loan_day} + (k + 1) * 30 AS due_on, CAST({amount} / 60 AS DECIMAL(18, 2)) AS principal_due,
                    CAST({amount} * 0.004 AS DECIMAL(18, 2)) AS interest_due,
                    CAST(greatest({draw.format('n * 64 + k', 10)} * 60 - 45, 0) AS INTEGER) AS days_late,
                    {draw.format('n * 64 + k', 11)} AS luck
                FROM range({n_loans}) t(n), (SELECT CAST(range AS INTEGER) AS k FROM range({INSTALMENTS})) s),
            parts AS (
                SELECT *, 1 AS payment, CASE WHEN luck < 0.03 THEN 0.5 ELSE 1.0 END AS paid_share FROM due
                UNION ALL SELECT *, 2, 0.5 FROM due WHERE luck < 0.03),
            paid AS (SELECT *, due_on + days_late + (payment - 1) * 9 AS day FROM parts)
            SELECT 'L' || lpad(n::VARCHAR, 9, '0') AS loan_id, CAST(k AS INTEGER) AS instalment,
                CAST(payment AS INTEGER) AS payment, due_on, principal_due, interest_due,
                CASE WHEN is_paid THEN day END AS paid_on,
                CASE WHEN is_paid THEN CAST((principal_due + interest_due) * paid_share AS DECIMAL(18, 2)) END AS amount_paid
            FROM (SELECT *, luck < 0.98 AND day <= DATE '2025-12-31' AS is_paid FROM paid)
            WHERE payment = 1 OR is_paid
            ORDER BY due_on, hash(n)""",
    }
    for name, sql in tables.items():
        con.execute(f"COPY ({sql}) TO '{folder / name}.parquet' (FORMAT parquet)")
    con.close()


if __name__ == "__main__":
    write_book(Path(sys.argv[1]), int(sys.argv[2]))
