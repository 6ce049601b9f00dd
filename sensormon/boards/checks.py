"""What a board may be: the bounds of its tiles, and which tags it may name.

Every board is checked before it is kept, wherever it comes from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from itertools import combinations
from types import MappingProxyType

from sensormon.boards.board import COLUMNS, Board, Tile, TileKind
from sensormon.model.clock import DAY, SECOND
from sensormon.model.errors import UsageError
from sensormon.model.text import cleaned
from sensormon.model.toml_table import meant

MOST_TILES = 60
MOST_TAGS = MappingProxyType(
    {TileKind.CHART: 8, TileKind.VALUE: 12, TileKind.STATE: 40, TileKind.EVENTS: 40, TileKind.TEXT: 0}
)
"""The most tags of a tile."""
LEAST_SIZE = MappingProxyType(
    {
        TileKind.CHART: (3, 3),
        TileKind.VALUE: (2, 2),
        TileKind.STATE: (2, 2),
        TileKind.EVENTS: (3, 2),
        TileKind.TEXT: (1, 1),
    }
)
"""The smallest width and height."""
TALLEST = 20
"""The most rows of a tile."""
MOST_ROWS = 200
"""The most rows of a board."""
LONGEST_TITLE = 80
LONGEST_TEXT = 4_000
"""Characters of a tile's text."""
SHORTEST_SPAN, LONGEST_SPAN = 60.0, 366.0 * DAY / SECOND
"""Seconds."""
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
"""What a board may be called in a link."""


def check_board(board: Board, tags: Collection[str], before: Board | None = None) -> None:
    """Raises UsageError, one line, unless this board can be kept.

    It may name `tags`, and those that the board had `before`, which may have been removed since.
    """
    if not NAME.fullmatch(board.name):
        raise _wrong(f"{board.name[:80]!r} is not a name: use up to 60 small letters, digits and -", "board")
    where = f"board {board.name}"
    if wrong := wrong_title(board.title):
        raise _wrong(wrong, where)
    if len(board.tiles) > MOST_TILES:
        raise _wrong(f"{len(board.tiles)} tiles are more than {MOST_TILES}", where)
    for number, tile in enumerate(board.tiles, 1):
        if wrong := wrong_tile(tile):
            raise _wrong(wrong, f"{where}, {tile_words(tile, number)}")
    known = {*tags, *(before.tags if before else ())}
    for number, tile in enumerate(board.tiles, 1):
        if unknown := [tag for tag in tile.tags if tag not in known]:
            raise UsageError(
                f"there is no tag {unknown[0][:128]!r}",
                where=f"{where}, {tile_words(tile, number)}",
                hint=meant(unknown[0], tags),
            )
    for (first, tile), (second, other) in combinations(enumerate(board.tiles, 1), 2):
        if tile.overlaps(other):
            raise _wrong(f"{tile_words(tile, first)} and {tile_words(other, second)} overlap", where)


def wrong_title(title: str) -> str:
    """Why a board or a view cannot have this title; empty if it can."""
    if not title or title != cleaned(title):
        return "a title is needed, without line breaks"
    if len(title) > LONGEST_TITLE:
        return f"the title has {len(title):,} characters, {LONGEST_TITLE} are the most"
    return ""


def wrong_tile(tile: Tile) -> str:
    """Why this tile cannot be on a board, whatever tags there are; empty if it can."""
    return _wrong_place(tile) or _wrong_content(tile)


def tile_words(tile: Tile, number: int) -> str:
    """The tile as messages name it: "tile 3 (Fermenter)"."""
    return f"tile {number} ({tile.title or tile.kind})"


def _wrong_place(tile: Tile) -> str:
    width, height = LEAST_SIZE[tile.kind]
    wrong = ""
    if not width <= tile.width <= COLUMNS:
        wrong = f"a tile of kind {tile.kind} is {width} to {COLUMNS} columns wide, not {tile.width}"
    elif not height <= tile.height <= TALLEST:
        wrong = f"a tile of kind {tile.kind} is {height} to {TALLEST} rows high, not {tile.height}"
    elif not 0 <= tile.column <= COLUMNS - tile.width:
        wrong = f"it leaves the grid of {COLUMNS} columns: column {tile.column}, width {tile.width}"
    elif not 0 <= tile.row <= MOST_ROWS - tile.height:
        wrong = f"a board has at most {MOST_ROWS} rows: row {tile.row}, height {tile.height}"
    return wrong


def _wrong_content(tile: Tile) -> str:
    most = MOST_TAGS[tile.kind]
    wrong = ""
    if tile.title and wrong_title(tile.title):
        wrong = wrong_title(tile.title)
    elif len(tile.tags) > most:
        wrong = f"{len(tile.tags)} tags are more than {most}" if most else "a tile of text has no tags"
    elif len(set(tile.tags)) < len(tile.tags):
        wrong = "a tag is named twice"
    elif not tile.tags and tile.kind not in (TileKind.TEXT, TileKind.EVENTS):
        wrong = "choose a tag"
    elif not math.isfinite(tile.span) or not SHORTEST_SPAN <= tile.span <= LONGEST_SPAN:
        wrong = "the span is a minute to a year"
    elif tile.kind is TileKind.TEXT:
        wrong = _wrong_text(tile.text)
    elif tile.text:
        wrong = f"a tile of kind {tile.kind} has no text"
    return wrong


def _wrong_text(text: str) -> str:
    if not text.strip():
        return "write a text"
    if len(text) > LONGEST_TEXT:
        return f"the text has {len(text):,} characters, {LONGEST_TEXT:,} are the most"
    if any(not character.isprintable() and character not in "\n\t" for character in text):
        return "the text has characters that cannot be shown"
    return ""


def _wrong(what: str, where: str) -> UsageError:
    return UsageError(what, where=where, hint="Change that and save it again")
