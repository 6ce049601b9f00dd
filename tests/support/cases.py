"""A monitor with all that a case can hold, and the case saved from it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sensormon.exchange.case_writer import CaseOrder
from sensormon.exchange.cases import Saved
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.readings import Batch, InjectedFault, Quality, Reading
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START
from tests.support.server import ROOT

TAGS = ROOT / "data" / "tags.toml"
NOW = START + 86_400 * SECOND
"""A day after the first reading: the time on the clock of monitors that save and open cases."""
END = START + 3_600 * SECOND
"""Where the span of a saved case ends."""


@contextmanager
def installation(folder: Path) -> Iterator[Monitor]:
    """A monitor with a copy of the repository's tags and nothing stored; it is stopped at the end."""
    tags = Path(shutil.copy(TAGS, folder / "tags.toml"))
    monitor = Monitor(Settings(data_dir=folder / "data", source="none", tags=tags), ManualClock(NOW))
    try:
        yield monitor
    finally:
        monitor.stop()


def some_values(seed: int = 0, count: int = 300) -> list[float]:
    """A pH at rest with a spike of two readings and two single ones; `count` must be above 250."""
    values = np.random.default_rng(seed).normal(7, 0.02, count).round(3)
    values[[70, 71, 150, 250]] = 8.4, 8.5, 5.5, 8.3
    return [float(value) for value in values]


def readings(tag: str, values: list[float], start: int = START, quality: int = Quality.GOOD) -> list[Reading]:
    """Readings of one tag, one per second from `start` on."""
    return [Reading(tag, start + i * SECOND, value, quality) for i, value in enumerate(values)]


def fill(monitor: Monitor, values: list[float]) -> None:
    """Store these values of one tag and 20 of another, and a bit of everything else.

    Two readings are uncertain, two are rejected, there is a simulated fault, and the detector
    settings change half-way.
    """
    half = len(values) // 2
    rpm = readings("agitator_rpm", [400.0 + i % 3 for i in range(20)])
    fault = InjectedFault("fermenter_ph", START + 3 * SECOND, "spike")
    monitor.submit(
        Batch.of([*readings("fermenter_ph", values[:half]), *rpm], source="a", received=NOW, injected=[fault])
    )
    monitor.tuner.set_zscore({"window": 30, "threshold": 2.5}, "Ann")
    rest = readings("fermenter_ph", values[half:], START + half * SECOND)
    odd = readings("fermenter_ph", [7.0, 6.9], START + 3_000 * SECOND, Quality.UNCERTAIN)
    wrong = readings("fermenter_ph", [99.0, float("nan")], START + 3_100 * SECOND)
    monitor.submit(Batch.of([*rest, *odd, *wrong], source="b", received=START + 3_200 * SECOND))
    monitor.drain()


def act(monitor: Monitor) -> None:
    """Act on the events in several ways and add annotations, one of which is removed again."""
    ids = [int(event) for event in monitor.events.between(None, START, END)["id"]]
    monitor.actions.record(ids[:2], "acknowledge", "Ann")
    monitor.actions.record(ids[:1], "label", "Bo", label="true", note="valve stuck")
    monitor.annotations.add("cleaning", "Ann", START, START + 60 * SECOND, ["fermenter_ph", "fermenter_temp"])
    removed = monitor.annotations.add("a mistake", "Ann", START)
    monitor.annotations.remove(removed.id, "Ann")
    monitor.annotations.add("power cut", "Bo", START + 90 * SECOND)
    monitor.actions.record(ids[-1:], "shelve", "Bo", until=NOW + 5_000 * SECOND)
    monitor.drain()


def save(monitor: Monitor, *tags: str, view: str = "", name: str = "plant A") -> Saved:
    """The saved case of these tags, by default of both that `fill` stores, from START to END."""
    order = CaseOrder(name, tags or ("fermenter_ph", "agitator_rpm"), START, END, view)
    job = monitor.cases.save(order)
    assert monitor.jobs.wait(job, 60)
    assert job.problem is None, job.problem
    saved: Saved = job.result
    return saved


def members(saved: Saved) -> dict[str, bytes]:
    """The members of a saved case, by their names."""
    with zipfile.ZipFile(saved.file.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
