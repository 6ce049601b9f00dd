"""`python -m sensormon verify`: check journal, store and ledger of a stopped monitor."""

from __future__ import annotations

import argparse
from dataclasses import replace

from sensormon.cli.ledger import print_ledger
from sensormon.model.settings import Settings
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print notes and findings; 1 if anything was found. Raises UsageError, StoreError, JournalError."""
    if options.folder is not None:
        settings = replace(settings, data_dir=options.folder, store="")
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    for text in report.notes:
        print(f"note: {text}")
    for text in report.findings:
        print(f"found: {text}")
    if report.ledger is not None:
        print_ledger(report.ledger.to_dict())
    print("nothing lost, doubled or damaged" if not report.findings else f"{len(report.findings)} findings")
    return 1 if report.findings else 0
