"""A Spark session with two executors of their own, and books brought to it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.contracts import CONTRACTS

NO_JAVA = "no java on the PATH: apt-get install default-jre-headless"
NO_SPARK = "no pyspark in this environment: pip install --require-hashes --no-deps -r requirements-spark.txt"
ARROW = {"text": pa.string(), "date": pa.date32(), "money": pa.decimal128(18, 2), "number": pa.float64(),
         "integer": pa.int32(), "flag": pa.bool_()}
#: A frame of a hundred features is a large plan over few rows here: compiling it costs more than running it does.
FOR_SMALL_BOOKS = {
    "spark.sql.shuffle.partitions": "2", "spark.sql.adaptive.enabled": "false", "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1", "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}


def missing() -> str | None:
    """Why there can be no session here, if so."""
    return NO_JAVA if not shutil.which("java") else NO_SPARK if not find_spec("pyspark") else None


@contextmanager
def started(folder: Path, memory_mb: int = 1024, **more: str) -> Iterator:
    """A session on two separate executors; what it writes goes below the folder."""
    os.environ |= {"SPARK_SCALA_VERSION": "2.13", "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
                   "SPARK_LOCAL_DIRS": str(folder / "local")}
    import pyspark
    from pyspark.sql import SparkSession

    settings = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.bindAddress": "127.0.0.1",
                "spark.driver.host": "127.0.0.1", "spark.sql.session.timeZone": "UTC", "spark.sql.warehouse.dir": str(folder)}
    maker = SparkSession.builder.master(f"local-cluster[2,1,{memory_mb}]").appName("pentad")
    for name, value in (settings | FOR_SMALL_BOOKS | more).items():
        maker = maker.config(name, value)
    session = maker.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        logs = Path(pyspark.__file__).parent / "work" / session.sparkContext.applicationId
        session.stop()
        shutil.rmtree(logs, ignore_errors=True)  # a local cluster writes beside Spark, wherever it is told to write


def as_text(rows: dict[str, list[dict[str, str]]]) -> dict[str, pa.Table]:
    """Rows of a book as Arrow tables of text, with the columns that any row has."""
    tables = {}
    for name, body in rows.items():
        header = [c.name for c in CONTRACTS[name].columns if not c.may_be_absent or any(c.name in row for row in body)]
        tables[name] = pa.table({c: pa.array([row.get(c, "") for row in body], pa.string()) for c in header})
    return tables


def as_typed(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Text tables with dates, decimals and numbers of Arrow's own, empty text missing."""
    typed = {}
    for name, table in tables.items():
        columns = {}
        for column in table.column_names:
            found = table[column]
            text = pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)
            columns[column] = text.cast(ARROW[CONTRACTS[name].column(column).kind])
        typed[name] = pa.table(columns)
    return typed


def in_spark(session, tables: dict[str, pa.Table]) -> dict:
    """Arrow tables as Spark data frames."""
    return {name: session.createDataFrame(table) for name, table in tables.items()}
