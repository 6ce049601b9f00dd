"""The wall screen: the Live page with `wall=1` in its address, for a screen that nobody operates.

`every=20` in the address sets how many seconds each screen stays, `group=…` (repeatable) which groups are
shown. All of it lives in the browser (`browser/wall.js`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import streamlit as st

from sensormon.model.clock import SECOND
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import page_key
from sensormon.ui.component import browser_component
from sensormon.ui.parts import every
from sensormon.ui.viewer import viewer
from sensormon.view.live_choice import shown
from sensormon.view.live_drawing import tag_facts
from sensormon.view.palette import DARK
from sensormon.view.simulated import BADGE, simulated_words
from sensormon.view.wall import EVERY, LEAST, MOST, SPAN, screens

ASKS = 30
"""Seconds between two looks at which tags there are."""


def is_wall() -> bool:
    """Whether the address asks for the wall screen."""
    return st.query_params.get("wall") == "1"


@every(ASKS)
def wall(m: Monitor) -> None:
    """Fill the window with the wall screen."""
    delivered = {*m.source.status(dead=False).tags, *m.readings.live_tags()}
    names = shown(m.tags, delivered, (), groups=st.query_params.get_all("group"))
    now = m.clock.now()
    since = now - SPAN * SECOND
    simulated = {name: span for name, span in m.simulated.spans().items() if span[1] >= since}
    badged = frozenset() if simulated.keys() >= set(names) else frozenset(simulated)
    browser_component(
        "wall",
        {
            "key": page_key(),
            "every": seconds_each(),
            "span": SPAN,
            "colours": DARK.by_name,
            "simulated": [BADGE, simulated_words(simulated, m.tags, now, viewer().zone)] if simulated else [],
            "screens": [_screen(m, title, of, badged) for title, of in screens(m.tags, names)],
        },
        "wall",
    )


def seconds_each() -> float:
    """How long each screen stays (s), as the address says; `EVERY` if it says nothing sensible."""
    try:
        seconds = float(st.query_params.get("every", EVERY))
    except ValueError:
        return EVERY
    return min(max(seconds, LEAST), MOST) if math.isfinite(seconds) else EVERY


def _screen(m: Monitor, title: str, names: Sequence[str], badged: Collection[str]) -> dict[str, object]:
    facts = [tag_facts(m.tags, m.tags[name], DARK, name in badged) for name in names]
    wanted = ("name", "label", "resolution", "words", "states", "badge")
    tags = [{**{name: fact[name] for name in wanted}, "without": "no data"} for fact in facts]
    return {"title": title, "tags": tags}
