"""Live: a card per tag, refreshed every second; with many tags a strip that leads to the cards."""

from collections.abc import Mapping
from contextlib import suppress
from html import escape
from urllib.parse import urlencode

import streamlit as st

from sensormon.model.clock import DAY, SECOND
from sensormon.model.errors import StoreError
from sensormon.model.format import moment_words
from sensormon.model.readings import SIMULATOR
from sensormon.model.timestamps import parse, render
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import monitor
from sensormon.ui import Viewer, copy_link, sending_line
from sensormon.ui.live_board import Reports, Wanted, live_board
from sensormon.ui.live_menu import go, open_event, open_flag
from sensormon.ui.live_plain import REFRESH, plain_cards
from sensormon.ui.live_tags import Shown, choose_tags, chosen_node, picked, worsened
from sensormon.ui.memo import remembered
from sensormon.ui.narrow import folded
from sensormon.ui.page import page
from sensormon.ui.parts import fragment
from sensormon.ui.time_range import preset
from sensormon.ui.url_state import held, hold, visit, write
from sensormon.ui.wall import is_wall, wall
from sensormon.view.live_choice import MOST
from sensormon.view.presets import SECONDS

LOOK, LOOK_SELDOM = 2, 10  # seconds between looks for new tags; seldom if all of the table have readings


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


def zoomed() -> tuple[tuple[int, int] | None, int]:
    """The zoomed span that the address asked for last (µs UTC), and how often it has asked for one or none.

    It asks when the page is opened and by Back and Forward. Between that the board zooms by itself.
    """
    state = st.session_state
    if state.get("zoom-visit") != visit():
        state["zoom-visit"] = visit()
        state.pop("zoom-known", None)
        if "zoom" not in st.query_params:
            hold("zoom", "")  # the page opens at the present, whatever was in view when it was left
    text = held("zoom")
    if text != state.get("zoom-known"):
        state["zoomed"] = zoom_in(text)
        if not state["zoomed"]:
            hold("zoom", "")
        state["zoom-known"] = text if state["zoomed"] else ""
        state["zoom-asked"] = state.get("zoom-asked", 0) + 1
    return state["zoomed"], state["zoom-asked"]


def zoom_in(text: str) -> tuple[int, int] | None:
    """The span in the address (µs UTC); None if it cannot be shown."""
    try:
        since, until = map(since_1970, text.split("/"))
    except (ValueError, OverflowError):
        return None
    return (since, until) if 0 < until - since <= DAY else None


def zoom() -> None:
    """Write the viewer's zoom to the address."""
    view = st.session_state["live-board"].view["span"]
    text = "/".join(render(int(edge) * 1_000) for edge in view) if view else ""
    hold("zoom", text)
    st.session_state["zoom-known"] = text


def whole_span() -> None:
    """Another range was chosen: it is shown whole, as the board does by itself."""
    hold("zoom", "")
    st.session_state["zoomed"], st.session_state["zoom-known"] = None, ""


def back_to_now() -> None:
    """The viewer wants the present: end the pause and the zoom."""
    st.session_state["paused"] = False
    whole_span()


def wall_link() -> str:
    """A link to the wall screen, with the groups that are chosen, as HTML."""
    chosen = urlencode([("wall", "1"), *(("group", name) for name in st.query_params.get_all("group"))])
    return f'<a class="plain-link" href="?{escape(chosen)}">Wall screen</a>'


# -- the board ----------------------------------------------------------------------------


def board(m: Monitor, viewer: Viewer, span: str, tags: Shown, at: int | None) -> bool:
    """Draw the board, which refreshes itself; False if its files cannot be loaded."""
    if st.session_state.get("no-board"):
        return False
    many = len(m.tags) > MOST
    in_view, asked = zoomed()
    result = live_board(
        m,
        viewer,
        Wanted(
            cards=tags.cards,
            span=SECONDS[span],
            until=at,
            plant=tags.plant if many else (),
            strip=tags.matching if many else (),
            node=tags.node,
            view=in_view,
            asked=asked,
            follows=tags.follows,
            waiting=no_data_yet(m),
            simulated=m.simulated.within((at or m.clock.now()) - SECONDS[span] * SECOND, m.clock.now()),
        ),
        Reports(picked=picked, view=zoom, node=chosen_node, worst=worsened, back=back_to_now),
    )
    if result.opened:
        open_event(result.opened)
    if isinstance(result.flag, Mapping):
        open_flag(m, result.flag)
    if isinstance(result.went, Mapping):
        go(m, result.went)
    if result.unavailable:
        st.session_state["no-board"] = True
        st.rerun()
    return True


# -- the page -----------------------------------------------------------------------------


def empty(m: Monitor, searched: bool, source: str) -> None:
    """What to do if there is nothing to show."""
    if searched:
        st.info(
            "No tag here matches in its name, label, group or unit. Clear the search, or choose All tags.",
            title="No matching tags",
        )
    elif source == "http":
        st.info(
            "No source is configured. Add one on the Data page, or send readings over HTTP, starting with "
            "the command below; /api/docs lists every route. Or start with SENSORMON_SOURCE=simulator, or "
            "replay:FILE for a recording.",
            title="No readings yet",
        )
        st.page_link("pages/data.py", label="Add a source", query_params={"section": "Sources"})
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
    around = folded()
    with around.container(horizontal=True, vertical_alignment="center"):
        span = preset(list(REFRESH), "range", "15 min", label_visibility="collapsed", on_change=whole_span)
        at = moment(m)
        if at is not None:
            st.markdown(f"paused at {moment_words(at, m.clock.now(), me.zone)}, still collecting")
        st.space("stretch")
        st.html(wall_link(), width="content")
        # A zoomed span moves out of view with time, so its link is pinned to this moment.
        copy_link(**({"at": render(m.clock.now())} if at is None and "zoom" in st.query_params else {}))
    delivering = with_data(m)
    tags = choose_tags(m, delivering, around)
    if not tags.below:
        empty(m, bool(tags.plant), m.status().source.name)
    if tags.plant and not board(m, me, span, tags, at):
        fragment(plain_cards, run_every=None if at else 1)(m, me, span, tags, at, no_data_yet(m))
    fragment(waiting, LOOK if len(delivering) < len(m.tags) else LOOK_SELDOM)(m, len(delivering))


watched = monitor()
with page("Live") as me:
    if is_wall():
        wall(watched)
    else:
        view(watched, me)
