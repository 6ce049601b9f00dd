"""The browser's Back: it returns to the exact view before, and what is drawn agrees with the address."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import ready, visit
from tests.support.server import Server

pytestmark = pytest.mark.browser

CARD = ".live-card"
LIVE_AN_HOUR = re.compile(r"/\?range=1\+h$")
WIDTH = f"""() => {{
  const range = document.querySelector("{CARD}[data-drawn] .js-plotly-plot")?._fullLayout?.xaxis.range
  const [from, to] = (range ?? []).map((time) => new Date(time.replace(" ", "T")))
  return range ? Math.round((to - from) / 1e3) : 0
}}"""
"""The seconds that the first chart shows."""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page of a phone that has been here before."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.set_default_timeout(20_000)
    yield tab
    context.close()


def shows(page: Page, seconds: str) -> None:
    """Wait until the first chart's width in seconds fits this condition."""
    page.wait_for_function(f"() => {{ const width = ({WIDTH})(); return {seconds} }}")


def test_one_back_returns_from_a_card_to_the_address_of_the_live_page(page: Page, server: Server) -> None:
    visit(page, server, "?range=1+h")
    page.get_by_role("button", name=re.compile("^Menu of")).first.click()
    page.get_by_role("menuitem", name="Tuning").click()
    expect(page).to_have_url(re.compile(r"/tuning\?tune=\w+$"))
    expect(page.get_by_role("heading", name="Tuning", exact=True)).to_be_visible()
    ready(page)
    page.go_back()
    expect(page).to_have_url(LIVE_AN_HOUR)
    shows(page, "width === 3600")
    expect(page).to_have_url(LIVE_AN_HOUR)


@pytest.mark.long
@pytest.mark.parametrize("opens", ["card", "bell"])
def test_one_back_returns_from_an_event_to_the_live_page(page: Page, server: Server, opens: str) -> None:
    visit(page, server, "?range=1+h")
    if opens == "card":
        page.locator(f"{CARD} .card-state:not(:disabled)").first.click()
    else:
        page.locator(".st-key-bell-place button").first.click()
        page.get_by_role("button", name=re.compile("^Open")).first.click()
    expect(page).to_have_url(re.compile(r"/anomalies\?event=\d+$"))
    expect(page.locator(".st-key-panel-context")).to_be_visible()
    ready(page)
    page.go_back()
    expect(page).to_have_url(LIVE_AN_HOUR)
    shows(page, "width === 3600")


def test_back_restores_the_zoom_that_the_address_names(page: Page, server: Server) -> None:
    visit(page, server, "")
    shows(page, "width === 900")
    box = page.locator(f"{CARD} .js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], y + 2, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("zoom="))
    page.get_by_text("1 h", exact=True).first.click()
    expect(page).to_have_url(LIVE_AN_HOUR)
    shows(page, "width === 3600")
    page.go_back()
    expect(page).to_have_url(re.compile("zoom="))
    shows(page, "width > 0 && width < 300")
    page.go_back()
    expect(page).to_have_url(re.compile("^(?!.*zoom=)"))
    shows(page, "width === 900")


def test_back_closes_the_sheet_of_a_tapped_event(phone: Page, server: Server) -> None:
    visit(phone, server, "anomalies")
    steps = phone.evaluate("history.length")
    rows = phone.locator(".st-key-event-rows .dvn-scroller").first
    sheet = phone.get_by_role("dialog", name="Event")
    rows.tap(position={"x": 200, "y": 90})
    expect(sheet).to_have_attribute("aria-modal", "true")
    expect(sheet.get_by_role("button", name="Close", exact=True)).to_be_focused()
    expect(phone).to_have_url(re.compile("open="))
    assert phone.evaluate("history.length") == steps + 1
    assert rows.evaluate("rows => rows.closest('[inert]') !== null")
    phone.go_back()
    expect(sheet).to_have_count(0)
    expect(phone).to_have_url(re.compile("/anomalies$"))
    assert rows.evaluate("rows => rows.closest('[inert]') === null")
    rows.tap(position={"x": 200, "y": 125})
    expect(phone).to_have_url(re.compile("open="))
    phone.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(phone).to_have_url(re.compile("/anomalies$"))
    assert phone.evaluate(
        "() => document.querySelector('.st-key-event-rows').contains(document.activeElement)"
    )
