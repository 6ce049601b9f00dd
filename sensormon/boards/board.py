"""What a board and a saved view are. What it is not: how they are kept, or drawn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

COLUMNS = 12
"""Of the grid on which tiles lie."""


class TileKind(StrEnum):
    """What a tile shows. The values are the words in the file."""

    CHART = "chart"
    VALUE = "value"
    STATE = "state"
    EVENTS = "events"
    TEXT = "text"


@dataclass(frozen=True)
class Tile:
    """One tile of a board: the tags it shows over the last `span` seconds, or its text.

    `column`, `row`, `width` and `height` are in steps of the grid, which has `COLUMNS` columns.
    """

    kind: TileKind
    column: int
    row: int
    width: int
    height: int
    title: str = ""
    tags: tuple[str, ...] = ()
    span: float = 3600.0
    text: str = ""


@dataclass(frozen=True)
class Board:
    """Tiles on a grid, under a name that links use and a title that people read."""

    name: str
    title: str
    tiles: tuple[Tile, ...] = ()


@dataclass(frozen=True)
class SavedView:
    """The state of a page under a name: its path in pages/ without .py, and the parameters of its address.

    `owner` saved it; others see it if it is `shared`.
    """

    name: str
    title: str
    page: str
    query: tuple[tuple[str, str], ...]
    owner: str
    shared: bool = False
