"""Events of a small plant, messages that tell of them, and the links in these."""

from __future__ import annotations

from sensormon.access.documents import Documents
from sensormon.model.clock import DAY, SECOND
from sensormon.monitor.monitor import Monitor
from sensormon.notify.links import PATH, Links
from sensormon.notify.messages import (
    COLLECTION,
    Kind,
    Message,
    ToldEvent,
    content_of,
    key_of,
)
from tests.support.plant import batch_of

URL = "https://monitor.plant.example"
USUAL = 60
"""Readings of each tag before its spike."""


SINCE = 600 * SECOND
"""How long ago the first reading was taken (µs)."""


def spikes(monitor: Monitor, *values: float, tag: str = "fermenter_temp") -> list[int]:
    """Let a tag settle and then have these values, 100 s apart, usual ones between; ids of the events."""
    readings = [(tag, 37.0 + 0.1 * (i % 3)) for i in range(USUAL)]
    for value in values:
        readings += [(tag, value), *((tag, 37.0 + 0.1 * (i % 3)) for i in range(99))]
    monitor.submit(batch_of(*readings, at=monitor.clock.now() - SINCE))
    monitor.drain()
    frame = monitor.events.between([tag], 0, monitor.clock.now() + DAY)
    return [int(number) for number in frame["id"]][::-1]


def documents(monitor: Monitor) -> Documents:
    """The documents of this monitor, with a memory of their own."""
    return Documents(monitor.parts.collector, monitor.parts.store.entries, monitor.clock)


def told(monitor: Monitor, number: int, **changes: object) -> ToldEvent:
    """The event with this id as a message tells it."""
    frame = monitor.events.between(None, 0, monitor.clock.now() + DAY)
    row = next(row for row in frame.to_dict("records") if row["id"] == number)
    tag = monitor.tags[str(row["tag"])]
    fields = {
        "id": number,
        "tag": tag.name,
        "title": tag.label,
        "began": int(row["start"].value // 1_000),
        "value": tag.render(float(row["value"])),
        "score": float(row["score"]),
        "severity": str(row["severity"]),
        "why": "Z-score: as the message said.",
    }
    return ToldEvent(**{**fields, **changes})  # type: ignore[arg-type]


def sent(
    monitor: Monitor, *ids: int, contact: str = "shift", name: str = "first", kind: Kind = Kind.EVENT
) -> Message:
    """A message on these events, kept as one that was handed over."""
    message = Message(
        key_of(name, contact),
        kind,
        "hot",
        contact,
        monitor.clock.now(),
        events=tuple(told(monitor, number) for number in ids),
        covers=ids,
    )
    documents(monitor).keep(COLLECTION, message.key, content_of(message), "notifications")
    return message


def link_to(monitor: Monitor, message: Message, zone: str = "UTC") -> str:
    """The path of a link in this message."""
    link = Links(documents(monitor), URL, monitor.clock).to(message, zone)
    assert link.startswith(URL + PATH)
    return link.removeprefix(URL)
