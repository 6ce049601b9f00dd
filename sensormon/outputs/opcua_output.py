"""An output of kind "opcua": our own server, in a thread and a loop of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence

from sensormon.model.clock import SECOND
from sensormon.model.errors import OutputError, StoreError
from sensormon.outputs.config import Server
from sensormon.outputs.event_look import TagFlag
from sensormon.outputs.opcua_access import guarded
from sensormon.outputs.opcua_space import Space
from sensormon.outputs.opening import Around
from sensormon.outputs.report import OutputReport
from sensormon.outputs.values import Newest, TagValue, ValueFeed

STEP = 0.2
"""Seconds between two looks at what has come."""
STATES = 1.0
"""Seconds between two looks at states and tags."""
PIECE = 200
"""Values that are written before clients have a turn."""


def run(config: Server, around: Around, report: OutputReport, stopping: threading.Event) -> None:
    """Serve until `stopping` is set. Raises OutputError and UsageError."""
    passwords = {user.name: around.password(user.secret, config.common.where) for user in config.users}
    _check_free(config)
    asyncio.run(_Serving(config, around, report).serve(passwords, stopping))


class _Serving:
    def __init__(self, config: Server, around: Around, report: OutputReport) -> None:
        self._config = config
        self._around = around
        self._report = report
        self._takes = config.common.takes()
        self._feed = ValueFeed(around.monitor, self._takes)
        self._newest = Newest()
        self._latest: dict[str, TagValue] = {}
        self._flags: dict[str, TagFlag] = {}
        self._clients = -1
        self._next = 0

    async def serve(self, passwords: dict[str, str], stopping: threading.Event) -> None:
        monitor = self._around.monitor
        server = await guarded(self._config, passwords, monitor.settings.data_dir)
        space = await Space.below(server)
        await server.start()
        try:
            while not await asyncio.to_thread(stopping.wait, STEP):
                listener = server.bserver
                if listener is None or listener._server is None or not listener._server.is_serving():
                    raise OutputError("it has stopped listening", where=self._config.common.where)
                if len(listener.clients) != self._clients:
                    self._clients = len(listener.clients)
                    self._report.connected(f"{self._clients} connected")
                await self._step(space)
        finally:
            await server.stop()

    async def _step(self, space: Space) -> None:
        monitor = self._around.monitor
        fresh = await asyncio.to_thread(self._feed.fresh)
        values = self._newest.of(fresh)
        self._latest |= {value.tag: value for value in values}
        now = monitor.clock.now()
        if not 0 <= self._next - now <= STATES * SECOND:
            self._next = now + round(STATES * SECOND)
            names = self._feed.tags()
            tags = monitor.tags
            if await space.have(tags[name] for name in names):  # the nodes are new: all that is known again
                self._flags, values = {}, [*self._latest.values()]
            await self._tell_flags(space, now)
        for place in range(0, len(values), PIECE):
            self._report.published(await space.values(values[place : place + PIECE]))
            await asyncio.sleep(0)

    async def _tell_flags(self, space: Space, now: int) -> None:
        try:
            changed = await asyncio.to_thread(self._changed)
        except StoreError as error:  # values go on
            self._report.trouble(error)
            return
        await space.flags(changed, now)

    def _changed(self) -> Sequence[TagFlag]:
        looks = self._around.looks
        flags = looks.flags(looks.current(), self._takes)
        changed = [flag for tag, flag in flags.items() if self._flags.get(tag) != flag]
        self._flags = flags
        return changed


def _check_free(config: Server) -> None:
    """Raises OutputError if somebody else has the port."""
    family = socket.AF_INET6 if ":" in config.address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.address, config.port))
        except OSError as error:
            raise OutputError(
                f"{config.url} cannot be served ({error.strerror})",
                where=config.common.where,
                hint="Use another port, or an address that this machine has",
            ) from error
