"""The frame of every page: mark, theme, menu, and how it folds up on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import ready, visit
from tests.support.server import Server

pytestmark = pytest.mark.browser

UPPER_THIRD = 281
"""Pixels of a phone that is 844 high."""
FIRST = {
    "": ".live-card",
    "anomalies": ".st-key-event-rows [data-testid=stDataFrame]",
    "explore": ".st-key-panel-explore",
    "tuning": ".st-key-panel-effect",
    "pipeline": ".way",
    "boards?board=fermenter": ".own-tile",
    "data?section=Sources": "[class*=st-key-panel-sources]",
    "data?section=Tags": ".st-key-tags-grid [data-testid=stDataFrame]",
    "data?section=Import": "[data-testid=stFileUploaderDropzone]",
    "notifications": "[class*=st-key-panel]",
    "access": "[class*=st-key-panel-user-add]",
}
"""The first chart or list of a page, or the first thing to fill in."""
HIGH = "([part, most]) => document.querySelector(part)?.getBoundingClientRect().y <= most"
"""Whether the part begins that high (px); it may move up until all of the page is drawn."""
EVERY_DAY = ("", "anomalies", "boards?board=fermenter", "data?section=Tags", "tuning")
BOARD = """sensormon = "board"
version = 1
name = "fermenter"
title = "Fermenter 2, heating and mixing"
[[tile]]
kind = "state"
column = 0
row = 0
width = 3
height = 2
tags = ["agitator_rpm"]
"""


TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll(
  "[class*=st-key-head], :is(.st-key-head, .st-key-list-head, .st-key-event-actions, .st-key-board-head) *"
)].filter((part) => part.getBoundingClientRect().width && part.getBoundingClientRect().right > 376
  && part.getBoundingClientRect().right !== 390).map((part) => part.className)"""
"""The parts of the head and of the rows of buttons that leave the column of the page, which ends at 374."""

BEYOND = """() => ({
  scrolls: document.querySelector("[data-testid=stMain]").scrollWidth - innerWidth,
  beyond: document.querySelector(".status-more").getBoundingClientRect().right - 374,
})"""
"""How far (px) the page can be pushed sideways, and its Status button is beyond the column."""


def import_board(page: Page, server: Server) -> None:
    """Keep `BOARD`, once for the server."""
    visit(page, server, "boards")
    if page.get_by_role("link", name="Fermenter 2").count():
        return
    page.get_by_role("button", name="Import …").click()
    form = page.get_by_role("dialog")
    form.get_by_label("or the text itself").fill(BOARD)
    form.get_by_label("Your name").fill("Ana")
    form.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator(".own-tile")).to_be_visible()


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=() if path in EVERY_DAY else pytest.mark.long) for path in FIRST]
)
def test_phone_shows_the_first_chart_or_list_in_the_upper_third(
    browser: Browser, server: Server, path: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    context.add_cookies([{"name": "sensormon-greeted", "value": "1", "url": server.url}])
    page = context.new_page()
    if path.startswith("boards"):
        import_board(page, server)
    visit(page, server, path)
    first = page.locator(FIRST[path]).first
    expect(first).to_be_visible()
    page.wait_for_function(HIGH, arg=[FIRST[path], UPPER_THIRD])
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(BEYOND) == {"scrolls": 0, "beyond": 0}
    expect(page.get_by_role("button", name="Menu", exact=True)).to_be_visible()
    expect(page.locator(".st-key-help button")).to_be_in_viewport(ratio=1)
    context.close()


def test_phone_says_what_is_set_and_opens_the_controls(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    context.add_cookies([{"name": "sensormon-greeted", "value": "1", "url": server.url}])
    page = context.new_page()
    visit(page, server, "anomalies?within=6 h&state=unacknowledged")
    line = page.locator("details.controls summary")
    expect(line).to_contain_text("6 h")
    expect(line).to_contain_text("State: unacknowledged")
    expect(page.get_by_role("radio", name="6 h")).to_be_hidden()
    line.click()
    page.get_by_role("radio", name="1 h", exact=True).click()
    expect(line).to_contain_text("1 h · ")
    line.click()
    expect(page.get_by_role("radio", name="6 h")).to_be_hidden()
    ready(page)

    rows = page.locator(".st-key-event-rows [data-testid=stDataFrame]")
    rows.click(position={"x": 120, "y": 60})
    close = page.get_by_role("button", name="Close", exact=True)
    expect(close).to_be_visible()
    expect(page.locator(".st-key-panel-context")).to_be_in_viewport()
    close.click()
    expect(close).to_be_hidden()
    context.close()


def test_theme_is_chosen_in_sight_and_kept_on_every_page(page: Page, server: Server) -> None:
    visit(page, server, "anomalies")
    expect(page.locator("[data-testid=stHeaderLogo]")).to_be_visible()
    ground = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    page.get_by_role("button", name="Dark", exact=True).click()
    page.wait_for_function(f"() => ({ground})() === 'rgb(20, 23, 26)'")
    expect(page.get_by_role("menuitemradio")).to_have_count(0)
    for path in ("", "explore"):
        visit(page, server, path)
        page.wait_for_function(f"() => ({ground})() === 'rgb(20, 23, 26)'")
        expect(page.get_by_role("button", name="Dark", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Auto", exact=True).click()
    page.wait_for_function(f"() => ({ground})() === 'rgb(242, 243, 245)'")


def test_head_says_in_amber_that_live_is_paused(page: Page, server: Server) -> None:
    visit(page, server, "")
    page.get_by_text("Pause", exact=True).click()
    paused = page.locator(".status .paused")
    expect(paused).to_have_text(re.compile(r"^Paused at \d\d:\d\d:\d\d$"))
    expect(paused).to_have_css("background-color", "rgb(154, 103, 0)")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("Open the newest event", "panel-context"),
        pytest.param("Switch on a fault", "panel-faults", marks=pytest.mark.long),
        pytest.param("Move the threshold", "panel-controls", marks=pytest.mark.long),
    ],
)
def test_tour_lands_on_the_part_that_it_names(page: Page, server: Server, words: str, part: str) -> None:
    visit(page, server, "")
    expect(page.locator("html.has-scripts")).to_be_attached()
    page.locator(".st-key-first-visit").get_by_text(words).click()
    panel = page.locator(f".st-key-{part}")
    expect(panel).to_be_focused(timeout=20_000)
    expect(panel).to_be_in_viewport()
