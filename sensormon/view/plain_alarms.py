"""The monitor's problems as an operator needs them: what is wrong, and that no reading is lost.

Pure functions on the snapshots of `status`. What it is not: the place of paths, addresses, numbers of
processes and errors of a database; those are in `status.alarms`, which the Pipeline page shows.
"""

from __future__ import annotations

from sensormon.intake.named_sources import NAME as SOURCES
from sensormon.model.format import counted, duration
from sensormon.model.status import CompanionStatus, Refusal, Status, StoreState
from sensormon.view.status import REFUSALS, missing_words

_OF_FILE = {
    "Notifications": "Notifications are not set up correctly, so people may not be told",
    "Outputs": "The outputs are not set up correctly, so one may publish nothing",
    "Sources": "The sources are not set up correctly, so one may not deliver",
}
"""By what a problem with a file of ours begins with, what that means."""


def plain_alarms(status: Status) -> tuple[str, ...]:
    """The problems now, a sentence or two each; empty if all is well.

    The first three words of each stay the same while its durations and counts change.
    """
    lines = [f"{_clause(text)}. No acknowledged reading is lost." for text in status.failures]
    if status.source.problem:
        why = REFUSALS[status.source.refusal or Refusal.BROKEN]
        lines.append(f"Readings are refused: {why}. None of them is acknowledged.")
    elif missing := missing_words(status):
        lines.append(missing)
    if status.store.state in (StoreState.RETRYING, StoreState.FAILED):
        lines.append(_database_away(status))
    return (*lines, *(line for companion in status.companions for line in _impaired(companion)))


def _database_away(status: Status) -> str:
    since = duration((status.now - status.store.since) / 1e6)
    safe = f"{counted(status.journal.depth_readings, 'reading')} safe in the journal"
    if status.store.state is StoreState.FAILED:
        return f"Database not loaded for {since}; {safe}. Somebody has to restart the monitor."
    return f"Database away for {since}; {safe}."


def _impaired(companion: CompanionStatus) -> list[str]:
    """What does not work, each once; of a named source that is what its name is."""
    kind = "Source " if companion.name == SOURCES else ""
    clauses = [_clause(text) for text in companion.impaired]
    return list(dict.fromkeys(f"{_OF_FILE.get(text, kind + text)}." for text in clauses))


def _clause(text: str) -> str:
    """What a problem says before it comes to details: all up to its first colon."""
    return text.partition(": ")[0].rstrip(".")
