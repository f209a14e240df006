"""The validation report and the model card: that they stand alone, say the same, and that no name can break them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from desk import Desk, tiny_book, write_book, write_settings

from pipeline.validation_page import PICTURES, write_report

SECTIONS = ("limits", "gate", "data", "labels", "splits", "metrics", "calibration", "slices", "stability", "referral", "model")


@pytest.fixture(scope="module")
def folder(trained) -> Path:
    """The files of the first training run."""
    return min(trained.folder.glob("store/artifacts/*/artifacts"), key=lambda f: f.stat().st_mtime)


@pytest.fixture(scope="module")
def report(folder) -> dict:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


class Page(HTMLParser):
    """What a page refers to, shows and runs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.links, self.ids, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[key] for key in ("href", "src") if key in found]
        self.tags += [f"{tag} {key}" for key in found if key.startswith("on")]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_stands_alone_runs_nothing_and_has_every_section(folder):
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in page.links)
    assert "script" not in page.tags and not any(" on" in tag for tag in page.tags)
    assert set(SECTIONS) <= set(page.ids)
    assert (folder / "report.html").stat().st_size < 2_000_000


def test_the_report_has_data_labels_splits_metrics_with_intervals_baselines_slices_and_limits(report):
    assert report["data"]["fingerprint"] and {t["table"] for t in report["data"]["tables"]} >= {"customers", "loans", "labels"}
    assert report["labels"]["per_type"] == dict.fromkeys(("risk", "churn", "strategic", "growth", "stable"), 24)
    assert report["splits"]["embargo_days"] == 30 and "test" in report["splits"]["description"]
    for evaluation in report["evaluations"]:
        assert {"pentad", "majority", "size_only", "rule_book", "logistic"} <= set(evaluation["contenders"])
        for found in evaluation["contenders"]["pentad"].values():
            assert found["value"] is not None and found["low"] <= found["high"]
    assert report["gate"]["objections"] and report["known_limits"]
    assert all(limit["en"] and re.search("[\u4e00-\u9fff]", limit["zh"]) for limit in report["known_limits"])


def test_page_card_and_data_say_the_same(folder, report):
    last = report["evaluations"][-1]
    shown = f"{last['contenders']['pentad']['log_loss']['value']:.3f}"
    text = " ".join(Page((folder / "report.html").read_text(encoding="utf-8")).words)
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    assert shown in text and shown in card
    for limit in report["known_limits"]:
        assert limit["en"] in text and limit["en"] in card and limit["zh"] in card
    assert report["model"]["sha256"] in text and report["model"]["sha256"] in card


def test_the_models_judged_on_a_test_period_are_counted_the_same_one_once_whatever_happens_to_a_label(tmp_path, spoiled):
    desk, labels = Desk(tmp_path), pd.read_csv(spoiled / "labels.csv", dtype=str)
    assert desk.train(spoiled) == 0 and desk.train(spoiled) == 0
    labels.iloc[:-1].to_csv(spoiled / "labels.csv", index=False)  # one label of the period less
    desk.settings = write_settings(tmp_path, n_trees="11", looks_limit="1")
    assert desk.train(spoiled) == 0
    reports = sorted(desk.folder.glob("store/artifacts/*/artifacts/report.json"), key=lambda f: f.stat().st_mtime)
    read = [json.loads(f.read_text(encoding="utf-8")) for f in reports]
    assert [each["splits"]["models_judged_on_this_period"] for each in read] == [1, 1, 2]
    page = reports[-1].with_name("report.html").read_text(encoding="utf-8")
    assert "this one included: 2." in page and "2nd model judged on this test period" in page
    assert not any("model judged on this test period" in said for said in read[0]["gate"]["objections"])


def test_a_hostile_name_stays_a_text(folder, report, tmp_path):
    hostile = "<img src=x onerror=alert(1)>\"'{{ 7*7 }}</td><script>alert(2)</script>"
    for name in PICTURES:
        (tmp_path / f"{name}.png").write_bytes((folder / f"{name}.png").read_bytes())
    plain = Page((folder / "report.html").read_text(encoding="utf-8"))
    spoiled = json.loads(json.dumps(report))
    spoiled["data"]["tables"][0]["table"] = hostile
    spoiled["gate"]["objections"] = [hostile] * len(report["gate"]["objections"])
    write_report(spoiled, tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.tags == plain.tags
    assert sum(hostile in words for words in page.words) == 1 + len(report["gate"]["objections"])


def test_the_human_ceiling_stands_beside_the_score_wherever_analysts_overlap(tmp_path, capsys):
    tables = tiny_book()
    second = tables["labels"].assign(analyst="a2")
    tables["labels"] = pd.concat([tables["labels"], second], ignore_index=True)
    desk = Desk(tmp_path)
    assert desk.train(write_book(tables, tmp_path / "book")) == 0
    assert "\nhuman ceiling: analysts agree with the consensus of the others on 1.000" in capsys.readouterr().out
    (card,) = desk.folder.glob("store/artifacts/*/artifacts/model_card.md")
    assert "Analysts agree with the consensus of the others on 1.000 of 240 labels." in card.read_text(encoding="utf-8")
    assert "人工上限" in card.with_name("report.html").read_text(encoding="utf-8")
