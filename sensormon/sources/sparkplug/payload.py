"""Payloads of Sparkplug B: bytes to frozen values and back, for sources and outputs alike.

`decode` takes bytes from anybody: sizes are bounded, what cannot be read is refused with a reason, a single
metric that cannot be read refuses itself alone. What a number means depends on the metric's datatype, which
only a birth certificate has to name, so a metric keeps its value as it travels, and `meant` gives what it
means. Times are µs UTC; they travel in ms.

What it is not: a judge of order or of names; see `nodes`. Data sets, templates, files, bytes and arrays have
no single value: `meant` refuses them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from google.protobuf.message import DecodeError

from sensormon.sources.sparkplug import sensormon_sparkplug_pb2

MOST_BYTES = 1 << 20
"""Of a payload."""
MOST_METRICS = 50_000
"""In a payload."""
MOST_METRIC_BYTES = 32 << 10
"""Of a metric with its properties."""
MOST_PROPERTIES = 100
"""Of a metric."""
LONGEST_NAME = 500
"""Characters of a metric's name."""
LONGEST_TEXT = 1_000
"""Characters of a text; no state has as many."""
SEQUENCE = 256
"""Sequence numbers run from 0 to one less, and from 0 again."""
_MS = 1_000
"""µs in a millisecond."""
_LARGEST_FLOAT = (2 - 2**-23) * 2.0**127
_LATEST = 253_402_300_799_999
"""The last millisecond of the year 9999."""

# The generated module makes its classes when it is imported, so that a type checker sees none of them.
_pb: Any = sensormon_sparkplug_pb2

Value = bool | int | float | str


class Unreadable(ValueError):
    """Bytes that are not a payload, or a value that is not what its datatype says; the text is the reason."""


class DataType(IntEnum):
    """What a metric's value is, by the number that travels."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15


_NO_SINGLE_VALUE = {
    16: "a data set",
    17: "bytes",
    18: "a file",
    19: "a template",
    20: "a set of properties",
    21: "a list of properties",
    **dict.fromkeys(range(22, 35), "an array"),
}
_SIGNED = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_UNSIGNED = {DataType.UINT8: 8, DataType.UINT16: 16, DataType.UINT32: 32, DataType.UINT64: 64}
_WORDS = (DataType.STRING, DataType.TEXT, DataType.UUID)
_OF_FIELD = {
    "float_value": DataType.FLOAT,
    "double_value": DataType.DOUBLE,
    "boolean_value": DataType.BOOLEAN,
    "string_value": DataType.STRING,
}
"""Fields that say by themselves what their value is; of whole numbers only the datatype has the sign."""
_SCALAR = ("int_value", "long_value", *_OF_FIELD)


@dataclass(frozen=True, slots=True)
class Metric:
    """A value of a payload. `time` is µs UTC, None if that of the payload holds.

    Without a name, an alias or a datatype `name` is "", `alias` None and `datatype` 0.

    `wire` is the value as it travels in the field `carrier`, "" without one. `problem` says why the metric
    cannot be read; the rest is then as far as it could be.
    """

    name: str = ""
    alias: int | None = None
    time: int | None = None
    datatype: int = 0
    carrier: str = ""
    wire: Value = 0
    null: bool = False
    historical: bool = False
    transient: bool = False
    properties: Mapping[str, Value] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Payload:
    """A message's content. `seq` is 0 to 255, None if it has none, `time` µs UTC or None."""

    metrics: tuple[Metric, ...] = ()
    time: int | None = None
    seq: int | None = None


def metric(
    value: Value | None,
    datatype: DataType,
    *,
    name: str = "",
    alias: int | None = None,
    time: int | None = None,
    properties: Mapping[str, Value] | None = None,
    historical: bool = False,
    typed: bool = True,
) -> Metric:
    """The metric that means this value; None is null. Without `typed` it names no datatype, as data may.

    A DateTime is in seconds since 1970. Raises Unreadable if the value is outside its datatype.
    """
    carrier, wire = ("", 0) if value is None else _travelling(value, datatype)
    return Metric(
        name=name,
        alias=alias,
        time=time,
        datatype=datatype if typed else 0,
        carrier=carrier,
        wire=wire,
        null=value is None,
        historical=historical,
        properties=properties or {},
    )


def datatype_of(metric: Metric) -> DataType:
    """What a value is, by the datatype of its metric or by its field; unknown if it is not a single value."""
    number = metric.datatype or _OF_FIELD.get(metric.carrier, 0)
    return DataType(number) if number <= DataType.UUID else DataType.UNKNOWN


