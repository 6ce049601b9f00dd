"""What flows through the monitor: readings, in batches of columns.

A `Batch` is one tick of a source or one request: parallel numpy columns, so that
three readings and a hundred thousand go the same way. A single `Reading` exists at
the edges only. `Scores` holds what the detector said of each row of a batch,
`Rejection` why a reading was refused.

Times are int64 microseconds since 1970-01-01 UTC everywhere inside the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Quality(IntEnum):
    """OPC UA status codes (Part 8, annex A): the top two bits are the verdict."""

    GOOD = 0x0000_0000
    UNCERTAIN = 0x4000_0000
    UNCERTAIN_SENSOR_NOT_ACCURATE = 0x4093_0000
    UNCERTAIN_ENGINEERING_UNITS_EXCEEDED = 0x4094_0000
    BAD = 0x8000_0000
    BAD_NO_COMMUNICATION = 0x8031_0000
    BAD_SENSOR_FAILURE = 0x808C_0000


def is_good(quality: NDArray[np.uint32]) -> Bools:
    """True where the status code says Good (top two bits 00)."""
    good: Bools = (quality >> np.uint32(30)) == 0
    return good


SIMULATOR = "simulator"
"""The source of readings that no sensor ever made; see `sources/simulator.py`.

Those of a simulator that sources.toml names have its name behind a colon.
"""


def is_simulated(source: str) -> bool:
    """Whether a simulator made the readings of this source."""
    return source == SIMULATOR or source.startswith(f"{SIMULATOR}:")


CALCULATED = "calculated"
"""The source of readings that a formula made of others; see `sensormon.formulas`."""


class Origin(StrEnum):
    """The origin of a reading; stored with it."""

    LIVE = "live"
    BACKFILL = "backfill"  # history before live readings: simulated at the first start, or of a database
    IMPORT = "import"  # from a file, scored as it would have been live


class Reason(StrEnum):
    """Why a reading was refused. The words a person reads are in `Rejection.detail`."""

    UNKNOWN_TAG = "unknown_tag"
    OUT_OF_RANGE = "out_of_range"
    NOT_FINITE = "not_finite"
    NOT_A_NUMBER = "not_a_number"
    BAD_TIMESTAMP = "bad_timestamp"
    FUTURE_TIMESTAMP = "future_timestamp"
    DUPLICATE = "duplicate"
    MALFORMED = "malformed"
    UNKNOWN_STATE = "unknown_state"
    CALCULATED = "calculated"


_REASON_WORDS = {
    "unknown_tag": "unknown tag",
    "out_of_range": "outside the valid range",
    "not_finite": "not a finite number",
    "not_a_number": "not a number",
    "malformed": "not a reading",
    "unknown_state": "not one of the tag's states",
    "calculated": "sent for a calculated tag",
    "bad_timestamp": "timestamp unreadable or out of range",
    "future_timestamp": "timestamp in the future",
    "duplicate": "duplicate",
}


def reason_words(reason: str) -> str:
    """Why a reading was rejected, as a person reads it."""
    return _REASON_WORDS.get(reason, reason.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one tag. `time` is in microseconds UTC, `value` in the tag's unit, or a state's word."""

    tag: str
    time: int
    value: float | str
    quality: int = Quality.GOOD


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """Ground truth: the simulator made this fault at this tag and time.

    It travels beside the readings and never reaches a detector. For a gap there is
    no reading with that tag and time; that is the fault.
    """

    tag: str
    time: int
    fault: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused reading, as it came, with the reason and a sentence for a person.

    `index` is its row in the tick or request it came with; `time` and `value` are
    text because they may be what was wrong.
    """

    source: str
    received: int
    index: int
    tag: str
    time: str
    value: str
    reason: Reason
    detail: str

    def line(self, word: str) -> str:
        """It as a line of text; `word` says what `index` counts, `line` or `row`."""
        return f"{word} {self.index}: {self.tag} {self.value!r}: {self.detail}"


@dataclass(frozen=True, eq=False)
class Batch:
    """Readings of one tick or one request, in order of arrival.

    `tag[i]` indexes `tags`, the names used in this batch. All columns have the same
    length. `received` is when the batch came in (µs UTC).

    States may come as words: `word[i]` indexes `words`, -1 where `value` has the number that came;
    None if none of the readings has a word. In an accepted batch each state is the code of its
    word, in `value`, and there are no words.
    """

    source: str
    received: int
    tags: tuple[str, ...]
    tag: NDArray[np.int32]
    time: Ints
    value: Floats
    quality: NDArray[np.uint32]
    origin: Origin = Origin.LIVE
    injected: tuple[InjectedFault, ...] = ()
    words: tuple[str, ...] = ()
    word: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.value)

    @classmethod
    def of(
        cls,
        readings: Iterable[Reading],
        *,
        source: str,
        received: int,
        origin: Origin = Origin.LIVE,
        injected: Iterable[InjectedFault] = (),
    ) -> Batch:
        """The batch of these readings, in this order."""
        rows = list(readings)
        names = tuple(dict.fromkeys(row.tag for row in rows))
        code = {name: i for i, name in enumerate(names)}
        words = tuple(dict.fromkeys(row.value for row in rows if isinstance(row.value, str)))
        place: dict[float | str, int] = {word: i for i, word in enumerate(words)}
        return cls(
            source=source,
            received=received,
            tags=names,
            tag=np.array([code[row.tag] for row in rows], dtype=np.int32),
            time=np.array([row.time for row in rows], dtype=np.int64),
            value=np.array(
                [np.nan if isinstance(row.value, str) else row.value for row in rows], dtype=np.float64
            ),
            quality=np.array([row.quality for row in rows], dtype=np.uint32),
            origin=origin,
            injected=tuple(injected),
            words=words,
            word=_places(rows, place) if words else None,
        )

    def take(self, rows: Bools | Ints) -> Batch:
        """The batch of these rows alone (a mask or positions); ground truth stays whole."""
        return Batch(
            source=self.source,
            received=self.received,
            tags=self.tags,
            tag=self.tag[rows],
            time=self.time[rows],
            value=self.value[rows],
            quality=self.quality[rows],
            origin=self.origin,
            injected=self.injected,
            words=self.words,
            word=None if self.word is None else self.word[rows],
        )


def _places(rows: Iterable[Reading], place: Mapping[float | str, int]) -> NDArray[np.int32]:
    """For each reading the place of its word, -1 for a number."""
    return np.array([place[row.value] if isinstance(row.value, str) else -1 for row in rows], dtype=np.int32)


@dataclass(frozen=True, slots=True)
class StateWord:
    """What a code stands for: readings of `tag` with the value `code` mean `word`, for good."""

    tag: str
    code: int
    word: str


class Withheld(IntEnum):
    """Why a profile did not judge a reading, or did not flag it although a detector fired."""

    NOTHING = 0
    CONDITION = 1
    """Its condition is not met: neither judged nor learned."""
    SETTLING = 2
    """Its condition is met, but not for long enough: neither judged nor learned."""
    ON_DELAY = 3
    """A detector fired, but not for long enough: learned, not flagged."""
    CHANGE = 4
    """The tag of its condition changed a short while ago: learned, not flagged."""
    LATE = 5
    """It came after later readings of its tag that were learned, as a gap that is filled: neither judged nor
    learned."""


UNLEARNED = (Withheld.CONDITION, Withheld.SETTLING, Withheld.LATE)
"""Readings withheld for these reasons were not learned."""


def is_learned(quality: NDArray[np.uint32], withheld: NDArray[np.uint8]) -> Bools:
    """Which stored readings of a tag of numbers were learned: the good ones that no condition withheld."""
    learned: Bools = is_good(quality) & ~np.isin(withheld, UNLEARNED)
    return learned


@dataclass(frozen=True, slots=True)
class OwnScore:
    """What one detector said of a reading, whichever of them spoke; NaN for a bound that it has not."""

    detector: str
    score: float
    expected: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What each detector of the tags' profiles said: parallel columns, one row a reading.

    `profile` are places in `profiles`. `detector` are places in `detectors`: of the one whose score is
    the largest multiple of its threshold, -1 where none judged; `threshold` is that one's, NaN where none
    judged. `withheld` are numbers of `Withheld`. `own` has for each detector of `detectors` its score,
    expected, lower and upper, NaN where it did not judge or is not in the tag's profile.
    """

    profiles: tuple[str, ...]
    profile: NDArray[np.uint8]
    detectors: tuple[str, ...]
    detector: NDArray[np.int8]
    threshold: Floats
    withheld: NDArray[np.uint8]
    own: NDArray[np.float64]  # readings x detectors x 4

    def take(self, rows: Bools | Ints) -> Verdicts:
        """Those of these rows alone (a mask or positions)."""
        return replace(
            self,
            profile=self.profile[rows],
            detector=self.detector[rows],
            threshold=self.threshold[rows],
            withheld=self.withheld[rows],
            own=self.own[rows],
        )


