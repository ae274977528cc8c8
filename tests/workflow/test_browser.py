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
    """A function that opens the report; any request and any error fail the test at its end."""
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
    """The text of a column's visible cells."""
    page.evaluate("document.getElementById('all').open = true")
    heads = page.locator("#figures thead th").all_inner_texts()
    column = [text.split("\n")[0] for text in heads].index(head) + 1
    return page.locator(f"#figures tbody tr:not([hidden]) > :nth-child({column})").all_inner_texts()


def test_all_results_are_folded_at_first(open_report):
    page = open_report()
    expect(page.locator("#figures")).to_be_hidden()
    page.get_by_role("link", name="all results").click()
    expect(page.locator("#figures")).to_be_visible()


def test_headings_sort_by_mouse_and_keyboard(open_report):
    page = open_report()
    page.locator("#all > summary").click()
    head = page.locator("#figures thead th", has_text=re.compile("^mAP$"))
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    figures = [float(text.removeprefix("≈ ")) for text in cells(page, "mAP")]
    assert figures == sorted(figures, reverse=True)
    assert len(set(figures)) > 5
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert [float(text.removeprefix("≈ ")) for text in cells(page, "mAP")] == figures[::-1]


def test_the_table_is_filtered_by_dataset_and_metric(open_report):
    page = open_report()
    assert len(cells(page, "method")) == 17
    page.get_by_label("dataset").select_option(DIGITS)
    assert cells(page, "dataset") == ["digits"] * 9
    page.get_by_label("metric").select_option(label="precision@k")
    heads = page.locator("#figures thead th:not([hidden])").all_inner_texts()
    assert [head for head in heads if "@" in head] == [f"precision@{k}" for k in (100, 250, 500, 1000)]  # of 1,497
    expect(page.locator("form output")).to_have_text("9 rows, 4 columns of values")


def test_the_visible_table_can_be_downloaded(open_report):
    page = open_report()
    page.locator("#all > summary").click()
    page.get_by_label("dataset").select_option(DIGITS)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + 9
    assert lines[0].startswith("method,bits,dataset,backbone,scope,mAP,95% CI,")


def test_head_and_first_columns_stay_in_view(open_report):
    page = open_report()
    page.locator("#all > summary").click()
    table = page.get_by_role("region", name="The table of all results")
    head = page.locator("#figures thead th").first
    before = head.bounding_box()
    table.evaluate("region => { region.style.maxHeight = '9rem'; region.scrollTo(400, 80); }")
    after = head.bounding_box()
    assert table.evaluate("region => region.scrollLeft") == 400
    assert (after["x"], after["y"]) == (before["x"], before["y"])
    bits = page.locator("#figures tbody tr:nth-child(3) td").first
    assert bits.bounding_box()["x"] == pytest.approx(after["x"] + after["width"])


def marks(page):
    """How many points of each chart are drawn."""
    return page.locator(".chart").evaluate_all(
        "all => all.map(one => one.querySelectorAll('.mark-symbol path').length)"
    )


def test_a_click_on_the_legend_hides_a_method_in_all_charts(open_report):
    page = open_report()
    before = marks(page)
    button = page.get_by_role("button", name="itq")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.wait_for_timeout(200)
    hidden = marks(page)
    assert all(less < more for less, more in zip(hidden, before, strict=True))
    assert page.locator(".chart").filter(has_text="itq").count() == 0
    button.press("Enter")
    page.wait_for_timeout(200)
    assert marks(page) == before


def test_the_contents_follow_the_reader_and_links_unfold(open_report):
    page = open_report()
    nav = page.get_by_role("navigation")
    nav.get_by_role("link").nth(0).click()
    expect(nav.locator("li.here > a").first).to_have_text("digits")
    expect(nav.get_by_role("link", name="gallery").first).to_be_visible()
    page.evaluate("location.hash = 'digits-matrix'")
    expect(page.locator("#digits-matrix table")).to_be_visible()


def test_the_theme_can_be_switched(open_report):
    page = open_report(scheme="dark")
    color = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(color)
    page.get_by_role("button", name="dark or light").click()
    assert page.evaluate(color) != dark


def test_a_query_of_the_gallery_opens_by_keyboard(open_report):
    page = open_report()
    worst = page.locator("details.query").filter(has_text="worst").first
    table = worst.locator("table")
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
        assert all("relevant" in mark and ("✗" in mark) == ("not relevant" in mark) for mark in marks)


def test_every_image_loads_and_has_alt_text(open_report):
    page = open_report()
    assert page.evaluate("[...document.images].length") > 2 * 3 * 6 * 10
    assert page.evaluate("[...document.images].filter(image => !image.naturalWidth || !image.alt).length") == 0


@pytest.mark.parametrize("width", [1200, 768, 390])
def test_the_page_never_scrolls_sideways(open_report, width):
    assert open_report(width).evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [1200, 390])
def test_long_names_of_methods_stay_in_their_cells(open_report, width):
    page = open_report(width)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    heads = page.locator("tbody th[scope=row]")
    assert heads.count() > 50
    heads.evaluate_all("heads => heads.forEach(head => { head.lastChild.textContent = 'variant_'.repeat(6); })")
    assert heads.evaluate_all("heads => heads.filter(head => head.scrollWidth > head.clientWidth).length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violations(open_report, scheme):
    page = open_report(scheme=scheme)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    found = Axe().run(page).response["violations"]
    assert [f"{one['id']} ({one['impact']}): {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found] == []


def test_the_report_fits_into_a_mail(finished):
    assert (finished.folder / "results/tiny/report.html").stat().st_size < 15 * 2**20
