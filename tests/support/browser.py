"""Pages in a real browser: open one and wait until it is drawn."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Page

from tests.support.server import Server

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
"""The path of the browser; None if none is installed."""

READY = "[data-testid=stApp][data-test-script-state=notRunning]"
"""Matches a page whose script has run to its end."""

GROUND = {"light": "rgb(242, 243, 245)", "dark": "rgb(20, 23, 26)"}
"""The ground of a page in each theme."""

SHIFTS = """
window.shifts = []
new PerformanceObserver((list) => {
  for (const { hadRecentInput, value, sources } of list.getEntries())
    if (!hadRecentInput) window.shifts.push([value, ...sources.map(({ node }) => node?.className ?? "")])
}).observe({ type: "layout-shift", buffered: true })
"""
"""Notes in `window.shifts` by how much the layout shifts without anybody's doing, and what did."""


def visit(page: Page, server: Server, path: str) -> None:
    """Open this path, with or without a query, and wait until the page is ready."""
    page.goto(f"{server.url}/{path}")
    ready(page)


def ready(page: Page) -> None:
    """Wait until the page's script has run to its end."""
    page.wait_for_selector(READY)
