"""Why a reading was flagged or not: all texts on it, from a full sentence to a few words.

Pure: the input is a reading as stored, the tag and the detector settings that judged it. The
sentence itself is the detector's (`Detector.sentence`); this module has the parts common to all
detectors, and the texts for cards, tables and chart hovers.
What it is not: a second judgement; it uses only what the detector stored with the reading
(score, expected, lower, upper, n).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sensormon.analysis.masking import Masking
from sensormon.analysis.versions import Versions, drawn
from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import Detector
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude
from sensormon.detectors.kernel import HIGHEST
from sensormon.model.entries import DetectorSettings
from sensormon.model.format import counted
from sensormon.model.profiles import Profile
from sensormon.model.readings import Bools, OwnScore, Quality, Withheld
from sensormon.model.tags import Tag
from sensormon.view.detectors import detector_words
from sensormon.view.phrases import Phrase

_HELD_BACK = (Withheld.ON_DELAY, Withheld.CHANGE)
NOTHING_SAID: Mapping[str, OwnScore] = MappingProxyType({})
_QUALITIES = {
    int(Quality.UNCERTAIN_SENSOR_NOT_ACCURATE): "sensor not accurate",
    int(Quality.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED): "engineering units exceeded",
    int(Quality.BAD_NO_COMMUNICATION): "no communication",
    int(Quality.BAD_SENSOR_FAILURE): "sensor failure",
}


@dataclass(frozen=True)
class Explanation:
    """The sentence, the deciding numbers, and the name of the score.

    `sentence` is of the detector that spoke, `others` are those of the profile's other detectors.
    `sigma` is the standard deviation that the detector held the reading against, in the
    tag's unit; NaN if the stored band does not show it. `needed` readings are learned
    before the first is judged.
    """

    sentence: str
    rule: Rule
    detector: str
    params: Mapping[str, float]
    score_name: str
    threshold: float
    sigma: float
    needed: int
    others: tuple[str, ...] = ()


class Scale(NamedTuple):
    """The name of a score and the threshold it is compared with, NaN if that is unknown.

    `from_band` says that a chart reads the limit off a reading's band: `Detector.limit_from_band`.
    """

    name: str
    threshold: float
    from_band: bool

    @classmethod
    def of(cls, detector: Detector) -> Scale:
        """The scale of this detector's scores."""
        return cls(_score_word(type(detector)), detector.threshold, detector.limit_from_band)

    @property
    def drawn_limit(self) -> float | None:
        """The threshold that a chart states; None if it reads the limit off each reading's band."""
        return None if self.from_band or not math.isfinite(self.threshold) else self.threshold


UNKNOWN_SCALE = Scale("score", math.nan, from_band=False)
"""The scale of scores by unknown settings."""


def _score_word(kind: type[Detector]) -> str:
    return kind.title.lower() if kind.score_name == UNKNOWN_SCALE.name else kind.score_name


def score_word(detector: str) -> str:
    """What the scores of this detector are called; "score" alone if it is unknown.

    >>> score_word("zscore"), score_word("recommended"), score_word("")
    ('z', 'recommended', 'score')
    """
    return _score_word(PER_TAG[detector]) if detector in PER_TAG else UNKNOWN_SCALE.name


class Scales:
    """The scale of each reading's score, by the detector that spoke, and whose band a reading has."""

    def __init__(self, settings: Mapping[int, DetectorSettings]) -> None:
        self._versions = Versions(settings)

    def of_each(self, rows: pd.DataFrame) -> list[Scale]:
        """The scale of each of these readings."""
        return self._versions.of_each(rows, self.of)

    def of(self, number: int, profile: str, detector: str) -> Scale:
        """The scale of this detector in this profile of this version."""
        known = self._versions.detector(number, profile, detector)
        return Scale.of(known) if known else UNKNOWN_SCALE

    def speakers(self, rows: pd.DataFrame) -> list[str]:
        """The name of the detector that spoke on each of these readings; empty if none did."""
        return self._versions.of_each(rows, lambda _, __, speaker: speaker)

    def off_band(self, rows: pd.DataFrame) -> Bools:
        """Whether each is a flagged reading with another detector's band than the one a chart draws."""
        flagged: Bools = rows["is_anomaly"].to_numpy(dtype=bool).copy()
        if flagged.any():
            drawn = self._versions.of_each(rows[flagged], self._versions.is_drawn)
            flagged[flagged] = ~np.array(drawn, dtype=np.bool_)
        return flagged


