"""Why a reading was flagged, or why it was not: one sentence and the numbers behind it.

Pure: a reading as stored, the tag and the detector settings that judged it go in. What the
score of a detector means differs, so each has its own sentence. What it is not: a second
judgement; it reads off what the detector left with the reading (score, expected, lower,
upper, n) and says nothing that this does not show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sensormon.detectors import baseline, gap, hampel, make, recommended, stuck, zscore
from sensormon.detectors.base import HIGHEST, ROUNDING
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.readings import Quality
from sensormon.model.tags import Tag
from sensormon.view.detectors import detector_words
from sensormon.view.phrases import expected_band


class Rule(StrEnum):
    """What decided about a reading."""

    FLAGGED = "flagged"
    QUALITY = "quality"
    WARM_UP = "warm-up"
    NO_BASIS = "nothing to judge by"
    RESOLUTION = "resolution"
    HELD_BACK = "held back"
    BELOW = "below the threshold"


@dataclass(frozen=True)
class Judged:
    """A reading as the store has it; score, expected, lower and upper are NaN where it was not judged."""

    value: float
    quality: int
    n: int
    score: float
    expected: float
    lower: float
    upper: float
    is_anomaly: bool

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Judged:
        """From a row of a frame of readings."""
        score, expected, lower, upper = (float(row[name]) for name in ("score", "expected", "lower", "upper"))
        return cls(
            float(row["value"]),
            int(row["quality"]),
            int(row["n"]),
            score,
            expected,
            lower,
            upper,
            bool(row["is_anomaly"]),
        )


@dataclass(frozen=True)
class Explanation:
    """The sentence, what decided, and what the score is called.

    `sigma` is the standard deviation that the detector held the reading against, in the
    tag's unit; NaN where the stored band does not show it. `needed` readings are learned
    before the first is judged.
    """

    sentence: str
    rule: Rule
    detector: str
    score_name: str
    threshold: float
    sigma: float
    needed: int


@dataclass(frozen=True)
class _Case:
    """What the sentences are made of."""

    tag: Tag
    reading: Judged
    params: Mapping[str, float]
    threshold: float
    name: str  # of the score

    @property
    def where(self) -> str:
        """Where the value lies: "8.91 pH lies 1.89 pH above the expected 7.02 ± 0.36 pH"."""
        return f"{self.off} the expected {expected_band(self.tag, self.reading.expected, self.reading.upper)}"

    @property
    def off(self) -> str:
        one, render = self.reading, self.tag.render
        side = "above" if one.value > one.expected else "below"
        return f"{render(one.value)} lies {render(abs(one.value - one.expected))} {side}"

    @property
    def numbers(self) -> str:
        """Score and threshold: "z 5.2, above 3.0", or "z 2.4, threshold 3.0"."""
        score, threshold = _apart(self.reading.score, self.threshold)
        link = "above" if self.reading.is_anomaly else "threshold"
        return f"{self.name} {score}, {link} {threshold}"

    @property
    def outside(self) -> bool:
        """Whether the value is outside the band it was expected in."""
        return not self.reading.lower <= self.reading.value <= self.reading.upper

    @property
    def step(self) -> float:
        """The largest difference that counts as one step of the sensor, and the rounding of the bounds."""
        size = max(abs(self.reading.expected), abs(self.reading.value))
        return self.tag.resolution * (1 + 1e-9) + 2 * ROUNDING * size


_Words = Callable[[_Case], tuple[Rule, str]]


def explain(tag: Tag, reading: Judged, settings: DetectorSettings) -> Explanation:
    """Why this reading was or was not flagged by these settings, which judged it.

    Raises UsageError where the settings name a detector that does not exist.
    """
    threshold = make(settings.detector, **settings.params).threshold
    method = _METHODS.get(settings.detector)
    if method is None:
        raise UsageError(
            f"nothing is known of the detector {settings.detector!r}", where="explanation", hint="Report it"
        )
    case = _Case(tag, reading, settings.params, threshold, method.score_name)
    needed = method.needed(settings.params)
    rule, sentence = _unjudged(case, needed, settings) or method.words(case)
    return Explanation(
        sentence=f"{sentence[:1].upper()}{sentence[1:]}.",
        rule=rule,
        detector=settings.detector,
        score_name=method.score_name,
        threshold=threshold,
        sigma=method.sigma(case) if math.isfinite(reading.expected) else math.nan,
        needed=needed,
    )


def score_names(settings: Mapping[int, DetectorSettings]) -> dict[int, tuple[str, float]]:
    """By the id of settings, what their score is called and the threshold it was judged by."""
    return {
        one: (_METHODS[s.detector].score_name, make(s.detector, **s.params).threshold)
        for one, s in settings.items()
        if s.detector in _METHODS
    }


def score_of(ids: Iterable[int], names: Mapping[int, tuple[str, float]]) -> tuple[str, float | None]:
    """What the scores of readings with these settings are called, and their threshold.

    Where the settings differ or are not known it is just a score. A z is told its threshold
    by its own band.
    """
    name, threshold = ("score", math.nan)
    if len(found := set(ids)) == 1:
        name, threshold = names.get(int(found.pop()), (name, threshold))
    return name, None if name == "z" or not math.isfinite(threshold) else threshold


def quality_words(quality: int) -> str:
    """An OPC UA status code in words: "good", "bad: sensor failure"."""
    verdict = ("good", "uncertain", "bad", "bad")[quality >> 30]
    name = _QUALITIES.get(quality & 0xFFFF_0000, "")
    return f"{verdict}: {name}" if name else verdict


_QUALITIES = {
    int(Quality.UNCERTAIN_SENSOR_NOT_ACCURATE): "sensor not accurate",
    int(Quality.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED): "engineering units exceeded",
    int(Quality.BAD_NO_COMMUNICATION): "no communication",
    int(Quality.BAD_SENSOR_FAILURE): "sensor failure",
}


def _unjudged(case: _Case, needed: int, settings: DetectorSettings) -> tuple[Rule, str] | None:
    reading = case.reading
    if reading.quality >> 30:
        words = quality_words(reading.quality)
        return Rule.QUALITY, f"not judged and not learned: its quality is {words}"
    if reading.is_anomaly or math.isfinite(reading.score):
        return None
    if reading.n < needed:
        return (
            Rule.WARM_UP,
            f"not judged: warm-up, {reading.n:,} of the {needed:,} readings needed were learned",
        )
    return Rule.NO_BASIS, (
        f"not judged: {detector_words(settings.detector, settings.params)} had nothing to judge it by, "
        "as after a new level or for a reading that is not later than the one before"
    )


def _apart(score: float, threshold: float) -> tuple[str, str]:
    """Both with one decimal, or with as many as tell them apart."""
    if score >= HIGHEST:
        return "beyond any number", f"{threshold:,.1f}"
    for decimals in range(1, 7):
        one, other = f"{score:,.{decimals}f}", f"{threshold:,.{decimals}f}"
        if one != other or math.isclose(score, threshold, rel_tol=1e-9):
            break
    return one, other


def _end(case: _Case, sentence: str) -> tuple[Rule, str]:
    return (Rule.FLAGGED, sentence) if case.reading.is_anomaly else (Rule.BELOW, f"{sentence}: not flagged")


def _zscore(case: _Case) -> tuple[Rule, str]:
    reading, tag = case.reading, case.tag
    margin = reading.upper - reading.expected
    if margin > case.step:
        return _end(case, f"{case.where} ({case.numbers})")
    flat = f"a line that had been flat at {tag.render(reading.expected)}"
    if reading.is_anomaly:
        return Rule.FLAGGED, f"{case.off} {flat}, more than the sensor's resolution"
    if tag.resolution <= 0:
        return Rule.RESOLUTION, f"{tag.render(reading.value)} is what {flat} has: not flagged"
    return Rule.RESOLUTION, (
        f"{case.off} {flat}, within the sensor's resolution of {tag.resolution:g} {tag.unit}".rstrip()
        + ": not flagged"
    )


def _hampel(case: _Case) -> tuple[Rule, str]:
    if case.reading.score == 0.0 and abs(case.reading.value - case.reading.expected) <= case.step:
        return Rule.RESOLUTION, f"{case.where}, within the sensor's resolution: not flagged"
    return _end(case, f"{case.where} ({case.numbers})")


def _cusum(case: _Case) -> tuple[Rule, str]:
    return _end(
        case,
        f"the deviations from the expected {case.tag.render(case.reading.expected)} add up to "
        f"{case.numbers} (standard deviations)",
    )


def _page_hinkley(case: _Case) -> tuple[Rule, str]:
    return _end(
        case,
        f"the summed deviations from the long-run mean {case.tag.render(case.reading.expected)} have come "
        f"from their lowest point by {case.numbers} (standard deviations)",
    )


def _ewma(case: _Case) -> tuple[Rule, str]:
    return _end(
        case,
        f"the weighted mean of the deviations from {case.tag.render(case.reading.expected)} is off by "
        f"{case.numbers} (of its standard deviations)",
    )


def _variance(case: _Case) -> tuple[Rule, str]:
    return _end(case, f"the noise differs from the tag's usual noise by {case.numbers} (standard deviations)")


def _stuck(case: _Case) -> tuple[Rule, str]:
    reading, at = case.reading, case.tag.render(case.reading.expected)
    if reading.score == 0.0:
        few = f"the tag has changed fewer than {stuck.RUNS} times, too few to know a frozen sensor"
        return Rule.NO_BASIS, f"{few}: not flagged"
    return _end(
        case,
        f"the value has stayed at {at} for {reading.score:.2f} times as many reports as are allowed "
        "for this tag",
    )


def _rate(case: _Case) -> tuple[Rule, str]:
    if case.reading.score == 0.0:
        return Rule.RESOLUTION, "it moved by no more than the sensor's resolution: not flagged"
    return _end(
        case,
        f"with {case.tag.render(case.reading.value)} it moved "
        f"{'faster than' if case.reading.is_anomaly else 'no faster than'} it may ({case.numbers})",
    )


def _limits(case: _Case) -> tuple[Rule, str]:
    reading, tag = case.reading, case.tag
    if reading.score == 0.0:
        return Rule.BELOW, f"{tag.render(reading.value)} is within the limits {_band(case)}: not flagged"
    which = f"{tag.render(reading.value)} is beyond the limits {_band(case)}"
    if reading.score == 1.0:
        delay = case.params.get("delay", 0.0)
        return Rule.HELD_BACK, f"{which} for less than the delay of {delay:g} s: not flagged"
    far = ", and beyond the outer ones (LL, HH)" if reading.score >= 3.0 else ""
    if not case.outside and not far:
        return (
            Rule.FLAGGED,
            f"{tag.render(reading.value)} is not yet back inside {_band(case)} by the deadband",
        )
    return Rule.FLAGGED, f"{which}{far}"


def _band(case: _Case) -> str:
    low, high = (
        f"{edge:,.{case.tag.decimals}f}" if math.isfinite(edge) else "none"
        for edge in (case.reading.lower, case.reading.upper)
    )
    return f"{low} to {high} {case.tag.unit}".rstrip()


def _gap(case: _Case) -> tuple[Rule, str]:
    score, threshold = _apart(case.reading.score, case.threshold)
    if case.reading.score == 0.0:
        return Rule.BELOW, "it is not later than the latest reading: not flagged"
    link = "more than" if case.reading.is_anomaly else "limit"
    return _end(case, f"it came {score} usual intervals after the one before, {link} {threshold}")


def _recommended(case: _Case) -> tuple[Rule, str]:
    reading = case.reading
    if reading.is_anomaly:
        if case.outside:
            return Rule.FLAGGED, f"{case.where} ({case.numbers})"
        return Rule.FLAGGED, (
            f"a shift, a drift or a frozen value ({case.numbers}); the reading itself lies within "
            f"{expected_band(case.tag, reading.expected, reading.upper)}"
        )
    if case.outside or reading.score >= case.threshold:
        return Rule.HELD_BACK, (
            f"{case.where}, beyond a limit, and held back: it goes on with an event that was flagged before, "
            f"of which the start counts (two in a row, one alarm in {recommended.QUIET} readings)"
        )
    return _end(case, f"{case.where} ({case.numbers})")


def _half_over_threshold(case: _Case) -> float:
    return (case.reading.upper - case.reading.expected) / case.threshold


def _zscore_sigma(case: _Case) -> float:
    margin = case.reading.upper - case.reading.expected
    return margin / case.threshold if margin > case.step else math.nan


def _ewma_sigma(case: _Case) -> float:
    weight = case.params.get("weight", 0.1)
    half = (case.reading.upper - case.reading.lower) / 2
    return half * weight / (case.threshold * math.sqrt(weight / (2 - weight)))


def _none(_case: _Case) -> float:
    return math.nan


def _window(params: Mapping[str, float]) -> int:
    return min(int(params.get("window", 50)), zscore.WARM_UP)


def _always(count: int) -> Callable[[Mapping[str, float]], int]:
    return lambda _params: count


@dataclass(frozen=True)
class _Method:
    score_name: str
    words: _Words
    needed: Callable[[Mapping[str, float]], int]
    sigma: Callable[[_Case], float] = _none


_CHART = _always(baseline.WARM_UP)
_METHODS = {
    "zscore": _Method("z", _zscore, _window, _zscore_sigma),
    "hampel": _Method(
        "robust z",
        _hampel,
        lambda params: min(int(params.get("window", 50)), hampel.WARM_UP),
        _half_over_threshold,
    ),
    "cusum": _Method("CUSUM", _cusum, _CHART),
    "page_hinkley": _Method("distance", _page_hinkley, _CHART),
    "ewma": _Method("EWMA", _ewma, _CHART, _ewma_sigma),
    "variance": _Method("EWMV", _variance, _CHART),
    "stuck": _Method("run over what is allowed", _stuck, _always(stuck.WARM_UP)),
    "rate_of_change": _Method(
        "rate", _rate, lambda params: 1 if params.get("limit", 0.0) > 0 else baseline.WARM_UP + 1
    ),
    "limits": _Method("limit", _limits, _always(0)),
    "gap": _Method("usual intervals", _gap, _always(gap.WARM_UP + 1)),
    "recommended": _Method("score", _recommended, _always(recommended.WARM_UP), _half_over_threshold),
}
"""How to speak of each detector in PER_TAG."""
