"""Saving a board: at once, or after a question if somebody else has saved it meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.boards.board import Board
from sensormon.boards.boards import KeptBoard, boards_of, name_for
from sensormon.boards.checks import LONGEST_TITLE
from sensormon.model.format import counted, moment_words
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import NOTHING, allowed, carried_out, name_field
from sensormon.ui.board_draft import Draft, begin_draft, draft_of, drop_draft
from sensormon.ui.parts import dialog
from sensormon.ui.url_state import hold
from sensormon.ui.viewer import viewer
from sensormon.ui.who import person
from sensormon.view.phrases import literal

OPEN = "board"
"""The parameter with the name of the open board."""


def save_draft(m: Monitor, draft: Draft) -> None:
    """Save the draft; ask first if another version was saved meanwhile, or for the name for the log."""
    boards = boards_of(m)
    boards.look_again()
    kept = boards.find(draft.board.name)
    me = person(m)
    if (kept.time if kept else 0) != draft.base:
        _meanwhile(m, draft.board.name)
    elif not (me.verified or me.typed):
        _first_name(m, draft.board.name)
    elif keep_board(m, draft.board, draft.base):
        _saved(draft.board)


def keep_board(m: Monitor, board: Board, base: int, typed: str | None = None) -> bool:
    """Save this board, made from the version of the time `base`; whether it was saved."""
    kept = boards_of(m).find(board.name) if base else None
    change = Change(
        Act.EDIT_BOARDS,
        f"board {board.name}",
        board_words(kept.board) if kept else NOTHING,
        board_words(board),
    )

    def save(who: str) -> None:
        boards_of(m).save(board, who, base)

    return carried_out(m, change, save, "The board was not saved", typed)


def board_words(board: Board) -> str:
    """The board in a line of the audit trail."""
    kinds = ", ".join(f"{tile.title or tile.kind} ({len(tile.tags)} tags)" for tile in board.tiles)
    return f"{board.title}: {counted(len(board.tiles), 'tile')}{': ' if kinds else ''}{kinds}"


def changed_words(kept: KeptBoard, zone: tzinfo, now: int) -> str:
    """When and by whom the board was saved last."""
    return f"saved {moment_words(kept.time, now, zone)} by {literal(kept.who)}"


def _saved(board: Board) -> None:
    drop_draft(board.name)
    st.session_state["board-said"] = "Board saved"
    st.rerun()


@dialog("Save the board", icon=":material/badge:")
def _first_name(m: Monitor, name: str) -> None:
    """Ask for the name that goes into the log."""
    draft = draft_of(name)
    if draft is None:
        return
    with st.form("board-name", border=False):
        who = name_field(m, "board-who")
        st.caption("You are asked once; the name is recorded with every action.")
        sent = st.form_submit_button("Save", type="primary", **allowed(m, Act.EDIT_BOARDS))
    if sent and keep_board(m, draft.board, draft.base, who):
        _saved(draft.board)


@dialog("Somebody else has changed this board", icon=":material/merge:")
def _meanwhile(m: Monitor, name: str) -> None:
    """Ask which version counts; nothing is overwritten without it."""
    draft, kept = draft_of(name), boards_of(m).find(name)
    if draft is None:
        return
    me = person(m)
    if kept is None:
        st.markdown("It was removed while you edited it.")
    else:
        words = changed_words(kept, viewer().zone, m.clock.now())
        st.markdown(
            f"While you edited it, it was {words}: {counted(len(kept.board.tiles), 'tile')}. "
            f"Yours has {len(draft.board.tiles)}."
        )
    who = None if me.verified else name_field(m, "meanwhile-who")
    copy = copy_of(m, draft.board)
    with st.container(horizontal=True):
        if st.button("Keep both: save mine as a copy", key="meanwhile-copy", type="primary") and keep_board(
            m, copy, 0, who
        ):
            drop_draft(name)
            hold(OPEN, copy.name)
            _saved(copy)
        label = "Overwrite theirs" if kept else "Save it again"
        # The key names the version that was shown: a press is not for one that was saved since.
        shown = kept.time if kept else 0
        if st.button(label, key=f"meanwhile-overwrite-{shown}") and keep_board(m, draft.board, shown, who):
            _saved(draft.board)
        if st.button("Discard mine", key="meanwhile-discard"):
            drop_draft(name)
            if kept is not None:
                begin_draft(kept)
            st.rerun()


def copy_of(m: Monitor, board: Board) -> Board:
    """The board under another name and title."""
    title = f"{board.title[: LONGEST_TITLE - 7]} (copy)"
    return replace(board, name=name_for(title, boards_of(m).names()), title=title)
