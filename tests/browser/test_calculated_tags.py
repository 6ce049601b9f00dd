"""Data, Calculated tags in a real browser: a formula is checked, explained, saved and calculated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import ready, visit
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its own, editable tag table."""
    folder = tmp_path_factory.mktemp("calculated-page")
    (folder / "tags.toml").write_bytes((ROOT / "data" / "tags.toml").read_bytes())
    server = Server(folder / "data", SENSORMON_TAGS=str(folder / "tags.toml"))
    server.wait_until_stored()
    yield server
    server.stop()
    server.output()


def enter(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Tab")
    ready(page)


def test_formula_is_checked_explained_saved_and_calculated(page: Page, own: Server) -> None:
    visit(page, own, "data?section=Calculated+tags")
    enter(page, "Formula", "fermenter_temp + agitator_rpm")
    expect(page.get_by_text("cannot be added to °C")).to_be_visible()
    enter(page, "Formula", "mean(fermenter_temp, 10s) - fermenter_temp")
    expect(page.get_by_text("whenever Fermenter temperature has a reading")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    enter(page, "Name", "off_mean")
    name = page.get_by_label("Your name, for the log")
    if name.count():
        name.fill("Ada")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Off mean is calculated from the next reading on")).to_be_visible()
    own.wait_until("/api/stats", lambda stats: stats["sources"].get("calculated", {}).get("stored", 0) > 3)
    visit(page, own, "")
    expect(page.get_by_text("calculated", exact=True).first).to_be_visible()
