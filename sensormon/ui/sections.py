"""The sections of a page, one of them shown; the name of it appears in the address."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st


def chosen_section(names: Iterable[str], key: str, start: str | None = None) -> str:
    """Draw the choice and return the name that is chosen; `key` is the address's.

    At first that is `start`, or the first one.
    """
    offered = list(names)
    start = start or offered[0]
    chosen = st.segmented_control(
        "Section",
        offered,
        default=start,
        required=True,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or start


def section_head(title: str, words: str, about: str | None = None) -> None:
    """The title of a section and what it is for; on a phone below the rest of the container it is in.

    `about` is the text of the question mark beside the title.
    """
    with st.container(key="section-head"):
        st.subheader(title, anchor=False, help=about)
        st.caption(words)