def explain(
    tag: Tag, reading: Judged, settings: DetectorSettings, own: Mapping[str, OwnScore] = NOTHING_SAID
) -> Explanation:
    """Why this reading was or was not flagged by these settings, which judged it.

    `own` has what each detector of its profile said, by its name.
    Raises UsageError if the settings name a detector that does not exist.
    """
    profile = settings.in_use.by_name.get(reading.profile, settings.in_use.default)
    detectors = {choice.detector: make(choice.detector, **choice.params) for choice in profile.detectors}
    by_detector = {name: as_judged_by(reading, said) for name, said in own.items()}
    speaks = reading.detector if reading.detector in detectors else profile.detectors[0].detector
    choice, detector = profile.choice(speaks), detectors[speaks]
    heard: Judged = by_detector.get(speaks, reading)
    if heard is reading and not reading.is_anomaly and speaks != drawn(profile):
        heard = replace(reading, expected=math.nan)  # the band is another detector's
    rule, sentence = _unjudged(reading, profile, detectors) or _said(tag, heard, detector)
    if reading.withheld == Withheld.CHANGE and profile.condition is not None:
        rule, sentence = (
            Rule.SETTLING,
            f"{sentence.removesuffix(': not flagged')}: not flagged, {profile.condition}",
        )
    if reading.withheld == Withheld.ON_DELAY:
        rule = Rule.ON_DELAY
        _, sentence = _said(tag, replace(heard, is_anomaly=True), detector)
        sentence += (
            f": not flagged, on-delay not over: flagged once it has gone on for {profile.on_delay:g} s"
        )
    named = f"{detector.title}: {sentence}" if math.isfinite(reading.score) else sentence
    spoken = math.isfinite(reading.score)
    return Explanation(
        sentence=f"{named[:1].upper()}{named[1:]}.",
        rule=rule,
        detector=speaks,
        params=choice.params if choice else {},
        score_name=detector.score_name,
        threshold=reading.threshold if math.isfinite(reading.threshold) else detector.threshold,
        sigma=detector.sigma(heard, tag) if math.isfinite(heard.expected) else math.nan,
        needed=detector.needed,
        others=tuple(
            _other(tag, reading, by_detector.get(name), other)
            for name, other in detectors.items()
            if spoken and name != speaks
        ),
    )


def as_judged_by(reading: Judged, own: OwnScore) -> Judged:
    """The reading with the numbers of one of its detectors."""
    return replace(reading, score=own.score, expected=own.expected, lower=own.lower, upper=own.upper)


def _said(tag: Tag, reading: Judged, detector: Detector) -> Sentence:
    """The detector's own sentence; its numbers alone if its band is not known."""
    if math.isfinite(reading.expected):
        return detector.sentence(reading, tag)
    return conclude(reading, detector.numbers(reading))


def _other(tag: Tag, reading: Judged, own: Judged | None, detector: Detector) -> str:
    """What a detector that did not speak has to say of the reading."""
    if own is None or not math.isfinite(own.score):
        if reading.n < detector.needed:
            return f"{detector.title}: {_warm_up(reading, detector.needed)}."
        return f"{detector.title}: nothing to judge the reading by."
    fired = (reading.is_anomaly or reading.withheld in _HELD_BACK) and own.score > detector.threshold
    _, sentence = _said(tag, replace(own, is_anomaly=fired), detector)
    return f"{detector.title}: {sentence}."


def _unjudged(reading: Judged, profile: Profile, detectors: Mapping[str, Detector]) -> Sentence | None:
    """Why no detector judged this reading; None if one did."""
    if reading.quality >> 30:
        words = quality_words(reading.quality)
        return Rule.QUALITY, f"not judged and not learned: its quality is {words}"
    if (unlearned := _unlearned(reading.withheld, profile)) is not None:
        return unlearned
    if reading.is_anomaly or math.isfinite(reading.score):
        return None
    needed = min(detector.needed for detector in detectors.values())
    if reading.n < needed:
        return Rule.WARM_UP, _warm_up(reading, needed)
    words = " and ".join(detector_words(choice.detector, choice.params) for choice in profile.detectors)
    return Rule.NO_BASIS, (
        f"not judged: {words} had nothing to judge it by, "
        "as after a new level or for a reading that is not later than the one before"
    )


def _unlearned(withheld: int, profile: Profile) -> Sentence | None:
    """Why a good reading was not learned either; None if it was."""
    if withheld == Withheld.LATE:
        return Rule.LATE, "not judged and not learned: it came after later readings of its tag"
    if (condition := profile.condition) is not None:
        if withheld == Withheld.CONDITION:
            return Rule.CONDITION, f"not judged and not learned: {condition}"
        if withheld == Withheld.SETTLING:
            return Rule.SETTLING, f"not judged and not learned, still settling: {condition}"
    return None


def _warm_up(reading: Judged, needed: int) -> str:
    return f"not judged: warm-up, {reading.n:,} of the {needed:,} readings needed were learned"


def masking_words(masking: Masking, tag: Tag, score: float, threshold: float) -> str:
    """What masked a reading in the window of the rolling z-score, with the numbers."""
    digits = tag.decimals + 2
    wide, narrow = (f"{sigma:,.{digits}f} {tag.unit}".rstrip() for sigma in (masking.sigma, masking.calm))
    would = "beyond any number" if math.isinf(masking.score) else f"{masking.score:,.1f}"
    return (
        f"Masked: σ is inflated by {counted(masking.spikes, 'spike')} in the window of {masking.window:,} "
        f"readings, {wide} instead of {narrow}. Without them z would be {would} instead of {score:,.1f}, "
        f"above the threshold of {threshold:.1f}."
    )


