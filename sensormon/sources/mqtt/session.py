"""A session with a broker that outlasts connections, and this process.

What is guaranteed: a message with QoS 1 is acknowledged after `handle` has returned, in the order of arrival,
and only on the connection on which it came; so the broker sends again whatever was not handled. What it is
not: free of repeats. A message that was handled and whose acknowledgement got lost comes again. One that was
handled and never acknowledged, because its connection had ended, is recognised by its number and content, and
is not handled twice by the same session.

QoS 2 is not offered: paho confirms such a message before it hands it over, so a kill would lose it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from paho.mqtt.client import MQTTMessage

from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import SensormonError, SourceError
from sensormon.model.format import counted
from sensormon.sources.connected import Secret
from sensormon.sources.mqtt.broker import Broker, Will, broker_of
from sensormon.sources.mqtt.connection import Connection, Delivery
from sensormon.sources.mqtt.refusals import MustBeMended, short_lived
from sensormon.sources.mqtt.waiting import LARGEST, Arrived, Entry, Waiting
from sensormon.sources.report import Report

__all__ = ["Arrived", "Broker", "Delivery", "Publisher", "Session", "Will", "broker_of"]

DELAYS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a lost connection is made again; the last value for all further tries."""
_STEADY = 10 * SECOND
"""A connection that lasted this long was a good one: the delays begin anew."""
_SHORT_LIVED = 3
"""So many connections in a row that did not are no accident."""
_ENDING = 0.5
"""Seconds that the end may take."""


class Publisher(Protocol):
    """Sends messages; thread-safe."""

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> Delivery:
        """Send a message; whether it got there the delivery says. Raises SourceError if not connected."""


