"""The report of a real run in a browser, from disk and without a network."""

import re
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on the PATH; Debian has it as chromium-headless-shell"
)
DIGITS = "digits, digits-300, alexnet-pool5"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_report(browser, finished):
    """A function that opens the report; what it asks for, and any error that it meets, fail the test at its end."""
    asked, errors, contexts = [], [], []
    path = finished.folder / "results/tiny/report.html"

    def meet(request) -> None:
        asked.append(request.url)

    def open_it(width=1200, scheme="light"):
        context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", meet)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.goto(path.as_uri())
        expect(page.locator(".chart svg")).to_have_count(page.locator(".chart").count())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert errors == []
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}


def cells(page, head):
    """The text of a column's shown cells."""
    heads = page.locator("#figures thead th").all_inner_texts()
    column = [text.split("\n")[0] for text in heads].index(head) + 1
    return page.locator(f"#figures tbody tr:not([hidden]) > :nth-child({column})").all_inner_texts()


def test_a_column_s_head_sorts_by_mouse_and_keyboard(open_report):
    page = open_report()
    head = page.locator("#figures thead th", has_text=re.compile("^mAP$"))
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    figures = [float(text.removeprefix("≈ ")) for text in cells(page, "mAP")]
    assert figures == sorted(figures)
    assert len(set(figures)) > 5
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert [float(text.removeprefix("≈ ")) for text in cells(page, "mAP")] == figures[::-1]


def test_the_table_shows_one_data_set_and_one_metric(open_report):
    page = open_report()
    assert len(cells(page, "method")) == 17
    page.get_by_label("data set").select_option(DIGITS)
    assert cells(page, "dataset") == ["digits"] * 9
    page.get_by_label("metric").select_option(label="precision@k")
    heads = page.locator("#figures thead th:not([hidden])").all_inner_texts()
    assert [head for head in heads if "@" in head] == [f"precision@{k}" for k in (100, 250, 500, 1000)]  # of 1,497
    expect(page.locator("form output")).to_have_text("9 rows, 4 columns of figures")


def test_what_is_shown_can_be_taken_away(open_report):
    page = open_report()
    page.get_by_label("data set").select_option(DIGITS)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + 9
    assert lines[0].startswith("dataset,backbone,method,scope,bits,mAP,")


def test_a_query_opens_by_keyboard_and_shows_what_each_method_finds(open_report):
    page = open_report()
    worst = page.locator("details.query").filter(has_text="worst").first
    table = worst.get_by_role("table")
    expect(table).to_be_hidden()
    worst.locator("summary").press("Enter")
    expect(table).to_be_visible()
    rows = table.locator("tbody tr")
    hashes = ["hashnet", "itq", "toy", "dsh-full", "classifier", "wide", "external"]
    assert [text.split("\n")[0] for text in rows.locator("th").all_inner_texts()] == hashes
    for row in rows.all():
        marks = row.locator("td.right, td.wrong").all_inner_texts()
        distances = [int(re.search(r"\d+$", mark)[0]) for mark in marks]
        assert len(distances) == 10
        assert distances == sorted(distances)
        assert all(("right" in mark) != ("wrong" in mark) for mark in marks)


def test_every_picture_is_whole_and_has_words(open_report):
    page = open_report()
    assert page.evaluate("[...document.images].length") > 2 * 3 * 6 * 10
    assert page.evaluate("[...document.images].filter(image => !image.naturalWidth || !image.alt).length") == 0


@pytest.mark.parametrize("width", [1200, 768, 390])
def test_nothing_runs_off_the_page(open_report, width):
    assert open_report(width).evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(open_report, scheme):
    page = open_report(scheme=scheme)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    found = Axe().run(page).response["violations"]
    assert [f"{one['id']} ({one['impact']}): {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found] == []


def test_the_report_is_no_larger_than_a_mail_can_carry(finished):
    assert (finished.folder / "results/tiny/report.html").stat().st_size < 15 * 2**20
