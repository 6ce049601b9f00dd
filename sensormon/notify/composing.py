"""Puts a message into words for its ways, with its link and, for mail, the picture of its first event.

Times are in the zone of this machine. What it is not: the words; see `words`, `links`, `picture`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model.clock import HOUR, MINUTE
from sensormon.model.readings import Floats
from sensormon.model.timestamps import micros, to_datetime
from sensormon.monitor.monitor import Monitor
from sensormon.notify.carrier import Compose
from sensormon.notify.links import Links
from sensormon.notify.messages import Message, ToldEvent
from sensormon.notify.picture import event_chart
from sensormon.notify.ways.delivery import Attachment, Outgoing
from sensormon.notify.words import outgoing

BEFORE, AFTER = 20 * MINUTE, HOUR
"""µs around the beginning of an event that its picture shows, as far as there are readings."""
MOST = 20_000
"""Readings in a picture; of more the last before `AFTER`."""

PLAIN = 2
"""After so many tries a mail goes out without a picture, whatever was wrong."""

_log = logging.getLogger(__name__)

Picture = Callable[[ToldEvent, tzinfo], bytes | None]
Attach = Callable[[Message], Attachment | None]
"""Makes what goes with a message. Raises UsageError if it cannot be made, and the message fails; on any other
SensormonError it waits."""


def nothing(_: Message) -> None:
    """No message has an attachment."""


def composer(links: Links, picture: Picture, attach: Attach = nothing) -> Compose:
    """What puts messages into words; `picture` draws an event, `attach` makes what goes with a message.

    An attachment is made for every way, also one that cannot take it: nobody is told of a file that cannot be
    made.
    """

    def compose(message: Message, with_picture: bool) -> Outgoing:
        file = attach(message) if message.attachment else None
        attached = file if with_picture else None
        zone = zone_at(message.created)
        wanted = with_picture and message.events and len(message.tries) < PLAIN
        drawn = picture(message.events[0], zone) if wanted else None
        name = attached.name if attached else ""
        words = outgoing(message, links.to(message), zone, picture=drawn is not None, attached=name)
        return Outgoing(message.key, words.subject, words.text, words.html, drawn, words.payload, attached)

    return compose


def zone_at(moment: int) -> tzinfo:
    """The zone of this machine at this time (µs UTC)."""
    zone = to_datetime(moment).astimezone().tzinfo
    if zone is None:
        raise ValueError("a time without a zone")
    return zone


def picture_of(monitor: Monitor) -> Picture:
    """Draws the readings of an event's tag around its beginning.

    None without matplotlib or readings, and for an event that cannot be drawn.
    """
    drawing = threading.Lock()  # one at a time: it is all processor

    def draw(event: ToldEvent, zone: tzinfo) -> bytes | None:
        tags = monitor.tags
        if event.tag not in tags:
            return None
        readings = monitor.readings.recent(event.began - BEFORE, [event.tag], event.began + AFTER)
        readings = readings.sort_values(["time", "id"], kind="stable").tail(MOST)
        title, unit = tags.title(event.tag), tags[event.tag].unit
        try:
            with drawing:
                return event_chart(
                    micros(readings["time"]),
                    _numbers(readings["value"]),
                    _numbers(readings["lower"]),
                    _numbers(readings["upper"]),
                    readings["is_anomaly"].to_numpy(dtype=np.bool_),
                    title,
                    unit,
                    zone,
                )
        except (ValueError, RuntimeError) as error:
            _log.warning("an event of %s could not be drawn: %s", event.tag, error)
            return None

    return draw


def _numbers(column: pd.Series[Any]) -> Floats:
    numbers: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers
