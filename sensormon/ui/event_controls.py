"""The row of filters above the events: time range, tag, state, severity, label, score, text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from sensormon.events.filters import Filters, First, read_stretch, read_time
from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.format import listed
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.ui.component import copy_link
from sensormon.ui.narrow import folded
from sensormon.ui.tag_choice import Values, linked, several_tags
from sensormon.ui.time_range import START_AFTER_END, held_range, preset, up_to
from sensormon.ui.url_state import held, hold, hold_together, way_back
from sensormon.ui.viewer import Viewer
from sensormon.view.event_links import WORDS, read_codes
from sensormon.view.phrases import literal

_PRESETS = ("15 min", "1 h", "6 h", "24 h", "7 d", "30 d")
_BETWEEN = "between"
LISTED = "listed"
"""Key in the session's state: the events the list had when it was made."""
_USUAL = "1 h"
_PILLS = 12  # more tags than this get a searchable list
_LONGEST_TEXT = 100
_HIGHEST_SCORE = 1_000.0
_AWAY = 20 * SECOND  # after this long on another page the list is read again
_NAMED = 5
_PARAMETERS = {
    "state": "a state",
    "severity": "a severity",
    "label": "a label",
    "spoke": "a detector",
    "under": "a profile",
    "list": "an order",
}
_KEYS = {
    "tags": [],
    "state": [],
    "severity": [],
    "label": [],
    "spoke": [],
    "under": [],
    "score": 0.0,
    "find": "",
}


@dataclass(frozen=True)
class Range:
    """The time range (µs UTC) and its name: "in the last 1 h", "between these times"."""

    since: int
    until: int
    words: str
    moment: int  # up to when events are listed

    @property
    def seconds(self) -> float:
        return (self.until - self.since) / SECOND


def filter_row(m: Monitor, viewer: Viewer) -> tuple[Filters, Range]:
    """All filters in one row, and the time range."""
    with (
        folded("Filters"),
        st.container(horizontal=True, vertical_alignment="center", gap="small", key="event-filters"),
    ):
        within = preset([*_PRESETS, _BETWEEN], "within", _USUAL, label_visibility="collapsed")
        between = held_range(viewer, m.clock.now()) if within == _BETWEEN else None
        tags = several_tags(m, "tags", lambda: _tags(m))
        states = _many("State", list(WORDS["state"]), "state")
        severities = _many("Severity", list(WORDS["severity"]), "severity")
        labels = _many("Label", list(WORDS["label"]), "label")
        detectors, profiles = _judges(m)
        least, text = _score_and_text()
        filters = Filters(
            tags=tags,
            states=states,
            severities=severities,
            labels=labels,
            detectors=detectors,
            profiles=profiles,
            least=least,
            text=text,
            stretch=read_stretch(held("bar")),
        )
        if filters.any:
            st.button(
                "Clear filters",
                key="clear",
                type="tertiary",
                icon=":material/filter_alt_off:",
                on_click=clear_filters,
            )
        asked = _range(m, within, between, filters)
        copy_link(asof=render(asked.moment))
    return filters, asked


def clear_filters() -> None:
    """Clear every filter; the time range stays."""
    for key, value in _KEYS.items():
        st.session_state[key] = value
    hold("bar", "")


def widen() -> None:
    """Choose the next longer time range up to now."""
    within = st.session_state.get("within")
    longer = _PRESETS.index(within) + 1 if within in _PRESETS else len(_PRESETS)
    st.session_state["within"] = _PRESETS[min(longer, len(_PRESETS) - 1)]
    renew()


