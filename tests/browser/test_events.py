"""The Anomalies page in real browsers: two people act on the same events."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import ready, visit
from tests.support.excel import cells
from tests.support.server import Server

pytestmark = pytest.mark.browser

TICK_ROW = 38  # px from the table's top to its first row's middle, from there by 35
ROW = 35


def table(page: Page) -> Locator:
    """The list of events. It is drawn on a canvas, so rows are clicked by position."""
    grid = page.locator(".st-key-event-rows [data-testid=stDataFrame]")
    grid.scroll_into_view_if_needed()
    return grid


def choose(page: Page, *rows: int) -> None:
    """Tick these rows of the list, each after the previous tick shows."""
    for count, row in enumerate(rows, 1):
        table(page).click(position={"x": 17, "y": TICK_ROW + ROW * row + 17})
        expect(page.get_by_text(re.compile(f"^{count} selected"))).to_be_visible()
        ready(page)


def listed(page: Page) -> int:
    """The number of events in the list, according to the page."""
    words = page.locator(".st-key-list-head").get_by_text(re.compile(r"^[\d,]+ events?")).first.inner_text()
    return int(words.split()[0].replace(",", ""))


def click_bar(page: Page, share: float) -> None:
    """Click the chart of event counts at this share of its width, near the axis."""
    plot = page.locator(".st-key-panel-counts .js-plotly-plot .nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] - 3)


@pytest.mark.long
def test_acknowledgement_reaches_other_viewers_and_asks_name_once(
    page: Page,
    browser: Browser,
    server: Server,
) -> None:
    visit(page, server, "anomalies")
    other = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    visit(other, server, "anomalies?state=acknowledged")
    expect(other.get_by_text("No matching events")).to_be_visible()

    choose(page, 0, 1)
    page.get_by_role("button", name=re.compile("^Acknowledge")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("Ana")
    dialog.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("· as Ana (unverified)")).to_be_visible()
    expect(page.get_by_text("2 events acknowledged")).to_be_visible()
    expect(
        page.locator(".st-key-panel-context").get_by_text("acknowledged", exact=False).first
    ).to_be_visible()

    expect(other.get_by_text("No matching events")).to_have_count(0)  # without a reload, within seconds
    expect(other.locator(".st-key-panel-context")).to_contain_text(re.compile("· acknowledged"))

    page.get_by_role("button", name="Note", exact=True).click()
    dialog.get_by_label("Note on 2 events").fill("cleaning in place")
    other.get_by_role("button", name="Select all 2").click()
    expect(other.get_by_text("2 selected")).to_be_visible()
    ready(other)
    other.get_by_role("button", name="Undo").click()
    other.get_by_role("dialog").get_by_label("Your name").fill("Ben")
    other.get_by_role("dialog").get_by_role("button", name="Continue").click()
    expect(other.get_by_text("Acknowledgement of 2 events undone")).to_be_visible()
    page.wait_for_timeout(6_000)  # the page polls for Ben's actions every five seconds
    expect(dialog.get_by_label("Note on 2 events")).to_be_focused()
    page.keyboard.type(" again")
    dialog.get_by_text("Note", exact=True).first.click()  # no field has the focus
    page.keyboard.press("a")
    page.keyboard.press("j")
    expect(dialog.get_by_label("Note on 2 events")).to_have_value("cleaning in place again")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".st-key-panel-context")).to_contain_text("unacknowledged")  # as Ben left it
    page.get_by_role("button", name="Label", exact=True).last.click()
    page.get_by_text("Expected", exact=True).last.click()
    ready(page)
    expect(page.get_by_text("2 selected")).to_be_visible()  # the same two after three actions
    other.reload()
    ready(other)
    visit(other, server, "anomalies?label=benign")
    expect(other.get_by_text("No matching events")).to_have_count(0)
    other.context.close()


@pytest.mark.long
def test_action_right_after_a_tick_applies_to_the_ticked_event(page: Page, server: Server) -> None:
    visit(page, server, "anomalies?within=15+min")
    choose(page, 0)
    page.get_by_role("button", name=re.compile("^Acknowledge")).click()
    page.get_by_role("dialog").get_by_label("Your name").fill("Ana")
    page.get_by_role("dialog").get_by_role("button", name="Continue").click()
    expect(page.get_by_text("1 event acknowledged")).to_be_visible()
    ready(page)
    page.get_by_role("button", name="Select none").click()
    expect(page.get_by_text("None selected: acts on the event shown")).to_be_visible()
    ready(page)
    slow = page.context.new_cdp_session(page)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    for row, key in ((3, ""), (5, "a")):
        rows = table(page).bounding_box()
        button = page.locator(".st-key-acknowledge button").bounding_box()
        assert rows is not None
        assert button is not None
        page.mouse.click(rows["x"] + 17, rows["y"] + TICK_ROW + ROW * row + 17)
        if key:
            page.keyboard.press(key)
        else:
            page.mouse.click(button["x"] + 20, button["y"] + 10)
        expect(page.locator(".st-key-event-actions")).to_contain_text("1 selected")
        expect(page.locator(".st-key-panel-context")).to_contain_text(re.compile("· acknowledged"))
        page.get_by_role("button", name="Select none").click()
        expect(page.get_by_text("None selected: acts on the event shown")).to_be_visible()
        ready(page)


@pytest.mark.long
def test_click_on_the_chart_explains_an_unflagged_reading(
    page: Page,
    server: Server,
) -> None:
    visit(page, server, "anomalies")
    context = page.locator(".st-key-panel-context")
    expect(context.locator(".abnormal").first).to_contain_text(re.compile(r"above 3\.[04]"))
    plot = context.locator(".js-plotly-plot").first
    for share in (0.31, 0.37, 0.43, 0.47, 0.53):  # most readings were not flagged
        box = plot.locator(".nsewdrag").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + share * box["width"] - 2, box["y"] + box["height"] / 2)
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        with suppress(AssertionError):
            expect(context).to_contain_text("not flagged", timeout=6_000)
            break
    expect(context).to_contain_text(re.compile(r"threshold 3\.[04].*not flagged"))


@pytest.mark.long
def test_bar_filters_the_list_and_is_kept_in_the_link(page: Page, browser: Browser, server: Server) -> None:
    visit(page, server, "anomalies?within=15+min&score=3&list=worst+first")
    every = listed(page)
    click_bar(page, 0.5)
    expect(page.locator(".st-key-stretch-off")).to_be_visible()
    ready(page)
    few = listed(page)
    assert 0 < few < every
    choose(page, 0)
    shown = re.search(r"[^\n]* severity · [^\n]*", page.locator(".st-key-panel-context").inner_text())
    assert shown is not None
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert {"within", "score", "list", "bar", "asof", "event"} == set(parse_qs(urlsplit(link).query))

    elsewhere = browser.new_context(timezone_id="Asia/Tokyo").new_page()
    elsewhere.goto(link)
    ready(elsewhere)
    assert listed(elsewhere) == few
    tag, _, rest = shown.group().split(" · ", 2)  # that page shows the time in another zone
    expect(elsewhere.locator(".st-key-panel-context")).to_contain_text(tag)
    expect(elsewhere.locator(".st-key-panel-context")).to_contain_text(rest)
    elsewhere.context.close()

    page.wait_for_timeout(300)  # a second click on the chart within that would be a double click
    click_bar(page, 0.5)
    expect(page.locator(".st-key-stretch-off")).to_have_count(0)
    ready(page)
    assert listed(page) == every
    page.go_back()  # the browser's own way back
    expect(page.locator(".st-key-stretch-off")).to_be_visible()


@pytest.mark.long
def test_keyboard_selects_events_and_clears_filters(page: Page, server: Server) -> None:
    visit(page, server, "anomalies?severity=high&score=4")
    table(page).click(position={"x": 200, "y": TICK_ROW + 17})
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")
    expect(page.get_by_text("1 selected")).to_be_visible()
    ready(page)
    page.get_by_text("Shaded: expected range").click()
    page.keyboard.press("j")
    expect(page.locator(".st-key-panel-context").get_by_text(re.compile("^3 of"))).to_be_visible()
    few = listed(page)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("button", name="Clear filters")).to_have_count(0)
    ready(page)
    assert listed(page) > few
    expect(page).to_have_url(re.compile(r"^(?!.*(severity|score)=)"))


def test_click_anywhere_in_a_row_opens_its_event(page: Page, server: Server) -> None:
    visit(page, server, "anomalies")
    shown = page.locator(".st-key-panel-context")
    choose(page, 0, 1)
    table(page).click(position={"x": 300, "y": TICK_ROW + ROW * 3 + 17})
    expect(shown.get_by_text(re.compile("^4 of"))).to_be_visible()
    expect(page.get_by_text("2 selected, not the event shown")).to_be_visible()  # the ticks stay
    ready(page)
    page.keyboard.press("ArrowDown")
    expect(shown.get_by_text(re.compile("^5 of"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"[?&]open=\d+"))


def test_export_holds_the_filtered_events_in_every_format(page: Page, server: Server) -> None:
    visit(page, server, "anomalies?tags=fermenter_ph&severity=medium")
    count = listed(page)
    page.get_by_role("button", name=f"Export {count}").click()
    for form, noun in (("CSV", "event"), ("Parquet", "flagged reading"), ("Excel", "event")):
        page.get_by_text(form, exact=True).click()
        button = page.get_by_role("button", name=re.compile(rf"Download [\d,]+ {noun}s? as {form}"))
        with page.expect_download() as download:
            button.click()
        rows = read(Path(download.value.path()).read_bytes(), form)
        assert f"Download {len(rows):,} {noun}" in button.inner_text()
        assert {row["tag"] for row in rows} == {"fermenter_ph"}
        assert any("Asia/Tokyo" in str(name) for name in rows[0])
        assert re.fullmatch(r"(events|flagged_readings)_[\d-]+_\d{6}\.\w+", download.value.suggested_filename)
        if noun == "event":
            assert len(rows) == count
            assert {row["severity"] for row in rows} == {"medium"}


def read(data: bytes, form: str) -> list[dict[str, object]]:
    if form == "Excel":
        head, *rows = cells(data)
        return [{str(name): value for name, value in zip(head, row, strict=False)} for row in rows]
    if form == "CSV":
        return list(csv.DictReader(data.decode().splitlines()))
    return list(pq.read_table(BytesIO(data)).to_pylist())
