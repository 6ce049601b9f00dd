"""The Boards page: the list, an open board, a board while it is edited, a board over the whole screen."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from urllib.parse import urlencode

import streamlit as st

from sensormon.access.roles import Act
from sensormon.boards.boards import KeptBoard, boards_of
from sensormon.boards.checks import LONGEST_TITLE, wrong_title
from sensormon.model.errors import StoreError
from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.board_canvas import asked_for, board_canvas
from sensormon.ui.board_draft import Draft, begin_draft, draft_of, drop_draft, keep_draft, tile_of
from sensormon.ui.board_list import board_list, export_button, open_new, remove_dialog
from sensormon.ui.board_saving import OPEN, changed_words, copy_of, save_draft
from sensormon.ui.board_tile_form import add_tile_dialog, edit_tile_dialog
from sensormon.ui.component import copy_link
from sensormon.ui.drawing import not_readable
from sensormon.ui.parts import every, fragment
from sensormon.ui.report_section import report_section
from sensormon.ui.sections import chosen_section
from sensormon.ui.url_state import held, hold
from sensormon.ui.viewer import Viewer
from sensormon.view.palette import DARK, LIGHT
from sensormon.view.phrases import literal

SECTIONS = {"Boards": board_list, "Reports": report_section}
"""What the page shows while no board is open; the name is in the address."""
ASKS = 30
"""Seconds between two looks at whether a board on a wall has changed."""
_EDIT = "board-edit-tile"
_AWAY = "The browser could not load the part that draws boards. Reload this page."


def show_boards(m: Monitor, viewer: Viewer) -> None:
    """What the address asks for: the list, or one of the boards."""
    if words := st.session_state.pop("board-said", None):
        st.toast(words, icon=":material/check:")
    try:
        name = held(OPEN)
        kept = boards_of(m).find(name) if name else None
    except StoreError as error:
        st.caption(f"Boards cannot be read: {literal(error.what)}")
        return
    if kept is not None and st.query_params.get("wall") == "1":
        _wall(m, name)
    elif kept is not None or (name and draft_of(name)):
        fragment(_open)(m, viewer, name)
    else:
        if name:
            st.caption(f":material/error: There is no board {literal(name[:80])}; it may have been removed.")
        _overview(m, viewer)


def _overview(m: Monitor, viewer: Viewer) -> None:
    section = SECTIONS[chosen_section(SECTIONS, "section")]
    try:
        section(m, viewer)
    except StoreError as error:
        not_readable(error)


@every(ASKS)
def _wall(m: Monitor, name: str) -> None:
    """The board over the whole window, dark unless the address asks for `theme=light`."""
    kept = boards_of(m).find(name)
    palette = LIGHT if st.query_params.get("theme") == "light" else DARK
    if kept is not None:
        board_canvas(m, kept.board, palette, on_act=_nothing, editing=False, wall=True)


def _open(m: Monitor, viewer: Viewer, name: str) -> None:
    """The board, and what can be done with it."""
    draft, kept = draft_of(name), boards_of(m).find(name)
    if draft is not None:
        _edited(m, viewer, draft)
    elif kept is not None:
        _shown(m, viewer, kept)
    else:
        st.rerun()


def _shown(m: Monitor, viewer: Viewer, kept: KeptBoard) -> None:
    board = kept.board
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="board-head"):
        if st.button("All boards", key="board-all", icon=":material/arrow_back:", type="tertiary"):
            hold(OPEN, "")
            st.rerun()
        st.subheader(literal(board.title), anchor=False, width="content")
        st.space("stretch")
        st.button(
            "Edit",
            key="board-edit",
            icon=":material/edit:",
            on_click=begin_draft,
            args=(kept,),
            **allowed(m, Act.EDIT_BOARDS),
        )
        st.html(_wall_link(board.name), width="content")
        copy_link()
        with st.popover("More", key="board-more", type="tertiary"):
            saved = changed_words(kept, viewer.zone, m.clock.now())
            st.caption(saved[0].upper() + saved[1:])  # capitalize() would write the name small
            export_button(board)
            if st.button("Duplicate", key="board-copy", **allowed(m, Act.EDIT_BOARDS)):
                open_new(m, copy_of(m, board), None)
            if st.button("Remove …", key="board-remove", **allowed(m, Act.EDIT_BOARDS)):
                remove_dialog(m, kept)
            why_not(m, Act.EDIT_BOARDS)
    if not board.tiles:
        st.info("Press Edit to add charts, values, states, events and notes.", title="This board is empty")
    elif not board_canvas(m, board, viewer.palette, on_act=_nothing, editing=False):
        st.caption(_AWAY)


def _edited(m: Monitor, viewer: Viewer, draft: Draft) -> None:
    board = draft.board
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="board-head"):
        title = st.text_input(
            "Title",
            board.title,
            max_chars=LONGEST_TITLE,
            key=f"board-title-{board.name}",
            label_visibility="collapsed",
            width=280,
        )
        if title and title.strip() != board.title and not wrong_title(title.strip()):
            draft = replace(draft, board=replace(board, title=title.strip()))
            keep_draft(draft)
        if st.button("Add a tile …", key="board-add", icon=":material/add:"):
            add_tile_dialog(m, board.name)
        undone = draft.undone()
        st.button(
            "Undo",
            key="board-undo",
            icon=":material/undo:",
            disabled=not draft.past,
            on_click=keep_draft,
            args=(replace(undone, board=replace(undone.board, title=draft.board.title)),),
        )
        st.space("stretch")
        if st.button("Discard", key="board-discard"):
            drop_draft(board.name)
            st.rerun()
        if st.button("Save", key="board-save", type="primary", **allowed(m, Act.EDIT_BOARDS)):
            save_draft(m, draft)
    steps = counted(len(draft.past), "change") if draft.past else "no changes"
    st.caption(
        f"Editing, {steps} so far, not saved yet. Drag ✥ to move a tile and ◢ to resize it, or use the arrow "
        "keys on them. Edit has numbers for both."
    )

    def act() -> None:
        asked = asked_for()
        if asked.get("what") == "edit":
            st.session_state[_EDIT] = tile_of(asked, draft.board)
        else:
            keep_draft(draft.after(asked))

    if not board.tiles:
        st.info("Add a tile: a chart, values, states, events or a note.", title="An empty board")
    elif not board_canvas(m, board, viewer.palette, on_act=act, editing=True):
        st.caption(_AWAY)
    place = st.session_state.pop(_EDIT, None)
    if place is not None:
        edit_tile_dialog(m, board.name, place)


def _wall_link(name: str) -> str:
    """A link to the board over the whole window, as HTML."""
    address = escape(urlencode({OPEN: name, "wall": "1"}))
    return f'<a class="plain-link" href="boards?{address}">Wall screen</a>'


def _nothing() -> None:
    """Nothing changes while a board is only shown."""
