"""Batches of a small plant for tests of event frames: heated, held and cooled again, one under way."""

from __future__ import annotations

from collections.abc import Iterator

from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch
from tests.support.states import states_of

EVERY, LASTS = 1_800, 1_260
"""Seconds from batch to batch, and from the start of heating to the end of cooling."""
BATCHES = 8
"""The last one is under way, for `UNDER_WAY` seconds."""
UNDER_WAY = 900
LENGTH = (BATCHES - 1) * EVERY + UNDER_WAY
"""Seconds from the first start to now."""
STEP = 10


def temperature(second: int, batch: int) -> float:
    """The temperature so many seconds after the start of a batch; the last one falls short after 12 min."""
    noise = (second * 7_919 + batch * 131) % 100 / 100.0 - 0.5
    if second < 300:
        course = 30.0 + second / 5.0
    elif second < 960:
        course = 90.0
    else:
        course = max(30.0, 90.0 - (second - 960) / 5.0)
    short = 6.0 if batch == BATCHES - 1 and second >= 720 else 0.0
    return course + 0.2 * batch + noise - short


def step(second: int) -> str:
    """The step of the recipe so many seconds after the start of a batch."""
    for until, name in ((300, "heat"), (960, "hold"), (LASTS, "cool")):
        if second < until:
            return name
    return "idle"


def readings_of_batches() -> Iterator[tuple[int, float, str]]:
    """Seconds since the first start, the temperature and the step."""
    for second in range(0, LENGTH + 1, STEP):
        batch, inside = divmod(second, EVERY)
        yield second, temperature(inside, batch), step(inside)


def batches_until(now: int) -> list[Batch]:
    """The readings of the tags `temp` and `step`, up to now (µs UTC)."""
    rows = list(readings_of_batches())
    start = now - LENGTH * SECOND
    return [
        states_of(*[("temp", value) for _, value, _ in rows], at=start, seconds=STEP),
        states_of(*[("step", word) for _, _, word in rows], at=start, seconds=STEP),
    ]
