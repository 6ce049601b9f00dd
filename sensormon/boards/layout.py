"""Where tiles lie on the grid: moved ones push others down, new ones take the first free place.

Pure. Tiles that do not overlap stay where they are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sensormon.boards.board import COLUMNS, Tile
from sensormon.boards.checks import LEAST_SIZE, MOST_ROWS, TALLEST


def placed(
    tiles: Sequence[Tile], place: int, *, column: int, row: int, width: int, height: int
) -> tuple[Tile, ...]:
    """The tiles with the one at `place` of this size there, as far as the grid allows; others make way."""
    tile = tiles[place]
    least_width, least_height = LEAST_SIZE[tile.kind]
    width = min(max(width, least_width), COLUMNS)
    height = min(max(height, least_height), TALLEST)
    put = replace(
        tile,
        width=width,
        height=height,
        column=min(max(column, 0), COLUMNS - width),
        row=min(max(row, 0), MOST_ROWS - height),
    )
    return apart([*tiles[:place], put, *tiles[place + 1 :]], place)


def apart(tiles: Sequence[Tile], stays: int) -> tuple[Tile, ...]:
    """The tiles in the same order, those that overlap moved down; the one at the place `stays` is not."""
    settled = {stays: tiles[stays]}
    order = sorted(range(len(tiles)), key=lambda place: (tiles[place].row, tiles[place].column))
    for place in order:
        if place != stays:
            settled[place] = _below(tiles[place], settled.values())
    return tuple(settled[place] for place in range(len(tiles)))


def free_place(tiles: Sequence[Tile], tile: Tile) -> Tile:
    """The tile in the first place from the top left that is free."""
    for row in range(MOST_ROWS):
        for column in range(COLUMNS - tile.width + 1):
            here = replace(tile, column=column, row=row)
            if not any(here.overlaps(other) for other in tiles):
                return here
    return replace(tile, column=0, row=MOST_ROWS)  # no room; a check of the board says so


def _below(tile: Tile, settled: Collection[Tile]) -> Tile:
    while blocking := [other for other in settled if tile.overlaps(other)]:
        tile = replace(tile, row=max(other.row + other.height for other in blocking))
    return tile
