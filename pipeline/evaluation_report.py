"""An evaluation in lines for a terminal."""

from __future__ import annotations

import pandas as pd

from models.referral import ALL
from models.slices import SHOWN
from pipeline.evaluation import OURS, Evaluation


def lines_of(evaluation: Evaluation) -> list[str]:
    """Contenders, our intervals, types, the worst part of the book, label dates and referrals."""
    lines = [f"{evaluation.name}, {evaluation.n_rows:,} labelled customers and dates", _text(evaluation.table)]
    ours = evaluation.scores[OURS]
    lines.append("95 % intervals of pentad: " + "; ".join(
        f"{name} {ours[name].low:.3f} to {ours[name].high:.3f}" for name in SHOWN))
    worst = evaluation.worst_slice
    if worst is not None:
        low, high = worst["expected_cost_low"], worst["expected_cost_high"]
        lines.append(f"worst part: {worst['by']} {worst['part']} ({worst['n']:,} rows), cost {worst['expected_cost']:.3f} "
                     f"[{low:.3f}, {high:.3f}] against {ours['expected_cost'].value:.3f}")
    coverage, everybody = evaluation.coverage, evaluation.coverage.loc[ALL]
    per_type = ", ".join(f"{kind} {row['covered']:.3f}" for kind, row in coverage.iterrows() if kind != ALL)
    lines.append(f"referred to a person: {everybody['referred']:.1%}; the possible types hold the true one for "
                 f"{everybody['covered']:.3f} (promised {everybody['promised']:.2f} of each type): {per_type}")
    return lines


def ceiling_line(report: dict) -> str | None:
    """How well people do, to stand beside the model; None where nobody was labelled twice."""
    if not report["human_ceiling"]:
        return None
    row = report["human_ceiling"][0]
    return (f"human ceiling: analysts agree with the consensus of the others on {row['accuracy']:.3f} "
            f"[{row['accuracy_low']:.3f}, {row['accuracy_high']:.3f}] of {row['n']:,} labels, macro-F1 {row['macro_f1']:.3f}; "
            f"the others are {row['others']:.1f} on average, and err too")


def last_lines_of(evaluation: Evaluation) -> list[str]:
    """Who was taken for what, and how good each type is."""
    ends = [f"{name}{end}" for name in ("precision", "recall", "f1") for end in ("_low", "_high")]
    return [evaluation.confusion.to_string(), "", _text(evaluation.per_type.drop(columns=ends))]


def _text(table: pd.DataFrame) -> str:
    return table.round(3).to_string()
