"""What changes to a customer's facts would make of it, in words."""

from __future__ import annotations

from features.errors import one_line
from models.explain import JOIN, written
from models.types import called, load_types
from pipeline.changes import told_move
from pipeline.edits import ADD_COLLATERAL, EXTEND_TENOR, MONTHS, PAY_ARREARS, PAY_ON_TIME, SET_LIMIT, Cost
from pipeline.whatif import Outcome, WhatIf

N_OTHERS = 3
"""Other ways that are shown."""

EDITS = {
    "en": {PAY_ARREARS: "pay {size} of the arrears", ADD_COLLATERAL: "pledge collateral of {size}",
           EXTEND_TENOR: "extend the schedules by {size}", SET_LIMIT: "set the limits of the credit lines to {size}",
           PAY_ON_TIME: "pay what falls due on its day for {size}"},
    "zh": {PAY_ARREARS: "偿还逾期款项 {size}", ADD_COLLATERAL: "追加抵押物 {size}", EXTEND_TENOR: "还款计划展期 {size}",
           SET_LIMIT: "循环额度调整为 {size}", PAY_ON_TIME: "今后 {size}按期还款"},
}  # fmt: skip
KINDS = {
    "en": {PAY_ARREARS: "paying arrears", ADD_COLLATERAL: "collateral", EXTEND_TENOR: "a longer tenor", SET_LIMIT: "other limits",
           PAY_ON_TIME: "paying on time"},
    "zh": {PAY_ARREARS: "偿还逾期", ADD_COLLATERAL: "追加抵押", EXTEND_TENOR: "展期", SET_LIMIT: "调整额度",
           PAY_ON_TIME: "按期还款"},
}  # fmt: skip
WHY_NOT = {
    "nothing is overdue": "无逾期款项", "the book has no table of collateral": "数据中无抵押物表",
    "no loan has a balance to secure": "无贷款余额可供担保", "no instalment of principal is still to fall due": "无未到期本金",
    "the book has no table of limits": "数据中无额度表",
    "no credit line can be given another limit on the date": "当日无可调整额度的循环贷款",
    "no instalment falls due in that time": "期内无到期款项",
}  # fmt: skip
SAY = {
    "en": {"title": "{who} as of {day}: {kind} ({p:.1%}). What would make it {goal}?", "any": "another type",
           "asked": "{who} as of {day}: {kind} ({p:.1%}). And if its facts were changed?",
           "moved": "the book has changed since it was scored: as it stands it makes it {kind} ({p:.1%}) without any change",
           "tried": "{n:,} changes tried of facts that can still be made; what has happened stays as it is",
           "found": "smallest found: {edits}", "change": "change: {edits}",
           "gives": "it becomes {kind} ({p:.1%}, now {before:.1%})",
           "stays": "it stays {kind} ({p:.1%}, now {before:.1%})", "later": ", judged on {day}", "cost": "cost: {cost}",
           "others": "other ways, heavier by the weights in run.toml:",
           "none": "none found: no change that was tried makes it {goal}",
           "nearest": "nearest: {edits}: {kind} {p:.1%} (now {before:.1%})", "not": "not tried: {kinds}", "and": ", and ",
           "facts": "what it moves, in log-odds towards that type:", "cash": "{amount} of arrears paid",
           "security": "{amount} pledged", "postponed": "{amount} of principal postponed by {months}",
           "instalments": "{amount} of instalments paid as they fall due", "limit": "{amount} of limits changed",
           "months": "{months} of waiting", "gone": "by then it has no active loan, and is not scored",
           "waiting": "; waiting alone, with nothing paid, gives {kind}", "time": " (by the time that passes)",
           "empty": "nothing can be tried", "book": "the book is not the delivery that was scored",
           "month": ("{n} month", "{n} months"), "nothing": "none of the features it uses",
           "model": "model version {model}; what it would say of such facts, not a promise of how the borrower would fare"},
    "zh": {"title": "{who}（{day}）：{kind}（{p:.1%}）。怎样才会变为{goal}？", "any": "其他类型",
           "asked": "{who}（{day}）：{kind}（{p:.1%}）。若改变以下事实：",
           "moved": "评分后数据已有变化：按现有数据，不作任何改变即为{kind}（{p:.1%}）",
           "tried": "共试算 {n:,} 种仍可作出的改变，既成事实保持不变", "found": "最小的改变：{edits}", "change": "改变：{edits}",
           "gives": "变为{kind}（{p:.1%}，目前 {before:.1%}）", "stays": "仍为{kind}（{p:.1%}，目前 {before:.1%}）",
           "later": "，于 {day} 判断", "cost": "代价：{cost}", "others": "其他途径（按 run.toml 的权重代价更大）：",
           "none": "未找到：所试改变均不能使其变为{goal}", "nearest": "最接近：{edits}：{kind} {p:.1%}（目前 {before:.1%}）",
           "not": "未试算：{kinds}", "and": "，并", "facts": "由此变动的因素（对该类型的对数几率）：",
           "cash": "偿还逾期 {amount}", "security": "抵押 {amount}", "postponed": "本金 {amount} 展期 {months}",
           "instalments": "按期偿还 {amount}", "limit": "额度变动 {amount}", "months": "等待 {months}",
           "gone": "届时已无有效贷款，不再评分", "waiting": "；仅等待而不付款则为{kind}",
           "time": "（仅因时间推移）", "empty": "无可试算的改变", "book": "所给数据并非评分时的那批数据",
           "month": ("{n} 个月", "{n} 个月"), "nothing": "不涉及模型所用特征",
           "model": "模型版本 {model}；此为模型对上述事实的判断，并非对借款人未来表现的承诺"},
}  # fmt: skip


