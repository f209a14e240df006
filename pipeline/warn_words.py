"""What early warnings say, in both languages: why an alert stands, the account of a date, and the list."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.errors import one_line
from models.early_warning import BELOW, CLEARED, GONE, NEW, OPEN, UNKNOWN, WITHDRAWN
from models.explain import BESIDE, JOIN, NOTHING_PUSHES, written
from models.triggers import LEAST, LISTS, MANAGER, POINTS, SEVERITIES, Trigger

WORDS = {
    "en": {"reached": "{words}: {value} (level {level})", "held": "{words}: {value} (clears beyond {level})",
           "unasked": "{words}: not measured, or nothing to compare with, so it stays open",
           BELOW: "{words}: {value}, back beyond {level}",
           "is": "{words}", "was": "{words}: not so any more",
           GONE: "{words}: the customer is not scored any more", UNKNOWN: "{words}: nothing to measure any more",
           WITHDRAWN: "the trigger {trigger} is no longer in use", "because": "{said}; speaks for it: {reasons}",
           "severity": SEVERITIES, NEW: "new", OPEN: "open", CLEARED: "cleared", "risk": "risk", "churn": "churn",
           "list": "{kind}: {n} alerts open of {customers} customers ({high} high, {medium} medium, {low} low); "
                   "{new} new, {cleared} cleared; {late} escalated",
           "first": "{day}: {all} alerts = {new} new + {open} still open + {cleared} cleared; no date was warned before",
           "after": "{day}: {all} alerts = {new} new + {open} still open + {cleared} cleared; "
                    "of {before}: {was} open = {open} still open + {cleared} cleared",
           "since": "changes are those since {since}",
           "no since": "no date was scored from {months} to 12 months before: changes (rises, migration) are not looked at",
           "other model": "{since} was scored by another model: probabilities and types are not compared with it",
           "unmeasured": "not looked at on this date: {triggers}", "owner": "{owner}; if nothing is done by {day}: {escalation}",
           "escalated": "{escalation}, overdue since {day}; before: {owner}",
           "seen": "since {day}", "done": "done: {done}", "nothing": "nothing recorded", "more": "... and {n} more",
           "points": (" point", " points"), "between": ", ", "manager": "relationship manager: {manager}",
           "unscored": "note: of the {all} customers of {file}, {n} are not scored on {day}"},
    "zh": {"reached": "{words}：{value}（阈值 {level}）", "held": "{words}：{value}（解除阈值 {level}）",
           "unasked": "{words}：本日未计量或无可比日期，预警保持", BELOW: "{words}：{value}，已回到 {level} 之外",
           "is": "{words}", "was": "{words}：已不成立", GONE: "{words}：该客户已不再评分", UNKNOWN: "{words}：已无可计量的数值",
           WITHDRAWN: "规则 {trigger} 已停用", "because": "{said}；支持因素：{reasons}",
           "severity": ("低", "中", "高"), NEW: "新增", OPEN: "持续", CLEARED: "解除", "risk": "风险", "churn": "流失",
           "list": "{kind}：未解除预警 {n} 条，涉及 {customers} 户（高 {high}，中 {medium}，低 {low}）；"
                   "新增 {new}，解除 {cleared}；已上报 {late}",
           "first": "{day}：预警 {all} 条 = 新增 {new} + 持续 {open} + 解除 {cleared}；此前无预警日期",
           "after": "{day}：预警 {all} 条 = 新增 {new} + 持续 {open} + 解除 {cleared}；"
                    "{before} 未解除 {was} 条 = 持续 {open} + 解除 {cleared}",
           "since": "变动相对 {since} 计算",
           "no since": "此前 {months} 至 12 个月内没有评分日期：不考察变动（概率上升、类型迁移等）",
           "other model": "{since} 由另一模型评分：不与其概率和类型比较",
           "unmeasured": "本日未考察：{triggers}", "owner": "{owner}；如至 {day} 仍未处理则上报{escalation}",
           "escalated": "{escalation}（{day} 起逾期未处理，已上报；原责任人：{owner}）", "seen": "自 {day} 起",
           "done": "已采取措施：{done}", "nothing": "无记录", "more": "……另有 {n} 条",
           "points": ("个百分点", "个百分点"), "between": "、", "manager": "客户经理：{manager}",
           "unscored": "注：{file} 的 {all} 户中有 {n} 户在 {day} 未评分"},
}  # fmt: skip


def reason(alert: Mapping, trigger: Trigger | None, reasons: str, language: str) -> str:
    """Why an alert stands, or why it cleared; with the model's reasons where it is the model's."""
    say = WORDS[language]
    if trigger is None:
        return say[WITHDRAWN].format(trigger=alert["trigger"])
    how = alert["cleared_because"] or (
        "unasked" if np.isnan(alert["value"]) else "reached" if _is_reached(alert, trigger) else "held")
    if trigger.unit == "flag":
        how = {"reached": "is", BELOW: "was"}.get(how, how)
    value = "" if np.isnan(alert["value"]) else told(alert["value"], trigger, language)
    said = say[how].format(words=getattr(trigger, f"words_{language}"), value=value,
                           level=told(alert["level"], trigger, language))
    is_told = reasons not in ("", NOTHING_PUSHES[language]) and alert["status"] != CLEARED
    return say["because"].format(said=said, reasons=reasons) if is_told else said


def told(value: float, trigger: Trigger, language: str) -> str:
    """A value or level of a trigger, not missing, in the unit in which it is told."""
    if trigger.told_in != POINTS:
        return written(value, trigger.told_in, language)
    number = written(100 * value, "count", language, more=int(trigger.unit == "rate"))
    return number + WORDS[language]["points"][number.lstrip("-") != "1"]


def _is_reached(alert: Mapping, trigger: Trigger) -> bool:
    """Whether the alert's value reaches the mildest level, and does not only stand above where it clears."""
    mildest = trigger.levels[0][1]
    return alert["value"] >= mildest if trigger.raises == LEAST else alert["value"] <= mildest


