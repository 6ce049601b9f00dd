"""Messages of anybody to readings: what a group takes, refuses and keeps in bounds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch, Quality
from sensormon.sources.mqtt.session import Arrived
from sensormon.sources.named_text import parse_sources
from sensormon.sources.sparkplug import group as groups
from sensormon.sources.sparkplug.group import Group, Step
from sensormon.sources.sparkplug.kind import SparkplugSource
from sensormon.sources.sparkplug.payload import DataType, Metric, Payload, Value, encode, metric
from sensormon.sources.sparkplug.qualities import engineering_range, quality, unit
from sensormon.sources.sparkplug.rebirths import LONGEST, SILENT, Rebirths
from sensormon.sources.sparkplug.topics import Kind

NOW = 1_790_000_000 * SECOND


def group(more: str = "") -> Group:
    text = f'[sources.line]\nkind = "sparkplug"\nurl = "mqtt://127.0.0.1"\ngroup = "plant"\n{more}\n'
    config = parse_sources(text)["line"]
    assert isinstance(config, SparkplugSource)
    return Group(config)


def birth(*metrics: Metric, node: str = "edge", retain: bool = False) -> Arrived:
    payload = encode(Payload(metrics, NOW, 0))
    return Arrived(f"spBv1.0/plant/NBIRTH/{node}", payload, 0, retain, NOW)


def data(seq: int, *metrics: Metric) -> Arrived:
    return Arrived("spBv1.0/plant/NDATA/edge", encode(Payload(metrics, NOW, seq)), 0, False, NOW)


def details(step: Step) -> list[str]:
    return [row.detail for row in step.rejections]


def test_null_has_the_last_value_and_is_refused_without_one() -> None:
    plant = group()
    null = metric(None, DataType.DOUBLE, name="x")
    step = plant.handle(birth(null))
    assert (step.readings, step.rejections, len(step.tags)) == ([], [], 1), "a birth may have no value yet"
    assert details(plant.handle(data(1, null))) == ["it is null, and there was no value before"]
    assert plant.handle(data(2, metric(2.5, DataType.DOUBLE, name="x"))).readings[0].value == 2.5
    (reading,) = plant.handle(data(3, null)).readings
    assert (reading.value, reading.quality >> 30) == (2.5, 2)
    (reading,) = plant.handle(
        data(4, metric(float("nan"), DataType.DOUBLE, name="x", properties={"Quality": 0}))
    ).readings
    assert (reading.value, reading.quality) == (2.5, Quality.BAD)


def test_a_whole_number_that_would_not_be_kept_exactly_is_refused() -> None:
    step = group().handle(
        birth(metric(1 << 53, DataType.UINT64, name="a"), metric((1 << 53) + 1, DataType.UINT64, name="b"))
    )
    assert [reading.value for reading in step.readings] == [float(1 << 53)]
    assert details(step) == ["a whole number above 9,007,199,254,740,992 would not be kept exactly"]


def test_retained_foreign_and_unreadable_messages_bring_nothing() -> None:
    plant = group()
    value = metric(1.0, DataType.DOUBLE, name="x")
    assert plant.handle(birth(value, retain=True)).notes == (groups.RETAINED,)
    for topic in ("spBv1.0/other/NBIRTH/edge", "spBv1.0/STATE/host", "a", ""):
        assert plant.handle(Arrived(topic, b"", 0, False, NOW)).notes == (groups.ELSEWHERE,)
    step = plant.handle(Arrived("spBv1.0/plant/NDATA/edge", b"\x0a\xff", 0, False, NOW))
    assert (step.notes, step.readings) == ((groups.UNREADABLE,), ())
    assert not plant.nodes


def test_nodes_and_metrics_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_NODES", 2)
    monkeypatch.setattr(groups, "MOST_PLACES", 3)
    plant = group()
    values = [metric(1.0, DataType.DOUBLE, name=f"m{number}") for number in range(2)]
    assert len(plant.handle(birth(*values, node="a")).readings) == 2
    step = plant.handle(birth(*values, node="b"))
    assert len(step.readings) == 1
    assert details(step) == ["the group has more than 3 metrics"]
    assert details(plant.handle(birth(*values, node="c"))) == ["the group has more than 2 edge nodes"]


NODE = [f"spBv1.0/plant/{kind}/edge" for kind in Kind if kind.startswith("N")]
DEVICE = [f"spBv1.0/plant/{kind}/edge/pump" for kind in Kind if kind.startswith("D")]
TOPICS = st.sampled_from([*NODE, *DEVICE])
METRICS = st.builds(
    Metric,
    name=st.sampled_from(["", "a", "bdSeq", "x/y", "ü", "\x00", "n" * 500]),
    alias=st.none() | st.integers(0, 3),
    time=st.none() | st.integers(0, 253_402_300_799).map(lambda seconds: seconds * SECOND),
    datatype=st.integers(0, 40),
    carrier=st.just("long_value"),
    wire=st.integers(0, (1 << 64) - 1),
    null=st.booleans(),
    historical=st.booleans(),
    properties=st.just({}) | st.fixed_dictionaries({"Quality": st.integers(-9, (1 << 64) - 1) | st.floats()}),
)
PAYLOADS = st.builds(
    lambda metrics, seq: encode(Payload(tuple(metrics), NOW, seq)), st.lists(METRICS), st.integers(0, 255)
)


@settings(max_examples=50)
@given(messages=st.lists(st.tuples(TOPICS, PAYLOADS | st.binary(max_size=40)), max_size=12))
def test_whatever_comes_makes_batches_or_reasons(messages: list[tuple[str, bytes]]) -> None:
    plant = group()
    for topic, payload in messages:
        step = plant.handle(Arrived(topic, payload, 0, False, NOW))
        batch = Batch.of(step.readings, source="line", received=NOW)
        assert len(batch) == len(step.readings)
        assert all(row.detail and len(row.value) <= 201 and len(row.tag) <= 201 for row in step.rejections)
        assert all(row.time.endswith("Z") for row in step.rejections)


def test_a_node_is_asked_more_and_more_seldom_until_it_is_born() -> None:
    rebirths, asked = Rebirths(), []
    for second in range(1_300):
        if rebirths.request("edge", NOW + second * SECOND):
            asked.append(second)
    assert asked[:6] == [0, 5, 15, 35, 75, 155]
    assert max(later - earlier for earlier, later in pairwise(asked)) == LONGEST // SECOND
    assert rebirths.request("other", NOW) == 1
    rebirths.born("edge")
    assert [rebirths.request("edge", NOW + second * SECOND) for second in range(6)] == [1, 0, 0, 0, 0, 2]
    assert SILENT > 2
    assert rebirths.request("edge", NOW - SECOND) == 3, "the clock was set back"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (192, 0),
        (0, 0x8000_0000),
        (500, 0x8031_0000),
        (64, 0x4000_0000),
        (-0x7F74_0000, 0x808C_0000),
        (0x4090_0000, 0x4090_0000),
        (-1.5, 0x8000_0000),
        ("Good", 0),
        ("no idea", 0x8000_0000),
        (True, 0),
        (300, 0x8000_0000),
        (float("nan"), 0x8000_0000),
        (float("inf"), 0x8000_0000),
    ],
)
def test_the_property_says_the_quality(value: Value, code: int) -> None:
    assert quality({"QUALITY": value}) == code
    assert quality({}) == Quality.GOOD


@pytest.mark.parametrize(
    ("properties", "unit_and_range"),
    [
        ({"engUnit": "°C", "engLow": 0, "engHigh": 80.5}, ("°C", (0.0, 80.5))),
        ({"engUnit": "x\n", "engLow": 5, "engHigh": 5}, ("", None)),
        ({"engUnit": 3, "engLow": 0}, ("", None)),
        ({"engLow": float("-inf"), "engHigh": 1}, ("", None)),
        ({"engLow": True, "engHigh": "9"}, ("", None)),
    ],
)
def test_unit_and_range_are_those_that_a_tag_may_have(
    properties: Mapping[str, Value], unit_and_range: tuple[str, object]
) -> None:
    assert (unit(properties), engineering_range(properties)) == unit_and_range
