"""The label desk on paper: what the analysts said together, as lines for a terminal and as CSV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from models.labels.agreement import ALL_TYPES, EVERYBODY, agreement, disagreements
from models.labels.ceiling import human_ceiling
from models.labels.consensus import Consensus
from models.labels.votes import NONE
from pipeline.errors import writing

CAVEAT = ("the others are {others:.1f} on average, and err too: the ceiling tells how far people agree, and is no bound on a "
          "model")
LEAST_HABIT = 0.01
NOT_KNOWN = "nobody was labelled by two analysts: agreement and ceiling cannot be known"


def report_of(agreed: Consensus, seed: int) -> dict[str, pd.DataFrame]:
    """The tables of the desk by name: consensus, agreement, analysts, ceiling, disagreements."""
    votes = agreed.votes
    return {"consensus": agreed.rows, "agreement": agreement(votes, seed), "analysts": _analysts(agreed),
            "ceiling": human_ceiling(votes, seed), "disagreements": disagreements(votes)}


def lines_of(tables: dict[str, pd.DataFrame], top: int) -> list[str]:
    """What the tables say, for a terminal; of the disagreements the first ``top``."""
    if tables["ceiling"].empty:
        return [NOT_KNOWN]
    lines = ["", "agreement beyond chance (1 perfect, 0 chance), with 95 % intervals:"]
    found = tables["agreement"]
    for between, rows in found.groupby("between", sort=False):
        rows = rows.set_index("type")
        whole = rows.loc[ALL_TYPES]
        if np.isnan(whole["value"]):
            n = int(whole["n"])
            lines.append(f"  {between}: all {n:,} labels are of one type, chance cannot be told from agreement")
            continue
        per_type = ", ".join(f"{kind} {'-' if np.isnan(value) else f'{value:.2f}'}"
                             for kind, value in rows["value"].drop(ALL_TYPES).items())
        lines.append(f"  {between} ({whole['measure']}): {whole['value']:.3f} [{whole['low']:.3f}, {whole['high']:.3f}] "
                     f"on {int(whole['n']):,}; {per_type}")
    lines += ["", "analysts against the consensus of the others (the human ceiling):"]
    for who, row in tables["ceiling"].iterrows():
        lines.append(f"  {who}: accuracy {row['accuracy']:.3f} [{row['accuracy_low']:.3f}, {row['accuracy_high']:.3f}], "
                     f"macro-F1 {row['macro_f1']:.3f} [{row['macro_f1_low']:.3f}, {row['macro_f1_high']:.3f}] "
                     f"on {int(row['n']):,} labels")
    lines.append("  " + CAVEAT.format(others=tables["ceiling"].loc[EVERYBODY, "others"]))
    lines += ["", "habits: what each analyst most often takes for what, where two labelled:"]
    habits = tables["analysts"]
    for who, rows in habits[habits["consensus"] != habits["given"]].groupby("analyst"):
        worst = rows[rows["share"] >= LEAST_HABIT].sort_values("share", ascending=False, kind="stable").head(3)
        n = int(habits.loc[habits["analyst"] == who, "n_labels"].iloc[0])
        taken = ", ".join(f"{row['consensus']} for {row['given']} {row['share']:.0%}" for _, row in worst.iterrows())
        lines.append(f"  {who} ({n:,} labels): {taken or 'nothing worth naming'}")
    odd = tables["disagreements"]
    if len(odd):
        lines += ["", f"disagreements, {min(top, len(odd)):,} of {len(odd):,}:", odd.head(top).to_string(index=False)]
    return lines


def lines_of_doubts(tables: dict[str, pd.DataFrame], top: int) -> list[str]:
    """What the precedence, the suspects and the queue say, for a terminal; the first ``top`` of each list."""
    lines = ["", "the written precedence, where the traits of two types fit:"]
    for _, row in tables["precedence"].iterrows():
        n = row["n_first"] + row["n_second"]
        share = f"{row['share_first']:.0%} of {n:,} [{row['low']:.0%}, {row['high']:.0%}]" if n else "nobody"
        lines.append(f"  {row['first']} before {row['second']}: {row['verdict']}; {row['n_both']:,} rows fit both, "
                     f"{row['first']} was given to {share}")
    if "cases" in tables:
        doubted = tables["suspects"]["p_wrong"]
        n = int((doubted > 0.5).sum())
        lines += ["", f"suspect labels: {n:,} of {len(doubted):,} are more likely wrong than right; the first:"]
        for _, row in tables["cases"].iterrows():
            lines += lines_of_case(row)
    if "next" in tables:
        queue = tables["next"]
        lines += ["", f"label next, {min(top, len(queue)):,} of {len(queue):,}:"]
        if len(queue):
            lines.append(queue.head(top).round(3).to_string(index=False))
    return lines


def lines_of_case(row: pd.Series) -> list[str]:
    """One suspect label: who said what, which witnesses speak against it, what contradicts, and whom to compare with."""
    witnesses = [f"{who} {row[who]}" for who in ("model", "others", "before", "after") if row[who]]
    return [f"  {row['customer_id']} as of {row['as_of']}: {row['analyst']} said {row['type']}, more likely "
            f"{row['likely_type']} (suspicion {row['p_wrong']:.3f}; {', '.join(witnesses)})",
            f"    {row['contradicts_en']}", f"    {row['contradicts_zh']}",
            f"    similar {row['type']}: {row['agreeing'] or 'nobody'}; similar {row['likely_type']}: "
            f"{row['contradicting'] or 'nobody'}"]


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as a CSV file of its name.

    Raises
    ------
    UnwritableOutput
        The folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=name == "ceiling")


def _analysts(agreed: Consensus) -> pd.DataFrame:
    """The habits of every analyst: analyst, consensus, given, share, n_labels."""
    votes, k = agreed.votes, len(agreed.votes.order)
    counts = (votes.given != NONE).sum(axis=0)
    kinds = np.array(votes.order, dtype=object)
    return pd.DataFrame({
        "analyst": np.repeat(np.array(votes.analysts, dtype=object), k * k),
        "consensus": np.tile(np.repeat(kinds, k), len(counts)), "given": np.tile(kinds, k * len(counts)),
        "share": agreed.confusions.ravel(), "n_labels": np.repeat(counts, k * k)})
