"""What the worker asks of JetStream, by its JSON API: the client library knows no pinned consumers.

Everything raises BusError if the server refuses it, does not answer, or is away.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from typing import Any

import nats.errors
from nats.aio.client import Client

from sensormon.bus.layout import (
    GROUP,
    MQTT_STREAM,
    STREAM,
    consumer_config,
    consumer_name,
    has_mqtt_source,
    mqtt_source,
    partitions_of,
    stream_config,
    subjects_of,
)
from sensormon.bus.partition import Stream
from sensormon.bus.payload import Message
from sensormon.bus.troubles import (
    NO_CLUSTER,
    NO_CONSUMER,
    NO_MESSAGE,
    NO_PEERS,
    NO_STREAM,
    fullness,
    refused,
    unanswered,
)
from sensormon.model import timestamps
from sensormon.model.errors import BusError

_log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds to wait for an answer."""
REPLICAS = 3
"""Of a stream in a cluster: any node may be lost."""
_API = "$JS.API."
_NEEDED, _DURABLE_SOURCES = (2, 11), (2, 14)


class JetStream:
    """JetStream as this connection reaches it; `place` names it in messages."""

    def __init__(self, client: Client, place: str) -> None:
        self._client = client
        self._place = place
        self._takes_mqtt = False

    async def stream(self, furthest: int) -> Stream:
        """The stream and its consumers, made if they are missing.

        The numbers of a new stream are above `furthest`, what is stored of an earlier one.
        """
        self._check_version()
        try:
            info = await self._ask(f"STREAM.INFO.{STREAM}")
        except BusError as error:
            if error.code != NO_STREAM:
                raise
            info = await self._made(furthest + 1)
        config = info["config"]
        partitions = partitions_of(config)
        if partitions is None:
            raise BusError(
                f"the stream {STREAM} is not divided into partitions",
                where=self._place,
                hint="Delete it and let a worker make it, or give it the subject transform that "
                "docs/operations.md shows",
            )
        self._warn_of(config)
        for number in range(partitions):
            await self._make_consumer(number)
        first = int(info["state"]["first_seq"])
        return Stream(partitions, str(info["created"]), first)

    async def take_mqtt(self) -> None:
        """Let the stream take what MQTT devices publish, if NATS has ever heard from one.

        To be called again and again: the log says from when on it does.
        """
        if self._takes_mqtt or not await self._has(MQTT_STREAM):
            return
        info = await self._ask(f"STREAM.INFO.{STREAM}")
        config, running = info["config"], info.get("sources") or ()
        if self._version < _DURABLE_SOURCES:  # it would let go of a message before the stream has it
            _log.warning(
                "nothing is taken from MQTT's topics sensormon/mqtt/…: that needs NATS %d.%d",
                *_DURABLE_SOURCES,
            )
            self._takes_mqtt = True
        elif not has_mqtt_source(config):
            sources = [*(config.get("sources") or ()), mqtt_source()]
            await self._ask(f"STREAM.UPDATE.{STREAM}", {**config, "sources": sources})
        elif any(source["name"] == MQTT_STREAM and source["active"] >= 0 for source in running):
            # NATS drops what comes before the source has been heard of.
            _log.info("the stream %s takes what MQTT devices publish from now on", STREAM)
            self._takes_mqtt = True

    async def check_room(self) -> None:
        """Raise BusError if the stream, or the account, has no room for what devices publish."""
        problem = fullness(await self._ask(f"STREAM.INFO.{STREAM}"), await self._ask("INFO"), self._place)
        if problem is not None:
            raise problem

    async def next_message(self, partition: int, after: int) -> Message | None:
        """The message of this partition that follows this number in the stream; None if there is none."""
        following = [await self._next_of(subjects, after) for subjects in subjects_of(partition)]
        return min(filter(None, following), key=lambda message: message.sequence, default=None)

    async def _next_of(self, subjects: str, after: int) -> Message | None:
        request = {"seq": after + 1, "next_by_subj": subjects}
        try:
            answer = await self._ask(f"STREAM.MSG.GET.{STREAM}", request)
        except BusError as error:
            if error.code == NO_MESSAGE:
                return None
            raise
        message = answer["message"]
        data = base64.b64decode(message.get("data", ""))
        time = timestamps.parse(message["time"])
        return Message(int(message["seq"]), message["subject"], data, time)

    async def waiting(self, partition: int) -> int:
        """How many workers ask for the messages of this partition now."""
        info = await self._ask(f"CONSUMER.INFO.{STREAM}.{consumer_name(partition)}")
        return int(info["num_waiting"])

    async def release(self, partition: int) -> None:
        """Let another worker have this partition."""
        await self._ask(f"CONSUMER.UNPIN.{STREAM}.{consumer_name(partition)}", {"group": GROUP})

    async def _has(self, stream: str) -> bool:
        try:
            await self._ask(f"STREAM.INFO.{stream}")
        except BusError as error:
            if error.code != NO_STREAM:
                raise
            return False
        return True

    async def _made(self, first: int) -> dict[str, Any]:
        """A new stream: on three nodes, or on the only one."""
        try:
            info = await self._ask(f"STREAM.CREATE.{STREAM}", stream_config(REPLICAS, first))
        except BusError as error:
            if error.code != NO_CLUSTER:  # a cluster with a node down must not get a stream on one node
                if error.code == NO_PEERS:
                    error.hint = (
                        f"A stream needs {REPLICAS} nodes that run; or make it by hand with fewer replicas"
                    )
                raise
            info = await self._ask(f"STREAM.CREATE.{STREAM}", stream_config(1, first))
        _log.info("made the stream %s with %d replicas", STREAM, info["config"]["num_replicas"])
        return info

    async def _make_consumer(self, partition: int) -> None:
        """Make the consumer, or bring the subjects of one that an earlier version made up to date."""
        name, config = consumer_name(partition), consumer_config(partition)
        try:
            made = (await self._ask(f"CONSUMER.INFO.{STREAM}.{name}"))["config"]
        except BusError as error:
            if error.code != NO_CONSUMER:
                raise
        else:
            if made.get("filter_subjects", [made.get("filter_subject")]) == config["filter_subjects"]:
                return
        request = {"stream_name": STREAM, "config": config, "action": ""}
        await self._ask(f"CONSUMER.DURABLE.CREATE.{STREAM}.{name}", request)

    async def _ask(self, subject: str, request: Mapping[str, object] | None = None) -> dict[str, Any]:
        data = json.dumps(request).encode() if request else b""
        before = self._client.last_error
        try:
            message = await self._client.request(_API + subject, data, timeout=PATIENCE)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            said = self._client.last_error
            raise unanswered(subject, error, said if said is not before else None, self._place) from error
        answer: dict[str, Any] = json.loads(message.data)
        if problem := answer.get("error"):
            raise refused(subject, problem, self._place)
        return answer

    @property
    def _version(self) -> tuple[int, int]:
        version = self._client.connected_server_version
        return version.major, version.minor

    def _check_version(self) -> None:
        if self._version < _NEEDED:
            raise BusError(
                "NATS {}.{} has no pinned consumers".format(*self._version),
                where=self._place,
                hint="Use NATS {}.{} or newer".format(*_NEEDED),
            )

    def _warn_of(self, config: Mapping[str, Any]) -> None:
        """Say what of the stream may lose acknowledged readings."""
        if config.get("storage") != "file":
            _log.warning("the stream %s is kept in memory: a restart of NATS loses readings", STREAM)
        if config.get("num_replicas", 1) < REPLICAS:
            _log.warning("the stream %s is on one node's disk: with the disk its readings are lost", STREAM)
        _log.warning(
            "whether NATS writes through to the disk cannot be seen from here: set sync_interval: always in "
            "its jetstream block, or a power cut loses up to two minutes of acknowledged readings"
        )
