"""The y range and the colour of each tag on Explore: a menu beside the chart, kept in the address.

`y` in the address has `tag~normal`, `tag~valid` or `tag~from~to`, `colors` has `tag~number`, separated by
commas, for each tag that is not as usual.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from sensormon.model.format import listed
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.ui.url_state import write
from sensormon.view.explore_layout import Axis
from sensormon.view.phrases import literal

FIT, NORMAL, VALID, OWN = "Fit", "Normal band", "Valid range", "From … to"
COLORS = ("Grey", "Blue", "Purple", "Teal", "Pink", "Black or white")
_WORDS = {NORMAL: "normal", VALID: "valid"}
_NAMED = 5
_AIR = 0.1  # of a normal band, above and below it: its edges are drawn


def axes(m: Monitor, names: Sequence[str]) -> dict[str, Axis]:
    """How each of these tags is to be drawn, as the address says; `axes_menu` names what it says wrongly."""
    ranges, colors = _parts("y"), _parts("colors")
    return {name: _axis(m, name, ranges.get(name, []), colors.get(name, [])) for name in names}


def axes_menu(m: Monitor, names: Sequence[str]) -> None:
    """The menu: for each tag of numbers its y range and its colour. What the address has wrong is named."""
    if wrong := _wrong(m):
        said = literal(listed([text[:60] for text in wrong], _NAMED))
        st.caption(f":material/error: The link has axes that cannot be used: {said}.")
    numbers = [name for name in names if not m.tags[name].has_states]
    if not numbers:
        return
    with st.popover("Axes", icon=":material/straighten:", help="Y range and colour of each tag"):
        for name in numbers:
            _tag_row(m, name)


def _tag_row(m: Monitor, name: str) -> None:
    tag = m.tags[name]
    given, color = _parts("y").get(name, []), _parts("colors").get(name, [])
    own = _own(given)
    kind = OWN if own else next((words for words, word in _WORDS.items() if given == [word]), FIT)
    choices = [FIT, *([NORMAL] if tag.normal else []), *([VALID] if _finite(tag.valid) else []), OWN]
    keys = {part: f"axis-{part}-{name}" for part in ("range", "color", "low", "high")}
    if not (st.session_state.get(keys["range"]) == OWN and kind == FIT):  # both ends are not typed yet
        st.session_state[keys["range"]] = kind if kind in choices else FIT
    st.session_state[keys["color"]] = int(color[0]) if color and color[0] in "012345" else -1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            tag.label, choices, key=keys["range"], width=170, on_change=_changed, args=(m, name, keys)
        )
        if st.session_state[keys["range"]] == OWN:
            low, high = own or _start(tag)
            st.session_state.setdefault(keys["low"], low)
            st.session_state.setdefault(keys["high"], high)
            for part, label in (("low", "From"), ("high", "To")):
                st.number_input(
                    label,
                    key=keys[part],
                    width=120,
                    step=None,
                    format=None,
                    on_change=_changed,
                    args=(m, name, keys),
                )
        st.selectbox(
            "Colour",
            [-1, *range(len(COLORS))],
            format_func=lambda place: "Automatic" if place < 0 else COLORS[place],
            key=keys["color"],
            width=150,
            on_change=_changed,
            args=(m, name, keys),
        )
    if st.session_state[keys["range"]] == OWN and own is None:
        st.caption(":material/error: Enter a start below the end.")


def _changed(m: Monitor, name: str, keys: dict[str, str]) -> None:
    """Write what the widgets of a tag say to the address."""
    state = st.session_state
    ranges, colors = _parts("y"), _parts("colors")
    kind, color = state.get(keys["range"], FIT), state.get(keys["color"], -1)
    if kind == OWN:
        start = _start(m.tags[name])
        low, high = (
            usual if state.get(keys[part]) is None else float(state[keys[part]])
            for part, usual in zip(("low", "high"), start, strict=True)
        )
        ranges[name] = [f"{low:g}", f"{high:g}"]
    elif kind in _WORDS:
        ranges[name] = [_WORDS[kind]]
    else:
        ranges.pop(name, None)
    if color is not None and color >= 0:
        colors[name] = [str(color)]
    else:
        colors.pop(name, None)
    write({"y": _text(ranges), "colors": _text(colors)})


def _axis(m: Monitor, name: str, given: list[str], color: list[str]) -> Axis:
    tag = m.tags[name]
    shown = _own(given)
    if given == ["normal"] and tag.normal:
        air = _AIR * (tag.normal[1] - tag.normal[0])
        shown = (tag.normal[0] - air, tag.normal[1] + air)
    if given == ["valid"] and _finite(tag.valid):
        shown = tag.valid
    chosen = len(color) == 1 and color[0] in tuple("012345")
    place = m.tags.code(name)
    return Axis(shown, int(color[0]) if chosen else place if place >= 0 else None, chosen)


def _wrong(m: Monitor) -> list[str]:
    """What the address has of y ranges and colours that stands for nothing here."""
    return [
        part
        for parameter in ("y", "colors")
        for part in filter(None, st.query_params.get(parameter, "").split(","))
        if not _usable(m, parameter, part)
    ]


def _usable(m: Monitor, parameter: str, part: str) -> bool:
    name, *words = part.split("~")
    if name not in m.tags:
        return False
    if parameter == "colors":
        return len(words) == 1 and words[0] in tuple("012345")
    tag = m.tags[name]
    return _own(words) is not None or words in (
        *([["normal"]] if tag.normal else []),
        *([["valid"]] if _finite(tag.valid) else []),
    )


def _own(given: list[str]) -> tuple[float, float] | None:
    try:
        low, high = (float(part) for part in given)
    except ValueError:
        return None
    return (low, high) if _finite((low, high)) and low < high else None


def _start(tag: Tag) -> tuple[float, float]:
    """The range that is first offered to be changed."""
    return tag.normal or (tag.valid if _finite(tag.valid) else (0.0, 1.0))


def _finite(limits: tuple[float, float]) -> bool:
    return all(math.isfinite(limit) for limit in limits)


def _parts(parameter: str) -> dict[str, list[str]]:
    """What the address has under this parameter: the words for each tag."""
    listed = [part.split("~") for part in st.query_params.get(parameter, "").split(",") if "~" in part]
    return {name: words for name, *words in listed}


def _text(parts: dict[str, list[str]]) -> str:
    return ",".join("~".join([name, *words]) for name, words in parts.items())
