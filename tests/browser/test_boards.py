"""Boards and saved views in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import ready, visit
from tests.support.server import Server

pytestmark = pytest.mark.browser


def add_tile(page: Page, kind: str, *tags: str, text: str = "") -> None:
    """Add a tile of this kind by the form."""
    before = page.locator(".own-tile").count()
    page.get_by_role("button", name="Add a tile").click()
    form = page.get_by_role("dialog")
    if kind != "Chart":
        form.get_by_role("radio", name=kind).click()
        ready(page)
    for tag in tags:
        form.get_by_label("Tags").click()
        page.get_by_role("option", name=tag).click()
    if text:
        form.get_by_label("Text", exact=True).fill(text)
    page.keyboard.press("Tab")
    form.get_by_role("button", name="Add to the board").click()
    expect(page.locator(".own-tile")).to_have_count(before + 1)


def test_board_is_made_moved_saved_and_shown_on_a_wall(page: Page, server: Server) -> None:
    page.set_default_timeout(60_000)
    visit(page, server, "boards")
    page.get_by_role("button", name="New board").click()
    page.get_by_label("Title").fill("Fermenter 1")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("An empty board")).to_be_visible()
    add_tile(page, "Chart", "Fermenter temperature")
    add_tile(page, "Value", "Fermenter pH")
    add_tile(page, "Text", text="# Call\n**4711** <b>now</b>")
    add_tile(page, "Events")
    value = page.locator(".own-tile[data-kind=value]")
    expect(value).to_have_attribute("data-place", "6,0 3x3")
    value.get_by_role("button", name=re.compile("^Move")).press("ArrowRight")
    expect(value).to_have_attribute("data-place", "7,0 3x3")
    chart = page.locator(".own-tile[data-kind=chart]")
    handle = chart.get_by_role("button", name="Resize").bounding_box()
    assert handle is not None
    page.mouse.move(handle["x"] + 5, handle["y"] + 5)
    page.mouse.down()
    page.mouse.move(handle["x"] + 5, handle["y"] + 70, steps=4)
    page.mouse.up()
    expect(chart).to_have_attribute("data-place", "0,0 6x6")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    keys: list[str] = []
    page.on(
        "request",
        lambda asked: keys.append(asked.headers["x-sensormon-page"]) if "/live/events" in asked.url else None,
    )
    page.reload()
    expect(page.locator(".own-tile")).to_have_count(4, timeout=30_000)
    expect(page.locator(".tile-events")).to_contain_text("event")
    assert keys
    assert "undefined" not in keys, "tiles ask with the page's key"
    assert re.search(r"board=fermenter-1", page.url)
    expect(value).to_have_attribute("data-place", "7,0 3x3")
    expect(value).to_contain_text(re.compile(r"\d\.\d\d pH"))
    expect(page.locator(".tile-text")).to_contain_text("<b>now</b>")
    page.get_by_role("link", name="Wall screen").click()
    expect(page.locator(".own-wall .own-tile")).to_have_count(4, timeout=30_000)
    expect(page.locator(".own-wall h1")).to_have_text("Fermenter 1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible(timeout=30_000)


def test_view_is_saved_opened_and_made_the_home_page(page: Page, server: Server, browser: Browser) -> None:
    page.set_default_timeout(60_000)
    visit(page, server, "explore?past=6+h")
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Save this page as").fill("Six hours")
    page.get_by_role("button", name="Save view").click()
    opened = page.get_by_role("link", name="Six hours")
    expect(opened).to_be_visible()
    page.get_by_role("button", name="Change").click()
    page.get_by_role("menuitem", name="Set as home").click()
    expect(page.get_by_text("Explore, home")).to_be_visible()
    other = browser.new_context().new_page()
    visit(other, server, "")
    expect(other.get_by_role("heading", name="Explore")).to_be_visible(timeout=30_000)
    assert "past=6+h" in other.url
    other.context.close()
    visit(page, server, "explore?past=15+min")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("link", name="Six hours").click()
    page.wait_for_url(re.compile(r"explore\?past=6(\+|%20)h"))
    ready(page)
    expect(page.get_by_role("radio", name="6 h", exact=True)).to_be_checked()
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Change").click()
    page.get_by_role("menuitem", name="As a PDF").click()
    expect(page.get_by_text("The PDF is being made.")).to_be_visible()
    page.get_by_role("link", name="Reports has it").click()
    expect(page.get_by_text("Report Six hours").first).to_be_visible()
