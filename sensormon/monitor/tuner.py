"""What other detector settings would have done to the history, and applying them.

Also the known faults and labels that settings are judged by, and the alarm load of all tags.
Histories read for that stay on a `Shelf`: further settings then cost only the scoring, and a
job cancelled while reading continues where it stopped. What it is not: a place that keeps
settings; those in force are the collector's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import pandas as pd

from sensormon.analysis.rescoring import History
from sensormon.analysis.what_if import Known, Load, loads, sorted_loads
from sensormon.detectors import longest_lead, make
from sensormon.detectors.base import Detector, TagFacts
from sensormon.events.reader import EventReader
from sensormon.ingest.collector import Collector
from sensormon.ingest.tag_memory import KEPT
from sensormon.model.clock import Clock
from sensormon.model.entries import FROM_CASES, DetectorSettings
from sensormon.model.errors import StoreError
from sensormon.model.jobs import Progress
from sensormon.model.tags import TagTable
from sensormon.monitor.source import RunningSource
from sensormon.stores.protocol import Store
from sensormon.stores.readings import TagHistory

_log = logging.getLogger(__name__)

KIND = "compare"
"""The kind of the job that counts the alarm load of all tags."""

TOGETHER = 400_000
"""Up to this many readings of all tags are read and scored unasked, without a job."""

_SCORED = (
    "id",
    "time",
    "value",
    "quality",
    "n",
    "score",
    "expected",
    "lower",
    "upper",
    "is_anomaly",
    "settings",
)


@dataclass(eq=False)
class Shelf:
    """The histories of one span, by tag, as far as they have been read."""

    names: tuple[str, ...] | None = None
    histories: dict[str, History] = field(default_factory=dict)


class Tuner:
    """Of one monitor; `tags` returns its current tag table."""

    def __init__(
        self,
        collector: Collector,
        store: Store,
        tags: Callable[[], TagTable],
        source: RunningSource,
        events: EventReader,
        clock: Clock,
    ) -> None:
        self._collector = collector
        self._store = store
        self._tags = tags
        self._source = source
        self._events = events
        self._clock = clock

    def detection_log(self) -> pd.DataFrame:
        """Every change of the detector settings in force, newest first."""
        own = [change for change in self._store.entries.detector_settings() if change.id < FROM_CASES]
        rows = [asdict(change) for change in reversed(own)]
        frame = pd.DataFrame(rows, columns=["id", "applied", "who", "detector", "params"])
        frame["applied"] = pd.to_datetime(frame["applied"], unit="us", utc=True)
        return frame

    def tag_history(self, tag: str, since: int, until: int, limit: int | None = None) -> History:
        """The tag's stored readings, the newest `limit` of them, ready to be scored by any detector.

        Only from the time since which none were rolled up: of older ones just the flagged are left,
        which no detector can use.
        """
        whole = self._store.retention.rolled_until(tag)
        since = max(since, whole or since)
        rows = self._store.readings.frame([tag], since, until, limit=limit)[list(_SCORED)]
        if rows.empty:
            return History(self._tags()[tag], rows, rows)
        lead = self._store.readings.lead(tag, int(rows["id"].iloc[0]), 2 * longest_lead())[list(_SCORED)]
        if whole is not None:
            lead = lead[lead["time"] >= pd.Timestamp(whole, unit="us", tz="UTC")]
        return History(self._tags()[tag], lead, rows)

    def rescore(
        self, tag: str, since: int, until: int, params: Mapping[str, float], detector: str | None = None
    ) -> pd.DataFrame:
        """The tag's stored readings scored with these parameters, as the collector would have.

        By the detector in force if none is named. Raises UsageError for an unknown
        detector and for wrong parameters.
        """
        other = make(detector or self._collector.settings.detector, **params)
        return self.tag_history(tag, since, until).scored(other)

    def apply(self, params: Mapping[str, float], who: str, detector: str | None = None) -> DetectorSettings:
        """Score with these parameters from the next reading on; recorded with who and when.

        With the detector in force if none is named. Raises UsageError like `rescore`.
        """
        now = self._collector.settings
        name = detector or now.detector
        applied = make(name, **params)
        settings = DetectorSettings(
            id=now.id + 1,
            applied=self._clock.now(),
            who=who.strip()[:100] or "not given",
            detector=name,
            params={parameter.name: getattr(applied, parameter.name) for parameter in applied.PARAMETERS},
            base=now.base,
        )
        self._collector.apply(settings, self._longer_memory(applied))
        return settings

    def known(self, since: int, until: int) -> Known:
        """Faults and labels of this span of all tags. Raises StoreError if they cannot be read.

        For the simulator's tags the injected faults are complete.
        """
        simulator = self._source.simulator
        return Known(
            faults=self._store.readings.injected_faults(since, until),
            labelled=self.labelled_events(since, until),
            complete=frozenset(tag.name for tag in simulator.tags) if simulator else frozenset(),
        )

    def labelled_events(self, since: int, until: int) -> pd.DataFrame:
        """Events that somebody labelled: id, tag, start, end (UTC), label ("true", "benign", "false", …)."""
        events = self._events.between(None, since, until)
        labelled = events.loc[events["label"] != "", ["id", "tag", "start", "end", "label"]]
        return labelled.reset_index(drop=True)

    def all_loads(
        self,
        shelf: Shelf,
        own: History,
        since: int,
        until: int,
        detector: Detector,
        most_tags: int,
        most_readings: int,
    ) -> Callable[[Progress], dict[str, Load]]:
        """The work of a job: the load of each tag with this detector, the worst first.

        Covers at most `most_tags` tags, those with the most flags, and about `most_readings`
        readings in total. `own` is a history that was read already. The work raises
        StoreError.
        """

        def work(progress: Progress) -> dict[str, Load]:
            if shelf.names is None:
                progress.step("which tags have the most flags")
                shelf.names = self._most_flagged(since, until, most_tags)
            count = len(shelf.names)
            share = max(1_000, most_readings // max(1, count))
            for number, name in enumerate(shelf.names):
                if name not in shelf.histories:
                    progress.step(f"{number} of {count} tags read", number, 2 * count)
                    shelf.histories[name] = (
                        own if name == own.tag.name else self.tag_history(name, since, until, share)
                    )
            by_tag: dict[str, Load] = {}
            for number, name in enumerate(shelf.names):
                progress.step(f"{number} of {count} tags scored", count + number, 2 * count)
                by_tag |= loads([shelf.histories[name]], detector)
            return sorted_loads(by_tag)

        return work

    def _most_flagged(self, since: int, until: int, most: int) -> tuple[str, ...]:
        """All tags of numbers, or if there are more than `most` those with the most flags."""
        names = self._tags().numbers
        if len(names) <= most:
            return tuple(names)
        counts = self._store.readings.anomalies(None, since, until)["tag"].value_counts()
        return tuple([name for name in counts.index if name in names][:most])

    def _longer_memory(self, detector: Detector) -> list[TagHistory]:
        """The histories for a detector that looks back further than the collector remembers."""
        lead = detector.start(TagFacts.of_tags(self._tags())).lead
        if lead <= KEPT:
            return []
        try:
            return self._store.readings.histories(lead)
        except StoreError as error:
            _log.warning("the detector begins with the newest readings alone: %s", error)
            return []
