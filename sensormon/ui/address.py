"""State of a view that no widget binds, kept in the address: the moment, the chosen events, a stretch.

The address leads: what a link or the browser's Back brings is taken over. Only the address from before a
choice does not: a browser that is busy asks with it once more, until the run with the choice has come to
its end and for some seconds after that. Back is told apart from that by what Streamlit says of the run. Who
comes back to a page by the navigation, which takes all this out of the address, finds it as it was left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from time import monotonic

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

STALE = 5.0
"""Seconds after a run in which a browser may still ask with the address from before it."""
_KEY, _PAGE, _VISIT = "address", "address-page", "address-visit"


@dataclass(frozen=True)
class _Held:
    """A value and how it is written; `until` when (s, monotonic) what stood there `before` is passed over."""

    value: str = ""
    written: str = ""
    before: frozenset[str] = frozenset()
    until: float = math.inf
    visit: int = 0


def arrive(page: str) -> None:
    """This page is drawn now: another visit where another one was drawn before.

    It is as it was left, unless the address says anything of it or the browser's Back leads here.
    Back is told of this run only; it leads also where the run is cut off before it has read the address.
    """
    state = st.session_state
    if way_back():
        kept = _kept()
        kept.update({name: replace(one, before=frozenset()) for name, one in kept.items()})
    if state.get(_PAGE) == page:
        return
    state[_PAGE], state[_VISIT] = page, visit() + 1
    if way_back() or any(name in st.query_params for name in _kept()):
        _kept().clear()


def visit() -> int:
    """Which visit to a page this is, counted in the session."""
    return int(st.session_state.get(_VISIT, 0))


def held(name: str) -> str:
    """What the view holds under this name; empty where there is nothing."""
    one = _kept().get(name, _Held())
    there = st.query_params.get(name, "")
    stale = _stale(name, one)
    if (one.visit != visit() and not there) or (stale and one.until == math.inf):
        _write(name, one.written)
    elif there != one.written and not stale:
        one = _Held(there, there)
    _kept()[name] = replace(one, visit=visit())
    return one.value


def hold(name: str, value: str, written: str | None = None) -> None:
    """Keep the value, and write it there (`written` where it is too long for that); empty takes it out."""
    said = value if written is None else written
    one = _kept().get(name, _Held())
    before = (one.before if monotonic() < one.until else frozenset()) | {st.query_params.get(name, "")}
    _kept()[name] = _Held(value, said, before - {said}, visit=visit())
    for other, there in _kept().items():  # the whole address is written, so none in it may be an old one
        if other != name and _stale(other, there):
            _write(other, there.written)
    _write(name, said)


def settle() -> None:
    """A run has come to its end: the browser has the address before long."""
    kept, until = _kept(), monotonic() + STALE
    kept.update({name: replace(one, until=min(one.until, until)) for name, one in kept.items()})


def _stale(name: str, one: _Held) -> bool:
    """Whether the browser asks with what stood there before, and has what was written yet to take in."""
    there = st.query_params.get(name, "")
    return there in one.before and monotonic() < one.until and not way_back()


def way_back() -> bool:
    """Whether the browser's Back or Forward asked for this run."""
    ctx = get_script_run_ctx(suppress_warning=True)
    return bool(getattr(ctx, "is_history_navigation", False))


def _kept() -> dict[str, _Held]:
    """What the page at hand holds; others have other things under the same names."""
    state = st.session_state
    kept: dict[str, _Held] = state.setdefault(_KEY, {}).setdefault(state.get(_PAGE, ""), {})
    return kept


def _write(name: str, there: str) -> None:
    # Setting it may end the run, for one that the browser has asked for meanwhile.
    if there:
        st.query_params[name] = there
    elif name in st.query_params:
        del st.query_params[name]
