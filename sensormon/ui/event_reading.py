"""Events and flagged readings for a page, cached so that a rerun does not read them again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from sensormon.events.filters import Filters, matching
from sensormon.events.frozen_list import FrozenList
from sensormon.events.reader import MOST_FLAGS
from sensormon.exchange.event_rows import readings_of
from sensormon.model.clock import SECOND
from sensormon.model.readings import Ints
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.ui.event_controls import LISTED, Range
from sensormon.ui.memo import remembered

# Cache lifetime (short and long ranges): time-driven states (returned, shelved) may lag by this much.
_FRESH, _SLOW = 15 * SECOND, 60 * SECOND
JUST_DONE = "just-done"
"""Key in the session's state: the events the viewer acted on, until the list is read again."""
_AFTER = 3_600 * SECOND  # how long an event is followed beyond the time range


@dataclass(frozen=True)
class EventLists:
    """The events of a time range: `all` of them, those that match without the stretch, and those listed.

    `of_all_tags` are those that match for every tag; `watched` is when the first reading of the
    range came, None without one; `late` flagged readings were stored too late for this list, and
    `changed` events would enter or leave it if it were read now; `key` changes whenever a row
    may have changed.
    """

    all: pd.DataFrame
    of_all_tags: pd.DataFrame
    matching: pd.DataFrame
    listed: pd.DataFrame
    watched: int | None
    late: int
    changed: int
    key: tuple[object, ...]


def find(m: Monitor, filters: Filters, asked: Range) -> EventLists:
    """Read the events and filter them. Raises StoreError."""
    now = m.clock.now()
    lists = _lists(asked, filters)
    fresh = _FRESH if asked.seconds <= 86_400 else _SLOW
    read = (id(m), m.started, m.actions.count, m.tags.digest, now // fresh)
    horizon = min(now + 1, asked.until + _AFTER)
    stored = _events(m, now, asked.since, asked.until, horizon // fresh, None, read)
    everything = _only(stored, lists["all"].first(_ids(stored)))
    own = everything
    if filters.tags and not everything.attrs["complete"]:  # more may fit if only these tags are read
        own = _events(m, now, asked.since, asked.until, horizon // fresh, filters.tags, read)
        own = _only(own, lists["of these tags"].first(_ids(own)))
    done = st.session_state.pop(JUST_DONE, [])
    fit = _fitting(own, filters.without_stretch(), lists["matching"], done)
    every = _fitting(everything, filters.without_tags().without_stretch(), lists["of all tags"], done)
    return EventLists(
        all=everything,
        of_all_tags=every,
        matching=fit,
        listed=matching(fit, Filters(stretch=filters.stretch)),
        watched=_watched(m, asked.since, asked.until, filters.tags, read),
        late=int(stored["readings"].sum() - everything["readings"].sum()),
        changed=lists["matching"].changed,
        key=(*read, asked.since, asked.until, filters, _ids(fit).tobytes()),
    )


def flagged_of(m: Monitor, events: pd.DataFrame, key: tuple[object, ...]) -> Callable[[], pd.DataFrame]:
    """A function that reads the flagged readings of these events, newest first."""
    return lambda: _flagged(m, events, key)


def _lists(asked: Range, filters: Filters) -> dict[str, FrozenList]:
    """The lists of this view as they were first read, by kind."""
    view = (asked.moment, asked.since, asked.until, filters.without_stretch())
    return remembered(LISTED, view, lambda: defaultdict(FrozenList))


def _fitting(events: pd.DataFrame, filters: Filters, rows: FrozenList, done: list[int]) -> pd.DataFrame:
    return _only(events, rows.fit(_ids(matching(events, filters)), done))


def _ids(events: pd.DataFrame) -> Ints:
    return events["id"].to_numpy(dtype=np.int64)


def _only(events: pd.DataFrame, ids: Ints) -> pd.DataFrame:
    listed = np.isin(_ids(events), ids)
    if listed.all():
        return events
    kept = events[listed].reset_index(drop=True)
    kept.attrs["complete"] = events.attrs["complete"]
    return kept


@st.cache_resource(max_entries=6, ttl=300, show_spinner=False)
def _events(
    _m: Monitor,
    _now: int,
    since: int,
    until: int,
    horizon: int,
    tags: tuple[str, ...] | None,
    key: tuple[object, ...],
) -> pd.DataFrame:
    """The events that began before `until`, whole as far as they go within an hour after it."""
    del horizon, key  # part of the cache key
    events = _m.events.between(tags, since, min(_now + 1, until + _AFTER))
    kept = events[micros(events["start"]) < until].reset_index(drop=True)
    kept.attrs["complete"] = events.attrs["complete"]
    return kept


@st.cache_resource(max_entries=4, ttl=300, show_spinner=False)
def _flagged(_m: Monitor, _events: pd.DataFrame, key: tuple[object, ...]) -> pd.DataFrame:
    del key  # the cache key
    if _events.empty:
        return _m.stored.anomalies(None, 0, 0)
    since, until = int(micros(_events["start"]).min()), int(micros(_events["end"]).max()) + 1
    flagged = _m.stored.anomalies(list(_events["tag"].unique()), since, until, 0.0, 2 * MOST_FLAGS)
    return readings_of(_events, flagged)


@st.cache_resource(max_entries=16, ttl=300, show_spinner=False)
def _watched(
    _m: Monitor, since: int, until: int, tags: tuple[str, ...], key: tuple[object, ...]
) -> int | None:
    del key  # part of the cache key
    return _m.stored.first_time(since, until, tags or None)
