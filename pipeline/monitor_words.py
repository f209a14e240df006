"""What monitoring found, in words, in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.catalogue import FEATURES
from features.errors import one_line
from features.sources import in_units
from models.drift import n_tests
from models.explain import short_name
from models.migration import CORRECTED, CUSTOMER, GONE, MODEL, NEW, STEPS, bridge, migration
from models.types import ORDER, called, load_types
from pipeline.migrated import Migrated
from pipeline.monitor import Alarm, Drift, Monitored

WORDS = {
    "en": {
        "title": "{day}: model {model}, learnt until {until} ({age:,} days before); {n:,} active customers",
        "book": "note: the book is another delivery than the one that was scored, or kept otherwise (files, database); "
                "facts corrected in between would count as data corrected, and back again "
                "as customer changed: score {day} again first, or give the book that was scored",
        "reference": "compared with the book at {months} month-ends up to {day} (then {n:,} customers in {circles:,} "
                     "circles); all {tests:,} tests together raise a false alarm in {share:.1%} of runs",
        "types": "types now (on {day}, the month-end most alike): {types}; PSI {psi:.3f}; of circles {circles:.3f}, chance "
                 "reaches {level:.3f}",
        "features": "features: {n} watched, {moved} beyond their level; nearest to it or beyond:",
        "feature": "{name} ({words}): PSI {psi:.3f}; of circles {circles:.3f}, chance reaches {level:.3f}; missing "
                   "{now:.1%} ({then:.1%}); outside what training saw: {below:,} below, {above:,} above",
        "unseen": "{column}: {n:,} of {rows:,} rows with values that training never saw: {values}",
        "no_labels": "performance: no label yet about a scored date after the last one that training knew ({day})",
        "not_scored": "{n:,} labels about later dates ({first} to {last}) do not count: the model did not score their customers "
                      "on those dates; score the dates to judge by them",
        "few": "performance: {n} labels of {first} to {last}, too few to judge by",
        "performance": "performance on {n} labels of {first} to {last}, interval (promised):",
        "number": "{name} {found} ({promised})", "alarms": "alarms: {n}", "none": "alarms: none",
        "since": "since {since}: {moved:,} of another type, {new:,} new, {gone:,} gone (in brackets {exposure} as of {day}, of "
                 "those gone as of {since})",
        "models": "model {old} then, {new} now", "unknown": "{n:,} without a known exposure add none to the amounts",
        "matrix": "then \\ now", "bridge": "{what}: then, {steps}, now", "n": "customers", "cents": "exposure",
        "causes": "by cause, everybody once, at the step that gave the present type for good:",
        "moves": "all moves at each step, also of those who moved on or back at a later one, with the exposure after the step "
                 "and what carried them (log-odds):",
        "move": "{step}: {a} → {b}: {n:,} ({amount}){carried}",
        "arrived": "{a} → {b}: {n:,} ({amount}) = {parts}", NEW: "new", GONE: "gone",
        "no_migration": "no two scored dates to compare",
        CORRECTED: "data corrected", CUSTOMER: "customer changed", MODEL: "model changed",
        "alarm.psi": "{about} is distributed otherwise: PSI {found:.3f}, limit {limit:.3f}",
        "alarm.missing": "{about} is missing for another share: {points:+.1f} percentage points since training, limit "
                         "{limit_points:.1f}",
        "alarm.below": "{about} lies below what training saw for {found:.1%}, limit {limit:.1%}",
        "alarm.above": "{about} lies above what training saw for {found:.1%}, limit {limit:.1%}",
        "alarm.types": "the types given have other shares, {about} most: {points:+.1f} percentage points since training, limit "
                       "{limit_points:.1f}",
        "alarm.unseen": "{about} has values that training never saw in {found:.1%} of its rows, limit {limit:.1%}",
        "alarm.performance": "{about} is {found:.3f}, {limit:.3f} was promised: worse beyond chance",
        "alarm.age": "the model is {found:,.0f} days old, limit {limit:,.0f}",
        "alarm.no_reference": "the model was registered before a training reference was kept: no drift can be seen; train anew",
    },
    "zh": {
        "title": "{day}：模型 {model}，学习截至 {until}（{age:,} 天前）；{n:,} 个有效客户",
        "book": "注：所给数据与评分时不是同一批，或存放方式不同（文件、数据库）；"
                "其间更正的事实会计入数据更正，又反向计入客户变化：请先重新评分 {day}，"
                "或提供评分时的数据",
        "reference": "对照截至 {day} 的 {months} 个月末的客户总体（当日 {n:,} 个客户，{circles:,} 个关联圈）；"
                     "全部 {tests:,} 项检验合计误报率 {share:.1%}",
        "types": "当前类型占比（最相近的月末 {day}）：{types}；PSI {psi:.3f}；按关联圈 {circles:.3f}，偶然可达 {level:.3f}",
        "features": "特征：监测 {n} 个，{moved} 个超出界限；最接近或已超出者：",
        "feature": "{name}（{words}）：PSI {psi:.3f}；按关联圈 {circles:.3f}，偶然可达 {level:.3f}；"
                   "缺失 {now:.1%}（{then:.1%}）；超出训练所见范围：低于 {below:,}，高于 {above:,}",
        "unseen": "{column}：{rows:,} 行中有 {n:,} 行的取值训练时从未出现：{values}",
        "no_labels": "实际表现：尚无晚于训练所知最后标签日期（{day}）的已评分日期标签",
        "not_scored": "{n:,} 个关于之后日期（{first} 至 {last}）的标签未计入：该模型当日未对这些客户评分；请先对这些日期评分",
        "few": "实际表现：{first} 至 {last} 仅有 {n} 个标签，不足以评判",
        "performance": "实际表现，{first} 至 {last} 的 {n} 个标签，区间（承诺值）：",
        "number": "{name} {found}（{promised}）", "alarms": "警报：{n} 项", "none": "警报：无",
        "since": "自 {since} 起：类型变化 {moved:,}，新增 {new:,}，退出 {gone:,}（括号内为 {day} 的{exposure}，"
                 "退出者为 {since} 的）",
        "models": "当时模型 {old}，现在 {new}", "unknown": "{n:,} 个客户敞口未知，未计入金额",
        "matrix": "当时 \\ 现在", "bridge": "{what}：当时、{steps}、现在", "n": "客户数", "cents": "敞口",
        "causes": "按原因，每个客户只计一次，计入其最终取得现类型的步骤：",
        "moves": "各步骤的全部迁移，含在后续步骤中再次迁移或迁回者；敞口为该步骤之后的，并列推动特征（对数几率）：",
        "move": "{step}：{a} → {b}：{n:,}（{amount}）{carried}",
        "arrived": "{a} → {b}：{n:,}（{amount}）= {parts}", NEW: "新增", GONE: "退出",
        "no_migration": "没有两个可比较的已评分日期",
        CORRECTED: "数据更正", CUSTOMER: "客户变化", MODEL: "模型变化",
        "alarm.psi": "{about} 分布改变：PSI {found:.3f}，界限 {limit:.3f}",
        "alarm.missing": "{about} 缺失占比改变：较训练时 {points:+.1f} 个百分点，界限 {limit_points:.1f} 个百分点",
        "alarm.below": "{found:.1%} 的客户 {about} 低于训练所见范围，界限 {limit:.1%}",
        "alarm.above": "{found:.1%} 的客户 {about} 高于训练所见范围，界限 {limit:.1%}",
        "alarm.types": "类型占比改变，{about}变动最大：较训练时 {points:+.1f} 个百分点，界限 {limit_points:.1f} 个百分点",
        "alarm.unseen": "{about} 有 {found:.1%} 的行取值训练时从未出现，界限 {limit:.1%}",
        "alarm.performance": "{about} 为 {found:.3f}，承诺 {limit:.3f}：变差且非偶然",
        "alarm.age": "模型已 {found:,.0f} 天，界限 {limit:,.0f}",
        "alarm.no_reference": "该模型登记时尚未保存训练参照：无法监测漂移；请重新训练",
    },
}  # fmt: skip
KINDS_ZH = {"psi": "分布", "missing": "缺失", "below": "低于范围", "above": "高于范围", "types": "类型占比", "unseen": "新取值",
            "performance": "实际表现", "age": "模型年龄", "no_reference": "无参照"}


def lines_of(found: Monitored, language: str, top: int, share: float) -> list[str]:
    """Everything that monitoring found, with at most ``top`` features and moves; alarms last. ``share``: of false alarms."""
    say = WORDS[language]
    lines = [say["title"].format(day=found.as_of, model=found.model.name, until=found.model.trained_until, age=found.age_days,
                                 n=found.n_customers)]
    if found.is_other_book:
        lines.append(say["book"].format(day=found.as_of))
    if found.drift:
        lines += _drift(found.drift, language, top, share)
    lines += _migration(found.migration, found.as_of, language, top) if found.migration else [say["no_migration"]]
    lines.append(say["alarms"].format(n=len(found.alarms)) if found.alarms else say["none"])
    return [one_line(line) for line in [*lines, *(f"  {told(alarm, language)}" for alarm in found.alarms)]]


def told(alarm: Alarm, language: str) -> str:
    """An alarm in words, by its name; a feature with what it is."""
    about = called(load_types(), language).get(alarm.about, alarm.about)
    if about in FEATURES:
        words = short_name(FEATURES[about], language)
        about = f"{about} ({words})" if language == "en" else f"{about}（{words}）"
    said = WORDS[language][f"alarm.{alarm.kind}"].format(
        about=about, found=alarm.found, limit=alarm.limit, points=100 * alarm.found, limit_points=100 * alarm.limit)
    return f"{alarm.kind}: {said}" if language == "en" else f"{KINDS_ZH[alarm.kind]}：{said}"


def _drift(drift: Drift, language: str, top: int, share: float) -> Iterator[str]:
    say, name, reference = WORDS[language], called(load_types(), language), drift.reference
    yield say["reference"].format(
        months=len(reference.days), day=reference.days[-1], n=reference.types[-1].total, circles=reference.types[-1].n_circles,
        share=share, tests=n_tests(len(drift.features)))
    now, then = (np.array(counts.n) / counts.total for counts in (drift.types.now, drift.types.then))
    types = ", ".join(f"{name[kind]} {a:.1%} ({b:.1%})" for kind, a, b in zip(reference.order, now, then))
    moved = drift.types.shift
    yield say["types"].format(day=drift.types.day, types=types, psi=moved.psi, circles=moved.of_circles, level=moved.level)
    yield say["features"].format(n=len(drift.features), moved=sum(bool(one.alarms) for one in drift.features))
    for one in sorted(drift.features, key=lambda one: (not one.alarms, -one.shift.of_level))[:top]:
        yield "  " + say["feature"].format(
            name=one.feature, words=short_name(FEATURES[one.feature], language), psi=one.shift.psi,
            circles=one.shift.of_circles, level=one.shift.level,
            now=one.missing_now, then=one.missing_then, below=one.n_below, above=one.n_above)
    for one in drift.unseen:
        values = ", ".join(f"{value} {n:,}" for value, n in list(one.values.items())[:top])
        yield say["unseen"].format(column=one.column, n=sum(one.values.values()), rows=one.n_rows, values=values)
    yield from _performance(drift, say)


def _performance(drift: Drift, say: dict[str, str]) -> Iterator[str]:
    performance, reference, others = drift.performance, drift.reference, drift.not_scored
    if performance is None:
        yield say["no_labels"].format(day=reference.labels_until)
    else:
        said = say["performance" if performance.found else "few"]
        yield said.format(n=performance.n, first=performance.first, last=performance.last)
        for number, interval in performance.found.items():
            yield "  " + say["number"].format(name=number, found=interval, promised=reference.promised[number])
    if others:
        yield "  " + say["not_scored"].format(n=others.n, first=others.first, last=others.last)


def _migration(found: Migrated, as_of: str, language: str, top: int) -> Iterator[str]:
    say, name = WORDS[language], called(load_types(), language) | {kind: WORDS[language][kind] for kind in (NEW, GONE)}
    split, bridges = migration(found.stages), bridge(found.stages)
    n, cents = split["n"]["all"], split["cents"]["all"]
    stayed = sum(int(n.loc[kind, kind]) for kind in ORDER)
    new, gone = int(n.loc[NEW].sum()), int(n[GONE].sum())
    exposure = short_name(FEATURES[found.exposure], language)
    yield ""
    yield say["since"].format(since=found.since, day=as_of, exposure=exposure,
                              moved=int(n.to_numpy().sum()) - stayed - new - gone, new=new, gone=gone)
    yield "  " + say["models"].format(old=found.models[0], new=found.models[1])
    if found.n_unknown:
        yield "  " + say["unknown"].format(n=found.n_unknown)
    yield "  " + " | ".join([say["matrix"], *(name[kind] for kind in n.columns)])
    for kind in n.index:
        cells = [f"{n.loc[kind, to]:,} ({in_units(cents.loc[kind, to])})" if n.loc[kind, to] else "-" for to in n.columns]
        yield "  " + " | ".join([name[kind], *cells])
    steps = [say[step] for step in STEPS]
    for what, table in bridges.items():
        yield "  " + say["bridge"].format(what=say[what], steps=(", " if language == "en" else "、").join(steps))
        for kind, row in table.iterrows():
            cells = [f"{value:+,}" if what == "n" else in_units(value, "+") for value in row[list(STEPS)]]
            ends = [f"{value:,}" if what == "n" else in_units(value) for value in (row["then"], row["now"])]
            yield "    " + " | ".join([name[kind], ends[0], *cells, ends[1]])
    cells = [(a, b) for a in n.index for b in n.columns if a != b and n.loc[a, b]]
    if cells:
        yield say["causes"]
    for a, b in sorted(cells, key=lambda cell: (-n.loc[cell], cell))[:top]:
        parts = " + ".join(f"{split['n'][step].loc[a, b]:,} {say[step]}" for step in STEPS)
        yield "  " + say["arrived"].format(a=name[a], b=name[b], n=n.loc[a, b], amount=in_units(cents.loc[a, b]), parts=parts)
    if found.moves:
        yield say["moves"]
    for move in sorted(found.moves, key=lambda move: -move.n)[:top]:
        carried = ", ".join(f"{short_name(FEATURES[feature], language)} {value:+.2f}" for feature, value in move.carriers)
        yield "  " + say["move"].format(step=say[move.step], a=name[move.before], b=name[move.after], n=move.n,
                                        amount=in_units(move.cents), carried=f": {carried}" if carried else "")
