"""The list of all named sources, drawn anew by itself, with the buttons of each."""

from __future__ import annotations

from html import escape

import streamlit as st

from sensormon.access.roles import Act
from sensormon.intake.named_sources import sources_of
from sensormon.model.source_health import SourceHealth
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import Allowed, allowed
from sensormon.ui.drawing import marked, panel
from sensormon.ui.parts import every
from sensormon.ui.source_file import Known, switch
from sensormon.ui.source_open import close, open_new, open_source
from sensormon.ui.viewer import Viewer
from sensormon.view.sources import SourceLine, source_line, sources_words

_SEARCHED = 8
"""With more sources there is a search."""
_SHOWN = 100
"""Sources in the list; each has buttons of its own."""
_WISH = "source-wish"
"""Key in the session's state: what a button in the list was pressed for, by whom the whole page is drawn."""
_WIDE = 72
"""Pixels of a button; `base.css` leaves room for two beside the heads."""
_HEADS = ("Source", "State", "Rate", "Lag", "Stored", "Repeated", "Refused", "Runs in")


def source_list(m: Monitor, viewer: Viewer, now: Known) -> None:
    """All of them, or one sentence that says what this is."""
    _grant(m, now)
    locked = allowed(m, Act.MANAGE_SOURCES, disabled=now.draft is None)
    if not now.config:
        with panel("sources-empty"):
            st.markdown(
                "A source reads what a plant already has, such as an OPC UA server, an MQTT broker, a Modbus "
                "device, a database or a folder, and its readings are judged and stored like all others."
            )
            _add_button(locked)
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        searched = ""
        if len(now.config) > _SEARCHED:
            searched = st.text_input(
                "Find a source",
                key="source-search",
                label_visibility="collapsed",
                placeholder="Find a source, kind or state",
                width=280,
                icon=":material/search:",
            )
        _add_button(locked)
    _lines(m, viewer, (searched or "").strip().casefold())


def _add_button(locked: Allowed) -> None:
    st.button(
        "Add a source",
        icon=":material/add:",
        type="primary",
        key="source-new",
        on_click=open_new,
        args=("",),
        **locked,
    )


@every(2)
def _lines(m: Monitor, viewer: Viewer, searched: str) -> None:
    healths = sources_of(m).health()
    now = m.clock.now()
    lines = [source_line(health, now, viewer.zone) for health in healths]
    wanted = [
        (health, line)
        for health, line in zip(healths, lines, strict=True)
        if searched in f"{line.name} {line.kind} {line.place} {line.state.text} {line.collector}".casefold()
    ]
    st.html(f'<div class="first-line">{" · ".join(map(marked, sources_words(healths)))}</div>')
    if not wanted:
        st.caption("No source has these words.")
        return
    shared = m.following is not None
    with panel("sources"):
        heads = "".join(f"<span>{head}</span>" for head in _HEADS[: None if shared else -1])
        st.html(f'<div class="source heads{" shared" if shared else ""}" aria-hidden="true">{heads}</div>')
        for health, line in wanted[:_SHOWN]:
            _row(m, health, line, shared=shared)
        if len(wanted) > _SHOWN:
            st.caption(f"{len(wanted) - _SHOWN:,} more; search for them above.")


def _row(m: Monitor, health: SourceHealth, line: SourceLine, *, shared: bool) -> None:
    field = allowed(m, Act.MANAGE_SOURCES)
    source = sources_of(m).config().get(health.name)
    if source is None:
        return
    with st.container(horizontal=True, vertical_alignment="top", key=f"source-row-{line.name}", gap="small"):
        st.html(_html(line, shared=shared), width="stretch")
        on = source.common.on
        words = "Stop" if on else "Start"
        if st.button(words, key=f"source-switch-{line.name}", width=_WIDE, **field):
            _wish("stop" if on else "start", line.name)
        if st.button("Edit", key=f"source-edit-{line.name}", width=_WIDE, **field):
            _wish("edit", line.name)


def _html(line: SourceLine, *, shared: bool) -> str:
    """One line of the table; on a phone each figure has its name beside it."""
    figures = [
        ("Rate", line.rate),
        ("Lag", line.lag),
        ("Stored", line.stored),
        ("Repeated", line.repeated),
        ("Refused", line.refused),
        *([("Runs in", line.collector)] if shared else []),
    ]
    cells = "".join(f'<span class="figure"><i>{name}</i> {escape(value)}</span>' for name, value in figures)
    trouble = f'<p class="trouble">Last error {marked(line.trouble)}</p>' if line.trouble else ""
    more = f'<p class="quiet">{escape(line.more)}</p>' if line.more else ""
    return (
        f'<div class="source{" shared" if shared else ""}">'
        f"<span><b>{escape(line.name)}</b><small>{escape(line.kind)} · {escape(line.place)}</small></span>"
        f"<span>{marked(line.state)}</span>{cells}{trouble}{more}</div>"
    )


# -- what the buttons are pressed for: carried out in a run of the whole page ------------------


def _wish(what: str, name: str) -> None:
    st.session_state[_WISH] = (what, name)
    st.rerun()


def _grant(m: Monitor, now: Known) -> None:
    what, name = st.session_state.pop(_WISH, ("", ""))
    source = now.config.get(name)
    if source is None:
        return
    if what == "edit":
        open_source(source)
        st.rerun()
    on = what == "start"
    if switch(m, source, on=on, problem=f"{name} was not {'started' if on else 'stopped'}"):
        close(f"{name} is {'started' if on else 'stopped'}.")
        st.rerun()
