"""Recovery: the state a monitor reads back before it takes the first reading.

From the store if it is available, then from the journal beyond it: the last
readings of each tag (for the detector's windows and for duplicates), where ids and
running totals continue, which detector settings are in force, which answers
senders got. If the store is unavailable only the journal is used; then a tag whose readings it
no longer has warms up again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sensormon.detectors import make
from sensormon.ingest.collector import Unsure
from sensormon.ingest.collector_number import entered, remembered
from sensormon.ingest.detector_state import SavedState, read_states
from sensormon.ingest.idempotency import KEYED, UNKEYED
from sensormon.ingest.newest_readings import NewestReadings
from sensormon.ingest.tag_memory import KEPT
from sensormon.ingest.unstored import Pending, pending_of
from sensormon.journal.journal import Journal
from sensormon.journal.outlines import Outline, Stretch
from sensormon.model.entries import (
    BY_CONTENT,
    FROM_CASES,
    POSITION,
    ActionEntry,
    Annotation,
    AnnotationEntry,
    BatchEntry,
    DetectorSettings,
    DocumentsEntry,
    EventAction,
    KeptAnswer,
    Record,
    SettingsEntry,
    UndoEntry,
)
from sensormon.model.errors import StoreCorrupt, StoreError, StoreNewer, UsageError
from sensormon.model.profiles import Choice, Profile, Profiles, default_profiles
from sensormon.model.reading_ids import Counted, ReadingIds, Sliced, after_unknown
from sensormon.model.settings import Settings
from sensormon.model.state_words import StateWords
from sensormon.stores.protocol import Store
from sensormon.stores.readings import LastArrival, TagHistory

_log = logging.getLogger(__name__)


@dataclass
class Recovered:
    """The state a restart continues from. `first_start`: nothing was ever collected in this data folder.

    `kept` is how many readings of a tag are kept, as many as the detector looks back.
    """

    histories: dict[str, TagHistory] = field(default_factory=dict)
    arrivals: dict[str, LastArrival] = field(default_factory=dict)  # by tag, of live readings
    next_id: int = 1
    number: int | None = None  # of the collector, on a store that several use
    received: dict[str, int] = field(default_factory=dict)  # by source
    unsure: Unsure | None = None  # if the store could not be asked
    settings: DetectorSettings | None = None
    pending: list[Pending] = field(default_factory=list)
    actions: list[tuple[int, EventAction]] = field(default_factory=list)  # by record number, not stored yet
    annotations: list[tuple[int, Annotation]] = field(default_factory=list)  # likewise
    documents: list[tuple[int, DocumentsEntry]] = field(default_factory=list)  # likewise
    undos: list[tuple[int, UndoEntry]] = field(default_factory=list)  # likewise
    answers: list[KeptAnswer] = field(default_factory=list)  # to requests with a key
    unkeyed: deque[KeptAnswer] = field(default_factory=lambda: deque(maxlen=UNKEYED.answers))  # the newest
    positions: dict[str, KeptAnswer] = field(default_factory=dict)  # of sources, by key, in the journal
    words: StateWords = field(default_factory=StateWords)
    case_settings: list[DetectorSettings] = field(default_factory=list)  # of cases, not stored yet
    first_start: bool = False
    kept: int = KEPT
    states: dict[str, SavedState] = field(default_factory=dict)  # saved under `settings`

    def ids(self) -> ReadingIds:
        """What gives the collector's ids from now on."""
        return Counted(self.next_id) if self.number is None else Sliced(self.number, self.next_id)


