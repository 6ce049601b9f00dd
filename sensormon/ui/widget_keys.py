"""Versioned widget keys: late events from a replaced widget never reach its successor.

A busy browser sends the state of a widget again after the page has moved on. Under the same key a row of
an older list would be read as a row of the next, or an older choice as a new one.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def fresh_key(name: str) -> str:
    """The key of the current widget of this name."""
    return f"{name}-{st.session_state.get(_count(name), 0)}"


def replace_widget(name: str) -> None:
    """Draw another widget from the next run on, with nothing chosen in it."""
    st.session_state[_count(name)] = st.session_state.get(_count(name), 0) + 1


def chosen_rows(key: str) -> list[int]:
    """The rows that are chosen in the table of this key, from the top."""
    return sorted(st.session_state.get(key, {}).get("selection", {}).get("rows", []))


def chosen_cells(key: str) -> list[tuple[int, str]]:
    """The cells that are chosen in the table of this key: row and column of each."""
    return [(row, name) for row, name in st.session_state.get(key, {}).get("selection", {}).get("cells", [])]


def choose_rows(key: str, rows: Sequence[int], cells: Sequence[tuple[int, str]] = ()) -> None:
    """Choose exactly these rows and cells in the table of this key, before it is drawn."""
    st.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": list(cells)}}


def _count(name: str) -> str:
    return f"{name}-replaced"
