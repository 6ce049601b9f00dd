"""Somebody who listens to a broker: what came, by topic."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.mosquitto import Mosquitto

_PATIENCE = 20.0


class Subscriber:
    """It subscribes to these topics at QoS 1; it is there when this returns.

    A broker that stops remembers it if it is `known`, and keeps for it what comes before it is back.
    """

    def __init__(
        self,
        broker: Mosquitto,
        topics: str = "#",
        name: str = "listener",
        user: str = "",
        password: str = "",
        *,
        known: bool = False,
    ) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        """Topic, payload and whether it was retained, in order of arrival."""
        self._changed = threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=not known)
        self._client.reconnect_delay_set(1, 1)
        if user:
            self._client.username_pw_set(user, password)
        ready = threading.Event()
        self._client.on_connect = lambda client, _, flags, *__: (
            flags.session_present or client.subscribe(topics, 1)
        )
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = lambda _, __, message: self._take(message)
        self._client.connect("127.0.0.1", broker.port, keepalive=5)
        self._client.loop_start()
        assert ready.wait(_PATIENCE)

    def publish(self, topic: str, payload: bytes) -> None:
        """Say something oneself."""
        self._client.publish(topic, payload, 1)

    def payloads(self, topic: str) -> list[bytes]:
        """What came on this topic."""
        with self._changed:
            return [payload for name, payload, _ in self.messages if name == topic]

    def objects(self, topic: str) -> list[dict[str, Any]]:
        """The same, read as JSON."""
        return [json.loads(payload) for payload in self.payloads(topic)]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until this holds, looked at whenever something comes."""
        until = time.monotonic() + _PATIENCE
        with self._changed:
            while not condition():
                left = until - time.monotonic()
                assert left > 0, f"it did not come; what came: {self.messages[-20:]}"
                self._changed.wait(min(left, 0.05))

    def close(self) -> None:
        """Listen no longer."""
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, bytes(message.payload), message.retain))
            self._changed.notify_all()
