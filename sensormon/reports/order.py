"""What a report is asked for, and what of that is refused.

Its bounds keep a report to some pages, some seconds and some memory, whoever asks. What it is not: a board
that is looked at; a report draws the tiles of a board over its own span.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pandas as pd

from sensormon.boards.board import Board, TileKind
from sensormon.model.clock import MINUTE
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.timestamps import LAST
from sensormon.reports.spans import LONGEST

MOST_TILES = 100
"""Tiles of a board that becomes a report."""
MOST_CHARTS = 40
"""Charts in a report; each tag of a tile with a chart has its own."""
MOST_TAGS = 500
"""Tags in a report."""
MOST_TEXT = 20_000
"""Characters of all texts of the board."""
SHORTEST = MINUTE
"""µs that a report covers at least."""


@dataclass(frozen=True)
class Extra:
    """What a report has besides the tiles of a board: which events it is about, where not all, a table of
    the statistics of its tags, and notes on what limits it, one line each."""

    keep: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    statistics: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """What a report is about: a board, what a view adds to it, and a view's own span (µs UTC)."""

    board: Board
    extra: Extra = Extra()
    span: tuple[int, int] | None = None

    def order(self, since: int, until: int, zone: ZoneInfo, by: str) -> Order:
        """The report of it over this span."""
        return Order(self.board, since, until, zone, by, self.extra)


@dataclass(frozen=True)
class Order:
    """A board, the span since <= time < until (µs UTC) in this zone, and who asked for it."""

    board: Board
    since: int
    until: int
    zone: ZoneInfo
    by: str
    extra: Extra = Extra()

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of all tiles, each once."""
        return tuple(dict.fromkeys(tag for tile in self.board.tiles for tag in tile.tags))

    @property
    def charts(self) -> int:
        """How many charts it has."""
        return sum(len(tile.tags) for tile in self.board.tiles if tile.kind is TileKind.CHART)


def check(order: Order, tags: Collection[str]) -> None:
    """Raise UsageError, which says why, if there can be no such report; `tags` are those that exist."""
    where = f"board {order.board.title or order.board.name}"[:100]
    _check_span(order.since, order.until)
    if not order.board.tiles:
        raise UsageError("the board has no tiles", where=where, hint="Add a chart or a value to it first")
    unknown = [tag for tag in order.tags if tag not in tags]
    if unknown:
        more = f", nor {counted(len(unknown) - 1, 'other tag')} of it" if len(unknown) > 1 else ""
        raise UsageError(
            f"there is no tag {unknown[0][:100]!r}{more}",
            where=where,
            hint="Edit the board, or add the tag again on the Data page",
        )
    text = sum(len(tile.text) + len(tile.title) for tile in order.board.tiles)
    for count, most, what in (
        (len(order.board.tiles), MOST_TILES, "tile"),
        (order.charts, MOST_CHARTS, "chart"),
        (len(order.tags), MOST_TAGS, "tag"),
        (text, MOST_TEXT, "character of text"),
    ):
        if count > most:
            words = counted(count, what) if what != "character of text" else f"{count:,} characters of text"
            raise UsageError(
                f"{words} are too many for one report, {most:,} are the most",
                where=where,
                hint="Split the board into several",
            )


def _check_span(since: int, until: int) -> None:
    hint = "Choose a shorter span, or several reports"
    if not 0 <= since <= LAST or not 0 <= until <= LAST:
        raise UsageError(
            "a report is about times from 1970 to 9999", where="span", hint="Choose another span"
        )
    if until <= since:
        raise UsageError(
            "the report ends before it begins", where="span", hint="Choose an end after the start"
        )
    if until - since < SHORTEST:
        raise UsageError("a report covers a minute at least", where="span", hint="Choose a longer span")
    if until - since > LONGEST:
        raise UsageError("a report covers 366 days at most", where="span", hint=hint)
