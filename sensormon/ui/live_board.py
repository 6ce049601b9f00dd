"""The board of the Live page: the data sent to the browser, and the results it reports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sensormon.model.tags import TagTable
from sensormon.monitor.runtime import page_key
from sensormon.ui.component import browser_component
from sensormon.ui.viewer import Viewer
from sensormon.view.live_drawing import drawing, tag_facts

HEIGHT = 220
"""Height of a chart (px)."""


def live_board(
    tags: TagTable,
    viewer: Viewer,
    *,
    cards: Sequence[str],
    strip: Sequence[str],
    span: int,
    until: int | None,
    view: tuple[int, int] | None,
    waiting: Collection[str],
    simulated: Collection[str],
    on_picked: Callable[[], None],
    on_opened: Callable[[], None],
    on_view: Callable[[], None],
) -> Any:
    """Cards of these tags over the last `span` seconds, up to `until` (µs UTC) if it is paused.

    `view` (µs UTC) is the zoomed span when the board is first drawn. `strip` are
    the tags of the heat strip; without any there is none. Cards of `simulated` tags have a badge,
    and those of `waiting` tags say that they have no data yet.
    The result has `picked`, the name of a clicked
    row, `opened`, the id of an event, `view`, the zoomed span (ms UTC, None
    while the board follows the clock), and `unavailable`.
    """
    return browser_component(
        "board",
        {
            "key": page_key(),
            "tags": [
                tag_facts(tags, tags[name], viewer.palette, name in simulated)
                | {"without": "no data yet" if name in waiting else "no data"}
                for name in cards
            ],
            "strip": [{"name": name, "label": tags.title(name)} for name in strip],
            "span": span,
            "until": until,
            "view": [edge / 1e3 for edge in view] if view else None,
            "drawing": drawing(viewer.palette, HEIGHT),
        },
        "live-board",
        on_picked_change=on_picked,
        on_opened_change=on_opened,
        on_view_change=on_view,
    )
