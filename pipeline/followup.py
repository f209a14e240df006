"""What came of customers and of what was done with them: realised defaults, retention and income by type and by action.

Customers are those scored on an earlier date, with the type they had then; what came of them is read from the book as known on a
later one. Customers who were acted on were chosen for it, so actions are not compared with doing nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.days import days_later
from features.errors import PentadError, one_line
from features.realised import DEFAULT_DAYS, realised
from features.sources import Tables
from models.intervals import Interval, drawn, ratio
from models.playbook import load_playbook
from models.types import ORDER, called, load_types
from pipeline.explanations import kept_book

ENDINGS = ("kept", "lost", "cured", "defaulted")
"""What is recorded of how it came out."""

FEWEST = 10
"""Customers that it takes for an interval of their mean income: of fewer, draws tell too little."""

WORDS = {
    "en": {
        "title": "What came of {n:,} customers scored on {since}, as known on {as_of} ({days} days; no rate is a yearly one)",
        "of": "{kind}: {n:,} customers; in default since {default}; still customers {retained}; income each {income}",
        "acted": "{kind}, {action}: {acted:,} customers acted on ({ends}); since then in default {default}; still customers "
                 "{retained}; income each {income}",
        "share": "{k:,} of {n:,} = {value:.1%} [{low:.1%}, {high:.1%}]", "money": "{value:,.0f} [{low:,.0f}, {high:,.0f}]",
        "none": "nobody", "few": "{value:,.0f} (too few for an interval)",
        "ends": "kept {kept}, lost {lost}, cured {cured}, defaulted {defaulted}, no outcome yet {waiting}",
        "actions": "By what was done; those acted on were chosen for it, so this is no comparison with doing nothing",
        "no_actions": "Nothing was recorded as done between the dates (`pentad outcome`)", "no_action": "no action named",
        "notes": "Not known yet",
        "recent": "what fell due after {day} cannot be {days} days late yet",
        "already": "{n:,} customers were in default on {since} already and are not counted as new ones",
        "income": "the income of {n:,} customers is not known and not counted",
        "gone": "{n:,} customers are not in the book; nothing is said of them",
        "waiting": "{n:,} of the customers acted on have no outcome recorded (kept, lost, cured or defaulted)",
        "strangers": "{n:,} recorded customers were not scored on {since} and are left out"},
    "zh": {
        "title": "{since} 评分的 {n:,} 户，截至 {as_of} 的结果（{days} 天；比率为此期间，非年化）",
        "of": "{kind}：{n:,} 户；期间违约 {default}；仍为客户 {retained}；户均收入 {income}",
        "acted": "{kind}，{action}：已行动 {acted:,} 户（{ends}）；此后违约 {default}；仍为客户 {retained}；户均收入 {income}",
        "share": "{n:,} 户中 {k:,} 户 = {value:.1%} [{low:.1%}, {high:.1%}]", "money": "{value:,.0f} [{low:,.0f}, {high:,.0f}]",
        "none": "无客户", "few": "{value:,.0f}（户数太少，不给区间）",
        "ends": "保留 {kept}、流失 {lost}、好转 {cured}、违约 {defaulted}、尚无结果 {waiting}",
        "actions": "按所采取的行动；行动对象经过挑选，不能与未行动者相比",
        "no_actions": "两个日期之间没有行动记录（`pentad outcome`）",
        "no_action": "未注明行动", "notes": "尚不可知", "recent": "{day} 之后到期的款项还不可能逾期 {days} 天",
        "already": "{n:,} 户在 {since} 已违约，不计为新违约",
        "income": "{n:,} 户收入未知，不计入", "gone": "{n:,} 户不在数据中，无从判断",
        "waiting": "已行动的客户中 {n:,} 户尚无结果记录（保留、流失、好转或违约）",
        "strangers": "{n:,} 户有记录但 {since} 未评分，不计入"},
}  # fmt: skip


class NothingToFollow(PentadError):
    """There is no time between two dates in which anything could have come of customers."""

    exit_code = 75


@dataclass(frozen=True)
class Came:
    """What came of some customers, shares and income each (units of the book's currency) with their 95 % intervals.

    Of ``n_at_risk`` who were not in default at the start ``n_defaulted`` are since, of ``n`` known to the book ``n_retained``
    still borrow.
    """

    n: int
    n_at_risk: int
    n_defaulted: int
    default: Interval
    n_retained: int
    retained: Interval
    income: Interval
    n_without_income: int


@dataclass(frozen=True)
class FollowUp:
    """What came of the customers of a scored date.

    ``by_type``: per type. ``by_action``: per type and action (empty where none was named), since the first such action on each
    customer; of those acted on the last day nothing can have come. ``ends``: beside it how many were ``acted`` on, how many of
    them have which ending recorded last, and ``waiting``, how many have none; ``n_waiting``: customers without any ending.
    """

    since: str
    as_of: str
    n_scored: int
    n_gone: int
    n_in_default: int
    n_strangers: int
    n_waiting: int
    by_type: dict[str, Came]
    by_action: dict[tuple[str, str], Came]
    ends: dict[tuple[str, str], dict[str, int]]

    def text(self, language: str) -> str:
        """Everything in words."""
        say, kinds = WORDS[language], called(load_types(), language)
        names = {each.name: getattr(each, f"name_{language}") for actions in load_playbook().values() for each in actions}
        days = (date.fromisoformat(self.as_of) - date.fromisoformat(self.since)).days
        lines = [say["title"].format(n=self.n_scored, since=self.since, as_of=self.as_of, days=days)]
        lines += ["  " + say["of"].format(kind=kinds[kind], **told(came, language)) for kind, came in self.by_type.items()]
        lines.append(say["actions" if self.by_action else "no_actions"])
        for (kind, action), came in self.by_action.items():
            own = self.ends[kind, action]
            name = names.get(action, action) or say["no_action"]
            lines.append("  " + say["acted"].format(kind=kinds[kind], action=name, acted=own["acted"],
                                                    ends=say["ends"].format(**own), **told(came, language)))
        return "\n".join(map(one_line, [*lines, say["notes"], *("  " + note for note in self.notes(language))]))

    def notes(self, language: str) -> list[str]:
        """What cannot be known yet, or is left out."""
        say = WORDS[language]
        known = days_later(self.as_of, -DEFAULT_DAYS)
        counts = {"already": self.n_in_default, "income": sum(came.n_without_income for came in self.by_type.values()),
                  "gone": self.n_gone, "waiting": self.n_waiting, "strangers": self.n_strangers}
        return [say["recent"].format(day=known, days=DEFAULT_DAYS + 1),
                *(say[key].format(n=n, since=self.since) for key, n in counts.items() if n)]


def told(came: Came, language: str) -> dict[str, object]:
    """The numbers of some customers in words."""
    say = WORDS[language]

    def share(k: int, n: int, of: Interval) -> str:
        return say["share"].format(k=k, n=n, value=of.value, low=of.low, high=of.high) if n else say["none"]

    income = came.income
    key = "none" if np.isnan(income.value) else "few" if np.isnan(income.low) else "money"
    return {"n": came.n, "default": share(came.n_defaulted, came.n_at_risk, came.default),
            "retained": share(came.n_retained, came.n, came.retained),
            "income": say[key].format(value=income.value, low=income.low, high=income.high)}


def follow_up(since: str, as_of: str, tables: Tables, outcomes: pd.DataFrame, seed: int, folder: Path) -> FollowUp:
    """Read what came of the customers scored on one date as known on a later one.

    Parameters
    ----------
    since, as_of : str
        The scored date and the later one (ISO).
    tables : Tables
        The book.
    outcomes : DataFrame
        What was recorded (``pipeline.outcomes.recorded``); days after the first and up to the later date count.
    seed : int
        Of the draws behind the intervals of income.
    folder : Path
        Where the dates were scored.

    Raises
    ------
    NothingToFollow
        The later date is not later.
    NotAssigned, NotExplained, DamagedRevision
        Nobody was scored on the first date, or it cannot be read.
    """
    if since >= as_of:
        raise NothingToFollow(f"{since} is not before {as_of}", "--since", "Give an earlier date that was scored.")
    kinds = kept_book(since, folder).assignments.set_index("customer_id")["type"]
    found = realised(pd.DataFrame({"customer_id": kinds.index, "since": since}), as_of, tables)
    found["type"] = kinds.to_numpy(object)
    by_type = {kind: came_of(found[found["type"] == kind], seed) for kind in ORDER}
    done = outcomes[(outcomes["on"] > since) & (outcomes["on"] <= as_of)]
    is_known = done["customer_id"].isin(kinds.index)
    own = done[is_known].assign(type=done.loc[is_known, "customer_id"].map(kinds))
    has_ended = own["what"].isin(ENDINGS)
    by_action, ends = {}, {}
    for (kind, action), rows in own.groupby(["type", "action"], sort=True):
        last = rows[has_ended[rows.index]].sort_values("on", kind="stable").groupby("customer_id")["what"].last()
        first = rows.groupby("customer_id")["on"].min()
        ends[kind, action] = {end: int((last == end).sum()) for end in ENDINGS} | {
            "acted": len(first), "waiting": len(first) - len(last)}
        past = first[first < as_of]  # of what was done on the last day itself nothing can have come
        starts = pd.DataFrame({"customer_id": past.index, "since": past.to_numpy(object)})
        by_action[kind, action] = came_of(realised(starts, as_of, tables) if len(starts) else found[:0], seed)
    n_waiting = len(set(own["customer_id"]) - set(own.loc[has_ended, "customer_id"]))
    return FollowUp(since, as_of, len(kinds), int((~found["is_known"]).sum()), int(found["was_in_default"].sum()),
                    int(done.loc[~is_known, "customer_id"].nunique()), n_waiting, by_type, by_action, ends)


def came_of(found: pd.DataFrame, seed: int) -> Came:
    """Count what came of customers (rows of ``features.realised.realised``); those not in the book are not counted."""
    known = found[found["is_known"]]
    at_risk = known[~known["was_in_default"]]
    income = known[["interest", "fees"]].sum(axis=1, min_count=1).where(known["interest"].notna()) / 100
    told_of = income.notna().to_numpy()
    parts = np.column_stack([income[told_of], np.ones(told_of.sum())])
    n_defaulted, n_retained = int(at_risk["defaulted_on"].notna().sum()), int(known["is_retained"].sum())
    mean = drawn(known.loc[told_of, "customer_id"].to_numpy(object), seed).interval(parts, ratio)
    if len(parts) < FEWEST:
        mean = Interval(mean.value, np.nan, np.nan)
    return Came(len(known), len(at_risk), n_defaulted, share_of(n_defaulted, len(at_risk)), n_retained,
                share_of(n_retained, len(known)), mean, int((~told_of).sum()))


def share_of(k: int, n: int) -> Interval:
    """A share with its exact 95 % interval, which holds for small numbers too (Clopper and Pearson 1934); NaN of nothing."""
    from scipy.stats import binomtest

    if not n:
        return Interval(np.nan, np.nan, np.nan)
    ends = binomtest(k, n).proportion_ci(0.95, method="exact")
    return Interval(k / n, float(ends.low), float(ends.high))
