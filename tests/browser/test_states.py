"""Tags of states in a real browser: the board shows the word, since when, and a band."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.api import BEARER, TOKEN
from tests.support.browser import visit
from tests.support.server import Server
from tests.support.states import TAGS

pytestmark = pytest.mark.browser

BARS = """(name) => {
  const card = document.querySelector(`.live-card[data-tag="${name}"]`)
  const bar = card?.querySelector('.js-plotly-plot')?.data?.find((trace) => trace.type === 'bar')
  return bar ? bar.text : null
}"""


@pytest.fixture
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that gets ten minutes of a number and two tags of states over HTTP."""
    folder = tmp_path_factory.mktemp("states")
    (folder / "tags.toml").write_text(TAGS, encoding="utf-8")
    process = Server(
        folder / "data",
        SENSORMON_TAGS=str(folder / "tags.toml"),
        SENSORMON_SOURCE="none",
        SENSORMON_TOKEN=TOKEN,
    )
    process.wait_until("/api/stats", lambda _: True)
    start = datetime.now(UTC) - timedelta(minutes=10)
    post(
        process,
        [
            row
            for i in range(598)
            for row in (
                reading("temp", 37 + i % 3, start + timedelta(seconds=i)),
                reading("valve", ("closed", "open")[i // 100 % 2], start + timedelta(seconds=i)),
                reading("product", f"<b>Brew</b> {i // 300}", start + timedelta(seconds=i)),
            )
        ],
    )
    yield process
    process.stop()
    process.output()


def reading(tag: str, value: float | str, time: datetime) -> dict[str, object]:
    return {"tag": tag, "value": value, "timestamp": time.isoformat()}


def post(server: Server, rows: list[dict[str, object]]) -> None:
    answer = httpx.post(f"{server.url}/api/ingest/batch", json=rows, headers=BEARER, timeout=30)
    assert answer.json()["rejected"] == []


def test_the_board_shows_states_as_words_and_bands(page: Page, plant: Server) -> None:
    visit(page, plant, "")
    valve, product = (page.locator(f'.live-card[data-tag="{name}"]') for name in ("valve", "product"))
    expect(valve.locator(".value")).to_have_text("open")
    expect(valve.locator(".normal")).to_contain_text("since ")
    expect(product.locator(".value")).to_have_text("<b>Brew</b> 1")
    expect(product.locator(".state-key")).to_contain_text("<b>Brew</b> 0")
    page.wait_for_function(f"() => ({BARS})('valve')?.length === 6")
    assert page.evaluate(BARS, "valve") == ["closed", "open"] * 3
    assert page.evaluate(BARS, "product")[0] == "&lt;b&gt;Brew&lt;/b&gt; 0"

    post(plant, [reading("valve", "closed", datetime.now(UTC))])
    expect(valve.locator(".value")).to_have_text("closed")
    page.wait_for_function(f"() => ({BARS})('valve')?.at(-1) === 'closed'")

    valve.get_by_role("button", name="Feed valve as a table").click()
    expect(valve.locator("tbody tr, table tr").nth(1)).to_contain_text("closed")
    expect(valve.locator("table th").nth(1)).to_have_text("State")

    box = valve.locator(".nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.48 * box["width"], box["y"] + box["height"] / 2)
    expect(valve.locator(".hoverlayer")).to_contain_text("open")
