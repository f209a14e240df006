"""Airflow 3: score the book of the last month-end on the second of every month. Edit the two places."""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PENTAD, BOOK = "/opt/pentad", "postgresql://bank-db/loans"

with DAG("pentad_score", schedule="10 3 2 * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1,
         default_args={"retries": 3, "retry_delay": timedelta(minutes=10)}):
    BashOperator(
        task_id="score",
        bash_command="cd {{ params.pentad }} && .venv/bin/pentad score --data {{ params.book }} --as-of "
                     "{{ (data_interval_end.replace(day=1) - macros.timedelta(days=1)) | ds }} --log-json",
        params={"pentad": PENTAD, "book": BOOK})
