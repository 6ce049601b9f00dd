"""How the state of a view lives in its URL, and who wins when the browser and the session disagree.

A widget with `bind="query-params"` reads and writes its own parameter. Everything else that a link should
carry (the moment of a list, the selected events, a bar of the counts) goes through `hold` and `held`: the
session keeps it, and the URL shows it. The URL wins, so a link or the browser's Back replaces what is held.
The exception: a busy browser asks again with the URL from before a choice. That URL is ignored until the run
with the choice has ended (`visiting` sees to that) and for STALE seconds after it, unless Back or Forward
asked for the run. A run that Streamlit cuts off has not ended, as its URL may never reach the browser.
The navigation between pages drops every parameter; a page opened without any is as it was left.
A parameter that only links and single actions set (a span in view, a pause) needs no memory: `write` sets it
and the page reads `st.query_params`. Two scripts close the same gap in the browser: `ticks.js` holds a press
back until a tick just made is on its way, `blank.js` reloads a page from which an error took the app. Late
events of widgets that a rerun has replaced are the business of `widget_keys`, tags that of `tag_choice`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from time import monotonic
from types import MappingProxyType

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

STALE = 5.0
"""Seconds after a run in which a browser may still ask with the URL from before it."""
_KEY, _PAGE, _VISIT = "address", "address-page", "address-visit"


@dataclass(frozen=True)
class _Held:
    """A value and its form in the URL; values `before` it are ignored until `until` (s, monotonic)."""

    value: str = ""
    written: str = ""
    before: frozenset[str] = frozenset()
    until: float = math.inf
    visit: int = 0


@contextmanager
def visiting(page: str) -> Iterator[None]:
    """One run of this page; `held` and `hold` belong inside.

    Streamlit cuts a run off by raising through here. Such a run does not count as ended.
    """
    _arrive(page)
    yield
    kept, until = _kept(), monotonic() + STALE
    kept.update({name: replace(entry, until=min(entry.until, until)) for name, entry in kept.items()})


def visit() -> int:
    """Which visit to a page this is, counted in the session."""
    return int(st.session_state.get(_VISIT, 0))


def held(name: str) -> str:
    """What the view holds under this name; empty if nothing."""
    entry = _kept().get(name, _Held())
    asked = _asked(name)
    stale = _stale(name, entry)
    if (entry.visit != visit() and not asked) or (stale and entry.until == math.inf):
        write({name: entry.written})
    elif asked != entry.written and not stale:
        entry = _Held(asked, asked)
    _kept()[name] = replace(entry, visit=visit())
    return entry.value


def hold(name: str, value: str, written: str | None = None) -> None:
    """Keep the value and write it to the URL (`written` if it is too long for that); empty removes it."""
    hold_together({name: value}, {} if written is None else {name: written})


def hold_together(values: Mapping[str, str], written: Mapping[str, str] = MappingProxyType({})) -> None:
    """`hold` several values, all in one step of the browser's history: one Back takes them all back."""
    texts = {**values, **written}
    for name, value in values.items():
        entry = _kept().get(name, _Held())
        before = (entry.before if monotonic() < entry.until else frozenset()) | {_asked(name)}
        _kept()[name] = _Held(value, texts[name], before - {texts[name]}, visit=visit())
    # The URL is written as a whole, so nothing in it may be stale.
    stale = {name: kept.written for name, kept in _kept().items() if _stale(name, kept)}
    write({**stale, **texts})


def write(parameters: Mapping[str, str]) -> None:
    """Set parameters in the URL, all in one step of the browser's history; empty ones are removed.

    Setting them may end the run, if the browser has asked for another one meanwhile.
    """
    query = st.query_params
    changed = {name: text for name, text in parameters.items() if text or name in query}
    if not changed:
        return
    # An empty list is no parameter in the URL; popping it then says the same URL again, which is no step.
    query.update({name: text or [] for name, text in changed.items()})
    for name, text in changed.items():
        if not text:
            query.pop(name, None)


def write_bound(name: str, text: str) -> None:
    """Set a parameter whose widget this run may or may not draw; if drawn, the widget writes it."""
    with suppress(StreamlitAPIException):
        write({name: text})


def way_back() -> bool:
    """Whether the browser's Back or Forward asked for this run."""
    ctx = get_script_run_ctx(suppress_warning=True)
    return bool(getattr(ctx, "is_history_navigation", False))


def _arrive(page: str) -> None:
    """Begin a new visit if another page was drawn last.

    The page is as it was left, unless the URL has parameters of it or Back leads here. Streamlit reports
    Back for a single run, so it is noted even if that run is cut off before it has read the URL.
    """
    state = st.session_state
    if way_back():
        kept = _kept()
        kept.update({name: replace(entry, before=frozenset()) for name, entry in kept.items()})
    if state.get(_PAGE) == page:
        return
    state[_PAGE], state[_VISIT] = page, visit() + 1
    if way_back() or any(name in st.query_params for name in _kept()):
        _kept().clear()


def _asked(name: str) -> str:
    """What the URL has under this name; values of a parameter that is repeated are joined by commas."""
    return ",".join(st.query_params.get_all(name))


def _stale(name: str, entry: _Held) -> bool:
    """Whether the browser still sends an earlier value, not having received the new one."""
    return _asked(name) in entry.before and monotonic() < entry.until and not way_back()


def _kept() -> dict[str, _Held]:
    """What the current page holds; other pages use the same names for other things."""
    state = st.session_state
    kept: dict[str, _Held] = state.setdefault(_KEY, {}).setdefault(state.get(_PAGE, ""), {})
    return kept
