"""From values of the server to durable readings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asyncua import ua

from sensormon.sources.connected import Intake
from sensormon.sources.opcua.values import OVERFLOW, Rows, Target, own_time, status_of

Values = Sequence[tuple[int, ua.DataValue]]
"""Values by the handle of their node."""
_BAD = 2
GONE = (ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadNodeIdInvalid)
"""Statuses of nodes that the server does not have."""


@dataclass
class Delivery:
    """Of one run. `targets` by handle; `newest` is the own time of the newest value taken, by tag; `bad` are
    the handles whose last value was bad. One call at a time.
    """

    source: str
    intake: Intake
    targets: dict[int, Target] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    bad: dict[int, int] = field(default_factory=dict)

    async def deliver(self, values: Values) -> int:
        """Make these durable, however long that takes; how many of them were new. Raises Stopping."""
        return await asyncio.to_thread(self._take, values)

    async def learn_newest(self, tags: Sequence[str]) -> Mapping[str, int]:
        """How far each tag has come, here or in an earlier process."""
        missing = [tag for tag in tags if tag not in self.newest]
        if missing:
            known = await asyncio.to_thread(self.intake.newest, missing)
            self.newest.update(known)
        return {tag: self.newest[tag] for tag in tags if tag in self.newest}

    def _take(self, values: Values) -> int:
        rows = Rows(self.source, self.intake.clock.now())
        for handle, value in values:
            target = self.targets.get(handle)
            if target is not None:
                rows.add(target, value)
        stored = sum(self.intake.take(batch, malformed).stored for batch, malformed in rows.batches())
        self._note(values)
        return stored

    def _note(self, values: Values) -> None:
        for handle, value in values:
            status = status_of(value)
            if status >> 30 == _BAD:
                self.bad[handle] = status
            else:
                self.bad.pop(handle, None)
            time, target = own_time(value), self.targets.get(handle)
            if time is not None and target is not None and time > self.newest.get(target.tag, time - 1):
                self.newest[target.tag] = time


def overflowed(values: Values) -> set[int]:
    """The handles whose queue on the server has lost values."""
    return {handle for handle, value in values if status_of(value) & OVERFLOW == OVERFLOW}
