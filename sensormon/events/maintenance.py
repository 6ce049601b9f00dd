"""Maintenance windows: planned times at which nobody is called for events of some tags.

A window is once, or every week at the same time of day in its zone. It is kept as a document, so all
processes on a store know it. What it is not: a gate: callers check the role and have the audit trail
record what is done.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import lru_cache

from sensormon.access.documents import Documents, Version, meaning_of
from sensormon.events.actions import LONGEST_NOTE
from sensormon.events.recurrence import Span, weekly_at, weekly_between, zone_named
from sensormon.model.clock import DAY, Clock
from sensormon.model.entries import Document
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.tags import TagTable
from sensormon.model.text import cleaned, person_name
from sensormon.model.timestamps import LAST

COLLECTION = "maintenance"
"""The collection of the documents; the key is the window's id."""
MOST_WINDOWS = 500
"""The most windows that are not over yet."""
MOST_PATTERNS = 100
"""The most patterns, and the most groups, of a window."""
LONGEST_PATTERN = 200
"""Characters."""
LONGEST = 366 * DAY
"""The longest window, µs; a weekly one lasts `LONGEST_WEEKLY` at most."""
LONGEST_WEEKLY = 7 * DAY


@dataclass(frozen=True)
class Maintenance:
    """A window at since <= time < until (µs UTC), or every week like that.

    `who` added it for the tags whose name fits one of `patterns` (`*`, `?`) or whose group is one of
    `groups`. `weekly` repeats it at the same time of day in `zone`, up to `last` (µs UTC, 0 for no end).
    `ended` is the occurrence that somebody ended early: its beginning, and when; `removed` is when the rest
    was removed; both are 0 if nobody did. `version` is when it was changed last.
    """

    id: str
    patterns: tuple[str, ...]
    groups: tuple[str, ...]
    since: int
    until: int
    reason: str
    who: str
    weekly: bool = False
    zone: str = "UTC"
    last: int = 0
    ended: Span = (0, 0)
    removed: int = 0
    version: int = field(default=0, compare=False)

    def covers(self, tag: str, group: str) -> bool:
        """Whether it is for this tag of this group."""
        return group in self.groups or _fitting(self.patterns)(tag)

    def at(self, time: int) -> Span | None:
        """The occurrence at this time, as (since, until) in µs UTC, if there is one."""
        if time < self.since or (self.last and time >= self.last) or (self.removed and time >= self.removed):
            return None
        whole = self.since, self.until
        span = self._cut(weekly_at(whole, zone_named(self.zone), time) if self.weekly else whole)
        return span if span is not None and span[0] <= time < span[1] else None

    def between(self, since: int, until: int) -> list[Span]:
        """Its occurrences that overlap since <= time < until, in order, at most a year's."""
        whole = self.since, self.until
        spans = weekly_between(whole, zone_named(self.zone), since, until) if self.weekly else [whole]
        cut = (self._cut(span) for span in spans)
        return [span for span in cut if span is not None and span[0] < until and span[1] > since]

    def over(self, now: int) -> bool:
        """Whether no occurrence comes any more, and none is under way."""
        if self.removed and now >= self.removed:
            return True
        if self.weekly:
            return now >= self.last > 0
        return now >= (self.ended[1] or self.until)

    def _cut(self, span: Span | None) -> Span | None:
        """What was left of an occurrence: less if it was ended early, or the window ended or was removed."""
        if span is None:
            return None
        ends = [span[1], *(end for end in (self.last, self.removed) if end)]
        if self.ended[0] == span[0] and self.ended[1]:
            ends.append(self.ended[1])
        return (span[0], min(ends)) if span[0] < min(ends) else None


