"""Pages opened by a browser, if Playwright and Chromium are installed; they are no part of the product."""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sensormon.bench.measured import Figures, percentile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

READY = "[data-testid=stApp][data-test-script-state=notRunning]"
DRAWN = ".js-plotly-plot .scatterlayer .trace"
PROFILES = 5
"""Browser profiles that have never seen the server."""
WAIT = 120_000.0
"""Milliseconds after which a page counts as never drawn."""
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_WITH_CHARTS = ("Live", "Explore", "bare")


def browser_visits(port: int, addresses: Mapping[str, tuple[str, str]]) -> Figures:
    """How long a browser takes over each address, ms; no figures without Playwright or Chromium.

    Until the page is whole, and where it begins with a chart until that is drawn. The first address also in
    profiles that have never seen the server, which have to load all JavaScript.
    """
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or find_spec("playwright") is None:
        return {}
    sync_api = importlib.import_module("playwright.sync_api")
    figures: Figures = {}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        name, address = next(iter(addresses.items()))
        fresh = [_fresh(browser, port, name, address) for _ in range(PROFILES)]
        figures[f"{name}, browser, new profile, ms p50"] = percentile(fresh, 50)
        figures[f"{name}, browser, new profile, ms max"] = percentile(fresh, 100)
        context = browser.new_context()
        _visit(context, port, name, address)
        for name, address in addresses.items():
            figures[f"{name}, browser, ms"] = _visit(context, port, name, address) * 1e3
        browser.close()
    return figures


def _fresh(browser: Browser, port: int, name: str, address: tuple[str, str]) -> float:
    context = browser.new_context()
    try:
        return _visit(context, port, name, address)
    finally:
        context.close()


def _visit(context: BrowserContext, port: int, name: str, address: tuple[str, str]) -> float:
    """Seconds until the page is whole and its first chart drawn."""
    page = context.new_page()
    try:
        started = time.perf_counter()
        page.goto(f"http://127.0.0.1:{port}/{'?'.join(address)}", timeout=WAIT, wait_until="commit")
        page.wait_for_selector(READY, timeout=WAIT)
        if name.startswith(_WITH_CHARTS):
            page.wait_for_selector(DRAWN, timeout=WAIT, state="attached")
        return time.perf_counter() - started
    finally:
        page.close()
