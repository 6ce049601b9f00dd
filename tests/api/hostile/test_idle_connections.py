"""Connections that send nothing, or half a request, on a server with the usual 1,024 descriptors."""

from __future__ import annotations

import json
import resource
import select
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sensormon.api.connections import BODY_SECONDS, HEADER_SECONDS
from tests.support.api import TOKEN
from tests.support.server import Server

pytestmark = pytest.mark.long

IDLE = 1_100
DESCRIPTORS = 1_024
LATE = 10  # seconds that a busy machine may take on top
POST = b"POST /api/ingest HTTP/1.1\r\nHost: localhost\r\n"
WITH_TOKEN = POST + f"Authorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n\r\n".encode()
HALF = {
    "half a header": (POST + b"X-Slow: ", HEADER_SECONDS),
    "half a second header": (b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n" + POST, HEADER_SECONDS),
    "no body": (WITH_TOKEN, BODY_SECONDS),
    "half a body": (WITH_TOKEN + b"[", BODY_SECONDS),
    "half a body without a token": (POST + b"Content-Length: 1000\r\n\r\n[", HEADER_SECONDS),
}
"""What is sent at first, and for how long (s) the server waits for the rest."""
PAGES = 260
PAGE = (
    b"GET /_stcore/stream HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: streamlit\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
"""The handshake of an open page."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(
        tmp_path / "data", descriptors=DESCRIPTORS, SENSORMON_INTERVAL="0.1", SENSORMON_TOKEN=TOKEN
    )
    running.wait_until_stored()
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)
        running.output()


@pytest.fixture
def many_sockets() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < IDLE + 200:
        pytest.skip("this account may not open that many sockets")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], IDLE + 200), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def post(server: Server, path: str, content: object) -> int:
    request = urllib.request.Request(  # noqa: S310  our own server
        server.url + path, json.dumps(content).encode(), {"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return int(answer.status)


def closed(connections: list[socket.socket]) -> list[socket.socket]:
    """Those that the server has closed."""
    readable = select.poll()
    by_number = {connection.fileno(): connection for connection in connections}
    for number in by_number:
        readable.register(number, select.POLLIN)
    ended = []
    for number, _ in readable.poll(0):
        with suppress(ConnectionError):
            if by_number[number].recv(1_000_000):
                continue  # an answer; the end comes after it
        ended.append(by_number[number])
    return ended


def segments_of(server: Server) -> int:
    """How many segments the journal has started."""
    return max(int(path.name[:8]) for path in (server.data_dir / "journal").glob("*.seg"))


@pytest.mark.usefixtures("many_sockets")
def test_1100_idle_connections_stop_neither_readings_nor_the_journal(server: Server) -> None:
    before, segments = server.get("/api/stats")[1], segments_of(server)
    idle = [connected(server) for _ in range(IDLE)]
    began = time.monotonic()
    try:
        for round_ in range(3):
            assert post(server, "/api/ingest", {"tag": "fermenter_temp", "value": 37 + round_ / 10}) == 201
            start = datetime(2026, 1, 1 + round_, tzinfo=UTC)
            rows = [
                {
                    "tag": "fermenter_temp",
                    "value": 37.0,
                    "timestamp": (start + timedelta(seconds=second)).isoformat(),
                }
                for second in range(60_000)
            ]
            assert post(server, "/api/ingest/batch", rows) == 201
        during = server.get("/api/stats")[1]
        assert segments_of(server) > segments, "the journal has started a new segment"
        more = server.wait_until("/api/stats", lambda ledger: ledger["received"] > during["received"] + 30)
        assert during["received"] > before["received"] + 3
        assert more["difference"] == 0
        health = server.get("/api/health")[1]
        assert (health["status"], health["refused"]) == ("ok", 0)
        still = set(idle)
        while still and time.monotonic() < began + HEADER_SECONDS + LATE:
            still -= set(closed(list(still)))
            select.select([], [], [], 0.2)
        assert not still, "all are closed after a time"
    finally:
        for connection in idle:
            connection.close()
    server.stop()
    assert "Traceback" not in server.output()


def test_260_open_pages_leave_descriptors_for_readings_and_the_journal(server: Server) -> None:
    handshake = PAGE.replace(b"localhost", f"localhost:{server.port}".encode())
    pages = []
    try:
        for _ in range(PAGES):
            pages.append(connected(server))
            pages[-1].sendall(handshake)
        statuses = [page.recv(12)[9:] for page in pages]
        assert statuses.count(b"101") >= 40
        assert set(statuses) == {b"101", b"503"}
        for round_ in range(3):
            assert server.get("/api/health")[1]["status"] == "ok"
            assert post(server, "/api/ingest", {"tag": "fermenter_temp", "value": 37 + round_ / 10}) == 201
    finally:
        for page in pages:
            page.close()
    server.stop()
    output = server.output()
    assert "Too many open files" not in output
    assert "Traceback" not in output


def test_half_a_request_is_closed_after_a_time_however_it_drips(server: Server) -> None:
    began = time.monotonic()
    connections = {connected(server): kind for kind in HALF}
    lasted: dict[str, float] = {}
    try:
        for connection, kind in connections.items():
            connection.sendall(HALF[kind][0])
        while len(lasted) < len(HALF) and time.monotonic() < began + BODY_SECONDS + LATE:
            select.select([], [], [], 0.5)
            for connection in closed([c for c, kind in connections.items() if kind not in lasted]):
                lasted[connections[connection]] = time.monotonic() - began
            for connection, kind in connections.items():
                if kind not in lasted and kind != "no body":
                    with suppress(ConnectionError):
                        connection.sendall(b"1")
    finally:
        for connection in connections:
            connection.close()
    assert set(lasted) == set(HALF)
    for kind, (_, seconds) in HALF.items():
        assert lasted[kind] < seconds + LATE, kind
    assert lasted["half a header"] > HEADER_SECONDS - 1
    assert lasted["half a body"] > BODY_SECONDS - 1
