"""The Explore page in a real browser: zoom, notes, export."""

from __future__ import annotations

import csv
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import ready, visit
from tests.support.server import Server

pytestmark = pytest.mark.browser

CHART = ".st-key-panel-explore .zoom-chart"
RANGE = f"""() => document.querySelector('{CHART} .js-plotly-plot')?._fullLayout.xaxis.range
    .map(time => typeof time === 'number' ? time : new Date(String(time).replace(' ', 'T')).getTime())"""


def shown(page: Page) -> tuple[float, float]:
    """The span of the time axis, in ms UTC."""
    page.wait_for_selector(f"{CHART} .main-svg")
    ready(page)
    start, end = page.evaluate(RANGE)
    return start, end


def named(page: Page) -> tuple[str, str]:
    """The span in the URL."""
    query = parse_qs(urlsplit(page.url).query)
    return query["from"][0], query["to"][0]


def test_zoom_reads_finer_data_and_is_kept_in_the_link(page: Page, browser: Browser, server: Server) -> None:
    page.set_default_timeout(60_000)
    visit(page, server, "explore?past=15+min")
    start, end = shown(page)
    assert end - start == pytest.approx(900_000, abs=2)

    page.locator(CHART).focus()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("from="))
    ready(page)
    closer = shown(page)
    assert closer[1] - closer[0] == pytest.approx(450_000, abs=2)
    expect(page.get_by_text(re.compile(r"1,3\d\d readings, all drawn"))).to_be_visible()

    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "before => !location.href.includes(before)", arg=named(page)[0].replace(":", "%3A")
    )
    moved = shown(page)
    assert moved[0] == pytest.approx(closer[0] - 112_500, abs=3)

    area = page.locator(f"{CHART} .nsewdrag").first.bounding_box()
    assert area is not None
    before = named(page)[0].replace(":", "%3A")
    page.mouse.move(area["x"] + 0.25 * area["width"], area["y"] + 40)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.75 * area["width"], area["y"] + 60, steps=6)
    page.mouse.up()
    page.wait_for_function("before => !location.href.includes(before)", arg=before)
    dragged = shown(page)
    assert dragged[1] - dragged[0] == pytest.approx(225_000, rel=0.02)

    page.evaluate(
        "() => { navigator.clipboard.writeText = (text) => { window.link = text; return Promise.resolve() } }"
    )
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function("() => window.link")
    other = browser.new_context(
        viewport={"width": 1440, "height": 900}, timezone_id="America/New_York"
    ).new_page()
    other.set_default_timeout(60_000)
    other.goto(page.evaluate("window.link"))
    elsewhere = shown(other)
    assert elsewhere == pytest.approx(dragged, abs=2)
    traces = f"() => document.querySelector('{CHART} .js-plotly-plot').data.map(trace => trace.y.length)"
    assert other.evaluate(traces) == page.evaluate(traces)
    other.context.close()

    page.go_back()
    page.wait_for_function(f"before => Math.abs(({RANGE})()[0] - before) < 5", arg=moved[0])


def test_link_has_the_names_of_tags_and_back_undoes_a_choice(page: Page, server: Server) -> None:
    visit(page, server, "explore?past=15+min&explore=Fermenter+pH")  # as earlier releases wrote it
    expect(page).to_have_url(re.compile(r"explore=fermenter_ph(&|$)"))
    chosen = page.get_by_test_id("stMultiSelect")
    expect(chosen).to_contain_text("Fermenter pH")
    chosen.get_by_role("combobox").click()
    page.get_by_role("option", name="Agitator speed").click()
    expect(page).to_have_url(re.compile(r"explore=fermenter_ph(,|%2C)agitator_rpm"))
    expect(page.locator(f"{CHART}[aria-label*='Agitator speed']")).to_be_visible()
    ready(page)
    page.go_back()
    expect(page).to_have_url(re.compile(r"explore=fermenter_ph(&|$)"))
    expect(chosen).not_to_contain_text("Agitator speed")
    expect(chosen).to_contain_text("Fermenter pH")


@pytest.mark.long
def test_note_on_a_clicked_moment_reaches_other_viewers(page: Page, browser: Browser, server: Server) -> None:
    visit(page, server, "explore?past=15+min&explore=fermenter_ph")
    shown(page)
    area = page.locator(f"{CHART} .nsewdrag").first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 0.5 * area["width"] - 3, area["y"] + 100)
    page.mouse.move(area["x"] + 0.5 * area["width"], area["y"] + 100, steps=3)
    page.mouse.click(area["x"] + 0.5 * area["width"], area["y"] + 100)
    expect(page.get_by_text("Clicked:")).to_be_visible()
    page.get_by_role("button", name="Add a note").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note", exact=True).fill("probe calibrated")
    dialog.get_by_label("Your name").fill("Ana")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(f"{CHART} .annotation-text", has_text="probe calibrated")).to_be_visible()

    other = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    other.set_default_timeout(60_000)
    visit(other, server, "explore?past=15+min&explore=fermenter_ph")
    expect(other.locator(".st-key-panel-look").get_by_text("probe calibrated")).to_be_visible()
    other.get_by_role("button", name="Remove", exact=True).click()
    dialog = other.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("Bo")
    dialog.get_by_role("button", name="Remove").click()
    expect(dialog).to_have_count(0)
    expect(other.get_by_text("No notes on these tags in view.")).to_be_visible()
    other.context.close()


