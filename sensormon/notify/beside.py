"""What other rooms have to tell by the same ways, such as reports that are due.

Their messages are planned by the process that leads, kept, handed over and tried again like all others. What
it is not: a way around the outbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sensormon.model.errors import SensormonError, UsageError
from sensormon.notify.messages import Message
from sensormon.notify.sender import Planner
from sensormon.notify.ways.delivery import Attachment


class Beside(Protocol):
    """Of one room. Called by the thread that sends; `attached` by those that hand over."""

    def plan(self, now: int) -> Sequence[Message]:
        """The messages that are due; those whose key is in the outbox are left out there.

        Raises StoreError, JournalError.
        """

    def attached(self, message: Message) -> Attachment | None:
        """What goes with this message; None if it is not of this room. Raises SensormonError."""

    def problems(self) -> Sequence[str]:
        """What is wrong, one line each."""


class WithBeside:
    """A planner, and what others have to tell beside it. What fails there holds up nothing here."""

    def __init__(self, planner: Planner, beside: Sequence[Beside]) -> None:
        self._planner = planner
        self._beside = beside
        self._problem = ""

    @property
    def problem(self) -> str:
        """See `Planner`."""
        return self._planner.problem or self._problem

    def plan(self, now: int, alone: bool) -> Sequence[Message]:
        """See `Planner`; nothing of the others while the store is away."""
        messages = [*self._planner.plan(now, alone)]
        self._problem = ""
        for each in self._beside if not alone else ():
            try:
                messages += each.plan(now)
            except SensormonError as error:
                self._problem = str(error)
        return messages

    def start_over(self) -> None:
        """See `Planner`."""
        self._planner.start_over()

    def attached(self, message: Message) -> Attachment:
        """What goes with this message. Raises SensormonError, also if nobody here makes it."""
        for each in self._beside:
            attachment = each.attached(message)
            if attachment is not None:
                return attachment
        raise UsageError("nothing here makes what goes with this message", where="attachment")
