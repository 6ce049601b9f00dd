"""The board that a name means for a report: one that is kept, or all tags."""

from __future__ import annotations

from sensormon.boards.board import COLUMNS, Board, Tile, TileKind
from sensormon.boards.boards import boards_of
from sensormon.model.errors import UsageError
from sensormon.model.format import listed
from sensormon.monitor.monitor import Monitor
from sensormon.reports.order import MOST_TAGS

ALL = "all-tags"
"""The name of the board of all tags, which is there without anybody's making it."""
_CHARTED = 12


def board_named(m: Monitor, name: str) -> Board:
    """The board of this name. Raises UsageError if there is none, StoreError."""
    kept = boards_of(m).find(name)
    if kept is not None:
        return kept.board
    if name == ALL:
        return all_tags(m)
    names = names_of(m)
    raise UsageError(
        f"there is no board {name[:80]!r}", where="report", hint=f"The boards: {listed([*names], 12)}"
    )


def names_of(m: Monitor) -> dict[str, str]:
    """The titles of the boards by their names, that of all tags last. Raises StoreError."""
    kept = {each.board.name: each.board.title for each in boards_of(m).all()}
    return kept if ALL in kept else {**kept, ALL: "All tags"}


def all_tags(m: Monitor) -> Board:
    """The states of all tags, their events, and charts of the first of them."""
    tags = m.tags.names[:MOST_TAGS]
    tiles = [
        Tile(TileKind.STATE, 0, 0, COLUMNS, 4, "Tags", tags),
        Tile(TileKind.EVENTS, 0, 4, COLUMNS, 4, "Events"),
    ]
    if len(tags) <= _CHARTED:
        tiles.append(Tile(TileKind.CHART, 0, 8, COLUMNS, 4, "Charts", tags))
    return Board(ALL, "All tags", tuple(tiles) if tags else ())
