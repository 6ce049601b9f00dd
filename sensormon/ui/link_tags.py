"""Reports tags of a link that this installation lacks, so that nobody mistakes others for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.view.phrases import literal

Chosen = TypeVar("Chosen")
_NAMED = 5


def known_tags(m: Monitor, key: str, choose: Callable[[], Chosen]) -> Chosen:
    """The choice in the widget `key`, which is bound to the address and drawn by `choose`.

    Unknown tags of the URL are reported below it until something else is chosen: the widget ignores them
    silently.
    """
    titles = {m.tags.title(name) for name in m.tags.names}
    unknown = [name for name in st.query_params.get_all(key) if name not in titles]
    chosen = choose()
    slot = f"{key}-unknown"
    if unknown:
        st.session_state[slot] = (unknown, chosen)
    kept: tuple[list[str], Chosen] | None = st.session_state.get(slot)
    if kept is not None and kept[1] == chosen:
        named = ", ".join(literal(name[:100]) for name in kept[0][:_NAMED])
        more = f" and {counted(len(kept[0]) - _NAMED, 'other')}" if len(kept[0]) > _NAMED else ""
        st.caption(
            f":material/error: The link names tags that do not exist here: {named}{more}.", width="content"
        )
    return chosen
