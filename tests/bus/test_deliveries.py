"""Messages come in the stream's order without a gap, whatever JetStream delivers in which order."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sensormon.bus.deliveries import Deliveries, Delivery
from sensormon.bus.payload import Message
from sensormon.model.errors import BusError


class Recorded:
    """A partition whose messages have these numbers; `asked` counts the reads."""

    def __init__(self, numbers: list[int]) -> None:
        self.messages = {number: Message(number, "sensormon.partitions.0.a", b"", 0) for number in numbers}
        self.asked = 0

    async def following(self, after: int) -> Message | None:
        self.asked += 1
        number = min((number for number in self.messages if number > after), default=None)
        return None if number is None else self.messages[number]

    def delivery(self, sequence: int, number: int, *, again: bool = False) -> Delivery:
        return Delivery(self.messages[sequence], "", number, again, 0)


def numbers(deliveries: Deliveries, *pieces: list[Delivery]) -> list[int]:
    return [message.sequence for piece in pieces for message in asyncio.run(deliveries.in_order(piece))]


def test_what_a_former_worker_had_comes_before_what_came_since() -> None:
    stream = Recorded([3, 5, 8, 9, 12])
    deliveries = Deliveries(3, stream.following)
    assert numbers(deliveries, [stream.delivery(9, 4), stream.delivery(12, 5)]) == [5, 8, 9, 12]
    again = [stream.delivery(5, 6, again=True), stream.delivery(8, 7, again=True)]
    assert numbers(deliveries, again) == []


def test_without_a_gap_the_stream_is_asked_once() -> None:
    stream = Recorded(list(range(1, 101)))
    deliveries = Deliveries(0, stream.following)
    assert numbers(deliveries, [stream.delivery(n, n) for n in range(1, 101)]) == list(range(1, 101))
    assert stream.asked == 1


@pytest.mark.parametrize("seed", range(50))
def test_any_loss_and_any_order_gives_every_message_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stream = Recorded(sorted(rng.choice(np.arange(1, 300), 60, replace=False).tolist()))
    sequences = list(stream.messages)
    number, waiting, came = 0, list(sequences), list[Delivery]()
    lost: list[int] = []
    while waiting or lost:
        number += 1
        first = bool(waiting) and (not lost or rng.random() < 0.6)
        sequence = waiting.pop(0) if first else lost.pop(int(rng.integers(len(lost))))
        if rng.random() < 0.3:
            lost.append(sequence)  # to a worker that is gone: it is delivered again
        else:
            came.append(stream.delivery(sequence, number, again=not first))
    cut = int(rng.integers(len(came)))
    stored = int(rng.choice([0, *sequences[:20]]))
    deliveries = Deliveries(stored, stream.following)
    taken = numbers(deliveries, came[:cut], came[cut:])
    assert taken == [sequence for sequence in sequences if sequence > stored][: len(taken)]
    assert taken[-1:] == [max(delivery.message.sequence for delivery in came)] or not taken


def test_a_message_that_the_stream_no_longer_has_is_another_workers() -> None:
    stream = Recorded([1, 2, 3])
    delivery = stream.delivery(3, 7)
    del stream.messages[3]
    with pytest.raises(BusError, match="does not have message 3"):
        numbers(Deliveries(1, stream.following), [delivery])


def test_where_to_acknowledge_says_what_a_delivery_is() -> None:
    plain = Delivery.of("s", "$JS.ACK.sensormon.partition-3.2.17.40.1796030630851410625.6", b"x")
    assert (plain.message.sequence, plain.number, plain.again, plain.pending) == (17, 40, True, 6)
    assert plain.message.time == 1796030630851410
    domain = Delivery.of("s", "$JS.ACK.hub.hash.sensormon.partition-3.1.17.40.1796030630851410625.6.r", b"x")
    assert (domain.message.sequence, domain.number, domain.again) == (17, 40, False)
    with pytest.raises(ValueError, match="is not a reply subject"):
        Delivery.of("s", "_INBOX.x", b"x")
