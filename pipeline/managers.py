"""Who looks after which customer: a file that the bank gives."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from features.errors import PentadError
from features.sources.csv_text import ENCODE


class BrokenManagers(PentadError):
    """The file of relationship managers cannot be read as one manager per customer."""

    exit_code = 74


def read_managers(file: Path) -> pd.Series:
    """The relationship manager of each customer, from a CSV file with the columns customer_id and manager.

    Raises
    ------
    BrokenManagers
        It cannot be read or is not UTF-8, lacks a column, or a row lacks a value or names a customer again.
    """
    todo = "Write UTF-8 CSV with the columns customer_id and manager, one row per customer."
    found: dict[str, str] = {}
    try:
        rows = csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""))
        if absent := [name for name in ("customer_id", "manager") if name not in (rows.fieldnames or ())]:
            raise BrokenManagers(f"no column {absent[0]}", str(file), todo)
        for row in rows:
            who, manager = ((row[name] or "").strip() for name in ("customer_id", "manager"))
            if not who or not manager or None in row:
                lacks = "too many values" if None in row else f"no {'manager' if who else 'customer_id'}"
                raise BrokenManagers(f"line {rows.line_num} has {lacks}", str(file), todo)
            if who in found:
                raise BrokenManagers(f"customer {who} twice, again on line {rows.line_num}", str(file), todo)
            found[who] = manager
    except UnicodeDecodeError as error:
        where = f"byte 0x{error.object[error.start]:02x} on line {error.object[: error.start].count(10) + 1:,}"
        raise BrokenManagers(f"not readable: not UTF-8 text ({where})", str(file), ENCODE) from None
    except (OSError, csv.Error) as error:
        raise BrokenManagers(f"not readable ({error})", str(file), todo) from None
    return pd.Series(found, dtype=object)
