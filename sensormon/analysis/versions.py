"""Who judged stored readings: their profile and the detector that spoke, as objects.

A reading names a version of the settings, a profile of that version, and the detector that spoke. One
from before there were profiles names the version alone: its one detector judged it.

What it is not: a judgement; see `sensormon.detectors.profile_state`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import Detector
from sensormon.detectors.profile_state import DRAWN
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Profile
from sensormon.model.readings import Floats

T = TypeVar("T")
Texts = NDArray[np.object_]


def texts(rows: pd.DataFrame, name: str) -> Texts:
    """A column of words, empty where a reading has none, or where the frame has no such column."""
    if name not in rows:
        return np.full(len(rows), "", dtype=object)
    column: Texts = rows[name].to_numpy(dtype=object)
    missing = pd.isna(column)
    return np.where(missing, "", column) if missing.any() else column


def drawn(profile: Profile) -> str:
    """The detector whose band charts draw through readings that are not flagged."""
    return DRAWN if profile.choice(DRAWN) else profile.detectors[0].detector


class Versions:
    """The versions of the settings, by the id that readings name."""

    def __init__(self, settings: Mapping[int, DetectorSettings]) -> None:
        self._settings = settings
        self.detector = cache(self._detector)

    def profile(self, number: int, name: str) -> Profile | None:
        """The profile of this name in this version; by no name, the default one. None if it is unknown."""
        settings = self._settings.get(number)
        if settings is None:
            return None
        return settings.in_use.by_name.get(name) if name else settings.in_use.default

    def speaker(self, number: int, profile: str, detector: str) -> str:
        """The name of the detector that spoke; empty if none did, or if the version is unknown."""
        if detector or profile or number not in self._settings:
            return detector
        return self._settings[number].detector

    def _detector(self, number: int, profile: str, name: str) -> Detector | None:
        """This detector with its parameters in this profile; None if they are unknown here."""
        held = self.profile(number, profile)
        choice = held and held.choice(name)
        if not choice or name not in PER_TAG:
            return None
        try:
            return make(name, **choice.params)
        except UsageError:  # settings of a version that knew other parameters
            return None

    def is_drawn(self, number: int, profile: str, detector: str) -> bool:
        """Whether the band of this detector is the one that charts draw through readings of the profile."""
        held = self.profile(number, profile)
        return held is None or detector in ("", drawn(held))

    def thresholds(self, rows: pd.DataFrame) -> Floats:
        """The threshold of each reading's score, as stored, or by its version; 0 if it is unknown."""
        if "threshold" in rows:
            stored: Floats = rows["threshold"].to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            stored = np.full(len(rows), np.nan)
        if not np.isnan(stored).any():
            return stored
        looked_up = np.array(self.of_each(rows, self._threshold), dtype=np.float64)
        return np.where(np.isnan(stored), looked_up, stored)

    def of_each(self, rows: pd.DataFrame, ask: Callable[[int, str, str], T]) -> list[T]:
        """The answer for each reading, asked once for each different version, profile and speaker."""
        answers: dict[tuple[Any, ...], T] = {}
        result = []
        keys = (rows["settings"].tolist(), texts(rows, "profile"), texts(rows, "detector"))
        for key in zip(*keys, strict=True):
            if key not in answers:
                number, profile, detector = key
                answers[key] = ask(int(number), profile, self.speaker(int(number), profile, detector))
            result.append(answers[key])
        return result

    def _threshold(self, number: int, profile: str, speaker: str) -> float:
        detector = self.detector(number, profile, speaker)
        return detector.threshold if detector else 0.0
