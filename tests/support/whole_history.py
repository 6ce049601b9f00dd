"""A history that has a row in every table of a store: readings, imports, acts, rejections, roll-ups."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.access.commands import this_user
from sensormon.access.roles import Role
from sensormon.exchange.import_log import ImportedFile
from sensormon.exchange.import_table import pieces, propose, read_file
from sensormon.model.clock import DAY, SECOND, ManualClock
from sensormon.model.jobs import Progress
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, batch_of
from tests.support.states import states_of

TAGS = """
[tags.valve]
label = "Valve"
states = ["closed", "open"]
simulated = false
"""


def add_states(table: Path) -> None:
    """Add a tag of states to this table."""
    table.write_text(table.read_text(encoding="utf-8") + TAGS, encoding="utf-8")


def killed_with_everything(settings: Settings, folder: Path) -> Settings:
    """A stopped monitor with something of everything, and one reading more in its journal than stored.

    Returns the settings that it ran with; `folder` is for files.
    """
    add_states(settings.tags)
    settings, clock = replace(settings, source="simulator"), ManualClock(START)
    monitor = Monitor(settings, clock)
    write_history(monitor, clock, folder)
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=clock.now()))
    monitor.parts.loader.close()
    monitor.parts.journal.close()
    monitor.parts.folder.release()
    return settings


def write_history(monitor: Monitor, clock: ManualClock, folder: Path) -> None:
    """Fill this monitor's store; `folder` is for the files that it imports."""
    monitor.source.backfill()
    monitor.submit(batch_of(("fermenter_ph", 7.0), *[("nobody", 1.0)] * 120, at=START - 200 * SECOND))
    monitor.submit(states_of(("valve", "open"), ("valve", "closed"), at=START))
    for number in range(2):
        _import(monitor, folder / f"{number}.csv", START - (200 + number) * DAY)
    monitor.drain()
    monitor.undoing.undo(1, "Bo", Progress())
    flagged = monitor.parts.store.readings.anomalies(None, 0, START + DAY)
    monitor.actions.record([int(flagged["id"].iloc[0])], "label", "Ana", label="true", note="ą␀ \u2028")
    note = monitor.parts.annotations.add("a note", "Ana", START - DAY, START, ["fermenter_ph"])
    monitor.parts.annotations.remove(note.id, "Bo")
    monitor.parts.access.accounts.add(this_user(), "Jana", Role.OPERATOR, "a long password")
    monitor.tuner.set_zscore({"window": 60, "threshold": 3.5}, "Ana", "a trial")
    monitor.drain()
    store = monitor.parts.store
    for due in store.retention.due(START - 100 * DAY, 1):
        store.retention.roll_up(due)
    clock.advance(1.0)


def _import(monitor: Monitor, path: Path, since: int) -> None:
    values = np.round(np.random.default_rng(1).normal(7, 0.02, 2_000), 3)
    values[90::100] = 8.6
    times = [pd.Timestamp(since + i * 30 * SECOND, unit="us") for i in range(len(values))]
    pd.DataFrame({"time": times, "fermenter_ph": values}).to_csv(path, index=False)
    table = read_file(path)
    columns = propose(table, monitor.tags)
    batches = pieces(table, columns, monitor.clock.now(), monitor.tags)
    for _ in monitor.importer.take(batches, ImportedFile(path.name, "Ana", ())):
        pass
