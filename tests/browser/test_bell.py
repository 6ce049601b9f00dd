"""The bell in a real browser: what is wrong now, acknowledging and shelving from there, being called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.api import TOKEN
from tests.support.browser import visit
from tests.support.sent import send
from tests.support.server import Server

pytestmark = pytest.mark.browser

COUNTS = """() => {
  window.tones = 0
  window.notes = []
  const start = OscillatorNode.prototype.start
  OscillatorNode.prototype.start = function (...given) { window.tones++; return start.apply(this, given) }
  window.Notification = class {
    static permission = "granted"
    static requestPermission = async () => "granted"
    constructor(title, options) { window.notes.push(title); this.options = options }
    close() {}
  }
}"""


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Server]:
    """A server without a source of its own, with an event of the pH that goes on."""
    process = Server(tmp_path / "data", SENSORMON_SOURCE="none", SENSORMON_TOKEN=TOKEN)
    process.wait_until("/api/health", lambda health: "status" in health)
    send(process, "fermenter_ph", 8.5, 8.5)
    yield process
    process.stop()
    process.output()


def bell_shows(page: Page, count: str) -> None:
    expect(page.locator(".bell-count")).to_have_text(count)


def test_bell_leads_to_what_is_wrong_and_acknowledges_it_by_keyboard(page: Page, plant: Server) -> None:
    visit(page, plant, "explore")
    bell_shows(page, "1")
    bell = page.locator("button.bell")
    expect(bell).to_have_attribute("aria-label", "Wrong now: 1 wrong now, the worst is high")
    bell.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Wrong now")
    expect(panel).to_be_focused()
    row = page.locator(".bell-item")
    expect(row).to_contain_text("8.50 pH, expected 7.0")
    expect(row).to_contain_text("not acknowledged")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(bell).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Acknowledge Fermenter pH").press("Enter")
    page.get_by_label("Your name, for the log").fill("Ana")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("1 event acknowledged")).to_be_visible()
    expect(bell).to_have_attribute("data-worst", "")
    bell.click()
    expect(row).to_contain_text("acknowledged by Ana (unverified)")
    page.get_by_role("button", name="Open Fermenter pH").click()
    page.wait_for_url("**/anomalies?event=*")


def test_new_event_calls_once_and_moves_nothing(page: Page, plant: Server) -> None:
    page.add_init_script(f"({COUNTS})()")
    visit(page, plant, "explore")
    bell_shows(page, "1")
    page.locator("button.bell").click()
    page.get_by_label("Sound").check()
    page.get_by_label("Browser notifications").check()
    assert page.evaluate("window.tones") == 2, "it sounds when it is turned on"
    before = page.locator(".bell-item").bounding_box()
    page.wait_for_timeout(3_100)  # two sounds are never closer than this
    send(plant, "fermenter_temp", 39.5, level=37.0)
    expect(page.locator(".bell-news")).to_contain_text("1 new")
    assert page.locator(".bell-item").bounding_box() == before
    bell_shows(page, "2")
    assert page.evaluate("[window.tones, window.notes]") == [4, ["Fermenter temperature: high"]]
    send(plant, "fermenter_temp", 39.6, 39.5, steady=0)
    send(plant, "agitator_rpm", 500, level=480.0)
    page.wait_for_timeout(4_500)  # two more answers
    assert page.evaluate("[window.tones, window.notes.length]")[0] in (4, 6)
    notes = page.evaluate("window.notes")
    assert notes.count("Fermenter temperature: high") == 1
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".bell-item").first).to_contain_text("high")
    page.reload()
    bell_shows(page, page.locator(".bell-count").text_content() or "")
    page.wait_for_timeout(2_500)
    assert page.evaluate("window.notes") == [], "a page that is opened again calls for nothing known"


def test_shelved_tag_leaves_the_bell_and_calls_nobody(page: Page, plant: Server) -> None:
    page.add_init_script(f"({COUNTS})()")
    visit(page, plant, "explore")
    bell_shows(page, "1")
    page.locator("button.bell").click()
    page.get_by_label("Sound").check()
    page.get_by_role("button", name="Shelve Fermenter pH").click()
    form = page.get_by_role("dialog")
    form.get_by_text("1 h", exact=True).click()
    form.get_by_label("Reason").fill("probe is being changed")
    form.get_by_label("Your name, for the log").fill("Ana")
    form.get_by_role("button", name="Shelve", exact=True).click()
    bell_shows(page, "")
    page.locator("button.bell").click()
    expect(page.locator(".bell-panel h2")).to_have_text("Nothing is wrong now")
    page.get_by_text("1 shelved or in maintenance").click()
    expect(page.locator(".bell-quiet")).to_contain_text("by Ana (unverified): probe is being changed")
    send(plant, "fermenter_ph", 5.5, 5.5, steady=0)
    page.wait_for_timeout(2_500)
    assert page.evaluate("window.tones") == 2, "only that of turning it on"
    page.get_by_role("button", name="Shelved tags and maintenance").click()
    page.wait_for_url("**/anomalies?quiet=1")
    listed = page.locator(".figures").filter(has_text="probe is being changed")
    expect(listed).to_contain_text("Fermenter pH")
    page.get_by_label("End the shelving of").click()
    page.get_by_role("option", name="Fermenter pH").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Unshelve …").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Your name, for the log")).to_have_value("Ana")
    form.get_by_role("button", name="Unshelve", exact=True).click()
    expect(page.get_by_text("No tag is shelved.")).to_be_visible()
    bell_shows(page, "1")


def test_planned_maintenance_is_on_the_calendar_until_it_is_removed(page: Page, plant: Server) -> None:
    visit(page, plant, "anomalies?quiet=1")
    page.get_by_role("button", name="Plan maintenance …").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Patterns").fill("fermenter_*")
    form.get_by_text("Every week at these times").click()
    form.get_by_label("Reason").fill("CIP")
    form.get_by_label("Your name, for the log").fill("Ana")
    form.get_by_role("button", name="Plan", exact=True).click()
    entry = page.locator(".calendar li").first
    expect(entry).to_contain_text("fermenter_*: CIP")
    expect(entry).to_contain_text("every week")
    page.get_by_label("A window").click()
    page.get_by_role("option").first.click()
    page.get_by_role("button", name="Remove …").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Your name, for the log")).to_have_value("Ana")
    form.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("No maintenance in the next 14 days.")).to_be_visible()


def test_bell_fits_a_phone_and_says_when_the_monitor_is_away(browser: Browser, plant: Server) -> None:
    context: BrowserContext = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    visit(page, plant, "pipeline")
    bell_shows(page, "1")
    page.locator("button.bell").click()
    box = page.locator(".bell-panel").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] + box["height"] <= 844
    plant.stop()
    expect(page.locator(".bell-count")).to_have_text("?", timeout=30_000)
    expect(page.locator("button.bell")).to_have_attribute(
        "aria-label", "Wrong now: The monitor does not answer"
    )
    context.close()
