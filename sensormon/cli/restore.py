"""`python -m sensormon restore FROM`: a back-up into an empty data folder and an empty store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sensormon.cli.copying import Ended, Printed, fill, make_private, report
from sensormon.exchange.backup_folder import KeptTables, Manifest, checked
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.durable_files import replace_file, sync_folder
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings, store_place
from sensormon.monitor.backing_up import ROLES, TAGS
from sensormon.monitor.data_folder import DataFolder


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("restore", help="put a back-up into an empty data folder and store")
    command.add_argument("source", metavar="FROM", type=Path, help="the folder of the back-up")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Check, restore, compare and report; 1 if the store differs then. Raises SensormonError and OSError."""
    make_private()
    source, progress, clock = options.source, Printed(), SystemClock()
    began = clock.now()
    manifest = checked(source, progress)
    _refuse_used(source, manifest, settings.data_dir)
    folder = DataFolder(settings.data_dir)
    try:
        moved = fill(KeptTables(source, manifest), settings.store_url, progress)
        if not moved.differing:
            for name in _kept(manifest):
                _put(source / name, settings.data_dir / _place(name))
    finally:
        folder.release()
    progress.clear()
    ended = Ended(str(source), store_place(settings.store_url), (clock.now() - began) / SECOND)
    code = report(moved, ended, options.json)
    if not code and not options.json:
        for name, setting in ((TAGS, "SENSORMON_TAGS"), (ROLES, "SENSORMON_ROLES")):
            if f"files/{name}" in manifest.files:
                print(
                    f"start it with {setting}={settings.data_dir / name}, or put that file where it belongs"
                )
    return code


def _kept(manifest: Manifest) -> list[str]:
    """The files of the back-up that go into the data folder, the journal's last."""
    return sorted(name for name in manifest.files if not name.startswith("store/"))


def _place(name: str) -> Path:
    return Path(name.removeprefix("files/"))


def _refuse_used(source: Path, manifest: Manifest, folder: Path) -> None:
    """Raise UsageError if the data folder has a file that differs from the one to be put there."""
    journal = folder / "journal"
    others = [path for path in journal.glob("*.seg") if f"journal/{path.name}" not in manifest.files]
    for name in _kept(manifest):
        path = folder / _place(name)
        if path.exists() and path.read_bytes() != (source / name).read_bytes():
            others.append(path)
    if others:
        raise UsageError(
            "the data folder is not empty",
            where=str(others[0]),
            hint="Set SENSORMON_DATA_DIR to a new folder",
        )


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    replace_file(target, source.read_bytes(), mode=0o600)
    sync_folder(target.parent.parent)
