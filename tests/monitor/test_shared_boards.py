"""Boards saved by two processes on one PostgreSQL store before either has loaded its journal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sensormon.boards.board import Board, Tile, TileKind
from sensormon.boards.boards import boards_of
from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from tests.support.together import Together

BOARD = Board("shift", "Shift", (Tile(TileKind.TEXT, 0, 0, 3, 2, text="call 42"),))
TAGS = '[tags.temp]\nlabel = "Temperature"\n'


@pytest.fixture
def both(plant: Together) -> tuple[Monitor, Monitor]:
    return plant.start("a", TAGS), plant.start("b", TAGS)


def titles(m: Monitor) -> list[str]:
    boards_of(m).look_again()
    return [kept.board.title for kept in boards_of(m).all()]


def test_second_of_two_processes_is_refused_within_the_lag_of_the_loader(
    both: tuple[Monitor, Monitor], plant: Together
) -> None:
    ana, bo = both
    boards_of(ana).save(BOARD, "Ana")
    with pytest.raises(UsageError, match="this name is taken"):
        boards_of(bo).save(replace(BOARD, title="Bo's"), "Bo")
    base = boards_of(ana).all()[0].time
    plant.clock.advance(1)
    newer = boards_of(bo).save(replace(BOARD, title="Bo's"), "Bo", base)
    with pytest.raises(UsageError, match="Bo has saved another version since"):
        boards_of(ana).save(replace(BOARD, title="Ana's"), "Ana", base)
    assert titles(ana) == titles(bo) == ["Bo's"]
    plant.follow(ana, bo)
    assert titles(ana) == titles(bo) == ["Bo's"], "the journals load the same versions again"
    boards_of(ana).remove("shift", "Ana")
    with pytest.raises(UsageError, match="has been removed since"):
        boards_of(bo).save(BOARD, "Bo", newer.time)
    assert titles(ana) == titles(bo) == []
    assert boards_of(bo).save(BOARD, "Bo").board == BOARD


def test_of_two_at_the_same_moment_one_is_kept(both: tuple[Monitor, Monitor]) -> None:
    ana, bo = both
    base = boards_of(ana).save(BOARD, "Ana").time
    assert titles(bo) == ["Shift"]

    def save(m: Monitor, title: str) -> str:
        try:
            return boards_of(m).save(replace(BOARD, title=title), title, base).board.title
        except UsageError as error:
            return error.what

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(save, both, ("Ana", "Bo")))
    (kept,) = titles(ana)
    assert kept in answers
    assert f"{kept} has saved another version since" in answers
