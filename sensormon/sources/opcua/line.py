"""An OPC UA source while it runs: connects, delivers, and connects again, for ever."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from sensormon.model.errors import SourceError
from sensormon.sources.connected import Intake, Secret
from sensormon.sources.opcua.connected import Connected, Run
from sensormon.sources.opcua.delivery import Delivery
from sensormon.sources.opcua.kind import OpcUaSource
from sensormon.sources.opcua.publishing import SubscriptionEnded
from sensormon.sources.opcua.session import Connection, connect, leave
from sensormon.sources.opcua.words import CONNECTION_ERRORS, NeedsPerson, source_error
from sensormon.sources.report import Report

BACKOFF = (0.5, 1.0, 2.0, 5.0)
"""Seconds before the next try to connect; the last for all further ones."""
_LOOK = 0.1
"""Seconds between two looks whether the source is to end."""


class Line:
    """See `ConnectedSource`. `folder` is the data folder."""

    def __init__(self, config: OpcUaSource, secret: Secret, folder: Path) -> None:
        self._config = config
        self._secret = secret
        self._folder = folder / "opcua"

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """See `ConnectedSource.run`."""
        config = self._config
        self._folder.mkdir(parents=True, exist_ok=True)
        run = Run(config, Delivery(config.name, intake), report, self._folder)
        tries = 0
        while not stopping.is_set():
            report.connecting()
            before = run.connections
            try:
                asyncio.run(self._until_lost(run, stopping))
            except NeedsPerson:
                raise
            except SubscriptionEnded as error:
                report.trouble(error)
                run.forget_subscription()
            except SourceError as error:
                report.waiting(error)
            except CONNECTION_ERRORS as error:
                report.waiting(source_error(error, config.url))
            tries = tries + 1 if run.connections == before else 0
            stopping.wait(BACKOFF[min(tries, len(BACKOFF) - 1)])

    async def _until_lost(self, run: Run, stopping: threading.Event) -> None:
        """One connection. Returns once the source is to end."""
        work = asyncio.create_task(self._connection(run))
        try:
            while not work.done() and not stopping.is_set():
                await asyncio.wait((work,), timeout=_LOOK)
        finally:
            if not work.done():
                work.cancel()
            await asyncio.wait((work,), timeout=_LOOK * 5)
        if work.done() and not work.cancelled():
            work.result()

    async def _connection(self, run: Run) -> None:
        config = self._config
        lost = asyncio.Event()
        state = self._folder / f"{config.name}.session" if config.timing.bridge else None
        connection = await connect(config, self._secret, self._folder, state, lost.set)
        try:
            await self._while_it_stands(connection, run, lost)
        finally:
            await leave(connection, keep_session=state is not None)

    async def _while_it_stands(self, connection: Connection, run: Run, lost: asyncio.Event) -> None:
        deliver = asyncio.create_task(Connected(connection, run).deliver())
        gone = asyncio.create_task(lost.wait())
        try:
            await asyncio.wait((deliver, gone), return_when=asyncio.FIRST_COMPLETED)
            if deliver.done():
                deliver.result()
            raise SourceError(
                "the connection is lost", where=self._config.url, hint="Nothing to do: it is made again"
            )
        finally:
            for task in (deliver, gone):
                task.cancel()
