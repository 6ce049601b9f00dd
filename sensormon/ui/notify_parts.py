"""The parts of notifications that the page talks to, for each monitor."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC
from weakref import WeakKeyDictionary

from sensormon.access.documents import Documents
from sensormon.monitor.monitor import Monitor
from sensormon.notify.carrier import ByTheFile
from sensormon.notify.config_file import NotifyFile
from sensormon.notify.messages import Message
from sensormon.notify.outbox import Outbox
from sensormon.notify.ways.delivery import Outgoing
from sensormon.notify.words import outgoing


@dataclass(frozen=True)
class Parts:
    """The file, what was and will be sent, and who hands it over."""

    file: NotifyFile
    outbox: Outbox
    carrier: ByTheFile


_PARTS: WeakKeyDictionary[Monitor, Parts] = WeakKeyDictionary()


def parts_of(m: Monitor) -> Parts:
    """The parts of this monitor; made at the first call."""
    return _PARTS.get(m) or _PARTS.setdefault(m, _made(m))


def _made(m: Monitor) -> Parts:
    documents = Documents(m.parts.collector, m.parts.store.entries, m.clock)
    shared = documents if m.following is not None else None
    file = NotifyFile(m.settings.notify_file, m.settings.data_dir, shared)
    return Parts(
        file,
        Outbox(documents, m.access.audit, m.clock),
        ByTheFile(file.current, os.environ, _composed),
    )


def _composed(message: Message, _picture: bool) -> Outgoing:
    words = outgoing(message, zone=UTC)
    return Outgoing(message.key, words.subject, words.text, words.html, None, words.payload)
