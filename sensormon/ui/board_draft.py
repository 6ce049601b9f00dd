"""A board while it is edited: the draft of this session, its steps back, and what the browser asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from sensormon.boards.board import Board, Tile
from sensormon.boards.boards import KeptBoard
from sensormon.boards.layout import free_place, placed

MOST_STEPS = 50
"""The most steps back."""
_KEY = "board-drafts"


@dataclass(frozen=True)
class Draft:
    """A board that is not saved, made from the version of the time `base`; `past` is it before each step."""

    board: Board
    base: int
    past: tuple[Board, ...] = ()

    def then(self, board: Board) -> Draft:
        """The draft after one more step; the same if nothing changes."""
        if board == self.board:
            return self
        return replace(self, board=board, past=(*self.past, self.board)[-MOST_STEPS:])

    def undone(self) -> Draft:
        """The draft before its last step."""
        return replace(self, board=self.past[-1], past=self.past[:-1]) if self.past else self

    def with_tiles(self, tiles: tuple[Tile, ...]) -> Draft:
        """The draft with these tiles instead."""
        return self.then(replace(self.board, tiles=tiles))

    def added(self, tile: Tile) -> Draft:
        """With this tile in the first free place."""
        return self.with_tiles((*self.board.tiles, free_place(self.board.tiles, tile)))

    def changed(self, place: int, tile: Tile) -> Draft:
        """With this tile instead of the one at `place`; others make way for it."""
        tiles = (*self.board.tiles[:place], tile, *self.board.tiles[place + 1 :])
        here = {"column": tile.column, "row": tile.row, "width": tile.width, "height": tile.height}
        return self.with_tiles(placed(tiles, place, **here))

    def without(self, place: int) -> Draft:
        """Without the tile at `place`."""
        return self.with_tiles((*self.board.tiles[:place], *self.board.tiles[place + 1 :]))

    def after(self, act: Mapping[str, Any]) -> Draft:
        """After what the browser asks for; unchanged if it cannot be done, as anybody could have sent it."""
        place = tile_of(act, self.board)
        if place is None:
            return self
        if act.get("what") == "remove":
            return self.without(place)
        steps = [_step(act.get(name)) for name in ("column", "row", "width", "height")]
        if act.get("what") != "place" or None in steps:
            return self
        column, row, width, height = (step or 0 for step in steps)
        return self.with_tiles(
            placed(self.board.tiles, place, column=column, row=row, width=width, height=height)
        )


def tile_of(act: Mapping[str, Any], board: Board) -> int | None:
    """The place of the tile that an act of the browser is about."""
    place = _step(act.get("tile"))
    return place if place is not None and 0 <= place < len(board.tiles) else None


def _step(value: object) -> int | None:
    """A number of steps as the browser sends it; None if it is none that a board can have."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1_000 <= value <= 1_000:
        return None
    return int(value)


def draft_of(name: str) -> Draft | None:
    """This session's draft of the board of this name, if it is edited."""
    draft: Draft | None = st.session_state.get(_KEY, {}).get(name)
    return draft


def keep_draft(draft: Draft) -> None:
    """From now on this is the session's draft of its board."""
    st.session_state.setdefault(_KEY, {})[draft.board.name] = draft


def drop_draft(name: str) -> None:
    """Edit the board of this name no longer."""
    st.session_state.get(_KEY, {}).pop(name, None)


def begin_draft(kept: KeptBoard) -> None:
    """Edit this board."""
    keep_draft(Draft(kept.board, kept.time))
