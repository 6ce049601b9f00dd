"""`python -m sensormon ledger`: where every reading is, of a running or a stopped monitor."""

from __future__ import annotations

import argparse
import json
from typing import Any

from sensormon.model.clock import SystemClock
from sensormon.model.ledger import LedgerLine
from sensormon.model.settings import Settings
from sensormon.monitor.data_folder import holder_of, read_snapshot
from sensormon.monitor.offline import StoppedMonitor


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print the ledger; 1 if it does not balance. Raises UsageError, StoreError, JournalError."""
    if holder_of(settings.data_dir) is not None:
        snapshot = read_snapshot(settings.data_dir)
        counts: dict[str, Any] = snapshot["ledger"]
        age = (SystemClock().now() - int(snapshot["time"])) / 1e6
        title = f"as of {age:.1f} s ago, by the running monitor"
    else:
        stopped = StoppedMonitor(settings.data_dir, settings.store_url)
        with stopped.store() as store:
            counts = stopped.ledger(store).to_dict()
        title = "the monitor is stopped"
    if options.json:
        print(json.dumps(counts))
    else:
        print(f"{settings.data_dir}: {title}")
        print_ledger(counts)
    return 0 if counts["balanced"] else 1


def print_ledger(counts: dict[str, Any]) -> None:
    """Print a ledger in the format of `Ledger.to_dict`, as a table with one line per source."""
    names = [name for name in LedgerLine.__dataclass_fields__ if name != "source"] + ["difference"]
    rows = [*counts["sources"].items(), ("all", counts)]
    width = max(len(str(name)) for name, _ in rows)
    print(" " * width, *(f"{name.replace('_', ' '):>18}" for name in names))
    for name, row in rows:
        print(f"{name:<{width}}", *(f"{row[column]:>18,}" for column in names))
    if reasons := counts["reasons"]:
        print("rejected:", ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items())))
