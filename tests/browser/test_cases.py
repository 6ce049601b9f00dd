"""Exports and cases as a user makes them: choose, wait, download, open elsewhere."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import ready, visit
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def plants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two plants, each with its own tag table: one simulated, one that waits for readings."""
    servers = []
    for source in ("simulator", "none"):
        folder = tmp_path_factory.mktemp(source)
        tags = shutil.copy(ROOT / "data" / "tags.toml", folder / "tags.toml")
        servers.append(Server(folder / "data", SENSORMON_TAGS=str(tags), SENSORMON_SOURCE=source))
    servers[0].wait_until_stored()
    servers[1].wait_until("/api/stats", lambda ledger: ledger["received"] == 0)
    yield servers[0], servers[1]
    for server in servers:
        server.stop()
        server.output()


@pytest.mark.long
def test_export_downloads_from_the_page_and_by_link(
    page: Page, plants: tuple[Server, Server], tmp_path: Path
) -> None:
    visit(page, plants[0], "data?section=Export&out_tags=fermenter_ph&out_span=Everything")
    page.get_by_role("button", name="Export as CSV").click()
    button = page.get_by_role("button", name="Download sensormon-readings")
    expect(button).to_be_visible()
    with page.expect_download() as started:
        button.click()
    started.value.save_as(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 900
    assert {row["tag"] for row in rows} == {"fermenter_ph"}
    assert set(list(rows[0])[:2]) == {"time (UTC)", "time (Asia/Tokyo)"}
    (path,) = (plants[0].data_dir / "exports").glob("*.csv")
    answer = page.request.get(f"{plants[0].url}/api/exports/{path.stem}")
    assert answer.ok
    assert answer.body() == (tmp_path / "a.csv").read_bytes()


@pytest.mark.long
def test_case_saved_in_one_plant_opens_in_another(
    page: Page, browser: Browser, plants: tuple[Server, Server], tmp_path: Path
) -> None:
    visit(page, plants[0], "data?section=Cases&case_tags=fermenter_ph&case_span=Everything")
    page.get_by_label("Name").fill("pH, first run")
    page.get_by_label("Link to a view").fill(f"{plants[0].url}/anomalies?tags=fermenter_ph")
    page.get_by_label("Link to a view").press("Enter")
    ready(page)
    page.get_by_role("button", name="Save the case").click()
    button = page.get_by_role("button", name="Download pH-first-run.sensormon")
    expect(button).to_be_visible()
    with page.expect_download() as started:
        button.click()
    started.value.save_as(tmp_path / "case.sensormon")

    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Asia/Tokyo")
    other = context.new_page()
    other.set_default_timeout(20_000)
    visit(other, plants[1], "data?section=Cases")
    other.locator("input[type=file]").set_input_files(tmp_path / "case.sensormon")
    expect(other.get_by_text("made with sensormon").or_(other.get_by_text("with sensormon"))).to_be_visible()
    other.get_by_role("button", name="Open the case").click()
    expect(other.get_by_text("is open:")).to_be_visible()
    link = other.get_by_role("link", name="Open its view")
    assert (link.get_attribute("href") or "").endswith("anomalies?tags=fermenter_ph")
    ledger = plants[1].wait_until("/api/stats", lambda stats: stats["pending"] == 0)
    assert ledger["sources"]["case"]["stored"] >= 900
    assert ledger["difference"] == 0
    visit(other, plants[1], "anomalies?tags=fermenter_ph")
    expect(other.get_by_text("Fermenter pH").first).to_be_visible()
    context.close()
