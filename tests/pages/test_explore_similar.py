"""The look "Similar stretches" of the Explore page: search, its address, its refusals."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from tests.support.pages import button, mounted, show, text
from tests.support.plant import START, Adopt, batch_of

HUMP = np.exp(-(((np.arange(200) - 70) / 25) ** 2))


@pytest.fixture
def humps(settings: Settings, adopt: Adopt) -> Monitor:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    course = 7.0 + 0.02 * np.random.default_rng(2).normal(size=1_800)
    for at in (300, 900, 1_500):
        course[at : at + 200] += HUMP
    monitor.submit(batch_of(*[("fermenter_ph", float(v)) for v in course], at=START - 1_800 * SECOND))
    monitor.drain()
    return monitor


def span(first: int, last: int) -> dict[str, str]:
    begin = START - 1_800 * SECOND
    return {"from": render(begin + first * SECOND), "to": render(begin + last * SECOND)}


def opened(first: int, last: int, **more: str) -> AppTest:
    return show("explore", explore="Fermenter pH", look="Similar stretches", **span(first, last), **more)


@pytest.mark.usefixtures("humps")
def test_search_lists_the_nearest_stretches_and_the_address_keeps_it() -> None:
    app = opened(300, 500)
    assert "Where did it look like this?" in text(app)
    button(app, "Search for the stretch in view").click().run()
    query = "/".join(span(300, 500).values())
    assert app.query_params["similar"] == query
    assert app.query_params["similar_of"] == "fermenter_ph"
    assert text(app).count("data:image/svg+xml") >= 2
    assert "very similar, correlation 0.9" in text(app) or "almost identical" in text(app)
    app.button(key="similar-show-0").click().run()
    shown = mounted(app, "explore-chart")["span"]
    starts = [(START - (1_800 - at) * SECOND) / 1e3 for at in (900, 1_500)]
    assert min(abs(shown[0] - start) for start in starts) <= 2_000
    assert app.query_params["similar"] == query, "the query stays while the view moves"
    again = opened(0, 1_800, similar=query, similar_of="fermenter_ph")
    assert "**Searched for:**" in text(again)
    button(again, "Clear").click().run()
    assert "similar" not in again.query_params


@pytest.mark.usefixtures("humps")
def test_overlay_shows_the_later_stretch_with_the_earlier_one_dashed() -> None:
    app = opened(300, 500, similar="/".join(span(300, 500).values()), similar_of="fermenter_ph")
    app.button(key="similar-overlay-0").click().run()
    assert not app.exception
    assert app.query_params["earlier"] == "another time earlier"
    figure = mounted(app, "explore-chart")["figure"]
    assert '"dash":"dash"' in figure
    assert mounted(app, "explore-chart")["span"][0] > (START - 1_000 * SECOND) / 1e3


@pytest.mark.usefixtures("humps")
def test_refusals_are_sentences() -> None:
    assert "a shape needs at least 16" in text(
        opened(300, 500, similar="/".join(span(300, 308).values()), similar_of="fermenter_ph")
    )
    assert "The tag of this search is not in the tag table" in text(
        opened(300, 500, similar="/".join(span(300, 500).values()), similar_of="nobody")
    )
    assert "Where did it look like this?" in text(
        opened(300, 500, similar="soon/later", similar_of="fermenter_ph")
    )
