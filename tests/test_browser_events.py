"""Two people at the events, in real browsers on a real server."""

# ruff: noqa: F811  # pytest hands fixtures over by name

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.server import Server
from tests.test_browser import browser, page, ready, server, visit  # noqa: F401

pytestmark = pytest.mark.browser

TICK_ROW = 38  # px from the table's top to its first row's middle, from there by 35
ROW = 35


def choose(page: Page, *rows: int) -> None:
    """Tick these rows of the events; the table is drawn on a canvas, so by place."""
    table = page.locator("[data-testid=stDataFrame]").first
    table.scroll_into_view_if_needed()
    for row in rows:
        table.click(position={"x": 17, "y": TICK_ROW + ROW * row + 17})
        ready(page)
    expect(page.get_by_text(f"{len(rows)} event", exact=False).filter(has_text="chosen")).to_be_visible()


def test_what_one_acknowledges_another_sees_and_the_name_is_asked_for_once(
    page: Page,
    browser: Browser,
    server: Server,
) -> None:
    visit(page, server, "anomalies")
    other = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    visit(other, server, "anomalies?state=acknowledged")
    expect(other.get_by_text("No such event")).to_be_visible()

    choose(page, 0, 1)
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("Ana")
    dialog.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("as Ana")).to_be_visible()
    expect(
        page.locator(".st-key-panel-context").get_by_text("acknowledged", exact=False).first
    ).to_be_visible()

    expect(other.get_by_text("No such event")).to_have_count(0)  # by itself, within seconds
    expect(other.locator(".st-key-panel-context")).to_contain_text(re.compile("· acknowledged"))

    page.get_by_role("button", name="Note").click()
    dialog.get_by_label("Note on 2 events").fill("cleaning in place")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Label").click()
    page.get_by_text("benign", exact=True).last.click()
    ready(page)
    other.reload()
    ready(other)
    visit(other, server, "anomalies?label=benign")
    expect(other.get_by_text("No such event")).to_have_count(0)
    other.context.close()


def test_a_click_on_the_chart_says_why_that_reading_was_not_flagged(
    page: Page,
    server: Server,
) -> None:
    visit(page, server, "anomalies")
    context = page.locator(".st-key-panel-context")
    expect(context.locator(".abnormal").first).to_contain_text("above 3.0")
    plot = context.locator(".js-plotly-plot").first
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    for share in (0.31, 0.37, 0.43, 0.47, 0.53):  # most readings were not flagged
        page.mouse.move(box["x"] + share * box["width"] - 2, box["y"] + box["height"] / 2)
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_timeout(800)
        ready(page)
        if "not flagged" in context.inner_text():
            break
    expect(context).to_contain_text(re.compile(r"threshold 3\.0.*not flagged"))
