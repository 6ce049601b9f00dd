"""Screen reader announcements: once when something becomes abnormal, once when it is over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.view.status import abnormal, announcement
from tests.support.plant import START, batch_of


def test_state_is_announced_only_when_it_begins_and_ends() -> None:
    down = ("nothing reaches the database",)
    both = (*down, "no data arriving")
    assert announcement((), ()) == ""
    assert announcement((), down) == "Abnormal: nothing reaches the database."
    assert announcement(down, down) == ""
    assert announcement(down, both) == "Abnormal: no data arriving."
    assert announcement(both, down) == "Ended: no data arriving."
    assert announcement(down, ()) == "Ended: nothing reaches the database. Everything is normal again."


def test_running_plant_has_nothing_abnormal(settings: Settings) -> None:
    monitor = Monitor(replace(settings, source="simulator"), ManualClock(START))
    monitor.source.backfill()
    monitor.drain()
    assert abnormal(monitor.status(), monitor.ledger.now()) == ()
    monitor.stop()


def test_announcement_of_a_lasting_state_is_stable(settings: Settings) -> None:
    Path(settings.store_url).mkdir(parents=True)  # a folder where the file should be cannot be opened
    clock = ManualClock(START)
    monitor = Monitor(settings, clock)
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=START - SECOND))
    monitor.drain()
    first = abnormal(monitor.status(), monitor.ledger.now())
    assert first == ("nothing reaches the database",)
    clock.advance(30)
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=clock.now()))
    assert abnormal(monitor.status(), monitor.ledger.now()) == first
    monitor.stop()