def meant(metric: Metric, datatype: int = 0) -> Value:
    """What the metric's value means; `datatype` is that of its birth, for a metric that names none.

    A DateTime is in seconds since 1970. Raises Unreadable with the reason if it has no single value, or not
    one of its datatype.
    """
    number = metric.datatype or datatype or _OF_FIELD.get(metric.carrier, 0)
    if number in _NO_SINGLE_VALUE:
        raise Unreadable(f"it is {_NO_SINGLE_VALUE[number]}, which has no single value")
    if not metric.carrier:
        raise Unreadable("it has no value")
    if metric.carrier not in _SCALAR:
        raise Unreadable(f"its value came as {metric.carrier}, which has no single value")
    return _meaning(metric.wire, metric.carrier, number)


def encode(payload: Payload) -> bytes:
    """The payload as it travels; times are cut to milliseconds. Raises Unreadable for what cannot travel."""
    message = _pb.Payload()
    if payload.time is not None:
        message.timestamp = _milliseconds(payload.time)
    if payload.seq is not None:
        if not 0 <= payload.seq < SEQUENCE:
            raise Unreadable(f"the sequence number {payload.seq} is not one of 0 to 255")
        message.seq = payload.seq
    message.metrics.extend(_encoded(item) for item in payload.metrics)
    return bytes(message.SerializeToString())


