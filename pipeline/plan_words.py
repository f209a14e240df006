"""What a plan says, in English and Chinese: why an action, and what becomes of a manager's hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.days import days_later
from features.errors import one_line
from models.playbook import INSTALMENT, MATURITY, PRODUCT, SHORTFALL, WARNINGS, YEAR
from models.triggers import SEVERITIES

if TYPE_CHECKING:
    from pipeline.plan import Plan
    from pipeline.tasks import Task

PRODUCTS = {"term": {"en": "a term loan", "zh": "定期贷款"}, "revolver": {"en": "a credit line", "zh": "循环额度"},
            "project": {"en": "a project loan", "zh": "项目贷款"}, "guarantee": {"en": "a guarantee", "zh": "保函"}}
LEADS = {
    "en": {YEAR: "{times} a year, {done}",
           INSTALMENT: "{amount:,.0f} fall due on {day}; {late:.0%} of a year's instalments were late",
           MATURITY: "the last instalment of {loans} is due on {day}",
           SHORTFALL: "collateral covers {cover:.0%} of {exposure:,.0f}; {amount:,.0f} more after haircut lift it to {level:.0%}",
           PRODUCT: "{share:.0%} of the {n} most similar customers of the type have {product}, at a median income of "
                    "{income:,.0f} a year for a product; this one has none",
           "warning": "{severity} warning since {since}: {words}", "grades": SEVERITIES, "last": "last on {day}",
           "never": "never recorded as done",
           "at_risk": "at risk {money:,.0f} x {p:.1%} x {effect:.0%} prevented",
           "to_win": "to be won {money:,.0f} x {p:.1%} x {effect:.0%} by offering it",
           "offer": "an offer of up to {offer:,.0f} a year for {years:g} years",
           "hours": "{hours:g} h", "less": " less ", "is": " = {benefit:,.0f}", "and": " and ", "between": "; ",
           "beside": "; adds {added:,.0f} beside the customer's other actions"},
    "zh": {YEAR: "每年 {times} 次，{done}", INSTALMENT: "{day} 到期应还 {amount:,.0f}；近一年 {late:.0%} 的期次迟付",
           MATURITY: "{loans} 的最后一期于 {day} 到期",
           SHORTFALL: "抵押物覆盖余额 {exposure:,.0f} 的 {cover:.0%}；再追加折扣后价值 {amount:,.0f} 的担保，"
                      "可将覆盖率提高至 {level:.0%}",
           PRODUCT: "同类型最相似的 {n} 户中 {share:.0%} 使用{product}（年收入中位数 {income:,.0f}），本户没有",
           "warning": "自 {since} 起的{severity}级预警：{words}", "grades": ("低", "中", "高"),
           "last": "上次为 {day}", "never": "无完成记录",
           "at_risk": "风险金额 {money:,.0f} × {p:.1%} × 可避免 {effect:.0%}",
           "to_win": "可争取收入 {money:,.0f} × {p:.1%} × 推介成功 {effect:.0%}",
           "offer": "每年至多 {offer:,.0f} 的优惠（{years:g} 年）", "hours": "{hours:g} 小时",
           "less": "，减去 ", "is": "，等于 {benefit:,.0f}", "and": " 和 ", "between": "；",
           "beside": "；与该客户其他行动并行时增加 {added:,.0f}"},
}  # fmt: skip
SAY = {
    "en": {"title": "Work from {as_of} to {until}; {hours:g} hours per manager",
           "line": "{manager}: {n:,} of {all:,} actions planned, {hours:,.2f} h, worth {worth:,.0f}; left undone {left:,} of "
                   "{left_hours:,.2f} h, worth {lost:,.0f}; {not_worth:,} cost more than they bring",
           "row": "  {due}  {who}  {action}  {hours:g} h  {benefit:,.0f}: {why}", "more": "  ... {n:,} more planned",
           "outcomes": "done so far: {n:,} outcomes recorded in {log}",
           "strangers": "note: {n:,} customers with a manager were not scored",
           "all": "all customers", "nobody": "without a manager (no hours)",
           "income": "note: the income of {n:,} customers is not known; nothing is at risk with it",
           "book": "note: the book is another delivery than the one that was scored, or kept otherwise (files, database)"},
    "zh": {"title": "{as_of} 至 {until} 的工作；每位客户经理 {hours:g} 小时",
           "line": "{manager}：{all:,} 项行动中安排 {n:,} 项，{hours:,.2f} 小时，预期收益 {worth:,.0f}；未安排 {left:,} 项，"
                   "{left_hours:,.2f} 小时，价值 {lost:,.0f}；{not_worth:,} 项成本高于收益",
           "row": "  {due}  {who}  {action}  {hours:g} 小时  {benefit:,.0f}：{why}", "more": "  …… 另有 {n:,} 项已安排",
           "outcomes": "已记录的结果：{log} 中 {n:,} 条", "strangers": "注：{n:,} 个有客户经理的客户未评分",
           "all": "全部客户", "nobody": "无客户经理（无工时）",
           "income": "注：{n:,} 户收入未知，不计其风险", "book": "注：数据与评分时不是同一批，或存放方式不同（文件、数据库）"},
}  # fmt: skip


def reason(task: Task, as_of: str, effect: float, offer: float, benefit: float, years: float, language: str) -> str:
    """Why a customer's action, and what it is worth: the occasion, then the sum."""
    say, action, of, about = LEADS[language], task.action, task.of, task.of.about
    day = days_later(as_of, about.get("days", 0))
    if action.per == YEAR:
        done = say["last"].format(day=about["last"]) if about["last"] else say["never"]
        lead = say[YEAR].format(times=about["times"], done=done)
    elif action.per == PRODUCT:
        lead = say[PRODUCT].format(**about | {"product": PRODUCTS[about["product"]][language]})
    elif action.per in WARNINGS.values():
        lead = say["warning"].format(
            severity=say["grades"][about["severity"] - 1], since=about["since"], words=about[language])
    else:
        lead = say[action.per].format(**about | {"day": day})
    costs = ([say["offer"].format(offer=offer, years=years)] if offer else []) + [say["hours"].format(hours=action.hours)]
    at_risk = say["to_win" if action.per == PRODUCT else "at_risk"].format(money=of.money, p=of.probability, effect=effect)
    return lead + say["between"] + at_risk + say["less"] + say["and"].join(costs) + say["is"].format(benefit=benefit)


