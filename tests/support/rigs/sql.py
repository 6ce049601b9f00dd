"""A table of a real PostgreSQL, for the contract of connected sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg

from sensormon.model.readings import Quality
from sensormon.model.timestamps import to_datetime
from tests.support.line_gate import LineGate
from tests.support.postgresql import PostgreSQL
from tests.support.rigs.rig import NAME, Sent

_TEXT = """
[sources.{name}]
kind = "sql"
url = "{url}"
query = "SELECT id, time, tag, value, quality FROM history WHERE id > :cursor ORDER BY id"
cursor = "id"
interval = 0.1
"""


class Rig:
    """See `rigs.rig.Rig`."""

    has_times = True
    has_qualities = True
    keeps = True

    def __init__(self, folder: Path, tags: int) -> None:
        del folder  # the server has its own
        self.tags = tuple(f"tag_{number}" for number in range(tags))
        self.environment: dict[str, str] = {}
        self._server = PostgreSQL()
        self._url = self._server.new_database()
        self._gate = LineGate(self._server.port)
        through = self._url.replace(f":{self._server.port}/", f":{self._gate.port}/")
        self.text = _TEXT.format(name=NAME, url=through)
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE history (id bigserial PRIMARY KEY, time timestamptz, tag text, value float8,"
                " quality bigint)"
            )

    def send(self, values: Sequence[Sent]) -> None:
        """Insert them."""
        rows = [
            (to_datetime(sent.time), sent.tag, sent.value, int(Quality.GOOD))
            if sent.good
            else (to_datetime(sent.time), sent.tag, None, int(Quality.BAD_SENSOR_FAILURE))
            for sent in values
        ]
        with psycopg.connect(self._url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO history (time, tag, value, quality) VALUES (%s, %s, %s, %s)", rows
            )

    def go_away(self) -> None:
        """Cut the connections to the server, and refuse new ones."""
        self._gate.shut()

    def come_back(self) -> None:
        """Let connections through again."""
        self._gate.open()

    def close(self) -> None:
        """End the server and remove its files."""
        self._gate.close()
        self._server.stop()
