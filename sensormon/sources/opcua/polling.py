"""Reading in bulk, for servers or nodes that cannot be subscribed to.

What it is not: complete. A value that comes and goes between two polls is never seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from asyncua import ua

from sensormon.sources.opcua.delivery import Delivery
from sensormon.sources.opcua.kind import OpcUaSource
from sensormon.sources.opcua.nodes import chunks
from sensormon.sources.opcua.session import Session
from sensormon.sources.report import Report

LATE = "a poll took longer than the interval: the next was left out"


async def poll_for_ever(
    session: Session,
    config: OpcUaSource,
    delivery: Delivery,
    report: Report,
    nodes: Mapping[int, ua.NodeId],
) -> None:
    """Read these nodes, by handle, every interval and deliver what has a new time or, without times, each.

    `nodes` may change meanwhile. A poll that is late is not made up for. Raises errors of the library.
    """
    loop = asyncio.get_running_loop()
    seen: dict[int, ua.DataValue] = {}
    due = loop.time()
    while True:
        values = await read_all(session, config, dict(nodes))
        fresh = [(handle, value) for handle, value in values if not _same(seen.get(handle), value)]
        if fresh:
            await delivery.deliver(fresh)
        seen.update(fresh)
        due += config.interval
        if due < loop.time():
            report.note(LATE)
            due = loop.time()
        await asyncio.sleep(due - loop.time())


async def read_all(
    session: Session, config: OpcUaSource, nodes: Mapping[int, ua.NodeId]
) -> list[tuple[int, ua.DataValue]]:
    """The values of these nodes, by handle, in as few requests as may be."""
    values: list[tuple[int, ua.DataValue]] = []
    for piece in chunks(list(nodes), config.per_call):
        answers = await session.read_attributes([nodes[handle] for handle in piece], ua.AttributeIds.Value)
        values.extend(zip(piece, answers, strict=True))
    return values


def _same(before: ua.DataValue | None, now: ua.DataValue) -> bool:
    """Whether this is the reading that was delivered before; without an own time it never is."""
    return (
        before is not None
        and now.SourceTimestamp is not None
        and before.SourceTimestamp == now.SourceTimestamp
        and before.Value == now.Value
        and before.StatusCode == now.StatusCode
    )
