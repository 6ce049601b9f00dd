"""The state of all tags under their profiles: every detector of a tag judges each of its readings.

It is used like the state of one detector (`sensormon.detectors.base.State`), by the live pipeline and
over history alike, and gives both the same bits. Each detector learns by itself, as if it were alone.

What one reading goes through: the condition of its tag's profile decides whether it is judged and
learned at all; each detector scores it; the one whose score is the largest multiple of its threshold
speaks; if any fired, the on-delay decides whether the reading is flagged.

A condition looks at the last good reading of its tag in order of arrival; a reading of that tag itself
is held against its own value. Readings from before the moment since which it is met count as settling.
Where the condition is not met nothing fires, so an on-delay begins again afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sensormon.detectors import make
from sensormon.detectors.base import UNSET, Detector, State, TagFacts
from sensormon.detectors.conditions import NEVER, Conditions
from sensormon.detectors.kernel import EXPECTED, LOWER, SCORE, UPPER, column
from sensormon.detectors.limits import Limits
from sensormon.detectors.profile_kernels import combine, decide
from sensormon.detectors.row_state import check_code, check_rows, check_vector
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Choice, Profile, Profiles
from sensormon.model.readings import UNLEARNED, Bools, Floats, Ints, Scores, Verdicts, Withheld
from sensormon.model.tags import Tag

MOST_BYTES = 65_536
"""What a profile may remember of a tag."""
DRAWN = "recommended"
"""The detector whose band charts draw, if a profile has it; otherwise its first with a band."""

_OWN = 3  # places of a tag's vector that are the profile's own: since when it fires, and its condition's two


def detectors_of(profile: Profile) -> dict[str, Detector]:
    """The profile's detectors by name, in its order. Raises UsageError for one that cannot be made."""
    return {choice.detector: make(choice.detector, **choice.params) for choice in profile.detectors}


def check(profiles: Profiles, tags: Sequence[Tag]) -> None:
    """Raise UsageError unless every profile can judge.

    Its detectors exist and remember little enough, its limits are in order, and its condition compares a tag
    of numbers with a number, or one of states with a word.
    """
    for profile in profiles.profiles:
        detectors = detectors_of(profile)
        _check_limits(profile, detectors.get("limits"))
        if profile.condition is not None:
            tag = next((tag for tag in tags if tag.name == profile.condition.tag), None)
            if tag is None or tag.has_states != bool(profile.condition.word):
                wrong = "has states" if tag and tag.has_states else "has no states"
                raise UsageError(
                    f"the condition of profile {profile.name!r} needs the tag {profile.condition.tag!r}, "
                    f"which {'does not exist' if tag is None else wrong}",
                    where="profiles",
                    hint="Compare a numeric tag with a number, a tag of states with one of its words",
                )
        size = memory(detectors.values())
        if size > MOST_BYTES:
            raise UsageError(
                f"profile {profile.name!r} would remember {size:,} bytes of each tag",
                where="profiles",
                hint=f"{MOST_BYTES:,} are allowed: use shorter windows or fewer detectors",
            )


def _check_limits(profile: Profile, limits: Detector | None) -> None:
    if not isinstance(limits, Limits):
        return
    stated = [(name, getattr(limits, name)) for name in ("low_low", "low", "high", "high_high")]
    stated = [(name, value) for name, value in stated if abs(value) < UNSET]
    for (name, value), (above, most) in pairwise(stated):
        if value > most:
            raise UsageError(
                f"the limits of profile {profile.name!r} are not in order: {name} {value:g} is above "
                f"{above} {most:g}",
                where="profiles",
                hint="Order them LL, L, H, HH from below",
            )


def memory(detectors: Iterable[Detector]) -> int:
    """How many bytes these detectors together remember of one tag."""
    return 8 * (_OWN + sum(len(detector.start(np.zeros(1)).save(0)) for detector in detectors))


@dataclass(eq=False)
class _Engine:
    """One detector with its state over the tags that use it; `local` has each tag's code there, or -1."""

    choice: Choice
    place: int  # in the names of all detectors
    state: State
    local: NDArray[np.int32]
    everywhere: bool  # every tag uses it


