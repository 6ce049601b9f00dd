"""An InfluxDB server for the tests here, and sources that read from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from sensormon.model.clock import ManualClock
from sensormon.sources.influxdb.kind import InfluxSource
from sensormon.sources.influxdb.server import Server
from sensormon.sources.influxdb.source import Following
from sensormon.sources.named_text import parse_sources
from sensormon.sources.report import Report
from tests.support.influxdb import InfluxDB, program
from tests.support.recording_intake import RecordingIntake

QUERY = "SELECT * FROM history WHERE time >= $cursor AND time < $end GROUP BY *"
Source = Callable[..., InfluxSource]
_numbers = count()


@pytest.fixture(scope="session")
def influx() -> Iterator[InfluxDB]:
    if program() is None:
        pytest.skip("no influxd; apt-get install influxdb")
    server = InfluxDB()
    yield server
    server.stop()


@pytest.fixture
def database(influx: InfluxDB) -> str:
    name = f"plant_{next(_numbers)}"
    influx.query(f'CREATE DATABASE "{name}"')
    return name


@pytest.fixture
def source(influx: InfluxDB, database: str) -> Source:
    """Makes a source of these keys."""

    def make(**keys: object) -> InfluxSource:
        keys = {"url": influx.url, "database": database, "query": QUERY, **keys}
        lines = "\n".join(f"{key} = {_toml(value)}" for key, value in keys.items())
        config = parse_sources(f'[sources.line]\nkind = "influxdb"\n{lines}\n')["line"]
        assert isinstance(config, InfluxSource)
        return config

    return make


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'''{value}'''" if isinstance(value, str) else str(value)


def read_once(source: InfluxSource, intake: RecordingIntake, passes: int = 1) -> None:
    """Read with a new connection and a new state, as after a restart."""
    report = Report(source.name, source.kind, source.place, intake.clock)
    following = Following(source, intake, report, threading.Event())
    with Server(source, lambda: "") as server:
        for _ in range(passes):
            following.read(server)


@pytest.fixture
def intake(clock: ManualClock) -> RecordingIntake:
    return RecordingIntake(clock)
