"""A Sparkplug group while it runs: connects, hands readings over, asks nodes for their birth certificates.

Sparkplug travels at QoS 0, so the broker promises nothing. What is missing shows in the sequence numbers; it
is counted as a gap and the node is asked for its birth certificate, which has the current value of each
metric. The subscription is at QoS 1 in a session that the broker keeps, so one with `queue_qos0_messages`
keeps what comes while this monitor is away.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from sensormon.model.errors import SourceError
from sensormon.model.readings import Batch, Reading, Rejection
from sensormon.sources.connected import MOST_READINGS, Intake, Secret
from sensormon.sources.mqtt.session import Arrived, Publisher, Session, Will
from sensormon.sources.report import Report
from sensormon.sources.sparkplug.definitions import plain_tag
from sensormon.sources.sparkplug.group import Group, Step
from sensormon.sources.sparkplug.kind import SparkplugSource
from sensormon.sources.sparkplug.rebirths import SILENT, Rebirths, command
from sensormon.sources.sparkplug.topics import state_topic

FLUSH = 5_000
"""Readings after which a batch is handed over, even if more messages wait."""
MOST_NEW_TAGS = 20_000
"""Tags that one run adds."""
MOST_KEPT_NODES = 2_000
"""Edge nodes that are known after a restart."""
AWAY = "the monitor was away, and what nodes sent meanwhile may be missing"
FORGOTTEN = "the broker kept nothing while the connection was away"
REQUESTED = "birth certificate requested"
_FAREWELL = 0.3
"""Seconds in which the broker is to take that this host is offline."""


class Listener:
    """See `ConnectedSource`."""

    def __init__(self, config: SparkplugSource, secret: Secret) -> None:
        self._config = config
        self._secret = secret

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """See `ConnectedSource.run`."""
        config, broker = self._config, self._config.broker
        since = intake.clock.now() // 1_000
        if config.host:
            broker = replace(broker, will=Will(state_topic(config.host), _state(False, since), 1, True))
        session = Session(broker, self._secret, config.subscriptions)
        delivery = HandOver(config, intake, report, since)
        if not config.host:
            session.run(delivery.handle, report, stopping, intake.clock, delivery.connected)
            return
        ending = threading.Event()
        farewell = threading.Thread(
            target=_farewell, args=(session, config.host, since, stopping, ending), daemon=True
        )
        farewell.start()
        try:
            session.run(delivery.handle, report, ending, intake.clock, delivery.connected)
        finally:
            ending.set()
            farewell.join(_FAREWELL)


class HandOver:
    """What one run does with messages; all in the thread of the session's `run`."""

    def __init__(self, config: SparkplugSource, intake: Intake, report: Report, since: int) -> None:
        self._config = config
        self._intake = intake
        self._report = report
        self._since = since
        self._group = Group(config)
        self._rebirths = Rebirths()
        self._publisher: Publisher | None = None
        self._known = tuple((intake.position() or {}).get("nodes", ()))
        self._kept = frozenset(self._known)
        self._reconnected = False
        self._offered: set[str] = set()
        self._explicit = frozenset(config.tags)
        self._awaited = set(config.tags)
        """Those of them that were not offered yet."""
        self._readings: list[Reading] = []
        self._rejections: list[Rejection] = []

    def connected(self, publisher: Publisher) -> None:
        """The broker has answered the subscriptions: ask all known nodes who they are now."""
        first, self._publisher = self._publisher is None, publisher
        self._reconnected = not first
        if self._config.host:
            publisher.publish(state_topic(self._config.host), _state(True, self._since), 1, True)
        if first and self._known:
            self._report.gap(AWAY)
        self._request(dict.fromkeys((*self._known, *self._group.nodes)))

    def handle(self, messages: Sequence[Arrived]) -> None:
        """Take these messages; all their readings are durable when it returns."""
        for arrived in messages:
            if self._reconnected:
                self._reconnected = False
                if not arrived.resumed and self._group.nodes:
                    self._group.doubt()
                    self._report.gap(FORGOTTEN)
            self._apply(self._group.handle(arrived))
            if len(self._readings) + len(self._rejections) >= FLUSH:
                self._flush()
        self._flush()

    def _apply(self, step: Step) -> None:
        if step.born:
            self._rebirths.born(step.node)
        self._offer(step)
        self._offer_named(step.readings)
        self._readings += step.readings
        self._rejections += step.rejections
        for note in step.notes:
            self._report.note(note)
        if step.gap:
            self._report.gap(step.gap)
        if step.rebirth:
            self._request((step.node,))

    def _offer(self, step: Step) -> None:
        """Add the tags of a birth certificate, before their first readings; again with each birth."""
        wanted = [tag for tag in step.tags if self._config.common.new_tags or tag.name in self._explicit]
        new = [tag.name for tag in wanted if tag.name not in self._explicit and tag.name not in self._offered]
        self._offered.update(new[: MOST_NEW_TAGS - len(self._offered)])
        kept = [tag for tag in wanted if tag.name in self._explicit or tag.name in self._offered]
        self._awaited.difference_update(tag.name for tag in kept)
        if len(kept) < len(wanted):
            self._report.trouble(
                SourceError(
                    f"birth certificates name more than {MOST_NEW_TAGS:,} tags; the rest is not added",
                    where=self._config.place,
                    hint="Read fewer nodes or devices, or name single metrics under metrics",
                )
            )
        if kept:
            self._intake.offer_tags(kept)

    def _offer_named(self, readings: Sequence[Reading]) -> None:
        """Add tags that the file names and no birth certificate has described, as far as their values do."""
        values = {row.tag: row.value for row in readings if row.tag in self._awaited}
        if values:
            self._awaited.difference_update(values)
            self._intake.offer_tags([plain_tag(tag, value) for tag, value in values.items()])

    def _flush(self) -> None:
        """Hand over what was gathered. The known nodes go with it when there are new ones."""
        if not self._readings and not self._rejections:
            return
        nodes = self._kept | set(self._group.nodes)
        position = {"nodes": sorted(nodes)[:MOST_KEPT_NODES]} if nodes != self._kept else None
        readings, rejections = self._readings, self._rejections
        self._readings, self._rejections = [], []
        for begin in range(0, max(len(readings), 1), MOST_READINGS):
            batch = Batch.of(
                readings[begin : begin + MOST_READINGS],
                source=self._config.name,
                received=self._intake.clock.now(),
            )
            self._intake.take(batch, () if begin else rejections, None if begin else position)
        self._kept = nodes

    def _request(self, nodes: Iterable[str]) -> None:
        """Ask these nodes for their birth certificates, those that were not asked a short while ago."""
        if not self._config.rebirth or self._publisher is None:
            return
        now = self._intake.clock.now()
        for node in nodes:
            count = self._rebirths.request(node, now)
            if not count:
                continue
            with suppress(SourceError):  # the connection is lost: all are asked when it is back
                self._publisher.publish(*command(self._config.group, node, now))
                self._report.note(REQUESTED)
            if count == SILENT:
                self._report.trouble(
                    SourceError(
                        f"the edge node {node} sends no birth certificate, though it was asked {count} times",
                        where=self._config.place,
                        hint="Restart the node, or allow commands (NCMD) to it at the broker",
                    )
                )


def _state(online: bool, since: int) -> bytes:
    """What a primary host says of itself; `since` is in ms."""
    return json.dumps({"online": online, "timestamp": since}).encode()


def _farewell(
    session: Session, host: str, since: int, stopping: threading.Event, ending: threading.Event
) -> None:
    """Say that this host is offline before the session ends; the broker says so only if it is lost."""
    while not stopping.wait(0.1):
        if ending.is_set():
            return
    with suppress(SourceError):
        session.publish(state_topic(host), _state(False, since), 1, True).wait(_FAREWELL)
    ending.set()
