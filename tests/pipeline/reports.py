"""What the tests of the report share: a book with names, a large scored folder, hostile names, and the data of a page."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from desk import TYPES, revision_of, sealed, tiny_book, write_book
from playwright.sync_api import Page, expect

from models.types import load_types
from pipeline.report import Report

DAY, BEFORE = "2024-12-31", "2023-12-31"


def named_book(folder: Path) -> Path:
    """The tiny book whose customers have names, but every seventh."""
    tables = tiny_book()
    customers = tables["customers"]
    names = [f"{'Calm' if i % 2 else '清河'} {who}" if i % 7 else "" for i, who in enumerate(customers["customer_id"])]
    return write_book(tables | {"customers": customers.assign(name=names)}, folder)


def data_of(page: bytes) -> dict:
    """What is packed into a page."""
    (packed,) = re.findall(rb'<script type="text/plain" id="data">([^<]*)</script>', page)
    return json.loads(zlib.decompress(base64.b64decode(packed, validate=True)))


def said(data: dict, row: int, other: int, language: str) -> list[list[tuple]]:
    """What the page says of a customer against another type, for and against: (push, part, words, percentile), the rest last."""
    cases, own = data["cases"], data["customers"]["type"][row]
    pair = [place for place in range(5) if place != own].index(other)
    first_fact = sum(cases["n_facts"][:row])
    sides = []
    for at in (8 * row + 2 * pair, 8 * row + 2 * pair + 1):
        begin, rows = sum(cases["shown"][:at]), []
        for k in range(begin, begin + cases["shown"][at]):
            fact = first_fact + cases["fact"][k]
            template, numbers = cases["template"][fact], cases["numbers"][fact].split(" ")
            words = "".join(numbers[each] if isinstance(each, int) else each for each in cases["templates"][template][language])
            part = data["part_names"][language][cases["template_part"][template]]
            rows.append((cases["push"][k] / 100, part, words, cases["percentile"][fact]))
        sides.append([*rows, (cases["rest"][at] / 100, cases["n_rest"][at])])
    return sides


def rewritten(folder: Path, day: str, change) -> None:
    """Write the stored files of a date anew: ``change`` is given assignments, values and contributions (n, 5, n_features + 1)
    and the names of the features, and returns the same."""
    place = revision_of(folder, day)
    rows, table = pd.read_parquet(place / "assignments.parquet"), pq.read_table(place / "explanations.parquet")
    features = table.schema.metadata[b"features"].decode().split(",")
    values = np.array(table.column("values").to_pylist(), float)
    contributions = np.stack([np.array(table.column(kind).to_pylist(), np.float32) for kind in TYPES], axis=1)
    rows, values, contributions, features = change(rows, values, contributions, features)
    rows.to_parquet(place / "assignments.parquet", index=False)
    columns = [pa.array(rows["customer_id"], pa.string()), pa.array(rows["as_of"], pa.string())]
    for block in (values, *(contributions[:, k].astype(np.float32) for k in range(5))):
        columns.append(pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(block).ravel()), block.shape[1]))
    about = table.schema.metadata | {b"features": ",".join(features).encode()}
    schema = pa.schema([pa.field(name, each.type) for name, each in zip(table.column_names, columns)], about)
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), place / "explanations.parquet")
    sealed(place)


def many(source: Path, folder: Path, day: str, n: int) -> Path:
    """A scored date of ``n`` customers: stored rows over and over, every value and every contribution moved by chance."""
    shutil.copytree(source / f"as_of={day}", folder / f"as_of={day}")
    rng = np.random.default_rng(0)

    def repeat(rows, values, contributions, features):
        taken = rng.integers(0, len(rows), n)
        p = rows[[f"p_{kind}" for kind in TYPES]].to_numpy()[taken] ** 0.2 * np.exp(rng.standard_normal((n, 5)))
        p /= p.sum(axis=1, keepdims=True)
        ranked = np.argsort(-p, axis=1)
        best, second = np.sort(p, axis=1)[:, -1], np.sort(p, axis=1)[:, -2]
        possible = [",".join(kind for kind, each in zip(TYPES, row) if each > 0.25) for row in p]
        columns = {f"p_{kind}": p[:, k] for k, kind in enumerate(TYPES)}
        for name, place in (("type", 0), ("runner_up", 1)):
            columns[name] = np.array(TYPES, dtype=object)[ranked[:, place]]
            columns[f"{name}_zh"] = np.array([kind.name_zh for kind in load_types()], dtype=object)[ranked[:, place]]
        for name in ("strategy_en", "strategy_zh"):
            columns[name] = np.array([getattr(kind, name) for kind in load_types()], dtype=object)[ranked[:, 0]]
        columns |= {"customer_id": [f"C{i:08d}" for i in range(n)], "gap_log_odds": np.log(best / second),
                    "possible_types": possible, "is_referred": [each.count(",") != 0 or not each for each in possible]}
        moved = values[taken] * np.exp(0.3 * rng.standard_normal((n, values.shape[1])))
        noise = 0.1 * rng.standard_normal((n, 5, contributions.shape[2]))
        return rows.iloc[taken].assign(**columns), moved, contributions[taken] + noise, features

    rewritten(folder, day, repeat)
    return folder


def named(found: Report, names: Sequence[str | None]) -> Report:
    """The report with other names of the customers."""
    return dataclasses.replace(found, rows=found.rows.assign(name=pd.Series(names, found.rows.index, dtype=object)))


FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "＝1+1", "＋1", "－1", "＠A1", "\t=1", "\r=1", " =1", "\u200b=1",
    "\ufeff=1", '"=1', "a;=1+1", "a,=1", 'a"=1', "\u202e=1")
MARKUP = (
    "<script>window.pwned=1</script>", "</script><script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>", '" onmouseover="window.pwned=1', "' onclick='window.pwned=1", "<!--", "-->", "]]>",
    "<style>*{display:none}</style>", "<table><tr><td>", "</td></tr></table>", "</dialog>", "<base href=//x.example>",
    "javascript:window.pwned=1", "<a href=javascript:window.pwned=1>x</a>", "&lt;b&gt;", "&#60;b&#62;", "<b>", "<plaintext>",
    "{{ 7 * 7 }}", "{% raw %}", "${window.pwned=1}", "`${window.pwned=1}`", "{who}", "{n} of {all}", "$&$1$$", "%s%d%n",
    "\\u003cscript\\u003e", "\\", "'", '"', "`", "__proto__", "constructor", "toString", "null", "undefined", "NaN", "0",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>", "<meta http-equiv=refresh content=0>",
    "<input autofocus onfocus=window.pwned=1>")
ODD = (
    "x\n=1", "\u202eesrever", "\u2066\u2067\u2068", "a\u0000b", "\u0007bell", "\x1b[31mred", "\x7f", "\x85", "\u2028\u2029",
    "\ufffe\uffff", "\ud800", "👩‍👩‍👧‍👦🏦", "a" * 5_000, "长" * 3_000, "e" + "\u0301" * 200, "مرحبا", "\u200b", "Ⅷ", "ﬁ", "İ",
    "ß", "x\ny\tz", "𝕏")


def hostile_names(n: int = 200) -> list[str]:
    """Names that break pages, tables and terminals, alone and joined."""
    single = [*FORMULAS, *MARKUP, *ODD]
    joined = [f"{a}{b}" for a, b in zip(single[::-1], single)] + [f"Company {name} Ltd" for name in single]
    return (single + joined)[:n]


# The browser tells the page of a changed address or a closed dialog a moment after it happened: these wait for it.
PATIENCE = 20_000


def is_case_of(tab: Page, customer: str) -> None:
    expect(tab.locator("dialog[open] #case-title")).to_have_text(re.compile(f"^{re.escape(customer)}"), timeout=PATIENCE)
    expect(tab).to_have_url(re.compile(f"#{re.escape(customer)}$"), timeout=PATIENCE)


def is_closed(tab: Page) -> None:
    expect(tab.locator("dialog[open]")).to_have_count(0, timeout=PATIENCE)
    expect(tab).to_have_url(re.compile("^[^#]*$"), timeout=PATIENCE)


def is_focused(tab: Page, place: str) -> None:
    expect(tab.locator(place)).to_be_focused(timeout=PATIENCE)
