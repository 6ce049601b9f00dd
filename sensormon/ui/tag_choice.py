"""Widgets that choose tags, with the names of the tags in the address: `tags=fermenter_temp,fermenter_ph`.

The address wins when a link or the browser's Back changes it; otherwise the widget does, and what it has is
written. The usual choice is not written, `-` stands for none where the usual choice has some. The widgets are
not bound: Streamlit would write what `format_func` returns, and a link would break with the label.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import streamlit as st

from sensormon.model.format import counted, listed
from sensormon.model.tag_links import link_text, read_link, spellings
from sensormon.monitor.monitor import Monitor
from sensormon.ui.url_state import held, hold
from sensormon.view.phrases import literal

Values = tuple[str, ...]
Read = Callable[[str, bool], tuple[Values, str]]
"""What a text of the address means, and a sentence on what it means wrongly, empty for nothing.

It is given whether the text has just come, by a link or Back; otherwise it was chosen here before.
"""
_NAMED = 5


@dataclass(frozen=True)
class _Last:
    """How a widget was left by the last run: its text in the address, and its usual choice then."""

    text: str = ""
    usual: Values = ()


def several_tags(
    m: Monitor,
    key: str,
    draw: Callable[[], Sequence[str] | None],
    *,
    offered: Collection[str] | None = None,
    usual: Values = (),
    most: int | None = None,
) -> Values:
    """The tags chosen in the widget `key` that `draw` draws, without a default, of those `offered`."""
    among = m.tags.names if offered is None else offered

    def chosen() -> Values:
        return tuple(draw() or ())

    read = _reader(m, among, len(among) if most is None else most)
    return linked(key, chosen, usual, among, read, link_text, as_list=True)


def single_tag(
    m: Monitor,
    key: str,
    draw: Callable[[], str | None],
    *,
    offered: Collection[str],
    usual: str | None = None,
) -> str | None:
    """The tag chosen in the select box `key` that `draw` draws, without a default of its own."""

    def chosen() -> Values:
        name = draw()
        return () if name is None else (name,)

    return next(
        iter(
            linked(
                key,
                chosen,
                () if usual is None else (usual,),
                offered,
                _reader(m, offered, 1),
                link_text,
            )
        ),
        None,
    )


def choose(key: str, name: str) -> None:
    """Choose this tag in the select box `key`, from a callback, whether or not it is drawn now."""
    st.session_state[key] = name
    hold(key, name)


def linked(
    key: str,
    draw: Callable[[], Values],
    usual: Values,
    offered: Collection[str],
    read: Read,
    write: Callable[[Values], str],
    *,
    as_list: bool = False,
) -> Values:
    """The choice in the widget `key`, drawn by `draw`, which the address has as `write` gives it.

    `as_list` is whether the widget's value is a list. A sentence on what the address names wrongly stands
    below the widget until something else is chosen.
    """
    state = st.session_state
    asked = held(key)
    last: _Last = state.get(f"{key}-link", _Last())
    came, said = asked != last.text, f"{key}-unknown"
    before = _values(state.get(key))
    after, wrong = before, ""
    if came or key not in state:
        after, wrong = read(asked, came) if asked else (usual, "")
        after = after or (() if as_list or asked == write(()) else usual)
        if came:
            state.pop(said, None)
    elif not asked and before == last.usual:
        after = usual
    elif any(value not in offered for value in before):
        after = tuple(value for value in before if value in offered) or (() if as_list else usual)
    if key not in state or after != before:
        state[key] = list(after) if as_list else next(iter(after), None)
    chosen = draw()
    if wrong:
        state[said] = (wrong, chosen)
    kept: tuple[str, Values] | None = state.get(said)
    if kept is not None and kept[1] == chosen:
        st.caption(f":material/error: {kept[0]}", width="content")
    text = "" if chosen == usual else write(chosen)
    state[f"{key}-link"] = _Last(text, usual)  # first: writing the address may end the run
    if text != asked:
        hold(key, text)
    return chosen


def _values(value: object) -> Values:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else ()


def _reader(m: Monitor, offered: Collection[str], most: int) -> Read:
    """How the address of a choice of at most so many of these tags is read."""

    def read(text: str, came: bool) -> tuple[Values, str]:
        link = read_link(text, spellings(m.tags))
        fit = tuple(name for name in link.names if name in offered)
        left_out = [name for name in link.names if name not in offered] if came else []
        lines = [
            _sentence("names tags that are not here", link.unknown),
            _sentence("names tags that cannot be chosen here", [m.tags.title(name) for name in left_out]),
            f"The link names {counted(len(fit), 'tag')}; only the first {most:,} can be chosen."
            if len(fit) > most
            else "",
        ]
        return fit[:most], " ".join(filter(None, lines))

    return read


def _sentence(what: str, texts: Sequence[str]) -> str:
    return f"The link {what}: {literal(listed([text[:100] for text in texts], _NAMED))}." if texts else ""