@lru_cache(2 * MOST_WINDOWS)
def _fitting(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a name fits one of these patterns; kept, as each tag is asked about again and again."""
    names = frozenset(pattern for pattern in patterns if not _SIGNS.intersection(pattern))
    others = [translate(pattern) for pattern in patterns if pattern not in names]
    whole = re.compile("|".join(others)) if others else None
    return lambda name: name in names or (whole is not None and whole.match(name) is not None)


_SIGNS = frozenset("*?[")


class MaintenanceWindows:
    """Of one monitor; `tags` returns its current tag table. Thread-safe."""

    def __init__(self, documents: Documents, tags: Callable[[], TagTable], clock: Clock) -> None:
        self._documents = documents
        self._tags = tags
        self._clock = clock
        self._changing = threading.Lock()
        self.changes = 0
        """How often something was changed here since the start."""
        self._known = meaning_of(documents, COLLECTION, _windows)
        self._asked: tuple[list[Maintenance], int, list[tuple[Maintenance, Span]]] = ([], 0, [])

    def all(self) -> list[Maintenance]:
        """The windows that are not over, in order of when they first begin or began.

        Raises StoreError if they were never readable.
        """
        now = self._clock.now()
        return [window for window in self._known() if not window.over(now)]

    def at(self, tag: str, time: int) -> tuple[Maintenance, Span] | None:
        """The window that this tag is in at this time (µs UTC), and its occurrence: the last one to end.

        None too while windows were never readable: then nobody is kept from being called.
        """
        try:
            known = self._known()
        except StoreError:
            return None
        under_way = self._under_way(known, time)
        if not under_way:
            return None
        table = self._tags()
        group = table[tag].group if tag in table else ""
        covering = [(window, span) for window, span in under_way if window.covers(tag, group)]
        return max(covering, key=lambda pair: pair[1][1], default=None)

    def _under_way(self, known: list[Maintenance], time: int) -> list[tuple[Maintenance, Span]]:
        """The windows at this time: many tags are asked about at the same one."""
        of, asked, under_way = self._asked
        if of is not known or asked != time:
            spans = ((window, window.at(time)) for window in known)
            under_way = [(window, span) for window, span in spans if span is not None]
            self._asked = known, time, under_way
        return under_way

    def add(
        self,
        patterns: Sequence[str],
        groups: Sequence[str],
        since: int,
        until: int,
        reason: str,
        who: str,
        *,
        weekly: bool = False,
        zone: str = "UTC",
        last: int = 0,
    ) -> Maintenance:
        """Add a window; durable when it returns. Raises UsageError, one line, if it is not possible;
        StoreError, JournalError."""
        window = Maintenance(
            uuid.uuid4().hex[:16],
            tuple(dict.fromkeys(patterns)),
            tuple(dict.fromkeys(groups)),
            since,
            until,
            cleaned(reason),
            person_name(who, "maintenance"),
            weekly,
            zone,
            last if weekly else 0,
        )
        wrong = _wrong(window, self._clock.now())
        if wrong:
            raise UsageError(wrong, where="maintenance", hint="Change that and plan it again")
        with self._changing:
            if len(self.all()) >= MOST_WINDOWS:
                raise UsageError(
                    f"{MOST_WINDOWS} windows are the most", where="maintenance", hint="Remove some first"
                )
            document = self._keep(window, window.who, 0)
        return replace(window, version=document.time)

    def end(self, window_id: str, who: str, base: int | None = None) -> None:
        """End the occurrence that is under way; those of later weeks stay.

        `base` is the `version` of the window that the person saw, None for the newest one known here. Raises
        like `add`, and UsageError if somebody has changed the window meanwhile, in any process on the store.
        """
        with self._changing:
            window, now = self._standing(window_id), self._clock.now()
            span = window.at(now)
            if span is None:
                raise UsageError("this maintenance is not under way", where="maintenance", hint="Remove it")
            ended = replace(window, ended=(span[0], now))
            self._keep(ended, person_name(who, "maintenance"), window.version if base is None else base)

    def remove(self, window_id: str, who: str, base: int | None = None) -> None:
        """Remove the window from now on; what was quiet stays known. Like `end`."""
        with self._changing:
            window = self._standing(window_id)
            seen = window.version if base is None else base
            self._keep(window, person_name(who, "maintenance"), seen, removed=True)

    def _standing(self, window_id: str) -> Maintenance:
        window = next((window for window in self.all() if window.id == window_id), None)
        if window is None:
            raise UsageError(
                "there is no such maintenance, or it is over", where="maintenance", hint="See the list"
            )
        return window

    def _keep(self, window: Maintenance, by: str, base: int, *, removed: bool = False) -> Document:
        version = Version(COLLECTION, window.id, _content(window), removed)
        (document,) = self._documents.keep_over([version], {window.id: base}, by, where="maintenance")
        self.changes += 1
        return document


def _wrong(window: Maintenance, now: int) -> str:
    """Why this window is not possible; empty if it is. Raises UsageError for an unknown zone."""
    wrong = _wrong_tags(window.patterns, window.groups) or _wrong_times(window, now)
    if not wrong and not window.reason:
        wrong = "a reason is needed, such as cleaning"
    elif not wrong and len(window.reason) > LONGEST_NOTE:
        wrong = f"the reason has {len(window.reason):,} characters, {LONGEST_NOTE:,} are the most"
    return wrong


def _wrong_tags(patterns: Sequence[str], groups: Sequence[str]) -> str:
    if not patterns and not groups:
        return "choose tags or a group; the pattern * is for all"
    if len(patterns) > MOST_PATTERNS or len(groups) > MOST_PATTERNS:
        return f"{MOST_PATTERNS} patterns and {MOST_PATTERNS} groups are the most"
    for name in (*patterns, *groups):
        if not name or name != cleaned(name) or len(name) > LONGEST_PATTERN:
            return f"{name[:LONGEST_PATTERN]!r} cannot be a pattern of tags or a group"
    return ""


def _wrong_times(window: Maintenance, now: int) -> str:
    length = window.until - window.since
    zone_named(window.zone)
    wrong = ""
    if not 0 <= window.since <= LAST or not 0 <= window.until <= LAST:
        wrong = "maintenance is at a time between 1970 and 9999"
    elif length <= 0:
        wrong = "it ends before it begins"
    elif window.weekly and length > LONGEST_WEEKLY:
        wrong = "maintenance of every week lasts a week at most"
    elif length > LONGEST:
        wrong = "maintenance lasts a year at most"
    elif window.over(now):
        wrong = "this maintenance would be over already"
    elif window.last and window.last <= window.since:
        wrong = "the last day is before the first"
    return wrong


def _content(window: Maintenance) -> dict[str, object]:
    return {
        "patterns": list(window.patterns),
        "groups": list(window.groups),
        "since": window.since,
        "until": window.until,
        "reason": window.reason,
        "who": window.who,
        "weekly": window.weekly,
        "zone": window.zone,
        "last": window.last,
        "ended": list(window.ended),
    }


def _windows(documents: Mapping[str, Document]) -> list[Maintenance]:
    """All of them, also those over or removed."""
    windows = [_window(document) for document in documents.values()]
    return sorted(windows, key=lambda window: (window.since, window.id))


def _window(document: Document) -> Maintenance:
    content = document.content
    begun, ended = content["ended"]
    return Maintenance(
        document.key,
        tuple(map(str, content["patterns"])),
        tuple(map(str, content["groups"])),
        int(content["since"]),
        int(content["until"]),
        str(content["reason"]),
        str(content["who"]),
        bool(content["weekly"]),
        str(content["zone"]),
        int(content["last"]),
        (int(begun), int(ended)),
        document.time if document.removed else 0,
        document.time,
    )
