"""A protocol of the tests' own, the simplest that keeps what was not acknowledged: numbered lines over TCP.

The server sends what was not acknowledged, a JSON list a reading; the source answers with the number of the
last one that is durable. With it the contract asks the intake alone, without a protocol's own faults.
"""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from sensormon.model.errors import SourceError
from sensormon.model.readings import Batch, Quality, Reading
from sensormon.model.tags import Tag
from sensormon.model.toml_table import Table, whole
from sensormon.sources.connected import Intake, Secret, SourceKind
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import Common, NamedSource
from sensormon.sources.report import Report
from tests.support.rigs.rig import NAME, Sent
from tests.support.server import free_port

_AT_ONCE = 500


@dataclass(frozen=True)
class Lines(NamedSource):
    kind: ClassVar[str] = "lines"
    port: int = 0
    count: int = 0
    first: int = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(f"tag_{number}" for number in range(self.first, self.first + self.count))


def _read(common: Common, table: Table) -> Lines:
    return Lines(
        common,
        table.needed("port", whole(1, 65_535), "7000"),
        table.needed("count", whole(1, 10_000), "3"),
        table.usual("first", whole(0, 10_000), 0),
    )


def _items(config: Lines) -> dict[str, Any]:
    return {"port": config.port, "count": config.count, "first": config.first or None}


def open_source(config: Lines, secret: Secret) -> Client:
    del secret
    return Client(config)


@dataclass(frozen=True)
class Client:
    """Reads lines, and acknowledges what is durable."""

    config: Lines

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        intake.offer_tags([Tag(name, name, simulated=False, valid=(-1e9, 1e9)) for name in self.config.tags])
        while not stopping.is_set():
            report.connecting()
            try:
                with socket.create_connection(("127.0.0.1", self.config.port), 1) as connection:
                    connection.settimeout(0.1)
                    report.connected()
                    self._serve(connection, intake, stopping)
            except OSError as error:
                report.waiting(SourceError("the server does not answer", hint=str(error)))
                stopping.wait(0.1)

    def _serve(self, connection: socket.socket, intake: Intake, stopping: threading.Event) -> None:
        kept = b""
        while not stopping.is_set():
            try:
                data = connection.recv(65_536)
            except TimeoutError:
                continue
            if not data:
                raise ConnectionError("closed")
            *lines, kept = (kept + data).split(b"\n")
            rows = [json.loads(line) for line in lines]
            if rows:
                readings = [
                    Reading(tag, time, value if good else math.nan, Quality.GOOD if good else Quality.BAD)
                    for _, tag, time, value, good in rows
                ]
                received = intake.clock.now()
                intake.take(Batch.of(readings, source=self.config.source, received=received))
                connection.sendall(b"%d\n" % rows[-1][0])


cast(dict[str, Any], KINDS)["lines"] = SourceKind("lines", "Lines", _read, _items, __name__)


class Rig:
    """See `tests.support.rigs.rig.Rig`."""

    has_times = True
    has_qualities = True
    keeps = True

    def __init__(self, folder: Path, tags: int) -> None:
        del folder
        self.tags = tuple(f"tag_{number}" for number in range(tags))
        self.environment: dict[str, str] = {}
        self._port = free_port()
        self.text = f'[sources.{NAME}]\nkind = "lines"\nport = {self._port}\ncount = {tags}\n'
        self._waiting: list[tuple[int, bytes]] = []
        self._count = 0
        self._news = threading.Condition()
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self.come_back()

    def send(self, values: Sequence[Sent]) -> None:
        with self._news:
            for sent in values:
                self._count += 1
                row = [self._count, sent.tag, sent.time, sent.value, sent.good]
                self._waiting.append((self._count, json.dumps(row).encode() + b"\n"))
            self._news.notify_all()

    def go_away(self) -> None:
        with self._news:
            listener, self._listener = self._listener, None
            closing, self._connections = self._connections, []
            self._news.notify_all()
        for each in (listener, *closing):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def come_back(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port))
        self._listener = listener
        threading.Thread(target=self._accept, args=[listener], daemon=True).start()

    def close(self) -> None:
        self.go_away()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while self._listener is listener:
                connection, _ = listener.accept()
                with self._news:
                    self._connections.append(connection)
                for serve in (self._write, self._acknowledged):
                    threading.Thread(target=serve, args=[connection], daemon=True).start()

    def _write(self, connection: socket.socket) -> None:
        last = 0
        with suppress(OSError):
            while True:
                with self._news:
                    while not (news := [each for each in self._waiting if each[0] > last][:_AT_ONCE]):
                        if connection not in self._connections:
                            return
                        self._news.wait(0.5)
                last = news[-1][0]
                connection.sendall(b"".join(line for _, line in news))

    def _acknowledged(self, connection: socket.socket) -> None:
        with suppress(OSError), connection.makefile("rb") as answers:
            for answer in answers:
                with self._news:
                    self._waiting = [each for each in self._waiting if each[0] > int(answer)]