def quality_words(quality: int) -> str:
    """An OPC UA status code in words: "good", "bad: sensor failure"."""
    verdict = ("good", "uncertain", "bad", "bad")[quality >> 30]
    name = _QUALITIES.get(quality & 0xFFFF_0000, "")
    return f"{verdict}: {name}" if name else verdict


_WITHHELD = {
    Withheld.CONDITION: "not judged, condition not met",
    Withheld.SETTLING: "not judged, still settling",
    Withheld.CHANGE: "not flagged, shortly after a change",
    Withheld.LATE: "not judged, came late",
}


def verdict(
    value: float,
    expected: float,
    score: float,
    flagged: bool,
    quality: int,
    name: str = "z",
    withheld: int = Withheld.NOTHING,
) -> Phrase:
    """The text of a card on a reading; `name` is that of its score."""
    if quality >> 30:
        return Phrase("bad quality, not judged" if quality >> 31 else "uncertain quality, not judged")
    if withheld in _WITHHELD:
        return Phrase(_WITHHELD[Withheld(withheld)])
    if withheld == Withheld.ON_DELAY:
        return Phrase(f"{name} {score:,.1f}, within the on-delay")
    if not math.isfinite(score):
        return Phrase("not judged yet, still learning")
    if not flagged or not math.isfinite(expected):  # a model of several tags expects no value
        return Phrase(f"{name} {score:.1f}", flagged)
    side = _side(value, expected)
    return Phrase(f"{side} expected, {name} {score:,.1f}" if score < HIGHEST else f"{side} a flat line", True)


def held_back(value: float, expected: float, score: float, name: str, lasted: str) -> Phrase:
    """The text of a card on a reading within the on-delay, of which `lasted` is over: "4 s of 10 s"."""
    side = f"{_side(value, expected)} expected" if math.isfinite(expected) else "abnormal"
    return Phrase(f"{side} for {lasted}, {name} {score:,.1f}")


def why_short(
    tag: Tag,
    value: float,
    expected: float,
    upper: float,
    score: float,
    name: str = "z",
    threshold: float = math.nan,
) -> str:
    """Why a reading was flagged, beside columns with the value, the expected one and the score.

    `name` is that of the score. Its limit is `threshold`, or by default read off the band. Of a score that
    expects no value, only the score is stated.
    """
    if not math.isfinite(expected):
        return f"{name} {score:.1f}"
    if not math.isfinite(threshold):
        threshold = limit(value, expected, upper, score)
    elif score >= HIGHEST:
        threshold = math.nan
    off = f"{tag.render(abs(value - expected))} {_side(value, expected)}"
    return f"{off}, limit {name} {threshold:.1f}" if math.isfinite(threshold) else f"{off} a flat line"


def why_on_hover(value: float, expected: float, upper: float, score: float, threshold: float | None) -> str:
    """Why a reading was flagged, after its score on a chart: ", above 3.0".

    Without a threshold the limit is read off the band.
    """
    if threshold is not None:
        return f", above {threshold:g}"
    shown = limit(value, expected, upper, score)
    return f", above {shown:.1f}" if math.isfinite(shown) else f", {_side(value, expected)} a flat line"


def value_beside_expected(tag: Tag, value: float, expected: float, upper: float) -> str:
    """A value, and what was expected, if anything was: "7.51 pH, expected 7.09 ± 0.14 pH", "2.3 × limit"."""
    shown = tag.render(value)
    return f"{shown}, expected {tag.render_band(expected, upper)}" if math.isfinite(expected) else shown


def why_at_peak(name: str, score: float, threshold: float) -> str:
    """The score that flagged the peak of an event: "z 5.2 > 3.0"; without a threshold, "z 5.2"."""
    if score >= HIGHEST:
        return "off a flat line"
    return f"{name} {score:,.1f} > {threshold:.1f}" if threshold else f"{name} {score:,.1f}"


def peak_words(tag: Tag, row: Mapping[Hashable, Any], scales: Scales) -> str:
    """The peak of an event of this tag, and its score: "7.51 pH, expected 7.09 ± 0.14 pH (z 5.2 > 3.0)"."""
    scale = scales.of(int(row["settings"]), row["profile"], row["detector"])
    value = value_beside_expected(tag, row["value"], row["expected"], row["upper"])
    return f"{value} ({why_at_peak(scale.name, row['score'], row['threshold'])})"


def _side(value: float, expected: float) -> str:
    return "above" if value > expected else "below"


def limit(value: float, expected: float, upper: float, score: float) -> float:
    """The score above which this reading would have been flagged, whatever the settings were.

    NaN for a step off a flat line, which has no such number.
    """
    off, margin = abs(value - expected), upper - expected
    return score * margin / off if off > 0 and margin > 0 and score < HIGHEST else math.nan
