"""Why a reading was flagged or not: all texts on it, from a full sentence to a few words.

Pure: the input is a reading as stored, the tag and the detector settings that judged it. The
sentence itself is the detector's (`Detector.sentence`); this module has the parts common to all
detectors, and the texts for cards, tables and chart hovers.
What it is not: a second judgement; it uses only what the detector stored with the reading
(score, expected, lower, upper, n).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import Detector
from sensormon.detectors.judged import Judged, Rule, Sentence
from sensormon.detectors.kernel import HIGHEST
from sensormon.model.entries import DetectorSettings
from sensormon.model.readings import Quality
from sensormon.model.tags import Tag
from sensormon.view.detectors import detector_words
from sensormon.view.phrases import Phrase

_QUALITIES = {
    int(Quality.UNCERTAIN_SENSOR_NOT_ACCURATE): "sensor not accurate",
    int(Quality.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED): "engineering units exceeded",
    int(Quality.BAD_NO_COMMUNICATION): "no communication",
    int(Quality.BAD_SENSOR_FAILURE): "sensor failure",
}


@dataclass(frozen=True)
class Explanation:
    """The sentence, the deciding numbers, and the name of the score.

    `sigma` is the standard deviation that the detector held the reading against, in the
    tag's unit; NaN if the stored band does not show it. `needed` readings are learned
    before the first is judged.
    """

    sentence: str
    rule: Rule
    detector: str
    score_name: str
    threshold: float
    sigma: float
    needed: int


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
        return cls(detector.score_name, detector.threshold, detector.limit_from_band)

    @property
    def drawn_limit(self) -> float | None:
        """The threshold that a chart states; None if it reads the limit off each reading's band."""
        return None if self.from_band or not math.isfinite(self.threshold) else self.threshold


UNKNOWN_SCALE = Scale("score", math.nan, from_band=False)
"""The scale of scores by mixed or unknown settings."""


def explain(tag: Tag, reading: Judged, settings: DetectorSettings) -> Explanation:
    """Why this reading was or was not flagged by these settings, which judged it.

    Raises UsageError if the settings name a detector that does not exist.
    """
    detector = make(settings.detector, **settings.params)
    rule, sentence = _unjudged(reading, detector, settings) or detector.sentence(reading, tag)
    return Explanation(
        sentence=f"{sentence[:1].upper()}{sentence[1:]}.",
        rule=rule,
        detector=settings.detector,
        score_name=detector.score_name,
        threshold=detector.threshold,
        sigma=detector.sigma(reading, tag) if math.isfinite(reading.expected) else math.nan,
        needed=detector.needed,
    )


def _unjudged(reading: Judged, detector: Detector, settings: DetectorSettings) -> Sentence | None:
    """Why the detector did not judge this reading; None if it did."""
    if reading.quality >> 30:
        words = quality_words(reading.quality)
        return Rule.QUALITY, f"not judged and not learned: its quality is {words}"
    if reading.is_anomaly or math.isfinite(reading.score):
        return None
    if reading.n < detector.needed:
        return Rule.WARM_UP, (
            f"not judged: warm-up, {reading.n:,} of the {detector.needed:,} readings needed were learned"
        )
    return Rule.NO_BASIS, (
        f"not judged: {detector_words(settings.detector, settings.params)} had nothing to judge it by, "
        "as after a new level or for a reading that is not later than the one before"
    )


def score_names(settings: Mapping[int, DetectorSettings]) -> dict[int, Scale]:
    """By the id of settings, the scale of their scores."""
    return {
        number: Scale.of(make(entry.detector, **entry.params))
        for number, entry in settings.items()
        if entry.detector in PER_TAG
    }


def score_of(ids: Iterable[int], scales: Mapping[int, Scale]) -> tuple[str, float | None]:
    """How a chart labels the scores of readings with these settings: name and `Scale.drawn_limit`.

    If the settings differ or are unknown it is just a score.
    """
    distinct = set(ids)
    scale = scales.get(int(distinct.pop()), UNKNOWN_SCALE) if len(distinct) == 1 else UNKNOWN_SCALE
    return scale.name, scale.drawn_limit


def quality_words(quality: int) -> str:
    """An OPC UA status code in words: "good", "bad: sensor failure"."""
    verdict = ("good", "uncertain", "bad", "bad")[quality >> 30]
    name = _QUALITIES.get(quality & 0xFFFF_0000, "")
    return f"{verdict}: {name}" if name else verdict


def verdict(
    value: float, expected: float, score: float, flagged: bool, quality: int, name: str = "z"
) -> Phrase:
    """The text of a card on a reading; `name` is that of its score."""
    if quality >> 30:
        return Phrase("bad quality, not judged" if quality >> 31 else "uncertain quality, not judged")
    if not math.isfinite(expected):
        return Phrase("not judged yet, still learning")
    if not flagged:
        return Phrase(f"{name} {score:.1f}")
    side = _side(value, expected)
    return Phrase(f"{side} expected, {name} {score:,.1f}" if score < HIGHEST else f"{side} a flat line", True)


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

    `name` is that of the score. Its limit is `threshold`, or by default read off the band.
    """
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


def why_at_peak(name: str, score: float, threshold: float) -> str:
    """The score that flagged the peak of an event: "z 5.2 > 3.0"; without a threshold, "z 5.2"."""
    if score >= HIGHEST:
        return "off a flat line"
    return f"{name} {score:,.1f} > {threshold:.1f}" if threshold else f"{name} {score:,.1f}"


def _side(value: float, expected: float) -> str:
    return "above" if value > expected else "below"


def limit(value: float, expected: float, upper: float, score: float) -> float:
    """The score above which this reading would have been flagged, whatever the settings were.

    NaN for a step off a flat line, which has no such number.
    """
    off, margin = abs(value - expected), upper - expected
    return score * margin / off if off > 0 and margin > 0 and score < HIGHEST else math.nan
