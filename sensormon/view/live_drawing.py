"""Static data for the Live board in the browser: styles and layout of the theme, facts on each tag.

The feed sends readings as plain numbers (`live_feed`); the board combines the two. Everything that is
the same in every answer is here, so that no refresh repeats it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sensormon.model.readings import CALCULATED
from sensormon.model.tags import Tag, TagTable
from sensormon.view.palette import Palette
from sensormon.view.phrases import normal_band
from sensormon.view.simulated import BADGE
from sensormon.view.state_bands import styles as state_styles
from sensormon.view.time_charts import board_layout
from sensormon.view.trace_styles import (
    BRACKET_FOOT,
    BRIDGED,
    CROWDED,
    FLAG_SIZES,
    GAP_HEIGHT,
    GAP_POINTS,
    NARROW_FLAG_SIZES,
    REJECTED_HEIGHT,
    edge_line,
    trace_styles,
    unit_label,
    version_mark,
)
from sensormon.view.traces import Hover, chart_text
from sensormon.view.y_range import YRule

CLOCK, SCORE = "{clock}", "{score}"
"""Placeholders in the hover texts for values of these names in the feed's answers."""


def drawing(palette: Palette, height: int) -> dict[str, Any]:
    """Styles, layout and measures of all charts of the board in this theme; `height` in px."""
    return {
        "height": height,
        "layout": board_layout(palette, height),
        "traces": trace_styles(palette),
        "states": state_styles(palette),
        "edge": edge_line(palette),
        "version": version_mark(palette),
        "bridged": BRIDGED,
        "crowded": CROWDED,
        "flag_sizes": FLAG_SIZES,
        "narrow_flag_sizes": NARROW_FLAG_SIZES,
        "gap_height": GAP_HEIGHT,
        "gap_points": GAP_POINTS,
        "bracket_foot": BRACKET_FOOT,
        "rejected_height": REJECTED_HEIGHT,
    }


@dataclass(frozen=True)
class CardAct:
    """An entry in a card's menu: what it does, a link if it leads somewhere, why it may not be done."""

    act: str
    text: str
    href: str = ""
    why: str = ""


def tag_facts(tags: TagTable, tag: Tag, palette: Palette, simulated: bool) -> dict[str, Any]:
    """The parts of this tag's card that do not depend on its readings.

    `simulated` ones and calculated ones have a badge.
    """
    return {
        "name": tag.name,
        "label": tags.title(tag.name),
        "unit": tag.unit,
        "decimals": tag.decimals,
        "resolution": tag.resolution,
        "normal": tag.normal,
        "words": normal_band(tag),
        "states": tag.has_states,
        "badge": BADGE if simulated else CALCULATED if tag.formula else "",
        "unit_label": unit_label(chart_text(tag.unit), palette),
        "hover": asdict(Hover.of(tag, CLOCK, SCORE)),
        "y_rule": asdict(YRule.of(tag)),
    }
