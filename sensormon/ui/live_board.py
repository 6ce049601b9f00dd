"""The board of the Live page: the data sent to the browser, and the results it reports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import page_key
from sensormon.ui.component import browser_component, no_op
from sensormon.ui.live_menu import card_acts
from sensormon.ui.live_tags import Node
from sensormon.ui.viewer import Viewer
from sensormon.view.live_choice import path_of
from sensormon.view.live_drawing import drawing, tag_facts
from sensormon.view.live_now import CALLING, STATE_WORDS, TagState, severity_of

HEIGHT = 220
"""Height of a chart (px)."""


@dataclass(frozen=True)
class Wanted:
    """What the board shows.

    `cards` are the tags with a card, over the last `span` seconds, up to `until` (µs UTC) if it is paused.
    `plant` are all tags of the tree and `strip` those of the heat strip, before the choice of a `node`; both
    are empty if the tags are few. `view` (µs UTC) is the zoomed span to show, None for all of it, when the
    board is first drawn and whenever `asked` changes. `follows` is whether the cards are those of the worst
    tags, not the viewer's choice. Cards of `simulated` tags have a badge, and those of `waiting` tags say
    that they have no data yet.
    """

    cards: Sequence[str]
    span: int
    until: int | None
    node: Node
    plant: Sequence[str] = ()
    strip: Sequence[str] = ()
    view: tuple[int, int] | None = None
    asked: int = 0
    follows: bool = False
    waiting: Collection[str] = ()
    simulated: Collection[str] = ()


@dataclass(frozen=True)
class Reports:
    """What is called once the board's result has something new under the same name."""

    picked: Callable[[], None]
    view: Callable[[], None]
    node: Callable[[], None]
    worst: Callable[[], None]
    back: Callable[[], None]


def live_board(m: Monitor, viewer: Viewer, wanted: Wanted, reports: Reports) -> Any:
    """Draw the board.

    The result has `picked`, the name of a clicked row of the strip; `opened`, the id of an event; `flag`, tag
    and time (µs UTC) of a clicked diamond; `went`, tag and act of a card's menu; `node`, what was chosen in
    the tree; `worst`, tags that are worse now than those with a card; `back` once the viewer wants the
    present; `view`, whose `span` is the zoomed one (ms UTC, None while the board follows the clock); and
    `unavailable`.
    """
    return browser_component(
        "board",
        {
            "key": page_key(),
            "tags": [
                tag_facts(m.tags, m.tags[name], viewer.palette, name in wanted.simulated)
                | {
                    "without": "no data yet" if name in wanted.waiting else "no data",
                    "acts": [asdict(act) for act in card_acts(m, name)],
                }
                for name in wanted.cards
            ],
            "plant": [[name, m.tags.title(name), path_of(m.tags[name])] for name in wanted.plant],
            "strip": list(wanted.strip),
            "node": asdict(wanted.node),
            "follows": wanted.follows,
            "states": [STATE_WORDS[state] for state in TagState],
            "severities": [severity_of(state) for state in TagState],
            "calling": int(CALLING),
            "span": wanted.span,
            "until": wanted.until,
            "view": [edge / 1e3 for edge in wanted.view] if wanted.view else None,
            "asked": wanted.asked,
            "drawing": drawing(viewer.palette, HEIGHT),
        },
        "live-board",
        on_picked_change=reports.picked,
        on_view_change=reports.view,
        on_node_change=reports.node,
        on_worst_change=reports.worst,
        on_back_change=reports.back,
        on_opened_change=no_op,
        on_flag_change=no_op,
        on_went_change=no_op,
    )
