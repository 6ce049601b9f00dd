"""A model over several tags on a store that several processes use: one judges, all show its scores."""

from __future__ import annotations

import numpy as np
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.reading_ids import collector_of
from sensormon.model.tag_models import TagModel
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, batch_of
from tests.support.together import Together

LINE = "[tags.temp]\n[tags.ph]\n"
OTHER = "[tags.speed]\n"
NAMES = ("temp", "ph", "speed")
ROWS = 300


def rows_of(first: int, count: int) -> np.ndarray:
    """Rows of three tags that go together, the same at every call."""
    shared = np.random.default_rng(3).normal(size=(first + count, 1))
    own = np.random.default_rng(4).normal(size=(first + count, 3))
    return (np.array([37.0, 7.0, 450.0]) + np.array([0.2, 0.05, 10.0]) * (0.8 * shared + 0.6 * own))[first:]


def send(plant: Together, line: Monitor, other: Monitor, first: int, count: int) -> None:
    """One tick a second: `line` collects two of the tags, `other` the third."""
    for number, (temp, ph, speed) in enumerate(rows_of(first, count).tolist(), first):
        now = START + number * SECOND
        plant.clock.advance(max(0, now - plant.clock.now()) / SECOND)
        line.submit(batch_of(("temp", temp), ("ph", ph), at=now, seconds=0.0))
        other.submit(batch_of(("speed", speed), at=now))


def send_history(line: Monitor, other: Monitor) -> None:
    """The first rows, at once."""
    rows = rows_of(0, ROWS)
    for column, (name, monitor) in enumerate(zip(NAMES, (line, line, other), strict=True)):
        monitor.submit(batch_of(*[(name, value) for value in rows[:, column].tolist()]))


def judge(plant: Together, *monitors: Monitor) -> None:
    """What the threads of these do in a few seconds."""
    plant.follow(*monitors)
    for monitor in monitors:
        monitor.model_runner.step()
    plant.follow(*monitors)


def in_force(plant: Together, *monitors: Monitor) -> None:
    """A model of the first rows, put in force by the first of these."""
    model = TagModel("rig", "spe", NAMES, 1.0, START, START + ROWS * SECOND, {})
    monitors[0].tag_models.keep(monitors[0].tag_models.train(model), "Ada", "first model")
    plant.follow(*monitors)
    plant.clock.advance(5)


def scores(monitor: Monitor) -> list[tuple[int, int]]:
    """Second and collector of each score of the model."""
    frame = monitor.readings.recent(0, ["rig"])
    seconds = (frame["time"].astype("int64") - START) // SECOND
    return list(zip(seconds.tolist(), map(collector_of, frame["id"].tolist()), strict=True))


def number_of(monitor: Monitor) -> int:
    return collector_of(monitor.parts.collector.next_id)


def test_the_collector_of_the_first_tag_judges_and_nobody_else(plant: Together) -> None:
    dashboard = plant.start("dashboard", OTHER)
    other, line = plant.start("other", OTHER), plant.start("line", LINE)
    monitors = (dashboard, other, line)
    plant.follow(*monitors)
    send_history(line, other)
    plant.clock.advance(ROWS)
    plant.follow(*monitors)
    in_force(plant, *monitors)  # by the dashboard, of tags that others collect
    for first in range(ROWS + 10, ROWS + 90, 20):
        send(plant, line, other, first, 20)
        judge(plant, *monitors)
    judged = scores(line)
    assert {number for _, number in judged} == {number_of(line)}
    seconds = [second for second, _ in judged]
    assert seconds == sorted(set(seconds))
    assert seconds[-1] == ROWS + 88  # the last one waits for the next
    for monitor in (dashboard, other):
        assert scores(monitor) == judged
        (status,) = monitor.model_runner.status()
        assert (status.time, status.failure) == (START + (ROWS + 88) * SECOND, "")
    assert sum(monitor.ledger.now().total.difference for monitor in monitors) == 0


@pytest.mark.long
def test_another_process_goes_on_when_it_collects_the_first_tag(plant: Together) -> None:
    line, other = plant.start("line", LINE), plant.start("other", OTHER)
    plant.follow(line, other)
    send_history(line, other)
    plant.clock.advance(ROWS)
    plant.follow(line, other)
    in_force(plant, line, other)
    for first in range(ROWS + 10, ROWS + 70, 20):
        send(plant, line, other, first, 20)
        judge(plant, line, other)
    before = scores(line)
    assert {number for _, number in before} == {number_of(line)}
    for first in range(ROWS + 70, ROWS + 190, 20):  # all of it now comes in at the other one
        send(plant, other, other, first, 20)
        judge(plant, line, other)
    judged = scores(other)
    assert judged[: len(before)] == before
    seconds = [second for second, _ in judged]
    assert len(seconds) == len(set(seconds))
    assert set(range(ROWS + 20, ROWS + 180)) <= set(seconds)
    assert {number for second, number in judged if second > ROWS + 160} == {number_of(other)}
