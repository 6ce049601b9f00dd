"""Reports that are due, sent by the ways of notifications.

A message is planned for each contact of a schedule, under a key of the schedule, the time it was due and the
contact, so that it goes out once however many processes there are, and is not lost over a restart. It holds
the span, not the PDF: that is made when the message is handed over, once for all contacts, and again after a
restart. What was due while nothing ran goes out late, the last one of each schedule, up to `LATEST`.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import urlencode

from sensormon.access.documents import Documents
from sensormon.model import timestamps
from sensormon.model.clock import DAY
from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import Kind, Message, key_of
from sensormon.notify.notifications import notifications_of
from sensormon.notify.ways.delivery import Attachment
from sensormon.reports.making import MEDIA_TYPE, making_of
from sensormon.reports.schedules import Schedule, Schedules
from sensormon.reports.spans import span_of, span_words, zone_named, zone_words
from sensormon.reports.subjects import subject_named, titles_of
from sensormon.reports.typesetting import missing

NAME = "report-schedules"
LATEST = 7 * DAY
"""µs after which a report that could not go out is not sent any more."""
LARGEST = 10_000_000
"""Bytes of a PDF that a mail takes along; many servers refuse more than that."""
_KEPT = 4
"""Reports that are kept for the next contact, or the next try."""


class Sending:
    """Of one monitor; see `notify.beside.Beside`. Thread-safe."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._notifications = notifications_of(monitor)
        documents = Documents(monitor.parts.collector, monitor.parts.store.entries, monitor.clock)
        self.schedules = Schedules(
            documents,
            lambda: titles_of(monitor),
            lambda: self._notifications.config().contacts,
            monitor.clock.now,
        )
        self._making = threading.Lock()
        self._made: OrderedDict[str, Attachment] = OrderedDict()
        self._problems: tuple[str, ...] = ()

    def plan(self, now: int) -> Sequence[Message]:
        """A message for each contact of the schedules that are due. Raises StoreError."""
        schedules, contacts = self.schedules.all(), self._notifications.config().contacts
        self._problems = tuple(_problems(schedules, contacts.keys()))
        titles = titles_of(self._monitor) if schedules else {}
        known, messages = self._notifications.outbox.messages(), list[Message]()
        for schedule in schedules:
            due = schedule.last_due(now) if schedule.on else 0
            if not schedule.since < due or now - due > LATEST:
                continue
            keys = {message_key(schedule, due, name): name for name in schedule.contacts if name in contacts}
            new = {key: name for key, name in keys.items() if key not in known}
            if not new:
                continue
            text, recipe = self._words(schedule, due, titles.get(schedule.board, schedule.board))
            messages += [
                Message(
                    key=key,
                    kind=Kind.DIGEST,
                    rule="",
                    contact=contact,
                    created=now,
                    text=text,
                    attachment=recipe,
                    due=now,
                )
                for key, contact in new.items()
            ]
        return messages

    def attached(self, message: Message) -> Attachment | None:
        """The report of this message; made once for all contacts. Raises SensormonError."""
        recipe = json.loads(message.attachment)
        if "report" not in recipe:
            return None
        with self._making:
            if message.attachment not in self._made:
                self._made[message.attachment] = self._attachment(recipe)
                while len(self._made) > _KEPT:
                    self._made.popitem(last=False)
            return self._made[message.attachment]

    def problems(self) -> Sequence[str]:
        """Contacts that are not in the file any more, libraries that are missing."""
        return self._problems

    def last_message(self, schedule: Schedule, contact: str, now: int) -> Message | None:
        """What became of the last report to this contact, as far as it is known here."""
        key = message_key(schedule, schedule.last_due(now), contact)
        return self._notifications.outbox.known().get(key)

    def _words(self, schedule: Schedule, due: int, title: str) -> tuple[str, str]:
        """The text of the message, and what its report is made from."""
        zone = zone_named(schedule.zone)
        since, until = span_of(schedule.span, due, zone)
        recipe = {
            "report": schedule.board,
            "since": since,
            "until": until,
            "zone": schedule.zone,
            "by": schedule.who,
        }
        lines = [
            f"Report: {title}, {span_words(since, until, zone)}",
            f"Times in {zone_words(since, until, zone)}. Sent on a schedule by {schedule.who}.",
        ]
        if self._monitor.settings.url:
            query = {
                "board": schedule.board,
                "since": timestamps.render(since),
                "until": timestamps.render(until),
                "zone": schedule.zone,
            }
            link = f"{self._monitor.settings.url.rstrip('/')}/api/report?{urlencode(query)}"
            lines.append(f"Open it: {link}")
        return "\n".join(lines), json.dumps(recipe, sort_keys=True)

    def _attachment(self, recipe: dict[str, object]) -> Attachment:
        subject = subject_named(self._monitor, str(recipe["report"]))
        zone = zone_named(str(recipe["zone"]))
        since, until = int(str(recipe["since"])), int(str(recipe["until"]))
        report = making_of(self._monitor).make(subject.order(since, until, zone, str(recipe["by"])))
        if len(report.pdf) > LARGEST:
            raise UsageError(
                f"the report has {len(report.pdf) // 1_000_000} MB, too large for a mail",
                where=f"board {subject.board.title}"[:100],
                hint="Use fewer charts or a shorter span",
            )
        return Attachment(report.name, MEDIA_TYPE, report.pdf)


def message_key(schedule: Schedule, due: int, contact: str) -> str:
    """The key of the message with the report that was due then; the same in every process."""
    return key_of("report", schedule.id, due, contact)


def _problems(schedules: Sequence[Schedule], contacts: Collection[str]) -> Iterator[str]:
    """What keeps reports of schedules that are on from going out, one line each."""
    on = [schedule for schedule in schedules if schedule.on]
    if on and missing():
        yield missing()
    for name in sorted({name for schedule in on for name in schedule.contacts if name not in contacts}):
        yield f"Reports are scheduled for contact {name}, who is not in notify.toml any more"


def sending_of(monitor: Monitor) -> Sending:
    """The one of this monitor, made at the first call; from then on its reports are sent."""
    return monitor.kept_beside(NAME, _make)


def accompany(monitor: Monitor) -> None:
    """Let notifications send the reports that are due. See `runtime.accompany`."""
    sending_of(monitor)


def _make(monitor: Monitor) -> Sending:
    sending = Sending(monitor)
    notifications_of(monitor).beside.append(sending)
    return sending
