"""A real server for all tests of the client and of what docs show of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensormon.client import Monitor
from tests.support.api import TOKEN
from tests.support.server import Server

TABLE = """
[tags.fermenter_temp]
unit = "°C"
valid = [30.0, 50.0]
normal = [35.0, 40.0]
[tags.fermenter_ph]
unit = "pH"
valid = [5.0, 9.0]
[tags.valve]
states = ["closed", "open"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("client")
    (folder / "tags.toml").write_text(TABLE, encoding="utf-8")
    running = Server(
        folder / "data",
        SENSORMON_SOURCE="none",
        SENSORMON_TOKEN=TOKEN,
        SENSORMON_TAGS=str(folder / "tags.toml"),
    )
    running.wait_until("/api/health", lambda health: health["store"] == "healthy")
    yield running
    running.stop()
    running.output()


@pytest.fixture
def monitor(server: Server) -> Iterator[Monitor]:
    with Monitor(server.url, TOKEN) as monitor:
        yield monitor
