"""What an edge node's messages mean, one by one."""

from __future__ import annotations

import pytest

from sensormon.model.readings import Quality
from sensormon.sources.sparkplug import nodes
from sensormon.sources.sparkplug.nodes import Brought, Message, NodeState, received
from sensormon.sources.sparkplug.payload import DataType, Metric, Payload, metric
from sensormon.sources.sparkplug.topics import Address, Kind, address_of

SENT = 1_790_000_000_000_000
ARRIVED = SENT + 50_000


def message(kind: Kind, *metrics: Metric, seq: int | None = None, device: str = "", mark: int = 0) -> Message:
    return Message(kind, device, Payload(metrics, SENT, seq), ARRIVED, mark)


def bd_seq(number: int) -> Metric:
    return metric(number, DataType.INT64, name="bdSeq")


FLOW = metric(-5, DataType.INT32, name="flow", alias=1)
BIRTH = message(Kind.NBIRTH, bd_seq(3), FLOW, seq=0)
PUMP = message(
    Kind.DBIRTH, metric(1.5, DataType.FLOAT, name="speed", alias=1, time=SENT - 9_000), seq=1, device="pump"
)


def after(*messages: Message) -> tuple[NodeState, Brought]:
    state, brought = NodeState(), Brought()
    for each in messages:
        state, brought = received(state, each)
    return state, brought


def values(brought: Brought) -> list[tuple[str, str, object]]:
    return [(row.device, row.name, row.value) for row in brought.measured]


def alias(number: int, value: int = -7) -> Metric:
    return metric(value, DataType.INT32, alias=number, typed=False)


def test_an_alias_means_what_the_birth_of_its_own_device_says() -> None:
    speed = Metric(alias=1, carrier="float_value", wire=2.5)
    _, of_node = after(BIRTH, PUMP, message(Kind.NDATA, alias(1), seq=2))
    _, of_pump = after(BIRTH, PUMP, message(Kind.DDATA, speed, seq=2, device="pump"))
    assert values(of_node) == [("", "flow", -7)]
    assert values(of_pump) == [("pump", "speed", 2.5)]
    assert not of_pump.rebirth


def test_a_metric_has_its_own_time_else_that_of_its_payload_else_of_its_arrival() -> None:
    _, brought = after(BIRTH, PUMP)
    assert [row.time for row in brought.measured] == [SENT - 9_000]
    _, brought = after(BIRTH)
    assert [row.time for row in brought.measured] == [SENT]
    without = Message(Kind.NDATA, "", Payload((alias(1),), None, 1), ARRIVED)
    _, brought = after(BIRTH, without)
    assert [row.time for row in brought.measured] == [ARRIVED]
    assert brought.notes == (nodes.NO_TIME,)


def test_a_missing_sequence_number_is_a_gap_after_which_aliases_are_in_doubt_until_a_birth() -> None:
    state, brought = after(BIRTH, message(Kind.NDATA, alias(1), seq=2))
    assert brought.gap == nodes.MISSING
    assert brought.rebirth
    assert "may mean something else" in brought.refused[0].detail
    assert not brought.measured
    named = metric(-8, DataType.INT32, name="flow")
    state, brought = received(state, message(Kind.NDATA, named, seq=3))
    assert values(brought) == [("", "flow", -8)]
    assert (brought.gap, brought.rebirth) == ("", True)
    state, brought = received(state, BIRTH)
    assert nodes.is_sure(state)
    _, brought = received(state, message(Kind.NDATA, alias(1), seq=1))
    assert values(brought) == [("", "flow", -7)]
    assert not brought.rebirth


def test_the_sequence_begins_again_after_255() -> None:
    state, _ = after(BIRTH)
    for seq in [*range(1, 256), 0, 1]:
        state, brought = received(state, message(Kind.NDATA, alias(1), seq=seq, mark=seq))
        assert not brought.gap


def test_a_message_that_comes_twice_is_taken_once() -> None:
    data = message(Kind.NDATA, alias(1), seq=1, mark=99)
    state, _ = after(BIRTH, data)
    assert received(state, data) == (state, Brought(notes=(nodes.REPEATED,)))


def test_data_before_a_birth_is_one_gap_and_asks_for_the_birth() -> None:
    state, brought = after(message(Kind.NDATA, alias(1), seq=8))
    assert (brought.gap, brought.rebirth, len(brought.refused)) == (nodes.UNBORN, True, 1)
    _, brought = received(state, message(Kind.NDATA, alias(1), seq=9))
    assert (brought.gap, brought.rebirth, len(brought.refused)) == ("", True, 1)
    _, brought = after(BIRTH, message(Kind.DDATA, alias(1), seq=1, device="pump"))
    assert (brought.gap, brought.rebirth, len(brought.refused)) == (nodes.UNBORN, True, 1)