def recover(journal: Journal, store: Store, now: int, folder: Path, name: str = "") -> Recovered:
    """Everything that store and journal know; the store stays open if it could be opened.

    Raises StoreNewer if a newer version of sensormon wrote the store, JournalError for such a journal.

    What the detectors remembered is read from the data folder, too: a tag that goes on from there needs
    only the readings since then. `name` is the collector's on a store that several use. Raises UsageError if
    it cannot be one of its collectors.
    """
    recovered = Recovered()
    position = 0
    reached = True
    try:
        store.open()
        if store.collectors is not None:
            recovered.number = entered(store.collectors, journal.writer, name, folder)
        position = _read_store(recovered, journal, store, folder)
    except StoreCorrupt as error:
        _log.error("%s; it is kept as %s", error, store.set_aside())
        recovered = Recovered()
    except StoreNewer:
        raise
    except StoreError as error:
        reached = False
        if store.collectors is not None and recovered.number is None:
            recovered.number = remembered(journal.writer, folder, error)
        recovered.words = StateWords(first=now)  # as for ids: above all codes that the store has
        _log.warning("starting without the store: %s", error)
    newest = NewestReadings()
    for stretch in journal.stretches(position):
        _replay(recovered, stretch, newest)
    recovered.histories = newest.histories(recovered.histories, recovered.kept)
    recovered.arrivals |= newest.arrivals
    if recovered.settings is not None:
        recovered.states = read_states(folder, recovered.settings)
    if reached:
        recovered.first_start = recovered.next_id == 1 and not recovered.received
    else:
        # Nothing says which ids and numbers the store has; the time is above all of them.
        unused = now if recovered.number is None else after_unknown(now)
        recovered.next_id = max(recovered.next_id, unused)
        recovered.unsure = Unsure(journal.last, dict(recovered.received))
        journal.go_on_from_time(now)
    return recovered


def _read_store(recovered: Recovered, journal: Journal, store: Store, folder: Path) -> int:
    """Fill in what the store knows; the number of the last record it has."""
    mark = store.ledger.watermark(journal.writer)
    position = mark.number if mark else 0
    journal.go_on_after(position)
    applied = [settings for settings in store.entries.detector_settings() if settings.id < FROM_CASES]
    recovered.settings = applied[-1] if applied else None
    recovered.kept = max(KEPT, lead_of(recovered.settings))
    recovered.histories = {history.tag: history for history in store.readings.histories(KEPT)}
    if recovered.kept > KEPT and recovered.settings is not None:
        states = read_states(folder, recovered.settings)
        behind = [
            tag for tag, history in recovered.histories.items() if not _goes_on(states.get(tag), history)
        ]
        for history in store.readings.histories(recovered.kept, behind) if behind else ():
            recovered.histories[history.tag] = history
    recovered.arrivals = store.readings.last_arrivals()
    received = store.ledger.accounts().received.get(journal.writer, {})
    recovered.next_id, recovered.received = store.ledger.next_id(), dict(received)
    recovered.answers = store.entries.kept_answers(KEYED.answers)
    recovered.unkeyed.extend(store.entries.answers_by_content(UNKEYED.answers))
    recovered.words.take(store.entries.state_words())
    return position


def _goes_on(state: SavedState | None, history: TagHistory) -> bool:
    """Whether the history has all readings of the tag, or those since its state was saved."""
    learned = int(np.count_nonzero(history.learned))
    return learned >= history.n or (state is not None and 0 <= history.n - state.n <= learned)


def _replay(recovered: Recovered, stretch: Stretch, newest: NewestReadings) -> None:
    for entry in stretch.entries:
        if isinstance(entry, Outline):
            number, rows, first_id, source, received, answers, common = entry
            recovered.next_id = max(recovered.next_id, first_id + rows)
            recovered.pending.append(Pending(number, source, rows + common.refused, received))
            if answers:
                _keep(recovered, answers)
            if common.words:
                recovered.words.take(common.words)
        else:
            _replay_record(recovered, entry)
    recovered.received |= stretch.received
    newest.add(stretch, recovered.kept)


