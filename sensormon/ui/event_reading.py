"""Events and flagged readings for a page: read once for what a rerun would read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from sensormon.events.filters import Filters, matching
from sensormon.events.reader import MOST_FLAGS
from sensormon.exchange.event_rows import readings_of
from sensormon.model.clock import SECOND
from sensormon.model.readings import Ints
from sensormon.monitor.monitor import Monitor
from sensormon.ui.event_controls import LISTED, Range
from sensormon.view.traces import micros

_FRESH, _SLOW = 15 * SECOND, 60 * SECOND
# For so long, over long time ranges the latter, a state that time alone changes (returned, shelved)
# may be as it was.
JUST_DONE = "just-done"
"""Where the session has the events that the viewer did something to, until the list is read again."""
_AFTER = 3_600 * SECOND  # an event is followed so long beyond the time range


@dataclass(frozen=True)
class Found:
    """The events of a time range: `all` of them, those that match without the stretch, and those listed.

    `of_all_tags` are those that match for every tag; `watched` is when the first reading of the
    range came, None without one; `late` flagged readings were stored too late for this list, and
    `changed` events would be in it or not, were it made now; `key` is another one whenever a row
    may be.
    """

    all: pd.DataFrame
    of_all_tags: pd.DataFrame
    matching: pd.DataFrame
    listed: pd.DataFrame
    watched: int | None
    late: int
    changed: int
    key: tuple[object, ...]


def find(m: Monitor, filters: Filters, asked: Range) -> Found:
    """Read the events and filter them. Raises StoreError."""
    now = m.clock.now()
    listing = _listing(asked, filters)
    fresh = _FRESH if asked.seconds <= 86_400 else _SLOW
    read = (id(m), m.started, m.acts, m.tags.digest, now // fresh)
    horizon = min(now + 1, asked.until + _AFTER)
    stored = _events(m, now, asked.since, asked.until, horizon // fresh, None, read)
    everything = _as_listed(stored, listing, "all")
    own = everything
    if filters.tags and not everything.attrs["complete"]:  # of these tags alone more may fit
        own = _events(m, now, asked.since, asked.until, horizon // fresh, filters.tags, read)
        own = _as_listed(own, listing, "of these tags")
    done = st.session_state.pop(JUST_DONE, [])
    fit, changed = _as_they_fit(own, filters.without_stretch(), listing, "matching", done)
    every, _ = _as_they_fit(
        everything, filters.without_tags().without_stretch(), listing, "of all tags", done
    )
    return Found(
        all=everything,
        of_all_tags=every,
        matching=fit,
        listed=matching(fit, Filters(stretch=filters.stretch)),
        watched=_watched(m, asked.since, asked.until, read),
        late=int(stored["readings"].sum() - everything["readings"].sum()),
        changed=changed,
        key=(*read, asked.since, asked.until, filters, _ids(fit).tobytes()),
    )


def flagged_of(m: Monitor, events: pd.DataFrame, key: tuple[object, ...]) -> Callable[[], pd.DataFrame]:
    """What reads the flagged readings of these events, newest first, when it is called."""
    return lambda: _flagged(m, events, key)


_Listing = dict[str, Ints]


def _listing(asked: Range, filters: Filters) -> _Listing:
    """The ids of the events of this list as it was first read, by what they are needed for."""
    same = (asked.moment, asked.since, asked.until, filters.without_stretch())
    kept: tuple[object, _Listing] = st.session_state.get(LISTED, (None, {}))
    if kept[0] != same:
        kept = st.session_state[LISTED] = (same, {})
    return kept[1]


def _as_listed(found: pd.DataFrame, listing: _Listing, what: str) -> pd.DataFrame:
    """The events that were there when the list was first read: no row moves under the viewer's hand.

    A flag from just before the list's moment may be stored just after it.
    """
    return _only(found, _held(listing, what, _ids(found)))


def _as_they_fit(
    events: pd.DataFrame, filters: Filters, listing: _Listing, what: str, done: list[int]
) -> tuple[pd.DataFrame, int]:
    """The events that fitted the filters when the list was first read, and how many would not or would now.

    An event that has ended since, or that somebody else acknowledged, stays in its row and says so.
    One that the viewer has just done something to leaves where it no longer fits.
    """
    fit = _ids(matching(events, filters))
    first = _held(listing, what, fit)
    kept = listing[what] = first[~np.isin(first, done) | np.isin(first, fit)]
    return _only(events, kept), len(np.setxor1d(kept, fit))


def _held(listing: _Listing, what: str, ids: Ints) -> Ints:
    """The ids first listed; while there are none no row can move, and what comes is let in."""
    if not len(listing.get(what, ())):
        listing[what] = ids
    return listing[what]


def _ids(events: pd.DataFrame) -> Ints:
    return events["id"].to_numpy(dtype=np.int64)


def _only(events: pd.DataFrame, ids: Ints) -> pd.DataFrame:
    there = np.isin(_ids(events), ids)
    if there.all():
        return events
    kept = events[there].reset_index(drop=True)
    kept.attrs["complete"] = events.attrs["complete"]
    return kept


@st.cache_resource(max_entries=6, ttl=300, show_spinner=False)
def _events(
    _m: Monitor,
    _now: int,
    since: int,
    until: int,
    horizon: int,  # noqa: ARG001 # with the others, what the cache goes by
    tags: tuple[str, ...] | None,
    key: tuple[object, ...],  # noqa: ARG001
) -> pd.DataFrame:
    """The events that began before `until`, whole as far as they go within an hour after it."""
    found = _m.events(tags, since, min(_now + 1, until + _AFTER))
    kept = found[micros(found["start"]) < until].reset_index(drop=True)
    kept.attrs["complete"] = found.attrs["complete"]
    return kept


@st.cache_resource(max_entries=4, ttl=300, show_spinner=False)
def _flagged(_m: Monitor, _events: pd.DataFrame, key: tuple[object, ...]) -> pd.DataFrame:  # noqa: ARG001
    if _events.empty:
        return _m.anomalies(None, 0, 0)
    since, until = int(micros(_events["start"]).min()), int(micros(_events["end"]).max()) + 1
    flagged = _m.anomalies(list(_events["tag"].unique()), since, until, 0.0, 2 * MOST_FLAGS)
    return readings_of(_events, flagged)


@st.cache_resource(max_entries=16, ttl=300, show_spinner=False)
def _watched(
    _m: Monitor,
    since: int,
    until: int,
    key: tuple[object, ...],  # noqa: ARG001
) -> int | None:
    return _m.first_time(since, until)
