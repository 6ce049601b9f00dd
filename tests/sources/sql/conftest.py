"""A PostgreSQL server for the tests here, and sources that read from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sensormon.model.clock import ManualClock
from sensormon.sources.named_text import parse_sources
from sensormon.sources.report import Report
from sensormon.sources.sql.kind import SqlSource
from sensormon.sources.sql.opening import database_of
from sensormon.sources.sql.source import Following
from tests.support.postgresql import PostgreSQL
from tests.support.recording_intake import RecordingIntake

Connection = psycopg.Connection[tuple[object, ...]]
HISTORY = "SELECT time, tag, value FROM history WHERE time > :cursor ORDER BY time"
Source = Callable[..., SqlSource]


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    yield server
    server.stop()


@pytest.fixture
def url(server: PostgreSQL) -> str:
    return server.new_database()


@pytest.fixture
def table(url: str) -> Iterator[Connection]:
    """A connection to a database with an empty table `history`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE history (time timestamptz, tag text, value float8)")
        yield connection


@pytest.fixture
def source(url: str) -> Source:
    """Makes a source of these keys."""

    def make(**keys: object) -> SqlSource:
        return source_of(**{"url": url, "query": HISTORY, "cursor": "time", **keys})

    return make


def source_of(**keys: object) -> SqlSource:
    """The source that sources.toml with these keys has."""
    lines = "\n".join(f"{key} = {_toml(value)}" for key, value in keys.items())
    config = parse_sources(f'[sources.line]\nkind = "sql"\n{lines}\n')["line"]
    assert isinstance(config, SqlSource)
    return config


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f"'''{value}'''"
        case dict():
            return "{" + ", ".join(f'"{key}" = "{each}"' for key, each in value.items()) + "}"
    return str(value)


def read_once(source: SqlSource, intake: RecordingIntake, passes: int = 1) -> Following:
    """Read with a new connection and a new state, as after a restart."""
    report = Report(source.name, source.kind, source.place, intake.clock)
    following = Following(source, intake, report, threading.Event())
    with database_of(source, lambda: "") as database:
        following.begin(database)
        for _ in range(passes):
            following.read(database)
    return following


@pytest.fixture
def intake(clock: ManualClock) -> RecordingIntake:
    return RecordingIntake(clock)


def sqlite_file(folder: Path) -> tuple[Path, str]:
    """A file for SQLite in this folder, and its URL."""
    path = folder / "plant.db"
    return path, f"sqlite:///{path}"
