"""Event frames in a real browser: three chosen make an envelope, and the live batch has left it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.api import BEARER, TOKEN
from tests.support.batches import LENGTH, readings_of_batches
from tests.support.browser import ready, visit
from tests.support.server import Server
from tests.support.states import TAGS

pytestmark = [pytest.mark.browser, pytest.mark.long]

PANEL = ".st-key-panel-look"
AHEAD = 120
"""Seconds by which the readings run ahead, so that the batch is under way however slow the machine is."""
LOOK = "explore?look=Event+frames&past=6+h&explore=Temperature"


@pytest.fixture
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with eight batches, the last one under way."""
    folder = tmp_path_factory.mktemp("frames")
    (folder / "tags.toml").write_text(TAGS, encoding="utf-8")
    process = Server(
        folder / "data",
        SENSORMON_TAGS=str(folder / "tags.toml"),
        SENSORMON_SOURCE="none",
        SENSORMON_TOKEN=TOKEN,
    )
    process.wait_until("/api/stats", lambda _: True)
    start = datetime.now(UTC) - timedelta(seconds=LENGTH - AHEAD)
    rows = [
        {
            "tag": "temp",
            "value": round(value, 2),
            "timestamp": (start + timedelta(seconds=second)).isoformat(),
        }
        for second, value, _ in readings_of_batches()
    ]
    answer = httpx.post(f"{process.url}/api/ingest/batch", json=rows, headers=BEARER, timeout=30)
    assert answer.json()["rejected"] == []
    yield process
    process.stop()
    process.output()


def moves_on_while_in_sight(page: Page, running: Locator) -> None:
    """The running batch is read again by itself: the page does not scroll, and a hidden tab does not ask."""
    running.scroll_into_view_if_needed()
    ready(page)
    where, said = page.evaluate("() => scrollY"), running.inner_text()
    overlay = page.locator(".st-key-frames-overlay .js-plotly-plot")
    expect(overlay).to_have_count(1)  # the one of the run before has gone
    below = overlay.bounding_box()
    expect(running).not_to_have_text(said, timeout=20_000)
    ready(page)
    assert page.evaluate("() => scrollY") == where
    expect(overlay).to_have_count(1)
    assert overlay.bounding_box() == below
    page.evaluate("() => Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    ready(page)
    said = running.inner_text()
    page.wait_for_timeout(7_000)
    assert running.inner_text() == said
    page.evaluate("() => delete document.hidden")


def test_a_live_batch_is_compared_with_chosen_ones(page: Page, plant: Server) -> None:
    visit(page, plant, LOOK)
    panel = page.locator(PANEL)
    value = panel.get_by_label("Value, °C")
    value.fill("80")
    value.press("Enter")
    expect(panel.get_by_text("Found 8 in view, median")).to_be_visible()
    rows = panel.get_by_test_id("stDataFrame")
    for row in range(3):  # a canvas: its rows are 35 pixels high, below a head of as many
        rows.scroll_into_view_if_needed()
        table = rows.bounding_box()
        assert table is not None
        page.mouse.click(table["x"] + 18, table["y"] + 35 * (row + 1) + 18)
        expect(panel.get_by_text(f"{row + 1} chosen" if row < 2 else "of 3 chosen frames")).to_be_visible()
        ready(page)
    running = panel.locator(".st-key-frames-live")
    expect(running.get_by_text("Temperature has been below the envelope since minute")).to_be_visible()
    expect(panel.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    address = page.url
    moves_on_while_in_sight(page, running)

    panel.get_by_role("button", name="Save …").click()
    page.get_by_label("Name", exact=True).fill("Heating")
    page.get_by_label("Your name, for the log").fill("Ana")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(panel.get_by_text("A frame starts when Temperature rises above 80 °C")).to_be_visible()
    page.wait_for_url("**frames=Heating**")
    page.goto(f"{plant.url}/{LOOK}&frames=Heating")
    expect(panel.get_by_text("Golden envelope, as saved: mean ± 3 σ of 3 chosen frames")).to_be_visible()
    page.goto(address)
    expect(panel.get_by_text("Golden envelope: mean ± 3 σ of 3 chosen frames")).to_be_visible()