class ProfileState:
    """See the module."""

    def __init__(self, profiles: Profiles, tags: Sequence[Tag]) -> None:
        facts = TagFacts.of_tags(tags)
        own = [profiles.of(tag) for tag in tags]
        used = tuple({profile.name: profile for profile in [profiles.default, *own]}.values())
        self._profiles = tuple(profile.name for profile in used)
        places = {name: place for place, name in enumerate(self._profiles)}
        self._profile = np.array([places[profile.name] for profile in own], dtype=np.uint8)
        choices = [choice for profile in used for choice in profile.detectors]
        self._names = tuple(dict.fromkeys(choice.detector for choice in choices))
        self._engines = _engines(used, self._profile, facts, self._names)
        self._complete = [engine.place for engine in self._engines if engine.everywhere] == [
            *range(len(self._names))
        ]
        codes = range(len(tags))
        self._of_tag = [[engine for engine in self._engines if engine.local[code] >= 0] for code in codes]
        self._threshold = np.full((len(used), len(self._names)), np.nan)
        self._drawn = np.zeros((len(used), len(self._names)), dtype=np.int64)
        for row, profile in enumerate(used):
            banded = []
            for name, detector in detectors_of(profile).items():
                self._threshold[row, self._names.index(name)] = detector.threshold
                banded.append(self._names.index(name))
            banded.sort(key=lambda place: self._names[place] != DRAWN)
            self._drawn[row] = (banded + [banded[0]] * len(self._names))[: len(self._names)]
        self._on_delay = np.array([round(profile.on_delay * 1e6) for profile in own], dtype=np.int64)
        self._firing = np.full(len(tags), NEVER, dtype=np.int64)  # since when, µs
        self._conditions = Conditions.of(own, tags)
        self.lead = max((engine.state.lead for engine in self._engines), default=0)
        self.recursive = any(engine.state.recursive for engine in self._engines)

    def run(
        self,
        tag: NDArray[np.int32],
        value: Floats,
        ok: Bools,
        time: Ints,
        good: Bools | None = None,
        late: Bools | None = None,
    ) -> Scores:
        """Score, then learn, one reading after the other.

        Readings that are not finite or not `ok` are neither scored nor learned. `good` are those that
        conditions may look at, by default the `ok` ones: a tag of states is good, but never `ok`.
        Those that are `late` are neither scored nor learned; conditions look at them all the same.
        """
        check_rows(len(self._profile), tag, value, ok, time)
        withheld = self._conditions.withheld(tag, value, ok if good is None else good, time)
        if late is not None and late.any():
            withheld = np.where(late, np.uint8(Withheld.LATE), withheld)
        judged = ok & ~np.isin(withheld, UNLEARNED) if withheld.any() else ok
        if self._complete and len(self._engines) == 1:
            return self._alone(tag, value, judged, time, withheld)
        rows, kinds = len(value), len(self._names)
        # Where each detector judges every tag, all of it is written below.
        own = np.empty((rows, kinds, 4)) if self._complete else np.full((rows, kinds, 4), np.nan)
        fired = np.zeros((rows, kinds), dtype=np.bool_)
        n = np.zeros(rows, dtype=np.int64)
        for engine in self._engines:
            if engine.everywhere:  # under the same codes
                _note(engine.state.run(tag, value, judged, time), slice(None), engine.place, n, own, fired)
                continue
            codes = engine.local[tag]
            here = np.flatnonzero(codes >= 0)
            if len(here):
                scores = engine.state.run(codes[here], value[here], judged[here], time[here])
                _note(scores, here, engine.place, n, own, fired)
        return self._combined(tag, time, judged, withheld, n, own, fired, self._firing)

    def peek(self, tag: int, value: float, time: int) -> Scores:
        """The one-row scores this value would get at this time if it were judged; nothing is learned."""
        check_code(len(self._profile), tag)
        own = np.full((1, len(self._names), 4), np.nan)
        fired = np.zeros((1, len(self._names)), dtype=np.bool_)
        n = np.zeros(1, dtype=np.int64)
        for engine in self._of_tag[tag]:
            scores = engine.state.peek(int(engine.local[tag]), value, time)
            _note(scores, slice(None), engine.place, n, own, fired)
        codes, judged = np.array([tag], dtype=np.int32), np.ones(1, dtype=np.bool_)
        nothing = np.zeros(1, dtype=np.uint8)
        times = np.array([time], dtype=np.int64)
        return self._combined(codes, times, judged, nothing, n, own, fired, self._firing.copy())

    def restore(self, tag: int, n: int, values: Floats, times: Ints) -> int:
        """Continue as if `n` values of this tag had been learned, the last of them `values`.

        Returns how many it takes as learned: fewer if the values are too few for each of its detectors.
        """
        self._firing[tag] = NEVER
        return max(_restore(engine, tag, n, values, times) for engine in self._of_tag[tag])

    def adopt(self, tag: int, other: ProfileState, code: int, n: int, values: Floats, times: Ints) -> int:
        """Continue from what `other` remembers of its tag `code`, after `n` learned readings.

        Detectors that both have with the same parameters go on to the last bit; the others are restored.
        A condition that `other` had as well, of whichever tag, stays met since when it was.
        Returns how many readings it takes as learned, like `restore`.
        """
        theirs = {engine.choice: engine for engine in other._of_tag[code]}
        taken = 0
        for engine in self._of_tag[tag]:
            if (same := theirs.get(engine.choice)) is not None:
                engine.state.load(int(engine.local[tag]), same.state.save(int(same.local[code])))
                taken = n
            else:
                taken = max(taken, _restore(engine, tag, n, values, times))
        self._firing[tag] = other._firing[code] if self._on_delay[tag] == other._on_delay[code] else NEVER
        self._conditions.adopt(other._conditions)
        return taken

    def adopt_conditions(self, other: ProfileState) -> None:
        """Conditions that `other` has too are met since then; new ones once their tag has had a reading."""
        self._conditions.adopt(other._conditions)

    def profile_of(self, tag: int) -> str:
        """The name of the tag's profile."""
        check_code(len(self._profile), tag)
        return self._profiles[int(self._profile[tag])]

    def learn(self, tag: int, values: Floats, times: Ints) -> None:
        """Learn these readings of one tag, which no condition withheld, without saying anything of them."""
        rows = len(values)
        own = np.full((rows, len(self._names), 4), np.nan)
        fired = np.zeros((rows, len(self._names)), dtype=np.bool_)
        n, all_of_them = np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=np.bool_)
        for engine in self._of_tag[tag]:
            codes = np.full(rows, engine.local[tag], dtype=np.int32)
            scores = engine.state.run(codes, values, all_of_them, times)
            _note(scores, slice(None), engine.place, n, own, fired)
        codes, nothing = np.full(rows, tag, dtype=np.int32), np.zeros(rows, dtype=np.uint8)
        self._combined(codes, times, all_of_them, nothing, n, own, fired, self._firing)

    def recall(self, tag: int, values: Floats, times: Ints) -> None:
        """Since when conditions that look at this tag are met, from its last good readings, oldest first.

        If all of them meet a condition, it goes on since `load` said it did, else since the first of them.
        """
        self._conditions.recall(tag, values, times)

    def moments(self) -> tuple[Ints, Ints]:
        """Since when (µs) each tag fires and each condition is met, to return to with `go_back`."""
        return self._firing.copy(), self._conditions.moments()

    def go_back(self, moments: tuple[Ints, Ints]) -> None:
        """Return to what `moments` gave; what the detectors learned since stays."""
        self._firing, since = moments[0].copy(), moments[1]
        self._conditions.go_back(since)

    def save(self, tag: int) -> Floats:
        """All that is remembered of this tag, as a vector of its own."""
        check_code(len(self._profile), tag)
        own = np.array([self._firing[tag], *self._conditions.of_tag(tag)], dtype=np.int64).view(np.float64)
        parts = [engine.state.save(int(engine.local[tag])) for engine in self._of_tag[tag]]
        return np.concatenate([own, *parts], dtype=np.float64)

    def load(self, tag: int, vector: Floats) -> None:
        """Go on, to the last bit, from what `save` gave under the same profile."""
        check_code(len(self._profile), tag)
        sizes = [len(engine.state.save(int(engine.local[tag]))) for engine in self._of_tag[tag]]
        check_vector(_OWN + sum(sizes), vector)
        firing, *condition = np.ascontiguousarray(vector[:_OWN]).view(np.int64)
        self._firing[tag] = firing
        self._conditions.restore(tag, np.array(condition, dtype=np.int64))
        start = _OWN
        for engine, size in zip(self._of_tag[tag], sizes, strict=True):
            engine.state.load(int(engine.local[tag]), vector[start : start + size])
            start += size

    def _alone(
        self,
        tag: NDArray[np.int32],
        value: Floats,
        judged: Bools,
        time: Ints,
        withheld: NDArray[np.uint8],
    ) -> Scores:
        """What `_combined` gives where one detector judges all tags: its columns, without copies of them."""
        (engine,) = self._engines
        scores = engine.state.run(tag, value, judged, time)
        own = np.stack((scores.score, scores.expected, scores.lower, scores.upper))  # as SCORE … UPPER are
        rows = len(tag)
        profile = self._profile[tag] if len(self._profiles) > 1 else np.zeros(rows, dtype=np.uint8)
        detector, threshold = np.empty(rows, dtype=np.int8), np.empty(rows)
        flagged = np.zeros(rows, dtype=np.bool_)
        decide(
            column(tag, np.int32),
            column(time, np.int64),
            column(judged, np.bool_),
            profile,
            self._threshold,
            self._on_delay,
            scores.is_anomaly,
            self._firing,
            withheld,
            detector,
            threshold,
            scores.score,
            scores.expected,
            scores.lower,
            scores.upper,
            flagged,
        )
        each = own.T[:, np.newaxis]
        verdicts = Verdicts(self._profiles, profile, self._names, detector, threshold, withheld, each)
        return Scores(scores.n, scores.score, scores.expected, scores.lower, scores.upper, flagged, verdicts)

    def _combined(
        self,
        tag: NDArray[np.int32],
        time: Ints,
        judged: Bools,
        withheld: NDArray[np.uint8],
        n: Ints,
        own: Floats,
        fired: Bools,
        firing: Ints,
    ) -> Scores:
        rows = len(tag)
        profile = self._profile[tag]
        detector = np.full(rows, -1, dtype=np.int8)
        main = np.full((4, rows), np.nan)
        threshold = np.full(rows, np.nan)
        flagged = np.zeros(rows, dtype=np.bool_)
        combine(
            column(tag, np.int32),
            column(time, np.int64),
            column(judged, np.bool_),
            profile,
            self._threshold,
            self._drawn,
            self._on_delay,
            own,
            fired,
            firing,
            withheld,
            detector,
            threshold,
            main,
            flagged,
        )
        verdicts = Verdicts(self._profiles, profile, self._names, detector, threshold, withheld, own)
        return Scores(n, main[SCORE], main[EXPECTED], main[LOWER], main[UPPER], flagged, verdicts)


