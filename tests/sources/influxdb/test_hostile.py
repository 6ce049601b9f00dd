"""What answers in the place of InfluxDB can send anything: it costs little, and ends in a sentence."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat

import pytest

from sensormon.model.errors import SourceError
from sensormon.model.line_tags import LineTag
from sensormon.sources.influxdb.kind import InfluxSource
from sensormon.sources.influxdb.points import Points
from sensormon.sources.influxdb.server import Server
from sensormon.sources.named_text import parse_sources
from tests.sources.influxdb.conftest import QUERY

PIECE = b"x" * 4_096
ENOUGH = 100 << 20
"""Bytes after which an answer that nobody stops ends after all."""


class Answering:
    """An HTTP server that gives this answer; `sent` counts the bytes that were taken from it."""

    def __init__(self, status: int, headers: Sequence[tuple[str, str]], body: Iterator[bytes]) -> None:
        self.sent = 0
        self.over = threading.Event()
        answering = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                for header in headers:
                    self.send_header(*header)
                self.end_headers()
                try:
                    for piece in body:
                        answering.sent += self.wfile.write(piece)
                        if answering.sent > ENOUGH:
                            break
                except OSError:
                    pass
                answering.over.set()

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@contextmanager
def answering(status: int, body: Iterator[bytes], **headers: str) -> Iterator[tuple[Answering, Server]]:
    """The server, and ours that asks it."""
    listed = [(name.replace("_", "-"), value) for name, value in headers.items()]
    other = Answering(status, listed, body)
    text = f'url = "http://127.0.0.1:{other.server.server_port}"\ndatabase = "plant"\nquery = "{QUERY}"'
    config = parse_sources(f'[sources.line]\nkind = "influxdb"\n{text}\n')["line"]
    assert isinstance(config, InfluxSource)
    try:
        with Server(config, lambda: "") as server:
            yield other, server
    finally:
        other.server.shutdown()
        other.server.server_close()


@pytest.mark.parametrize("status", [200, 401, 500])
def test_an_answer_without_end_is_not_read_to_its_end(status: int) -> None:
    with answering(status, repeat(PIECE)) as (other, server):
        if status == 200:
            server.version()
        else:
            with pytest.raises(SourceError, match="not InfluxDB's"):
                list(server.points(0, 1))
        assert other.over.wait(10)
        assert other.sent < ENOUGH // 5


def test_what_is_compressed_is_not_unpacked() -> None:
    bomb = gzip.compress(b"0" * (64 << 20))
    with (
        answering(200, iter([bomb]), content_encoding="gzip") as (_, server),
        pytest.raises(SourceError, match="not InfluxDB's"),
    ):
        list(server.points(0, 1))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"results": 5}',
        b'{"results": [5]}',
        b'{"results": [{"series": [{}]}]}',
        b'{"results": [{"series": [{"columns": [1], "values": [[1]]}]}]}',
        b'{"results": [{"series": [{"name": "a", "columns": ["time", "v"], "values": [[1]]}]}]}',
        b'{"results": [{"series": [{"name": "a", "columns": ["time", "v"], "values": [[null, 1]]}]}]}',
        b'{"results": [{"series": [{"name": "a", "columns": ["time", "v"], "values": [[1e400, 1]]}]}]}',
        b'{"results": [{"series": [{"name": "a", "columns": ["time"], "tags": 1, "values": [[1]]}]}]}',
        b"[" * 100_000,
    ],
)
def test_an_answer_of_another_form_is_an_error_in_words(body: bytes) -> None:
    with answering(200, iter([body])) as (_, server):
        with pytest.raises(SourceError) as refused:
            _gather(server)
        assert refused.value.hint


def _gather(server: Server) -> None:
    points = Points()
    with closing(server.points(0, 1)) as pieces:
        for series in pieces:
            points.add(series, LineTag("{measurement}"))
