"""Requests to a monitor, with deadlines, tried again if that can help, and its refusals as errors.

A request is sent again if no answer came, or one that says to come later, as often as `TRIES` says. So
only requests that may arrive twice go through here: reads, and writes with a key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import Any

import httpx

from sensormon.model.errors import AboveShare, Forbidden, MonitorAway, Overloaded, SensormonError, UsageError

TRIES = 5
"""How often a request is sent at most."""
FIRST_WAIT = 0.5
"""Seconds before it is sent for the second time; then twice as long each time, unless the answer says."""
LONGEST_WAIT = 30.0

Parameters = Sequence[tuple[str, str]]
Sleep = Callable[[float], None]


class Connection:
    """To the API of the monitor at `url`, with a token or without; `timeout` (s) is for each step.

    `sleep` waits between two tries. Raises UsageError for an address that is none.
    """

    def __init__(self, url: str, token: str | None, timeout: float, sleep: Sleep = time.sleep) -> None:
        self.url = url.rstrip("/").removesuffix("/api")
        self._sleep = sleep
        if not self.url.startswith(("http://", "https://")) or not httpx.URL(self.url).host:
            raise UsageError(
                f"{url[:200]!r} is not the address of a monitor",
                where="url",
                hint="Write http://localhost:8501",
            )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=f"{self.url}/api", headers=headers, timeout=timeout)

    def close(self) -> None:
        """Close what is open."""
        self._client.close()

    def json(self, path: str, parameters: Parameters = (), accepted: Sequence[int] = (200,)) -> Any:
        """The JSON of this route; a status in `accepted` is no refusal. Raises as `_error` says."""
        return self._tried(lambda: self._json("GET", path, accepted, params=list(parameters)))

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """The JSON that answers this body; the same headers go with each try."""
        headers = {"Content-Type": "application/json", **headers}
        return self._tried(lambda: self._json("POST", path, (201,), content=body, headers=headers))

    def stream(self, path: str, parameters: Parameters, read: Callable[[BufferedReader], Any]) -> Any:
        """What `read` makes of the body of this route, taken as it comes."""

        def once() -> Any:
            with (
                self._reached(),
                self._client.stream("GET", path, params=list(parameters)) as answer,
            ):
                if answer.status_code != 200:
                    answer.read()
                    raise self._error(answer)
                return read(BufferedReader(_Body(answer.iter_bytes())))

        return self._tried(once)

    def _json(self, method: str, path: str, accepted: Sequence[int], **request: Any) -> Any:
        with self._reached():
            answer = self._client.request(method, path, **request)
        if answer.status_code not in accepted:
            raise self._error(answer)
        try:
            return answer.json()
        except ValueError:
            raise self._foreign(answer) from None

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise MonitorAway(
                f"the monitor does not answer ({type(error).__name__}: {error})",
                where=self.url,
                hint="Look whether it runs, and try again",
            ) from error

    def _tried(self, once: Callable[[], Any]) -> Any:
        wait = FIRST_WAIT
        for _ in range(TRIES - 1):
            try:
                return once()
            except (MonitorAway, Overloaded, AboveShare) as error:
                asked = error.seconds if isinstance(error, _Later) else None
                self._sleep(min(LONGEST_WAIT, wait if asked is None else asked))
                wait *= 2
        return once()

    def _error(self, answer: httpx.Response) -> SensormonError:
        """The error that a refusal is: Forbidden for 401 and 403, UsageError for a wrong request, AboveShare
        and Overloaded for one that is to come later, MonitorAway for anything else."""
        try:
            said = answer.json()
            detail, hint = str(said["detail"]), str(said["hint"])
        except (ValueError, KeyError, TypeError):
            return self._foreign(answer)
        status, where = answer.status_code, answer.request.url.path
        if status in (401, 403):
            return Forbidden(detail, where=where, hint=hint, needs=str(said.get("needs") or ""))
        if status in (429, 503):
            after = answer.headers.get("Retry-After", "")
            kind = _LaterShare if status == 429 else _LaterOverloaded
            return kind(detail, where, hint, float(after) if after.isdigit() else None)
        if status < 500:
            return UsageError(detail, where=where, hint=hint)
        return MonitorAway(detail, where=where, hint=hint)

    def _foreign(self, answer: httpx.Response) -> MonitorAway:
        return MonitorAway(
            f"the answer did not come from a monitor ({answer.status_code})",
            where=str(answer.request.url.copy_with(query=None)),
            hint="Look whether the address is that of a monitor's pages, and what is in front of it",
        )


class _Later(SensormonError):
    """A refusal that says when to come again: after `seconds`, if it says."""

    def __init__(self, what: str, where: str, hint: str, seconds: float | None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.seconds = seconds


class _LaterOverloaded(_Later, Overloaded):
    pass


class _LaterShare(_Later, AboveShare):
    pass


class _Body(RawIOBase):
    """The body of an answer as a file that is read once, without keeping what was read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
