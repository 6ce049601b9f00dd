"""Validate, score, learn: what happens to a batch between its source and the journal.

No clock, no thread, no I/O. A batch that could not be made durable afterwards is undone
with `undo`, so that a reading which was never acknowledged is neither learned nor
taken for a duplicate when its sender tries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sensormon.detectors import PER_TAG
from sensormon.detectors.base import TagFacts
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
from sensormon.ingest.states import States
from sensormon.ingest.tag_memory import TagMemory
from sensormon.ingest.validation import ValidRanges
from sensormon.model.entries import DetectorSettings
from sensormon.model.readings import (
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
        self.apply(settings)

    def apply(self, settings: DetectorSettings, histories: Sequence[TagHistory] = ()) -> None:
        """Score with these settings from the next reading on, from the available history.

        `histories`, as stored, reach further back than the memory here; later readings are
        added to them.
        """
        older = {history.tag: history for history in histories}
        detector = PER_TAG[settings.detector](**dict(settings.params))
        self._state = detector.start(TagFacts.of_tags(self.tags))
        self._before: dict[int, Floats] = {}
        self.settings = settings
        # The state of another detector is useless to this one; the readings are not.
        self._former = {name: replace(former, state=None) for name, former in self._former.items()}
        for code, tag in enumerate(self.tags.names):
            values, times = self._memory.learned(code)
            stored = older.get(tag)
            since = int(self._learned[code]) - stored.n if stored else -1
            if stored and 0 <= since <= len(values):
                values = np.concatenate((stored.value[stored.learned], values[len(values) - since :]))
                times = np.concatenate((stored.time[stored.learned], times[len(times) - since :]))
            self._restore_state(code, values, times)

    @property
    def former(self) -> frozenset[str]:
        """The tags outside the table whose readings are remembered."""
        return frozenset(self._former)

    def retag(self, tags: TagTable) -> None:
        """Use this tag table from the next reading on: its ranges, bands and resolutions.

        What was learned of a tag that stays is carried over bit for bit. A removed tag is
        remembered: if it is added again, it continues from there, as after a restart.
        """
        state = PER_TAG[self.settings.detector](**dict(self.settings.params)).start(TagFacts.of_tags(tags))
        codes = [self.tags.code(name) for name in tags.names]
        learned = np.zeros(len(tags), dtype=np.int64)
        for code, old in enumerate(codes):
            if old >= 0:
                state.load(code, self._state.save(old))
                learned[code] = self._learned[old]
        states = self.saved_states()
        gone = {
            name: _Former(int(self._learned[code]), *self._memory.history(code), states.get(name))
            for code, name in enumerate(self.tags.names)
            if name not in tags
        }
        self._memory, self._state, self._learned = self._memory.carried(codes), state, learned
        self.tags, self._ranges, self._before = tags, ValidRanges(tags, self._earliest), {}
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
        values, times = value[learned], time[learned]
        if saved is None or not self._load(code, saved, values, times):
            self._restore_state(code, values, times)

    def saved_states(self) -> dict[str, SavedState]:
        """The detector's state, by tag."""
        return {
            tag.name: SavedState(int(self._learned[code]), self._state.save(code))
            for code, tag in enumerate(self.tags)
            if self._learned[code]
        }

    def process(
        self,
        batch: Batch,
        positions: Sequence[int] | None = None,
        malformed: Sequence[Rejection] = (),
        listed: int = LISTED,
    ) -> Processed:
        """The batch validated and scored; the detector learns from it.

        `malformed` are rows of the same request that could not even become columns, and
        `positions` the index in the request of those that could. The first `listed` refused
        rows are kept in full.
        """
        judged = self.judge(batch)
        refused = self.refused(batch, judged.reason, positions, Refused.of(malformed), listed)
        return Processed(
            judged.accepted,
            judged.scores,
            judged.settings,
            refused.listed,
            refused.unlisted(),
            judged.words,
        )

    def judge(self, batch: Batch) -> Judged:
        """The same for the rows of several requests: says of each whether it is taken."""
        reason = self._ranges.check(batch)
        codes = self._ranges.codes(batch)
        states = self._states.rows(codes)
        batch = self._states.coded(batch, codes, states, reason)
        learned = _learned(batch, states)
        rows = np.flatnonzero(reason == ACCEPTED)
        duplicate = self._memory.admit(codes[rows], batch.time[rows], batch.value[rows], learned[rows])
        reason[rows[duplicate]] = code_of(Reason.DUPLICATE)
        rows = rows[~duplicate]
        accepted = batch.take(rows)
        if self._state.recursive:
            # The last readings alone cannot restore it, which `undo` needs.
            self._before = {code: self._state.save(code) for code in np.unique(codes[rows]).tolist()}
        scores = self._state.run(codes[rows], accepted.value, learned[rows], accepted.time)
        np.add.at(self._learned, codes[rows], learned[rows])
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

    def undo(self, accepted: Batch) -> None:
        """Undo the batch that was processed last, as if it had not arrived; `accepted` is what was taken.

        Words keep the codes that it gave them, and travel with the next readings of their tags.
        """
        codes = self._ranges.codes(accepted)
        learned = _learned(accepted, self._states.rows(codes))
        self._memory.forget(codes, learned)
        np.subtract.at(self._learned, codes, learned)
        for code in np.unique(codes).tolist():
            if self._state.recursive:
                self._state.load(code, self._before[code])
            else:
                self._restore_state(code, *self._memory.learned(code))

    def _load(self, code: int, saved: SavedState, values: Floats, times: Ints) -> bool:
        """Whether the detector could continue from there; readings learned since are scored again."""
        since = int(self._learned[code]) - saved.n
        if not 0 <= since <= len(values) or saved.vector.shape != self._state.save(code).shape:
            return False
        self._state.load(code, saved.vector)
        if since:
            rows = np.full(since, code, dtype=np.int32)
            self._state.run(rows, values[-since:], np.ones(since, dtype=np.bool_), times[-since:])
        return True

    def _restore_state(self, code: int, values: Floats, times: Ints) -> None:
        self._state.restore(code, int(self._learned[code]), values, times)
        missing = len(values) < min(int(self._learned[code]), self._state.lead)
        if missing:
            self._learned[code] = len(values)


def _learned(batch: Batch, states: Bools | None) -> Bools:
    """Which readings a detector learns: the good ones that are numbers."""
    good = is_good(batch.quality)
    return good if states is None else good & ~states
