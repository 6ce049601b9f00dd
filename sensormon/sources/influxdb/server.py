"""Requests to an InfluxDB 1.x server, and its answers as they come."""

from __future__ import annotations

import json
import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from sensormon.model.errors import SourceError
from sensormon.sources.connected import Secret
from sensormon.sources.influxdb.kind import InfluxSource

CHUNK = 5_000
"""Points of a series in one piece of an answer."""
LONGEST_LINE = 64 << 20
"""Bytes of such a piece."""
LONGEST_REFUSAL = 10_000
"""Bytes that are read of an answer that is no result."""
_LONGEST_VERSION = 40
_CONNECT_SECONDS = 5.0

Series = Mapping[str, Any]
"""As InfluxDB's JSON has it: `name`, `tags`, `columns`, `values`."""


class Away(SourceError):
    """The server cannot be reached now; it is tried again by itself."""


class Server:
    """Of one source; closed at the end of `with`. Not thread-safe, but for `cancel`."""

    def __init__(self, source: InfluxSource, secret: Secret) -> None:
        self._source = source
        self._secret = secret
        self._socket: socket.socket | None = None
        self._client = httpx.Client(
            base_url=source.url,
            headers={"Accept-Encoding": "identity"},  # what is compressed could unpack to anything
            timeout=httpx.Timeout(source.timeout, connect=_CONNECT_SECONDS),
            trust_env=False,  # no proxy, and no password of a .netrc
        )

    def __enter__(self) -> Server:
        if password := self._secret():
            self._client.auth = httpx.BasicAuth(self._source.user, password)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def version(self) -> str:
        """Name and version of the server. Raises Away."""
        with (
            self._translated(),
            self._client.stream("GET", "/ping", extensions={"trace": self._note}) as answer,
        ):
            _beginning(answer.iter_raw())  # nothing, or nothing of interest
        return f"InfluxDB {answer.headers.get('x-influxdb-version', 'of unknown version')[:_LONGEST_VERSION]}"

    def points(self, since: int, until: int) -> Generator[Series]:
        """What the query gives from `since` on, before `until` (ns UTC), piece by piece."""
        yield from self.ask(self._source.query, cursor=since, end=until)

    def ask(self, query: str, **bound: int | str) -> Generator[Series]:
        """Any query, with these values for its parameters. Raises Away, and SourceError in words."""
        asked = {
            "db": self._source.database,
            "q": query,
            "epoch": "ns",
            "chunked": "true",
            "chunk_size": str(CHUNK),
            "params": json.dumps(bound),
        }
        with (
            self._translated(),
            self._client.stream("GET", "/query", params=asked, extensions={"trace": self._note}) as answer,
        ):
            if answer.status_code != 200:
                raise self._refused(answer.status_code, _beginning(answer.iter_raw(4_096)))
            for line in _lines(answer.iter_raw()):
                yield from self._series(line)

    def cancel(self) -> None:
        """End what is being asked, from another thread."""
        if (line := self._socket) is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep the socket of the connection, to end it."""
        if event == "connection.connect_tcp.complete":
            self._socket = info["return_value"].get_extra_info("socket")

    def _series(self, line: bytes) -> Iterator[Series]:
        try:
            content = json.loads(line)
            results = content.get("results", [])
            problem = content.get("error") or next((each["error"] for each in results if "error" in each), "")
            series = [each for result in results for each in result.get("series", [])]
            sound = problem or all(map(_is_series, series))
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            raise self._strange() from None
        if problem:
            raise self._refused(200, line)
        if not sound:
            raise self._strange()
        yield from series

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise Away(
                f"the server did not answer within {self._source.timeout:g} s",
                where=self._source.place,
                hint="sensormon tries again by itself; a longer timeout lets the query take longer",
            ) from error
        except httpx.HTTPError as error:
            raise Away(
                f"the server cannot be reached ({str(error)[:200] or type(error).__name__})",
                where=self._source.place,
                hint="sensormon tries again by itself: does it run, and is it reachable from here?",
            ) from error

    def _refused(self, status: int, body: bytes) -> SourceError:
        try:
            content = json.loads(body)
            results = content.get("results", [])
            what = content.get("error") or next(each["error"] for each in results if "error" in each)
        except (ValueError, AttributeError, TypeError, StopIteration, RecursionError):
            return self._strange(status)
        hint = "Correct the query"
        if status in (401, 403):
            hint = "Check user, and the secret that password_env or password_file names"
        elif "database not found" in what:
            hint = "Correct database"
        return SourceError(str(what)[:300], where=self._source.place, hint=hint)

    def _strange(self, status: int = 200) -> SourceError:
        return SourceError(
            f"the answer is not InfluxDB's (status {status})",
            where=self._source.place,
            hint="Is this the address of an InfluxDB 1.x, without a path?",
        )


def _is_series(series: Mapping[str, Any]) -> bool:
    """Whether it has the form that `Series` promises. Raises KeyError or TypeError for some that have not."""
    columns = series["columns"]
    return (
        isinstance(series["name"], str)
        and isinstance(series.get("tags") or {}, dict)
        and all(isinstance(name, str) for name in columns)
        and all(type(row) is list and len(row) == len(columns) for row in series["values"])
    )


def _beginning(pieces: Iterator[bytes]) -> bytes:
    """Of a body, however long it is."""
    start = bytearray()
    for piece in pieces:
        start += piece
        if len(start) >= LONGEST_REFUSAL:
            break
    return bytes(start[:LONGEST_REFUSAL])


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of a body. Raises SourceError for one that is too long."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        *whole, last = rest.split(b"\n")
        rest = last
        yield from (bytes(line) for line in whole if line.strip())
        if len(rest) > LONGEST_LINE:
            raise SourceError(
                f"{CHUNK:,} points take more than {LONGEST_LINE >> 20} MB",
                hint="Select the fields that are needed",
            )
    if rest.strip():
        yield bytes(rest)
