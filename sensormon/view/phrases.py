"""Phrases for the pages: bands, zones, simulated faults, origins.

Pure functions: plain data in, text out. Numbers of a tag are in its unit and have as many
digits as its sensor. What it is not: markup; whoever shows a text escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from sensormon.model.format import day_and_time, listed
from sensormon.model.tags import Tag, TagTable
from sensormon.model.timestamps import to_datetime

_NAMED = 5
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$:&-])")
_FAULTS = {
    "level_shift": "Readings jump up by 6 σ and stay there. CUSUM and Page-Hinkley catch it; the plain "
    "z-score soon takes it for normal.",
    "drift": "Readings drift away steadily, by 8 σ at the end. CUSUM and the EWMA chart catch it.",
    "stuck": "The sensor repeats one value. The stuck-sensor detector catches it, the z-score does not.",
    "noise_burst": "Readings scatter 4 times as much. The noise detector catches it.",
    "gap": "No readings arrive. After a few seconds every page reports that the tag is silent.",
    "out_of_range": "Readings are outside the valid range: they are rejected and listed below.",
    "duplicates": "Every reading arrives twice: the second is rejected as a duplicate.",
}
_ORIGINS = {"backfill": "simulated at the first start", "import": "imported"}


@dataclass(frozen=True)
class Phrase:
    """A piece of a line; abnormal ones are shown in red."""

    text: str
    abnormal: bool = False


def literal(text: str) -> str:
    """Text from outside, escaped for Markdown: no links, pictures or colours."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def stored_words(extent: tuple[int, int], zone: tzinfo) -> str:
    """The extent (µs UTC) of stored readings, shown if none is in view."""
    first, last = (day_and_time(time, zone) for time in extent)
    return f"Stored readings span {first} to {last}."


def zone_words(name: str, zone: tzinfo, now: int) -> str:
    """The zone as the page names it, with its offset now: "Times in Europe/Berlin (UTC+01:00)"."""
    offset = to_datetime(now).astimezone(zone).strftime("%z")
    where = "UTC" if offset in ("+0000", "") else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"Times in {name}" if name == where else f"Times in {name} ({where})"


def normal_band(tag: Tag) -> str:
    """The normal band: "normal 35–40 °C"; empty if the tag has none."""
    if tag.normal is None:
        return ""
    width = tag.normal[1] - tag.normal[0]
    low, high = (_edge(edge, tag.decimals, width) for edge in tag.normal)
    return f"normal {low}–{high} {tag.unit}".rstrip()


def _edge(value: float, decimals: int, width: float) -> str:
    """As many digits as the tag has, or more if rounding would move the edge visibly."""
    if abs(round(value, decimals) - value) > 0.02 * width:
        return f"{value:,.10g}"
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def states_left_out(tags: TagTable, names: Iterable[str]) -> str:
    """Why the tags of states among these cannot be chosen; empty if there are none. Markdown."""
    left = [literal(tags.title(name)) for name in names if tags[name].has_states]
    if not left:
        return ""
    return f"Left out: {listed(left, _NAMED)}. A state is not a number, so it has no mean, limit or score."


def fault_words(name: str) -> str:
    """A simulated fault's name as a person reads it: "level shift"."""
    return name.replace("_", " ").capitalize()


def fault_sentence(name: str) -> str:
    """What a simulated fault does to the readings, and what detects it; empty for an unknown one."""
    return _FAULTS.get(name, "")


def origin(name: str) -> str:
    """The origin of a reading; empty for a live one."""
    return _ORIGINS.get(name, "")
