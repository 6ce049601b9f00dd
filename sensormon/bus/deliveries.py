"""Messages of a partition in the stream's order without a gap, from deliveries that may have gaps.

A consumer numbers its deliveries. As long as no number is missing, neither is a message. After a change of
workers, a lost connection or a new leader some are missing: JetStream delivers what the former worker did not
acknowledge only after newer ones. Then the messages between are read from the stream itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from sensormon.bus.payload import Message
from sensormon.model.errors import BusError

Next = Callable[[int], Awaitable[Message | None]]
"""The message that follows this number in the partition, from the stream; None if there is none."""


@dataclass(frozen=True)
class Delivery:
    """A message, where to acknowledge it, and what JetStream says of it.

    `number` counts the deliveries of the consumer, `pending` the messages that are still to be delivered.
    """

    message: Message
    reply: str
    number: int
    again: bool
    pending: int

    @classmethod
    def of(cls, subject: str, reply: str, data: bytes) -> Delivery:
        """The delivery with this subject to reply to. Raises ValueError if it is not one of JetStream's."""
        tokens = reply.split(".")
        if reply.startswith("$JS.ACK.") and len(tokens) >= 9:
            # $JS.ACK.[DOMAIN.ACCOUNT.]STREAM.CONSUMER.TIMES.SEQUENCE.NUMBER.TIME.PENDING[.RANDOM]
            times, sequence, number, time, pending = map(
                int, tokens[4:9] if len(tokens) == 9 else tokens[6:11]
            )
            return cls(Message(sequence, subject, data, time // 1000), reply, number, times > 1, pending)
        raise ValueError(f"{reply[:80]!r} is not a reply subject of JetStream")


class Deliveries:
    """Those of one partition, from after `last` on, the sequence number that is stored."""

    def __init__(self, last: int, following: Next) -> None:
        self._last = last
        self._following = following
        self._number = 0
        self._complete = False  # whether every message up to the last first delivery was here

    async def in_order(self, deliveries: Iterable[Delivery]) -> list[Message]:
        """The messages that follow those given before, up to the last one of these.

        Raises BusError if the stream does not have them; then this object must not be used again.
        """
        messages: list[Message] = []
        for delivery in deliveries:
            if delivery.number != self._number + 1:
                self._complete = False
            self._number = delivery.number
            if delivery.message.sequence > self._last:
                if delivery.again or not self._complete:
                    messages += await self._between(delivery.message.sequence)
                messages.append(delivery.message)
                self._last = delivery.message.sequence
            if not delivery.again:
                self._complete = True
        return messages

    async def _between(self, until: int) -> list[Message]:
        """The messages after the last one and before this one, which the stream must still have."""
        between: list[Message] = []
        last = self._last
        while (message := await self._following(last)) is not None and message.sequence < until:
            between.append(message)
            last = message.sequence
        if message is None or message.sequence > until:
            raise BusError(
                f"the stream does not have message {until}, which it has just delivered",
                where="JetStream",
                hint="Another worker may have stored it; the partition is read again",
            )
        return between
