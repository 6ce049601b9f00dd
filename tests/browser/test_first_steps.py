"""What a user does first, in a real browser on a real server."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import GROUND, ready, visit
from tests.support.server import Server

pytestmark = pytest.mark.browser

PAGES = {
    "": "Live",
    "anomalies": "Anomalies",
    "explore": "Explore",
    "tuning": "Tuning",
    "pipeline": "Pipeline",
    "data": "Data",
}
EVERY_DAY = {("light", "tuning"), ("dark", "anomalies"), ("dark", "pipeline"), ("dark", "data")}


@pytest.mark.parametrize(
    ("theme", "path"),
    [
        pytest.param(theme, path, marks=[] if (theme, path) in EVERY_DAY else pytest.mark.long)
        for theme in ("light", "dark")
        for path in PAGES
    ],
)
def test_every_page_fits_a_phone_in_both_themes(
    browser: Browser, server: Server, theme: str, path: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    visit(page, server, path)
    expect(page.get_by_role("heading", name=PAGES[path], exact=True)).to_be_visible()
    expect(page.locator(".status").get_by_text("s old")).to_be_visible()
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("[data-testid=stApp]")).to_have_css("background-color", GROUND[theme])
    assert errors == []
    context.close()


@pytest.mark.long
def test_first_visit_to_any_page_fetches_nothing_external(page: Page, tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    outside: list[str] = []
    page.on(
        "request", lambda request: outside.append(request.url) if "127.0.0.1" not in request.url else None
    )
    try:
        server.wait_until_stored()
        visit(page, server, "tuning")
        expect(page.get_by_role("heading", name="Tuning", exact=True)).to_be_visible()
        expect(page.get_by_role("navigation").get_by_text("Pipeline")).to_be_visible()
        assert page.get_by_role("navigation").get_by_text("app", exact=True).count() == 0
        assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
    finally:
        server.stop()
        server.output()


@pytest.mark.long
def test_page_that_broke_while_rendering_reloads(page: Page, server: Server) -> None:
    visit(page, server, "pipeline")
    expect(page.locator(".silence")).to_be_attached()  # the page's scripts are running
    page.evaluate("() => document.getElementById('root').remove()")
    expect(page.get_by_role("heading", name="Pipeline", exact=True)).to_be_visible()


def test_live_charts_move_and_stop_when_paused(page: Page, server: Server) -> None:
    visit(page, server, "")
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    newest = "() => String(document.querySelector('.js-plotly-plot')?._fullLayout.xaxis.range[1])"
    first = page.evaluate(newest)
    page.wait_for_function(f"before => ({newest})() !== before", arg=first)
    page.get_by_text("Pause", exact=True).click()
    expect(page.get_by_text("still collecting")).to_be_visible()
    page.wait_for_url("**at=*")
    end = (
        f"() => Math.abs(Date.parse(({newest})()) - Date.parse(new URL(location).searchParams.get('at'))) < 2"
    )
    page.wait_for_function(end)
    held = page.evaluate(newest)
    page.wait_for_timeout(2500)
    assert page.evaluate(newest) == held


@pytest.mark.long
def test_time_axis_uses_the_viewers_zone(page: Page, server: Server) -> None:
    visit(page, server, "")
    expect(page.get_by_text("Asia/Tokyo")).to_be_visible()
    page.wait_for_selector(".js-plotly-plot .xtick text")
    # The view covers 15 minutes, so every label lies within the last 20 minutes in that zone.
    labels = page.locator(".js-plotly-plot .xtick text").all_text_contents()
    clock = page.evaluate("() => { const d = new Date(); return d.getHours() * 60 + d.getMinutes(); }")
    for label in labels:
        hours, minutes = label.split("\n")[0].split(":")[:2]
        assert (clock - (int(hours) * 60 + int(minutes))) % 1440 <= 20, labels


def test_moving_the_threshold_updates_count_and_url(page: Page, server: Server) -> None:
    visit(page, server, "tuning")
    line = page.locator(".first-line")
    before = line.inner_text()
    slider = page.get_by_role("slider").nth(1)
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(line).not_to_have_text(before)
    page.wait_for_url("**/tuning?*threshold=5*")
    shared = page.url
    other = page.context.new_page()
    other.goto(shared)
    ready(other)
    expect(other.get_by_role("slider").nth(1)).to_have_value("5")


@pytest.mark.long
def test_applying_asks_for_a_name_and_is_recorded(page: Page, server: Server) -> None:
    visit(page, server, "tuning?threshold=4.2")
    page.get_by_role("button", name="Apply to live monitoring").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("night shift")
    dialog.get_by_label("Reason").fill("too many on the night shift")
    dialog.get_by_role("button", name="Apply to live monitoring").click()
    words = "Live monitoring uses Rolling z-score, window 50, threshold 4.2"
    expect(page.get_by_text(words).first).to_be_visible()
    visit(page, server, "tuning?detector=CUSUM&cusum_h=6")
    page.get_by_role("button", name="Apply to live monitoring").click()
    change = "default: CUSUM, k 0.5, h 6, accept 300 is added"
    expect(page.get_by_role("dialog").get_by_text(change)).to_be_visible()


@pytest.mark.long
def test_simulated_fault_shows_on_the_pipeline_page(page: Page, server: Server) -> None:
    visit(page, server, "pipeline")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("Level shift of Fermenter temperature").first).to_be_visible()


@pytest.mark.long
def test_page_recovers_after_a_server_restart(page: Page, tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    server.wait_until_stored()
    visit(page, server, "pipeline")
    expect(page.get_by_text("ledger balanced")).to_be_visible()
    server.stop(signal.SIGKILL)
    server.output()
    with server.again() as again:
        again.wait_until_stored()
        visit(page, again, "pipeline")
        expect(page.get_by_text("ledger balanced")).to_be_visible()


def test_file_is_imported_only_once(page: Page, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    lines = [f"2026-01-01T00:00:{i:02d}Z,{7 + i / 1000},x" for i in range(60)]
    file.write_text("\n".join(["time,fermenter_ph,TI-7", *lines]))
    visit(page, server, "data")
    page.locator("input[type=file]").set_input_files(file)
    button = page.get_by_role("button", name="Import", exact=True)
    button.click()
    expect(page.get_by_text("60 of 60 readings imported, 0 of them flagged")).to_be_visible()
    ready(page)
    button.click()
    expect(page.get_by_text("60 were imported before and are not stored twice")).to_be_visible()
    ledger = server.get("/api/stats")[1]
    assert ledger["sources"]["import"]["received"] == 60


@pytest.mark.long
def test_api_docs_work_offline(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/api/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    expect(page.get_by_text("/ingest/batch").first).to_be_visible()
