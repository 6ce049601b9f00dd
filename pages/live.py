"""Live: a card per tag, renewed every second."""

from html import escape

import streamlit as st

from sensormon.clock import SECOND
from sensormon.live_cards import MOST, Cards, Newest, make_cards, newest, shown, worst_first
from sensormon.monitor import Monitor
from sensormon.page_parts import SPANS, Viewer, begin, chart, copy_link, marked, panel
from sensormon.runtime import monitor
from sensormon.tags import Tag
from sensormon.words import clock_time, normal_band

# Long spans change little in a second and cost much to draw; the numbers stay a second old.
REFRESH = {"5 min": 1, "15 min": 1, "1 h": 2, "6 h": 10, "24 h": 30}


@st.cache_resource(max_entries=12, ttl=120, show_spinner=False)
def drawn(
    _m: Monitor,
    _now: int,
    _viewer: Viewer,
    names: tuple[str, ...],
    span: int,
    key: tuple[object, ...],  # noqa: ARG001 # with names and span, what the cache goes by
) -> Cards:
    """The cards; viewers of the same zone and theme share them."""
    since = _now - span * SECOND
    frame = _m.recent(since, names)
    return make_cards(frame, _m.tags, names, (since, _now), _viewer.palette, _viewer.zone, 220, _m.judges())


@st.cache_resource(max_entries=4, ttl=120, show_spinner=False)
def tags_seen(
    _m: Monitor,
    _since: int,
    key: tuple[object, ...],  # noqa: ARG001 # what the cache goes by
) -> tuple[str, ...]:
    """The tags with data in the span, worst first, looked up once a minute."""
    frame = _m.recent(_since)
    return tuple(worst_first(frame, list(frame["tag"].unique())))


def head(tag: Tag, last: Newest | None) -> str:
    """The first line of a card as HTML."""
    value = tag.render(last.value) if last else "no data"
    verdict = marked(last.phrase) if last else ""
    edge = " abnormal-card" if last and last.phrase.abnormal else ""
    return (
        f'<div class="card{edge}"><span class="label">{escape(tag.label)}</span>'
        f'<span class="value">{escape(value)}</span><span class="quiet">{escape(normal_band(tag))}</span>'
        f'<span class="verdict">{verdict}</span></div>'
    )


def cards(m: Monitor, viewer: Viewer, span: str, search: str, paused_at: int | None) -> None:
    """All cards, as of now or of when the page was paused."""
    now = paused_at or m.clock.now()
    status, seconds = m.status(), SPANS[span]
    minute = now // (60 * SECOND)
    seen = tags_seen(m, now - seconds * SECOND, (m.started, m.tags.digest, seconds, minute))
    last = newest(m.recent(now - 10 * SECOND), now, m.judges()) if paused_at is None else {}
    known = shown(m.tags, status.source.tags, (*seen, *last), search)
    if not known:
        empty(bool(search), status.source.name)
        return
    names = tuple(known)
    if len(known) > MOST:
        rank = {name: place for place, name in enumerate(seen)}
        names = tuple(sorted(known, key=lambda name: rank.get(name, len(rank)))[:MOST])
        st.caption(f"{MOST} of {len(known)} tags, those with the most anomalies first. Search to see others.")
    step = paused_at or now // (max(REFRESH[span], len(names) // 4) * SECOND)
    made = drawn(
        m, now, viewer, names, seconds, (m.started, m.tags.digest, step, viewer.zone_name, viewer.dark)
    )
    for name in names:
        tag = m.tags[name]
        with panel(name):
            st.html(head(tag, last.get(name, made.newest.get(name))))
            chart(made.figures[name], f"live-{name}", f"{tag.label} over the last {span}")
    st.caption(
        "Shaded: where the detector expects the next reading. ◆ anomaly. Dashed: edge of the normal band."
    )
    if made.last_flag:
        st.html(f'<div class="quiet">Last anomaly  {escape(made.last_flag)}</div>')
    if made.simulated_until is not None:
        time = clock_time(made.simulated_until, viewer.zone)
        st.caption(f"Readings up to {time} were simulated at the first start.")


def empty(searched: bool, source: str) -> None:
    """What to do where there is nothing to show."""
    if searched:
        st.info(
            "No tag has this in its name, label, group or unit. Clear the search to see all.",
            title="No such tag",
        )
    elif source == "http":
        st.info(
            "There is no source. Start with SENSORMON_SOURCE=simulator, or replay:FILE for a recording.",
            title="No readings yet",
        )
    else:
        st.info(
            "The source has not delivered any; the Pipeline page says how it is doing.",
            title="No readings yet",
        )


m = monitor()
me = begin("Live", m)
with st.container(horizontal=True, vertical_alignment="center"):
    chosen = st.segmented_control(
        "Time range",
        list(REFRESH),
        default="15 min",
        required=True,
        key="range",
        bind="query-params",
        label_visibility="collapsed",
    )
    paused = st.toggle("Pause", key="paused")
    wanted = ""
    if len(m.tags) > MOST:
        wanted = st.text_input(
            "Search tags",
            key="tag",
            bind="query-params",
            placeholder="Search tags",
            label_visibility="collapsed",
        )
    copy_link()
    if not paused:
        st.session_state.pop("paused_at", None)
        moment = None
    else:
        moment = st.session_state.setdefault("paused_at", m.clock.now())
        st.markdown(f"paused at {clock_time(moment, me.zone)}, still collecting")

st.fragment(cards, run_every=None if paused else 1)(m, me, chosen or "15 min", wanted or "", moment)
