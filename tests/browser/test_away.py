"""The server is away, and comes back: what a person at the page sees, and keeps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import visit
from tests.support.server import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may kill; the test stops the one that it starts instead."""
    process = Server(tmp_path / "data", SENSORMON_ACCESS="open")
    process.wait_until_stored(30)
    yield process
    process.stop(signal.SIGKILL)
    process.output()


def test_page_says_that_the_server_is_away_and_keeps_what_was_typed(page: Page, plant: Server) -> None:
    said: list[str] = []
    page.on("request", lambda request: said.append(request.url) if request.is_navigation_request() else None)
    visit(page, plant, "access")
    page.get_by_label("Name", exact=True).fill("Olga of the night shift")
    page.get_by_label("Password", exact=True).fill("four random words here")
    visits = len(said)
    banner = page.locator(".silence")
    expect(banner).to_be_attached()  # the page's scripts are running

    plant.stop(signal.SIGKILL)
    expect(banner).to_contain_text("The server does not answer")
    expect(banner).to_contain_text("Last seen")
    assert "ago" in page.locator(".status").evaluate("line => getComputedStyle(line, '::before').content")
    page.wait_for_timeout(4_000)  # by then Streamlit would have opened its dialog
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("yourscript")).to_have_count(0)

    with plant.again():
        expect(banner).to_be_hidden(timeout=60_000)
        expect(page.locator(".status.old")).to_have_count(0)
        expect(page.get_by_label("Password", exact=True)).to_be_focused()  # once the page has drawn itself
        expect(page.get_by_label("Name", exact=True)).to_have_value("Olga of the night shift")
        expect(page.get_by_label("Password", exact=True)).to_have_value("four random words here")
        page.get_by_role("button", name="Add user").click()
        expect(page.get_by_text("Olga of the night shift").first).to_be_visible()
        assert len(said) == visits, "the page was not loaded again"


@pytest.mark.long
def test_dialog_that_the_return_closes_gives_its_words_back(page: Page, plant: Server) -> None:
    visit(page, plant, "tuning?threshold=4.2")
    page.get_by_role("button", name="Apply to live monitoring").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("too many on the night shift")
    banner = page.locator(".silence")
    expect(banner).to_be_attached()  # the page's scripts are running
    plant.stop(signal.SIGKILL)
    expect(banner).to_contain_text("The server does not answer")
    with plant.again():
        expect(banner).not_to_contain_text("The server does not answer", timeout=60_000)
        page.wait_for_timeout(3_500)
        reason = page.get_by_role("dialog").get_by_label("Reason")
        if reason.count():
            expect(reason).to_have_value("too many on the night shift")
        else:
            expect(banner).to_contain_text("too many on the night shift")


@pytest.mark.long
def test_server_that_hangs_is_reported_until_it_goes_on(page: Page, plant: Server) -> None:
    visit(page, plant, "access")
    page.get_by_label("Name", exact=True).fill("Olga")
    banner = page.locator(".silence")
    expect(banner).to_be_attached()  # the page's scripts are running
    plant.process.send_signal(signal.SIGSTOP)
    try:
        expect(banner).to_contain_text("The server does not answer")
        expect(page.get_by_role("dialog")).to_have_count(0)
    finally:
        plant.process.send_signal(signal.SIGCONT)
    expect(banner).to_be_hidden(timeout=60_000)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Olga")
