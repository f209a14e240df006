"""The business by type over time, and what came of actions, as the page of a report has them."""

from __future__ import annotations

import numpy as np

from features.contracts import PRODUCTS
from models.explain import LANGUAGES
from models.playbook import load_playbook
from models.types import ORDER
from pipeline.followup import WORDS, FollowUp, told
from pipeline.plan_words import PRODUCTS as PRODUCT_NAMES
from pipeline.structure import Structure

MEASURES = ("n", "exposure", "income", "past_due_share")


def structure_of(found: Structure) -> dict:
    """Dates; of each measure the numbers per date and type (None where not known); of products the balances likewise, or None."""
    tables = {name: found.rows.pivot(index="as_of", columns="type", values=name)[list(ORDER)] for name in MEASURES}
    products = found.products
    return {
        "dates": list(found.dates),
        "measures": {name: [[_number(each) for each in row] for row in table.to_numpy(float)] for name, table in tables.items()},
        "products": products if products is None else [
            [[round(own.get((kind, product), 0.0), 2) for product in PRODUCTS] for kind in ORDER]
            for own in ({(row.type, row.product): row.balance for row in products[products["as_of"] == day].itertuples()}
                        for day in found.dates)],
        "product_names": {each: [PRODUCT_NAMES[product][each] for product in PRODUCTS] for each in LANGUAGES}}


def follow_up_of(found: FollowUp) -> dict:
    """Texts per language: what came of each type, of each type and action, and what is not known yet."""
    named = {each.name: each for actions in load_playbook().values() for each in actions}

    def name(action: str, language: str) -> str:
        return getattr(named.get(action), f"name_{language}", action) or WORDS[language]["no_action"]

    return {"since": found.since, "notes": {each: found.notes(each) for each in LANGUAGES}, "texts": {
        each: {"types": [{"type": ORDER.index(kind)} | told(came, each) for kind, came in found.by_type.items()],
               "actions": [{"type": ORDER.index(kind), "action": name(action, each),
                            "ends": WORDS[each]["ends"].format(**found.ends[kind, action])}
                           | told(came, each) | {"n": found.ends[kind, action]["acted"]}
                           for (kind, action), came in found.by_action.items()]} for each in LANGUAGES}}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
