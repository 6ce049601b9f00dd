"""The form of a tile: what it shows, of which tags, over which span, and where it lies."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from sensormon.boards.board import COLUMNS, Tile, TileKind
from sensormon.boards.checks import (
    LEAST_SIZE,
    LONGEST_TEXT,
    LONGEST_TITLE,
    MOST_ROWS,
    MOST_TAGS,
    TALLEST,
    wrong_tile,
)
from sensormon.model.format import duration
from sensormon.monitor.monitor import Monitor
from sensormon.ui.board_draft import draft_of, keep_draft
from sensormon.ui.parts import dialog
from sensormon.view.phrases import literal

SPANS = (300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 7 * 86_400.0, 30 * 86_400.0, 365 * 86_400.0)
"""Seconds."""
SIZES = {
    TileKind.CHART: (6, 5),
    TileKind.VALUE: (3, 3),
    TileKind.STATE: (3, 4),
    TileKind.EVENTS: (4, 5),
    TileKind.TEXT: (4, 3),
}
"""Width and height of a new tile."""
_WORDS = {
    TileKind.CHART: "Chart",
    TileKind.VALUE: "Value",
    TileKind.STATE: "State",
    TileKind.EVENTS: "Events",
    TileKind.TEXT: "Text",
}
_SHOWS = {
    TileKind.CHART: "One tag with its expected band and anomalies, or several tags as lines.",
    TileKind.VALUE: "The newest reading of each tag, large, with its verdict.",
    TileKind.STATE: "The current state of each tag, and since when; of numbers the verdict.",
    TileKind.EVENTS: "The events of some tags, or of all, newest first.",
    TileKind.TEXT: "A note: # heading, **bold**, *italic*, `code`, - list, [words](https://address).",
}


@dialog("Add a tile", icon=":material/add:")
def add_tile_dialog(m: Monitor, name: str) -> None:
    """The form of a new tile for the draft of this board."""
    draft = draft_of(name)
    if draft is None:
        return
    tile = _fields(m, None)
    if tile is not None and st.button("Add to the board", type="primary", key="tile-add"):
        keep_draft(draft.added(tile))
        st.rerun()


@dialog("Edit the tile", icon=":material/edit:")
def edit_tile_dialog(m: Monitor, name: str, place: int) -> None:
    """The form of the tile at this place of the draft of this board."""
    draft = draft_of(name)
    if draft is None or place >= len(draft.board.tiles):
        return
    tile = _fields(m, draft.board.tiles[place])
    if tile is not None and st.button("Change", type="primary", key="tile-change"):
        keep_draft(draft.changed(place, tile))
        st.rerun()


def _fields(m: Monitor, before: Tile | None) -> Tile | None:
    """The tile as the fields have it; None, with the reason below them, if it is not one."""
    kind = st.segmented_control(
        "Shows",
        list(TileKind),
        default=before.kind if before else TileKind.CHART,
        format_func=lambda kind: _WORDS[kind],
        key="tile-kind",
        required=True,
    )
    kind = kind or TileKind.CHART
    st.caption(_SHOWS[kind])
    width, height = SIZES[kind]
    tile = before or Tile(kind, 0, 0, width, height)
    least_width, least_height = LEAST_SIZE[kind]
    tile = replace(
        tile, kind=kind, width=max(tile.width, least_width), height=max(tile.height, least_height), text=""
    )
    if kind is TileKind.TEXT:
        text = st.text_area(
            "Text", before.text if before else "", max_chars=LONGEST_TEXT, key="tile-text", height=160
        )
        tile = replace(tile, tags=(), text=text or "")
    else:
        tile = replace(tile, tags=_tags(m, kind, before), span=_span(kind, tile))
    title = st.text_input(
        "Title",
        tile.title,
        max_chars=LONGEST_TITLE,
        key="tile-title",
        placeholder="" if kind is TileKind.TEXT else "The names of the tags, if empty",
    )
    tile = replace(tile, title=(title or "").strip())
    if before is not None:
        tile = _place(tile)
    wrong = wrong_tile(tile)
    if wrong:
        st.caption(f":material/info: {literal(wrong[0].upper() + wrong[1:])}.")
        return None
    return tile


def _tags(m: Monitor, kind: TileKind, before: Tile | None) -> tuple[str, ...]:
    """The tags chosen; those that have been removed can stay on the board or leave it."""
    gone = [name for name in before.tags if name not in m.tags] if before else []
    chosen = st.multiselect(
        "Tags",
        [*gone, *m.tags.names],
        default=list(before.tags)[: MOST_TAGS[kind]] if before else [],
        format_func=lambda name: m.tags.title(name) if name in m.tags else f"{name} (removed)",
        max_selections=MOST_TAGS[kind],
        placeholder="All tags" if kind is TileKind.EVENTS else "Choose tags",
        key=f"tile-tags-{kind}",
    )
    return tuple(chosen)


def _span(kind: TileKind, tile: Tile) -> float:
    """The span chosen; values and states show the newest reading and have none to choose."""
    if kind not in (TileKind.CHART, TileKind.EVENTS):
        return Tile.span
    spans = sorted({*SPANS, tile.span})
    chosen = st.selectbox(
        "Over the last", spans, spans.index(tile.span), format_func=duration, key="tile-span", width=200
    )
    return float(chosen)


def _place(tile: Tile) -> Tile:
    """Where the tile lies, in fields that count from 1."""
    least_width, least_height = LEAST_SIZE[tile.kind]
    fields = st.columns(4)
    with fields[0]:
        column = st.number_input("Column", 1, COLUMNS, tile.column + 1, key="tile-column")
    with fields[1]:
        row = st.number_input("Row", 1, MOST_ROWS, tile.row + 1, key="tile-row")
    with fields[2]:
        width = st.number_input("Width", least_width, COLUMNS, tile.width, key="tile-width")
    with fields[3]:
        height = st.number_input("Height", least_height, TALLEST, tile.height, key="tile-height")
    return replace(tile, column=int(column) - 1, row=int(row) - 1, width=int(width), height=int(height))
