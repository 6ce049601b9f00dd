"""State of a view that no widget binds, kept in the address: the moment, the chosen events, a stretch.

The address leads: what a link or the browser's Back brings is taken over. Only what was held in a run
that was cut off stands against the address from before it, which the browser still asks with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

_KEY = "address"


@dataclass(frozen=True)
class _Held:
    """A value and how it is written; until a run has ended with it, what stood there `before`."""

    value: str = ""
    written: str = ""
    before: frozenset[str] = frozenset()


def held(name: str) -> str:
    """What the view holds under this name; empty where there is nothing."""
    one = _kept().get(name, _Held())
    there = st.query_params.get(name, "")
    if there in one.before:
        _write(name, one.written)
    elif there != one.written:
        one = _kept()[name] = _Held(there, there)
    return one.value


def hold(name: str, value: str, written: str | None = None) -> None:
    """Keep the value, and write it there (`written` where it is too long for that); empty takes it out."""
    said = value if written is None else written
    before = _kept().get(name, _Held()).before | {st.query_params.get(name, "")}
    _kept()[name] = _Held(value, said, before - {said})
    _write(name, said)


def settle() -> None:
    """A run has come to its end: the browser has the address from now on."""
    kept = _kept()
    kept.update({name: replace(one, before=frozenset()) for name, one in kept.items()})


def _kept() -> dict[str, _Held]:
    kept: dict[str, _Held] = st.session_state.setdefault(_KEY, {})
    return kept


def _write(name: str, there: str) -> None:
    # Setting it may end the run, for one that the browser has asked for meanwhile.
    if there:
        st.query_params[name] = there
    elif name in st.query_params:
        del st.query_params[name]
