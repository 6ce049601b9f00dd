"""Live: a card per tag, refreshed every second; with many tags a strip that leads to the cards."""

from contextlib import suppress
from html import escape
from urllib.parse import urlencode

import streamlit as st

from sensormon.model.clock import DAY, SECOND
from sensormon.model.errors import StoreError
from sensormon.model.format import moment_words
from sensormon.model.readings import SIMULATOR
from sensormon.model.state_words import Words
from sensormon.model.tags import Tag
from sensormon.model.timestamps import parse, render
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import monitor
from sensormon.ui import (
    Viewer,
    chart,
    copy_link,
    live_board,
    marked,
    panel,
    sending_line,
)
from sensormon.ui.memo import remembered
from sensormon.ui.page import page
from sensormon.ui.parts import fragment
from sensormon.ui.time_range import SECONDS, preset
from sensormon.ui.url_state import write
from sensormon.ui.wall import is_wall, wall
from sensormon.view.live_cards import (
    MOST,
    Cards,
    Newest,
    groups,
    make_cards,
    newest,
    places_by_tag,
    reads,
    shown,
    worst_first,
)
from sensormon.view.phrases import normal_band
from sensormon.view.simulated import badge

# Seconds between refreshes without the board: long spans change slowly and are costly to draw.
REFRESH = {"5 min": 1, "15 min": 1, "1 h": 2, "6 h": 10, "24 h": 30}
LOOK, LOOK_SELDOM = 2, 10  # seconds between looks for new tags; seldom if all of the table have readings
WORST = 3  # cards that are open before the viewer has chosen any of many tags


# -- controls ----------------------------------------------------------------------------


def since_1970(text: str) -> int:
    """A time in the address (µs UTC). Raises ValueError if it is not one, or before 1970."""
    time = parse(text)
    if time < 0:
        raise ValueError("before 1970")
    return time


def moment(m: Monitor) -> int | None:
    """Up to when readings are shown: None while the page follows the clock. In the address as `at`."""
    state = st.session_state
    if "paused" not in state and "at" in st.query_params:
        try:
            state["paused_at"] = min(since_1970(st.query_params["at"]), m.clock.now())
            state["paused"] = True
        except (ValueError, OverflowError):
            write({"at": ""})
    if not st.toggle("Pause", key="paused"):
        state.pop("paused_at", None)
        write({"at": ""})
        return None
    at: int = state.setdefault("paused_at", m.clock.now())
    write({"at": render(at)})
    return at


def zoomed() -> tuple[int, int] | None:
    """The zoomed span in the address when the page was opened (µs UTC); kept for the board."""
    state = st.session_state
    if "zoomed" not in state:
        try:
            since, until = map(since_1970, st.query_params.get("zoom", "").split("/"))
            state["zoomed"] = (since, until) if 0 < until - since <= DAY else None
        except (ValueError, OverflowError):
            state["zoomed"] = None
    span: tuple[int, int] | None = state["zoomed"]
    return span


def zoom() -> None:
    """Write the viewer's zoom to the address."""
    view = st.session_state["live-board"].view
    write({"zoom": "/".join(render(int(edge) * 1_000) for edge in view) if view else ""})


def wall_link() -> str:
    """A link to the wall screen, with the groups that are chosen, as HTML."""
    chosen = urlencode([("wall", "1"), *(("group", name) for name in st.query_params.get_all("group"))])
    return f'<a class="plain-link" href="?{escape(chosen)}">Wall screen</a>'


def search(m: Monitor) -> tuple[str, list[str]]:
    """The search words and chosen groups, if there are many tags."""
    if len(m.tags) <= MOST:
        return "", []
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.text_input(
            "Search tags",
            key="tag",
            bind="query-params",
            placeholder="Search tags",
            label_visibility="collapsed",
            width=220,
        )
        known = groups(m.tags)
        chosen = (
            st.pills(
                "Groups",
                known,
                selection_mode="multi",
                key="group",
                bind="query-params",
                label_visibility="collapsed",
            )
            if len(known) > 1
            else []
        )
    return wanted or "", chosen


def opened(m: Monitor, names: list[str]) -> list[str]:
    """The tags whose charts are open: all if they are few, otherwise those the viewer chose."""
    if len(m.tags) <= MOST:
        return names
    st.session_state["show"] = [name for name in st.session_state.get("show", []) if name in m.tags][-MOST:]
    return st.multiselect(
        "Open charts",
        m.tags.names,
        format_func=m.tags.title,
        key="show",
        bind="query-params",
        max_selections=MOST,
        placeholder="Charts of the worst tags are open. Choose others here, or click a row below",
        label_visibility="collapsed",
    )


def picked() -> None:
    """A row of the strip was clicked: open its chart, or close it if it was open."""
    name = st.session_state["live-board"].picked
    if name:
        state = st.session_state
        before = [tag for tag in state.get("show", []) if tag != name]
        state["show"] = before if name in state.get("show", []) else [*before, name][-MOST:]


def only_rerun() -> None:
    """No-op: `board` reads `result.opened` after the rerun."""


# -- the board ----------------------------------------------------------------------------


def board(m: Monitor, viewer: Viewer, span: str, names: list[str], at: int | None) -> bool:
    """Draw the board, which refreshes itself; False if its files cannot be loaded."""
    if st.session_state.get("no-board"):
        return False
    many = len(m.tags) > MOST
    cards = opened(m, names)
    if many and not cards:
        cards = worst(m, span, names)
    result = live_board(
        m.tags,
        viewer,
        cards=cards,
        strip=names if many else (),
        span=SECONDS[span],
        until=at,
        view=zoomed(),
        waiting=no_data_yet(m),
        simulated=m.simulated.within((at or m.clock.now()) - SECONDS[span] * SECOND, m.clock.now()),
        on_picked=picked,
        on_opened=only_rerun,
        on_view=zoom,
    )
    if result.opened:
        st.switch_page("pages/anomalies.py", query_params={"event": str(result.opened)})
    if result.unavailable:
        st.session_state["no-board"] = True
        st.rerun()
    return True