def _replay_record(recovered: Recovered, record: Record) -> None:
    number, entry = record.number, record.entry
    match entry:
        case ActionEntry():
            recovered.actions.append((number, entry.action))
        case AnnotationEntry():
            recovered.annotations.append((number, entry.annotation))
        case DocumentsEntry():
            recovered.documents.append((number, entry))
        case UndoEntry():
            recovered.undos.append((number, entry))
        case SettingsEntry() if entry.settings.id >= FROM_CASES:
            recovered.case_settings.append(entry.settings)
        case SettingsEntry():
            if recovered.settings is not None and entry.settings.id < recovered.settings.id:
                return  # another collector has applied a later one meanwhile
            recovered.settings = entry.settings
            recovered.kept = max(KEPT, lead_of(recovered.settings))
        case BatchEntry():
            recovered.next_id = max(recovered.next_id, entry.first_id + len(entry.processed.accepted))
            _keep(recovered, entry.answers)
            recovered.words.take(entry.processed.words)
            recovered.pending.append(pending_of(entry, number))


def _keep(recovered: Recovered, answers: Sequence[KeptAnswer]) -> None:
    for answer in answers:
        if answer.key.startswith(POSITION):
            recovered.positions[answer.key] = answer
            continue
        (recovered.unkeyed if answer.key.startswith(BY_CONTENT) else recovered.answers).append(answer)


def lead_of(settings: DetectorSettings | None) -> int:
    """How many readings decide a score with these settings; 0 if they cannot be used here."""
    profiles = settings.in_use.profiles if settings else ()
    choices = [choice for profile in profiles for choice in profile.detectors if _is_known(choice)]
    return max(
        (make(choice.detector, **choice.params).start(np.zeros(1)).lead for choice in choices), default=0
    )


ENVIRONMENT = "environment"
"""Who applied the settings that no person did."""


def settings_in_force(
    remembered: DetectorSettings | None, settings: Settings, now: int, ids: ReadingIds | None = None
) -> DetectorSettings:
    """The settings to score with: those applied last, unless the environment has changed since, they are
    from before there were profiles and no person's choice, or this version does not know a detector of them.

    A changed environment changes the z-score of the default profile and nothing else. The result has a
    new id when it is not `remembered`; then it has yet to be recorded.
    """
    base: Mapping[str, float] = {"window": settings.window, "threshold": settings.threshold}
    fresh = default_profiles(settings.window, settings.threshold)

    def version(profiles: Profiles, reason: str) -> DetectorSettings:
        number = (ids or Counted()).version_after(remembered.id if remembered else 0)
        return DetectorSettings.of(
            profiles, id=number, applied=now, who=ENVIRONMENT, base=base, reason=reason
        )

    if remembered is None:
        return version(fresh, "the first start")
    if remembered.profiles is None and remembered.who == ENVIRONMENT:
        return version(fresh, "the first start with profiles")
    known = _known(remembered.in_use, fresh.default)
    if dict(remembered.base) != dict(base):
        return version(_with_base(known, base), "SENSORMON_WINDOW or SENSORMON_THRESHOLD was changed")
    if known != remembered.in_use:
        return version(known, "detectors that this version does not know were left out")
    return remembered


def _with_base(profiles: Profiles, base: Mapping[str, float]) -> Profiles:
    """The profiles with these parameters of the default profile's z-score."""
    default = profiles.default
    if default.choice("zscore") is None:
        _log.warning(
            "SENSORMON_WINDOW or SENSORMON_THRESHOLD was changed: the default profile has no z-score to set"
        )
    choices = [
        Choice("zscore", dict(base)) if choice.detector == "zscore" else choice
        for choice in default.detectors
    ]
    return profiles.with_profile(replace(default, detectors=tuple(choices)))


def _known(profiles: Profiles, default: Profile) -> Profiles:
    """The profiles without detectors that cannot be used; one of which none is left has the default's."""
    for profile in profiles.profiles:
        kept = tuple(choice for choice in profile.detectors if _is_known(choice))
        if kept != profile.detectors:
            lost = [choice.detector for choice in profile.detectors if choice not in kept]
            _log.warning(
                "profile %s: not known here and left out: %s%s",
                profile.name,
                ", ".join(lost),
                "" if kept else "; it has the default detectors instead",
            )
            profiles = profiles.with_profile(replace(profile, detectors=kept or default.detectors))
    return profiles


def _is_known(choice: Choice) -> bool:
    try:
        make(choice.detector, **choice.params)
    except UsageError:
        return False
    return True