def _engines(
    used: Sequence[Profile], profile: NDArray[np.uint8], facts: TagFacts, names: Sequence[str]
) -> list[_Engine]:
    """One engine for each different detector, in the order of the names; `profile` is that of each tag."""
    users: dict[tuple[str, tuple[tuple[str, float], ...]], list[int]] = {}
    for place, candidate in enumerate(used):
        for choice in candidate.detectors:
            key = (choice.detector, tuple(sorted(_all_params(choice).items())))
            users.setdefault(key, []).append(place)
    engines = []
    for (name, params), places in users.items():
        codes = np.flatnonzero(np.isin(profile, places))
        if not len(codes):
            continue
        local = np.full(len(profile), -1, dtype=np.int32)
        local[codes] = np.arange(len(codes))
        state = make(name, **dict(params)).start(facts.take(codes.tolist()))
        choice = Choice(name, dict(params))
        engines.append(_Engine(choice, names.index(name), state, local, len(codes) == len(profile)))
    return sorted(engines, key=lambda engine: engine.place)


def _restore(engine: _Engine, tag: int, n: int, values: Floats, times: Ints) -> int:
    """Restore one detector's memory of the tag; returns how many readings it takes as learned."""
    engine.state.restore(int(engine.local[tag]), n, values, times)
    return n if len(values) >= min(n, engine.state.lead) else len(values)


def _all_params(choice: Choice) -> dict[str, float]:
    """The parameters of the detector, those with their defaults too."""
    detector = make(choice.detector, **choice.params)
    return {parameter.name: float(getattr(detector, parameter.name)) for parameter in detector.PARAMETERS}


def _note(scores: Scores, rows: slice | Ints, place: int, n: Ints, own: Floats, fired: Bools) -> None:
    """Enter what one detector said. `n` is that of the detector that has learned longest."""
    own[rows, place, SCORE] = scores.score
    own[rows, place, EXPECTED] = scores.expected
    own[rows, place, LOWER] = scores.lower
    own[rows, place, UPPER] = scores.upper
    fired[rows, place] = scores.is_anomaly
    n[rows] = np.maximum(n[rows], scores.n)  # a detector whose memory was lost counts from there on
