"""What a page asks of a group: whether its broker lets us in, which metrics there are, how readings look.

It listens as a client of its own that the broker forgets. Birth certificates come when a node starts or is
asked for them; a page asks only with `browse_rebirth`, since each answer goes to everybody who listens.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from sensormon.model.clock import SECOND, Clock, SystemClock
from sensormon.model.errors import SensormonError, SourceError
from sensormon.model.format import counted
from sensormon.model.readings import Batch, Reading, Rejection
from sensormon.sources.connected import Offer, Preview, Secret, Seen
from sensormon.sources.mqtt.session import Arrived, Publisher, Session
from sensormon.sources.report import Report
from sensormon.sources.sparkplug.definitions import tag_of
from sensormon.sources.sparkplug.group import Group, Step
from sensormon.sources.sparkplug.kind import SparkplugSource
from sensormon.sources.sparkplug.nodes import Defined, Measured
from sensormon.sources.sparkplug.rebirths import Rebirths, command
from sensormon.sources.sparkplug.tag_names import TAG, tag_name
from sensormon.sources.sparkplug.topics import Address, address_of

MOST_OFFERS = 1_000
_MOST_METRICS = 50_000
_QUIET = 1.0
"""Seconds without anything new after which no more is expected."""
_ENDING = 0.6
"""Seconds that leaving the broker may take."""
_SHOWN = 60


class SparkplugExplorer:
    """See `Explorer`."""

    def __init__(self, config: SparkplugSource, secret: Secret, clock: Clock | None = None) -> None:
        self._config = config
        self._secret = secret
        self._clock = clock or SystemClock()

    def test(self, seconds: float) -> Seen:
        """See `Explorer.test`."""
        seen = self._listen(self._config, seconds, lambda seen: seen.quiet_since_news())
        nodes, born = len(seen.nodes), len({place[0] for place in seen.defined})
        summary = f"connects, sees {counted(nodes, 'edge node')} with {counted(len(seen.measured), 'metric')}"
        problems = [*seen.problems()]
        if nodes > born:
            problems.append(
                f"{nodes - born:,} of them sent no birth certificate meanwhile; the source asks for it"
                if self._config.rebirth
                else f"{nodes - born:,} of them sent no birth certificate meanwhile"
            )
        if not nodes:
            problems.append(f"nothing of the group {self._config.group!r} came in {seconds:g} seconds")
        if not self._config.broker.tls:
            problems.append("nothing is encrypted: anybody on the way can read and change values")
        return Seen(summary, tuple(problems))

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """See `Explorer.browse`: edge nodes, their devices and own metrics, the metrics of a device."""
        everything = replace(self._config, nodes=(), devices=(), named=(), tag=TAG)
        seen = self._listen(everything, seconds, lambda seen: seen.quiet_since_news())
        return [*self._offers(seen, below)][:MOST_OFFERS]

    def preview(self, count: int, seconds: float) -> Preview:
        """See `Explorer.preview`."""
        seen = self._listen(self._config, seconds, lambda seen: len(seen.readings) >= count)
        batch = Batch.of(seen.readings[:count], source=self._config.name, received=self._clock.now())
        return Preview(batch, tuple(seen.rejections[:count]))

    def _listen(self, config: SparkplugSource, seconds: float, enough: Callable[[_Seen], bool]) -> _Seen:
        """What comes until it is enough, or the time is over. Raises SourceError if it does not connect."""
        broker = replace(config.broker, client_id=f"{config.broker.client_id}-{secrets.token_hex(4)}")
        session = Session(broker, self._secret, config.subscriptions, clean=True)
        seen, stopping = _Seen(config, self._clock), threading.Event()
        report = _Report(config, self._clock, stopping)
        until = self._clock.now() + round(max(0.1, seconds - _ENDING) * SECOND)

        def watch() -> None:
            while not stopping.wait(0.05):
                if self._clock.now() >= until or enough(seen):
                    stopping.set()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            session.run(seen.handle, report, stopping, self._clock, seen.connected)
        finally:
            stopping.set()
            watcher.join()
        if report.error is not None:
            raise report.error
        if not seen.is_connected:
            raise SourceError("no answer in time", where=config.broker.place, hint="Correct url")
        return seen

    def _offers(self, seen: _Seen, below: str) -> Iterator[Offer]:
        node, _, device = below.partition("/")
        if not below:
            for name in sorted(seen.nodes):
                count = sum(place[0] == name for place in seen.measured)
                yield Offer(name, name, has_more=True, detail=f"edge node, {counted(count, 'metric')} seen")
            return
        if "/" not in below:
            for name in sorted({place[1] for place in seen.places if place[0] == node and place[1]}):
                yield Offer(f"{node}/{name}", name, has_more=True, detail="device")
        for place in sorted(seen.measured):
            if place[:2] == (node, device):
                yield self._offer(place, seen.measured[place], seen.defined.get(place))

    def _offer(self, place: tuple[str, str, str], row: Measured, metric: Defined | None) -> Offer:
        node, _, name = place
        tag, detail = None, "named by its data alone"
        if metric is not None:
            detail = metric.datatype.name.lower()
            with suppress(ValueError):
                tag = tag_of(tag_name(TAG, self._config.group, *place), node, metric)
        value = "" if row.value is None else str(row.value)[:_SHOWN]
        if tag is not None and tag.unit:
            value = f"{value} {tag.unit}"
        return Offer("/".join(place), name, has_more=False, tag=tag, value=value, detail=detail)


class _Report(Report):
    """Ends the listening at the first thing that goes wrong, and keeps it."""

    def __init__(self, config: SparkplugSource, clock: Clock, stopping: threading.Event) -> None:
        super().__init__(config.name, config.kind, config.place, clock)
        self.error: SensormonError | None = None
        self._stopping = stopping

    def trouble(self, error: SensormonError) -> None:
        super().trouble(error)
        self.error = self.error or error
        self._stopping.set()


class _Seen:
    """What came while a page listens."""

    def __init__(self, config: SparkplugSource, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._group = Group(config)
        self._rebirths = Rebirths()
        self._publisher: Publisher | None = None
        self._news = 0
        self.places: set[tuple[str, str]] = set()
        """Edge nodes with their devices."""
        self.measured: dict[tuple[str, str, str], Measured] = {}
        self.defined: dict[tuple[str, str, str], Defined] = {}
        self.readings: list[Reading] = []
        self.rejections: list[Rejection] = []

    @property
    def nodes(self) -> set[str]:
        """The edge nodes that said something."""
        return {node for node, _ in self.places}

    @property
    def is_connected(self) -> bool:
        """Whether the broker answered."""
        return self._publisher is not None

    def connected(self, publisher: Publisher) -> None:
        """The broker has answered."""
        self._publisher = publisher

    def quiet_since_news(self) -> bool:
        """Whether something came, and nothing new since a while."""
        return bool(self._news) and self._clock.now() - self._news >= _QUIET * SECOND

    def problems(self) -> Sequence[str]:
        """Why metrics would be refused, each reason once."""
        return [*dict.fromkeys(row.detail for row in self.rejections)][:20]

    def handle(self, messages: Sequence[Arrived]) -> None:
        """Note what these say."""
        for arrived in messages:
            address = address_of(arrived.topic)
            if address is None or len(self.measured) >= _MOST_METRICS:
                continue
            if self._config.reads_node(address.node):
                self._note(address, self._group.handle(arrived))

    def _note(self, address: Address, step: Step) -> None:
        before = len(self.places) + len(self.measured)
        node = address.node
        self.places.add((node, address.device))
        for row in step.brought.measured:
            self.measured[node, row.device, row.name] = row
        for metric in step.brought.defined:
            self.defined[node, metric.device, metric.name] = metric
        room = MOST_OFFERS - len(self.readings)
        self.readings += step.readings[: max(0, room)]
        self.rejections += step.rejections[: max(0, MOST_OFFERS - len(self.rejections))]
        now = self._clock.now()
        if len(self.places) + len(self.measured) > before:
            self._news = now
        wanted = step.rebirth and self._config.browse_rebirth
        if wanted and self._publisher is not None and self._rebirths.request(node, now):
            with suppress(SourceError):
                self._publisher.publish(*command(self._config.group, node, now))
