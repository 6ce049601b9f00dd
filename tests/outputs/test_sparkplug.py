"""An edge node as a host sees it: birth, data by exception, rebirth on request, death, bdSeq."""

from __future__ import annotations

from sensormon.model.timestamps import to_datetime
from sensormon.sources.sparkplug.nodes import (
    BD_SEQ,
    REBIRTH,
    Brought,
    Measured,
    NodeState,
    received,
)
from sensormon.sources.sparkplug.nodes import Message as NodeMessage
from sensormon.sources.sparkplug.payload import DataType, Payload, decode, encode, meant, metric
from sensormon.sources.sparkplug.topics import Kind, address_of
from tests.outputs.conftest import Start
from tests.support.mosquitto import Mosquitto
from tests.support.plant import batch_of
from tests.support.published import TEMP, spike, usual
from tests.support.subscriber import Subscriber

BIRTH, DATA, DEATH, COMMAND = (
    f"spBv1.0/plant/{kind}/monitor" for kind in ("NBIRTH", "NDATA", "NDEATH", "NCMD")
)


def text(broker: Mosquitto) -> str:
    return (
        f'[outputs.b]\nkind = "mqtt"\nurl = "{broker.url}"\nshape = "sparkplug"\n'
        'group = "plant"\nnode = "monitor"\n'
    )


def followed(listener: Subscriber) -> tuple[NodeState, list[Brought]]:
    """What a host knows after all that came, as our own source reads it."""
    state, brought = NodeState(), []
    for number, (topic, payload, _) in enumerate([*listener.messages]):
        address = address_of(topic)
        if address is None or address.kind is Kind.NCMD:
            continue
        message = NodeMessage(address.kind, address.device, decode(payload), number, mark=number)
        state, new = received(state, message)
        brought.append(new)
    return state, brought


def measured(listener: Subscriber) -> list[Measured]:
    return [each for new in followed(listener)[1] for each in new.measured]


def bd_seqs(listener: Subscriber, topic: str) -> list[object]:
    payloads = [decode(payload) for payload in listener.payloads(topic)]
    return [meant(each) for payload in payloads for each in payload.metrics if each.name == BD_SEQ]


def test_a_host_sees_values_flags_and_no_gap(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    monitor = start(text(broker))
    listener.wait(lambda: bool(listener.payloads(BIRTH)))
    birth = decode(listener.payloads(BIRTH)[0])
    described = {each.name: each for each in birth.metrics}
    assert {BD_SEQ, REBIRTH, TEMP, f"{TEMP}#Flag", "agitator_rpm"} <= set(described)
    assert described[TEMP].properties["engUnit"] == "°C"
    assert (described[TEMP].properties["engLow"], described[TEMP].properties["engHigh"]) == (30.0, 50.0)
    usual(monitor)
    spike(monitor)
    listener.wait(lambda: any(each.name == f"{TEMP}#Flag" and each.value for each in measured(listener)))
    listener.wait(lambda: any(each.name == TEMP and each.value == 48.0 for each in measured(listener)))
    state, brought = followed(listener)
    assert state.born
    assert not [new.gap for new in brought if new.gap]
    assert not [refused for new in brought for refused in new.refused]
    why = [each.value for each in measured(listener) if each.name == f"{TEMP}#Reason"][-1]
    assert str(why).startswith("Rolling z-score: 48.00 °C lies")
    listener.close()


def test_a_rebirth_request_is_answered_and_other_commands_are_not(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    monitor = start(text(broker))
    listener.wait(lambda: bool(listener.payloads(BIRTH)))
    now = monitor.clock.now()
    monitor.submit(batch_of((TEMP, 37.25), at=now))
    listener.wait(lambda: any(each.name == TEMP and each.value == 37.25 for each in measured(listener)))
    wrong = Payload((metric(99.0, DataType.DOUBLE, name=TEMP),), now)
    listener.publish(COMMAND, encode(wrong))
    listener.publish(COMMAND, b"nonsense")
    listener.publish(COMMAND, encode(Payload((metric(True, DataType.BOOLEAN, name=REBIRTH),), now)))
    listener.wait(lambda: len(listener.payloads(BIRTH)) == 2)
    again = decode(listener.payloads(BIRTH)[1])
    assert again.seq == 0
    temp = next(each for each in again.metrics if each.name == TEMP)
    assert meant(temp) == 37.25
    assert temp.time == now // 1_000 * 1_000, to_datetime(now)
    assert bd_seqs(listener, BIRTH) == [0, 0]
    listener.close()


def test_each_connection_has_the_next_number_and_its_own_death(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    start(text(broker))
    listener.wait(lambda: bool(listener.payloads(BIRTH)))
    start(text(broker))
    listener.wait(lambda: len(listener.payloads(BIRTH)) == 2)
    assert bd_seqs(listener, BIRTH) == [0, 1]
    assert bd_seqs(listener, DEATH) == [0]
    assert followed(listener)[0].born, "the death of the connection before is not its own"
    listener.close()
