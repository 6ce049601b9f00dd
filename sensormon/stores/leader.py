"""Which one of the processes on a store does what only one of them may do.

A store that one process at a time uses has no question: see `Alone`.
"""

from __future__ import annotations

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


class Alone:
    """Leads always."""

    def leads(self) -> bool:
        return True

    def holds(self) -> bool:
        return True

    def resign(self) -> None:
        return None
