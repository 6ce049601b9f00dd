"""Events and flagged readings for a page: read once for what a rerun would read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from sensormon.clock import SECOND
from sensormon.event_export import readings_of
from sensormon.event_filters import Filters, matching
from sensormon.event_reader import MOST_FLAGS
from sensormon.monitor import Monitor
from sensormon.page_parts.event_controls import Range
from sensormon.readings import Ints
from sensormon.traces import micros

_FRESH, _SLOW = 15 * SECOND, 60 * SECOND
# For so long, over long time ranges the latter, a state that time alone changes (returned, shelved)
# may be as it was.
_LISTED = "listed"
_AFTER = 3_600 * SECOND  # an event is followed so long beyond the time range


@dataclass(frozen=True)
class Found:
    """The events of a time range: `all` of them, those that match without the stretch, and those listed.

    `of_all_tags` are those that match for every tag; `watched` is when the first reading of the
    range came, None without one; `late` flagged readings were stored too late for this list;
    `key` is another one whenever a row may be.
    """

    all: pd.DataFrame
    of_all_tags: pd.DataFrame
    matching: pd.DataFrame
    listed: pd.DataFrame
    watched: int | None
    late: int
    key: tuple[object, ...]


def find(m: Monitor, filters: Filters, asked: Range) -> Found:
    """Read the events and filter them. Raises StoreError."""
    now = m.clock.now()
    listing = _listing(asked)
    fresh = _FRESH if asked.seconds <= 86_400 else _SLOW
    read = (id(m), m.started, m.acts, m.tags.digest, now // fresh)
    horizon = min(now + 1, asked.until + _AFTER)
    stored = _events(m, now, asked.since, asked.until, horizon // fresh, None, read)
    everything = _as_listed(stored, listing)
    own = everything
    if filters.tags and not everything.attrs["complete"]:  # of these tags alone more may fit
        own = _events(m, now, asked.since, asked.until, horizon // fresh, filters.tags, read)
        own = _as_listed(own, listing, filters.tags)
    fit = matching(own, filters.without_stretch())
    fit.attrs["complete"] = own.attrs["complete"]
    return Found(
        all=everything,
        of_all_tags=matching(everything, filters.without_tags().without_stretch()),
        matching=fit,
        listed=matching(fit, Filters(stretch=filters.stretch)),
        watched=_watched(m, asked.since, asked.until, read),
        late=int(stored["readings"].sum() - everything["readings"].sum()),
        key=(*read, asked.since, asked.until, filters, len(everything), len(own)),
    )


def flagged_of(m: Monitor, events: pd.DataFrame, key: tuple[object, ...]) -> Callable[[], pd.DataFrame]:
    """What reads the flagged readings of these events, newest first, when it is called."""
    return lambda: _flagged(m, events, key)


_Listing = dict[tuple[str, ...], Ints]


def _listing(asked: Range) -> _Listing:
    """The ids of the events of this list as it was first read, by the tags asked for."""
    same = (asked.moment, asked.since, asked.until)
    kept: tuple[object, _Listing] = st.session_state.get(_LISTED, (None, {}))
    if kept[0] != same:
        kept = st.session_state[_LISTED] = (same, {})
    return kept[1]


def _as_listed(found: pd.DataFrame, listing: _Listing, tags: tuple[str, ...] = ()) -> pd.DataFrame:
    """The events that were there when the list was first read: no row moves under the viewer's hand.

    A flag from just before the list's moment may be stored just after it.
    """
    ids = found["id"].to_numpy(dtype=np.int64)
    there = np.isin(ids, listing.setdefault(tags, ids)) if len(ids) else np.ones(0, dtype=bool)
    if there.all():
        return found
    kept = found[there].reset_index(drop=True)
    kept.attrs["complete"] = found.attrs["complete"]
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
