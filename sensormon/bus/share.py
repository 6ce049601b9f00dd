"""One partition as this worker sees it: it asks for the messages, and stores them if they come here.

Every worker asks for the messages of every partition; JetStream answers one of them. Two tasks: one asks, the
other stores what came. While the store does not take the readings nothing is asked for, so that the partition
goes to a worker that reaches the store.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from sensormon.bus.connection import PIN, STATUS
from sensormon.bus.deliveries import Deliveries, Delivery
from sensormon.bus.jetstream import JetStream
from sensormon.bus.layout import STREAM, consumer_name, pull_request
from sensormon.bus.partition import Partition, Plant, Stream
from sensormon.bus.payload import Message
from sensormon.bus.threads import in_thread
from sensormon.model.errors import BusError, Overtaken, SensormonError, StoreError

_log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH = 1_000
"""The most messages that are asked for, and stored, at once."""
BATCH_BYTES = 8_000_000
"""And the most bytes, unless the server takes larger messages."""
GATHER = 0.2
"""Seconds to gather more messages for a transaction that is not full."""
ASK_SECONDS = 1.5
"""How long a request waits at the server; well below the time after which the partition moves."""
REPORT_SECONDS = 2.0
HAND_OVER_SECONDS = 2.0
"""For how long a worker that has let a partition go does not ask for it."""
BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before the next try after failures in a row; the last value for all further ones."""
_HEARTBEAT, _WRONG_PIN, _NOBODY = "100", "423", "503"


