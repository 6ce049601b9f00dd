"""A slow, obvious reference for how a profile combines its detectors: plain loops over plain numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sensormon.detectors import make
from sensormon.detectors.base import TagFacts
from sensormon.model.profiles import STEADY, Condition, Profile, Profiles
from sensormon.model.readings import UNLEARNED, Scores, Withheld
from sensormon.model.tags import Tag

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Row:
    """A reading: the code of its tag, value, whether it may be learned, its quality, time (µs)."""

    tag: int
    value: float
    ok: bool
    good: bool
    time: int


@dataclass(frozen=True)
class Verdict:
    """What the profile says of one reading."""

    flagged: bool = False
    detector: str = ""
    score: float = math.nan
    threshold: float = math.nan
    expected: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    withheld: Withheld = Withheld.NOTHING


def withheld(rows: Sequence[Row], tags: Sequence[Tag], profiles: Profiles) -> list[Withheld]:
    """For each reading what its condition says, by walking back through all that came before."""
    return [_withheld(rows[: place + 1], tags, profiles) for place in range(len(rows))]


def _withheld(rows: Sequence[Row], tags: Sequence[Tag], profiles: Profiles) -> Withheld:
    condition = profiles.of(tags[rows[-1].tag]).condition
    if condition is None:
        return Withheld.NOTHING
    if condition.comparison == STEADY:
        changed = _changed(rows, tags, condition)
        if changed is None:
            return Withheld.CONDITION
        return Withheld.CHANGE if rows[-1].time - changed < condition.settle * 1e6 else Withheld.NOTHING
    since = _since(rows, tags, condition)
    if since is None:
        return Withheld.CONDITION
    return Withheld.SETTLING if rows[-1].time - since < condition.settle * 1e6 else Withheld.NOTHING


def _since(rows: Sequence[Row], tags: Sequence[Tag], condition: Condition) -> int | None:
    """The time of the first reading of the last stretch in which the condition is met; None if it is not."""
    since = None
    for row in reversed(rows):
        if tags[row.tag].name != condition.tag or not row.good or not math.isfinite(row.value):
            continue
        if not _COMPARE[condition.comparison](row.value, condition.value):
            break
        since = row.time
    return since


def _changed(rows: Sequence[Row], tags: Sequence[Tag], condition: Condition) -> int | None:
    """When the tag of a steady condition last left where it was; None before its first reading."""
    held = changed = None
    for row in rows:
        if tags[row.tag].name != condition.tag or not row.good or not math.isfinite(row.value):
            continue
        if held is None or not abs(row.value - held) <= condition.value:
            held, changed = row.value, row.time
    return changed


def judged_alone(
    rows: Sequence[Row], tags: Sequence[Tag], profiles: Profiles
) -> dict[tuple[int, str], tuple[list[int], Scores]]:
    """For each tag and each detector of its profile: its readings, and that detector run on them alone."""
    holds = withheld(rows, tags, profiles)
    alone = {}
    for code, tag in enumerate(tags):
        places = [place for place, row in enumerate(rows) if row.tag == code]
        for choice in profiles.of(tag).detectors:
            state = make(choice.detector, **choice.params).start(TagFacts.of_tags([tag]))
            scores = state.run(
                np.zeros(len(places), np.int32),
                np.array([rows[place].value for place in places], dtype=np.float64),
                np.array(
                    [rows[place].ok and holds[place] not in UNLEARNED for place in places], dtype=np.bool_
                ),
                np.array([rows[place].time for place in places], dtype=np.int64),
            )
            alone[code, choice.detector] = (places, scores)
    return alone


def verdicts(rows: Sequence[Row], tags: Sequence[Tag], profiles: Profiles) -> list[Verdict]:
    """What the profiles say of these readings."""
    holds = withheld(rows, tags, profiles)
    alone = judged_alone(rows, tags, profiles)
    result = [Verdict(withheld=hold) for hold in holds]
    for code, tag in enumerate(tags):
        profile = profiles.of(tag)
        firing: int | None = None
        places = [place for place, row in enumerate(rows) if row.tag == code]
        for own, place in enumerate(places):
            if holds[place]:
                firing = None
            if holds[place] in UNLEARNED:
                continue
            scores = {name: alone[code, name][1] for name in (c.detector for c in profile.detectors)}
            speaker = _speaker(profile, scores, own)
            if speaker is None:
                continue
            fires = bool(scores[speaker].is_anomaly[own])
            if not fires or holds[place]:
                firing = None
            elif firing is None:
                firing = rows[place].time
            flagged = firing is not None and rows[place].time - firing >= profile.on_delay * 1e6
            shown = scores[speaker if flagged else _drawn(profile, scores, own)]
            result[place] = Verdict(
                flagged,
                speaker,
                float(scores[speaker].score[own]),
                make(speaker, **_params(profile, speaker)).threshold,
                float(shown.expected[own]),
                float(shown.lower[own]),
                float(shown.upper[own]),
                holds[place] or (Withheld.ON_DELAY if fires and not flagged else Withheld.NOTHING),
            )
    return result


def _speaker(profile: Profile, scores: Mapping[str, Scores], own: int) -> str | None:
    """The detector with the largest multiple of its threshold, among those that fired if any did."""
    ratios = {
        choice.detector: float(scores[choice.detector].score[own])
        / make(choice.detector, **choice.params).threshold
        for choice in profile.detectors
    }
    judging = [name for name, ratio in ratios.items() if not math.isnan(ratio)]
    fired = [name for name in judging if scores[name].is_anomaly[own]]
    return max(fired or judging, key=lambda name: ratios[name], default=None)


def _drawn(profile: Profile, scores: Mapping[str, Scores], own: int) -> str:
    """The detector whose band a chart draws: `recommended`, else the first that has one."""
    names = sorted((choice.detector for choice in profile.detectors), key=lambda name: name != "recommended")
    return next((name for name in names if math.isfinite(scores[name].expected[own])), names[-1])


def _params(profile: Profile, detector: str) -> Mapping[str, float]:
    choice = profile.choice(detector)
    assert choice is not None
    return choice.params