@pytest.mark.parametrize(("number", "dies"), [(3, True), (2, False)])
def test_a_death_certificate_counts_only_for_its_own_session(number: int, dies: bool) -> None:
    state, brought = after(BIRTH, PUMP, message(Kind.NDEATH, bd_seq(number)))
    assert state.born is not dies
    assert brought.lost == ((("", "flow"), ("pump", "speed")) if dies else ())
    if dies:
        assert brought.lost_at == ARRIVED
    else:
        assert brought.notes == (nodes.STALE_DEATH,)


def test_the_death_of_a_device_is_of_its_metrics_alone() -> None:
    state, brought = after(BIRTH, PUMP, message(Kind.DDEATH, seq=2, device="pump"))
    assert (brought.lost, brought.lost_at) == ((("pump", "speed"),), SENT)
    _, brought = received(state, message(Kind.NDATA, alias(1), seq=3))
    assert values(brought) == [("", "flow", -7)]


def test_a_new_birth_of_the_node_makes_all_earlier_ones_void() -> None:
    again = message(Kind.NBIRTH, bd_seq(4), metric(1, DataType.INT32, name="level", alias=2), seq=0)
    state, _ = after(BIRTH, PUMP, again)
    _, brought = received(state, message(Kind.NDATA, alias(1), seq=1))
    assert "the alias 1 is not in the birth certificate" in brought.refused[0].detail
    assert brought.rebirth
    _, brought = received(state, message(Kind.DDATA, alias(1), seq=1, device="pump"))
    assert brought.refused


def test_an_alias_of_two_metrics_is_one_of_neither() -> None:
    two = message(Kind.NBIRTH, FLOW, metric(1, DataType.INT32, name="level", alias=1), seq=0)
    state, brought = after(two)
    assert len(brought.measured) == 2
    _, brought = received(state, message(Kind.NDATA, alias(1), seq=1))
    assert brought.refused


def test_null_is_a_value_of_bad_quality_and_the_property_says_the_quality() -> None:
    null = metric(None, DataType.INT32, name="flow")
    stale = metric(4, DataType.INT32, name="flow", properties={"Quality": 500})
    good = metric(4, DataType.INT32, name="flow", properties={"Quality": 192})
    bad_null = metric(None, DataType.INT32, name="flow", properties={"Quality": 0})
    _, brought = after(BIRTH, message(Kind.NDATA, null, stale, good, bad_null, seq=1))
    assert [(row.value, row.quality) for row in brought.measured] == [
        (None, nodes.NO_DATA),
        (4, Quality.BAD_NO_COMMUNICATION),
        (4, Quality.GOOD),
        (None, Quality.BAD),
    ]


def test_the_protocols_own_metrics_and_transient_ones_are_no_readings() -> None:
    control = metric(False, DataType.BOOLEAN, name="Node Control/Rebirth")
    transient = Metric(name="x", datatype=9, carrier="float_value", wire=1.0, transient=True)
    state, brought = after(message(Kind.NBIRTH, bd_seq(1), control, transient, FLOW, seq=0))
    assert values(brought) == [("", "flow", -5)]
    assert [row.name for row in brought.defined] == ["flow"]
    assert brought.notes == (nodes.TRANSIENT,)
    _, brought = received(state, message(Kind.NDEATH, bd_seq(1)))
    assert ("", "Node Control/Rebirth") not in brought.lost


def test_historical_values_are_marked() -> None:
    old = metric(4, DataType.INT32, name="flow", time=SENT - 9, historical=True)
    _, brought = after(BIRTH, message(Kind.NDATA, old, seq=1))
    assert [row.historical for row in brought.measured] == [True]


def test_a_node_cannot_have_devices_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MOST_DEVICES", 2)
    state, _ = after(BIRTH)
    for place in range(4):
        birth = message(Kind.DBIRTH, FLOW, seq=place + 1, device=f"d{place}")
        state, brought = received(state, birth)
    assert len(state.parts) == 3
    assert "more than 2 devices" in brought.refused[0].detail


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        ("spBv1.0/plant/NDATA/edge", Address(Kind.NDATA, "plant", "edge")),
        ("spBv1.0/plant/DDATA/edge/pump", Address(Kind.DDATA, "plant", "edge", "pump")),
        ("spBv1.0/plant/NDATA/edge/pump", None),
        ("spBv1.0/plant/DDATA/edge", None),
        ("spBv1.0/STATE/host", None),
        ("spBv1.0/plant/XDATA/edge", None),
        ("spBv1.0//NDATA/edge", None),
        ("spBv1.0/plant/DDATA/edge/", None),
        ("spAv1.0/plant/NDATA/edge", None),
    ],
)
def test_topics(topic: str, address: Address | None) -> None:
    assert address_of(topic) == address
    assert address is None or address.topic == topic
