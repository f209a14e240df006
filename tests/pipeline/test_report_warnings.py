"""Early warnings on the page of a report: counted by list and severity, told with every case, in both languages."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from desk import Desk, revision_of, the_line
from reports import BEFORE, DAY, data_of, hostile_names, is_case_of, many

from pipeline.alerts import OUTCOMES, NotWarned, kept_alerts, made_of, put_alerts, with_done
from pipeline.export import harmless
from pipeline.outcomes import recorded
from pipeline.report import Report, report
from pipeline.report_page import page
from pipeline.report_words import WORDS
from pipeline.settings import load_settings
from pipeline.warn import warn

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NOTHING_DONE = pd.DataFrame(columns=list(OUTCOMES))
N = 10_000
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def out(scored_twice, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("warned")
    for day in (BEFORE, DAY):
        warn(day, scored_twice, out, load_settings(), recorded(out / "no log"), False)
    return out


@pytest.fixture(scope="module")
def found(scored_twice, out) -> Report:
    return report(DAY, None, scored_twice, warnings=out)


def told(data: dict) -> list[dict]:
    """The alerts of a page, put together as its script does."""
    alerts, part, found = data["alerts"], 0, []
    for k, n in enumerate(alerts["n_parts"]):
        said = {}
        for language, joined in (("en", "; "), ("zh", "；")):
            texts = []
            for each in range(part, part + n):
                numbers = alerts["numbers"][each].split(" ")
                pieces = alerts["templates"][alerts["template"][each]][language]
                texts.append("".join(numbers[piece] if isinstance(piece, int) else piece for piece in pieces))
            said[f"reasons_{language}"] = joined.join(texts)
        part += n
        people = [alerts["people"][2 * alerts["people_of"][k] + place] for place in (0, 1)]
        found.append(said | {
            "customer": alerts["customer"][k], "severity": alerts["severity"][k], "first_seen": alerts["first_seen"][k],
            "list": WORDS["en"]["lists"][alerts["list"][k]], "status": ("new", "open", "cleared")[alerts["status"][k]],
            "owner": people[0][0], "escalation": people[0][1], "owner_zh": people[1][0], "escalation_zh": people[1][1],
            "done_en": alerts["done"]["en"][k], "done_zh": alerts["done"]["zh"][k],
            "escalates_on": alerts["escalates_on"][k]})
    assert part == len(alerts["template"]) == len(alerts["numbers"])
    return found


def test_the_page_counts_alerts_by_list_and_severity_and_what_became_of_them(found, out):
    rows, counts = kept_alerts(DAY, out).to_dict("records"), data_of(page(found))["alerts"]["counts"]
    assert list(counts) == ["risk", "churn"]
    for kind, numbers in counts.items():
        own = [row for row in rows if row["list"] == kind]
        standing = [row for row in own if row["status"] != "cleared"]
        by_status = [sum(row["status"] == status for row in own) for status in ("new", "open", "cleared")]
        by_grade = [sum(row["severity"] == grade for row in standing) for grade in (3, 2, 1)]
        assert numbers == [*by_grade, len({row["customer_id"] for row in standing}), *by_status]
    assert f"early warnings: {sum(row['status'] != 'cleared' for row in rows):,} open" in str(found)


def test_the_page_tells_every_alert_as_it_was_written_beside_its_customer(found, out):
    data, alerts = data_of(page(found)), with_done(kept_alerts(DAY, out), NOTHING_DONE, DAY).to_dict("records")
    for shown, kept in zip(told(data), alerts, strict=True):
        assert {name: kept[name] for name in shown if name != "customer"} == {
            name: value for name, value in shown.items() if name != "customer"}
        ids = data["customers"]["id"]
        assert (ids[shown["customer"]] if shown["customer"] >= 0 else None) == (
            kept["customer_id"] if kept["customer_id"] in ids else None)
        assert data["alerts"]["escalated"] == [int(alert["is_escalated"]) for alert in alerts]
        assert CHINESE.search(shown["reasons_zh"]) and not CHINESE.search(shown["reasons_en"])
    assert any(alert["customer"] < 0 for alert in told(data)) == any(row["cleared_because"] == "gone" for row in alerts)


def test_the_page_tells_what_was_recorded_by_the_date_without_a_book_and_without_warning_again(scored_twice, out, tmp_path):
    desk, late = Desk(tmp_path), with_done(kept_alerts(DAY, out), NOTHING_DONE, DAY).query("is_escalated")
    who = late["customer_id"].iloc[0]
    for on, detail in ((DAY, "met the owner"), ("2025-01-31", "met again")):
        assert desk.run("outcome", who, "--on", on, "--what", "contacted", "--detail", detail, "--by", "rm_1", "--assignments",
                        scored_twice) == 0
    assert desk.run("report", "--as-of", DAY, "--assignments", scored_twice, "--warnings", out, "--out", tmp_path / "r.html") == 0
    data = data_of((tmp_path / "r.html").read_bytes())
    place = data["customers"]["id"].index(who)
    for shown, kept, is_late in zip(told(data), kept_alerts(DAY, out).itertuples(), data["alerts"]["escalated"], strict=True):
        is_own = shown["customer"] == place
        assert shown["done_en"] == (f"{DAY} contacted: met the owner (rm_1)" if is_own else "")
        assert shown["done_zh"] == (f"{DAY} 已联系：met the owner（rm_1）" if is_own else "")
        assert is_late == (kept.alert_id in set(late["alert_id"]) and not is_own)


def test_without_early_warnings_of_the_date_the_page_has_none(found, scored_twice, tmp_path):
    assert report(DAY, None, scored_twice, warnings=tmp_path).alerts is None
    assert data_of(page(replace(found, alerts=None)))["alerts"] is None


def test_early_warnings_of_another_run_of_the_date_are_refused(scored_twice, out, tmp_path, capsys):
    folder = shutil.copytree(scored_twice, tmp_path / "assignments")
    assert report(DAY, None, folder, warnings=out).alerts is not None
    file = revision_of(folder, DAY) / "assignments.parquet"
    rows = pd.read_parquet(file)
    warnings = shutil.copytree(out, tmp_path / "warnings")
    put_alerts(kept_alerts(DAY, out), DAY, warnings, made_of(DAY, out) | {"run": f"2 {rows['data_fingerprint'].iloc[0]}"}, True)
    with pytest.raises(NotWarned, match="are of another run of the date"):
        report(DAY, None, folder, warnings=warnings)
    desk = Desk(tmp_path)
    assert desk.run("report", "--as-of", DAY, "--assignments", folder, "--warnings", warnings, "--out", tmp_path / "r.html") == 67
    assert "Warn the date again with --replace" in the_line(capsys)


def test_a_page_of_ten_thousand_customers_with_their_alerts_stays_below_five_megabytes(scored_twice, tmp_path):
    many(scored_twice, tmp_path / "assignments", DAY, N)
    made = warn(DAY, tmp_path / "assignments", tmp_path / "warnings", load_settings(), recorded(tmp_path / "no log"), False)
    written = page(report(DAY, None, tmp_path / "assignments", warnings=tmp_path / "warnings"))
    data = data_of(written)
    assert len(data["customers"]["id"]) == N and len(data["alerts"]["customer"]) == len(made.alerts) > N / 2
    assert len(written) < MOST_BYTES


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: chromium, chromium-browser or google-chrome")
def test_the_browser_shows_the_lists_and_the_alerts_of_a_case_and_runs_nothing_that_was_recorded(found, tmp_path):
    from playwright.sync_api import sync_playwright

    names = hostile_names()
    alerts = found.alerts.assign(done_en=[names[k % len(names)] for k in range(len(found.alerts))], done_zh="已联系")
    alerts = alerts[alerts["customer_id"].isin(found.rows["customer_id"])].reset_index(drop=True)
    file, odd = tmp_path / "report.html", []
    file.write_bytes(page(replace(found, alerts=alerts)))
    who = alerts["customer_id"].iloc[0]
    own = alerts[alerts["customer_id"] == who]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        for event in ("console", "pageerror", "dialog"):
            tab.on(event, lambda message: odd.append(str(message)))
        tab.goto(file.as_uri())
        tab.wait_for_selector("html[data-ready]")
        assert tab.locator("#warnings tbody tr").count() == 2 and tab.locator("#warnings h2").inner_text() == "Early warnings"
        for customer in alerts["customer_id"].unique():
            tab.goto(f"{file.as_uri()}#{customer}")
            is_case_of(tab, customer)
            assert tab.locator("#alerts li").count() == (alerts["customer_id"] == customer).sum()
            assert tab.locator("#alerts script, #alerts img, #alerts a, #alerts iframe").count() == 0
        tab.goto(f"{file.as_uri()}#{who}")
        is_case_of(tab, who)
        text = tab.locator("#alerts").text_content()
        assert all(reason in text for reason in own["reasons_en"]) and all(harmless(done) in text for done in own["done_en"])
        tab.locator('dialog .language [data-value="zh"]').click()
        text = tab.locator("#alerts").text_content()
        assert all(reason in text for reason in own["reasons_zh"]) and "该客户的早期预警" in text and "已采取措施：已联系" in text
        assert tab.locator("#warnings h2").inner_text() == "早期预警" and tab.evaluate("window.pwned") is None
        browser.close()
    assert odd == []
