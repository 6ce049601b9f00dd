"""The page of a mail in a real browser: it fits a phone and can be read, light and dark, whatever it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sensormon.notify.messages import Kind, Message, ToldEvent
from sensormon.notify.words import outgoing
from tests.support.plant import START

pytestmark = pytest.mark.browser
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
LINK = f"https://monitor.plant.example/answer/{'3f' * 24}"
EVENT = ToldEvent(
    7,
    "fermenter_temp",
    "Fermenter temperature",
    START,
    "42.1 °C",
    12.5,
    "high",
    "Z-score: 42.1 °C lies 4.6 °C above the expected 37.5 ± 1.1 °C (z 12.5, above 3.0).",
)
LONG = ToldEvent(8, "a" * 128, "<b>" + "w" * 125, START, "9" * 40, 4.0, "medium", "x" * 300)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("events", [(EVENT,), (EVENT, LONG), (EVENT, LONG) * 10])
def test_page_of_a_mail_fits_and_is_readable(
    browser: Browser, events: tuple[ToldEvent, ...], scheme: str
) -> None:
    message = Message("k1", Kind.DIGEST, "hot", "shift", START, events, held_back=3, storm=len(events) > 2)
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(outgoing(message, LINK).html)
    for width in (320, 390, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    report = page.evaluate(CONTRAST)
    assert report["looked"] > 5
    assert report["faint"] == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(242, 243, 245)", "dark": "rgb(20, 23, 26)"}[scheme]
    assert page.locator("b").count() == 0
    assert asked == []
    context.close()
