"""The row of filters above the events: time range, tag, state, severity, label, score, text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from sensormon.events.actions import LABEL_WORDS, LABELS
from sensormon.events.filters import (
    NO_LABEL,
    STATES,
    Filters,
    First,
    read_stretch,
    read_time,
)
from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.events import Severity
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.ui.component import copy_link
from sensormon.ui.narrow import folded
from sensormon.ui.tag_choice import several_tags
from sensormon.ui.time_range import START_AFTER_END, held_range, preset, up_to
from sensormon.ui.url_state import held, hold, way_back
from sensormon.ui.viewer import Viewer
from sensormon.view.detectors import title
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
    _follow_older_links()
    with (
        folded("Filters"),
        st.container(horizontal=True, vertical_alignment="center", gap="small", key="event-filters"),
    ):
        within = preset([*_PRESETS, _BETWEEN], "within", _USUAL, label_visibility="collapsed")
        between = held_range(viewer, m.clock.now()) if within == _BETWEEN else None
        tags = several_tags(m, "tags", lambda: _tags(m))
        states = _many("State", list(STATES), "state")
        severities = _many("Severity", [str(severity) for severity in Severity], "severity")
        labels = _many("Label", [*LABELS, NO_LABEL], "label", _label_words)
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


def _follow_older_links() -> None:
    """Read labels in the address as files and older links have them ("benign") too."""
    named = st.query_params.get_all("label")
    if any(name in LABEL_WORDS for name in named):
        words = {_label_words(name): name for name in [*LABELS, NO_LABEL]}
        st.session_state["label"] = [words.get(name, name) for name in named if name in {*words, *LABELS}]
        del st.query_params["label"]


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
    hold("from", render(since // MINUTE * MINUTE))
    hold("to", render(-(-until // MINUTE) * MINUTE))
    renew()


def order() -> First:
    """Which events come first."""
    first = st.selectbox(
        "First",
        [str(choice) for choice in First],
        format_func=lambda choice: f"{choice} first",
        key="list",
        bind="query-params",
        label_visibility="collapsed",
        width=140,
    )
    return First(first) if first in list(First) else First.NEWEST


def renew() -> None:
    """Refresh the list in the next run."""
    st.session_state.pop("moment", None)
    st.session_state.pop(LISTED, None)
    hold("asof", "")


def pin(moment: int) -> None:
    """Keep the list as of this moment, in the address too."""
    st.session_state["moment"] = moment
    hold("asof", render(moment))


def _tags(m: Monitor) -> list[str]:
    with st.popover(_valued("Tag", [m.tags.title(name) for name in st.session_state["tags"]])):
        label, names = "Tags (none = all)", m.tags.names
        if len(names) > _PILLS:
            return st.multiselect(label, names, format_func=m.tags.title, key="tags")
        return st.pills(label, names, selection_mode="multi", format_func=m.tags.title, key="tags")


def _many(label: str, options: list[str], key: str, called: Callable[[str], str] = str) -> tuple[str, ...]:
    with st.popover(_titled(label, key, options, called)):
        chosen = st.pills(
            f"{label} (none = all)",
            options,
            selection_mode="multi",
            format_func=called,
            key=key,
            bind="query-params",
        )
    return tuple(chosen or ())


def _judges(m: Monitor) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The detectors and profiles chosen; without a choice between several there is no filter."""
    profiles = [profile for version in m.detection.readable().values() for profile in version.in_use.profiles]
    detectors = list(dict.fromkeys(choice.detector for profile in profiles for choice in profile.detectors))
    names = list(dict.fromkeys(profile.name for profile in profiles))
    return (
        _many("Detector", detectors, "spoke", title) if len(detectors) > 1 else (),
        _many("Profile", names, "under", literal) if len(names) > 1 else (),
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


def _label_words(label: str) -> str:
    return LABEL_WORDS.get(label, label)


def _titled(label: str, key: str, options: Sequence[str], title: Callable[[str], str] = str) -> str:
    """The label of a filter, in bold with its value, if a person or the address has set one."""
    if key in st.session_state and not way_back():
        chosen = [title(option) for option in st.session_state[key] or []]
    else:
        named = set(st.query_params.get_all(key))
        chosen = [title(option) for option in options if title(option) in named]
    return _valued(label, chosen)


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
