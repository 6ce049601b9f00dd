"""Detectors and their settings in a line of text.

What it is not: where a detector is described; its title, its labels and what it catches are
attributes of its class.
"""

from __future__ import annotations

from collections.abc import Mapping

from sensormon.detectors import PER_TAG
from sensormon.detectors.base import UNSET


def title(detector: str) -> str:
    """A detector's title; for one that is not in the registry, made from its name.

    >>> title("ewma"), title("my_own")
    ('EWMA chart', 'My own')
    """
    kind = PER_TAG.get(detector)
    return kind.title if kind else detector.replace("_", " ").capitalize()


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
    """A change of settings in words.

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
