"""A calculated tag on a store that several processes use: one calculates, all show its values."""

from __future__ import annotations

from sensormon.model.clock import SECOND
from sensormon.model.reading_ids import collector_of
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, batch_of
from tests.support.together import Together

LINE = "[tags.temp]\n[tags.off]\nformula = 'temp - speed'\n"
OTHER = "[tags.speed]\n"


def step(plant: Together, *monitors: Monitor) -> None:
    """What the threads of these do in a few seconds."""
    plant.follow(*monitors)
    for monitor in monitors:
        monitor.calculated.runner.step()
    plant.follow(*monitors)


def values(monitor: Monitor) -> list[tuple[int, float, int]]:
    """Second, value and collector of each calculated value."""
    frame = monitor.readings.recent(0, ["off"])
    seconds = (frame["time"].astype("int64") - START) // SECOND
    collectors = map(collector_of, frame["id"].tolist())
    return list(zip(seconds.tolist(), frame["value"].tolist(), collectors, strict=True))


def test_process_that_collects_the_first_tag_calculates_and_nobody_else(plant: Together) -> None:
    line, other = plant.start("line", LINE), plant.start("other", OTHER)
    monitors = (line, other)
    plant.follow(*monitors)
    plant.clock.advance(5)
    for second in range(10, 60):
        now = START + second * SECOND
        plant.clock.advance(max(0, now - plant.clock.now()) / SECOND)
        line.submit(batch_of(("temp", 30.0 + second), at=now))
        other.submit(batch_of(("speed", 10.0), at=now))
        if second % 5 == 0:
            step(plant, *monitors)
    step(plant, *monitors)
    calculated = values(line)
    assert {number for *_, number in calculated} == {collector_of(line.parts.collector.next_id)}
    seconds = [second for second, *_ in calculated]
    assert seconds == sorted(set(seconds))
    assert len(seconds) > 30
    assert all(value == 20.0 + second for second, value, _ in calculated)
    assert values(other) == calculated
    assert other.tags["off"].formula == "temp - speed"
