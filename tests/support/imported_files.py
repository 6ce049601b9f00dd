"""Files of two tags, and their import into a monitor that was not started."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.exchange.import_log import ImportedFile
from sensormon.exchange.import_table import pieces, propose, read_file
from sensormon.exchange.importer import Report
from sensormon.monitor.monitor import Monitor

SINCE = pd.Timestamp("2026-01-01")
"""The time of the first row."""


def file_of(path: Path, rows: int, first: int = 0, *, end: str = "\n", swapped: bool = False) -> Path:
    """A file of two tags, one row a minute; the same row always has the same values."""
    rng = np.random.default_rng(4)
    ph, temp = np.round(rng.normal(7, 0.02, 20_000), 3), np.round(rng.normal(37, 0.1, 20_000), 2)
    ph[90::100] = 8.6
    frame = pd.DataFrame(
        {
            "time": [str(SINCE + pd.Timedelta(minutes=i)) for i in range(first, rows)],
            "fermenter_ph": ph[first:rows],
            "fermenter_temp": temp[first:rows],
        }
    )
    frame = frame[["fermenter_temp", "time", "fermenter_ph"]] if swapped else frame
    path.write_bytes(frame.to_csv(index=False, lineterminator=end).encode())
    return path


def take(monitor: Monitor, path: Path, *, most: int = 1_000, tags: tuple[str, ...] = ()) -> Report:
    """Import this file, or its first `most` pieces."""
    table = read_file(path)
    columns = propose(table, monitor.tags)
    report = Report(table.sheet.word)
    batches = pieces(table, columns, monitor.clock.now(), monitor.tags)
    results = monitor.importer.take(batches, ImportedFile(path.name, "Ana", tags))
    for number, imported in enumerate(results, 1):
        report.add(imported)
        if number == most:
            break
    results.close()
    monitor.drain()
    return report
