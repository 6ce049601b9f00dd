"""A kept connection to a server of HTTP, for loads that must cost little themselves.

As a browser does, it connects again if the server has closed it while nothing was asked.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """A complete answer, its body as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body as JSON. Raises ValueError if it is none."""
        is_packed = self.headers.get("content-encoding") == "gzip"
        document: dict[str, Any] = json.loads(gzip.decompress(self.body) if is_packed else self.body)
        return document


class Connection:
    """One request at a time; raises OSError or EOFError if the server closes it instead of answering."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int) -> AsyncIterator[Self]:
        """A connection to this port of this machine, closed with the block."""
        connection = cls(port)
        try:
            yield connection
        finally:
            connection._close()

    async def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """The answer to this question, asked again if the server was just closing an idle connection."""
        try:
            return await self._asked("GET", path, headers, b"")
        except (ConnectionError, asyncio.IncompleteReadError):
            self._close()
            return await self._asked("GET", path, headers, b"")

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to this body."""
        return await self._asked("POST", path, {**headers, "Content-Length": str(len(body))}, body)

    async def _asked(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{k}: {v}" for k, v in headers.items())]
        reader, writer = await self._open()
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        content = await reader.readexactly(int(fields["content-length"]))
        return Answer(int(head[0].split()[1]), fields, content)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            self._close()
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        return self._streams

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
