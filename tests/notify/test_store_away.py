"""While the store is away, from before the start on too, somebody is told of that, and of nothing untrue."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Condition
from sensormon.notify.notifications import Notifications, notifications_of
from tests.support.plant import batch_of
from tests.support.receiver import Receiver
from tests.support.telling import SPIKE, tell

HOLD = (
    "import fcntl, sys\n"
    "file = open(sys.argv[1], 'r+b')\n"
    "fcntl.lockf(file, fcntl.LOCK_EX)\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)
"""Holds a file as another process that has the database open does."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.kill()


@contextmanager
def plant(settings: Settings, clock: ManualClock) -> Iterator[tuple[Monitor, Notifications]]:
    monitor = Monitor(settings, clock)
    try:
        yield monitor, notifications_of(monitor)
    finally:
        monitor.stop()


def test_a_store_that_is_away_from_before_the_start_is_told_of_and_nothing_is_told_twice(
    settings: Settings, clock: ManualClock, receiver: Receiver, tmp_path: Path
) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "notify.toml").write_text(
        f'[contacts.shift]\nways = ["http://127.0.0.1:{receiver.port}/hook"]\ngroup = 0\n'
        'allow_private = true\n[rules.all]\nto = ["shift"]\n'
        f'[rules.ill]\nhealth = {[str(each) for each in Condition]}\nto = ["shift"]\nreturned = true\n'
    )
    with plant(settings, clock) as (monitor, notifications):
        tell(notifications, clock, 2)
        monitor.submit(batch_of(*SPIKE, at=clock.now() - 60_000_000))
        monitor.drain()
        tell(notifications, clock)
        monitor.drain()
        copy = replace(settings, data_dir=shutil.copytree(settings.data_dir, tmp_path / "copy"))
    assert [request.json["kind"] for request in receiver.received] == ["event"]
    clock.advance(60)
    with ExitStack() as away, ExitStack() as running:
        away.enter_context(held(copy.data_dir / "sensormon.duckdb"))
        monitor, notifications = running.enter_context(plant(copy, clock))
        for _ in range(12):
            monitor.loader.step()
            tell(notifications, clock, 1)
            clock.advance(30)
        kinds = [(request.json["kind"], request.json["text"][:31]) for request in receiver.received[1:]]
        assert kinds == [("health", "Nothing has got into DuckDB for")]
        assert "what was sent before cannot be read yet" in notifications.problems()[0]
        away.close()
        clock.advance(60)
        monitor.drain()
        tell(notifications, clock)
        (*_, last) = receiver.received
        assert (last.json["kind"], last.json["text"]) == ("returned", "DuckDB takes readings again.")
        told = [event["id"] for request in receiver.received for event in request.json["events"]]
        assert len(told) == 1
        assert notifications.problems() == ()
