"""Validate, score, learn: what happens to a batch between its source and the journal.

No clock, no thread, no I/O. A batch that could not be made durable afterwards is undone
with `undo`, so that a reading which was never acknowledged is neither learned nor
taken for a duplicate when its sender tries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.profile_state import ProfileState
from sensormon.ingest.detector_state import SavedState
from sensormon.ingest.refusals import (
    ACCEPTED,
    LISTED,
    NOTHING,
    Codes,
    Refused,
    code_of,
    places,
    reason_of,
)
from sensormon.ingest.snapshots import Snapshots
from sensormon.ingest.states import States
from sensormon.ingest.tag_memory import TagMemory
from sensormon.ingest.validation import ValidRanges
from sensormon.model.entries import DetectorSettings
from sensormon.model.readings import (
    UNLEARNED,
    Batch,
    Bools,
    Floats,
    Ints,
    Processed,
    Reason,
    Rejection,
    Scores,
    StateWord,
    is_good,
)
from sensormon.model.settings import DEFAULT_EARLIEST
from sensormon.model.state_words import StateWords
from sensormon.model.tags import TagTable
from sensormon.stores.readings import TagHistory


@dataclass(frozen=True, eq=False)
class _Former:
    """The state of a tag that is not in the table, in case it is added (again)."""

    n: int
    time: Ints
    value: Floats
    learned: Bools
    state: SavedState | None


@dataclass(frozen=True, eq=False)
class _Last:
    """What is needed to undo the last batch: the codes of its learned and of its other readings."""

    codes: NDArray[np.int32]
    learned: Bools
    moments: tuple[Ints, Ints]


@dataclass(frozen=True, eq=False)
class Judged:
    """A batch after validation and scoring: what was taken, and for each row why it was not.

    `reason` has a code for each row of the batch, `ACCEPTED` for those taken. `words` are the states of
    the tags taken that are not durable yet.
    """

    accepted: Batch
    scores: Scores
    settings: int
    reason: Codes
    words: tuple[StateWord, ...] = ()


class Pipeline:
    """The state needed for scoring: the detector's, and the last readings of each tag.

    Takes no reading before `earliest` (µs UTC). Readings of tags of states are neither scored nor
    learned. `words` has the codes of their words, and is shared by all pipelines of a monitor. Not
    thread-safe: the collector calls it under its lock.
    """

    def __init__(
        self,
        tags: TagTable,
        settings: DetectorSettings,
        words: StateWords | None = None,
        earliest: int = DEFAULT_EARLIEST,
    ) -> None:
        self.tags = tags
        self.words = words or StateWords()
        self._earliest = earliest
        self._ranges = ValidRanges(tags, earliest)
        self._states = States(tags, self.words)
        self._memory = TagMemory(len(tags))
        self._learned = np.zeros(len(tags), dtype=np.int64)
        self._former: dict[str, _Former] = {}
        self._last: _Last | None = None
        self.settings = settings
        self._use(ProfileState(settings.in_use, list(tags)))

    def apply(self, settings: DetectorSettings, histories: Sequence[TagHistory] = ()) -> None:
        """Score with these settings from the next reading on.

        Detectors that judged a tag before with the same parameters go on; the others begin from the
        available history. `histories`, as stored, reach further back than the memory here; later readings
        are added to them. Raises UsageError for settings that cannot be used; then nothing has changed.
        """
        older = {history.tag: history for history in histories}
        state = ProfileState(settings.in_use, list(self.tags))
        state.adopt_conditions(self._state)
        for code, tag in enumerate(self.tags.names):
            values, times = self._memory.learned(code)
            stored = older.get(tag)
            since = int(self._learned[code]) - stored.n if stored else -1
            if stored and 0 <= since <= len(values):
                values = np.concatenate((stored.value[stored.learned], values[len(values) - since :]))
                times = np.concatenate((stored.time[stored.learned], times[len(times) - since :]))
            n = int(self._learned[code])
            self._learned[code] = state.adopt(code, self._state, code, n, values, times)
        # What other settings remember is useless to these; the readings are not.
        self._former = {name: replace(former, state=None) for name, former in self._former.items()}
        self.settings = settings
        self._use(state)

    @property
    def former(self) -> frozenset[str]:
        """The tags outside the table whose readings are remembered."""
        return frozenset(self._former)

    def retag(self, tags: TagTable) -> None:
        """Use this tag table from the next reading on: its ranges, bands and resolutions.

        What was learned of a tag that stays is carried over bit for bit. A removed tag is
        remembered: if it is added again, it continues from there, as after a restart.
        """
        state = ProfileState(self.settings.in_use, list(tags))
        state.adopt_conditions(self._state)
        codes = [self.tags.code(name) for name in tags.names]
        learned = np.zeros(len(tags), dtype=np.int64)
        for code, old in enumerate(codes):
            if old >= 0:
                n, history = int(self._learned[old]), self._memory.learned(old)
                learned[code] = state.adopt(code, self._state, old, n, *history)
        states = self.saved_states()
        gone = {
            name: _Former(int(self._learned[code]), *self._memory.history(code), states.get(name))
            for code, name in enumerate(self.tags.names)
            if name not in tags
        }
        self._memory, self._learned = self._memory.carried(codes), learned
        self.tags, self._ranges = tags, ValidRanges(tags, self._earliest)
        self._use(state)
        self._states = States(tags, self.words)
        self._former |= gone
        for name in tags.names:
            if former := self._former.pop(name, None):
                self.restore(name, former.n, former.time, former.value, former.learned, former.state)

    def restore(
        self,
        tag: str,
        n: int,
        time: Ints,
        value: Floats,
        learned: Bools,
        saved: SavedState | None = None,
    ) -> None:
        """Restore a tag after a restart, from its last readings, oldest first.

        `n` is how many of the tag's readings had been learned in all. With the
        state the detector had `saved` earlier, and all the readings learned since then, scores
        are the same bit for bit. A tag outside the table is kept in case it is added again.
        """
        code = self.tags.code(tag)
        if code < 0:
            self._former[tag] = _Former(n, time, value, learned, saved)
            return
        if self.tags[tag].has_states:  # good or not, they were never learned
            n, learned, saved = 0, np.zeros(len(learned), dtype=np.bool_), None
        self._memory.restore(code, time, value, learned)
        self._learned[code] = n
        self._snapshots.forget(code)
        values, times = value[learned], time[learned]
        if saved is None or not self._load(code, saved, values, times):
            self._learned[code] = self._state.restore(code, n, values, times)

    def recall(self, tag: str, time: Ints, value: Floats) -> None:
        """Since when conditions on this tag are met, from its last good readings, oldest first.

        After a restart, once all tags are restored.
        """
        if (code := self.tags.code(tag)) >= 0:
            self._state.recall(code, value, time)

    def last_value(self, tag: str) -> float | str | None:
        """The last value of this tag that is remembered, the word of a state; None if there is none."""
        code = self.tags.code(tag)
        last = self._memory.last(code) if code >= 0 else None
        if last is None or not self.tags[tag].has_states:
            return last
        return self.words.of(tag).get(int(last))

    def saved_states(self) -> dict[str, SavedState]:
        """What is remembered of each tag."""
        return {
            tag.name: SavedState(
                int(self._learned[code]), self._state.save(code), self._state.profile_of(code)
            )
            for code, tag in enumerate(self.tags)
            if self._learned[code]
        }

    def process(
        self,
        batch: Batch,
        positions: Sequence[int] | None = None,
        malformed: Sequence[Rejection] = (),
        listed: int = LISTED,
        *,
        late: bool = False,
    ) -> Processed:
        """The batch validated and scored; the detector learns from it.

        With `late`, readings that are older than one of their tag that was learned before the batch are
        neither judged nor learned: see `Withheld.LATE`.

        `malformed` are rows of the same request that could not even become columns, and
        `positions` the index in the request of those that could. The first `listed` refused
        rows are kept in full.
        """
        judged = self.judge(batch, late=late)
        refused = self.refused(batch, judged.reason, positions, Refused.of(malformed), listed)
        return Processed(
            judged.accepted,
            judged.scores,
            judged.settings,
            refused.listed,
            refused.unlisted(),
            judged.words,
        )

    def judge(self, batch: Batch, *, late: bool = False) -> Judged:
        """The same for the rows of several requests: says of each whether it is taken."""
        reason = self._ranges.check(batch)
        codes = self._ranges.codes(batch)
        states = self._states.rows(codes)
        batch = self._states.coded(batch, codes, states, reason)
        good = is_good(batch.quality)
        ok = good if states is None else good & ~states
        rows = np.flatnonzero(reason == ACCEPTED)
        duplicate = self._memory.duplicates(codes[rows], batch.time[rows], batch.value[rows])
        reason[rows[duplicate]] = code_of(Reason.DUPLICATE)
        rows = rows[~duplicate]
        accepted, codes, good, ok = batch.take(rows), codes[rows], good[rows], ok[rows]
        behind = ok & self._memory.late(codes, accepted.time) if late else None
        self._snapshots.prepare(self._state, self._memory, self._learned, codes[ok])
        moments = self._state.moments()
        scores = self._state.run(codes, accepted.value, ok, accepted.time, good, behind)
        learned = ok & ~np.isin(scores.withheld, UNLEARNED)
        self._memory.add(codes, accepted.time, accepted.value, learned)
        self._learned += np.bincount(codes[learned], minlength=len(self._learned))
        self._last = _Last(codes, learned, moments)
        words = () if states is None else self._states.new_words(accepted)
        return Judged(accepted, scores, self.settings.id, reason, words)

    def refused(
        self,
        batch: Batch,
        reason: Codes,
        positions: Sequence[int] | None = None,
        malformed: Refused = NOTHING,
        listed: int = LISTED,
    ) -> Refused:
        """The refused rows of one request: the malformed ones, and those of its batch with a reason."""
        rows = np.flatnonzero(reason)
        if not len(rows) and len(malformed.listed) <= listed:
            return malformed
        return malformed.joined(
            rows,
            places(rows, positions),
            reason[rows],
            listed,
            lambda row, place: self._ranges.rejection(batch, row, place, reason_of(int(reason[row]))),
        )

    def undo(self) -> None:
        """Undo the batch that was processed last, as if it had not arrived.

        Does nothing if settings or tags have changed since. Words keep the codes that it gave them, and
        travel with the next readings of their tags.
        """
        if (last := self._last) is None:
            return
        self._last = None
        codes, learned = last.codes, last.learned
        self._memory.forget(codes, learned)
        self._learned -= np.bincount(codes[learned], minlength=len(self._learned))
        for code in np.unique(codes[learned]).tolist():
            self._snapshots.go_back(self._state, self._memory, code, int(self._learned[code]))
        self._state.go_back(last.moments)

    def _use(self, state: ProfileState) -> None:
        """Judge by this state from now on."""
        self._state = state
        self._snapshots = Snapshots(len(self.tags))
        self._last = None

    def _load(self, code: int, saved: SavedState, values: Floats, times: Ints) -> bool:
        """Whether the detectors could continue from there; they learn the readings since then again."""
        since = int(self._learned[code]) - saved.n
        if not 0 <= since <= len(values) or saved.profile != self._state.profile_of(code):
            return False
        if saved.vector.shape != self._state.save(code).shape:
            return False
        self._state.load(code, saved.vector)
        if since:
            self._state.learn(code, values[-since:], times[-since:])
        return True
