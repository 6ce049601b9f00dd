"""Nonsense given to boards, views, shelving, maintenance and similar stretches: what, where, and a hint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sensormon.boards.board_text import read_board
from sensormon.boards.boards import boards_of
from sensormon.boards.views import views_of
from sensormon.model.clock import HOUR, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.similar import Wanted
from tests.support.plant import START

HEAD = 'sensormon = "board"\nversion = 1\nname = "x"\ntitle = "X"\n'
TEMP = "fermenter_temp"
TEXTS = {
    "no TOML": "\x00",
    "lists without end": f"{HEAD}x = {'[' * 2_000}",
    "huge": "a" * 500_000,
    "too many tiles": HEAD + "[[tile]]\n" * 70,
    "a path as name": HEAD.replace('"x"', '"../../etc"'),
}


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("refused")
    running = Monitor(Settings(data_dir=folder / "data", source="none"), ManualClock(START))
    yield running
    running.stop()


def refused(act: Callable[[], object]) -> UsageError:
    with pytest.raises(UsageError) as refusal:
        act()
    assert refusal.value.what
    assert refusal.value.where
    assert refusal.value.hint
    return refusal.value


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_text_that_is_no_board_is_refused(monitor: Monitor, content: str) -> None:
    refused(lambda: boards_of(monitor).save(read_board(content), "Ana"))
    assert boards_of(monitor).all() == []


@pytest.mark.parametrize(
    ("since", "until"),
    [(0, 10**18), (START, START - HOUR), (-5, 5), (START - 1, START), (10**18, 10**18 + 5)],
)
def test_stretch_that_cannot_be_is_refused(monitor: Monitor, since: int, until: int) -> None:
    refused(lambda: monitor.explorer.similar(monitor.tags, Wanted(TEMP, since, until, (TEMP,), level=False)))


def test_stretch_of_an_unknown_tag_is_refused(monitor: Monitor) -> None:
    wanted = Wanted("<b>\u202e", START - HOUR, START, ("<b>\u202e",), level=False)
    assert "there is no tag" in refused(lambda: monitor.explorer.similar(monitor.tags, wanted)).what


def test_shelving_maintenance_and_views_of_nonsense_are_refused(monitor: Monitor) -> None:
    shelved, windows, views = monitor.shelved_tags, monitor.maintenance, views_of(monitor)
    refused(lambda: shelved.shelve(["nope"], START + HOUR, "r", "Ana"))
    refused(lambda: shelved.shelve([TEMP], START - HOUR, "r", "Ana"))
    refused(lambda: windows.add(["*"], [], START + HOUR, START, "r", "Ana"))
    refused(lambda: windows.end("\x00", "Ana"))
    refused(lambda: views.save("x", "live", (("a b", "1"),), "Ana", shared=False, who="Ana"))
    refused(lambda: views.remove("nope", "Ana", "Ana"))
