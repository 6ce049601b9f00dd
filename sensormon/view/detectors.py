"""The detectors in plain words: a name, what each catches and misses, what its parameters are called.

What it is not: where a detector is described; that is its own docstring, which is read here.
"""

from __future__ import annotations

from collections.abc import Mapping

from sensormon.detectors import PER_TAG
from sensormon.detectors.base import Parameter
from sensormon.detectors.limits import UNSET

_TITLES = {
    "zscore": "Rolling z-score",
    "hampel": "Hampel identifier",
    "cusum": "CUSUM",
    "page_hinkley": "Page-Hinkley",
    "ewma": "EWMA chart",
    "variance": "Noise (EWMV)",
    "stuck": "Stuck sensor",
    "rate_of_change": "Rate of change",
    "limits": "Limits",
    "gap": "Gap watchdog",
    "recommended": "Recommended",
}
_LABELS = {
    ("cusum", "k"): "Slack k",
    ("cusum", "h"): "Threshold h",
    ("page_hinkley", "delta"): "Slack delta",
    ("ewma", "weight"): "Weight λ",
    ("ewma", "width"): "Limit L",
    ("variance", "weight"): "Weight λ",
    ("variance", "width"): "Limit",
    ("stuck", "readings"): "Run",
    ("rate_of_change", "limit"): "Limit, 0 is learned",
    ("gap", "factor"): "Silence",
    ("limits", "low"): "L",
    ("limits", "high"): "H",
    ("limits", "low_low"): "LL",
    ("limits", "high_high"): "HH",
}
_THRESHOLD = {
    "zscore": "threshold",
    "hampel": "threshold",
    "cusum": "h",
    "page_hinkley": "threshold",
    "ewma": "width",
    "variance": "width",
    "stuck": "readings",
    "rate_of_change": "threshold",
    "gap": "factor",
    "recommended": "threshold",
}


def title(detector: str) -> str:
    """A detector's name as people say it.

    >>> title("ewma"), title("my_own")
    ('EWMA chart', 'My own')
    """
    return _TITLES.get(detector, detector.replace("_", " ").capitalize())


def catches(detector: str) -> str:
    """What its docstring says it catches, as Markdown.

    >>> catches("gap")
    'gaps, a source that has slowed down.'
    """
    return _paragraph(detector, "Catches:", "Misses:")


def misses(detector: str) -> str:
    """What its docstring says it misses, as Markdown."""
    return _paragraph(detector, "Misses:", "\n\n")


def _paragraph(detector: str, after: str, until: str) -> str:
    text = PER_TAG[detector].__doc__ or ""
    return " ".join(text.partition(after)[2].partition(until)[0].split())


def parameter_label(detector: str, parameter: Parameter) -> str:
    """What a parameter is called, with its unit.

    >>> parameter_label("zscore", PER_TAG["zscore"].PARAMETERS[0])
    'Window, readings'
    """
    name = _LABELS.get((detector, parameter.name), parameter.name.replace("_", " ").capitalize())
    return f"{name}, {parameter.unit}"


def threshold_of(detector: str, params: Mapping[str, float]) -> str | None:
    """The parameter that makes this detector more or less sensitive; None where it has no such one.

    >>> threshold_of("cusum", {}), threshold_of("rate_of_change", {"limit": 2.0}), threshold_of("limits", {})
    ('h', 'limit', None)
    """
    if detector == "rate_of_change" and params.get("limit"):
        return "limit"
    return _THRESHOLD.get(detector)


def value_words(value: float) -> str:
    """A parameter's value; a limit that is not set is "each tag's own".

    >>> value_words(3.0), value_words(-1e9)
    ('3', "each tag's own")
    """
    return "each tag's own" if abs(value) == UNSET else f"{value:g}"


def detector_words(detector: str, params: Mapping[str, float]) -> str:
    """A detector with its settings.

    >>> detector_words("zscore", {"window": 50, "threshold": 3.0})
    'Rolling z-score, window 50, threshold 3'
    """
    parts = [f"{name.replace('_', ' ')} {value_words(value)}" for name, value in params.items()]
    return ", ".join([title(detector), *parts])


def switch_words(old: str, old_params: Mapping[str, float], new: str, new_params: Mapping[str, float]) -> str:
    """What a change of settings changes.

    >>> switch_words("zscore", {"window": 50, "threshold": 3}, "zscore", {"window": 80, "threshold": 3})
    'window 50 → 80, threshold stays 3'
    >>> switch_words("zscore", {"window": 50}, "gap", {"factor": 5})
    'Rolling z-score, window 50 → Gap watchdog, factor 5'
    """
    if old != new:
        return f"{detector_words(old, old_params)} → {detector_words(new, new_params)}"
    parts = []
    for name, value in new_params.items():
        word, before = name.replace("_", " "), old_params.get(name)
        if before == value:
            parts.append(f"{word} stays {value_words(value)}")
        else:
            parts.append(f"{word} {'?' if before is None else value_words(before)} → {value_words(value)}")
    return ", ".join(parts)
