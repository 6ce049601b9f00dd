"""What planning needs of a running monitor, and how often it is asked; see `planning` for what is due.

Events are read anew at each plan, which is made every `PACE` seconds, more seldom where that takes long.
What it is not: a judge of what is due, or a place that keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sensormon.access.documents import Documents, Version
from sensormon.model.clock import HOUR, MINUTE, SECOND, Clock
from sensormon.model.errors import StoreError
from sensormon.monitor.disk_usage import forecast, rate
from sensormon.monitor.monitor import Monitor
from sensormon.notify.conditions import Standing, settled, standing
from sensormon.notify.config import Condition, NotifyConfig, Rule
from sensormon.notify.health import health_messages
from sensormon.notify.imported import ImportedIds
from sensormon.notify.messages import Message, key_of
from sensormon.notify.notices import LATEST
from sensormon.notify.outbox import Outbox
from sensormon.notify.planning import plan
from sensormon.notify.told import Told
from sensormon.notify.told_events import describer

COLLECTION = "notify-rules"
BEFORE = 5 * MINUTE
"""How long before a rule was changed (µs) an event may have ended that it still tells."""
PACE = 1.0
"""Seconds between two plans."""
SHARE = 10
"""A plan is followed by a pause of this many times the processor's time that it took: with a few thousand
events in a day that is the second, in a flood of ten thousand some seconds."""
LONGEST = 10.0
"""Seconds from a plan to the next at most."""
AHEAD = HOUR
"""How far after now an event's own time can be (µs); more than validation lets in."""
DISK = 15 * MINUTE
"""µs between two looks at the disk."""
FORGOTTEN = 1_000
"""So many messages more than the outbox knows are remembered at most."""
MEGABYTE = 1_000_000
UNREAD = "what was sent before cannot be read yet"


class RulesSince:
    """Since when each rule that is on is as it is, the same for all processes on a store.

    A rule that was changed begins anew `BEFORE` ago, so that an edit does not tell of a whole day: what ended
    earlier and waited for the limit of its contact is not told any more.
    """

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    def of(self, rules: Mapping[str, Rule]) -> dict[str, int]:
        """By name (µs UTC); those not seen before are kept, and those that are gone forgotten.

        One that was seen at a time yet to come, because the clock has been set back, is seen anew: until
        then it would take nothing.
        Raises StoreError if they were never read, JournalError if they cannot be kept.
        """
        known = self._documents.standing(COLLECTION)
        now = self._clock.now()
        since, changes = dict[str, int](), list[Version]()
        for name, rule in rules.items():
            selection = key_of(*map(repr, _selection(rule)))
            before = known[name].content if name in known else None
            began = now if before is None else min(int(before["since"]), now)
            changed = before is not None and before["selection"] != selection
            since[name] = max(began, now - BEFORE) if changed else began
            if before is None or changed or int(before["since"]) > now + MINUTE:
                changes.append(Version(COLLECTION, name, {"since": since[name], "selection": selection}))
        changes += [
            Version(COLLECTION, name, document.content, removed=True)
            for name, document in known.items()
            if name not in rules
        ]
        if changes:
            self._documents.keep_all(changes, "notifications")
        return since


def _selection(rule: Rule) -> tuple[object, ...]:
    """What of a rule says which events it tells whom."""
    selected = rule.tags, rule.groups, rule.profiles, rule.detectors, rule.labels, rule.states
    return (*selected, str(rule.severity), rule.after, rule.calendars, rule.to)