def lines_of(answer: WhatIf, language: str, top: int) -> list[str]:
    """The answer line by line, with at most ``top`` features that the change moves."""
    say, name, scored = SAY[language], called(load_types(), language), answer.scored
    goal = name[answer.goal] if answer.goal else say["any"]
    lines = [say["title" if answer.is_search else "asked"].format(
        who=scored["customer_id"], day=scored["as_of"], kind=name[scored["type"]], p=scored[f"p_{scored['type']}"], goal=goal)]
    if answer.is_other_book:
        lines.append("  " + say["book"])
    if answer.now.type != scored["type"]:
        lines.append("  " + say["moved"].format(kind=name[answer.now.type], p=answer.now.probabilities[answer.now.type]))
    if answer.is_search:
        lines.append("  " + (say["tried"].format(n=len(answer.tried)) if answer.tried else say["empty"]))
    if shown := (answer.found if answer.is_search else answer.tried)[:1]:
        lines += _shown(answer, shown[0], language, top)
    if answer.is_search and len(answer.found) > 1:
        lines.append("  " + say["others"])
        lines += [f"    {_edits(one, language)}: {_gives(answer, one, language)} ({_cost(one.cost, language)})"
                  for one in answer.found[1 : N_OTHERS + 1]]
    if answer.is_search and answer.tried and not answer.found:
        lines.append("  " + say["none"].format(goal=goal))
        if near := answer.nearest:
            kind = answer.likeliest(near)
            lines.append("  " + say["nearest"].format(edits=_edits(near, language), kind=name[kind], p=near.probabilities[kind],
                                                      before=answer.now.probabilities[kind]))
    if answer.impossible:
        kinds = [f"{KINDS[language][kind]}: {because if language == 'en' else WHY_NOT[because]}"
                 for kind, because in answer.impossible.items()]
        lines.append("  " + say["not"].format(kinds=JOIN[language].join(kinds)))
    return [one_line(line) for line in [*lines, "  " + say["model"].format(model=scored["model_version"])]]


def _shown(answer: WhatIf, one: Outcome, language: str, top: int) -> list[str]:
    say = SAY[language]
    lines = ["  " + say["found" if answer.is_search else "change"].format(edits=_edits(one, language)),
             "    " + _gives(answer, one, language), "    " + say["cost"].format(cost=_cost(one.cost, language)),
             "    " + say["facts"] + ("" if len(answer.moved) else f" {say['nothing']}")]
    return lines + [f"      {told_move(fact, language)}{say['time'] if fact.is_of_time else ''}"
                    for fact in answer.moved.head(top).itertuples()]


def _gives(answer: WhatIf, one: Outcome, language: str) -> str:
    say, name = SAY[language], called(load_types(), language)
    if not one.is_active:
        return say["gone"] + say["later"].format(day=one.judged_on)
    given = say["gives" if one.type != answer.now.type else "stays"].format(
        kind=name[one.type], p=one.probabilities[one.type], before=answer.now.probabilities[one.type])
    if one.judged_on == answer.now.judged_on:
        return given
    return given + say["later"].format(day=one.judged_on) + say["waiting"].format(kind=name[one.waited])


def _edits(one: Outcome, language: str) -> str:
    sizes = [_months(edit.size, language) if edit.kind in MONTHS else _amount(edit.size, language) for edit in one.edits]
    return SAY[language]["and"].join(EDITS[language][edit.kind].format(size=size) for edit, size in zip(one.edits, sizes))


def _cost(cost: Cost, language: str) -> str:
    say = SAY[language]
    said = [say[what].format(amount=_amount(cents, language), months=_months(cost.by_months, language))
            for what in ("cash", "security", "postponed", "limit", "instalments") if (cents := getattr(cost, what))]
    return ", ".join(said + ([say["months"].format(months=_months(cost.months, language))] if cost.months else [])) or "0"


def _months(n: int, language: str) -> str:
    return SAY[language]["month"][n != 1].format(n=n)


def _amount(cents: int, language: str) -> str:
    return written(cents / 100, "money", language)
