"""Data → Sources in a real browser: add a source, test it, pick, save, see its readings come; a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sensormon.model.tags import read_tags
from tests.support.browser import ready, visit
from tests.support.lines import Device, Point
from tests.support.plant import own_table
from tests.support.server import Server

pytestmark = pytest.mark.browser
WORD = "violet-anchor-7"


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    device = Device({"boiler/PI-1": Point(3.2), "boiler/PI-2": Point(4.7), "pump/FI-4": Point(1.5)}, WORD)
    yield device
    device.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sources")
    process = Server(
        folder / "data",
        app="tests/support/lines_app.py",
        SENSORMON_SOURCE="none",
        SENSORMON_TAGS=str(own_table(folder)),
        LINES_PASSWORD=WORD,
    )
    process.wait_until("/api/health", bool)
    yield process
    process.stop()
    process.output()


def test_source_is_added_tested_picked_and_its_readings_come(
    page: Page, server: Server, device: Device
) -> None:
    visit(page, server, "data?section=Sources")
    page.get_by_role("button", name="Add a source").click()
    page.get_by_role("button", name="Lines", exact=True).click()
    for label, value in (("Name", "boiler"), ("Address", f"lines://127.0.0.1:{device.port}")):
        field = page.get_by_role("textbox", name=label, exact=True)
        field.fill(value)
        field.press("Tab")
        ready(page)
    page.get_by_text("Environment variable", exact=True).click()
    variable = page.get_by_role("textbox", name="Name of the variable")
    variable.fill("LINES_PASSWORD")
    variable.press("Tab")
    ready(page)
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("Connects, sees 3 points, 0 answer with bad quality")).to_be_visible()
    page.get_by_role("button", name="Browse the server").click()
    page.get_by_role("button", name="boiler", exact=True).click()
    page.get_by_role("button", name="Read all 2 shown").click()
    expect(page.get_by_text("2 tags will be new in the tag table")).to_be_visible()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("All 2 would be stored.")).to_be_visible()
    page.get_by_label("Your name, for the log").fill("Ann")
    page.get_by_role("button", name="Save the source").click()
    expect(page.get_by_text("boiler is saved and starts. 2 tags added to the tag table.")).to_be_visible()
    expect(page.get_by_text("connected since")).to_be_visible()
    ledger = server.wait_until("/api/stats", lambda answer: answer["stored"] > 0)
    assert ledger["difference"] == 0
    tags = read_tags(Path(server.environment["SENSORMON_TAGS"]))
    assert (tags["PI-1"].unit, tags["PI-1"].valid) == ("bar", (0.0, 10.0))
    assert WORD not in page.content()


@pytest.mark.long
def test_source_is_stopped_and_started_and_the_page_fits_a_phone(
    page: Page, server: Server, device: Device
) -> None:
    (server.data_dir / "sources.toml").write_text(
        f'[sources.old]\nkind = "lines"\nurl = "lines://127.0.0.1:{device.port}"\n'
        'password_env = "LINES_PASSWORD"\n'
    )
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, server, "data?section=Sources")
    expect(page.get_by_text("connected since")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("old is stopped.")).to_be_visible()
    expect(page.get_by_text("○ stopped")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("connected since")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_role("button", name="Save the source")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("[data-testid=stException]").count() == 0
