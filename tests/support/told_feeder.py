"""A monitor that tells of each spike that it takes in, and writes those it acknowledged to standard output.

    python -m tests.support.told_feeder FOLDER STORE FIRST PACE WHERE SEED

Spike number n is a reading of tag `tag_n`, so each is an event by itself; those from FIRST on come every PACE
seconds, none with 0. With WHERE it kills itself in one of the next calls of `plan`, `add`, `deliver` or
`record`.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify import notifications
from sensormon.notify.carrier import ByTheFile
from sensormon.notify.due import DueOf
from sensormon.notify.outbox import Outbox
from tests.support.feeder import kill_in

TAGS = 400
"""The most spikes."""
WARM = 60
"""Readings of each tag before its spike."""
WARM_UP = "warm"
"""WHERE for a process that lets its detectors learn, as the one with FIRST 0 does."""
PLACES = {"plan": (DueOf, "_plan"), "add": (Outbox, "add"), "deliver": (ByTheFile, "deliver"),
          "record": (Outbox, "record")}  # fmt: skip


def prepare(folder: Path, ways: list[str], limit: str = "100000/hour") -> None:
    """Write the files of a plant whose contact has these ways."""
    folder.mkdir(parents=True)
    (folder / "tags.toml").write_text(
        "".join(f"[tags.tag_{number}]\nresolution = 0.01\n" for number in range(TAGS))
    )
    (folder / "notify.toml").write_text(
        f"[contacts.shift]\nways = {ways}\ngroup = 0\nlimit = '{limit}'\nallow_private = true\n"
        "[rules.all]\nto = ['shift']\n"
    )


def settings_of(folder: Path, store: str = "") -> Settings:
    """Of a process with this folder; `store` is the URL of a database that it shares."""
    return Settings(data_dir=folder, tags=folder / "tags.toml", source="none", store=store)


def warm_up(monitor: Monitor) -> None:
    """Let the detectors learn every tag."""
    now = monitor.clock.now()
    rows = [
        Reading(f"tag_{number}", now - (WARM - row) * SECOND, 20.0 + 0.1 * (row % 5))
        for row in range(WARM)
        for number in range(TAGS)
    ]
    monitor.submit(Batch.of(rows, source="test", received=now))


def spike(monitor: Monitor, number: int) -> int:
    """Take in the spike of this number; returns the id of its reading, which is the event's."""
    now = monitor.clock.now()
    receipt = monitor.submit(Batch.of([Reading(f"tag_{number}", now, 50.0)], source="test", received=now))
    if not receipt.processed.accepted.quality.size or receipt.processed.rejected:
        raise ValueError("the spike was refused")
    return receipt.first_id


def say(line: str) -> None:
    """Write a line to standard output at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(folder: Path, store: str, first: int, pace: float, where: str, seed: int) -> None:
    """Run until it is killed."""
    clock = SystemClock()
    monitor = Monitor(settings_of(folder, store), clock)
    notifications.accompany(monitor)
    monitor.start()
    if first == 0 or where == WARM_UP:
        warm_up(monitor)
    say("ready")
    if where in PLACES:
        kill_in(*PLACES[where], seed, 0.01)
    never = threading.Event()
    while pace and first < TAGS:
        say(f"{first} {spike(monitor, first)}")
        first += 1
        never.wait(pace)
    never.wait()


if __name__ == "__main__":
    name, url, number, seconds, place, chance = sys.argv[1:]
    main(Path(name), url, int(number), float(seconds), place, int(chance))
