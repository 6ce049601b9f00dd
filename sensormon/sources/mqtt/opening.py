"""The running source: messages to readings, acknowledged once they are durable."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from sensormon.model.errors import SourceError
from sensormon.model.readings import Batch, Reading
from sensormon.model.tags import Tag
from sensormon.sources.connected import MOST_READINGS, Intake, Secret
from sensormon.sources.mqtt.explorer import MqttExplorer
from sensormon.sources.mqtt.kind import MqttSource
from sensormon.sources.mqtt.payloads import Gathered, Kept, PayloadReader
from sensormon.sources.mqtt.session import Session
from sensormon.sources.mqtt.waiting import Arrived
from sensormon.sources.report import Report

MOST_NEW = 5_000
"""New tags that patterns may bring in a run: whoever can publish could otherwise fill the tag table."""
_KNOWN = "kept values that are known already"
_LEFT_OUT = "optional values that were not in a message"


def open_source(config: MqttSource, secret: Secret) -> MqttReading:
    """A source that can run."""
    return MqttReading(config, secret)


def explore(config: MqttSource, secret: Secret) -> MqttExplorer:
    """What a page asks of it."""
    return MqttExplorer(config, secret)


class MqttReading:
    """Reads the topics of one broker; see `ConnectedSource`."""

    def __init__(self, config: MqttSource, secret: Secret) -> None:
        self._config = config
        self._secret = secret

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """See `ConnectedSource.run`."""
        config = self._config
        topics = [topic for topic, _ in config.subscriptions]
        earlier = (intake.position() or {}).get("topics", [])
        delivering = Delivering(config, intake, report, None if earlier == topics else topics)
        wanted = set(topics)
        stale = [topic for topic in earlier if topic not in wanted]
        session = Session(config.broker, self._secret, config.subscriptions, stale=stale)
        session.run(delivering.deliver, report, stopping, intake.clock)


class Delivering:
    """Hands over what messages hold; `topics` are noted with the first of them, None if they are known."""

    def __init__(
        self, config: MqttSource, intake: Intake, report: Report, topics: Sequence[str] | None
    ) -> None:
        self._config = config
        self._intake = intake
        self._report = report
        self._topics = topics
        self._reader = PayloadReader(config.name, config.topics, config.common.new_tags)
        self._named = frozenset(config.tags)
        self._new: set[str] = set()

    def deliver(self, messages: Sequence[Arrived]) -> None:
        """Make these messages durable, whatever is in them."""
        gathered = Gathered()
        for message in messages:
            self._reader.read(message, gathered)
        self._offer(gathered)
        if gathered.left_out:
            self._report.note(_LEFT_OUT, gathered.left_out)
        readings = [*self._unknown(gathered.kept), *gathered.readings]
        refused = gathered.refused
        while readings or refused:
            self._take(readings[:MOST_READINGS], refused)
            readings, refused = readings[MOST_READINGS:], []

    def _take(self, readings: Sequence[Reading], refused: Sequence[Any]) -> None:
        batch = Batch.of(readings, source=self._config.name, received=self._intake.clock.now())
        position = None if self._topics is None else {"topics": [*self._topics]}
        self._intake.take(batch, refused, position)
        self._topics = None

    def _offer(self, gathered: Gathered) -> None:
        """Offer the tags of these readings that may be new."""
        offered: list[Tag] = []
        for name, tag in gathered.tags.items():
            if name in self._named:
                offered.append(tag)
                continue
            if name not in self._new and len(self._new) >= MOST_NEW:
                self._report.trouble(
                    SourceError(
                        f"more than {MOST_NEW:,} new tags; the readings of further ones are refused",
                        where=self._config.name,
                        hint="Subscribe to fewer topics, or add the tags in tags.toml",
                    )
                )
                continue
            self._new.add(name)
            offered.append(tag)
        if offered:
            self._intake.offer_tags(offered)

    def _unknown(self, kept: Sequence[Kept]) -> list[Reading]:
        """Those of the values that the broker had kept which may be new here.

        One that is not newer than what the tag has is none. One without a time of its own was delivered
        before if the broker still knew the session.
        """
        if not kept:
            return []
        newest = self._intake.newest({item.reading.tag for item in kept})
        new = [
            item.reading
            for item in kept
            if item.reading.tag not in newest
            or (item.reading.time > newest[item.reading.tag] if item.timed else not item.resumed)
        ]
        if len(new) < len(kept):
            self._report.note(_KNOWN, len(kept) - len(new))
        return new
