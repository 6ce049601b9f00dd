"""A worker on the bus: it takes its share of the partitions and gives up what is above it.

Which worker has a partition is NATS's to say. A worker only counts: all workers ask for the messages of every
partition, so the number that ask tells how many there are, and who has more than its part lets go of some.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from statistics import median_low
from typing import Any

import nats.errors
from nats.aio.client import Client

from sensormon.bus.connection import Connection
from sensormon.bus.jetstream import JetStream
from sensormon.bus.partition import Plant
from sensormon.bus.share import Share
from sensormon.bus.threads import in_thread
from sensormon.bus.troubles import NO_CONSUMER, NO_STREAM, is_refused, unreachable
from sensormon.model.errors import BusError, SensormonError
from sensormon.model.settings import store_place

_log = logging.getLogger(__name__)

BALANCE_SECONDS = 2.0
"""Between two looks at how many workers there are."""
AGAIN_SECONDS = 2.0
"""Until the next try after the bus or the store could not be reached."""
AT_ONCE = 4
"""Partitions that use the store at the same moment."""
_CONNECTING: dict[str, Any] = {
    "name": "sensormon",
    "connect_timeout": 2,
    "reconnect_time_wait": 0.5,
    "max_reconnect_attempts": -1,
    "ping_interval": 5,
    "max_outstanding_pings": 1,
}
_EXPECTED = (SensormonError, nats.errors.Error, OSError, TimeoutError)
_LOOK = 0.1
"""Seconds between two looks at whether to stop."""
_STOP_SECONDS = 1.0


class BusWorker:
    """Of one monitor. `url` names the servers, with commas between them."""

    def __init__(self, url: str, plant: Plant) -> None:
        self._away = ""  # why there is no connection, or no stream
        self._trouble = ""  # what is wrong although messages may come
        self._refused = False
        self._client: Connection | None = None
        self._shares: Sequence[Share] = ()
        self._leaving = False
        self._url = url
        self._plant = plant
        self._place = ", ".join(store_place(server) for server in url.split(","))

    @property
    def problem(self) -> str:
        """Why nothing comes in, or not of all tags; empty if nothing is wrong."""
        waiting = (share.problem for share in self._shares)
        return self._away or self._trouble or next(filter(None, waiting), "")

    def run(self, stopping: threading.Event) -> None:
        """Take readings until `stopping` is set."""
        asyncio.run(self._run(stopping))

    async def _run(self, stopping: threading.Event) -> None:
        working = asyncio.create_task(self._keep_working())
        while not stopping.is_set() and not working.done():
            await asyncio.sleep(_LOOK)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    async def _keep_working(self) -> None:
        while True:
            try:
                await self._work()
            except* _EXPECTED as errors:
                self._say_away(_first(errors))
            await asyncio.sleep(AGAIN_SECONDS)

    def _say_away(self, error: BaseException) -> None:
        self._refused = is_refused(error)
        known = isinstance(error, SensormonError)
        problem = str(error if known else unreachable(error, self._place))
        if problem != self._away:
            _log.warning("no readings from the bus: %s", problem)
        self._away = problem

    async def _work(self) -> None:
        """Connect and take readings until something fails for good."""
        self._leaving = False
        self._client = client = Connection()
        await client.connect(
            self._url.split(","),
            error_cb=self._note,
            disconnected_cb=self._disconnected,
            reconnected_cb=self._reconnected,
            **_CONNECTING,
        )
        try:
            jetstream = JetStream(client, self._place)
            stream = await jetstream.stream(await in_thread(self._plant.partitions.furthest))
            await jetstream.take_mqtt()
            threads = asyncio.Semaphore(AT_ONCE)
            self._shares = [
                Share(client, jetstream, self._plant, stream, number, threads)
                for number in range(stream.partitions)
            ]
            self._away, self._refused = "", False
            _log.info("taking readings from %s, %d partitions", self._place, stream.partitions)
            async with asyncio.TaskGroup() as tasks:
                for share in self._shares:
                    tasks.create_task(share.run())
                tasks.create_task(self._balance(jetstream, self._shares))
        finally:
            self._leaving = True
            self._trouble = ""
            await _leave(client, self._shares)
            self._shares = ()

    async def _balance(self, jetstream: JetStream, shares: Sequence[Share]) -> None:
        """Let go of a partition now and then while there are more here than this worker's part.

        A request may just have ended, or one of a worker that is gone may not have: so most partitions must
        say the same, twice.
        """
        above = False
        while True:
            await asyncio.sleep(BALANCE_SECONDS)
            own = [share for share in shares if share.owned]
            try:
                waiting = await self._look(jetstream, len(shares))
            except BusError as error:
                if error.code in (NO_STREAM, NO_CONSUMER):
                    raise
                self._say_trouble(str(error))
                continue
            again, above = above, len(own) > -(-len(shares) // max(1, median_low(waiting)))
            if above and again:
                await own[-1].let_go()

    async def _look(self, jetstream: JetStream, partitions: int) -> Sequence[int]:
        """How many workers ask for the messages of each partition. Raises BusError."""
        if self._client is not None and self._client.is_closed:  # the server has sent it away for good
            raise unreachable(self._client.last_error or ConnectionError("closed"), self._place)
        await jetstream.take_mqtt()
        waiting = [await jetstream.waiting(number) for number in range(partitions)]
        try:
            await jetstream.check_room()
        except BusError as error:
            self._say_trouble(str(error))
        else:
            self._trouble = ""
        return waiting

    def _say_trouble(self, problem: str) -> None:
        if problem != self._trouble:
            _log.warning("the bus: %s", problem)
        self._trouble = problem

    async def _note(self, error: Exception) -> None:
        """What the client library meets, and goes on after."""
        if self._client is not None and self._client.is_connected:
            _log.info("NATS: %s", error)
        elif not self._refused:  # of several servers, one that refuses us says more than one that is away
            self._say_away(error)

    async def _disconnected(self) -> None:
        if self._leaving:
            return
        self._away = f"{self._place}: the connection to NATS is lost. sensormon connects again by itself"
        _log.warning("%s", self._away)

    async def _reconnected(self) -> None:
        self._away, self._refused = "", False
        _log.info("connected to NATS again")


async def _leave(client: Client, shares: Sequence[Share]) -> None:
    """Hand over what this worker has, so that others need not wait, and close the connection."""
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await asyncio.gather(*(share.let_go() for share in shares if share.owned))
    except TimeoutError:
        _log.info("partitions are not handed over; they move by themselves")
    await client.close()


def _first(errors: BaseExceptionGroup[Exception]) -> BaseException:
    """The first error in this group and the groups in it."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
