"""Accessibility in a real browser: width, contrast, focus, shortcuts, glossary, the first visit."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import GROUND, ready, visit
from tests.support.pages import menu
from tests.support.server import Server

pytestmark = pytest.mark.browser

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
# A page is drawn piece by piece: a report counts once two in a row agree.
SETTLED = f"""() => {{
  const report = ({CONTRAST.rstrip()})()
  const seen = JSON.stringify([report.looked, report.headings])
  const same = window.seenBefore === seen
  window.seenBefore = seen
  return same && report.looked > 20 && report
}}"""
LISTENS = ".st-key-read-aloud[role=status]"  # the modules of the page run
TITLES = {("" if place == 0 else path): title for place, (path, title) in enumerate(menu())}
EVERY_DAY = {("light", ""), ("light", "explore"), ("light", "tuning"), ("dark", "")}


@pytest.mark.parametrize(
    ("theme", "path"),
    [
        pytest.param(theme, path, marks=[] if (theme, path) in EVERY_DAY else pytest.mark.long)
        for theme in ("light", "dark")
        for path in TITLES
    ],
)
def test_every_page_fits_and_has_contrast_and_named_fields(
    browser: Browser, server: Server, theme: Literal["light", "dark"], path: str
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, color_scheme=theme)
    page = context.new_page()
    page.set_default_timeout(30_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    visit(page, server, path)
    expect(page.get_by_text("ledger balanced")).to_be_visible()
    expect(page.get_by_role("heading", name=TITLES[path], exact=True)).to_be_visible()
    expect(page.locator(".status").get_by_text("s old")).to_be_visible()
    if path == "":
        expect(page.locator("[role=img][aria-label], [role=figure][aria-label]")).to_have_count(3)
    report = page.wait_for_function(SETTLED, polling=300).json_value()
    expect(page.locator("[data-testid=stApp]")).to_have_css("background-color", GROUND[theme])
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    context.close()
    assert errors == []
    assert report["faint"] == [], json.dumps(report["faint"], indent=1, ensure_ascii=False)
    assert report["nameless"] == []
    levels = report["headings"]
    assert levels[:2] == [1, 2], "the product, then the page"
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


def test_greeting_shows_until_dismissed(page: Page, server: Server) -> None:
    visit(page, server, "")
    greeting = page.locator(".st-key-first-visit")
    expect(greeting).to_contain_text("A simulated fermenter: three sensors, one reading per second each.")
    greeting.get_by_text("Move the threshold").click()
    page.wait_for_url("**/tuning?*threshold=5*")
    expect(page.locator(".first-line")).to_contain_text("With new settings")
    visit(page, server, "")
    expect(greeting).to_be_visible()
    expect(page.locator(LISTENS)).to_be_attached()
    greeting.get_by_role("button", name="Got it").click()
    expect(greeting).to_be_hidden()
    for path in ("", "pipeline"):
        visit(page, server, path)
        expect(page.get_by_role("button", name="Help", exact=True).first).to_be_visible()
        expect(greeting).to_be_hidden()
    page.locator(".st-key-help button").click()
    expect(
        page.get_by_role("dialog").get_by_text("Switch on a fault and watch it being detected")
    ).to_be_visible()


@pytest.mark.long
def test_live_region_is_restored_after_a_late_redraw(page: Page, server: Server) -> None:
    visit(page, server, "")
    expect(page.locator(LISTENS)).to_be_attached()
    # A board that is drawn in place of this one has no role.
    page.locator(LISTENS).evaluate("board => board.removeAttribute('role')")
    expect(page.locator(LISTENS)).to_be_attached()


@pytest.mark.long
def test_greeting_hidden_on_deep_links(page: Page, server: Server) -> None:
    visit(page, server, "tuning?threshold=4")
    expect(page.locator(".first-line")).to_be_visible()
    expect(page.locator(".st-key-help button")).to_be_visible()
    expect(page.locator(".st-key-first-visit")).to_be_hidden()


def test_shortcuts_navigate_open_help_and_spare_fields(page: Page, server: Server) -> None:
    visit(page, server, "tuning")
    expect(page.locator(".first-line")).to_be_visible()
    expect(page.locator(LISTENS)).to_be_attached()
    page.keyboard.press("?")
    help_list = page.get_by_role("dialog", name="Help")
    expect(help_list.get_by_text("copy the link to this view")).to_be_in_viewport()
    expect(help_list).to_be_focused()
    page.keyboard.press("Escape")
    expect(help_list).to_be_hidden()
    page.keyboard.press("/")
    field = page.get_by_role("combobox").first
    expect(field).to_be_focused()
    page.keyboard.type("gp1")
    assert "/tuning" in page.url
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+1")
    assert "/tuning" in page.url
    page.keyboard.type("gp")
    page.wait_for_url("**/pipeline")
    ready(page)
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()
    ready(page)
    expect(page.get_by_text("Pause", exact=True)).to_be_visible()  # drawn: a key acts on what is there
    page.keyboard.press("p")
    expect(page.get_by_text("still collecting")).to_be_visible()
    page.locator(".st-key-help button").click()
    page.get_by_role("button", name="Turn the keys off").click()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.wait_for_timeout(300)
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()


@pytest.mark.long
def test_focus_is_always_visible(page: Page, server: Server) -> None:
    visit(page, server, "tuning")
    expect(page.locator(".first-line")).to_be_visible()
    ring = """() => {
      for (let e = document.activeElement, i = 0; e && i < 4; e = e.parentElement, i++) {
        const s = getComputedStyle(e)
        if (s.outlineStyle === "solid" && s.outlineWidth === "2px") return s.outlineColor
      }
      return document.activeElement.outerHTML.slice(0, 200)
    }"""
    for _ in range(24):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('canvas, table, body > *') === document.body"):
            break
        if not page.evaluate("document.activeElement.matches('td')"):  # a table draws its own ring
            assert page.evaluate(ring) == "rgb(36, 87, 166)"


@pytest.mark.long
def test_glossary_term_explains_on_hover_focus_and_touch(page: Page, server: Server) -> None:
    visit(page, server, "tuning")
    word = page.locator("button.term", has_text="off-delay")
    tip = page.get_by_text("How long a tag must stay without a flag before its event has ended.")
    for last in (False, False, True):  # a page that is still being drawn may redraw the word
        word.focus()
        with suppress(AssertionError) if not last else nullcontext():
            expect(tip).to_be_in_viewport(ratio=1, timeout=5_000)
            break
        page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.evaluate("document.activeElement.blur()")
    word.hover()
    expect(tip).to_be_visible()
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    word.click()
    expect(tip).to_be_visible()
