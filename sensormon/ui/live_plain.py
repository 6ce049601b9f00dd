"""The cards of the Live page without the board, where its files cannot be loaded: Streamlit draws them."""

from __future__ import annotations

from html import escape

import streamlit as st

from sensormon.model.clock import SECOND
from sensormon.model.state_words import Words
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import chart, marked, panel
from sensormon.ui.live_tags import Shown
from sensormon.ui.viewer import Viewer
from sensormon.view.live_cards import Cards, Newest, make_cards, newest, places_by_tag, reads
from sensormon.view.phrases import normal_band
from sensormon.view.presets import SECONDS
from sensormon.view.simulated import badge

REFRESH = {"5 min": 1, "15 min": 1, "1 h": 2, "6 h": 10, "24 h": 30}
"""Seconds between refreshes by range: long spans change slowly and are costly to draw."""


@st.cache_resource(max_entries=12, ttl=120, show_spinner=False)
def _drawn(
    _m: Monitor,
    _now: int,
    _viewer: Viewer,
    names: tuple[str, ...],
    span: int,
    key: tuple[object, ...],
) -> Cards:
    """The cards; viewers of the same zone and theme share them."""
    del key  # the cache key, with names and span
    since = _now - span * SECOND
    frame = _m.readings.recent(since, names, _now + 1)
    return make_cards(
        frame,
        _m.tags,
        names,
        (since, _now),
        _viewer.palette,
        _viewer.zone,
        220,
        _m.detection.readable(),
        _m.state_words(names),
    )


def _head(tag: Tag, last: Newest | None, words: Words, simulated: bool, waiting: bool) -> str:
    """The first line of a card as HTML."""
    nothing = "no data yet" if waiting else "no data"
    value, phrase = reads(tag, last, words) if last else (nothing, None)
    verdict = marked(phrase) if phrase else ""
    edge = " abnormal-card" if phrase and phrase.abnormal else ""
    mark = badge() if simulated else ""
    return (
        f'<div class="card{edge}"><span class="label">{escape(tag.label)}</span>{mark}'
        f'<span class="value">{escape(value)}</span><span class="quiet">{escape(normal_band(tag))}</span>'
        f'<span class="verdict">{verdict}</span></div>'
    )


def plain_cards(
    m: Monitor, viewer: Viewer, span: str, tags: Shown, at: int | None, waiting: frozenset[str]
) -> None:
    """The cards as of now or of when the page was paused; zoom is lost each second.

    Those of `waiting` tags say that they have no data yet.
    """
    now = at or m.clock.now()
    seconds = SECONDS[span]
    lately = m.readings.recent(now - 10 * SECOND) if at is None else None
    last = {} if lately is None else newest(lately, places_by_tag(lately), now, m.detection.readable())
    names = tuple(tags.cards)
    step = at or now // (max(REFRESH[span], len(names) // 4) * SECOND)
    key = (m.started, m.tags.digest, step, viewer.zone_name, viewer.dark)
    cards = _drawn(m, now, viewer, names, seconds, key)
    simulated = m.simulated.within(now - seconds * SECOND, now + 1)
    for name in names:
        tag = m.tags[name]
        with panel(name):
            reading = last.get(name, cards.newest.get(name))
            st.html(_head(tag, reading, m.state_words([name]), name in simulated, name in waiting))
            chart(cards.figures[name], f"live-{name}", f"{tag.label} over the last {span}")
    st.caption(
        "Shaded: where the detector expects the next reading. ◆ anomaly. Dashed: edge of the normal band."
    )
    if cards.last_flag:
        st.html(f'<div class="quiet">Last anomaly  {escape(cards.last_flag)}</div>')
