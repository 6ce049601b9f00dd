"""The sections of a page, one of them shown; the name of it appears in the address."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st


def chosen_section(names: Iterable[str], key: str) -> str:
    """Draw the choice and return the name that is chosen, at first the first one; `key` is the address's."""
    offered = list(names)
    chosen = st.segmented_control(
        "Section",
        offered,
        default=offered[0],
        required=True,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or offered[0]
