"""What a report of a saved view has: the page and the parameters of its address as tiles over its span.

Live becomes the values, charts and active events of its tags, Explore charts and statistics, Anomalies the
filtered list. What it is not: the page; settings of charts, such as axes and layout, are left out. Pages
without readings are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from sensormon.boards.board import COLUMNS, Board, SavedView, Tile, TileKind
from sensormon.events.actions import ATTENTION
from sensormon.events.filters import Filters, matching, read_stretch, read_time
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.format import counted, listed
from sensormon.model.tag_links import read_link, spellings
from sensormon.monitor.monitor import Monitor
from sensormon.reports.order import MOST_TAGS, Extra, Subject
from sensormon.view.event_links import WORDS, read_codes
from sensormon.view.guide import PAGES
from sensormon.view.live_choice import MOST, is_below, shown
from sensormon.view.live_now import now_of, worst_first
from sensormon.view.presets import SECONDS

LIVE, EXPLORE, ANOMALIES = "live", "explore", "anomalies"
_WHY = {
    "boards": "a board is printed by itself",
    "tuning": "it compares settings",
}
_NO_READINGS = "it has no readings"
_CHARTED = 12
_NAMED = 6
_EVERYTHING = "All"
_FILTERS = {
    "state": "state",
    "severity": "severity",
    "label": "label",
    "spoke": "detector",
    "under": "profile",
}
"""Filters of Anomalies with codes, by the parameter: what they are called."""
_USUAL = {LIVE: "15 min", EXPLORE: "1 h", ANOMALIES: "1 h"}
"""The range of each page when its address has none."""


def why_not(page: str) -> str:
    """Why a view of this page cannot be printed; empty if it can."""
    if page in _USUAL:
        return ""
    name = next((title for title, about in PAGES.items() if about.path == page), page)
    return f"a view of {name} cannot be printed: {_WHY.get(page, _NO_READINGS)}"


def printed(m: Monitor, view: SavedView, now: int) -> Subject:
    """The view as a report draws it, with its own span.

    Raises UsageError if it cannot be printed, StoreError.
    """
    if refusal := why_not(view.page):
        raise UsageError(refusal, where="report", hint="Print a view of Live, Explore or Anomalies")
    query: dict[str, list[str]] = {}
    for key, value in view.query:
        query.setdefault(key, []).append(value)
    make = {LIVE: _live, EXPLORE: _explore, ANOMALIES: _anomalies}[view.page]
    tiles, extra, tags = make(m, query)
    if not tiles:
        raise UsageError(
            f"no tag of this view is here: {' '.join(extra.notes) or 'there are none'}"[:300],
            where=f"view {view.title}"[:100],
            hint="Open it, choose other tags and save it again",
        )
    return Subject(Board(_stem(view), view.title, tiles), extra, _span(m, view.page, query, tags, now))


def _stem(view: SavedView) -> str:
    """What the file is called: the title as far as it has letters, otherwise the name."""
    return view.title if re.search("[A-Za-z0-9]", view.title) else view.name


# -- the pages ------------------------------------------------------------------------

Query = Mapping[str, Sequence[str]]
Parts = tuple[tuple[Tile, ...], Extra, tuple[str, ...]]
"""Tiles, what goes beside them, and the tags whose readings it is about; none for all."""


def _live(m: Monitor, query: Query) -> Parts:
    opened, notes = _tags(m, query, "show")
    groups = query.get("group", ())
    lost = [f"the group {path[:100]}" for path in groups if not any(is_below(tag, path) for tag in m.tags)]
    only = _last(query, "only")
    lost += [f"the tag {only[:100]}"] if only and only not in m.tags else []
    notes += [f"The view names what is not here: {listed(lost, _NAMED)}."] if lost else []
    known = tuple(path for path in groups if any(is_below(tag, path) for tag in m.tags))
    if lost and not known and only not in m.tags and not opened:
        return (), Extra(notes=tuple(notes)), ()
    below = shown(m.tags, m.tags.names, (), _last(query, "tag"), known)
    every = [name for name in below if only not in m.tags or name == only]
    if len(m.tags) > MOST:
        every = worst_first(now_of(m).states(), every)  # as on the page
    names = tuple(every[:MOST_TAGS])
    inside = tuple(name for name in opened if name in names) if known or only in m.tags else opened
    charted = inside or names[:_CHARTED]
    if len(every) > len(charted):
        which = "" if inside else ", the worst now"
        notes.append(f"Charts are of {counted(len(charted), 'tag')} of {len(every):,}{which}.")
    if len(every) > len(names):
        notes.append(f"Values are of the {len(names):,} worst tags now.")
    tags = tuple(dict.fromkeys([*names, *charted]))
    if not tags:
        return (), Extra(notes=tuple(notes)), ()
    tiles = (
        Tile(TileKind.VALUE, 0, 0, COLUMNS, 2, "Values", tags),
        Tile(TileKind.CHART, 0, 2, COLUMNS, 4, "", charted),
        Tile(TileKind.EVENTS, 0, 6, COLUMNS, 4, "Active events", tags),
    )
    return tiles, Extra(keep=_active, notes=tuple(notes)), tags


def _explore(m: Monitor, query: Query) -> Parts:
    names, notes = _tags(m, query, "explore")
    if "explore" not in query:
        names = m.tags.names[:3]
    if not names:
        return (), Extra(notes=tuple(notes)), ()
    if len(names) > _CHARTED:
        notes.append(f"Charts are of the first {_CHARTED} tags of {len(names):,}.")
    tile = Tile(TileKind.CHART, 0, 0, COLUMNS, 4, "", names[:_CHARTED])
    return (tile,), Extra(statistics=True, notes=tuple(notes)), names


def _anomalies(m: Monitor, query: Query) -> Parts:
    names, notes = _tags(m, query, "tags")
    if query.get("tags") and notes and not names:
        return (), Extra(notes=tuple(notes)), ()
    profiles = [
        profile.name for version in m.detection.readable().values() for profile in version.in_use.profiles
    ]
    links = {
        key: read_codes(key, ",".join(query.get(key, ())), profiles if key == "under" else ())
        for key in _FILTERS
    }
    unknown = [text[:100] for link in links.values() for text in link.unknown]
    notes += [f"The view filters by what is not here: {listed(unknown, _NAMED)}."] if unknown else []
    chosen = {key: link.names for key, link in links.items()}
    filters = Filters(
        tags=names,
        states=chosen["state"],
        severities=chosen["severity"],
        labels=chosen["label"],
        detectors=chosen["spoke"],
        profiles=chosen["under"],
        least=_number(_last(query, "score")),
        text=_last(query, "find"),
        stretch=read_stretch(_last(query, "bar")),
    )
    asked = [
        f"{what} {' or '.join(WORDS.get(key, {}).get(code, code) for code in chosen[key])}"
        for key, what in _FILTERS.items()
        if chosen[key]
    ]
    asked += [f"score of at least {filters.least:g}"] if filters.least else []
    asked += [f"“{filters.text}” in the note or name"] if filters.text else []
    asked += ["a chosen bar of the counts"] if filters.stretch else []
    notes += [f"Only events with {'; '.join(asked)}."] if asked else []
    tile = Tile(TileKind.EVENTS, 0, 0, COLUMNS, 4, "Events", names)
    return (tile,), Extra(keep=lambda events: matching(events, filters), notes=tuple(notes)), names


def _active(events: pd.DataFrame) -> pd.DataFrame:
    """The events that are going on, or that nobody has acknowledged."""
    waiting = events["state"].isin([str(state) for state in ATTENTION])
    return events[waiting | ~events["over"].astype(bool)].reset_index(drop=True)


def _tags(m: Monitor, query: Query, key: str) -> tuple[tuple[str, ...], list[str]]:
    """The tags under this parameter, and a note on those that are gone."""
    link = read_link(",".join(query.get(key, ())), spellings(m.tags))
    gone = [text[:100] for text in link.unknown]
    return link.names, [f"Tags of the view that are not here: {listed(gone, _NAMED)}."] if gone else []


# -- the span -------------------------------------------------------------------------


def _span(m: Monitor, page: str, query: Query, tags: tuple[str, ...], now: int) -> tuple[int, int]:
    """The range of the page: the two times of the address, or up to now. Raises StoreError."""
    pinned = read_time(_last(query, "from")), read_time(_last(query, "to"))
    given = page == EXPLORE or (page == ANOMALIES and _last(query, "within") == "between")
    if given and pinned[0] is not None and pinned[1] is not None:
        return pinned[0], pinned[1]
    zoomed = read_stretch(_last(query, "zoom")) if page == LIVE else None
    if zoomed is not None:
        return zoomed
    end = (read_time(_last(query, "at")) if page == LIVE else None) or now
    name = _last(query, {LIVE: "range", EXPLORE: "past"}.get(page, "within")) or _USUAL[page]
    if name == _EVERYTHING and page == EXPLORE:
        extent = m.explorer.extent(tags)
        return (extent[0], extent[1] + 1) if extent else (end - 3_600 * SECOND, end)
    seconds = SECONDS.get(name, SECONDS[_USUAL[page]])
    return max(0, end - seconds * SECOND), end


def _last(query: Query, key: str) -> str:
    values = query.get(key, ())
    return values[-1] if values else ""


def _number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