def beside(alone: float, added: float, language: str) -> str:
    """What an action adds to the customer's others, where that is not what it is worth alone."""
    return "" if round(added) == round(alone) else LEADS[language]["beside"].format(added=added)


def lines_of(made: Plan, language: str, top: int, log: str) -> list[str]:
    """A plan manager by manager, with the ``top`` planned actions of each that are worth most; ``log`` holds the outcomes."""
    say = SAY[language]
    lines = [say["title"].format(as_of=made.as_of, until=made.until, hours=made.hours)]
    for manager, own in made.rows.groupby("manager", sort=True):
        planned, left = own[own["status"] == "planned"], own[own["status"] == "left"]
        lines.append(say["line"].format(
            manager=say["all"] if made.is_one_list else manager or say["nobody"], n=len(planned), all=len(own),
            hours=planned["hours"].sum(), worth=planned["expected_benefit"].sum(), left=len(left), left_hours=left["hours"].sum(),
            lost=left["expected_benefit"].sum(), not_worth=len(own) - len(planned) - len(left)))
        best = planned.sort_values("expected_benefit", ascending=False, kind="stable").head(top)
        lines += [say["row"].format(due=row.due_on, who=f"{row.customer_id} {row.name or ''}".strip(), action=action,
                                    hours=row.hours, benefit=row.expected_benefit, why=why)
                  for row, action, why in zip(best.itertuples(), best[f"action_{language}"], best[f"why_{language}"])]
        if len(planned) > top:
            lines.append(say["more"].format(n=len(planned) - top))
    lines.append(say["outcomes"].format(n=made.n_outcomes, log=log))
    if made.n_strangers:
        lines.append(say["strangers"].format(n=made.n_strangers))
    if made.n_without_income:
        lines.append(say["income"].format(n=made.n_without_income))
    if made.is_other_book:
        lines.append(say["book"])
    return [one_line(line) for line in lines]
