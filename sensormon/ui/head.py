"""The head of every page: status line, problems, title, time zone."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib.resources import files
from weakref import WeakKeyDictionary

import streamlit as st

from sensormon import __version__
from sensormon.access.person import Person
from sensormon.events.alarm_load import AlarmLoad, load_of
from sensormon.model.clock import DAY, HOUR, SECOND
from sensormon.model.errors import StoreError
from sensormon.model.format import moment_words
from sensormon.model.status import Status, StoreState
from sensormon.monitor.monitor import Monitor
from sensormon.ui.bell import bell
from sensormon.ui.drawing import UNREAD, marked
from sensormon.ui.help import first_visit, help_button, in_the_browser
from sensormon.ui.parts import every
from sensormon.ui.signed_in import is_another, signed_in
from sensormon.ui.style import style_sheet
from sensormon.ui.viewer import Viewer, viewer
from sensormon.ui.views_menu import views_button
from sensormon.ui.who import person
from sensormon.view.phrases import zone_words
from sensormon.view.plain_alarms import plain_alarms
from sensormon.view.shared import Shared
from sensormon.view.simulated import badge, simulated_words
from sensormon.view.status import (
    abnormal,
    age_phrase,
    alarms,
    announcement,
    attention_words,
    status_line,
)

AGAIN = 3 * SECOND
"""µs before the first retry of a page that could not read the store; doubled each time."""
TOGETHER = SECOND // 2
"""Pages whose status line is due within this time share it (µs)."""
COUNTED = 5 * SECOND
"""The events in the status line are counted again after this time (µs)."""
SHARED = 20
"""The status line, and the badges for viewers in this many zones."""
TRIES = "unread-tries"

_ICON = files("sensormon").joinpath("icon.png")
# Our own image, because the browser would fetch a named icon from an external address.
_MARK = str(_ICON)
_THEMES = (
    '<div class="theme" role="group" aria-label="Theme">'
    + "".join(
        f'<button type="button" data-theme="{theme}" aria-pressed="false">{words}</button>'
        for theme, words in (("System", "Auto"), ("Light", "Light"), ("Dark", "Dark"))
    )
    + "</div>"
)
"""The choice of theme in the top bar; `browser/theme.js` makes it Streamlit's."""
_MORE = '<button type="button" class="status-more" aria-expanded="false">Status</button>'
"""On a phone: the rest of the status line."""