class DueOf:
    """The planner of one monitor; see `sender.Planner`. The thread that sends calls it."""

    def __init__(
        self,
        monitor: Monitor,
        config: Callable[[], NotifyConfig],
        outbox: Outbox,
        documents: Documents,
    ) -> None:
        self._monitor = monitor
        self._config = config
        self._outbox = outbox
        self._rules_since = RulesSince(documents, monitor.clock)
        self._imported = ImportedIds(monitor.parts.store.imports)
        self._told: Told | None = None
        self._counted: Mapping[str, Message] = {}
        self._standing: list[Standing] = []
        self.problem = ""
        """Why events could not be read at the last plan, so that only the monitor was told of."""
        self._next = 0
        self._latest = 0
        self._full_in: int | None = None
        self._disk = 0

    def start_over(self) -> None:
        """Forget what was told; it is read from the outbox again."""
        self._told, self._counted, self._next = None, {}, 0

    def plan(self, now: int, alone: bool) -> Sequence[Message]:
        """The messages that are due; none between two plans. Raises StoreError, JournalError.

        Of the monitor alone where events cannot be read: it is ill then, which somebody is to know.
        """
        if 0 <= self._next - now <= HOUR:
            return ()
        began = time.thread_time()
        try:
            return self._plan(now, alone)
        finally:
            took = time.thread_time() - began
            self._next = self._monitor.clock.now() + round(min(max(PACE, SHARE * took), LONGEST) * SECOND)

    def _plan(self, now: int, alone: bool) -> Sequence[Message]:
        config = self._config()
        if now < self._latest:  # the clock was set back
            self._told = None
        self._latest = now
        self._outbox.messages()
        is_read = self._outbox.is_read  # before they are counted, or a day of events could be told twice
        told = self._all_told(now)
        conditions = self._conditions(config, now)
        if alone or not is_read:
            self.problem = "" if is_read else UNREAD
            ill = health_messages(config, None, told, conditions, now, alone=True)
            # Which keys were used before is not known.
            return ill if is_read else [replace(each, key=key_of(each.key, now)) for each in ill]
        try:
            messages = self._with_events(config, told, conditions, now)
            self.problem = ""
        except StoreError as error:
            self.problem = str(error)
            messages = health_messages(config, None, told, conditions, now)
        return messages

    def _with_events(
        self, config: NotifyConfig, told: Told, conditions: Sequence[Standing] | None, now: int
    ) -> list[Message]:
        monitor = self._monitor
        since = self._rules_since.of({name: rule for name, rule in config.rules.items() if rule.on})
        events = monitor.events.between(None, now - LATEST, now + AHEAD)
        tags = monitor.tags
        describe = describer(tags, monitor.detection.by_id(), monitor.stored, monitor.readings.verdicts)
        return plan(
            config,
            since,
            events,
            told,
            conditions,
            tags=tags,
            describe=describe,
            now=now,
            quiet=monitor.quiet.is_quiet,
            imported=self._imported.ranges(),
        )

    def _all_told(self, now: int) -> Told:
        messages = self._outbox.messages()
        if self._told is None or len(self._told) > len(messages) + FORGOTTEN:
            self._told, self._counted = Told(), {}
        if messages is not self._counted:
            for message in messages.values():
                self._told.add(message, now)
            self._counted = messages
        return self._told

    def _conditions(self, config: NotifyConfig, now: int) -> Sequence[Standing] | None:
        """What stands; None while that is not known, and where no rule tells of it."""
        wanted = {condition for rule in config.rules.values() if rule.on for condition in rule.health}
        if not wanted and not any(rule.heartbeat for rule in config.rules.values()):
            return None
        status = self._monitor.status()
        if not settled(status):
            return None
        self._standing = standing(
            status,
            ages=self._monitor.tag_ages(),
            quota=self._monitor.settings.journal_quota * MEGABYTE,
            full_in=self._days_to_full(now) if Condition.DISK in wanted else None,
            before=self._standing,
        )
        return self._standing

    def _days_to_full(self, now: int) -> int | None:
        """As the Data page forecasts it, with readings kept as long as now; None if it will not be full."""
        if not 0 <= now - self._disk < DISK:
            self._disk = now
            monitor = self._monitor
            sizes = monitor.disk_usage.measure()
            rates = rate(sizes, now, len(monitor.tags))
            days = monitor.retention.policy.days
            self._full_in = forecast(sizes, rates, days).full if rates is not None else None
        return self._full_in