class Session:
    """Of one client of one broker. `run` once; `publish` from any thread while it runs.

    `subscriptions` are topic filters with their QoS, 0 or 1. With `clean` the broker keeps nothing once the
    connection ends, and no subscription is remembered. `stale` are filters that an earlier run subscribed
    and this one does not want.
    """

    def __init__(
        self,
        broker: Broker,
        secret: Secret,
        subscriptions: Sequence[tuple[str, int]],
        *,
        clean: bool = False,
        stale: Sequence[str] = (),
    ) -> None:
        if any(qos not in (0, 1) for _, qos in subscriptions):
            raise ValueError("QoS 0 and 1 alone are offered")
        self._broker = broker
        self._secret = secret
        self._subscriptions = tuple(subscriptions)
        self._clean = clean
        self._stale = tuple(stale)
        self._waiting = Waiting()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._unacknowledged: dict[int, int] = {}
        """By number, what was read on this connection and not acknowledged, as a hash of its content."""
        self._earlier: dict[int, int] = {}
        """The same of earlier connections, of what has not come again yet."""
        self._subscribed = False
        self._answered = False
        """Whether the last connection had been let in by the broker."""
        self._failure: BaseException | None = None

    def run(
        self,
        handle: Callable[[Sequence[Arrived]], None],
        report: Report,
        stopping: threading.Event,
        clock: Clock,
        on_connected: Callable[[Publisher], None] | None = None,
    ) -> None:
        """Connect, again and again, until `stopping` is set; then end within a second.

        `handle` gets messages in the order of arrival, in this thread, and may block: meanwhile a bounded
        number is kept, then the socket stays unread. `on_connected` is called in this thread each time the
        broker has answered the subscriptions, before the messages that follow. What either raises ends the
        session, and nothing of that call is acknowledged. Why there is no connection `report` is told.
        """
        thread = threading.Thread(
            target=self._keep_connected,
            args=(report, stopping, clock),
            name=f"sensormon-mqtt-{self._broker.client_id}",
            daemon=True,  # the look-up of a host's name cannot be interrupted
        )
        thread.start()
        try:
            while not stopping.is_set():
                if self._failure is not None:
                    raise self._failure
                self._handle(self._waiting.take(stopping.is_set), handle, on_connected)
        finally:
            self._ended.set()
            with self._lock:
                if self._connection is not None:
                    self._connection.wake()
            thread.join(_ENDING)

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> Delivery:
        """See `Publisher`."""
        with self._lock:
            connection = self._connection
        if connection is None:
            raise SourceError("not connected, so nothing was published", where=self._broker.place)
        return connection.publish(topic, payload, qos, retain)

    # -- the caller's thread -------------------------------------------------------------

    def _handle(
        self,
        entries: Sequence[Entry],
        handle: Callable[[Sequence[Arrived]], None],
        on_connected: Callable[[Publisher], None] | None,
    ) -> None:
        """Hand these over and acknowledge them."""
        begin = 0
        for place, entry in enumerate(entries):
            if entry.arrived is None and not entry.qos:  # a new connection
                self._finish(entries[begin:place], handle)
                begin = place + 1
                if on_connected is not None and self._is_current(entry.connection):
                    on_connected(self)
        self._finish(entries[begin:], handle)

    def _finish(self, entries: Sequence[Entry], handle: Callable[[Sequence[Arrived]], None]) -> None:
        arrived = [entry.arrived for entry in entries if entry.arrived is not None]
        if arrived:
            handle(arrived)
        with self._lock:
            connection = self._connection
            for entry in entries:
                if entry.qos and entry.connection is connection:
                    connection.acknowledge(entry.number, entry.qos)
                    self._unacknowledged.pop(entry.number, None)
        if connection is not None and entries:
            connection.wake()

    def _is_current(self, connection: Connection) -> bool:
        with self._lock:
            return connection is self._connection

    # -- the thread of the connection ----------------------------------------------------

    def _keep_connected(self, report: Report, stopping: threading.Event, clock: Clock) -> None:
        """Connect again and again."""
        report.connecting()
        tries = short = 0
        try:
            while not (stopping.is_set() or self._ended.is_set()):
                if not self._waiting.room():
                    self._ended.wait(0.1)
                    continue
                began = clock.now()
                try:
                    self._connect(report, stopping, clock)
                except SourceError as error:
                    steady = clock.now() - began >= _STEADY
                    short = short + 1 if self._answered and not steady else 0
                    self._tell(short_lived(self._broker) if short >= _SHORT_LIVED else error, report)
                    tries = 0 if steady else tries
                clock.wait(self._ended, DELAYS[min(tries, len(DELAYS) - 1)])
                tries += 1
        except SensormonError as error:  # the secret cannot be read
            self._failure = error
        except BaseException as error:  # a fault of ours, which `run` raises too
            self._failure = error
            raise
        finally:
            self._waiting.notify()

    def _connect(self, report: Report, stopping: threading.Event, clock: Clock) -> None:
        """One connection from its begin to its end. Raises SourceError if it was not we who ended it."""

        def received(message: MQTTMessage) -> None:
            self._receive(connection, message, clock.now())

        connection = Connection(
            self._broker,
            self._secret(),
            self._subscriptions,
            received,
            clean=self._clean,
            subscribed=self._subscribed,
            stale=self._stale,
        )
        ready = False
        try:
            connection.open()
            while not (stopping.is_set() or self._ended.is_set()):
                connection.pump(self._waiting.room, 0.2)
                if connection.answered and not self._is_current(connection):
                    self._begin(connection)
                if connection.ready and not ready:
                    ready = True
                    self._ready(connection, report)
        finally:
            self._answered = connection.answered
            with self._lock:
                self._connection = None
            connection.close()

    def _begin(self, connection: Connection) -> None:
        """The broker let the client in: what was not acknowledged comes again, if it knows the session."""
        with self._lock:
            self._connection = connection
            self._earlier = {**self._earlier, **self._unacknowledged} if connection.resumed else {}
            self._unacknowledged = {}

    def _ready(self, connection: Connection, report: Report) -> None:
        wanted, granted = len(self._subscriptions), connection.granted
        if wanted and not granted:
            raise connection.problems[0]
        self._subscribed = granted == wanted and not self._clean
        all_of_them = counted(wanted, "subscription")
        topics = f"{granted} of {all_of_them}" if granted < wanted else all_of_them
        report.connected(topics if wanted else "")
        for problem in connection.problems:
            report.trouble(problem)
        self._waiting.put(Entry(connection, None))

    def _receive(self, connection: Connection, message: MQTTMessage, now: int) -> None:
        """Let a message wait, or only its acknowledgement if it was handed over before."""
        if not self._is_current(connection):
            self._begin(connection)
        try:
            topic = message.topic
        except UnicodeDecodeError:  # no filter matches it; whoever handles it sees that
            topic = "\ufffd"
        arrived: Arrived | None = Arrived(
            topic,
            bytes(message.payload[: LARGEST + 1]),
            message.qos,
            message.retain,
            now,
            connection.resumed,
        )
        if message.qos:
            content = hash((topic, bytes(message.payload)))
            with self._lock:
                known = self._earlier.pop(message.mid, None)
                self._unacknowledged[message.mid] = content
            if message.dup and known == content:
                arrived = None
        self._waiting.put(Entry(connection, arrived, message.mid, message.qos))

    def _tell(self, error: SourceError, report: Report) -> None:
        """Say why there is no connection."""
        if not self._waiting.room():
            error = SourceError(
                "the connection was given up while nothing can be stored; the broker keeps what comes",
                where=self._broker.place,
                hint="Make room for the journal; everything goes on by itself then",
            )
        if isinstance(error, MustBeMended):
            report.failed(error)
        else:
            report.waiting(error)
