"""Suggests detectors and parameters that keep the known events and stay under a target rate of events.

The history is cut in two by time. On the first part a small grid is searched: every detector over its
threshold, each at most two windows, then finer steps around the best, then pairs. What is chosen there is
shown with its figures on the first part and on the rest, which nothing was chosen by: if the two differ
much, the choice fits the past alone.

A candidate must keep every event of the first part that somebody confirmed, and every known fault that the
present detectors find. Of those that do and stay under the target, the one that finds the most known faults
is best, then the one with the fewest wrong events, the fewest events, the fewest detectors.

Delays, severity and condition of the profile stay as they are. Pure: no store, no page; time is a function
that is passed in.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from sensormon.analysis.rescoring import History
from sensormon.analysis.suggestion_ground import Flags, Ground
from sensormon.analysis.what_if import Known, thresholds
from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import Detector
from sensormon.detectors.profile_state import MOST_BYTES, memory
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Choice, Profile

FIRST_SHARE = 0.6
"""Which part of the time the choice is made on."""
FEW = 5
"""With fewer known events in the first part nothing is suggested."""
SHOWN = 3
"""The most candidates shown."""
SECONDS = 15.0
"""How long the search goes on; what is left of the grid then is reported."""
_STEPS = 6  # thresholds of each detector in the grid
_REFINED = 4  # detectors around whose best threshold finer steps are tried
_PAIRED = 40  # the most candidates of which pairs are formed

Step = Callable[[str, float, float], None]
"""Reports progress: words, done, whole. May raise to end the search."""


class Verdict(StrEnum):
    """How a search ended."""

    FITS = "fits"
    NOTHING_FITS = "nothing fits"
    TOO_FEW = "too few"


@dataclass(frozen=True)
class Part:
    """A candidate on one part of the history.

    `found` of `known` events, `kept` of those that `must` be kept, `events` in `days` of one tag's readings,
    of which `wrong` are known not to be faults.
    """

    found: int
    known: int
    kept: int
    must: int
    wrong: int
    events: int
    days: float

    @property
    def rate(self) -> float:
        """Events a day and tag; NaN if no time has passed."""
        return self.events / self.days if self.days > 0 else math.nan


@dataclass(frozen=True)
class Candidate:
    """A profile and what it does on both parts."""

    profile: Profile
    first: Part
    rest: Part

    def fits(self, target: float) -> bool:
        """Whether on the first part it keeps what must be kept and stays under the target; 0 is none."""
        return self.first.kept == self.first.must and (not target or self.first.rate <= target)


@dataclass(frozen=True)
class Suggestion:
    """How the search ended.

    `candidates` are the best ones, the best first; if nothing fits, the nearest ones. `now` is the profile
    that it began with. The first part ends at `border` (µs UTC). `searched` of `planned` settings were tried.
    """

    verdict: Verdict
    candidates: tuple[Candidate, ...]
    now: Candidate
    border: int
    target: float
    searched: int
    planned: int
    tags: int


@dataclass(frozen=True, eq=False)
class _Tried:
    choices: tuple[Choice, ...]
    flags: Flags
    part: Part

    def rank(self, target: float) -> tuple[float, ...]:
        """The best ones first."""
        part = self.part
        over = max(0.0, part.rate - target) if target else 0.0
        lost = part.must - part.kept
        missed = part.known - part.found
        # Among those that fit, the first two are 0.
        failures, how_far = float(lost > 0) + float(over > 0), lost + over / (target or 1.0)
        return (failures, how_far, missed, part.wrong, part.events, len(self.choices))


def suggest(
    histories: Sequence[History],
    profile: Profile,
    known: Known,
    step: Step,
    clock: Callable[[], float] = time.monotonic,
) -> Suggestion:
    """Search for detectors that suit these histories, at least one of which has readings.

    `profile` has the target and the delays, and its detectors are what a suggestion is compared with.
    `clock` counts seconds. Raises what `step` raises, and UsageError if there is no history with readings.
    """
    if not any(len(history.rows) for history in histories):
        raise UsageError("there are no readings", where="suggestion", hint="Choose a longer history")
    ground = Ground.of(histories, profile, known, FIRST_SHARE)
    search = _Search(ground, profile, step, clock)
    now = search.present()
    if now.first.known < FEW:
        return search.ended(Verdict.TOO_FEW, now, [])
    search.grid()
    search.refine()
    search.pair()
    best = search.best()
    fitting = [candidate for candidate in best if candidate.fits(profile.target)]
    if fitting:
        return search.ended(Verdict.FITS, now, fitting)
    return search.ended(Verdict.NOTHING_FITS, now, best)


class _Search:
    """What was tried so far."""

    def __init__(self, ground: Ground, profile: Profile, step: Step, clock: Callable[[], float]) -> None:
        self._ground = ground
        self._profile = profile
        self._step = step
        self._clock = clock
        self._until = clock() + SECONDS
        self._grid = grid(profile)
        self._tried: dict[tuple[Choice, ...], _Tried] = {}
        self._singles: dict[tuple[str, tuple[tuple[str, float], ...]], Flags] = {}
        self._searched = 0

    def present(self) -> Candidate:
        """The profile as it is; the events it finds are to be kept."""
        flags = self._union([self._flags(choice) for choice in self._profile.detectors])
        self._ground.must_keep(flags)
        return self._candidate(self._profile.detectors, flags)

    def grid(self) -> None:
        """Try the grid, the detectors' defaults first, until the time is up."""
        for choice in self._grid:
            if self._clock() >= self._until:
                return
            self._try((choice,))

    def refine(self) -> None:
        """Try finer thresholds around the best of a few detectors."""
        singles = [tried for tried in self._ranked() if len(tried.choices) == 1]
        by_detector: dict[str, _Tried] = {}
        for tried in singles:
            by_detector.setdefault(tried.choices[0].detector, tried)
        for tried in list(by_detector.values())[:_REFINED]:
            for choice in _between(tried.choices[0]):
                if self._clock() >= self._until:
                    return
                self._try((choice,))

    def pair(self) -> None:
        """Try two detectors together, of which each finds what the other does not."""
        singles = [tried for tried in self._ranked() if len(tried.choices) == 1][:_PAIRED]
        for left, right in combinations(singles, 2):
            first, second = left.choices[0], right.choices[0]
            if first.detector == second.detector or self._clock() >= self._until:
                continue
            mine, theirs = (self._ground.found_first(tried.flags) for tried in (left, right))
            if not ((mine & ~theirs).any() and (theirs & ~mine).any()):
                continue
            if memory([make(choice.detector, **choice.params) for choice in (first, second)]) <= MOST_BYTES:
                self._note((first, second), self._union([left.flags, right.flags]))

    def best(self) -> list[Candidate]:
        """The best few, each with other detectors."""
        chosen: dict[frozenset[str], _Tried] = {}
        for tried in self._ranked():
            chosen.setdefault(frozenset(choice.detector for choice in tried.choices), tried)
        return [self._candidate(tried.choices, tried.flags) for tried in list(chosen.values())[:SHOWN]]

    def ended(self, verdict: Verdict, now: Candidate, candidates: Sequence[Candidate]) -> Suggestion:
        """The result."""
        return Suggestion(
            verdict=verdict,
            candidates=tuple(candidates),
            now=now,
            border=self._ground.border,
            target=self._profile.target,
            searched=self._searched,
            planned=max(self._searched, len(self._grid)),
            tags=self._ground.tags,
        )

    def _ranked(self) -> list[_Tried]:
        return sorted(self._tried.values(), key=lambda tried: tried.rank(self._profile.target))

    def _try(self, choices: tuple[Choice, ...]) -> None:
        self._step(
            f"{self._searched} of about {len(self._grid)} settings tried", self._searched, len(self._grid) + 1
        )
        self._note(choices, self._union([self._flags(choice) for choice in choices]))

    def _note(self, choices: tuple[Choice, ...], flags: Flags) -> None:
        self._searched += 1
        self._tried[choices] = _Tried(choices, flags, self._part(flags, 0))

    def _flags(self, choice: Choice) -> Flags:
        key = (choice.detector, tuple(sorted(choice.params.items())))
        if key not in self._singles:
            self._singles[key] = self._ground.fired(make(choice.detector, **choice.params))
        return self._singles[key]

    def _union(self, flags: Sequence[Flags]) -> Flags:
        union = flags[0]
        for more in flags[1:]:
            union = np.union1d(union, more)
        return union

    def _candidate(self, choices: tuple[Choice, ...], flags: Flags) -> Candidate:
        profile = replace(self._profile, detectors=choices)
        return Candidate(profile, self._part(flags, 0), self._part(flags, 1))

    def _part(self, flags: Flags, part: int) -> Part:
        return Part(*self._ground.counts(self._ground.delayed(flags), part))