class Share:
    """Of partition `number`. `threads` says how many partitions may use the store at once."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStream,
        plant: Plant,
        stream: Stream,
        number: int,
        threads: asyncio.Semaphore,
    ) -> None:
        self.problem = ""
        """Why nothing of the partition is stored now; empty if nothing is wrong."""
        self._client = client
        self._jetstream = jetstream
        self._plant = plant
        self._stream = stream
        self._number = number
        self._threads = threads
        self._pin = ""
        self._lost = ""  # the pin before, whose last messages the next worker has
        self._queue: list[Delivery] = []
        self._arrived = asyncio.Event()
        self._answered = asyncio.Event()  # the request is used up or refused
        self._left = 0  # messages of the request that have not come
        self._partition: Partition | None = None
        self._deliveries: Deliveries | None = None
        self._not_before = 0.0
        self._storing = asyncio.Lock()
        self._oldest: int | None = None  # when the stream took the oldest message that is not stored here
        self._pending = 0  # messages that were still to be delivered

    @property
    def owned(self) -> bool:
        """Whether this worker is the one that gets the messages, as far as it knows."""
        return bool(self._pin)

    async def run(self) -> None:
        """Take messages until the task is cancelled."""
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox, cb=self._take)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_asking(inbox))
                tasks.create_task(self._keep_storing())
                tasks.create_task(self._keep_reporting())
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def let_go(self) -> None:
        """Hand the partition over to another worker once what is being stored is stored."""
        self._not_before = asyncio.get_running_loop().time() + HAND_OVER_SECONDS
        async with self._storing:
            self._lose_pin()
            try:
                await self._jetstream.release(self._number)
            except BusError as error:  # it moves by itself, only later
                _log.info("%s", error)

    # -- asking -------------------------------------------------------------------

    async def _keep_asking(self, inbox: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() < self._not_before or self.problem or len(self._queue) >= BATCH:
                await asyncio.sleep(0.1)
                continue
            self._answered.clear()
            self._left = BATCH
            size = max(BATCH_BYTES, 2 * self._client.max_payload)
            request = json.dumps(pull_request(BATCH, size, ASK_SECONDS, self._pin)).encode()
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer_name(self._number)}"
            try:
                await self._client.publish(subject, request, reply=inbox)
                async with asyncio.timeout(ASK_SECONDS + 1.0):
                    await self._answered.wait()
            except TimeoutError:
                pass  # the answer was lost with a connection
            except nats.errors.Error as error:
                _log.info("cannot ask for messages of partition %d: %s", self._number, error)
                await asyncio.sleep(0.5)

    async def _take(self, message: Msg) -> None:
        """A message or the end of a request, from the client library."""
        headers = message.headers or {}
        try:
            delivery = Delivery.of(message.subject, message.reply, message.data)
        except ValueError as error:
            self._answer(headers.get(STATUS, ""), str(error))
            return
        # Whoever publishes nonsense for headers spoils the pin; what is too late the transaction refuses.
        pin = headers.get(PIN) or self._pin
        if pin and pin == self._lost:
            return
        if pin != self._pin:
            _log.info("took over partition %d", self._number)
            self._pin = pin
            self._queue.clear()  # they come again
            self._drop()
        self._queue.append(delivery)
        self._pending = delivery.pending
        if self._oldest is None:
            self._oldest = delivery.message.time
        self._arrived.set()
        self._left -= 1
        if self._left <= 0:
            self._answered.set()

    def _answer(self, status: str, problem: str) -> None:
        """What the server says of the request itself."""
        if not status:
            _log.warning("ignored: %s", problem)
            return
        if status == _WRONG_PIN:
            self._lose_pin()
        if status == _NOBODY:  # which the server says at once, until the worker has looked after it
            self._not_before = asyncio.get_running_loop().time() + BACKOFF[0]
        if status != _HEARTBEAT:
            self._answered.set()

    # -- storing ------------------------------------------------------------------

    async def _keep_storing(self) -> None:
        failures = 0
        while True:
            await self._arrived.wait()
            if len(self._queue) < BATCH and not failures:
                await asyncio.sleep(GATHER)
            async with self._storing:
                deliveries, self._queue = self._queue, []
                self._arrived.clear()
                try:
                    await self._store(deliveries)
                    failures = 0
                except (SensormonError, nats.errors.Error) as error:
                    failures += 1
                    self._drop()
                    _log.warning("partition %d is read again: %s", self._number, error)
                    await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF)) - 1])

    async def _store(self, deliveries: Sequence[Delivery]) -> None:
        """Store what of these is new, then acknowledge all of them. Raises SensormonError."""
        partition = self._partition
        if partition is None or self._deliveries is None:
            partition = await self._again_and_again(
                lambda: Partition.load(self._plant, self._number, self._stream)
            )
            self._deliveries = Deliveries(partition.stored, self._following)
            self._partition = partition
        messages = await self._deliveries.in_order(deliveries)
        while messages:
            taken = await self._again_and_again(partial(partition.take, messages))
            await self._again_and_again(partition.store)
            del messages[:taken]
        for delivery in deliveries:
            await self._client.publish(delivery.reply, b"+ACK")
        self._oldest = self._queue[0].message.time if self._queue else None

    async def _again_and_again(self, step: Callable[[], T]) -> T:
        """Do this step in another thread until the store can be reached. Raises Overtaken."""
        failures = 0
        while True:
            try:
                async with self._threads:
                    result = await in_thread(step)
            except Overtaken:
                self.problem = ""
                raise
            except StoreError as error:
                if not self.problem:
                    _log.warning("readings of partition %d wait: %s", self._number, error)
                self.problem = str(error)
                failures += 1
                await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF)) - 1])
            else:
                self.problem = ""
                return result

    async def _following(self, sequence: int) -> Message | None:
        return await self._jetstream.next_message(self._number, sequence)

    async def _keep_reporting(self) -> None:
        """Tell the store, for the Pipeline page, how the partition is."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            partition, pending, oldest = self._partition, self._pending + len(self._queue), self._oldest
            if partition is None or not self._pin or self.problem:
                continue
            report = partial(partition.report, pending, oldest)
            with suppress(StoreError):  # whoever stores readings says so
                async with self._threads:
                    await in_thread(report)

    def _lose_pin(self) -> None:
        """Another worker has the partition: what is waiting here is its to store."""
        self._lost, self._pin = self._pin or self._lost, ""
        self._queue.clear()
        self._oldest = None
        self._drop()

    def _drop(self) -> None:
        """Forget the partition; what is stored of it is loaded when its next message comes."""
        self._partition = self._deliveries = None
