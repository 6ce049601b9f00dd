"""The screens of the wall: the tags of one group on each, of a large group on several.

Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence

from sensormon.model.tags import TagTable
from sensormon.view.live_choice import groups

EVERY = 20.0
"""Seconds that a screen stays unless the address says otherwise, between `LEAST` and `MOST`."""
LEAST, MOST = 5.0, 3_600.0
SPAN = 900
"""Seconds of the small traces."""
TILES = 12
"""The most tags on a screen."""
FEW = 6
"""Groups are shown together on one screen if they have this many tags or fewer in all."""


def screens(tags: TagTable, names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The titles of the screens and their tags, among these names, in the table's order.

    The tags of a large group are spread evenly over its screens.
    """
    if len(names) <= FEW:
        title = " · ".join(dict.fromkeys(tags[name].group for name in names if tags[name].group))
        return [(title or "All tags", list(names))] if names else []
    result: list[tuple[str, list[str]]] = []
    for group in (*groups(tags), ""):
        own = [name for name in names if tags[name].group == group]
        if not own:
            continue
        count = -(-len(own) // TILES)
        title = group or ("Other tags" if result else "All tags")
        for part in range(count):
            here = own[part * len(own) // count : (part + 1) * len(own) // count]
            result.append((f"{title} ({part + 1}/{count})" if count > 1 else title, here))
    return result
