"""The board of the Live page: what the browser's part is told, and what comes back from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.runtime import page_key
from sensormon.ui.component import browser_component
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import normal_band
from sensormon.view.time_charts import board_layout

HEIGHT = 220


def live_board(
    tags: TagTable,
    viewer: Viewer,
    *,
    cards: Sequence[str],
    strip: Sequence[str],
    span: int,
    until: int | None,
    view: tuple[int, int] | None,
    on_picked: Callable[[], None],
    on_opened: Callable[[], None],
    on_view: Callable[[], None],
) -> Any:
    """Cards of these tags over the last `span` seconds, up to `until` (µs UTC) where it is paused.

    `view` (µs UTC) is what the viewer had zoomed into when the board is first drawn. `strip` are
    the tags of the heat strip, none for none of it. The result has `picked`, the name of a row
    that was clicked, `opened`, the id of an event, `view`, what is zoomed into now (ms UTC, None
    where the board follows the clock), and `unavailable`.
    """
    return browser_component(
        "live_board",
        {
            "key": page_key(),
            "tags": [_facts(tags, tags[name]) for name in cards],
            "strip": [{"name": name, "label": tags.title(name)} for name in strip],
            "span": span,
            "until": until,
            "view": [edge / 1e3 for edge in view] if view else None,
            "height": HEIGHT,
            "layout": board_layout(viewer.palette, HEIGHT),
            "palette": asdict(viewer.palette),
        },
        "live-board",
        on_picked_change=on_picked,
        on_opened_change=on_opened,
        on_view_change=on_view,
    )


def _facts(tags: TagTable, tag: Tag) -> dict[str, Any]:
    return {
        "name": tag.name,
        "label": tags.title(tag.name),
        "unit": tag.unit,
        "decimals": tag.decimals,
        "resolution": tag.resolution,
        "normal": tag.normal,
        "words": normal_band(tag),
    }