def show_between(since: int, until: int) -> None:
    """Choose the time range of these whole minutes."""
    st.session_state["within"] = _BETWEEN
    hold_together({"from": render(since // MINUTE * MINUTE), "to": render(-(-until // MINUTE) * MINUTE)})
    renew()


def order() -> First:
    """Which events come first."""
    words = WORDS["list"]

    def draw() -> Values:
        first = st.selectbox(
            "First",
            list(words),
            format_func=lambda choice: words[choice],
            key="list",
            label_visibility="collapsed",
            width=140,
        )
        return (first or First.NEWEST,)

    (first,) = _linked("list", draw, list(words), (str(First.NEWEST),), most=1)
    return First(first)


def renew() -> None:
    """Refresh the list in the next run."""
    st.session_state.pop("moment", None)
    st.session_state.pop(LISTED, None)
    hold("asof", "")


def _tags(m: Monitor) -> list[str]:
    with st.popover(_valued("Tag", [m.tags.title(name) for name in st.session_state["tags"]])):
        label, names = "Tags (none = all)", m.tags.names
        if len(names) > _PILLS:
            return st.multiselect(label, names, format_func=m.tags.title, key="tags")
        return st.pills(label, names, selection_mode="multi", format_func=m.tags.title, key="tags")


def _many(label: str, options: list[str], key: str) -> Values:
    words = WORDS.get(key, {})

    def title(code: str) -> str:
        return literal(words.get(code, code))

    def draw() -> Values:
        chosen = [words.get(code, code) for code in st.session_state[key]]
        with st.popover(_valued(label, chosen)):
            picked = st.pills(
                f"{label} (none = all)", options, selection_mode="multi", format_func=title, key=key
            )
        return tuple(picked or ())

    return _linked(key, draw, options, (), most=len(options))


def _linked(
    key: str, draw: Callable[[], Values], options: Sequence[str], usual: Values, *, most: int
) -> Values:
    """The choice in a widget of these codes, which the address has; what it has wrong is named."""

    def read(text: str, came: bool) -> tuple[Values, str]:
        link = read_codes(key, text, options)
        fit = tuple(code for code in link.names if code in options)[:most]
        wrong = [*link.unknown, *(code for code in link.names if code not in fit)] if came else []
        said = listed([text[:100] for text in wrong], _NAMED)
        what = _PARAMETERS[key]
        return fit, f"The link names {what} that cannot be chosen here: {literal(said)}." if wrong else ""

    return linked(key, draw, usual, options, read, ",".join, as_list=not usual)


def _judges(m: Monitor) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The detectors and profiles chosen; a filter appears if there are several, or if a link names one."""
    profiles = [profile for version in m.detection.readable().values() for profile in version.in_use.profiles]
    detectors = list(dict.fromkeys(choice.detector for profile in profiles for choice in profile.detectors))
    names = list(dict.fromkeys(profile.name for profile in profiles))
    return (
        _many("Detector", detectors, "spoke") if len(detectors) > 1 or held("spoke") else (),
        _many("Profile", names, "under") if len(names) > 1 or held("under") else (),
    )


def _score_and_text() -> tuple[float, str]:
    state, address = st.session_state, st.query_params
    kept = {} if way_back() else state  # the fields follow the address a moment later
    least = _lowest(kept.get("score", address.get("score")))
    text = kept.get("find", address.get("find"))
    said = [
        *([f"score ≥ {least}"] if least else []),
        *([f"“{literal(text)}”"] if text else []),
    ]
    with st.popover(f"**{', '.join(said)}**" if said else "More filters"):
        least = st.number_input(
            "Minimum peak score",
            0.0,
            _HIGHEST_SCORE,
            step=0.5,
            format="%.1f",
            key="score",
            bind="query-params",
        )
        text = st.text_input(
            "Text in the note, or the name of who acted last",
            key="find",
            bind="query-params",
            max_chars=_LONGEST_TEXT,
            type="search",
        )
    return least or 0.0, text or ""


def _lowest(value: object) -> float:
    """The value of the minimum score's field, or of the address; otherwise 0."""
    try:
        number = float(str(value))
    except ValueError:
        return 0.0
    return number if 0 < number <= _HIGHEST_SCORE else 0.0


def _valued(label: str, chosen: Sequence[str]) -> str:
    """The label of a filter, in bold with its value if it has one."""
    if not chosen:
        return label
    return (
        f"**{label}: {literal(chosen[0])}**" if len(chosen) == 1 else f"**{label}: {len(chosen)} selected**"
    )


def _range(m: Monitor, within: str, between: tuple[int, int] | None, filters: Filters) -> Range:
    moment = _moment(m, (within, filters.without_stretch()))
    if between is None:
        return Range(*up_to(moment, within), f"in the last {within}", moment)
    since, until = sorted(between)
    if between[0] > between[1]:
        st.caption(f"{START_AFTER_END}; the two were swapped.")
    return Range(since, max(since + 1, min(until, moment)), "between these times", moment)


def _moment(m: Monitor, filters: tuple[object, ...]) -> int:
    """Up to when events are listed: held still, so that no row moves while the viewer works."""
    now, state = m.clock.now(), st.session_state
    pinned = read_time(held("asof"))
    if pinned is not None:
        state["moment"] = min(pinned, now)
    kept = state.get("moment")
    same = state.get("filters") == filters and 0 <= now - state.get("seen", 0) <= _AWAY
    state["filters"], state["seen"] = filters, now
    if kept is None or not (pinned is not None or same):
        state["moment"] = now
    return int(state["moment"])
