"""The page of a report in a real Chromium, opened as a file: it works, fetches nothing, and is broken by no name."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from desk import TYPES
from reports import DAY, data_of, hostile_names, is_case_of, is_closed, is_focused, many, named, rewritten, said

from models.explain import PARTS
from models.types import load_types
from pipeline.explanations import kept
from pipeline.export import harmless
from pipeline.report import Report, report
from pipeline.report_page import page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: chromium, chromium-browser or google-chrome")

N = 200
PAGE = 50
MOST_BYTES, MOST_SECONDS = 5_000_000, 8
#: Technical names that stand in Chinese texts too.
LATIN_IN_CHINESE = {"Pentad", "RAROC", "EBITDA", "IFRS"}

#: Every text that can be seen or is read out, without the ids and names of customers and the names of the languages.
TEXTS = """() => {
  const apart = '.data, .language, script, style, noscript', found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(apart)) found.push(walker.currentNode.textContent);
  for (const name of ['title', 'aria-label', 'placeholder']) for (const node of document.querySelectorAll(`[${name}]`))
    if (!node.closest(apart)) found.push(node.getAttribute(name));
  return found.map(each => each.trim()).filter(Boolean);
}"""

#: The tags and attributes of an element and all within it, without texts and values.
STRUCTURE = """place => {
  const names = node => [...node.attributes].map(each => each.name).join(' ');
  const of = node => `${node.tagName}[${names(node)}](${[...node.children].map(of)})`;
  return of(document.querySelector(place));
}"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture
def opened(browser, tmp_path) -> Iterator[Callable]:
    """Opens a page; afterwards nothing may have been fetched, said to the console, refused by the policy, or asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.add_init_script(
        "document.addEventListener('securitypolicyviolation', event => console.error(event.violatedDirective))")
    tab, odd = context.new_page(), []
    tab.on("console", lambda message: odd.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: odd.append(f"error: {error}"))
    tab.on("dialog", lambda dialog: (odd.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    context.on("request", lambda request: None if request.url.startswith(("file://", "blob:")) else odd.append(request.url))

    def open_(file: Path, address: str = "", must_be_ready: bool = True):
        tab.goto(f"{file.as_uri()}{address}")
        if must_be_ready:
            tab.wait_for_selector("html[data-ready]")
        return tab

    yield open_
    context.close()
    assert odd == []


@pytest.fixture(scope="module")
def shown(scored_twice, tmp_path_factory) -> Report:
    """Two hundred customers of all five types, with names, and some of them with another type a year before."""
    root = tmp_path_factory.mktemp("shown")
    many(scored_twice, root, DAY, N)
    shutil.copytree(root / f"as_of={DAY}", root / "as_of=2024-06-30")

    def before(rows, values, contributions, features):
        kinds = rows["type"].to_numpy(object)
        moved = rows.assign(type=np.where(np.arange(len(rows)) % 3, kinds, np.roll(kinds, 1)))
        return moved[10:], values[10:], contributions[10:], features

    rewritten(root, "2024-06-30", before)

    def forget(rows, values, contributions, features):
        values[:5, features.index("exposure_drawn")] = np.nan
        return rows, values, contributions, features

    rewritten(root, DAY, forget)
    found = report(DAY, None, root)
    names = [f"{'Calm Waters' if i % 2 else '清河纺织'} {i}" if i % 7 else None for i in range(N)]
    assert set(found.rows["type"]) == set(TYPES)
    return named(found, names)


@pytest.fixture(scope="module")
def file(shown, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "a report.html"
    path.write_bytes(page(shown))
    return path


@pytest.fixture(scope="module")
def data(file) -> dict:
    return data_of(file.read_bytes())


def ids(tab) -> list[str]:
    return tab.locator("#rows td:first-child").all_inner_texts()


def n_found(tab) -> int:
    return int(re.match(r"[\d,]+", tab.locator("#found").inner_text())[0].replace(",", ""))


def hundredths(size: float) -> str:
    text = f"{size:+.2f}"
    return "0.00" if text[1:] == "0.00" else text


def test_the_page_opens_from_a_file_and_shows_the_book_by_type_and_the_migration(opened, file, shown):
    tab = opened(file)
    rows = tab.locator("#types tbody tr")
    assert rows.count() == 5
    for place, kind in enumerate(TYPES):
        line = shown.by_type.loc[kind]
        text = rows.nth(place).inner_text()
        assert text.split()[0] == kind and f"\n{line['n']:.0f}\n" in text and f"{100 * line['n'] / N:.1f}%" in text
        assert f"{100 * line['n_referred'] / line['n']:.1f}%" in text
    assert "It is not known for 5 customers, who add nothing." in tab.locator("#types").inner_text()
    for measure, table in (("n", shown.migration.n), ("exposure", shown.migration.exposure)):
        tab.click(f'#migration [data-value="{measure}"]')
        cells = [row.locator("td").all_inner_texts() for row in tab.locator("#migration tbody tr").all()]
        assert len(cells) == 6
        for row, (key, numbers) in zip(cells, table.iterrows()):
            for text, number, column in zip(row, numbers, table.columns):
                assert text == "" if (key, column) == ("new", "gone") else text == ("·" if not number else amount(number))
            assert row[-1] == amount(numbers.sum())
        assert tab.locator("#migration tfoot td").all_inner_texts() == [amount(table[key].sum()) for key in table] + [
            amount(table.to_numpy().sum())]


def amount(number: float) -> str:
    for size, unit in ((1e12, " tn"), (1e9, " bn"), (1e6, " m")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.{max(0, 2 - int(np.log10(scaled)))}f}{unit}"
    return f"{round(number):,}"


def test_a_search_narrows_the_list_by_id_by_name_and_by_type_in_both_languages(opened, file, shown):
    tab, rows = opened(file), shown.rows
    assert n_found(tab) == N and len(ids(tab)) == PAGE
    who = rows["customer_id"][123]
    risky = int((rows["type"] == "risk").sum())
    calm = int(rows["name"].str.contains("Calm").sum())
    growing = int(((rows["type"] == "growth") & rows["name"].str.contains("清河", na=False)).sum())
    rest = N - calm - rows["name"].isna().sum()
    for asked, n in ((who, 1), (who.lower(), 1), ("calm WATERS", calm), ("ｃａｌｍ", calm), ("清河", rest), ("风险型", risky),
                     ("risk", risky), ("清河 growth", growing), ("成长型 清河", growing), ("no such thing", 0), ("", N)):
        tab.fill("#search", asked)
        assert n_found(tab) == n, asked
        assert len(ids(tab)) == min(n, PAGE)
        assert tab.locator("#nobody p").count() == (n == 0)
    tab.fill("#search", who)
    assert ids(tab) == [who]


def test_filters_choose_by_type_by_referral_and_by_change(opened, file, shown):
    tab, rows = opened(file), shown.rows
    changed = rows["before"].notna() & (rows["before"] != rows["type"])
    tab.select_option("#by-type", label="stable")
    assert n_found(tab) == (rows["type"] == "stable").sum()
    tab.select_option("#by-decision", label="referred")
    assert n_found(tab) == ((rows["type"] == "stable") & rows["is_referred"]).sum()
    tab.select_option("#by-decision", label="not referred")
    assert n_found(tab) == ((rows["type"] == "stable") & ~rows["is_referred"]).sum()
    tab.click("#clear")
    assert n_found(tab) == N and tab.input_value("#by-type") == ""
    tab.select_option("#by-change", label="changed type")
    assert n_found(tab) == changed.sum() > 0
    tab.click("#clear")
    tab.locator("#types tbody button").nth(TYPES.index("churn")).click()
    assert n_found(tab) == (rows["type"] == "churn").sum() and tab.input_value("#by-type") == str(TYPES.index("churn"))


@pytest.mark.parametrize(("column", "key"), [
    ("customer", lambda row: row["customer_id"]), ("type", lambda row: TYPES.index(row["type"])),
    ("probability", lambda row: round(row[f"p_{row['type']}"], 3)), ("second", lambda row: TYPES.index(row["runner_up"])),
    ("gap", lambda row: round(row["gap_log_odds"], 2)), ("exposure", lambda row: round(row["exposure"], 2)),
    ("decided", lambda row: bool(row["is_referred"]))])
def test_every_column_sorts_either_way_and_what_is_not_known_comes_last(column, key, opened, file, shown):
    tab, rows = opened(file), shown.rows.to_dict("records")
    known = [row for row in rows if key(row) == key(row)]
    unknown = [row["customer_id"] for row in rows if key(row) != key(row)]
    places = {row["customer_id"]: place for place, row in enumerate(rows)}
    for _ in range(2):
        tab.click(f'[data-sort="{column}"]')
        head = tab.locator(f'th:has([data-sort="{column}"])')
        is_down = head.get_attribute("aria-sort") == "descending"
        # equal ones stay in the order of the list either way
        known = sorted(known, key=lambda row: places[row["customer_id"]])
        expected = [row["customer_id"] for row in sorted(known, key=key, reverse=is_down)]
        seen = ids(tab)
        while tab.locator("#next").is_enabled():
            tab.click("#next")
            seen += ids(tab)
        assert seen == expected + unknown
        assert tab.locator('th[aria-sort="ascending"], th[aria-sort="descending"]').count() == 1


def test_names_sort_with_the_nameless_last(opened, file, shown):
    tab = opened(file)
    tab.click('[data-sort="name"]')
    seen = []
    while True:
        seen += tab.locator("#rows td:nth-child(2)").all_inner_texts()
        if not tab.locator("#next").is_enabled():
            break
        tab.click("#next")
    nameless = int(shown.rows["name"].isna().sum())
    assert all(seen[:-nameless]) and not any(seen[-nameless:])
    numbers = [int(name.rsplit(" ", 1)[1]) for name in seen if name.startswith("Calm")]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_row_opens_the_case_and_its_numbers_are_the_stored_ones(language, opened, file, data, shown):
    tab, customers = opened(file, f"?lang={language}"), data["customers"]
    types = load_types()
    names = [kind.name if language == "en" else kind.name_zh for kind in types]
    for kind in TYPES:
        row = customers["type"].index(TYPES.index(kind))
        stored = shown.rows.iloc[row]
        tab.fill("#search", stored["customer_id"])
        tab.locator("#rows td").nth(3).click()
        case = tab.locator("dialog[open]")
        is_case_of(tab, stored["customer_id"])
        assert (stored["name"] or "") in case.locator("#case-title").inner_text()
        for each in TYPES:
            assert case.locator(f'[data-p="{each}"]').inner_text() == f"{stored[f'p_{each}']:.1%}"
        may = [names[TYPES.index(each)] for each in TYPES if each in stored["possible_types"].split(",")]
        banner = case.locator(".banner").inner_text()
        assert (", " if language == "en" else "、").join(may) in banner
        assert (("A person decides." if language == "en" else "需人工判断") in banner) == stored["is_referred"]
        assert case.locator("#strategy").inner_text() == stored[f"strategy_{language}"]
        assert stored["model_version"] in case.locator(".casefoot").inner_text()
        assert case.locator('.against [aria-pressed="true"]').inner_text() == names[TYPES.index(stored["runner_up"])]
        for other in TYPES:
            if other == kind:
                continue
            case.locator(f'.against [data-value="{TYPES.index(other)}"]').click()
            a, b = (np.full(N, TYPES.index(each)) for each in (kind, other))
            contrast = shown.kept.contrasts(a, b)[row]
            gap = np.log(stored[f"p_{kind}"] / stored[f"p_{other}"])
            assert f"{hundredths(gap)}" in case.locator("#verdict").inner_text()
            account = dict(zip(case.locator(".signed dt").all_inner_texts(), case.locator(".signed .number").all_inner_texts()))
            assert list(account) == [*PARTS[language].values(), "sum" if language == "en" else "合计"]
            assert list(account.values())[-1] == hundredths(gap)
            assert list(account.values())[4] == hundredths(contrast[-1])
            assert sum(map(float, list(account.values())[:5])) == pytest.approx(gap, abs=0.03)
            for place, sign in (("#for", 1), ("#against", -1)):
                pushes = sorted((sign * each for each in contrast[:-1] if sign * each > 0), reverse=True)
                seen = case.locator(f"{place} .push").all_inner_texts()
                assert seen[:6] == [hundredths(sign * each) for each in pushes[:6]]
                assert len(pushes) <= 6 or seen[6] == hundredths(sign * sum(pushes[6:]))
            for place, side in zip(("#for", "#against"), said(data, row, TYPES.index(other), language)):
                texts = case.locator(f"{place} li:not(.rest)").all_inner_texts()
                for text, (_, part, words, percentile) in zip(texts, side[:-1], strict=True):
                    assert words in text and part in text and (percentile < 0 or f"{percentile}%" in text)
        tab.click("#close")
        is_closed(tab)


def without_technical(text: str, data: dict) -> str:
    for known in (data["model"], data["fingerprint"][:12], *data["customers"]["id"]):
        text = text.replace(known, "")
    return text


def test_the_switch_changes_every_text_of_the_list_and_of_every_case(opened, file, data):
    tab = opened(file)
    chinese = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]")
    assert tab.evaluate("document.documentElement.lang") == "en"
    for language in ("en", "zh"):
        if language != tab.evaluate("document.documentElement.lang")[:2]:
            tab.locator(f'#page .language [data-value="{language}"]').click()
            assert tab.evaluate("document.activeElement.dataset.value") == language
        assert tab.evaluate("document.documentElement.lang")[:2] == language
        seen = tab.evaluate(TEXTS)
        for row in (data["customers"]["type"].index(place) for place in range(5)):
            tab.evaluate("id => { location.hash = id }", data["customers"]["id"][row])
            is_case_of(tab, data["customers"]["id"][row])
            for other in tab.locator(".against button").all():
                other.click()
                seen += tab.evaluate(TEXTS)
            tab.click("#close")
            is_closed(tab)
        seen += tab.evaluate(TEXTS)
        assert len(seen) > 1_000
        for text in map(lambda each: without_technical(each, data), seen):
            if language == "en":
                assert not chinese.search(text), text
            else:
                assert not set(re.findall(r"[A-Za-z]+", text)) - LATIN_IN_CHINESE, text


@pytest.mark.parametrize("first", ["close", "hashchange"])
def test_a_case_that_is_opened_while_another_closes_is_shown(first, opened, file, data):
    one, other = data["customers"]["id"][:2]
    tab = opened(file, f"#{one}")
    is_case_of(tab, one)
    tab.evaluate("""([id, first]) => {
        const dialog = document.getElementById("case");
        dialog.close();
        location.hash = id;
        (first === "close" ? dialog : window).dispatchEvent(new Event(first));
    }""", [other, first])
    tab.wait_for_timeout(300)
    is_case_of(tab, other)


def test_the_language_can_be_switched_within_a_case_and_named_in_the_address(opened, file, data):
    tab = opened(file, f"?lang=zh#{data['customers']['id'][2]}")
    assert tab.locator("dialog[open] .advice h3").inner_text() == "管理策略"
    tab.locator('dialog .language [data-value="en"]').click()
    assert tab.locator("dialog[open] .advice h3").inner_text() == "Strategy"
    assert tab.locator("h1").inner_text() == "The book by relationship type"


def test_an_address_leads_to_a_customer_and_back_leads_away_from_it(opened, file, data):
    customers = data["customers"]["id"]
    tab = opened(file, f"#{customers[150]}")
    is_case_of(tab, customers[150])
    tab.keyboard.press("Escape")
    is_closed(tab)
    tab.locator("#rows a").nth(3).click()
    is_case_of(tab, customers[3])
    tab.click("#later")
    is_case_of(tab, customers[4])
    tab.go_back()
    is_case_of(tab, customers[3])
    tab.click("#close")
    is_closed(tab)


@pytest.mark.parametrize("nobody", ["#nobody-of-that-name", "#%E0%A4%A", "#", "#__proto__"])
def test_the_address_of_nobody_closes_the_case_that_is_open(nobody, opened, file, data):
    who = data["customers"]["id"][0]
    tab = opened(file, f"#{who}")
    is_case_of(tab, who)
    tab.evaluate("hash => { location.hash = hash }", nobody)
    is_closed(tab)


def test_everything_can_be_done_with_the_keyboard(opened, file, data):
    tab = opened(file)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")  # to the customers
    is_focused(tab, "#search")
    tab.keyboard.type("calm")
    first, second, third = ids(tab)[:3]
    for _ in range(40):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.closest('#rows') !== null"):
            break
    is_focused(tab, f'#rows a[href="#{first}"]')
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    is_case_of(tab, second)
    is_focused(tab, "#case-title")
    tab.locator(".against button").nth(1).focus()
    tab.keyboard.press("Space")
    is_focused(tab, '.against button:nth-child(2)[aria-pressed="true"]')
    tab.keyboard.press("Escape")
    is_focused(tab, f'#rows a[href="#{second}"]')
    tab.keyboard.press("Enter")
    is_case_of(tab, second)
    tab.locator("#later").focus()
    tab.keyboard.press("Enter")
    is_case_of(tab, third)
    tab.keyboard.press("Escape")
    is_focused(tab, f'#rows a[href="#{third}"]')
    tab.locator('[data-sort="gap"]').focus()
    tab.keyboard.press("Enter")
    is_focused(tab, 'th[aria-sort="descending"] [data-sort="gap"]')


def test_every_control_has_a_name(opened, file, data):
    tab = opened(file, f"#{data['customers']['id'][0]}")
    nameless = tab.evaluate("""() => [...document.querySelectorAll('button, a, input, select, table th')]
      .filter(node => !(node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.[0]?.textContent.trim()))
      .map(node => node.outerHTML)""")
    assert nameless == []
    doubled = tab.evaluate("""() => [...document.querySelectorAll('[id]')].map(node => node.id)
      .filter((id, place, all) => all.indexOf(id) !== place)""")
    assert doubled == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_and_a_case_fit_the_width_of_the_window(width, opened, file, data):
    tab = opened(file)
    tab.set_viewport_size({"width": width, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.locator("#rows a").first.click()
    assert tab.evaluate("document.querySelector('dialog').scrollWidth") <= width


def test_the_list_that_is_seen_is_downloaded_and_holds_no_formula(opened, shown, tmp_path):
    hostile = named(shown, hostile_names(N))
    (tmp_path / "hostile.html").write_bytes(page(hostile))
    tab = opened(tmp_path / "hostile.html")
    for kind in ("", "stable"):
        tab.select_option("#by-type", value=str(TYPES.index(kind)) if kind else "")
        tab.click('[data-sort="exposure"]')
        with tab.expect_download() as download:
            tab.click("#download")
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(b"\xef\xbb\xbf") and download.value.suggested_filename == f"pentad-{DAY}.csv"
        head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        own = hostile.rows[hostile.rows["type"] == kind] if kind else hostile.rows
        assert len(rows) == len(own)
        own = own.set_index("customer_id")
        for row in rows:
            assert len(row) == len(head)
            cells = dict(zip(head, row))
            stored = own.loc[cells["customer"]]
            assert cells["type"] == stored["type"] and float(cells[f"probability {stored['type']}"]) == round(
                stored[f"p_{stored['type']}"], 3)
            if np.isnan(stored["exposure"]):
                assert cells["exposure"] == ""
            else:
                assert float(cells["exposure"]) == round(stored["exposure"], 2)
            assert cells["name"].replace("'", "") == harmless(stored["name"]).replace("'", "")
            for name, cell in cells.items():
                is_text = name not in ("log-odds ahead", "exposure") and not name.startswith("probability")
                assert not (is_text and re.match(r"[\s\u200b-\u200f\u202a-\u202e\ufeff]*[=+\-@＝＋－＠]", cell)), cell
                assert not re.search(r"[\x00-\x1f]", cell)


def test_two_hundred_hostile_names_and_ids_leave_the_document_as_two_hundred_quiet_ones(opened, shown, tmp_path):
    """The same elements with the same attributes on every page of the list and in every case; no script, no global, no dialog."""
    structures = {}
    for mood, names in (("quiet", [f"Quiet {i}" for i in range(N)]), ("hostile", hostile_names(N))):
        customers = [f"C{i}" if mood == "quiet" else f"{name[:300]}{i}" for i, name in enumerate(names)]
        found = named(shown, names)
        found = dataclasses.replace(found, rows=found.rows.assign(customer_id=pd.Series(customers, dtype=object)))
        (tmp_path / f"{mood}.html").write_bytes(page(found))
        told = data_of(page(found))["customers"]
        addresses = list(zip(told["key"] or told["id"], told["id"], strict=True))
        tab = opened(tmp_path / f"{mood}.html")
        begin = set(tab.evaluate("Object.keys(window)"))
        seen = [tab.evaluate(STRUCTURE, "html")]
        for _ in range(N // PAGE - 1):
            tab.click("#next")
            seen.append(tab.evaluate(STRUCTURE, "html"))
        texts = tab.locator("#rows td.name bdi").all_text_contents()
        assert texts == [harmless(name) for name in names[-PAGE:]]
        seen += tab.evaluate(f"""async addresses => {{
          const found = [];
          for (const [key, id] of addresses) {{
            location.hash = encodeURIComponent(key);
            await new Promise(done => addEventListener('hashchange', () => setTimeout(done), {{once: true}}));
            if (!document.getElementById('case-title').textContent.startsWith(id)) throw new Error('another case than ' + id);
            found.push(({STRUCTURE})('#case') + document.getElementsByTagName('*').length);
          }}
          return found;
        }}""", addresses)
        assert tab.evaluate("window.pwned") is None
        assert set(tab.evaluate("Object.keys(window)")) == begin
        structures[mood] = seen
    assert len(structures["quiet"]) == N // PAGE + N
    for quiet, hostile in zip(structures["quiet"], structures["hostile"], strict=True):
        assert hostile == quiet


def test_the_policy_lets_no_other_script_run_and_nothing_be_fetched(browser, file):
    context = browser.new_context()
    tab, asked = context.new_page(), []
    context.on("requestfinished", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    tab.wait_for_selector("html[data-ready]")
    refused = tab.evaluate("""async () => {
      const refused = [];
      document.addEventListener('securitypolicyviolation', event => refused.push(event.effectiveDirective));
      const add = (tag, set) => document.body.append(Object.assign(document.createElement(tag), set));
      add('script', {textContent: 'window.pwned = 1'});
      add('img', {src: 'https://pentad.example/x.png'});
      add('iframe', {src: 'https://pentad.example/'});
      add('div', {innerHTML: '<b onclick="window.pwned = 1">x</b>'});
      document.querySelector('b[onclick]').click();
      await fetch('https://pentad.example/').catch(() => 0);
      await new Promise(done => setTimeout(done, 100));
      return [...refused, window.pwned];
    }""")
    context.close()
    assert {"script-src-elem", "img-src", "frame-src", "script-src-attr", "connect-src"} <= set(refused) and refused[-1] is None
    assert asked == [file.as_uri()]


def test_a_damaged_file_says_so_in_both_languages(opened, file, tmp_path):
    text = file.read_text(encoding="utf-8")
    begin = text.index('id="data">') + 10
    (tmp_path / "damaged.html").write_text(text[: begin + 4_000] + text[begin + 4_100 :], encoding="utf-8")
    tab = opened(tmp_path / "damaged.html", must_be_ready=False)
    tab.wait_for_selector('[role="alert"]')
    said = tab.locator('[role="alert"]').inner_text()
    assert "damaged" in said and "文件已损坏" in said


def test_ten_thousand_customers_are_under_five_megabytes_and_usable_within_seconds(opened, scored_twice, tmp_path):
    many(scored_twice, tmp_path, DAY, 10_000)
    found = report(DAY, None, tmp_path)
    rng = np.random.default_rng(1)
    names = [f"Company {number:x} Ltd" for number in rng.integers(0, 2**40, len(found.rows))]
    (tmp_path / "large.html").write_bytes(page(named(found, names)))
    assert (tmp_path / "large.html").stat().st_size < MOST_BYTES
    begin = time.perf_counter()
    tab = opened(tmp_path / "large.html")
    tab.fill("#search", "C00009999")
    assert ids(tab) == ["C00009999"]
    tab.locator("#rows a").click()
    one = kept("C00009999", DAY, tmp_path)
    own = one.assignment["type"]
    assert tab.locator(f'[data-p="{own}"]').inner_text() == f"{one.assignment[f'p_{own}']:.1%}"
    top = one.contrast(own, one.assignment["runner_up"]).iloc[:-1].max()
    assert tab.locator("#for .push").first.inner_text() == hundredths(top)
    assert time.perf_counter() - begin < MOST_SECONDS


def test_a_book_without_names_and_an_earlier_date_has_neither_column(opened, scored_twice, tmp_path):
    from reports import BEFORE

    found = report(BEFORE, None, scored_twice)
    (tmp_path / "bare.html").write_bytes(page(found))
    tab = opened(tmp_path / "bare.html")
    heads = tab.locator("#heads button").evaluate_all("all => all.map(each => each.dataset.sort)")
    assert heads == ["customer", "type", "probability", "second", "gap", "exposure", "decided"]
    assert "No earlier date was scored" in tab.locator("#migration").inner_text()
    assert tab.locator("#by-change").count() == 0
    assert pd.Series(ids(tab)).isin(found.rows["customer_id"]).all()
