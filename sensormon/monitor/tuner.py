"""What other profiles would have done to the history, and applying them as a new version.

Also the known faults and labels that profiles are judged by, and the alarm load of many tags.
Histories read for that stay on a `Shelf`: further profiles then cost only the scoring, and a
job cancelled while reading continues where it stopped. What it is not: a place that keeps
settings; those in force are the collector's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from sensormon.analysis.rescoring import History
from sensormon.analysis.suggestion import Suggestion, suggest
from sensormon.analysis.what_if import Known, Outcome, Side, outcome_of, sorted_outcomes
from sensormon.detectors import DEFAULT, longest_lead, make
from sensormon.detectors.profile_state import ProfileState, check
from sensormon.events.reader import EventReader
from sensormon.ingest.collector import Collector
from sensormon.ingest.tag_memory import KEPT
from sensormon.model.clock import Clock
from sensormon.model.entries import FROM_CASES, DetectorSettings
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.jobs import Progress
from sensormon.model.profiles import Choice, Profile, Profiles, checked
from sensormon.model.tags import TagTable
from sensormon.model.text import LONGEST_NAME, cleaned
from sensormon.monitor.source import RunningSource
from sensormon.stores.protocol import Store
from sensormon.stores.readings import TagHistory

_log = logging.getLogger(__name__)

KIND = "compare"
"""The kind of the job that counts the events of many tags."""
SUGGEST = "suggest"
"""The kind of the job that searches for detectors and parameters."""
LONGEST_REASON = 1_000
"""The most characters of the reason for a version."""

TOGETHER = 400_000
"""Up to this many readings of all tags are read and scored unasked, without a job."""

_EVERY_ID = (1 << 63) - 1
_WATCHED = ["id", "time", "value", "quality"]
_BEFORE = 1_000  # readings of a condition's tag before a history, to know since when it is met
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
    "threshold",
    "profile",
    "detector",
    "withheld",
)


@dataclass(eq=False)
class Shelf:
    """The histories of one span, by tag, as far as they have been read."""

    names: tuple[str, ...] | None = None
    histories: dict[str, History] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """The most tags and, about, readings in total that a job reads."""

    tags: int
    readings: int


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

    def versions(self) -> list[DetectorSettings]:
        """Every version that was ever in force here, the newest first. Raises StoreError."""
        versions = {version.id: version for version in self._store.entries.detector_settings()}
        now = self._collector.settings  # which may not be stored yet
        versions[now.id] = now
        return [versions[number] for number in sorted(versions, reverse=True) if number < FROM_CASES]

    def tag_history(self, tag: str, since: int, until: int, limit: int | None = None) -> History:
        """The tag's stored readings, the newest `limit` of them, ready to be scored by any profile.

        Only from the time since which none were rolled up: of older ones just the flagged are left,
        which no detector can use.
        """
        whole = self._store.retention.rolled_until(tag)
        first = max(since, whole or since)
        rows = _scored(self._store.readings.frame([tag], first, until, limit=limit))
        if rows.empty:
            return History(self._tags()[tag], rows, rows)
        is_cut = first > since or (limit is not None and len(rows) >= limit)
        lead = _scored(self._store.readings.lead(tag, int(rows["id"].iloc[0]), 2 * longest_lead()))
        if whole is not None:
            lead = lead[lead["time"] >= pd.Timestamp(whole, unit="us", tz="UTC")]
        return History(self._tags()[tag], lead, rows, until=until, is_cut=is_cut)

    def watching(self, history: History, names: Collection[str]) -> History:
        """The history with the readings of these tags too, which conditions look at. Raises StoreError."""
        missing = [name for name in names if name not in history.watched and name != history.tag.name]
        if not missing or history.rows.empty:
            return history
        own = pd.concat([history.lead, history.rows]) if len(history.lead) else history.rows
        first, until = int(own["id"].iloc[0]), _micros(own["time"].max()) + 1
        watched = dict(history.watched)
        for name in missing:
            before = self._store.readings.lead(name, first, _BEFORE)[_WATCHED]
            since = self._store.readings.frame([name], _micros(own["time"].min()), until)[_WATCHED]
            both = pd.concat([before, since]) if len(before) else since
            watched[name] = both.drop_duplicates("id").sort_values("id", ignore_index=True)
        return replace(history, watched=watched)

    def rescore(self, tag: str, since: int, until: int, profile: Profile) -> pd.DataFrame:
        """The tag's stored readings scored with this profile, as the collector would have.

        Raises UsageError for a profile that cannot judge.
        """
        history = self.tag_history(tag, since, until)
        return self.watching(history, watched_by([profile])).scored(profile)

    def apply(
        self, profiles: Profiles, who: str, reason: str = "", over: int | None = None
    ) -> DetectorSettings:
        """Judge by these profiles from the next reading on: a new version, with who, when and why.

        Raises UsageError for profiles that cannot judge, and if the version in force is no longer `over`:
        somebody else has applied another one meanwhile.
        """
        now = self._collector.settings
        if over is not None and now.id != over:
            raise UsageError(
                f"{now.who} has applied version {now.id} meanwhile",
                where="profiles",
                hint="Look at what it changed, then try again",
            )
        check(checked(profiles), list(self._tags()))
        first = profiles.default.detectors[0]
        judge = make(first.detector, **first.params)
        settings = DetectorSettings(
            id=self._collector.next_version(),
            applied=self._clock.now(),
            who=who.strip()[:LONGEST_NAME] or "not given",
            detector=first.detector,
            params={parameter.name: getattr(judge, parameter.name) for parameter in judge.PARAMETERS},
            base=now.base,
            profiles=profiles,
            reason=cleaned(reason)[:LONGEST_REASON],
        )
        self._collector.apply(settings, self._longer_memory(profiles))
        return settings

    def adopt(self, settings: DetectorSettings) -> None:
        """Judge by this version, which was applied in another process on the same store.

        Raises UsageError if its profiles cannot judge here, JournalError if it cannot be recorded.
        """
        self._collector.apply(settings, self._longer_memory(settings.in_use))

    def set_zscore(self, params: Mapping[str, float], who: str, reason: str = "") -> DetectorSettings:
        """Change these parameters of the default profile's z-score; everything else stays.

        Raises UsageError for wrong parameters, and if the default profile has no z-score.
        """
        now = self._collector.settings
        profile = now.in_use.default
        old = profile.choice(DEFAULT)
        if old is None:
            raise UsageError(
                "the default profile has no rolling z-score",
                where="profiles",
                hint="Add it to the profile first",
            )
        new = Choice(DEFAULT, {**old.params, **params})
        choices = tuple(new if choice is old else choice for choice in profile.detectors)
        return self.apply(
            now.in_use.with_profile(replace(profile, detectors=choices)), who, reason, over=now.id
        )

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
        actions = self._events.actions(0, _EVERY_ID)
        if not (actions["label"] != "").any():
            until = since  # nobody ever labelled one, so there is no need to put any together
        events = self._events.between(None, since, until)
        labelled = events.loc[events["label"] != "", ["id", "tag", "start", "end", "label"]]
        return labelled.reset_index(drop=True)

    def outcomes(
        self,
        shelf: Shelf,
        own: History,
        span: tuple[int, int],
        names: Sequence[str],
        sides: Callable[[History], tuple[Side, Side]],
        watched: Collection[str],
        known: Known,
        limits: Limits,
    ) -> Callable[[Progress], dict[str, Outcome]]:
        """The work of a job: what `sides` makes of the history of each of these tags, the worst first.

        Covers at most as many tags and readings as `limits` say: of more tags those with confirmed
        events and then those with the most flags. `own` is a history that was read already, `watched`
        are the tags that conditions look at. The work raises StoreError and UsageError.
        """

        def work(progress: Progress) -> dict[str, Outcome]:
            count = self._fill(shelf, own, span, names, watched, known, limits, progress)
            by_tag: dict[str, Outcome] = {}
            for number, (name, history) in enumerate(shelf.histories.items()):
                progress.step(f"{number} of {count} tags scored", count + number, 2 * count)
                if len(history.rows):
                    by_tag[name] = outcome_of(history, *sides(history), known)
            return sorted_outcomes(by_tag)

        return work

    def suggestion(
        self,
        shelf: Shelf,
        own: History,
        span: tuple[int, int],
        names: Sequence[str],
        profile: Profile,
        known: Known,
        limits: Limits,
    ) -> Callable[[Progress], Suggestion]:
        """The work of a job: what would suit these tags better than the detectors of this profile.

        `profile` has the target, and whatever else stays as it is. See `analysis/suggestion.py`.
        """

        def work(progress: Progress) -> Suggestion:
            self._fill(shelf, own, span, names, watched_by([profile]), known, limits, progress)
            histories = [history for history in shelf.histories.values() if len(history.rows)]
            return suggest(histories, profile, known, progress.step)

        return work

    def _fill(
        self,
        shelf: Shelf,
        own: History,
        span: tuple[int, int],
        names: Sequence[str],
        watched: Collection[str],
        known: Known,
        limits: Limits,
        progress: Progress,
    ) -> int:
        """Read what is missing on the shelf; how many tags are on it."""
        if shelf.names is None:
            progress.step("which tags have the most flags")
            shelf.names = self._most_flagged(names, span, limits.tags, known)
        count = len(shelf.names)
        share = max(1_000, limits.readings // max(1, count))
        for number, name in enumerate(shelf.names):
            progress.step(f"{number} of {count} tags read", number, 2 * count)
            history = shelf.histories.get(name)
            if history is None:
                history = own if name == own.tag.name else self.tag_history(name, *span, share)
            shelf.histories[name] = self.watching(history, watched)
        return count

    def _most_flagged(
        self, names: Sequence[str], span: tuple[int, int], most: int, known: Known
    ) -> tuple[str, ...]:
        """These tags, or if there are more than `most` the confirmed and the most flagged ones."""
        if len(names) <= most:
            return tuple(names)
        confirmed = known.labelled.loc[known.labelled["label"] == "true", "tag"].value_counts()
        flagged = self._store.readings.anomalies(None, *span)["tag"].value_counts()
        inside = set(names)
        order = dict.fromkeys([*confirmed.index, *flagged.index, *names])
        return tuple([name for name in order if name in inside][:most])

    def _longer_memory(self, profiles: Profiles) -> list[TagHistory]:
        """The histories for profiles that look back further than the collector remembers."""
        lead = ProfileState(profiles, list(self._tags())).lead
        if lead <= KEPT:
            return []
        try:
            return self._store.readings.histories(lead)
        except StoreError as error:
            _log.warning("detectors begin with the newest readings alone: %s", error)
            return []


def watched_by(profiles: Collection[Profile]) -> list[str]:
    """The tags that the conditions of these profiles look at."""
    return list(dict.fromkeys(profile.condition.tag for profile in profiles if profile.condition))


def _scored(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[[name for name in _SCORED if name in frame]]


def _micros(time: pd.Timestamp) -> int:
    return time.value // 1_000 if time.unit == "ns" else int(time.as_unit("us").value)
