"""The wall screen in a real browser: it rotates, says when nothing answers, and holds what it held before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.api import TOKEN
from tests.support.sent import send
from tests.support.server import Server

pytestmark = pytest.mark.browser

HEAD_ENDS = "document.querySelector('.wall-clock').getBoundingClientRect().bottom"
TILES_START = "document.querySelector('.wall-grid').getBoundingClientRect().top"
GROUPS = {"North": "abcde", "South": "fghi"}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Server]:
    """A server with nine tags in two groups; the one called c is off."""
    tags = tmp_path / "tags.toml"
    tags.write_text(
        "".join(
            f'[tags.{name}]\nlabel = "Tank {name}"\nunit = "bar"\ngroup = "{group}"\nresolution = 0.01\n'
            for group, names in GROUPS.items()
            for name in names
        )
    )
    process = Server(
        tmp_path / "data", SENSORMON_SOURCE="none", SENSORMON_TOKEN=TOKEN, SENSORMON_TAGS=str(tags)
    )
    process.wait_until("/api/health", lambda health: "status" in health)
    for name in "abcdefghi":
        send(process, name, *([9.5] if name == "c" else []))
    yield process
    process.stop()
    process.output()


def wall(page: Page, server: Server, query: str) -> None:
    """Open the wall screen and wait until its first group is shown; the page behind it is hidden."""
    page.goto(f"{server.url}/?wall=1&{query}")
    expect(page.locator(".wall-tile")).to_have_count(5, timeout=30_000)
    expect(page.locator(".wall-tile").first).to_contain_text("bar")


def counts(page: Page) -> tuple[int, int]:
    """DOM nodes and listeners of the page after garbage collection."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    metrics = {
        metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]
    }
    session.detach()
    return metrics["Nodes"], metrics["JSEventListeners"]


def test_wall_shows_one_group_after_the_other_and_what_is_wrong(page: Page, plant: Server) -> None:
    page.clock.install()
    wall(page, plant, "every=5")
    title, tiles = page.locator(".wall-head h1"), page.locator(".wall-tile")
    expect(title).to_have_text("North")
    expect(tiles.filter(has_text="Tank c")).to_contain_text("9.50 bar")
    expect(tiles.filter(has_text="Tank c")).to_have_class(re.compile("abnormal-tile"))
    expect(page.locator(".wall-side h2")).to_have_text("1 wrong now")
    expect(page.locator(".wall-side li")).to_contain_text("Tank c")
    expect(page.locator(".wall")).to_have_css("background-color", "rgb(20, 23, 26)")
    expect(page.get_by_role("link", name="Anomalies")).to_be_hidden()
    page.clock.run_for(5_000)
    expect(title).to_have_text("South")
    expect(tiles).to_have_count(4)
    page.clock.run_for(5_000)
    expect(title).to_have_text("North")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(HEAD_ENDS) <= page.evaluate(TILES_START), "on a phone no tile covers the clock"
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "wall" not in url)
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.get_by_role("link", name="Wall screen")).to_be_visible()


@pytest.mark.long
def test_many_rotations_leave_nothing_behind(page: Page, plant: Server) -> None:
    page.clock.install()
    wall(page, plant, "every=5")
    expect(page.locator(".wall-tile")).to_have_count(5)

    def rotate(times: int) -> None:
        for _ in range(times):
            with page.expect_response(
                lambda answer: "/live/board" in answer.url and "after=" not in answer.url
            ):
                page.clock.run_for(5_000)

    rotate(20)
    before = counts(page)
    rotate(100)
    after = counts(page)
    assert after[0] < before[0] + 300, (before, after)
    assert after[1] < before[1] + 20, (before, after)
    elements = page.evaluate("document.querySelectorAll('.wall *').length")
    assert elements < 120


def test_wall_says_that_the_monitor_is_away_and_comes_back(page: Page, plant: Server) -> None:
    wall(page, plant, "every=3600")
    lost = page.locator(".wall-lost")
    expect(lost).to_be_hidden()
    plant.stop()
    expect(lost).to_contain_text("No answer from the monitor for", timeout=30_000)
    with plant.again():
        expect(lost).to_be_hidden(timeout=90_000)
        expect(page.locator(".wall-tile").first).to_contain_text("bar")


def test_list_shows_what_fits_whole_and_counts_the_rest(page: Page, plant: Server) -> None:
    for name in "abdefghi":
        send(plant, name, 9.5)
    page.set_viewport_size({"width": 1280, "height": 480})
    wall(page, plant, "rotate=off")
    expect(page.locator(".wall-side h2")).to_contain_text("9 wrong now", timeout=30_000)
    shown = page.locator(".wall-side li").count()
    assert 0 < shown < 9
    expect(page.locator(".wall-side > .quiet")).to_have_text(f"{9 - shown} more")
    side, more = page.locator(".wall-side").bounding_box(), page.locator(".wall-side > .quiet").bounding_box()
    assert side
    assert more
    assert more["y"] + more["height"] <= side["y"] + side["height"] + 1


def test_wall_says_what_is_simulated(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?wall=1")
    expect(page.locator(".wall-head .simulated")).to_have_text(
        "SIMULATED by the built-in simulator", timeout=30_000
    )
    expect(page.locator(".wall-tile .simulated")).to_have_count(0)  # as all of them are
