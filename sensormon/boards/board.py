"""What a board and a saved view are. What it is not: how they are kept, or drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
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

    `column`, `row`, `width` and `height` are in steps of the grid, which has `COLUMNS` columns; `column` and
    `row` count from 0. A tile of events without tags is for all tags. `text` is plain Markdown.
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

    def overlaps(self, other: Tile) -> bool:
        """Whether the two have a place of the grid in common."""
        return (
            self.column < other.column + other.width
            and other.column < self.column + self.width
            and self.row < other.row + other.height
            and other.row < self.row + self.height
        )


@dataclass(frozen=True)
class Board:
    """Tiles on a grid, under a name that links use and a title that people read."""

    name: str
    title: str
    tiles: tuple[Tile, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of all tiles, each once."""
        return tuple(dict.fromkeys(tag for tile in self.tiles for tag in tile.tags))

    @property
    def rows(self) -> int:
        """How many rows of the grid the tiles take."""
        return max((tile.row + tile.height for tile in self.tiles), default=0)

    @property
    def in_reading_order(self) -> tuple[Tile, ...]:
        """The tiles from top to bottom, and from left to right."""
        return tuple(sorted(self.tiles, key=lambda tile: (tile.row, tile.column)))


@dataclass(frozen=True)
class SavedView:
    """The state of a page under a name: its path in pages/ without .py, and the parameters of its address.

    `name` is its id; people read `title`. `owner` saved it; others see it if it is `shared`. `time` is when
    it was changed last (µs UTC).
    """

    name: str
    title: str
    page: str
    query: tuple[tuple[str, str], ...]
    owner: str
    shared: bool = False
    time: int = field(default=0, compare=False)