def decode(data: bytes) -> Payload:
    """The payload of these bytes. Raises Unreadable with the reason if they are none, or too many."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"the payload has {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    message = _pb.Payload()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise Unreadable("the payload is not one of Sparkplug B") from error
    if message.HasField("body"):
        raise Unreadable("the payload has a body of its own, as compressed ones have, which is not read")
    if len(message.metrics) > MOST_METRICS:
        raise Unreadable(
            f"the payload has {len(message.metrics):,} metrics; at most {MOST_METRICS:,} are read"
        )
    seq = int(message.seq) if message.HasField("seq") else None
    if seq is not None and seq >= SEQUENCE:
        raise Unreadable(f"the sequence number {seq} is not one of 0 to 255")
    time = None
    if message.HasField("timestamp"):
        if message.timestamp > _LATEST:
            raise Unreadable(f"the payload's timestamp {message.timestamp} is after the year 9999")
        time = int(message.timestamp) * _MS
    return Payload(tuple(_decoded(item) for item in message.metrics), time, seq)


# -- one metric -----------------------------------------------------------------------


def _decoded(data: bytes) -> Metric:
    if len(data) > MOST_METRIC_BYTES:
        return Metric(problem=f"the metric has {len(data):,} bytes; at most {MOST_METRIC_BYTES:,} are read")
    message = _pb.Metric()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return Metric(problem="the metric is not one of Sparkplug B")
    name, alias = "", int(message.alias) if message.HasField("alias") else None
    try:
        name = _text(message.name, "name", LONGEST_NAME)
        carrier = message.WhichOneof("value") or ""
        return Metric(
            name=name,
            alias=alias,
            time=_time(message),
            datatype=int(message.datatype),
            carrier=carrier,
            wire=_wire(message, carrier),
            null=bool(message.is_null),
            historical=bool(message.is_historical),
            transient=bool(message.is_transient),
            properties=_properties(message.properties) if message.HasField("properties") else {},
        )
    except Unreadable as error:
        return Metric(name=name, alias=alias, problem=str(error))


def _encoded(metric: Metric) -> bytes:
    message = _pb.Metric()
    if metric.name:
        message.name = metric.name.encode()
    if metric.alias is not None:
        message.alias = metric.alias
    if metric.time is not None:
        message.timestamp = _milliseconds(metric.time)
    if metric.datatype:
        message.datatype = metric.datatype
    for mark, name in (("historical", "is_historical"), ("transient", "is_transient"), ("null", "is_null")):
        if getattr(metric, mark):
            setattr(message, name, True)
    if metric.properties:
        message.properties.SetInParent()
    for key, value in metric.properties.items():
        message.properties.keys.append(key.encode())
        _put_property(message.properties.values.add(), value)
    if metric.carrier and metric.carrier not in _SCALAR:
        raise Unreadable(f"a metric with {metric.carrier} cannot be sent")
    if metric.carrier:
        wire = metric.wire.encode() if isinstance(metric.wire, str) else metric.wire
        setattr(message, metric.carrier, wire)
    return bytes(message.SerializeToString())


def _properties(message: Any) -> Mapping[str, Value]:
    """Those of one value; others, and what is wrong with one, are passed over: they are not the reading."""
    if max(len(message.keys), len(message.values)) > MOST_PROPERTIES:
        raise Unreadable(f"it has more than {MOST_PROPERTIES} properties")
    kept: dict[str, Value] = {}
    for key, value in zip(message.keys, message.values, strict=False):
        carrier = value.WhichOneof("value") or ""
        if value.is_null or carrier not in _SCALAR:
            continue
        try:
            number = value.type or _OF_FIELD.get(carrier, DataType.INT64)
            kept[_text(key, "property", LONGEST_NAME)] = _meaning(_wire(value, carrier), carrier, number)
        except Unreadable:
            continue
    return kept


def _put_property(message: Any, value: Value) -> None:
    if isinstance(value, bool):
        datatype = DataType.BOOLEAN
    elif isinstance(value, int):
        datatype = DataType.INT32 if -(1 << 31) <= value < 1 << 31 else DataType.INT64
        datatype = DataType.UINT64 if value >> 63 > 0 else datatype
    else:
        datatype = DataType.STRING if isinstance(value, str) else DataType.DOUBLE
    carrier, wire = _travelling(value, datatype)
    message.type = datatype
    setattr(message, carrier, wire.encode() if isinstance(wire, str) else wire)


def _wire(message: Any, carrier: str) -> Value:
    """The value in this field; 0 for what has no single value, which nobody reads."""
    if carrier not in _SCALAR:
        return 0
    content: bytes | Value = getattr(message, carrier)
    return _text(content, "value", LONGEST_TEXT) if isinstance(content, bytes) else content


def _text(data: bytes, what: str, longest: int) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"its {what} is not UTF-8") from error
    if len(text) > longest:
        raise Unreadable(f"its {what} has {len(text):,} characters; at most {longest:,} are read")
    return text


def _time(message: Any) -> int | None:
    if not message.HasField("timestamp"):
        return None
    if message.timestamp > _LATEST:
        raise Unreadable(f"its timestamp {message.timestamp} is after the year 9999")
    return int(message.timestamp) * _MS


def _milliseconds(time: int) -> int:
    if not 0 <= time <= (_LATEST + 1) * _MS - 1:
        raise Unreadable("a time from 1970 to 9999 is needed")
    return time // _MS


# -- what a value means ---------------------------------------------------------------


def _meaning(wire: Value, carrier: str, datatype: int) -> Value:
    whole = carrier in ("int_value", "long_value")
    if whole and datatype in _SIGNED:
        return _signed(int(wire), 32 if carrier == "int_value" else 64, _SIGNED[DataType(datatype)])
    if whole and datatype in _UNSIGNED:
        if int(wire) >> _UNSIGNED[DataType(datatype)]:
            raise Unreadable(f"{wire} does not fit {_name(datatype)}")
        return wire
    if whole and datatype == DataType.DATETIME:
        if int(wire) > _LATEST:
            raise Unreadable(f"the time {wire} is after the year 9999")
        return int(wire) / 1_000
    fits = (
        (carrier in ("float_value", "double_value") and datatype in (DataType.FLOAT, DataType.DOUBLE))
        or (carrier == "boolean_value" and datatype == DataType.BOOLEAN)
        or (carrier == "string_value" and datatype in _WORDS)
    )
    if not fits:
        named = f"its datatype is {_name(datatype)}" if datatype else "nothing says its datatype"
        raise Unreadable(f"{named}, but its value came as {carrier}")
    return wire


def _signed(wire: int, travelled: int, bits: int) -> int:
    """The number with its sign: it travels in two's complement of the field's width, or of its own."""
    number = wire - (1 << travelled) if wire >> (travelled - 1) else wire
    if -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        return number
    if wire < 1 << bits:
        return wire - (1 << bits)
    raise Unreadable(f"{number} does not fit Int{bits}")


def _travelling(value: Value, datatype: DataType) -> tuple[str, Value]:
    """The field in which this value travels, and what it is there."""
    if datatype == DataType.BOOLEAN and isinstance(value, bool):
        return "boolean_value", value
    if datatype in _WORDS and isinstance(value, str):
        return "string_value", value
    if isinstance(value, bool | str):
        raise Unreadable(f"{value!r} does not fit {_name(datatype)}")
    if datatype in (DataType.FLOAT, DataType.DOUBLE):
        return _real(value, datatype)
    if datatype == DataType.DATETIME and math.isfinite(value):
        return "long_value", _milliseconds(round(value * 1_000) * _MS)
    bits = _SIGNED.get(datatype) or _UNSIGNED.get(datatype)
    if bits is None or (isinstance(value, float) and not value.is_integer()):
        raise Unreadable(f"{value!r} does not fit {_name(datatype)}")
    low = -(1 << (bits - 1)) if datatype in _SIGNED else 0
    if not low <= value < low + (1 << bits):
        raise Unreadable(f"{value!r} does not fit {_name(datatype)}")
    # In two's complement of its own width, which every reader takes; some refuse that of the field.
    return ("int_value" if bits <= 32 else "long_value"), int(value) & ((1 << bits) - 1)


def _real(value: float, datatype: DataType) -> tuple[str, float]:
    try:
        number = float(value)
    except OverflowError as error:
        raise Unreadable(f"{value!r} does not fit {_name(datatype)}") from error
    if datatype == DataType.DOUBLE:
        return "double_value", number
    if math.isfinite(number) and abs(number) > _LARGEST_FLOAT:
        raise Unreadable(f"{value!r} does not fit {_name(datatype)}")
    return "float_value", number


def _name(datatype: int) -> str:
    try:
        return DataType(datatype).name.capitalize().replace("Uint", "UInt")
    except ValueError:
        return f"number {datatype}"
