"""The Live page in a real browser: it updates itself and keeps what the viewer set."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from sensormon.model.tags import Tag
from sensormon.view.y_range import YRule, fitted, near, tick_decimals
from tests.support.api import BEARER, TOKEN
from tests.support.browser import ready, visit
from tests.support.server import Server

pytestmark = pytest.mark.browser

CARD = ".live-card"
UPPER_THIRD = 281
"""Pixels of a phone that is 844 high."""
DRAWN = f"{CARD}[data-drawn] .js-plotly-plot .scatterlayer .trace"
RANGES = (
    "() => [...document.querySelectorAll('.js-plotly-plot')].map(p => p._fullLayout.xaxis.range.map(String))"
)
NEWEST = "() => document.querySelector('.live-card')?.dataset.newest"


def live(page: Page, server: Server, query: str = "") -> None:
    visit(page, server, query)
    page.wait_for_selector(DRAWN)


def renewed(page: Page, times: int = 2) -> None:
    """Wait until the charts have drawn newer readings this many times."""
    for _ in range(times):
        page.wait_for_function(f"before => ({NEWEST})() !== before", arg=page.evaluate(NEWEST))


def drag(page: Page, left: float, right: float, card: int = 0) -> None:
    """Zoom into this part of a chart; `left` and `right` are shares of its width."""
    box = page.locator(f"{CARD} .js-plotly-plot .nsewdrag").nth(card).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + left * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + right * box["width"], y + 2, steps=5)
    page.mouse.up()


def test_zoom_survives_updates_and_is_shared_by_all_charts(page: Page, server: Server) -> None:
    live(page, server)
    drag(page, 0.2, 0.6)
    expect(page.get_by_role("button", name="Back to now")).to_be_visible()
    zoomed = page.evaluate(RANGES)
    assert len(zoomed) == 3
    assert zoomed[0] == zoomed[1] == zoomed[2]
    renewed(page, 3)
    assert page.evaluate(RANGES) == zoomed
    page.get_by_role("button", name="Back to now").click()
    page.wait_for_function(f"before => String(({RANGES})()) !== String(before)", arg=zoomed)


@pytest.mark.long
def test_keyboard_zooms_and_pans(page: Page, server: Server) -> None:
    live(page, server)
    width = f"() => {{ const [a, b] = ({RANGES})()[0].map(Date.parse); return b - a }}"
    whole = page.evaluate(width)
    page.get_by_role("button", name="Zoom in").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"whole => Math.abs(({width})() - whole / 2) < whole / 50", arg=whole)
    before = page.evaluate(RANGES)
    page.get_by_role("button", name="Earlier").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"before => ({RANGES})()[0][0] < before", arg=before[0][0])


def test_hover_stays_on_its_reading_and_spans_all_charts(page: Page, server: Server) -> None:
    live(page, server)
    box = page.locator(f"{CARD} .js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.locator(".hoverlayer .hovertext").filter(has_text="expected").first
    expect(label).to_contain_text("°C  expected")
    words = label.text_content()
    renewed(page, 3)
    expect(label).to_have_text(words or "")
    expect(page.locator(".hair:visible")).to_have_count(3)
    expect(page.locator(".hair-value:visible")).to_have_text([re.compile("pH"), re.compile("rpm")])


@pytest.mark.long
def test_new_reading_appears_soon_and_cheaply(page: Page, server: Server) -> None:
    received = {"bytes": 0}
    page.on("websocket", lambda ws: ws.on("framereceived", lambda frame: _add(received, frame)))
    live(page, server)
    renewed(page)
    page.on("response", lambda answer: _add(received, answer.body()) if "/api/live/" in answer.url else None)
    received["bytes"] = 0
    delays = page.evaluate(
        """() => new Promise(done => {
          const waits = [], card = document.querySelector('.live-card'), begun = performance.now()
          let last = card.dataset.newest
          new MutationObserver((_, watch) => {
            if (card.dataset.newest === last) return
            last = card.dataset.newest
            waits.push(Number(card.dataset.drawn) - Number(last))
            if (waits.length === 12) { watch.disconnect(); done([performance.now() - begun, waits]) }
          }).observe(card, { attributes: true })
        })"""
    )
    seconds, waits = delays[0] / 1000, sorted(delays[1])
    # Twice the target for an idle machine; `docs/operations.md` has the measurements.
    assert waits[len(waits) // 2] < 2_000, waits
    assert received["bytes"] / seconds / 1024 < 15, received


def _add(received: dict[str, int], frame: str | bytes) -> None:
    received["bytes"] += len(frame)


@pytest.mark.long
def test_card_offers_its_readings_as_a_table(page: Page, server: Server) -> None:
    live(page, server)
    page.get_by_role("button", name="Fermenter pH as a table").click()
    table = page.locator(".card-table table")
    expect(table.locator("th")).to_have_text(["Time", "Value, pH", "Expected, pH", "Score", "What"])
    first = table.locator("td").first
    before = first.text_content()
    expect(table.locator("tr")).to_have_count(16)
    expect(first).not_to_have_text(before or "")


@pytest.mark.long
def test_paused_view_opens_the_same_elsewhere(page: Page, browser: Browser, server: Server) -> None:
    live(page, server)
    page.get_by_role("radio", name="5 min", exact=True).click()
    page.get_by_text("Pause", exact=True).click()
    expect(page.get_by_text("still collecting")).to_be_visible()
    page.wait_for_url("**at=*")
    ready(page)
    page.wait_for_selector(DRAWN)
    page.wait_for_function(
        f"""() => Math.abs(Date.parse(({RANGES})()[0][1])
            - Date.parse(new URL(location).searchParams.get('at'))) < 2"""
    )
    held = page.evaluate(RANGES)
    other = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Asia/Tokyo").new_page()
    other.goto(page.url)
    other.wait_for_selector(DRAWN)
    assert other.evaluate(RANGES) == held
    other.context.close()


@pytest.mark.long
def test_zoom_is_kept_in_the_url(page: Page, browser: Browser, server: Server) -> None:
    live(page, server, "?range=5+min")
    drag(page, 0.3, 0.7)
    page.wait_for_url("**zoom=*")
    ready(page)
    page.get_by_text("Pause", exact=True).click()
    page.wait_for_url("**at=*")
    ready(page)
    held = page.evaluate(RANGES)
    other = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Asia/Tokyo").new_page()
    other.goto(page.url)
    other.wait_for_selector(DRAWN)
    assert [edge[:19] for edge in other.evaluate(RANGES)[0]] == [edge[:19] for edge in held[0]]
    other.context.close()


@pytest.mark.long
def test_link_is_copied(browser: Browser, server: Server) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    visit(page, server, "?range=1+h")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{server.url}/?range=1+h"
    context.close()


@pytest.mark.long
def test_page_draws_its_own_charts_without_the_board(page: Page, server: Server) -> None:
    page.route("**/assets/**", lambda route: route.abort())
    visit(page, server, "")
    expect(page.locator("[data-testid=stPlotlyChart]")).to_have_count(3)
    expect(page.get_by_text("normal 35–40 °C")).to_be_visible()


def test_last_event_links_to_the_anomalies_page(page: Page, server: Server) -> None:
    live(page, server)
    line = page.locator(".board-last")
    expect(line).to_contain_text("Last event")
    line.get_by_role("link", name="open").click()
    page.wait_for_url("**/anomalies?*event=*")
    expect(page.get_by_role("heading", name="Anomalies", exact=True)).to_be_visible()


@pytest.mark.long
def test_every_page_reports_a_lost_monitor_and_recovers(page: Page, tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    try:
        server.wait_until_stored()
        live(page, server)
        other = page.context.new_page()
        visit(other, server, "anomalies")
        for tab in (page, other):
            expect(tab.locator(".silence")).to_be_attached()
        page.bring_to_front()
        server.process.send_signal(signal.SIGSTOP)
        try:
            expect(page.locator(".silence")).to_be_visible(timeout=30_000)
            expect(other.locator(".silence")).to_be_visible(timeout=30_000)
        finally:
            server.process.send_signal(signal.SIGCONT)
        expect(page.locator(".silence")).to_be_hidden()
        expect(other.locator(".silence")).to_be_hidden()
        server.stop()
        server.output()
        expect(page.locator(".silence")).to_be_visible()
        server = Server(tmp_path / "data", port=server.port)
        server.wait_until_stored()
        expect(page.locator(".silence")).to_be_hidden()
        renewed(page)
    finally:
        server.stop()
        server.output()


@pytest.mark.long
def test_late_readings_are_inserted_without_full_reloads(page: Page, tmp_path: Path) -> None:
    server = Server(tmp_path / "data", SENSORMON_TOKEN=TOKEN)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/live/board" in request.url else None)
    line = """late => [...document.querySelectorAll('.live-card .js-plotly-plot')].some(plot => {
      const {x} = plot.data.find(trace => trace.mode === 'lines' && trace.customdata)
      const at = x.indexOf(late)
      return at > 0 && x[at - 1] < late && (at + 1 === x.length || late < x[at + 1])
    })"""
    try:
        server.wait_until_stored()
        live(page, server)
        renewed(page)
        asked.clear()
        began = time.monotonic()
        for _ in range(8):
            late = int(time.time() * 1e3) - 10_250
            stamp = datetime.fromtimestamp(late / 1e3, UTC).isoformat()
            answer = httpx.post(
                f"{server.url}/api/ingest",
                json={"tag": "fermenter_temp", "value": 37.2, "timestamp": stamp},
                headers=BEARER,
            )
            assert answer.status_code == 201, answer.text
            page.wait_for_function(line, arg=late)
        stamp = datetime.fromtimestamp(int(time.time()) - 0.5, UTC).isoformat()
        for value in (37.1, 37.3):  # two readings at the same time count as two
            body = {"tag": "fermenter_temp", "value": value, "timestamp": stamp}
            httpx.post(f"{server.url}/api/ingest", json=body, headers=BEARER)
        page.wait_for_function(
            """at => [...document.querySelectorAll('.live-card .js-plotly-plot')].some(plot => {
              const {x} = plot.data.find(trace => trace.mode === 'lines' && trace.customdata)
              return x.filter(time => time === at).length === 2
            })""",
            arg=int(datetime.fromisoformat(stamp).timestamp() * 1e3),
        )
        whole = [url for url in asked if "after=" not in url]
        assert len(whole) <= 1 + (time.monotonic() - began) / 10
        assert len(asked) > len(whole) + 4
    finally:
        server.stop()
        server.output()


@pytest.mark.long
def test_strip_leads_to_a_chart_of_many_tags(page: Page, tmp_path: Path) -> None:
    tags = tmp_path / "tags.toml"
    tags.write_text(
        "\n".join(
            f'[tags.t{i}]\nlabel = "Tank {i}"\nunit = "bar"\ngroup = "Hall {i % 3}"\n'
            "normal = [1, 9]\nnoise = 0.1\n"
            for i in range(60)
        )
    )
    server = Server(tmp_path / "data", SENSORMON_TAGS=str(tags))
    try:
        server.wait_until_stored(20_000)
        live(page, server)
        expect(page.locator(CARD)).to_have_count(3)
        expect(page.locator(".strip-item")).to_have_count(60)
        page.get_by_label("Search tags").fill("tank 41")
        page.get_by_label("Search tags").press("Enter")
        expect(page.locator(".strip-row")).to_have_count(1)
        page.locator(".strip-row").click()
        page.wait_for_url("**show=t41*")
        expect(page.locator(f"{CARD} h3")).to_have_text("Tank 41")
        assert page.locator(".status").evaluate("line => line.clientHeight") < 30, "the status takes one line"

        page.set_viewport_size({"width": 390, "height": 844})
        page.context.add_cookies([{"name": "sensormon-greeted", "value": "1", "url": server.url}])
        live(page, server)
        assert page.locator(".strip").evaluate("part => part.getBoundingClientRect().y") <= UPPER_THIRD
        expect(page.get_by_label("Search tags")).to_be_hidden()
    finally:
        server.stop()
        server.output()


@pytest.mark.long
def test_board_keeps_running_while_the_database_is_down(page: Page, tmp_path: Path) -> None:
    server = Server(tmp_path / "data", SENSORMON_DEMO="1")
    try:
        server.wait_until_stored()
        live(page, server)
        other = page.context.new_page()
        visit(other, server, "pipeline")
        other.get_by_role("button", name="Database down for 20 s").click()
        expect(page.get_by_text("Database away for")).to_be_visible()
        anomalies, explore = page.context.new_page(), page.context.new_page()
        visit(anomalies, server, "anomalies")
        visit(explore, server, "explore")
        gone = anomalies.get_by_text("The database cannot be read at the moment")
        part = explore.get_by_text("History unavailable")
        expect(gone).to_be_visible()
        expect(part).to_be_visible()
        renewed(page, 3)
        expect(page.get_by_text("safe in the journal")).to_be_visible()
        expect(page.get_by_text("Database away for")).to_be_hidden(timeout=60_000)
        expect(gone).to_be_hidden()
        expect(part).to_be_hidden()
        expect(anomalies.get_by_text("unacknowledged").first).to_be_visible()
        renewed(page, 2)
        expect(page.get_by_text("ledger balanced")).to_be_visible()
    finally:
        server.stop()
        server.output()


def test_the_browser_fits_the_y_axis_as_python_does(page: Page, server: Server) -> None:
    rng = np.random.default_rng(7)
    tags = [
        Tag("ph", "pH", unit="pH", normal=(6.5, 7.5), resolution=0.01),
        Tag("level", "Level", unit="m"),
        Tag("speed", "Speed", unit="rpm", normal=(300.0, 600.0), resolution=1.0),
    ]
    cases, expected = [], []
    for i in range(300):
        tag, rows = tags[i % 3], int(rng.integers(0, 5))
        value = rng.normal(rng.choice([0.0, 7.0, 1e6]), rng.choice([0.0, 0.01, 50.0]), rows)
        half = np.where(rng.random(rows) < 0.2, np.nan, rng.choice([0.1, 1e4]))
        lower, upper = value - half, value + half
        low, high = fitted(np.concatenate((value, near(value, lower, upper, tag))), tag)
        expected.append([low, high, tick_decimals(high - low)])
        columns = {
            "x": list(range(rows)),
            "y": value.tolist(),
            "l": [None if np.isnan(edge) else edge for edge in lower.tolist()],
            "u": [None if np.isnan(edge) else edge for edge in upper.tolist()],
        }
        cases.append([columns, asdict(YRule.of(tag))])
    visit(page, server, "")
    drawn = page.evaluate(
        """async cases => {
          const { Readings } = await import("/assets/readings.js")
          const { fitted, tickDecimals } = await import("/assets/y_range.js")
          return cases.map(([columns, rule]) => {
            const readings = Object.assign(new Readings(), columns)
            const [low, high] = fitted(readings.extremes([-Infinity, Infinity]), rule)
            return [low, high, tickDecimals(high - low)]
          })
        }""",
        cases,
    )
    assert len(drawn) == 300
    for browser, python in zip(drawn, expected, strict=True):
        assert browser == pytest.approx(python, rel=1e-9, abs=1e-12)
