"""A board in the browser: the data sent there, and the acts that it reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from sensormon.boards.board import Board
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import page_key
from sensormon.ui.component import browser_component
from sensormon.view.board_tiles import board_data
from sensormon.view.palette import Palette

_KEY = "own-board"


def board_canvas(
    m: Monitor,
    board: Board,
    palette: Palette,
    *,
    on_act: Callable[[], None],
    editing: bool,
    wall: bool = False,
) -> bool:
    """Draw the board; False if the browser's part cannot be loaded.

    On the `wall` it fills the window. While `editing`, `on_act` is called for each change, which `asked_for`
    returns then.
    """
    data = {"key": page_key(), "editing": editing, "wall": wall, **board_data(board, m.tags, palette)}
    result = browser_component("own_board", data, f"{_KEY}-wall" if wall else _KEY, on_act_change=on_act)
    return not result.unavailable


def asked_for() -> Mapping[str, Any]:
    """The change that the browser asks for: `what`, and of which `tile`; empty if there is none.

    Anybody could have sent it, so whoever uses it checks it.
    """
    act = st.session_state[_KEY].act if _KEY in st.session_state else None
    return act if isinstance(act, Mapping) else {}
