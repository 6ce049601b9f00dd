"""What a page asks of a broker: whether it connects, which topics are alive, how messages would be read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from sensormon.model.clock import SystemClock
from sensormon.model.readings import Batch
from sensormon.sources.connected import Offer, Preview, Secret, Seen
from sensormon.sources.mqtt.kind import MqttSource
from sensormon.sources.mqtt.observing import Observed, observe
from sensormon.sources.mqtt.offers import offers_of
from sensormon.sources.mqtt.payloads import Gathered, PayloadReader

MOST_OFFERS = 1_000
LISTENING = 3.0
"""Seconds that a test listens at most."""
MOST_MESSAGES = 2_000
FORGETS = (
    "Mosquitto confirms messages before they are on its disk: when it is killed, it forgets some of them; "
    "docs/sources-mqtt.md has the settings that lose least"
)


class MqttExplorer:
    """Of one source; see `Explorer`. Nothing is acknowledged for the source itself, or taken from it."""

    def __init__(self, config: MqttSource, secret: Secret) -> None:
        self._config = config
        self._secret = secret

    def test(self, seconds: float) -> Seen:
        """See `Explorer.test`."""
        observed = self._observe(
            self._filters() or ["#"], min(seconds, LISTENING), MOST_MESSAGES, MOST_MESSAGES
        )
        gathered = self._read(observed)
        summary = [self._summary(observed, gathered)]
        if "mosquitto" in observed.broker.lower():
            summary.append(FORGETS)
        refused = (
            Counter(rejection.detail for rejection in gathered.refused) if self._config.topics else Counter()
        )
        problems = [str(problem) for problem in observed.problems]
        problems += [f"{detail} ({count:,} times)" for detail, count in refused.most_common(5)]
        return Seen(". ".join(summary), tuple(problems))

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """See `Explorer.browse`: topics on which something was published while it listened, or kept.

        `below` is a topic, whose own value and those below it are listed.
        """
        prefix = below.strip("/")
        filters = [prefix, f"{prefix}/#"] if prefix else (self._filters() or ["#"])
        observed = self._observe(filters, seconds, MOST_OFFERS)
        offers: list[Offer] = []
        for message in sorted(observed.messages, key=lambda message: message.topic):
            offers += offers_of(message, self._config)
        return offers[:MOST_OFFERS]

    def preview(self, count: int, seconds: float) -> Preview:
        """See `Explorer.preview`; values that the broker keeps come first, with their quality."""
        observed = self._observe(self._filters(), seconds, max(count, 1), max(count, 1))
        gathered = self._read(observed)
        readings = [*(item.reading for item in gathered.kept), *gathered.readings]
        batch = Batch.of(readings, source=self._config.name, received=SystemClock().now())
        return Preview(batch, tuple(gathered.refused))

    def _filters(self) -> list[str]:
        """The filters of the source, without shares: this session takes nothing from a group."""
        return list(dict.fromkeys(row.topic.plain for row in self._config.topics))

    def _observe(
        self, filters: Sequence[str], seconds: float, most: int, enough: int | None = None
    ) -> Observed:
        return observe(self._config.broker, self._secret, filters, seconds, most, enough)

    def _read(self, observed: Observed) -> Gathered:
        gathered = Gathered()
        reader = PayloadReader(self._config.name, self._config.topics, self._config.common.new_tags)
        for message in observed.messages:
            reader.read(message, gathered)
        return gathered

    def _summary(self, observed: Observed, gathered: Gathered) -> str:
        topics = len({message.topic for message in observed.messages})
        kept = sum(message.retain for message in observed.messages)
        broker = f" to {json.dumps(observed.broker)[1:-1]}" if observed.broker else ""
        seen = f"{len(observed.messages):,} messages of {topics:,} topics in {observed.seconds:.1f} s"
        parts = [f"Connects{broker} with MQTT {self._config.broker.version}: {seen}"]
        if kept:
            parts.append(f"{kept:,} of them kept by the broker")
        if self._config.topics:
            count = len(gathered.readings) + len(gathered.kept)
            parts.append(f"{count:,} readings, {len(gathered.refused):,} refused")
        return ", ".join(parts)
