"""Conditions of the monitor itself that stand now, with words for an operator.

Pure functions on what the monitor knows. What it is not: a watch on the process from outside; if it is
dead, only a heartbeat that does not come says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.notify.config import Condition


@dataclass(frozen=True)
class Standing:
    """A condition that stands since `since` (µs UTC): what it is about, and in words.

    `part_of` is the name of a condition that says the same of more; while that stands this one is not told.
    """

    condition: Condition
    about: str
    since: int
    words: str
    part_of: str = ""

    @property
    def name(self) -> str:
        """The condition with what it is about, as a message has it: "silent:ph"."""
        return f"{self.condition}:{self.about}"


def ended_words(name: str) -> str:
    """That the condition of this name stands no longer."""
    condition, _, about = name.partition(":")
    return _ENDED.get(condition, "{}: over.").format(about)


_ENDED = {
    str(Condition.SILENT): "{} reports again.",
    str(Condition.STORE): "{} takes readings again.",
    str(Condition.JOURNAL): "The journal: {} is over.",
    str(Condition.DISK): "The disk is no longer forecast to be full soon.",
    str(Condition.LOSS): "Acknowledged: {}.",
    str(Condition.THREAD): "{}: it works again.",
}
