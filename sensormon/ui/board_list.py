"""The list of boards, and how a board begins: new, from a text, as a copy."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from urllib.parse import urlencode

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.boards.board import Board
from sensormon.boards.board_text import BOUNDS, board_text, read_board
from sensormon.boards.boards import KeptBoard, boards_of, name_for
from sensormon.boards.checks import LONGEST_TITLE
from sensormon.model.errors import UsageError
from sensormon.model.format import counted, moment_words
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import NOTHING, allowed, carried_out, name_field, why_not
from sensormon.ui.board_draft import begin_draft, draft_of, drop_draft
from sensormon.ui.board_saving import OPEN, board_words, keep_board
from sensormon.ui.drawing import not_done
from sensormon.ui.parts import dialog
from sensormon.ui.url_state import hold
from sensormon.ui.viewer import Viewer


def board_list(m: Monitor, viewer: Viewer) -> None:
    """The boards with their links, and the buttons for new ones. Raises StoreError."""
    boards = boards_of(m).all()
    if not boards:
        st.info(
            "A board shows what you want to see together: charts, values, states, events and notes, on the "
            "page or over a whole screen. Everybody here sees it.",
            title="No boards yet",
        )
    else:
        st.html(_table(m, viewer, boards))
    with st.container(horizontal=True, gap="small"):
        if st.button("New board …", key="board-new", icon=":material/add:", **allowed(m, Act.EDIT_BOARDS)):
            _new_dialog(m)
        if st.button("Import …", key="board-import", **allowed(m, Act.EDIT_BOARDS)):
            _import_dialog(m)
    why_not(m, Act.EDIT_BOARDS)


def _table(m: Monitor, viewer: Viewer, boards: list[KeptBoard]) -> str:
    rows = "".join(
        f'<tr><td><a class="plain-link" href="boards?{escape(urlencode({OPEN: kept.board.name}))}">'
        f"{escape(kept.board.title)}</a></td>"
        f"<td>{len(kept.board.tiles)}</td><td>{len(kept.board.tags)}</td>"
        f"<td>{moment_words(kept.time, m.clock.now(), viewer.zone)}, {escape(kept.who)}</td>"
        f"<td>{'not saved: your changes' if draft_of(kept.board.name) else ''}</td></tr>"
        for kept in boards
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Board", "Tiles", "Tags", "Last saved", ""))
    return f'<table class="figures"><tr>{head}</tr>{rows}</table>'


@dialog("New board", icon=":material/dashboard:")
def _new_dialog(m: Monitor) -> None:
    """Its title; it opens for editing."""
    with st.form("board-new-form", border=False):
        title = st.text_input("Title", max_chars=LONGEST_TITLE, key="board-title", required=True)
        who = name_field(m, "board-new-who")
        sent = st.form_submit_button("Create", type="primary", **allowed(m, Act.EDIT_BOARDS))
    if sent:
        words = (title or "").strip()
        open_new(m, Board(name_for(words, boards_of(m).names()), words), who)


@dialog("Import a board", icon=":material/upload:")
def _import_dialog(m: Monitor) -> None:
    """The text of a board, from a file or pasted; it is checked before anything is kept."""
    st.caption("The text that Export made, here or on another monitor. Its tags have to exist here.")
    with st.form("board-import-form", border=False):
        file = st.file_uploader("File", type=["toml"], key="board-file", max_upload_size=1)
        pasted = st.text_area("or the text itself", key="board-text", max_chars=BOUNDS.characters, height=160)
        who = name_field(m, "board-import-who")
        sent = st.form_submit_button("Import", type="primary", **allowed(m, Act.EDIT_BOARDS))
    if not sent:
        return
    try:
        content = file.getvalue().decode("utf-8") if file is not None else pasted or ""
        board = read_board(content, file.name[:80] if file is not None else "text")
    except UnicodeDecodeError:
        not_done(UsageError("the file is not UTF-8 text", where="import"), "Nothing was imported")
        return
    except UsageError as error:
        not_done(error, "Nothing was imported")
        return
    taken = boards_of(m).names()
    if board.name in taken:
        named = name_for(board.name, taken)
        st.session_state["board-said"] = f"The name {board.name} is taken; this board is {named}"
        board = replace(board, name=named)
    open_new(m, board, who, edit=False)


def open_new(m: Monitor, board: Board, who: str | None, *, edit: bool = True) -> None:
    """Keep this new board, and open it, for editing or as it is."""
    if not keep_board(m, board, 0, who):
        st.session_state.pop("board-said", None)
        return
    kept = boards_of(m).find(board.name)
    if edit and kept is not None:
        begin_draft(kept)
    hold(OPEN, board.name)
    st.rerun()


def export_button(board: Board) -> None:
    """The board as a file."""
    st.download_button(
        "Export",
        board_text(board),
        f"{board.name}.toml",
        "application/toml",
        key="board-export",
        on_click="ignore",
        help=f"{counted(len(board.tiles), 'tile')} as a small text that another monitor can import",
    )


@dialog("Remove the board?", icon=":material/delete:")
def remove_dialog(m: Monitor, kept: KeptBoard) -> None:
    """Ask, and remove it for everybody."""
    st.markdown("Everybody loses it, and links to it lead to the list. Export it first to keep a copy.")
    with st.form("board-remove-form", border=False):
        who = name_field(m, "board-remove-who")
        sent = st.form_submit_button("Remove", type="primary", **allowed(m, Act.EDIT_BOARDS))
    name = kept.board.name
    change = Change(Act.EDIT_BOARDS, f"board {name}", board_words(kept.board), NOTHING)

    def remove(by: str) -> None:
        boards_of(m).remove(name, by, kept.time)

    if sent and carried_out(m, change, remove, "The board was not removed", who):
        drop_draft(name)
        hold(OPEN, "")
        st.rerun()
