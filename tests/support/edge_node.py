"""An edge node of Sparkplug B of one's own: births, aliases, sequence numbers, a death certificate."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from sensormon.sources.sparkplug.nodes import BD_SEQ, REBIRTH
from sensormon.sources.sparkplug.payload import (
    DataType,
    Metric,
    Payload,
    Value,
    decode,
    encode,
    metric,
)
from sensormon.sources.sparkplug.topics import Address, Kind

_PATIENCE = 20.0

Initial = Mapping[str, tuple[DataType, Value | None]]
"""By the names of a device's metrics their datatypes and values at the start."""


class EdgeNode:
    """Of a group, with devices ("" has the node's own metrics). It connects at once, and again by itself.

    `properties` are those of metrics by device and name, in births. Each birth gives aliases anew, from
    `first_alias` on. Without `answers` it ignores requests for its birth certificates.
    """

    def __init__(
        self,
        port: int,
        devices: Mapping[str, Initial],
        *,
        group: str = "plant",
        node: str = "edge",
        properties: Mapping[tuple[str, str], Mapping[str, Value]] | None = None,
        answers: bool = True,
        first_alias: int = 1,
        bd_seq: int = 0,
    ) -> None:
        self.group, self.node = group, node
        self.requests = 0
        """How often it was asked for its birth certificates."""
        self.births = 0
        self._port = port
        self._devices = {device: dict(metrics) for device, metrics in devices.items()}
        self._types = {
            (device, name): datatype
            for device, metrics in devices.items()
            for name, (datatype, _) in metrics.items()
        }
        self._properties = properties or {}
        self._answers = answers
        self._bd_seq = bd_seq
        self._seq = 0
        self._places = [(device, name) for device in self._devices for name in self._devices[device]]
        self._aliases = {place: first_alias + number for number, place in enumerate(self._places)}
        self._lock = threading.RLock()
        self._confirmed: set[int] = set()
        self._client = self._connect()

    def data(
        self,
        device: str,
        values: Mapping[str, Value | None],
        *,
        time: int | None = None,
        named: bool = False,
        lost: bool = False,
        historical: bool = False,
        properties: Mapping[str, Value] | None = None,
    ) -> None:
        """New values, at `time` (µs UTC; now without one). `lost`: they count, but nobody gets them."""
        with self._lock:
            for name, value in values.items():
                if not historical:
                    self._devices[device][name] = (self._types[device, name], value)
            metrics = tuple(
                metric(
                    value,
                    self._types[device, name],
                    name=name if named else "",
                    alias=None if named else self._aliases[device, name],
                    time=time,
                    properties=properties,
                    historical=historical,
                    typed=named,
                )
                for name, value in values.items()
            )
            self._send(Kind.DDATA if device else Kind.NDATA, device, metrics, lost=lost)

    def birth(self) -> None:
        """Say again what it is, without having been asked."""
        self._be_born()

    def device_death(self, device: str) -> None:
        """The device is no longer reached."""
        with self._lock:
            self._send(Kind.DDEATH, device, ())

    def device_birth(self, device: str) -> None:
        """The device is there again."""
        with self._lock:
            self._send(Kind.DBIRTH, device, self._all(device))

    def raw(self, kind: Kind, device: str, payload: bytes) -> None:
        """A message as it is, without a sequence number of ours."""
        self._client.publish(Address(kind, self.group, self.node, device).topic, payload, 0)

    def flush(self) -> None:
        """Return once the broker has what was sent: it handles messages of a connection in order."""
        self.wait_until_connected()
        number = self._client.publish("flush", b"", 1).mid
        _wait(lambda: number in self._confirmed)

    def wait_until_connected(self) -> None:
        """Return once the births of this connection are sent."""
        _wait(lambda: self._client.is_connected() and self.births > 0)

    def crash(self) -> None:
        """End without a farewell: the broker publishes the death certificate."""
        self._client.loop_stop()
        connection = self._client.socket()
        assert isinstance(connection, socket.socket)
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def start(self, shift: int = 10) -> None:
        """Start again, with other aliases, `shift` above those before."""
        self._bd_seq += 1
        self._aliases = {place: alias + shift for place, alias in self._aliases.items()}
        self.births = 0
        self._client = self._connect()

    def close(self) -> None:
        """End as the standard wants it: the node publishes its death certificate itself."""
        if self._client.is_connected():
            self.raw(Kind.NDEATH, "", self._death())
            self.flush()
        self._client.disconnect()
        self._client.loop_stop()

    def _connect(self) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{self.group}-{self.node}")
        client.reconnect_delay_set(1, 1)
        client.will_set(Address(Kind.NDEATH, self.group, self.node).topic, self._death(), 1)
        client.on_connect = self._connected
        client.on_message = self._commanded
        client.on_publish = lambda _client, _data, number, *_: self._confirmed.add(number)
        client.connect("127.0.0.1", self._port, keepalive=5)
        client.loop_start()
        self._client = client
        self.flush()
        return client

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(Address(Kind.NCMD, self.group, self.node).topic, 1)
        self._client = client
        self._be_born()

    def _commanded(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        del client, data
        wanted = decode(bytes(message.payload)).metrics
        if any(item.name == REBIRTH and item.wire is True for item in wanted):
            self.requests += 1
            if self._answers:
                self._be_born()

    def _be_born(self) -> None:
        with self._lock:
            self._seq = -1
            own = (metric(self._bd_seq, DataType.INT64, name=BD_SEQ), *self._all(""))
            control = metric(False, DataType.BOOLEAN, name=REBIRTH)
            self._send(Kind.NBIRTH, "", (*own, control))
            for device in self._devices:
                if device:
                    self._send(Kind.DBIRTH, device, self._all(device))
            self.births += 1

    def _all(self, device: str) -> tuple[Metric, ...]:
        return tuple(
            metric(
                value,
                datatype,
                name=name,
                alias=self._aliases[device, name],
                properties=self._properties.get((device, name)),
            )
            for name, (datatype, value) in self._devices.get(device, {}).items()
        )

    def _send(self, kind: Kind, device: str, metrics: Iterable[Metric], *, lost: bool = False) -> None:
        self._seq = (self._seq + 1) % 256
        if not lost:
            payload = encode(Payload(tuple(metrics), time.time_ns() // 1_000, self._seq))
            self._client.publish(Address(kind, self.group, self.node, device).topic, payload, 0)

    def _death(self) -> bytes:
        return encode(Payload((metric(self._bd_seq, DataType.INT64, name=BD_SEQ),)))


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the edge node waits in vain"
        time.sleep(0.005)
