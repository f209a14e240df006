"""A report as one page that stands alone: data packed into it, drawn by its own script, in Chinese and English.

The data are compressed JSON in base64, so no text of the book is ever part of the markup; the script makes text of it and nothing
else, and the content security policy lets no other script run, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from features.catalogue import DIMENSIONS, FEATURES
from models.early_warning import CLEARED
from models.explain import JOIN, LANGUAGES, PARTS, STARTING_POINT, short_name
from models.stability import N_RESEEDS, RESEED_COLUMNS
from models.triggers import LISTS
from models.types import ORDER, called, load_types
from pipeline.alerts import STATUSES
from pipeline.business_page import follow_up_of, structure_of
from pipeline.export import harmless
from pipeline.report import Drivers, Report, places, sums, worded
from pipeline.report_words import WORDS
from pipeline.steadiness import reseed_line

TEMPLATES = Path(__file__).with_name("templates")
N_FACTORS = 6
"""Features that a case shows on either side; the others are summed up."""

NUMBER = re.compile(r"-?\d[\d,.]*")


def page(found: Report) -> bytes:
    """The whole HTML file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    style, script = ((TEMPLATES / f"book_report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    text = json.dumps(packed(found), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    template = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True)
    written = template.get_template("book_report.html").render(
        style=style, script=script, style_hash=_sha256(style), script_hash=_sha256(script), as_of=found.as_of,
        words=WORDS, data=base64.b64encode(zlib.compress(text.encode(), 9)).decode())
    return written.encode()


def packed(found: Report) -> dict:
    """Everything the page shows, as JSON has it: columns rather than rows, types by their place, log-odds in hundredths."""
    types, first = load_types(), found.rows.iloc[0]
    strategies = {kind.name: {"en": kind.strategy_en, "zh": kind.strategy_zh} for kind in types}
    for row in found.rows.drop_duplicates("type").itertuples():
        strategies[row.type] = {"en": row.strategy_en, "zh": row.strategy_zh}
    exposure, migration = found.exposure, found.migration
    return {
        "as_of": found.as_of, "since": migration.since if migration else None, "model": str(first["model_version"]),
        "fingerprint": str(first["data_fingerprint"]), "words": WORDS, "types": list(ORDER),
        "type_names": {language: [called(types, language)[kind] for kind in ORDER] for language in LANGUAGES},
        "search_names": [f"{kind.name} {kind.name_en} {kind.name_zh}" for kind in types],
        "traits": {"en": [kind.traits_en for kind in types], "zh": [kind.traits_zh for kind in types]},
        "strategies": {language: [strategies[kind][language] for kind in ORDER] for language in LANGUAGES},
        "part_names": {each: [PARTS[each][part] for part in (*DIMENSIONS, STARTING_POINT)] for each in LANGUAGES},
        "exposure": {"source": exposure.source, "names": {
            each: short_name(FEATURES[exposure.feature], each) if exposure.feature else None for each in LANGUAGES}},
        "book": found.by_type.astype({"exposure": float}).round(2).to_dict("list"),
        "migration": migration and {"n": migration.n.to_numpy().tolist(), "n_unknown": migration.n_unknown,
                                    "exposure": migration.exposure.to_numpy(float).round(2).tolist()},
        "drivers": [_drivers(found.drivers[kind]) for kind in ORDER],
        "customers": _customers(found.rows), "cases": _cases(found), "structure": structure_of(found.structure),
        "follow_up": found.follow_up and follow_up_of(found.follow_up),
        "alerts": None if found.alerts is None else _alerts(found),
    }


def _drivers(drivers: Drivers) -> dict:
    rows = drivers.features
    return {"n": drivers.n, "parts": _hundredths(drivers.parts), "gap": _hundredths([drivers.parts.sum()])[0],
            "size": _hundredths(rows["mean_size"]), "mean": _hundredths(rows["mean"]),
            "share_for": np.rint(100 * rows["share_for"].to_numpy(float)).astype(int).tolist(),
            "part": [list(DIMENSIONS).index(name) for name in rows["dimension"]],
            "words": {language: rows[f"words_{language}"].tolist() for language in LANGUAGES}}


def _alerts(found: Report) -> dict:
    """Early warnings: counts by list, and one entry per alert; a reason is told in parts, each a template and its numbers.

    ``counts``: by list the open alerts of severity 3, 2 and 1, the customers they are of, and how many are new, still open and
    cleared. ``customer`` is a place in the list of customers, -1 where it is not in it any more.
    """
    alerts, roles = found.alerts, ["owner", "owner_zh", "escalation", "escalation_zh"]
    parts = [_parts(en, zh) for en, zh in zip(alerts["reasons_en"], alerts["reasons_zh"])]
    templates, which, numbers = folded([part for each in parts for part in each])
    people = alerts[roles].drop_duplicates().reset_index(drop=True)
    counts = {}
    for kind in LISTS:
        own = alerts[alerts["list"] == kind]
        opened = own[own["status"] != CLEARED]
        counts[kind] = [*(int((opened["severity"] == grade).sum()) for grade in (3, 2, 1)), opened["customer_id"].nunique(),
                        *(int((own["status"] == status).sum()) for status in STATUSES)]
    return {
        "counts": counts, "customer": pd.Index(found.rows["customer_id"]).get_indexer(alerts["customer_id"]).tolist(),
        "list": [LISTS.index(kind) for kind in alerts["list"]], "severity": alerts["severity"].tolist(),
        "status": [STATUSES.index(status) for status in alerts["status"]], "first_seen": alerts["first_seen"].tolist(),
        "escalates_on": alerts["escalates_on"].tolist(), "escalated": alerts["is_escalated"].astype(int).tolist(),
        "done": {language: [harmless(text) for text in alerts[f"done_{language}"]] for language in LANGUAGES},
        "n_parts": [len(each) for each in parts], "template": which,
        "numbers": numbers, "templates": [dict(zip(LANGUAGES, each)) for each in templates],
        "people": [[row[f"owner{suffix}"], row[f"escalation{suffix}"]] for row in people.to_dict("records")
                   for suffix in ("", "_zh")],
        "people_of": alerts[roles].merge(people.reset_index(names="place"), on=roles, how="left")["place"].tolist(),
    }


def _parts(en: str, zh: str) -> list[tuple[str, ...]]:
    """A reason in both languages, taken apart where its parts are joined, in the order of ``LANGUAGES``."""
    said = {"en": en.split(JOIN["en"]), "zh": zh.split(JOIN["zh"])}
    if len(said["en"]) != len(said["zh"]):
        said = {"en": [en], "zh": [zh]}
    return list(zip(*(said[language] for language in LANGUAGES)))


def _customers(rows: pd.DataFrame) -> dict:
    """One entry per customer in every list; probabilities in tenths of a percent, possible types as bits."""
    exposure = rows["exposure"].round(2)
    possible = [sum(1 << place for place, kind in enumerate(ORDER) if kind in each.split(",")) for each in rows["possible_types"]]
    names = [harmless(name) if isinstance(name, str) else None for name in rows["name"]]
    keys = [str(who).encode("utf-8", "backslashreplace").decode() for who in rows["customer_id"]]
    shown = [harmless(who) for who in keys]
    told, which = _steady(rows)
    return {
        "id": shown, "key": None if shown == keys else keys, "steady": told, "steady_of": which,
        "name": names if any(names) else None,
        "type": places(rows["type"]).tolist(), "second": places(rows["runner_up"]).tolist(),
        "p": [round(1000 * round(p, 3)) for p in rows[[f"p_{kind}" for kind in ORDER]].to_numpy(float).ravel().tolist()],
        "gap": _hundredths(rows["gap_log_odds"]), "possible": possible, "is_referred": rows["is_referred"].astype(int).tolist(),
        "exposure": [None if np.isnan(each) else int(each) if each == int(each) else each for each in exposure.tolist()],
        "before": places(rows["before"]).tolist(),
    }


def _steady(rows: pd.DataFrame) -> tuple[dict[str, list[str]], list[int]]:
    """What reseeded models say of customers, each sentence once by language, and which of them is true of each."""
    columns = rows.reindex(columns=[N_RESEEDS, *RESEED_COLUMNS]).fillna(0.0)
    different = columns.drop_duplicates()
    places = {tuple(row): place for place, row in enumerate(different.itertuples(index=False, name=None))}
    told = {language: [reseed_line(row, language) for _, row in different.iterrows()] for language in LANGUAGES}
    return told, [places[row] for row in columns.itertuples(index=False, name=None)]


def _cases(found: Report) -> dict:
    """Of every customer why it has its type and not each of the four others, those in order of precedence.

    ``parts``: five sums for each, ``gaps`` their sum; ``shown``, ``n_rest`` and ``rest``: for each and either side (for,
    against) how many features are shown, how many not, and what those sum to. ``fact`` and ``push``: the shown ones one after
    the other, each a place in the customer's own facts, of which there are ``n_facts``: a template with the numbers to put into
    it, and a percentile.
    """
    kept, own = found.kept, places(found.rows["type"])
    n, n_features = kept.values.shape
    rows = np.arange(n)[:, None]
    parts, gaps, shown, n_rest, rest, tops = [], [], [], [], [], []
    is_told = np.array([name in FEATURES for name in kept.features])
    others = np.array([[kind for kind in range(len(ORDER)) if kind != place] for place in range(len(ORDER))])
    for other in others[own].T:
        contrasts = kept.contrasts(own, other)
        parts.append(sums(contrasts, kept.features))
        gaps.append(contrasts.sum(axis=1))
        pushes = np.where(is_told, contrasts[:, :-1], 0.0)
        for side in (np.maximum(pushes, 0), np.minimum(pushes, 0)):
            top = np.argsort(-np.abs(side), axis=1, kind="stable")[:, :N_FACTORS]
            size = np.take_along_axis(side, top, axis=1)
            shown.append((size != 0).sum(axis=1))
            n_rest.append((side != 0).sum(axis=1) - shown[-1])
            rest.append(side.sum(axis=1) - size.sum(axis=1))
            tops.append((top, size))
    top, size = (np.stack(each, axis=1) for each in zip(*tops))  # (n, 8, N_FACTORS)
    is_used = np.zeros((n, n_features), bool)
    is_used[np.broadcast_to(rows[:, :, None], top.shape)[size != 0], top[size != 0]] = True
    place = is_used.cumsum(axis=1) - 1
    return {
        "parts": _hundredths(np.stack(parts, axis=1)), "gaps": _hundredths(np.stack(gaps, axis=1)),
        "shown": np.stack(shown, axis=1).ravel().tolist(),
        "n_rest": np.stack(n_rest, axis=1).ravel().tolist(), "rest": _hundredths(np.stack(rest, axis=1)),
        "fact": place[rows[:, :, None], top][size != 0].tolist(), "push": _hundredths(size[size != 0]),
        "n_facts": is_used.sum(axis=1).tolist(), **_facts(found, is_used),
    }


def _facts(found: Report, is_used: np.ndarray) -> dict:
    """The used values in words, customer by customer: templates, and for each value its template, numbers and percentile."""
    kept, templates, part = found.kept, [], []
    which, percentile = np.zeros(is_used.shape, int), np.zeros(is_used.shape, int)
    numbers = np.full(is_used.shape, "", object)
    for place in np.flatnonzero(is_used.any(axis=0)):
        name, rows = kept.features[place], is_used[:, place]
        values, inverse = np.unique(kept.values[rows, place], return_inverse=True)
        words = worded(values, name, kept.reference)
        made, of, filled = folded(list(zip(*(words[language] for language in LANGUAGES))))
        which[rows, place], numbers[rows, place] = np.array(of)[inverse] + len(templates), np.array(filled, object)[inverse]
        shares = [kept.reference.percentile(name, value) for value in values]
        percentile[rows, place] = np.array([-1 if np.isnan(share) else round(100 * share) for share in shares])[inverse]
        templates += [dict(zip(LANGUAGES, each)) for each in made]
        part += [list(DIMENSIONS).index(FEATURES[name].dimension)] * len(made)
    return {"templates": templates, "template_part": part, "template": which[is_used].tolist(),
            "numbers": numbers[is_used].tolist(), "percentile": percentile[is_used].tolist()}


def folded(texts: Sequence[tuple[str, ...]]) -> tuple[list[list[list[str | int]]], list[int], list[str]]:
    """Take texts apart into few templates and the numbers in them: many say the same of other numbers.

    Parameters
    ----------
    texts : sequence of tuple of str
        Each the same said in several languages.

    Returns
    -------
    templates, which, numbers
        Templates have for every language a list of pieces, texts and places of numbers; ``which`` and ``numbers`` (with blanks
        between) have one entry per text. A number that stands in every text of a template is part of it; one that is always
        equal to another is kept once.
    """
    alike: dict[tuple, list[int]] = defaultdict(list)
    for row, said in enumerate(texts):
        alike[tuple(tuple(NUMBER.split(text)) for text in said)].append(row)
    templates, which, numbers = [], [0] * len(texts), [""] * len(texts)
    for pieces, rows in alike.items():
        columns = list(zip(*([number for text in texts[row] for number in NUMBER.findall(text)] for row in rows)))
        moving = list(dict.fromkeys(column for column in columns if len(set(column)) > 1))
        holes = iter([moving.index(column) if column in moving else column[0] for column in columns])
        templates.append([_laid(text, holes) for text in pieces])
        for row, filled in zip(rows, zip(*moving) if moving else [()] * len(rows)):
            which[row], numbers[row] = len(templates) - 1, " ".join(filled)
    return templates, which, numbers


def _laid(pieces: Sequence[str], holes: Iterator[str | int]) -> list[str | int]:
    """The pieces with a number, or the place of one, between any two; neighbouring texts are joined."""
    laid: list[str | int] = [pieces[0]]
    for piece in pieces[1:]:
        for each in (next(holes), piece):
            if isinstance(each, str) and isinstance(laid[-1], str):
                laid[-1] += each
            else:
                laid.append(each)
    return laid


def _hundredths(numbers: Iterable[float] | np.ndarray) -> list[int]:
    return [round(100 * round(each, 2)) for each in np.asarray(numbers, float).ravel().tolist()]


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
