"""What a report says, and which are refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from sensormon.boards.board import Board, Tile, TileKind
from sensormon.model.clock import DAY, MINUTE, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled, Progress
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.reports.making import making_of
from sensormon.reports.order import Order
from tests.support.reported import BOARD, PH, SINCE, TEMP, UNTIL, fill, words_of

BERLIN = ZoneInfo("Europe/Berlin")
ORDER = Order(BOARD, SINCE, UNTIL, BERLIN, "Ana Nováková")


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("reported")
    table = folder / "tags.toml"
    hostile = '#read(\\"/etc/passwd\\") #panic() $x$ *bold* \\\\ [x] שלום مرحبا 🔥'
    table.write_text(
        Settings().tags.read_text(encoding="utf-8")
        + f'\n[tags.hostile]\nlabel = "{hostile}"\nunit = "$m^3$"\n[tags.empty]\nlabel = "Never came"'
        "\n[tags.wild]\n"
        + f'\n[tags.{"long_" * 18}x]\nlabel = "{"W" * 150}"\n[tags.valve]\nstates = ["closed", "open"]\n'
    )
    running = Monitor(Settings(data_dir=folder / "data", source="none", tags=table), ManualClock(UNTIL))
    fill(running, TEMP, PH)
    fill(running, "hostile", "long_" * 18 + "x", hours=3)
    yield running
    running.stop()


def made(monitor: Monitor, *tiles: Tile, **order: object) -> str:
    board = replace(BOARD, tiles=tiles) if tiles else BOARD
    return words_of(making_of(monitor).make(replace(ORDER, board=board, **order)).pdf)


def test_a_report_says_what_when_by_whom_and_on_what_ground(monitor: Monitor) -> None:
    report = making_of(monitor).make(ORDER)
    words = words_of(report.pdf)
    assert report.name == "fermenter-2026-09-20-to-2026-09-21.pdf"
    assert "Sun 20 Sep 2026 16:13 to Mon 21 Sep 2026 16:13 Europe/Berlin (UTC+02:00)" in words
    assert "Generated 2026-09-21 16:13 by Ana Nováková" in words
    assert "Fermenter temperature °C · normal 35–40 °C" in words
    assert "Tags 2 Readings 2,880" in words
    assert "Batch 4711 • Started at 06:00" in words
    assert "above the expected 15.677 ± 0.647" in words  # the sentence of why
    assert "received 3,240 = stored 3,240 + rejected 0 + dead-lettered 0 + pending 0: balanced" in words
    pages = PdfReader(io.BytesIO(report.pdf))
    assert f"1 of {len(pages.pages)}" in words
    assert pages.metadata is not None
    assert pages.metadata.title == "Fermenter"


def test_the_same_report_is_the_same_file(monitor: Monitor) -> None:
    first, second = (making_of(monitor).make(ORDER).pdf for _ in range(2))
    assert words_of(first) == words_of(second)


def test_text_from_outside_is_shown_and_never_run(monitor: Monitor) -> None:
    remarks = '#read("/etc/passwd")\n#import "@preview/cetz:0.3.0"\n#panic("run") $ unclosed ``` [ #{ \\ /* "'
    words = made(
        monitor,
        Tile(TileKind.TEXT, 0, 0, 12, 1, '#panic("run")', text=remarks),
        Tile(TileKind.CHART, 0, 1, 12, 4, "#sys.inputs", ("hostile",)),
        Tile(TileKind.VALUE, 0, 5, 12, 1, tags=("hostile",)),
        Tile(TileKind.EVENTS, 0, 6, 12, 4, tags=("hostile",)),
        by='#panic("by")',
    )
    for text in ('#read("/etc/passwd")', '#import "@preview/cetz:0.3.0"', "#sys.inputs", '#panic("by")'):
        assert text in words
    assert '$ unclosed ``` [ #{ \\ /* "' in words
    assert "root:" not in words


def test_a_very_long_name_stays_on_the_page(monitor: Monitor) -> None:
    name = "long_" * 18 + "x"
    tiles = (Tile(TileKind.CHART, 0, 0, 6, 4, tags=(name,)), Tile(TileKind.STATE, 0, 4, 12, 4, tags=(name,)))
    words = made(monitor, *tiles).replace(" ", "")
    assert "W" * 150 in words
    assert name in words


def test_what_limits_the_figures_is_said(monitor: Monitor) -> None:
    words = made(monitor, Tile(TileKind.CHART, 0, 0, 12, 4, tags=(TEMP, "empty", "valve", "hostile")))
    assert "No readings in this span: Never came, Valve." in words
    assert "without readings 21 h" in words


def test_simulated_readings_are_marked(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    try:
        fill(monitor, TEMP, hours=1, source="simulator")
        words = made(monitor, Tile(TileKind.CHART, 0, 0, 12, 4, tags=(TEMP,)))
    finally:
        monitor.stop()
    assert "SIMULATED: All tags have readings of the built-in simulator" in words


CHART = Tile(TileKind.CHART, 0, 0, 12, 4, tags=(TEMP,))


@pytest.mark.parametrize(
    ("tiles", "order", "words"),
    [
        ((replace(CHART, tags=("nowhere", "nothing")),), {}, "no tag 'nowhere', nor 1 other tag"),
        ((CHART,), {"since": SINCE, "until": SINCE}, "ends before it begins"),
        ((CHART,), {"since": UNTIL - 1, "until": UNTIL}, "a minute at least"),
        ((CHART,), {"since": UNTIL - 367 * DAY}, "366 days at most"),
        ((CHART,), {"since": UNTIL + DAY, "until": UNTIL + 2 * DAY}, "has not begun yet"),
        ((CHART,), {"since": SINCE - 9 * DAY, "until": SINCE - 8 * DAY}, "no readings in this span"),
        ((replace(CHART, tags=(TEMP,) * 41),), {}, "41 charts are too many"),
        ((CHART,) * 101, {}, "101 tiles are too many"),
        ((Tile(TileKind.TEXT, 0, 0, 12, 1, text="x" * 20_001),), {}, "20,001 characters of text"),
    ],
)
def test_what_cannot_be_a_report_is_refused_with_the_reason(
    monitor: Monitor, tiles: tuple[Tile, ...], order: dict[str, int], words: str
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        making_of(monitor).make(replace(ORDER, board=Board("b", "B", tiles), **order))
    assert refused.value.hint


def test_an_empty_board_is_refused(monitor: Monitor) -> None:
    with pytest.raises(UsageError, match="has no tiles"):
        making_of(monitor).make(replace(ORDER, board=Board("b", "B")))


def test_a_report_can_be_cancelled(monitor: Monitor) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        making_of(monitor).make(ORDER, progress)


def test_readings_near_the_largest_number_are_drawn(monitor: Monitor) -> None:
    values = (-1.7e308, 1.7e308, 1.0, 1.7e308)
    rows = [Reading("wild", UNTIL - (9 - place) * MINUTE, value) for place, value in enumerate(values)]
    monitor.submit(Batch.of(rows, source="largest", received=UNTIL))
    monitor.drain()
    words = made(monitor, replace(CHART, tags=("wild",)))
    assert "Readings 4" in words
    assert "min -169,999" in words
