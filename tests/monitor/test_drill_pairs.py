"""Every ordered pair of drills: the second comes as soon as the first has recovered."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product

import pytest

from sensormon.model.settings import Settings
from sensormon.model.status import WriteState
from sensormon.monitor.drills import DRILLS, Run
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.stepped_clock import SteppedClock

STEP = 0.25
"""Seconds by which the clock moves at a time."""
THREADS = ("sensormon-collector", "sensormon-loader", "sensormon-demonstration")
PATIENCE = 60.0
"""Seconds of real time after which a drill has failed."""


def carried_out(monitor: Monitor, clock: SteppedClock, name: str) -> Run:
    """This drill, from its start to its proof."""
    drills = monitor.drills
    assert drills is not None
    drills.start(name)
    give_up = time.monotonic() + PATIENCE
    while not drills.runs[-1].over:
        assert time.monotonic() < give_up, drills.runs[-1].steps
        clock.advance(STEP)
    return drills.runs[-1]


@pytest.mark.parametrize(
    "times", [pytest.param(1, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.full)]
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a kill in a destructor
@pytest.mark.parametrize(("first", "second"), list(product(DRILLS, DRILLS)))
def test_after_any_two_faults_nothing_is_lost_or_doubled(
    settings: Settings, first: str, second: str, times: int
) -> None:
    clock = SteppedClock(THREADS)
    monitor = Monitor(replace(settings, source="simulator", interval=0.5, demo=True, journal_quota=50), clock)
    monitor.source.backfill()
    monitor.start()
    try:
        for _ in range(times):
            for name in (first, second):
                run = carried_out(monitor, clock, name)
                assert run.problem == "", run.steps
                assert run.proof is not None
                assert run.proof.holds, run.proof
                assert run.proof.acknowledged > 0 or name in ("kill_loader", "duplicate_burst"), run.steps
        status = monitor.status()
        assert status.writing is WriteState.HEALTHY
        assert status.failures == ()
        assert monitor.workers.loading.alive
        kills = (first, second).count("kill_loader")
        assert monitor.workers.loading.restarts == kills * times
        assert monitor.workers.collecting.restarts == 0
    finally:
        monitor.stop()
    assert verify(StoppedMonitor(monitor.settings.data_dir, monitor.settings.store_url)).findings == ()
