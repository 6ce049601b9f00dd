"""The table of acts and roles in a real browser, where everybody has a session of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from sensormon.access.roles import GIVEN, NEEDS, Act, Role
from sensormon.access.visit import COOKIE
from sensormon.ui.help import GREETED
from tests.support.browser import visit
from tests.support.people import NAMES, prepared
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.long]

BUTTONS = [
    (Act.ACKNOWLEDGE, "anomalies", ".st-key-acknowledge button"),
    (Act.LABEL, "anomalies", ".st-key-label-as button"),
    (Act.SHELVE, "anomalies", ".st-key-shelve-for button"),
    (Act.NOTE, "anomalies", ".st-key-note button"),
    (Act.NOTE, "explore", ".st-key-note-add button"),
    (Act.EXPORT, "data?section=Export", ".st-key-out-start button"),
    (Act.APPLY_SETTINGS, "tuning?threshold=5.0", "text=Apply to live monitoring"),
    (Act.IMPORT, "data?section=Import", ".st-key-import-file [data-testid=stFileUploaderDropzone] button"),
    (Act.OPEN_CASE, "data?section=Cases", ".st-key-case-file [data-testid=stFileUploaderDropzone] button"),
    (Act.CAUSE_FAULT, "pipeline", ".st-key-fault-start button"),
    (Act.CAUSE_FAULT, "pipeline", ".st-key-demo-kill_loader button"),
    (Act.SET_RETENTION, "data?section=Storage", ".st-key-retention-days input"),
    (Act.MANAGE_USERS, "access", ".st-key-user-add button"),
    (Act.MANAGE_SESSIONS, "access?access=Sessions", ".st-key-session-chosen input"),
    (Act.MANAGE_TOKENS, "access?access=API+tokens", ".st-key-token-add button"),
    (Act.READ_AUDIT, "access?access=Audit+trail", ".st-key-audit-who input"),
]
"""The widget of each act that a browser can press, and the page that has it."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[Role, str]]]:
    """A server in the mode `users`, and the session token of a person with each role."""
    folder = tmp_path_factory.mktemp("roles") / "data"
    tokens = prepared(folder)
    process = Server(folder, SENSORMON_ACCESS="users", SENSORMON_DEMO="1", SENSORMON_READ_TOKEN="")
    process.wait_until("/api/health", lambda health: health["status"] == "ok")
    yield process, tokens
    process.stop()
    process.output()


@contextmanager
def signed_in(browser: Browser, server: Server, token: str) -> Iterator[Page]:
    """An empty page of the browser that has this session."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Europe/Berlin")
    context.add_cookies(
        [
            {"name": COOKIE, "value": token, "url": server.url},
            {"name": GREETED, "value": "1", "url": server.url},
        ]
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


@pytest.mark.parametrize("role", GIVEN, ids=str)
def test_every_act_is_offered_to_whom_the_table_says(
    browser: Browser, plant: tuple[Server, dict[Role, str]], role: Role
) -> None:
    server, tokens = plant
    with signed_in(browser, server, tokens[role]) as page:
        for act, path, selector in BUTTONS:
            visit(page, server, path)
            expect(page.get_by_role("button", name=f"Signed in as {NAMES[role]} ({role})")).to_be_visible()
            widget = page.locator(selector).first
            if role >= NEEDS[act]:
                expect(widget).to_be_enabled()
            else:
                expect(widget).to_be_disabled()


def test_what_is_carried_out_is_in_the_audit_trail(
    browser: Browser, plant: tuple[Server, dict[Role, str]]
) -> None:
    server, tokens = plant
    with signed_in(browser, server, tokens[Role.ADMINISTRATOR]) as page:
        visit(page, server, "data?section=Storage")
        page.get_by_label("Full resolution, days").fill("30")
        page.get_by_label("Full resolution, days").press("Enter")
        page.locator(".st-key-retention-set button").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("30 days", exact=True)).to_be_visible()
        assert dialog.get_by_label("Your name").count() == 0, "nobody who is signed in is asked for a name"
        dialog.get_by_role("button", name="Set", exact=True).click()
        expect(page.get_by_text("Set by Ada")).to_be_visible()
        visit(page, server, "access?access=Audit+trail")
        with page.expect_download() as download:
            page.locator(".st-key-audit-export button").first.click()
            page.locator(".st-key-download-audit button").click()
        lines = download.value.path().read_text().splitlines()
        row = next(line for line in lines if "set retention" in line)
        assert "Ada" in row
        assert "unlimited,30 days" in row


def test_session_that_is_ended_ends_on_the_open_page(
    browser: Browser, plant: tuple[Server, dict[Role, str]]
) -> None:
    server, tokens = plant
    with (
        signed_in(browser, server, tokens[Role.OPERATOR]) as page,
        signed_in(browser, server, tokens[Role.ADMINISTRATOR]) as other,
    ):
        visit(page, server, "anomalies")
        expect(page.locator(".st-key-acknowledge button")).to_be_enabled()
        visit(other, server, "access?access=Sessions")
        other.get_by_label("Person").click()
        other.get_by_role("option", name="Otto").click()
        other.locator(".st-key-session-end-all button").click()
        expect(other.get_by_text("All sessions of Otto were ended.")).to_be_visible()
        expect(page.locator(".st-key-acknowledge button")).to_have_count(0)


def test_secret_of_a_token_is_shown_once(browser: Browser, plant: tuple[Server, dict[Role, str]]) -> None:
    server, tokens = plant
    with signed_in(browser, server, tokens[Role.ADMINISTRATOR]) as page:
        visit(page, server, "access?access=API+tokens")
        page.get_by_label("Name", exact=True).fill("line 3 PLC")
        page.get_by_role("button", name="Add token").click()
        expect(page.get_by_text("Copy the token now.")).to_be_visible()
        secret = page.locator("[data-testid=stCode] code").inner_text().strip()
        assert secret.startswith("sm_")
        visit(page, server, "access?access=API+tokens")
        expect(page.get_by_label("Name", exact=True)).to_be_visible()
        assert secret not in page.content()
        assert secret not in page.url
