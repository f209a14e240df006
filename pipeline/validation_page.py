"""The validation report as a page, and the model card: both written from the report's data."""

from __future__ import annotations

import base64
import json
from pathlib import Path

TEMPLATES = Path(__file__).with_name("templates")
PICTURES = ("confusion", "reliability", "drivers")


def write_report(report: dict, folder: Path) -> None:
    """Write report.json, report.html and model_card.md beside the pictures of the run; the page stands alone.

    Parameters
    ----------
    report : dict
        As ``validation.report_of`` gives it.
    folder : Path
        Holds the pictures, as PNG files.
    """
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    pictures = {name: base64.b64encode((folder / f"{name}.png").read_bytes()).decode() for name in PICTURES}
    page = _template("validation_report.html").render(**report, pictures=pictures)
    (folder / "report.html").write_text(page, encoding="utf-8")
    card = _template("model_card.md").render(**report, last=report["evaluations"][-1])
    (folder / "model_card.md").write_text(card + "\n", encoding="utf-8")


def _template(name: str):
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    escape = select_autoescape(["html"])
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=escape, undefined=StrictUndefined).get_template(name)
