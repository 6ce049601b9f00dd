"""Whether nobody is called for a tag at a time, and why: it is shelved, or in maintenance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo

from sensormon.access.documents import Documents
from sensormon.events.maintenance import MaintenanceWindows
from sensormon.events.shelved_tags import ShelvedTags
from sensormon.model.clock import Clock
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import local_time

SHELVED, MAINTENANCE = "shelved", "maintenance"


@dataclass(frozen=True)
class Reason:
    """Why nobody is called at since <= time < until (µs UTC): the kind, who said so, and the reason given."""

    kind: str
    since: int
    until: int
    who: str
    reason: str


class Quiet:
    """Of one monitor. Cheap: documents are in memory, and read from the store every few seconds at most.

    While neither shelvings nor windows could ever be read nothing is quiet: people are told once too often
    rather than not at all.
    """

    def __init__(self, shelved_tags: ShelvedTags, maintenance: MaintenanceWindows) -> None:
        self.shelved_tags = shelved_tags
        self.maintenance = maintenance

    def is_quiet(self, tag: str, time: int) -> bool:
        """Whether nobody is called for this tag at this time (µs UTC)."""
        return bool(self.shelved_tags.at(tag, time) or self.maintenance.at(tag, time))

    def why(self, tag: str, time: int) -> Reason | None:
        """Why nobody is called for this tag at this time (µs UTC); None if somebody is."""
        shelving = self.shelved_tags.at(tag, time)
        if shelving is not None:
            return Reason(SHELVED, shelving.since, shelving.until, shelving.who, shelving.reason)
        planned = self.maintenance.at(tag, time)
        if planned is None:
            return None
        window, (since, until) = planned
        return Reason(MAINTENANCE, since, until, window.who, window.reason)

    def of(self, tag: str, time: int, zone: tzinfo = UTC) -> str:
        """The same for people, empty if somebody is called.

        "shelved until 14:00 by Ana", "maintenance until 16:00: cleaning". Times are in `zone`, with the date
        unless it is that of `time`.
        """
        reason = self.why(tag, time)
        if reason is None:
            return ""
        until = until_words(reason.until, time, zone)
        if reason.kind == SHELVED:
            return f"shelved until {until} by {reason.who}"
        return f"maintenance until {until}: {reason.reason}"


def build_quiet(documents: Documents, tags: Callable[[], TagTable], clock: Clock) -> Quiet:
    """With shelvings and windows from these documents; `tags` returns the current tag table."""
    return Quiet(ShelvedTags(documents, tags, clock), MaintenanceWindows(documents, tags, clock))


def until_words(until: int, now: int, zone: tzinfo) -> str:
    """A time to the minute, with its date unless that is the one of `now`.

    >>> until_words(43_200_000_000, 0, UTC), until_words(129_600_000_000, 0, UTC)
    ('12:00', '1970-01-02 12:00')
    """
    local = local_time(until, zone)
    same_day = local.date() == local_time(now, zone).date()
    return f"{local:%H:%M}" if same_day else f"{local:%Y-%m-%d %H:%M}"
