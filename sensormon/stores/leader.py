"""Which one of the processes on a store does what only one of them may do.

A store that one process at a time uses has no question: see `Alone`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Leader(Protocol):
    """Of one process. Thread-safe.

    No two processes lead at the same moment by the store's reckoning. Between an answer and what one does
    then another may have taken over: from a process that was stopped for long, or was cut off.
    """

    def leads(self) -> bool:
        """Whether this process leads; it does from now on if no other one did.

        Asks the store each time. Raises StoreError if it cannot be asked; then this process does not lead.
        """

    def holds(self) -> bool:
        """Whether this process still leads; it does not take over. Asks and raises like `leads`."""

    def resign(self) -> None:
        """Let another process lead at once; does nothing where this one does not. Never raises."""


class Claims(Protocol):
    """Which of many things this process does, each of which only one process on the store may do.

    Of one process; what holds for a `Leader` holds for each of them. Thread-safe.
    """

    def hold(self, names: Collection[str]) -> frozenset[str]:
        """Those of these that this process does: they were its own before, or nobody's. It lets go of others.

        Asks the store each time. Raises StoreError if it cannot be asked; then this process holds none.
        """

    def resign(self) -> None:
        """Let go of all of them at once. Never raises."""


class Alone:
    """Leads always, and holds whatever it asks for."""

    def hold(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(names)

    def leads(self) -> bool:
        return True

    def holds(self) -> bool:
        return True

    def resign(self) -> None:
        return None
