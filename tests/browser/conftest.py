"""Fixtures for tests in a real browser: the browser, a server with a simulated plant, and a page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.browser import CHROMIUM
from tests.support.server import Server

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=15_000)  # milliseconds; a busy machine must not fail a test


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for the module; the test is skipped if none is installed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium found: apt-get install chromium, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the history of a simulated plant, one for the module."""
    process = Server(tmp_path_factory.mktemp("browser") / "data")
    process.wait_until_stored()
    yield process
    process.stop()
    process.output()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a wide window in Tokyo's time zone; it must keep to the content policy."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, timezone_id="Asia/Tokyo", accept_downloads=True
    )
    tab = context.new_page()
    tab.set_default_timeout(20_000)
    violations: list[str] = []
    context.on(
        "console",
        lambda message: (
            violations.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield tab
    context.close()
    assert violations == []


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody else, with no cookies."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    yield context
    context.close()