def account(alerts: pd.DataFrame, language: str) -> list[str]:
    """A line per list: open alerts by severity, how many customers they are of, new, cleared and escalated ones."""
    lines = []
    for kind in LISTS:
        rows = alerts[alerts["list"] == kind]
        opened = rows[rows["status"] != CLEARED]
        counts = {name: int((opened["severity"] == grade).sum()) for grade, name in enumerate(SEVERITIES, 1)}
        lines.append(WORDS[language]["list"].format(
            kind=WORDS[language][kind], n=len(opened), customers=opened["customer_id"].nunique(),
            new=int((rows["status"] == NEW).sum()), cleared=int((rows["status"] == CLEARED).sum()),
            late=int(rows["is_escalated"].sum()), **counts))
    return lines


def lines_of(alerts: pd.DataFrame, triggers: Mapping[str, Trigger], language: str, top: int) -> list[str]:
    """The open alerts in words, the gravest first, then those of customers with many.

    ``alerts``: the columns ``pipeline.alerts.SHOWN`` and manager, the person, empty where nobody is named, who stands beside the
    role of relationship manager; where nobody has that role, it is named apart.
    """
    say, opened = WORDS[language], alerts[alerts["status"] != CLEARED]
    many = opened.groupby(["list", "customer_id"])["alert_id"].transform("size")
    rows = opened.assign(many=-many, grave=-opened["severity"])
    rows = rows.sort_values(["grave", "many", "customer_id", "trigger"])
    lines = []
    for row in rows.head(top).to_dict("records"):
        trigger = triggers[row["trigger"]]
        name, severity = getattr(trigger, f"name_{language}"), say["severity"][row["severity"] - 1]
        seen = f"{say[row['status']]} {say['seen'].format(day=row['first_seen'])}"
        lines.append(f"{row['customer_id']}  {say[row['list']]} / {name} [{severity}, {seen}]")
        lines.append(f"  {row[f'reasons_{language}']}")
        done = say["done"].format(done=row[f"done_{language}"] or say["nothing"])
        lines.append(f"  {JOIN[language].join([*_owned(row, trigger, language), done])}")
    lines += [say["more"].format(n=f"{len(rows) - top:,}")] if len(rows) > top else []
    return [one_line(line) for line in lines]


def _owned(alert: Mapping, trigger: Trigger, language: str) -> list[str]:
    """Whose an alert is, and who its customer's manager is where that is another."""
    say, suffix, manager = WORDS[language], "_zh" if language == "zh" else "", alert["manager"]
    people = {role: alert[f"{role}{suffix}"] for role in ("owner", "escalation")}
    is_manager = {role: getattr(trigger, role).key == MANAGER for role in people}
    if manager:
        people = {role: name + (BESIDE[language].format(beside=manager) if is_manager[role] else "")
                  for role, name in people.items()}
    owned = say["escalated" if alert["is_escalated"] else "owner"].format(day=alert["escalates_on"], **people)
    return [owned] + ([say["manager"].format(manager=manager)] if manager and not any(is_manager.values()) else [])
