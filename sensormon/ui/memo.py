"""A cache of one value per key in the session, kept while the same is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")


def remembered(key: str, wanted: object, make: Callable[[], T]) -> T:
    """The value kept under `key` if it was made for the same `wanted`; otherwise a new one, which is kept."""
    kept: tuple[object, T] | None = st.session_state.get(key)
    if kept is None or kept[0] != wanted:
        kept = st.session_state[key] = (wanted, make())
    return kept[1]


def last_remembered(key: str) -> Any:
    """The value cached under `key`, regardless of what it was computed for; None if there is none."""
    kept = st.session_state.get(key)
    return None if kept is None else kept[1]


def forget(key: str) -> None:
    """Keep nothing under `key`."""
    st.session_state.pop(key, None)
