"""`bench analyses`: what people look for in a month of 300 tags, beside a plain read of the same readings."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

from sensormon.analysis.event_frames import find_frames
from sensormon.analysis.frame_figures import figures as frame_figures
from sensormon.analysis.frame_rules import FrameRule, Trigger
from sensormon.bench.long_history import make_history, tag_name
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, ratios
from sensormon.bench.query import summarise_all
from sensormon.boards.board import COLUMNS, Board, Tile, TileKind
from sensormon.model.clock import DAY, HOUR, MINUTE, SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.timestamps import to_datetime
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.similar import Wanted
from sensormon.reports.boards import all_tags
from sensormon.reports.making import making_of
from sensormon.reports.order import Order
from sensormon.reports.typesetting import missing
from sensormon.view.board_feed import BoardFeed
from sensormon.view.live_feed import LiveFeed

TAGS = 300
READINGS = TAGS * 30 * DAY // MINUTE
FULL_READINGS = TAGS * DAY // SECOND
CYCLE = 2 * HOUR
"""How long a batch of the plant takes (µs): 360 in 30 days."""
ROUNDS = 3
MOST_AT_ONCE = 40
"""Tags of a request for long spans."""
TILES, CHARTED = 20, 12
"""Tiles of the board, and those of them with a chart over the whole history; the others show events, values,
and charts of an hour."""
FORMULAS = (
    "tag_0000 - tag_0001",
    "tag_0000 - mean(tag_0001, 1h)",
    "if(tag_0000 > tag_0002, integral(tag_0001, 10min, 1min), 0)",
    "mean(tag_0000, 1d) + std(tag_0001, 6h)",
)
NOW = 1_790_000_000 * SECOND // MINUTE * MINUTE
"""When the history ends: the same in every run, so that the same is found."""

_PLAIN = "SELECT time, value FROM readings WHERE time >= ? AND tag IN ({marks})"

Questions = Mapping[str, tuple[Callable[[], object], tuple[str, ...]]]


def analyses(size: Size, rounds: int = ROUNDS) -> Measured:
    """Event frames, similar stretches, formulas, a report and a board over 30 days of 300 tags.

    With a reading a minute of each; with `full` over a day with a reading a second. Seconds by the clock and
    of the processors, the median of three rounds after a first one. The reference reads all readings of the
    tags that each is about from the same file into arrays, and nothing else.
    """
    before = machine_load()
    step = SECOND if size.full else MINUTE
    readings = max(4 * TAGS, size.readings or (FULL_READINGS if size.full else READINGS))
    since = NOW - readings // TAGS * step
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder / "data", source="none", tags=folder / "tags.toml")
        make_history(settings, readings, TAGS, NOW, step=step, cycle=CYCLE)
        with _monitor(settings) as monitor:
            summarise_all(monitor, readings)
            asked = questions(monitor, since)
            figures = _measured({what: call for what, (call, _) in asked.items()}, rounds)
        with duckdb.connect(settings.store_url, read_only=True) as connection:
            connection.execute("SET threads = 2")
            connection.execute("SET memory_limit = '2GB'")
            plain = {what: _reader(connection, tags, since) for what, (_, tags) in asked.items()}
            reference = _measured(plain, rounds)
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


def questions(m: Monitor, since: int) -> Questions:
    """What is asked of this monitor about the history from `since` on, and which tags each is about."""
    three = tuple(map(tag_name, range(3)))
    twelve = tuple(map(tag_name, range(12)))
    rule = FrameRule(Trigger(three[1], ">", 23.0, hysteresis=0.5))
    length = min(2 * HOUR, (NOW - since) // 3)
    wanted = Wanted(three[0], NOW - 2 * length, NOW - length, (three[0],))
    board, warm = board_of(m, NOW - since), (LiveFeed(m), BoardFeed(m))
    asked: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
        "event frames of a tag": (lambda: frames_with_figures(m, rule, (), since), three[1:2]),
        "event frames, figures of 3 tags": (lambda: frames_with_figures(m, rule, three, since), three),
        "similar stretches of a tag": (lambda: m.explorer.similar(m.tags, wanted), three[:1]),
        "similar stretches of 12 tags": (
            lambda: m.explorer.similar(m.tags, replace(wanted, tags=twelve)),
            twelve,
        ),
        "formulas, 4 previews": (lambda: [_previewed(m, text, since) for text in FORMULAS], three),
        "board of 20 tiles, first answer": (
            lambda: board_answers(LiveFeed(m), BoardFeed(m), board),
            board.tags,
        ),
        "board of 20 tiles, warm": (lambda: board_answers(*warm, board), board.tags),
    }
    if not missing():
        order = Order(all_tags(m), since, NOW, ZoneInfo("UTC"), "bench")
        asked["report of 300 tags, PDF"] = (lambda: making_of(m).make(order), m.tags.names)
    return asked


def frames_with_figures(
    m: Monitor, rule: FrameRule, names: tuple[str, ...], since: int
) -> list[Mapping[str, object]]:
    """The frames of this rule up to now, and the figures of these tags in them, as Explore asks for them."""
    read = m.frame_reader.conditions(rule.triggers, {}, since, NOW)
    frames = find_frames(rule, read.courses, NOW).frames
    spans = [(frame.start, frame.end) for frame in frames]
    samples = m.frame_reader.samples_of(names, since, NOW, spans)
    return [{name: frame_figures(each, frames) for name, each in samples.items()}]


def board_of(m: Monitor, span: int) -> Board:
    """A board of `TILES` tiles over this span (µs), each chart with three tags of its own."""
    names, tiles = m.tags.names, []
    for place in range(TILES):
        own, at = names[3 * place : 3 * place + 3], (place % 3 * 4, place // 3 * 4, COLUMNS // 3, 4)
        if place < CHARTED:
            tiles.append(Tile(TileKind.CHART, *at, tags=own, span=span / SECOND))
        elif place < CHARTED + 4:
            tiles.append(Tile(TileKind.CHART, *at, tags=own))
        elif place < TILES - 2:
            tiles.append(Tile(TileKind.VALUE, *at, tags=own[:1]))
        else:
            tiles.append(Tile(TileKind.EVENTS, *at, tags=own, span=span / SECOND))
    return Board("bench", "Bench", tuple(tiles))


def board_answers(live: LiveFeed, feed: BoardFeed, board: Board) -> list[str]:
    """All that a browser asks for to draw this board for the first time.

    With new feeds nobody has asked for any of it before; with those of an answer before, they are warm.
    """
    long = [tile for tile in board.tiles if tile.kind is TileKind.CHART and tile.span > DAY / SECOND]
    shown = [tile for tile in board.tiles if tile.kind is not TileKind.EVENTS and tile not in long]
    tags = sorted({name for tile in shown for name in tile.tags})
    answers: list[object] = [live.board(tags, HOUR // SECOND)]
    by_span = {
        tile.span: [name for each in long if each.span == tile.span for name in each.tags] for tile in long
    }
    for span, wanted in by_span.items():  # as `ui/browser/board_feeds.js` asks
        whole = list(dict.fromkeys(wanted))
        answers += [
            feed.history(whole[at : at + MOST_AT_ONCE], int(span))
            for at in range(0, len(whole), MOST_AT_ONCE)
        ]
    answers += [
        feed.events(tile.tags, int(tile.span)) for tile in board.tiles if tile.kind is TileKind.EVENTS
    ]
    return [json.dumps(answer) for answer in answers]


def _previewed(m: Monitor, text: str, since: int) -> object:
    return m.calculated.preview(m.calculated.check("preview", text, 120.0), since, NOW)


def _measured(calls: Mapping[str, Callable[[], object]], rounds: int) -> Figures:
    """Of each call the median seconds, by the clock and of the processors, after a first one."""
    figures: Figures = {}
    for what, call in calls.items():
        call()
        taken = []
        for _ in range(rounds):
            wall, busy = time.perf_counter(), time.process_time()
            call()
            taken.append((time.perf_counter() - wall, time.process_time() - busy))
        wall, busy = np.median(taken, axis=0).tolist()
        figures |= {f"{what}, s": wall, f"{what}, processor s": busy}
    return figures


def _reader(connection: duckdb.DuckDBPyConnection, tags: tuple[str, ...], since: int) -> Callable[[], object]:
    """What reads times and values of these tags into arrays."""
    query = _PLAIN.format(marks=", ".join("?" * len(tags)))
    values = [to_datetime(since).replace(tzinfo=None), *tags]

    def read() -> object:
        return connection.execute(query, values).fetchnumpy()

    return read


@contextmanager
def _monitor(settings: Settings) -> Iterator[Monitor]:
    monitor = Monitor(settings, ManualClock(NOW + SECOND))
    try:
        monitor.drain()
        yield monitor
    finally:
        monitor.stop()