@dataclass(frozen=True, eq=False)
class Scores:
    """What the detectors said of each reading: parallel columns, one row a reading.

    `n` is how many readings of the tag had been learned before this one. `score`,
    `expected`, `lower` and `upper` are NaN where there was nothing to judge by yet
    (warm-up) or nothing to judge (a value that is not good). With `verdicts`, from a profile, `score`
    is that of the detector they name; `expected`, `lower` and `upper` are that one's on a flagged
    reading, and elsewhere those of the detector whose band a chart draws. Without them one detector judged.
    """

    n: Ints
    score: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    is_anomaly: Bools
    verdicts: Verdicts | None = None

    def __len__(self) -> int:
        return len(self.score)

    @property
    def withheld(self) -> NDArray[np.uint8]:
        """For each reading a number of `Withheld`; nothing was withheld before there were profiles."""
        return np.zeros(len(self), dtype=np.uint8) if self.verdicts is None else self.verdicts.withheld

    def take(self, rows: Bools | Ints) -> Scores:
        """The scores of these rows alone (a mask or positions)."""
        return Scores(
            n=self.n[rows],
            score=self.score[rows],
            expected=self.expected[rows],
            lower=self.lower[rows],
            upper=self.upper[rows],
            is_anomaly=self.is_anomaly[rows],
            verdicts=None if self.verdicts is None else self.verdicts.take(rows),
        )


@dataclass(frozen=True, eq=False)
class Processed:
    """A batch after validation and scoring: what was accepted, and what was not.

    `settings` is the id of the detector settings that made the scores. `rejected` has the
    first rejections of each request; further ones are counted in `unlisted`, by reason. `words`
    are the states that had no code before.
    """

    accepted: Batch
    scores: Scores
    settings: int
    rejected: tuple[Rejection, ...]
    unlisted: Mapping[str, int] = field(default_factory=dict)
    words: tuple[StateWord, ...] = ()

    @property
    def refused(self) -> int:
        """How many readings were rejected."""
        return len(self.rejected) + (sum(self.unlisted.values()) if self.unlisted else 0)

    @property
    def received(self) -> int:
        """How many readings came in: accepted and rejected."""
        return len(self.accepted) + self.refused
