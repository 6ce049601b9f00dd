"""Metrics for Prometheus: counters and gauges of the monitor, a histogram of the writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sensormon import __version__
from sensormon.intake.named_sources import sources_of
from sensormon.model.source_health import Link, SourceHealth
from sensormon.model.status import AHEAD, Status, StoreState
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import MessageState
from sensormon.notify.notifications import notifications_of
from sensormon.outputs.outputs import outputs_of
from sensormon.outputs.report import OutputHealth

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds."""


class Meters:
    """The metrics of one API, in a registry of its own, so that several in one process do not clash."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "sensormon_write_seconds",
            "From the first byte of a write to its answer, durable.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._answers = Counter(
            "sensormon_writes", "Writes by route and status.", ["route", "status"], registry=self.registry
        )

    def of_route(self, name: str) -> Callable[[int, float], None]:
        """The function that records status and duration (s) of each write of this route."""
        seconds = self._seconds.labels(name)
        counters: dict[int, Counter] = {}

        def observe(status: int, took: float) -> None:
            if status not in counters:
                counters[status] = self._answers.labels(name, str(status))
            counters[status].inc()
            seconds.observe(took)

        return observe

    def text(self, monitor: Monitor) -> bytes:
        """All metrics as Prometheus text."""
        registry = CollectorRegistry()
        registry.register(_OfMonitor(monitor))
        return generate_latest(self.registry) + generate_latest(registry)


class _OfMonitor(Collector):
    """The monitor's own figures, read at each request."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterable[Metric]:
        ledger: dict[str, Any] = self._monitor.ledger.now().to_dict()
        status = self._monitor.status()
        readings = CounterMetricFamily("sensormon_readings", "Readings by outcome.", labels=["outcome"])
        for outcome in ("received", "stored", "rejected", "dead_lettered", "duplicates_dropped", "undone"):
            readings.add_metric([outcome], ledger[outcome])
        yield readings
        reasons = CounterMetricFamily("sensormon_rejected", "Rejected readings by reason.", labels=["reason"])
        for reason, count in ledger["reasons"].items():
            reasons.add_metric([reason], count)
        yield reasons
        journal = status.journal
        oldest = (status.now - journal.oldest) / 1e6 if journal.oldest else 0.0
        newest = status.source.newest_time
        detection = self._monitor.detection.in_force
        for name, text, value in (
            ("readings_pending", "Readings in the journal and not in the store.", ledger["pending"]),
            ("ledger_difference", "Received minus accounted for; 0 is right.", ledger["difference"]),
            ("journal_oldest_seconds", "Age of the oldest reading that waits for the store.", oldest),
            ("journal_bytes", "Size of the journal.", journal.size),
            ("journal_append_seconds_p99", "99th percentile of a durable append.", journal.latency_p99),
            ("store_healthy", "1 where the store takes readings.", status.store.state is StoreState.HEALTHY),
            ("store_failures_in_a_row", "Failed tries in a row.", status.store.failures),
            ("store_transaction_seconds_p99", "99th percentile of a transaction.", status.store.latency_p99),
            ("problems", "Things that are wrong now; GET /api/health names them.", len(status.problems)),
            ("attention", "Losses that nobody has acknowledged; GET /api/health.", len(status.attention)),
            ("waiting_requests", "Writes that wait to become durable.", self._monitor.requests.waiting),
            ("readings_per_second", "Over the last minute.", status.source.rate),
            ("newest_reading_timestamp_seconds", "The newest reading's own time.", (newest or 0) / 1e6),
            ("silent_tags", "Tags that are overdue; GET /api/health names them.", len(status.silent)),
        ):
            yield GaugeMetricFamily(f"sensormon_{name}", text, value=float(value))
        params = GaugeMetricFamily(
            "sensormon_detector_parameter", "Of the detector in force.", labels=["detector", "parameter"]
        )
        for parameter, value in detection.params.items():
            params.add_metric([detection.detector, parameter], value)
        yield params
        flagged = GaugeMetricFamily(
            "sensormon_last_score", "The score of each tag's newest reading.", labels=["tag", "flagged"]
        )
        for tag, score, is_anomaly in self._monitor.newest.last_scores():
            flagged.add_metric([tag, str(is_anomaly).lower()], score)
        yield flagged
        yield from self._notifications(status)
        yield from self._sources()
        yield from self._outputs()
        yield from self._arrivals(status)
        yield GaugeMetricFamily("sensormon_info", f"Version {__version__}.", value=1.0)

    def _notifications(self, status: Status) -> Iterable[Metric]:
        """Messages to people, as far as this process knows; none where nobody is to be told."""
        now = notifications_of(self._monitor).status()
        if not now.on:
            return
        messages = GaugeMetricFamily(
            "sensormon_messages", "Messages of the last 30 days by state.", labels=["state"]
        )
        for state in MessageState:
            messages.add_metric([state], getattr(now.counts, state))
        yield messages
        oldest = (status.now - now.counts.oldest) / 1e6 if now.counts.oldest else 0.0
        for name, text, value in (
            ("message_oldest_seconds", "Age of the oldest message that waits.", max(0.0, oldest)),
            ("message_sender", "1 where this process is the one that sends.", float(bool(now.leading))),
        ):
            yield GaugeMetricFamily(f"sensormon_{name}", text, value=value)

    def _sources(self) -> Iterable[Metric]:
        """The sources of sources.toml, each by its name."""
        healths = sources_of(self._monitor).health()
        if not healths:
            return
        gauges: tuple[tuple[str, str, Callable[[SourceHealth], float | None]], ...] = (
            ("connected", "1 where the source delivers.", lambda health: health.link is Link.CONNECTED),
            ("rate", "Readings a second over the last minute.", lambda health: health.rate),
            ("lag_seconds", "From a reading's own time until it was durable.", lambda health: health.lag),
        )
        for name, text, value_of in gauges:
            gauge = GaugeMetricFamily(f"sensormon_source_{name}", text, labels=["source"])
            for health in healths:
                if (value := value_of(health)) is not None:
                    gauge.add_metric([health.name], float(value))
            yield gauge
        counters = (
            ("stored", "New readings since the start."),
            ("repeated", "Readings that were known already."),
            ("refused", "Readings that were refused."),
            ("reconnects", "Connections that were made again."),
            ("gaps", "How often readings may be missing."),
            ("filled", "Readings from a history of the server."),
        )
        yield from _counted("source", counters, healths)

    def _outputs(self) -> Iterable[Metric]:
        """The outputs of outputs.toml, each by its name."""
        healths = outputs_of(self._monitor).health()
        if not healths:
            return
        works = GaugeMetricFamily(
            "sensormon_output_connected", "1 where the output publishes or serves.", labels=["output"]
        )
        for health in healths:
            works.add_metric([health.name], float(health.link is Link.CONNECTED))
        yield works
        counters = (
            ("published", "Values and events that arrived since the start."),
            ("dropped", "Values that were left out because newer ones came first."),
        )
        yield from _counted("output", counters, healths)

    def _arrivals(self, status: Status) -> Iterable[Metric]:
        """Ages by arrival, so never negative; a tag without a live reading has none."""
        tags = GaugeMetricFamily(
            "sensormon_tag_age_seconds",
            "Since the tag's last live reading arrived, by the monitor's clock.",
            labels=["tag"],
        )
        for age in self._monitor.tag_ages():
            if age.seconds is not None:
                tags.add_metric([age.tag], age.seconds)
        yield tags
        sources = GaugeMetricFamily(
            "sensormon_source_age_seconds",
            "Since the source's last reading arrived, by the monitor's clock.",
            labels=["source"],
        )
        for source, seconds in self._monitor.source_ages().items():
            sources.add_metric([source], seconds)
        yield sources
        ahead = GaugeMetricFamily(
            "sensormon_tag_clock_ahead_seconds",
            f"By how much a tag's newest own time is after the monitor's, if more than {AHEAD:g} s.",
            labels=["tag"],
        )
        for age in status.ahead:
            ahead.add_metric([age.tag], age.ahead)
        yield ahead


def _counted(
    what: str, counters: Iterable[tuple[str, str]], healths: Iterable[SourceHealth | OutputHealth]
) -> Iterable[Metric]:
    """A counter of each source or each output, by its name; a counter's own name is that of the field."""
    for name, text in counters:
        counter = CounterMetricFamily(f"sensormon_{what}_{name}", text, labels=[what])
        for health in healths:
            counter.add_metric([health.name], getattr(health, name))
        yield counter
