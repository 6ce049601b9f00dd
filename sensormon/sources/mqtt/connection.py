"""One connection to a broker, from TCP to its end; a session makes a new one each time.

Only the thread that calls `open`, `pump` and `close` reads and writes the socket; `publish`, `acknowledge`
and `wake` may be called by others. paho's own thread is not used: it cannot leave the socket unread, and an
exception ends it silently.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from sensormon.model.errors import SourceError
from sensormon.sources.mqtt.broker import Broker
from sensormon.sources.mqtt.buffered import BufferedSocket
from sensormon.sources.mqtt.refusals import MustBeMended, ended, refused, unreachable

WINDOW = 2_000
"""Messages that a broker of MQTT 5 may send before the first of them is acknowledged."""
MOST_UNCONFIRMED = 10_000
"""Messages of ours that may wait to be sent or confirmed."""
CONNECTING = 5.0
"""Seconds that TCP, and then each step of TLS, may take."""
_ROUND = 500
"""Messages that are read before something else is looked at."""
_NO_RETAINED_AGAIN = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
_UNREADABLE = (ValueError, IndexError, KeyError, struct.error)
"""What paho raises over packets that break the protocol; its own errors are ValueErrors."""


class Delivery:
    """A message on its way to the broker. With QoS 0 it is confirmed once it is sent."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._confirmed = False

    @property
    def confirmed(self) -> bool:
        """Whether the broker has it."""
        return self._confirmed

    @property
    def lost(self) -> bool:
        """Whether the connection ended before the broker confirmed it, which may have it or not."""
        return self._ended.is_set() and not self._confirmed

    def wait(self, seconds: float) -> bool:
        """Wait until it is confirmed or lost, at most `seconds`; True if it is confirmed."""
        self._ended.wait(seconds)
        return self._confirmed

    def end(self, confirmed: bool) -> None:
        """The connection calls it."""
        self._confirmed = confirmed
        self._ended.set()


class _Client(Client):
    """paho's client with a way to connect that leaves no socket open when TLS does not come about."""

    def __init__(self, broker: Broker, connecting: float, **more: Any) -> None:
        self.buffered: BufferedSocket | None = None
        """What is connected, or was last."""
        self._broker = broker
        self._connecting = connecting
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            reconnect_on_failure=False,
            manual_ack=True,
            **more,
        )

    def _create_socket(self) -> BufferedSocket:
        broker = self._broker
        context = _context(broker) if broker.tls else None
        plain = socket.create_connection((broker.host, broker.port), self._connecting)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # acknowledgements are small and many
        if context is None:
            return self._buffered(plain)
        try:
            return self._buffered(context.wrap_socket(plain, server_hostname=broker.host))
        except BaseException:
            plain.close()
            raise

    def _buffered(self, inner: socket.socket) -> BufferedSocket:
        self.buffered = BufferedSocket(inner)
        return self.buffered