def draw_head(title: str, m: Monitor) -> Viewer:
    """Draw the status line, the problems, the title, the time zone and who is at the page.

    A page that could not read the store is drawn again once it can. Raises StoreError while
    accounts cannot be read.
    """
    now, me = viewer(), person(m)
    again = st.session_state.pop(UNREAD, False)
    st.session_state[TRIES] = st.session_state.get(TRIES, 0) + 1 if again else 0
    # Our choice of theme presses Streamlit's menu, so there must be one.
    st.set_page_config(layout="wide", page_icon=str(_ICON), menu_items={"About": f"sensormon {__version__}"})
    st.logo(_MARK, size="small")
    st.html(f"<style>{style_sheet(now.palette)}</style>")
    with st.container(key="unseen"):
        st.html("<h1>sensormon</h1>")
        in_the_browser()
    with st.container(key="frame"):
        st.html(_THEMES + _MORE)
    _status(title, m, now.dark, m.clock.now(), me)
    first_visit(title, m)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="head"
    ):
        st.header(title, anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            with st.container(width="content", key="bell-place"):
                bell(m)
            with st.container(width="content", key="zone"):
                st.caption(zone_words(now.zone_name, now.zone, m.clock.now()), width="content")
            signed_in(m, me)
            views_button(title, m)
            help_button(title, m)
    return now


@every(1)
def _status(title: str, m: Monitor, drawn_dark: bool, drawn: int, me: Person) -> None:
    if (st.context.theme.type == "dark") != drawn_dark:
        st.rerun()  # the viewer changed the theme, or it was not known at the first run
    if is_another(m, me):
        st.rerun()
    seen = _seen(m)
    status = seen.status
    readable = status.store.state is StoreState.HEALTHY
    wait = AGAIN * 2 ** min(st.session_state.get(TRIES, 0), 5)
    if UNREAD in st.session_state and readable and status.now - drawn > wait:
        st.rerun()
    losses = "" if title == "Pipeline" else attention_words(status, me)
    wrong = "".join(_alarm(text) for text in (*seen.of(title), losses) if text)
    now = viewer()
    zone = escape(zone_words(now.zone_name, now.zone, status.now))
    st.html(
        f'<div class="status" data-at="{status.now}" data-zone="{zone}">'
        f"{_paused(title, status.now)}{_badge(title, m)}{seen.line}</div>{wrong}"
    )
    _read_aloud(seen.abnormal)


@dataclass(frozen=True)
class _Seen:
    """The state of a monitor as the head of every page has it."""

    status: Status
    line: str  # HTML
    plain: tuple[str, ...]
    detailed: tuple[str, ...]
    abnormal: tuple[str, ...]

    def of(self, title: str) -> tuple[str, ...]:
        """The problems as the page of this title states them: on Pipeline with the technical details."""
        return self.detailed if title == "Pipeline" else self.plain


_SHARED: WeakKeyDictionary[Monitor, Shared] = WeakKeyDictionary()


def _seen(m: Monitor) -> _Seen:
    """The state now, or as another page saw it within `TOGETHER`."""

    def look() -> _Seen:
        status, ledger = m.status(), m.ledger.now()
        phrases = status_line(status, ledger, _last_hour(m))
        major = (phrases[0], age_phrase(status))  # the rest is a tap away on a phone, unless it is abnormal
        line = "".join(
            f"<span{'' if phrase in major or phrase.abnormal else ' class=minor'}>{marked(phrase)}</span>"
            for phrase in phrases
        )
        return _Seen(status, line, plain_alarms(status), alarms(status), abnormal(status, ledger))

    return _shared(m).of("status", m.attention.acknowledged, look, TOGETHER)


def _shared(m: Monitor) -> Shared:
    return _SHARED.get(m) or _SHARED.setdefault(m, Shared(m.clock, SHARED))


def _paused(title: str, now: int) -> str:
    """That the charts of the Live page stand still, and since when, as HTML; no others move."""
    state = st.session_state
    if title != "Live" or not state.get("paused"):
        return ""
    at = moment_words(int(state.get("paused_at", now)), now, viewer().zone)
    return f'<span class="paused">Paused at {escape(at)}</span>'


def _badge(title: str, m: Monitor) -> str:
    """The badge for what is simulated, as HTML; the Live page shows the last day at most."""
    zone, is_live = viewer().zone, title == "Live"

    def look() -> str:
        spans, now = m.simulated.spans(), m.clock.now()
        if is_live:
            spans = {name: span for name, span in spans.items() if span[1] >= now - DAY}
        words = simulated_words(spans, m.tags, now, zone)
        return badge(words) if words else ""

    return _shared(m).of(f"badge {is_live} {zone}", m.tags.digest, look, TOGETHER)


def _alarm(text: str) -> str:
    """A block that states a problem, with the details in small print."""
    first, _, rest = text.partition("\n")
    details = f'<div class="details">{escape(rest)}</div>' if rest else ""
    return f'<div class="alarm">{escape(first)}{details}</div>'


def _read_aloud(now: tuple[str, ...]) -> None:
    """Hidden text that changes only when a state does; `browser/aloud.js` has screen readers read it."""
    before, said = st.session_state.get("read-aloud", ((), ""))
    said = announcement(before, now) or said
    st.session_state["read-aloud"] = (now, said)
    with st.container(key="read-aloud"):
        st.html(f"<span>{escape(said)}</span>")


def anomalies_last_hour(m: Monitor) -> int | None:
    """How many readings were flagged in the last hour; None while the store is unavailable."""
    try:
        return m.stored.live_anomalies(m.clock.now() - HOUR)
    except StoreError:
        return None


def _last_hour(m: Monitor) -> AlarmLoad | None:
    """The events of the last hour, as the Anomalies page counts them; None while the store is unavailable.

    They are read again every `COUNTED`.
    """

    def look() -> AlarmLoad | None:
        now = m.clock.now()
        try:
            events = m.events.between(None, now - HOUR, now)
            return load_of(events, now - HOUR, now, m.stored.first_time(now - HOUR, now))
        except StoreError:
            return None

    return _shared(m).of("load", m.started, look, COUNTED)
