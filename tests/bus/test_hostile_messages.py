"""Whatever anybody publishes is stored or rejected with a reason, and blocks nobody."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sensormon.bus import payload
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.bus import tag_table, wait_until
from tests.support.nats import Nats
from tests.support.postgresql import PostgreSQL


class Publisher:
    """Writes NATS's protocol itself, since no client library would send what this does."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port), 5)
        self._socket.sendall(b'CONNECT {"verbose": false, "headers": true}\r\nPING\r\n')
        self._until(b"PONG")

    def publish(self, subject: bytes, content: bytes, headers: bytes | None = None) -> None:
        if headers is None:
            head = b"PUB sensormon.readings.%b %d" % (subject, len(content))
        else:
            sizes = len(headers), len(headers) + len(content)
            head = b"HPUB sensormon.readings.%b %d %d" % (subject, *sizes)
        self._socket.sendall(head + b"\r\n" + (headers or b"") + content + b"\r\nPING\r\n")
        self._until(b"PONG")

    def close(self) -> None:
        self._socket.close()

    def _until(self, word: bytes) -> None:
        received = b""
        while word not in received:
            piece = self._socket.recv(4096)
            assert piece, received
            received += piece


@pytest.fixture
def worker(
    settings: Settings, postgresql: PostgreSQL, bus: Nats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Monitor]:
    """A worker that takes few rows in a transaction."""
    monkeypatch.setattr(payload, "ROWS", 3)
    url = postgresql.new_database()
    monitor = Monitor(replace(settings, store=url, bus=bus.url, collector="a", tags=tag_table(tmp_path)))
    monitor.start()
    wait_until(lambda: "error" not in bus.ask("STREAM.INFO.sensormon"))
    yield monitor
    monitor.stop()


@pytest.fixture
def publisher(bus: Nats) -> Iterator[Publisher]:
    running = Publisher(bus.url)
    yield running
    running.close()


_HEADERS = [
    b"NATS/1.0\r\nStatus: 408\r\n\r\n",
    b"NATS/1.0\r\nStatus: 423\r\n\r\n",
    b"NATS/1.0 503 No Responders\r\n\r\n",
    b"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
    b"NATS/1.0\r\nNats-Pin-Id: mine\r\n\r\n",
    b"NATS/1.0\r\nA: \xff\xfe\r\n\r\n",
    b"NATS/1.0 \xff\xff\r\n\r\n",
    b"NATS/1.0\r\nA",
    b"NATS/1.0",
    b"nonsense\r\n\r\n",
]
"""With readings, which are taken: headers of a publisher mean nothing."""
_SUBJECTS = [b"\xff\xfe", b"a\0b", b"*", b">", b"line_1.*", b"x" * 900, "Übergabe".encode()]
"""To which a reading is published, and no tag is called so."""
_PAYLOADS = [
    (b"", "malformed"),
    (b'{"\\ud800": 1}', "malformed"),
    (b'{"tag": "\\ud800", "value": 1}', "malformed"),
    (b'{"value": 1, "quality": "\\ud800\\u0000"}', "malformed"),
    (b'{"value": 1, "quality": 99999999999999999999}', "malformed"),
    (b'{"value": "\\ud800"}', "not_a_number"),
    (b'{"value": "\\u0000"}', "not_a_number"),
    (b'{"value": {"a": [1]}}', "not_a_number"),
    (b'{"value": 1, "time": "\\ud800"}', "bad_timestamp"),
    (b'{"value": 1, "time": -1e11}', "bad_timestamp"),
    (b'{"value": 1, "time": 1e11}', "future_timestamp"),
    (b'{"value": 1, "time": "9999-12-31T23:59:59Z"}', "future_timestamp"),
]


def test_everything_is_stored_or_rejected_with_its_reason_and_nothing_stays(
    worker: Monitor, publisher: Publisher, bus: Nats
) -> None:
    for place, headers in enumerate(_HEADERS):
        publisher.publish(b"line_1", b'{"value": %d.5}' % place, headers)
    for subject in _SUBJECTS:
        publisher.publish(subject, b'{"value": 1}')
    for content, _ in _PAYLOADS:
        publisher.publish(b"line_2", content)
    sent = len(_HEADERS) + len(_SUBJECTS) + len(_PAYLOADS)
    wait_until(lambda: _state(bus)["last_seq"] == sent)
    wait_until(lambda: _state(bus)["messages"] == 0)
    accounts = worker.parts.store.ledger.accounts()
    assert accounts.stored == {"bus": len(_HEADERS)}
    expected = Counter(reason for _, reason in _PAYLOADS)
    expected["unknown_tag"] = len(_SUBJECTS)
    assert accounts.rejected == {("bus", reason): count for reason, count in expected.items()}
    assert worker.ledger.now().total.difference == 0


@pytest.mark.parametrize("headers", [b"NATS/1.0\r\nA", b"NATS/1.0"])
def test_a_first_message_without_a_readable_pin_is_stored(
    worker: Monitor, publisher: Publisher, bus: Nats, headers: bytes
) -> None:
    publisher.publish(b"line_1", b'{"value": 1.5}', headers)
    wait_until(lambda: _state(bus)["last_seq"] == 1)
    wait_until(lambda: _state(bus)["messages"] == 0)
    assert worker.parts.store.ledger.accounts().stored == {"bus": 1}


def _state(bus: Nats) -> dict[str, Any]:
    state: dict[str, Any] = bus.ask("STREAM.INFO.sensormon")["state"]
    return state
