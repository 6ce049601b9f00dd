"""What was missed while the subscription was gone, from the server's history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asyncua import ua

from sensormon.model.clock import SECOND
from sensormon.sources.opcua.delivery import Delivery
from sensormon.sources.opcua.nodes import chunks
from sensormon.sources.opcua.session import Session
from sensormon.sources.opcua.values import moment, own_time
from sensormon.sources.report import Report

_NODES_A_CALL = 50
_VALUES_A_NODE = 1_000
"""Of one answer; 50,000 values are some megabytes."""
_BAD = 2


@dataclass(frozen=True)
class Missed:
    """A node by its handle, and since when (µs UTC) values of it may be missing: the own time of the newest
    that is known. `certain`: the server says that the node has a history.
    """

    handle: int
    node: ua.NodeId
    since: int
    certain: bool = False


async def fill(
    session: Session, delivery: Delivery, report: Report, missed: Sequence[Missed], until: int
) -> set[int]:
    """Deliver what the server's history has of these nodes, oldest first; the handles of those without.

    A history has the newest value that is known, unless there is none. So an empty answer says the latter.
    """
    without: set[int] = set()
    for piece in chunks(missed, _NODES_A_CALL):
        open_ones = {item.handle: item for item in piece}
        points: dict[int, bytes | None] = dict.fromkeys(open_ones)
        while open_ones:
            values: list[tuple[int, ua.DataValue]] = []
            answers = await _read(session, list(open_ones.values()), points, until)
            for handle, answer in zip(list(open_ones), answers, strict=True):
                own = [] if answer is None else _values(answer)
                if answer is None or not (own or points[handle] or open_ones[handle].certain):
                    without.add(handle)
                    del open_ones[handle]
                    continue
                values.extend((handle, value) for value in own)
                following = _following(open_ones[handle], answer, own)
                points[handle] = answer.ContinuationPoint
                if following is None:
                    del open_ones[handle]
                else:
                    open_ones[handle] = following
            if values:
                report.filled(await delivery.deliver(values))
        if without.issuperset(item.handle for item in missed[: len(piece)]):
            return {item.handle for item in missed}  # a server without any history is not asked further
    return without


def _values(answer: ua.HistoryReadResult) -> list[ua.DataValue]:
    data = answer.HistoryData
    # A bound of the interval that the server had no value for is no reading.
    return [
        value
        for value in getattr(data, "DataValues", None) or []
        if value.StatusCode is None or value.StatusCode.value != ua.StatusCodes.BadBoundNotFound
    ]


def _following(item: Missed, answer: ua.HistoryReadResult, values: Sequence[ua.DataValue]) -> Missed | None:
    """What is still to be read of the node; None if nothing is.

    A server that stops at the number of values asked for need not give a continuation point.
    """
    if answer.ContinuationPoint:
        return item
    last = own_time(values[-1]) if values else None
    if len(values) < _VALUES_A_NODE or last is None:
        return None
    return Missed(item.handle, item.node, max(last, item.since + 1), True)


async def _read(
    session: Session, items: Sequence[Missed], points: Mapping[int, bytes | None], until: int
) -> list[ua.HistoryReadResult | None]:
    """The next values of each, None if it has no history; in a call each, since each begins anew."""
    answers: list[ua.HistoryReadResult | None] = []
    for item in items:
        details = ua.ReadRawModifiedDetails()
        details.IsReadModified = False
        details.StartTime = moment(item.since)
        details.EndTime = moment(until + SECOND)
        details.NumValuesPerNode = _VALUES_A_NODE
        details.ReturnBounds = False
        asked = ua.HistoryReadValueId()
        asked.NodeId = item.node
        asked.IndexRange = ""
        asked.ContinuationPoint = points[item.handle]
        parameters = ua.HistoryReadParameters()
        parameters.HistoryReadDetails = details
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ReleaseContinuationPoints = False
        parameters.NodesToRead.append(asked)
        try:
            answer = (await session.history_read(parameters))[0]
        except ua.uaerrors.UaStatusCodeError:  # the service, or this use of it, is not supported
            answer = None
        usable = answer is not None and answer.StatusCode.value >> 30 != _BAD
        answers.append(answer if usable else None)
    return answers
