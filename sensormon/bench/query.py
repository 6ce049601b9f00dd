"""`bench query`: what pages and API ask of a long history, beside plain SQL on the table of readings."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd

from sensormon.bench.long_history import make_history
from sensormon.bench.measured import (
    Measured,
    Size,
    load_since,
    machine_load,
    percentile,
    ratios,
    seconds,
)
from sensormon.model.clock import DAY, MINUTE, SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.timestamps import to_datetime
from sensormon.monitor.monitor import Monitor
from sensormon.view.live_feed import LiveFeed
from sensormon.view.live_strip import LiveStrip

READINGS, TAGS = 2_000_000, 3
ROUNDS = 20
LONGEST = 2.0
"""No further round begins after so long: what takes seconds is asked a few times."""
PIECE = 2_000_000
TUNING = 200_000
"""The most readings that Tuning looks at."""
LIMIT = 1_000
"""Readings in an answer of `/api/data` that names no limit."""

Queries = Mapping[str, Callable[[], object]]


def query(size: Size, folder: Path | None = None, rounds: int = ROUNDS) -> Measured:
    """What pages and API ask of a long history of 3 tags, once everything has been asked before.

    Milliseconds, 95th percentile. The reference answers the same by one SQL statement on the table of
    readings, without the monitor's bounds and summary. `folder` is a data folder of such a history, which
    the measurement changes; without it one is made.
    """
    before = machine_load()
    with _history(folder, size.readings or READINGS) as settings:
        monitor = Monitor(settings, ManualClock(_newest(settings) + SECOND))
        try:
            monitor.drain()
            waiting = monitor.stored.count(None, 0, monitor.clock.now())
            taken = seconds(lambda: summarise_all(monitor, waiting))
            asked = _asked(monitor)
            figures = {f"{name}, ms p95": _p95(call, rounds) for name, call in asked.items()}
        finally:
            monitor.stop()
        reference = _references(settings, monitor.tags.names, monitor.clock.now())
    return Measured(
        {**figures, "summarising, readings/s": waiting / taken},
        reference,
        ratios(figures, reference),
        load_since(before),
    )


def _asked(m: Monitor) -> Queries:
    now, (first, second) = m.clock.now(), m.tags.names[:2]
    extent = m.explorer.extent() or (0, now)
    whole, month = (extent[0], now), (now - 30 * DAY, now)
    baseline = extent[0], (extent[0] + now) // 2
    names = m.tags.names
    return {
        "Live, 15 min": lambda: LiveFeed(m).board(names, 15 * MINUTE // SECOND),
        "Live, 24 h": lambda: LiveFeed(m).board(names, DAY // SECOND),
        "Live strip, 24 h": lambda: LiveStrip(m).answer(DAY // SECOND),
        "events, 24 h": lambda: m.events.between(None, now - DAY, now),
        "events, 30 d": lambda: m.events.between(None, *month),
        "events, all": lambda: m.events.between(None, *whole),
        "overview, 30 d": lambda: m.explorer.overview(first, *month),
        "overview, all": lambda: m.explorer.overview(first, *whole),
        "distribution, all": lambda: m.explorer.distribution(first, *whole),
        "control chart, all": lambda: m.explorer.controlled(first, whole, baseline),
        "two tags, all": lambda: m.explorer.relation(first, second, *whole),
        "Tuning, 30 d": lambda: m.tuner.tag_history(first, *month, TUNING),
        "/api/data of a tag": lambda: list(m.streams.by_arrival([first], 0, now, limit=LIMIT)),
    }


_PLAIN = {
    "Live, 15 min": "SELECT * FROM readings WHERE time >= $quarter",
    "Live, 24 h": "SELECT * FROM readings WHERE time >= $day",
    "Live strip, 24 h": "SELECT tag, time_bucket(INTERVAL 16 MINUTE, time) AS part, count(*),"
    " sum(is_anomaly::INT), sum((quality > 0)::INT) FROM readings WHERE time >= $day GROUP BY ALL",
    "events, 24 h": "SELECT * FROM readings WHERE is_anomaly AND time >= $day ORDER BY time",
    "events, 30 d": "SELECT * FROM readings WHERE is_anomaly AND time >= $month ORDER BY time",
    "events, all": "SELECT * FROM readings WHERE is_anomaly ORDER BY time",
    "overview, 30 d": "SELECT epoch_us(time) // $part, min(value), max(value), first(value), last(value)"
    " FROM readings WHERE tag = $tag AND time >= $month GROUP BY 1",
    "overview, all": "SELECT epoch_us(time) // $long, min(value), max(value), first(value), last(value)"
    " FROM readings WHERE tag = $tag GROUP BY 1",
    "distribution, all": "SELECT count(*), avg(value), stddev_samp(value),"
    " quantile_cont(value, [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1]) FROM readings WHERE tag = $tag",
    "control chart, all": "SELECT avg(value), avg(step) FROM (SELECT value,"
    " abs(value - lag(value) OVER (ORDER BY time)) AS step FROM readings WHERE tag = $tag)",
    "two tags, all": "SELECT corr(a.value, b.value) FROM readings AS a, readings AS b"
    " WHERE a.tag = $tag AND b.tag = $other AND a.time = b.time",
    "Tuning, 30 d": "SELECT * FROM readings WHERE tag = $tag AND time >= $month",
    "/api/data of a tag": "SELECT * FROM readings WHERE tag = $tag ORDER BY id DESC LIMIT 1000",
}


def _references(settings: Settings, names: tuple[str, ...], now: int) -> dict[str, float]:
    values = {
        "tag": names[0],
        "other": names[1],
        "quarter": _time(now - 15 * MINUTE),
        "day": _time(now - DAY),
        "month": _time(now - 30 * DAY),
        "part": 30 * DAY // 500,
        "long": 400 * DAY // 500,
    }
    reference = {}
    with duckdb.connect(settings.store_url, read_only=True) as connection:
        connection.execute("SET threads = 2")
        connection.execute("SET memory_limit = '2GB'")
        for name, statement in _PLAIN.items():
            used = {key: value for key, value in values.items() if f"${key}" in statement}
            reference[f"{name}, ms p95"] = _p95(partial(_plain, connection, statement, used), ROUNDS)
    return reference


def _plain(
    connection: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object]
) -> pd.DataFrame:
    return connection.execute(statement, dict(values)).df()


def _p95(call: Callable[[], object], rounds: int) -> float:
    """After a first call; fewer rounds of what takes seconds."""
    seconds(call)
    taken: list[float] = []
    until = time.perf_counter() + LONGEST
    while len(taken) < rounds and (not taken or time.perf_counter() < until):
        taken.append(seconds(call))
    return percentile(taken, 95)


def summarise_all(monitor: Monitor, readings: int) -> None:
    """What the loader does in the background, until everything is caught up with."""
    store = monitor.parts.store
    while store.summarise(least=1):
        pass
    for _ in range(readings // PIECE + 1):  # each copies flagged readings for a second
        store.checkpoint()


def _newest(settings: Settings) -> int:
    with duckdb.connect(settings.store_url, read_only=True) as connection:
        ((newest,),) = connection.execute("SELECT epoch_us(max(time)) FROM latest").fetchall()
    return int(newest)


def _time(moment: int) -> object:
    return to_datetime(moment).replace(tzinfo=None)


@contextmanager
def _history(folder: Path | None, readings: int) -> Iterator[Settings]:
    """The settings of this folder, or of one that is made for the time being."""
    if folder is not None:
        yield _settings(folder)
        return
    with tempfile.TemporaryDirectory() as name:
        settings = _settings(Path(name))
        make_history(settings, readings, TAGS, time.time_ns() // 1_000)
        yield settings


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, source="none", tags=folder / "tags.toml")
