"""Random lives of an edge node over a bad channel: what is taken is what a slow reference says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.sources.sparkplug.nodes import Brought, Message, NodeState, in_doubt, received
from sensormon.sources.sparkplug.payload import DataType, Metric, Payload, metric
from sensormon.sources.sparkplug.topics import Kind
from tests.support.naive_sparkplug import CUT, meanings

DEVICES = ("", "pump", "tank")
NAMES = ("flow", "level", "speed")
OTHERS = ("device", "end device", "restart", "rebirth", "repeat", "cut", "lose", "old death")
ACTIONS = (*4 * ("data",), *OTHERS)


@dataclass
class EdgeNode:
    """An edge node whose aliases change with each start; it remembers what it really measured."""

    chance: np.random.Generator
    messages: list[Message | None] = field(default_factory=list)
    truth: dict[int, set[tuple[str, str, object]]] = field(default_factory=dict)
    aliases: dict[str, dict[str, int]] = field(default_factory=dict)
    seq: int = 0
    bd_seq: int = 0
    losing: bool = False
    count: int = 0

    def act(self, action: str) -> None:
        device = str(self.chance.choice(DEVICES))
        self.losing = action == "lose"
        match action:
            case "restart":
                self.death()
                self.bd_seq += 1
                self.birth()
            case "rebirth":
                self.birth()
            case "device" if device:
                self.device_birth(device)
            case "end device" if device in self.aliases and device:
                self.aliases.pop(device)
                self.send(Kind.DDEATH, device, ())
            case "repeat" if self.messages and self.messages[-1] is not None:
                self.messages.append(self.messages[-1])
            case "old death":
                session = metric(self.bd_seq - 1, DataType.INT64, name="bdSeq")
                self.messages.append(Message(Kind.NDEATH, "", Payload((session,)), 0))
            case "cut":
                self.messages.append(CUT)
            case "data" | "lose":
                self.data(device)

    def birth(self) -> None:
        self.seq = 255
        self.aliases = {}
        self.alias("")
        self.send(Kind.NBIRTH, "", (self.session(), *self.all_of("")))
        for device in DEVICES[1:]:
            if self.chance.random() < 0.8:
                self.device_birth(device)

    def device_birth(self, device: str) -> None:
        self.alias(device)
        self.send(Kind.DBIRTH, device, self.all_of(device))

    def death(self) -> None:
        """Left with the broker at QoS 1: it is never lost."""
        self.messages.append(Message(Kind.NDEATH, "", Payload((self.session(),)), 0))

    def session(self) -> Metric:
        return metric(self.bd_seq, DataType.INT64, name="bdSeq")

    def alias(self, device: str) -> None:
        numbers = list(range(10))
        self.chance.shuffle(numbers)
        self.aliases[device] = dict(zip(NAMES, numbers, strict=False))

    def all_of(self, device: str) -> tuple[Metric, ...]:
        return tuple(
            metric(self.measure(device, name), DataType.INT32, name=name, alias=alias)
            for name, alias in self.aliases[device].items()
        )

    def data(self, device: str) -> None:
        known = self.aliases.get(device) or self.aliases.get("")
        if not known:
            return
        device = device if device in self.aliases else ""
        name = str(self.chance.choice(NAMES))
        value = self.measure(device, name)
        self.send(
            Kind.DDATA if device else Kind.NDATA,
            device,
            (metric(value, DataType.INT32, alias=known[name], typed=False),),
        )

    def measure(self, device: str, name: str) -> int:
        """A value that comes once, so that it says what was measured."""
        self.count -= 1
        self.truth[self.count] = {(device, name, self.count)}
        return self.count

    def send(self, kind: Kind, device: str, metrics: tuple[Metric, ...]) -> None:
        self.seq = (self.seq + 1) % 256
        if not self.losing:
            self.messages.append(Message(kind, device, Payload(metrics, seq=self.seq), 0, mark=self.count))


def brought_by(messages: list[Message | None]) -> list[Brought]:
    state, all_brought = NodeState(), []
    for message in messages:
        if message is None:
            state, brought = in_doubt(state), Brought()
        else:
            state, brought = received(state, message)
        all_brought.append(brought)
    return all_brought


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), count=st.integers(0, 50), begins=st.sampled_from(("birth", "middle")))
def test_what_is_taken_is_what_the_reference_says_and_what_was_measured(
    seed: int, count: int, begins: str
) -> None:
    node = EdgeNode(np.random.default_rng(seed))
    node.birth()
    if begins == "middle":
        node.messages.clear()
    for _ in range(count):
        node.act(str(node.chance.choice(ACTIONS)))
    for message, brought, expected in zip(
        node.messages, brought_by(node.messages), meanings(node.messages), strict=True
    ):
        values = tuple((row.device, row.name, row.value) for row in brought.measured)
        assert values == expected.values, message
        assert len(brought.refused) == expected.refused, message
        assert frozenset(brought.lost) == expected.lost, message
        assert bool(brought.gap) == expected.gap, message
        assert brought.rebirth == expected.rebirth, message
        for row in brought.measured:
            assert (row.device, row.name, row.value) in node.truth[int(row.value or 0)]


@pytest.mark.parametrize("lost", [1, 5, 254, 255])
def test_any_number_of_lost_messages_but_whole_rounds_is_a_gap(lost: int) -> None:
    node = EdgeNode(np.random.default_rng(1))
    node.birth()
    for _ in range(lost):
        node.act("lose")
    node.losing = False
    node.data("")
    assert brought_by(node.messages)[-1].gap
    assert not brought_by(node.messages)[-1].measured
