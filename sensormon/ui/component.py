"""Parts of pages that run in the browser: modules of `ui/browser`, mounted as Streamlit components.

If their files cannot be loaded (the pages are served without our routes) the result says
`unavailable`, and the page falls back to Streamlit's own elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import streamlit as st

from sensormon.api.assets import version

_mount = st.components.v2.component(
    "sensormon",
    js=files("sensormon.ui.browser").joinpath("loader.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def no_op() -> None:
    """For a change of state that the page reads after the rerun."""


def browser_component(
    module: str,
    data: Mapping[str, Any],
    key: str,
    *,
    height: int | str = "content",
    width: int | str = "stretch",
    **on_change: Any,
) -> Any:
    """Mount the module's file of this name with this data.

    Its `mount` is called again whenever the data change. `on_change` has a callback for each
    state or trigger that the module sets, named `on_NAME_change`. The result has their values,
    and `unavailable`: True once the module's file could not be loaded.
    """
    return _mount(
        key=key,
        data={"module": f"{module}.js", "version": version(), **data},
        height=height,  # type: ignore[arg-type]  # a literal or a number there
        width=width,  # type: ignore[arg-type]  # likewise
        on_unavailable_change=no_op,
        **on_change,
    )


def ticking(key: str, seconds: float) -> None:
    """Run the fragment around this again at this interval, only while its tab is visible in the browser.

    It has no height. Without the browser's part nothing runs again by itself.
    """
    browser_component("ticking", {"every": seconds * 1e3}, key, height=1, on_tick_change=no_op)


def copy_link(key: str = "copy-link", /, **pinned: str | list[str] | None) -> None:
    """A button that copies the address of this view, with the `pinned` parameters in it.

    A value of None removes the parameter, a list states it several times.
    """
    browser_component(
        "copy_link",
        {"label": "Copy link", "help": "Copies the address of exactly this view", "pinned": pinned},
        key,
        width="content",
    )
