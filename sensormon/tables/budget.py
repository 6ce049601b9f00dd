"""How much a table from outside may take, and the refusal of one that takes more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sensormon.model.errors import UsageError
from sensormon.tables.child_limits import CELL


def _nothing() -> None:
    """For a reader whom nobody can leave waiting."""


@dataclass(frozen=True)
class Budget:
    """The most bytes that work with a table may take, the most seconds to read it, and what to call then.

    A number counts as `CELL` bytes, whatever the form of the file: in the file it may take none.
    `step` may raise, for a viewer who has left; the work then ends.
    """

    bytes: int
    seconds: int
    step: Callable[[], None] = _nothing


OWN = Budget(1 << 30, 600)
"""For a command, which is alone in its process."""
SHARED_BYTES, SHARED_SECONDS = 512 << 20, 30
"""For a page, which shares its process with the collector and other viewers."""


def too_large(path: Path, budget: Budget, cells: int) -> UsageError:
    """The refusal of a table with these cells (0 if unknown); names the command only if that may read it."""
    hint = "Split it, for example by month"
    if budget.bytes < OWN.bytes and cells * CELL <= OWN.bytes:
        hint += f"; python -m sensormon import reads what needs up to {OWN.bytes >> 20:,} MiB"
    what = f"it has {cells:,} cells and" if cells else "it"
    return UsageError(
        f"{what} unpacks to more than the {budget.bytes >> 20:,} MiB that can be read here",
        where=str(path),
        hint=hint,
    )
