"""A board as a small text (TOML), so that it can be copied to another monitor; and from one.

What it is not: a check of the tags, which differ between monitors; see `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit

from sensormon.boards.board import Board, Tile, TileKind
from sensormon.boards.checks import (
    LONGEST_SPAN,
    LONGEST_TEXT,
    MOST_ROWS,
    MOST_TAGS,
    MOST_TILES,
    SHORTEST_SPAN,
)
from sensormon.model.errors import UsageError
from sensormon.model.toml_table import Table, entries, number, table, text, texts, whole, word
from sensormon.model.toml_text import TomlBounds, read_toml

FORM = "board"
"""What `sensormon` says in such a text."""
VERSION = 1
BOUNDS = TomlBounds(characters=400_000, lines=20_000, keys=1_000, tables=100, values=4_000)
"""For `MOST_TILES` tiles with the longest texts."""
_SHOWN = "Export a board to see what such a text is like"
_MOST = max(MOST_TAGS.values())


def board_text(board: Board) -> str:
    """The board as TOML."""
    document = tomlkit.document()
    document.add("sensormon", tomlkit.item(FORM))
    document.add("version", tomlkit.item(VERSION))
    content = content_of(board)
    tiles = tomlkit.aot()
    for tile in content.pop("tiles"):
        part = tomlkit.table()
        for key, value in tile.items():
            lines = key == "text" and "\n" in value and '"""' not in value and "\\" not in value
            part.add(key, tomlkit.string(value, multiline=True) if lines else tomlkit.item(value))
        tiles.append(part)
    for key, value in content.items():
        document.add(key, tomlkit.item(value))
    document.add("tile", tiles)
    return tomlkit.dumps(document)


def read_board(content: str, where: str = "board") -> Board:
    """The board in this text, which may come from anybody. Raises UsageError, one line, if it is none."""
    try:
        document = read_toml(content, BOUNDS)
    except ValueError as error:
        raise UsageError(f"this is not TOML that can be read ({error})", where=where, hint=_SHOWN) from error
    whole_text = Table(where, document)
    form = 'The text begins with sensormon = "board"'
    if document.get("sensormon") != FORM:
        raise UsageError("this is not the text of a board", where=where, hint=form)
    whole_text.take("sensormon", text)
    whole_text.needed("version", _version, str(VERSION))
    name = whole_text.needed("name", text, '"fermenter"')
    title = whole_text.needed("title", text, '"Fermenter"')
    listed = whole_text.take("tile", entries) or ()
    whole_text.end()
    if len(listed) > MOST_TILES:
        raise UsageError(
            f"{len(listed)} tiles are more than {MOST_TILES}", where=where, hint="Make two boards"
        )
    tiles = (_read_tile(f"{where}, tile {place}", part) for place, part in enumerate(listed, 1))
    return Board(name, title, tuple(tiles))


def content_of(board: Board) -> dict[str, Any]:
    """The board as plain values."""
    return {"name": board.name, "title": board.title, "tiles": [_tile_content(tile) for tile in board.tiles]}


def board_of(content: Mapping[str, Any]) -> Board:
    """The board of these plain values, which this program wrote."""
    tiles = tuple(
        Tile(
            TileKind(tile["kind"]),
            int(tile["column"]),
            int(tile["row"]),
            int(tile["width"]),
            int(tile["height"]),
            str(tile.get("title", "")),
            tuple(map(str, tile.get("tags", ()))),
            float(tile.get("span", Tile.span)),
            str(tile.get("text", "")),
        )
        for tile in content["tiles"]
    )
    return Board(str(content["name"]), str(content["title"]), tiles)


def _tile_content(tile: Tile) -> dict[str, Any]:
    """Without what a tile of its kind does not have."""
    content: dict[str, Any] = {
        "kind": str(tile.kind),
        "column": tile.column,
        "row": tile.row,
        "width": tile.width,
        "height": tile.height,
    }
    if tile.title:
        content["title"] = tile.title
    if tile.kind is TileKind.TEXT:
        return {**content, "text": tile.text}
    span = int(tile.span) if tile.span == int(tile.span) else tile.span
    return {**content, "tags": list(tile.tags), "span": span}


def _read_tile(where: str, content: Any) -> Tile:
    try:
        values = table(content)
    except ValueError as error:
        raise UsageError(str(error), where=where) from error
    part = Table(where, values)
    kind = TileKind(part.needed("kind", word(*TileKind), '"chart"'))
    is_text = kind is TileKind.TEXT
    tile = Tile(
        kind,
        part.needed("column", whole(0, 11), "0"),
        part.needed("row", whole(0, MOST_ROWS), "0"),
        part.needed("width", whole(1, 12), "4"),
        part.needed("height", whole(1, MOST_ROWS), "4"),
        part.usual("title", text, ""),
        () if is_text else part.usual("tags", _tags, ()),
        Tile.span
        if is_text
        else part.usual("span", number(SHORTEST_SPAN, LONGEST_SPAN, "seconds"), Tile.span),
        part.needed("text", _lines, '"Shift leader: …"') if is_text else "",
    )
    part.end()
    return tile


def _version(value: Any) -> int:
    if value != VERSION or isinstance(value, bool):
        raise ValueError(f"version {VERSION} is the only one known here; use a later sensormon")
    return VERSION


def _tags(value: Any) -> tuple[str, ...]:
    names = texts(value)
    if len(names) > _MOST:
        raise ValueError(f"more than {_MOST}")
    return names


def _lines(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ValueError(f"a text of at most {LONGEST_TEXT:,} characters is needed")
    return value
