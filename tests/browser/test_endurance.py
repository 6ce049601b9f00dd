"""Twelve hours of three tags in about four minutes: the memory of browser and server stays flat."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.support.browser import ready
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.long]

HOURS = 12
INTERVAL = 0.01  # the shortest interval; six tags instead of three make it twice as fast
READINGS = 3 * 3_600 * HOURS
LIVE = 600
"""Readings a second of six tags; a history is filled in far faster."""
DRAWN = "() => Number(document.querySelector('.live-card').dataset.newest)"


def heap(session: CDPSession) -> dict[str, float]:
    """What the page holds after garbage collection: JavaScript heap in MB, DOM nodes, listeners."""
    session.send("HeapProfiler.collectGarbage")
    counts = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return {
        "heap": counts["JSHeapUsedSize"] / 1e6,
        "nodes": counts["Nodes"],
        "listeners": counts["JSEventListeners"],
    }


def resident(server: Server) -> float:
    """The server's memory in MB."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1e3
    raise AssertionError("the server has ended")


def stored(server: Server) -> int:
    count: int = server.get("/api/stats")[1]["stored"]
    return count


def filled_in(server: Server, page: Page) -> int:
    """How many readings are stored once the simulated history of a new folder is."""
    before, now = 0, stored(server)
    while now - before > 10 * LIVE:
        page.wait_for_timeout(1_000)
        before, now = now, stored(server)
    return now


def test_twelve_hours_leave_browser_and_server_memory_flat(browser: Browser, tmp_path: Path) -> None:
    tags = tmp_path / "tags.toml"
    tables = (f'[tags.t{i}]\nlabel = "Tank {i}"\nunit = "bar"\nnormal = [1, 9]\n' for i in range(6))
    tags.write_text("\n".join(tables))
    server = Server(tmp_path / "data", SENSORMON_INTERVAL=str(INTERVAL), SENSORMON_TAGS=str(tags))
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        server.wait_until_stored()
        page = context.new_page()
        page.goto(f"{server.url}/?range=5+min")
        ready(page)
        page.wait_for_selector(".live-card .js-plotly-plot .scatterlayer .trace")
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        first = filled_in(server, page)
        seen: list[tuple[int, float, dict[str, float]]] = []
        while (done := stored(server) - first) < READINGS:
            drawn = page.evaluate(DRAWN)
            page.wait_for_timeout(10_000)
            assert page.evaluate(DRAWN) > drawn, "the charts stand still"
            # What fills up first: the newest 200,000 readings in memory, five minutes on the page.
            if done > READINGS * 2 / 3:
                seen.append((done, resident(server), heap(session)))
        _flat(page, seen)
    finally:
        context.close()
        server.stop()
        server.output()


def _flat(page: Page, seen: list[tuple[int, float, dict[str, float]]]) -> None:
    assert len(seen) >= 6
    early, late = seen[:3], seen[-3:]

    def grown(of: int, name: str = "") -> float:
        before = min((sample[of][name] if name else sample[of]) for sample in early)
        after = min((sample[of][name] if name else sample[of]) for sample in late)
        return float(after - before)

    assert grown(1) < 40, f"the server grew: {seen}"
    assert grown(2, "heap") < 15, f"the page grew: {seen}"
    assert grown(2, "nodes") < 3_000, f"the page grew: {seen}"
    assert grown(2, "listeners") < 200, f"the page grew: {seen}"
    expect(page.get_by_text("ledger balanced")).to_be_visible()
