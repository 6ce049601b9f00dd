"""A monitor that imports a file and undoes it, over and over, beside live readings, until it is killed.

`tests.monitor.test_import_kills` runs it. A third argument arms it: with `load`, `record` or `tags`
it kills itself somewhere in the middle of that step. Prints `imported` and `undone` as it goes.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from sensormon.exchange.import_log import ImportedFile
from sensormon.exchange.import_table import pieces, read_file
from sensormon.ingest import loader
from sensormon.ingest.collector import Collector
from sensormon.model.clock import SystemClock
from sensormon.model.imports import ImportState
from sensormon.model.jobs import Progress
from sensormon.model.settings import Settings
from sensormon.model.tag_file import TagFile
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.stores.duckdb_store import DuckDBStore
from sensormon.tables.columns import Columns
from tests.support.feeder import kill_in
from tests.support.plant import batch_of

STEPS = {
    "load": (DuckDBStore, "load", 0.03),
    "record": (Collector, "undo", 0.003),
    "tags": (TagFile, "save", 0.01),
}


def feed(monitor: Monitor) -> None:
    """Submit a reading whenever the clock has moved on."""
    pause = threading.Event()
    while True:
        monitor.submit(batch_of(("fermenter_ph", 7.0), at=monitor.clock.now(), source="live"))
        monitor.clock.wait(pause, 0.002)


def add_tag(monitor: Monitor, name: str) -> tuple[str, ...]:
    """Add this tag unless it is in the table; returns it if it was added."""
    draft = monitor.tag_file.read()
    if name in draft.tags:
        return ()
    monitor.tag_file.save(draft, TagTable([*draft.tags, Tag(name, "m")]), "Ana", ["added"])
    return (name,)


def main(folder: Path, seed: int, step: str) -> None:
    """Import and undo until killed."""
    if step:
        owner, method, within = STEPS[step]
        kill_in(owner, method, seed, within)
    loader.PACE = 0.02
    settings = Settings(data_dir=folder, source="none", tags=folder.parent / "tags.toml")
    monitor = Monitor(settings, SystemClock())
    monitor.start()
    threading.Thread(target=feed, args=(monitor,), daemon=True).start()
    table = read_file(folder.parent / "file.csv")
    columns = Columns("time", values={"level": "tank_level", "ph": "fermenter_ph"})
    while True:
        new = add_tag(monitor, "tank_level")
        results = monitor.importer.take(
            pieces(table, columns, monitor.clock.now()), ImportedFile("file.csv", "Ana", new)
        )
        for _ in results:
            pass
        say("imported")
        for entry in monitor.import_log.entries():
            if entry.state is ImportState.DONE:
                monitor.undoing.undo(entry.id, "Bo", Progress())
        say("undone")


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
