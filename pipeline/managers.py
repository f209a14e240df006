"""Who looks after which customer: a file that the bank gives."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from features.errors import PentadError


class BrokenManagers(PentadError):
    """The file of relationship managers cannot be read as one manager per customer."""

    exit_code = 74


def read_managers(file: Path) -> pd.Series:
    """The relationship manager of each customer, from a CSV file with the columns customer_id and manager.

    Raises
    ------
    BrokenManagers
        It cannot be read, lacks a column, or a row lacks a value or names a customer again.
    """
    todo = "Write UTF-8 CSV with the columns customer_id and manager, one row per customer."
    found: dict[str, str] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
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
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BrokenManagers(f"not readable ({error})", str(file), todo) from None
    return pd.Series(found, dtype=object)
