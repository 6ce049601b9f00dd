"""Readings judged by profiles, as frames like the store's, with what each detector said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from sensormon.detectors.profile_state import ProfileState
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.profiles import Profiles
from sensormon.model.readings import OwnScore, Scores
from sensormon.model.tags import Tag
from tests.support.plant import START


def version_of(profiles: Profiles, number: int = 1) -> DetectorSettings:
    """A version of the settings with these profiles."""
    first = profiles.default.detectors[0]
    return DetectorSettings(number, START, "Ana", first.detector, first.params, {}, profiles, "a trial")


def judged_frame(
    profiles: Profiles, tags: Sequence[Tag], tag: Sequence[int], values: Sequence[float]
) -> tuple[pd.DataFrame, list[dict[str, OwnScore]]]:
    """Readings one second apart of version 1; beside them what each detector said, by its name."""
    codes, value = np.array(tag, dtype=np.int32), np.array(values, dtype=np.float64)
    time = START + np.arange(len(value)) * SECOND
    scores = ProfileState(profiles, tags).run(codes, value, np.ones(len(value), dtype=np.bool_), time)
    frame = pd.DataFrame(
        {
            "id": np.arange(1, len(value) + 1),
            "tag": [tags[code].name for code in tag],
            "time": pd.to_datetime(time, unit="us", utc=True).astype("datetime64[us, UTC]"),
            "value": value,
            "quality": np.zeros(len(value), np.uint32),
            "n": scores.n,
            "score": scores.score,
            "expected": scores.expected,
            "lower": scores.lower,
            "upper": scores.upper,
            "is_anomaly": scores.is_anomaly,
            "settings": 1,
            "source": "test",
            "origin": "live",
            **_verdicts(scores),
        }
    )
    return frame, [own_of(scores, row) for row in range(len(value))]


def _verdicts(scores: Scores) -> dict[str, Any]:
    verdicts = scores.verdicts
    assert verdicts is not None
    return {
        "threshold": verdicts.threshold,
        "profile": [verdicts.profiles[place] for place in verdicts.profile],
        "detector": [None if place < 0 else verdicts.detectors[place] for place in verdicts.detector],
        "withheld": verdicts.withheld,
    }


def own_of(scores: Scores, row: int) -> dict[str, OwnScore]:
    """What each detector said of this reading, by its name."""
    verdicts = scores.verdicts
    assert verdicts is not None
    return {
        detector: OwnScore(detector, *numbers.tolist())
        for detector, numbers in zip(verdicts.detectors, verdicts.own[row], strict=True)
        if np.isfinite(numbers[0])
    }


def own_rows(said: Sequence[dict[str, OwnScore]]) -> list[list[dict[str, Any]]]:
    """The same as the rows of a column `own`."""
    return [[asdict(own) for own in each.values()] for each in said]
