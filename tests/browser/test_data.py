"""The Data page in a real browser: tags, retention and import."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, TimeoutError, expect

from tests.support.browser import ready, visit
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.browser

ROW = 35
HEAD = 36
VALID_HIGH = 712
"""Where that column is, from the left edge of the table."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its own, editable tag table and two hours of readings from 40 days ago."""
    folder = tmp_path_factory.mktemp("data-page")
    (folder / "tags.toml").write_bytes((ROOT / "data" / "tags.toml").read_bytes())
    times = pd.date_range(end=pd.Timestamp.now("UTC") - pd.Timedelta(days=40), periods=7_200, freq="s")
    values = [7.0 + 0.01 * (i % 7) for i in range(len(times))]
    pd.DataFrame({"time": times, "fermenter_ph": values}).to_csv(folder / "old.csv", index=False)
    command = [sys.executable, "-m", "sensormon", "import", str(folder / "old.csv")]
    variables = {"SENSORMON_DATA_DIR": str(folder / "data"), "SENSORMON_TAGS": str(folder / "tags.toml")}
    subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=True, capture_output=True)
    server = Server(folder / "data", SENSORMON_TAGS=str(folder / "tags.toml"))
    server.wait_until_stored()
    yield server
    server.stop()
    server.output()


def write_cell(page: Page, column: float, row: int, text: str) -> None:
    """Write into a cell of the table. It is drawn on a canvas, so `column` is a place on it, in pixels."""
    table = page.get_by_test_id("stDataFrame").first
    field = page.locator("#portal input, #portal textarea").first
    chosen = table.locator(f"canvas [id^=glide-cell-][id$='-{row}'][aria-selected=true]")
    for _ in range(
        12
    ):  # a canvas accepts clicks before it knows its cells, and the first one may only focus it
        table.click(position={"x": column, "y": HEAD + ROW * row + ROW / 2})
        try:
            chosen.wait_for(state="attached", timeout=1_000)
            page.keyboard.press("Enter")
            field.wait_for(timeout=3_000)
            break
        except TimeoutError:
            page.keyboard.press("Escape")
    expect(field).to_be_visible()
    field.fill(text)
    page.keyboard.press("Enter")
    ready(page)


def test_tag_change_is_previewed_saved_and_applied_at_once(page: Page, own: Server) -> None:
    file = own.data_dir.parent / "tags.toml"
    visit(page, own, "data?section=Tags")
    write_cell(page, VALID_HIGH, 1, "-5")
    page.get_by_role("button", name="Review changes").click()
    expect(page.get_by_text("Tag fermenter_ph, Valid low: 5 is not below Valid high")).to_be_visible()
    write_cell(page, VALID_HIGH, 1, "8")
    page.get_by_role("button", name="Review changes").click()
    preview = page.locator(".st-key-panel-tags-preview")
    expect(preview).to_contain_text("Fermenter pH: valid 5–9 → 5–8 pH")
    expect(preview).to_contain_text("the new valid range would have rejected")
    page.get_by_label("Your name, for the log").fill("Ana")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Tags saved")).to_be_visible()
    assert "# The z-score learns from the last 50 readings." in file.read_text()
    (tag,) = [row for row in own.get("/api/tags")[1] if row["name"] == "fermenter_ph"]
    assert tag["valid"] == [5.0, 8.0]


@pytest.mark.long
def test_roll_up_takes_two_deliberate_clicks(page: Page, own: Server) -> None:
    stored = own.wait_until("/api/stats", lambda ledger: ledger["pending"] == 0)["stored"]
    visit(page, own, "data?section=Storage")
    days = page.get_by_label("Full resolution, days")
    days.fill("30")
    days.press("Enter")
    ready(page)
    page.get_by_role("button", name="Set", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"7,\d{3} readings older than 30 days become 12\d minutes"))
    dialog.get_by_label("Your name").fill("Ana")
    dialog.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("for 30 days, then one-minute roll-ups")).to_be_visible()
    page.get_by_role("button", name="Roll up now").click()
    dialog.get_by_role("button", name=re.compile("Roll up 7,")).click()
    expect(page.get_by_text("readings rolled up")).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-panel-sizes")).to_contain_text("minutes rolled up")
    ledger = own.get("/api/stats")[1]
    assert ledger["balanced"]
    assert ledger["stored"] >= stored


@pytest.mark.long
def test_unknown_columns_become_tags_on_import(page: Page, own: Server, tmp_path: Path) -> None:
    times = pd.date_range("2026-01-01", periods=500, freq="min", tz="UTC")
    file = tmp_path / "utility.csv"
    steam = [3.0 + 0.001 * (i % 9) for i in range(500)]
    pd.DataFrame({"time": times, "Steam (bar)": steam, "remark": "ok"}).to_csv(file, index=False)
    visit(page, own, "data?section=Import")
    page.locator("input[type=file]").first.set_input_files(file)
    expect(
        page.get_by_text("1 number column and 1 column of states not in the tag table yet")
    ).to_be_visible()
    page.get_by_label("Your name, for the log").fill("Ana")
    page.get_by_role("button", name="Add tags").click()
    expect(page.get_by_text("1 column of states not in the tag table yet", exact=True)).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("500 of 500 readings imported")).to_be_visible(timeout=30_000)
    assert '[tags.Steam]\nunit = "bar"\nsimulated = false' in (own.data_dir.parent / "tags.toml").read_text()
    rows = own.get("/api/data?tag=Steam&since=2026-01-01&limit=1000")[1]
    assert len(rows) == 500
