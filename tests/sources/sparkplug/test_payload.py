"""Payloads of Sparkplug B: what travels comes back as it was meant, and bytes of anybody do no harm."""

from __future__ import annotations

import math
import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.sources.sparkplug import payload as spark
from sensormon.sources.sparkplug.payload import DataType, Metric, Payload, Unreadable, decode, encode, meant

TIME = 1_790_000_000_123_000
WHOLE = {
    DataType.INT8: (-128, 127),
    DataType.INT16: (-32_768, 32_767),
    DataType.INT32: (-(1 << 31), (1 << 31) - 1),
    DataType.INT64: (-(1 << 63), (1 << 63) - 1),
    DataType.UINT8: (0, 255),
    DataType.UINT16: (0, 65_535),
    DataType.UINT32: (0, (1 << 32) - 1),
    DataType.UINT64: (0, (1 << 64) - 1),
}


def of_datatype(datatype: DataType) -> st.SearchStrategy[spark.Value]:
    if datatype in WHOLE:
        return st.integers(*WHOLE[datatype])
    if datatype in (DataType.FLOAT, DataType.DOUBLE):
        return st.floats(width=32 if datatype is DataType.FLOAT else 64, allow_nan=False)
    if datatype is DataType.BOOLEAN:
        return st.booleans()
    if datatype is DataType.DATETIME:
        return st.integers(0, 253_402_300_799_999).map(lambda ms: ms / 1000)
    return st.text(max_size=50)


VALUES = st.sampled_from([kind for kind in DataType if kind]).flatmap(
    lambda datatype: st.tuples(st.just(datatype), of_datatype(datatype))
)


@given(value=VALUES, named=st.booleans())
def test_a_value_of_each_datatype_comes_back_as_it_was_meant(
    value: tuple[DataType, spark.Value], named: bool
) -> None:
    datatype, number = value
    metric = spark.metric(number, datatype, alias=7, time=TIME, typed=named)
    got = decode(encode(Payload((metric,), TIME, 255)))
    assert got == Payload((metric,), TIME, 255)
    assert meant(got.metrics[0], datatype) == number
    assert type(meant(got.metrics[0], datatype)) is type(number)


@pytest.mark.parametrize("datatype", WHOLE)
def test_a_number_outside_its_datatype_is_not_sent(datatype: DataType) -> None:
    low, high = WHOLE[datatype]
    for number in (low - 1, high + 1, 0.5, math.nan, math.inf, "1", True):
        with pytest.raises(Unreadable):
            spark.metric(number, datatype)


def test_a_double_that_no_float_holds_is_not_sent_as_one() -> None:
    with pytest.raises(Unreadable):
        spark.metric(1e300, DataType.FLOAT)
    with pytest.raises(Unreadable):
        spark.metric(10**400, DataType.DOUBLE)


def raw(carrier: str, wire: spark.Value, datatype: int = 0) -> Metric:
    return Metric(carrier=carrier, wire=wire, datatype=datatype)


@pytest.mark.parametrize(
    ("carrier", "wire", "datatype", "number"),
    [
        ("int_value", 4_294_967_291, DataType.INT32, -5),
        ("int_value", 4_294_967_291, DataType.INT8, -5),
        ("int_value", 251, DataType.INT8, -5),
        ("long_value", (1 << 64) - 5, DataType.INT64, -5),
        ("long_value", 4_294_967_291, DataType.INT32, -5),
        ("long_value", 4_294_967_291, DataType.UINT32, 4_294_967_291),
        ("int_value", 4_294_967_291, DataType.UINT32, 4_294_967_291),
        ("float_value", 1.5, DataType.DOUBLE, 1.5),
    ],
)
def test_a_whole_number_gets_its_sign_from_its_datatype(
    carrier: str, wire: int, datatype: DataType, number: float
) -> None:
    assert meant(raw(carrier, wire), datatype) == number


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (raw("int_value", 300, DataType.INT8), "300 does not fit Int8"),
        (raw("int_value", 256, DataType.UINT8), "256 does not fit UInt8"),
        (raw("int_value", 1), "nothing says its datatype"),
        (raw("int_value", 1, DataType.FLOAT), "its value came as int_value"),
        (raw("string_value", "1", DataType.INT32), "its value came as string_value"),
        (raw("dataset_value", 0, 16), "it is a data set"),
        (raw("template_value", 0, 19), "it is a template"),
        (raw("bytes_value", 0, 17), "it is bytes"),
        (raw("bytes_value", 0, 18), "it is a file"),
        (raw("bytes_value", 0, 30), "it is an array"),
        (raw("bytes_value", 0), "no single value"),
        (raw("int_value", 1, 99), "its datatype is number 99"),
        (raw("", 0, DataType.FLOAT), "it has no value"),
    ],
)
def test_what_has_no_single_value_of_its_datatype_is_refused_with_the_reason(
    metric: Metric, reason: str
) -> None:
    with pytest.raises(Unreadable, match=reason):
        meant(metric)


