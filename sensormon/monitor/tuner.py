"""What other detector settings would have done to the history, and applying them.

What it is not: a place that keeps settings; those in force are the collector's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict

import pandas as pd

from sensormon.analysis.rescoring import History
from sensormon.detectors import longest_lead, make
from sensormon.detectors.base import Detector, TagFacts
from sensormon.ingest.collector import Collector
from sensormon.ingest.tag_memory import KEPT
from sensormon.model.clock import Clock
from sensormon.model.entries import FROM_CASES, DetectorSettings
from sensormon.model.errors import StoreError
from sensormon.model.tags import TagTable
from sensormon.stores.protocol import Store
from sensormon.stores.readings import TagHistory

_log = logging.getLogger(__name__)

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


class Tuner:
    """Of one monitor; `tags` gives its tag table as it is now."""

    def __init__(
        self, collector: Collector, store: Store, tags: Callable[[], TagTable], clock: Clock
    ) -> None:
        self._collector = collector
        self._store = store
        self._tags = tags
        self._clock = clock

    def detection_log(self) -> pd.DataFrame:
        """Every change of the detector settings in force, newest first."""
        own = [one for one in self._store.entries.detector_settings() if one.id < FROM_CASES]
        rows = [asdict(one) for one in reversed(own)]
        frame = pd.DataFrame(rows, columns=["id", "applied", "who", "detector", "params"])
        frame["applied"] = pd.to_datetime(frame["applied"], unit="us", utc=True)
        return frame

    def tag_history(self, tag: str, since: int, until: int, limit: int | None = None) -> History:
        """The tag's stored readings, the newest `limit` of them, ready to be scored by any detector.

        Only from where they are all there: of what was rolled up the flagged ones are left, which no
        detector can make anything of.
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

        By the detector in force where none is named. Raises UsageError for one that does
        not exist and for wrong parameters.
        """
        made = make(detector or self._collector.settings.detector, **params)
        return self.tag_history(tag, since, until).scored(made)

    def apply(self, params: Mapping[str, float], who: str, detector: str | None = None) -> DetectorSettings:
        """Score with these parameters from the next reading on; recorded with who and when.

        With the detector in force where none is named. Raises UsageError like `rescore`.
        """
        now = self._collector.settings
        name = detector or now.detector
        made = make(name, **params)
        settings = DetectorSettings(
            id=now.id + 1,
            applied=self._clock.now(),
            who=who.strip()[:100] or "not given",
            detector=name,
            params={one.name: getattr(made, one.name) for one in made.PARAMETERS},
            base=now.base,
        )
        self._collector.apply(settings, self._longer_memory(made))
        return settings

    def _longer_memory(self, detector: Detector) -> list[TagHistory]:
        """What a detector learns from that looks back further than the collector remembers."""
        lead = detector.start(TagFacts.of_tags(self._tags())).lead
        if lead <= KEPT:
            return []
        try:
            return self._store.readings.histories(lead)
        except StoreError as error:
            _log.warning("the detector begins with the newest readings alone: %s", error)
            return []
