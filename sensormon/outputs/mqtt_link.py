"""The connection to a broker: kept up by itself, bounded, and never waited for.

`publish` only hands over; what has arrived is asked for by `landed`. All methods are for one thread; paho's
own thread only notes what happens. What it is not: a queue, or who decides what is sent.
"""

from __future__ import annotations

import queue
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sensormon.model.errors import OutputError
from sensormon.outputs.config import Broker
from sensormon.outputs.json_messages import Message

WINDOW = 500
"""Messages that may be under way; who has more waits."""
IN_FLIGHT = 20
"""Of these at QoS 1 so many are sent before the broker has acknowledged the first: brokers that speak MQTT 5
allow as many or more, and paho does not heed what they say."""
KEEP_ALIVE = 20
"""Seconds of silence after which the connection is tried: a broker that is gone is seen within twice that."""
DELAYS = (1, 10)
"""Seconds between two attempts to connect, doubling from the first to the last."""
GOODBYE = 0.3
"""Seconds that the last message has to arrive."""
MOST_COMMANDS = 100
_DOWN = "docs/outputs.md names what to look at"


class MqttLink:
    """To this broker. `will` gives the message that the broker publishes if we vanish, anew for each
    connection. Raises OutputError if the configuration cannot be used.
    """

    def __init__(
        self,
        config: Broker,
        password: str,
        folder: Path,
        will: Callable[[], Message],
        subscribes: tuple[str, ...] = (),
    ) -> None:
        self.generation = 0
        """Counts the connections that were made."""
        self.problem = ""
        """Why there is no connection; empty while there is one."""
        self.refused = ""
        """What the broker last did not take, and why."""
        self.commands: queue.Queue[tuple[str, bytes]] = queue.Queue(MOST_COMMANDS)
        """What came on the topics subscribed to."""
        self._will = will
        self._subscribes = subscribes
        self._acknowledged: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._under_way: dict[int, Message] = {}
        self._config = config
        self._client = self._made(config, password, folder)

    def start(self) -> None:
        """Connect, and connect again whenever the connection is lost."""
        self._client.connect_async(self._config.host, self._config.port, KEEP_ALIVE)
        self._client.loop_start()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us. Raises OutputError if the connection's thread has died."""
        thread: threading.Thread | None = self._client._thread
        if thread is None or not thread.is_alive():
            raise OutputError("the thread of the connection has died", where=self._config.place)
        return self._client.is_connected() and not self.problem

    @property
    def room(self) -> int:
        """How many messages may be handed over now."""
        return WINDOW - len(self._under_way)

    def publish(self, message: Message) -> int | None:
        """Hand it over; its number for `landed`, None if that could not be and it is to be tried again."""
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS and not message.qos:
            return None  # at QoS 1 it is sent as soon as there is a connection
        self._under_way[info.mid] = message
        return info.mid

    def landed(self) -> set[int]:
        """The numbers of the messages that have arrived since, or that the broker refuses for good."""
        numbers = set[int]()
        while True:
            try:
                number, refusal = self._acknowledged.get_nowait()
            except queue.Empty:
                return numbers
            message = self._under_way.pop(number, None)
            numbers.add(number)
            if refusal and message is not None:
                self.refused = f"the broker did not take {message.topic}: {refusal}"

    def forget(self) -> None:
        """After a new connection: what was sent at QoS 0 over the old one will never be acknowledged."""
        self._under_way = {number: message for number, message in self._under_way.items() if message.qos}

    def close(self, last: Message | None) -> None:
        """Say goodbye with this message, which takes the place of the will, and disconnect."""
        thread: threading.Thread | None = self._client._thread
        if self._client.is_connected() and last is not None:
            info = self._client.publish(last.topic, last.payload, last.qos, last.retain)
            if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                info.wait_for_publish(GOODBYE)
        self._client.disconnect()
        if thread is not None:
            thread.join(GOODBYE)

    # -- set up, and what paho's thread calls ---------------------------------------------

    def _made(self, config: Broker, password: str, folder: Path) -> Client:
        version = MQTTv5 if config.version == "5" else MQTTv311
        clean = None if config.version == "5" else True  # a session of 5 ends with its connection by itself
        client = Client(CallbackAPIVersion.VERSION2, config.client_id, clean, protocol=version)
        client.reconnect_delay_set(*DELAYS)
        client.max_inflight_messages_set(IN_FLIGHT)
        if config.user:
            client.username_pw_set(config.user, password or None)
        if config.encrypted:
            self._encrypt(client, config, folder)
        client.on_pre_connect = self._before
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    @staticmethod
    def _encrypt(client: Client, config: Broker, folder: Path) -> None:
        ca, certificate, key = (
            str(folder / name) if name else None
            for name in (config.tls.ca, config.tls.certificate, config.tls.key)
        )
        try:
            client.tls_set(ca, certificate, key, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        except (OSError, ValueError) as error:
            raise OutputError(
                f"its TLS files cannot be used ({error})",
                where=config.common.where,
                hint="Look at ca, certificate and key",
            ) from error

    def _before(self, client: Client, _: object) -> None:
        will = self._will()
        client.will_set(will.topic, will.payload, will.qos, will.retain)

    def _on_connect(
        self,
        client: Client,
        _: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del flags, properties
        if reason.is_failure:
            self.problem = f"the broker refuses the connection: {reason.getName()}"
            return
        for topic in self._subscribes:
            client.subscribe(topic, 1)
        self.problem = ""
        self.generation += 1

    def _on_connect_fail(self, _: Client, __: object) -> None:
        error = sys.exc_info()[1]  # paho calls this while it handles the error
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.problem = f"there is no connection: {words}"

    def _on_disconnect(
        self, _: Client, __: object, flags: DisconnectFlags, reason: ReasonCode, ___: Properties | None
    ) -> None:
        del flags
        if not self.problem:
            self.problem = f"the connection was lost: {reason.getName()}"

    def _on_publish(
        self, _: Client, __: object, number: int, reason: ReasonCode, ___: Properties | None
    ) -> None:
        self._acknowledged.put((number, reason.getName() if reason.is_failure else ""))

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        if not self.commands.full():
            self.commands.put_nowait((message.topic, bytes(message.payload)))
