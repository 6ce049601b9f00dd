"""Messages for tests of what becomes of them."""

from __future__ import annotations

from sensormon.access.documents import Documents
from sensormon.model.clock import SECOND
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import Kind, Message, ToldEvent, key_of
from sensormon.notify.outbox import Outbox
from tests.support.plant import START


def outbox_of(monitor: Monitor) -> Outbox:
    """The outbox of a process with this monitor."""
    parts = monitor.parts
    documents = Documents(parts.collector, parts.store.entries, monitor.clock)
    return Outbox(documents, monitor.access.audit, monitor.clock)


def message(number: int, contact: str = "shift", created: int = START, events: int = 1) -> Message:
    """The how-manieth message to this contact, about so many events."""
    listed = tuple(
        ToldEvent(
            id=number * 100 + place + 1,
            tag=f"tag_{place}",
            title=f"Tag {place}",
            began=created - 5 * SECOND,
            value="39.2 °C",
            score=4.2,
            severity="high",
            why="4.2 standard deviations above the mean of the last 50 values",
        )
        for place in range(events)
    )
    return Message(
        key=key_of("test", contact, number),
        kind=Kind.EVENT,
        rule="hot",
        contact=contact,
        created=created + number,
        events=listed,
        covers=tuple(event.id for event in listed),
    )
