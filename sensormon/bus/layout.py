"""How readings lie in JetStream: the stream, its partitions, and the consumers that share them out.

A device publishes to `sensormon.readings.TAG`. The stream moves each message, as it stores it, to
`sensormon.partitions.K.TAG`, where K is the partition of the tag: NATS's own hash of the subject. What MQTT
devices publish to the topic `sensormon/mqtt/TAG`, NATS moves to the same place. Every partition has a durable
consumer of the policy `pinned_client`: of all workers that ask for its messages the server serves one, and
another as soon as that one has not asked for `PIN_SECONDS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

STREAM = "sensormon"
READINGS = "sensormon.readings."
"""The beginning of the subjects to which devices publish; the tag follows."""
_MQTT = "sensormon.mqtt."
"""The same of MQTT devices, whose topics have slashes for these dots."""
MQTT_STREAM = "$MQTT_msgs"
"""NATS's own, which it makes for the first MQTT device."""
PARTITIONS = 8
"""Of a stream that a worker makes. Each takes one of the 32 numbers of collectors on a database."""
PIN_SECONDS = 4
"""A worker that asks for nothing this long loses the partition."""
ACK_SECONDS = 5
"""What a worker has not acknowledged after this long is delivered again."""
IN_FLIGHT = 4_000
"""The most messages of a partition that are delivered and not acknowledged."""
GROUP = "workers"
_MOVED = "sensormon.partitions."
_TRANSFORM = re.compile(r"sensormon\.partitions\.\{\{\s*partition\((\d+)\)\s*\}\}\.>", re.IGNORECASE)
_NANOSECONDS = 10**9


def stream_config(replicas: int, first: int) -> dict[str, Any]:
    """What a stream is made with; its sequence numbers begin at `first`.

    It keeps a message until a worker has acknowledged it, however long that takes.
    """
    return {
        "name": STREAM,
        "subjects": [READINGS + ">"],
        "retention": "workqueue",
        "storage": "file",
        "num_replicas": replicas,
        "first_seq": first,
        "discard": "new",
        "subject_transform": {
            "src": READINGS + ">",
            "dest": f"{_MOVED}{{{{partition({PARTITIONS})}}}}.>",
        },
    }


def mqtt_source() -> dict[str, Any]:
    """What a stream has among its sources to take the messages of MQTT devices.

    NATS keeps a message of an MQTT device until this source has it. It moves the message to the subject to
    which other devices publish; from there the stream's own transform moves it to its partition.
    """
    moved = {"src": f"$MQTT.msgs.{_MQTT}>", "dest": READINGS + ">"}
    return {"name": MQTT_STREAM, "subject_transforms": [moved]}


def has_mqtt_source(config: Mapping[str, Any]) -> bool:
    """Whether the stream with this configuration takes messages of MQTT devices."""
    return any(source["name"] == MQTT_STREAM for source in config.get("sources") or ())


def consumer_name(partition: int) -> str:
    """Of the consumer of this partition, which is also its writer in the store."""
    return f"partition-{partition}"


def consumer_config(partition: int) -> dict[str, Any]:
    """What the consumer of a partition is made with."""
    return {
        "durable_name": consumer_name(partition),
        "name": consumer_name(partition),
        "filter_subjects": subjects_of(partition),
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": ACK_SECONDS * _NANOSECONDS,
        "max_ack_pending": IN_FLIGHT,
        "priority_policy": "pinned_client",
        "priority_groups": [GROUP],
        "priority_timeout": PIN_SECONDS * _NANOSECONDS,
    }


def pull_request(batch: int, size: int, seconds: float, pin: str) -> dict[str, Any]:
    """A request for this many messages of this many bytes together, which waits this long.

    `pin` is empty without one. A larger message would never be delivered.
    """
    request = {"batch": batch, "max_bytes": size, "expires": round(seconds * _NANOSECONDS), "group": GROUP}
    return {**request, "id": pin} if pin else request


def subjects_of(partition: int) -> list[str]:
    """The subjects of the messages in this partition, with a wildcard.

    The first one also has what the stream could not move: somebody published to a wildcard.
    """
    return [f"{_MOVED}{partition}.>", *([READINGS + ">"] if partition == 0 else [])]


def tag_of(subject: str) -> str:
    """The tag of a message in a partition."""
    if subject.startswith(READINGS):
        return subject.removeprefix(READINGS)
    return subject.removeprefix(_MOVED).partition(".")[2]


def partitions_of(config: Mapping[str, Any]) -> int | None:
    """How many partitions the stream with this configuration has; None if it is not divided as ours is."""
    transform = config.get("subject_transform") or {}
    count = _TRANSFORM.fullmatch(transform.get("dest", ""))
    return int(count[1]) if count and transform.get("src") == READINGS + ">" else None


def partition_of(tag: str, partitions: int) -> int:
    """The partition of a tag, as the server computes it: FNV-1a, 32 bits, of the subject.

    >>> partition_of("a", 8), partition_of("temp.1", 8)
    (7, 7)
    """
    number = 2_166_136_261
    for byte in (READINGS + tag).encode():
        number = (number ^ byte) * 16_777_619 & 0xFFFF_FFFF
    return number % partitions
