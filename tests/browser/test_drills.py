"""The drills on the Pipeline page: each button twice in a row, with the proof each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sensormon.monitor.drills import DRILLS
from tests.support.browser import ready, visit
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.long]

RECOVERED = 120_000
"""Within this many milliseconds a drill has ended and its proof is on the page."""


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a simulated plant with the drills."""
    process = Server(
        tmp_path_factory.mktemp("drills") / "data", SENSORMON_DEMO="1", SENSORMON_JOURNAL_QUOTA="50"
    )
    process.wait_until_stored()
    yield process
    process.stop()
    process.output()


@pytest.mark.parametrize("name", DRILLS)
def test_each_button_twice_in_a_row_ends_with_the_proof(page: Page, demonstration: Server, name: str) -> None:
    visit(page, demonstration, "pipeline")
    verdicts = page.get_by_text(f"{DRILLS[name].title}: Nothing lost, nothing stored twice")
    for count in (1, 2):
        ready(page)
        page.locator(f".st-key-demo-{name} button").first.click()
        expect(verdicts).to_have_count(count, timeout=RECOVERED)
    expect(page.get_by_text("The proof fails")).to_have_count(0)
    health = demonstration.wait_until("/api/health", lambda answer: answer["status"] != "failing")
    assert health["problems"] == []
    assert health["state"] == "healthy"
