"""The list of a report as a CSV or Excel file in which no text becomes a formula."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from typing import BinaryIO

import pandas as pd

from models.types import ORDER
from pipeline.report import Report

COLUMNS = ("customer_id", "name", "as_of", "type", "type_zh", *(f"p_{kind}" for kind in ORDER), "runner_up", "runner_up_zh",
           "gap_log_odds", "possible_types", "is_referred", "before", "exposure", "reasons_en", "reasons_zh", "strategy_en",
           "strategy_zh", "model_version")
BLANKS = re.compile(r"[\t\n\x0b\x0c\r\x85\u2028\u2029]")
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
FORMULA = re.compile(r"(?:^|(?<=[;,|\"]))(?=[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@＝＋－＠﹦﹢﹣﹫])")
"""Where a formula could begin: at the start, or after a mark that another locale takes for the end of a cell."""

MOST_CHARACTERS = 32_767
"""That an Excel cell holds."""

SAVED = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def listed(found: Report) -> pd.DataFrame:
    """The list, one row per customer in the order of the assignments."""
    return found.rows[list(COLUMNS)].astype({"is_referred": int})


def harmless(text: str) -> str:
    """Text on one line without characters that no spreadsheet holds: blanks and U+FFFD stand in their place."""
    return UNPRINTABLE.sub("\ufffd", BLANKS.sub(" ", text))


def neutral(text: str) -> str:
    """Harmless text with an apostrophe before each place at which a spreadsheet could read a formula in a CSV file."""
    return FORMULA.sub("'", harmless(text))


def write_csv(table: pd.DataFrame, file: BinaryIO) -> None:
    """UTF-8 with the mark that Excel needs; every text is quoted and neutral, numbers are numbers, what is missing is empty."""
    out = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow([neutral(cell) if isinstance(cell, str) else "" if _is_missing(cell) else cell for cell in row])
    out.flush()
    out.detach()


def write_xlsx(table: pd.DataFrame, file: BinaryIO) -> None:
    """A workbook of one sheet; texts are stored as texts, and stay so when edited. The same table gives the same bytes."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("pentad")
    sheet.freeze_panes = "C2"

    def cell(value: object) -> object:
        if not isinstance(value, str):
            return None if _is_missing(value) else value
        held = WriteOnlyCell(sheet, harmless(value)[:MOST_CHARACTERS])
        held.data_type, held.quotePrefix = "s", True
        return held

    sheet.append(list(table.columns))
    for row in table.itertuples(index=False):
        sheet.append([cell(value) for value in row])
    made = io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as parts, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name in parts.namelist():  # without the moment of saving
            content = parts.read(name)
            content = SAVED.sub(b"1980-01-01T00:00:00Z", content) if name == "docProps/core.xml" else content
            out.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


WRITERS = {".csv": write_csv, ".xlsx": write_xlsx}
"""By the suffix of a file: what writes a table to it."""


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