class Connection:
    """Of one client. `received` gets each message, in the thread of `pump`.

    With `clean` the broker forgets the client at the end. With `subscribed` it has these subscriptions
    already, if it still knows the session: they are not made again, which would bring all retained values.
    `stale` are filters that the session may still have and nobody wants any more. `connecting` is how many
    seconds TCP, and each step of TLS, may take.
    """

    def __init__(
        self,
        broker: Broker,
        password: str,
        subscriptions: Sequence[tuple[str, int]],
        received: Callable[[MQTTMessage], None],
        *,
        clean: bool = False,
        subscribed: bool = False,
        stale: Sequence[str] = (),
        connecting: float = CONNECTING,
    ) -> None:
        self.answered = False
        """Whether the broker let the client in."""
        self.ready = False
        """Whether all subscriptions are answered."""
        self.resumed = False
        """Whether the broker still knew the session."""
        self.problems: list[SourceError] = []
        """Subscriptions that the broker refused, or gave less than asked for."""
        self.granted = 0
        self._broker = broker
        self._subscriptions = list(subscriptions)
        self._subscribed = subscribed
        self._stale = list(stale)
        self._connecting = connecting
        self._clean = clean
        self._received = received
        self._count = 0
        self._error: SourceError | None = None
        self._reason = ""
        self._deliveries: dict[int, Delivery] = {}
        self._confirmed_early: set[int] = set()
        """Numbers of messages that were confirmed before `publish` had noted them."""
        self._publishing = threading.Lock()  # never held while paho is called, which has locks of its own
        self._closed = False
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._client = self._make(password)

    def open(self) -> None:
        """Connect, with TLS if the broker is to be asked with it. Raises SourceError."""
        try:
            if self._broker.version == "5":
                properties = Properties(PacketTypes.CONNECT)
                properties.SessionExpiryInterval = 0 if self._clean else self._broker.expiry
                properties.ReceiveMaximum = WINDOW
                self._client.connect(
                    self._broker.host,
                    self._broker.port,
                    self._broker.keepalive,
                    clean_start=self._clean,
                    properties=properties,
                )
            else:
                self._client.connect(self._broker.host, self._broker.port, self._broker.keepalive)
        except OSError as error:
            raise unreachable(error, self._broker) from error

    def pump(self, room: Callable[[], bool], seconds: float) -> None:
        """Read and write what is due, waiting at most `seconds`; without `room` the socket stays unread.

        Raises SourceError when the connection has come to its end.
        """
        connected = self._client.buffered
        if connected is None or self._client.socket() is None:
            raise self._end()
        reading = room()
        pending = reading and connected.pending() > 0
        writing = self._client.want_write() or connected.has_waiting
        poll = select.poll()
        events = (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0)
        poll.register(connected.fileno(), events)
        poll.register(self._wake_in.fileno(), select.POLLIN)
        ready = dict(poll.poll(0 if pending else round(seconds * 1000)))
        if self._wake_in.fileno() in ready:
            with suppress(BlockingIOError):
                self._wake_in.recv(10_000)
        happened = ready.get(connected.fileno(), 0)
        broken = bool(happened & (select.POLLERR | select.POLLNVAL))
        hung_up = bool(happened & select.POLLHUP)
        try:
            if reading and (pending or happened):
                self._read(room)
            elif broken or hung_up:  # nothing more can be acknowledged, and a round must not spin
                raise self._end()
            if self._client.want_write():
                self._client.loop_write()
            self._client.loop_misc()
            if self._client.socket() is not None:
                connected.flush()
        except OSError as error:
            raise self._end() from error
        except _UNREADABLE as error:
            raise SourceError(
                f"the broker sent what is not MQTT ({type(error).__name__})",
                where=self._broker.place,
                hint="Look whether the port is that of a broker",
            ) from error
        if self._client.socket() is None:
            raise self._end()

    def acknowledge(self, number: int, qos: int) -> None:
        """Let the broker know that this message need not come again."""
        self._client.ack(number, qos)

    def wake(self) -> None:
        """End the waiting of `pump`: there is something to write, or room to read."""
        with suppress(BlockingIOError, OSError):
            self._wake_out.send(b"\0")

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> Delivery:
        """Send this message. Raises SourceError if the connection is gone or too many wait already."""
        where, delivery = self._broker.place, Delivery()
        if self._closed or not self.answered:
            raise SourceError("not connected, so nothing was published", where=where)
        full = len(self._deliveries) >= MOST_UNCONFIRMED
        info = None if full else self._client.publish(topic, payload, qos, retain)
        if info is None or info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise SourceError(
                f"{MOST_UNCONFIRMED:,} messages wait for the broker, so this one was not published",
                where=where,
                hint="Publish less often, or use a faster broker",
            )
        self._note(info.mid, delivery)
        self.wake()
        return delivery

    def close(self, farewell: bool = True) -> None:
        """End the connection; with `farewell` the broker is told, and publishes no last will."""
        with self._publishing:
            self._closed = True
        if farewell and self.answered and self._client.socket() is not None:
            self._client.disconnect()
            with suppress(*_UNREADABLE):
                self._client.loop_write()
        connected = self._client.socket()
        if connected is not None:
            connected.close()
        self._wake_in.close()
        self._wake_out.close()
        with self._publishing:
            for delivery in self._deliveries.values():
                delivery.end(confirmed=False)
            self._deliveries.clear()

    # -- what paho calls, in the thread of `pump` ----------------------------------------

    def _make(self, password: str) -> _Client:
        broker, five = self._broker, self._broker.version == "5"
        client = _Client(
            broker,
            self._connecting,
            clean_session=None if five else self._clean,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        )
        client.max_inflight_messages_set(1_000)
        client.max_queued_messages_set(MOST_UNCONFIRMED)
        if broker.user:
            client.username_pw_set(broker.user, password or None)
        if broker.will is not None:
            will = broker.will
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_connect = self._connected
        client.on_subscribe = self._answered
        client.on_message = self._message
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        # Without this, paho writes to the socket in whatever thread has something to send.
        client.on_socket_register_write = lambda *_: None
        return client

    def _connected(
        self, client: Client, data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        del data, properties
        if reason.is_failure:
            self._error = refused(reason.getName(), self._broker)
            return
        self.answered, self.resumed = True, flags.session_present
        if self._stale and self.resumed:
            client.unsubscribe(self._stale)
        if not self._subscriptions or (self._subscribed and self.resumed):
            self.granted, self.ready = len(self._subscriptions), True
        elif self._broker.version == "5":
            client.subscribe(
                [
                    (topic, SubscribeOptions(qos=qos, retainHandling=_NO_RETAINED_AGAIN))
                    for topic, qos in self._subscriptions
                ]
            )
        else:
            client.subscribe(self._subscriptions)

    def _answered(
        self, client: Client, data: Any, number: int, reasons: Sequence[ReasonCode], properties: Any
    ) -> None:
        del client, data, number, properties
        for (topic, qos), reason in zip(self._subscriptions, reasons, strict=False):
            if reason.is_failure:
                self.problems.append(
                    MustBeMended(
                        f"the broker refuses the subscription of {topic!r} ({reason.getName()})",
                        where=self._broker.place,
                        hint="Allow this user to read the topic, at the broker",
                    )
                )
                continue
            self.granted += 1
            if reason.value < qos:
                self.problems.append(
                    SourceError(
                        f"the broker grants {topic!r} with QoS {reason.value} only",
                        where=self._broker.place,
                        hint="What is sent while nobody is connected is lost; allow QoS 1 at the broker",
                    )
                )
        self.ready = True

    def _message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        del client, data
        self._count += 1
        self._received(message)

    def _published(self, client: Client, data: Any, number: int, reason: ReasonCode, properties: Any) -> None:
        del client, data, properties
        with self._publishing:
            delivery = self._deliveries.pop(number, None)
            if delivery is None:
                self._confirmed_early.add(number)
        if delivery is not None:
            delivery.end(confirmed=not reason.is_failure)

    def _disconnected(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, properties
        if flags.is_disconnect_packet_from_server:
            self._reason = reason.getName()

    def _note(self, number: int, delivery: Delivery) -> None:
        """Keep this delivery until it is confirmed or lost, if it is neither yet."""
        with self._publishing:
            if number in self._confirmed_early:
                self._confirmed_early.discard(number)
                delivery.end(confirmed=True)
            elif self._closed:
                delivery.end(confirmed=False)
            else:
                self._deliveries[number] = delivery

    def _read(self, room: Callable[[], bool]) -> None:
        """Read messages while there are any and room for them, a bounded number."""
        for _ in range(_ROUND):
            before = self._count
            success = self._client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
            if not success or self._count == before or not room():
                return

    def _end(self) -> SourceError:
        return self._error or ended(self._reason, self.answered, self._broker)


def _context(broker: Broker) -> ssl.SSLContext:
    """How TLS is done with this broker. Raises SourceError if a file cannot be used."""
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise MustBeMended(
            f"ca_file: {broker.ca_file} cannot be read as certificates",
            where=broker.place,
            hint="Name a file in PEM form",
        ) from error
    if broker.certificate_file is not None:
        try:
            # An encrypted key would ask at the terminal; with an empty answer it is refused.
            context.load_cert_chain(broker.certificate_file, broker.key_file, lambda: b"")
        except (OSError, ssl.SSLError) as error:
            raise MustBeMended(
                f"client certificate: {broker.certificate_file} and its key cannot be used",
                where=broker.place,
                hint="Name a certificate and its unencrypted key, both in PEM form",
            ) from error
    return context
