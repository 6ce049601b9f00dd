"""Notifications in a real browser: the first rule in one form, editing, a refusal, a test, the last week."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sensormon.notify.config import NotifyConfig
from sensormon.notify.config_text import parse_config
from tests.support.browser import ready, visit
from tests.support.receiver import Receiver
from tests.support.server import Server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    hook = Receiver()
    yield hook
    hook.close()


def in_file(server: Server) -> NotifyConfig:
    path: Path = server.data_dir / "notify.toml"
    return parse_config(path.read_text())


def test_from_nothing_to_a_rule_that_is_tested_edited_and_switched_off(
    page: Page, server: Server, receiver: Receiver
) -> None:
    visit(page, server, "notifications")
    expect(page.get_by_text("Nobody is told of anything yet. Who should be?")).to_be_visible()
    page.get_by_text("Webhook", exact=True).click()
    page.get_by_role("textbox", name="URL").fill(f"http://127.0.0.1:{receiver.port}/alarm/T0K3N")
    page.get_by_text("May call this machine itself").click()
    page.get_by_text("low", exact=True).click()
    page.get_by_label("Your name, for the log").fill("Ann")
    page.get_by_role("button", name="Make this rule").click()
    expect(page.get_by_text("Tells shift of all events, at once.").first).to_be_visible()
    assert in_file(server).contacts["shift"].allow_private

    page.get_by_text("Contacts", exact=True).click()
    expect(page.get_by_text("May call this machine", exact=False).first).to_be_visible()
    assert "T0K3N" not in page.content()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text(f"✓ taken by http://127.0.0.1:{receiver.port}/…: 200 OK")).to_be_visible()
    assert receiver.received[-1].json["kind"] == "test"

    page.get_by_text("Rules", exact=True).click()
    page.locator(".st-key-rule-edit-events button").click()
    page.get_by_role("button", name="Try it on the last week").click()
    expect(page.get_by_text("target ≤ 1, limit 2")).to_be_visible()
    expect(page.get_by_role("heading", name="events")).to_be_visible()
    assert "rule=events" in page.url
    wait = page.get_by_role("textbox", name="Repeat every")
    wait.fill("5 s")
    wait.press("Tab")
    expect(page.get_by_text("Repeats the message every 5 s")).to_be_visible()
    page.get_by_role("button", name="Save the rule").click()
    expect(page.get_by_text("A number of seconds from 60")).to_be_visible()
    assert not in_file(server).rules["events"].remind
    wait.fill("30 min")
    wait.press("Tab")
    expect(page.get_by_text("Repeats the message every 30 min")).to_be_visible()
    page.get_by_role("button", name="Save the rule").click()
    expect(page.get_by_text("events is saved and in force.")).to_be_visible()
    assert in_file(server).rules["events"].remind == 1800

    ready(page)
    page.locator(".st-key-rule-row-events [data-testid=stCheckbox] label").click()
    expect(page.get_by_text("events is off: it tells nobody.")).to_be_visible()
    assert not in_file(server).rules["events"].on


def test_sections_fit_a_phone(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for section, words in (
        ("Rules", "rule"),
        ("Contacts", "Mail server"),
        ("Calendars", "calendar"),
        ("Messages", "sent in 30 days"),
        ("Shelved+tags", "No tag is shelved."),
        ("Maintenance", "Plan maintenance"),
    ):
        visit(page, server, f"notifications?notify={section}")
        expect(page.get_by_text(words).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("[data-testid=stException]").count() == 0
