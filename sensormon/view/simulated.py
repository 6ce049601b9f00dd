"""The badge on whatever is simulated: in words, so that nobody takes it for a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from html import escape

from sensormon.model.format import counted, listed, moment_words
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import FOREVER

BADGE = "SIMULATED"
"""The word itself."""

LISTED = 4
"""Tags named in a badge; more are counted."""


def simulated_words(
    spans: Mapping[str, tuple[int, int]], tags: TagTable, now: int, zone: tzinfo
) -> str | None:
    """What of a page is simulated, for its head; None if nothing is.

    `spans` are the times of the first and last simulated reading by tag; the last of a tag that is
    simulated now is FOREVER.
    """
    if not spans:
        return None
    running = [name for name, (_, last) in spans.items() if last == FOREVER]
    if running and set(tags.names) <= set(running):
        return "by the built-in simulator"
    if running:
        return f"{len(running):,} of {counted(len(tags), 'tag')} by the built-in simulator"
    last = max(last for _, last in spans.values())
    return f"readings of {counted(len(spans), 'tag')} up to {moment_words(last, now, zone)}"


def badge(words: str = "") -> str:
    """The badge as HTML, with these words behind it."""
    return f'<span class="simulated"><b>{BADGE}</b>{f" {escape(words)}" if words else ""}</span>'


def tag_words(names: list[str], whole: int, tags: TagTable) -> str:
    """Which of `whole` tags are simulated; nothing if all are."""
    if len(names) == whole:
        return ""
    return listed([tags.title(name) for name in names], LISTED)
