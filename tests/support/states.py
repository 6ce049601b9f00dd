"""A small plant with tags of states beside a number, for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch, Quality, Reading
from sensormon.model.settings import Settings
from tests.support.plant import START

TAGS = """
[tags.temp]
label = "Temperature"
unit = "°C"
valid = [0, 100]
normal = [35, 40]
resolution = 0.1
simulated = false
[tags.valve]
label = "Feed valve"
states = ["closed", "open"]
simulated = false
[tags.running]
label = "Pump running"
kind = "boolean"
simulated = false
[tags.step]
label = "Recipe step"
states = ["idle", "heat", "hold", "cool"]
simulated = false
[tags.product]
label = "Product"
kind = "text"
simulated = false
"""


def with_states(settings: Settings, folder: Path) -> Settings:
    """The settings with a tag table of one number and four tags of states, in this folder."""
    path = folder / "states.toml"
    path.write_text(TAGS, encoding="utf-8")
    return replace(settings, tags=path)


def states_of(
    *readings: tuple[str, float | str],
    at: int = START,
    seconds: float = 1.0,
    quality: int = Quality.GOOD,
) -> Batch:
    """Readings (tag, number or word), `seconds` apart from `at` on, received with the last one."""
    rows = [
        Reading(tag, at + round(i * seconds * SECOND), value, quality)
        for i, (tag, value) in enumerate(readings)
    ]
    return Batch.of(rows, source="test", received=rows[-1].time if rows else at)
