"""A tiny seeded book of sixty customers whose types show in how they borrow and pay, and how to run on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cli import main
from pipeline.output import sha256
from pipeline.revisions import CURRENT, MANIFEST, commit, place_of, staging
from pipeline.settings import RUN_TOML, load_settings
from pipeline.tracking import promote

TYPES = ("risk", "churn", "strategic", "growth", "stable")
LABEL_DATES = ("2024-06-30", "2024-12-31")


def tiny_book(n_customers: int = 60, seed: int = 0) -> dict[str, pd.DataFrame]:
    """The tables of a book, every value as text: risk pays late, churn is served out, strategic is large, growth young."""
    rng = np.random.default_rng(seed)
    customers, loans, repayments, labels = [], [], [], []
    for i in range(n_customers):
        kind, who = TYPES[i % 5], f"C{i:03d}"
        signed = pd.Timestamp("2024-01-15" if kind == "growth" else "2022-01-15") + pd.Timedelta(days=int(rng.integers(60)))
        amount = int(rng.integers(80, 120)) * (100_000 if kind == "strategic" else 1_000)
        n_instalments = 24 if kind == "churn" else 48
        customers.append({"customer_id": who, "industry": "steel", "group_id": ""})
        loans.append({"loan_id": f"L{i:03d}", "customer_id": who, "product": "term", "currency": "CNY",
                      "signed_on": signed, "matures_on": signed + pd.DateOffset(months=n_instalments),
                      "committed_amount": f"{amount}.00", "annual_rate": "0.05"})
        for k in range(1, n_instalments + 1):
            due = signed + pd.DateOffset(months=k)
            paid = due + pd.Timedelta(days=int(rng.integers(30, 90)) if kind == "risk" else int(rng.integers(-2, 3)))
            is_paid = paid <= pd.Timestamp("2025-06-30")
            repayments.append({"loan_id": f"L{i:03d}", "instalment": str(k), "payment": "1", "due_on": due,
                               "principal_due": f"{amount / n_instalments:.2f}", "interest_due": "10.00",
                               "paid_on": paid if is_paid else "",
                               "amount_paid": f"{amount / n_instalments + 10:.2f}" if is_paid else ""})
        labels += [{"customer_id": who, "as_of": day, "type": kind, "analyst": "a1", "labelled_on": "2025-01-31"}
                   for day in LABEL_DATES]
    tables = {"customers": customers, "loans": loans, "repayments": repayments, "labels": labels}
    return {name: pd.DataFrame(rows).map(_text) for name, rows in tables.items()}


def _text(value) -> str:
    return value.strftime("%Y-%m-%d") if isinstance(value, pd.Timestamp) else value


def write_book(tables: dict[str, pd.DataFrame], folder: Path) -> Path:
    """Write the tables as CSV files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        rows.to_csv(folder / f"{name}.csv", index=False)
    return folder


def write_settings(folder: Path, **changes: str) -> Path:
    """The delivered settings with few trees and folds, everything kept below the folder."""
    text = RUN_TOML.read_text(encoding="utf-8")
    changes = {"n_trees": "10", "n_folds": "3", "uri": f'"sqlite:///{folder}/store/mlflow.db"',
               "artifacts": f'"{folder}/store/artifacts"', "shelf": f'"{folder}/shelf"',
               "overrides": f'"{folder}/overrides.jsonl"', "outcomes": f'"{folder}/outcomes.jsonl"'} | changes
    for key, value in changes.items():
        text, n = re.subn(rf"(?m)^{key} = .*$", lambda _, k=key, v=value: f"{k} = {v}", text)
        assert n == 1, key
    file = folder / "run.toml"
    file.write_text(text, encoding="utf-8")
    return file


def the_line(capsys) -> str:
    """The one line a failed command says."""
    err = capsys.readouterr().err
    assert err.count("\n") == 1, err
    assert err.startswith("pentad: ")
    return err


class Desk:
    """One user's working folder: settings, a store, rejects and assignments of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.settings = folder, write_settings(folder)
        self.rejects, self.out = folder / "rejects", folder / "assignments"

    def run(self, *arguments) -> int:
        """Run ``pentad`` with the desk's settings; returns the exit code."""
        return main(["--settings", str(self.settings), *map(str, arguments)])

    def validate(self, book: Path) -> int:
        return self.run("validate", "--data", book, "--rejects", self.rejects)

    def train(self, book: Path, *more) -> int:
        return self.run("train", "--data", book, "--rejects", self.rejects, *more)

    def score(self, book: Path, *more, as_of: str = "2024-12-31") -> int:
        return self.run("score", "--data", book, "--rejects", self.rejects, "--out", self.out, "--as-of", as_of, *more)

    def crown(self, version: str) -> None:
        """Make a version the champion without asking the gate, for which sixty customers are too few."""
        promote(version, "for the tests", "tests", load_settings(self.settings).tracking)

    def partition(self, as_of: str = "2024-12-31") -> Path:
        return revision_of(self.out, as_of) / "assignments.parquet"


def revision_of(folder: Path, as_of: str, number: int = 1) -> Path:
    """Where a revision of a scored date lies."""
    return place_of(folder, as_of) / f"revision={number}"


def sealed(place: Path) -> None:
    """Let the manifest of a revision, and CURRENT, speak of its files as they are now: a forger who knows the format."""
    manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"] = {file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)}
                         for file in sorted(place.glob("*.parquet"))}
    (place / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    (place.parent / CURRENT).write_text(f"{manifest['revision']} {sha256(place / MANIFEST)}\n", encoding="ascii")


def scored_on(folder: Path, trained: Desk, book: Path, *days: str) -> Desk:
    """A desk of its own with a book scored on some days by the first model of another, whose store it reads."""
    desk = Desk(folder)
    desk.settings = trained.settings
    for day in days:
        assert desk.score(book, "--model", "1", as_of=day) == 0
    return desk


def torn(name: str) -> Callable[[Path], object]:
    """Cut off the end of a file of a revision."""
    return lambda place: (place / name).write_bytes((place / name).read_bytes()[:-100])


def spotted(name: str) -> Callable[[Path], None]:
    """Overwrite the data of a file of a revision, and leave its size, head and foot as they were."""
    def spoil(place: Path) -> None:
        content = bytearray((place / name).read_bytes())
        content[200:-8000] = b"\xaa" * len(content[200:-8000])
        (place / name).write_bytes(content)
    return spoil


def of_another_run(place: Path) -> None:
    """Let the assignments of a revision name another model than what lies beside them."""
    rows = pd.read_parquet(place / "assignments.parquet")
    rows.assign(model_version="7 (12345678)").to_parquet(place / "assignments.parquet", index=False)
    sealed(place)


def ten_scored(out: Path, as_of: str = "2024-12-31") -> Path:
    """A folder in which ten customers, all stable, were scored on a date; without explanations."""
    with staging(out, as_of) as staged:
        pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(10)], "type": "stable", "model_version": "1",
                      "data_fingerprint": "f"}).to_parquet(staged / "assignments.parquet")
        commit(staged, {"as_of": as_of}, "")
    return out
