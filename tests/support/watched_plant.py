"""Three tags under several profiles, with delays and a condition, and readings that set all of it off."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.profiles import (
    STEADY,
    Assignment,
    Choice,
    Condition,
    Profile,
    Profiles,
    default_profiles,
)
from sensormon.model.readings import Batch, Quality, Scores
from sensormon.model.tags import Tag, TagTable
from tests.support.plant import START

TAGS = TagTable(
    [
        Tag("temp", "Temperature", normal=(-3.0, 3.0)),
        Tag("speed", "Speed", group="drive"),
        Tag("level", "Level", resolution=0.1),
    ]
)
ZSCORE = Choice("zscore", {"window": 50, "threshold": 3.0})
WATCHFUL = Profile(
    "watchful",
    (ZSCORE, Choice("recommended"), Choice("limits"), Choice("stuck", {"readings": 5})),
    on_delay=2.0,
    condition=Condition("speed", ">", 0.0, settle=3.0),
)
DELAYED = Profile(
    "delayed", (Choice("ewma"),), on_delay=1.0, condition=Condition("speed", STEADY, 3.0, settle=4.0)
)
PROFILES = Profiles(
    (*default_profiles(50, 3.0).profiles, WATCHFUL, DELAYED),
    (Assignment("watchful", "tag", "temp"), Assignment("delayed", "pattern", "lev*")),
)


def version(profiles: Profiles, number: int = 1) -> DetectorSettings:
    return DetectorSettings.of(profiles, id=number, applied=START, who="x", base={}, reason="")


def readings(rows: int, first: int = 0, seed: int = 0) -> Batch:
    """Readings of three tags in turn, one a second each; now and then of bad quality, shifted or held."""
    rng = np.random.default_rng((seed, first))
    place = first + np.arange(rows)
    value = np.round(rng.normal(0.0, 1.0, rows), 2)
    value[place // 3 % 400 > 360] += 6.0
    value[place // 3 % 700 > 680] = 0.25
    speed = place % 3 == 1
    value[speed] = np.where(place[speed] // 3 % 90 < 60, 5.0, -5.0) + value[speed] / 10
    quality = np.where(rng.random(rows) < 0.05, int(Quality.BAD), 0).astype(np.uint32)
    return Batch(
        source="test",
        received=START + int(place[-1] if rows else 0) * SECOND,
        tags=TAGS.names,
        tag=(place % 3).astype(np.int32),
        time=START + place // 3 * SECOND,
        value=value,
        quality=quality,
    )


def assert_same(left: Scores, right: Scores) -> None:
    """Equal to the last bit in every column."""
    assert left.verdicts is not None
    assert right.verdicts is not None
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        assert getattr(left, name).tobytes() == getattr(right, name).tobytes(), name
    for field in fields(left.verdicts):
        mine, other = getattr(left.verdicts, field.name), getattr(right.verdicts, field.name)
        assert np.array_equal(mine, other, equal_nan=field.name in ("own", "threshold")), field.name
