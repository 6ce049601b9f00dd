"""`python -m sensormon verify`: check journal, store and ledger of a stopped monitor."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from sensormon.cli.ledger import print_ledger
from sensormon.model.settings import Settings
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print notes and findings; 1 if anything was found, or the database could not be looked at.

    Raises UsageError, StoreError, JournalError.
    """
    if options.folder is not None:
        settings = of_folder(options.folder, settings)
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    for text in report.notes:
        print(f"note: {text}")
    for text in report.findings:
        print(f"found: {text}")
    if report.ledger is not None:
        print_ledger(report.ledger.to_dict())
    for text in report.unchecked:
        print(f"not checked: {text}")
    if report.findings:
        print(f"{len(report.findings)} findings")
    elif not report.unchecked:
        print("nothing lost, doubled or damaged")
    return 1 if report.findings or report.unchecked else 0


def of_folder(folder: Path, settings: Settings) -> Settings:
    """The settings for this data folder: a database in it is its own, otherwise it is SENSORMON_STORE's."""
    here = replace(settings, data_dir=folder, store="")
    same = settings.data_dir.resolve() == folder.resolve()
    return replace(here, store=settings.store) if same or not Path(here.store_url).exists() else here
