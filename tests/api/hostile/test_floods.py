"""A real server under floods of compressed bodies: its memory is bounded, and another sender is answered."""

from __future__ import annotations

import gzip
import http.client
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.long

TOKEN = "secret"
EMPTY_ROWS = gzip.compress(f"[{','.join(['{}'] * 100_000)}]".encode())
BOMB = gzip.compress(b"[" + b" " * 100_000_000 + b"]")
TOO_MANY = f"[{','.join(['{}'] * 2_600_000)}]".encode()
GIGABYTE = 1_000_000_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data", SENSORMON_SOURCE="none", SENSORMON_TOKEN=TOKEN)
    server.wait_until("/api/stats", lambda stats: stats["received"] == 0)
    yield server
    server.stop()
    server.output()


def highest_memory(server: Server) -> int:
    """The most memory that the server has had so far, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return 1_024 * int(status.split("VmHWM:")[1].split()[0])


def post(connection: http.client.HTTPConnection, body: bytes, **headers: str) -> int:
    headers |= {"Authorization": f"Bearer {TOKEN}"}
    connection.request("POST", "/api/ingest/batch", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def flood(server: Server, body: bytes, connections: int, rounds: int) -> tuple[Counter[int], list[float]]:
    """The statuses of the flood, and how long (s) another sender waited for each answer meanwhile."""
    encoding = "gzip" if body.startswith(b"\x1f\x8b") else "identity"
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def send() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)) as connection:
            for _ in range(rounds):
                status = post(connection, body, **{"Content-Encoding": encoding})
                with lock:
                    statuses[status] += 1
                if status == 413:
                    connection.close()

    threads = [threading.Thread(target=send) for _ in range(connections)]
    for thread in threads:
        thread.start()
    waits = []
    other = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120, source_address=("127.0.0.2", 0))
    while any(thread.is_alive() for thread in threads):
        row = {"tag": "fermenter_temp", "value": 37.2}
        started = time.monotonic()
        assert post(other, json.dumps([row]).encode()) == 201
        waits.append(time.monotonic() - started)
    other.close()
    for thread in threads:
        thread.join()
    return statuses, waits


@pytest.mark.parametrize(
    ("body", "connections", "rounds", "status"),
    [(EMPTY_ROWS, 24, 4, 201), (BOMB, 200, 2, 413), (TOO_MANY, 24, 2, 413)],
    ids=["empty rows", "bombs", "too many rows"],
)
def test_flood_is_bounded_in_memory_and_delays_nobody_else(
    server: Server, body: bytes, connections: int, rounds: int, status: int
) -> None:
    statuses, waits = flood(server, body, connections, rounds)
    assert statuses[status] + statuses[429] + statuses[503] == connections * rounds
    assert statuses[status] > 0
    assert highest_memory(server) < GIGABYTE
    assert statistics.quantiles(waits, n=100)[98] < 2.0
    ledger = server.wait_until("/api/stats", lambda stats: stats["pending"] == 0)
    assert ledger["difference"] == 0
    assert ledger["rejected"] == (100_000 * statuses[201] if status == 201 else 0)
