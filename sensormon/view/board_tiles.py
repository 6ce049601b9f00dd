"""The tiles of a board as the browser draws them (`ui/browser/own_board.js`): facts, no readings."""

from __future__ import annotations

from typing import Any

from sensormon.boards.board import Board, Tile, TileKind
from sensormon.boards.checks import LEAST_SIZE
from sensormon.model.clock import DAY, SECOND
from sensormon.model.format import duration, listed
from sensormon.model.tags import TagTable
from sensormon.view.live_drawing import drawing, tag_facts
from sensormon.view.palette import Palette
from sensormon.view.plain_text import plain_html

LIVE_SPAN = DAY // SECOND
"""The longest span of the Live board's feed, s; charts of longer ones have a line of few readings."""
RECENT = 900
"""The span of tiles of values and states, s: they show the newest reading."""
_NAMED = 3
_HEIGHT = 220


def board_data(board: Board, tags: TagTable, palette: Palette) -> dict[str, Any]:
    """The board for the browser in the colours of this theme."""
    order = {id(tile): place for place, tile in enumerate(board.in_reading_order)}
    return {
        "title": board.title,
        "rows": board.rows,
        "tiles": [
            _tile(tile, place, order[id(tile)], tags, palette) for place, tile in enumerate(board.tiles)
        ],
        "drawing": drawing(palette, _HEIGHT),
        "colours": palette.by_name,
        "series": palette.series,
    }


def tile_title(tile: Tile, tags: TagTable) -> str:
    """The tile's own title, or one from what it shows."""
    if tile.title or tile.kind is TileKind.TEXT:
        return tile.title
    if not tile.tags:
        return "Events"
    names = listed([tags.title(name) if name in tags else name for name in tile.tags], _NAMED)
    return f"Events: {names}" if tile.kind is TileKind.EVENTS else names


def _tile(tile: Tile, place: int, order: int, tags: TagTable, palette: Palette) -> dict[str, Any]:
    known = [name for name in tile.tags if name in tags]
    facts = [tag_facts(tags, tags[name], palette, simulated=False) | {"without": "no data"} for name in known]
    long = tile.kind is TileKind.CHART and tile.span > LIVE_SPAN
    shows_newest = tile.kind in (TileKind.VALUE, TileKind.STATE)
    return {
        "id": place,
        "order": order,
        "kind": str(tile.kind),
        "title": tile_title(tile, tags),
        "column": tile.column,
        "row": tile.row,
        "width": tile.width,
        "height": tile.height,
        "least": LEAST_SIZE[tile.kind],
        "tags": facts,
        "gone": [name for name in tile.tags if name not in tags],
        "all": tile.kind is TileKind.EVENTS and not tile.tags,
        "span": RECENT if shows_newest else int(tile.span),
        "words": f"last {duration(tile.span)}",
        "long": long,
        "html": plain_html(tile.text) if tile.kind is TileKind.TEXT else "",
    }