def grid(profile: Profile) -> list[Choice]:
    """The settings that are tried: the profile's own, each detector's defaults, then other thresholds."""
    choices = list(profile.detectors)
    choices += [Choice(name) for name in PER_TAG]
    for name in PER_TAG:
        default = make(name)
        for window in _windows(default):
            for threshold in _swept(default, _STEPS):
                choices.append(Choice(name, {**window, **threshold}))
    unique: dict[tuple[str, tuple[tuple[str, float], ...]], Choice] = {}
    for choice in choices:
        judge = _possible(choice)
        if judge is not None:
            values = tuple((name.name, float(getattr(judge, name.name))) for name in judge.PARAMETERS)
            unique.setdefault((choice.detector, values), choice)
    return list(unique.values())


def _windows(default: Detector) -> list[dict[str, float]]:
    """The default window and one four times as wide, of a detector that has one."""
    for parameter in default.PARAMETERS:
        if parameter.name == "window":
            window = float(default.window) if hasattr(default, "window") else parameter.low
            return [{}, {"window": int(min(parameter.high, 4 * window))}]
    return [{}]


def _swept(default: Detector, count: int) -> list[dict[str, float]]:
    """Values of the detector's threshold around its default, by equal factors; none if it has none."""
    name = default.sensitivity
    if name is None:
        return []
    (parameter,) = [parameter for parameter in default.PARAMETERS if parameter.name == name]
    usual = float(getattr(default, name))
    low, high = max(parameter.low, usual / 3), min(parameter.high, usual * 6)
    narrow = replace(parameter, low=low, high=high)
    return [{name: value} for value in thresholds(narrow, count)]


def _between(choice: Choice) -> list[Choice]:
    """Finer thresholds on both sides of this one."""
    judge = make(choice.detector, **choice.params)
    name = judge.sensitivity
    if name is None:
        return []
    (parameter,) = [parameter for parameter in judge.PARAMETERS if parameter.name == name]
    usual = float(getattr(judge, name))
    narrow = replace(parameter, low=max(parameter.low, usual / 1.5), high=min(parameter.high, usual * 1.5))
    finer = [Choice(choice.detector, {**choice.params, name: value}) for value in thresholds(narrow, 6)]
    return [each for each in finer if each.params[name] != usual and _possible(each) is not None]


def _possible(choice: Choice) -> Detector | None:
    """Its detector; None if the parameters do not go together."""
    try:
        return make(choice.detector, **choice.params)
    except UsageError:
        return None
