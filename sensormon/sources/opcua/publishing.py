"""The loop of Publish requests: what the server sends is acknowledged once it is durable, not before.

One request is under way at a time and none while a batch is being taken: what comes meanwhile waits in the
server's queues, and memory stays bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from asyncua import ua

from sensormon.model.errors import SourceError
from sensormon.sources.opcua.delivery import GONE, Delivery, Values, overflowed
from sensormon.sources.opcua.items import Subscription, drop
from sensormon.sources.opcua.session import Session
from sensormon.sources.opcua.values import status_of
from sensormon.sources.opcua.words import status_name
from sensormon.sources.report import Report

_LAST_NUMBER = 0xFFFF_FFFF
_REMEMBERED = 1_000
"""So many numbers of messages: servers keep fewer."""
_ENDED = (
    ua.StatusCodes.BadTimeout,
    ua.StatusCodes.BadShutdown,
    ua.StatusCodes.BadServerHalted,
    ua.StatusCodes.GoodSubscriptionTransferred,
)
"""Statuses after which a subscription sends nothing more."""
LOST_QUEUE = "the server's queue of a node overflowed: values of it are lost"
LOST_MESSAGE = "the server no longer has a message that did not arrive"


class SubscriptionEnded(SourceError):
    """The server has ended the subscription; the session may live on."""


@dataclass(frozen=True)
class Watching:
    """What the loop tells of: `nodes_changed` is awaited when the server says that nodes are gone."""

    session: Session
    subscription: Subscription
    delivery: Delivery
    report: Report
    place: str
    nodes_changed: Callable[[], Awaitable[None]]


async def publish_for_ever(watching: Watching, republished: Sequence[int]) -> None:
    """Deliver what comes; `republished` are the numbers of messages that came again and are durable.

    Raises SubscriptionEnded, an error of the library, or Stopping.
    """
    session, subscription = watching.session, watching.subscription
    durable = list(republished)
    last = max(durable, default=None)
    delivered = deque(durable, maxlen=_REMEMBERED)
    while True:
        answer = await _next_answer(watching, durable)
        durable = []
        if int(answer.SubscriptionId) != subscription.number:
            if answer.SubscriptionId:
                await drop(session, int(answer.SubscriptionId))  # of an earlier configuration
                continue
            raise SubscriptionEnded("the server knows no subscription", where=watching.place)
        message = answer.NotificationMessage
        number = int(message.SequenceNumber) if message.NotificationData else None
        for missing in _unseen(answer, number, delivered):  # such as went to the connection before this one
            if await republish(watching, missing):
                durable.append(missing)
                delivered.append(missing)
                last = max(last or 0, missing)
        if number is None:
            continue
        if last is not None:
            durable.extend(await _republish_between(watching, last, number))
        await deliver_message(watching, message)
        durable.append(number)
        delivered.append(number)
        last = number


def _unseen(answer: ua.PublishResult, current: int | None, delivered: Collection[int]) -> list[int]:
    """The numbers of messages that the server keeps for us and that we have never had, but for this one's."""
    kept = sorted(int(number) for number in answer.AvailableSequenceNumbers or [])
    return [number for number in kept if number != current and number not in delivered]


async def republish(watching: Watching, number: int) -> bool:
    """Deliver a message that the server has sent before; whether it still had it."""
    try:
        message = await watching.session.republish(watching.subscription.number, number)
    except ua.uaerrors.BadMessageNotAvailable:
        return False
    if not message.NotificationData:
        return False
    await deliver_message(watching, message)
    return True


async def deliver_message(watching: Watching, message: ua.NotificationMessage) -> None:
    """Make what is in the message durable. Raises SubscriptionEnded if it says so."""
    values: list[tuple[int, ua.DataValue]] = []
    ended: ua.StatusCode | None = None
    changed = False
    for part in message.NotificationData or []:
        if isinstance(part, ua.DataChangeNotification):
            values.extend((int(item.ClientHandle), item.Value) for item in part.MonitoredItems)
        elif isinstance(part, ua.StatusChangeNotification):
            if part.Status.value in _ENDED:
                ended = part.Status
            changed = True
    await _deliver(watching, values)
    changed = changed or any(status_of(value) in GONE for _, value in values)
    if ended is not None:
        raise SubscriptionEnded(
            f"the server has ended the subscription ({status_name(ended)})", where=watching.place
        )
    if changed:
        await watching.nodes_changed()


async def _deliver(watching: Watching, values: Values) -> None:
    if values:
        await watching.delivery.deliver(values)
        for _ in overflowed(values):
            watching.report.gap(LOST_QUEUE)


async def _republish_between(watching: Watching, last: int, number: int) -> list[int]:
    """Ask again for the messages between these two, which did not arrive; those that are durable now."""
    durable: list[int] = []
    missing = last % _LAST_NUMBER + 1
    while missing < number:
        if not await republish(watching, missing):
            watching.report.gap(LOST_MESSAGE)
            break
        durable.append(missing)
        missing = missing % _LAST_NUMBER + 1
    return durable


async def _next_answer(watching: Watching, durable: Sequence[int]) -> ua.PublishResult:
    """The server's next message, which acknowledges those with these numbers."""
    subscription, silence = watching.subscription.number, watching.subscription.silence
    acknowledged = [
        ua.SubscriptionAcknowledgement(SubscriptionId=subscription, SequenceNumber=number)
        for number in durable
    ]
    try:
        async with asyncio.timeout(silence):
            response = await watching.session.publish(acknowledged)
    except TimeoutError as error:
        raise SubscriptionEnded(
            f"the subscription is silent for {silence:g} s, though the server has to say that it lives",
            where=watching.place,
        ) from error
    except (ua.uaerrors.BadNoSubscription, ua.uaerrors.BadSubscriptionIdInvalid) as error:
        raise SubscriptionEnded("the server has dropped the subscription", where=watching.place) from error
    return response.Parameters
