"""What an engineer does on Tuning: tries a profile, applies it, asks for a suggestion, goes back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import ready, visit
from tests.support.server import Server

pytestmark = pytest.mark.browser


def apply(page: Page, reason: str) -> None:
    """Fill in the dialog and send it."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("day shift")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name="Apply to live monitoring").click()
    expect(dialog).to_be_hidden()


def open_dialog(page: Page) -> None:
    page.get_by_role("button", name="Apply to live monitoring").click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.long
def test_profile_is_tried_applied_marked_and_reverted(page: Page, server: Server) -> None:
    visit(page, server, "tuning?threshold=4.2")
    line = page.locator(".first-line")
    expect(line).to_contain_text("With new settings")
    open_dialog(page)
    expect(page.get_by_role("dialog")).to_contain_text("threshold 3 → 4.2")
    apply(page, "too many at night")
    expect(page.get_by_text("threshold 4.2").first).to_be_visible()

    visit(page, server, "")
    mark = page.locator(".live-card .annotation-text", has_text=re.compile("^v2$")).first
    expect(mark).to_be_visible()
    visit(page, server, "explore?past=15+min")
    expect(page.get_by_text(re.compile("✎ Version 2: too many")).first).to_be_attached()

    visit(page, server, "tuning?part=Versions")
    expect(page.get_by_text("Reverting to it would change:")).to_be_visible()
    page.get_by_role("button", name="Revert to version 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_have_value(re.compile("Back to version 1 of "))
    dialog.get_by_label("Your name").fill("day shift")
    dialog.get_by_role("button", name="Apply to live monitoring").click()
    expect(page.get_by_text("Judges the same as the version in force.")).to_be_visible()
    visit(page, server, "tuning")
    expect(page.get_by_text("threshold 3;").first).to_be_visible()


@pytest.mark.long
def test_new_profile_for_one_tag_leaves_the_others(page: Page, server: Server) -> None:
    visit(page, server, "tuning?tune=fermenter_ph&threshold=6.5")
    open_dialog(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("A new profile for Fermenter pH").click()
    dialog.get_by_label("Name of the new profile").fill("acid")
    dialog.get_by_label("Name of the new profile").press("Tab")
    expect(dialog).to_contain_text("acid is new")
    expect(dialog).to_contain_text("Affects 1 tag.")
    apply(page, "pH is noisy")
    visit(page, server, "tuning?tune=fermenter_ph")
    expect(page.get_by_text("(profile acid)").first).to_be_visible()
    visit(page, server, "tuning?tune=fermenter_temp")
    expect(page.get_by_text("(profile default)").first).to_be_visible()


@pytest.mark.long
def test_suggestion_is_searched_and_tried(page: Page, server: Server) -> None:
    visit(page, server, "tuning?history=15+min&scope=All+tags")
    target = page.locator(".st-key-suggest-target input")
    target.fill("3000")
    target.press("Tab")
    page.get_by_role("button", name="Suggest for 3 tags").click()
    expect(page.get_by_text(re.compile("settings tried on 3 tags"))).to_be_visible(timeout=60_000)
    page.get_by_role("button", name=re.compile("^Try 1: ")).click()
    ready(page)
    expect(page.locator(".first-line")).to_contain_text("With new settings")
    expect(page.get_by_role("button", name="Reset")).to_be_enabled()


def test_address_holds_every_detector_and_delay(page: Page, server: Server) -> None:
    visit(page, server, "tuning?detector=Rolling+z-score&detector=Stuck+sensor&stuck_readings=30&on_delay=5")
    expect(page.get_by_text("Stuck sensor", exact=True).first).to_be_visible()
    expect(page.get_by_role("slider").nth(1)).to_have_value("3")
    page.get_by_text("Delays, severity, condition, target").click()
    expect(page.get_by_role("spinbutton", name="On-delay, s")).to_have_value("5")