def worst(m: Monitor, span: str, names: list[str]) -> list[str]:
    """The tags that are worst now, kept as long as the viewer keeps this choice."""

    def choose() -> list[str]:
        since = m.clock.now() - min(SECONDS[span], 900) * SECOND
        return worst_first(m.readings.peaks(since), names)[:WORST]

    return list(remembered("worst", (span, tuple(names)), choose))


# -- without the board -------------------------------------------------------------------------


@st.cache_resource(max_entries=12, ttl=120, show_spinner=False)
def drawn(
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


def head(tag: Tag, last: Newest | None, words: Words, simulated: bool, waiting: bool) -> str:
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


def plain_cards(m: Monitor, viewer: Viewer, span: str, matching: list[str], at: int | None) -> None:
    """All cards drawn by Streamlit, as of now or of when the page was paused; zoom is lost each second."""
    now = at or m.clock.now()
    seconds = SECONDS[span]
    lately = m.readings.recent(now - 10 * SECOND) if at is None else None
    last = {} if lately is None else newest(lately, places_by_tag(lately), now, m.detection.readable())
    names = tuple(matching if len(m.tags) <= MOST else opened(m, matching) or worst(m, span, matching))
    step = at or now // (max(REFRESH[span], len(names) // 4) * SECOND)
    key = (m.started, m.tags.digest, step, viewer.zone_name, viewer.dark)
    cards = drawn(m, now, viewer, names, seconds, key)
    simulated, waiting = m.simulated.within(now - seconds * SECOND, now + 1), no_data_yet(m)
    for name in names:
        tag = m.tags[name]
        with panel(name):
            reading = last.get(name, cards.newest.get(name))
            st.html(head(tag, reading, m.state_words([name]), name in simulated, name in waiting))
            chart(cards.figures[name], f"live-{name}", f"{tag.label} over the last {span}")
    st.caption(
        "Shaded: where the detector expects the next reading. ◆ anomaly. Dashed: edge of the normal band."
    )
    if cards.last_flag:
        st.html(f'<div class="quiet">Last anomaly  {escape(cards.last_flag)}</div>')


# -- the page -----------------------------------------------------------------------------


def empty(m: Monitor, searched: bool, source: str) -> None:
    """What to do if there is nothing to show."""
    if searched:
        st.info(
            "No tag matches in its name, label, group or unit. Clear the search to see all.",
            title="No matching tags",
        )
    elif source == "http":
        st.info(
            "No source is configured. Send readings over HTTP, starting with the command below; /api/docs "
            "lists every route. Or start with SENSORMON_SOURCE=simulator, or replay:FILE for a recording.",
            title="No readings yet",
        )
        sending_line(m)
    else:
        st.info(
            "The source has not delivered any; the Pipeline page shows its state.",
            title="No readings yet",
        )
    with suppress(StoreError):
        if not searched and m.explorer.extent() is not None:
            st.page_link("pages/explore.py", label="Imported history is on the Explore page")


def waiting(m: Monitor, known: int) -> None:
    """Look again for tags while there are none, or new ones may come."""
    if len(with_data(m)) > known:
        st.rerun()


def with_data(m: Monitor) -> set[str]:
    """The tags that the source delivers or that have a reading that was not imported.

    Beside the simulator also those that wait for their first reading: it invents none for them.
    """
    delivered = m.source.status(dead=False).tags  # no more of the status: every page asks for this
    return {*delivered, *m.readings.live_tags(), *no_data_yet(m)}


def no_data_yet(m: Monitor) -> frozenset[str]:
    """Beside the simulator: the tags that it leaves alone and that have no reading, not even imported."""
    if not m.source.simulator:
        return frozenset()
    others = frozenset(m.tags.names) - m.simulated.running - m.readings.live_tags()
    if not others:
        return others
    stored = tuple((line.source, line.stored) for line in m.ledger.now().lines if line.source != SIMULATOR)
    try:
        return others - set(remembered("tags-with-readings", (m.started, others, stored), m.stored.tags))
    except StoreError:
        return frozenset()


def view(m: Monitor, me: Viewer) -> None:
    """The controls, and the board or what stands in for it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        span = preset(list(REFRESH), "range", "15 min", label_visibility="collapsed")
        at = moment(m)
        if at is not None:
            st.markdown(f"paused at {moment_words(at, m.clock.now(), me.zone)}, still collecting")
        st.space("stretch")
        st.html(wall_link(), width="content")
        # A zoomed span moves out of view with time, so its link is pinned to this moment.
        copy_link(**({"at": render(m.clock.now())} if at is None and "zoom" in st.query_params else {}))
    wanted, chosen_groups = search(m)
    delivering = with_data(m)
    matching = shown(m.tags, delivering, (), wanted, chosen_groups)
    if not matching:
        empty(m, bool(wanted or chosen_groups), m.status().source.name)
    elif not board(m, me, span, matching, at):
        fragment(plain_cards, run_every=None if at else 1)(m, me, span, matching, at)
    fragment(waiting, LOOK if len(delivering) < len(m.tags) else LOOK_SELDOM)(m, len(delivering))


watched = monitor()
with page("Live") as me:
    if is_wall():
        wall(watched)
    else:
        view(watched, me)
