"""Subscriptions on the server: made, or taken over from an earlier connection or process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asyncua import ua

from sensormon.model.durable_files import replace_file
from sensormon.sources.opcua.kind import OpcUaSource
from sensormon.sources.opcua.nodes import chunks
from sensormon.sources.opcua.session import Session

_MOST_PER_MESSAGE = 10_000
"""Values in a notification, so that one is a batch."""
_NO_FILTER = (
    ua.StatusCodes.BadMonitoredItemFilterUnsupported,
    ua.StatusCodes.BadFilterNotAllowed,
    ua.StatusCodes.BadMonitoredItemFilterInvalid,
)


@dataclass
class Subscription:
    """On the server. `items` are the numbers that the server has given to nodes, by our handle; the handle is
    the node's place in the configuration plus one. `silence`: seconds without news after which it is dead.
    `filled`: what was missed before it has been read from the history.
    """

    number: int
    publishing: float
    silence: float
    items: dict[int, int] = field(default_factory=dict)
    filled: bool = False


@dataclass(frozen=True)
class Created:
    """What became of nodes that were to be watched, by handle.

    `queue` and `sampling` are the least and the longest that the server has granted; `unfiltered` could not
    have our filter.
    """

    refused: Mapping[int, int]
    queue: int | None = None
    sampling: float | None = None
    unfiltered: int = 0


async def create(session: Session, config: OpcUaSource) -> Subscription:
    """A subscription without nodes."""
    timing = config.timing
    parameters = ua.CreateSubscriptionParameters()
    parameters.RequestedPublishingInterval = timing.publishing * 1000
    parameters.RequestedLifetimeCount = timing.lifetime_count
    parameters.RequestedMaxKeepAliveCount = timing.keep_alive_count
    parameters.MaxNotificationsPerPublish = _MOST_PER_MESSAGE
    parameters.PublishingEnabled = True
    parameters.Priority = 0

    def unused(_: ua.PublishResult) -> None:
        """`Session` has no loop that would call it."""

    answer = await session.create_subscription(parameters, unused)
    publishing = answer.RevisedPublishingInterval / 1000
    silence = max(timing.silence, 3 * publishing * answer.RevisedMaxKeepAliveCount)
    return Subscription(int(answer.SubscriptionId), publishing, silence)


async def watch(
    session: Session,
    config: OpcUaSource,
    subscription: Subscription,
    nodes: Mapping[int, ua.NodeId],
) -> Created:
    """Let the subscription watch these nodes, by handle; those that the server refuses are in the result."""
    refused: dict[int, int] = {}
    without: list[int] = []
    queues, samplings = [], []
    for filtered, handles in ((True, list(nodes)), (False, without)):
        for piece in chunks(handles, config.per_call):
            requests = [_request(config, handle, nodes[handle], filtered) for handle in piece]
            parameters = ua.CreateMonitoredItemsParameters()
            parameters.SubscriptionId = subscription.number
            parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            parameters.ItemsToCreate = requests
            for handle, answer in zip(piece, await session.create_monitored_items(parameters), strict=True):
                code = int(answer.StatusCode.value)
                if answer.StatusCode.is_good():
                    subscription.items[handle] = int(answer.MonitoredItemId)
                    queues.append(int(answer.RevisedQueueSize))
                    samplings.append(float(answer.RevisedSamplingInterval) / 1000)
                elif filtered and code in _NO_FILTER:
                    without.append(handle)
                else:
                    refused[handle] = code
    return Created(refused, min(queues, default=None), max(samplings, default=None), len(without))


async def forget(session: Session, subscription: Subscription, handles: Sequence[int]) -> None:
    """Let the subscription no longer watch these."""
    numbers = [subscription.items.pop(handle) for handle in handles if handle in subscription.items]
    if numbers:
        parameters = ua.DeleteMonitoredItemsParameters()
        parameters.SubscriptionId = subscription.number
        parameters.MonitoredItemIds = numbers
        await session.delete_monitored_items(parameters)


async def take_over(session: Session, subscription: Subscription) -> list[int] | None:
    """Attach a subscription of an earlier connection to this session.

    Returns the numbers of the messages that the server still has, or None if it has it no more.
    """
    parameters = ua.TransferSubscriptionsParameters()
    parameters.SubscriptionIds = [subscription.number]
    parameters.SendInitialValues = False
    try:
        results = await session.transfer_subscriptions(parameters)
    except ua.UaError:  # a server need not have this service
        return None
    if not results or not results[0].StatusCode.is_good():
        return None
    return sorted(int(number) for number in results[0].AvailableSequenceNumbers or [])


async def drop(session: Session, number: int) -> None:
    """End a subscription that may have ended already."""
    try:
        await session.delete_subscriptions([number])
    except ua.UaError:
        return


# -- across processes ---------------------------------------------------------------------


def keep(path: Path, config: OpcUaSource, subscription: Subscription) -> None:
    """Write down what a later process needs to take it over."""
    content = {
        "of": _meaning(config),
        "number": subscription.number,
        "publishing": subscription.publishing,
        "silence": subscription.silence,
        "filled": subscription.filled,
        "items": {str(handle): number for handle, number in subscription.items.items()},
    }
    replace_file(path, json.dumps(content).encode(), mode=0o600)


def kept(path: Path, config: OpcUaSource) -> tuple[Subscription | None, int]:
    """The subscription that was written down, and its number; None if it watches something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        subscription = Subscription(
            int(content["number"]),
            float(content["publishing"]),
            float(content["silence"]),
            {int(handle): int(number) for handle, number in content["items"].items()},
            content.get("filled", True) is True,
        )
        same = content["of"] == _meaning(config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, 0
    return (subscription if same else None), subscription.number


def _meaning(config: OpcUaSource) -> str:
    """Equal for two configurations whose subscriptions are the same."""
    meant = (config.url, config.nodes, config.timing, config.repeats, config.deadband, config.user)
    return hashlib.blake2b(repr(meant).encode(), digest_size=16).hexdigest()


def _request(
    config: OpcUaSource, handle: int, node: ua.NodeId, filtered: bool
) -> ua.MonitoredItemCreateRequest:
    parameters = ua.MonitoringParameters()
    parameters.ClientHandle = handle
    parameters.SamplingInterval = config.timing.sampling * 1000
    parameters.QueueSize = config.timing.queue
    parameters.DiscardOldest = True
    if filtered:
        parameters.Filter = _filter(config, config.deadband_of(config.nodes[handle - 1]))
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor = ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value)
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters = parameters
    return request


def _filter(config: OpcUaSource, deadband: float) -> ua.DataChangeFilter:
    trigger = ua.DataChangeTrigger
    chosen = ua.DataChangeFilter()
    chosen.Trigger = trigger.StatusValueTimestamp if config.repeats else trigger.StatusValue
    chosen.DeadbandType = int(ua.DeadbandType.Absolute if deadband else ua.DeadbandType.None_)
    chosen.DeadbandValue = deadband
    return chosen
