"""Viewers of the Live page, in a process of their own: PORT COUNT SECONDS.

A viewer is a session of Streamlit over its websocket that sends what the browser sends, the runs of
fragments among it, and the two polls of the board with the parameters that the page gave it, as often as
`ui/browser/feed.js` and `heat_strip.js` ask. What it is not: a browser; it draws nothing. It prints what
the viewers did as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Origin, Subprotocol

from sensormon.bench.connection import Connection
from sensormon.bench.sessions import READY

BOARD = 0.5
"""Seconds between an answer of the board and the next question: EVERY of feed.js."""
STRIP = 5.0
"""The same of the strip: EVERY of heat_strip.js."""
SOON = 0.1
"""After the first answer: AT_ONCE of feed.js."""
OPENING = 120.0
"""Seconds that a viewer waits for the first board, at most: one opens the page after the other."""


@dataclass
class Seen:
    """What happened, to all viewers together, while the count ran."""

    runs: int = 0
    boards: int = 0
    strips: int = 0
    received: int = 0  # bytes of messages and answers
    failed: int = 0
    waited: list[float] = field(default_factory=list)  # s, for each answer of the board


class Viewer:
    """One that opens the page and keeps it open until the task is cancelled."""

    def __init__(self, port: int, seen: Seen) -> None:
        self._port = port
        self._seen = seen
        self._page = ""
        self._asked: dict[str, asyncio.Task[None]] = {}
        self.has_board = asyncio.Event()

    async def watch(self) -> None:
        """Hold the session and whatever it started. Raises OSError if the server is away."""
        origin = Origin(f"http://localhost:{self._port}")
        url, protocol = f"ws://localhost:{self._port}/_stcore/stream", Subprotocol("streamlit")
        async with (
            websockets.connect(url, origin=origin, subprotocols=[protocol], max_size=None) as socket,
            asyncio.TaskGroup() as group,
        ):
            await socket.send(self._rerun())
            async for data in socket:
                self._seen.received += len(data)
                message = ForwardMsg()
                message.ParseFromString(data)
                self._take(message, socket, group)

    def _take(self, message: ForwardMsg, socket: Any, group: asyncio.TaskGroup) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._page = message.new_session.page_script_hash
        elif kind == "script_finished":
            self._seen.runs += 1
        elif kind == "auto_rerun":
            self._start(
                f"fragment {message.auto_rerun.fragment_id}", self._runs(message.auto_rerun, socket), group
            )
        elif kind == "delta":
            data = _component(message)
            if data.get("module") == "board.js":
                self._start("board", self._polls("board", data), group)
                if data["strip"]:
                    self._start("strip", self._polls("strip", data), group)

    def _start(self, name: str, work: Any, group: asyncio.TaskGroup) -> None:
        if name in self._asked:
            work.close()  # it goes on as before: nobody touches the page
        else:
            self._asked[name] = group.create_task(work)

    async def _runs(self, asked: Any, socket: Any) -> None:
        """Run a fragment again and again, as its message asks."""
        while True:
            await asyncio.sleep(asked.interval)
            await socket.send(self._rerun(asked.fragment_id))

    def _rerun(self, fragment: str = "") -> bytes:
        message = BackMsg()
        run = message.rerun_script
        run.page_script_hash, run.fragment_id, run.is_auto_rerun = self._page, fragment, bool(fragment)
        run.context_info.timezone, run.context_info.locale = "Europe/Berlin", "en-US"
        run.context_info.url, run.context_info.color_scheme = f"http://localhost:{self._port}/", "light"
        packed: bytes = message.SerializeToString()
        return packed

    async def _polls(self, kind: str, data: Mapping[str, Any]) -> None:
        """Ask for the board or the strip again and again, as the browser does."""
        headers = {"X-Sensormon-Page": data["key"], "Accept-Encoding": "gzip"}
        names = [("tag", tag["name"]) for tag in data["tags"]] if kind == "board" else []
        after, events = None, ""
        async with Connection.to(self._port) as connection:
            while True:
                query: list[tuple[str, Any]] = [*names, ("span", data["span"])]
                if after is not None:
                    query += [("after", after), ("events", events)]
                started = time.perf_counter()
                answer = await connection.get(f"/api/live/{kind}?{urlencode(query)}", headers)
                self._count(kind, answer.status, len(answer.body), time.perf_counter() - started)
                first = after is None
                if kind == "board" and answer.status == 200:
                    content = answer.document()
                    after, events = content["after"], content.get("events", {}).get("version", events)
                    self.has_board.set()
                await asyncio.sleep(STRIP if kind == "strip" else SOON if first else BOARD)

    def _count(self, kind: str, status: int, size: int, taken: float) -> None:
        self._seen.received += size
        self._seen.failed += status != 200
        if kind == "board":
            self._seen.boards += 1
            self._seen.waited.append(taken)
        else:
            self._seen.strips += 1


def _component(message: ForwardMsg) -> dict[str, Any]:
    """The data of a part that runs in the browser, if the message has one."""
    element = message.delta.new_element
    if element.WhichOneof("type") != "bidi_component":
        return {}
    data: dict[str, Any] = json.loads(element.bidi_component.json or "{}")
    return data


@asynccontextmanager
async def _open(port: int, count: int, seen: Seen) -> AsyncIterator[None]:
    """That many viewers, who open the page one after the other, while the block runs."""
    viewers = [Viewer(port, seen) for _ in range(count)]
    watching = []
    for viewer in viewers:
        watching.append(asyncio.create_task(viewer.watch()))
        await asyncio.wait_for(viewer.has_board.wait(), OPENING)
    try:
        yield
    finally:
        for task in watching:
            task.cancel()
        for ended in await asyncio.gather(*watching, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


async def _watched(port: int, count: int, seconds: float) -> dict[str, Any]:
    seen = Seen()
    async with _open(port, count, seen):
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        seen.runs = seen.boards = seen.strips = seen.received = seen.failed = 0
        seen.waited.clear()
        await asyncio.sleep(seconds)
        return {**vars(seen), "waited": list(seen.waited)}


if __name__ == "__main__":
    sys.stdout.write(
        json.dumps(asyncio.run(_watched(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
    )
