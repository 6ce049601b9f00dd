"""Boards: what they may be, kept over restarts, known to other processes, never overwritten silently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sensormon.access.documents import FRESH, Documents
from sensormon.boards.board import Board, Tile, TileKind
from sensormon.boards.boards import MOST_BOARDS, Boards, boards_of
from sensormon.boards.checks import LONGEST_TEXT, LONGEST_TITLE, MOST_TILES
from sensormon.boards.layout import free_place, placed
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor

PH, TEMP = "fermenter_ph", "fermenter_temp"
CHART = Tile(TileKind.CHART, 0, 0, 6, 4, "Fermenter", (TEMP, PH), 3_600.0)
VALUE = Tile(TileKind.VALUE, 6, 0, 3, 2, "", (PH,), 900.0)
TEXT = Tile(TileKind.TEXT, 6, 2, 3, 2, text="**Shift leader**: call 42\n\n- probe A")
BOARD = Board("fermenter", "Fermenter", (CHART, VALUE, TEXT))


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    yield running
    running.stop()


def test_board_outlives_a_restart(settings: Settings, clock: ManualClock) -> None:
    first = Monitor(settings, clock)
    boards_of(first).save(BOARD, "Ana")
    first.stop()
    again = Monitor(settings, clock)
    (kept,) = boards_of(again).all()
    assert (kept.board, kept.who) == (BOARD, "Ana")
    again.stop()


def test_other_processes_on_the_store_know_of_a_board(monitor: Monitor, clock: ManualClock) -> None:
    parts = monitor.parts
    other = Boards(Documents(parts.collector, parts.store.entries, clock), lambda: monitor.tags)
    assert other.all() == []
    boards_of(monitor).save(BOARD, "Ana")
    monitor.drain()
    clock.advance(FRESH / SECOND)
    assert [kept.board for kept in other.all()] == [BOARD]


def test_a_version_saved_meanwhile_is_not_overwritten(monitor: Monitor) -> None:
    boards = boards_of(monitor)
    base = boards.save(BOARD, "Ana").time
    newer = boards.save(replace(BOARD, title="Bo's"), "Bo", base)
    with pytest.raises(UsageError, match="someone else changed this meanwhile: Bo saved it"):
        boards.save(replace(BOARD, title="Ana's"), "Ana", base)
    assert [kept.board.title for kept in boards.all()] == ["Bo's"]
    with pytest.raises(UsageError, match="this name is taken"):
        boards.save(BOARD, "Ana")
    boards.remove(BOARD.name, "Bo")
    with pytest.raises(UsageError, match="someone else changed this meanwhile: Bo removed it"):
        boards.save(BOARD, "Ana", newer.time)
    assert boards.save(BOARD, "Ana").board == BOARD


def test_tag_that_was_removed_later_stays_on_the_board(monitor: Monitor) -> None:
    boards = boards_of(monitor)
    base = boards.save(BOARD, "Ana").time
    monitor.running_tags.retag(TagTable([monitor.tags[TEMP]]))
    assert [kept.board for kept in boards.all()] == [BOARD]
    boards.save(replace(BOARD, title="Again"), "Ana", base)
    with pytest.raises(UsageError, match=f"there is no tag '{PH}'"):
        boards.save(replace(BOARD, name="other"), "Ana")


@pytest.mark.parametrize(
    ("board", "words"),
    [
        (replace(BOARD, name="No Name"), "is not a name"),
        (replace(BOARD, title="t" * (LONGEST_TITLE + 1)), "81 characters"),
        (replace(BOARD, title="a\nb"), "without line breaks"),
        (replace(BOARD, tiles=(CHART,) * (MOST_TILES + 1)), "61 tiles are more than 60"),
        (
            replace(BOARD, tiles=(replace(CHART, tags=("fermenter_phh",)),)),
            "no tag 'fermenter_phh'.*fermenter_ph'",
        ),
        (
            replace(BOARD, tiles=(CHART, replace(VALUE, column=5))),
            r"tile 1 \(Fermenter\) and tile 2 \(value\) overlap",
        ),
        (replace(BOARD, tiles=(replace(CHART, column=7),)), "leaves the grid"),
        (replace(BOARD, tiles=(replace(CHART, width=2),)), "3 to 12 columns wide, not 2"),
        (replace(BOARD, tiles=(replace(CHART, row=199),)), "at most 200 rows"),
        (replace(BOARD, tiles=(replace(CHART, tags=()),)), "choose a tag"),
        (replace(BOARD, tiles=(replace(CHART, tags=(PH, PH)),)), "named twice"),
        (replace(BOARD, tiles=(replace(CHART, span=float("nan")),)), "a minute to a year"),
        (replace(BOARD, tiles=(replace(TEXT, text="x" * (LONGEST_TEXT + 1)),)), "4,001 characters"),
        (replace(BOARD, tiles=(replace(TEXT, text="\x00"),)), "cannot be shown"),
        (replace(BOARD, tiles=(replace(TEXT, tags=(PH,)),)), "a tile of text has no tags"),
    ],
)
def test_board_that_cannot_be_kept_is_refused(monitor: Monitor, board: Board, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        boards_of(monitor).save(board, "Ana")
    assert boards_of(monitor).all() == []


def test_number_of_boards_is_bounded(monitor: Monitor) -> None:
    boards = boards_of(monitor)
    for number in range(MOST_BOARDS):
        boards.save(Board(f"b{number}", "Board"), "Ana")
    with pytest.raises(UsageError, match="200 boards are the most"):
        boards.save(BOARD, "Ana")


def test_moved_tile_pushes_those_below_it_down_and_no_others() -> None:
    chart, value, text = placed(BOARD.tiles, 1, column=2, row=0, width=3, height=2)
    assert (value.column, value.row) == (2, 0)
    assert (chart.column, chart.row) == (0, 2)
    assert text == TEXT


def test_tile_is_kept_on_the_grid() -> None:
    (tile,) = placed([CHART], 0, column=11, row=-3, width=40, height=0)
    assert (tile.column, tile.row, tile.width, tile.height) == (0, 0, 12, 3)


def test_new_tile_takes_the_first_free_place() -> None:
    assert free_place(BOARD.tiles, replace(VALUE, column=0)).column == 9
    tile = free_place(BOARD.tiles, replace(CHART, column=0))
    assert (tile.column, tile.row) == (0, 4)