def test_properties_null_and_history_travel_with_a_metric() -> None:
    metric = spark.metric(
        None,
        DataType.FLOAT,
        name="Temperature",
        historical=True,
        properties={"Quality": 0, "engUnit": "°C", "engHigh": 80.5, "big": -(1 << 40), "on": True},
    )
    got = decode(encode(Payload((metric,)))).metrics[0]
    assert got == metric
    assert got.null
    assert got.historical


def field(number: int, content: bytes) -> bytes:
    """A field of bytes as protobuf writes it."""
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def test_a_metric_that_cannot_be_read_refuses_itself_alone() -> None:
    good = encode(Payload((spark.metric(1.5, DataType.FLOAT, name="a"),)))
    late = spark.Metric(name="late")
    bad_name = field(2, field(1, b"\xff\xfe"))
    cut_off = field(2, b"\x0a\x7f")
    too_late = field(2, field(1, b"t") + b"\x18" + b"\xff" * 9 + b"\x01")
    got = decode(bad_name + good + cut_off + too_late + encode(Payload((late,)))).metrics
    assert [metric.name for metric in got] == ["", "a", "", "t", "late"]
    assert "UTF-8" in got[0].problem
    assert not got[1].problem
    assert "not one of Sparkplug" in got[2].problem
    assert "after the year 9999" in got[3].problem


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x0a\xff", "not one of Sparkplug"),
        (b"\x18\x80\x02", "the sequence number 256"),
        (b"\x08" + b"\xff" * 9 + b"\x01", "after the year 9999"),
        (field(5, b"zip"), "a body of its own"),
        (b"\x12\x00" * (spark.MOST_METRICS + 1), "metrics; at most"),
        (b"\x00" * (spark.MOST_BYTES + 1), "bytes; at most"),
    ],
)
def test_bytes_that_are_no_payload_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(data)


def test_long_names_texts_and_metrics_are_refused_with_the_reason() -> None:
    long_text = spark.metric("x" * 1_001, DataType.STRING, name="a")
    long_name = Metric(name="n" * 501)
    large = spark.metric("x" * 40_000, DataType.STRING)
    many = Metric(properties={f"p{i}": 1 for i in range(101)})
    problems = [m.problem for m in decode(encode(Payload((long_text, long_name, large, many)))).metrics]
    assert "1,001 characters" in problems[0]
    assert "501 characters" in problems[1]
    assert "bytes; at most" in problems[2]
    assert "more than 100 properties" in problems[3]


BYTES = st.binary(max_size=200) | st.lists(
    st.tuples(st.integers(1, 20), st.binary(max_size=60)), max_size=5
).map(lambda fields: b"".join(field(2, field(number, content)) for number, content in fields))


@settings(max_examples=300)
@given(data=BYTES)
def test_any_bytes_give_a_payload_or_a_reason(data: bytes) -> None:
    try:
        payload = decode(data)
    except Unreadable:
        return
    for metric in payload.metrics:
        with suppress(Unreadable):
            assert isinstance(meant(metric), bool | int | float | str)
        struct.pack("<q", metric.time or 0)
    with suppress(Unreadable):
        assert len(decode(encode(payload)).metrics) == len(payload.metrics)
