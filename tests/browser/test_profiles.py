"""Profiles in a real browser: from the worst tag to a profile of its own, and back to trying settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import ready, visit
from tests.support.server import Server

pytestmark = pytest.mark.browser

ROW, HEAD = 35, 35  # heights of a row and of the head of a table, in pixels
BOX = 20  # from the left edge to the middle of the boxes that select rows


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Server]:
    """A simulated plant of its own, as its settings change."""
    server = Server(tmp_path / "data")
    server.wait_until_stored()
    yield server
    server.stop()
    server.output()


def table(page: Page) -> Locator:
    """The table of tags."""
    return page.locator("[data-testid=stDataFrame]").first


def press_row(page: Page, row: int, x: float) -> None:
    """Press the table at this row, `x` pixels from its left edge."""
    table(page).click(position={"x": x, "y": HEAD + ROW * (row + 0.5)})
    ready(page)


def test_engineer_gives_the_worst_tag_a_profile_of_its_own(page: Page, plant: Server) -> None:
    visit(page, plant, "tuning?part=Profiles")
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_label("Name of the profile").fill("calm")
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Copy").click()
    expect(page.get_by_text("calm is new")).to_be_visible()
    delay = page.get_by_role("spinbutton", name="On-delay, s")
    delay.fill("5")
    delay.press("Tab")
    expect(page.get_by_text(re.compile("calm is new: .*on-delay 5 s"))).to_be_visible()
    page.get_by_label("Your name, for the log").fill("Ann")
    page.get_by_role("textbox", name="Reason").fill("Pumps start and stop")
    page.get_by_role("button", name="Apply to live monitoring").click()
    expect(page.get_by_text("What will change")).to_have_count(0)

    page.get_by_text("Tags", exact=True).first.click()
    expect(page.get_by_text("0 tags selected")).to_be_visible()
    ready(page)
    press_row(page, 0, BOX)
    expect(page.get_by_text("1 tag selected")).to_be_visible()
    page.get_by_role("button", name="Assign a profile …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Profile").click()
    page.get_by_role("option", name="calm").click()
    expect(dialog.get_by_text("1 tag, default → calm")).to_be_visible()
    dialog.get_by_role("textbox", name="Reason").fill("Chatters")
    dialog.get_by_role("button", name="Apply to live monitoring").click()
    expect(dialog).to_have_count(0)

    page.get_by_role("combobox", name="Profile").click()
    page.get_by_role("option", name="calm").click()
    expect(page.get_by_text("1 of 3 tags")).to_be_visible()
    assert "under=calm" in page.url


def test_click_on_a_tag_opens_it_where_settings_are_tried(page: Page, server: Server) -> None:
    visit(page, server, "tuning?part=Tags&find=ph")
    expect(page.get_by_text("1 of 3 tags")).to_be_visible()
    press_row(page, 0, 100)
    expect(page.get_by_text("Compare with")).to_be_visible()
    expect(page).to_have_url(re.compile("tune=fermenter_ph"))


def test_sections_of_tags_and_profiles_fit_a_phone(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for part, words in (("Tags", "tags selected"), ("Profiles", "Nothing is assigned yet")):
        visit(page, server, f"tuning?part={part}")
        expect(page.get_by_text(words)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("[data-testid=stException]").count() == 0