@pytest.mark.long
def test_view_is_exported_as_data_and_picture(page: Page, server: Server) -> None:
    visit(page, server, "explore?past=15+min&explore=fermenter_ph&look=Export")
    shown(page)
    button = page.get_by_role("button", name=re.compile("Download .* readings as CSV"))
    with page.expect_download() as given:
        button.click()
    rows = list(csv.DictReader(given.value.path().read_text().splitlines()))
    assert len(rows) == int(re.sub(r"\D", "", button.inner_text().split(" readings")[0]))
    assert set(rows[0]) >= {"time (UTC)", "time (Asia/Tokyo)", "value", "unit", "flagged"}
    with page.expect_download() as drawn:
        page.get_by_role("button", name="Save this chart as a PNG picture").click()
    assert drawn.value.suggested_filename.startswith("fermenter_ph_")
    assert drawn.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.long
def test_chart_works_without_the_browser_component(page: Page, server: Server) -> None:
    page.route("**/assets/*/zoom_chart.js", lambda route: route.abort())
    visit(page, server, "explore?past=15+min")
    expect(page.locator(".st-key-panel-explore .stPlotlyChart .main-svg").first).to_be_visible()


def test_similar_stretches_open_in_the_chart_and_the_link_keeps_the_search(
    page: Page, server: Server
) -> None:
    page.set_default_timeout(60_000)
    visit(page, server, "explore?past=15+min&explore=fermenter_temp&look=Similar+stretches")
    shown(page)
    page.locator(CHART).focus()
    for _ in range(3):
        page.keyboard.press("+")
    page.wait_for_url(re.compile("from="))
    ready(page)
    start, end = shown(page)
    page.get_by_role("button", name="Search for the stretch in view").click()
    first = page.locator(".st-key-similar-0")
    expect(first.locator("img")).to_have_js_property("naturalWidth", 220)
    query = parse_qs(urlsplit(page.url).query)["similar"]
    first.get_by_role("button").first.click()
    page.wait_for_function(f"before => Math.abs(({RANGE})()[0] - before) > 1000", arg=start)
    assert parse_qs(urlsplit(page.url).query)["similar"] == query
    moved = shown(page)
    assert moved[1] - moved[0] == pytest.approx(end - start, rel=0.1)
    page.reload()
    expect(first.locator("img")).to_have_js_property("naturalWidth", 220)


def test_two_cursors_tell_the_difference_of_each_tag(page: Page, server: Server) -> None:
    page.set_default_timeout(60_000)
    visit(page, server, "explore?past=15+min")
    start, end = shown(page)
    page.get_by_role("button", name=re.compile("Two cursors")).click()
    table = page.locator(f"{CHART} .cursor-table")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table.locator("thead")).to_contain_text("B − A: 7 min 30 s")
    expect(table.locator("tbody tr").first).to_contain_text("°C")
    area = page.locator(f"{CHART} .nsewdrag").first.bounding_box()
    assert area is not None
    page.mouse.click(area["x"] + 0.5 * area["width"] - 2, area["y"] + 30)
    expect(table.locator("thead")).to_contain_text(re.compile("B − A: 3 min 4"))
    lines = f"""() => document.querySelector('{CHART} .js-plotly-plot').layout.shapes
        .filter(shape => shape.label?.text).map(shape => shape.x0)"""
    assert page.evaluate(lines)[0] == pytest.approx((start + end) / 2, abs=(end - start) / 200)
    values = table.locator("tbody tr").first.locator("td").all_inner_texts()
    a, b, apart = (float(text.split()[0].replace("−", "-")) for text in values[:3])
    assert apart == pytest.approx(b - a, abs=0.02)
    page.get_by_role("button", name=re.compile("Two cursors")).click()
    expect(table).to_have_count(0)


def test_layout_is_chosen_kept_in_the_address_and_measured_in(page: Page, server: Server) -> None:
    page.set_default_timeout(60_000)
    visit(page, server, "explore?past=15+min&layout=By+unit")
    shown(page)
    axes = f"""() => Object.entries(document.querySelector('{CHART} .js-plotly-plot')._fullLayout)
        .filter(([name, axis]) => /^yaxis/.test(name) && axis.visible && axis.title.text)
        .map(([, axis]) => axis.title.text).sort()"""
    assert page.evaluate(axes) == ["pH", "rpm", "°C"]
    page.get_by_role("button", name=re.compile("Two cursors")).click()
    expect(page.locator(f"{CHART} .cursor-table tbody tr")).to_have_count(3)
    page.get_by_text("Overlay", exact=True).first.click()
    page.wait_for_url("**layout=Overlay**")
    expect(page.get_by_text("An overlay has at most 2 axes")).to_be_visible()
    expect(page.locator(f"{CHART} .cursor-table tbody tr")).to_have_count(3)
