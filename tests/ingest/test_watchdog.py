"""Silent tags are detected by the clock."""

from __future__ import annotations

from dataclasses import replace

from sensormon.ingest.watchdog import Watchdog
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.readings import Origin
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.view.status import alarms
from tests.support.plant import START, batch_of


def test_tag_is_silent_after_five_of_its_intervals(tags: TagTable) -> None:
    dog = Watchdog(tags)
    for i in range(300):
        at = START + i * SECOND
        readings = [("temp", 37.0)] + ([("ph", 7.0)] if i % 10 == 0 else [])
        dog.note(batch_of(*readings, at=at, seconds=0))
    last = START + 299 * SECOND
    assert dog.silent(last + 4 * SECOND) == ()
    (silence,) = dog.silent(last + 8 * SECOND)
    assert (silence.tag, silence.seconds) == ("temp", 8.0)
    assert [silence.tag for silence in dog.silent(last + 60 * SECOND)] == ["ph", "temp"]


def test_imported_readings_never_make_a_tag_silent(tags: TagTable) -> None:
    dog = Watchdog(tags)
    for i in range(100):
        dog.note(replace(batch_of(("temp", 37.0), at=START + i * SECOND), origin=Origin.IMPORT))
    assert dog.silent(START + 10**6 * SECOND) == ()


def test_clock_set_back_makes_no_tag_silent(tags: TagTable) -> None:
    dog = Watchdog(tags)
    for i in range(100):
        dog.note(batch_of(("temp", 37.0), at=START + i * SECOND))
    back = START - 3600 * SECOND
    for i in range(100):
        dog.note(batch_of(("temp", 37.0), at=back + i * SECOND))
        assert dog.silent(back + i * SECOND) == ()
    assert [silence.tag for silence in dog.silent(back + 120 * SECOND)] == ["temp"]


def test_silent_tag_raises_an_alarm(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, source="simulator"), clock)
    simulator = monitor.source.simulator
    assert simulator is not None
    for i in range(100):
        clock.advance(1)
        if i == 60:
            monitor.source.inject("gap", "fermenter_ph", 300)
        monitor.submit(simulator.read(clock.now()))
    status = monitor.status()
    assert [silence.tag for silence in status.silent] == ["fermenter_ph"]
    assert status.problems == ()
    (line,) = alarms(status)
    assert line.startswith("Fermenter pH has been silent for 4")
    monitor.stop()
