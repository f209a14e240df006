"""The validation report of a training run, as data: everything a validator asks of a model, and what is known against it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pandas as pd

from features.catalogue import FEATURES
from features.sources import Tables
from models.gate import Evidence
from models.intervals import Interval
from models.labels.agreement import agreement
from models.labels.ceiling import EVERYBODY, human_ceiling
from models.metrics import HIGHER_IS_BETTER, reliability
from models.referral import ALL, prices
from models.segmenter import Fitted
from models.split import Split
from models.stability import Flips
from pipeline.evaluation import OURS, Evaluation
from pipeline.labels import Labelled
from pipeline.settings import Settings

WEAK_RECALL = 0.5
FEW_OF_A_TYPE = 30
WIDE = 0.2
MUCH_REFERRED = 0.5
"""Levels from which a weakness is named: recall of a type, its rows, the width of its interval, the share referred."""


@dataclass(frozen=True)
class Run:
    """What a training was made of and came to."""

    tables: Tables
    labelled: Labelled
    settings: Settings
    fitted: Fitted
    split: Split
    circles: pd.Series
    evaluations: tuple[Evaluation, ...]
    evidence: Evidence
    against: list[str]


def report_of(run: Run) -> dict:
    """The whole report as plain data, ready for JSON: numbers, texts, lists; what is not known is None."""
    headline = run.evaluations[-1]
    votes = run.labelled.consensus.votes if run.labelled.consensus is not None else None
    ceiling = human_ceiling(votes, run.settings.model.seed) if votes is not None else pd.DataFrame()
    sizes = pd.Series(run.circles.index).groupby(run.circles.to_numpy()).nunique()
    used = run.fitted.segmenter.features
    data = {
        "data": {
            "fingerprint": run.tables.fingerprint,
            "tables": [{"table": account.table, "read": account.n_read, "kept": account.n_kept, "rejected": account.n_rejected}
                       for account in run.tables.accounts],
            "features": {"used": len(used), "known_to_the_catalogue": len(FEATURES),
                         "judgements_of_the_bank": sum(FEATURES[name].is_judgemental for name in used if name in FEATURES)},
        },
        "labels": {
            "source": run.labelled.source, "customers_and_dates": len(run.labelled.rows),
            "from": run.labelled.rows["as_of"].min(), "to": run.labelled.rows["as_of"].max(),
            "per_type": run.labelled.rows["type"].value_counts().to_dict(),
            "analysts": len(votes.analysts) if votes is not None else None,
            "several_labelled": int((votes.n_votes > 1).sum()) if votes is not None else None,
            "disagreements": run.labelled.consensus.n_disagreements if votes is not None else None,
        },
        "agreement": _records(agreement(votes, run.settings.model.seed)) if votes is not None and len(ceiling) else [],
        "human_ceiling": _records(ceiling.rename_axis("analyst").reset_index()) if len(ceiling) else [],
        "splits": {
            "description": run.split.description, "embargo_days": run.settings.split.embargo_days,
            "held_out_share": run.settings.split.held_out_share, "folds": run.settings.model.n_folds,
            "customers": int(sizes.sum()), "circles": len(sizes), "largest_circle": int(sizes.max()),
            "models_judged_on_this_period": run.evidence.n_looks,
        },
        "evaluations": [_of_evaluation(evaluation) for evaluation in run.evaluations],
        "headline": headline.name,
        "stability": {"champion": run.evidence.champion or None,
                      "flips": asdict(run.evidence.flips) if run.evidence.flips else None,
                      "reseeded": _survivals(run.evidence.steadiness.reseeded),
                      "month_earlier": _survivals(run.evidence.steadiness.month_earlier),
                      "not_there_a_month_earlier": run.evidence.steadiness.n_not_there, "twins": run.settings.model.n_twins},
        "referral": {"promised": headline.referral.coverage, "share": headline.coverage.loc[ALL, "referred"],
                     "hours_per_thousand": 1000 * headline.coverage.loc[ALL, "referred"] * run.settings.score.hours_per_referral},
        "prices_of_promises": _records(prices((run.fitted.truth, run.fitted.out_of_fold), headline.truth, headline.ours)),
        "gate": {"objections": run.against, "limits": asdict(run.settings.gate),
                 "gains": {rival: {name: _of(x) for name, x in gains.items()} for rival, gains in run.evidence.gains.items()}},
        "model": {"trees_per_type": run.settings.model.n_trees, "temperature": run.fitted.segmenter.temperature,
                  "settings": asdict(run.settings.model), "versions": run.fitted.segmenter.versions,
                  "types": list(run.fitted.segmenter.types), "sha256": run.fitted.segmenter.sha256},
        "known_limits": known_limits(run, ceiling),
    }
    return _plain(data)


def known_limits(run: Run, ceiling: pd.DataFrame) -> list[dict[str, str]]:
    """What speaks against relying on the model, each in English and Chinese."""
    headline, found = run.evaluations[-1], []

    def say(en: str, zh: str) -> None:
        found.append({"en": en, "zh": zh})

    if headline.is_out_of_fold:
        say("There is one label date only: nothing here is out of time.", "标签只有一个日期：没有任何时间外检验。")
    if run.evidence.n_looks > 1:
        say(f"{run.evidence.n_looks} models have been judged on this test period: the more, the less it proves.",
            f"该检验期已评判过 {run.evidence.n_looks} 个模型：次数越多，说服力越弱。")
    for kind, row in headline.per_type.iterrows():
        if row["support"] < FEW_OF_A_TYPE:
            say(f"Only {int(row['support'])} tested rows are {kind}: its numbers are uncertain.",
                f"检验集中 {kind} 仅有 {int(row['support'])} 行：其结果不确定。")
        elif row["recall"] < WEAK_RECALL:
            say(f"Of {kind} it finds {row['recall']:.0%}.", f"{kind} 的召回率仅为 {row['recall']:.0%}。")
    ours = headline.scores[OURS]
    if ours["macro_f1"].high - ours["macro_f1"].low > WIDE:
        say("The interval of macro-F1 is wide: more labels would say more.", "宏平均 F1 的区间较宽：需要更多标签。")
    worst = headline.worst_slice
    if worst is not None and worst["expected_cost_low"] > ours["expected_cost"].value:
        say(f"Mistakes cost most in {worst['by']} {worst['part']}: {worst['expected_cost']:.2f} against "
            f"{ours['expected_cost'].value:.2f} overall.",
            f"错误代价最高的部分是 {worst['by']} {worst['part']}：{worst['expected_cost']:.2f}，整体为 "
            f"{ours['expected_cost'].value:.2f}。")
    share = headline.coverage.loc[ALL, "referred"]
    if share > MUCH_REFERRED:
        say(f"{share:.0%} of the customers are referred to a person to keep the promise of {headline.referral.coverage:.0%}.",
            f"为兑现 {headline.referral.coverage:.0%} 的覆盖承诺，{share:.0%} 的客户需人工判断。")
    for name, share in run.evidence.leaks.items():
        say(f"{name} carries {share:.0%} of all contributions: see that it does not repeat the label, or come after it.",
            f"{name} 占全部贡献的 {share:.0%}：请确认它没有重复标签或晚于标签。")
    judged = sum(FEATURES[name].is_judgemental for name in run.fitted.segmenter.features if name in FEATURES)
    if judged:
        say(f"{judged} features repeat what the bank has judged itself, such as ratings; the tables show the model without them.",
            f"{judged} 个特征重复了银行自身的判断（如评级）；表中另列不含这些特征的模型。")
    if len(ceiling) and ours["accuracy"].value >= ceiling.loc[EVERYBODY, "accuracy_low"]:
        say("The model agrees with the labels about as well as the analysts do with each other: better labels, not more model.",
            "模型与标签的一致程度已接近分析师之间的一致程度：应改进标签，而非增加模型复杂度。")
    if run.labelled.source == "hindsight":
        say("The types are read from what happened afterwards, not given by analysts.", "类型由事后结果推断，并非分析师给出。")
    return found


def _of_evaluation(evaluation: Evaluation) -> dict:
    return {
        "name": evaluation.name, "rows": evaluation.n_rows,
        "from": evaluation.rows["as_of"].min(), "to": evaluation.rows["as_of"].max(),
        "contenders": {who: {name: _of(found[name]) for name in HIGHER_IS_BETTER} for who, found in evaluation.scores.items()},
        "confusion": evaluation.confusion.to_dict("index"),
        "per_type": _records(evaluation.per_type.reset_index()),
        "calibration": _records(reliability(evaluation.truth, evaluation.ours, evaluation.types)),
        "slices": _records(evaluation.slices),
        "worst_slice": None if evaluation.worst_slice is None else evaluation.worst_slice.to_dict(),
        "over_dates": _records(evaluation.over_dates),
        "coverage": _records(evaluation.coverage.rename_axis("type").reset_index()),
    }


def _survivals(flips: Mapping[str, Flips]) -> list[dict]:
    """Per type that is given now, all first: the shares of customers whose type, reasons and leading dimension survive."""
    return [{"type": kind, "n": each.n, "same_type": 1 - each.types, "same_reasons": 1 - each.reasons,
             "same_dimension": 1 - each.dimensions} for kind, each in flips.items()]


def _of(found: Interval) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}


def _records(table: pd.DataFrame) -> list[dict]:
    return table.to_dict("records")


def _plain(value):
    """Only what JSON has: numpy numbers become Python's, what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value

