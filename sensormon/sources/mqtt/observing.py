"""Listens to a broker for a few seconds with a session of its own, which the broker forgets at the end."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from paho.mqtt.client import MQTTMessage

from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.errors import SourceError
from sensormon.sources.connected import Secret
from sensormon.sources.mqtt.broker import Broker
from sensormon.sources.mqtt.connection import Connection
from sensormon.sources.mqtt.waiting import LARGEST, Arrived

VERSION = "$SYS/broker/version"
"""The topic at which Mosquitto and others say what they are."""
MOST_BYTES = 8 << 20
"""Of payloads that are kept meanwhile."""


@dataclass(frozen=True)
class Observed:
    """What came in `seconds`, of which `broker` said what it is; and what it refused."""

    messages: Sequence[Arrived]
    seconds: float
    broker: str
    problems: Sequence[SourceError]


def observe(
    broker: Broker,
    secret: Secret,
    filters: Sequence[str],
    seconds: float,
    most: int,
    enough: int | None = None,
) -> Observed:
    """Listen until `seconds` are over or `enough` messages came; at most `most` are kept.

    Of each topic the newest message is kept if `enough` is None, otherwise all. Raises SourceError without a
    connection, or if the broker refuses all filters.
    """
    clock = SystemClock()
    messages: dict[object, Arrived] = {}
    size = 0
    about = ""

    def room() -> bool:
        return len(messages) < most and size < MOST_BYTES

    def received(message: MQTTMessage) -> None:
        nonlocal size, about
        with suppress(UnicodeDecodeError):
            if message.topic == VERSION:
                about = message.payload[:100].decode("utf-8", "replace")
                return
            key: object = message.topic if enough is None else len(messages)
            payload = bytes(message.payload[: LARGEST + 1])
            if room() or key in messages:
                size += len(payload) - (len(messages[key].payload) if key in messages else 0)
                messages[key] = Arrived(message.topic, payload, message.qos, message.retain, clock.now())

    own = replace(broker, client_id=f"sensormon-look-{secrets.token_hex(6)}", will=None)
    subscriptions = [(topic, 0) for topic in dict.fromkeys(filters)]
    connection = Connection(
        own, secret(), [*subscriptions, (VERSION, 0)], received, clean=True, connecting=max(0.5, seconds)
    )
    began = clock.now()
    try:
        connection.open()
        while (left := seconds - (clock.now() - began) / SECOND) > 0:
            if connection.ready and len(connection.problems) > len(subscriptions):
                raise connection.problems[0]
            if enough is not None and len(messages) >= enough:
                break
            connection.pump(lambda: True, min(left, 0.1))
    finally:
        connection.close()
    if not connection.answered:
        raise SourceError(
            "the broker does not answer", where=broker.place, hint="Correct url; is it an MQTT broker?"
        )
    problems = [problem for problem in connection.problems if VERSION not in problem.what]
    if subscriptions and len(problems) >= len(subscriptions):
        raise problems[0]
    return Observed([*messages.values()], (clock.now() - began) / SECOND, about, problems)
