"""Reports in a browser: a PDF is made and downloaded, a schedule added and removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import ready, visit
from tests.support.reported import words_of
from tests.support.server import Server

pytestmark = pytest.mark.browser


def test_a_report_is_made_and_downloaded(page: Page, server: Server) -> None:
    visit(page, server, "boards?section=Reports")
    page.get_by_role("button", name="Make PDF").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all-tags").click()
    words = words_of(Path(download.value.path()).read_bytes())
    assert words.startswith("sensormon report All tags")
    assert "Asia/Tokyo (UTC+09:00)" in words
    assert "SIMULATED: All tags" in words


def test_a_schedule_is_added_and_removed(page: Page, server: Server) -> None:
    (server.data_dir / "notify.toml").write_text(
        '[contacts.lead]\nways = ["https://hooks.plant.example/x"]\n'
    )
    visit(page, server, "boards?section=Reports")
    page.get_by_role("button", name="Schedule a report …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("lead", exact=True)).to_be_visible()  # the only contact is chosen
    dialog.get_by_role("textbox", name="Your name, for the log").fill("Ana")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("every day at 06:00 (Asia/Tokyo): yesterday, to lead")).to_be_visible()
    ready(page)
    page.get_by_role("button", name="Remove …").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("None. A schedule mails a report")).to_be_visible()
